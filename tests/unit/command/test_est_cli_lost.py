# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command where the certificate is not what was asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from support.enrolment import LOST
from support.lab import PASSWORD, LabServer
from support.names import build_general_names

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.command import est as cli

CHANGED = "subject CN=host came as CN=root"
PLAIN = "warning: the certificate is not what was asked for: it lacks "


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EST_PASSWORD", PASSWORD)


def enroll(lab: LabServer, *more: str, command: str = "enroll", subject: str = "/CN=host") -> list[str]:
    files = ["--fullchain-path", "host.pem", "--private-key-path", "host.key"]
    server = [f"{lab.host}:{lab.port}", "--ca-path", lab.ca_path, "--username", "estuser"]
    return [command, *server, "--subject", subject, "--key-type", "ec", *files, *more]


def dropped(lab: LabServer, *more: str) -> list[str]:
    return enroll(
        lab,
        "--subject-alternative-name-other",
        "UPN:jdoe@example.com",
        *more,
        subject="/CN=jdoe/emailAddress=jdoe@example.com",
    )


def reenroll(lab: LabServer, *more: str) -> list[str]:
    client = ["--client-certificate-path", "host.pem", "--client-key-path", "host.key"]
    return ["reenroll", f"{lab.host}:{lab.port}", "--ca-path", lab.ca_path, *client, *more]


def files() -> dict[str, bytes]:
    return {name: Path(name).read_bytes() for name in sorted(os.listdir("."))}


def test_what_the_ca_drops_is_a_line_and_a_warning(cisco: LabServer, capsys) -> None:
    assert cli.main(dropped(cisco)) == cli.DONE
    said = capsys.readouterr()
    assert f"\nlost: {', '.join(LOST)}\ndiffers: none\naccepted lost: none\n" in said.out
    assert said.err == f"{PLAIN}{', '.join(LOST)}\n"


@pytest.mark.parametrize(
    ("options", "accepted", "told"),
    [
        ([], [], LOST),
        (["--allowed-lost", "UPN"], LOST[1:], LOST[:1]),
        (["--allowed-lost", "upn,emailAddress", "--on-lost", "fail"], LOST, []),
        (["--allowed-lost", "UPN:jdoe@example.com", "--allowed-lost", "subject emailAddress"], LOST, []),
        (["--on-lost", "accept"], LOST, []),
    ],
)
def test_what_is_accepted_is_no_warning(cisco: LabServer, capsys, options, accepted, told) -> None:
    assert cli.main(dropped(cisco, "--json", *options)) == cli.DONE
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["lost"], found["differs"], found["accepted_lost"]) == (LOST, [], accepted)
    assert said.err == (f"{PLAIN}{', '.join(told)}\n" if told else "")


def test_with_fail_nothing_is_saved(cisco: LabServer, capsys) -> None:
    assert cli.main(dropped(cisco, "--on-lost", "fail", "--allowed-lost", "UPN", "-v")) == cli.FAILED
    said = capsys.readouterr()
    words = f"the CA issued a certificate that is not what was asked for: it lacks {LOST[0]}"
    assert f"est: failed at stage verify: {words}\n" in said.err
    assert "FAILED verify" in said.err
    assert "--allowed-lost lists names that may be lost, and --on-lost accept takes every certificate." in said.err
    assert (said.out, files()) == ("", {})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--on-lost", "Fail"], "--on-lost: 'Fail' is not allowed (allowed: warn, fail, accept). Did you mean 'fail'?"),
        (["--allowed-lost", "UPN,emailAdress"], "--allowed-lost: 'emailAdress' is not a name that a CA can leave out"),
        (["--allowed-lost", "emailAdress"], "Did you mean 'emailAddress'?"),
    ],
)
@pytest.mark.parametrize("command", ["enroll", "serverkeygen", "reenroll"])
def test_a_wrong_option_is_told_before_anything_is_sent(cisco: LabServer, capsys, options, words, command) -> None:
    before = len(cisco.log)
    arguments = reenroll(cisco) if command == "reenroll" else enroll(cisco, command=command)
    assert cli.main([*arguments, *options]) == cli.WRONG_INPUT
    assert words in capsys.readouterr().err
    assert (len(cisco.log), files()) == (before, {})


