# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the EST server of a template is reached: the ways there, and what the template says of trust and account."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Callable, Iterator, Optional, Protocol, Tuple, Type, TypeVar

from .._template.errors import TemplateError, show
from .._template.model import Template
from .._value import Value
from ..est.base.errors import EstError, InputError, Timeline
from ..est.client import EstClient
from ..est.http.tls import Trust
from ..est.http.transport import Credentials, Transport
from ..est.http.url import EstUrl
from ..est.x509.certificate import Fingerprint
from ..est.x509.client_certificate import ClientCertificate
from ..est.x509.keys import KeySpec
from .options import KEY_OF_SERVER, ExchangeOptions

if TYPE_CHECKING:
    from ..est.bootstrap import CaBag

AnyClient = TypeVar("AnyClient", bound=EstClient)

# ----------------------------------------------------------------------------------------------------------------------
# What the template option ``device_identity_certificates`` means: whether anything may be issued from a template.


def refuse_without_devices(template: Template) -> None:
    """Refuse a template that nothing may be issued from.

    :raises TemplateError: its device identity certificates are switched off.
    """
    if not template.device_identity_certificates:
        raise TemplateError(
            "device_identity_certificates",
            "is false, so nothing may be issued from this template, and nothing was sent; set it to true in the "
            "template to have certificates issued",
            template=show(template.name),
        )


# ----------------------------------------------------------------------------------------------------------------------


class Destination(Value):
    """An EST server, and all that says how to talk to it. Made by ``of()``.

    :param url: the server, from the template.
    :param fingerprint: of one of its CA certificates, from the template; ``None`` where it has none.
    :param timeline: where the stages are noted.
    :param client_certificate: for TLS; its paths mean what the connector, or what keeps the certificate, says.
    :param unasked: whether the account goes out before the server has asked for it; see ``HttpsTransport``.
    """

    url: EstUrl
    fingerprint: Optional[Fingerprint]
    template: Template
    options: ExchangeOptions
    timeline: Timeline
    client_certificate: Optional[ClientCertificate] = None
    unasked: bool = True

    @classmethod
    def of(
        cls,
        template: Template,
        options: ExchangeOptions,
        timeline: Timeline,
        client_certificate: Optional[ClientCertificate] = None,
    ) -> Destination:
        """The EST server of a template.

        :param client_certificate: in place of that of the template. The account only goes with it where the server asks
            for both.
        """
        url = EstUrl.build(template.server, template.port, template.label, template.base_path)
        fingerprint = Fingerprint.parse(template.ca_fingerprint) if template.ca_fingerprint else None
        unasked = client_certificate is None
        if client_certificate is None and template.client_certificate_path:
            client_certificate = ClientCertificate(
                template.client_certificate_path, template.client_key_path, template.client_key_passphrase
            )
        return cls(url, fingerprint, template, options, timeline, client_certificate, unasked)

    @property
    def credentials(self) -> Optional[Credentials]:
        """The account of the template, where it has one."""
        return account(self.template)


def account(template: Template) -> Optional[Credentials]:
    """The account of a template, where it has one."""
    if template.username is None and template.password is None:
        return None
    return Credentials(template.username or "", template.password or "")


def chosen_key(template: Template) -> Optional[KeySpec]:
    """The kind of key that a template asks for; ``None`` for the default, which gives way to what a server asks for."""
    return _chosen(template.key_type, template.key_size, template.key_curve)


@functools.lru_cache(maxsize=64)
def _chosen(type_: str, size: Optional[int], curve: Optional[str]) -> Optional[KeySpec]:
    spec = KeySpec(type_, size, curve)
    return None if spec == KeySpec() else spec


