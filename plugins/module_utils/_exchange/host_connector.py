# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange ``host``: connections that leave from this very host, with every feature of the EST client.

It loads the HTTPS client: ``est_certificate`` imports it only where a certificate is needed, as in few runs.
"""

from __future__ import annotations

from typing import Any, Dict, Optional

from .._template.model import Template
from ..est.base.errors import InputError
from ..est.bootstrap import CaBag, bootstrap, fetch_unauthenticated
from ..est.http.https import HttpsTransport, MakeDialler
from ..est.http.tls import Trust
from ..est.x509.certificate import Fingerprint
from .connection import Destination
from .options import ExchangeOptions


class HostConnector:
    """Connects from this very host. See ``Connector``."""

    exchange = "host"

    def refuse_unsupported(self, template: Template, options: ExchangeOptions) -> None:
        """Nothing is unsupported here."""

    def read_file(self, path: str) -> bytes:
        """A file of this host."""
        return read_anchor_file(path)

    def bootstrap(self, destination: Destination, fingerprint: Fingerprint) -> Trust:
        """Ask from this host."""
        return https_bootstrap(destination, fingerprint)

    def fetch_unauthenticated(self, destination: Destination) -> CaBag:
        """Look from this host."""
        return https_fetch_unauthenticated(destination)

    def transport(self, destination: Destination, trust: Trust) -> HttpsTransport:
        """A connection from this host to the EST server."""
        return https_transport(destination, trust)


def https_transport(
    destination: Destination, trust: Trust, make_dialler: Optional[MakeDialler] = None
) -> HttpsTransport:
    """The HTTPS transport with what template and options say.

    :param make_dialler: makes what opens the connections, where it is not this host.
    """
    return HttpsTransport(
        destination.url,
        trust,
        credentials=destination.credentials,
        http_authentication=destination.options.http_authentication,
        unasked=destination.unasked,
        client_certificate=destination.client_certificate,
        make_dialler=make_dialler,
        **_connection(destination),
    )


def https_bootstrap(
    destination: Destination, fingerprint: Fingerprint, make_dialler: Optional[MakeDialler] = None
) -> Trust:
    """Accept a CA certificate of the EST server by its fingerprint, with what template and options say."""
    return bootstrap(destination.url, fingerprint, make_dialler=make_dialler, **_connection(destination))


def https_fetch_unauthenticated(destination: Destination, make_dialler: Optional[MakeDialler] = None) -> CaBag:
    """Look at the CA certificates of the EST server, with what template and options say."""
    return fetch_unauthenticated(destination.url, make_dialler=make_dialler, **_connection(destination))


def _connection(destination: Destination) -> Dict[str, Any]:
    options = destination.options
    return {
        "proxy": destination.template.proxy,
        "connect_timeout": options.connect_timeout,
        "timeout": options.timeout,
        "max_response_size": options.max_response_size,
        "timeline": destination.timeline,
    }


def read_anchor_file(path: str) -> bytes:
    """The file of ``ca_path``.

    :raises InputError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InputError(
            f"ca_path {path!r} cannot be read on the host: {error.strerror}",
            hint="Put the PEM file of the CA there, or give it as text in ca_certificate.",
        ) from None
