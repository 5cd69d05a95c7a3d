# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections for production certificates that leave from this very host.

The HTTPS client is loaded when a certificate is needed: most runs only look at the one that is there.
"""

from __future__ import annotations

from ..est.client_certificate import ClientCertificate
from ..est.https import HttpsTransport
from ..est.tls import Trust
from ..test_enroll.connection import Destination
from ..test_enroll.host import HostConnector, https_transport


class CertificateHostConnector(HostConnector):
    """Connects from this very host. See :class:`.run.CertificateConnector`."""

    def renewing(self, tls: ClientCertificate) -> HostConnector:
        """The same with the old certificate as TLS client certificate."""
        return _Renewing(tls)


class _Renewing(HostConnector):
    def __init__(self, tls: ClientCertificate) -> None:
        self._tls = tls

    def transport(self, destination: Destination, trust: Trust) -> HttpsTransport:
        return https_transport(destination, trust, self._tls)
