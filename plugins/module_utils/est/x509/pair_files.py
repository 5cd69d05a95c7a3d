# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate and its key in files of a POSIX host, of which a new pair takes the place of an old one.

A web server or a TLS client has the paths of the files in its configuration, so they must stay what they are, and no
file system replaces two files in one step. What is done instead:

1. The new key is written beside the old one, as ``<path>.next``; then so is the chain, where it has a file of its own;
   the certificate comes last. Each is on the disk before the next one begins.
2. That ``<certificate>.next`` is there says that the new pair is complete. From now on it counts.
3. The files are renamed into place in the same order: key, chain, certificate.

A run that is killed before step 2 leaves the old pair as it was, and one that is killed later leaves a complete new
pair: ``read_pair()`` and ``replace_pair()`` begin with finishing the one and removing what is left of the other.
So no key is ever lost whose certificate was issued. Between two of the renames, for microseconds, another program can
see the new key with the old certificate; where even that is too much, keep both in one file, which is one rename.

A folder with both files and a symbolic link to it that is moved over would be one step too, but it would take away the
administrator's choice of paths, which often lie in two folders with different access rights.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, List, Optional, Sequence, Tuple

from ..._files.folder import File, Folder
from ..._files.lock import is_locked, locked
from ..._files.paths import in_words, locate
from ..._value import Value, field
from ..base.errors import EstError, InputError
from .certificate import pem
from .client_certificate import ClientCertificate, private_key_block
from .keys import load_private_key, private_key_pem, same_public_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from .fields import Certificate

#: What a new file is called until it takes the place of the old one.
_NEXT = ".next"
#: A file of which not everything is written yet.
_PART = ".next.part"
#: Octets; a larger file is none of a certificate.
_MAX_OCTETS = 1024 * 1024


class Texts(Value):
    """What is in the files of a pair.

    :param certificate: the text of its file, or None where there is none; so are the next two.
    :param key: the same one, where they share a file.
    :param chain: None as well where it has no file of its own.
    :param finished: whether a run that was killed had a pair complete and did not put it in place. It is this one.
    """

    certificate: Optional[str]
    key: Optional[str] = field(repr=False)
    chain: Optional[str]
    finished: bool = False


