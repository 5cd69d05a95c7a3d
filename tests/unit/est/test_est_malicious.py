# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that mean harm: each attempt ends in our own error, soon, and within bounded memory."""

from __future__ import annotations

import tracemalloc
from typing import Any, Callable, Iterator

import pytest
from support.effort import ends
from support.est_answers import REQUEST
from support.lab import PASSWORD, USERNAME, LabProcess

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.serverkeygen import KeyRequest
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec

#: The work that any attempt may be, in steps of an empty loop.
STEPS = 300_000_000
#: The client reads at most 1 MiB of an answer. Whatever it makes of it, this many bytes have to do.
MEMORY = 64 * 1024 * 1024
WANTED = KeyRequest.build(KeySpec("ec"), parse_slash_dn("/CN=device"))

#: What the parser of each operation has to refuse.
ENCODED = [
    "deep-nesting",
    "deep-nesting-ber",
    "gigantic-length",
    "gigantic-length-of-length",
    "many-elements",
    "many-certificates",
]
#: What is refused before any parser, whatever was asked.
TRANSPORTED = [
    "gzip-bomb",
    "slow-drip",
    "endless-headers",
    "endless-body",
    "huge",
    "never-answers",
    "bad-status-line",
    "challenge-flood",
    "retry-after-flood",
]
#: Whether the enrolment request may have got there: of one without an answer it cannot be known.
RECEIVED = {
    "cacerts": ("not_received",),
    "csrattrs": ("not_received",),
    "simpleenroll": ("received", "unknown"),
    "serverkeygen": ("received", "unknown"),
}
OPERATIONS: dict[str, Callable[[EstClient], Any]] = {
    "cacerts": lambda est: est.cacerts(),
    "csrattrs": lambda est: est.csrattrs(strict=True),
    "simpleenroll": lambda est: est.simpleenroll(REQUEST),
    "serverkeygen": lambda est: est.serverkeygen(WANTED),
}


def connect(lab: LabProcess, patience: float = 50, **options: Any) -> EstClient:
    url = EstUrl.build(lab.host, lab.port)
    line = HttpsTransport(
        url,
        Trust.explicit(lab.ca_pem),
        credentials=Credentials(USERNAME, PASSWORD),
        connect_timeout=patience,
        read_timeout=patience,
        timeout=patience,
    )
    return EstClient(url, line, anchors=load_pem_certificates(lab.ca_pem), secrets=[PASSWORD], **options)


@pytest.fixture
def bounded_memory() -> Iterator[None]:
    """Python's own allocations have to stay below the limit."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEMORY, f"{peak / 1024 / 1024:.0f} MiB"


def checked(error: EstError) -> None:
    """It says what and where in a few words, and shows no secret."""
    assert error.stage in ("tls", "cacerts", "csrattrs", "enroll")
    assert error.hint
    for text in (error.reason, error.hint, error.server_message):
        assert len(text) < 2000
        assert text.isprintable()
        assert PASSWORD not in text


@pytest.mark.parametrize("fault", [*ENCODED, *TRANSPORTED])
@pytest.mark.usefixtures("bounded_memory")
def test_req_061_req_127_a_malicious_answer(fault: str) -> None:
    with LabProcess("--fault", fault) as lab:
        for operation in OPERATIONS if fault in ENCODED else ["simpleenroll"]:
            with connect(lab, patience=1.5) as est, ends(STEPS), pytest.raises(EstError) as caught:
                OPERATIONS[operation](est)
            assert caught.value.request_received in RECEIVED[operation], operation
            checked(caught.value)


@pytest.mark.usefixtures("bounded_memory")
def test_req_127_a_maze_of_certificates_is_left_in_time() -> None:
    with LabProcess("--fault", "certificate-maze") as lab, connect(lab) as est, ends(STEPS):
        with pytest.raises(EstError, match="at most 100 are read") as caught:
            est.cacerts()
        checked(caught.value)


@pytest.mark.usefixtures("bounded_memory")
def test_req_121_ten_thousand_parts() -> None:
    refused = pytest.raises(EstError, match="parts")
    with LabProcess("--fault", "serverkeygen:many-parts") as lab, connect(lab) as est, ends(STEPS), refused as caught:
        est.serverkeygen(WANTED)
    checked(caught.value)
