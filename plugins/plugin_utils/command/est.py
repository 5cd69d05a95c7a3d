# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EST client as a command for people: what runs on a host to see why an enrolment fails there.

Thin: every command is one operation of the library. No password is ever an argument, where others on the host could see
it; see ``add_options()`` for where it comes from.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, TextIO

from ...module_utils.est.base.errors import EstError, InputError
from ...module_utils.est.base.libraries import require_libraries
from ...module_utils.est.bootstrap import fetch_unauthenticated
from ...module_utils.est.server_info import server_info, unverified_server_info
from ...module_utils.est.x509.certificate import describe, pem
from .connection import Connection, add_options, make_folder, write_public
from .enrol import add_enrol_options, enroll
from .hints import HINTS, UNVERIFIED
from .reenrol import add_reenrol_options, reenroll
from .serverkeygen import add_serverkeygen_options, serverkeygen

#: Exit codes.
DONE, FAILED, WRONG_INPUT, PENDING, INTERRUPTED = 0, 1, 2, 3, 130

_EPILOG = """\
The password comes from --password-file, else from the environment variable EST_PASSWORD, else from a prompt.

exit codes: 0 done; 1 failed; 2 an argument cannot be used, nothing was sent; 3 the certificate is pending, run the same
command again later
"""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run a command.

    :param arguments: those of the process where left out.
    :returns: the exit code. What the command found out is on standard output, warnings and errors on standard error.
    """
    options = _parser().parse_args(arguments)
    connection = Connection(options)
    try:
        require_libraries()
        found = options.run(options, connection)
    except EstError as error:
        for warning in error.warnings:
            _say(f"warning: {warning}", sys.stderr)
        _tell_timeline(options, connection)
        return _tell(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    for warning in found.pop("warnings", ()):
        _say(f"warning: {warning}", sys.stderr)
    _tell_timeline(options, connection)
    _say(json.dumps(found, indent=2, ensure_ascii=False) if options.json else "\n".join(_lines(found)), sys.stdout)
    return PENDING if found.get("status") == "pending" else DONE


def _parser() -> argparse.ArgumentParser:
    # No abbreviations: --password must not become --password-file.
    parser = argparse.ArgumentParser(
        prog="est",
        description="Enrol certificates over Secure Transport (EST, RFC 7030).",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Any, words: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=words,
            description=f"{words[0].upper()}{words[1:]}.",
            epilog=_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        made.set_defaults(run=run)
        add_options(made)
        made.add_argument("--json", action="store_true", help="print JSON")
        made.add_argument("-v", "--verbose", action="store_true", help="show the stages on standard error")
        return made

    command("info", _info, "show what the server answers; without any trust, the fingerprints of its CA certificates")
    cacerts = command("cacerts", _cacerts, "fetch the CA certificates")
    cacerts.add_argument("--dest", metavar="FILE", help="save them as PEM; the folder is made")
    command("csrattrs", _csrattrs, "show what the server wants of certificate requests")
    add_enrol_options(command("enroll", enroll, "get a certificate for a new key"))
    add_reenrol_options(
        command("reenroll", reenroll, "renew the certificate of --client-certificate-path, and replace it in its files")
    )
    add_serverkeygen_options(
        command("serverkeygen", serverkeygen, "get a certificate and its key, which the server makes")
    )
    return parser


def _info(_options: argparse.Namespace, connection: Connection) -> Dict[str, Any]:
    if connection.trusts_nobody:
        bag = fetch_unauthenticated(connection.url, timeline=connection.timeline, **connection.limits)
        return {**unverified_server_info(connection.url, bag), "hint": UNVERIFIED}
    with connection.open() as client:
        return server_info(client, connection.transport, connection.trust)


def _cacerts(options: argparse.Namespace, connection: Connection) -> Dict[str, Any]:
    with connection.open() as client:
        authorities = client.cacerts()
    if options.dest:
        make_folder(options.dest)
        write_public(options.dest, "".join(pem(certificate) for certificate in authorities.certificates))
    now = datetime.now(timezone.utc)
    return {
        "trust": connection.trust.origin,
        "ca_certificates": authorities.describe(now),
        "root_certificate": describe(authorities.root, now),
        "root_trusted_by": authorities.root_trusted_by,
        "untrusted_certificates": [
            {"subject": one.subject, "error_code": one.code, "reason": one.reason} for one in authorities.dropped
        ],
        **({"dest": options.dest} if options.dest else {}),
    }


def _csrattrs(_options: argparse.Namespace, connection: Connection) -> Dict[str, Any]:
    with connection.open() as client:
        answer = client.csrattrs(strict=True)
    found = answer.attributes.describe() if answer.attributes is not None else []
    return {"csr_attributes": found, "warnings": answer.warnings}


def _tell(error: EstError) -> int:
    where = "" if error.stage == "input" else f"failed at stage {error.stage}: "
    _say(f"est: {where}{error.reason}", sys.stderr)
    if error.server_message:
        _say(f"the server says: {error.server_message}", sys.stderr)
    hint = error.advice(HINTS)
    if hint:
        _say(hint, sys.stderr)
    return WRONG_INPUT if isinstance(error, InputError) else FAILED


def _tell_timeline(options: argparse.Namespace, connection: Connection) -> None:
    if not options.verbose:
        return
    for step in connection.timeline.as_list():
        sign = "ok    " if step["ok"] else "FAILED"
        time = "" if step["milliseconds"] is None else f"{step['milliseconds']:.1f} ms"
        _say(f"{sign} {step['stage']:<14} {time:>11}  {step['detail']}", sys.stderr)


def _say(text: str, stream: TextIO) -> None:
    # Not print(): ansible-test takes every file here for a part of a module, whose output is its result.
    stream.write(f"{text}\n")


#: What some kinds of key have, and others do not: null means that, and not that it is unknown.
_NOT_OF_EVERY_KEY = ("public_key_size", "public_key_curve")


def _lines(found: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Plain data for people: a line for each value, what is in it below it."""
    for key, value in found.items():
        if value is None and key in _NOT_OF_EVERY_KEY:
            continue
        name = f"{indent}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield f"{name}:"
            yield from _lines(value, f"{indent}  ")
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
            yield f"{name}:"
            for entry in value:
                inner: List[str] = list(_lines(entry, f"{indent}    "))
                yield f"{indent}  - {inner[0].strip()}"
                yield from inner[1:]
        else:
            yield f"{name}: {_word(value)}"


def _word(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(entry) for entry in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "unknown"
    return str(value) if value != "" else "none"


if __name__ == "__main__":
    raise SystemExit(main())
