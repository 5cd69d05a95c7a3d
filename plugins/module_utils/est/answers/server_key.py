# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private key in an answer to /serverkeygen, in whatever form a server sends it (RFC 7030 section 4.4.2).

No error shows anything of what was read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, Optional, Tuple

from ..._value import Value, field
from ..asn1.cms import ID_SIGNED_DATA, content_of, describe_content_type, signed_data_of
from ..asn1.der import INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, Element, encode, read
from ..base.errors import ParseError
from ..base.libraries import without_warnings
from ..base.text import decode_body, printable
from ..http.headers import ContentType, parse_content_type

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

# ----------------------------------------------------------------------------------------------------------------------
# A bounded reader of multipart messages (RFC 2046 section 5.1), the answer to /serverkeygen (RFC 7030 section 4.4.2).
#
# It is our own because the one of the standard library guesses where it should refuse: it takes a message that is cut
# off for a whole one. A part can be a private key, so nothing of a body is ever in an error.

#: The most parts that are read; /serverkeygen has two.
MAX_PARTS = 8
#: The most bytes of the headers of a part, and of its boundary (RFC 2046 allows 70).
MAX_HEADER_BYTES = 8 * 1024
MAX_BOUNDARY = 200

_PADDING = b" \t"
_LINE_END = re.compile(rb"\r?\n")
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_FOLDED = re.compile(rb"\r?\n[ \t]+")


class Part(Value):
    """One part of a message.

    :param headers: names in lower case; of two headers of one name the first.
    :param body: without the line break before the next boundary, which belongs to that.
    """

    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def content_type(self) -> ContentType:
        """What the part says that it is."""
        return parse_content_type(self.headers.get("content-type"))


def parse_multipart(content_type: Optional[str], body: bytes) -> Tuple[Part, ...]:
    """Take a multipart message apart, in one pass over its bytes.

    Lines end in CRLF or in LF alone. What stands before the first boundary and after the last is left out.

    :param content_type: the Content-Type header with the boundary, or ``None`` where the answer has none.
    :param body: the whole body.
    :raises ParseError: not a multipart message, no boundary, an end that is missing, more than ``MAX_PARTS`` parts,
        longer headers than ``MAX_HEADER_BYTES``, or a multipart message inside a part.
    """
    kind = parse_content_type(content_type)
    if not kind.media_type.startswith("multipart/"):
        shown = f"of type {printable(kind.media_type, 100)}" if kind.media_type else "without a Content-Type"
        raise ParseError(f"the server's answer is {shown}, where a multipart message (multipart/mixed) is expected")
    boundary = kind.parameters.get("boundary", "")
    if not boundary:
        raise ParseError("the multipart message has a Content-Type without a boundary")
    if len(boundary) > MAX_BOUNDARY:
        raise ParseError(f"the boundary of the multipart message is longer than {MAX_BOUNDARY} characters")
    parts: List[Part] = []
    begin: Optional[int] = None
    for start, end, last in _delimiters(body, b"--" + boundary.encode("latin-1", "replace")):
        if begin is not None:
            if len(parts) == MAX_PARTS:
                raise ParseError(f"the multipart message has more than {MAX_PARTS} parts")
            # A part without anything in it has no line break of its own before the next boundary.
            parts.append(_part(body[begin : max(begin, start)], len(parts) + 1))
        if last:
            return tuple(parts)
        begin = end
    if begin is None:
        raise ParseError("the boundary that the Content-Type of the multipart message names is not in it")
    raise ParseError("the multipart message is cut off: the boundary that ends it is missing")


def _delimiters(body: bytes, delimiter: bytes) -> Iterator[Tuple[int, int, bool]]:
    """Where each boundary line begins, with the line break before it, and ends; and whether it is the last one."""
    position = body.find(delimiter)
    while position != -1:
        after = position + len(delimiter)
        last = body.startswith(b"--", after)
        end = after + 2 if last else after
        while end < len(body) and body[end] in _PADDING:
            end += 1
        line_end = _LINE_END.match(body, end)
        # A boundary stands alone on its line: otherwise it is text, or the beginning of a longer one.
        if (position == 0 or body[position - 1 : position] == b"\n") and (line_end or (last and end == len(body))):
            start = max(0, position - 1)
            if body[start - 1 : start] == b"\r":
                start -= 1
            yield start, line_end.end() if line_end else end, last
        position = body.find(delimiter, max(after, end))


def _part(data: bytes, number: int) -> Part:
    head, body = _split(data, number)
    headers: Dict[str, str] = {}
    for line in _LINE_END.split(_FOLDED.sub(b" ", head)):
        name, colon, value = line.partition(b":")
        if colon:
            headers.setdefault(name.strip().decode("latin-1").lower(), value.strip().decode("latin-1"))
        elif line.strip():
            raise ParseError(f"part {number} of the multipart message has a line among its headers that is none")
    part = Part(headers, body)
    if part.content_type.media_type.startswith("multipart/"):
        raise ParseError(f"part {number} of the multipart message is a multipart message itself")
    return part


def _split(data: bytes, number: int) -> Tuple[bytes, bytes]:
    """Headers and body, split at the first empty line."""
    empty_line = _LINE_END.match(data)
    if empty_line or not data:
        return b"", data[empty_line.end() if empty_line else 0 :]
    found = _EMPTY_LINE.search(data, 0, MAX_HEADER_BYTES)
    if found is None:
        problem = "no empty line after its headers"
        if len(data) > MAX_HEADER_BYTES:
            problem = f"headers of more than {MAX_HEADER_BYTES} bytes"
        raise ParseError(f"part {number} of the multipart message has {problem}")
    return data[: found.start()], data[found.end() :]


# ----------------------------------------------------------------------------------------------------------------------

try:
    import cryptography
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key
except ImportError:  # require_libraries() reports it
    pass


_ID_DATA = "1.2.840.113549.1.7.1"
_ID_KEY_PACKAGE = "2.16.840.1.101.2.1.2.78.5"
_PKCS8_VERSION_1 = b"\x02\x01\x00"
# A signed key package in two ContentInfo, and the key.
_MAX_LAYERS = 6


def decode_part(body: bytes) -> bytes:
    """The DER of a part of the answer, whatever Content-Transfer-Encoding it claims (RFC 8951 section 3.2.4).

    :param body: base64, PEM or DER.
    :raises ParseError: none of them.
    """
    decoded: Optional[bytes] = None
    try:
        decoded = decode_body(body)
    except ParseError:
        pass  # its words show the beginning of the body
    if decoded is None:
        state = "is not base64" if body.strip() else "is empty"
        raise ParseError(f"a part of the server's answer {state}")
    return decoded


def read_server_key(der: bytes) -> PrivateKeyTypes:
    """Read a private key that is not encrypted, or not any more.

    It may be PKCS#8 (RFC 5208, and RFC 5958 with a public key in it), PKCS#1 or SEC1, which libest sends under the
    name of PKCS#8 (requirement 120), an AsymmetricKeyPackage with one key (RFC 5958 section 2), or any of them as the
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
    """The key in a form that all versions of cryptography read, or ``None`` for what is around a key."""
    shape = _shape(element)
    if shape == "iso":
        # Rebuilt without attributes and public key, at which older versions stumble.
        _version, algorithm, key = (field for _count, field in zip(range(3), element.children()))
        return encode(0x30, _PKCS8_VERSION_1, algorithm.encoded, key.encoded)
    if shape == "iii" or shape[:2] == "io":
        return element.encoded
    return None


def _content(element: Element) -> bytes:
    """What is inside something that is around a key."""
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
