# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a template trusts when it asks its EST server: its own trust anchors, a pin, or the system's."""

from __future__ import annotations

from .._names.errors import NameSyntaxError
from .._names.identifiers import parse_fingerprint
from .._names.pem import (
    CERTIFICATE,
    MESSAGES,
    NO_CERTIFICATE,
    TRUSTED_CERTIFICATE,
    UNENDED,
    PemBlock,
    describe_other,
    pem_text,
    read_blocks,
)
from .errors import TemplateError, show
from .names import check_path

#: The OID that begins a message with certificates, behind the header of a SEQUENCE (RFC 5652 section 3).
_SIGNED_DATA, _HEADER = bytes.fromhex("06092a864886f70d010702"), 20
_ALLOWED_PEM = "PEM text with one or more blocks -----BEGIN CERTIFICATE-----"


def read_trust(
    ca_certificate: str | None, ca_path: str | None, ca_fingerprint: str | None, use_system_trust: bool
) -> tuple[str | None, str | None]:
    """Check the options that say what to trust, and that they do not contradict each other.

    An explicit trust anchor switches the system's off (RFC 7030 section 3.1), so asking for both is refused. None at
    all is allowed: the wizard has no such field, and whoever enrols asks for one.

    :returns: ``ca_certificate`` as bare PEM blocks, and ``ca_fingerprint`` as ``sha256:`` or ``sha512:`` and digits.
    :raises TemplateError: naming the option. A private key is never shown.
    """
    if ca_certificate is not None and ca_path is not None:
        raise TemplateError(
            "ca_path", "is given, and ca_certificate too", value=show(ca_path), allowed="one of the two"
        )
    if use_system_trust and (ca_certificate is not None or ca_path is not None):
        given = "ca_path" if ca_certificate is None else "ca_certificate"
        raise TemplateError(
            "use_system_trust",
            f"contradicts {given}: a trust anchor of one's own switches the system's off (RFC 7030 section 3.1)",
            value="true",
            allowed="one of the two",
        )
    if ca_path is not None:
        check_path("ca_path", ca_path)
    return (
        None if ca_certificate is None else read_pem_certificates("ca_certificate", ca_certificate),
        None if ca_fingerprint is None else read_fingerprint("ca_fingerprint", ca_fingerprint),
    )


def read_pem_certificates(option: str, text: str) -> str:
    """Return the certificates of a PEM text (RFC 7468) in one spelling: 64 columns, no text around the blocks.

    That each block is a certificate is checked by its outer structure only (RFC 5280 section 4.1): the EST client reads
    the rest, and the messages with certificates (``.p7b``) among the blocks.

    :raises TemplateError: when there is none, or something else among them. A private key is never shown.
    """
    if "PRIVATE KEY" in text:
        raise TemplateError(option, "holds a private key, which belongs nowhere near a template", allowed=_ALLOWED_PEM)
    blocks = read_blocks(text)
    if not blocks:
        stripped = text.strip()
        is_path = "\n" not in stripped and len(stripped) < 256 and ("/" in stripped or "\\" in stripped)
        what = "is not PEM" if describe_other(text) == NO_CERTIFICATE else describe_other(text)
        if is_path and not stripped.startswith("MII"):
            what = "is a path: use ca_path for a file on the host"
        value = "" if stripped.startswith("MII") else show(text)
        raise TemplateError(option, what, value=value, allowed=_ALLOWED_PEM)
    return "".join(_checked(option, index, len(blocks), block) for index, block in enumerate(blocks, start=1))


def read_fingerprint(option: str, text: str) -> str:
    """Return the SHA-256 or SHA-512 fingerprint of a CA certificate as ``sha256:`` or ``sha512:`` and its digits.

    Colons, spaces, case and a prefix (``sha256:``, ``SHA256 Fingerprint=``) do not matter.

    :raises TemplateError: for anything else, a SHA-1 or MD5 fingerprint included.
    """
    try:
        hash_name, digits = parse_fingerprint(text)
    except NameSyntaxError as error:
        raise TemplateError(option, error.reason, value=show(text), allowed=error.allowed) from None
    return f"{hash_name}:{digits}"


def _checked(option: str, index: int, count: int, block: PemBlock) -> str:
    which = "has a block" if count == 1 else f"has a block (number {index})"
    if block.problem == UNENDED:
        raise TemplateError(option, f"has a PEM block that {UNENDED}", allowed=_ALLOWED_PEM)
    if not block.is_certificate and block.label not in MESSAGES:
        raise TemplateError(option, f"has a block of {show(block.label)}", allowed=_ALLOWED_PEM)
    if block.problem:
        raise TemplateError(option, f"{which} that {block.problem}", allowed=_ALLOWED_PEM)
    if block.label in MESSAGES:
        if _SIGNED_DATA not in block.content[:_HEADER]:
            raise TemplateError(option, f"{which} that is not a message with certificates", allowed=_ALLOWED_PEM)
        return pem_text(block.content, block.label)
    # What OpenSSL adds to a trusted certificate the EST client reads.
    is_trusted = block.label == TRUSTED_CERTIFICATE
    if not _looks_like_a_certificate(block.content, more=is_trusted):
        raise TemplateError(option, f"{which} that is not a certificate", allowed=_ALLOWED_PEM)
    return pem_text(block.content, block.label if is_trusted else CERTIFICATE)


def _looks_like_a_certificate(der: bytes, *, more: bool) -> bool:
    """Tell whether the bytes are one SEQUENCE of SEQUENCE, SEQUENCE and BIT STRING, and nothing after it.

    :param more: whether something may be after it.
    """
    outer = _element(der, 0)
    if outer is None or outer[0] != 0x30 or (outer[2] != len(der) and not more):
        return False
    position = outer[1]
    for tag in (0x30, 0x30, 0x03):
        element = _element(der, position)
        if element is None or element[0] != tag:
            return False
        position = element[2]
    return position == outer[2]


def _element(der: bytes, start: int) -> tuple[int, int, int] | None:
    """Return the tag, the start of the content and the end of the DER element at a position, or None."""
    if start + 2 > len(der):
        return None
    length, content = der[start + 1], start + 2
    if length >= 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4 or content + octets > len(der):
            return None
        length = int.from_bytes(der[content : content + octets], "big")
        content += octets
    return (der[start], content, content + length) if content + length <= len(der) else None
