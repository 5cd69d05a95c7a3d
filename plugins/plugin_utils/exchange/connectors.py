# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchanges ``controller`` and ``uri``: keys, request and checks on the controller.

They differ only in who sends the HTTPS requests: the controller itself, or the host through ``ansible.builtin.uri``. A
Windows host has a module of its own for that: see ``win_uri_connector.py``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

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
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Transport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import Fingerprint

from ..base.host_answer import UnusableAnswer, check_shape
from .module_transport import Execute
from .uri_transport import UriTransport


class ControllerConnector:
    """The requests leave from the controller. See ``Connector``.

    :param execute: runs a module on the host, for real even in check mode, and returns its result, a failed one too.
    :param slurp: the module that reads a file there.
    """

    exchange = "controller"

    def __init__(self, execute: Execute, slurp: str = "ansible.builtin.slurp") -> None:
        self._execute = execute
        self._slurp = slurp

    def refuse_unsupported(self, template: Template, options: ExchangeOptions) -> None:
        """A client key does not leave its host."""
        if template.client_certificate_path:
            raise InputError(
                "client_certificate_path is set, and exchange=controller cannot use it: the key stays on the host",
                code="not_supported",
                hint="Use exchange=host or exchange=uri for this template.",
            )

    def read_file(self, path: str) -> bytes:
        """A file of the host."""
        result = self._execute(self._slurp, {"src": path})
        if result.get("failed"):
            raise InputError(
                f"ca_path {path!r} cannot be read on the host: {result.get('msg') or 'slurp failed'}",
                hint="Put the PEM file of the CA there, or give it as text in ca_certificate.",
            )
        check_shape(result, {"content": str}, "slurp")
        try:
            return base64.b64decode(result["content"])
        except ValueError:
            raise UnusableAnswer("slurp on the host answered with something else than octets") from None

    def bootstrap(self, destination: Destination, fingerprint: Fingerprint) -> Trust:
        """Ask from the controller."""
        return https_bootstrap(destination, fingerprint)

    def fetch_unauthenticated(self, destination: Destination) -> CaBag:
        """Look from the controller."""
        return https_fetch_unauthenticated(destination)

    def transport(self, destination: Destination, trust: Trust) -> Transport:
        """A connection from the controller to the EST server.

        :raises InputError: a client certificate is wanted, and the controller has no key of the host.
        """
        if destination.client_certificate is not None:
            raise InputError("the controller cannot use the key of the old certificate, which stays on the host")
        return https_transport(destination, trust)


class UriConnector(ControllerConnector):
    """The requests leave from the host through ``ansible.builtin.uri``.

    :param write_file: puts a text into a temporary file on the host and returns its path.
    """

    exchange = "uri"

    def __init__(self, execute: Execute, write_file: Callable[[str], str]) -> None:
        super().__init__(execute)
        self._write_file = write_file

    def refuse_unsupported(self, template: Template, options: ExchangeOptions) -> None:
        """What ``uri`` has no option for."""
        unsupported = {
            "proxy of the template": (
                template.proxy,
                "the module takes a proxy from the environment of the host only",
            ),
            "client_key_passphrase of the template": (
                template.client_key_passphrase,
                "the module cannot open an encrypted key",
            ),
            **refused_by_modules(template, options),
        }
        refuse(unsupported, "exchange=uri", "Use exchange=host for this template.")

    def bootstrap(self, destination: Destination, fingerprint: Fingerprint) -> Trust:
        """``uri`` would have to be told to verify nothing, and that is not done."""
        raise no_first_contact(
            "the template has only ca_fingerprint to trust the EST server by", "exchange=host or exchange=controller"
        )

    def fetch_unauthenticated(self, destination: Destination) -> CaBag:
        """See ``bootstrap()``."""
        raise no_first_contact("nothing says whom to trust", "exchange=host or exchange=controller")

    def transport(self, destination: Destination, trust: Trust) -> Transport:
        """Requests of the host to the EST server."""
        options, shown = destination.options, destination.client_certificate
        ca_path = None
        if trust.kind == "explicit":
            # What the client made of ca_path: the module reads fewer shapes of a file, and no odd certificate in it.
            ca_path = self._write_file(trust.pem)
        return UriTransport(
            self._execute,
            trust=trust.kind,
            ca_path=ca_path,
            credentials=destination.credentials,
            only_basic=options.http_authentication == "basic",
            unasked=destination.unasked,
            client_certificate_path=shown.certificate_path if shown is not None else None,
            client_key_path=shown.key_path if shown is not None else None,
            timeout=options.timeout,
            max_response_bytes=options.max_response_size,
            timeline=destination.timeline,
        )


def refused_by_modules(template: Template, options: ExchangeOptions) -> dict[str, tuple[Any, str]]:
    """What none of Ansible's modules for requests can do; see ``refuse()``."""
    return {
        "proof_of_possession of the template": (
            template.proof_of_possession == "always",
            "the module does not tell the channel binding of its connection",
        ),
        "username of the template": (
            template.username == "" and template.password is not None,
            "the module sends no password for an empty user name",
        ),
        "challenge_password of the template": (
            template.challenge_password is not None,
            "Ansible shows the request that has it, with -vvv",
        ),
        "key_origin=server": (
            options.key_origin == KEY_OF_SERVER,
            "the module would return the private key with its result",
        ),
        "http_authentication=digest": (
            options.http_authentication == "digest",
            "the module sends the password itself to a server that offers Basic as well",
        ),
    }


def refuse(unsupported: Mapping[str, tuple[Any, str]], exchange: str, hint: str) -> None:
    """Refuse what an exchange cannot do.

    :param unsupported: by what is asked for: whether it is, and why it cannot be done.
    :param hint: what to do instead.
    :raises InputError: for the first.
    """
    for option, (wanted, why) in unsupported.items():
        if wanted:
            raise InputError(f"{option} cannot be used with {exchange}: {why}", code="not_supported", hint=hint)


def no_first_contact(problem: str, instead: str) -> InputError:
    """The error where a server that is not trusted yet would have to be asked.

    :param problem: why it is not, as a clause.
    :param instead: the exchanges that can.
    """
    return InputError(
        f"{problem}, and exchange=uri cannot look at the certificates of a server that is not trusted yet",
        code="not_supported",
        hint=f"Use {instead}, or set ca_certificate or ca_path to the CA certificate of the EST server.",
    )
