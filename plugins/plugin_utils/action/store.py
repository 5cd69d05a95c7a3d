# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which store the host of an action has: by the shell of its connection, without asking the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Optional

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.adapter import TemplateStore

from ..base.action import ControllerAction
from ..base.templates import check_store_path
from ..host.quick_look import QuickLook
from ..host.store import HostStore
from ..windows.host import WindowsHost
from ..windows.paths import check_windows_folder
from ..windows.store import WindowsStore

#: The variable of a host that lets every reading look at all of the store, and not at the document alone.
FULL_LOOK = "est_windows_full_look"
#: The variable that lets every reading look at what came of the last tests: the role sets it where it asks for that.
LAST_TESTS = "est_windows_last_tests"


def store_path_of(action: ControllerAction, path: Optional[str]) -> str:
    """Return the checked path of the store, in the spelling of the host.

    :param path: the option; None for where the store of such a host is.
    :raises TemplateError: unless it is the absolute path of a folder.
    """
    if not action.on_windows:
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
    if not action.on_windows:
        return HostStore(execute or action.execute, store_path, QuickLook(action).look)
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
