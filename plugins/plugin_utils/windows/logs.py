# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of a Windows host: which there are, newest first, and their text without secrets.

No module of ``ansible.windows`` reads a part of a file, so what is larger than what is left of the limit stays there. A
file that another program has open for writing shows the size that it had when it was last closed, 0 for a new one,
and ``slurp`` cannot read it: it does not share it with a writer. The connections ``winrm`` and ``ssh`` do, when they
fetch a file. For ``psrp``, which does not, the host makes a copy, in a folder of SYSTEM and Administrators.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.archive import UniqueNames, safe_path
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.log_files import (
    MAX_DEPTH,
    MAX_FILES,
    Candidate,
    Log,
    Logs,
    NotCollected,
    end_of,
    taken,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.log_text import OVERLAP
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show

from ..host.paths import check_windows_path
from .folder import prepare_folder
from .host import Refused, WindowsHost

#: Where the product keeps its logs.
PRODUCT_LOGS = r"%ProgramData%\MaaS360\Cloud Extender\logs"
#: Files that are read: each is one round trip, or more.
MAX_READ = 20
#: Files that are read in a way that takes more than one, as another program has them open or forbids it.
MAX_DIFFICULT = 5

_VARIABLE = re.compile(r"%([^%\\]+)%")


def check_log_path(option: str, path: str) -> str:
    r"""Return the path of a folder or file, or a glob such as ``C:\logs\*.log``, with backslashes.

    :raises TemplateError: it is none.
    """
    folder, _separator, name = path.replace("/", "\\").rpartition("\\")
    if "*" not in name and "?" not in name:
        return check_windows_path(path, option)
    if re.search(r'[<>:"|%]', name):
        raise TemplateError(option, f"has the part {show(name)}, which is not a glob on Windows", value=show(path))
    return f"{check_windows_path(folder, option)}\\{name}"


def expanded(path: str, variables: Mapping[str, str]) -> str:
    """Put in the value of the variable that a path begins with.

    :param variables: of the host's environment, in small letters.
    :raises NotCollected: there is no such variable.
    """
    match = _VARIABLE.match(path)
    if match is None:
        return path
    value = variables.get(match[1].lower())
    if not value:
        raise NotCollected(f"the environment of the host has no variable {match[1]}, or does not tell it")
    return value + path[match.end() :]


class WindowsLogs:
    """The logs of a host, as far as they were collected.

    :param variables: of the host's environment, in small letters.
    :param utc_offset: seconds that the host's time zone is ahead of UTC: ``win_find`` tells local times.
    :param max_bytes: octets of text in all.
    :param secrets: known passwords and the like, which are taken out.
    :param deadline: by ``time.monotonic()``; nothing is begun after it.
    :param never: folders from which nothing is collected: keys are in them.
    :param make_copies: whether files of ours may be made on the host.
    """

    def __init__(
        self,
        host: WindowsHost,
        *,
        variables: Mapping[str, str],
        utc_offset: int,
        max_bytes: int,
        secrets: Sequence[str],
        deadline: float,
        never: Sequence[str],
        make_copies: bool,
    ) -> None:
        self._host = host
        self._variables = variables
        self._utc_offset = utc_offset
        self._max_bytes = max_bytes
        self._left = max_bytes
        self._secrets = secrets
        self._deadline = deadline
        self._never = ["\\".join([path.rstrip("\\"), ""]).lower() for path in never]
        self._make_copies = make_copies
        self._difficult = 0
        self._folder = ""
        self._folder_is_private = False
        self.logs = Logs()

    def collect(self, patterns: Sequence[str]) -> None:
        """Collect what the patterns mean, newest first."""
        names, read = UniqueNames(), 0
        try:
            for candidate in self._newest_first(patterns):
                why_not = self._why_not_read(read)
                if why_not:
                    self._leave_out(candidate.path, why_not)
                    continue
                read += 1
                try:
                    self._take(candidate, names)
                except (NotCollected, Refused) as error:
                    self._leave_out(candidate.path, str(error))
        finally:
            self._remove_copies()

    def _leave_out(self, path: str, reason: str) -> None:
        self.logs.skipped_files.append((path, reason))

    def _why_not_read(self, read: int) -> str:
        if self._left <= 0:
            return f"the limit of {self._max_bytes} octets is reached (max_log_size)"
        if read >= MAX_READ:
            return f"of a Windows host the newest {MAX_READ} files are read"
        return "the time for logs is over (timeout)" if time.monotonic() > self._deadline else ""

    # -- which there are -------------------------------------------------------------------------------------------

    def _newest_first(self, patterns: Sequence[str]) -> list[Candidate]:
        found: dict[str, Candidate] = {}
        for pattern in patterns:
            try:
                entries = self._find(expanded(pattern, self._variables))
            except (NotCollected, Refused) as error:
                self._leave_out(pattern, str(error))
                continue
            for top, entry in entries:
                path = str(entry["path"])
                if entry.get("islnk"):
                    self._leave_out(path, "is a symbolic link, and those are not followed")
                elif any(path.lower().startswith(folder) for folder in self._never):
                    self._leave_out(path, "is not a log: it is of the template store or a test")
                else:
                    name = safe_path(path[len(top) :])
                    size, modified = int(entry["size"] or 0), float(entry["lastwritetime"]) - self._utc_offset
                    found.setdefault(path.lower(), Candidate(path, name, size, modified))
        # The time of a file that is open is as old as its size, and then it is the one that is written to.
        newest = sorted(found.values(), key=lambda one: (one.size != 0, -one.modified, one.path))
        if len(newest) > MAX_FILES:
            self._leave_out(newest[MAX_FILES].path, f"this and what is older: there are more than {MAX_FILES} files")
        return newest[:MAX_FILES]

    def _find(self, path: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the files that a path means, each with the folder below which its name counts."""
        folder, _separator, name = path.rpartition("\\")
        if "*" in name or "?" in name:
            self._stat(folder)
            return self._find_names(folder, name) or _nothing("there is nothing that matches")
        if not self._stat(path)["isdir"]:
            return self._find_names(folder, name)
        found = self._ask_find({"paths": [path], "recurse": True, "depth": MAX_DEPTH})
        return [(path, entry) for entry in found] or _nothing("is an empty folder")

    def _stat(self, path: str) -> Mapping[str, Any]:
        # Asked first: win_find tells only by a warning what it does not find.
        stat: Mapping[str, Any] = self._host.ask("win_stat", {"path": path, "get_checksum": False, "get_size": False})
        return stat["stat"] if stat["stat"]["exists"] else _nothing("does not exist, or is not accessible")

    def _find_names(self, folder: str, name: str) -> list[tuple[str, Mapping[str, Any]]]:
        # A bracket in a name would be a wildcard of PowerShell's.
        regex = re.escape(name).replace(r"\*", ".*").replace(r"\?", ".")
        found = self._ask_find({"paths": [folder], "patterns": [f"^{regex}$"], "use_regex": True})
        return [(folder, entry) for entry in found]

    def _ask_find(self, arguments: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        found = self._host.ask("win_find", {"hidden": True, "get_checksum": False, **arguments})["files"]
        return list(found)

    # -- what is in them -------------------------------------------------------------------------------------------

    def _take(self, candidate: Candidate, names: UniqueNames) -> None:
        content, size = self._read(candidate)
        end = end_of(content, self._left + OVERLAP, self._deadline)
        data, name, notes, _cut = taken(end, candidate.name, self._left, self._secrets)
        self._left -= len(data)
        self.logs.found.append(Log(names.take(name), candidate.path, size, int(candidate.modified), data))
        for note in notes:
            self._leave_out(candidate.path, note)

    def _read(self, candidate: Candidate) -> tuple[bytes, int]:
        """Return what is in a file, and its size as the host tells it."""
        path, size, refusal = candidate.path, candidate.size, ""
        if size:
            self._refuse_large(size)
            try:
                return self._slurp(path), size
            except Refused as refused:
                refusal = str(refused)
        if refusal and self._difficult >= MAX_DIFFICULT:
            raise NotCollected(refusal)
        # The file itself is asked for its size, and not its folder.
        size = int(self._host.ask("win_stat", {"path": path, "get_checksum": False})["stat"].get("size") or 0)
        self._refuse_large(size)
        if not size and not refusal:
            try:
                return self._slurp(path), size
            except Refused as refused:
                refusal = str(refused)
        if self._difficult >= MAX_DIFFICULT:
            raise NotCollected("another program has it open, and so many of such files are not read")
        self._difficult += 1
        try:
            return self._host.fetch(path), size
        except Refused as refused:
            return self._read_copy(path, refusal or str(refused)), size

    def _slurp(self, path: str) -> bytes:
        # In the logs is what nobody may print; it is taken out only afterwards.
        return base64.b64decode(self._host.ask("slurp", {"src": path}, secret=True)["content"])

    def _refuse_large(self, size: int) -> None:
        if size > self._left:
            raise NotCollected(
                f"has {size} octets, more than the {self._left} that are left of max_log_size, and no module of "
                "Windows reads a part of a file"
            )

    def _read_copy(self, path: str, refusal: str) -> bytes:
        """Let the host copy a file, which shares it with who writes it, and read the copy."""
        if not self._make_copies:
            raise NotCollected(f"{refusal.rstrip('.')}; check mode makes no copy of it to read that")
        if not self._folder:
            made = self._host.ask("win_tempfile", {"state": "directory", "prefix": "cloud_extender."})
            self._folder = str(made["path"])
            prepare_folder(self._host, self._folder)
            self._folder_is_private = True
        if not self._folder_is_private:
            raise NotCollected(refusal)
        copy = f"{self._folder}\\log"
        arguments = {"src": path, "dest": copy, "remote_src": True, "_copy_mode": "remote"}
        try:
            self._refuse_large(int(self._host.ask("win_copy", arguments).get("size") or 0))
            return self._slurp(copy)
        except Refused:
            raise NotCollected(refusal) from None

    def _remove_copies(self) -> None:
        if not self._folder:
            return
        try:
            self._host.ask("win_file", {"path": self._folder, "state": "absent"})
        except Refused as refused:
            self._leave_out(self._folder, f"has a copy of a log in it, and could not be removed: {refused}")


def _nothing(why: str) -> Any:
    raise NotCollected(why)


def utc_offset_of(text: Optional[str]) -> int:
    """Return the seconds of a time zone such as ``+02:00``, or 0."""
    match = re.fullmatch(r"([+-])(\d\d):?(\d\d)", text or "")
    if match is None:
        return 0
    seconds = int(match[2]) * 3600 + int(match[3]) * 60
    return -seconds if match[1] == "-" else seconds
