# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""serverkeygen of the lab server, read with Python's email package and decrypted with the openssl command."""

from __future__ import annotations

import base64
import email
import email.message
import email.policy
import subprocess

import pytest
from conftest import make_request, read_bag
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from support.lab import LabServer

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP384R1())
DECRYPT_KEY_IDENTIFIER = "1.2.840.113549.1.9.16.2.37"
ASYMMETRIC_DECRYPT_KEY_IDENTIFIER = "1.2.840.113549.1.9.16.2.54"


def public_bytes(key) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def pem(key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def parts_of(answer) -> list[email.message.Message]:
    assert answer.status_code == 200, answer.text
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.content, policy=email.policy.HTTP)
    assert message.get_content_type() == "multipart/mixed"
    assert message.is_multipart()
    return list(message.iter_parts())


def decoded(part) -> bytes:
    return base64.b64decode(part.get_payload())


def smime_type(part) -> str:
    assert part.get_content_type() == "application/pkcs7-mime"
    return part["Content-Type"].params["smime-type"]


def key_and_certificate(answer) -> tuple[bytes, x509.Certificate]:
    key, certificate = parts_of(answer)
    assert smime_type(certificate) == "certs-only"
    (issued,) = read_bag(decoded(certificate))
    return decoded(key), issued


@pytest.mark.parametrize("key", [RSA, EC, ed25519.Ed25519PrivateKey.generate()], ids=["rsa", "p384", "ed25519"])
def test_a_key_of_the_kind_of_the_request(client, plain_lab, key):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        request = builder.sign(key, None).public_bytes(serialization.Encoding.DER)
    else:
        request = make_request(key)
    answer = client.enroll(operation="serverkeygen", request=request)
    content, certificate = key_and_certificate(answer)
    made = serialization.load_der_private_key(content, None)
    assert public_bytes(made.public_key()) == public_bytes(certificate.public_key()) != public_bytes(key.public_key())
    assert type(made) is type(key)
    assert plain_lab.requests[-1]["key_encrypted"] is False
    assert parts_of(answer)[0].get_content_type() == "application/pkcs8"


def test_a_key_of_a_kind_that_is_not_made(client):
    request = make_request(dsa.generate_private_key(2048))
    answer = client.enroll(operation="serverkeygen", request=request)
    assert (answer.status_code, "RSA, EC and Ed25519" in answer.text) == (400, True)


@pytest.mark.parametrize(("key", "form"), [(RSA, b"RSA PRIVATE KEY"), (EC, b"EC PRIVATE KEY")], ids=["pkcs1", "sec1"])
def test_traditional_keys(client_of, key, form):
    with LabServer("--serverkeygen", "traditional") as lab:
        content, certificate = key_and_certificate(
            client_of(lab).enroll(operation="serverkeygen", request=make_request(key))
        )
    read = [b"-----BEGIN " + form + b"-----\n", base64.encodebytes(content), b"-----END " + form + b"-----\n"]
    made = serialization.load_pem_private_key(b"".join(read), None)
    assert public_bytes(made.public_key()) == public_bytes(certificate.public_key())
    # PKCS#1 and SEC1 have a number where PKCS#8 has an AlgorithmIdentifier
    told = subprocess.run(
        ["openssl", "asn1parse", "-inform", "DER"], input=content, capture_output=True, check=True
    ).stdout.splitlines()
    assert (b"INTEGER" if key is RSA else b"OCTET STRING") in told[2]


@pytest.fixture(scope="module")
def shape_labs():
    """Servers by their flags, started when first asked for."""
    labs: dict[tuple[str, ...], LabServer] = {}

    def of(*flags: str) -> LabServer:
        if flags not in labs:
            labs[flags] = LabServer(*flags).start()
        return labs[flags]

    yield of
    for lab in labs.values():
        lab.stop()


@pytest.mark.parametrize(
    ("shape", "marks"),
    [
        ("certificate-first", []),
        ("quoted-boundary", [b"\r\n--=_est lab:(1/2)?\r\n"]),
        ("preamble", [b"preamble. --It"]),
        ("epilogue", [b"--\r\nThis is the epilogue"]),
        ("lf", [b"\n\nM"]),
        ("no-part-encoding", []),
        ("part-headers", [b"content-type:  application/pkcs7-mime;\r\n smime-type=certs-only\r\n"]),
    ],
)
def test_shapes(client_of, shape_labs, shape, marks):
    lab = shape_labs("--multipart", shape)
    answer = client_of(lab).enroll(operation="serverkeygen")
    for mark in marks:
        assert mark in answer.content
    assert (b"\r\n" in answer.content) == (shape != "lf")
    parts = parts_of(answer)
    encodings = {part["Content-Transfer-Encoding"] for part in parts}
    assert encodings == ({None} if shape == "no-part-encoding" else {"base64"})
    kinds = ["application/pkcs8", "application/pkcs7-mime"]
    assert [part.get_content_type() for part in parts] == (kinds[::-1] if shape == "certificate-first" else kinds)
    key = parts[1] if shape == "certificate-first" else parts[0]
    assert serialization.load_der_private_key(decoded(key), None)


