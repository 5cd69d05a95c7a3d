# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS client certificate with its chain: from files and from text, on the wire and with the lab server."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from pathlib import Path
from typing import Any, List, Optional

import pytest
from support.est_exchange import CA, context, get, transport
from support.lab import PASSWORD, USERNAME, LabServer
from support.tls_certificates import authority, make
from support.tls_peer import Peer, answer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    InputError,
    ServerError,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient, VerifiedCertificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import build_csr
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    subject_text,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
    load_client_certificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec, generate_key

SUB = CA.issue("intermediate", ca=True)
CLIENT = SUB.issue("client")


def presented(client: ClientCertificate, version: str) -> Optional[List[bytes]]:
    """What a server that wants a certificate of the CA makes of this one: its own view of the TLS handshake."""
    options = context(version=getattr(ssl.TLSVersion, version), client_ca=CA)
    seen: List[bytes] = []

    def look(connection: Any, _peer: Peer) -> None:
        seen.append(connection.getpeercert(binary_form=True))

    with Peer([[look, answer()]], context=options) as peer:
        line = transport(peer.port, client_certificate=client)
        with contextlib.closing(line):
            try:
                get(line, peer.port)
            except TransportError:
                return None
    return seen


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "whole.pem": CLIENT.pem + SUB.pem,
        "leaf.pem": CLIENT.pem,
        "chain.pem": SUB.pem,
        "key.pem": CLIENT.key_pem(),
        "locked.pem": CLIENT.key_pem(b"canary"),
        "both.pem": "# a comment\n" + CLIENT.key_pem() + CLIENT.pem,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    return tmp_path


def from_files(folder: Path, *names: Optional[str]) -> ClientCertificate:
    certificate, key, chain, passphrase = names
    paths = [str(folder / name) if name else None for name in (certificate, key, chain)]
    return ClientCertificate(paths[0] or "", paths[1], passphrase, paths[2])


class TestOnTheWire:
    @pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
    @pytest.mark.parametrize(
        "names",
        [
            ("whole.pem", "key.pem", None, None),
            ("whole.pem", "locked.pem", None, "canary"),
            ("leaf.pem", "key.pem", "chain.pem", None),
            ("leaf.pem", "locked.pem", "chain.pem", "canary"),
            ("both.pem", None, "chain.pem", None),
        ],
        ids=["one file", "locked", "chain apart", "chain apart, locked", "key in the same file"],
    )
    def test_req_015_files_with_the_chain(self, folder: Path, names: Any, version: str) -> None:
        assert presented(from_files(folder, *names), version) == [CLIENT.der]

    @pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
    @pytest.mark.parametrize("passphrase", [None, "canary"])
    def test_req_015_text_with_the_chain(self, passphrase: Optional[str], version: str) -> None:
        key_pem = CLIENT.key_pem(passphrase.encode() if passphrase else None)
        assert presented(ClientCertificate.from_text(CLIENT.pem + SUB.pem, key_pem, passphrase), version) == [
            CLIENT.der
        ]

    @pytest.mark.parametrize("names", [("leaf.pem", "key.pem"), ("strange.pem", "key.pem"), ("both.pem", None)])
    def test_a_chain_as_text_takes_the_place_of_what_follows_in_the_file(self, folder: Path, names: Any) -> None:
        (folder / "strange.pem").write_text(CLIENT.pem + CA.issue("another", ca=True).pem, encoding="ascii")
        client = from_files(folder, *names, None, None)
        assert presented(client, "TLSv1_3") is None
        assert presented(client.replace(chain_pem=SUB.pem), "TLSv1_3") == [CLIENT.der]

    @pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
    def test_trap_12_without_its_chain_it_is_refused(self, folder: Path, version: str) -> None:
        assert presented(from_files(folder, "leaf.pem", "key.pem", None, None), version) is None


class TestText:
    def test_no_key_that_is_not_encrypted_touches_a_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        seen: List[Any] = []

        class Context:
            def load_cert_chain(self, certificate: str, key: str, _password: Any) -> None:
                for path in (certificate, key):
                    text = Path(path).read_text(encoding="ascii")
                    folder = os.path.dirname(path)
                    seen.append((folder.startswith(str(tmp_path)), os.stat(folder).st_mode & 0o777, text))

        load_client_certificate(Context(), ClientCertificate.from_text(CLIENT.pem, CLIENT.key_pem()))  # type: ignore[arg-type]
        assert [(inside, mode) for inside, mode, _text in seen] == [(True, 0o700)] * 2
        assert seen[0][2] == CLIENT.pem
        assert seen[1][2].startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
        assert "PRIVATE KEY" not in seen[0][2]
        assert os.listdir(tmp_path) == []

    def test_nothing_is_left_behind_where_it_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with pytest.raises(InputError, match=r"given as text.*does not belong to the certificate"):
            transport(1, client_certificate=ClientCertificate.from_text(CLIENT.pem, make("other").key_pem()))
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize(
        ("certificate", "key", "passphrase", "words"),
        [
            (CLIENT.pem, CLIENT.key_pem(b"canary"), None, "the private key is encrypted"),
            (CLIENT.pem, CLIENT.key_pem(b"canary"), "wrong-canary", "the passphrase is wrong"),
            (CLIENT.pem, "hello", None, "not a PEM private key"),
            (CLIENT.pem, "schlüssel", None, "not PEM text"),
            ("hello", CLIENT.key_pem(), None, "no PEM certificate"),
        ],
    )
    def test_unusable_ones_are_told_apart(
        self, certificate: str, key: str, passphrase: Optional[str], words: str
    ) -> None:
        with pytest.raises(InputError, match=words) as caught:
            transport(1, client_certificate=ClientCertificate.from_text(certificate, key, passphrase))
        assert "canary" not in f"{caught.value.reason} {caught.value.hint} {caught.value.__context__!r}"

    def test_no_secret_is_in_its_repr(self) -> None:
        words = repr(ClientCertificate.from_text(CLIENT.pem, CLIENT.key_pem(), "canary"))
        assert "canary" not in words
        assert "KEY" not in words


