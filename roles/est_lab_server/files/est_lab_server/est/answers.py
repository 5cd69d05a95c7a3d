# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What answers look like on the wire: the certs-only message and its base64, and errors as real servers write them.

The CMS is written by hand because the libraries write it in one shape only, while real servers have many.
"""

from __future__ import annotations

import base64
import html
import json
import textwrap
from collections.abc import Sequence
from typing import Optional

from cryptography import x509

from .. import der
from ..authority.authority import Authority, certificate_der
from ..http.messages import Reply
from ..settings import Settings

_DATA = "1.2.840.113549.1.7.1"
_SIGNED_DATA = "1.2.840.113549.1.7.2"


def certs_only(
    certificates: Sequence[bytes],
    ber: bool = False,
    revocation_lists: Sequence[bytes] = (),
    content: Optional[bytes] = None,
) -> bytes:
    """The message with DER certificates in the order given.

    With `ber` the outer elements have indefinite lengths. `content` is signed content that should not be there.
    """
    return signed_data(
        _DATA,
        content,
        b"".join(certificates),
        revocation_lists=b"".join(revocation_lists),
        ber=ber,
    )


def signed_data(
    content_type: str,
    content: Optional[bytes],
    certificates: bytes = b"",
    revocation_lists: bytes = b"",
    ber: bool = False,
) -> bytes:
    """A ContentInfo (RFC 5652 section 3) with a SignedData (section 5.1) that nobody signed."""
    wrap = der.indefinite if ber else der.tlv
    encapsulated = der.oid(content_type)
    if content is not None:
        encapsulated += wrap(der.context(0), der.octet_string(content))
    parts = der.integer(1) + der.set_of() + wrap(der.SEQUENCE, encapsulated)
    if certificates:
        parts += wrap(der.context(0), certificates)
    if revocation_lists:
        parts += wrap(der.context(1), revocation_lists)
    parts += der.set_of()
    return wrap(der.SEQUENCE, der.oid(_SIGNED_DATA) + wrap(der.context(0), wrap(der.SEQUENCE, parts)))


def in_order(certificates: Sequence[bytes], order: Optional[str]) -> list[bytes]:
    """DER certificates, the leaf first, in the order that the bag shall have.

    `sorted` is the order of a DER SET OF (X.690 section 11.6). `unsorted` is never that order (when there are two or
    more) and, with three or more, never has the leaf first. None puts the leaf last, as servers do that begin with
    the root.
    """
    ascending = sorted(certificates)
    if order == "sorted":
        return ascending
    if order is None:
        return list(reversed(certificates))
    descending = ascending[::-1]
    if len(descending) > 2 and descending[0] == certificates[0]:
        descending[0], descending[1] = descending[1], descending[0]
    return descending


BASE64_SHAPES = ("64", "76", "one-line", "nul", "pem", "der")
ANSWERS = ("certs-only", "certificate")
CERTS_ONLY_TYPE = "application/pkcs7-mime; smime-type=certs-only"


def certificates_reply(
    settings: Settings, authority: Authority, certificates: Sequence[x509.Certificate], status: int = 200
) -> Reply:
    """An answer that carries certificates; the first is the leaf."""
    encoded = [certificate_der(each) for each in certificates]
    armour = "PKCS7"
    if settings.answer == "certificate" and encoded:
        body, armour = encoded[0], "CERTIFICATE"
    else:
        body = certs_only(
            in_order(encoded, settings.order),
            ber=settings.ber,
            revocation_lists=[authority.revocation_list()] if settings.with_crl else (),
            content=b"" if settings.with_content else None,
        )
    reply = Reply(status, body=text_form(body, settings.base64, armour))
    content_type = CERTS_ONLY_TYPE if settings.content_type is None else settings.content_type
    if content_type != "none":
        reply.headers.append(("Content-Type", content_type))
    return with_transfer_encoding(reply, settings)


def with_transfer_encoding(reply: Reply, settings: Settings) -> Reply:
    """The reply with the Content-Transfer-Encoding header that RFC 8951 section 3 deprecates and servers send."""
    if settings.content_transfer_encoding != "none":
        reply.headers.append(("Content-Transfer-Encoding", settings.content_transfer_encoding))
    return reply


def text_form(content: bytes, shape: str, armour: str) -> bytes:
    """Bytes in one of BASE64_SHAPES; `armour` is the label of the PEM form."""
    if shape == "der":
        return content
    one_line = base64.b64encode(content).decode("ascii")
    if shape == "one-line":
        return one_line.encode("ascii")
    width = 76 if shape == "76" else 64
    wrapped = "\n".join(textwrap.wrap(one_line, width)) + "\n"
    if shape == "pem":
        wrapped = f"-----BEGIN {armour}-----\n{wrapped}-----END {armour}-----\n"
    if shape == "nul":
        wrapped += "\0"
    return wrapped.encode("ascii")


ERROR_FORMS = ("text", "json", "html", "cmc", "none")
_PKI_RESPONSE = "1.3.6.1.5.5.7.12.3"
_STATUS_INFO = "1.3.6.1.5.5.7.7.1"
_CMC_FAILED = 2
# RFC 5272 section 6.1.4
CMC_FAIL_INFO = {
    "badAlg": 0,
    "badMessageCheck": 1,
    "badRequest": 2,
    "badTime": 3,
    "badCertId": 4,
    "unsupportedExt": 5,
    "mustArchiveKeys": 6,
    "badIdentity": 7,
    "popRequired": 8,
    "popFailed": 9,
    "noKeyReuse": 10,
    "internalCAError": 11,
    "tryLater": 12,
    "authDataFail": 13,
}


def problem_reply(settings: Settings, status: int, text: str) -> Reply:
    """The error as the server was told to write errors (`--errors`)."""
    content_type, body = _written(settings, status, text)
    reply = Reply(status, body=body)
    if content_type:
        reply.headers.append(("Content-Type", content_type))
    return reply


def _written(settings: Settings, status: int, text: str) -> tuple[str, bytes]:
    form = settings.errors
    if form == "none":
        return "", b""
    if form == "json":
        return "application/json", (json.dumps({"error": {"code": status, "message": text}}) + "\n").encode()
    if form == "html":
        page = (
            f"<!DOCTYPE html>\n<html><head><title>Error {status}</title><style>p {{ color: red }}</style></head>\n"
            f"<body><h1>Error {status}</h1><p>{html.escape(text)}</p></body></html>\n"
        )
        return "text/html; charset=utf-8", page.encode()
    if form == "cmc":
        fail_info = settings.cmc_fail_info or ("internalCAError" if status >= 500 else "badRequest")
        return "application/pkcs7-mime; smime-type=CMC-response", text_form(cmc_failure(fail_info, text), "64", "CMS")
    return "text/plain; charset=utf-8", f"{text}\n".encode()


def cmc_failure(fail_info: str, text: str) -> bytes:
    """An unsigned CMC Full PKI Response (RFC 5272 section 4.2) that says `failed` in a CMCStatusInfo (section 6.1)."""
    code = der.integer(CMC_FAIL_INFO[fail_info])
    status_info = der.sequence(der.integer(_CMC_FAILED), der.sequence(der.integer(1)), der.utf8_string(text), code)
    control = der.sequence(der.integer(1), der.oid(_STATUS_INFO), der.set_of(status_info))
    return signed_data(_PKI_RESPONSE, der.sequence(der.sequence(control), der.sequence(), der.sequence()))
