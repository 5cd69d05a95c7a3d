# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that the server makes: over a scripted transport, and whole exchanges with the lab server."""

from __future__ import annotations

import base64
import re
from typing import Any, List, Optional, Sequence, Tuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.asn1 import signed_data
from support.est_answers import ROOT, certs_only, client, issue, reply
from support.est_pki import der
from support.lab import PASSWORD, USERNAME, LabServer

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    InputError,
    ParseError,
    ServerError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.text import decode_body
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.client import EstClient, VerifiedCertificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import HttpsTransport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Credentials
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import CHALLENGE_PASSWORD
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.key_protection import KeyProtection
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.plan import plan_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.serverkeygen import GeneratedKey, KeyRequest
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    describe,
    load_certificate,
    subject_text,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    KeySpec,
    describe_public_key,
    generate_key,
    public_key_der,
    same_public_key,
)

KEY = generate_key(KeySpec("ec"))
KEY_DER = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
KEY_TEXT = base64.encodebytes(KEY_DER)
CERTIFICATE = issue(key=KEY)
SUBJECT = parse_slash_dn("/CN=device")
CERTS_ONLY = "application/pkcs7-mime; smime-type=certs-only"
GENERATED = "application/pkcs7-mime; smime-type=server-generated-key"
WANTED = KeyRequest.build(KeySpec("ec"), SUBJECT, [GeneralName("DNS", "device.example.com")])
PROTECTED = KeyRequest.build(KeySpec("ec"), SUBJECT, protection=KeyProtection.by_key(generate_key(KeySpec("ec"))))

KEY_PART = ("application/pkcs8", KEY_TEXT)
CERTIFICATE_PART = (CERTS_ONLY, certs_only(CERTIFICATE))


def multipart(*parts: Tuple[str, bytes], status: int = 200) -> Any:
    """An answer with these parts: a Content-Type, or nothing at all, and a body."""
    body = b""
    for kind, content in parts:
        body += b"--x\r\n" + (f"Content-Type: {kind}\r\n".encode() if kind else b"") + b"\r\n" + content + b"\r\n"
    return reply(status, body + b"--x--\r\n", "multipart/mixed; boundary=x")


def ask(*answers: Any, wanted: KeyRequest = WANTED, **options: Any) -> Any:
    est, _transport = client(*answers, **options)
    return est.serverkeygen(wanted)


def refused(*answers: Any, wanted: KeyRequest = WANTED) -> EstError:
    """The error, in which nothing of the key is."""
    with pytest.raises(EstError) as caught:
        ask(*answers, wanted=wanted)
    error = caught.value
    words = f"{error.reason} {error.hint} {error.server_message}"
    for text in (KEY_TEXT, KEY_DER):
        assert text[:12].decode("latin-1") not in words
    assert KEY_TEXT[:12].decode() not in repr(error.__context__) + repr(error.__cause__)
    assert error.hint
    assert (error.stage, error.request_received) == ("enroll", "received")
    return error


class TestRequest:
    def test_req_118_the_request_is_like_any_other(self) -> None:
        est, transport = client(multipart(KEY_PART, CERTIFICATE_PART))
        est.serverkeygen(WANTED)
        (sent,) = transport.sent
        assert sent.method == "POST"
        assert sent.url == "https://est.example.com:8443/.well-known/est/lab/serverkeygen"
        assert sent.headers == {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}
        assert sent.authenticate
        request = x509.load_der_x509_csr(decode_body(sent.body or b""))
        assert request.is_signature_valid
        assert request.subject.rfc4514_string() == "CN=device"
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["device.example.com"]

    @pytest.mark.parametrize("spec", [KeySpec("ec"), KeySpec("ec", curve="P-384"), KeySpec("rsa"), KeySpec("ed25519")])
    def test_req_118_the_key_of_the_request_is_a_throw_away(self, spec: KeySpec) -> None:
        first, second = (KeyRequest.build(spec, SUBJECT) for _unused in range(2))
        for wanted in (first, second):
            assert describe_public_key(wanted.throw_away_key) == describe_public_key(generate_key(spec))
            assert wanted.request.public_key_der == public_key_der(wanted.throw_away_key)  # type: ignore[union-attr]
        assert not same_public_key(first.throw_away_key, second.throw_away_key)

    def test_req_118_a_certificate_for_the_throw_away_key_is_refused(self) -> None:
        wrong = certs_only(issue(key=WANTED.throw_away_key))
        assert "does not belong to the certificate" in refused(multipart(KEY_PART, (CERTS_ONLY, wrong))).reason

    def test_req_123_attributes_ask_for_encryption(self) -> None:
        request = x509.load_der_x509_csr(PROTECTED.request.der)  # type: ignore[union-attr]
        assert PROTECTED.protection is not None
        for attribute in PROTECTED.protection.attributes():
            assert attribute.encoded() in request.tbs_certrequest_bytes
        assert WANTED.protection is None
        assert bytes.fromhex("2a864886f70d010910") not in WANTED.request.der  # type: ignore[union-attr]

    def test_no_key_in_a_repr(self) -> None:
        assert "EllipticCurve" not in repr(WANTED)
        assert "ECPrivateKey" not in repr(PROTECTED)


