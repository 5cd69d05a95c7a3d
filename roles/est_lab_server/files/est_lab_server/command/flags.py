# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of the command line, in groups, in the order of `--help`."""

from __future__ import annotations

import argparse
from typing import Callable

from ..authority.authority import KEY_TYPES
from ..authority.authority import KINDS as ROLLOVERS
from ..authority.profiles import PROFILES
from ..authority.server_certificate import VERSIONS
from ..est.answers import ANSWERS, BASE64_SHAPES, CMC_FAIL_INFO, ERROR_FORMS
from ..est.certificate_request import LEVELS
from ..est.csr_attributes import FILE_PREFIX, PRESETS, STATUS_CHOICES
from ..est.key_encryption import CIPHERS, CONTENTS, FORMS, KEY_TRANSPORTS, RECIPIENTS
from ..est.key_generation import SHAPES
from ..est.service import RULES
from ..http.authentication import QUALITIES, REALM, SCHEMES
from ..http.messages import TRANSFERS
from ..laboratory import REQUESTS


def port(text: str) -> int:
    """A TCP port. Raises what argparse turns into a message."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port (0-65535)")
    return number


def status(text: str) -> int:
    """An HTTP status from 200 on. Raises what argparse turns into a message."""
    number = int(text)
    if not 200 <= number <= 599:
        raise argparse.ArgumentTypeError(f"{text} is not an HTTP status (200-599)")
    return number


def count(text: str) -> int:
    """A number that is not negative. Raises what argparse turns into a message."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def listed(described: dict[str, str]) -> str:
    """Names and what they mean, for the help of a flag."""
    return "; ".join(f"{name}: {text}" for name, text in described.items())


PASSWORD_VARIABLE = "EST_LAB_PASSWORD"  # noqa: S105 (the variable's name)
DEFAULT_PASSWORD = "estpwd"  # noqa: S105 (the well-known one of Cisco's test server)
LOOPBACK = "127.0.0.1"


def add_process_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    group = parser.add_argument_group("process")
    add = group.add_argument
    add(
        "--bind", default=LOOPBACK, metavar="ADDRESS", help="address to listen on (default: %(default)s, loopback only)"
    )
    add("--port", type=port, default=8443, help="port; 0 takes a free one (default: %(default)s)")
    add(
        "--state",
        metavar="FOLDER",
        help="state folder with the CA, kept for the next start, mode 0700 (default: a new "
        "temporary folder, removed when the server stops)",
    )
    add("--log-file", metavar="FILE", help="request log, one JSON object a line; never holds a password")
    add("--pid-file", metavar="FILE", help="file for the process id, removed at the end")
    add("--ready-file", metavar="FILE", help="file that gets the URL when the server is ready, removed at the end")
    add(
        "--daemon",
        dest="mode",
        action="store_const",
        const="daemon",
        help="start in the background, return when ready; "
        "one that runs with the same flags is left alone, with other flags it is replaced. Needs --state",
    )
    add("--stop", dest="mode", action="store_const", const="stop", help="stop the --daemon of the --state folder")
    add("--foreground", dest="mode", action="store_const", const="foreground", help="stay in the foreground (default)")
    add("--check", action="store_true", help="only say what --daemon or --stop would do")
    parser.set_defaults(mode="foreground")
    add("--username", default="estuser", help="user name of HTTP authentication (default: %(default)s)")
    add(
        "--password-file",
        metavar="FILE",
        help=f"file with the password (else the environment variable {PASSWORD_VARIABLE}, else {DEFAULT_PASSWORD})",
    )
    add("--password", help="the password itself; every user of the machine can read it, so prefer the file")


def add_admission_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("who may enrol").add_argument
    add(
        "--credentials",
        choices=RULES,
        default="any",
        help=f"what simpleenroll and serverkeygen want. {listed(RULES)} (default: %(default)s)",
    )
    add(
        "--reenroll-credentials",
        choices=RULES,
        default="certificate",
        help="the same for simplereenroll. Without a client certificate its names are not compared with those of the "
        "request (default: %(default)s)",
    )
    add("--authenticate-csrattrs", action="store_true", help="csrattrs wants the same credentials as simpleenroll")


