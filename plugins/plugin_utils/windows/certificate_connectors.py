# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to get a certificate for a Windows host: see ``CertificateConnector``."""

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)

from ..exchange.connectors import ControllerConnector
from .win_uri_connector import WinUriConnector


class UriCertificateConnector(WinUriConnector):
    """The requests leave from the Windows host, which can show a certificate of its store to the server."""

    #: Whether one was to be shown.
    shows_certificate = False

    def renewing(self, tls: ClientCertificate) -> WinUriConnector:
        """The same with the old certificate.

        :param tls: its path is one of PowerShell's: ``Cert:``, the store, and the thumbprint.
        """
        self.shows_certificate = True
        return WinUriConnector(self._execute, self._host, self._answer_path, client_cert=tls.certificate_path)


class ControllerCertificateConnector(ControllerConnector):
    """The requests leave from the controller, which has no key of the host."""

    def renewing(self, _tls: ClientCertificate) -> ControllerConnector:
        """Refuse."""
        raise InputError("the controller cannot use the key of the old certificate, which stays on the host")
