# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a test enrolment leaves its files on a POSIX host: the "link to the test certificate" of the wizard.

    <output_path>/<template>/<certificate name>/            certificate.pem  chain.pem  private_key.pem
    <output_path>/<template>/<certificate name>.pending/    private_key.pem  request.pem  state.json

Each of the two folders appears whole, by one rename, so that there is never a key without its certificate. Standard
library only, because it also runs on hosts that have nothing else.
"""

from __future__ import annotations

import contextlib
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

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
#: A pending enrolment's files are small; what is larger was not written by us.
_MAX_FILE_SIZE = 64 * 1024


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

    def __init__(self, output_path: str, template_name: str, certificate_name: str) -> None:
        self._parent = os.path.join(output_path, folder_name(template_name))
        self.path = os.path.join(self._parent, certificate_name)
        self.pending_path = f"{self.path}.pending"

    def read_pending(self) -> Optional[Dict[str, str]]:
        """The files of a pending enrolment by name, or ``None`` where there is none that is complete.

        :raises OSError: where they are there but cannot be read.
        """
        found: Dict[str, str] = {}
        for name in (PRIVATE_KEY_FILE, REQUEST_FILE, STATE_FILE):
            try:
                with open(os.path.join(self.pending_path, name), encoding="utf-8", errors="replace") as file:
                    found[name] = file.read(_MAX_FILE_SIZE)
            except FileNotFoundError:
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
            shutil.rmtree(self.pending_path, ignore_errors=True)
        return self.path

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        os.makedirs(self._parent, mode=0o700, exist_ok=True)
        with open(os.path.join(self._parent, ".lock"), "w", encoding="ascii", opener=_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _replace(self, target: str, files: Mapping[str, str]) -> None:
        prefix = f".{os.path.basename(target)}~"
        self._remove_leftovers(prefix)
        made = tempfile.mkdtemp(prefix=prefix, dir=self._parent)  # 0700
        try:
            for name, content in files.items():
                with open(os.path.join(made, name), "w", encoding="utf-8", opener=_private) as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            # A folder that is not empty cannot be replaced in one step: the old one moves aside first.
            replaces = os.path.lexists(target)
            if replaces:
                os.rename(target, f"{made}.old")
            try:
                os.rename(made, target)
            except OSError:
                if replaces:
                    os.rename(f"{made}.old", target)
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
        shutil.rmtree(f"{made}.old", ignore_errors=True)

    def _remove_leftovers(self, prefix: str) -> None:
        """Remove what a run that was killed half-way left behind (the lock is held, so nobody else is at it)."""
        for name in os.listdir(self._parent):
            if name.startswith(prefix):
                shutil.rmtree(os.path.join(self._parent, name), ignore_errors=True)


def _private(path: str, flags: int) -> int:
    """Open a file that is 0600 before anything is in it."""
    return os.open(path, flags, 0o600)