def test_broken_shapes(client_of, shape_labs):
    texts = {}
    for shape in ("no-boundary", "no-end", "no-key", "no-certificate"):
        answer = client_of(shape_labs("--fault", f"serverkeygen:{shape}")).enroll(operation="serverkeygen")
        assert answer.status_code == 200
        texts[shape] = answer.headers["Content-Type"].encode() + b"\n" + answer.content
    assert b"boundary=" not in texts.pop("no-boundary")
    assert not texts["no-end"].endswith(b"--\r\n")
    assert b"pkcs8" not in texts["no-key"]
    assert b"certs-only" not in texts["no-certificate"]


def test_many_parts(client_of, shape_labs):
    answer = client_of(shape_labs("--fault", "serverkeygen:many-parts")).enroll(operation="serverkeygen")
    assert b"--estLabServerBoundary\r\n\r\n\r\n" * 10_000 in answer.content
    assert len(parts_of(answer)) == 10_002


def test_base64_in_parts(client_of, shape_labs):
    for shape in ("one-line", "76", "nul"):
        content, _unused = key_and_certificate(
            client_of(shape_labs("--base64", shape)).enroll(operation="serverkeygen")
        )
        assert serialization.load_der_private_key(content, None)


def decrypt(tmp_path, content: bytes, key, *flags: str) -> bytes:
    """The content of a CMS EnvelopedData as openssl decrypts it."""
    (tmp_path / "key.pem").write_bytes(pem(key))
    (tmp_path / "enveloped").write_bytes(content)
    return subprocess.run(
        ["openssl", "cms", "-decrypt", "-inform", "DER", "-in", "enveloped", "-inkey", "key.pem", "-binary", *flags],
        capture_output=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
    ).stdout


def verified(tmp_path, lab: LabServer, content: bytes) -> bytes:
    """The content of a SignedData, given without ContentInfo, when openssl finds its signature right."""
    size = len(content).to_bytes(2, "big")
    inner = b"\xa0\x82" + size + content
    oid = bytes.fromhex("06092a864886f70d010702")
    (tmp_path / "signed").write_bytes(b"\x30\x82" + (len(oid) + len(inner)).to_bytes(2, "big") + oid + inner)
    return subprocess.run(
        ["openssl", "cms", "-verify", "-inform", "DER", "-in", "signed", "-CAfile", lab.ca_path, "-purpose", "any",
         "-binary"],
        capture_output=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
    ).stdout  # fmt: skip


@pytest.mark.parametrize(
    ("transport", "cipher", "recipient"),
    [
        ("pkcs1", "aes-128-cbc", "request"),
        ("oaep", "aes-256-cbc", "certificate"),
        ("oaep-sha256", "aes-128-cbc", "certificate"),
        ("oaep-sha256", "aes-256-cbc", "request"),
    ],
)
def test_enveloped_keys(client_of, shape_labs, tmp_path, transport, cipher, recipient):
    lab = shape_labs(
        "--serverkeygen", "enveloped", "--key-transport", transport, "--key-cipher", cipher, "--key-content", "pkcs8",
        "--key-recipient", recipient,
    )  # fmt: skip
    shown = lab.issue(private_key=RSA)
    request = make_request(RSA if recipient == "request" else EC)
    answer = client_of(lab, shown).enroll(operation="serverkeygen", request=request)
    content, certificate = key_and_certificate(answer)
    assert smime_type(parts_of(answer)[0]) == "server-generated-key"
    told = subprocess.run(
        ["openssl", "cms", "-cmsout", "-print", "-noout", "-inform", "DER"],
        input=content,
        capture_output=True,
        check=False,
    ).stdout.decode()
    assert cipher in told
    assert {"pkcs1": "rsaEncryption", "oaep": "rsaesOaep", "oaep-sha256": "rsaesOaep"}[transport] in told
    assert ("issuerAndSerialNumber" in told) == (recipient == "certificate")
    flags = ("-recip", shown.certificate_path) if recipient == "certificate" else ()
    made = serialization.load_der_private_key(decrypt(tmp_path, content, RSA, *flags), None)
    assert public_bytes(made.public_key()) == public_bytes(certificate.public_key())
    assert lab.requests[-1]["key_encrypted"] is True


