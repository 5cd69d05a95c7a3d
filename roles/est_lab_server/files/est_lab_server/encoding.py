# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire shapes of a successful answer: the bag, its order, and how the bytes are written down."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Sequence

from cryptography import x509

from .authority import Authority, certificate_der
from .certs_only import certs_only, in_order
from .reply import Reply
from .settings import Settings

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
