# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSR attributes as servers send them: the examples of the RFCs, and builders for what the RFCs only describe."""

from __future__ import annotations

import base64
from typing import Optional, Sequence

from support.asn1 import OCTET_STRING, SEQUENCE, SET, UTF8_STRING, integer, oid, tlv

CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
TEMPLATE = "1.2.840.113549.1.9.16.2.61"
EXTENSION_TEMPLATE = "1.2.840.113549.1.9.16.2.62"
EC, P256, P384, P521 = "1.2.840.10045.2.1", "1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"
RSA = "1.2.840.113549.1.1.1"
SAN, KEY_USAGE, EXTENDED_KEY_USAGE = "2.5.29.17", "2.5.29.15", "2.5.29.37"
CN, OU, SN = "2.5.4.3", "2.5.4.11", "2.5.4.5"

#: RFC 7030 section 4.5.2 (and RFC 8951 section 4), which globalsign's server sends: the extensionRequest is malformed,
#: as it holds the object identifier macAddress where Extensions should be (RFC 9908 section 5.2 says so).
RFC_7030_4_5_2 = base64.b64decode(
    "MEEGCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAiMBYGCSqGSIb3DQEJDjEJBgcrBgEBAQEWBggqhkjOPQQDAw=="
)
#: RFC 7030 appendix A.2, which libest sends: bare object identifiers of a curve and of a hash, and unknown attributes.
RFC_7030_A_2 = base64.b64decode(
    "MHwGBysGAQEBARYwIgYDiDcBMRsTGVBhcnNlIFNFVCBhcyAyLjk5OS4xIGRhdGEGCSqGSIb3DQEJBzAsBgOINwIxJQYDiDcDBgOINwQTGVBhcnNl"
    "IFNFVCBhcyAyLjk5OS4yIGRhdGEGCSskAwMCCAEBCwYJYIZIAWUDBAIC"
)
#: RFC 9908 section 5.1: the subject alternative name that RFC 8994 section 6.2.2 wants, an otherName.
RFC_9908_5_1 = base64.b64decode(
    "MGgwZgYJKoZIhvcNAQkOMVkwVzBVBgNVHREBAf8ESzBJoEcGCCsGAQUFBwgKoDsWOXJmYzg5OTQrZmQ3MzlmYzIzYzM0NDAxMTIyMzM0NDU1MDAw"
    "MDAwMDArQGFjcC5leGFtcGxlLmNvbQ=="
)
#: RFC 9908 section 5.2: the example of RFC 7030, corrected.
RFC_9908_5_2 = base64.b64decode("MDIGCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAiBgcrBgEBAQEWBggqhkjOPQQDAw==")
#: RFC 9908 section 5.4: a key of a specific size.
RFC_9908_5_4 = base64.b64decode("MCkGCSqGSIb3DQEJBzARBgkqhkiG9w0BAQExBAICEAAGCSqGSIb3DQEBCw==")
#: RFC 9908 section 5.5: a key on a specific curve, and a serial number in the subject.
RFC_9908_5_5 = base64.b64decode("MC4GCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAiBgNVBAUGCCqGSM49BAMD")
#: RFC 9908 sections 5.3 and 5.6, which have the same bytes: friendlyName and favouriteDrink, P-521 and SHA-512.
RFC_9908_5_6 = base64.b64decode(
    "MEUGCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAjBgkqhkiG9w0BCRQGCgmSJomT8ixkAQUGA1UEBQYIKoZIzj0EAwQ="
)


def sequence(*parts: bytes) -> bytes:
    return tlv(SEQUENCE, *parts)


def attribute(kind: str, *values: bytes) -> bytes:
    """An Attribute: a type and the SET of its values."""
    return sequence(oid(kind), tlv(SET, *values))


def extension(kind: str, value: Optional[bytes] = None, critical: Optional[bool] = None) -> bytes:
    """An Extension, or an ExtensionTemplate where there is no value."""
    flag = b"" if critical is None else tlv(0x01, b"\xff" if critical else b"\0")
    return sequence(oid(kind), flag, b"" if value is None else tlv(OCTET_STRING, value))


def utf8(text: str) -> bytes:
    return tlv(UTF8_STRING, text.encode())


def rdn(kind: str, value: Optional[bytes] = None) -> bytes:
    """An RDN of one attribute, as in a NameTemplate."""
    return tlv(SET, sequence(oid(kind), value or b""))


def template(
    *attributes: bytes,
    subject: Optional[Sequence[bytes]] = None,
    key: Optional[bytes] = None,
    version: int = 0,
    beside: Sequence[bytes] = (),
) -> bytes:
    """CsrAttrs with a CertificationRequestInfoTemplate (RFC 9908 section 3.4).

    :param subject: its RDNs.
    :param key: what stands inside of ``[0]``.
    :param beside: further elements of the CsrAttrs.
    """
    fields = [integer(version)]
    if subject is not None:
        fields.append(sequence(*subject))
    if key is not None:
        fields.append(tlv(0xA0, key))
    fields.append(tlv(0xA1, *attributes))
    return sequence(*beside, attribute(TEMPLATE, sequence(*fields)))


#: The example of RFC 9908 section 3.4, which is there in words and as a dump: CN to be filled in, two OUs given, a key
#: on P-256, a DNS name and an address to be filled in, a critical keyUsage, an extKeyUsage to be filled in.
RFC_9908_3_4 = template(
    attribute(
        EXTENSION_TEMPLATE,
        sequence(
            extension(SAN, sequence(tlv(0x82, b"www.myServer.com"), tlv(0x87))),
            extension(KEY_USAGE, bytes.fromhex("03020388"), critical=True),
            extension(EXTENDED_KEY_USAGE),
        ),
    ),
    subject=[rdn(CN), rdn(OU, utf8("myDept")), rdn(OU, utf8("myGroup"))],
    key=sequence(oid(EC), oid(P256)),
)
