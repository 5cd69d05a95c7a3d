# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command: in this process against the lab server, and as the process of docs/command-line.md."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from support.lab import PASSWORD, LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.held_certificate import HeldCertificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    KeySpec,
    generate_key,
    private_key_pem,
    same_public_key,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.command import connection as cli_connection
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.command import est as cli

ROOT = Path(__file__).resolve().parents[3]
MODULE = "ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.command.est"


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer("--intermediate") as server:
        yield server


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("EST_PASSWORD", "EST_KEY_PASSPHRASE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    (tmp_path / "password").write_text(f"{PASSWORD}\nnot this\n", encoding="utf-8")
    return "password"


def server(lab: LabServer) -> list[str]:
    return [f"{lab.host}:{lab.port}", "--ca-path", lab.ca_path]


def enroll(lab: LabServer, *more: str) -> list[str]:
    files = ["--fullchain-path", "host.pem", "--private-key-path", "host.key"]
    return ["enroll", *server(lab), "--subject", "/CN=host", "--key-type", "ec", *files, *more]


def fingerprint_of(lab: LabServer) -> str:
    digits = hashlib.sha256(ssl.PEM_cert_to_DER_cert(lab.ca_pem)).hexdigest().upper()
    return ":".join(digits[index : index + 2] for index in range(0, 64, 2))


def files() -> list[str]:
    return sorted(os.listdir("."))


def pair() -> tuple[list[bytes], bytes]:
    text = Path("host.pem").read_bytes()
    return re.findall(rb"-----BEGIN.*?-----END CERTIFICATE-----\n", text, re.DOTALL), Path("host.key").read_bytes()


def test_enroll_writes_a_pair_that_fits(lab: LabServer, password_file: str, capsys) -> None:
    arguments = enroll(
        lab,
        "--username",
        "estuser",
        "--password-file",
        password_file,
        "--subject-alternative-name-other",
        "DNS:host.example.com",
    )
    assert cli.main([*arguments, "--json"]) == cli.DONE
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found["status"] == "issued"
    assert found["certificate"]["subject_alternative_names"] == ["DNS:host.example.com"]
    certificates, key = pair()
    certificate = x509.load_pem_x509_certificate(certificates[0])
    assert same_public_key(certificate, load_pem_private_key(key, None))
    assert [x509.load_pem_x509_certificate(above).subject for above in certificates[1:]] == [certificate.issuer]
    assert stat.S_IMODE(os.stat("host.key").st_mode) == 0o600
    assert files() == ["host.key", "host.pem", "password"]
    assert PASSWORD not in said.out + said.err


def test_the_base_path_is_an_option_or_in_the_url(password_file: str, capsys) -> None:
    account = ["--username", "estuser", "--password-file", password_file]
    with LabServer("--base-path", "/v1/pki/est", "--label", "a:b") as other:
        assert cli.main([*enroll(other, "--base-path", "/v1/pki/est", "--label", "a:b"), *account]) == cli.DONE
        arguments = ["cacerts", f"{other.est_url}/a:b", "--ca-path", other.ca_path, "--json"]
        assert cli.main(arguments) == cli.DONE
        assert {request["path"] for request in other.requests} >= {
            "/v1/pki/est/a:b/cacerts",
            "/v1/pki/est/a:b/simpleenroll",
        }


def test_req_070_there_is_no_argument_for_a_password(lab: LabServer, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([*enroll(lab), "--username", "estuser", "--password", PASSWORD])
    assert caught.value.code == cli.WRONG_INPUT


def test_the_password_can_come_from_the_environment(lab: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EST_PASSWORD", PASSWORD)
    assert cli.main([*enroll(lab), "--username", "estuser"]) == cli.DONE


def test_the_password_can_come_from_a_prompt(lab: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr(cli_connection.getpass, "getpass", lambda prompt: PASSWORD)
    assert cli.main([*enroll(lab), "--username", "estuser"]) == cli.DONE


def test_without_a_terminal_there_is_no_prompt(lab: LabServer, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr("sys.stdin", type("Pipe", (), {"isatty": lambda self: False})())
    assert cli.main([*enroll(lab), "--username", "estuser"]) == cli.WRONG_INPUT
    assert "EST_PASSWORD" in capsys.readouterr().err
    assert files() == []


def test_what_is_issued_and_cannot_be_used_is_kept_and_named(password_file: str, capsys) -> None:
    with LabServer("--fault", "simpleenroll:unrelated-issuer") as strange:
        assert cli.main(enroll(strange, "--username", "estuser", "--password-file", password_file)) == 1
    assert "What the CA issued is kept in .host.pem.est-unusable." in capsys.readouterr().err
    assert HeldCertificate.load(ClientCertificate(".host.pem.est-unusable")).certificate
    assert stat.S_IMODE(os.stat(".host.pem.est-unusable").st_mode) == 0o600


def test_a_refusal_leaves_nothing_behind(lab: LabServer, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("EST_PASSWORD", "another password")
    assert cli.main([*enroll(lab, "-v"), "--username", "estuser"]) == cli.FAILED
    said = capsys.readouterr()
    assert said.out == ""
    assert "failed at stage enroll" in said.err
    assert re.search(r"^ok +tls +[0-9.]+ ms +TLSv1\.3", said.err, re.MULTILINE)
    assert re.search(r"^FAILED +enroll", said.err, re.MULTILINE)
    assert "another password" not in said.err
    assert "Traceback" not in said.err
    assert files() == []


@pytest.mark.parametrize("there", ["host.pem", "host.key"])
def test_enroll_replaces_nothing(lab: LabServer, there: str, capsys) -> None:
    Path(there).write_text("mine", encoding="ascii")
    before = len(lab.requests)
    assert cli.main(enroll(lab)) == cli.WRONG_INPUT
    assert "is there already" in capsys.readouterr().err
    assert Path(there).read_text(encoding="ascii") == "mine"
    assert len(lab.requests) == before


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("name", ["enroll", "serverkeygen"])
def test_each_file_has_what_its_option_says(lab: LabServer, name: str, capsys) -> None:
    command = {"enroll": enroll, "serverkeygen": serverkeygen}[name]
    more = ["--certificate-path", "leaf.pem", "--chain-path", "chain.pem", "--username", "estuser", "--json"]
    assert cli.main([*command(lab), *more]) == cli.DONE
    found = json.loads(capsys.readouterr().out)
    paths = found["certificate"]["path"], found["private_key_path"], found["chain_path"], found["fullchain_path"]
    assert paths == ("leaf.pem", "host.key", "chain.pem", "host.pem")
    leaf, chain = (Path(name).read_bytes() for name in ("leaf.pem", "chain.pem"))
    assert leaf.count(b"BEGIN") == chain.count(b"BEGIN") == 1
    assert x509.load_pem_x509_certificate(leaf).issuer == x509.load_pem_x509_certificate(chain).subject
    assert Path("host.pem").read_bytes() == leaf + chain
    assert files() == ["chain.pem", "host.key", "host.pem", "leaf.pem"]


def test_a_certificate_needs_a_file(lab: LabServer, capsys) -> None:
    assert cli.main(["enroll", *server(lab), "--subject", "/CN=host", "--private-key-path", "k"]) == cli.WRONG_INPUT
    assert "give --certificate-path, --fullchain-path, or both" in capsys.readouterr().err


@pytest.mark.parametrize("chain", [["--chain-path", "host.key"], ["--chain-path", "c", "--certificate-path", "./c"]])
def test_no_file_is_for_two_things(lab: LabServer, chain: list[str], capsys) -> None:
    before = len(lab.requests)
    assert cli.main(enroll(lab, *chain)) == cli.WRONG_INPUT
    assert "files of their own" in capsys.readouterr().err
    assert len(lab.requests) == before


def test_req_086_req_088_a_pending_enrolment_goes_on_with_the_same_key(
    password_file: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "60") as lab:
        arguments = enroll(lab, "--username", "estuser", "--password-file", password_file, "--json")
        assert cli.main(arguments) == cli.PENDING
        found = json.loads(capsys.readouterr().out)
        assert (found["status"], found["private_key_path"]) == ("pending", ".host.key.est-pending")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["retry_at"])
        assert files() == [".host.key.est-pending", "password"]
        assert stat.S_IMODE(os.stat(".host.key.est-pending").st_mode) == 0o600
        kept = load_pem_private_key(Path(".host.key.est-pending").read_bytes(), None)
        assert cli.main(arguments) == cli.DONE
    assert files() == ["host.key", "host.pem", "password"]
    assert same_public_key(load_pem_private_key(Path("host.key").read_bytes(), None), kept)


@pytest.mark.parametrize(
    ("fault", "kept"), [("http-400", False), ("http-404", True), ("http-500", True), ("http-503", True)]
)
def test_a_pending_key_outlives_what_a_proxy_says(fault: str, kept: bool, password_file: str) -> None:
    with LabServer("--manual-approval", "1") as lab:
        arguments = enroll(lab, "--username", "estuser", "--password-file", password_file)
        assert cli.main(arguments) == cli.PENDING
        port = str(lab.port)
    before = Path(".host.key.est-pending").read_bytes()
    with LabServer("--port", port, "--fault", f"simpleenroll:{fault}"):
        assert cli.main(arguments) == cli.FAILED
    assert files() == ([".host.key.est-pending"] if kept else []) + ["password"]
    if kept:
        assert Path(".host.key.est-pending").read_bytes() == before


def test_a_key_whose_request_may_have_arrived_is_kept(password_file: str) -> None:
    with LabServer("--fault", "simpleenroll:close-after-request") as lab:
        arguments = enroll(lab, "--username", "estuser", "--password-file", password_file)
        assert cli.main(arguments) == cli.FAILED
    assert files() == [".host.key.est-pending", "password"]


@pytest.mark.parametrize("method", ["", "rekey", "renew"])
def test_req_080_req_083_reenroll_replaces_the_pair(
    lab: LabServer, method: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv("EST_PASSWORD", PASSWORD)
    assert cli.main([*enroll(lab), "--username", "estuser"]) == cli.DONE
    (old, *_above), old_key = pair()
    capsys.readouterr()
    client = ["--client-certificate-path", "host.pem", "--client-key-path", "host.key"]
    assert (
        cli.main(["reenroll", *server(lab), *client, *(["--renewal-method", method] if method else []), "--json"])
        == cli.DONE
    )
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], found["certificate"]["subject"]) == ("issued", "/CN=host")
    assert "is used" in found["reason"]
    (new, *above), key = pair()
    assert new != old and len(above) == 1
    assert (key != old_key) is (method != "renew")
    assert same_public_key(x509.load_pem_x509_certificate(new), load_pem_private_key(key, None))
    assert stat.S_IMODE(os.stat("host.key").st_mode) == 0o600
    assert files() == ["host.key", "host.pem"]
    assert [entry["operation"] for entry in lab.requests][-1] == "simplereenroll"


@pytest.fixture(name="held")
def _held(lab: LabServer, monkeypatch: pytest.MonkeyPatch, capsys) -> list[str]:
    monkeypatch.setenv("EST_PASSWORD", PASSWORD)
    assert cli.main([*enroll(lab), "--username", "estuser"]) == cli.DONE
    capsys.readouterr()
    return ["--client-certificate-path", "host.pem", "--client-key-path", "host.key", "--json"]


@pytest.mark.parametrize("fault", ["http-400", "http-403"])
def test_reenroll_enrols_anew_after_a_refusal_only_where_that_is_wanted(held: list[str], fault: str, capsys) -> None:
    before = pair()
    with LabServer("--fault", f"simplereenroll:{fault}") as other:
        renewal = ["reenroll", *server(other), *held, "--username", "estuser"]
        assert cli.main(renewal) == cli.FAILED
        said = capsys.readouterr().err
        assert f"HTTP {fault[-3:]}" in said, "that it needs the intermediates is not told in its place"
        assert "Give --on-failed-renewal enroll" in said
        assert pair() == before
        assert cli.main([*renewal, "--on-failed-renewal", "enroll"]) == cli.DONE
        assert other.requests[-1]["operation"] == "simpleenroll"
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found["authenticated_by"] == ["basic"]
    assert found["reason"].startswith("a certificate is enrolled anew, because the old one was refused: ")
    assert f"warning: {found['reason']}" in said.err
    assert pair() != before
    assert files() == ["host.key", "host.pem"]


@pytest.mark.parametrize("fault", ["http-404", "http-500", "http-503"])
def test_reenroll_enrols_nothing_after_what_refuses_nothing(held: list[str], fault: str, capsys) -> None:
    before = pair()
    with LabServer("--fault", f"simplereenroll:{fault}") as other:
        renewal = ["reenroll", *server(other), *held, "--username", "estuser", "--on-failed-renewal", "enroll"]
        assert cli.main(renewal) == cli.FAILED
    assert "on-failed-renewal" not in capsys.readouterr().err
    assert pair() == before


def test_reenroll_after_a_change_of_the_ca(held: list[str], tmp_path: Path, capsys) -> None:
    with LabServer(state=str(tmp_path / "new")) as other:
        renewal = ["reenroll", *server(other), *held, "--username", "estuser"]
        assert cli.main(renewal) == cli.FAILED
        said = capsys.readouterr().err
        assert "refused the TLS client certificate /CN=host (key " in said
        assert "-cert host.pem -key host.key" in said
        assert "Set --client-certificate-path" not in said
        assert cli.main([*renewal, "--on-failed-renewal", "enroll"]) == cli.DONE


def test_reenroll_gives_the_password_beside_the_certificate_where_the_server_asks(held: list[str], capsys) -> None:
    with LabServer("--intermediate", "--reenroll-credentials", "both") as both:
        assert cli.main(["reenroll", *server(both), *held, "--username", "estuser"]) == cli.DONE
        found = json.loads(capsys.readouterr().out)
        assert found["authenticated_by"] == ["client_certificate", "basic"]
        assert found["reason"].endswith("and the password only where the server asks for it as well")


def test_an_enrolment_code_is_the_first_line_of_a_file(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("EST_PASSWORD", PASSWORD)
    Path("code").write_text("c0de-7\nnot this\n", encoding="utf-8")
    with LabServer("--challenge-password", "c0de-7") as other:
        account = ["--username", "estuser"]
        assert cli.main([*enroll(other), *account]) == cli.FAILED
        assert cli.main([*enroll(other), *account, "--challenge-password-file", "code", "--json"]) == cli.DONE
        client = ["--client-certificate-path", "host.pem", "--client-key-path", "host.key"]
        renewed = ["reenroll", *server(other), *client, "--challenge-password-file", "code"]
        assert cli.main(renewed) == cli.DONE
        # It stays here where the old certificate says who the client is.
        assert other.requests[-1]["operation"] == "simplereenroll"
        assert "1.2.840.113549.1.9.7" not in other.requests[-1]["request_attributes"]
        monkeypatch.setenv("EST_CHALLENGE_PASSWORD", "c0de-8")
        files = ["--fullchain-path", "2.pem", "--private-key-path", "2.key"]
        assert cli.main(["enroll", *server(other), "--subject", "/CN=2", *files, *account]) == cli.FAILED
    said = capsys.readouterr()
    assert "c0de" not in said.out + said.err


def test_reenroll_can_ask_for_other_names(lab: LabServer, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("EST_PASSWORD", PASSWORD)
    assert cli.main([*enroll(lab), "--username", "estuser"]) == cli.DONE
    client = ["--client-certificate-path", "host.pem", "--client-key-path", "host.key"]
    capsys.readouterr()
    assert cli.main(["reenroll", *server(lab), *client, "--subject", "/CN=other", "--json"]) == cli.DONE
    found = json.loads(capsys.readouterr().out)
    assert "1.3.6.1.5.5.7.7.36" in lab.requests[-1]["request_attributes"]
    # This server keeps the old name, and that is told: the new one is what was asked for.
    assert found["certificate"]["subject"] == "/CN=host"
    assert found["lost"] == ["subject CN=other"]
    refused = ["reenroll", *server(lab), *client, "--subject", "/CN=other", "--on-lost", "fail"]
    assert cli.main(refused) != cli.DONE


def test_reenroll_needs_a_certificate(lab: LabServer, capsys) -> None:
    assert cli.main(["reenroll", *server(lab)]) == cli.WRONG_INPUT
    assert "nothing to renew" in capsys.readouterr().err


def test_cacerts(lab: LabServer, capsys) -> None:
    assert cli.main(["cacerts", *server(lab), "--dest", "ca.pem"]) == cli.DONE
    said = capsys.readouterr().out
    assert fingerprint_of(lab) in said
    assert "current root: yes" in said
    assert lab.ca_pem.strip() in Path("ca.pem").read_text(encoding="ascii")
    assert stat.S_IMODE(os.stat("ca.pem").st_mode) == 0o644


def serverkeygen(lab: LabServer, *more: str) -> list[str]:
    return ["serverkeygen", *enroll(lab, "--username", "estuser", *more)[1:]]


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EST_PASSWORD", PASSWORD)


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("form", ["pkcs8", "traditional"])
@pytest.mark.parametrize("key_type", ["rsa", "ec"])
def test_req_117_req_120_req_125_a_key_of_the_server_and_its_certificate(form: str, key_type: str, capsys) -> None:
    before = os.umask(0)
    try:
        with LabServer("--intermediate", "--serverkeygen", form) as lab:
            assert (
                cli.main(
                    [
                        *serverkeygen(lab, "--subject-alternative-name-other", "DNS:host.example.com", "--json"),
                        "--key-type",
                        key_type,
                    ]
                )
                == 0
            )
    finally:
        os.umask(before)
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["status"], found["private_key_path"], found["key_protected_by"]) == ("issued", "host.key", ["tls"])
    assert found["certificate"]["subject_alternative_names"] == ["DNS:host.example.com"]
    assert "PRIVATE KEY" not in said.out + said.err
    certificates, key = pair()
    assert key.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert len(certificates) == 2
    assert same_public_key(x509.load_pem_x509_certificate(certificates[0]), load_pem_private_key(key, None))
    assert stat.S_IMODE(os.stat("host.key").st_mode) == 0o600
    assert files() == ["host.key", "host.pem"]


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize(("key_type", "given"), [("rsa", "certificate"), ("ec", "key"), ("ec", "one file")])
def test_req_122_req_123_the_key_is_encrypted_to_a_recipient(lab: LabServer, key_type: str, given: str, capsys) -> None:
    assert (
        cli.main([*enroll(lab, "--username", "estuser", "--key-type", key_type), "--fullchain-path", "old.pem"])
        == cli.DONE
    )
    os.rename("host.key", "old.key")
    recipient = ["--recipient-key-path", "old.key"]
    if given == "one file":
        Path("both.pem").write_bytes(Path("old.pem").read_bytes() + Path("old.key").read_bytes())
        recipient = ["--recipient-certificate-path", "both.pem"]
    elif given == "certificate":
        recipient += ["--recipient-certificate-path", "old.pem"]
    tls = ["--client-certificate-path", "old.pem", "--client-key-path", "old.key"]
    capsys.readouterr()
    assert cli.main([*serverkeygen(lab, *tls, *recipient, "--json")]) == cli.DONE
    assert json.loads(capsys.readouterr().out)["key_protected_by"] == ["tls", "cms"]
    (certificate, *_above), key = pair()
    assert same_public_key(x509.load_pem_x509_certificate(certificate), load_pem_private_key(key, None))


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("size", [16, 24, 32])
def test_req_122_req_123_the_key_is_encrypted_with_a_shared_secret(size: int, capsys) -> None:
    secret = os.urandom(size).hex()
    Path("secret").write_text(f"{secret}\n", encoding="ascii")
    shared = ["--recipient-secret-file", "secret", "--recipient-identifier", "device-7"]
    with LabServer("--shared-key", f"device-7:{secret}") as other:
        assert cli.main([*serverkeygen(other, *shared, "--json")]) == cli.DONE
    said = capsys.readouterr()
    assert json.loads(said.out)["key_protected_by"] == ["tls", "cms"]
    assert secret not in said.out + said.err
    (certificate, *_above), key = pair()
    assert same_public_key(x509.load_pem_x509_certificate(certificate), load_pem_private_key(key, None))


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        ("00" * 15, ["--recipient-identifier", "a"], "15 bytes"),
        ("no hex", ["--recipient-identifier", "a"], "not hexadecimal"),
        ("00" * 16, [], "need each other"),
        ("00" * 16, ["--recipient-identifier", "a", "--recipient-key-path", "old.key"], "one recipient only"),
    ],
)
def test_a_shared_secret_that_cannot_be_used(lab: LabServer, text: str, more: list[str], words: str, capsys) -> None:
    Path("secret").write_text(text, encoding="ascii")
    assert cli.main(serverkeygen(lab, "--recipient-secret-file", "secret", *more)) == cli.WRONG_INPUT
    said = capsys.readouterr().err
    assert words in said
    assert text not in said
    assert files() == ["secret"]


@pytest.mark.usefixtures("password")
def test_req_123_a_key_that_is_not_encrypted_to_the_recipient_is_not_saved(lab: LabServer, capsys) -> None:
    assert cli.main(enroll(lab, "--username", "estuser", "--fullchain-path", "old.pem")) == cli.DONE
    os.rename("host.key", "old.key")
    with LabServer("--serverkeygen", "pkcs8") as careless:
        assert cli.main(serverkeygen(careless, "--recipient-key-path", "old.key")) == cli.FAILED
    said = capsys.readouterr().err
    assert "without the encryption that was asked for" in said
    assert "Revoke" in said
    assert files() == [".host.pem.est-unusable", "old.key", "old.pem"]
    kept = Path(".host.pem.est-unusable").read_text()
    assert "BEGIN CERTIFICATE" in kept
    assert "PRIVATE KEY" not in kept, "that of the request is good for nothing"


@pytest.mark.usefixtures("password")
def test_the_passphrase_of_a_recipient_key_is_no_argument(lab: LabServer, monkeypatch, capsys) -> None:
    key = generate_key(KeySpec("rsa"))
    Path("old.key").write_bytes(private_key_pem(key, "canary"))
    arguments = serverkeygen(lab, "--recipient-key-path", "old.key")
    assert cli.main(arguments) == cli.WRONG_INPUT
    assert "the private key is encrypted" in capsys.readouterr().err
    Path("passphrase").write_text("canary\n", encoding="ascii")
    # The lab knows no such key, and says so: the passphrase has opened it.
    assert cli.main([*arguments, "--recipient-key-passphrase-file", "passphrase"]) == cli.FAILED
    monkeypatch.setenv("EST_RECIPIENT_PASSPHRASE", "canary")
    assert cli.main(arguments) == cli.FAILED
    said = capsys.readouterr()
    assert "(HTTP 400)" in said.err
    assert "canary" not in said.out + said.err
    assert files() == ["old.key", "passphrase"]


@pytest.mark.usefixtures("password")
def test_req_118_req_086_a_pending_key_is_asked_for_with_the_same_throw_away_key(capsys) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "60") as lab:
        assert cli.main(serverkeygen(lab)) == cli.PENDING
        assert files() == [".host.key.est-pending"]
        kept = load_pem_private_key(Path(".host.key.est-pending").read_bytes(), None)
        assert cli.main(serverkeygen(lab)) == cli.DONE
    assert files() == ["host.key", "host.pem"]
    assert not same_public_key(load_pem_private_key(Path("host.key").read_bytes(), None), kept)


@pytest.mark.usefixtures("password")
def test_req_117_with_system_trust_alone_nothing_is_sent(lab: LabServer, monkeypatch, capsys) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", lab.ca_path)
    arguments = [
        "--use-system-trust" if word == "--ca-path" else word for word in serverkeygen(lab) if word != lab.ca_path
    ]
    before = len(lab.requests)
    assert cli.main(arguments) == cli.WRONG_INPUT
    assert "--allow-system-trust" in capsys.readouterr().err
    assert len(lab.requests) == before
    assert cli.main([*arguments, "--allow-system-trust"]) == cli.DONE


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize(
    ("flags", "words", "issued"),
    [
        (("--fault", "serverkeygen:no-key"), "0 private keys", True),
        (("--fault", "serverkeygen:no-certificate"), "0 certificate messages", False),
        (("--serverkeygen", "encrypted-data"), "EncryptedData", True),
        (("--fault", "serverkeygen:http-501"), "does not implement the generation of keys", False),
    ],
)
def test_req_124_a_certificate_without_its_key_is_kept_beside_and_named(
    flags: tuple[str, str], words: str, issued: bool, capsys
) -> None:
    with LabServer(*flags) as lab:
        assert cli.main(serverkeygen(lab)) == cli.FAILED
    said = capsys.readouterr().err
    assert words in said
    assert "BEGIN" not in said
    assert ("issued, and without its key: /CN=" in said) == issued
    assert files() == ([".host.pem.est-unusable"] if issued else [])


@pytest.mark.parametrize("command", [enroll, serverkeygen])
def test_a_folder_that_is_not_there_is_told_before_anything_is_sent(lab: LabServer, command, capsys) -> None:
    before = len(lab.requests)
    assert cli.main([*command(lab), "--fullchain-path", "nowhere/host.pem"]) == cli.WRONG_INPUT
    assert "its folder does not exist" in capsys.readouterr().err
    assert len(lab.requests) == before


@pytest.mark.usefixtures("password")
def test_req_057_an_enrolment_goes_to_another_server_only_with_consent(lab: LabServer, capsys) -> None:
    with LabServer("--intermediate", "--redirect", f"simpleenroll:307:{lab.est_url}/simpleenroll") as first:
        arguments = enroll(first, "--username", "estuser")
        assert cli.main(arguments) == cli.FAILED
        assert f"https://localhost:{lab.port}, which needs your consent" in capsys.readouterr().err
        assert cli.main([*arguments, "--allow-redirects-to", f"localhost:{lab.port}"]) == cli.DONE


@pytest.mark.usefixtures("password")
def test_req_060_a_busy_server_is_asked_again(capsys) -> None:
    with LabServer("--fault", "simpleenroll:http-503") as busy:
        assert cli.main(enroll(busy, "--username", "estuser", "--busy-timeout", "2")) == cli.FAILED
        assert len(busy.enrolments) == 2


@pytest.mark.usefixtures("password")
def test_req_063_with_digest_the_password_is_not_sent() -> None:
    with LabServer("--authentication", "basic+digest-sha256", "--credentials", "password") as server:
        assert cli.main(enroll(server, "--username", "estuser", "--http-authentication", "digest")) == cli.DONE
        assert [entry["authorization_present"] for entry in server.enrolments] == [False, True]


def test_req_044_without_trust_cacerts_shows_the_fingerprints_and_saves_nothing(lab: LabServer, capsys) -> None:
    assert cli.main(["cacerts", f"{lab.host}:{lab.port}", "--dest", "ca.pem"]) == cli.FAILED
    assert fingerprint_of(lab).replace(":", "").lower() in capsys.readouterr().err
    assert files() == []


def test_info_with_a_fingerprint_that_info_has_shown(lab: LabServer, capsys) -> None:
    assert cli.main(["info", f"{lab.host}:{lab.port}", "--json"]) == cli.DONE
    shown = json.loads(capsys.readouterr().out)
    assert shown["trusted"] is False
    fingerprint = next(one["fingerprint_sha256"] for one in shown["ca_certificates"] if one["self_signed"])
    assert cli.main(["info", f"{lab.host}:{lab.port}", "--ca-fingerprint", fingerprint]) == cli.DONE
    said = capsys.readouterr().out
    assert "trusted: yes" in said
    assert "trust: fingerprint" in said
    assert "- scheme: basic" in said


def test_csrattrs(capsys) -> None:
    with LabServer("--csrattrs", "ec-p384") as lab:
        assert cli.main(["csrattrs", *server(lab)]) == cli.DONE
        assert "P-384" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["info", "http://est.example.com"], "EST needs HTTPS"),
        (["info", "est.example.com", "--ca-path", "nowhere.pem"], "'nowhere.pem' cannot be read"),
        (["info", "est.example.com", "--ca-fingerprint", "abc"], "the fingerprint 'abc'"),
        (
            ["info", "est.example.com", "--use-system-trust", "--timeout", "0"],
            "--timeout: 0 is out of range (allowed: 1 to 3600)",
        ),
        (
            ["info", "est.example.com", "--use-system-trust", "--client-key-path", "k"],
            "without --client-certificate-path",
        ),
        (["cacerts", "h", "--use-system-trust", "--allow-redirects-to", "http://h"], "EST needs HTTPS"),
        (
            ["cacerts", "h", "--use-system-trust", "--busy-timeout", "-1"],
            "--busy-timeout: -1 is out of range (allowed: 0 to 3600)",
        ),
        (["cacerts", "est.example.com", "--use-system-trust", "--password-file", "p"], "without --username"),
        (
            [
                "enroll",
                "h",
                "--use-system-trust",
                "--subject",
                "CN",
                "--certificate-path",
                "o",
                "--private-key-path",
                "k",
            ],
            "--subject ",
        ),
        (
            [
                "enroll",
                "h",
                "--subject",
                "/CN=x",
                "--subject-alternative-name-other",
                "DNS:a b",
                "--certificate-path",
                "o",
                "--private-key-path",
                "k",
            ],
            "--subject-alternative-name-other ",
        ),
        (
            [
                "enroll",
                "h",
                "--subject",
                "/CN=x",
                "--key-size",
                "1",
                "--certificate-path",
                "o",
                "--private-key-path",
                "k",
            ],
            "key size 1",
        ),
        (
            ["info", "h", "--ca-path", __file__],
            f"est: --ca-path {__file__!r} holds a private key and",
        ),
    ],
)
def test_an_argument_that_cannot_be_used(arguments: list[str], words: str, capsys) -> None:
    assert cli.main(arguments) == cli.WRONG_INPUT
    assert words in capsys.readouterr().err
    assert files() == []


