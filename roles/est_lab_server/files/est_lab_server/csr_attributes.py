# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSR attributes (RFC 7030 section 4.5.2, RFC 9908) that the server can be told to send."""

from __future__ import annotations

from typing import Callable

from . import der
from .csr_templates import EXTENSION_REQUEST, TEMPLATES, attribute, extension, key_usage_extensions

_CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"  # noqa: S105 (an object identifier)
_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
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
    "garbage": lambda: b"\x30\x82\xff\xffgarbage",
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
