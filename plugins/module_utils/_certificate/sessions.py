# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections to EST servers that the certificates of one run share.

There is one TLS session for each server and account, and the server is asked once what it has to say of itself. A
renewal is authenticated by the very certificate that it replaces, and so has a connection of its own.

A password that a server has refused is not tried again with the next certificate: that locks accounts. Nor is a server
that could not be reached: each certificate would wait as long as the first.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, Optional, Tuple

from .._exchange.connection import Connector, Destination, connected, make_client, required_trust, telling
from .._exchange.options import ExchangeOptions
from .._template.model import Template
from ..est.base.errors import EstError, ServerError, Timeline
from ..est.client import EstClient
from ..est.x509.client_certificate import ClientCertificate

if TYPE_CHECKING:
    from ..est.answers.csr_attributes import CsrAttributesAnswer
    from ..est.http.tls import Trust
    from ..est.http.transport import Transport
    from ..est.verification import CaCertificates

#: The stages at which a connection can break.
_ASKING = ("resolve", "connect", "tls", "cacerts", "csrattrs", "enroll")


class SharedClient(EstClient):
    """A client that asks the server once for what is the same for all certificates."""

    _authorities: Optional[CaCertificates] = None
    _attributes: Optional[CsrAttributesAnswer] = None

    def announce(self, *operations: str) -> None:
        """See ``EstClient.announce()``."""
        if self._authorities is None:
            super().announce(*operations)

    def cacerts(self) -> CaCertificates:
        """See ``EstClient.cacerts()``."""
        if self._authorities is None:
            self._authorities = super().cacerts()
        return self._authorities

    def csrattrs(self, *, strict: bool = False) -> CsrAttributesAnswer:
        """See ``EstClient.csrattrs()``."""
        if self._attributes is None:
            self._attributes = super().csrattrs(strict=strict)
        return self._attributes


class Sessions:
    """The connections of one run. Close them at its end.

    :param connect: makes what carries the exchanges; called only where there is one.
    :param exchange: the name of that way, for results.
    """

    def __init__(self, connect: Callable[[], Connector], exchange: str) -> None:
        self._connect = connect
        self._connector: Optional[Connector] = None
        self.exchange = exchange
        #: The stages of the certificate that is at work.
        self.timeline = Timeline()
        self._trusts: Dict[Any, Tuple[Trust, str]] = {}
        self._transports: Dict[Any, Transport] = {}
        self._clients: Dict[Any, SharedClient] = {}
        self._stopped: Dict[Any, EstError] = {}

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, *_raised: object) -> None:
        for transport in self._transports.values():
            transport.close()

    @property
    def connector(self) -> Connector:
        """What carries the exchanges.

        :raises EstError: it needs a library that is not there.
        """
        if self._connector is None:
            self._connector = self._connect()
        return self._connector

    @contextlib.contextmanager
    def client(
        self, template: Template, options: ExchangeOptions, client_certificate: Optional[ClientCertificate] = None
    ) -> Iterator[Tuple[EstClient, str]]:
        """A client for the EST server of a template, and where the trust in it comes from.

        :param client_certificate: in place of that of the template; see ``Destination.of()``.
        :raises EstError: the server cannot be reached or trusted, or an earlier certificate has found out that it is of
            no use.
        """
        destination = Destination.of(template, options, self.timeline, client_certificate)
        address, account, server = _keys(destination)
        for stopped in (address, *(() if client_certificate is not None else (account, server))):
            if stopped in self._stopped:
                raise _not_tried(destination, self._stopped[stopped])
        try:
            trust, origin = self._trust(destination)
            if client_certificate is not None:
                with connected(self.connector, destination, trust) as (client, _transport):
                    yield client, origin
            else:
                shared = self._shared(server, destination, trust)
                with telling(destination, shared):
                    yield shared, origin
        except EstError as error:
            if error.stage in ("resolve", "connect"):
                self._stopped[address] = error
            elif client_certificate is None and error.stage == "tls":
                self._stopped[server] = error
            elif client_certificate is None and error.http_status == 401:
                self._stopped[account] = error
            if not isinstance(error, ServerError) and error.stage in _ASKING:
                self._forget(server)  # what is left of that connection is of no use
            raise

    def _trust(self, destination: Destination) -> Tuple[Trust, str]:
        """Whom the exchange trusts, and where that comes from. A server is asked for its CA certificates once."""
        template = destination.template
        key = (destination.url.authority, template.proxy, _trust_in(template))
        if key not in self._trusts:
            trust, origin = required_trust(destination, self.connector)
            self._trusts[key] = trust(), origin
        return self._trusts[key]

    def _shared(self, server: Any, destination: Destination, trust: Trust) -> SharedClient:
        url, options = destination.url, destination.options
        key = (server, url.base, options.allow_redirects_to, options.busy_timeout)
        if key not in self._clients:
            if server not in self._transports:
                self._transports[server] = self.connector.transport(destination, trust)
            self._clients[key] = make_client(SharedClient, destination, self._transports[server], trust)
        return self._clients[key]

    def _forget(self, server: Any) -> None:
        transport = self._transports.pop(server, None)
        if transport is not None:
            transport.close()
        self._clients = {key: client for key, client in self._clients.items() if key[0] != server}


def _keys(destination: Destination) -> Tuple[Any, Any, Any]:
    """What tells one address from another, one account at it, and one connection to it."""
    template, options, url = destination.template, destination.options, destination.url
    address = (url.authority, template.proxy)
    account = (url.authority, template.username, template.password)
    client = (template.client_certificate_path, template.client_key_path, template.client_key_passphrase)
    way = (options.connect_timeout, options.timeout, options.max_response_size, options.http_authentication)
    return address, account, (address, account, _trust_in(template), client, way)


def _trust_in(template: Template) -> Tuple[Any, ...]:
    """What a template says of whom to trust."""
    return template.ca_certificate, template.ca_path, template.ca_fingerprint, template.use_system_trust


def _not_tried(destination: Destination, earlier: EstError) -> EstError:
    """The error of a certificate that nothing is tried for any more."""
    server, username = destination.url.authority, destination.template.username
    what = f"{server} could not be used"
    if earlier.http_status == 401:
        what = f"{server} has refused {'this client' if username is None else f'the account {username!r}'}"
    error = EstError(
        f"{what} for an earlier certificate of this task, and was not asked again: {earlier.reason}",
        code=earlier.code,
        stage=earlier.stage,
        hint=earlier.hint,
        request_received="not_received",
    )
    error.username = earlier.username
    return error
