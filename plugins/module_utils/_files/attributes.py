# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, mode and SELinux context that a file is to have, by the words of Ansible's modules for files."""

from __future__ import annotations

import grp
import os
import pwd
from typing import List, Optional, Tuple

from .._value import Value
from .reading import SELINUX, context_of
from .walk import group_name, user_name

#: The parts of a context, in its order.
SELINUX_PARTS = ("seuser", "serole", "setype", "selevel")


class State(Value):
    """What a file has.

    :param context: its SELinux context; empty where there is none.
    """

    user: int
    group: int
    mode: int
    context: str = ""

    @classmethod
    def from_text(cls, text: str) -> State:
        """Read what ``ReadableFolder.state()`` has told.

        :raises ValueError: it is something else.
        """
        user, group, mode, context = text.split(" ", 3)
        return cls(int(user), int(group), int(mode, 8), context)


class Attributes(Value):
    """What a file is to have; what is ``None`` stays as it is, or is as it is for any new file.

    :param selinux: the parts of the context, by ``SELINUX_PARTS``; they count where the system has SELinux.
    """

    user: Optional[int] = None
    group: Optional[int] = None
    mode: Optional[int] = None
    selinux: Tuple[Optional[str], ...] = ()

    def of_file(self, private: bool) -> Attributes:
        """What one file is to have: the mode is that of files with something private in them."""
        return self if private else self.replace(mode=None)

    def differences(self, state: State) -> List[str]:
        """In what a file has not what it is to have, each as ``mode 0600, not 0640``."""
        found = []
        if self.user not in (None, state.user):
            found.append(f"owner {user_name(state.user)}, not {user_name(self.user or 0)}")
        if self.group not in (None, state.group):
            found.append(f"group {group_name(state.group)}, not {group_name(self.group or 0)}")
        if self.mode not in (None, state.mode):
            found.append(f"mode {state.mode:04o}, not {self.mode:04o}")
        wanted = self.context(state.context)
        if wanted != state.context:
            found.append(f"SELinux context {state.context}, not {wanted}")
        return found

    def context(self, context: str) -> str:
        """The context that a file of this one is to have; the same where the system has none."""
        parts = context.split(":", len(SELINUX_PARTS) - 1)
        if len(parts) < len(SELINUX_PARTS) - 1 or not any(self.selinux):
            return context
        return ":".join(wanted or part for wanted, part in zip(self.selinux, (*parts, "")) if wanted or part)

    def give(self, descriptor: int) -> None:
        """Give a new file, of which its mode is not set yet, its owner and its context.

        :raises PermissionError: only root gives files away.
        """
        if self.user is not None or self.group is not None:
            os.fchown(descriptor, -1 if self.user is None else self.user, -1 if self.group is None else self.group)
        if any(self.selinux):
            there = context_of(descriptor)
            wanted = self.context(there)
            if wanted != there:
                os.setxattr(descriptor, SELINUX, f"{wanted}\0".encode())


def user_number(name: str) -> int:
    """The number of an account, by its name or number.

    :raises KeyError: there is none of this name.
    """
    return int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid


def group_number(name: str) -> int:
    """The number of a group, likewise."""
    return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
