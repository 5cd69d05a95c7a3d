# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small writer of ASN.1 in DER (ITU-T X.690), for the few places that cryptography has no words for."""

from __future__ import annotations


def encode(identifier: int, *contents: bytes) -> bytes:
    """One element: identifier octet, definite length in its shortest form, and the contents in a row.

    :param identifier: the whole octet, such as 0x30 for SEQUENCE; tag numbers up to 30.
    """
    value = b"".join(contents)
    if len(value) < 0x80:
        return bytes([identifier, len(value)]) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes([identifier, 0x80 | len(length)]) + length + value


def encode_oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER (X.690 section 8.19).

    :param dotted: such as ``1.2.840.113549.1.9.14``; at least two arcs.
    """
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    octets = bytearray()
    for arc in (40 * first + second, *rest):
        groups = [arc & 0x7F]
        while arc > 0x7F:
            arc >>= 7
            groups.append(0x80 | (arc & 0x7F))
        octets += bytes(reversed(groups))
    return encode(0x06, bytes(octets))
