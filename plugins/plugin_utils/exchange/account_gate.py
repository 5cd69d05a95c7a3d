# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One refused account is one event, and not one for each template and host.

A wrong password that fifty hosts try with twenty templates, every hour, locks the account. So the tests of a run share
a file of notes. The first test with an account at a server goes alone, and the others wait for what the server says. If
it accepts the account, all of them go on at once. If it refuses it (401), no other test of this run uses it there.
A 403 is about what the account may do, and stops the CA label that it was said of.

A wait has a bound (``AccountGate.enter()``), and a server that cannot be reached says nothing about an account: after
two such tests nobody waits any more. So a server that says 401 later than that can hear it once for each fork.

Where the account is accepted, the first test of each CA label goes alone in the same way, for a 403.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files.lock import locked_folder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._value import Value

_NOTES = "est-fleet-accounts.json"
_MAX_OCTETS = 16 * 1024 * 1024
#: After so many tests that end without a word about the account, the next ones do not wait for one another.
_MOST_SILENT = 2
_POLL_SECONDS = 0.05
#: The stages at which a test fails though the server has issued.
_AFTER_THE_ANSWER = ("verify", "save")
#: The stage of a test that asked nobody: it says nothing about account and server.
_NOT_STARTED = "input"
#: In place of a label, for the turn of the first test with an account.
_OF_THE_ACCOUNT = "*"


class Account(Value):
    """What is used at an EST server.

    :param server: the server as ``https://host:port``.
    :param label: the CA label, or an empty text.
    :param username: the user name; None where it is only known on the host.
    :param password: the password; None where it is only known on the host.
    """

    server: str
    label: str
    username: Optional[str]
    password: Optional[str]

    @property
    def name(self) -> str:
        """The account in words, without its password."""
        return "the account kept on the host" if self.username is None else f"the account '{self.username}'"

    def mark(self, salt: str) -> str:
        """What tells this account at this server from another, whatever the label."""
        told = json.dumps([self.server, self.username, self.password])
        return hashlib.blake2b(told.encode("utf-8", "surrogateescape"), key=salt.encode("ascii")).hexdigest()[:32]


class Refusal(Value):
    """That a server has refused an account in this run.

    :param status: the HTTP status, 401 or 403.
    :param host: the host whose test it was.
    """

    status: int
    host: str


class AccountGate:
    """The notes of one run of ansible-playbook about accounts.

    :param folder: the temporary folder of the run, which all its processes share and which is removed at its end.
    :param host: the host that this process works on.
    :param clock: seconds.
    :param sleep: waits so many seconds.
    """

    def __init__(
        self,
        folder: str,
        host: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder
        self._host = host
        self._clock = clock
        self._sleep = sleep

    def enter(self, account: Account, wait_seconds: float) -> Optional[Refusal]:
        """Wait for one's turn; return why the account must not be used, or None where it may.

        :param wait_seconds: how long to wait at most for the word of the server to another test. After that the test
            goes on without it.
        :raises OSError: the notes cannot be read or written.
        """
        started = self._clock()
        while True:
            with self._notes() as notes:
                note = self._note_of(notes, account)
                if "refused" in note:
                    return Refusal(401, note["refused"])
                if account.label in note["labels"]:
                    return Refusal(403, note["labels"][account.label])
                # Once the account is accepted, the first test of each label goes alone.
                turn = account.label if note["accepted"] else _OF_THE_ACCOUNT
                late = self._clock() - started >= wait_seconds
                if not note["trying"].get(turn) or late or note["silent"] >= _MOST_SILENT or turn in note["accepted"]:
                    note["trying"][turn] = self._host
                    return None
            self._sleep(_POLL_SECONDS)

    def leave(self, account: Account, result: Mapping[str, Any]) -> None:
        """Note what the server said of an account.

        :param result: that of est_test_enroll. Its ``username`` says of an account that is only known on the host
            whether there is one at all.
        :raises OSError: the notes cannot be written.
        """
        status = result.get("http_status")
        with self._notes() as notes:
            note = self._note_of(notes, account)
            note["trying"] = {turn: host for turn, host in note["trying"].items() if host != self._host}
            if status == 401 and (account.username is not None or result.get("username") is not None):
                note.setdefault("refused", self._host)
            elif status == 403:
                self._accept(note, _OF_THE_ACCOUNT)
                note["labels"].setdefault(account.label, self._host)
            elif not result.get("failed") or status == 400 or result.get("stage") in _AFTER_THE_ANSWER:
                self._accept(note, account.label)
            elif result.get("stage") != _NOT_STARTED:
                note["silent"] += 1

    def failures(self, more: int = 0) -> int:
        """Return how many certificates could not be had in this run.

        :param more: of them that were not noted yet.
        :raises OSError: the notes cannot be read or written.
        """
        with self._notes() as notes:
            notes["failures"] = int(notes.get("failures", 0)) + more
            return int(notes["failures"])

    @staticmethod
    def _accept(note: dict[str, Any], label: str) -> None:
        if label not in note["accepted"]:
            note["accepted"].append(label)

    @staticmethod
    def _note_of(notes: dict[str, Any], account: Account) -> dict[str, Any]:
        notes.setdefault("salt", os.urandom(16).hex())
        fresh = {"trying": {}, "accepted": [], "silent": 0, "labels": {}}
        found: dict[str, Any] = notes.setdefault(account.mark(notes["salt"]), fresh)
        return found

    @contextlib.contextmanager
    def _notes(self) -> Iterator[dict[str, Any]]:
        with locked_folder(self._folder) as folder:
            before = folder.read(_NOTES, _MAX_OCTETS).content or b""
            notes = json.loads(before) if before else {}
            yield notes
            text = json.dumps(notes).encode("ascii")
            if text != before:
                folder.write(_NOTES, text, durable=False)
