# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operations of the lab server answer."""

from __future__ import annotations

import base64
import datetime
from email.utils import parsedate_to_datetime

import pytest
from conftest import make_request, read_bag
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from support.lab import LabServer

SAN = x509.SubjectAlternativeName(
    [
        x509.DNSName("device.lab.test"),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x07u@d.tld"),
    ]
)


def public_bytes(key):
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_cacerts_gives_the_trust_anchor_without_a_password(client, plain_lab):
    answer = client.get("cacerts")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/pkcs7-mime; smime-type=certs-only"
    (certificate,) = read_bag(base64.b64decode(answer.content))
    assert certificate == x509.load_pem_x509_certificate(plain_lab.ca_pem.encode())
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).critical


def test_intermediate_issues_and_is_in_cacerts(client_of):
    with LabServer("--intermediate") as lab:
        client = client_of(lab)
        bag = read_bag(base64.b64decode(client.get("cacerts").content))
        certificate = client.issued()
        assert len(bag) == 2
        assert certificate.issuer in [each.subject for each in bag if each.issuer != each.subject]


def test_full_profile_grants_subject_and_extensions(client):
    request = make_request(client.key, extensions=(SAN, x509.ExtendedKeyUsage([x509.OID_CLIENT_AUTH])))
    certificate = client.issued(request=request)
    asked = x509.load_der_x509_csr(request)
    assert certificate.subject.public_bytes() == asked.subject.public_bytes()
    assert certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == SAN
    assert certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value == x509.ExtendedKeyUsage(
        [x509.OID_CLIENT_AUTH]
    )
    assert public_bytes(certificate.public_key()) == public_bytes(client.key.public_key())
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


@pytest.mark.parametrize(
    "key",
    [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())],
    ids=["rsa", "p384"],
)
def test_keys_of_other_types_are_certified(client, key):
    certificate = client.issued(request=make_request(key))
    assert public_bytes(certificate.public_key()) == public_bytes(key.public_key())


def test_ed25519_key_is_certified(client):
    key = ed25519.Ed25519PrivateKey.generate()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    certificate = client.issued(request=request.public_bytes(serialization.Encoding.DER))
    assert public_bytes(certificate.public_key()) == public_bytes(key.public_key())


def test_a_ca_certificate_is_never_issued(client):
    request = make_request(client.key, extensions=(x509.BasicConstraints(ca=True, path_length=None),))
    answer = client.enroll(request=request)
    assert answer.status_code == 400
    assert "CA:TRUE" in answer.text


def test_cisco_profile_keeps_only_the_common_name(client_of):
    with LabServer("--profile", "cisco") as lab:
        client = client_of(lab)
        certificate = client.issued(request=make_request(client.key, extensions=(SAN,)))
        assert [(each.oid, each.value) for each in certificate.subject] == [(NameOID.COMMON_NAME, "device")]
        with pytest.raises(x509.ExtensionNotFound):
            certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert lifetime(certificate) == datetime.timedelta(days=365)
        refused = client.enroll(request=make_request(client.key, common_name=None))
        assert refused.status_code == 400
        assert "commonName" in refused.text


def lifetime(certificate: x509.Certificate) -> datetime.timedelta:
    # cryptography 42 renamed the attributes
    new = hasattr(certificate, "not_valid_after_utc")
    start, end = ("not_valid_before_utc", "not_valid_after_utc") if new else ("not_valid_before", "not_valid_after")
    return getattr(certificate, end) - getattr(certificate, start)


@pytest.mark.parametrize("auth", [None, ("estuser", "wrong"), ("other", "estpwd"), ("", "")])
def test_wrong_credentials_are_refused_with_a_challenge(client, plain_lab, auth):
    answer = client.enroll(auth=auth)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="est-lab-server", charset="UTF-8"'
    entry = plain_lab.requests[-1]
    assert (entry["authorization_present"], entry["authorization_accepted"]) == (auth is not None, False)


