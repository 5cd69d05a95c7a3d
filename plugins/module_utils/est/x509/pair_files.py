# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate and its key in files of a POSIX host, of which a new pair takes the place of an old one.

A web server or a TLS client has the paths of the files in its configuration, so they must stay what they are, and no
file system replaces two files in one step. What is done instead:

1. The new key is written beside the old one, as ``.<name>.est-next``; then so is each file that goes along with the
   pair, such as one of the chain; the certificate comes last. Each is on the disk before the next one begins.
2. That the certificate is there under that name says that the new pair is complete. From now on it counts.
3. The files are renamed into place in the same order: key, others, certificate.

A run that is killed before step 2 leaves the old pair as it was, and one that is killed later leaves a complete new
pair: ``read_pair()`` and ``replace_pair()`` begin with finishing the one and removing what is left of the other.
So no key is ever lost whose certificate was issued. Between two of the renames, for as long as one takes, another
program can see the new key with the old certificate; where even that is too much, keep both in one file, which is one
rename, or all of them in one folder that is replaced as a whole: ``pair_versions.py``.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import TYPE_CHECKING, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from ..._files.attributes import Attributes
from ..._files.folder import Folder
from ..._files.lock import LOCK_SECONDS, locked
from ..._files.paths import in_words, is_mount_point
from ..._files.reading import File
from ..._value import Value, field
from ..base.errors import EstError, InputError
from .bundle import load_pem_certificates
from .certificate import pem
from .client_certificate import ClientCertificate, private_key_block
from .keys import is_encrypted, load_private_key, private_key_pem, same_public_key
from .pair_reading import NEXT, OLD, PART, ReadablePair, ReadablePlace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from .fields import Certificate

#: A file that keeps room on the disk while a CA is asked, and the octets that each file may need, with its note.
ROOM, ROOM_OCTETS = "room", 32 * 1024


class Texts(Value):
    """What is in the files of a pair. Each octet of a file is a character.

    :param certificate: the text of its file, or None where there is none; so are the next two.
    :param key: the same one, where they share a file.
    :param others: those of the files that go along with the pair, by path.
    :param finished: whether a run that was killed had a pair complete and did not put it in place. It is this one.
    :param tidied: whether a run that was killed left files of a pair that was not complete. They are removed.
    """

    certificate: Optional[str]
    key: Optional[str] = field(repr=False)
    others: Mapping[str, Optional[str]] = field(default_factory=dict)
    finished: bool = False
    tidied: bool = False


class Place(ReadablePlace):
    """A place at which a file can be changed."""

    kind = Folder

    @property
    def folder(self) -> Folder:
        """See ``ReadablePlace.folder``."""
        folder = super().folder
        if not isinstance(folder, Folder):
            raise AssertionError("kind says what it is")
        return folder


#: Place and text of a file to write.
Content = Tuple[Place, str]


class Situation(Value):
    """What a look at the names in the folders of a pair tells. Two that are equal: nothing has changed between.

    :param left: what a run that was killed has left, or one that is at work has made, and that is to go.
    :param finished: whether it is a whole pair, which counts.
    :param version: the folder that counts, where files are replaced in whole folders.
    """

    left: Tuple[object, ...]
    finished: bool
    version: str = ""


