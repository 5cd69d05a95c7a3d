# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import (
    parse_distinguished_name,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.pending import (
    PendingEnrolment,
    request_digest,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import build_csr
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    KeySpec,
    generate_key,
    private_key_pem,
)

ASKED = {
    "url": "https://est.example.com:8443/.well-known/est",
    "username": "estuser",
    "subject": (("2.5.4.3", "jdoe"),),
    "subject_alternative_names": (GeneralName("UPN", "jdoe@example.com"),),
    "key": ["ec", None, "P-256"],
}
DIGEST = request_digest(**ASKED)
NOW = datetime.now(timezone.utc).replace(microsecond=0)
KEY = generate_key(KeySpec("ec"))
REQUEST = build_csr(KEY, parse_distinguished_name("CN=jdoe"))
PENDING = PendingEnrolment(KEY, REQUEST, NOW)
TEXTS = PENDING.as_texts(DIGEST)


def damaged(**changes):
    return {**TEXTS, "state.json": json.dumps({**json.loads(TEXTS["state.json"]), **changes})}


def test_req_087_what_was_kept_is_read_back():
    kept = PendingEnrolment.from_texts(TEXTS, DIGEST)
    assert private_key_pem(kept.key) == private_key_pem(KEY)
    assert (kept.request.der, kept.request.public_key_der) == (REQUEST.der, REQUEST.public_key_der)
    assert kept.retry_at == NOW


@pytest.mark.parametrize("changed", ASKED)
def test_req_087_another_request_starts_anew(changed):
    other = request_digest(**{**ASKED, changed: ["something else"]})
    assert PendingEnrolment.from_texts(TEXTS, other) is None


def test_the_digest_does_not_depend_on_the_order():
    assert request_digest(**dict(reversed(ASKED.items()))) == DIGEST


@pytest.mark.parametrize(
    "texts",
    [
        None,
        {},
        {**TEXTS, "state.json": ""},
        {**TEXTS, "state.json": "not JSON"},
        {**TEXTS, "state.json": "[]"},
        {**TEXTS, "state.json": "null"},
        {**TEXTS, "state.json": "[" * 20000},
        damaged(format_version=2),
        damaged(format_version="1"),
        damaged(retry_at="tomorrow"),
        damaged(retry_at=None),
        damaged(retry_at=17),
        damaged(retry_at="2026-13-41T99:00:00Z"),
        *({name: text for name, text in TEXTS.items() if name != missing} for missing in TEXTS),
        *({**TEXTS, name: "damaged"} for name in TEXTS),
        {**TEXTS, "private_key.pem": private_key_pem(generate_key(KeySpec("ec"))).decode()},
    ],
)
def test_what_is_damaged_starts_anew(texts):
    assert PendingEnrolment.from_texts(texts, DIGEST) is None


@pytest.mark.parametrize(
    ("seconds", "wait", "due"), [(-1, 0, True), (60, 0, False), (60, 30, False), (60, 90, True), (10**9, 86400, False)]
)
def test_req_085_when_it_is_due(seconds, wait, due):
    assert PENDING.replace(retry_at=datetime.now(timezone.utc) + timedelta(seconds=seconds)).is_due(wait) is due


def test_the_key_is_not_shown():
    assert repr(KEY) not in repr(PENDING)
