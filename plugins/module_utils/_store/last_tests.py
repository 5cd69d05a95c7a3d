# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of the last test enrolment of each template, in a small file beside the document.

An issued certificate is a proof that the CA issues for a template as it was then: the entry has a digest of the content
that was tested (``StoredTemplate.content``), so a template that has changed since is owed a new one, whatever
happened to the run in between. Losing the file loses nothing but the proofs: one that is damaged counts as empty, and
is replaced at the next test. A document is::

    {"format": "estfleet.cloud_extender.last_tests", "format_version": 1,
     "tests": {"Wi-Fi": {"status": "issued", "stage": null, "at": "2026-11-22T12:00:00Z",
                         "not_after": "2027-11-22T12:00:00Z", "content": "<hex>", "exchange": "host",
                         "lost": ["subject_alternative_name UPN:jdoe@example.com"], "differs": [],
                         "made_up": ["imei"], "http_status": null, "error_code": null}}}

A reader leaves out the keys of an entry that it does not know, so a new one needs no new version. An entry without
``content`` proves nothing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from typing import Any

from .._files.lock import locked
from .._value import Value
from .errors import StoreError, is_utc, utc_now
from .files import open_store, replace_file
from .found import cannot, read_last_tests
from .parts import LAST_TESTS_NAME

FORMAT = "estfleet.cloud_extender.last_tests"
FORMAT_VERSION = 1
ISSUED, PENDING, FAILED = "issued", "pending", "failed"
#: The stage of a test that could not start, since an option was wrong or a library missing.
NOT_STARTED = "input"

_STAGE = re.compile(r"[a-z_]{1,32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
#: Of a list of remarks: what a certificate says comes from a server, and may be anything.
_MOST_REMARKS = 32
_LONGEST_REMARK = 300


class LastTest(Value):
    """What came of a test.

    :param status: ``issued``, ``pending`` or ``failed``.
    :param stage: the stage at which it failed, or None.
    :param at: when, in UTC as ``2026-11-22T12:00:00Z``, by the clock of the host.
    :param not_after: the end of the certificate that was issued, in UTC; None where none was, or where it is not known.
    :param content: the digest of the template's content that was tested, or None where it is not known.
    :param exchange: where the exchange left from: ``host``, ``relay`` or ``controller``; None where it is not known.
    :param lost: what was asked for and is not in the certificate.
    :param differs: in what else the certificate is not what was asked for, in words.
    :param made_up: the variables of the template for which nothing was given: ``Test`` or a blank stood for them.
    :param http_status: of the server's refusal, where that is why it failed.
    :param error_code: the name for programs of why it failed; see docs/errors.md.
    """

    status: str
    stage: str | None
    at: str
    not_after: str | None = None
    content: str | None = None
    exchange: str | None = None
    lost: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    made_up: tuple[str, ...] = ()
    http_status: int | None = None
    error_code: str | None = None

    def proves(self, content: str) -> bool:
        """Say whether this is a proof for a template of such a content."""
        return self.status == ISSUED and self.content == content

    def as_json(self) -> dict[str, Any]:
        """Return it as the file holds it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.as_dict().items()}

    def as_result(self) -> dict[str, Any]:
        """Return it as results hold it: without the digest, and remarks only where there are some."""
        entry = self.as_json()
        del entry["content"]
        return {
            name: value
            for name, value in entry.items()
            if value not in (None, []) or name in ("status", "stage", "at", "not_after")
        }


def parse_last_tests(text: str) -> dict[str, LastTest]:
    """Read the file: the last test by the name of its template. What is not such an entry is left out."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("format_version") != FORMAT_VERSION:
        return {}
    tests = data.get("tests")
    found = {name: _parse(entry) for name, entry in tests.items()} if isinstance(tests, dict) else {}
    return {name: entry for name, entry in found.items() if entry is not None}


def last_test_entry(
    result: Mapping[str, Any], content: str | None = None, given: Collection[str] = ()
) -> dict[str, Any] | None:
    """Return what to note of a result of ``est_test_enroll``: an entry of the file, but for its time.

    None where there is nothing new to note: a test that could not start, one that stopped short of issuing, and one
    that has still to wait.

    :param content: the digest of the content of the template that was tested.
    :param given: the variables for which the user gave a value, or a blank: nothing was made up for those.
    """
    entry: dict[str, Any] = {"content": content, "exchange": result.get("exchange")}
    if result.get("failed"):
        if result["stage"] == NOT_STARTED:
            return None
        why = {name: result.get(name) for name in ("stage", "http_status", "error_code")}
        return {**entry, **why, "status": FAILED}
    if not result["changed"]:
        return None
    if result["status"] == ISSUED:
        remarks = {name: [str(words) for words in result.get(name) or ()] for name in ("lost", "differs")}
        made_up = [str(name) for name in result.get("substitutions") or () if name not in given]
        not_after = result["certificate"]["not_after"]
        return {**entry, **remarks, "status": ISSUED, "not_after": not_after, "made_up": made_up}
    return {**entry, "status": PENDING} if result["status"] == PENDING else None


def with_test(text: str, template: str, came: Mapping[str, Any]) -> str:
    """Return the text of the file with a test of this moment in it, in place of an earlier one of that template.

    :param text: of the file as it is; an empty text where there is none.
    :param came: what ``last_test_entry()`` returned.
    """
    tests = parse_last_tests(text)
    test = _parse({**came, "at": utc_now()})
    if test is not None:
        tests[template] = test
    data = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "tests": {name: tests[name].as_json() for name in sorted(tests)},
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def record_test(store_path: str, template: str, came: Mapping[str, Any]) -> None:
    """Note on this host what came of a test of a template in its store.

    :param store_path: the folder of the store, which exists.
    :param template: the name of the template.
    :param came: what ``last_test_entry()`` returned.
    :raises StoreError: when it cannot be noted.
    """
    try:
        with open_store(store_path) as store, locked(store):
            text = with_test(read_last_tests(store), template, came)
            replace_file(store, LAST_TESTS_NAME, text.encode("utf-8"))
    except OSError as error:
        raise StoreError(cannot("write", os.path.join(store_path, LAST_TESTS_NAME), error)) from None


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
    content, exchange, http_status = entry.get("content"), entry.get("exchange"), entry.get("http_status")
    error_code = entry.get("error_code")
    return LastTest(
        status,
        stage,
        str(at),
        not_after,
        content=content if isinstance(content, str) and _DIGEST.fullmatch(content) else None,
        exchange=exchange if isinstance(exchange, str) and _STAGE.fullmatch(exchange) else None,
        lost=_remarks(entry.get("lost")),
        differs=_remarks(entry.get("differs")),
        made_up=_remarks(entry.get("made_up")),
        http_status=http_status if isinstance(http_status, int) and 100 <= http_status <= 999 else None,
        error_code=error_code if isinstance(error_code, str) and _STAGE.fullmatch(error_code) else None,
    )


def _remarks(found: object) -> tuple[str, ...]:
    if not isinstance(found, list):
        return ()
    return tuple(words[:_LONGEST_REMARK] for words in found[:_MOST_REMARKS] if isinstance(words, str))
