# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypted CMS messages, made by OpenSSL and by hand, and what becomes of those that cannot be opened."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from support.asn1 import OCTET_STRING, SEQUENCE, SET, content_info, integer, oid, tlv
from support.est_pki import make_certificate
from support.properties import count

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers import (
    enveloped_data as content_cipher,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.enveloped_data import (
    MAX_RECIPIENTS,
    decrypt,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.server_key import read_server_key
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    InputError,
    ParseError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.key_protection import KeyProtection
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import pem
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import same_public_key

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
P384_KEY = ec.generate_private_key(ec.SECP384R1())
OTHER_RSA, OTHER_EC = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
SECRET = bytes(range(32))
CONTENT = RSA_KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
SAME = "cannot be decrypted: it is encrypted for another key than this client has, or it is damaged"
ENVELOPED, AES_128, AES_256 = "1.2.840.113549.1.7.3", "2.16.840.1.101.3.4.1.2", "2.16.840.1.101.3.4.1.42"
RSA_PKCS1 = tlv(SEQUENCE, oid("1.2.840.113549.1.1.1"), b"\x05\x00")


def certificate(key: Any, **options: Any) -> Certificate:
    return make_certificate("recipient", key.public_key(), "issuer", OTHER_EC, days=(-4000, 4000), **options)


def openssl(folder: Path, *arguments: str, keys: Sequence[Any] = ()) -> bytes:
    """What "openssl cms" makes of ``CONTENT``, for the holders of some keys."""
    (folder / "content.der").write_bytes(CONTENT)
    recipients = []
    for number, key in enumerate(keys):
        (folder / f"{number}.pem").write_text(pem(certificate(key)))
        recipients += ["-recip", f"{number}.pem"]
    command = ["openssl", "cms", "-binary", "-in", "content.der", "-outform", "DER"]
    # The kind of message comes before its recipients, and their options after them.
    command += [*arguments[:2], *recipients, *arguments[2:]]
    ran = subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def opened(message: bytes, *keys: Any) -> bytes:
    return decrypt(message, [KeyProtection.by_key(key) for key in keys])


class TestOpenssl:
    @pytest.mark.parametrize("cipher", ["-aes-128-cbc", "-aes-192-cbc", "-aes-256-cbc", "-des3", "-aes-256-gcm"])
    @pytest.mark.parametrize(
        "options",
        [
            [],
            ["-keyopt", "rsa_padding_mode:oaep"],
            ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"],
            ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha512", "-keyopt", "rsa_mgf1_md:sha384"],
            ["-keyid"],
        ],
        ids=["PKCS#1", "OAEP", "OAEP SHA-256", "OAEP mixed", "key identifier"],
    )
    def test_req_122_key_transport(self, tmp_path: Path, options: List[str], cipher: str) -> None:
        if options == ["-keyid"]:
            identifier = x509.SubjectKeyIdentifier.from_public_key(RSA_KEY.public_key())
            named = certificate(RSA_KEY, extensions=[(identifier, False)])
            (tmp_path / "named.pem").write_text(pem(named))
            options = ["-keyid", "-recip", "named.pem"]
            message = openssl(tmp_path, "-encrypt", cipher, *options)
        else:
            message = openssl(tmp_path, "-encrypt", cipher, *options, keys=[RSA_KEY])
        assert opened(message, RSA_KEY) == CONTENT
        assert opened(message, OTHER_RSA, EC_KEY, RSA_KEY) == CONTENT
        with pytest.raises(ParseError, match=SAME):
            opened(message, OTHER_RSA)

    @pytest.mark.parametrize("key", [EC_KEY, P384_KEY], ids=["P-256", "P-384"])
    @pytest.mark.parametrize("cipher", ["-aes-128-cbc", "-aes-256-cbc", "-aes-128-gcm"])
    @pytest.mark.parametrize(
        "options",
        [
            [],
            ["-keyopt", "ecdh_kdf_md:sha256"],
            ["-keyopt", "ecdh_kdf_md:sha384", "-keyopt", "ecdh_cofactor_mode:1"],
            ["-keyopt", "ecdh_kdf_md:sha512"],
        ],
        ids=["SHA-1", "SHA-256", "SHA-384 cofactor", "SHA-512"],
    )
    def test_req_122_key_agreement(self, tmp_path: Path, options: List[str], cipher: str, key: Any) -> None:
        message = openssl(tmp_path, "-encrypt", cipher, *options, keys=[key])
        assert opened(message, key) == CONTENT
        for other in (OTHER_EC, EC_KEY if key is P384_KEY else P384_KEY):
            with pytest.raises(ParseError, match=SAME):
                opened(message, other)

    @pytest.mark.parametrize("size", [16, 24, 32])
    @pytest.mark.parametrize("cipher", ["-aes-128-cbc", "-aes-256-cbc", "-aes-192-gcm"])
    def test_req_122_shared_key(self, tmp_path: Path, cipher: str, size: int) -> None:
        secret = SECRET[:size]
        message = openssl(tmp_path, "-encrypt", cipher, "-secretkey", secret.hex(), "-secretkeyid", b"our key".hex())
        assert decrypt(message, [KeyProtection.by_shared_secret(b"our key", secret)]) == CONTENT
        with pytest.raises(ParseError, match=SAME):
            decrypt(message, [KeyProtection.by_shared_secret(b"our key", secret[::-1])])
        with pytest.raises(ParseError, match=r"encrypted for a shared key \(kekri\), and this client has no such key"):
            opened(message, RSA_KEY)

    def test_several_recipients(self, tmp_path: Path) -> None:
        message = openssl(tmp_path, "-encrypt", "-aes-256-cbc", keys=[OTHER_RSA, OTHER_EC, EC_KEY, RSA_KEY])
        for key in (RSA_KEY, EC_KEY):
            assert opened(message, key) == CONTENT
        with pytest.raises(ParseError, match=r"for an RSA key \(ktri\), an EC key \(kari\), and this client has"):
            decrypt(message, [])

    def test_ber(self, tmp_path: Path) -> None:
        message = openssl(tmp_path, "-encrypt", "-aes-256-cbc", "-stream", keys=[RSA_KEY])
        assert message[1] == 0x80
        assert opened(message, RSA_KEY) == CONTENT

    def test_req_122_trap_13_encrypted_data(self, tmp_path: Path) -> None:
        message = openssl(tmp_path, "-EncryptedData_encrypt", "-aes-256-cbc", "-secretkey", SECRET.hex())
        with pytest.raises(ParseError, match=r"EncryptedData \(1\.2\.840\.113549\.1\.7\.6\), where RFC 7030 asks"):
            decrypt(message, [KeyProtection.by_shared_secret(b"x", SECRET)])

    def test_req_122_a_password_is_named(self, tmp_path: Path) -> None:
        message = openssl(tmp_path, "-encrypt", "-aes-256-cbc", "-pwri_password", "canary")
        with pytest.raises(ParseError, match=r"encrypted for a password \(pwri\), and this client has no such key"):
            opened(message, RSA_KEY, EC_KEY)

    def test_a_key_that_openssl_signed_packed_and_encrypted(self, tmp_path: Path) -> None:
        """Signed by one, encrypted to another, all by OpenSSL: the form of RFC 7030 section 4.4.2."""
        (tmp_path / "signer.pem").write_bytes(
            pem(make_certificate("s", OTHER_EC.public_key(), "s", OTHER_EC, days=(-4000, 4000))).encode()
        )
        (tmp_path / "signer.key").write_bytes(OTHER_EC.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (tmp_path / "key.der").write_bytes(tlv(SEQUENCE, CONTENT))
        (tmp_path / "recip.pem").write_text(pem(certificate(EC_KEY)))
        sign = (
            "cms -sign -binary -nodetach -in key.der -outform DER -out signed.der -signer signer.pem -inkey signer.key"
        )
        encrypt = "cms -encrypt -binary -in signed.der -outform DER -out out.der -aes-256-cbc -recip recip.pem"
        for command in (f"{sign} -econtent_type 2.16.840.1.101.2.1.2.78.5", encrypt):
            subprocess.run(["openssl", *command.split()], cwd=tmp_path, check=True, capture_output=True, timeout=60)
        message = (tmp_path / "out.der").read_bytes()
        assert same_public_key(read_server_key(opened(message, EC_KEY)), RSA_KEY)


def enveloped(
    *recipients: bytes,
    key: bytes = SECRET,
    content: bytes = CONTENT,
    algorithm: str = AES_256,
    start: bytes = b"\0" * 16,
    parameters: Any = None,
) -> bytes:
    """EnvelopedData by hand."""
    padded = content + bytes([16 - len(content) % 16]) * (16 - len(content) % 16)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(b"\0" * 16)).encryptor()
    encrypted = encryptor.update(padded) + encryptor.finalize()
    if parameters is None:
        parameters = tlv(OCTET_STRING, start)
    body = tlv(SEQUENCE, oid("1.2.840.113549.1.7.1"), tlv(SEQUENCE, oid(algorithm), parameters), tlv(0x80, encrypted))
    return content_info(ENVELOPED, tlv(SEQUENCE, integer(0), tlv(SET, *recipients), body))


def transport(encrypted_key: bytes, algorithm: bytes = RSA_PKCS1) -> bytes:
    return tlv(SEQUENCE, integer(2), tlv(0x80, b"id"), algorithm, tlv(OCTET_STRING, encrypted_key))


def to_rsa(plain: bytes) -> bytes:
    return RSA_KEY.public_key().encrypt(plain, padding.PKCS1v15())


class TestOneError:
    """Nobody must learn from this client whether a padding was right (RFC 3218)."""

    @pytest.mark.parametrize(
        "message",
        [
            enveloped(transport(b"\x01" * 256)),
            enveloped(transport(b"\x00" * 256)),
            enveloped(transport(b"\xff" * 256)),
            enveloped(transport(b"short")),
            enveloped(transport(b"")),
            enveloped(transport(to_rsa(b""))),
            enveloped(transport(to_rsa(SECRET[:16]))),
            enveloped(transport(to_rsa(SECRET + b"x"))),
            enveloped(transport(to_rsa(SECRET[::-1]))),
            enveloped(transport(to_rsa(SECRET)), content=b"not a SEQUENCE"),
            enveloped(transport(to_rsa(SECRET)), content=CONTENT[:-1]),
            enveloped(transport(to_rsa(SECRET)), content=b""),
        ],
        ids=range(12),
    )
    def test_req_122_every_failure_is_the_same(self, message: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        tried = []
        real = content_cipher.EncryptedContent.decrypt

        def counted(self: Any, key: bytes) -> Any:
            tried.append(len(key))
            return real(self, key)

        monkeypatch.setattr(content_cipher.EncryptedContent, "decrypt", counted)
        with pytest.raises(ParseError) as caught:
            opened(message, RSA_KEY)
        assert caught.value.reason == f"the private key in the server's answer {SAME}"
        assert caught.value.__context__ is None
        # The content is worked on just the same, with a key of the right size.
        assert tried == [32]

    def test_a_right_one(self) -> None:
        assert opened(enveloped(transport(to_rsa(SECRET))), RSA_KEY) == CONTENT
        assert opened(enveloped(transport(b"\x01" * 256), transport(to_rsa(SECRET))), RSA_KEY) == CONTENT


class TestRefused:
    RIGHT = transport(to_rsa(SECRET))

    @pytest.mark.parametrize(
        ("message", "words"),
        [
            (b"", "truncated"),
            (b"\x30\x00", "no CMS message at all"),
            (content_info("1.2.840.113549.1.7.2", tlv(SEQUENCE)), r"is 1\.2\.840\.113549\.1\.7\.2 \(signedData\)"),
            (content_info(ENVELOPED, tlv(SEQUENCE)), "ends too early"),
            (content_info(ENVELOPED, tlv(SEQUENCE, integer(0), tlv(SET), tlv(SEQUENCE))), "has no content"),
            (enveloped(), "encrypted for nobody"),
            (enveloped(*[RIGHT] * (MAX_RECIPIENTS + 1)), "more than 16 recipients"),
            (enveloped(tlv(SEQUENCE, integer(0))), "has not the 4 fields"),
            (enveloped(tlv(0xA1, integer(3))), "key agreement .* is malformed"),
            (enveloped(tlv(0xA4, oid("1.2.3"))), r"another kind of recipient \(ori\)"),
            (enveloped(tlv(0xA9, oid("1.2.3"))), "an unknown kind of recipient"),
            (enveloped(transport(b"x", tlv(SEQUENCE, oid("1.2.3")))), r"an algorithm not known here: 1\.2\.3"),
            (enveloped(transport(b"x", tlv(SEQUENCE))), "AlgorithmIdentifier .* is empty"),
            (enveloped(RIGHT, algorithm="1.2.3"), r"an algorithm not known here: 1\.2\.3"),
            (enveloped(RIGHT, algorithm="2.16.840.1.101.3.4.1.46"), "an algorithm not known here"),
            (enveloped(RIGHT, start=b"\0" * 8), "AES-CBC .* parameters that do not fit"),
            (enveloped(RIGHT, parameters=b""), "AES-CBC .* no parameters"),
        ],
        ids=range(17),
    )
    def test_what_cannot_be_read_is_told_apart(self, message: bytes, words: str) -> None:
        with pytest.raises(ParseError, match=words):
            opened(message, RSA_KEY, EC_KEY)

    def test_unknown_parts_of_oaep(self) -> None:
        for parameters in (
            tlv(SEQUENCE, tlv(0xA0, tlv(SEQUENCE, oid("1.2.3")))),
            tlv(SEQUENCE, tlv(0xA1, tlv(SEQUENCE, oid("1.2.3")))),
            tlv(SEQUENCE, tlv(0xA5, tlv(SEQUENCE, oid("1.2.3")))),
        ):
            algorithm = tlv(SEQUENCE, oid("1.2.840.113549.1.1.7"), parameters)
            with pytest.raises(ParseError, match="an RSA key by an algorithm not known here"):
                opened(enveloped(transport(b"x" * 256, algorithm)), RSA_KEY)

    def test_oaep_with_a_label(self) -> None:
        label = tlv(SEQUENCE, oid("1.2.840.113549.1.1.9"), tlv(OCTET_STRING, b"label"))
        algorithm = tlv(SEQUENCE, oid("1.2.840.113549.1.1.7"), tlv(SEQUENCE, tlv(0xA2, label)))
        scheme = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), b"label")
        message = enveloped(transport(RSA_KEY.public_key().encrypt(SECRET, scheme), algorithm))
        assert opened(message, RSA_KEY) == CONTENT

    @pytest.mark.parametrize("position", [-1, -20, -60])
    def test_a_changed_authenticated_message_is_refused(self, tmp_path: Path, position: int) -> None:
        message = bytearray(openssl(tmp_path, "-encrypt", "-aes-256-gcm", keys=[RSA_KEY]))
        assert opened(bytes(message), RSA_KEY) == CONTENT
        message[position] ^= 1
        with pytest.raises(ParseError, match=SAME):
            opened(bytes(message), RSA_KEY)

    def test_a_short_authentication_tag_is_refused(self, tmp_path: Path) -> None:
        message = openssl(tmp_path, "-encrypt", "-aes-256-gcm", keys=[RSA_KEY])
        assert message.count(b"\x02\x01\x10") == 1
        with pytest.raises(ParseError, match=r"AES-GCM .* parameters that do not fit"):
            opened(message.replace(b"\x02\x01\x10", b"\x02\x01\x04"), RSA_KEY)


class TestFuzz:
    WHOLE: Tuple[bytes, ...] = (
        enveloped(transport(to_rsa(SECRET))),
        enveloped(
            tlv(0xA2, integer(4), tlv(SEQUENCE, tlv(OCTET_STRING, b"id")),
                tlv(SEQUENCE, oid("2.16.840.1.101.3.4.1.45")), tlv(OCTET_STRING, b"x" * 40))
        ),
    )  # fmt: skip
    KEYS: List[KeyProtection] = [  # noqa: RUF012
        KeyProtection.by_key(RSA_KEY), KeyProtection.by_key(EC_KEY), KeyProtection.by_shared_secret(b"x", SECRET)
    ]  # fmt: skip

    @settings(deadline=None, max_examples=count(60))
    @given(st.data())
    def test_damaged_key_agreements(self, data: st.DataObject) -> None:
        message = self._agreement()
        position = data.draw(st.integers(0, len(message)))
        change = data.draw(st.binary(min_size=1, max_size=6))
        try:
            decrypt(message[:position] + change + message[position + len(change) :], self.KEYS)
        except ParseError:
            pass

    _made: Dict[str, bytes] = {}  # noqa: RUF012

    def _agreement(self) -> bytes:
        if "agreement" not in self._made:
            with tempfile.TemporaryDirectory() as folder:
                self._made["agreement"] = openssl(Path(folder), "-encrypt", "-aes-256-gcm", keys=[EC_KEY])
        return self._made["agreement"]

    def test_every_truncation_is_an_error(self) -> None:
        for whole in (*self.WHOLE, self._agreement()):
            for length in range(0, len(whole), 3):
                with pytest.raises(EstError):
                    decrypt(whole[:length], self.KEYS)


class TestKeyProtection:
    def test_req_123_asking_by_certificate(self) -> None:
        identifier = x509.SubjectKeyIdentifier(b"the name of the key")
        protection = KeyProtection.by_certificate(certificate(EC_KEY, extensions=[(identifier, False)]), EC_KEY)
        capabilities, name = protection.attributes()
        assert (name.oid, name.values) == ("1.2.840.113549.1.9.16.2.54", (tlv(4, b"the name of the key"),))
        assert capabilities.oid == "1.2.840.113549.1.9.15"
        assert oid(AES_256) in capabilities.values[0]
        # Best first.
        assert capabilities.values[0].index(oid(AES_256)) < capabilities.values[0].index(oid(AES_128))

    def test_req_123_asking_by_key(self) -> None:
        expected = x509.SubjectKeyIdentifier.from_public_key(EC_KEY.public_key()).digest
        for protection in (KeyProtection.by_key(EC_KEY), KeyProtection.by_certificate(certificate(EC_KEY), EC_KEY)):
            assert protection.attributes()[1].values == (tlv(4, expected),)

    def test_req_123_asking_by_a_shared_secret(self) -> None:
        _capabilities, name = KeyProtection.by_shared_secret(b"our key", SECRET).attributes()
        assert (name.oid, name.values) == ("1.2.840.113549.1.9.16.2.37", (tlv(4, b"our key"),))

    def test_keys_that_nothing_can_be_encrypted_to(self) -> None:
        key = ed25519.Ed25519PrivateKey.generate()
        with pytest.raises(InputError, match="nothing can be encrypted to a key of type Ed25519"):
            KeyProtection.by_key(key)
        with pytest.raises(InputError, match="Ed25519"):
            KeyProtection.by_certificate(certificate(key), key)

    @pytest.mark.parametrize(("identifier", "size"), [(b"x", 0), (b"x", 15), (b"x", 33), (b"", 32)])
    def test_shared_keys_of_a_wrong_size(self, identifier: bytes, size: int) -> None:
        with pytest.raises(InputError, match=f"a shared key of {size} bytes"):
            KeyProtection.by_shared_secret(identifier, b"c" * size)

    def test_no_key_in_a_repr(self) -> None:
        words = repr([KeyProtection.by_shared_secret(b"x", b"canary" * 4), KeyProtection.by_key(RSA_KEY)])
        assert "canary" not in words
        assert "RSAPrivateKey" not in words


@pytest.mark.parametrize("content", [b"", b"\x30", b"\x31\x00", b"\x30\x7f" + b"x" * 62, b"\x30\x84" + b"\xff" * 62])
def test_what_only_looks_decrypted_is_refused_like_the_rest(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """One random key in 256 gives content with a right padding."""
    monkeypatch.setattr(content_cipher.EncryptedContent, "decrypt", lambda _self, _key: content)
    with pytest.raises(ParseError, match=SAME):
        opened(enveloped(transport(b"\x01" * 256)), RSA_KEY)