def test_req_117_refused_with_system_trust_alone() -> None:
    est, transport = client(anchors=None)
    with pytest.raises(InputError, match="only the CA certificates of the system vouch for") as caught:
        est.serverkeygen(WANTED)
    assert transport.sent == []
    assert caught.value.hint
    assert caught.value.request_received == "not_received"


class TestAnswer:
    def test_req_124_key_and_certificate_belong_together(self) -> None:
        answer = ask(multipart(KEY_PART, CERTIFICATE_PART))
        assert same_public_key(answer.key, CERTIFICATE)
        assert answer.public_key_der == public_key_der(CERTIFICATE)
        assert answer.issued.certificates == (der(CERTIFICATE),)
        assert answer.encrypted is False

    def test_req_124_another_key_is_refused(self) -> None:
        other = certs_only(issue(key=generate_key(KeySpec("ec"))), ROOT.certificate)
        error = refused(multipart(KEY_PART, (CERTS_ONLY, other)))
        serial_number = describe(load_certificate(error.issued[0]))["serial_number"]
        assert error.reason == (
            "the private key that the server made does not belong to the certificate that it sent, so neither is used; "
            f"issued, and without its key: /CN=device (serial number {serial_number})"
        )

    def test_req_124_the_leaf_is_found_wherever_it_stands(self) -> None:
        for body in (certs_only(ROOT.certificate, CERTIFICATE), certs_only(CERTIFICATE, ROOT.certificate)):
            answer = ask(multipart(KEY_PART, (CERTS_ONLY, body)))
            assert len(answer.issued.certificates) == 2

    @pytest.mark.parametrize("status", [200, 201])
    def test_req_119_parts_in_any_order(self, status: int) -> None:
        for parts in ((KEY_PART, CERTIFICATE_PART), (CERTIFICATE_PART, KEY_PART)):
            assert isinstance(ask(multipart(*parts, status=status)), GeneratedKey)

    @pytest.mark.parametrize(
        "kinds",
        [
            ("application/pkcs8", "application/pkcs7-mime"),
            ("APPLICATION/PKCS8; charset=x", "Application/PKCS7-Mime; SMIME-Type=Certs-Only"),
            ("application/pkcs8", "application/x-pkcs7-certificates"),
            ("application/octet-stream", "application/octet-stream"),
            ("", ""),
            ("application/octet-stream", CERTS_ONLY),
        ],
    )
    def test_content_types_that_servers_use(self, kinds: Tuple[str, str]) -> None:
        key, certificate = kinds
        assert isinstance(ask(multipart((key, KEY_TEXT), (certificate, CERTIFICATE_PART[1]))), GeneratedKey)

    def test_a_signed_key_that_is_not_encrypted(self) -> None:
        signed = base64.encodebytes(signed_data([], content=KEY_DER))
        assert same_public_key(ask(multipart((GENERATED, signed), CERTIFICATE_PART)).key, KEY)

    @pytest.mark.parametrize("header", ["base64", "binary", "8bit", "quoted-printable"])
    def test_req_121_a_transfer_encoding_header_is_ignored(self, header: str) -> None:
        kinds = [f"{kind}\r\nContent-Transfer-Encoding: {header}" for kind in ("application/pkcs8", CERTS_ONLY)]
        assert isinstance(ask(multipart((kinds[0], KEY_TEXT), (kinds[1], CERTIFICATE_PART[1]))), GeneratedKey)

    def test_a_bare_certificate_is_taken_with_a_warning(self) -> None:
        answer = ask(multipart(KEY_PART, (CERTS_ONLY, base64.encodebytes(der(CERTIFICATE)))))
        assert "bare X.509 certificate" in answer.issued.warnings[0]

    def test_req_084_pending_is_repeated(self) -> None:
        est, transport = client(reply(202, Retry_After="5"), multipart(KEY_PART, CERTIFICATE_PART))
        sleeps: List[float] = []
        assert isinstance(est.serverkeygen(WANTED, wait_timeout=10, sleep=sleeps.append), GeneratedKey)
        assert sleeps == [5]
        assert transport.sent[0].body == transport.sent[1].body

    @pytest.mark.parametrize("status", [404, 405, 501])
    def test_req_092_a_server_without_it_is_told(self, status: int) -> None:
        error = refused(reply(status))
        assert "generation of keys" in error.reason
        assert "simpleenroll" in error.hint

    def test_other_refusals_have_the_words_of_the_server(self) -> None:
        error = refused(*2 * [reply(400, b"No such profile.", "text/plain")])
        assert isinstance(error, ServerError)
        assert (error.http_status, error.server_message) == (400, "No such profile.")


