# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at lab servers, from this process."""

from __future__ import annotations

import hashlib
import json
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from support.lab import LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import look_failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.host_connector import HostConnector
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.server_info import (
    argument_spec,
    look,
    read_options,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    ServerError,
    Timeline,
)


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer("--csrattrs", "ec-p384") as server:
        yield server


def options(**given: Any) -> dict[str, Any]:
    defaults = {name: spec.get("default") for name, spec in argument_spec().items()}
    return {**defaults, **given}


def look_at(lab: LabServer, **given: Any) -> dict[str, Any]:
    asked = read_options(options(inline={"name": "wifi", "server": lab.host, "port": lab.port, **given}))
    assert asked.inline is not None
    return look(asked.inline, asked.exchange_options, HostConnector(), Timeline())


def fingerprint_of(lab: LabServer) -> str:
    digits = hashlib.sha256(ssl.PEM_cert_to_DER_cert(lab.ca_pem)).hexdigest().upper()
    return ":".join(digits[index : index + 2] for index in range(0, 64, 2))


def sent(lab: LabServer, before: int) -> list[tuple[str, str, bool]]:
    return [(entry["method"], entry["operation"], entry["authorization_present"]) for entry in lab.requests[before:]]


def test_req_003_req_040_a_verified_server(lab: LabServer) -> None:
    found = look_at(lab, ca_certificate=lab.ca_pem)
    json.dumps(found)
    assert (found["changed"], found["trusted"], found["exchange"]) == (False, True, "host")
    server = found["server"]
    assert (server["url"], server["trust"], server["authorized_by"]) == (lab.est_url, "explicit", "host_name")
    assert server["tls_version"] == "TLSv1.3"
    assert server["cipher"].startswith("TLS_")
    assert "DNS:localhost" in server["certificate"]["subject_alternative_names"]
    assert server["certificate"]["days_left"] > 0
    (root,) = found["ca_certificates"]
    assert root["fingerprint_sha256"] == fingerprint_of(lab)
    assert (root["current_root"], root["self_signed"]) == (True, True)
    assert root["days_left"] == found["root_certificate"]["days_left"] > 0
    assert found["root_certificate"].items() <= root.items()
    assert found["root_trusted_by"] == "trust_anchor"
    assert found["untrusted_certificates"] == []
    assert [wish["name"] for wish in found["csr_attributes"] if wish["kind"] == "key"] == ["ecPublicKey"]
    assert "P-384" in found["csr_attributes"][0]["words"]
    stages = [step["stage"] for step in found["timeline"]]
    assert stages == ["resolve", "connect", "tls", "cacerts", "csrattrs", "authentication"]


def test_req_064_the_offered_authentication_is_seen_without_a_request_and_without_a_user(lab: LabServer) -> None:
    before = len(lab.requests)
    found = look_at(lab, ca_certificate=lab.ca_pem, username="estuser", password="estpwd")
    assert found["authentication"] == {
        "required": True,
        "http_status": 401,
        "schemes": [{"scheme": "basic", "realm": found["authentication"]["schemes"][0]["realm"], "algorithm": ""}],
    }
    assert sent(lab, before) == [
        ("GET", "cacerts", False),
        ("GET", "csrattrs", False),
        ("POST", "simpleenroll", False),
    ]
    assert "estpwd" not in json.dumps(found)


def test_req_042_req_044_without_trust_it_shows_the_fingerprints_and_asks_for_nothing_else(lab: LabServer) -> None:
    before = len(lab.requests)
    found = look_at(lab, username="estuser", password="estpwd")
    assert (found["trusted"], found["server"]["trust"], found["server"]["authorized_by"]) == (False, "none", None)
    (root,) = found["ca_certificates"]
    assert root["fingerprint_sha256"] == fingerprint_of(lab)
    assert (root["current_root"], root["self_signed"]) == (False, True)
    assert found["server"]["certificate"]["fingerprint_sha256"]
    assert "Nothing of this server has been verified" in found["hint"]
    assert found["warnings"] == []
    assert sent(lab, before) == [("GET", "cacerts", False)]
    assert not {"authentication", "csr_attributes", "root_certificate", "root_trusted_by"} & set(found)


def test_req_004_what_it_shows_can_be_given_back(lab: LabServer) -> None:
    shown = look_at(lab)["ca_certificates"][0]["fingerprint_sha256"]
    found = look_at(lab, ca_fingerprint=shown)
    assert (found["trusted"], found["server"]["trust"]) == (True, "fingerprint")
    assert found["root_trusted_by"] == "trust_anchor"
    assert [step["detail"].startswith("bootstrap: ") for step in found["timeline"]] == [True] * 4 + [False] * 6


def test_req_046_a_mismatch_fails(lab: LabServer) -> None:
    with pytest.raises(ServerError, match="no CA certificate of the server has the fingerprint"):
        look_at(lab, ca_fingerprint="ab" * 32)


def test_a_server_that_tells_little() -> None:
    with LabServer("--csrattrs", "not-implemented", "--no-www-authenticate") as lab:
        found = look_at(lab, ca_certificate=lab.ca_pem)
    assert found["csr_attributes"] == []
    assert found["authentication"] == {"required": True, "http_status": 401, "schemes": []}
    assert any("what it wants of certificate requests" in warning for warning in found["warnings"])
    assert any("no WWW-Authenticate" in warning for warning in found["warnings"])


def test_a_server_that_hangs_up_on_the_empty_request() -> None:
    with LabServer("--fault", "simpleenroll:close-after-request") as lab:
        found = look_at(lab, ca_certificate=lab.ca_pem)
    assert found["authentication"] is None
    assert any("not known which authentication" in warning for warning in found["warnings"])
    assert (found["timeline"][-1]["stage"], found["timeline"][-1]["ok"]) == ("authentication", False)


def test_a_failure_says_where_and_what_to_do(lab: LabServer) -> None:
    timeline = Timeline()
    inline = {"name": "wifi", "server": lab.host, "port": 1, "ca_certificate": lab.ca_pem}
    asked = read_options(options(inline=inline))
    assert asked.inline is not None
    with pytest.raises(EstError) as caught:
        look(asked.inline, asked.exchange_options, HostConnector(), timeline)
    found = look_failure(caught.value, "wifi", "host", timeline)
    assert (found["status"], found["stage"], found["exchange"]) == ("failed", "connect", "host")
    assert found["error_code"] == "connection_refused"
    assert found["reason"] in found["msg"] and found["hint"] in found["msg"]
    assert [step["ok"] for step in found["timeline"]] == [True, False]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "template and inline: are both missing"),
        ({"template": "wifi", "inline": {"name": "wifi", "server": "est.example.com"}}, "are both given"),
        ({"template": ""}, "template: is empty"),
        ({"inline": {"server": "est.example.com"}}, "inline.name: is missing"),
        ({"inline": {"name": "wifi", "server": "http://est.example.com"}}, "server"),
        ({"inline": {"name": "wifi", "server": "est.example.com", "ca_fingerprint": "ab"}}, "ca_fingerprint"),
        ({"template": "wifi", "timeout": 0}, "timeout: 0 is out of range"),
        ({"template": "wifi", "store_path": "here"}, "store_path"),
        ({"inline": {"name": "wifi", "server": "est.example.com", "username": "estuser"}}, "password"),
    ],
)
def test_an_option_that_cannot_be_used(given: dict[str, Any], words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        read_options(options(**given))
