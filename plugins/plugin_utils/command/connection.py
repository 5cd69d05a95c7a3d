# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the command that say how to reach the server, and the connection that they stand for."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
import sys
from typing import Any, Dict, Iterator, Optional, Tuple

from ...module_utils._exchange.options import ExchangeOptions, read_exchange_options
from ...module_utils._files.paths import folder_of
from ...module_utils._template.errors import TemplateError
from ...module_utils.est.base.errors import EstError, InputError, Timeline
from ...module_utils.est.bootstrap import bootstrap
from ...module_utils.est.client import EstClient
from ...module_utils.est.http.authentication import SCHEMES
from ...module_utils.est.http.https import HttpsTransport
from ...module_utils.est.http.tls import Trust
from ...module_utils.est.http.transport import Credentials, Transport
from ...module_utils.est.http.url import EstUrl
from ...module_utils.est.reenrolment import Authentication
from ...module_utils.est.x509.certificate import Fingerprint
from ...module_utils.est.x509.client_certificate import ClientCertificate

# ----------------------------------------------------------------------------------------------------------------------
# The files that the command reads and writes.


def read_text(option: str, path: str) -> str:
    """A text file.

    :raises InputError: it cannot be read.
    """
    return read_file(option, path).decode("utf-8", "replace")


def read_file(option: str, path: str) -> bytes:
    """A file.

    :raises InputError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InputError(f"{option} {path!r} cannot be read: {error.strerror}") from None


def read_secret(option: str, path: str) -> str:
    """The first line of a file.

    :raises InputError: it cannot be read, or is empty.
    """
    secret = read_text(option, path).split("\n", 1)[0].rstrip("\r")
    if not secret:
        raise InputError(f"the first line of {option} {path!r} is empty")
    return secret


def write_public(path: str, text: str) -> None:
    """Write a file that everybody may read: whole, or not at all.

    :raises EstError: stage ``save``: it cannot be written.
    """
    try:
        _write(path, text, 0o644)
    except OSError as error:
        raise _not_written(path, error) from None


def make_folder(path: str) -> None:
    """Make the folder of a file, where there is none.

    :raises EstError: stage ``save``: it cannot be made.
    """
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    except OSError as error:
        raise _not_written(path, error) from None


def write_private(path: str, text: str) -> None:
    """Write a file that only its owner may read (0600): whole, or not at all.

    :raises EstError: stage ``save``: it cannot be written.
    """
    try:
        _write(path, text, 0o600)
    except OSError as error:
        raise _not_written(path, error) from None


def _write(path: str, text: str, mode: int) -> None:
    folder, name = folder_of(path)
    with folder:
        folder.write(name, text.encode("utf-8"), mode=mode)


def _not_written(path: str, error: OSError) -> EstError:
    return EstError(
        f"{path!r} cannot be written: {error.strerror}",
        code="not_saved",
        stage="save",
        hint="Check the folder, the free space, and the user that runs this command.",
    )


# ----------------------------------------------------------------------------------------------------------------------

PASSWORD_VARIABLE = "EST_PASSWORD"  # noqa: S105 - a name
PASSPHRASE_VARIABLE = "EST_KEY_PASSPHRASE"  # noqa: S105 - a name


@contextlib.contextmanager
def options_of_the_command() -> Iterator[None]:
    """Name an option that a module has too as it is called here.

    :raises InputError: in place of the error that names it as the module does.
    """
    try:
        yield
    except TemplateError as error:
        error.option = f"--{error.option.replace('_', '-')}"
        raise InputError(str(error).rstrip(".")) from None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a connection. There is none that takes a secret itself."""
    default = ExchangeOptions()
    parser.add_argument(
        "server", help="host, host:port, https://host:port/.well-known/est/label, or such a URL with another base path"
    )
    parser.add_argument("--port", type=int, help="443 where neither this nor the server has one")
    parser.add_argument("--label", help="the CA label")
    parser.add_argument("--base-path", metavar="PATH", help="where the server answers, if not at /.well-known/est")
    trust = parser.add_argument_group("whom to trust").add_mutually_exclusive_group()
    trust.add_argument("--ca-path", metavar="FILE", help="PEM file of the CA certificates the server may come from")
    trust.add_argument(
        "--use-system-trust", action="store_true", help="the CA certificates that this host trusts anyway"
    )
    parser.add_argument(
        "--ca-fingerprint",
        metavar="HEX",
        help="SHA-256 or SHA-512 of a CA certificate of the server: alone it is enough to accept that one, beside "
        "--ca-path or --use-system-trust it is a further condition",
    )
    account = parser.add_argument_group("who you are")
    account.add_argument("--username", metavar="NAME")
    account.add_argument("--password-file", metavar="FILE", help="its first line is the password")
    account.add_argument("--client-certificate-path", metavar="FILE", help="PEM file: certificate and intermediates")
    account.add_argument("--client-key-path", metavar="FILE", help="PEM file: its key, where not in the same file")
    account.add_argument(
        "--client-key-passphrase-file",
        metavar="FILE",
        help=f"for an encrypted key; else the environment variable {PASSPHRASE_VARIABLE}",
    )
    account.add_argument(
        "--http-authentication",
        choices=SCHEMES,
        default=default.http_authentication,
        help="auto: Basic unasked, then the strongest that the server offers; digest: never the password itself",
    )
    way = parser.add_argument_group("the way there")
    way.add_argument(
        "--allow-redirects-to",
        metavar="SERVER",
        action="append",
        default=[],
        help="host or host:port, to which the server may redirect with all that says who you are; repeatable",
    )
    way.add_argument(
        "--busy-timeout",
        metavar="SECONDS",
        default=default.busy_timeout,
        help="in all, for each request, for a server that has no time (HTTP 503, 429) and says when to come back; "
        "default: %(default)s",
    )
    way.add_argument("--proxy", metavar="URL", help="http://host:port; no environment variable counts")
    way.add_argument(
        "--connect-timeout",
        metavar="SECONDS",
        default=default.connect_timeout,
        help="for each of name resolution, connection and TLS handshake; default: %(default)s",
    )
    way.add_argument(
        "--timeout", metavar="SECONDS", default=default.timeout, help="for a whole answer; default: %(default)s"
    )
    way.add_argument(
        "--max-response-size",
        metavar="OCTETS",
        default=default.max_response_size,
        help="a larger answer is refused; default: %(default)s",
    )


