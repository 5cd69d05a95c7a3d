# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private key of an answer to /serverkeygen, in all forms that servers send."""

from __future__ import annotations

import base64
import subprocess
from typing import Any, List

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from support.asn1 import OCTET_STRING, SEQUENCE, SET, content_info, integer, oid, signed_data, tlv
from support.properties import count

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.answers.server_key import (
    decode_part,
    read_server_key,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, ParseError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import same_public_key

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP384R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
KEY_PACKAGE = "2.16.840.1.101.2.1.2.78.5"


def encoded(key: Any, form: str = "PKCS8", encoding: str = "DER", encryption: Any = None) -> bytes:
    return key.private_bytes(getattr(Encoding, encoding), getattr(PrivateFormat, form), encryption or NoEncryption())


KEYS = pytest.mark.parametrize("key", [RSA_KEY, EC_KEY, ED_KEY], ids=["RSA", "EC", "Ed25519"])


class TestForms:
    @KEYS
    def test_req_120_pkcs8(self, key: Any) -> None:
        assert same_public_key(read_server_key(encoded(key)), key)

    @pytest.mark.parametrize("key", [RSA_KEY, EC_KEY], ids=["PKCS#1", "SEC1"])
    def test_req_120_trap_13_pkcs1_and_sec1_under_the_name_of_pkcs8(self, key: Any) -> None:
        assert same_public_key(read_server_key(encoded(key, "TraditionalOpenSSL")), key)

    @KEYS
    def test_pkcs8_with_attributes_and_a_public_key(self, key: Any) -> None:
        """OneAsymmetricKey of version 2 (RFC 5958), which old libraries do not read."""
        pkcs8 = encoded(key)
        header = 4 if pkcs8[1] == 0x82 else 3 if pkcs8[1] == 0x81 else 2
        fields = pkcs8[header + 3 :]
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)[-32:]
        attributes = tlv(0xA0, tlv(SEQUENCE, oid("2.5.4.3"), tlv(SET, tlv(0x0C, b"x"))))
        message = tlv(SEQUENCE, integer(1), fields, attributes, tlv(0x81, b"\0" + public))
        assert same_public_key(read_server_key(message), key)

    @KEYS
    def test_signed_and_packed(self, key: Any) -> None:
        pkcs8 = encoded(key)
        package = tlv(SEQUENCE, pkcs8)
        whole = signed_data([], content_type=KEY_PACKAGE, content=package)
        forms: List[bytes] = [
            package,
            whole,
            signed_data([], content=pkcs8),
            signed_data([], content=pkcs8, ber=True),
            content_info("1.2.840.113549.1.7.1", tlv(OCTET_STRING, pkcs8)),
            content_info(KEY_PACKAGE, package),
        ]
        for form in forms:
            assert same_public_key(read_server_key(form), key)

    def test_a_signed_data_without_content_info(self) -> None:
        content = tlv(SEQUENCE, oid(KEY_PACKAGE), tlv(0xA0, tlv(OCTET_STRING, tlv(SEQUENCE, encoded(EC_KEY)))))
        assert same_public_key(read_server_key(tlv(SEQUENCE, integer(3), tlv(SET), content, tlv(SET))), EC_KEY)

    def test_bytes_after_the_key_do_not_matter(self) -> None:
        assert same_public_key(read_server_key(encoded(EC_KEY) + b"\0\n"), EC_KEY)

    def test_what_openssl_writes(self, tmp_path: Any) -> None:
        for arguments in (["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], ["RSA"]):
            command = ["openssl", "genpkey", "-out", "key.pem", "-algorithm", *arguments]
            subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
            for options in (["pkcs8", "-topk8", "-nocrypt"], ["pkey", "-traditional"]):
                command = ["openssl", *options, "-in", "key.pem", "-outform", "DER"]
                form = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60).stdout
                assert read_server_key(form).private_numbers()  # type: ignore[union-attr]


class TestEncoding:
    PKCS8 = encoded(EC_KEY)
    LINES = base64.encodebytes(PKCS8)

    @pytest.mark.parametrize(
        "body",
        [
            LINES,
            LINES.replace(b"\n", b"\r\n"),
            LINES.replace(b"\n", b""),
            LINES + b"\0",
            b"\n\n" + LINES,
            encoded(EC_KEY, encoding="PEM"),
            encoded(EC_KEY, "TraditionalOpenSSL", "PEM"),
            PKCS8,
        ],
        ids=["64", "CRLF", "one line", "NUL", "empty lines", "PEM", "SEC1 PEM", "DER"],
    )
    def test_req_121_every_form_of_base64(self, body: bytes) -> None:
        assert same_public_key(read_server_key(decode_part(body)), EC_KEY)

    @pytest.mark.parametrize(
        ("body", "words"), [(b"", "is empty"), (b" \r\n", "is empty"), (b"Y2FuYXJ5!canary", "is not base64")]
    )
    def test_nothing_of_it_is_shown(self, body: bytes, words: str) -> None:
        with pytest.raises(ParseError, match=words) as caught:
            decode_part(body)
        assert "canary" not in f"{caught.value.reason}{caught.value.__context__!r}{caught.value.__cause__!r}"
        assert "Y2Fu" not in caught.value.reason


class TestRefused:
    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "truncated"),
            (b"\x04\x00", "should be the SEQUENCE of a private key"),
            (b"\x30\x00", "is none"),
            (tlv(SEQUENCE, integer(0)), "is none"),
            (tlv(SEQUENCE, encoded(EC_KEY), encoded(EC_KEY)), "more than one private key"),
            (encoded(EC_KEY, encryption=BestAvailableEncryption(b"x")), "encrypted with a password"),
            (content_info("1.2.840.113549.1.7.6", tlv(SEQUENCE)), r"1\.7\.6 \(encryptedData\)"),
            (content_info("1.2.3", tlv(SEQUENCE)), r"has 1\.2\.3"),
            (signed_data([]), "no private key in it"),
            (tlv(SEQUENCE, integer(0), tlv(SEQUENCE, oid("1.2.3")), tlv(OCTET_STRING, b"x")), "damaged, or of a kind"),
            (tlv(SEQUENCE, integer(0), integer(1), integer(2)), "damaged, or of a kind"),
        ],
    )
    def test_what_is_no_key_is_told_apart(self, data: bytes, words: str) -> None:
        with pytest.raises(ParseError, match=words) as caught:
            read_server_key(data)
        assert caught.value.__context__ is None

    def test_too_many_layers(self) -> None:
        data = encoded(EC_KEY)
        for _layer in range(6):
            data = content_info("1.2.840.113549.1.7.1", tlv(OCTET_STRING, data))
        with pytest.raises(ParseError, match="too many layers"):
            read_server_key(data)

    def test_every_truncation_is_an_error(self) -> None:
        for data in (encoded(EC_KEY), signed_data([], content=tlv(SEQUENCE, encoded(EC_KEY)))):
            for length in range(len(data)):
                with pytest.raises(EstError):
                    read_server_key(data[:length])

    @settings(deadline=None, max_examples=count(300))
    @given(st.binary(max_size=300), st.integers(0, 200), st.binary(max_size=4))
    def test_damaged_ones_give_a_key_or_the_one_error(self, data: bytes, position: int, change: bytes) -> None:
        package = signed_data([], content_type=KEY_PACKAGE, content=tlv(SEQUENCE, encoded(EC_KEY)))
        for whole in (encoded(EC_KEY), encoded(EC_KEY, "TraditionalOpenSSL"), package):
            damaged = whole[:position] + change + whole[position + len(change) :]
            for candidate in (data, tlv(SEQUENCE, data), damaged):
                try:
                    read_server_key(candidate)
                except ParseError:
                    pass
