# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures: checking those of certificates (RFC 5280 section 4.1.1.3), signing requests (RFC 2986 section 4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Optional, Tuple, Type

from ..asn1.der import SEQUENCE, encode, encode_oid, read_whole
from ..base.errors import InputError, MissingLibrary, ParseError
from ..base.libraries import READ_ERRORS, without_warnings
from .fields import Algorithm, Certificate
from .keys import DistantKey, describe_public_key, load_public_key

if TYPE_CHECKING:
    from typing import Any

try:
    import cryptography
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
except ImportError:  # reported by require_libraries()
    pass


#: What a signature algorithm is made with: the class of the key that checks it, and the hash. A key of another class
#: brings its own hash, and its signature has no choice of algorithm.
_ALGORITHMS: Dict[str, Tuple[str, str]] = {
    "1.2.840.113549.1.1.2": ("RSA", "md2"),
    "1.2.840.113549.1.1.3": ("RSA", "md4"),
    "1.2.840.113549.1.1.4": ("RSA", "md5"),
    "1.2.840.113549.1.1.5": ("RSA", "sha1"),
    "1.3.14.3.2.29": ("RSA", "sha1"),
    "1.2.840.113549.1.1.14": ("RSA", "sha224"),
    "1.2.840.113549.1.1.11": ("RSA", "sha256"),
    "1.2.840.113549.1.1.12": ("RSA", "sha384"),
    "1.2.840.113549.1.1.13": ("RSA", "sha512"),
    "2.16.840.1.101.3.4.3.13": ("RSA", "sha3_224"),
    "2.16.840.1.101.3.4.3.14": ("RSA", "sha3_256"),
    "2.16.840.1.101.3.4.3.15": ("RSA", "sha3_384"),
    "2.16.840.1.101.3.4.3.16": ("RSA", "sha3_512"),
    "1.2.840.10045.4.1": ("EC", "sha1"),
    "1.2.840.10045.4.3.1": ("EC", "sha224"),
    "1.2.840.10045.4.3.2": ("EC", "sha256"),
    "1.2.840.10045.4.3.3": ("EC", "sha384"),
    "1.2.840.10045.4.3.4": ("EC", "sha512"),
    "2.16.840.1.101.3.4.3.9": ("EC", "sha3_224"),
    "2.16.840.1.101.3.4.3.10": ("EC", "sha3_256"),
    "2.16.840.1.101.3.4.3.11": ("EC", "sha3_384"),
    "2.16.840.1.101.3.4.3.12": ("EC", "sha3_512"),
    "1.2.840.10040.4.3": ("DSA", "sha1"),
    "2.16.840.1.101.3.4.3.1": ("DSA", "sha224"),
    "2.16.840.1.101.3.4.3.2": ("DSA", "sha256"),
}
#: What says that a signature is none that can be checked.
_NOT_CHECKED: Tuple[Type[Exception], ...] = (ParseError, *READ_ERRORS)
_RSASSA_PSS = "1.2.840.113549.1.1.10"
#: The hashes that the parameters of RSASSA-PSS name (RFC 4055 section 2.1).
_HASHES: Dict[str, str] = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
#: Hashes for which signatures can be forged in practice.
_BROKEN_HASHES = ("md2", "md4", "md5")
#: Hashes that are still accepted, with a warning, because there are CAs that use nothing better.
_WEAK_HASHES = ("sha1",)

#: The most signatures that are checked in one exchange: a bound for bags that are made to be slow. A bag of the most
#: certificates that are read, each below another one, needs two for each.
MAX_SIGNATURES = 500


class SignatureChecks:
    """Checks signatures of certificates, each of them once, and no more of them than one exchange can need.

    :ivar count: how many were checked.
    """

    def __init__(self, limit: int = MAX_SIGNATURES) -> None:
        self._limit = limit
        self._known: Dict[Tuple[Certificate, bytes], str] = {}
        self.count = 0

    def of_next(self) -> SignatureChecks:
        """Those of another certificate of the same CA: what is known stays known, and it has a bound of its own."""
        following = SignatureChecks(self._limit)
        following._known = dict(self._known)
        return following

    def problem(self, certificate: Certificate, issuer: Certificate) -> str:
        """See ``signature_problem()``; one that is not checked any more is told to be that."""
        pair = certificate, issuer.public_key_info
        if pair not in self._known:
            if self.count >= self._limit:
                return f"has a signature that was not checked, after {self._limit} others of this exchange"
            self.count += 1
            self._known[pair] = signature_problem(certificate, issuer)
        return self._known[pair]


def signature_problem(certificate: Certificate, issuer: Certificate) -> str:
    """What is wrong with the signature of a certificate, as a predicate; an empty string where nothing is.

    RSA (PKCS #1 v1.5 and PSS), ECDSA, DSA, Ed25519, Ed448 and ML-DSA are checked as far as the installed cryptography
    has them. Signatures over MD5 and older are refused. The parameters of an algorithm that has none do not matter.

    :param issuer: the certificate whose public key should verify the signature. Names are not compared here.
    """
    hash_name = _hash_name(certificate.algorithm)
    if hash_name in _BROKEN_HASHES:
        return f"is signed with {hash_name.upper()}, which is broken"
    if certificate.algorithm != certificate.inner_algorithm:
        return "names one signature algorithm where it is signed and another one beside the signature"
    try:
        public_key = load_public_key(issuer.public_key_info)
        with without_warnings():
            _verify(certificate, public_key)
    except InvalidSignature:
        return "has a signature that does not verify with the key of its issuer"
    except InputError as error:
        return f"has a signature that cannot be checked with the key of its issuer: {error.reason}"
    except _NOT_CHECKED:
        return (
            f"has a signature ({certificate.algorithm.oid}) that cryptography {cryptography.__version__} cannot check "
            "with the key of its issuer"
        )
    return ""


