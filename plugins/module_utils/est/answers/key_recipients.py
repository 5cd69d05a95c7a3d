# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipients of a CMS message: how each of them gets at the key of the content (RFC 5652 section 6.2).

Whether a decryption succeeded is never told: where it failed, a random key comes back, and opening the content with it
fails as with any wrong key. A server that could tell the cases apart could use this client to decrypt what is not its
own (RFC 3218 section 2.3).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Dict, List, Tuple, Union

from ..._value import Value, field
from ..asn1.der import BIT_STRING, OCTET_STRING, SEQUENCE, Element, encode
from ..base.errors import ParseError
from ..request.key_protection import KeyProtection

if TYPE_CHECKING:
    from typing import Any

try:
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap
except ImportError:  # require_libraries() reports it
    pass


_RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
_RSAES_OAEP = "1.2.840.113549.1.1.7"
_MGF1 = "1.2.840.113549.1.1.8"
_SPECIFIED_LABEL = "1.2.840.113549.1.1.9"
_HASHES: Dict[str, str] = {
    "1.3.14.3.2.26": "SHA1",
    "2.16.840.1.101.3.4.2.4": "SHA224",
    "2.16.840.1.101.3.4.2.1": "SHA256",
    "2.16.840.1.101.3.4.2.2": "SHA384",
    "2.16.840.1.101.3.4.2.3": "SHA512",
}
#: ECDH with the key derivation of X9.63 (RFC 5753 section 7.1.4), first without, then with the cofactor, which is 1 for
#: the curves that are used here.
_ECDH: Dict[str, str] = {
    "1.3.133.16.840.63.0.2": "SHA1",
    "1.3.132.1.11.0": "SHA224",
    "1.3.132.1.11.1": "SHA256",
    "1.3.132.1.11.2": "SHA384",
    "1.3.132.1.11.3": "SHA512",
    "1.3.133.16.840.63.0.3": "SHA1",
    "1.3.132.1.14.0": "SHA224",
    "1.3.132.1.14.1": "SHA256",
    "1.3.132.1.14.2": "SHA384",
    "1.3.132.1.14.3": "SHA512",
}
#: AES key wrap (RFC 3565 section 2.3.2) and the size of its key.
_WRAPS: Dict[str, int] = {
    "2.16.840.1.101.3.4.1.5": 16,
    "2.16.840.1.101.3.4.1.25": 24,
    "2.16.840.1.101.3.4.1.45": 32,
}
#: The most encrypted keys of one key agreement that are looked at.
_MAX_AGREED = 16
_SHA1 = "1.3.14.3.2.26"
#: What the kinds that are not read are called.
_OTHER_KINDS = {3: "a password (pwri)", 4: "another kind of recipient (ori)"}


class KeyTransport(Value):
    """The key of the content, encrypted to an RSA key (RFC 5652 section 6.2.1, RFC 8017 section 7)."""

    encrypted_key: bytes = field(repr=False)
    padding: Any

    kind = "an RSA key (ktri)"

    def fits(self, protection: KeyProtection) -> bool:
        """Whether that key could be the one it is encrypted to."""
        return isinstance(protection.private_key, rsa.RSAPrivateKey)

    def content_key(self, protection: KeyProtection, size: int) -> bytes:
        """The key of the content, or a random one."""
        random = os.urandom(size)
        if not isinstance(protection.private_key, rsa.RSAPrivateKey):
            return random
        try:
            found = protection.private_key.decrypt(self.encrypted_key, self.padding)
        except (ValueError, UnsupportedAlgorithm, InternalError):
            return random
        return found if len(found) == size else random


class KeyAgreement(Value):
    """The key of the content, wrapped with one that ECDH gives (RFC 5753 section 3.1)."""

    encrypted_keys: Tuple[bytes, ...] = field(repr=False)
    point: bytes
    hash_name: str
    wrap_size: int
    shared_info: bytes

    kind = "an EC key (kari)"

    def fits(self, protection: KeyProtection) -> bool:
        """Whether that key could be the one it is encrypted to."""
        return isinstance(protection.private_key, ec.EllipticCurvePrivateKey)

    def content_key(self, protection: KeyProtection, size: int) -> bytes:
        """The key of the content, or a random one."""
        private_key = protection.private_key
        if not isinstance(private_key, ec.EllipticCurvePrivateKey):
            return os.urandom(size)
        try:
            public_key = ec.EllipticCurvePublicKey.from_encoded_point(private_key.curve, self.point)
            shared = private_key.exchange(ec.ECDH(), public_key)
            wrapping_key = X963KDF(_hash(self.hash_name), self.wrap_size, self.shared_info).derive(shared)
        except (ValueError, UnsupportedAlgorithm, InternalError):
            return os.urandom(size)
        # One message can be for several keys of the same curve, and names are not relied on.
        found = [key for key in (_unwrapped(wrapping_key, each, size) for each in self.encrypted_keys) if key]
        return found[0] if found else os.urandom(size)


class KeyEncryptionKey(Value):
    """The key of the content, wrapped with an AES key that both sides have (RFC 5652 section 6.2.3)."""

    encrypted_key: bytes = field(repr=False)
    wrap_size: int

    kind = "a shared key (kekri)"

    def fits(self, protection: KeyProtection) -> bool:
        """Whether that key could be the one it is encrypted to."""
        return protection.secret_key is not None and len(protection.secret_key) == self.wrap_size

    def content_key(self, protection: KeyProtection, size: int) -> bytes:
        """The key of the content, or a random one."""
        if protection.secret_key is None:
            return os.urandom(size)
        return _unwrapped(protection.secret_key, self.encrypted_key, size) or os.urandom(size)


