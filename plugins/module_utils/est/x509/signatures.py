# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures: checking those of certificates (RFC 5280 section 4.1.1.3), signing requests (RFC 2986 section 4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Optional, Tuple

from ..asn1.der import encode, encode_oid
from ..base.errors import InputError, MissingLibrary
from ..base.libraries import without_warnings
from .keys import describe_public_key

if TYPE_CHECKING:
    from typing import Any

try:
    import cryptography
    from cryptography import x509
    from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
except ImportError:  # reported by require_libraries()
    pass


_RSASSA_PSS = "1.2.840.113549.1.1.10"
#: Hashes for which signatures can be forged in practice.
_BROKEN_HASHES = ("md2", "md4", "md5")
#: Hashes that are still accepted, with a warning, because there are CAs that use nothing better.
_WEAK_HASHES = ("sha1",)


def signature_problem(certificate: x509.Certificate, issuer: x509.Certificate) -> str:
    """What is wrong with the signature of a certificate, as a predicate; an empty string where nothing is.

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
    """Why a signature is weak although it is accepted, as a predicate; an empty string where it is not."""
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


# ----------------------------------------------------------------------------------------------------------------------
# Signing a certificate request with the algorithm that fits key and hash.


#: The hashes that a request can be signed with.
HASH_NAMES = ("sha256", "sha384", "sha512")

#: Signature algorithms by kind of key and hash (RFC 8017 appendix A.2.4, RFC 5758 section 3.2).
_RSA_WITH_HASH: Dict[str, str] = {
    "sha256": "1.2.840.113549.1.1.11",
    "sha384": "1.2.840.113549.1.1.12",
    "sha512": "1.2.840.113549.1.1.13",
}
_ECDSA_WITH_HASH: Dict[str, str] = {
    "sha256": "1.2.840.10045.4.3.2",
    "sha384": "1.2.840.10045.4.3.3",
    "sha512": "1.2.840.10045.4.3.4",
}
#: Those that bring their own hash, by the words for the key (RFC 8410 section 3, RFC 9881 section 2).
_WITHOUT_HASH: Dict[str, str] = {
    "Ed25519": "1.3.101.112",
    "Ed448": "1.3.101.113",
    "ML-DSA-44": "2.16.840.1.101.3.4.3.17",
    "ML-DSA-65": "2.16.840.1.101.3.4.3.18",
    "ML-DSA-87": "2.16.840.1.101.3.4.3.19",
}
_NULL = b"\x05\x00"

#: What a signature algorithm that a server names means here: the type of key as in ``keys.KEY_TYPES``, and the hash.
SIGNATURE_ALGORITHMS: Dict[str, Tuple[str, Optional[str]]] = {
    **{oid: ("rsa", name) for name, oid in _RSA_WITH_HASH.items()},
    **{oid: ("ec", name) for name, oid in _ECDSA_WITH_HASH.items()},
    **{oid: (words.lower(), None) for words, oid in _WITHOUT_HASH.items()},
}


def sign_request(information: bytes, key: Any, hash_name: Optional[str] = None) -> bytes:
    """A CertificationRequest: the information and its signature.

    :param information: a CertificationRequestInfo in DER.
    :param hash_name: one of ``HASH_NAMES``; ``None`` takes SHA-256 for an RSA key, and what matches the strength of
        the curve for an EC key. Other keys sign with a hash of their own, so for them it must be ``None``.
    :raises InputError: the key cannot sign, or the hash does not fit it.
    :raises MissingLibrary: the installed cryptography cannot sign with this kind of key.
    """
    words = describe_public_key(key)
    if not hasattr(key, "sign"):
        raise InputError(
            f"a key of type {words} cannot sign, so it cannot prove its possession in a certificate request",
            code="unsupported_key",
            hint="Use an RSA, EC or Ed25519 key: keys that cannot sign need Full CMC, which this client has not.",
        )
    try:
        algorithm, signature = _signature(information, key, words, hash_name)
    except UnsupportedAlgorithm:
        raise MissingLibrary(
            f"the installed cryptography {cryptography.__version__} cannot sign a certificate request with a key of "
            f"type {words}",
            code="unsupported_key",
            hint="Install a newer cryptography, or choose another key type.",
        ) from None
    except (TypeError, ValueError):
        raise InputError(
            f"a key of type {words} is not usable for a certificate request",
            code="unsupported_key",
            hint="Use an RSA key of at least 2048 bits, or an EC or Ed25519 key.",
        ) from None
    return encode(0x30, information, encode(0x30, *algorithm), encode(0x03, b"\0", signature))


def _signature(information: bytes, key: Any, words: str, hash_name: Optional[str]) -> Tuple[Tuple[bytes, ...], bytes]:
    """The parts of the AlgorithmIdentifier, and the signature."""
    if isinstance(key, rsa.RSAPrivateKey):
        name = _checked(hash_name or "sha256")
        return (encode_oid(_RSA_WITH_HASH[name]), _NULL), key.sign(information, padding.PKCS1v15(), _signing_hash(name))
    if isinstance(key, ec.EllipticCurvePrivateKey):
        name = _checked(hash_name or _matching_hash(key))
        return (encode_oid(_ECDSA_WITH_HASH[name]),), key.sign(information, ec.ECDSA(_signing_hash(name)))
    if hash_name is not None:
        raise InputError(f"a hash ({hash_name}) cannot be chosen for a signature with a key of type {words}")
    if words not in _WITHOUT_HASH:
        raise TypeError
    return (encode_oid(_WITHOUT_HASH[words]),), key.sign(information)


def _checked(hash_name: str) -> str:
    if hash_name not in HASH_NAMES:
        raise InputError(f"hash {hash_name!r} is not known: use one of {', '.join(HASH_NAMES)}")
    return hash_name


def _matching_hash(key: ec.EllipticCurvePrivateKey) -> str:
    if key.curve.key_size > 384:
        return "sha512"
    return "sha384" if key.curve.key_size > 256 else "sha256"


def _signing_hash(name: str) -> hashes.HashAlgorithm:
    if name == "sha256":
        return hashes.SHA256()
    return hashes.SHA384() if name == "sha384" else hashes.SHA512()
