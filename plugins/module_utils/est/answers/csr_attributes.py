# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer to /csrattrs means: attributes, none, or a fault that should not stop an enrolment.

CSR attributes are optional for a server (RFC 7030 section 4.5), and many answer the question wrongly, so by default
an answer that cannot be used is a warning.
"""

from __future__ import annotations

from typing import List, Optional, Tuple

from ..._value import Value
from ..base.errors import EstError, ParseError
from ..base.text import decode_body, printable
from ..http.headers import parse_content_type
from ..http.transport import Response
from ..request.attributes import CsrAttributes, parse_csr_attributes
from .refusals import refusal

#: RFC 7030 section 4.5.2: the server has no CSR attributes.
_NONE = (204, 404)
_CONTENT_TYPE = "application/csrattrs"
_WHITE_SPACE = b" \t\r\n\0"


class CsrAttributesAnswer(Value):
    """An answer to /csrattrs.

    :param attributes: ``None`` where the server has none, or none that can be used.
    :param warnings: why there are none though the server may have some, and what was odd about the answer.
    """

    attributes: Optional[CsrAttributes]
    warnings: Tuple[str, ...] = ()

    @classmethod
    def without(cls, reason: str) -> CsrAttributesAnswer:
        """The server may have some, but did not say.

        :param reason: why, written like ``EstError.reason``.
        """
        return cls(None, (f"the enrolment goes on without CSR attributes: {reason}",))

    def in_words(self) -> str:
        """One line for a timeline."""
        found = self.attributes.describe() if self.attributes is not None else []
        words = "; ".join(line["words"] for line in found if line["kind"] != "ignored") or "no CSR attributes"
        return "; ".join((words, *self.warnings))


def read_csr_attributes_answer(response: Response, *, strict: bool = False) -> CsrAttributesAnswer:
    """Tell what an answer to /csrattrs means (RFC 7030 section 4.5.2).

    204, 404, an empty body and an empty SEQUENCE mean that there are none. Any other status but 200, and
    a body that cannot be read, are a warning unless ``strict``.

    :raises ServerError: with ``strict``: any status but 200, 204 and 404.
    :raises ParseError: with ``strict``: the body holds no CSR attributes.
    """
    if response.status in _NONE:
        return CsrAttributesAnswer(None)
    try:
        if response.status != 200:
            raise refusal(response, "csrattrs")
        return _read(response)
    except EstError as error:
        if strict:
            raise
        words = f": {error.server_message}" if error.server_message else ""
        return CsrAttributesAnswer.without(f"{error.reason}{words}")


def _read(response: Response) -> CsrAttributesAnswer:
    warnings: List[str] = []
    content_type = response.headers.get("content-type")
    if parse_content_type(content_type).media_type != _CONTENT_TYPE:
        shown = printable(content_type or "", 100) or "without a Content-Type"
        warnings.append(f"the CSR attributes are {shown}, where RFC 7030 asks for {_CONTENT_TYPE}")
    if not response.body.strip(_WHITE_SPACE):
        return CsrAttributesAnswer(None, tuple(warnings))
    try:
        attributes = parse_csr_attributes(decode_body(response.body))
    except ParseError as error:
        raise ParseError(
            f"the CSR attributes cannot be read: {error.reason}",
            hint="Ask the administrator of the EST server to look at what it sends as CSR attributes.",
            http_status=response.status,
            request_received="received",
        ) from None
    empty = not attributes.describe() and attributes.subject is None
    return CsrAttributesAnswer(None if empty else attributes, (*warnings, *attributes.warnings))
