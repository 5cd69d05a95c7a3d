# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""The files of a test on a managed Windows host, through the modules of ``ansible.windows`` and the connection.

    <output_path>\<template>\<certificate name>\            certificate.pem  chain.pem  root_certificate.pem
                                                            private_key.pem
    <output_path>\<template>\<certificate name>+pending\    private_key.pem  request.pem  state.json

No module gives a folder another name, so the files are written in an order in which a run can end at any moment:

* Of an issued certificate, an older key is removed first, and the new one is written last. A key never lies beside a
  certificate that is not its own.
* Of a pending enrolment, the state is written last, and only with it there is one. Where the CA is to be asked again
  later, key and request stay as they are, and the state is written to a second file before it is written over.

What is written is in a folder that SYSTEM and Administrators have to themselves before a key is in it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import (
    CERTIFICATE_FILE,
    CHAIN_FILE,
    MAX_PENDING_FILE_SIZE,
    PRIVATE_KEY_FILE,
    REQUEST_FILE,
    ROOT_CERTIFICATE_FILE,
    STATE_FILE,
    folder_name,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.last_tests import with_test
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import LAST_TESTS_NAME
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError

from .folder import Host, full_path, prepare_folder
from .host import Refused
from .paths import check_length, possible_name
from .store import read_last_tests

_NEW_STATE_FILE = f"{STATE_FILE}.new"


class WindowsTestFiles:
    """The files of one test certificate. See ``TestFiles``.

    :param host: the host.
    :param store_path: the folder of the template store.
    :param output_path: the folder under which all tests of the host are kept.
    :param certificate_name: a name that Windows can have.
    :param check: nothing will be written.
    :raises TemplateError: the paths would be longer than Windows takes them.
    """

    separator = "\\"

    def __init__(
        self,
        host: Host,
        store_path: str,
        output_path: str,
        template_name: str,
        certificate_name: str,
        *,
        check: bool = False,
    ) -> None:
        self._host = host
        self._check = check
        self._template_name = template_name
        folder = f"{output_path}\\{possible_name(folder_name(template_name))}"
        self._path = f"{folder}\\{certificate_name}"
        self.pending_path, self._unusable_path = f"{self._path}+pending", f"{self._path}+unusable"
        check_length("output_path", self._unusable_path)  # the longest of the three
        # A folder that the user names may be one that others have to have: only what is ours is taken from them.
        in_store = f"{output_path}\\".lower().startswith(f"{store_path}\\".lower())
        self._private_folder = store_path if in_store else folder
        self._prepared = False
        self._pending: Optional[Mapping[str, str]] = None
        self._has_pending_folder = False

    def read_pending(self) -> Optional[Mapping[str, str]]:
        """The files of a pending enrolment by name, or ``None``.

        A test begins with this. So the folder is prepared here, where there will be something to write: better before
        the CA issues a certificate than after it.
        """
        with _told("not_received"):
            self._pending = self._read_pending()
            if not self._check and self._pending is None:
                self._prepare()
        return self._pending

    def _read_pending(self) -> Optional[Mapping[str, str]]:
        stat = self._host.run("win_stat", {"path": self.pending_path, "get_checksum": False})["stat"]
        self._has_pending_folder = bool(stat["exists"])
        if not self._has_pending_folder:
            return None
        path = str(stat["path"])
        found = self._host.run("win_find", {"paths": [path], "hidden": True, "get_checksum": False})["files"]
        sizes = {str(entry["filename"]).lower(): entry.get("size") or 0 for entry in found}
        files: dict[str, str] = {}
        for name in (PRIVATE_KEY_FILE, REQUEST_FILE, STATE_FILE, _NEW_STATE_FILE):
            if 0 < sizes.get(name, 0) <= MAX_PENDING_FILE_SIZE:
                files[name] = self._host.fetch(f"{path}\\{name}").decode("ascii", "replace")
        new_state = files.pop(_NEW_STATE_FILE, "")
        if not _is_whole(files.get(STATE_FILE, "")) and _is_whole(new_state):
            files[STATE_FILE] = new_state
        return files if {PRIVATE_KEY_FILE, REQUEST_FILE, STATE_FILE} <= set(files) else None

    def save_pending(self, files: Mapping[str, str]) -> str:
        """Keep a pending enrolment; returns its folder."""
        with _told("received"):
            self._prepare()
            before, self._pending = self._pending, files
            if before is not None and all(before[name] == files[name] for name in (PRIVATE_KEY_FILE, REQUEST_FILE)):
                folder = full_path(self._host, self.pending_path)
                for name in (_NEW_STATE_FILE, STATE_FILE):
                    self._put(folder, name, files[STATE_FILE])
                self._remove(f"{folder}\\{_NEW_STATE_FILE}")
                return self.pending_path
            if self._has_pending_folder:
                self._remove(self.pending_path)
            folder = self._make(self.pending_path)
            self._has_pending_folder = True
            for name in (PRIVATE_KEY_FILE, REQUEST_FILE, STATE_FILE):
                self._put(folder, name, files[name])
        return self.pending_path

    def save_issued(self, files: Mapping[str, str]) -> str:
        """Keep an issued certificate; returns its folder."""
        with _told("received"):
            self._prepare()
            folder = self._make(self._path)
            self._remove(f"{folder}\\{PRIVATE_KEY_FILE}")
            for name in (CERTIFICATE_FILE, CHAIN_FILE, ROOT_CERTIFICATE_FILE, PRIVATE_KEY_FILE):
                if name in files:
                    self._put(folder, name, files[name])
                else:
                    self._remove(f"{folder}\\{name}")
            if self._has_pending_folder:
                self._remove(self.pending_path)
                self._has_pending_folder = False
        return self._path

    def save_unusable(self, files: Mapping[str, str]) -> str:
        """Keep a certificate that was issued and cannot be used; returns its folder."""
        with _told("received"):
            self._prepare()
            folder = self._make(self._unusable_path)
            for name, text in files.items():
                self._put(folder, name, text)
        return self._unusable_path

    def note(self, store_path: str, came: Mapping[str, Any]) -> str:
        """Note in the template store what came of the test; returns why that could not be done, or an empty text."""
        try:
            text = with_test(read_last_tests(self._host, store_path), self._template_name, came)
            self._host.put(f"{full_path(self._host, store_path)}\\{LAST_TESTS_NAME}", text.encode("utf-8"))
        except (Refused, StoreError) as error:
            return str(error)
        return ""

    def _prepare(self) -> None:
        if not self._prepared:
            prepare_folder(self._host, self._private_folder)
            self._prepared = True

    def _make(self, path: str) -> str:
        """Make a folder in the private one, and return its path without variables."""
        self._host.run("win_file", {"path": path, "state": "directory"})
        return full_path(self._host, path)

    def _remove(self, path: str) -> None:
        self._host.run("win_file", {"path": path, "state": "absent"})

    def _put(self, folder: str, name: str, text: str) -> None:
        self._host.put(f"{folder}\\{name}", text.encode("utf-8"))


@contextlib.contextmanager
def _told(request_received: str) -> Iterator[None]:
    """Turn what the host says into a failure of the test."""
    try:
        yield
    except Refused as refused:
        raise EstError(
            f"the files of the test cannot be used on the host: {str(refused).rstrip('.')}",
            code="not_saved",
            stage="save",
            request_received=request_received,
            hint="Check output_path, the free space, and that the account is an administrator of the host.",
        ) from None


def _is_whole(state: str) -> bool:
    try:
        json.loads(state)
    except ValueError:
        return False
    return True
