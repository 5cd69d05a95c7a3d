# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSR attributes (RFC 7030 section 4.5.2, RFC 9908) that the server can be told to send."""

from __future__ import annotations

from typing import Callable

from . import der

_CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"  # noqa: S105 (an object identifier)
_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
_SECP384R1 = "1.3.132.0.34"
_ECDSA_WITH_SHA384 = "1.2.840.10045.4.3.3"
_MAC_ADDRESS = "1.3.6.1.1.1.1.22"
_SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
_DNS_NAME_TAG = 0x82


def _attribute(kind: str, *values: bytes) -> bytes:
    return der.sequence(der.oid(kind), der.set_of(*values))


def _rfc7030_example() -> bytes:
    # The example of RFC 7030 section 4.5.2, whose extensionRequest is malformed: RFC 8951 says so, servers send it.
    return der.sequence(
        der.oid(_CHALLENGE_PASSWORD),
        _attribute(_EC_PUBLIC_KEY, der.oid(_SECP384R1)),
        _attribute(_EXTENSION_REQUEST, der.oid(_MAC_ADDRESS)),
        der.oid(_ECDSA_WITH_SHA384),
    )


def _subject_alternative_name() -> bytes:
    name = der.sequence(der.tlv(_DNS_NAME_TAG, b"lab.est.test"))
    extension = der.sequence(der.oid(_SUBJECT_ALTERNATIVE_NAME), der.octet_string(name))
    return der.sequence(_attribute(_EXTENSION_REQUEST, der.sequence(extension)))


PRESETS: dict[str, Callable[[], bytes]] = {
    "empty": der.sequence,
    "challenge-password": lambda: der.sequence(der.oid(_CHALLENGE_PASSWORD)),
    "ec-p384": lambda: der.sequence(_attribute(_EC_PUBLIC_KEY, der.oid(_SECP384R1)), der.oid(_ECDSA_WITH_SHA384)),
    "rsa-3072": lambda: der.sequence(_attribute(_RSA_ENCRYPTION, der.integer(3072))),
    "san": _subject_alternative_name,
    "rfc7030-example": _rfc7030_example,
    "garbage": lambda: b"\x30\x82\xff\xffgarbage",
}
FILE_PREFIX = "file:"
STATUS_CHOICES = {"none": 204, "not-found": 404, "not-implemented": 501}