class TestRefused:
    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (reply(200, certs_only(CERTIFICATE)), "of type application/pkcs7-mime, where a multipart message"),
            (reply(200, KEY_TEXT, "application/pkcs8"), "of type application/pkcs8, where a multipart message"),
            (reply(200, KEY_TEXT, "text/html"), "of type text/html, where a multipart message"),
            (reply(200, KEY_TEXT, None), "without a Content-Type"),
            (multipart(KEY_PART), "has 1 private keys and 0 certificate messages"),
            (multipart(CERTIFICATE_PART), "has 0 private keys and 1 certificate messages"),
            (multipart(), "has 0 private keys and 0 certificate messages"),
            (multipart(KEY_PART, KEY_PART, CERTIFICATE_PART), "has 2 private keys"),
            (multipart(KEY_PART, CERTIFICATE_PART, CERTIFICATE_PART), "2 certificate messages"),
            (multipart(KEY_PART, CERTIFICATE_PART, ("text/plain", b"hello")), "part 3 .* is of type text/plain"),
            (multipart(("application/pkcs8", KEY_TEXT + b"!"), CERTIFICATE_PART), "is not base64"),
            (multipart(("application/pkcs8", b""), CERTIFICATE_PART), "is empty"),
            (multipart(("application/pkcs8", KEY_TEXT[:60]), CERTIFICATE_PART), "truncated"),
            (multipart((CERTS_ONLY, KEY_TEXT), ("application/pkcs8", KEY_TEXT)), "neither a CMS message nor"),
            (multipart((CERTS_ONLY, b"!" + KEY_TEXT), KEY_PART), "is not base64"),
            (multipart((CERTS_ONLY, base64.b64encode(b"x" + KEY_DER)), KEY_PART), "certificate is not ASN.1"),
            (multipart(KEY_PART, (CERTS_ONLY, certs_only())), "no X.509 certificate"),
        ],
        ids=range(17),
    )
    def test_what_is_no_answer_is_told_without_the_key(self, answer: Any, words: str) -> None:
        error = refused(answer)
        assert isinstance(error, ParseError)
        assert error.http_status == 200
        assert re.search(words, error.reason), error.reason


def test_req_126_full_cmc_is_not_offered() -> None:
    est, transport = client()
    with pytest.raises(InputError, match=r"fullcmc .* is not supported by this client") as caught:
        est.fullcmc()
    assert "simpleenroll" in caught.value.hint
    assert transport.sent == []


def generate(
    lab: LabServer, wanted: Any, client_certificate: Optional[ClientCertificate] = None
) -> Tuple[GeneratedKey, VerifiedCertificate]:
    """One whole exchange. ``wanted``: a request, or what makes one of a client."""
    url = EstUrl.build("localhost", lab.port)
    line = HttpsTransport(
        url,
        Trust.explicit(lab.ca_pem),
        credentials=Credentials(USERNAME, PASSWORD),
        client_certificate=client_certificate,
    )
    with EstClient(url, line, anchors=load_pem_certificates(lab.ca_pem)) as est:
        authorities = est.cacerts()
        answer = est.serverkeygen(wanted if isinstance(wanted, KeyRequest) else wanted(est))
        assert isinstance(answer, GeneratedKey)
        return answer, est.verify(answer.issued, answer, authorities)


def entry_of(lab: LabServer) -> Any:
    return [entry for entry in lab.requests if entry["operation"] == "serverkeygen"][-1]