def test_another_name_is_a_difference(capsys) -> None:
    with LabServer("--fault", "other-name") as lab:
        assert cli.main(enroll(lab)) == cli.DONE
    said = capsys.readouterr()
    assert f"\nlost: subject CN=host\ndiffers: {CHANGED}\n" in said.out
    assert said.err == f"warning: the certificate is not what was asked for: {CHANGED}\n"


@pytest.mark.parametrize("method", ["rekey", "renew"])
@pytest.mark.parametrize("on_lost", [[], ["--on-lost", "warn"], ["--on-lost", "fail"]])
def test_a_renewal_for_another_name_is_never_put_in_place(capsys, method, on_lost) -> None:
    with LabServer("--fault", "simplereenroll:other-name") as lab:
        assert cli.main(enroll(lab)) == cli.DONE
        before = files()
        assert cli.main(reenroll(lab, "--renewal-method", method, *on_lost)) == cli.FAILED
    said = capsys.readouterr().err
    assert f"failed at stage verify: the renewed certificate differs from the old one: {CHANGED}\n" in said
    assert files() == before


def test_a_renewal_for_another_name_is_put_in_place_where_that_is_accepted(capsys) -> None:
    with LabServer("--fault", "simplereenroll:other-name") as lab:
        assert cli.main(enroll(lab)) == cli.DONE
        before = files()
        assert cli.main(reenroll(lab, "--allowed-lost", "CN", "--json")) == cli.DONE
    assert files() != before
    assert json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))["differs"] == [CHANGED]


@pytest.mark.parametrize(
    ("options", "code"),
    [([], cli.FAILED), (["--allowed-lost", "O"], cli.FAILED), (["--allowed-lost", "O,UPN"], cli.DONE)],
)
def test_a_renewal_that_adds_names_is_put_in_place_only_where_that_is_accepted(
    cisco: LabServer, monkeypatch: pytest.MonkeyPatch, capsys, options, code
) -> None:
    assert cli.main(enroll(cisco)) == cli.DONE
    before = files()
    key = serialization.load_pem_private_key(before["host.key"], None)
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Added"), x509.NameAttribute(NameOID.COMMON_NAME, "host")]
    more = [build_general_names([GeneralName("UPN", "administrator@example.com")])]
    new = cisco.issue(subject=x509.Name(names), extensions=more, private_key=key).certificate
    answer = Issued((new.public_bytes(serialization.Encoding.DER),))
    monkeypatch.setattr(EstClient, "simplereenroll", lambda *_arguments, **_options: answer)
    assert cli.main(reenroll(cisco, "--renewal-method", "renew", *options)) == code
    assert (files() == before) == (code == cli.FAILED)
    said = capsys.readouterr()
    added = ["O=Added was not asked for", "UPN:administrator@example.com was not asked for"]
    assert [line in said.err for line in added] == [not options, code == cli.FAILED]
    assert [line in said.out for line in added] == [code == cli.DONE] * 2


def test_serverkeygen_tells_of_another_kind_of_key(capsys) -> None:
    with LabServer("--fault", "serverkeygen:other-key-type") as lab:
        arguments = enroll(lab, command="serverkeygen")
        assert cli.main([*arguments, "--on-lost", "fail"]) == cli.FAILED
        assert "private key EC P-256 came as RSA 2048" in capsys.readouterr().err
        assert files() == {}
        assert cli.main([*arguments, "--json"]) == cli.DONE
    said = capsys.readouterr()
    assert json.loads(said.out)["differs"] == ["private key EC P-256 came as RSA 2048"]
    assert said.err == "warning: the certificate is not what was asked for: private key EC P-256 came as RSA 2048\n"


def test_no_password_is_shown_that_a_ca_puts_into_a_name(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("EST_PASSWORD", "root")
    with LabServer("--fault", "other-name", "--password", "root") as lab:
        assert cli.main(enroll(lab, "--on-lost", "fail")) == cli.FAILED
    assert "CN=root" not in capsys.readouterr().err
