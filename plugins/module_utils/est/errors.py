# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error hierarchy of the EST client.

Every failure that a caller can meet is an :class:`EstError`. It says at which stage of the exchange it happened, why in
one sentence, whether the enrolment request reached the server, and what to do next. No message ever holds a secret.
"""

from __future__ import annotations

from typing import Optional

#: The stages of an EST exchange, in the order in which they happen.
STAGES = ("resolve", "connect", "tls", "cacerts", "csrattrs", "enroll", "verify", "save")


class EstError(Exception):
    """A failed EST exchange, or a wrong input to one.

    :param reason: what was wrong, and where: a sentence without capital and full stop, as it is put into others.
    :param stage: one of :data:`STAGES`, or ``"input"`` for what was refused before anything was sent.
    :param hint: what to do next, or an empty string.
    :param request_received: ``"yes"``, ``"no"`` or ``"unknown"``: did the enrolment request reach the EST server.
    :param http_status: the HTTP status code of the answer, where there was one.
    :param server_message: the server's own words, cleaned (see ``server_message.py``), where it said any.
    """

    def __init__(
        self,
        reason: str,
        *,
        stage: str = "input",
        hint: str = "",
        request_received: str = "no",
        http_status: Optional[int] = None,
        server_message: str = "",
    ) -> None:
        super().__init__()
        self.reason = reason
        self.stage = stage
        self.hint = hint
        self.request_received = request_received
        self.http_status = http_status
        self.server_message = server_message
        #: The user name that the server was talked to with; None where there was none, or nobody was talked to.
        self.username: Optional[str] = None

    def __str__(self) -> str:
        """The reason as it is now: the client takes secrets out of it after the error was made."""
        return self.reason


class InputError(EstError):
    """An option or argument that cannot be used: nothing has been sent."""


class ParseError(EstError):
    """Bytes from the server (or a file) that are not what they should be.

    Parsers raise it without a stage; the client fills in :attr:`EstError.stage` with where the bytes came from.
    """


class TransportError(EstError):
    """No HTTP answer could be had: resolving, connecting, TLS, sending or reading failed."""


class ServerError(EstError):
    """The server answered, but not with what was asked for."""


class MissingLibrary(EstError):
    """A Python library that the client needs is not installed, or is too old."""
