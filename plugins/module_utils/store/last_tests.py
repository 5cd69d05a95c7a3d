# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What came of the last test enrolment of each template, in a small file beside the document.

It is a note, not a part of the store: losing it loses nothing but the knowledge which template to test again. So a
file that is damaged counts as empty, and is replaced at the next test. A document is::

    {"format": "maas360.cloud_extender.last_tests", "version": 1,
     "tests": {"Wi-Fi": {"status": "issued", "stage": null, "at": "2026-11-22T12:00:00Z",
                         "not_after": "2027-11-22T12:00:00Z"}}}

A reader leaves out the keys of an entry that it does not know, so a new one needs no new version. Files of before
``not_after`` have none.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import StoreError
from .files import cannot, locked, look_at, read_file, replace_file
from .layout import LAST_TESTS_NAME
from .utc import is_utc, utc_now

FORMAT = "maas360.cloud_extender.last_tests"
VERSION = 1
ISSUED, PENDING, FAILED = "issued", "pending", "failed"
#: The stage of a test that could not start, since an option was wrong or a library missing.
NOT_STARTED = "input"

_STAGE = re.compile(r"[a-z_]{1,32}")


@dataclass(frozen=True)
class LastTest:
    """What came of a test.

    :param status: ``issued``, ``pending`` or ``failed``.
    :param stage: the stage at which it failed, or None.
    :param at: when, in UTC as ``2026-11-22T12:00:00Z``, by the clock of the host.
    :param not_after: the end of the certificate that was issued, in UTC; None where none was, or where it is not known.
    """

    status: str
    stage: str | None
    at: str
    not_after: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """Return it as the file and the results hold it."""
        return {"status": self.status, "stage": self.stage, "at": self.at, "not_after": self.not_after}


def parse_last_tests(text: str) -> dict[str, LastTest]:
    """Read the file: the last test by the name of its template. What is no such entry is left out."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("version") != VERSION:
        return {}
    tests = data.get("tests")
    found = {name: _parse(entry) for name, entry in tests.items()} if isinstance(tests, dict) else {}
    return {name: entry for name, entry in found.items() if entry is not None}


def what_came_of(result: Mapping[str, Any]) -> tuple[str, str | None, str | None] | None:
    """Return status, stage and end of the certificate to note of a result of ``est_test_enroll``.

    None where there is nothing new to note: a test that could not start, one that stopped short of issuing, and one
    that has still to wait.
    """
    if result.get("failed"):
        return None if result["stage"] == NOT_STARTED else (FAILED, result["stage"], None)
    if not result["changed"]:
        return None
    if result["status"] == ISSUED:
        return ISSUED, None, result["certificate"]["not_after"]
    return (PENDING, None, None) if result["status"] == PENDING else None


def with_test(text: str, template: str, test: LastTest) -> str:
    """Return the text of the file with a test in it, in place of an earlier one of that template.

    :param text: of the file as it is; an empty text where there is none.
    """
    tests = {**parse_last_tests(text), template: test}
    data = {
        "format": FORMAT,
        "version": VERSION,
        "tests": {name: tests[name].as_json() for name in sorted(tests)},
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def record_test(
    store_path: str, template: str, status: str, stage: str | None = None, not_after: str | None = None
) -> None:
    """Note on this host what came of a test of a template in its store.

    :param store_path: the folder of the store, which exists.
    :param template: the name of the template.
    :param status: ``issued``, ``pending`` or ``failed``.
    :param stage: the stage at which it failed.
    :param not_after: the end of the certificate that was issued.
    :raises StoreError: when it cannot be noted.
    """
    test = LastTest(status, stage, utc_now(), not_after)
    path = os.path.join(store_path, LAST_TESTS_NAME)
    try:
        with locked(store_path):
            there = look_at(path)
            content = None if there is None else read_file(path, there)[0]
            text = with_test((content or b"").decode("utf-8", "replace"), template, test)
            replace_file(store_path, LAST_TESTS_NAME, text.encode("utf-8"))
    except OSError as error:
        raise StoreError(cannot("write", path, error)) from None


def _parse(entry: object) -> LastTest | None:
    if not isinstance(entry, dict):
        return None
    status, stage, at = entry.get("status"), entry.get("stage"), entry.get("at")
    if status not in (ISSUED, PENDING, FAILED) or not is_utc(at):
        return None
    if stage is not None and (not isinstance(stage, str) or not _STAGE.fullmatch(stage)):
        return None
    not_after = entry.get("not_after")
    if not_after is not None and (status != ISSUED or not is_utc(not_after)):
        return None
    return LastTest(status, stage, str(at), not_after)
