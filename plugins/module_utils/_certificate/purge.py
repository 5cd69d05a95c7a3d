# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A purge on a POSIX host: what ``est_certificates`` has made and that is not declared any more goes.

What is removed is what was put there, to the octet: the certificate by its note, the key by its digest, the files of
the chain by what the note keeps of it, PKCS#12 by its digest. Where something else is in the place of certificate or
key, all of that certificate stays. No link is followed, but for the one that a versioned folder is.

The note goes last. A run that is killed leaves it, and with it the next run knows what is ours and goes on.
"""

from __future__ import annotations

import os
import posixpath
from abc import ABC, abstractmethod
from typing import Any, Dict, Hashable, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from .._files.lock import locked
from .._files.paths import in_words
from .._names.pem import pem_text, read_blocks
from .._value import Value
from ..est.base.errors import InputError
from ..est.x509.certificate import fingerprint_of
from ..est.x509.client_certificate import ClientCertificate
from ..est.x509.pair_files import ROOM, Place
from ..est.x509.pair_reading import MAX_OCTETS, NEXT, OLD, PART, PART_VERSION, without_key
from ..est.x509.pair_versions import PairVersions
from .look import NOTE, PENDING
from .note import Issued, Note
from .outputs import PKCS12_PATH
from .posix_holder import BACKUP, KEPT, UNUSABLE
from .record import Made, known_record, update_record
from .sealed import is_noted_pkcs12

#: What a purge did with a certificate.
REMOVED, LEFT_ALONE, FAILED = "removed", "kept", "failed"
_KEY = "private_key_path"
#: What lies beside the files, and is of no use without them. The note is not among it.
_BESIDE = (NEXT, PART, OLD, ROOM, PENDING, UNUSABLE)


class Purged(Value):
    """What became of a certificate that is not declared any more.

    :param files: those that were removed, or would be in check mode.
    :param left: those that stay: what is not ours, and what was kept of files that others have replaced.
    :param reason: why all of it stays; empty where it does not.
    :param known: whether it is noted further on.
    :param action: ``REMOVED``, ``LEFT_ALONE`` or ``FAILED``.
    """

    certificate_path: str
    files: Tuple[str, ...] = ()
    left: Tuple[str, ...] = ()
    reason: str = ""
    known: bool = False
    action: str = REMOVED

    def as_result(self) -> Dict[str, Any]:
        """What the result says of it."""
        told = {"certificate_path": self.certificate_path, "action": self.action, "files": list(self.files)}
        return {**told, "left": list(self.left), **({"reason": self.reason} if self.reason else {})}


def _alone(made: Made, left: Sequence[str], reason: str, *, known: bool = True) -> Purged:
    return Purged(made.certificate_path, (), tuple(left), reason, known, LEFT_ALONE)


def purge(
    store_path: str, declared: Sequence[Made], keep: Sequence[str], folders: Iterable[str], *, check: bool
) -> List[Purged]:
    """Remove what is noted and not declared, and note what is declared.

    :param declared: the certificates that the host is to have.
    :param keep: paths of certificates that are left alone; see ``is_protected()``.
    :param folders: folders with the certificates of identities, in which nothing is touched.
    :param check: only say what would be done.
    :raises StoreError: what is noted cannot be read or written.
    """
    record = known_record(store_path) if check else update_record(store_path, declared)
    staying = [*declared, *record.protected(keep)]
    taken = Taken(staying, folders)
    found = [_purged(made, taken, check) for made in record.undeclared(declared, keep)]
    if not check:
        update_record(store_path, gone=[each.certificate_path for each in found if not each.known])
    # Where nothing of it was there any more, a run that was killed had told of it, or somebody has removed it.
    return [each for each in found if each.files or each.reason]


class Taken:
    """The files of what is declared, or protected by its name, however their paths lead to them."""

    def __init__(self, staying: Sequence[Made], folders: Iterable[str]) -> None:
        self._files = _places_of(path for made in staying for path in made.paths)
        self._certificates = _places_of(made.certificate_path for made in staying)
        self._folders = {_folder(path) for path in folders}

    def has(self, path: str) -> bool:
        """Say whether a file is one of them."""
        return _place(path) in self._files

    def has_certificate(self, path: str) -> bool:
        """Say whether a file is the certificate itself of one of them, which another path leads to."""
        return _place(path) in self._certificates

    def has_folder_of(self, path: str) -> bool:
        """Say whether a file is in a folder of identities."""
        return _folder(posixpath.dirname(path)) in self._folders

    def is_below(self, folder: str) -> bool:
        """Say whether one of them is in a folder."""
        return _folder(folder) in {above for above, _name in self._files}


def _places_of(paths: Iterable[str]) -> Set[Tuple[Hashable, str]]:
    return {_place(name) for path in paths for name in (path, os.path.realpath(path))}


def _place(path: str) -> Tuple[Hashable, str]:
    """The folder of a file, which may be a link, and its name there."""
    return _folder(posixpath.dirname(path)), posixpath.basename(path)


def _folder(path: str) -> Hashable:
    """What tells a folder from every other, by links and by whatever else is mounted twice; its path where it is not
    there."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return status.st_dev, status.st_ino


