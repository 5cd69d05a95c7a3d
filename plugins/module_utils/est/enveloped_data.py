# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decrypting CMS EnvelopedData (RFC 5652 section 6) and AuthEnvelopedData (RFC 5083), in which a server sends a private
key (RFC 7030 section 4.4.2).

All failures of a decryption are one and the same error: see :mod:`.key_recipients`.
"""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from .cms import content_of, content_type_of, describe_content_type
from .content_cipher import EncryptedContent, read_encrypted_content
from .der import SEQUENCE, SET, Element, read
from .errors import ParseError
from .key_protection import KeyProtection
from .key_recipients import Recipient, read_recipient

ID_ENVELOPED_DATA = "1.2.840.113549.1.7.3"
ID_ENCRYPTED_DATA = "1.2.840.113549.1.7.6"
ID_AUTH_ENVELOPED_DATA = "1.2.840.113549.1.9.16.1.23"

#: The most recipients of a message that are looked at. A private key is for one.
MAX_RECIPIENTS = 16

_SET_TAG = b"\x31"


def decrypt(message: bytes, keys: Sequence[KeyProtection]) -> bytes:
    """The content of an encrypted message.

    :param message: a ContentInfo in DER or BER.
    :param keys: those of this client, any of which may be the one that it is encrypted to.
    :raises ParseError: another message, one for another kind of key or with an unknown algorithm (the error names it),
        or one that none of the keys opens.
    """
    element = read(message)
    kind = content_type_of(element)
    if kind == ID_ENCRYPTED_DATA:
        raise ParseError(
            "the private key in the server's answer is encrypted in a way that does not say with which key: it is CMS "
            f"EncryptedData ({ID_ENCRYPTED_DATA}), where RFC 7030 asks for EnvelopedData",
            hint="Ask for the key without encryption beside TLS, or make the key on this host.",
        )
    if kind not in (ID_ENVELOPED_DATA, ID_AUTH_ENVELOPED_DATA):
        shown = describe_content_type(kind) if kind else "no CMS message at all"
        raise ParseError(f"what should be an encrypted private key in the server's answer is {shown}")
    recipients, content = _read(content_of(element), kind == ID_AUTH_ENVELOPED_DATA)
    pairs = [(recipient, key) for recipient in recipients for key in keys if recipient.fits(key)]
    if not pairs:
        wanted = ", ".join(dict.fromkeys(recipient.kind for recipient in recipients)) or "nobody"
        raise ParseError(
            f"the private key in the server's answer is encrypted for {wanted}, and this client has no such key",
            hint="Name a key of that kind when asking for the private key, or ask for it without encryption.",
        )
    found: Optional[bytes] = None
    for recipient, key in pairs:
        opened = content.decrypt(recipient.content_key(key, content.key_size))
        if found is None and opened is not None and _is_sequence(opened):
            found = opened
    if found is None:
        raise ParseError(
            "the private key in the server's answer cannot be decrypted: it is encrypted for another key than this "
            "client has, or it is damaged",
            hint="Compare the key that this client named with the one that the server encrypts to.",
        )
    return found


def _is_sequence(content: bytes) -> bool:
    """Whether this can be a key at all: every 256th random content has a padding that is right."""
    try:
        return content[:1] == b"\x30" and read(content).end <= len(content)
    except ParseError:
        return False


def _read(element: Element, authenticated: bool) -> Tuple[List[Recipient], EncryptedContent]:
    fields = list(element.expect(SEQUENCE, "the SEQUENCE of an encrypted message").children())
    del fields[:1]  # the version
    if fields and fields[0].is_context(0):
        del fields[0]  # originatorInfo
    if len(fields) < (3 if authenticated else 2):
        raise ParseError("the encrypted message in the server's answer ends too early")
    recipients: List[Recipient] = []
    for info in fields[0].expect(SET, "the SET of recipients of an encrypted message").children():
        if len(recipients) == MAX_RECIPIENTS:
            raise ParseError(f"the encrypted message in the server's answer has more than {MAX_RECIPIENTS} recipients")
        recipients.append(read_recipient(info))
    parts = list(fields[1].expect(SEQUENCE, "the content of an encrypted message").children())
    if len(parts) != 3 or not parts[2].is_context(0):
        raise ParseError("the encrypted message in the server's answer has no content")
    if not authenticated:
        return recipients, read_encrypted_content(parts[1], _implicit_octets(parts[2]))
    # The attributes are authenticated with the tag of a SET in place of theirs (RFC 5083 section 2.2).
    attributes = b""
    if fields[2].is_context(1):
        attributes = _SET_TAG + fields.pop(2).encoded[1:]
    if len(fields) < 3:
        raise ParseError("the encrypted message in the server's answer has no authentication tag")
    return recipients, read_encrypted_content(parts[1], _implicit_octets(parts[2]), fields[2].octets(), attributes)


def _implicit_octets(element: Element) -> bytes:
    """An OCTET STRING with another tag; BER may have cut it into segments."""
    return b"".join(segment.octets() for segment in element.children()) if element.constructed else element.value
