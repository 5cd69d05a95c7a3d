# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renewing a certificate: the request, what authenticates the client, and whole exchanges with the lab server."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, List, Optional, Tuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from support import est_answers
from support.asn1 import SET, oid, tlv
from support.est_pki import Authority, der, key_usage
from support.lab import PASSWORD, USERNAME, LabServer
from support.lab_certificates import IssuedCertificate

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enrolment import Issued, Pending
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    InputError,
    ParseError,
    ServerError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient, VerifiedCertificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.reenrolment import (
    ENROLL,
    REKEY,
    RENEW,
    RenewalRequest,
    build_reenrolment_request,
    choose_authentication,
    similar_key,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import (
    CHANGE_SUBJECT_NAME,
    CertificateRequest,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    iso_utc,
    not_after,
    pem,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import (
    SUBJECT_ALTERNATIVE_NAME,
    Certificate,
    Extension,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.held_certificate import HeldCertificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    KeySpec,
    describe_public_key,
    generate_key,
    private_key_pem,
    public_key_der,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.pair_files import replace_pair

ROOT = Authority.root("Renewal Root", days=est_answers.days(-1000, 3000))
NOW = datetime.now(timezone.utc)
CREDENTIALS = Credentials(USERNAME, PASSWORD)
UPN = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x08user@x.y")


def attribute(value: str, kind: Any, string: _ASN1Type) -> Any:
    return x509.NameAttribute(kind, value, string)


#: A subject as no library would write it of its own accord.
ODD_SUBJECT = x509.Name(
    [
        x509.RelativeDistinguishedName([attribute("DE", NameOID.COUNTRY_NAME, _ASN1Type.PrintableString)]),
        x509.RelativeDistinguishedName([attribute("M\u00fcller", NameOID.ORGANIZATION_NAME, _ASN1Type.BMPString)]),
        x509.RelativeDistinguishedName(
            [
                attribute("host", NameOID.COMMON_NAME, _ASN1Type.PrintableString),
                attribute("0815", NameOID.SERIAL_NUMBER, _ASN1Type.UTF8String),
            ]
        ),
        x509.RelativeDistinguishedName([attribute("old", NameOID.ORGANIZATIONAL_UNIT_NAME, _ASN1Type.T61String)]),
    ]
)


#: An order that sorting would not leave as it is.
def encoded_subject(certificate: bytes) -> bytes:
    return Certificate(certificate).subject.encoded


ODD_NAMES = x509.SubjectAlternativeName(
    [x509.DNSName("z.example"), UPN, x509.RFC822Name("b@example.com"), x509.DNSName("a.example")]
)


def hold(
    subject: Any = "host",
    *,
    key: Any = None,
    days: Tuple[float, float] = (-300, 65),
    **options: Any,
) -> HeldCertificate:
    """A certificate of ``ROOT`` with its key."""
    key = key or generate_key(KeySpec("ec"))
    certificate = ROOT.issue(subject, key.public_key(), days=est_answers.days(*days), **options)
    text = ClientCertificate.from_text(pem(certificate), private_key_pem(key).decode("ascii"))
    return HeldCertificate.load(text)


def parsed(request: CertificateRequest) -> Any:
    found = x509.load_der_x509_csr(request.der)
    assert found.is_signature_valid
    return found


def asked(request: CertificateRequest) -> List[Any]:
    return list(parsed(request).extensions)


class TestNames:
    @pytest.mark.parametrize("critical", [False, True])
    def test_req_079_subject_and_alternative_name_are_the_same_bytes(self, critical: bool) -> None:
        held = hold(ODD_SUBJECT, extensions=[(ODD_NAMES, critical)])
        request = build_reenrolment_request(held, held.key)
        whole = held.certificate.der
        assert held.der == whole
        subject = ODD_SUBJECT.public_bytes()
        # The second opinion is cryptography's, which wrote the certificate.
        assert whole.count(subject) == 1
        assert request.der.count(subject) == 1
        assert encoded_subject(whole) == subject
        assert request.der.count(ODD_NAMES_DER) == whole.count(ODD_NAMES_DER) == 1
        ((extension,),) = (asked(request),)
        assert extension.oid.dotted_string == SUBJECT_ALTERNATIVE_NAME
        assert extension.critical is critical
        assert list(extension.value) == list(ODD_NAMES)
        assert [str(name) for name in request.general_names] == [
            "DNS:z.example", "UPN:user@x.y", "email:b@example.com", "DNS:a.example"
        ]  # fmt: skip

    def test_req_079_no_alternative_name_stays_none(self) -> None:
        held = hold(ODD_SUBJECT)
        request = build_reenrolment_request(held, held.key)
        assert asked(request) == []
        assert len(list(parsed(request).extensions)) == 0
        assert request.general_names == ()
        assert bytes.fromhex("551d11") not in request.der

    def test_req_079_an_empty_subject_stays_empty(self) -> None:
        held = hold(x509.Name([]), extensions=[(ODD_NAMES, True)])
        request = build_reenrolment_request(held, held.key)
        assert len(list(parsed(request).subject)) == 0
        assert [extension.critical for extension in asked(request)] == [True]

    def test_req_079_other_extensions_of_the_old_certificate_are_not_asked_for(self) -> None:
        held = hold(uses=["digital_signature"], ca=False, extensions=[(ODD_NAMES, False)])
        assert [each.oid.dotted_string for each in asked(build_reenrolment_request(held, held.key))] == [
            SUBJECT_ALTERNATIVE_NAME
        ]

    def test_extensions_that_the_server_wants_come_along_but_no_other_alternative_name(self) -> None:
        usage = Extension("2.5.29.15", True, b"\x03\x02\x07\x80")
        other = Extension(SUBJECT_ALTERNATIVE_NAME, False, b"\x30\x03\x82\x01x")
        held = hold(extensions=[(ODD_NAMES, False)])
        request = build_reenrolment_request(held, held.key, extensions=[usage, other])
        assert [each.oid.dotted_string for each in asked(request)] == [SUBJECT_ALTERNATIVE_NAME, "2.5.29.15"]
        assert list(asked(request)[0].value) == list(ODD_NAMES)
        without = build_reenrolment_request(hold(), held.key, extensions=[other])
        assert asked(without) == []

    def test_req_077_req_081_changed_names_go_beside_the_old_ones(self) -> None:
        held = hold(ODD_SUBJECT, extensions=[(ODD_NAMES, False)])
        new = parse_slash_dn("/O=New/CN=new-host")
        request = build_reenrolment_request(
            held, held.key, new_subject=new, new_general_names=[GeneralName("DNS", "new.example")]
        )
        assert request.der.count(ODD_SUBJECT.public_bytes()) == 1
        assert request.der.count(ODD_NAMES_DER) == 1
        names = tlv(0x30, tlv(0x82, b"new.example"))
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "New"),
                x509.NameAttribute(NameOID.COMMON_NAME, "new-host"),
            ]
        ).public_bytes()
        change = tlv(0x30, oid(CHANGE_SUBJECT_NAME), tlv(SET, tlv(0x30, subject, names)))
        assert request.der.count(change) == 1

    def test_openssl_reads_the_request(self, tmp_path: Path) -> None:
        held = hold(ODD_SUBJECT, extensions=[(ODD_NAMES, False)])
        (tmp_path / "request.der").write_bytes(build_reenrolment_request(held, held.key).der)
        command = ["openssl", "req", "-inform", "DER", "-in", "request.der", "-verify", "-noout", "-text"]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stderr
        assert "CN = host + serialNumber = 0815" in ran.stdout or "serialNumber = 0815 + CN = host" in ran.stdout
        assert "DNS:z.example, othername: UPN::user@x.y" in ran.stdout


