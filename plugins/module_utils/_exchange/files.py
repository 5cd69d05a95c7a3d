# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a test enrolment leaves its files on a POSIX host: the "link to the test certificate" of the wizard.

    <output_path>/<template>/<certificate name>/            certificate.pem  chain.pem  private_key.pem
    <output_path>/<template>/<certificate name>+pending/    private_key.pem  request.pem  state.json

Each of the two folders appears whole, by one rename, so that there is never a key without its certificate. A plus sign
cannot be in a certificate name, so the two can never be the same. Standard library only, because it also runs on hosts
that have nothing else.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from typing import Dict, Iterator, Mapping, Optional

#: Names of the files of an issued test certificate.
CERTIFICATE_FILE = "certificate.pem"
CHAIN_FILE = "chain.pem"
PRIVATE_KEY_FILE = "private_key.pem"
#: Names of the files of a pending enrolment, beside the private key.
REQUEST_FILE = "request.pem"
STATE_FILE = "state.json"

#: The end of the name of a folder that is being replaced.
_ASIDE = ".old"

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
#: Octets. A pending enrolment's files are smaller than this; what is larger was not written by us.
MAX_PENDING_FILE_SIZE = 16 * 1024


def folder_name(template_name: str) -> str:
    """A folder name for a template: its name where that is harmless, else made harmless and told apart by a hash."""
    safe = _UNSAFE.sub("_", template_name)
    if safe == template_name and not safe.startswith("."):
        return safe
    return f"{safe.lstrip('.')}-{hashlib.sha256(template_name.encode()).hexdigest()[:8]}"


class TestFolder:
    """The files of one test certificate of one template on this host.

    :param output_path: the folder under which all tests of the host are kept.
    :param template_name: as configured.
    :param certificate_name: a file name without spaces (checked by the identity).
    """

    __test__ = False  # not a test case, whatever pytest thinks of the name
    separator = "/"

    def __init__(self, output_path: str, template_name: str, certificate_name: str) -> None:
        self._parent = os.path.join(output_path, folder_name(template_name))
        self.path = os.path.join(self._parent, certificate_name)
        self.pending_path = f"{self.path}+pending"

    def read_pending(self) -> Optional[Dict[str, str]]:
        """The files of a pending enrolment by name, or ``None`` where there is none that is complete.

        A test begins with this. So it also tells where nothing could be written later, before the CA issues a
        certificate that nobody can keep. It makes no folder, and changes only what a killed run left half-way: its key
        may be the one that a request waits with at the CA.

        :raises OSError: they are there but cannot be read, or the folder cannot be written.
        """
        _refuse_unwritable(self._parent)
        if not os.path.isdir(self._parent):
            return None
        with self._locked():
            return self._pending()

    def _pending(self) -> Optional[Dict[str, str]]:
        found: Dict[str, str] = {}
        for name in (PRIVATE_KEY_FILE, REQUEST_FILE, STATE_FILE):
            try:
                with open(os.path.join(self.pending_path, name), "rb") as file:
                    content = file.read(MAX_PENDING_FILE_SIZE + 1)
                if len(content) > MAX_PENDING_FILE_SIZE:
                    return None
                found[name] = content.decode("ascii")
            except (FileNotFoundError, UnicodeDecodeError):
                return None
        return found

    def save_pending(self, files: Mapping[str, str]) -> str:
        """Keep a pending enrolment, in place of an older one. Returns its folder.

        :raises OSError: nothing has been changed then.
        """
        with self._locked():
            self._replace(self.pending_path, files)
        return self.pending_path

    def save_issued(self, files: Mapping[str, str]) -> str:
        """Keep an issued certificate with its key, in place of an older pair, and forget what was pending.

        :returns: the folder.
        :raises OSError: the older pair is still there then.
        """
        with self._locked():
            self._replace(self.path, files)
            _remove(self.pending_path)
        return self.path

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        _make_private_folders(self._parent)
        # Not "w", which would change the file, and a look in check mode takes the lock too.
        with open(os.path.join(self._parent, ".lock"), "a", encoding="ascii", opener=_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._tidy_up(self.path)
            self._tidy_up(self.pending_path)
            yield

    def _replace(self, target: str, files: Mapping[str, str]) -> None:
        made = tempfile.mkdtemp(prefix=_prefix(target), dir=self._parent)  # 0700
        aside = f"{made}{_ASIDE}"
        try:
            for name, content in files.items():
                _write(os.path.join(made, name), content)
            # A folder that is not empty cannot be replaced in one step: the old one moves aside first.
            replaces = os.path.lexists(target)
            if replaces:
                os.rename(target, aside)
            try:
                os.rename(made, target)
            except OSError:
                if replaces:
                    os.rename(aside, target)
                raise
        finally:
            _remove(made)
        _remove(aside)

    def _tidy_up(self, target: str) -> None:
        """Put right what a run that was killed half-way left behind (the lock is held, so nobody else is at it)."""
        for name in os.listdir(self._parent):
            if name.startswith(_prefix(target)):
                path = os.path.join(self._parent, name)
                if name.endswith(_ASIDE) and not os.path.lexists(target):
                    os.rename(path, target)
                else:
                    _remove(path)


def _prefix(target: str) -> str:
    """How the names of the folders begin in which a target is made, or is aside."""
    return f".{os.path.basename(target)}~"


def in_words(error: OSError) -> str:
    """Which file, and what is wrong with it."""
    what = error.strerror or str(error)
    return f"{error.filename}: {what}" if error.filename else what


def _refuse_unwritable(path: str) -> None:
    """Look at the folder, or at the one above it that is there, in which it will be made."""
    while not os.path.lexists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    if not os.path.isdir(path):
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    # access() knows of file systems that nobody may write, root neither.
    if not os.access(path, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, "is not writable", path)


def _make_private_folders(path: str) -> None:
    """Make a folder and those above it that are missing, all of them for their owner only.

    One of them can be the folder of the template store, which os.makedirs() would let everybody read.
    """
    if os.path.isdir(path):
        return
    _make_private_folders(os.path.dirname(path))
    with contextlib.suppress(FileExistsError):  # another run was faster
        os.mkdir(path, 0o700)


def _write(path: str, content: str) -> None:
    """Write a file that is 0600 before anything is in it."""
    try:
        with open(path, "w", encoding="utf-8", opener=_private) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        error.filename = error.filename or path  # of a full disk the system does not say where
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _remove(path: str) -> None:
    """Remove a folder, or whatever else is in its place; a link, not what it leads to."""
    with contextlib.suppress(OSError):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
