# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of an exchange change in a test enrolment: consent to redirects, patience, HTTP authentication."""

from __future__ import annotations

from typing import Any

import pytest
from support.enrolment import enrol, template_for
from support.lab import PASSWORD, LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import ServerError


@pytest.fixture(scope="module")
def lab() -> Any:
    with LabServer() as server:
        yield server


def redirecting_to(other: LabServer) -> LabServer:
    return LabServer("--redirect", f"simpleenroll:307:{other.est_url}/simpleenroll")


def test_req_057_an_enrolment_goes_to_another_server_only_with_consent(lab: LabServer, tmp_path: Any) -> None:
    before = len(lab.requests)
    with redirecting_to(lab) as first:
        with pytest.raises(ServerError) as caught:
            enrol(tmp_path, template_for(first))
        assert (caught.value.stage, caught.value.http_status) == ("enroll", 307)
        assert f"https://localhost:{lab.port}, which needs your consent" in caught.value.reason
        assert "allow_redirects_to" in hint_of(caught.value)
        assert len(lab.requests) == before
        outcome = enrol(tmp_path, template_for(first), allow_redirects_to=(f"localhost:{lab.port}",))
    assert outcome["status"] == "issued"
    assert [(entry["operation"], entry["authorization_present"]) for entry in lab.requests[before:]] == [
        ("simpleenroll", True)
    ]


@pytest.mark.parametrize(("patience", "asked"), [(0, 1), (2, 2)])
def test_req_060_a_busy_server_is_asked_again_as_long_as_the_user_waits(
    patience: int, asked: int, tmp_path: Any
) -> None:
    with LabServer("--fault", "simpleenroll:http-503") as busy:  # its Retry-After is 2
        with pytest.raises(ServerError, match="not available"):
            enrol(tmp_path, template_for(busy), busy_timeout=patience)
        assert len(busy.enrolments) == asked


@pytest.mark.parametrize(
    ("scheme", "offered", "sent"),
    [
        ("auto", "basic", ["basic"]),
        ("auto", "digest-sha256", ["basic", "digest"]),
        ("basic", "basic+digest", ["basic"]),
        ("digest", "basic+digest", [None, "digest"]),
    ],
)
def test_req_064_the_scheme_can_be_chosen(scheme: str, offered: str, sent: list[Any], tmp_path: Any) -> None:
    with LabServer("--authentication", offered, "--credentials", "password") as server:
        outcome = enrol(tmp_path, template_for(server), http_authentication=scheme)
        assert [entry.get("authorization_present") for entry in server.enrolments] == [one is not None for one in sent]
    assert outcome["server"]["authenticated_by"] == [sent[-1]]


@pytest.mark.parametrize(("scheme", "offered"), [("digest", "basic"), ("basic", "digest")])
def test_req_065_a_server_without_the_chosen_scheme_is_told(scheme: str, offered: str, tmp_path: Any) -> None:
    with LabServer("--authentication", offered, "--credentials", "password") as server:
        with pytest.raises(ServerError) as caught:
            enrol(tmp_path, template_for(server), http_authentication=scheme)
        assert [entry["status"] for entry in server.enrolments] == [401]
        assert [entry["authorization_present"] for entry in server.enrolments] == [scheme == "basic"]
    assert caught.value.http_status == 401
    assert "http_authentication" in hint_of(caught.value)
    assert PASSWORD not in f"{caught.value.reason} {hint_of(caught.value)}"