ODD_NAMES_DER = b"".join(
    [
        tlv(0x82, b"z.example"),
        tlv(0xA0, oid("1.3.6.1.4.1.311.20.2.3"), tlv(0xA0, b"\x0c\x08user@x.y")),
        tlv(0x81, b"b@example.com"),
        tlv(0x82, b"a.example"),
    ]
)


class TestEncodedCertificate:
    def test_a_set_that_is_not_sorted_stays_so(self) -> None:
        """What no writer of DER makes, but CAs have: the attributes of one RDN the other way round."""
        original = der(hold(ODD_SUBJECT).certificate)
        rdn = next(rdn for rdn in ODD_SUBJECT.rdns if len(list(rdn)) == 2)
        first, second = sorted(x509.Name([each]).public_bytes()[4:] for each in rdn)
        swapped = original.replace(first + second, second + first)
        assert swapped != original
        assert encoded_subject(swapped) == ODD_SUBJECT.public_bytes().replace(first + second, second + first)

    @pytest.mark.parametrize(
        "data",
        [b"", b"\x30\x00", b"\x30\x02\x30\x00", b"\x30\x03\x02\x01\x00", b"hello", b"\x30\x80"],
    )
    def test_what_is_no_certificate_is_an_error(self, data: bytes) -> None:
        with pytest.raises(ParseError):
            encoded_subject(data)
        with pytest.raises(ParseError):
            Certificate(data).extension(SUBJECT_ALTERNATIVE_NAME)

    def test_every_truncation_is_an_error(self) -> None:
        whole = der(hold(extensions=[(ODD_NAMES, False)]).certificate)
        for length in range(len(whole)):
            with pytest.raises(ParseError):
                Certificate(whole[:length]).extension(SUBJECT_ALTERNATIVE_NAME)


