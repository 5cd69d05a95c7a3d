# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection: its TLS handshake and the requests that come on it, one after the other."""

from __future__ import annotations

import itertools
import socket
import ssl
from typing import Optional

from ..est.answers import problem_reply
from ..est.routes import find_route
from ..est.service import answer, unauthorized, wants_password
from ..laboratory import ClientCertificate, Exchange, Lab, RequestLog, client_certificate_of
from .messages import Refusal, Reply, Request, RequestReader, dated, send_reply
from .stream import Stream

_IDLE_SECONDS = 60
_numbers = itertools.count(1)


class Connection:
    """Serves one connection until either side ends it."""

    def __init__(self, lab: Lab, log: RequestLog, tls: Optional[ssl.SSLContext], accepted: socket.socket) -> None:
        self._lab = lab
        self._log = log
        self._tls = tls
        self._stream = Stream(accepted)
        self._number = next(_numbers)
        self._client_certificate: Optional[ClientCertificate] = None

    def serve(self) -> None:
        """Run to the end of the connection. A connection that breaks, in whatever way, ends without an error."""
        stream = self._stream
        try:
            stream.socket.settimeout(_IDLE_SECONDS)
            stream.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._lab.extension.takes_over(stream):
                return
            if self._tls is not None:
                stream.start_tls(self._tls)
        except (OSError, ValueError) as error:
            self._log.write("handshake_failed", connection=self._number, reason=str(error))
            stream.reset()
            return
        try:
            self._client_certificate = client_certificate_of(stream)
            self._serve_requests(stream)
        except (OSError, ValueError):
            stream.reset()

    def abort(self) -> None:
        """End the connection from another thread, at once."""
        self._stream.abort()

    def _serve_requests(self, stream: Stream) -> None:
        reader = RequestReader(stream)
        while True:
            try:
                request = reader.read_head()
            except Refusal as refusal:
                self._refuse(stream, refusal)
                return
            if request is None:
                stream.close()
                return
            if not self._serve_one(stream, reader, request):
                return

    def _serve_one(self, stream: Stream, reader: RequestReader, request: Request) -> bool:
        """Answer one request; gives whether the connection lives on."""
        lab = self._lab
        route = find_route(request.target, lab.settings.labels, lab.settings.base_path)
        exchange = Exchange(
            request=request,
            route=route,
            authorization=lab.authenticator.check(request),
            client_certificate=self._client_certificate,
            tls_unique=stream.tls_unique(),
        )
        if lab.extension.drops(exchange):
            self._log_exchange(stream, exchange, None)
            stream.reset()
            return False
        if lab.settings.close_after_401 and wants_password(lab, exchange):
            reply = dated(unauthorized(lab, exchange))
            self._log_exchange(stream, exchange, reply)
            self._send(exchange, reply)
            stream.close()
            return False
        try:
            exchange.body = reader.read_body(request)
            reply = answer(lab, exchange)
        except Refusal as refusal:
            # The end of the body is not known, so neither is the start of a next request.
            reply = problem_reply(lab.settings, refusal.status, refusal.text)
            reply.close = True
        reply.close = reply.close or not request.keep_alive
        reply = dated(reply)
        self._log_exchange(stream, exchange, reply)
        keep_open = self._send(exchange, reply)
        if not keep_open:
            stream.close()
        return keep_open

    def _send(self, exchange: Optional[Exchange], reply: Reply) -> bool:
        settings = self._lab.settings
        return self._lab.extension.send(
            self._stream, exchange, reply, lambda stream, reply: send_reply(stream, reply, settings)
        )

    def _refuse(self, stream: Stream, refusal: Refusal) -> None:
        self._log.write("malformed_request", connection=self._number, status=refusal.status, refusal=refusal.text)
        reply = problem_reply(self._lab.settings, refusal.status, refusal.text)
        reply.close = True
        self._send(None, dated(reply))
        stream.close()

    def _log_exchange(self, stream: Stream, exchange: Exchange, reply: Optional[Reply]) -> None:
        request, route = exchange.request, exchange.route
        self._log.write(
            "request",
            connection=self._number,
            tls_version=stream.tls_version(),
            method=request.method,
            path=request.target,
            label=route.label if route else None,
            operation=route.operation if route else None,
            authorization_present=exchange.authorization.present,
            authorization_accepted=exchange.authorization.accepted,
            authorization_scheme=exchange.authorization.scheme,
            authorization_problem=exchange.authorization.problem,
            client_certificate_subject=exchange.client_certificate and exchange.client_certificate.subject,
            client_certificate_serial=exchange.client_certificate and exchange.client_certificate.serial_number,
            content_type=request.header("content-type"),
            content_transfer_encoding=request.header("content-transfer-encoding"),
            chunked=request.chunked,
            body_bytes=len(exchange.body),
            status=reply.status if reply else None,
            **exchange.details,
        )
