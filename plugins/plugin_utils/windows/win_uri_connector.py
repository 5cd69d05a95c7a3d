# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange ``uri`` on a Windows host: the HTTPS requests leave from it through ``ansible.windows.win_uri``."""

from __future__ import annotations

import ipaddress
from typing import Callable, NoReturn

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.connection import Destination
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import ExchangeOptions
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import Timeline, TransportError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Transport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    Fingerprint,
    fingerprint_sha256,
    subject_text,
)

from ..exchange.connectors import ControllerConnector, no_first_contact, refuse, refused_by_modules
from ..exchange.module_transport import Execute
from .certificates import ROOT, der_of, list_certificates, thumbprint
from .folder import Host
from .win_uri_failures import NOT_TRUSTED
from .win_uri_transport import WinUriTransport

SLURP = "ansible.windows.slurp"

#: Told of every exchange with anchors of the template's own, which RFC 7030 section 3.1 wants to be the only ones.
MACHINE_TRUST_WARNING = (
    "ansible.windows.win_uri knows no trust but the host's own: for the connection every CA in the machine's store of "
    "the host counts, not only that of the template. What the EST server answers is checked against that of the "
    "template alone"
)


class WinUriConnector(ControllerConnector):
    """The requests leave from a Windows host. See ``Connector``.

    :param execute: runs a module on the host, really, in check mode too, and returns its result, a failed one too.
    :param host: the host.
    :param answer_path: see ``WinUriTransport``.
    """

    exchange = "uri"
    #: Whether a certificate of the host's store was to be shown to the server.
    shows_certificate = False

    def __init__(self, execute: Execute, host: Host, answer_path: Callable[[], str]) -> None:
        super().__init__(execute, SLURP)
        self._host = host
        self._answer_path = answer_path

    def refuse_unsupported(self, template: Template, options: ExchangeOptions) -> None:
        """What ``win_uri`` has no option for, or does otherwise than the template says."""
        account = f"{template.username or ''}{template.password or ''}"
        unsupported = {
            "client_certificate_path of the template": (
                template.client_certificate_path,
                "the module takes no PEM files",
            ),
            "proxy of the template": (
                template.proxy and _is_local(template.server),
                "the module goes past a proxy to a server whose name has no dot, and to the host itself",
            ),
            **refused_by_modules(template, options),
            "the account of the template": (
                not account.isascii(),
                "the module sends a question mark for every character of user name and password that is not ASCII",
            ),
        }
        refuse(unsupported, "exchange=uri on a Windows host", "Use exchange=controller for this template.")

    def bootstrap(self, destination: Destination, fingerprint: Fingerprint) -> NoReturn:
        """``win_uri`` would have to be told to verify nothing, and that is not done."""
        self._refuse_first_contact("the template has only ca_fingerprint to trust the EST server by")

    def fetch_unauthenticated(self, destination: Destination) -> NoReturn:
        """See ``bootstrap()``."""
        self._refuse_first_contact("nothing says whom to trust")

    def _refuse_first_contact(self, problem: str) -> NoReturn:
        raise no_first_contact(problem, "exchange=controller")

    def transport(self, destination: Destination, trust: Trust) -> Transport:
        """Requests of the host to the EST server, with a client certificate of its store where there is one.

        The path of that is one of PowerShell's: ``Cert:``, the store, and the thumbprint.

        :raises TransportError: the host does not trust what the template says.
        """
        template, options = destination.template, destination.options
        shown = destination.client_certificate
        self.shows_certificate = shown is not None
        explicit = trust.kind == "explicit"
        if explicit:
            self._refuse_unknown_anchors(trust, destination.timeline)
        return WinUriTransport(
            self._execute,
            self._host.fetch,
            self._answer_path,
            trust=trust.kind,
            proxy=template.proxy,
            credentials=destination.credentials,
            only_basic=options.http_authentication == "basic",
            unasked=destination.unasked,
            client_cert=shown.certificate_path if shown is not None else None,
            timeout=options.timeout,
            max_response_bytes=options.max_response_size,
            timeline=destination.timeline,
            warnings=(MACHINE_TRUST_WARNING,) if explicit else (),
        )

    def _refuse_unknown_anchors(self, trust: Trust, timeline: Timeline) -> None:
        anchors = trust.anchors or ()
        only = thumbprint(der_of(anchors[0])) if len(anchors) == 1 else None
        found = {certificate.der for certificate in list_certificates(self._host, ROOT, only)}
        roots = [anchor for anchor in anchors if der_of(anchor) in found]
        for anchor in anchors:
            # One below a root that the host trusts, and that the template trusts too, is trusted with it.
            below = anchor.issuer != anchor.subject and any(anchor.issuer == root.subject for root in roots)
            if anchor in roots or below:
                continue
            reason = (
                f"{NOT_TRUSTED} the CA certificate {subject_text(anchor)} of the template (SHA-256 "
                f"{fingerprint_sha256(anchor)}): it is not in the machine's store of trusted root CAs, and "
                "ansible.windows.win_uri knows no other trust"
            )
            timeline.add("tls", False, None, reason)
            error = TransportError(
                reason,
                code="untrusted_certificate",
                stage="tls",
                request_received="not_received",
                hint="Install it with ansible.windows.win_certificate_store (store_name: Root, store_location: "
                "LocalMachine). Or use exchange=controller.",
            )
            error.keeps_hint = True
            raise error


def _is_local(server: str) -> bool:
    """Say whether .NET goes past a proxy to a server, as far as its name tells; it also does in the own domain."""
    host = EstUrl.build(server).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return "." not in host
