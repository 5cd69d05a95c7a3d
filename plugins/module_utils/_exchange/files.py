# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a test enrolment leaves its files on a POSIX host: the "link to the test certificate" of the wizard.

    <output_path>/<template>/<certificate name>/            certificate.pem  chain.pem  root_certificate.pem
                                                            private_key.pem
    <output_path>/<template>/<certificate name>+pending/    private_key.pem  request.pem  state.json
    <output_path>/<template>/<certificate name>+unusable/   certificate.pem  private_key.pem

``chain.pem`` has the intermediates, and is empty where the root has issued the certificate; there is no
``root_certificate.pem`` where no root is known. The last folder is what a CA issued that cannot be used.

Each of the folders appears whole, by one rename, so that there is never a key without its certificate. A plus sign
cannot be in a certificate name, so no two can ever be the same. Standard library only, because it also runs on hosts
that have nothing else.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
from typing import Dict, Iterator, Mapping, Optional, Tuple

from .._files.folder import Folder
from .._files.lock import locked
from .._files.paths import open_folder
from .._files.reading import is_locked
from .._files.walk import refuse_other_writers

#: Names of the files of an issued test certificate.
CERTIFICATE_FILE = "certificate.pem"
CHAIN_FILE = "chain.pem"
ROOT_CERTIFICATE_FILE = "root_certificate.pem"
PRIVATE_KEY_FILE = "private_key.pem"
#: Names of the files of a pending enrolment, beside the private key.
REQUEST_FILE = "request.pem"
STATE_FILE = "state.json"

#: The end of the name of a folder that is being replaced.
_ASIDE = ".old"

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
#: Octets. A pending enrolment's files are smaller than this; what is larger was not written by us.
MAX_PENDING_FILE_SIZE = 16 * 1024
#: What to do where the files of a test cannot be read or written.
FILES_HINT = "Check output_path, the free space, and the user that the task runs as on the host."
#: Octets that the files of a test may need.
_ROOM_OCTETS = 64 * 1024


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
        self._name, self._pending_name = certificate_name, f"{certificate_name}+pending"
        self._unusable_name = f"{certificate_name}+unusable"
        self.path = os.path.join(self._parent, self._name)
        self.pending_path = os.path.join(self._parent, self._pending_name)

    def read_pending(self) -> Optional[Dict[str, str]]:
        """The files of a pending enrolment by name, or ``None`` where there is none that is complete.

        A test begins with this. So it also tells where nothing could be written later, before the CA issues a
        certificate that nobody can keep. It makes no folder, and changes only what a killed run left half-way: its key
        may be the one that a request waits with at the CA.

        :raises OSError: they are there but cannot be read, or the folder cannot be written.
        """
        _refuse_unwritable(self._parent)
        try:
            parent = open_folder(self._parent)
        except FileNotFoundError:
            return None
        with parent:
            refuse_other_writers(parent)
            if not self._is_left(parent):
                found, status = self._pending(parent)
                if not self._is_left(parent) and _is_same(status, parent.look(self._pending_name)):
                    return found
            with self._at_work(parent):
                return self._pending(parent)[0]

    def _pending(self, parent: Folder) -> Tuple[Optional[Dict[str, str]], Optional[os.stat_result]]:
        """Return the files of the pending enrolment, and the status of the folder that they were read in."""
        pending = parent.folder(self._pending_name)
        if pending is None:
            return None, parent.look(self._pending_name)
        found: Dict[str, str] = {}
        with pending:
            status = pending.status
            for name in (PRIVATE_KEY_FILE, REQUEST_FILE, STATE_FILE):
                file = pending.read(name, MAX_PENDING_FILE_SIZE)
                if file.is_folder:
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), pending.path_of(name))
                try:
                    if file.content is None:
                        return None, status
                    found[name] = file.content.decode("ascii")
                except UnicodeDecodeError:
                    return None, status
        return found, status

    def save_pending(self, files: Mapping[str, str]) -> str:
        """Keep a pending enrolment, in place of an older one. Returns its folder.

        :raises OSError: nothing has been changed then.
        """
        with self._made() as parent, self._at_work(parent):
            _replace(parent, self._pending_name, files)
        return self.pending_path

    def save_issued(self, files: Mapping[str, str]) -> str:
        """Keep an issued certificate with its key, in place of an older pair, and forget what was pending.

        :returns: the folder.
        :raises OSError: the older pair is still there then.
        """
        with self._made() as parent, self._at_work(parent):
            _replace(parent, self._name, files)
            parent.remove(self._pending_name)
        return self.path

    def save_unusable(self, files: Mapping[str, str]) -> str:
        """Keep a certificate that was issued and cannot be used, with its key, in place of an older one.

        :returns: the folder.
        :raises OSError: it cannot be written.
        """
        with self._made() as parent, self._at_work(parent):
            _tidy_up(parent, self._unusable_name)
            _replace(parent, self._unusable_name, files)
        return os.path.join(self._parent, self._unusable_name)

    def _made(self) -> Folder:
        """Open the folder of the template. Where it is missing, it is made with those above it, for their owner only.

        One of them can be the folder of the template store.
        """
        parent = open_folder(self._parent, make=0o700, parents=0o700)
        refuse_other_writers(parent)
        return parent

    def _is_left(self, parent: Folder) -> bool:
        """Say whether a run is at the files, or was killed while it was."""
        prefixes = (_prefix(self._name), _prefix(self._pending_name))
        return is_locked(parent) or any(name.startswith(prefixes) for name in parent.names())

    @contextlib.contextmanager
    def _at_work(self, parent: Folder) -> Iterator[None]:
        with locked(parent):
            for target in (self._name, self._pending_name):
                _tidy_up(parent, target)
            yield


def _replace(parent: Folder, target: str, files: Mapping[str, str]) -> None:
    """Put a folder with files in place of an older one."""
    name = f"{_prefix(target)}{os.urandom(4).hex()}"
    aside = f"{name}{_ASIDE}"
    try:
        with parent.make_folder(name) as made:
            for file, content in files.items():
                made.add(file, content.encode("utf-8"))
            made.sync()
        # A folder that is not empty cannot be replaced in one step: the old one moves aside first.
        replaces = parent.look(target) is not None
        if replaces:
            parent.rename(target, aside)
        try:
            parent.rename(name, target)
        except OSError:
            if replaces:
                parent.rename(aside, target)
            raise
    finally:
        parent.remove(name)
    parent.remove(aside)


def _tidy_up(parent: Folder, target: str) -> None:
    """Put right what a run that was killed half-way left behind (the lock is held, so nobody else is at it)."""
    for name in parent.names():
        if name.startswith(_prefix(target)):
            if name.endswith(_ASIDE) and parent.look(target) is None:
                parent.rename(name, target)
            else:
                parent.remove(name)


def _is_same(one: Optional[os.stat_result], other: Optional[os.stat_result]) -> bool:
    if one is None or other is None:
        return one is other
    return os.path.samestat(one, other)


def _prefix(target: str) -> str:
    """How the names of the folders begin in which a target is made, or is aside."""
    return f".{target}~"


def _refuse_unwritable(path: str) -> None:
    """Look at the folder, or at the one above it that is there, in which it will be made."""
    while not os.path.lexists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    if not os.path.isdir(path):
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    # access() knows of file systems that nobody may write, root neither.
    if not os.access(path, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, "is not writable", path)
    disk = os.statvfs(path)
    free = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
    if disk.f_blocks and free * disk.f_frsize < _ROOM_OCTETS:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