@pytest.mark.parametrize("header", ["Basic", "Basic ***", "Digest username=estuser", "Basic " + "A" * 2000, "\x00"])
def test_malformed_authorization_is_refused(client, header):
    assert client.enroll(auth=None, headers={"Authorization": header}).status_code in (400, 401)


def test_a_password_in_utf_8_is_accepted(client_of, tmp_path):
    (tmp_path / "password").write_text("pässwörd\n", encoding="utf-8")
    with LabServer("--password-file", str(tmp_path / "password"), "--username", "jürgen") as lab:
        assert client_of(lab).enroll(auth=("jürgen".encode(), "pässwörd".encode())).status_code == 200


def test_one_connection_serves_many_requests(client, plain_lab):
    for _unused in range(5):
        assert client.get("cacerts").status_code == 200
        assert client.enroll(auth=None).status_code == 401
        assert client.enroll().status_code == 200
    assert len({entry["connection"] for entry in plain_lab.requests[-15:]}) == 1


def test_log_tells_of_requests_but_not_of_passwords(client_of, labelled_lab):
    client = client_of(labelled_lab)
    client.enroll(auth=("estuser", "canary-71b2"))
    client.enroll(operation="a%20label/simpleenroll")
    entry = labelled_lab.requests[-1]
    expected = {
        "event": "request",
        "method": "POST",
        "path": "/.well-known/est/a%20label/simpleenroll",
        "label": "a label",
        "operation": "simpleenroll",
        "status": 200,
        "authorization_present": True,
        "authorization_accepted": True,
        "content_type": "application/pkcs10",
        "chunked": False,
    }
    assert {name: entry[name] for name in expected} == expected
    with open(labelled_lab.log_path, encoding="utf-8") as stream:
        text = stream.read()
    for secret in ("canary-71b2", "estpwd", base64.b64encode(b"estuser:estpwd").decode()):
        assert secret not in text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("ours/cacerts", 200),
        ("a%20label/cacerts", 200),
        ("cacerts", 200),
        ("theirs/cacerts", 404),
        ("ours/ours/cacerts", 404),
        ("ours/", 404),
        ("nothing", 404),
    ],
)
def test_a_server_has_its_own_labels_only(client_of, labelled_lab, path, status):
    assert client_of(labelled_lab).get(path).status_code == status


def test_a_server_without_labels_has_no_label(client):
    assert client.get("any/cacerts").status_code == 404
    assert client.enroll(operation="any/simpleenroll").status_code == 404


@pytest.fixture(scope="module")
def labelled_lab():
    with LabServer("--label", "ours", "--label", "a label") as lab:
        yield lab


@pytest.mark.parametrize(
    "path", ["/", "/.well-known/est", "/.well-known/est/", "/.well-known/est//cacerts", "/est/cacerts"]
)
def test_unknown_paths(client, plain_lab, path):
    assert client.session.get(plain_lab.url + path, timeout=60).status_code == 404


@pytest.mark.parametrize("operation", ["fullcmc"])
def test_operations_that_are_not_there_yet(client, operation):
    answer = client.enroll(operation=operation)
    assert (answer.status_code, "does not implement" in answer.text) == (501, True)


def test_wrong_method(client):
    assert client.get("simpleenroll").headers["Allow"] == "POST"
    assert client.enroll(operation="cacerts").status_code == 405


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b"!!!!", base64.b64encode(b"not asn.1"), base64.b64encode(b"\x30\x80" * 5000), b"\xff" * 100],
)
def test_a_body_that_is_no_pkcs10(client, body):
    answer = client.enroll(body=body)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_every_truncation_and_some_damage_of_a_request_is_answered(client):
    request = make_request(client.key)
    for length in range(0, len(request), 17):
        assert client.enroll(request=request[:length]).status_code == 400
    for position in range(0, len(request), 13):
        damaged = request[:position] + bytes((request[position] ^ 0x55,)) + request[position + 1 :]
        assert client.enroll(request=damaged).status_code == 400


def test_a_wrong_signature_is_refused(client):
    request = bytearray(make_request(client.key))
    start = request.index(b"device")
    request[start : start + 6] = b"DEVICE"
    answer = client.enroll(request=bytes(request))
    assert answer.status_code == 400
    assert "signature" in answer.text