def key_for(held: HeldCertificate, mode: str) -> Any:
    return held.key if mode == RENEW else generate_key(similar_key(held.certificate))


class TestKeys:
    @pytest.mark.parametrize(
        "spec",
        [KeySpec("rsa", 2048), KeySpec("rsa", 3072), KeySpec("ec"), KeySpec("ec", curve="P-521"), KeySpec("ed25519")],
    )
    def test_req_080_rekey_makes_a_key_of_the_same_kind(self, spec: KeySpec) -> None:
        old = generate_key(spec)
        held = hold(key=old)
        key = key_for(held, REKEY)
        assert describe_public_key(key) == describe_public_key(old)
        request = build_reenrolment_request(held, key)
        assert request.public_key_der == public_key_der(key) != public_key_der(old)
        assert parsed(request).is_signature_valid

    def test_an_old_key_of_a_kind_that_is_not_made_any_more(self) -> None:
        for old in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256K1())):
            with pytest.raises(InputError, match="no new key of the kind of the old one") as caught:
                similar_key(hold(key=old).certificate)
            assert caught.value.hint == "Choose the kind of the new key."
            # Its key can stay, and the kind of the new one can be chosen.
            assert RenewalRequest.of(hold(key=old)).plan(None, old).hash_name is None
            assert RenewalRequest.of(hold(key=old), KeySpec("ed25519")).plan(None).key_spec.type == "ed25519"


class TestAuthentication:
    def test_req_069_the_first_certificate_is_got_with_the_password(self) -> None:
        way = choose_authentication(None, CREDENTIALS, NOW)
        assert (way.operation, way.client_certificate, way.credentials) == ("simpleenroll", None, CREDENTIALS)
        assert way.reason == "there is no certificate yet: the password is used"
        assert choose_authentication(None, None, NOW).reason == "there is no certificate yet, and no password is given"

    def test_req_069_req_016_a_valid_certificate_is_used_in_place_of_the_password(self) -> None:
        held = hold()
        way = choose_authentication(held, CREDENTIALS, NOW)
        assert (way.operation, way.client_certificate, way.unasked) == ("simplereenroll", held.tls, False)
        until = iso_utc(not_after(held.certificate))
        assert way.reason == (
            f"the certificate /CN=host, valid until {until}, is used, and the password only where the server asks for "
            "it as well"
        )
        assert choose_authentication(held, None, NOW).reason.endswith("Z, is used")

    def test_req_082_a_certificate_is_good_to_its_last_second(self) -> None:
        held = hold()
        end = not_after(held.certificate)
        assert choose_authentication(held, CREDENTIALS, end - timedelta(seconds=5)).operation == "simplereenroll"
        with pytest.raises(InputError, match="expired"):
            choose_authentication(held, CREDENTIALS, end + timedelta(seconds=5))

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ({"days": (-300, -1)}, "it expired on 20"),
            ({"days": (1, 300)}, "it is not valid before 20"),
            ({"uses": ["key_encipherment"]}, "its key usage does not have digital signatures"),
            (
                {"extensions": [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)]},
                "its extended key usage does not have TLS client authentication",
            ),
        ],
        ids=["expired", "not yet valid", "key usage", "extended key usage"],
    )
    def test_req_082_one_that_cannot_be_used_is_told_and_can_fall_back(self, options: Any, problem: str) -> None:
        held = hold(**options)
        for credentials in (CREDENTIALS, None):
            with pytest.raises(InputError) as caught:
                choose_authentication(held, credentials, NOW)
            assert caught.value.reason.startswith(
                f"the certificate /CN=host cannot authenticate its own renewal: {problem}"
            )
            assert "Enrol anew" in caught.value.hint
        other = choose_authentication(held, None, NOW, on_failed_renewal=ENROLL)
        assert (other.operation, other.client_certificate, other.credentials) == ("simpleenroll", None, None)
        assert other.reason.startswith(f"a certificate is enrolled without the certificate /CN=host: {problem}")
        way = choose_authentication(held, CREDENTIALS, NOW, on_failed_renewal=ENROLL)
        assert (way.operation, way.client_certificate, way.credentials) == ("simpleenroll", None, CREDENTIALS)
        assert way.reason.startswith(f"the password is used, and not the certificate /CN=host: {problem}")
        assert PASSWORD not in way.reason + repr(way)

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"uses": ["digital_signature"]},
            {"extensions": [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), True)]},
            {"extensions": [(x509.ExtendedKeyUsage([x509.ObjectIdentifier("2.5.29.37.0")]), False)]},
            {"extensions": [(key_usage("digital_signature", "key_agreement"), True)]},
        ],
    )
    def test_req_016_ones_that_can_be_used(self, options: Any) -> None:
        assert hold(**options).problem(NOW) is None