@pytest.mark.parametrize("seconds", ["-1", "nan", "soon", "86401"])
def test_a_time_to_wait_is_what_the_modules_take(seconds: str, capsys) -> None:
    files_of_it = ["--certificate-path", "o", "--private-key-path", "k"]
    arguments = ["enroll", "h", "--use-system-trust", "--subject", "/CN=x", *files_of_it, "--wait-timeout", seconds]
    assert cli.main(arguments) == cli.WRONG_INPUT
    told = capsys.readouterr().err
    assert "--wait-timeout: " in told and "(allowed: 0 to 86400)" in told


def test_errors_name_the_options_of_the_command(lab: LabServer, capsys) -> None:
    assert cli.main(["cacerts", f"{lab.host}:{lab.port}"]) == cli.FAILED
    assert "set --ca-fingerprint to it" in capsys.readouterr().err
    assert cli.main(enroll(lab)) == cli.FAILED
    told = capsys.readouterr().err
    assert "--username" in told and "template" not in told


def test_help_is_there_for_every_command(capsys) -> None:
    for arguments in ([], *([name] for name in ("info", "cacerts", "csrattrs", "enroll", "reenroll", "serverkeygen"))):
        with pytest.raises(SystemExit) as caught:
            cli.main([*arguments, "--help"])
        assert caught.value.code == 0
        assert "exit codes" in capsys.readouterr().out


