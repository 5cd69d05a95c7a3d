# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificate requests: PKCS#10 (RFC 2986) for /simpleenroll (RFC 7030 section 4.2.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Sequence, Tuple

from ..names.attributes import Subject
from ..names.general_names import GeneralName
from .der import read
from .der_writer import encode
from .errors import InputError, MissingLibrary
from .keys import describe_public_key, public_key_der
from .x509_names import build_general_names, build_name

try:
    import cryptography
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.serialization import Encoding
except ImportError:  # told by deps.require_libraries()
    pass

if TYPE_CHECKING:
    from typing import Any

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


#: The attribute extensionRequest (1.2.840.113549.1.9.14) with an empty SEQUENCE of extensions.
_EMPTY_EXTENSIONS = bytes.fromhex("300f06092a864886f70d01090e31023000")


@dataclass(frozen=True)
class CertificateRequest:
    """A signed certificate request.

    :param der: the request as it is sent.
    :param public_key_der: the SubjectPublicKeyInfo by which the issued certificate is found.
    :param subject: what was asked for.
    :param general_names: what was asked for as subject alternative name.
    """

    der: bytes = field(repr=False)
    public_key_der: bytes = field(repr=False)
    subject: Subject
    general_names: Tuple[GeneralName, ...] = ()


def build_csr(
    key: PrivateKeyTypes,
    subject: Subject,
    general_names: Sequence[GeneralName] = (),
) -> CertificateRequest:
    """Make a PKCS#10 request, signed with the very key that is to be certified (RFC 7030 section 4.2.1).

    The subject alternative name is critical if, and only if, the subject is empty (RFC 5280 section 4.2.1.6). There is
    no challengePassword: servers take it for a proof of possession or for an enrolment code (RFC 7030 section 3.5).

    :raises InputError: neither subject nor alternative name, a value that cannot be encoded, or a key that cannot sign.
    :raises MissingLibrary: the installed cryptography cannot sign requests with this kind of key.
    """
    if not subject and not general_names:
        raise InputError(
            "the certificate request would have neither a subject nor a subject alternative name",
            hint="Set subject or subject_alternative_name in the template.",
        )
    builder = x509.CertificateSigningRequestBuilder().subject_name(build_name(subject))
    if general_names:
        builder = builder.add_extension(build_general_names(general_names), critical=not subject)
    return CertificateRequest(_sign(builder, key), public_key_der(key), tuple(subject), tuple(general_names))


def _sign(builder: x509.CertificateSigningRequestBuilder, key: Any) -> bytes:
    words = describe_public_key(key)
    if not hasattr(key, "sign"):
        raise InputError(
            f"a key of type {words} cannot sign, so it cannot prove its possession in a certificate request",
            hint="Use an RSA, EC or Ed25519 key: keys that cannot sign need Full CMC, which this client has not.",
        )
    try:
        request = builder.sign(key, _signature_hash(key), None)
        return _without_empty_extensions(request.public_bytes(Encoding.DER), key)
    except (TypeError, UnsupportedAlgorithm):
        raise MissingLibrary(
            f"the installed cryptography {cryptography.__version__} cannot sign a certificate request with a key of "
            f"type {words}",
            hint="Install a newer cryptography (ML-DSA needs version 49 or later), or choose another key type.",
        ) from None
    except ValueError:
        raise InputError(
            f"a key of type {words} is not usable for a certificate request",
            hint="Use an RSA key of at least 2048 bits, or an EC or Ed25519 key.",
        ) from None


def _without_empty_extensions(der: bytes, key: Any) -> bytes:
    """The request as it is, but without an extensionRequest that holds no extension, and signed anew then.

    cryptography 3.4 writes one where there is no extension. RFC 5280 wants at least one in it, and CAs built on Bouncy
    Castle refuse the request.
    """
    information, algorithm, _signature = read(der).children()
    *fields, attributes = information.children()
    if not attributes.value.endswith(_EMPTY_EXTENSIONS):
        return der
    unsigned = encode(0x30, *(element.encoded for element in fields), encode(0xA0))
    signature_hash = _signature_hash(key)
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(unsigned, padding.PKCS1v15(), signature_hash)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        signature = key.sign(unsigned, ec.ECDSA(signature_hash))
    else:
        signature = key.sign(unsigned)
    return encode(0x30, unsigned, algorithm.encoded, encode(0x03, b"\0", signature))


def _signature_hash(key: Any) -> Any:
    """SHA-256, or what matches the strength of an EC curve; ``None`` where the signature scheme brings its own hash."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.curve.key_size > 384:
            return hashes.SHA512()
        return hashes.SHA384() if key.curve.key_size > 256 else hashes.SHA256()
    return hashes.SHA256() if isinstance(key, rsa.RSAPrivateKey) else None
