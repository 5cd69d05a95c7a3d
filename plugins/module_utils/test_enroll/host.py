# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange ``host``: the whole test runs on the managed POSIX host, with every feature of the EST client."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ..est.bootstrap import CaBag, bootstrap, fetch_unauthenticated
from ..est.client_certificate import ClientCertificate
from ..est.errors import InputError
from ..est.fingerprint import Fingerprint
from ..est.https import HttpsTransport
from ..est.timeline import Timeline
from ..est.tls import Trust
from ..est.transport import Credentials
from ..est.url import EstUrl
from ..template.model import Template
from .files import TestFolder
from .options import TestOptions


class HostConnector:
    """Connects from this very host. See :class:`.connection.Connector`."""

    exchange = "host"

    def refuse_unsupported(self, template: Template) -> None:
        """Nothing of a template is beyond this way."""

    def read_text(self, path: str) -> str:
        """A text file of this host."""
        return read_anchor_file(path)

    def bootstrap(
        self, url: EstUrl, fingerprint: Fingerprint, template: Template, options: TestOptions, timeline: Timeline
    ) -> Trust:
        """Ask from this host."""
        return https_bootstrap(url, fingerprint, template, options, timeline)

    def fetch_unauthenticated(self, url: EstUrl, template: Template, options: TestOptions, timeline: Timeline) -> CaBag:
        """Look from this host."""
        return https_fetch_unauthenticated(url, template, options, timeline)

    def transport(
        self,
        url: EstUrl,
        trust: Trust,
        template: Template,
        credentials: Optional[Credentials],
        options: TestOptions,
        timeline: Timeline,
    ) -> HttpsTransport:
        """A connection from this host to the EST server."""
        client_certificate = None
        if template.client_certificate_path:
            client_certificate = ClientCertificate(
                template.client_certificate_path, template.client_key_path, template.client_key_passphrase
            )
        return https_transport(url, trust, template, credentials, client_certificate, options, timeline)


class HostCarrier(HostConnector):
    """Carries a test from this very host, and keeps its files here. See :class:`.run.Carrier`."""

    def __init__(self, files: TestFolder) -> None:
        self.files = files


def https_transport(
    url: EstUrl,
    trust: Trust,
    template: Template,
    credentials: Optional[Credentials],
    client_certificate: Optional[ClientCertificate],
    options: TestOptions,
    timeline: Timeline,
) -> HttpsTransport:
    """The HTTPS transport with what template and options say."""
    return HttpsTransport(
        url,
        trust,
        credentials=credentials,
        client_certificate=client_certificate,
        timeline=timeline,
        **_connection(template, options),
    )


def https_bootstrap(
    url: EstUrl, fingerprint: Fingerprint, template: Template, options: TestOptions, timeline: Timeline
) -> Trust:
    """Accept a CA certificate of the EST server by its fingerprint, with what template and options say."""
    return bootstrap(url, fingerprint, timeline=timeline, **_connection(template, options))


def https_fetch_unauthenticated(url: EstUrl, template: Template, options: TestOptions, timeline: Timeline) -> CaBag:
    """Look at the CA certificates of the EST server, with what template and options say."""
    return fetch_unauthenticated(url, timeline=timeline, **_connection(template, options))


def _connection(template: Template, options: TestOptions) -> Dict[str, Any]:
    return {
        "proxy": template.proxy,
        "connect_timeout": options.connect_timeout,
        "read_timeout": options.timeout,
        "total_timeout": options.timeout,
        "response_limit": options.max_response_size,
    }


def read_anchor_file(path: str) -> str:
    """The file of ``ca_path``.

    :raises InputError: it cannot be read.
    """
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError as error:
        raise InputError(
            f"ca_path {path!r} cannot be read on the host: {error.strerror}",
            hint="Put the PEM file of the CA there, or give it as text in ca_certificate.",
        ) from None