class Unreadable(Value):
    """A recipient of a kind, or with an algorithm, that is not known here."""

    kind: str

    def fits(self, protection: KeyProtection) -> bool:
        """Never."""
        return False

    def content_key(self, protection: KeyProtection, size: int) -> bytes:
        """A random key, as none fits it."""
        return os.urandom(size)


Recipient = Union[KeyTransport, KeyAgreement, KeyEncryptionKey, Unreadable]


def read_recipient(info: Element) -> Recipient:
    """Read one RecipientInfo (RFC 5652 section 6.2).

    :raises ParseError: it is malformed.
    """
    if info.is_universal(SEQUENCE):
        return _key_transport(info)
    if info.is_context(1):
        return _key_agreement(info)
    if info.is_context(2):
        return _key_encryption_key(info)
    return Unreadable(_OTHER_KINDS.get(info.number, "an unknown kind of recipient"))


def _key_transport(info: Element) -> Recipient:
    _version, _identifier, algorithm, encrypted_key = _four(info)
    oid, parameters = _algorithm(algorithm)
    if oid == _RSA_ENCRYPTION:
        return KeyTransport(encrypted_key.octets(), padding.PKCS1v15())
    if oid == _RSAES_OAEP:
        scheme = _oaep(parameters)
        if scheme is not None:
            return KeyTransport(encrypted_key.octets(), scheme)
    return Unreadable(f"an RSA key by an algorithm not known here: {oid}")


def _oaep(parameters: List[Element]) -> Any:
    """The padding of RSAES-OAEP (RFC 4055 section 4.1); ``None`` where a part of it is not known."""
    hash_oid, mask_hash_oid, label = _SHA1, _SHA1, b""
    for part in parameters[0].children() if parameters else ():
        oid, inner = _algorithm(next(part.children(), part))
        if part.is_context(0):
            hash_oid = oid
        elif part.is_context(1) and oid == _MGF1 and inner:
            mask_hash_oid = _algorithm(inner[0])[0]
        elif part.is_context(2) and oid == _SPECIFIED_LABEL and inner:
            label = inner[0].octets()
        else:
            return None
    if hash_oid not in _HASHES or mask_hash_oid not in _HASHES:
        return None
    return padding.OAEP(padding.MGF1(_hash(_HASHES[mask_hash_oid])), _hash(_HASHES[hash_oid]), label or None)


def _key_agreement(info: Element) -> Recipient:
    fields = list(info.children())
    key_material = [field for field in fields[:3] if field.is_context(1)]
    if key_material:
        fields.remove(key_material[0])
    if len(fields) != 4 or not fields[1].is_context(0):
        raise ParseError(f"the key agreement at byte {info.start} of the encrypted message is malformed")
    oid, parameters = _algorithm(fields[2])
    originator = next(fields[1].children(), None)
    wrap = parameters[0] if parameters else None
    wrap_oid = _algorithm(wrap)[0] if wrap is not None else ""
    if oid not in _ECDH or wrap is None or wrap_oid not in _WRAPS or originator is None or not originator.is_context(1):
        return Unreadable(f"an EC key by an algorithm not known here: {oid} {wrap_oid}".rstrip())
    size = _WRAPS[wrap_oid]
    entity = [encode(0xA0, field.encoded) for material in key_material for field in material.children()]
    bits = encode(0xA2, encode(OCTET_STRING, (size * 8).to_bytes(4, "big")))
    # ECC-CMS-SharedInfo (RFC 5753 section 7.2): the algorithm stands there as the message has it.
    shared_info = encode(0x30, wrap.encoded, *entity, bits)
    keys = tuple(_last(each).octets() for _count, each in zip(range(_MAX_AGREED), fields[3].children()))
    return KeyAgreement(keys, _point(originator), _ECDH[oid], size, shared_info)


def _point(originator: Element) -> bytes:
    key = _last(originator).expect(BIT_STRING, "the public key of the originator of a key agreement")
    return key.value[1:]  # after the number of unused bits


def _key_encryption_key(info: Element) -> Recipient:
    _version, _identifier, algorithm, encrypted_key = _four(info)
    oid, _parameters = _algorithm(algorithm)
    if oid not in _WRAPS:
        return Unreadable(f"a shared key by an algorithm not known here: {oid}")
    return KeyEncryptionKey(encrypted_key.octets(), _WRAPS[oid])


def _four(info: Element) -> List[Element]:
    fields = [field for _count, field in zip(range(5), info.children())]
    if len(fields) != 4:
        raise ParseError(f"the recipient at byte {info.start} of the encrypted message has not the 4 fields it needs")
    return fields


def _last(element: Element) -> Element:
    fields = list(element.children())
    if not fields:
        raise ParseError(f"the ASN.1 element at byte {element.start} of the encrypted message is empty")
    return fields[-1]


def _algorithm(element: Element) -> Tuple[str, List[Element]]:
    """OID and parameters of an AlgorithmIdentifier."""
    fields = [field for _count, field in zip(range(2), element.expect(SEQUENCE, "an AlgorithmIdentifier").children())]
    if not fields:
        raise ParseError(f"the AlgorithmIdentifier at byte {element.start} of the encrypted message is empty")
    return fields[0].oid(), fields[1:]


def _hash(name: str) -> Any:
    return getattr(hashes, name)()


def _unwrapped(wrapping_key: bytes, wrapped: bytes, size: int) -> bytes:
    """The key, or nothing at all where it cannot be had."""
    try:
        found = aes_key_unwrap(wrapping_key, wrapped)
    except (InvalidUnwrap, ValueError):
        return b""
    return found if len(found) == size else b""
