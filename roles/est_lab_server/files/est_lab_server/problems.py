# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Error answers, in the forms that real EST servers give them."""

from __future__ import annotations

import html
import json

from . import der
from .certs_only import signed_data
from .encoding import text_form
from .reply import Reply
from .settings import Settings

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


class Refusal(Exception):
    """A request that is answered with an error: the HTTP status and words for the user."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


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
