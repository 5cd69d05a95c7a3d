# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSR attributes (RFC 7030 section 4.5.2, RFC 9908) that the server can be told to send, as a list or as a template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, Optional

from .. import der

EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
_REQUEST_TEMPLATE = "1.2.840.113549.1.9.16.2.61"
_EXTENSION_TEMPLATE = "1.2.840.113549.1.9.16.2.62"
_COMMON_NAME = "2.5.4.3"
_ORGANIZATION = "2.5.4.10"
_ORGANIZATIONAL_UNIT = "2.5.4.11"
_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
_SECP256R1 = "1.2.840.10045.3.1.7"
_KEY_USAGE = "2.5.29.15"
_ALTERNATIVE_NAME = "2.5.29.17"
_EXTENDED_KEY_USAGE = "2.5.29.37"
_CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
_DNS_NAME, _ADDRESS, _DIRECTORY_NAME = 0x82, 0x87, 0xA4
# BIT STRING digitalSignature
_SIGNING_ONLY = bytes.fromhex("03020780")


def attribute(kind: str, *values: bytes) -> bytes:
    """An Attribute (RFC 2986 section 4.1)."""
    return der.sequence(der.oid(kind), der.set_of(*values))


def extension(kind: str, value: Optional[bytes], critical: bool = False) -> bytes:
    """An Extension, or without a value an ExtensionTemplate."""
    parts = [der.oid(kind), *([der.boolean(True)] if critical else [])]
    return der.sequence(*parts, *([] if value is None else [der.octet_string(value)]))


def key_usage_extensions() -> Sequence[bytes]:
    """A critical keyUsage digitalSignature and an extendedKeyUsage clientAuth, both with their values."""
    return (
        extension(_KEY_USAGE, _SIGNING_ONLY, critical=True),
        extension(_EXTENDED_KEY_USAGE, der.sequence(der.oid(_CLIENT_AUTH))),
    )


def _template(
    subject: Optional[Sequence[bytes]] = None,
    key: Optional[bytes] = None,
    attributes: Sequence[bytes] = (),
    version: int = 0,
) -> bytes:
    parts = [der.integer(version)]
    if subject is not None:
        parts.append(der.sequence(*subject))
    if key is not None:
        parts.append(der.tlv(der.context(0), key))
    parts.append(der.tlv(der.context(1), b"".join(attributes)))
    return attribute(_REQUEST_TEMPLATE, der.sequence(*parts))


def _rdn(kind: str, value: Optional[str] = None) -> bytes:
    return der.set_of(der.sequence(der.oid(kind), *([] if value is None else [der.utf8_string(value)])))


_SUBJECT = (_rdn(_COMMON_NAME), _rdn(_ORGANIZATIONAL_UNIT, "myDept"), _rdn(_ORGANIZATION, "Lab"))
_EC_P256 = der.sequence(der.oid(_EC_PUBLIC_KEY), der.oid(_SECP256R1))


def _rsa(bits: int) -> bytes:
    # A placeholder of the wanted length: only the length of the modulus counts.
    public_key = der.sequence(der.integer((1 << bits) - 1), der.integer(65537))
    return der.sequence(der.oid(_RSA_ENCRYPTION), der.null()) + der.bit_string(public_key)


def _full_template() -> bytes:
    return _template(_SUBJECT, _EC_P256, [_requested()])


def _requested() -> bytes:
    return attribute(EXTENSION_REQUEST, der.sequence(*key_usage_extensions()))


def _requested_in_part(*extensions: bytes) -> bytes:
    return attribute(_EXTENSION_TEMPLATE, der.sequence(*extensions))


def _names_in_part() -> bytes:
    # Filled in by the client: the address, which has no octets, and the directory name, which is a NULL-DN.
    names = der.sequence(
        der.tlv(_DNS_NAME, b"www.lab.est.test"), der.tlv(_ADDRESS, b""), der.tlv(_DIRECTORY_NAME, der.sequence())
    )
    return _requested_in_part(extension(_ALTERNATIVE_NAME, names))


TEMPLATES: dict[str, Callable[[], bytes]] = {
    "template": lambda: der.sequence(_full_template()),
    "template-extensions": lambda: der.sequence(
        _template(attributes=[_requested_in_part(extension(_ALTERNATIVE_NAME, None), *key_usage_extensions())])
    ),
    "template-san": lambda: der.sequence(_template(attributes=[_names_in_part()])),
    "template-rsa-3072": lambda: der.sequence(_template(key=_rsa(3072))),
    "template-rsa": lambda: der.sequence(_template(key=der.sequence(der.oid(_RSA_ENCRYPTION), der.null()))),
    "template-empty": lambda: der.sequence(_template()),
    # RFC 9908 section 4: who understands the template looks at nothing else.
    "template-and-list": lambda: der.sequence(attribute(_RSA_ENCRYPTION, der.integer(4096)), _full_template()),
}


_CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"  # noqa: S105 (an object identifier)
_SECP384R1 = "1.3.132.0.34"
_ECDSA_WITH_SHA384 = "1.2.840.10045.4.3.3"
_ED25519 = "1.3.101.112"
_OTP_CHALLENGE = "1.2.840.113549.1.9.16.2.56"
_REVOCATION_CHALLENGE = "1.2.840.113549.1.9.16.2.57"
_IDENTITY_LINKING = "1.2.840.113549.1.9.16.2.58"
_ACP_NODE_NAME = "1.3.6.1.5.5.7.8.10"
_IA5_STRING = 0x16
_MAC_ADDRESS = "1.3.6.1.1.1.1.22"
_SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
_DNS_NAME_TAG = 0x82


def _rfc7030_example() -> bytes:
    # The example of RFC 7030 section 4.5.2, whose extensionRequest is malformed: RFC 8951 says so, servers send it.
    return der.sequence(
        der.oid(_CHALLENGE_PASSWORD),
        attribute(_EC_PUBLIC_KEY, der.oid(_SECP384R1)),
        attribute(EXTENSION_REQUEST, der.oid(_MAC_ADDRESS)),
        der.oid(_ECDSA_WITH_SHA384),
    )


def _subject_alternative_name() -> bytes:
    name = der.sequence(der.tlv(_DNS_NAME_TAG, b"lab.est.test"))
    return der.sequence(attribute(EXTENSION_REQUEST, der.sequence(extension(_SUBJECT_ALTERNATIVE_NAME, name))))


def _rfc8994_node_name() -> bytes:
    # RFC 8994 section 6.2.2: the otherName of an autonomic node, of type IA5String.
    value = der.tlv(der.context(0), der.tlv(_IA5_STRING, b"rfc8994+fd739fc23c3440112233445500000000+@acp.example.com"))
    name = der.sequence(der.tlv(der.context(0), der.oid(_ACP_NODE_NAME) + value))
    requested = extension(_SUBJECT_ALTERNATIVE_NAME, name, critical=True)
    return der.sequence(attribute(EXTENSION_REQUEST, der.sequence(requested)))


def _rfc9908_list() -> bytes:
    # What RFC 9908 section 3.2 makes of RFC 7030's list: extensions with their values.
    return der.sequence(
        der.oid(_CHALLENGE_PASSWORD),
        attribute(_EC_PUBLIC_KEY, der.oid(_SECP384R1)),
        attribute(EXTENSION_REQUEST, der.sequence(*key_usage_extensions())),
        der.oid(_ECDSA_WITH_SHA384),
    )


def _unknown() -> bytes:
    return der.sequence(
        der.oid("1.3.6.1.4.1.99999.1"), attribute("1.3.6.1.4.1.99999.2", der.null(), der.utf8_string("x"))
    )


PRESETS: dict[str, Callable[[], bytes]] = {
    "empty": der.sequence,
    "challenge-password": lambda: der.sequence(der.oid(_CHALLENGE_PASSWORD)),
    "ec-p384": lambda: der.sequence(attribute(_EC_PUBLIC_KEY, der.oid(_SECP384R1)), der.oid(_ECDSA_WITH_SHA384)),
    "rsa-3072": lambda: der.sequence(attribute(_RSA_ENCRYPTION, der.integer(3072))),
    "san": _subject_alternative_name,
    "ec-any": lambda: der.sequence(attribute(_EC_PUBLIC_KEY)),
    "ed25519": lambda: der.sequence(attribute(_ED25519)),
    "rfc8994": _rfc8994_node_name,
    "rfc7894": lambda: der.sequence(
        der.oid(_OTP_CHALLENGE), der.oid(_REVOCATION_CHALLENGE), der.oid(_IDENTITY_LINKING)
    ),
    "identity-linking": lambda: der.sequence(der.oid(_IDENTITY_LINKING)),
    "rfc9908-list": _rfc9908_list,
    "unknown": _unknown,
    **TEMPLATES,
    "rfc7030-example": _rfc7030_example,
}
FILE_PREFIX = "file:"
STATUS_CHOICES = {
    "none": 204,
    "bad-request": 400,
    "forbidden": 403,
    "not-found": 404,
    "not-allowed": 405,
    "failed": 500,
    "not-implemented": 501,
}
