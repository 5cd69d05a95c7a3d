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

import contextlib
import fcntl
import os
import stat
from typing import TYPE_CHECKING, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ..base.errors import EstError, InputError
from .certificate import pem
from .client_certificate import ClientCertificate, private_key_block
from .keys import load_private_key, private_key_pem, same_public_key

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

#: What a new file is called until it takes the place of the old one.
_NEXT = ".next"
#: A file of which not everything is written yet.
_PART = ".next.part"


class Settled(NamedTuple):
    """A pair of which nothing is half-way.

    :param files: where it is now.
    :param finished: whether a run that was killed had it complete and did not put it in place.
    """

    files: ClientCertificate
    finished: bool


@contextlib.contextmanager
def settled(files: ClientCertificate, *, check: bool = False) -> Iterator[Settled]:
    """Put in place what a run that was killed had complete, and remove what else it left; see ``read_pair()``.

    Nobody else who uses this module is at the files until the end of the block.

    :param check: change nothing: tell where the pair is now that would be put in place.
    :raises OSError: the folder of the certificate cannot be looked at, or a file cannot be put in place.
    """
    with locked_folder(files.certificate_path):
        if check:
            yield _complete(files)
        else:
            yield Settled(files, _recover(files))


def read_pair(files: ClientCertificate) -> Tuple[str, str]:
    """The texts of the file of the certificate and of that of the key (the same one, where they share a file).

    :param files: paths; ``passphrase`` is not used.
    :raises InputError: a file cannot be read.
    """
    try:
        with settled(files):
            return _read(files.certificate_path), _read(files.key_path or files.certificate_path)
    except OSError as error:
        raise InputError(
            f"the certificate and key of this host cannot be read: {_words(error)}",
            code="unreadable_file",
            hint="Give the paths of PEM files that are on this host and that this user may read.",
        ) from None


def replace_pair(
    files: ClientCertificate, certificates: Sequence[x509.Certificate], key: Optional[PrivateKeyTypes] = None
) -> None:
    """Put a new certificate, and a new key where there is one, in place of those on disk (requirement 83).

    A file that replaces another gets its owner and mode. A new key file is 0600, other new files 0644. A key is
    encrypted with the passphrase of ``files``, where it has one.

    :param files: the paths, which need not exist yet.
    :param certificates: the certificate, then its intermediates.
    :param key: the new key; ``None`` where the certificate was renewed for the old one, which then stays as it is.
    :raises InputError: the key is not that of the certificate; nothing has been changed.
    :raises EstError: at stage ``save``: something could not be written. Either pair is complete then; the next call of
        a function of this module sees to it that it is the one on disk.
    """
    try:
        with settled(files):
            contents = _new_contents(files, certificates, key)
            for path, text, private in contents:
                _stage(path, text, private)
            _take_over([path for path, _text, _private in contents])
    except OSError as error:
        raise EstError(
            f"the new certificate cannot be saved: {_words(error)}",
            code="not_saved",
            stage="save",
            hint="Make room or correct access rights and run again: a pair that was complete is put in place then.",
            request_received="yes",
        ) from None


def _new_contents(
    files: ClientCertificate, certificates: Sequence[x509.Certificate], key: Optional[PrivateKeyTypes]
) -> List[Tuple[str, str, bool]]:
    """Path, text, and whether it is private, of each file to write; the certificate comes last."""
    key_path = files.key_path or files.certificate_path
    if key is not None:
        key_text = private_key_pem(key, files.passphrase).decode("ascii")
    else:
        key_text = private_key_block(_read(key_path))
    # What is about to be written is looked at, not what was meant to be.
    if not same_public_key(load_private_key(key_text.encode("ascii"), files.passphrase), certificates[0]):
        raise InputError(
            "the new certificate does not belong to its private key, so neither was saved",
            code="wrong_key",
            hint="The old certificate and key are still in place. Look at the log of the EST server.",
        )
    apart = files.chain_path is not None
    texts = [pem(certificate) for certificate in certificates]
    contents = []
    own_key_file = os.path.realpath(key_path) != os.path.realpath(files.certificate_path)
    if own_key_file and key is not None:
        contents.append((key_path, key_text, True))
    if files.chain_path is not None:
        contents.append((files.chain_path, "".join(texts[1:]), False))
    certificate_text = "".join(texts[:1] if apart else texts)
    contents.append((files.certificate_path, certificate_text + ("" if own_key_file else key_text), not own_key_file))
    return contents


