# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.pending import (
    PendingState,
    request_digest,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName

ASKED = {
    "url": "https://est.example.com:8443/.well-known/est",
    "username": "estuser",
    "subject": (("2.5.4.3", "jdoe"),),
    "subject_alternative_names": (GeneralName("UPN", "jdoe@example.com"),),
    "key": ["ec", None, "P-256"],
}
DIGEST = request_digest(**ASKED)
NOW = datetime.now(timezone.utc).replace(microsecond=0)


def state(retry_at=NOW):
    return PendingState(DIGEST, retry_at, "the key", "the request")


def damaged(**changes):
    files = state().files()
    return {**files, "state.json": json.dumps({**json.loads(files["state.json"]), **changes})}


def test_req_087_what_was_kept_is_read_back():
    assert PendingState.from_files(state().files(), DIGEST) == state()


@pytest.mark.parametrize("changed", ASKED)
def test_req_087_another_request_starts_anew(changed):
    other = request_digest(**{**ASKED, changed: ["something else"]})
    assert PendingState.from_files(state().files(), other) is None


def test_the_digest_does_not_depend_on_the_order():
    assert request_digest(**dict(reversed(ASKED.items()))) == DIGEST


@pytest.mark.parametrize(
    "files",
    [
        None,
        {},
        {**state().files(), "state.json": ""},
        {**state().files(), "state.json": "not JSON"},
        {**state().files(), "state.json": "[]"},
        {**state().files(), "state.json": "null"},
        {**state().files(), "state.json": "[" * 20000},
        damaged(version=2),
        damaged(version="1"),
        damaged(retry_at="tomorrow"),
        damaged(retry_at=None),
        damaged(retry_at=17),
        damaged(retry_at="2026-13-41T99:00:00Z"),
        {name: text for name, text in state().files().items() if name != "private_key.pem"},
    ],
)
def test_what_is_damaged_starts_anew(files):
    assert PendingState.from_files(files, DIGEST) is None


@pytest.mark.parametrize(
    ("seconds", "wait", "due"), [(-1, 0, True), (60, 0, False), (60, 30, False), (60, 90, True), (10**9, 86400, False)]
)
def test_req_085_when_it_is_due(seconds, wait, due):
    assert state(datetime.now(timezone.utc) + timedelta(seconds=seconds)).is_due(wait) is due


def test_the_key_is_not_shown():
    assert "the key" not in repr(state())