class PairFiles(ReadablePair):
    """The files of a pair. Nobody else who uses this class is at them while it changes or finishes something.

    :param files: the paths, which need not exist yet; the passphrase is that of a new key. Where ``chain_path`` is
        given, intermediates go into that file, and else into that of the certificate.
    :param others: paths of files that go along with the pair. All are files of their own.
    :param private: those of them that have the key in them too.
    :param attributes: what all files are to have; the mode is that of the files with the key in them.
    :raises OSError: see ``ReadablePlace``.
    """

    place = Place
    certificate: Place
    key: Place
    others: Mapping[str, Place]
    places: Sequence[Place]

    def __init__(
        self,
        files: ClientCertificate,
        others: Sequence[str] = (),
        *,
        private: Collection[str] = (),
        attributes: Optional[Attributes] = None,
    ) -> None:
        self._passphrase = files.passphrase
        self._private = private
        self._wanted = attributes
        self._chain_path = files.chain_path
        chain = (files.chain_path,) if files.chain_path else ()
        super().__init__(files.certificate_path, files.key_path, (*chain, *others))

    @property
    def home(self) -> Place:
        """See ``ReadablePair.home``."""
        return self.certificate

    @property
    def key_home(self) -> Place:
        """See ``ReadablePair.key_home``."""
        return self.key

    def targets(self, others: Optional[Sequence[str]] = None) -> Sequence[Place]:
        """The places at which something is replaced: of all files, or where only those of these paths are mended."""
        return self.places if others is None else [self.at(path) for path in others]

    def at(self, path: str) -> Place:
        """See ``ReadablePair.at()``."""
        return self.others.get(path) or (self.certificate if path == self.certificate.path else self.key)

    def is_private(self, place: Place) -> bool:
        """Say whether the key is in the file at a place."""
        return place is self.key or place.path in self._private

    def attributes(self, place: Place) -> Optional[Attributes]:
        """What the file at a place is to have, whatever that has which it replaces."""
        return None if self._wanted is None else self._wanted.of_file(self.is_private(place))

    def folders(self, place: Place) -> Sequence[Folder]:
        """The folders in which the files of a target can be replaced."""
        return [place.folder]

    def obstacle(self, place: Place) -> str:
        """Say why what is at a target could not be replaced; an empty string where it could, or nobody can tell."""
        status = place.look()
        if status is not None and stat.S_ISDIR(status.st_mode):
            return f"{place.path} is a folder"
        if is_mount_point(place.folder.path_of(place.name)):
            return f"{place.path} is a mount point, and no file can take its place: mount the folder in its stead"
        return ""

    def keep(self, place: Place, kind: str) -> str:
        """Keep the file at a place under another name, made of ``kind`` and the time, when another replaces it.

        :returns: the path of what is kept.
        :raises OSError: that cannot be done.
        """
        return place.folder.path_of(place.folder.keep_aside(place.name, place.beside(kind)))

    def read(self, *, check: bool = False) -> Texts:
        """Read the files. What a run that was killed had complete is put in place, and what else it left is removed.

        Where nothing is left, nothing is written, and no lock is taken.

        :param check: change nothing: read the pair that would be put in place.
        :raises OSError: a file cannot be looked at, or put in place.
        """
        if check:
            return self._read_only()
        if not self._is_left():
            texts, stayed = self._look()
            if stayed and not self._is_left():
                return texts
        with locked(self.home.folder, looking=not self._situation().left):
            left = bool(self._situation().left)
            finished = self._recover()
            return self._look()[0].replace(finished=finished, tidied=left and not finished)

    def _read_only(self) -> Texts:
        """Read what counts, and take no lock, which would be a file: look again where a run was at the files."""
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            texts, stayed = self._look()
            if stayed or time.monotonic() > deadline:
                return texts
            time.sleep(0.01)

    def _look(self) -> Tuple[Texts, bool]:
        """Return what counts now, and whether it still did when all of it was read."""
        before = self._situation()
        kinds = self._kinds(before)
        files = {place: place.read(kind) for place, kind in kinds.items()}
        stayed = before == self._situation() and all(
            file.same_as(place.look(kinds[place])) for place, file in files.items()
        )
        texts = Texts(
            _text(files[self.certificate]),
            _text(files[self.key]),
            {path: _text(files[place]) for path, place in self.others.items()},
            before.finished,
            bool(before.left) and not before.finished,
        )
        return texts, stayed

    def _kinds(self, situation: Situation) -> Mapping[Place, str]:
        """The place of each file that counts, and which of the files beside it that is."""
        return {place: NEXT if situation.finished and (place, NEXT) in situation.left else "" for place in self.places}

    def replace(
        self,
        certificates: Sequence[Certificate],
        key: Optional[str] = None,
        others: Optional[Mapping[str, str]] = None,
    ) -> None:
        """Put a new certificate, and a new key where there is one, in place of those on disk (requirement 83).

        A file that replaces another gets its owner and mode. A new file with the key in it is 0600, another new file
        0644. The attributes count before either.

        :param certificates: the certificate, then its intermediates.
        :param key: the new key, PEM, which the passphrase opens where it is encrypted; None where the certificate was
            renewed for the old one, which then stays as it is.
        :param others: the texts of files that go along with the pair, by path; one that is left out stays as it is.
        :raises InputError: the key is not that of the certificate; nothing has been changed.
        :raises EstError: at stage ``save``: something could not be written. Either pair is complete then; the next use
            of this class sees to it that it is the one on disk.
        """
        try:
            with locked(self.home.folder):
                self.release()
                self._recover()
                self._put(self._new_contents(certificates, key, dict(others or {})))
        except OSError as error:
            raise _not_saved(error) from None

    def _put(self, contents: Sequence[Content]) -> None:
        """Replace files, in this order."""
        for place, text in contents:
            self._write(place, NEXT, text)  # complete and on the disk beside the old file
        self._take_over([place for place, _content in contents])

    def _write(self, place: Place, kind: str, text: str) -> None:
        """Write a file at a place, or where a kind is given beside it, with owner and mode of the one at the place."""
        place.folder.write(
            place.beside(kind) if kind else place.name,
            text.encode("latin-1"),
            part=place.beside(PART),
            mode=mode_of_new(self.is_private(place)),
            like=place.name,
            attributes=self.attributes(place),
        )

    def reserve(self) -> None:
        """Keep room on the disk for a new pair: once a CA has issued a certificate, it is too late to find out.

        :raises OSError: there is none.
        """
        for place in self.places:
            place.folder.reserve(place.beside(ROOM), ROOM_OCTETS)

    def release(self) -> None:
        """Give back the room that was kept, or that a killed run left so."""
        for place in self.places:
            if place.exists:
                place.folder.unlink(place.beside(ROOM))

    def mend(self, texts: Mapping[str, str]) -> None:
        """Put single files in place: certificate and key stay the same ones, whatever becomes of each file.

        :param texts: by path; for owner and mode see ``replace()``.
        :raises OSError: one cannot be written; it is as it was then.
        """
        with locked(self.home.folder):
            for path, text in texts.items():
                self._write(self.at(path), "", text)

    def _new_contents(
        self, certificates: Sequence[Certificate], key: Optional[str], others: Dict[str, str]
    ) -> List[Content]:
        """Return place and text of each file to write; the certificate comes last."""
        key_text = key if key is not None else private_key_block((self.key.read().content or b"").decode("latin-1"))
        # What is about to be written is looked at, not what was meant to be.
        if not same_public_key(self._loaded(key_text), certificates[0]):
            raise InputError(
                "the new certificate does not belong to its private key, so neither was saved",
                code="wrong_key",
                hint="The old certificate and key are still in place. Look at the log of the EST server.",
            )
        texts = [pem(certificate) for certificate in certificates]
        own_key_file = self.key is not self.certificate
        if self._chain_path is not None:
            others[self._chain_path] = "".join(texts[1:])
            del texts[1:]
        contents = [(self.others[path], text) for path, text in others.items()]
        if own_key_file and key is not None:
            contents.append((self.key, key_text))
        contents.append((self.certificate, "".join(texts) + ("" if own_key_file else key_text)))
        return contents

    def _is_left(self) -> bool:
        """Say whether a run is at the files, or was killed while it was."""
        return self.is_locked() or bool(self._situation().left)

    def _situation(self) -> Situation:
        """Look what there is beside the files."""
        left = self.left()
        return Situation(left, self._is_complete(left))

    def _recover(self) -> bool:
        """Finish what a run that was killed had begun, and say so, or remove what is left of it."""
        there = [place for place in self.places if place.exists]
        for place in there:
            place.folder.unlink(place.beside(PART))
        if self._situation().finished:
            self._take_over([place for place in there if place.has(NEXT)])
            return True
        for place in there:
            place.folder.unlink(place.beside(NEXT))
            place.folder.unlink(place.beside(OLD))
        return False

    def _is_complete(self, left: Sequence[object]) -> bool:
        """Say whether what a run left is a whole pair: it lacks only renames.

        The new certificate is the last to be complete, and the last to be renamed. Where key and certificate are on two
        file systems, a power failure can undo the renaming of the key alone: then the certificate that is in place says
        which of the two keys is its own.
        """
        if (self.certificate, NEXT) in left:
            return True
        return (self.key, NEXT) in left and self._is_key_of_certificate(NEXT) and not self._is_key_of_certificate("")

    def _is_key_of_certificate(self, kind: str) -> bool:
        try:
            key = self._loaded((self.key.read(kind).content or b"").decode("latin-1"))
            certificate = load_pem_certificates(self.certificate.read().content or b"")[0]
            return same_public_key(key, certificate)
        except (EstError, OSError, ValueError, IndexError):
            return False

    def _loaded(self, key_text: str) -> PrivateKeyTypes:
        passphrase = self._passphrase if is_encrypted(key_text) else None
        return load_private_key(key_text.encode("latin-1"), passphrase)

    @staticmethod
    def _take_over(places: Sequence[Place]) -> None:
        """Rename the new files into their places, directly one after another: whoever reads the old ones at that
        moment finds a key and a certificate apart for as long as a rename takes.

        :raises OSError: one cannot be renamed. Those before it have been put back.
        """
        olds = [place for place in places if _keep_old(place)]
        done: List[Place] = []
        try:
            for place in places:
                place.folder.rename(place.beside(NEXT), place.name)
                done.append(place)
        except OSError:
            for place in reversed(done):
                if place in olds:
                    place.folder.rename(place.name, place.beside(NEXT))
                    place.folder.rename(place.beside(OLD), place.name)
            raise
        finally:
            for place in olds:
                place.folder.unlink(place.beside(OLD))
        for place in places:
            place.folder.sync()


def mode_of_new(private: bool) -> int:
    """The mode of a file where there was none before."""
    return 0o600 if private else 0o644


def _keep_old(place: Place) -> bool:
    """Give the file at a place a second name, by which it can be put back; say whether it has one."""
    place.folder.unlink(place.beside(OLD))
    try:
        place.folder.link(place.name, place.beside(OLD))
    except OSError:  # there is none yet, or the file system knows no hard links
        return False
    return True


def _text(file: File) -> Optional[str]:
    return None if file.content is None else file.content.decode("latin-1")


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
    pair.replace(certificates, None if key is None else private_key_pem(key, files.passphrase).decode("ascii"))


def _not_saved(error: OSError) -> EstError:
    return EstError(
        f"the new certificate cannot be saved: {in_words(error)}",
        stage="save",
        code="not_saved",
        hint="Make room or correct access rights and run again: a pair that was complete is put in place then.",
        request_received="received",
    )