class Place:
    """Where a file is: its folder, which is opened once and stays open, and its name there.

    :param path: links to the file are followed now, and never again: they stay, and what they lead to is replaced.
    :raises OSError: the folder may not be opened, or somebody else's link is on the way. A missing one is no
        error yet.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._folder: Optional[Folder] = None
        self.name = os.path.basename(path)
        try:
            self._folder, self.name = locate(path)
        except FileNotFoundError:
            pass

    @property
    def exists(self) -> bool:
        """Whether there is a folder."""
        return self._folder is not None

    @property
    def folder(self) -> Folder:
        """The folder.

        :raises FileNotFoundError: there is none.
        """
        if self._folder is None:
            raise FileNotFoundError(
                errno.ENOENT, os.strerror(errno.ENOENT), os.path.dirname(os.path.realpath(self.path))
            )
        return self._folder

    def has(self, suffix: str = "") -> bool:
        """Say whether there is something at the place, or beside it with a suffix."""
        return self._folder is not None and self._folder.look(self.name + suffix) is not None

    def read(self, suffix: str = "") -> File:
        """Read the file, or the one with a suffix.

        :raises OSError: it cannot be read.
        """
        if self._folder is None:
            return File()
        found = self._folder.read(self.name + suffix, _MAX_OCTETS)
        if found.is_folder:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self.path)
        if found.problem:
            raise OSError(errno.EINVAL, found.problem, self.path)
        return found

    def is_at(self, other: Place) -> bool:
        """Say whether it is the same as another place."""
        if not self.exists or not other.exists:
            return os.path.realpath(self.path) == os.path.realpath(other.path)
        return self.name == other.name and os.path.samestat(self.folder.status, other.folder.status)


class PairFiles:
    """The files of a pair. Nobody else who uses this class is at them while it changes or finishes something.

    :param files: the paths, which need not exist yet; the passphrase is that of a new key.
    :raises OSError: see ``Place``.
    """

    def __init__(self, files: ClientCertificate) -> None:
        self._passphrase = files.passphrase
        self.certificate = Place(files.certificate_path)
        self.key = Place(files.key_path) if files.key_path else self.certificate
        self.chain = Place(files.chain_path) if files.chain_path else None
        if self.key.is_at(self.certificate):
            self.key = self.certificate
        #: All places, in the order in which the files are replaced.
        self.places = [place for place in (self.key, self.chain) if place not in (None, self.certificate)]
        self.places.append(self.certificate)

    def read(self, *, check: bool = False) -> Texts:
        """Read the files. What a run that was killed had complete is put in place, and what else it left is removed.

        Where nothing is left, nothing is written, and no lock is taken.

        :param check: change nothing: read the pair that would be put in place.
        :raises OSError: a file cannot be looked at, or put in place.
        """
        if not self._is_left():
            files = [place.read() for place in self.places]
            if not self._is_left() and all(
                file.same_as(place.folder.look(place.name) if place.exists else None)
                for file, place in zip(files, self.places)
            ):
                return self._texts(dict(zip(self.places, files)), finished=False)
        with locked(self.certificate.folder, looking=check or not self._has_left_files()):
            finished = self.certificate.has(_NEXT) if check else self._recover()
            ahead = check and finished
            files = [place.read(_NEXT if ahead and place.has(_NEXT) else "") for place in self.places]
            return self._texts(dict(zip(self.places, files)), finished=finished)

    def _texts(self, files: dict[Place, File], *, finished: bool) -> Texts:
        def text(place: Optional[Place]) -> Optional[str]:
            content = files[place].content if place is not None else None
            return None if content is None else content.decode("latin-1")

        return Texts(text(self.certificate), text(self.key), text(self.chain), finished)

    def replace(self, certificates: Sequence[Certificate], key: Optional[PrivateKeyTypes] = None) -> None:
        """Put a new certificate, and a new key where there is one, in place of those on disk (requirement 83).

        A file that replaces another gets its owner and mode. A new key file is 0600, other new files 0644. A key is
        encrypted with the passphrase, where there is one.

        :param certificates: the certificate, then its intermediates.
        :param key: the new key; None where the certificate was renewed for the old one, which then stays as it is.
        :raises InputError: the key is not that of the certificate; nothing has been changed.
        :raises EstError: at stage ``save``: something could not be written. Either pair is complete then; the next use
            of this class sees to it that it is the one on disk.
        """
        try:
            with locked(self.certificate.folder):
                self._recover()
                contents = self._new_contents(certificates, key)
                for place, text, private in contents:
                    # Complete and on the disk beside the old file, with its owner and mode.
                    place.folder.write(
                        place.name + _NEXT,
                        text.encode("ascii"),
                        part=place.name + _PART,
                        mode=0o600 if private else 0o644,
                        like=place.name,
                    )
                self._take_over([place for place, _text, _private in contents])
        except OSError as error:
            raise _not_saved(error) from None

    def _new_contents(
        self, certificates: Sequence[Certificate], key: Optional[PrivateKeyTypes]
    ) -> List[Tuple[Place, str, bool]]:
        """Return place, text, and whether it is private, of each file to write; the certificate comes last."""
        if key is not None:
            key_text = private_key_pem(key, self._passphrase).decode("ascii")
        else:
            key_text = private_key_block((self.key.read().content or b"").decode("latin-1"))
        # What is about to be written is looked at, not what was meant to be.
        if not same_public_key(load_private_key(key_text.encode("ascii"), self._passphrase), certificates[0]):
            raise InputError(
                "the new certificate does not belong to its private key, so neither was saved",
                code="wrong_key",
                hint="The old certificate and key are still in place. Look at the log of the EST server.",
            )
        texts = [pem(certificate) for certificate in certificates]
        contents = []
        own_key_file = self.key is not self.certificate
        if own_key_file and key is not None:
            contents.append((self.key, key_text, True))
        if self.chain is not None:
            contents.append((self.chain, "".join(texts[1:]), False))
        text = "".join(texts if self.chain is None else texts[:1]) + ("" if own_key_file else key_text)
        contents.append((self.certificate, text, not own_key_file))
        return contents

    def _is_left(self) -> bool:
        """Say whether a run is at the files, or was killed while it was."""
        return (self.certificate.exists and is_locked(self.certificate.folder)) or self._has_left_files()

    def _has_left_files(self) -> bool:
        return any(place.has(suffix) for place in self.places for suffix in (_NEXT, _PART))

    def _recover(self) -> bool:
        """Finish what a run that was killed had begun, and say so, or remove what is left of it."""
        there = [place for place in self.places if place.exists]
        for place in there:
            place.folder.unlink(place.name + _PART)
        if self.certificate.has(_NEXT):
            self._take_over([place for place in there if place.has(_NEXT)])
            return True
        for place in there:
            place.folder.unlink(place.name + _NEXT)
        return False

    @staticmethod
    def _take_over(places: Sequence[Place]) -> None:
        for place in places:
            place.folder.rename(place.name + _NEXT, place.name)
            # The order of renames is only kept over a power failure where each is on the disk before the next.
            place.folder.sync()


def read_pair(files: ClientCertificate) -> Tuple[str, str]:
    """Return the texts of the file of the certificate and of that of the key (the same one, where they share a file).

    :param files: paths; ``passphrase`` is not used.
    :raises InputError: a file cannot be read.
    """
    try:
        texts = PairFiles(files).read()
        for path, text in ((files.certificate_path, texts.certificate), (files.key_path, texts.key)):
            if text is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    except OSError as error:
        raise InputError(
            f"the certificate and key of this host cannot be read: {in_words(error)}",
            code="unreadable_file",
            hint="Give the paths of PEM files that are on this host and that this user may read.",
        ) from None
    return texts.certificate or "", texts.key or ""


def replace_pair(
    files: ClientCertificate, certificates: Sequence[Certificate], key: Optional[PrivateKeyTypes] = None
) -> None:
    """Put a new certificate, and a new key where there is one, in place of those on disk: see ``PairFiles.replace``."""
    try:
        pair = PairFiles(files)
    except OSError as error:
        raise _not_saved(error) from None
    pair.replace(certificates, key)


def _not_saved(error: OSError) -> EstError:
    return EstError(
        f"the new certificate cannot be saved: {in_words(error)}",
        stage="save",
        code="not_saved",
        hint="Make room or correct access rights and run again: a pair that was complete is put in place then.",
        request_received="yes",
    )