class Connection:
    """What the options of a connection stand for. Nothing is read and nothing is sent before it is needed."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self.timeline = Timeline()
        #: What must not be shown: an enrolment code, the password and the passphrase, once they are known.
        self.secrets: Tuple[str, ...] = ()
        self._url: Optional[EstUrl] = None
        self._trust: Optional[Trust] = None
        self._transport: Optional[Transport] = None
        #: Whether the connection of ``open()`` has a TLS client certificate.
        self.shows_certificate = False

    def hide(self, secret: str) -> None:
        """Show a text nowhere from now on. To be called before ``open()``."""
        self.secrets = (*self.secrets, secret)

    @property
    def url(self) -> EstUrl:
        """The server."""
        if self._url is None:
            self._url = EstUrl.build(
                self._options.server, self._options.port, self._options.label, self._options.base_path
            )
        return self._url

    @property
    def limits(self) -> Dict[str, Any]:
        """Proxy and limits, for ``HttpsTransport`` and ``bootstrap()``."""
        exchange = self._exchange
        return {
            "proxy": self._options.proxy,
            "connect_timeout": exchange.connect_timeout,
            "timeout": exchange.timeout,
            "max_response_size": exchange.max_response_size,
        }

    @property
    def _exchange(self) -> ExchangeOptions:
        with options_of_the_command():
            return ExchangeOptions(**read_exchange_options(vars(self._options)))

    @property
    def trusts_nobody(self) -> bool:
        """Whether no option says whom to trust."""
        return not (self._options.ca_path or self._options.use_system_trust or self._options.ca_fingerprint)

    @property
    def trust(self) -> Trust:
        """Whom to trust; where only a fingerprint says it, the server is asked for its CA certificates."""
        if self._trust is None:
            if self._options.ca_path:
                self._trust = Trust.explicit(
                    read_file("--ca-path", self._options.ca_path), f"--ca-path {self._options.ca_path!r}"
                )
            elif self._options.use_system_trust:
                self._trust = Trust.system()
            else:
                self._trust = bootstrap(self.url, self._ca_fingerprint, timeline=self.timeline, **self.limits)
        return self._trust

    @property
    def transport(self) -> Transport:
        """The transport of ``open()``, which comes first."""
        if self._transport is None:
            raise AssertionError("open() comes first")
        return self._transport

    @property
    def _ca_fingerprint(self) -> Optional[Fingerprint]:
        return Fingerprint.parse(self._options.ca_fingerprint) if self._options.ca_fingerprint else None

    def open(self, authentication: Optional[Authentication] = None) -> EstClient:
        """A client for the server, to be used in a ``with`` statement.

        :param authentication: who the client is, in place of what the options say.
        """
        if authentication is None:
            authentication = Authentication("", self.client_certificate(), self.credentials(), "")
        credentials = authentication.credentials
        client = authentication.client_certificate
        self.shows_certificate = client is not None
        secrets = (credentials and credentials.password, client and client.passphrase)
        self.secrets = (*self.secrets, *(secret for secret in secrets if secret))
        ca_fingerprint, exchange, trust = self._ca_fingerprint, self._exchange, self.trust
        self._transport = HttpsTransport(
            self.url,
            trust,
            credentials=credentials,
            http_authentication=exchange.http_authentication,
            unasked=authentication.unasked,
            client_certificate=authentication.client_certificate,
            timeline=self.timeline,
            **self.limits,
        )
        return EstClient(
            self.url,
            self._transport,
            anchors=trust.anchors,
            ca_fingerprint=ca_fingerprint,
            secrets=self.secrets,
            timeline=self.timeline,
            allow_redirects_to=exchange.allow_redirects_to,
            busy_timeout=exchange.busy_timeout,
            warnings=trust.warnings,
        )

    def credentials(self) -> Optional[Credentials]:
        """User name and password, where there is a user name. This may ask at the terminal."""
        options = self._options
        if options.username is None:
            if options.password_file:
                raise InputError("--password-file is given without --username", hint="Give both, or neither.")
            return None
        if options.password_file:
            return Credentials(options.username, read_secret("--password-file", options.password_file))
        if PASSWORD_VARIABLE in os.environ:
            return Credentials(options.username, os.environ[PASSWORD_VARIABLE])
        if not sys.stdin.isatty():
            raise InputError(
                f"there is no password for {options.username!r}, and no terminal to ask for it",
                hint=f"Give --password-file, or set the environment variable {PASSWORD_VARIABLE}.",
            )
        return Credentials(options.username, getpass.getpass(f"Password of {options.username!r}: "))

    def client_certificate(self) -> Optional[ClientCertificate]:
        """The certificate of the options, where there is one."""
        options = self._options
        if not options.client_certificate_path:
            if options.client_key_path:
                raise InputError("--client-key-path is given without --client-certificate-path")
            return None
        return ClientCertificate(options.client_certificate_path, options.client_key_path, self.key_passphrase)

    @property
    def key_passphrase(self) -> Optional[str]:
        """The passphrase of the client key, where it has one."""
        if self._options.client_key_passphrase_file:
            return read_secret("--client-key-passphrase-file", self._options.client_key_passphrase_file)
        return os.environ.get(PASSPHRASE_VARIABLE)