def _paths(files: ClientCertificate) -> List[str]:
    """All files there can be, in the order in which they are replaced."""
    return [path for path in (files.key_path, files.chain_path, files.certificate_path) if path]


def _recover(files: ClientCertificate) -> bool:
    """Finish what a run that was killed had begun, and say so, or remove what is left of it."""
    for path in _paths(files):
        _remove(_beside(path, _PART))
    paths = [path for path in _paths(files) if _has_next(path)]
    if _has_next(files.certificate_path):
        _take_over(paths)
        return True
    for path in paths:
        _remove(_beside(path, _NEXT))
    return False


def _complete(files: ClientCertificate) -> Settled:
    """Where the pair is that ``_recover()`` would leave in place, and whether it is still to be put there."""
    if not _has_next(files.certificate_path):
        return Settled(files, False)
    now = {path: _beside(path, _NEXT) if _has_next(path) else path for path in _paths(files)}
    key_path, chain_path = (path and now[path] for path in (files.key_path, files.chain_path))
    found = files.replace(certificate_path=now[files.certificate_path], key_path=key_path, chain_path=chain_path)
    return Settled(found, True)


def _has_next(path: str) -> bool:
    return os.path.lexists(_beside(path, _NEXT))


def _stage(path: str, text: str, private: bool) -> None:
    """Write the new file beside the old one, complete and on the disk, with the owner and mode of the old one."""
    part = _beside(path, _PART)
    try:
        with open(part, "x", encoding="ascii", opener=_only_for_us) as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), _mode(path, file.fileno(), private))
            os.fsync(file.fileno())
        os.rename(part, _beside(path, _NEXT))
    except OSError as error:
        error.filename = error.filename or path  # of a full disk the system does not say where
        _remove(part)
        raise
    _sync_folder(path)


def _mode(path: str, descriptor: int, private: bool) -> int:
    """The mode for the new file, once it has the owner of the old one."""
    try:
        old = os.stat(path)
    except FileNotFoundError:
        return 0o600 if private else 0o644
    mode = stat.S_IMODE(old.st_mode)
    try:
        os.fchown(descriptor, old.st_uid, old.st_gid)
    except PermissionError:
        # Nobody may give a file away but root. A group that is not the old one does not get to read a key.
        return mode & 0o700 if private else mode
    return mode


def _take_over(paths: Sequence[str]) -> None:
    for path in paths:
        os.rename(_beside(path, _NEXT), os.path.realpath(path))
        # The order of renames is only kept over a power failure where each is on the disk before the next.
        _sync_folder(path)


def _beside(path: str, suffix: str) -> str:
    """A file beside the one that a path leads to: a symbolic link stays, and what it leads to is replaced."""
    return os.path.realpath(path) + suffix


def _sync_folder(path: str) -> None:
    descriptor = os.open(os.path.dirname(os.path.realpath(path)), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked_folder(path: str) -> Iterator[None]:
    """Nobody else who uses this module is at a file meanwhile. The lock is on its folder: no file is left.

    :param path: of the file.
    :raises OSError: there is no such folder, or it may not be opened.
    """
    folder = os.path.dirname(os.path.realpath(path))
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(path: str) -> str:
    with open(path, encoding="latin-1") as file:
        return file.read()


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _only_for_us(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _words(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{error.filename}: {what}" if error.filename else what
