# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts of a run leave for its report, and merging the JSON files of several reports, as of job slices."""

from __future__ import annotations

import glob
import hashlib
import json
import os
from datetime import datetime
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set

from .._files.folder import Folder
from .._files.lock import locked_folder
from .counts import ReportError
from .document import Document, merge_documents, parse_document

# ----------------------------------------------------------------------------------------------------------------------
# What a run of ansible-playbook has found so far, kept in one file while it runs: a line for each host.
#
# Every host is a process of its own, and none of them lives to see the others end. The file lies in the temporary
# folder of the run, which Ansible removes at its end, so that two runs never meet in it.

#: More than the hosts of any run leave.
_MAX_OCTETS = 2**40


class Spool:
    """The file of one report.

    :param folder: the temporary folder of the run.
    :param report_dest: where the report will be written; runs of the role with another one have another file.
    """

    def __init__(self, folder: str, report_dest: str) -> None:
        digest = hashlib.sha256(report_dest.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self._folder, self._name = folder, f"est-fleet-report-{digest}.jsonl"
        self.path = os.path.join(folder, self._name)

    def add(self, record: Mapping[str, Any], batch: Sequence[str] = ()) -> bool:
        """Add the entry of a host, and say whether by now none of its batch could be reached.

        All entries are read for that only when as many hosts have ended as were missing at the last reading: what a
        fleet that is down costs grows with it, not with its square.

        :param batch: the hosts that run together with it.
        :raises OSError: it cannot be written.
        """
        # The state comes first, apart, so that those who only look for states need not read the rest as JSON.
        line = f"{record['state']}\t{json.dumps(record['name'])}\t{json.dumps(record)}\n".encode("ascii")
        ended, due = f"{self._name}.ended", f"{self._name}.due"
        with locked_folder(self._folder) as folder:
            folder.append(self._name, line)
            if not batch:
                return False
            folder.append(ended, b".")
            if record["state"] != "unreachable":
                return False
            noted = folder.look(ended)
            number = noted.st_size if noted else 0
            of_batch = hashlib.sha256("\0".join(batch).encode("utf-8", "surrogateescape")).hexdigest()
            known, _space, at = (folder.read(due, _MAX_OCTETS).content or b"").decode("ascii").partition(" ")
            if known == of_batch and number < int(at):
                return False
            missing = len(set(batch) - self._unreachable(folder))
            # Where none is missing, from here on it would be another round.
            folder.write(due, f"{of_batch} {number + (missing or len(batch))}".encode("ascii"), durable=False)
        return not missing

    def records(self) -> Dict[str, Dict[str, Any]]:
        """Return the entries by host; of a host that was added more than once, the last."""
        found = (json.loads(line.split(b"\t", 2)[2]) for line in self._lines())
        return {str(record["name"]): record for record in found}

    def _unreachable(self, locked: Folder) -> Set[str]:
        """Return the hosts whose last entry says that they could not be reached."""
        states: Dict[str, bytes] = {}
        for line in self._lines(locked):
            state, name, _rest = line.split(b"\t", 2)
            states[str(json.loads(name))] = state
        return {name for name, state in states.items() if state == b"unreachable"}

    def news(self) -> Dict[str, str]:
        """Return the states of the hosts of which entries were added since this was asked last.

        :raises OSError: the files of the run cannot be read or written.
        """
        seen = f"{self._name}.seen"
        with locked_folder(self._folder) as folder:
            lines, known = self._lines(folder), int(folder.read(seen, _MAX_OCTETS).content or b"0")
            folder.write(seen, str(len(lines)).encode("ascii"), durable=False)
        return {str(json.loads(line.split(b"\t", 2)[1])): line.split(b"\t", 1)[0].decode() for line in lines[known:]}

    def _lines(self, locked: Optional[Folder] = None) -> List[bytes]:
        if locked is None:
            with locked_folder(self._folder) as folder:
                return self._lines(folder)
        return (locked.read(self._name, _MAX_OCTETS).content or b"").splitlines()


# ----------------------------------------------------------------------------------------------------------------------


def merge_files(
    paths: Iterable[str], expected: Optional[Sequence[str]] = None, oldest: Optional[datetime] = None
) -> Document:
    """Read reports and return them as one.

    :param paths: JSON files, or patterns such as ``slices/*.json``.
    :param expected: see ``merge_documents()``, for this and the next.
    :raises ReportError: a pattern matches nothing, or a file cannot be read or is not a report.
    """
    files: List[str] = []
    for path in paths:
        found = sorted(glob.glob(os.path.expanduser(path))) or [os.path.expanduser(path)]
        files.extend(file for file in found if file not in files)
    return merge_documents([read_report(file) for file in files], expected=expected, oldest=oldest)


def read_report(path: str) -> Document:
    """Read a report.

    :raises ReportError: it cannot be read, or is something else.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ReportError(f"{path} cannot be read: {why}") from None
    return parse_document(text, path)