@pytest.mark.parametrize("recipient", ["request", "certificate"])
def test_key_agreement_with_an_ec_key(client_of, shape_labs, tmp_path, recipient):
    lab = shape_labs("--serverkeygen", "enveloped", "--key-content", "pkcs8", "--key-recipient", recipient)
    shown = lab.issue(private_key=EC)
    content, _unused = key_and_certificate(
        client_of(lab, shown).enroll(operation="serverkeygen", request=make_request(EC))
    )
    # openssl matches the key identifier of a certificate only
    made = decrypt(tmp_path, content, EC, "-recip", shown.certificate_path)
    assert isinstance(serialization.load_der_private_key(made, None), ec.EllipticCurvePrivateKey)


@pytest.mark.parametrize("content_kind", ["key-package", "signed-pkcs8"])
@pytest.mark.parametrize("key_type", ["ec", "rsa"])
def test_signed_keys(client_of, shape_labs, tmp_path, content_kind, key_type):
    lab = shape_labs("--serverkeygen", "enveloped", "--key-content", content_kind, "--key-type", key_type)
    content, certificate = key_and_certificate(
        client_of(lab).enroll(operation="serverkeygen", request=make_request(RSA))
    )
    key = verified(tmp_path, lab, decrypt(tmp_path, content, RSA))
    if content_kind == "key-package":
        assert key[:2] == b"\x30\x82"
        assert len(key) == 4 + int.from_bytes(key[2:4], "big")
        key = key[4:]
    assert public_bytes(serialization.load_der_private_key(key, None).public_key()) == public_bytes(
        certificate.public_key()
    )


def test_encryption_only_where_it_is_asked_for(client_of, plain_lab, tmp_path):
    """Without a flag the attributes of the request decide (RFC 7030 section 4.4.1.2)."""
    shown = plain_lab.issue(private_key=RSA)
    client = client_of(plain_lab, shown)

    def ask(kind: str, value: bytes):
        request = request_with_octets(RSA, kind, value)
        return client.enroll(operation="serverkeygen", request=request)

    identifier = x509.SubjectKeyIdentifier.from_public_key(RSA.public_key()).digest
    content, _unused = key_and_certificate(ask(ASYMMETRIC_DECRYPT_KEY_IDENTIFIER, identifier))
    assert decrypt(tmp_path, content, RSA)
    for kind, value in ((ASYMMETRIC_DECRYPT_KEY_IDENTIFIER, b"unknown"), (DECRYPT_KEY_IDENTIFIER, identifier)):
        answer = ask(kind, value)
        assert (answer.status_code, b"KEY" in answer.content) == (400, False)


def request_with_octets(key, kind: str, value: bytes) -> bytes:
    """A request with an OCTET STRING in an attribute, which cryptography's builder does not write."""
    told = make_request(key, attributes=((kind, b"x" * len(value)),))
    replaced = told.replace(b"\x0c" + bytes([len(value)]) + b"x" * len(value), b"\x04" + bytes([len(value)]) + value)
    assert replaced != told
    # signed anew: the signature is the last 256 bytes, of everything in the first inner SEQUENCE
    info_size = 4 + int.from_bytes(replaced[6:8], "big")
    signature = key.sign(replaced[4 : 4 + info_size], padding.PKCS1v15(), hashes.SHA256())
    return replaced[:-256] + signature


def test_encrypted_data_of_globalsign(client_of):
    with LabServer("--serverkeygen", "encrypted-data") as lab:
        content, _unused = key_and_certificate(client_of(lab).enroll(operation="serverkeygen"))
    told = subprocess.run(
        ["openssl", "cms", "-cmsout", "-print", "-noout", "-inform", "DER"],
        input=content,
        capture_output=True,
        check=True,
    ).stdout
    assert b"pkcs7-encryptedData (1.2.840.113549.1.7.6)" in told


def test_the_client_certificate_may_be_missing(client_of):
    with LabServer("--serverkeygen", "enveloped", "--key-recipient", "certificate") as lab:
        answer = client_of(lab).enroll(operation="serverkeygen")
        assert (answer.status_code, "no client certificate" in answer.text) == (400, True)


def test_pending_and_refused(client_of):
    with LabServer("--manual-approval", "1") as lab:
        client = client_of(lab)
        assert client.enroll(operation="serverkeygen", auth=None).status_code == 401
        assert client.enroll(operation="serverkeygen").status_code == 202
        assert key_and_certificate(client.enroll(operation="serverkeygen"))
        with open(lab.log_path, encoding="utf-8") as stream:
            assert "PRIVATE" not in stream.read()
