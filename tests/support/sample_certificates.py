# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few certificates for parser tests, made once: self-signed, on P-256."""

from __future__ import annotations

import datetime
import functools
from typing import Tuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DER = serialization.Encoding.DER
_BEGIN = datetime.datetime(2026, 1, 1)
_END = datetime.datetime(2036, 1, 1)


@functools.cache
def certificates(count: int = 3) -> Tuple[bytes, ...]:
    """``count`` certificates, DER, with names of different lengths so that DER order differs from this order."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = []
    for number in range(count):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA " + "x" * 5 * (count - number))])
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(number + 1)
            .not_valid_before(_BEGIN)
            .not_valid_after(_END)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        )
        made.append(builder.sign(key, hashes.SHA256()).public_bytes(_DER))
    return tuple(made)


@functools.cache
def certification_request() -> bytes:
    """A PKCS #10 request, DER: what a server must not get away with sending back."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])
    return x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256()).public_bytes(_DER)
