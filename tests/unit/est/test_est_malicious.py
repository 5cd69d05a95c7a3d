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
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, ServerError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.plan import plan_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.serverkeygen import KeyRequest
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec

#: The work that any attempt may be, in steps of an empty loop.
STEPS = 300_000_000
#: The client reads at most 1 MiB of an answer. Whatever it makes of it, this many bytes have to do.
MEMORY = 64 * 1024 * 1024
WANTED = KeyRequest.build(KeySpec("ec"), parse_slash_dn("/CN=device"))

FAULTS = [
    "deep-nesting",
    "deep-nesting-ber",
    "gigantic-length",
    "gigantic-length-of-length",
    "many-elements",
    "many-certificates",
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
    "cacerts": ("no",),
    "csrattrs": ("no",),
    "simpleenroll": ("yes", "unknown"),
    "serverkeygen": ("yes", "unknown"),
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
        total_timeout=patience,
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


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("bounded_memory")
def test_req_061_req_127_a_malicious_answer(fault: str) -> None:
    with LabProcess("--fault", fault) as lab:
        for operation, ask in OPERATIONS.items():
            with connect(lab, patience=1.5) as est, ends(STEPS), pytest.raises(EstError) as caught:
                ask(est)
            assert caught.value.request_received in RECEIVED[operation], operation
            checked(caught.value)


@pytest.mark.usefixtures("bounded_memory")
def test_req_127_a_maze_of_certificates_is_left_in_time() -> None:
    with LabProcess("--fault", "certificate-maze") as lab, connect(lab) as est, ends(STEPS):
        with pytest.raises(EstError, match="at most 100 are read") as caught:
            est.cacerts()
        checked(caught.value)


@pytest.mark.usefixtures("bounded_memory")
def test_req_127_csr_attributes_of_a_malicious_server_do_not_stop_an_enrolment() -> None:
    with LabProcess("--fault", "csrattrs:deep-nesting") as lab, connect(lab) as est, ends(STEPS):
        told = est.csrattrs()
        assert told.attributes is None
        assert told.warnings
        plan_request(told.attributes, KeySpec("ec"), False, parse_slash_dn("/CN=device"))
        assert est.simpleenroll(REQUEST)


@pytest.mark.usefixtures("bounded_memory")
def test_req_121_ten_thousand_parts() -> None:
    refused = pytest.raises(EstError, match="parts")
    with LabProcess("--fault", "serverkeygen:many-parts") as lab, connect(lab) as est, ends(STEPS), refused as caught:
        est.serverkeygen(WANTED)
    checked(caught.value)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("{origin}/.well-known/est/simpleenroll", "in a circle|too many|redirect"),
        ("http://localhost:{port}/.well-known/est/simpleenroll", "https only"),
        ("//user:canary@localhost/x", "password|user"),
        ("file:///etc/passwd", "https"),
    ],
)
@pytest.mark.parametrize("operation", ["cacerts", "simpleenroll"])
def test_req_058_redirects_that_are_not_followed(operation: str, location: str, words: str) -> None:
    target = location.replace("simpleenroll", operation).replace("{port}", "80")
    with LabProcess("--redirect", f"{operation}:307:{target}") as lab, connect(lab) as est:
        with ends(STEPS), pytest.raises(ServerError, match=words) as caught:
            OPERATIONS[operation](est)
        assert len(lab.requests) == 1
    checked(caught.value)
    assert "canary" not in caught.value.reason


def test_req_058_a_redirect_loop_through_two_labels() -> None:
    base = "{origin}/.well-known/est"
    flags = [f"a/cacerts:302:{base}/b/cacerts", f"b/cacerts:302:{base}/a/cacerts", f"cacerts:302:{base}/a/cacerts"]
    arguments = ("--label", "a", "--label", "b", *(word for flag in flags for word in ("--redirect", flag)))
    with LabProcess(*arguments) as lab, connect(lab) as est:
        with ends(STEPS), pytest.raises(ServerError, match="in a circle"):
            est.cacerts()
        assert len(lab.requests) == 3


@pytest.mark.parametrize("operation", ["cacerts", "simpleenroll"])
def test_req_057_another_origin_gets_no_credentials(operation: str) -> None:
    with LabProcess("--credentials", "password") as other:
        target = f"{other.est_url}/{operation}"
        with LabProcess("--redirect", f"{operation}:307:{target}") as lab, connect(lab) as est:
            with ends(STEPS):
                if operation == "cacerts":
                    est.cacerts()
                else:
                    with pytest.raises(ServerError) as caught:
                        est.simpleenroll(REQUEST)
                    checked(caught.value)
            assert len(lab.requests) == 1
        assert not any(entry["authorization_present"] for entry in other.requests)
