# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that no library would write: every field is bytes, and whoever asks for one can have it malformed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Optional, Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .asn1 import OCTET_STRING, SEQUENCE, SET, UTF8_STRING, oid, tlv

PRINTABLE, TELETEX, VIDEOTEX, IA5, UTC_TIME, GENERALIZED_TIME, VISIBLE, UNIVERSAL, BMP = (
    0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x1A, 0x1C, 0x1E,
)  # fmt: skip
INTEGER, BIT_STRING, NULL, TRUE, FALSE = 0x02, 0x03, b"\x05\x00", b"\x01\x01\xff", b"\x01\x01\x00"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"
RSA_SHA256 = "1.2.840.113549.1.1.11"
NOW = datetime.now(timezone.utc).replace(microsecond=0)

KEY = ec.generate_private_key(ec.SECP256R1())


def attribute(kind: str, tag: int, value: bytes) -> bytes:
    """An RDN of one attribute; ``kind`` is the last number of its OID under 2.5.4."""
    return tlv(SET, tlv(SEQUENCE, oid(f"2.5.4.{kind}"), tlv(tag, value)))


def name(*rdns: bytes) -> bytes:
    return tlv(SEQUENCE, *rdns)


def common_name(text: str) -> bytes:
    return name(attribute("3", UTF8_STRING, text.encode()))


def extension(kind: str, value: bytes, *flag: bytes) -> bytes:
    """An extension; ``kind`` is its OID, or the last number of one under 2.5.29."""
    dotted = kind if "." in kind else f"2.5.29.{kind}"
    return tlv(SEQUENCE, oid(dotted), *flag, tlv(OCTET_STRING, value))


IS_CA = extension("19", tlv(SEQUENCE, TRUE), TRUE)
SIGNS = extension("15", b"\x03\x02\x01\x06", TRUE)


def utc(moment: datetime) -> bytes:
    return tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())


def certificate(
    subject: bytes,
    *,
    issuer: Optional[bytes] = None,
    signer: Any = KEY,
    public_key: Any = KEY,
    extensions: Sequence[bytes] = (),
    serial: bytes = b"\x05",
    begin: bytes = utc(NOW - timedelta(days=1)),
    end: bytes = utc(NOW + timedelta(days=900)),
    version: bytes = tlv(0xA0, b"\x02\x01\x02"),
    algorithm: Optional[bytes] = None,
    outer_algorithm: Optional[bytes] = None,
    unique: bytes = b"",
    trailing: bytes = b"",
    inside: bytes = b"",
    sign: Optional[Callable[[bytes], bytes]] = None,
) -> bytes:
    """A certificate in DER; self-issued where no issuer is given.

    :param public_key: a private key, or SubjectPublicKeyInfo.
    :param unique: what stands between public key and extensions.
    :param trailing: what follows the certificate.
    :param inside: what follows the extensions.
    """
    is_rsa = isinstance(signer, rsa.RSAPrivateKey)
    algorithm = algorithm or tlv(SEQUENCE, oid(RSA_SHA256 if is_rsa else ECDSA_SHA256))
    if not isinstance(public_key, bytes):
        public_key = public_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    to_be_signed = tlv(
        SEQUENCE,
        version,
        tlv(INTEGER, serial),
        algorithm,
        subject if issuer is None else issuer,
        tlv(SEQUENCE, begin, end),
        subject,
        public_key,
        unique,
        tlv(0xA3, tlv(SEQUENCE, *extensions)) if extensions else b"",
        inside,
    )
    if sign is not None:
        signature = sign(to_be_signed)
    elif is_rsa:
        signature = signer.sign(to_be_signed, padding.PKCS1v15(), hashes.SHA256())
    else:
        signature = signer.sign(to_be_signed, ec.ECDSA(hashes.SHA256()))
    return tlv(SEQUENCE, to_be_signed, outer_algorithm or algorithm, tlv(BIT_STRING, b"\0", signature)) + trailing
