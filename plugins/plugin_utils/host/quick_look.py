# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The quick looks at a host: reading without a module; see ``program.py`` for how, and when not."""

from __future__ import annotations

from typing import Any, Optional

from ..base.action import ControllerAction
from ..base.host_answer import UnusableAnswer
from .program import Program, Sender
from .store import READING, check_reading
from .windows_program import CONSTRAINED, WindowsProgram, WindowsSender

_STORE = (
    "_answer",
    "_files/reading",
    "_files/walk",
    "_store/errors",
    "_store/parts",
    "_store/found",
    "_store/look",
)
#: The program that reads a template store.
STORE = Program(_STORE)
#: The program that reads certificates, and the store with their templates.
CERTIFICATES = Program((*_STORE, "est/x509/pair_reading", "_certificate/look"))
#: The one that reads a store on a Windows host.
WINDOWS_STORE = WindowsProgram(("_windows_files", "_windows_store", "_windows_look"))


class QuickLook:
    """Looks at what an action's host has.

    :param action: has the connection, the user to become, the environment and the variables.
    :ivar tells_key: whether a look at the store tells the sealing key where that is wanted.
    """

    def __init__(self, action: ControllerAction) -> None:
        self._sender = WindowsSender(action) if action.on_windows else Sender(action)
        self._store = WINDOWS_STORE if action.on_windows else STORE
        # What PowerShell reads and says can be kept in logs of the host: the key is for the module.
        self.tells_key = not action.on_windows

    def look(self, store_path: str, pad: Optional[bytes]) -> Optional[dict[str, Any]]:
        """Return what the module ``est_store_file`` would, or None where the module has to be run.

        :param store_path: the folder of the store.
        :param pad: random octets as long as the sealing key, where that is wanted.
        :raises AnsibleError: the host is unreachable, or the user cannot be become, as it would be with the module.
        """
        if pad is not None and not self.tells_key:
            return None
        arguments = (store_path, pad) if self.tells_key else (store_path,)
        return reading_in(self._sender.run(self._store, arguments, "the template store"))

    def is_constrained(self, store_path: str) -> bool:
        """Say whether the PowerShell of the host may run no program such as a module.

        :param store_path: the folder of the store.
        """
        return self._sender.run(self._store, (store_path,), "the language of PowerShell") == CONSTRAINED


def reading_in(answer: Any) -> Optional[dict[str, Any]]:
    """Return a reading of a store as it stands in an answer, or None for anything of another shape."""
    if not isinstance(answer, dict) or answer.keys() != READING.keys():
        return None
    try:
        check_reading(answer)
    except UnusableAnswer:
        return None
    return answer