def weak_signature(certificate: Certificate) -> str:
    """Why a signature is weak although it is accepted, as a predicate; an empty string where it is not."""
    hash_name = _hash_name(certificate.algorithm)
    return "is signed with SHA-1, which is no longer secure" if hash_name in _WEAK_HASHES else ""


def _hash_name(algorithm: Algorithm) -> str:
    if algorithm.oid != _RSASSA_PSS:
        return _ALGORITHMS.get(algorithm.oid, ("", ""))[1]
    try:
        return _pss_parameters(algorithm)[0]
    except ParseError:
        return ""


def _verify(certificate: Certificate, public_key: Any) -> None:
    signature, signed, algorithm = certificate.signature, certificate.signed, certificate.algorithm
    if algorithm.oid == _RSASSA_PSS and isinstance(public_key, rsa.RSAPublicKey):
        hash_name, mask_hash, salt = _pss_parameters(algorithm)
        scheme = padding.PSS(padding.MGF1(_hash(mask_hash)), salt)
        public_key.verify(signature, signed, scheme, _hash(hash_name))
        return
    kind, hash_name = _ALGORITHMS.get(algorithm.oid, ("", ""))
    words = describe_public_key(public_key)
    if kind != words.split()[0] if kind else _WITHOUT_HASH.get(words) != algorithm.oid:
        raise UnsupportedAlgorithm("a key of another kind")
    if kind == "RSA":
        public_key.verify(signature, signed, padding.PKCS1v15(), _hash(hash_name))
    elif kind == "EC":
        public_key.verify(signature, signed, ec.ECDSA(_hash(hash_name)))
    elif kind == "DSA":
        public_key.verify(signature, signed, _hash(hash_name))
    else:
        public_key.verify(signature, signed)


def _hash(name: str) -> hashes.HashAlgorithm:
    algorithm: hashes.HashAlgorithm = getattr(hashes, name.upper())()
    return algorithm


def _pss_parameters(algorithm: Algorithm) -> Tuple[str, str, int]:
    """The hash of RSASSA-PSS, that of its mask, and the length of the salt (RFC 4055 section 3.1).

    :raises ParseError: they cannot be read, or name a hash that is not known.
    """
    hash_name, mask_hash, salt = "sha1", "sha1", 20
    if algorithm.parameters is not None:
        for parameter in read_whole(algorithm.parameters).expect(SEQUENCE, "the parameters of RSASSA-PSS").children():
            value = next(parameter.children(), parameter)
            if parameter.is_context(0):
                hash_name = _hash_of(Algorithm.read(value))
            elif parameter.is_context(1):
                mask_hash = _hash_of(Algorithm.read(read_whole(Algorithm.read(value).parameters or b"")))
            elif parameter.is_context(2):
                salt = value.integer()
    return hash_name, mask_hash, salt


def _hash_of(algorithm: Algorithm) -> str:
    name = _HASHES.get(algorithm.oid)
    if name is None:
        raise ParseError(f"the hash {algorithm.oid} of RSASSA-PSS is not known")
    return name


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
    kind = key.public_key() if isinstance(key, DistantKey) else key
    if isinstance(kind, (rsa.RSAPrivateKey, rsa.RSAPublicKey)):
        name = _checked(hash_name or "sha256")
        how: Tuple[Any, ...] = (padding.PKCS1v15(), _signing_hash(name))
        algorithm: Tuple[bytes, ...] = (encode_oid(_RSA_WITH_HASH[name]), _NULL)
    elif isinstance(kind, (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey)):
        name = _checked(hash_name or _matching_hash(kind))
        how, algorithm = (ec.ECDSA(_signing_hash(name)),), (encode_oid(_ECDSA_WITH_HASH[name]),)
    else:
        return _signature_without_hash(information, key, words, hash_name)
    return algorithm, key.sign(information, name) if isinstance(key, DistantKey) else key.sign(information, *how)


def _signature_without_hash(
    information: bytes, key: Any, words: str, hash_name: Optional[str]
) -> Tuple[Tuple[bytes, ...], bytes]:
    if hash_name is not None:
        raise InputError(f"a hash ({hash_name}) cannot be chosen for a signature with a key of type {words}")
    if words not in _WITHOUT_HASH:
        raise TypeError
    return (encode_oid(_WITHOUT_HASH[words]),), key.sign(information)


def _checked(hash_name: str) -> str:
    if hash_name not in HASH_NAMES:
        raise InputError(f"hash {hash_name!r} is not known: use one of {', '.join(HASH_NAMES)}")
    return hash_name


def _matching_hash(key: Any) -> str:
    if key.curve.key_size > 384:
        return "sha512"
    return "sha384" if key.curve.key_size > 256 else "sha256"


def _signing_hash(name: str) -> hashes.HashAlgorithm:
    if name == "sha256":
        return hashes.SHA256()
    return hashes.SHA384() if name == "sha384" else hashes.SHA512()
