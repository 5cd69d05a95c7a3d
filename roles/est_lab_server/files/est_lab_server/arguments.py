# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of the command line."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Optional

from .authority import KEY_TYPES
from .csr_attributes import FILE_PREFIX, PRESETS, STATUS_CHOICES
from .encoding import ANSWERS, BASE64_SHAPES
from .faults import FaultPlan, names
from .problems import ERROR_FORMS
from .profiles import PROFILES
from .sending import TRANSFERS
from .server_certificates import KINDS
from .settings import Settings
from .tls import VERSIONS

PASSWORD_VARIABLE = "EST_LAB_PASSWORD"  # noqa: S105 (the variable's name)
DEFAULT_PASSWORD = "estpwd"  # noqa: S105 (the well-known one of Cisco's test server)
DESCRIPTION = """\
A throw-away EST server (RFC 7030) FOR LABS ONLY: it issues certificates to anyone who knows the lab password.

It makes its own certificate authority at the first start and keeps it in the state folder. When it is ready it
writes one line to standard output: "ready https://127.0.0.1:PORT". SIGTERM stops it. An argument @FILE is replaced
by the lines of that file.
"""
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class ProcessOptions:
    """What concerns the process rather than the answers it gives."""

    state: Optional[str]
    log_file: Optional[str]
    pid_file: Optional[str]
    ready_file: Optional[str]
    mode: str
    check: bool
    password: str = field(repr=False)


def parse_arguments(argv: Sequence[str]) -> tuple[Settings, ProcessOptions]:
    """Settings and process options of a command line. Ends the process (status 2) with a message for wrong flags."""
    parser = _parser()
    values = vars(parser.parse_args(argv))
    if values["extra_chain"] is False and values["order"] is None:
        values["order"] = "sorted"
    if values["strict"]:
        values["require_wrapped_base64"] = True
        values["require_content_transfer_encoding"] = True
    for name in ("state", "log_file", "pid_file", "ready_file", "password_file"):
        values[name] = os.path.expanduser(values[name]) if values[name] else None
    for name in ("host_names", "labels", "faults"):
        values[name] = tuple(values[name])
    try:
        password = _password(values)
        _check(values)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    settings = Settings(**{each.name: values[each.name] for each in dataclasses.fields(Settings)})
    options = {name: values[name] for name in ("state", "log_file", "pid_file", "ready_file", "mode", "check")}
    return settings, ProcessOptions(password=password, **options)


def _check(values: dict[str, object]) -> None:
    FaultPlan(values["faults"])  # type: ignore[arg-type]
    choice = str(values["csrattrs"])
    if choice not in {**PRESETS, **STATUS_CHOICES} and not (
        choice.startswith(FILE_PREFIX) and os.path.isfile(choice[len(FILE_PREFIX) :])
    ):
        raise ValueError(f"--csrattrs {choice}: there is neither such a preset nor such a file")
    retry_after = str(values["retry_after"])
    if retry_after.startswith("date:"):
        int(retry_after[len("date:") :])
    if values["mode"] != "foreground" and not values["state"]:
        raise ValueError(f"--{values['mode']} needs a --state folder")
    if float(str(values["tls_min"])) > float(str(values["tls_max"])):
        raise ValueError(f"--tls-min {values['tls_min']} is above --tls-max {values['tls_max']}")


def _password(values: dict[str, object]) -> str:
    if values["password_file"]:
        with open(str(values["password_file"]), encoding="utf-8") as stream:
            return stream.read().rstrip("\r\n")
    given = values["password"]
    return str(given) if given is not None else os.environ.get(PASSWORD_VARIABLE, DEFAULT_PASSWORD)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=118)


def _listed(described: dict[str, str]) -> str:
    return "; ".join(f"{name}: {text}" for name, text in described.items())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="est_lab_server",
        description=DESCRIPTION,
        formatter_class=_Formatter,
        fromfile_prefix_chars="@",
        allow_abbrev=False,
    )
    _add_process_flags(parser)
    _add_authority_flags(parser)
    _add_wire_flags(parser)
    _add_check_flags(parser)
    _add_tls_flags(parser)
    faults = parser.add_argument_group("faults")
    faults.add_argument(
        "--fault",
        dest="faults",
        action="append",
        default=[],
        metavar="[OPERATION:]NAME",
        help=f"misbehave, for one operation or for all (repeatable). {_listed(names())}".replace("%", "%%"),
    )
    return parser


def _add_process_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("process")
    add = group.add_argument
    add(
        "--bind", default=LOOPBACK, metavar="ADDRESS", help="address to listen on (default: %(default)s, loopback only)"
    )
    add("--port", type=_port, default=8443, help="port; 0 takes a free one (default: %(default)s)")
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
    add("--username", default="estuser", help="user name of HTTP Basic (default: %(default)s)")
    add(
        "--password-file",
        metavar="FILE",
        help=f"file with the password (else the environment variable {PASSWORD_VARIABLE}, else {DEFAULT_PASSWORD})",
    )
    add("--password", help="the password itself; every user of the machine can read it, so prefer the file")


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port (0-65535)")
    return number


def _status(text: str) -> int:
    number = int(text)
    if not 200 <= number <= 599:
        raise argparse.ArgumentTypeError(f"{text} is not an HTTP status (200-599)")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def _add_authority_flags(parser: argparse.ArgumentParser) -> None:
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
        "--label",
        dest="labels",
        action="append",
        default=[],
        help="a CA label that is accepted (repeatable; default: any)",
    )
    add(
        "--manual-approval",
        type=_count,
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


def _add_wire_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("wire shapes").add_argument
    add(
        "--base64",
        choices=BASE64_SHAPES,
        default="64",
        help="line width of answers, one line, with a NUL at the end, in PEM armour, or raw DER (default: %(default)s)",
    )
    add("--transfer", choices=TRANSFERS, default="content-length", help="framing of answers (default: %(default)s)")
    add("--two-packets", action="store_true", help="send head and body of an answer apart")
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
    add("--status", type=_status, default=200, help="status of a successful simpleenroll (default: %(default)s)")
    add("--content-type", metavar="TYPE", help="Content-Type of answers with certificates; none leaves it out")
    add(
        "--content-transfer-encoding",
        default="base64",
        metavar="VALUE",
        help="that header of answers; none leaves it out (default: %(default)s)",
    )
    add("--errors", choices=ERROR_FORMS, default="text", help="body of error answers (default: %(default)s)")
    add("--no-www-authenticate", dest="www_authenticate", action="store_false", help="401 without a challenge")
    add(
        "--close-after-401",
        action="store_true",
        help="after a 401 leave the request body unread and close without saying so, as libest",
    )


def _add_check_flags(parser: argparse.ArgumentParser) -> None:
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
        "--require-content-transfer-encoding",
        action="store_true",
        help="refuse a body without Content-Transfer-Encoding: base64, as python-est",
    )


def _add_tls_flags(parser: argparse.ArgumentParser) -> None:
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
        "--server-certificate",
        choices=KINDS,
        default="good",
        help=_listed({name: kind.help for name, kind in KINDS.items()}),
    )
    add("--plain-http", action="store_true", help="no TLS at all")