def _purged(made: Made, taken: Taken, check: bool) -> Purged:
    if taken.has_certificate(made.certificate_path):
        return Purged(made.certificate_path)  # it is noted by its other path, and what lies beside it is still needed
    if any(map(taken.has_folder_of, made.paths)):
        return _alone(made, made.paths, "the certificates of identities are in its folder now")
    files: Optional[_Files] = None
    try:
        files = _Version(made, taken) if made.versioned else _Pair(made, taken)
        if check or not files.home.exists:
            return files.purged(check=True)
        with locked(files.home.folder):
            return files.purged(check=False)
    except OSError as error:
        gone = () if files is None else tuple(files.removed)
        left = tuple(path for path in made.paths if path not in gone)
        return Purged(made.certificate_path, gone, left, in_words(error), True, FAILED)
    except InputError as error:
        return _alone(made, made.paths, error.reason)


class _Files(ABC):
    """The files of a certificate that is not declared any more.

    :ivar home: the place beside which the note is.
    :ivar removed: the paths of what was removed so far.
    """

    home: Place

    def __init__(self, made: Made) -> None:
        self.removed: List[str] = []
        self._made = made
        self._issued: Mapping[str, Issued] = {}

    def purged(self, *, check: bool) -> Purged:
        """Look at all files, and remove what is ours; the lock is held, unless it is only looked.

        :raises OSError: one cannot be read or removed.
        """
        note = Note.from_text((self.home.read(NOTE).content or b"").decode("latin-1"))
        self._issued = {name: each for name, each in note.issued.items() if each.digest}
        there = self._there()
        if there and not self._issued:
            return _alone(self._made, tuple(there), "est_certificates has not issued what is there", known=False)
        strange = [path for path, option in there.items() if not self._is_ours(option, path)]
        why = self._why_all_stays(there, strange)
        if why:
            return _alone(self._made, tuple(there), why)
        ours = tuple(path for path in there if path not in strange)
        # What a run that was killed had not come to is all that there is then, or a request that waits.
        files = ours or tuple(self._beside() if self.home.exists else ())
        left = (*strange, *self._kept())
        if not check:
            self._remove(ours)
        return Purged(self._made.certificate_path, files, left)

    @abstractmethod
    def _there(self) -> Dict[str, str]:
        """The files that are there and of no declared certificate: the option of each path, the certificate last."""

    @abstractmethod
    def _text(self, path: str) -> str:
        """What is in a file; each octet is a character.

        :raises OSError: it is none, or a link.
        """

    def _why_all_stays(self, there: Mapping[str, str], strange: Sequence[str]) -> str:
        pair = [path for path in strange if there[path] in ("certificate_path", _KEY)]
        return f"{pair[0]} is not what est_certificates has put there" if pair else ""

    @abstractmethod
    def _kept(self) -> List[str]:
        """What was kept of files that others have replaced; it stays."""

    @abstractmethod
    def _beside(self) -> List[str]:
        """The paths of what goes with the files; there is a home."""

    @abstractmethod
    def _remove(self, paths: Sequence[str]) -> None:
        """Remove the files, what goes with them, and the note at the end.

        :raises OSError: one cannot be removed.
        """

    def _is_ours(self, option: str, path: str) -> bool:
        try:
            text = self._text(path)
        except OSError:
            return False
        issued = self._issued.values()
        if option == PKCS12_PATH:
            return any(is_noted_pkcs12(each.sealed, text) for each in issued)
        if option == "chain_path":
            return any(each.chain is not None and each.chain.intermediates == text for each in issued)
        if option == "root_certificate_path":
            return any(each.chain is not None and bool(text) and each.chain.root == text for each in issued)
        keys = {each.key_sha256 for each in issued if each.key_sha256 and not each.key_of_others}
        rest, key = without_key(text)
        if option == _KEY:
            return not rest.strip() and key in keys
        first = next(iter(read_blocks(rest)), None)
        noted = self._issued.get(fingerprint_of(first.content)) if first is not None else None
        if first is None or noted is None or (key and key not in keys):
            return False
        above = noted.chain.intermediates if option == "fullchain_path" and noted.chain is not None else ""
        return rest == pem_text(first.content) + above


