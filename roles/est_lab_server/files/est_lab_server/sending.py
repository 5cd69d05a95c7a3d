# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a reply to a connection, framed as `--transfer` says (RFC 9112 section 6)."""

from __future__ import annotations

import dataclasses
import email.utils
import time
from typing import Optional

from .reply import Reply
from .settings import Settings
from .stream import Stream

TRANSFERS = ("content-length", "chunked", "close")
_CHUNK = 1000
_BETWEEN_PACKETS_SECONDS = 0.05


def dated(reply: Reply, clock_offset: Optional[int]) -> Reply:
    """The reply with the header Date (RFC 9110 section 6.6.1), that many seconds off; without it for None."""
    if clock_offset is None:
        return reply
    date = email.utils.formatdate(time.time() + clock_offset, usegmt=True)
    return dataclasses.replace(reply, headers=[("Date", date), *reply.headers])


def send_reply(stream: Stream, reply: Reply, settings: Settings) -> bool:
    """Send the reply; gives whether the connection can be used again. Raises OSError."""
    framing: list[tuple[str, str]] = []
    body = reply.body
    unframed = reply.status == 202 and settings.pending_body == "unframed"
    transfer = "close" if unframed else settings.transfer
    keep_open = not reply.close and transfer != "close"
    if reply.status != 204 and transfer == "content-length":
        framing.append(("Content-Length", str(len(body))))
    elif reply.status != 204 and transfer == "chunked":
        framing.append(("Transfer-Encoding", "chunked"))
        body = _chunks(body)
    if not keep_open:
        framing.append(("Connection", "close"))
    head = reply.head(framing)
    if settings.two_packets:
        stream.sendall(head)
        time.sleep(_BETWEEN_PACKETS_SECONDS)
        stream.sendall(body)
    else:
        stream.sendall(head + body)
    return keep_open


def _chunks(body: bytes) -> bytes:
    pieces = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