class TestHeldCertificate:
    def test_no_key_in_its_repr(self) -> None:
        assert "PRIVATE" not in repr(hold()).upper().replace("PRIVATE_KEY", "")
        assert "ECPRIVATEKEY" not in repr(hold()).upper()

    def test_another_key_is_told(self) -> None:
        held = hold()
        other = private_key_pem(generate_key(KeySpec("ec"))).decode("ascii")
        with pytest.raises(InputError, match="the private key does not belong to the certificate /CN=host"):
            HeldCertificate.load(ClientCertificate.from_text(pem(held.certificate), other))

    def test_a_file_without_a_certificate_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "x.pem").write_text("hello", encoding="ascii")
        path = str(tmp_path / "x.pem")
        with pytest.raises(InputError, match=r"x\.pem' has no PEM certificate in it"):
            HeldCertificate.load(ClientCertificate(path, path))

    def test_a_damaged_certificate_is_told(self, tmp_path: Path) -> None:
        block = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
        with pytest.raises(InputError, match="certificate 1 of the text of the certificate cannot be used"):
            HeldCertificate.load(ClientCertificate.from_text(block, private_key_pem(hold().key).decode("ascii")))

    def test_ed25519(self) -> None:
        key = ed25519.Ed25519PrivateKey.generate()
        assert hold(key=key).key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        ) == key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class TestAnswers:
    def test_pending_and_refused(self) -> None:
        est, transport = est_answers.client(
            est_answers.reply(202, b"Soon", "text/plain", Retry_After="90"), est_answers.reply(403, b"no", "text/plain")
        )
        answer = est.simplereenroll(est_answers.REQUEST)
        assert isinstance(answer, Pending)
        assert answer.retry_after.seconds == 90
        with pytest.raises(ServerError, match="knows the certificate but does not renew it") as caught:
            est.simplereenroll(est_answers.REQUEST)
        assert caught.value.server_message == "no"
        assert [sent.url.rpartition("/")[2] for sent in transport.sent] == ["simplereenroll"] * 2

    @pytest.mark.parametrize("status", [404, 405, 501])
    def test_req_092_a_server_without_it_is_told(self, status: int) -> None:
        est, _transport = est_answers.client(est_answers.reply(status))
        with pytest.raises(ServerError, match=r"does not (implement|offer) re-enrolment") as caught:
            est.simplereenroll(est_answers.REQUEST)
        assert "simpleenroll" in caught.value.hint


def connect(
    lab: LabServer,
    client_certificate: Optional[ClientCertificate],
    credentials: Optional[Credentials] = None,
    *,
    unasked: bool = True,
) -> EstClient:
    url = EstUrl.build("localhost", lab.port)
    line = HttpsTransport(
        url,
        Trust.explicit(lab.ca_pem),
        credentials=credentials,
        unasked=unasked,
        client_certificate=client_certificate,
    )
    return EstClient(url, line, anchors=load_pem_certificates(lab.ca_pem))


def on_disk(held: IssuedCertificate) -> HeldCertificate:
    return HeldCertificate.load(ClientCertificate(held.chain_path, held.key_path))


def renewed(lab: LabServer, held: HeldCertificate, key: Any, **options: Any) -> VerifiedCertificate:
    request = build_reenrolment_request(held, key, **options)
    with connect(lab, held.tls) as est:
        authorities = est.cacerts()
        answer = est.simplereenroll(request)
        assert isinstance(answer, Issued)
        return est.verify(answer, request, authorities)


def last(lab: LabServer) -> Any:
    return [entry for entry in lab.requests if entry["operation"] == "simplereenroll"][-1]