def refuse_key_of_server(template: Template, options: ExchangeOptions) -> None:
    """Refuse a key of the server's where only the CAs of the system say who that is (RFC 7030 section 6).

    :raises InputError: it is wanted.
    """
    if options.key_origin == KEY_OF_SERVER and template.use_system_trust:
        raise InputError(
            "key_origin is server, and use_system_trust of the template: a private key is not taken from a server that "
            "any of the many CAs of the system could vouch for (RFC 7030 section 6)",
            hint="Trust the EST server by ca_certificate, ca_path or ca_fingerprint, or set key_origin to host.",
        )


class Connector(Protocol):
    """One way to reach an EST server."""

    #: The name of the way: ``host``, ``relay`` or ``controller``.
    exchange: str

    def refuse_unsupported(self, template: Template, options: ExchangeOptions) -> None:
        """Raise an ``InputError`` for what template or options ask for and this way cannot do."""

    def read_file(self, path: str) -> bytes:
        """A text file of the host, such as the one of ``ca_path``."""

    def bootstrap(self, destination: Destination, fingerprint: Fingerprint) -> Trust:
        """Accept a CA certificate of the EST server by its fingerprint; or raise an ``InputError``."""

    def fetch_unauthenticated(self, destination: Destination) -> CaBag:
        """Only look at the CA certificates of the EST server; or raise an ``InputError``."""

    def transport(self, destination: Destination, trust: Trust) -> Transport:
        """A transport to the EST server, with the client certificate of the destination."""


def configured_trust(template: Template, connector: Connector) -> Optional[Trust]:
    """Whom a template trusts (RFC 7030 section 3.1): explicit anchors, or the system's store where it says so.

    :returns: ``None`` where it has a fingerprint at most, which is for the first contact (section 4.1.1). Beside
        anchors a fingerprint is a further condition.
    """
    if template.ca_certificate:
        return Trust.explicit(template.ca_certificate, "ca_certificate")
    if template.ca_path:
        return Trust.explicit(connector.read_file(template.ca_path), f"the file of ca_path {template.ca_path!r}")
    return Trust.system() if template.use_system_trust else None


def required_trust(destination: Destination, connector: Connector) -> Tuple[Callable[[], Trust], str]:
    """Whom an enrolment trusts: a function that says it and may ask the server, and where that comes from.

    :returns: the second is ``explicit``, ``system`` or ``fingerprint``.
    :raises InputError: the template has nothing to trust the EST server by.
    """
    configured = configured_trust(destination.template, connector)
    if configured is not None:
        return (lambda: configured), configured.origin
    if destination.fingerprint is not None:
        # Only a fingerprint says whom to trust: the EST server is asked for its CA certificates first.
        return functools.partial(connector.bootstrap, destination, destination.fingerprint), "fingerprint"
    raise InputError("the template has nothing to trust the EST server by", code="no_trust")


@contextlib.contextmanager
def connected(connector: Connector, destination: Destination, trust: Trust) -> Iterator[Tuple[EstClient, Transport]]:
    """A client for an EST server, and the transport below it, which are closed at the end of the block."""
    transport = connector.transport(destination, trust)
    with make_client(EstClient, destination, transport, trust) as client, telling(destination, client):
        yield client, transport


def make_client(kind: Type[AnyClient], destination: Destination, transport: Transport, trust: Trust) -> AnyClient:
    """A client for an EST server, with what template and options say.

    :param kind: ``EstClient``, or one that does more.
    :param transport: carries its requests.
    """
    return kind(
        destination.url,
        transport,
        anchors=trust.anchors,
        ca_fingerprint=destination.fingerprint,
        secrets=tuple(destination.template.secrets().values()),
        timeline=destination.timeline,
        allow_redirects_to=destination.options.allow_redirects_to,
        busy_timeout=destination.options.busy_timeout,
        warnings=trust.warnings,
    )


@contextlib.contextmanager
def telling(destination: Destination, client: EstClient) -> Iterator[None]:
    """Put what is known of the exchange into an error that leaves the block."""
    try:
        yield
    except EstError as error:
        error.warn((*destination.url.warnings, *client.warnings))
        if destination.unasked or client.authenticated_by is not None:
            error.username = destination.template.username
        raise
