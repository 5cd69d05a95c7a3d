# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The CA certificates of a lab server, looked up as a play does."""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.lab import LabServer

pytest.importorskip("ansible", reason="lookups need ansible-core, which needs a newer Python")

from ansible import constants
from ansible.errors import AnsibleLookupError

from ansible_collections.estfleet.cloud_extender.plugins.lookup.est_ca_certificates import LookupModule
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange import ca_certificates
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange.ca_certificates import (
    LookupFailed,
    ca_certificates_of,
)


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer() as server:
        yield server


@pytest.fixture(autouse=True)
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that ansible-core makes for a run."""
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return tmp_path


def fingerprint_of(lab: LabServer) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(lab.ca_pem)).hexdigest()


def look_up(lab: LabServer, **options: Any) -> str:
    limits = {"connect_timeout": 10, "timeout": 30}
    return ca_certificates_of({**limits, "server": lab.host, "port": lab.port, **options}).pem


@pytest.mark.parametrize("trust", ["ca_fingerprint", "ca_certificate", "ca_path"])
def test_certificates_of_a_server_that_is_trusted(lab: LabServer, trust: str) -> None:
    path = os.path.join(lab.state, "ca.pem")
    values = {"ca_fingerprint": fingerprint_of(lab), "ca_certificate": lab.ca_pem, "ca_path": path}
    found = look_up(lab, **{trust: values[trust]})
    assert found.startswith("-----BEGIN CERTIFICATE-----\n")
    assert ssl.PEM_cert_to_DER_cert(found[: found.index("-----END CERTIFICATE-----\n") + 26]) == (
        ssl.PEM_cert_to_DER_cert(lab.ca_pem)
    )


def test_what_is_sent_proves_nothing_of_the_client(lab: LabServer) -> None:
    before = len(lab.requests)
    look_up(lab, ca_certificate=lab.ca_pem)
    assert [(entry["operation"], entry["authorization_present"]) for entry in lab.requests[before:]] == [
        ("cacerts", False)
    ]


def test_nothing_to_trust_tells_what_to_choose_from(lab: LabServer) -> None:
    with pytest.raises(LookupFailed, match="no fingerprint to accept a CA certificate of this server by") as failed:
        look_up(lab)
    assert fingerprint_of(lab).upper() in str(failed.value).upper().replace(":", "")


def test_another_fingerprint(lab: LabServer) -> None:
    with pytest.raises(LookupFailed, match="has the fingerprint"):
        look_up(lab, ca_fingerprint="ab" * 32)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ca_fingerprint": "abc"}, "ca_fingerprint"),
        ({"server": "a b"}, "server"),
        ({"port": 70000}, "port"),
        ({"timeout": 0}, "timeout"),
        ({"ca_path": "/nonexistent/ca.pem"}, "/nonexistent/ca.pem"),
        ({"ca_certificate": "x", "ca_path": "/x"}, "ca_certificate"),
    ],
)
def test_options_that_cannot_be_used(lab: LabServer, options: dict[str, Any], words: str) -> None:
    before = len(lab.requests)
    with pytest.raises(LookupFailed, match=words):
        look_up(lab, **options)
    assert len(lab.requests) == before


def test_a_server_is_asked_once_in_a_run(lab: LabServer) -> None:
    before = len(lab.requests)
    with ThreadPoolExecutor(8) as forks:
        found = list(forks.map(lambda _host: look_up(lab, ca_certificate=lab.ca_pem), range(24)))
    assert len(set(found)) == 1
    assert len(lab.requests) - before == 1
    look_up(lab, ca_certificate=lab.ca_pem, timeout=29)
    assert len(lab.requests) - before == 2, "something else is asked"


def test_those_who_wait_for_a_failure_do_not_try_again(lab: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    everybody_waits = ca_certificates.time.time() - 3600
    original = ca_certificates._fetch

    def fetch(*arguments: Any) -> Any:
        tried.append(1)
        return original(*arguments)

    monkeypatch.setattr(ca_certificates, "_fetch", fetch)
    for _host in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(ca_certificates.time, "time", lambda: everybody_waits)
            with pytest.raises(LookupFailed, match="has the fingerprint"):
                look_up(lab, ca_fingerprint="ab" * 32)
    assert len(tried) == 1
    with pytest.raises(LookupFailed, match="has the fingerprint"):
        look_up(lab, ca_fingerprint="ab" * 32)
    assert len(tried) == 2, "whoever comes later tries anew"


def test_no_place_to_keep_it(lab: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", "/proc/nonexistent")
    assert "BEGIN CERTIFICATE" in look_up(lab, ca_certificate=lab.ca_pem)


def test_the_lookup_itself(lab: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    lookup = LookupModule()
    given = {"port": lab.port, "connect_timeout": 10, "timeout": 30}
    # ansible-core says what plugin it loaded; here it is loaded by hand.
    monkeypatch.setattr(lookup, "set_options", lambda **_options: None)
    monkeypatch.setattr(lookup, "get_options", lambda: {**given, "ca_certificate": lab.ca_pem})
    found = lookup.run([lab.host, "127.0.0.1"])
    assert len(found) == 2
    assert all("BEGIN CERTIFICATE" in text for text in found)
    monkeypatch.setattr(lookup, "get_options", lambda: {**given, "ca_fingerprint": "ab" * 32})
    with pytest.raises(AnsibleLookupError, match="has the fingerprint"):
        lookup.run([lab.host])