class TestWithTheLab:
    @pytest.mark.parametrize("version", ["1.2", "1.3"])
    @pytest.mark.parametrize("mode", [RENEW, REKEY])
    def test_req_016_req_080_req_083_renewed_by_its_own_certificate(self, mode: str, version: str) -> None:
        flags = ("--intermediate", "--client-certificates", "required", "--tls-min", version, "--tls-max", version)
        with LabServer(*flags) as lab:
            held = on_disk(lab.issue(subject=ODD_SUBJECT, extensions=[ODD_NAMES]))
            way = choose_authentication(held, CREDENTIALS, NOW)
            key = key_for(held, mode)
            issued = renewed(lab, held, key)
            assert HeldCertificate.load(held.tls).certificate == held.certificate, "the old pair until all is there"
            replace_pair(held.tls, [issued.certificate, *issued.chain], None if mode == RENEW else key)
            again = HeldCertificate.load(held.tls)
            assert again.certificate == issued.certificate != held.certificate
            assert encoded_subject(again.der) == ODD_SUBJECT.public_bytes()
            names = [one.certificate.extension(SUBJECT_ALTERNATIVE_NAME) for one in (again, held)]
            assert names[0] == names[1]
            assert names[0] is not None
            entry = last(lab)
            assert (entry["reenrolment"], entry["status"]) == (mode, 200)
            assert entry["authorization_present"] is False
            assert way.operation == "simplereenroll"
            # The new pair renews itself in turn.
            assert renewed(lab, again, key_for(again, REKEY)).certificate != again.certificate

    def test_other_names_than_those_of_the_certificate_are_refused_with_the_server_s_words(self) -> None:
        with LabServer() as lab:
            held, other = on_disk(lab.issue("one")), on_disk(lab.issue("other"))
            request = build_reenrolment_request(other, other.key)
            with connect(lab, held.tls) as est, pytest.raises(ServerError) as caught:
                est.simplereenroll(request)
            assert caught.value.http_status == 400
            assert "Subject" in caught.value.server_message

    def test_trap_12_behind_a_proxy_that_ends_tls_the_hint_says_so(self) -> None:
        with LabServer("--client-certificates", "none", "--reenroll-credentials", "any") as lab:
            held = on_disk(lab.issue())
            with connect(lab, held.tls) as est, pytest.raises(ServerError) as caught:
                est.simplereenroll(build_reenrolment_request(held, held.key))
            assert caught.value.http_status == 401
            assert "no proxy before the server ends TLS" in caught.value.hint

    @pytest.mark.parametrize("schemes", ["basic", "digest", "digest-sha256+basic"])
    def test_req_068_certificate_and_password_together(self, schemes: str) -> None:
        with LabServer("--reenroll-credentials", "both", "--authentication", schemes) as lab:
            held = on_disk(lab.issue())
            request = build_reenrolment_request(held, held.key)
            with connect(lab, held.tls) as est, pytest.raises(ServerError, match="beside the certificate") as caught:
                est.simplereenroll(request)
            assert caught.value.code == "old_certificate_refused"
            way = choose_authentication(held, CREDENTIALS, NOW)
            before = len(lab.requests)
            with connect(lab, way.client_certificate, way.credentials, unasked=way.unasked) as est:
                assert isinstance(est.simplereenroll(request), Issued)
                scheme = schemes.split("-")[0].split("+")[0]
                assert est.authenticated_by == scheme
                assert est.timeline.as_list()[-1]["detail"] == (
                    f"HTTP 200 to the TLS client certificate together with the account (HTTP {scheme.title()})"
                )
            assert [entry["authorization_present"] for entry in lab.requests[before:]] == [False, True]
            assert last(lab)["client_certificate_subject"] == "CN=device"

    def test_a_server_that_wants_the_certificate_alone_never_gets_the_password(self) -> None:
        with LabServer() as lab:
            held = on_disk(lab.issue())
            with connect(lab, held.tls, CREDENTIALS, unasked=False) as est:
                assert isinstance(est.simplereenroll(build_reenrolment_request(held, held.key)), Issued)
                assert est.authenticated_by is None
            assert not any(entry["authorization_present"] for entry in lab.requests)

    def test_a_server_that_did_not_want_the_certificate_gets_no_password_in_its_place(self) -> None:
        with LabServer("--client-certificates", "none", "--reenroll-credentials", "password") as lab:
            held = on_disk(lab.issue())
            with connect(lab, held.tls, CREDENTIALS, unasked=False) as est, pytest.raises(ServerError) as caught:
                est.simplereenroll(build_reenrolment_request(held, held.key))
            assert "did not ask for the certificate that is to be renewed" in caught.value.reason
            assert not any(entry["authorization_present"] for entry in lab.requests)
