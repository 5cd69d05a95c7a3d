# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A production certificate of a Windows host: its key is made on the controller, and kept in a store of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import (
    CertificateParameters,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.result import WHAT
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.run import run_certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.connection import Connector
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import failure, input_failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    Timeline,
    TransportError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import require_libraries
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.reenrolment import ENROLL
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec

from ..base.host_answer import Execute
from .certificate_holder import WindowsHolder
from .folder import Host

if TYPE_CHECKING:
    from ..exchange.connectors import RelayConnector


#: What is wrong with the server's certificate, whatever the client shows.
_OF_THE_SERVER = ("untrusted_certificate", "invalid_server_certificate", "wrong_server_name", "not_tls")


class WindowsCertificateExchange:
    """One certificate.

    :param asked: what is asked for, checked.
    :param exchange: ``relay`` or ``controller``.
    :param holder: keeps the certificate.
    :param host: the host.
    :param execute: runs a module on the host and returns its result, a failed one too.
    :param private_module: returns the full name of a private module for the platform of the host.
    :param find_template: returns the template of the host's store, with its secrets where they are asked for: they cost
        round trips, and most runs need none.
    :param full_look: remove what a killed run left, even if there is nothing else to do.
    """

    def __init__(
        self,
        asked: CertificateParameters,
        exchange: str,
        *,
        holder: WindowsHolder,
        host: Host,
        execute: Execute,
        private_module: Callable[[str], str],
        find_template: Callable[[bool], Template],
        full_look: bool = False,
    ) -> None:
        self._asked = asked
        self._exchange = exchange
        self._holder = holder
        self._host = host
        self._execute = execute
        self._private_module = private_module
        self._find_template = find_template
        self._full_look = full_look
        self._timeline = Timeline()
        self._relay: Optional[RelayConnector] = None

    def outcome(self) -> dict[str, Any]:
        """The result of ``est_certificate``, a failed one where it failed."""
        name = self._asked.template_name
        try:
            require_libraries("cryptography")
            return self._outcome()
        except EstError as error:
            return failure(error, name, self._exchange, self._timeline, WHAT)
        except (StoreError, TemplateError) as error:
            return input_failure(error, name, self._exchange)

    def _outcome(self) -> dict[str, Any]:
        template, check = self._asked.inline, self._asked.options.check
        if template is None:
            template = self._find_template(False)
            self._refuse_key(template)
            self._holder.check = True
            found = self._run(template, check=True)
            self._holder.check = check
            if check or found["status"] != "not_asked":
                return self._tidied(found)
            template = self._find_template(True)
        self._refuse_key(template)
        return self._tidied(self._run_or_fall_back(template))

    def _refuse_key(self, template: Template) -> None:
        """Refuse early what the template names; what the server asks for is seen when it has."""
        self._holder.refuse_key(KeySpec(template.key_type, template.key_size, template.key_curve))

    def _run_or_fall_back(self, template: Template) -> dict[str, Any]:
        check, options = self._asked.options.check, self._asked.options
        try:
            return self._run(template, check=check)
        except TransportError as error:
            shown = self._relay is not None and self._relay.shows_certificate
            if not shown or error.stage != "tls" or error.code in _OF_THE_SERVER:
                raise
            if options.on_failed_renewal != ENROLL:
                error.note(
                    "The old certificate is shown to the server: where Windows refuses its key to the "
                    "logon of the connection, become with become_method runas helps, or CredSSP. Or set "
                    "on_failed_renewal to enroll to enrol anew, with the account or the TLS client certificate of the "
                    "template."
                )
                raise
            self._holder.distrust(f"the host could not connect with it: {error.reason}")
            self._timeline = Timeline()
            return self._run(template, check=check)

    def _run(self, template: Template, *, check: bool) -> dict[str, Any]:
        options = self._asked.options.replace(check=check)
        asked = self._asked.replace(options=options)
        return run_certificate(template, asked, self._connect, self._exchange, self._holder, self._timeline)

    def _connect(self) -> Connector:
        require_libraries()
        # They load the HTTPS client, and most runs ask nobody for anything.
        from ..exchange.connectors import ControllerConnector, RelayConnector

        if self._exchange == "controller":
            return ControllerConnector(self._execute, self._private_module)
        self._relay = RelayConnector(self._execute, self._private_module)
        return self._relay

    def _tidied(self, found: dict[str, Any]) -> dict[str, Any]:
        """The result, once certificates that were replaced and are over are removed, and a file that was left."""
        removed: list[str] = []
        done: list[str] = []
        try:
            removed = self._holder.remove_expired()
            if removed:
                done.append(f"certificates that were replaced and are over were there: {', '.join(removed)}")
            if self._full_look and self._holder.remove_left_file():
                done.append("a run that was killed had left the file of a key")
        except EstError as error:
            # A new certificate has to be told of, whatever becomes of what is of no use any more.
            warning = f"what is of no use any more could not be removed from the host: {error.reason}"
            found["warnings"] = [*found["warnings"], warning]
        if done:
            found.update(changed=True, reason="; ".join([*done, found["reason"]]))
            if found["status"] == "unchanged":
                found["status"] = "recovered"
        return {**found, "replaced": self._holder.replaced, "removed": removed}
