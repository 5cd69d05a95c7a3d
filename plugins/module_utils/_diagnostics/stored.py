# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has stored: the files of its tests, its templates without secrets, and the secrets to look for."""

from __future__ import annotations

import base64
import os
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from .._exchange.files import (
    CERTIFICATE_FILE,
    CHAIN_FILE,
    PRIVATE_KEY_FILE,
    REQUEST_FILE,
    ROOT_CERTIFICATE_FILE,
    STATE_FILE,
)
from .._files.folder import Folder
from .._files.paths import open_folder
from .._store.adapter import Observed
from .._store.errors import StoreError
from .._store.information import describe_store
from .._store.reading import inspect, open_secrets
from .._value import Value, field

# ----------------------------------------------------------------------------------------------------------------------
# What the tests of a POSIX host left in their folder: certificates and what is pending. Never a private key.

_COLLECTED = (CERTIFICATE_FILE, CHAIN_FILE, ROOT_CERTIFICATE_FILE, REQUEST_FILE, STATE_FILE)
_LARGEST = 256 * 1024
_MOST = 500


def read_tests(output_path: str) -> Dict[str, Any]:
    """Read the folder of the tests.

    :returns: ``output_path``; ``tests: [{name, modified, has_private_key, files: {file name: base64}}]``, newest first,
        and ``skipped_files``: ``[path, reason]``.
    :raises OSError: the folder cannot be read. One that does not exist has no tests.
    """
    tests: List[Dict[str, Any]] = []
    skipped_files: List[Tuple[str, str]] = []
    try:
        output = open_folder(output_path)
    except FileNotFoundError:
        return {"output_path": output_path, "tests": tests, "skipped_files": skipped_files}
    for test in _folders(output):
        if len(tests) >= _MOST:
            skipped_files.append((output_path, f"there are more than {_MOST} tests"))
            break
        files = dict(_files(test, skipped_files))
        has_key = test.look(PRIVATE_KEY_FILE) is not None
        if files or has_key:
            tests.append(
                {
                    "name": os.path.relpath(test.path, output.path),
                    "modified": int(test.status.st_mtime),
                    "has_private_key": has_key,
                    "files": files,
                }
            )
    tests.sort(key=lambda test: (-test["modified"], test["name"]))
    return {"output_path": output_path, "tests": tests, "skipped_files": skipped_files}


def _folders(output: Folder) -> Iterator[Folder]:
    """``<output_path>/<template>/<certificate name>``, and what is beside it; links are not followed."""
    for template in sorted(output.names()):
        parent = output.folder(template)
        for name in sorted(parent.names()) if parent is not None else ():
            test = None if parent is None or name.startswith(".") else parent.folder(name)
            if test is not None:
                yield test


def _files(test: Folder, skipped_files: List[Tuple[str, str]]) -> Iterator[Tuple[str, str]]:
    for name in _COLLECTED:
        try:
            file = test.read(name, _LARGEST)
        except OSError as error:
            skipped_files.append((test.path_of(name), error.strerror or str(error)))
            continue
        if file.problem or b"PRIVATE KEY" in (file.content or b""):
            skipped_files.append((test.path_of(name), file.problem or "holds a private key"))
        elif file.content is not None:
            yield name, base64.b64encode(file.content).decode("ascii")


# ----------------------------------------------------------------------------------------------------------------------


class Stored(Value):
    """The store of a host.

    :param description: what ``est_template_info`` tells of it; empty where it cannot be read.
    :param secrets: those of its templates, in clear: to be taken out of everything.
    :param all_secrets_known: whether there is none that could not be opened.
    :param problem: why it cannot be read, or an empty string.
    :param error_code: the name of that for programs.
    """

    store_path: str
    description: Mapping[str, Any] = field(default_factory=dict)
    secrets: Tuple[str, ...] = field(default=(), repr=False)
    all_secrets_known: bool = False
    problem: str = ""
    error_code: str = ""

    @property
    def templates(self) -> List[Dict[str, Any]]:
        """The templates as they are described."""
        return list(self.description.get("templates", ()))


def read_stored(observed: Observed) -> Stored:
    """Describe what was read of a store, and open its secrets.

    :param observed: with the sealing key, where there is a usable one.
    :raises NewerFormat: when a newer version of this collection wrote the document.
    """
    description = describe_store(observed, None)
    inspection = inspect(observed)
    known = inspection.document is not None or not observed.exists
    secrets: Dict[str, None] = {}
    for template in inspection.document.templates if inspection.document else ():
        if not template.secrets:
            continue
        try:
            if observed.key is None:
                raise StoreError("there is no key")
            secrets.update(dict.fromkeys(open_secrets(template, observed.key).values()))
        except StoreError:
            known = False
    return Stored(observed.store_path, description, tuple(secrets), known)
