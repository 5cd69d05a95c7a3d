# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key pairs: the kinds of them; generating, storing, loading and describing one.

No private key appears in ``repr()`` or in an error.

The functions that encode and decode keys import ``serialization`` themselves: it brings the formats of SSH, and takes
as long to load as the rest of this client. To ask a server for its CA certificates does not need it.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Union

from ..._value import Value
from ..asn1.der import OBJECT_IDENTIFIER, SEQUENCE, read
from ..base.errors import InputError, MissingLibrary, ParseError
from ..base.libraries import READ_ERRORS, without_warnings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

    #: A private key that is here, or one that signs elsewhere.
    AnyPrivateKey = Union[PrivateKeyTypes, "DistantKey"]

try:
    import cryptography
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
except ImportError:  # reported by require_libraries()
    pass
try:
    from cryptography.hazmat.primitives.asymmetric import mldsa
except ImportError:  # cryptography before 47; told by generate_key()
    mldsa = None  # type: ignore[assignment]


#: The types of a key, as a user writes them. A type of ML-DSA is a parameter set (FIPS 204).
KEY_TYPES = ("rsa", "ec", "ed25519", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87")
#: The curves of an EC key.
CURVES = ("P-256", "P-384", "P-521")
#: The smallest and largest RSA modulus, in bits.
RSA_SIZES = (2048, 4096)

_CURVE_WORDS: Dict[str, str] = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
#: What other tools call the curves.
_CURVE_ALIASES: Dict[str, str] = {**_CURVE_WORDS, "prime256v1": "P-256"}


class KeySpec(Value):
    """The kind of key to make.

    :param type: one of ``KEY_TYPES``.
    :param size: for ``rsa`` the bits of the modulus (2048 to 4096 in steps of 8, default 2048); ``None`` for the
        others.
    :param curve: for ``ec`` one of ``CURVES`` (default ``P-256``); ``None`` for the others.
    :raises InputError: for anything else.
    """

    type: str
    size: Optional[int]
    curve: Optional[str]

    def __init__(self, type: str = "rsa", size: Optional[int] = None, curve: Optional[str] = None) -> None:
        if type not in KEY_TYPES:
            raise InputError(f"key type {type!r} is not known: use one of {', '.join(KEY_TYPES)}")
        super().__init__(type, _checked_size(type, size), _checked_curve(type, curve))


def _checked_size(type: str, size: Optional[int]) -> Optional[int]:
    if type == "rsa":
        bits = 2048 if size is None else size
        if not RSA_SIZES[0] <= bits <= RSA_SIZES[1] or bits % 8:
            raise InputError(
                f"key size {bits} is not allowed for an RSA key: use {RSA_SIZES[0]} to {RSA_SIZES[1]} bits, "
                "a multiple of 8"
            )
        return bits
    if size is not None:
        raise InputError(f"key size {size} cannot be given for a key of type {type}: leave the size out")
    return None


def _checked_curve(type: str, curve: Optional[str]) -> Optional[str]:
    if type == "ec":
        name = "P-256" if curve is None else curve
        if name not in CURVES:
            meant = _CURVE_ALIASES.get(name.lower(), "")
            did_you_mean = f" (did you mean {meant}?)" if meant else ""
            raise InputError(f"curve {name!r} is not known: use one of {', '.join(CURVES)}{did_you_mean}")
        return name
    if curve is not None:
        raise InputError(f"curve {curve!r} cannot be given for a key of type {type}: leave the curve out")
    return None


def generate_key(spec: KeySpec) -> PrivateKeyTypes:
    """Make a new private key.

    :raises MissingLibrary: the installed cryptography, or the OpenSSL below it, cannot make this kind of key.
    """
    if spec.type == "rsa" and spec.size is not None:
        return rsa.generate_private_key(public_exponent=65537, key_size=spec.size)
    try:
        if spec.type == "ec":
            return ec.generate_private_key(_curve(spec))
        if spec.type == "ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        if mldsa is None:
            raise UnsupportedAlgorithm("cryptography has no ML-DSA")
        parameter_sets: Dict[str, Any] = {
            "ml-dsa-44": mldsa.MLDSA44PrivateKey,
            "ml-dsa-65": mldsa.MLDSA65PrivateKey,
            "ml-dsa-87": mldsa.MLDSA87PrivateKey,
        }
        key: PrivateKeyTypes = parameter_sets[spec.type].generate()
        return key
    except UnsupportedAlgorithm:
        raise MissingLibrary(
            f"the installed cryptography {cryptography.__version__} cannot make a key of type {spec.type}",
            code="unsupported_key",
            hint="Install a newer cryptography (ML-DSA needs version 49 or later), or choose another key type.",
        ) from None


def _curve(spec: KeySpec) -> ec.EllipticCurve:
    curves: Dict[Optional[str], ec.EllipticCurve] = {
        "P-256": ec.SECP256R1(),
        "P-384": ec.SECP384R1(),
        "P-521": ec.SECP521R1(),
    }
    return curves[spec.curve]


def private_key_pem(key: AnyPrivateKey, passphrase: Optional[str] = None) -> bytes:
    """The private key as PKCS#8 in PEM (RFC 5958, RFC 7468). Keep it in a file of mode 0600.

    :param passphrase: encrypts it; without one it is not encrypted.
    :raises InputError: it signs elsewhere, and is not here.
    """
    if isinstance(key, DistantKey):
        raise InputError("the private key is not here and cannot be written into a file")
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def is_encrypted(pem: str) -> bool:
    """Say whether a private key in PEM needs a passphrase (RFC 7468 section 11, RFC 1421 section 4.6.1.1)."""
    return "BEGIN ENCRYPTED PRIVATE KEY" in pem or "Proc-Type: 4,ENCRYPTED" in pem


def load_private_key(pem: bytes, passphrase: Optional[str] = None) -> PrivateKeyTypes:
    """Read a private key from PEM.

    :param passphrase: opens an encrypted key; ``None`` for one that is not encrypted.
    :raises InputError: not a private key, a wrong passphrase, or one too many or missing.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    password = passphrase.encode() if passphrase else None
    try:
        return load_pem_private_key(pem, password, None)
    except TypeError:  # cryptography's way to say that a passphrase is missing or superfluous
        if password is None:
            reason, hint = "the private key is encrypted, and no passphrase is given", "Give the passphrase of the key."
        else:
            reason, hint = "a passphrase is given, but the private key is not encrypted", "Leave the passphrase out."
    except UnsupportedAlgorithm:
        reason = f"the private key is of a kind that cryptography {cryptography.__version__} does not know"
        hint = "Use an RSA or EC key, or install a newer cryptography."
    except READ_ERRORS:
        if password is None:
            reason, hint = "the private key is not a PEM private key, or is damaged", "Give a PEM file in PKCS#8 form."
        else:
            reason = "the private key cannot be opened: the passphrase is wrong, or the key is damaged"
            hint = "Check the passphrase of the key."
    # Raised outside of the handlers, so that nothing of the key comes along in the error's context.
    raise InputError(reason, hint=hint)


_EC_PUBLIC_KEY = "1.2.840.10045.2.1"


@functools.lru_cache(maxsize=4)  # that of a certificate is asked for several times, and that of its CA for each of many
def load_public_key(info: bytes) -> PublicKeyTypes:
    """Read a public key.

    :param info: SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), encoded.
    :raises InputError: the installed cryptography cannot read this kind of key; the reason says which it is.
    """
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        with without_warnings():
            return load_der_public_key(info, None)
    except READ_ERRORS:
        pass
    if _has_explicit_curve(info):
        raise InputError(
            "the public key describes its elliptic curve with all its parameters, in place of its name (RFC 5480 "
            f"section 2.1.1 forbids that), and cryptography {cryptography.__version__} does not read it",
            hint="Have the certificate issued for a key with a named curve, or install a newer cryptography.",
        )
    raise InputError("the public key is damaged or of an unknown kind")


def _has_explicit_curve(info: bytes) -> bool:
    try:
        algorithm = next(read(info).children())
        oid, parameters = list(algorithm.children())
        return oid.is_universal(OBJECT_IDENTIFIER) and oid.oid() == _EC_PUBLIC_KEY and parameters.is_universal(SEQUENCE)
    except (ParseError, ValueError, StopIteration):
        return False


def public_key_der(source: Any) -> bytes:
    """The SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7), re-encoded so that equal keys give equal bytes.

    :param source: a public or private key, a ``Certificate``, or SubjectPublicKeyInfo as ``bytes``.
    :raises InputError: the public key is of a kind that the installed cryptography cannot read.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    info = getattr(source, "public_key_info", source)
    if isinstance(info, bytes):
        source = load_public_key(info)
    try:
        with without_warnings():
            public_key = source.public_key() if hasattr(source, "public_key") else source
            encoded: bytes = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            if isinstance(public_key, ec.EllipticCurvePublicKey):
                point = public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
                if not encoded.endswith(point):
                    # Rebuilt from its numbers, as old versions of cryptography keep a compressed point compressed.
                    public_key = public_key.public_numbers().public_key()
                    encoded = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except READ_ERRORS:
        raise InputError("the public key is damaged or of an unknown kind") from None
    return encoded


