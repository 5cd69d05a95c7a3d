# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchanges ``controller`` and ``relay``: keys, request and checks on the controller.

They differ only in who opens the connections to the EST server: the controller itself, or the host through
``est_relay``.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.connection import Destination
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.host_connector import (
    https_bootstrap,
    https_fetch_unauthenticated,
    https_transport,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import (
    KEY_OF_SERVER,
    ExchangeOptions,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.bootstrap import CaBag
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.https import MakeDialler
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Transport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import Fingerprint

from ..base.host_answer import Execute, check_shape, failure_words, octets_of
from .relay import RelayDialler

#: The longest file of CA certificates that is read, in octets.
_LONGEST_FILE = 1024 * 1024
#: Why a file of the host was not read, by the code that the module tells.
_UNREADABLE = {
    "not_found": "it is not there",
    "not_permitted": "the account of the connection may not read it",
    "not_a_file": "it is no file",
    "too_large": f"it is larger than {_LONGEST_FILE} octets",
}


class ControllerConnector:
    """The requests leave from the controller. See ``Connector``.

    :param execute: runs a module on the host, for real even in check mode, and returns its result, a failed one too.
    :param private_module: returns the full name of a private module for the platform of the host.
    """

    exchange = "controller"

    def __init__(self, execute: Execute, private_module: Callable[[str], str]) -> None:
        self._execute = execute
        self._private_module = private_module

    def refuse_unsupported(self, template: Template, options: ExchangeOptions) -> None:
        """A client key does not leave its host."""
        if template.client_certificate_path:
            raise InputError(
                "client_certificate_path is set, and exchange=controller cannot use it: the key stays on the host",
                code="not_supported",
                hint="Use exchange=host or exchange=relay for this template.",
            )

    def read_file(self, path: str) -> bytes:
        """A file of the host."""
        result = self._execute(self._private_module("est_read_file"), {"path": path, "max_size": _LONGEST_FILE})
        problem = failure_words(result) or "the module failed" if result.get("failed") else ""
        if not problem:
            check_shape(result, {"content": str, "problem": str}, "est_read_file")
            problem = _UNREADABLE.get(result["problem"], "reading failed") if result["problem"] else ""
        if problem:
            raise InputError(
                f"ca_path {path!r} cannot be read on the host: {problem}",
                hint="Put the PEM file of the CA there, or give it as text in ca_certificate.",
            )
        return octets_of(result["content"], "est_read_file")

    def bootstrap(self, destination: Destination, fingerprint: Fingerprint) -> Trust:
        """Ask for the CA certificates, and accept the one with the fingerprint."""
        return https_bootstrap(destination, fingerprint, self._make_dialler(destination))

    def fetch_unauthenticated(self, destination: Destination) -> CaBag:
        """Ask for the CA certificates, only to show them."""
        return https_fetch_unauthenticated(destination, self._make_dialler(destination))

    def transport(self, destination: Destination, trust: Trust) -> Transport:
        """Connections to the EST server.

        :raises InputError: a client certificate is wanted, and the controller has no key of the host.
        """
        if destination.client_certificate is not None:
            raise InputError("the controller cannot use the key of the old certificate, which stays on the host")
        return https_transport(destination, trust)

    def _make_dialler(self, destination: Destination) -> Optional[MakeDialler]:
        """Return what opens the connections; None for the client's own way."""
        return None


class RelayConnector(ControllerConnector):
    """The connections are the host's, opened by ``est_relay``.

    :ivar shows_certificate: whether a client certificate that is on the host was to be shown to the server.
    """

    exchange = "relay"
    shows_certificate = False

    def refuse_unsupported(self, template: Template, options: ExchangeOptions) -> None:
        """What no relay can do, or not safely."""
        unsupported: dict[str, tuple[Any, str]] = {
            "proof_of_possession of the template": (
                template.proof_of_possession == "always",
                "the connection is opened only when the request is made, and nothing can be signed for it",
            ),
            "client_key_passphrase of the template": (
                template.client_key_passphrase,
                "no passphrase is given to the host",
            ),
            "key_origin=server": (
                options.key_origin == KEY_OF_SERVER,
                "a verbose connection shows what the host answers, and the private key would be in it",
            ),
            "client_certificate_path of the template": (
                template.client_certificate_path and self._on_windows,
                "a Windows host has the key of a certificate in a store, and not in a PEM file",
            ),
        }
        instead = "Use exchange=controller" if self._on_windows else "Use exchange=host"
        for option, (wanted, why) in unsupported.items():
            if wanted:
                if option.startswith("client_certificate_path"):  # the controller has no such file either
                    instead = "Give username and password instead"
                raise InputError(
                    f"{option} cannot be used with exchange=relay: {why}",
                    code="not_supported",
                    hint=f"{instead} for this template.",
                )

    @property
    def _on_windows(self) -> bool:
        return self._private_module("est_relay").endswith(".win_est_relay")

    def transport(self, destination: Destination, trust: Trust) -> Transport:
        """Connections of the host, with a client certificate that is there.

        Its path is one of a PEM file, or on a Windows host one of PowerShell's: ``Cert:``, the store, the thumbprint.
        """
        shown = destination.client_certificate
        self.shows_certificate = shown is not None
        if shown is not None:
            place = shown.certificate_path.removeprefix("Cert:\\")
            destination = destination.replace(client_certificate=shown.replace(certificate_path=place, elsewhere=True))
        return https_transport(destination, trust, self._make_dialler(destination))

    def _make_dialler(self, destination: Destination) -> MakeDialler:
        return functools.partial(
            RelayDialler,
            run=functools.partial(self._execute, self._private_module("est_relay")),
            max_response_size=destination.options.max_response_size,
        )
