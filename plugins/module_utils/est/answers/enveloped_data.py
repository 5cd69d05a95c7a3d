# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decrypting CMS EnvelopedData (RFC 5652 section 6) and AuthEnvelopedData (RFC 5083), in which a server sends a private
key (RFC 7030 section 4.4.2).

All failures of a decryption are one and the same error: see ``key_recipients.py``.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from ..._value import Value, field
from ..asn1.cms import content_of, content_type_of, describe_content_type
from ..asn1.der import SEQUENCE, SET, Element, read
from ..base.errors import ParseError
from ..request.key_protection import KeyProtection
from .key_recipients import Recipient, read_recipient

# ----------------------------------------------------------------------------------------------------------------------
# The content of an encrypted CMS message, once its key is known (RFC 3565, RFC 5084, RFC 3370 section 5.1).

try:
    from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7
except ImportError:  # require_libraries() reports it
    pass
try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
except ImportError:  # cryptography before 43, or none at all
    try:
        from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES
    except ImportError:
        pass

#: Mode, key size and block size in bytes by the OID of the algorithm.
_CIPHERS: Dict[str, Tuple[str, int, int]] = {
    "2.16.840.1.101.3.4.1.2": ("AES-CBC", 16, 16),
    "2.16.840.1.101.3.4.1.22": ("AES-CBC", 24, 16),
    "2.16.840.1.101.3.4.1.42": ("AES-CBC", 32, 16),
    "2.16.840.1.101.3.4.1.6": ("AES-GCM", 16, 16),
    "2.16.840.1.101.3.4.1.26": ("AES-GCM", 24, 16),
    "2.16.840.1.101.3.4.1.46": ("AES-GCM", 32, 16),
    "1.2.840.113549.3.7": ("DES-EDE3-CBC", 24, 8),
}
_GCM_TAG_SIZES = range(12, 17)
_GCM_NONCE_SIZES = range(8, 65)


class EncryptedContent(Value):
    """What is encrypted, and how.

    :param mode: ``AES-CBC``, ``AES-GCM`` or ``DES-EDE3-CBC``.
    :param key_size: of the key that opens it, in bytes.
    :param start: the initialisation vector or nonce.
    :param data: the encrypted bytes.
    :param tag: the authentication tag (GCM).
    :param authenticated: what the tag covers besides the data (GCM).
    """

    mode: str
    key_size: int
    start: bytes
    data: bytes = field(repr=False)
    tag: bytes = b""
    authenticated: bytes = field(default=b"", repr=False)

    def decrypt(self, key: bytes) -> Optional[bytes]:
        """The content, or ``None`` where this is not its key, or the data is damaged: nobody can tell which.

        :param key: of ``key_size`` bytes.
        :raises ParseError: the installed cryptography does not have this cipher.
        """
        try:
            if self.mode == "AES-GCM":
                tag_size = len(self.tag)
                opened = Cipher(algorithms.AES(key), modes.GCM(self.start, self.tag, tag_size)).decryptor()
                opened.authenticate_additional_data(self.authenticated)
                return opened.update(self.data) + opened.finalize()
            algorithm = algorithms.AES(key) if self.mode == "AES-CBC" else TripleDES(key)
            decryptor = Cipher(algorithm, modes.CBC(self.start)).decryptor()
            unpadder = PKCS7(len(self.start) * 8).unpadder()
            return unpadder.update(decryptor.update(self.data) + decryptor.finalize()) + unpadder.finalize()
        except (InvalidTag, ValueError):
            return None
        except UnsupportedAlgorithm:
            pass
        raise ParseError(
            f"the private key in the server's answer is encrypted with {self.mode}, which OpenSSL here has not"
        )


def read_encrypted_content(
    algorithm: Element, data: bytes, tag: Optional[bytes] = None, authenticated: bytes = b""
) -> EncryptedContent:
    """Take an AlgorithmIdentifier of content encryption apart.

    :param data: the encrypted bytes.
    :param tag: the authentication tag of an AuthEnvelopedData; ``None`` for an EnvelopedData.
    :param authenticated: what the tag covers besides the data.
    :raises ParseError: an algorithm that is not known, or parameters that do not fit.
    """
    fields = list(algorithm.children())
    oid = fields[0].oid() if fields else ""
    mode, key_size, block = _CIPHERS.get(oid, ("", 0, 0))
    if not mode or (mode == "AES-GCM") != (tag is not None):
        raise ParseError(f"the private key in the server's answer is encrypted with an algorithm not known here: {oid}")
    if len(fields) != 2:
        raise ParseError(f"the {mode} of the private key in the server's answer has no parameters")
    if tag is None:
        start = fields[1].octets()
        fits = len(start) == block
    else:
        start, tag_size = _gcm_parameters(fields[1])
        fits = len(start) in _GCM_NONCE_SIZES and tag_size == len(tag) and tag_size in _GCM_TAG_SIZES
    if not fits:
        raise ParseError(f"the {mode} of the private key in the server's answer has parameters that do not fit it")
    return EncryptedContent(mode, key_size, start, data, tag or b"", authenticated)


def _gcm_parameters(parameters: Element) -> Tuple[bytes, int]:
    """Nonce, and the size of the tag (RFC 5084 section 3.2)."""
    fields = list(parameters.children())
    if not 1 <= len(fields) <= 2:
        return b"", 0
    return fields[0].octets(), fields[1].integer() if len(fields) == 2 else 12


# ----------------------------------------------------------------------------------------------------------------------

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
    :raises ParseError: another kind of message, one for another kind of key or with an unknown algorithm (the error
        names it), or one that none of the keys opens.
    """
    element = read(message)
    kind = content_type_of(element)
    if kind == ID_ENCRYPTED_DATA:
        raise ParseError(
            "the private key in the server's answer is encrypted in a way that does not say with which key: it is CMS "
            f"EncryptedData ({ID_ENCRYPTED_DATA}), where RFC 7030 asks for EnvelopedData",
            hint="Ask for the key unencrypted inside TLS, or make the key on this host.",
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