def add_authentication_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("HTTP authentication").add_argument
    add(
        "--authentication",
        type=_schemes,
        default=("basic",),
        metavar="SCHEME[+SCHEME...]",
        help=f"schemes offered, in this order: {', '.join(SCHEMES)}. digest is MD5; negotiate is offered but not "
        "accepted (default: basic)",
    )
    add("--realm", default=REALM, help="the realm, any text (default: %(default)s)")
    add("--qop", choices=QUALITIES, default="auth", help=f"of Digest. {listed(QUALITIES)} (default: %(default)s)")
    add(
        "--nonce-uses",
        type=count,
        default=0,
        metavar="N",
        help="requests that a Digest nonce is good for, then it is stale; 0: any number (default: %(default)s)",
    )
    add("--one-header", action="store_true", help="all challenges in one WWW-Authenticate header, not one in each")
    add("--no-www-authenticate", dest="www_authenticate", action="store_false", help="401 without a challenge")
    add(
        "--close-after-401",
        action="store_true",
        help="after a 401 leave the request body unread and close without saying so, as libest",
    )


def _schemes(text: str) -> tuple[str, ...]:
    schemes = tuple(text.split("+"))
    for scheme in schemes:
        if scheme not in SCHEMES:
            raise argparse.ArgumentTypeError(f"there is no scheme {scheme!r}; there are {', '.join(SCHEMES)}")
    return schemes


def add_authority_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("certificate authority").add_argument
    add("--key-type", choices=KEY_TYPES, default="ec", help="keys of the CA and the server (default: %(default)s)")
    add("--intermediate", action="store_true", help="issue from an authority below the root")
    add(
        "--profile",
        choices=PROFILES,
        default="full",
        help="full: grant what is asked for; cisco: keep only the CN, drop "
        "all extensions, refuse a request without CN (default: %(default)s)",
    )
    add(
        "--rollover",
        choices=ROLLOVERS,
        help="issue from a new root (ca-new.pem in the state folder) and have cacerts tell of both roots. "
        f"{listed(ROLLOVERS)}",
    )
    add(
        "--rollover-server",
        choices=("old", "new"),
        default="old",
        help="the root that the server's own certificate comes from meanwhile (default: %(default)s)",
    )
    add(
        "--valid-days",
        type=int,
        default=365,
        metavar="N",
        help="days that issued certificates are valid; a negative number: they ended that long ago "
        "(default: %(default)s)",
    )
    add(
        "--label",
        dest="labels",
        action="append",
        default=[],
        help="a CA label that the server has, besides the path without one (repeatable); with any other: 404",
    )
    add(
        "--manual-approval",
        type=count,
        default=0,
        metavar="N",
        help="answer the first N requests of every public key with 202",
    )
    add(
        "--retry-after",
        default="1",
        metavar="VALUE",
        help="the Retry-After header of a 202: seconds, date:SECONDS for an "
        "HTTP-date that far away, none for no header, or any text (default: %(default)s)",
    )
    add(
        "--pending-body",
        choices=("text", "none", "unframed"),
        default="text",
        help="the body of a 202; unframed: none and no Content-Length either, as libest (default: %(default)s)",
    )
    add(
        "--csrattrs",
        default="none",
        metavar="PRESET",
        help="answer of csrattrs: "
        + ", ".join((*STATUS_CHOICES, *PRESETS))
        + f" or {FILE_PREFIX}PATH of a file with base64 of DER (default: %(default)s, "
        "which is status 204)",
    )


def add_key_generation_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("serverkeygen").add_argument
    add(
        "--serverkeygen",
        choices=FORMS,
        default="as-asked",
        help=f"form of the private key. {listed(FORMS)} (default: %(default)s)",
    )
    add(
        "--key-recipient",
        choices=RECIPIENTS,
        default="request",
        help=f"of --serverkeygen enveloped. {listed(RECIPIENTS)} (default: %(default)s)",
    )
    add(
        "--key-content",
        choices=CONTENTS,
        default="key-package",
        help=f"what is encrypted. {listed(CONTENTS)} (default: %(default)s)",
    )
    add("--key-cipher", choices=CIPHERS, default="aes-256-cbc", help="of encrypted keys (default: %(default)s)")
    add(
        "--key-transport",
        choices=KEY_TRANSPORTS,
        default="oaep",
        help=f"to RSA keys. {listed(KEY_TRANSPORTS)} (default: %(default)s)",
    )
    add(
        "--multipart",
        choices=SHAPES,
        action="append",
        default=[],
        help=f"shape of the answer (repeatable). {listed(SHAPES)}",
    )


