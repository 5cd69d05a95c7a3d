# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements that no other file is about: saved CA certificates, an empty user name and 201."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import stat
import subprocess
from pathlib import Path
from typing import List

import pytest
from support.lab import PASSWORD, USERNAME, LabServer

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.command import est as cli

FILES = ["--fullchain-path", "host.pem", "--private-key-path", "host.key"]
ENROLL = ["--subject", "/CN=host", "--key-type", "ec", *FILES, "--json"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EST_PASSWORD", PASSWORD)


def save_ca_certificates(lab: LabServer) -> None:
    """First contact by fingerprint; what it brings is in ca.pem."""
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(lab.ca_pem)).hexdigest()
    assert cli.main(["cacerts", place(lab), "--ca-fingerprint", fingerprint, "--dest", "ca.pem"]) == cli.DONE


def place(lab: LabServer) -> str:
    return f"{lab.host}:{lab.port}"


def trusting(lab: LabServer, *trust: str) -> List[str]:
    return [place(lab), *trust, "--username", USERNAME]


def test_req_037_the_next_run_trusts_the_saved_ca_certificates(capsys: pytest.CaptureFixture[str]) -> None:
    with LabServer("--intermediate") as lab:
        save_ca_certificates(lab)
        capsys.readouterr()
        assert cli.main(["cacerts", place(lab), "--ca-path", "ca.pem", "--json"]) == cli.DONE
        assert json.loads(capsys.readouterr().out)["trust"] == "explicit"
        assert cli.main(["enroll", *trusting(lab, "--ca-path", "ca.pem"), *ENROLL]) == cli.DONE
        assert [entry["status"] for entry in lab.requests if entry["operation"] == "simpleenroll"] == [200]


def test_req_038_with_saved_ca_certificates_those_of_the_system_do_not_count(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with LabServer() as lab, LabServer(state="another CA") as other:
        save_ca_certificates(lab)
        monkeypatch.setenv("SSL_CERT_FILE", other.ca_path)
        assert cli.main(["cacerts", place(other), "--use-system-trust"]) == cli.DONE, "the system knows that CA"
        seen = len(other.requests)
        assert cli.main(["cacerts", place(other), "--ca-path", "ca.pem"]) == cli.FAILED
        assert "failed at stage tls" in capsys.readouterr().err
        assert len(other.requests) == seen


def test_req_041_other_software_verifies_with_the_saved_files() -> None:
    with LabServer("--intermediate") as lab:
        save_ca_certificates(lab)
        assert cli.main(["enroll", *trusting(lab, "--ca-path", "ca.pem"), *ENROLL]) == cli.DONE
    assert stat.S_IMODE(os.stat("ca.pem").st_mode) == 0o644
    command = ["openssl", "verify", "-no-CApath", "-CAfile", "ca.pem", "host.pem"]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (0, "host.pem: OK\n"), ran.stderr


def test_req_067_a_password_without_a_user_name() -> None:
    with LabServer("--username", "") as lab:
        arguments = ["enroll", place(lab), "--ca-path", lab.ca_path, "--username", "", *ENROLL]
        assert cli.main(arguments) == cli.DONE
        (entry,) = [entry for entry in lab.requests if entry["operation"] == "simpleenroll"]
        assert (entry["status"], entry["authorization_scheme"]) == (200, "basic")


def test_req_093_201_with_a_certificate_is_success(capsys: pytest.CaptureFixture[str]) -> None:
    with LabServer("--status", "201") as lab:
        assert cli.main(["enroll", *trusting(lab, "--ca-path", lab.ca_path), *ENROLL]) == cli.DONE
        assert [entry["status"] for entry in lab.requests if entry["operation"] == "simpleenroll"] == [201]
    assert json.loads(capsys.readouterr().out)["status"] == "issued"