@pytest.mark.parametrize("chain", [None, "chain.pem"])
def test_a_file_without_a_certificate_is_told_as_the_client_certificate(folder: Path, chain: Optional[str]) -> None:
    with pytest.raises(InputError, match=r"the TLS client certificate .*holds a private key and no") as caught:
        transport(1, client_certificate=from_files(folder, "key.pem", "key.pem", chain, None))
    assert caught.value.code == "invalid_client_certificate"


def test_a_chain_that_cannot_be_read_is_named(folder: Path) -> None:
    with pytest.raises(InputError, match=r"the chain of .* cannot be read from '.*gone.pem': No such file"):
        transport(1, client_certificate=from_files(folder, "leaf.pem", "key.pem", "gone.pem", None))


def test_a_copy_that_cannot_be_written_is_not_called_a_passphrase(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "gone"))
    with pytest.raises(InputError, match=r"cannot be written or read: .*/gone/.*: No such file") as caught:
        transport(1, client_certificate=from_files(folder, "leaf.pem", "locked.pem", "chain.pem", "canary"))
    assert "passphrase" not in caught.value.reason


def enrol(
    lab: LabServer, client_certificate: Optional[ClientCertificate], *subjects: str, password: bool = False
) -> List[VerifiedCertificate]:
    """Certificates for some subjects, each for a new key, over one connection."""
    url = EstUrl.build("localhost", lab.port)
    credentials = Credentials(USERNAME, PASSWORD) if password else None
    line = HttpsTransport(
        url, Trust.explicit(lab.ca_pem), credentials=credentials, client_certificate=client_certificate
    )
    issued = []
    with EstClient(url, line, anchors=load_pem_certificates(lab.ca_pem)) as est:
        authorities = est.cacerts()
        for subject in subjects:
            request = build_csr(generate_key(KeySpec("ec")), parse_slash_dn(subject))
            answer = est.simpleenroll(request)
            assert isinstance(answer, Issued)
            issued.append(est.verify(answer, request, authorities))
    return issued


class TestWithTheLab:
    def test_req_018_where_one_authentication_is_not_accepted_the_other_is(self) -> None:
        with LabServer("--credentials", "password") as lab:
            held = lab.issue()
            with pytest.raises(ServerError) as caught:
                enrol(lab, ClientCertificate(held.chain_path, held.key_path), "/CN=x")
            assert caught.value.http_status == 401
            assert len(enrol(lab, None, "/CN=x", password=True)) == 1
        with LabServer("--credentials", "certificate") as lab:
            held = lab.issue()
            with pytest.raises(ServerError):
                enrol(lab, None, "/CN=x", password=True)
            assert len(enrol(lab, ClientCertificate(held.chain_path, held.key_path), "/CN=x")) == 1

    @pytest.mark.parametrize("maximum", ["1.2", "1.3"])
    def test_req_017_a_certificate_of_a_manufacturer_lets_its_holder_enrol(self, tmp_path: Path, maximum: str) -> None:
        maker = authority("Manufacturer Root")
        line = maker.issue("Manufacturer Line 7", ca=True)
        device = line.issue("serial 0815")
        (tmp_path / "maker.pem").write_text(maker.pem, encoding="ascii")
        flags = ("--credentials", "certificate", "--client-ca", str(tmp_path / "maker.pem"), "--tls-max", maximum)
        with LabServer(*flags) as lab:
            idevid = ClientCertificate.from_text(device.pem + line.pem, device.key_pem())
            (issued,) = enrol(lab, idevid, "/CN=host.example.com")
            assert subject_text(issued.certificate) == "/CN=host.example.com"
            assert lab.enrolments[-1]["client_certificate_subject"] == "CN=serial 0815"

    def test_req_078_one_client_certificate_gets_several_others(self) -> None:
        with LabServer("--credentials", "certificate", "--intermediate") as lab:
            held = lab.issue("the holder")
            client_certificate = ClientCertificate(held.chain_path, held.key_path)
            issued = enrol(lab, client_certificate, "/CN=web", "/CN=mail", "/CN=vpn")
            assert [subject_text(each.certificate) for each in issued] == ["/CN=web", "/CN=mail", "/CN=vpn"]
            assert len({each.certificate.serial for each in issued}) == 3
            assert {entry["client_certificate_subject"] for entry in lab.enrolments} == {"CN=the holder"}