def same_public_key(a: Any, b: Any) -> bool:
    """Whether two keys or certificates have the same public key (requirement 74).

    A key that cannot be read is equal to none. The arguments are those of ``public_key_der()``.
    """
    try:
        return public_key_der(a) == public_key_der(b)
    except InputError:
        return False


# ----------------------------------------------------------------------------------------------------------------------


class DistantKey:
    """A private key that stays where it is, in a key store or a device. It signs there; only its public key is here.

    :param public_key_info: its SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), encoded.
    :param sign: returns the signature over octets with a hash, such as ``sha256``: of an RSA key that of
        RSASSA-PKCS1-v1_5, of an EC key that of ECDSA with its numbers after one another (IEEE P1363).
    :raises InputError: the public key cannot be read, or is neither RSA nor EC.
    """

    def __init__(self, public_key_info: bytes, sign: Callable[[bytes, str], bytes]) -> None:
        public_key = load_public_key(public_key_info)
        if not isinstance(public_key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
            raise InputError(f"a key of type {describe_public_key(public_key)} cannot be one that signs elsewhere")
        self._public_key = public_key
        self._sign = sign

    def public_key(self) -> Union[rsa.RSAPublicKey, ec.EllipticCurvePublicKey]:
        """The public key."""
        return self._public_key

    def sign(self, octets: bytes, hash_name: str) -> bytes:
        """Sign, and verify what came.

        :returns: the signature as X.509 has it.
        :raises InputError: what came is not the signature.
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        signature = self._sign(octets, hash_name)
        algorithm: hashes.HashAlgorithm = getattr(hashes, hash_name.upper())()
        try:
            if isinstance(self._public_key, rsa.RSAPublicKey):
                self._public_key.verify(signature, octets, padding.PKCS1v15(), algorithm)
                return signature
            half = len(signature) // 2
            encoded = encode_dss_signature(
                int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
            )
            self._public_key.verify(encoded, octets, ec.ECDSA(algorithm))
            return encoded
        except InvalidSignature:
            raise InputError(
                "what came as the signature of the certificate request is not one of its key",
                code="wrong_key",
                hint="Run it again: another run may have made a new key meanwhile.",
            ) from None


class KeyFacts(Value):
    """What is told of a key.

    :param type: ``RSA``, ``DSA``, ``ECC``, ``Ed25519``, ``Ed448``, ``X25519``, ``X448``, ``ML-DSA-44`` and the like: as
        ``community.crypto.x509_certificate_info`` has it, where it knows it.
    :param size: in bits; ``None`` where the type says it.
    :param curve: of a key of the type ``ECC``, such as ``P-256``; ``None`` for the others.
    """

    type: str
    size: Optional[int] = None
    curve: Optional[str] = None


def key_facts(key: Union[PublicKeyTypes, AnyPrivateKey]) -> KeyFacts:
    """Type, size and curve of a key."""
    if isinstance(key, DistantKey):
        key = key.public_key()
    size = getattr(key, "key_size", None)
    curve = getattr(key, "curve", None)
    if curve is not None:
        return KeyFacts("ECC", size, _CURVE_WORDS.get(curve.name, curve.name))
    # The name of cryptography's class is the only thing that all kinds of key of all its versions have.
    name = re.sub(r"^_+|(?:Public|Private)Key$", "", type(key).__name__)
    ml_dsa = re.fullmatch(r"MLDSA(\d+)", name)
    return KeyFacts(f"ML-DSA-{ml_dsa.group(1)}" if ml_dsa else name, size)


def spec_in_words(words: str) -> KeySpec:
    """The kind of key that ``describe_public_key()`` put in words.

    :raises InputError: one that is not made any more, or by no means here.
    """
    kind, _space, size = words.lower().partition(" ")
    return KeySpec(kind, int(size)) if size.isdigit() else KeySpec(kind, curve=size.upper() or None)


def spec_of_key(key: Union[PublicKeyTypes, AnyPrivateKey]) -> Optional[KeySpec]:
    """The kind of a key; ``None`` for one that is not made here."""
    try:
        return spec_in_words(describe_public_key(key))
    except InputError:
        return None


def describe_public_key(key: Union[PublicKeyTypes, AnyPrivateKey]) -> str:
    """A key in words: ``RSA 2048``, ``EC P-256``, ``Ed25519``, ``ML-DSA-65``, ``X25519``."""
    facts = key_facts(key)
    if facts.curve is not None:
        return f"EC {facts.curve}"
    return facts.type if facts.size is None else f"{facts.type} {facts.size}"
