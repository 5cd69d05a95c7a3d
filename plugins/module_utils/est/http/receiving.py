# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the answer to a request: whole, within a limit, and no longer or shorter than it says."""

from __future__ import annotations

import http.client
from typing import Any, Mapping, Optional

from ..base.errors import TransportError
from .failure_words import answer_too_large
from .headers import one_content_length
from .transport import Response

_CHUNK = 65536
# More are longer than what is read of any answer.
_MOST_DIGITS = 18


class FinalResponse(http.client.HTTPResponse):
    """A response without the informational ones before it (RFC 9110 section 15.2), and with a length that is given
    more than once (section 8.6). Python passes over 100 alone, and would read to the end of the connection."""

    def begin(self) -> None:
        super().begin()
        header = self.headers.get("content-length")
        if self.length is None and header and not self.chunked:
            number = one_content_length(header)
            if number is not None and len(number) <= _MOST_DIGITS:
                self.length = int(number)
                self.will_close = self._check_close()  # type: ignore[attr-defined]

    def _read_status(self) -> Any:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, (100 if 101 < status < 200 else status), reason


def read_response(raw: Any, prepared: Any, server: str, limit: int) -> Response:
    """The whole answer, within the limit and as long as it says (RFC 9112 section 6.3).

    :param raw: the answer as urllib3 has it, of which nothing has been read but its head.
    :param prepared: the request.
    :param server: ``host:port``.
    :param limit: the largest body that is read, in bytes.
    """
    # requests asks for this check in some of its versions only; it is made below.
    raw.enforce_content_length = False
    headers = {name.lower(): raw.headers[name] for name in raw.headers}
    declared = _declared_length(headers, raw.status, server, limit)
    body = b""
    while True:
        part = raw.read(min(_CHUNK, limit + 1 - len(body)), decode_content=False)
        body += part
        if len(body) > limit:
            raise answer_too_large(server, limit, raw.status)
        if not part:
            break
    if declared is not None and len(body) < declared and prepared.method != "HEAD":
        raise _unusable(
            server,
            raw.status,
            f"its answer is cut off: its Content-Length is {declared} bytes, and {len(body)} arrived",
            "Try again; if it happens again, look for a proxy or load balancer that breaks connections.",
            "connection_closed",
        )
    return Response(raw.status, headers, body, prepared.url)


def _declared_length(headers: Mapping[str, str], status: int, server: str, limit: int) -> Optional[int]:
    """The length of the body, or ``None`` where chunks or the end of the connection tell it."""
    for name, usual in (("content-encoding", "identity"), ("transfer-encoding", "chunked")):
        if headers.get(name, usual).strip().lower() not in (usual, "identity", ""):
            raise _unusable(
                server,
                status,
                f"its answer has a {name.title()} that was not asked for",
                "Switch off compression for the EST paths, on the server or on a proxy before it.",
            )
    if status in (204, 304) or "transfer-encoding" in headers or "content-length" not in headers:
        return None
    value = one_content_length(headers["content-length"])
    if value is None:
        raise _unusable(
            server,
            status,
            "its answer has no usable Content-Length",
            "Look for a proxy that changes the server's answers.",
        )
    if len(value) > _MOST_DIGITS or int(value) > limit:
        raise answer_too_large(server, limit, status)
    return int(value)


def _unusable(server: str, status: int, problem: str, hint: str, code: str = "invalid_http") -> TransportError:
    return TransportError(
        f"{server}: {problem}",
        code=code,
        stage="",
        hint=hint,
        request_received="received",
        http_status=status,
    )
