# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template store of the host of an action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.adapter import TemplateStore
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError

from ..base.action import ControllerAction, ModuleFailed
from ..base.templates import check_store_path
from ..host.paths import check_windows_folder
from ..host.quick_look import QuickLook
from ..host.store import NAME, Execute, HostStore, Look

_CONSTRAINED = (
    "PowerShell on the host is held to a part of its language (ConstrainedLanguage), as AppLocker and App Control for "
    "Business do it, and can run no module of this collection: have that policy trust the account that Ansible "
    "connects with, or these modules"
)


def store_path_of(action: ControllerAction, path: Optional[str]) -> str:
    """Return the checked path of the store, in the spelling of the host.

    :param path: the option; None for where the store of such a host is.
    :raises TemplateError: unless it is the absolute path of a folder.
    """
    if not action.on_windows:
        return check_store_path(path)
    return check_windows_folder("store_path", path)


def store_of(
    action: ControllerAction, store_path: str, *, execute: Optional[Execute] = None, look: Optional[Look] = None
) -> TemplateStore:
    """Return the store of the action's host.

    :param store_path: what ``store_path_of()`` returned.
    :param execute: what runs a module on the host, where that is not the action's own.
    :param look: what reads the store along with something else, instead of the quick look. It tells the key.
    """
    quick, run = QuickLook(action), execute or action.execute

    def run_or_tell(name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return run(name, arguments)
        except ModuleFailed as failure:
            if not action.on_windows or failure.result.get("unreachable") or "error_code" in failure.result:
                raise
            # In such a PowerShell core's words are of a method that cannot be invoked.
            if not quick.is_constrained(store_path):
                raise
            raise StoreError(f"{_CONSTRAINED} ({str(failure).rstrip('.')})", code="module_failed") from None

    module, tells_key = action.private_module(NAME), look is not None or quick.tells_key
    return HostStore(module, run_or_tell, store_path, look or quick.look, key_with_document=tells_key)
