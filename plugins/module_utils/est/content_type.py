# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Content-Type of an answer (RFC 9110 section 8.3), and whether it may be a certificate message."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Dict, Mapping, Optional, Tuple

from .errors import ParseError
from .plain_text import preview, printable
from .value import Value

# A longer header is cut: no media type with its parameters comes near.
_MAX_CHARACTERS = 1024
_PARAMETER = r';[ \t]*([^=;\s"]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;]*))'

_PKCS7 = frozenset(
    {
        "application/pkcs7-mime",
        "application/x-pkcs7-mime",
        "application/pkcs7",
        "application/pkcs7-certificates",
        "application/x-pkcs7-certificates",
        "application/x-pkcs7-certreqresp",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/cms",
    }
)
#: Wrong for EST, but said by servers that do send certificates.
_TOLERATED = frozenset(
    {
        "",
        "application/octet-stream",
        "binary/octet-stream",
        "application/pkix-cert",
        "application/x-x509-ca-cert",
        "application/x-x509-user-cert",
        "application/x-pem-file",
        "application/pem-certificate-chain",
    }
)


class ContentType(Value):
    """A media type with its parameters.

    :param media_type: in lower case, without parameters; empty where the header is missing.
    :param parameters: names in lower case, values as they stand, without quotes.
    """

    media_type: str
    parameters: Mapping[str, str] = MappingProxyType({})

    @property
    def is_pkcs7(self) -> bool:
        """One of the names under which a PKCS #7 or CMS message travels (RFC 7030 section 3.2.4)."""
        return self.media_type in _PKCS7

    @property
    def is_html(self) -> bool:
        """HTML, or XML of any kind."""
        return self.media_type in ("text/html", "text/xml", "application/xml") or self.media_type.endswith("+xml")

    @property
    def is_json(self) -> bool:
        """JSON, or a format on top of it such as application/problem+json (RFC 9457)."""
        return self.media_type in ("application/json", "text/json") or self.media_type.endswith("+json")

    @property
    def smime_type(self) -> str:
        """The ``smime-type`` parameter in lower case, such as ``certs-only``; empty where there is none."""
        return self.parameters.get("smime-type", "").lower()

    @property
    def charset(self) -> str:
        """The ``charset`` parameter in lower case; empty where there is none."""
        return self.parameters.get("charset", "").lower()


def parse_content_type(value: Optional[str]) -> ContentType:
    """Read a Content-Type header. Whatever cannot be read is left out; nothing is an error.

    :param value: the header, or ``None`` where the answer has none.
    """
    text = (value or "")[:_MAX_CHARACTERS]
    parameters: Dict[str, str] = {}
    for name, quoted, plain in re.findall(_PARAMETER, text):
        # Of two parameters of one name the first counts, as in the WHATWG's algorithm.
        parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else plain.strip())
    return ContentType(text.split(";", 1)[0].strip().lower(), parameters)


def require_pkcs7(value: Optional[str], body: bytes) -> Tuple[str, ...]:
    """Check that a successful answer may be a certificate message, before its body is parsed.

    RFC 7030 section 3.2.4 asks for application/pkcs7-mime. Types that servers use for certificates by mistake, and no
    type at all, are let through with a warning: the parser decides. Text, HTML and JSON are no success whatever the
    status says (RFC 8951 section 5).

    :param value: the Content-Type header, or ``None``.
    :param body: the body, of which the first bytes are shown where it is refused.
    :return: warnings, written like :attr:`.EstError.reason`.
    :raises ParseError: any other type.
    """
    content_type = parse_content_type(value)
    if content_type.is_pkcs7:
        return ()
    looks_like_markup = body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    if content_type.media_type in _TOLERATED and not looks_like_markup:
        # Without its parameters, which could be anything.
        kind = f"of type {content_type.media_type}" if content_type.media_type else "without a Content-Type"
        return (f"the server's answer is {kind}, where RFC 7030 asks for application/pkcs7-mime",)
    shown = f"of type {printable(value, 100)}" if value and value.strip() else "without a Content-Type"
    begin = f"it begins with {preview(body)}" if body else "its body is empty"
    raise ParseError(
        f"the server's answer is {shown} where a certificate message (application/pkcs7-mime) is expected; {begin}",
        hint="Check server, port and label: this may be a web page or a proxy, not the EST server.",
    )
