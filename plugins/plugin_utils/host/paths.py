# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths of folders on a Windows host: what may be one, and its one spelling."""

from __future__ import annotations

import re
from typing import Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import WINDOWS_STORE_PATH
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.names import check_text

# A drive, a share, or a variable of the host's environment that holds such a path.
_ROOT = re.compile(r"(?:[A-Za-z]:|\\\\[^\\]+\\[^\\]+|%[^%\\]+%)(?=\\)")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file; a percent sign would be taken for a variable.
_FORBIDDEN = re.compile(r'[<>:"|?*%]')
_RESERVED = re.compile(
    r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[0-9\u00b9\u00b2\u00b3]|LPT[0-9\u00b9\u00b2\u00b3])(?:\..*)?", re.I
)
#: Without the long path setting of Windows a folder may have 248 characters, with the names of our files 260.
_LONGEST = 200


def check_windows_path(path: str, option: str = "store_path") -> str:
    r"""Return a folder's path with backslashes, and without one at its end.

    :param option: the option that it is of.
    :raises TemplateError: unless it is an absolute path that Windows can have, such as ``D:\est`` or
        ``%ProgramData%\est``.
    """
    check_text(option, path)
    normal = path.replace("/", "\\")
    root = _ROOT.match(normal)
    if root is None:
        raise _wrong(option, path, "is not the absolute path of a folder on a Windows host")
    names = [name for name in normal[root.end() :].split("\\") if name]
    if not names:
        raise _wrong(option, path, "is not the path of a folder of its own")
    for name in names:
        reason = _why_not(name)
        if reason:
            raise _wrong(option, path, f"has the part {show(name)}, which {reason}")
    if len(normal) > _LONGEST:
        raise _wrong(option, path, f"is longer than {_LONGEST} characters")
    return "\\".join([root.group(), *names])


def check_windows_folder(option: str, path: Optional[str]) -> str:
    """The same; None, which only ``store_path`` may be, is where the store of a Windows host is."""
    return check_windows_path(WINDOWS_STORE_PATH if path is None else path, option)


def check_windows_name(option: str, name: str) -> None:
    """Check a name of a folder.

    :raises TemplateError: unless Windows can have it.
    """
    reason = _why_not(name)
    if reason:
        raise TemplateError(option, f"is a name which {reason}", value=show(name))


def _why_not(name: str) -> str:
    """Return why Windows cannot have a name, as what follows the word which; or an empty text."""
    if name in (".", "..") or _FORBIDDEN.search(name) or name.endswith((" ", ".")):
        return "is not a folder name on Windows"
    return "Windows keeps for a device" if _RESERVED.fullmatch(name) else ""


def _wrong(option: str, path: str, reason: str) -> TemplateError:
    return TemplateError(option, reason, value=show(path), allowed=f"a path such as {WINDOWS_STORE_PATH}")
