# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The private key in an answer to /serverkeygen, in whatever form a server sends it (RFC 7030 section 4.4.2).

No error shows anything of what was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from .cms import ID_SIGNED_DATA, content_of, describe_content_type, signed_data_of
from .der import INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, Element, read
from .der_writer import encode
from .errors import ParseError
from .quiet import without_warnings
from .transfer_encoding import decode_body

try:
    import cryptography
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key
except ImportError:  # told by deps.require_libraries()
    pass

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_ID_DATA = "1.2.840.113549.1.7.1"
_ID_KEY_PACKAGE = "2.16.840.1.101.2.1.2.78.5"
_PKCS8_VERSION_1 = b"\x02\x01\x00"
# A signed key package in two ContentInfo, and the key.
_MAX_LAYERS = 6


def decode_part(body: bytes) -> bytes:
    """The DER of a part of the answer, whatever Content-Transfer-Encoding it claims (RFC 8951 section 3.2.4).

    :param body: base64, PEM or DER.
    :raises ParseError: neither of them.
    """
    decoded: Optional[bytes] = None
    try:
        decoded = decode_body(body)
    except ParseError:
        pass  # its words show the begin of the body
    if decoded is None:
        state = "is not base64" if body.strip() else "is empty"
        raise ParseError(f"a part of the server's answer {state}")
    return decoded


def read_server_key(der: bytes) -> PrivateKeyTypes:
    """Read a private key that is not encrypted, or not any more.

    Taken are PKCS#8 (RFC 5208, and RFC 5958 with a public key in it), PKCS#1 and SEC1, which libest sends under the
    name of PKCS#8 (requirement 120), an AsymmetricKeyPackage with one key (RFC 5958 section 2), and each of them as the
    content of a CMS SignedData. Its signature is not checked: the TLS session says who sent the key, and a key that
    does not belong to the issued certificate is refused.

    :param der: DER; what comes after it is ignored.
    :raises ParseError: no private key, one that is encrypted with a password, or of a kind that cannot be read.
    """
    for _layer in range(_MAX_LAYERS):
        element = read(der).expect(SEQUENCE, "the SEQUENCE of a private key")
        key = _key(element)
        if key is not None:
            return _load(key)
        der = _content(element)
    raise ParseError("the private key in the server's answer is wrapped in too many layers")


def _shape(element: Element) -> str:
    """The first three fields in letters: i(nteger), o(ctet string), s(equence), S(ET), d (object identifier), or x."""
    letters = {INTEGER: "i", OCTET_STRING: "o", SEQUENCE: "s", SET: "S", OBJECT_IDENTIFIER: "d"}
    fields = [field for _count, field in zip(range(3), element.children())]
    return "".join(letters.get(field.number, "x") if field.tag_class == 0 else "x" for field in fields)


def _key(element: Element) -> Optional[bytes]:
    """The key in a form that all versions of cryptography read, or ``None`` where this is something around a key."""
    shape = _shape(element)
    if shape == "iso":
        # Rebuilt without attributes and public key, at which older versions stumble.
        _version, algorithm, key = (field for _count, field in zip(range(3), element.children()))
        return encode(0x30, _PKCS8_VERSION_1, algorithm.encoded, key.encoded)
    if shape == "iii" or shape[:2] == "io":
        return element.encoded
    return None


def _content(element: Element) -> bytes:
    """What is inside of something around a key."""
    shape = _shape(element)
    first = next(element.children(), None)
    if shape[:1] == "d" and first is not None:
        return _content_of_message(first.oid(), content_of(element))
    if shape == "iSs":
        signed = signed_data_of(element)
        if signed.content is None:
            raise ParseError("the SignedData in the server's answer has no private key in it")
        return signed.content.octets() if signed.content.is_universal(OCTET_STRING) else signed.content.encoded
    if shape == "so" and first is not None and _shape(first)[:1] == "d":
        raise ParseError(
            "the private key in the server's answer is encrypted with a password, which there is no way to know"
        )
    if shape and set(shape) == {"s"} and first is not None and _shape(first)[:1] == "i":
        if len(shape) > 1:
            raise ParseError("the server's answer has more than one private key")
        return first.encoded
    raise ParseError("what should be the private key in the server's answer is none")


def _content_of_message(kind: str, content: Element) -> bytes:
    if kind == _ID_DATA:
        return content.octets()
    if kind in (ID_SIGNED_DATA, _ID_KEY_PACKAGE):
        return content.encoded
    raise ParseError(f"where the private key should be, the server's answer has {describe_content_type(kind)}")


def _load(der: bytes) -> PrivateKeyTypes:
    key: Optional[PrivateKeyTypes] = None
    try:
        with without_warnings():
            key = load_der_private_key(der, None, None)
    except (ValueError, TypeError, InternalError, UnsupportedAlgorithm):
        pass  # raised below, so that nothing of the key comes along in the error's context
    if key is None:
        raise ParseError(
            "the private key in the server's answer is damaged, or of a kind that the installed cryptography "
            f"{cryptography.__version__} cannot read",
            hint="Ask for an RSA or EC key, or install a newer cryptography.",
        )
    return key
