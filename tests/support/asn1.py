# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds ASN.1 by hand, in DER and in BER shapes that no library writes any more."""

from __future__ import annotations

from typing import Optional, Sequence

SEQUENCE, SET, OCTET_STRING, UTF8_STRING = 0x30, 0x31, 0x04, 0x0C


def tlv(identifier: int, *parts: bytes) -> bytes:
    """One element with a definite, minimal length. ``identifier`` is the whole identifier octet."""
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([identifier, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([identifier, 0x80 | len(length)]) + length + content


def indefinite(identifier: int, *parts: bytes) -> bytes:
    """One constructed element of indefinite length (BER only)."""
    return bytes([identifier, 0x80]) + b"".join(parts) + b"\0\0"


def integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    arcs = [int(arc) for arc in dotted.split(".")]
    content = b""
    for arc in [40 * arcs[0] + arcs[1], *arcs[2:]]:
        octets = [arc & 0x7F]
        while arc > 0x7F:
            arc >>= 7
            octets.insert(0, 0x80 | (arc & 0x7F))
        content += bytes(octets)
    return tlv(0x06, content)


ID_DATA = "1.2.840.113549.1.7.1"
ID_SIGNED_DATA = "1.2.840.113549.1.7.2"


def content_info(content_type: str, content: bytes, ber: bool = False) -> bytes:
    wrap = indefinite if ber else tlv
    return wrap(SEQUENCE, oid(content_type), wrap(0xA0, content))


def signed_data(
    certificates: Optional[Sequence[bytes]],
    *,
    ber: bool = False,
    version: int = 1,
    content_type: str = ID_DATA,
    content: Optional[bytes] = None,
    crls: Sequence[bytes] = (),
    signer_infos: Sequence[bytes] = (),
) -> bytes:
    """A ContentInfo with a SignedData (RFC 5652 section 5.1).

    :param certificates: the elements of the CertificateSet in this order; ``None`` leaves the field out.
    :param content: eContent, which BER cuts into segments of 100 bytes.
    """
    wrap = indefinite if ber else tlv
    encapsulated = [oid(content_type)]
    if content is not None:
        segments = [tlv(OCTET_STRING, content[at : at + 100]) for at in range(0, len(content), 100)]
        encapsulated.append(wrap(0xA0, indefinite(0x24, *segments) if ber else tlv(OCTET_STRING, content)))
    fields = [integer(version), tlv(SET), wrap(SEQUENCE, *encapsulated)]
    if certificates is not None:
        fields.append(wrap(0xA0, *certificates))
    if crls:
        fields.append(wrap(0xA1, *crls))
    fields.append(wrap(SET, *signer_infos))
    return content_info(ID_SIGNED_DATA, wrap(SEQUENCE, *fields), ber)
