# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers of an EST server that a host has fetched, given to the EST client, which reads them as any others.

Their heads can be read without the libraries of the client.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Callable, Mapping, Optional, Tuple

from ..est.base.errors import EstError, InputError
from ..est.http.connection import CarriedConnection, Dialler
from ..est.http.deadline import Exchange
from ..est.http.headers import read_http_date
from ..est.http.transport import Peer
from ..est.http.url import EstUrl
from ..est.x509.client_certificate import ClientCertificate

_INFORMATIONAL = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9]{2}[ \r\n].*?\r?\n\r?\n", re.DOTALL)


class Replay(Dialler):
    """Has the answers already. See ``Dialler``, whose parameters come first.

    :param server: whose answers they are.
    :param connection: the one that the host had, as ``est_relay`` tells of it.
    :param answers: by method and target of the request that the host was to send; ``None`` where it has none.
    :param failure: makes the error for a request after which the host had to stop; ``None`` where it did not.
    """

    keeps_connections = False

    def __init__(
        self,
        *way: Any,
        server: EstUrl,
        connection: Mapping[str, Any],
        answers: Mapping[Tuple[str, str], Optional[bytes]],
        failure: Optional[Callable[[], EstError]],
    ) -> None:
        super().__init__(*way)
        self._server = server
        self._connection = connection
        self._answers = answers
        self._failure = failure

    def watch_client_certificate(self, client: ClientCertificate) -> None:
        """See ``Dialler``. The host tells."""
        self._client = client
        self.client_certificate_sent = self._connection.get("client_certificate_sent")

    def dial(self, exchange: Exchange) -> CarriedConnection:
        """See ``Dialler``.

        :raises InputError: it is to another server: a diagnosis follows no redirect.
        """
        if self._url.authority != self._server.authority:
            reason = f"the server leads to {self._url.authority}, and a diagnosis does not follow"
            raise InputError(reason, code="not_collected")
        told = self._connection
        self.peer = Peer(
            self._trust.kind,
            str(told["tls_version"]),
            str(told["authorized_by"]),
            base64.b64decode(told["certificates"][0], validate=True),
            str(told["cipher"]),
        )
        return CarriedConnection(exchange, self._answer)

    def _answer(self, message: bytes, exchange: Exchange) -> bytes:
        method, target = message.split(b" ", 2)[:2]
        asked = method.decode("latin-1"), target.decode("latin-1")
        octets = self._answers.get(asked)
        if octets is None:
            if asked not in self._answers or self._failure is None:
                raise InputError("the host was not asked to send this request", code="not_collected")
            raise self._failure()
        exchange.written, exchange.received = True, len(octets)
        return octets


def _final(octets: bytes) -> bytes:
    """An answer without the informational ones before it."""
    while True:
        before = _INFORMATIONAL.match(octets)
        if before is None:
            return octets
        octets = octets[before.end() :]


def read_head(octets: bytes) -> Tuple[Optional[int], Optional[float]]:
    """Status and header Date (seconds since the epoch) of an HTTP answer."""
    lines = re.split(rb"\r?\n\r?\n", _final(octets), maxsplit=1)[0].decode("latin-1").splitlines() or [""]
    status = re.match(r"HTTP/1\.[01] ([0-9]{3})(?: |$)", lines[0])
    for line in lines[1:]:
        name, _colon, value = line.partition(":")
        if name.lower() == "date":
            date = read_http_date(value)
            return int(status[1]) if status else None, None if date is None else date.timestamp()
    return int(status[1]) if status else None, None
