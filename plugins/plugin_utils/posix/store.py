# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template store of a POSIX host, through the private module ``est_store_file``: one round trip a call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Callable, Optional

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._masking import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.adapter import (
    Observed,
    TemplateStore,
    Write,
    Written,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.document import KEY_OCTETS

from ..action.base import ControllerAction
from ..action.templates import check_store_path
from ..windows.host import WindowsHost
from ..windows.paths import check_windows_folder
from ..windows.store import WindowsStore

# ----------------------------------------------------------------------------------------------------------------------
# Which store the host of an action has: by the shell of its connection, without asking the host.

#: The variable of a host that lets every reading look at all of the store, and not at the document alone.
FULL_LOOK = "est_windows_full_look"
#: The variable that lets every reading look at what came of the last tests: the role sets it where it asks for that.
LAST_TESTS = "est_windows_last_tests"


def is_windows(action: ControllerAction) -> bool:
    """Say whether the action's host is a Windows host."""
    return getattr(action._connection._shell, "_IS_WINDOWS", False) is True


def store_path_of(action: ControllerAction, path: str) -> str:
    """Return the checked path of the store, in the spelling of the host.

    :param path: the option; the default of POSIX hosts stands for the default of Windows hosts there.
    :raises TemplateError: unless it is the absolute path of a folder.
    """
    if not is_windows(action):
        return check_store_path(path)
    return check_windows_folder("store_path", path)


def store_of(
    action: ControllerAction,
    store_path: str,
    *,
    execute: Optional[Callable[[str, Mapping[str, Any]], Mapping[str, Any]]] = None,
    full_look: bool = False,
) -> TemplateStore:
    """Return the store of the action's host.

    :param store_path: what ``store_path_of()`` returned.
    :param execute: what runs a module on a POSIX host, where that is not the action's own.
    :param full_look: on a Windows host, look at more than the document.
    """
    if not is_windows(action):
        return PosixStore(execute or action.execute, store_path)
    return WindowsStore(
        WindowsHost(action),
        store_path,
        full_look=full_look or looks_fully(action),
        last_tests=_is_set(action, LAST_TESTS),
    )


def looks_fully(action: ControllerAction) -> bool:
    """Say whether the host asks for the full look, with ``FULL_LOOK``."""
    return _is_set(action, FULL_LOOK)


def _is_set(action: ControllerAction, variable: str) -> bool:
    return bool(boolean(action._templar.template(action._task_vars.get(variable, False)), strict=False))


# ----------------------------------------------------------------------------------------------------------------------

MODULE = "estfleet.cloud_extender.est_store_file"

#: Runs a module on the host: name, arguments -> result. Raises when the module fails.
Execute = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


class PosixStore(TemplateStore):
    """The store in one folder of a POSIX host.

    :param execute: runs a module on the host.
    :param store_path: the folder.
    """

    def __init__(self, execute: Execute, store_path: str) -> None:
        self._execute = execute
        self._store_path = store_path

    def read(self, *, want_key: bool) -> Observed:
        """See ``TemplateStore.read()``."""
        arguments = {"operation": "read", "store_path": self._store_path}
        # The key comes back XORed with this: a verbose connection prints what a module answers, not what it is told.
        pad = os.urandom(KEY_OCTETS) if want_key else b""
        if want_key:
            arguments["key_pad"] = pad.hex()
        found = self._execute(MODULE, arguments)
        masked = bytes.fromhex(found["masked_key"])
        return Observed(
            store_path=self._store_path,
            exists=found["exists"],
            content=found["content"],
            sha256=found["sha256"],
            damage=found["damage"],
            drift=tuple(found["drift"]),
            key_fingerprint=found["key_fingerprint"],
            key_damage=found["key_damage"],
            key=mask(masked, pad) if masked else None,
            folder_mode=found["folder_mode"],
            document_mode=found["document_mode"],
            owner=found["owner"],
            last_tests=found["last_tests"],
            kept_documents=tuple(found["kept_documents"]),
        )

    def new_key(self, replaced_key: str) -> bytes | None:
        """See ``TemplateStore.new_key()``. The key comes back as in ``read()``."""
        pad = os.urandom(KEY_OCTETS)
        arguments = {
            "operation": "make_key",
            "store_path": self._store_path,
            "key_pad": pad.hex(),
            "replaced_key": replaced_key,
        }
        masked = bytes.fromhex(self._execute(MODULE, arguments)["masked_key"])
        return mask(masked, pad) if masked else None

    def write(self, change: Write) -> Written:
        """See ``TemplateStore.write()``."""
        arguments: dict[str, Any] = {
            "operation": "write",
            "store_path": self._store_path,
            "content": change.content,
            "expected_sha256": change.expected_sha256,
            "expected_key": change.key_fingerprint,
            "use_new_key": change.use_new_key,
            "replaced_key": change.replaced_key,
            "keep_old": change.keep_old,
        }
        written = self._execute(MODULE, arguments)
        return Written(conflict=written["conflict"], kept=written["kept"])