def test_wrong_content_type_is_refused(client):
    assert client.enroll(headers={"Content-Type": "text/plain"}).status_code == 415


def pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE REQUEST-----\n"


def in_pieces(content: bytes):
    yield content[:100]
    yield content[100:]


@pytest.mark.parametrize(
    ("shape", "headers"),
    [
        (pem, {}),
        (lambda der: in_pieces(base64.encodebytes(der)), {}),
        (base64.b64encode, {}),
        (base64.encodebytes, {"Content-Transfer-Encoding": "8bit"}),
    ],
    ids=["pem", "chunked", "one-line", "no-base64-header"],
)
def test_strict_refuses_what_real_servers_refuse(client_of, plain_lab, strict_lab, shape, headers):
    for lab, expected in ((plain_lab, 200), (strict_lab, None)):
        client = client_of(lab)
        answer = client.enroll(body=shape(make_request(client.key)), headers=headers)
        assert answer.status_code == expected or (expected is None and answer.status_code in (400, 500))


def test_strict_takes_a_proper_request(client_of, strict_lab):
    assert client_of(strict_lab).enroll().status_code == 200


@pytest.fixture(scope="module")
def strict_lab():
    with LabServer("--strict") as lab:
        yield lab


@pytest.mark.parametrize("flag", ["--require-wrapped-base64", "--require-content-transfer-encoding"])
def test_single_checks(client_of, flag):
    with LabServer(flag) as lab:
        client = client_of(lab)
        assert client.enroll().status_code == 200
        one_line = base64.b64encode(make_request(client.key))
        refused = client.enroll(body=one_line, headers={"Content-Transfer-Encoding": "binary"})
        assert refused.status_code == (400 if "wrapped" in flag else 500)


@pytest.mark.parametrize(("value", "status"), [((), 400), (("422",), 422)])
def test_strict_decoders_take_one_line(client_of, value, status):
    with LabServer("--require-one-line-base64", *value) as lab:
        client = client_of(lab)
        assert client.enroll().status_code == status
        assert client.enroll(body=base64.b64encode(make_request(client.key))).status_code == 200


def test_manual_approval_knows_a_request_by_its_public_key(client_of):
    with LabServer("--manual-approval", "2", "--retry-after", "7") as lab:
        first, second = client_of(lab), client_of(lab)
        assert [first.enroll().status_code for _unused in range(2)] == [202, 202]
        pending = second.enroll()
        assert (pending.status_code, pending.headers["Retry-After"]) == (202, "7")
        assert "manual approval" in pending.text
        granted = first.enroll()
        assert granted.status_code == 200
        assert first.enroll().status_code == 200
        assert second.enroll().status_code == 202


def test_a_refused_request_does_not_count_for_approval(client_of):
    with LabServer("--manual-approval", "1", "--profile", "cisco") as lab:
        client = client_of(lab)
        assert client.enroll(request=make_request(client.key, common_name=None)).status_code == 400
        assert client.enroll().status_code == 202


@pytest.mark.parametrize(
    ("flags", "check"),
    [
        (["--retry-after", "none"], lambda answer: "Retry-After" not in answer.headers),
        (["--retry-after", "date:60"], lambda answer: 50 < seconds_from_now(answer.headers["Retry-After"]) < 70),
        (["--retry-after", "-5"], lambda answer: answer.headers["Retry-After"] == "-5"),
        (["--pending-body", "none"], lambda answer: answer.headers["Content-Length"] == "0"),
        (["--pending-body", "unframed"], lambda answer: "Content-Length" not in answer.headers and not answer.content),
    ],
    ids=["none", "date", "negative", "no-body", "unframed"],
)
def test_forms_of_a_pending_answer(client_of, flags, check):
    with LabServer("--manual-approval", "1", *flags) as lab:
        client = client_of(lab)
        answer = client.enroll()
        assert answer.status_code == 202
        assert check(answer)
        assert client.enroll().status_code == 200


def seconds_from_now(http_date: str) -> float:
    return (parsedate_to_datetime(http_date) - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
