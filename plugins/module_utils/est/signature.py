# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checking the signature of a certificate with the key of its issuer (RFC 5280 section 4.1.1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from .quiet import without_warnings

try:
    import cryptography
    from cryptography import x509
    from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
except ImportError:  # told by deps.require_libraries()
    pass

if TYPE_CHECKING:
    from typing import Any

_RSASSA_PSS = "1.2.840.113549.1.1.10"
#: Hashes for which signatures can be forged in practice.
_BROKEN_HASHES = ("md2", "md4", "md5")
#: Hashes that are still accepted, because there are CAs that use nothing better, but are told.
_WEAK_HASHES = ("sha1",)


def signature_problem(certificate: x509.Certificate, issuer: x509.Certificate) -> str:
    """What is wrong with the signature of a certificate, as a predicate of it; an empty string where nothing is.

    RSA (PKCS #1 v1.5 and PSS), ECDSA, Ed25519, Ed448 and ML-DSA are checked as far as the installed cryptography has
    them. Signatures over MD5 and older are refused.

    :param issuer: the certificate whose public key should verify the signature. Names are not compared here.
    """
    hash_name = _hash_name(certificate)
    if hash_name in _BROKEN_HASHES:
        return f"is signed with {hash_name.upper()}, which is broken"
    try:
        with without_warnings():
            _verify(certificate, issuer.public_key())
    except InvalidSignature:
        return "has a signature that does not verify with the key of its issuer"
    except (UnsupportedAlgorithm, InternalError, ValueError, TypeError):
        return (
            f"has a signature ({certificate.signature_algorithm_oid.dotted_string}) that cryptography "
            f"{cryptography.__version__} cannot check with the key of its issuer"
        )
    return ""


def weak_signature(certificate: x509.Certificate) -> str:
    """Why the signature is weak though it is accepted, as a predicate; an empty string where it is not."""
    hash_name = _hash_name(certificate)
    return "is signed with SHA-1, which is no longer secure" if hash_name in _WEAK_HASHES else ""


def _hash_name(certificate: x509.Certificate) -> str:
    algorithm = _hash(certificate)
    return algorithm.name if algorithm is not None else ""


def _hash(certificate: x509.Certificate) -> Optional[hashes.HashAlgorithm]:
    try:
        return certificate.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return None


def _verify(certificate: x509.Certificate, public_key: Any) -> None:
    signature, signed = certificate.signature, certificate.tbs_certificate_bytes
    algorithm = _hash(certificate)
    if isinstance(public_key, rsa.RSAPublicKey):
        if certificate.signature_algorithm_oid.dotted_string == _RSASSA_PSS:
            _verify_pss(certificate, public_key)
        elif algorithm is None:
            raise UnsupportedAlgorithm("no hash")
        else:
            public_key.verify(signature, signed, padding.PKCS1v15(), algorithm)
    elif isinstance(public_key, ec.EllipticCurvePublicKey):
        if algorithm is None:
            raise UnsupportedAlgorithm("no hash")
        public_key.verify(signature, signed, ec.ECDSA(algorithm))
    else:  # Ed25519, Ed448, ML-DSA; a key that cannot verify has no such method, or another signature of it
        verify = getattr(public_key, "verify", None)
        if verify is None:
            raise UnsupportedAlgorithm("the key cannot verify")
        verify(signature, signed)


def _verify_pss(certificate: x509.Certificate, public_key: rsa.RSAPublicKey) -> None:
    algorithm = _hash(certificate)
    if algorithm is not None and hasattr(certificate, "signature_algorithm_parameters"):
        parameters: Any = certificate.signature_algorithm_parameters
        public_key.verify(certificate.signature, certificate.tbs_certificate_bytes, parameters, algorithm)
        return
    # cryptography before 41 does not tell the parameters: try those that RFC 4055 section 3.1 and CAs use.
    for candidate in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
        scheme = padding.PSS(padding.MGF1(candidate), candidate.digest_size)
        try:
            public_key.verify(certificate.signature, certificate.tbs_certificate_bytes, scheme, candidate)
            return
        except InvalidSignature:
            continue
    raise InvalidSignature