class _Pair(_Files):
    def __init__(self, made: Made, taken: Taken) -> None:
        super().__init__(made)
        # A link is not followed: whatever it leads to was there before, or is somebody else's.
        named = [(path, option) for option, path in made.files if not taken.has(path)]
        own = [] if taken.has(made.certificate_path) else [(made.certificate_path, "certificate_path")]
        self._options = dict([*named, *own])
        self._places = {path: Place(path, follow=False) for path in self._options}
        # Where a declared certificate has its file now, the note beside it is that of this one all the same.
        self.home = self._places.get(made.certificate_path) or Place(made.certificate_path, follow=False)

    def _there(self) -> Dict[str, str]:
        return {path: self._options[path] for path, place in self._places.items() if place.has()}

    def _text(self, path: str) -> str:
        return (self._places[path].read().content or b"").decode("latin-1")

    def _all_places(self) -> List[Place]:
        return [place for place in self._places.values() if place.exists]

    def _kept(self) -> List[str]:
        return _names_of_kinds(self._all_places(), (KEPT, BACKUP))

    def _beside(self) -> List[str]:
        beside = [(place, kind) for place in self._all_places() for kind in _BESIDE]
        return [
            place.folder.path_of(place.beside(kind)) for place, kind in (*beside, (self.home, NOTE)) if place.has(kind)
        ]

    def _remove(self, paths: Sequence[str]) -> None:
        for path in paths:
            self._places[path].folder.unlink(self._places[path].name)
            self.removed.append(path)
        for place in self._all_places():
            for kind in _BESIDE:
                place.folder.unlink(place.beside(kind))
            place.folder.sync()
        self.home.folder.unlink(self.home.beside(NOTE))


class _Version(_Files):
    def __init__(self, made: Made, taken: Taken) -> None:
        super().__init__(made)
        others = [path for _option, path in made.files if path != made.certificate_path]
        self._pair = PairVersions(ClientCertificate(made.certificate_path), others)
        self._folder = posixpath.dirname(made.certificate_path)
        self._of_declared = taken.is_below(self._folder)
        self.home = self._pair.home

    def _there(self) -> Dict[str, str]:
        if not self._pair.certificate.exists:
            return {}
        options = {os.path.basename(path): option for option, path in self._made.files}
        options[os.path.basename(self._made.certificate_path)] = "certificate_path"
        names = sorted(self._pair.certificate.folder.names(), key=lambda name: options.get(name) == "certificate_path")
        return {posixpath.join(self._folder, name): options.get(name, "") for name in names}

    def _text(self, path: str) -> str:
        place = self._pair.certificate
        found = place.folder.read(os.path.basename(path), MAX_OCTETS)
        if found.problem:
            raise OSError(found.problem)
        return (found.content or b"").decode("latin-1")

    def _is_ours(self, option: str, path: str) -> bool:
        return bool(option) and super()._is_ours(option, path)

    def _why_all_stays(self, there: Mapping[str, str], strange: Sequence[str]) -> str:
        if self._of_declared:
            return f"files of a certificate that is declared are in {self._folder}"
        return f"{strange[0]} is not what est_certificates has put there" if strange else ""

    def _kept(self) -> List[str]:
        return _names_of_kinds([self.home] if self.home.exists else [], (KEPT, BACKUP))

    def _beside(self) -> List[str]:
        names = [self.home.beside(kind) for kind in (*_BESIDE, PART_VERSION, NOTE) if self.home.has(kind)]
        return list(map(self.home.folder.path_of, [*sorted(self._pair.versions()), *names]))

    def _remove(self, paths: Sequence[str]) -> None:
        folder, home = self.home.folder, self.home
        if self._pair.version():
            folder.unlink(home.name)  # all files are gone in this one step
            self.removed.extend(paths)
        folder.sync()
        for name in (*self._pair.versions(), *(home.beside(kind) for kind in (*_BESIDE, PART_VERSION))):
            folder.remove(name)
        folder.unlink(home.beside(NOTE))


def _names_of_kinds(places: Iterable[Place], kinds: Sequence[str]) -> List[str]:
    """The paths of our own files beside places, whose kind is followed by a time."""
    found: Dict[str, None] = {}
    for place in places:
        beginnings = tuple(place.beside(kind) for kind in kinds)
        found.update((place.folder.path_of(name), None) for name in place.folder.names() if name.startswith(beginnings))
    return sorted(found)