class TestWithTheLab:
    @pytest.mark.parametrize("spec", [KeySpec("ec", curve="P-384"), KeySpec("rsa"), KeySpec("ed25519")])
    def test_req_117_req_120_req_124_a_key_of_the_kind_that_is_wanted(self, spec: KeySpec) -> None:
        with LabServer("--intermediate", "--extra-chain") as lab:
            wanted = KeyRequest.build(spec, SUBJECT)
            answer, issued = generate(lab, wanted)
        assert describe_public_key(answer.key) == describe_public_key(wanted.throw_away_key)
        assert not same_public_key(answer.key, wanted.throw_away_key)
        assert same_public_key(answer.key, issued.certificate)
        assert subject_text(issued.certificate) == "/CN=device"
        assert len(issued.chain) == 2

    @pytest.mark.parametrize(
        "shapes",
        [
            ["no-part-encoding"],
            ["certificate-first", "quoted-boundary", "preamble", "epilogue", "lf", "part-headers"],
        ],
    )
    def test_req_119_req_121_every_shape_of_the_message(self, shapes: Sequence[str]) -> None:
        flags = [flag for shape in shapes for flag in ("--multipart", shape)]
        with LabServer(*flags) as lab:
            assert generate(lab, WANTED)[0].encrypted is False

    @pytest.mark.parametrize(
        ("transport", "content"), [("pkcs1", "key-package"), ("oaep", "signed-pkcs8"), ("oaep-sha256", "pkcs8")]
    )
    def test_req_122_req_123_encrypted_to_an_rsa_key(self, transport: str, content: str) -> None:
        with LabServer("--key-transport", transport, "--key-content", content, "--key-cipher", "aes-128-cbc") as lab:
            # The lab knows the key of the TLS client certificate and that of the request.
            held = lab.issue(private_key=generate_key(KeySpec("rsa")))
            protection = KeyProtection.by_certificate(*load_pem_certificates(held.certificate_pem), held.private_key)
            wanted = KeyRequest.build(KeySpec("ec"), SUBJECT, protection=protection)
            answer, issued = generate(lab, wanted, ClientCertificate(held.chain_path, held.key_path))
            assert entry_of(lab)["key_encrypted"] is True
        assert answer.encrypted
        assert same_public_key(answer.key, issued.certificate)

    def test_req_122_req_123_encrypted_to_an_ec_key(self) -> None:
        with LabServer() as lab:
            held = lab.issue(private_key=generate_key(KeySpec("ec", curve="P-521")))
            protection = KeyProtection.by_certificate(*load_pem_certificates(held.certificate_pem), held.private_key)
            wanted = KeyRequest.build(KeySpec("rsa"), SUBJECT, protection=protection)
            answer, issued = generate(lab, wanted, ClientCertificate(held.chain_path, held.key_path))
        assert answer.encrypted
        assert same_public_key(answer.key, issued.certificate)

    @pytest.mark.parametrize("kind", ["rsa", "ec"])
    def test_encrypted_without_being_asked_to_the_key_of_the_request(self, kind: str) -> None:
        with LabServer("--serverkeygen", "enveloped", "--key-recipient", "request") as lab:
            answer, issued = generate(lab, KeyRequest.build(KeySpec(kind), SUBJECT))
        assert answer.encrypted
        assert same_public_key(answer.key, issued.certificate)

    def test_req_122_encrypted_to_a_key_that_is_not_named(self) -> None:
        with LabServer("--serverkeygen", "enveloped", "--key-recipient", "certificate") as lab:
            held = lab.issue(private_key=generate_key(KeySpec("rsa")))
            certificate = ClientCertificate(held.chain_path, held.key_path)
            # It is the one of the TLS client certificate, which is tried as well.
            for spec in (KeySpec("ec"), KeySpec("rsa")):
                assert generate(lab, KeyRequest.build(spec, SUBJECT), certificate)[0].encrypted
        with LabServer("--serverkeygen", "enveloped", "--key-recipient", "request") as lab:
            wanted = KeyRequest.build(KeySpec("rsa"), SUBJECT).replace(throw_away_key=None)
            with pytest.raises(
                ParseError, match=r"encrypted for an RSA key \(ktri\), and this client has no"
            ) as caught:
                generate(lab, wanted)
            assert "; issued, and without its key: /CN=device (serial number " in caught.value.reason
            assert caught.value.issued

    def test_req_123_a_server_that_does_not_know_the_key_refuses(self) -> None:
        with LabServer() as lab:
            for protection in (
                KeyProtection.by_key(generate_key(KeySpec("ec"))),
                KeyProtection.by_shared_secret(b"x", b"k" * 16),
            ):
                with pytest.raises(ServerError) as caught:
                    generate(lab, KeyRequest.build(KeySpec("ec"), SUBJECT, protection=protection))
                assert "DecryptKeyIdentifier" in caught.value.server_message

    def test_with_proof_of_possession_and_csr_attributes(self) -> None:
        """A plan made of the server's attributes, linked to the TLS session, asks for a key as well."""
        with LabServer("--pop", "required") as lab:
            key = generate_key(KeySpec("ec"))
            protection = KeyProtection.by_key(key)

            def make(est: EstClient) -> KeyRequest:
                asked = protection.attributes()
                plan = plan_request(None, KeySpec("ec"), True, SUBJECT, proof_of_possession="always")
                plan = plan.replace(attributes=asked)
                return KeyRequest(est.linked(lambda binding: plan.build(key, binding)), None, protection)

            answer, _issued = generate(lab, make)
            assert answer.encrypted
            assert CHALLENGE_PASSWORD in entry_of(lab)["request_attributes"]

    def test_req_125_no_key_in_a_repr_the_timeline_or_the_log(self) -> None:
        with LabServer() as lab:
            answer, issued = generate(lab, WANTED)
        pem = answer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        for words in (repr(answer), repr(issued), str(lab.log)):
            assert "PrivateKey" not in words
            assert pem.splitlines()[1] not in words