def test_importing_the_entry_point_runs_nothing_and_needs_no_library() -> None:
    blocked = "import sys; sys.modules.update(cryptography=None, requests=None, urllib3=None); "
    done = subprocess.run(
        [sys.executable, "-c", f"{blocked}import {MODULE}"],
        env={**os.environ, "PYTHONPATH": str(ROOT / ".cache" / "collections")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_two_ways_to_start_it_that_the_documentation_has() -> None:
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    aliases = re.findall(r"alias est='python3 (-m [\w.]+)'", text)
    assert len(aliases) == 2
    folders = ROOT, ROOT / ".cache" / "collections"
    for alias, folder in zip(aliases, folders):
        command = [sys.executable, *alias.split(), "--help"]
        told = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
        assert told.stdout.startswith("usage: est ")


def example_session() -> list[tuple[str, str]]:
    """The commands of the example in the documentation, with what they print."""
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    session = text.split("<!-- example: begin -->")[1].split("<!-- example: end -->")[0]
    found = []
    for block in re.findall(r"(?m)^    \$ (.*\n(?:(?!    \$ )(?:    .*)?\n)*)", session):
        lines = re.sub(r"\\\n *", "", block).split("\n")
        found.append((lines[0].strip(), "\n".join(line[4:] for line in lines[1:]).strip()))
    return found


def test_the_example_of_the_documentation_is_what_happens(tmp_path: Path) -> None:
    environment = {**os.environ, "EST_PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT / ".cache" / "collections")}
    session = example_session()
    assert len(session) >= 4
    with LabServer() as lab:
        for command, expected in session:
            words = command.replace("est.example.com:8443", f"{lab.host}:{lab.port}")
            words = words.replace("$FINGERPRINT", fingerprint_of(lab))
            assert words.startswith("est ")
            done = subprocess.run(
                [sys.executable, "-m", MODULE, *shlex.split(words)[1:]],
                env=environment,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            said = (done.stdout + done.stderr).replace(f"{lab.host}:{lab.port}", "est.example.com:8443")
            # In the documentation ... stands for what differs each time.
            pattern = ".*".join(re.escape(part) for part in expected.replace("\n...\n", "\n...").split("..."))
            assert re.fullmatch(pattern, said.strip(), re.DOTALL), f"{command}\n{said}"
    assert (tmp_path / "host.pem").exists()
    assert (tmp_path / "ca.pem").exists()
