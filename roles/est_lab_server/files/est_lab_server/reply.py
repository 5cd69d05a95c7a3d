# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP answer before it is written to the connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass
class Reply:
    """Status, headers and body. `close` ends the connection after it; the framing headers are added when it is sent."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    close: bool = False

    @property
    def reason(self) -> str:
        """The reason phrase of the status line."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Status"

    def head(self, framing: list[tuple[str, str]]) -> bytes:
        """The status line and all headers, up to and with the empty line."""
        lines = [f"HTTP/1.1 {self.status} {self.reason}", "Server: est-lab-server (for labs only)"]
        lines += [f"{name}: {value}" for name, value in (*self.headers, *framing)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