def add_wire_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("wire shapes").add_argument
    add(
        "--base64",
        choices=BASE64_SHAPES,
        default="64",
        help="line width of answers, one line, with a NUL at the end, in PEM armour, or raw DER (default: %(default)s)",
    )
    add("--transfer", choices=TRANSFERS, default="content-length", help="framing of answers (default: %(default)s)")
    add("--ber", action="store_true", help="indefinite lengths in the certs-only message")
    for name, text in (("sorted", "certificates in DER order"), ("unsorted", "certificates not in DER order")):
        add(f"--{name}", dest="order", action="store_const", const=name, help=text)
    add("--extra-chain", action="store_true", help="the answer to simpleenroll has the chain too, the leaf last")
    add(
        "--answer",
        choices=ANSWERS,
        default="certs-only",
        help="certificate: one bare certificate (default: %(default)s)",
    )
    add("--with-crl", action="store_true", help="add a CRL to the certs-only message")
    add("--with-content", action="store_true", help="add empty content to the certs-only message")
    add("--status", type=status, default=200, help="status of a successful simpleenroll (default: %(default)s)")
    add("--content-type", metavar="TYPE", help="Content-Type of answers with certificates; none leaves it out")
    add(
        "--content-transfer-encoding",
        default="base64",
        metavar="VALUE",
        help="that header of answers; none leaves it out (default: %(default)s)",
    )
    add("--errors", choices=ERROR_FORMS, default="text", help="body of error answers (default: %(default)s)")
    add(
        "--cmc-fail-info",
        choices=CMC_FAIL_INFO,
        help="the CMCFailInfo of --errors cmc (default: internalCAError for 5xx, else badRequest)",
    )


def add_check_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("checks of requests").add_argument
    add(
        "--strict",
        action="store_true",
        help="refuse what real servers refuse: PEM armour, chunked requests, and the two below",
    )
    add(
        "--require-wrapped-base64", action="store_true", help="refuse base64 lines longer than 76 characters, as libest"
    )
    add(
        "--require-one-line-base64",
        type=int,
        choices=(400, 415, 422),
        nargs="?",
        const=400,
        default=0,
        metavar="STATUS",
        help="refuse base64 with line breaks with this status, 400 where none is given, as strict decoders",
    )
    add(
        "--require-content-transfer-encoding",
        action="store_true",
        help="refuse a body without Content-Transfer-Encoding: base64, as python-est",
    )
    add(
        "--pop",
        choices=LEVELS,
        default="off",
        help="tls-unique of the session in challengePassword or estIdentityLinking (proof of possession, RFC 7030 "
        f"section 3.5, RFC 7894). {listed(LEVELS)} (default: %(default)s)",
    )
    add(
        "--pop-status",
        type=int,
        choices=(400, 401),
        default=401,
        help="status of a request without the right one (default: %(default)s)",
    )


def add_tls_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    add = parser.add_argument_group("TLS").add_argument
    add(
        "--host-name",
        dest="host_names",
        action="append",
        default=[],
        metavar="NAME",
        help="a DNS name or IP address for the "
        "server certificate (repeatable; localhost and 127.0.0.1 are always in it)",
    )
    add("--tls-min", choices=VERSIONS, default="1.2", help="lowest version (default: %(default)s)")
    add("--tls-max", choices=VERSIONS, default="1.3", help="highest version (default: %(default)s)")
    add(
        "--client-certificates",
        choices=REQUESTS,
        default="optional",
        help="whether clients are asked for a certificate, which must chain to the CA of this server or to one of "
        "--client-ca; required: no handshake without (default: %(default)s)",
    )
    add(
        "--client-ca",
        dest="client_authorities",
        action="append",
        default=[],
        metavar="FILE",
        help="certificates (PEM) of one more authority for client certificates (repeatable)",
    )


def add_redirect_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this group."""
    parser.add_argument_group("redirects").add_argument(
        "--redirect",
        dest="redirects",
        action="append",
        default=[],
        metavar="[LABEL/]OPERATION:STATUS:URL",
        help="answer an operation with a redirect, before anything is checked (repeatable). Without a label it is not "
        "for paths with one. The URL goes out as it is, {origin} in it is this server's",
    )


GROUPS: tuple[Callable[[argparse.ArgumentParser], None], ...] = (
    add_process_flags,
    add_admission_flags,
    add_authentication_flags,
    add_authority_flags,
    add_key_generation_flags,
    add_wire_flags,
    add_check_flags,
    add_tls_flags,
    add_redirect_flags,
)
