# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that get a certificate."""

from __future__ import annotations

import argparse
import functools
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple

from ...module_utils._exchange.acceptance import Acceptance
from ...module_utils._exchange.failure import NotAsAsked
from ...module_utils._exchange.options import WAIT_TIMEOUT, check_range
from ...module_utils._exchange.result import authenticated_by
from ...module_utils._files.paths import folder_of
from ...module_utils._files.reading import name_beside
from ...module_utils._names.attributes import Subject
from ...module_utils._names.distinguished_names import parse_distinguished_name
from ...module_utils._names.errors import NameSyntaxError
from ...module_utils._names.general_names import GeneralName, parse_general_name, validate_general_name
from ...module_utils.est.base.errors import EstError, InputError, ServerError
from ...module_utils.est.enrol import Enrolment, EnrolmentRequest, ServerKeyRequest
from ...module_utils.est.pending import PendingEnrolment, is_denied
from ...module_utils.est.reenrolment import Authentication
from ...module_utils.est.request.plan import PROOF_OF_POSSESSION
from ...module_utils.est.x509.certificate import describe, iso_utc, pem
from ...module_utils.est.x509.client_certificate import ClientCertificate
from ...module_utils.est.x509.keys import (
    KEY_TYPES,
    KeySpec,
    generate_key,
    load_private_key,
    private_key_pem,
)
from ...module_utils.est.x509.pair_files import replace_pair
from ...module_utils.est.x509.path import is_self_signed
from .connection import Connection, options_of_the_command, read_secret, read_text, write_private, write_public
from .expectation import Expectation, add_acceptance_options, read_acceptance

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from ...module_utils.est.x509.fields import Certificate

#: The environment variable that gives an enrolment code.
CODE_VARIABLE = "EST_CHALLENGE_PASSWORD"


def pending_path(key_path: str) -> str:
    """The path of a key whose certificate is not issued yet: a dot file beside the one that it is to be in."""
    return _beside(key_path, "pending")


def unusable_path(certificate_path: str) -> str:
    """The path of a certificate that was issued and cannot be used: a dot file beside the one that it was to be."""
    return _beside(certificate_path, "unusable")


def _beside(path: str, kind: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, name_beside(name, kind))


def add_enrol_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``enroll``."""
    add_output_options(parser)
    request = parser.add_argument_group("what to ask for")
    add_names_options(request, required=True)
    add_code_option(request)
    request.add_argument("--key-type", choices=KEY_TYPES, help="default: what the server asks for, else rsa")
    request.add_argument("--key-size", type=int, help="bits of an RSA key")
    request.add_argument("--key-curve", help="P-256, P-384 or P-521, for ec")


def add_names_options(parser: argparse._ActionsContainer, *, required: bool) -> None:
    """Add the options for subject and alternative names."""
    parser.add_argument(
        "--subject", metavar="/CN=...", required=required, help="the subject, or CN=...,O=... (RFC 4514)"
    )
    parser.add_argument(
        "--subject-alternative-name-other",
        metavar="TYPE:VALUE",
        action="append",
        default=[],
        help="such as DNS:host.example.com; repeatable",
    )


def add_code_option(parser: argparse._ActionsContainer) -> None:
    """Add the option for an enrolment code."""
    parser.add_argument(
        "--challenge-password-file",
        metavar="FILE",
        help="its first line is an enrolment code, for a CA that wants one in the request (challengePassword); else "
        f"the environment variable {CODE_VARIABLE}",
    )


def enrolment_code(options: argparse.Namespace, connection: Connection) -> Optional[str]:
    """The enrolment code of the options, where there is one. From now on the connection shows it nowhere."""
    code = os.environ.get(CODE_VARIABLE) or None
    if options.challenge_password_file:
        code = read_secret("--challenge-password-file", options.challenge_password_file)
    if code is not None:
        connection.hide(code)
    return code


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where a new certificate goes and how it is asked for."""
    files = parser.add_argument_group("files")
    files.add_argument("--private-key-path", metavar="FILE", required=True, help="for the key, PEM, mode 0600")
    files.add_argument("--certificate-path", metavar="FILE", help="for the certificate alone, PEM")
    files.add_argument(
        "--fullchain-path", metavar="FILE", help="for the certificate and its intermediates, as TLS needs it"
    )
    files.add_argument("--chain-path", metavar="FILE", help="for the intermediates alone, without the root")
    add_request_options(parser)


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a certificate is asked for."""
    how = parser.add_argument_group("how to ask")
    how.add_argument(
        "--wait-timeout",
        metavar="SECONDS",
        default=0,
        help="in all, for a certificate that must be approved; default: %(default)s",
    )
    how.add_argument("--proof-of-possession", choices=PROOF_OF_POSSESSION, default="auto", help="default: auto")
    how.add_argument(
        "--on-unverified-chain",
        choices=("fail", "warn"),
        default="fail",
        help="refuse a certificate that does not chain to the CA certificates of the server, or only warn; "
        "default: %(default)s",
    )
    add_acceptance_options(parser)


def enroll(options: argparse.Namespace, connection: Connection) -> Dict[str, Any]:
    """/simpleenroll with a new key (RFC 7030 section 4.2.1)."""
    code = enrolment_code(options, connection)
    wanted = EnrolmentRequest(*asked_names(options), asked_key(options), options.proof_of_possession, code)
    acceptance = read_acceptance(options)
    files = new_files(options, "enroll")
    return get_certificate(options, connection, wanted, acceptance, files)


def get_certificate(
    options: argparse.Namespace,
    connection: Connection,
    wanted: EnrolmentRequest,
    acceptance: Acceptance,
    files: ClientCertificate,
    *,
    key: Optional[PrivateKeyTypes] = None,
    authentication: Optional[Authentication] = None,
    is_final: Callable[[EstError], bool] = lambda error: isinstance(error, (ServerError, NotAsAsked)),
) -> Dict[str, Any]:
    """Get a certificate, and put it in place.

    A new key is on the disk before the request is sent, as ``.<key>.est-pending``, and takes its place together with
    the certificate. As long as it is there, the next run goes on with it (RFC 7030 section 4.2.3).

    :param files: where certificate and key go. Its intermediates follow the certificate, unless ``--certificate-path``
        names that file.
    :param key: the key in these files, where the certificate is to be for it.
    :param authentication: who the client is, in place of what the options say.
    :param is_final: whether there will be no certificate for a new key after an error. It is removed then.
    """
    with options_of_the_command():
        wait_timeout = check_range("wait_timeout", options.wait_timeout, WAIT_TIMEOUT)
    key_path = files.key_path or files.certificate_path
    pending = pending_path(key_path)
    waits = [os.path.lexists(pending)]
    with connection.open(authentication) as client:
        enrolment = Enrolment(client, wanted, key=key or _kept_key(pending), make_key=_key_maker(pending))
        expectation = Expectation(acceptance, connection, wanted, enrolment.key)
        try:
            issued = enrolment.run(
                wait_timeout=wait_timeout,
                keep=lambda _pending: waits.append(True),
                on_unverified_chain=options.on_unverified_chain,
                check=expectation.check,
            )
            warnings = [*connection.url.warnings, *enrolment.warnings, *client.warnings]
            more: Dict[str, Any] = {"authenticated_by": authenticated_by(client, connection.shows_certificate)}
            if authentication is not None:
                more["reason"] = authentication.reason
            if isinstance(issued, PendingEnrolment):
                return {**_pending_result(issued, pending if key is None else key_path, warnings), **more}
            verified = issued.verified
            with client.timeline.stage("save") as step:
                # Without the root: what a TLS client or server sends.
                above = [above for above in verified.chain if not is_self_signed(above)]
                certificates = [verified.certificate, *above]
                alone = vars(options).get("certificate_path") is not None
                replace_pair(
                    files, certificates[:1] if alone else certificates, None if key is not None else issued.key
                )
                _drop(pending)
                chains = _save_chains(options, files, certificates)
                new_key = [key_path] if key is None else []
                step.detail = ", ".join(dict.fromkeys([files.certificate_path, *new_key, *chains.values()]))
        except EstError as error:
            enrolment.keep_unusable(error, functools.partial(_write_unusable, files.certificate_path))
            # One 404 or 5xx of a proxy says nothing of a request that may be granted yet.
            may_be_granted = any(waits) and isinstance(error, ServerError) and not is_denied(error)
            if is_final(error) and not may_be_granted:
                _drop(pending)
            raise
    if isinstance(wanted, ServerKeyRequest):
        more["key_protected_by"] = issued.key_protected_by
    found = {
        "status": "issued",
        "certificate": {"path": files.certificate_path, **describe(verified.certificate)},
        "private_key_path": key_path,
        **chains,
        "warnings": [*warnings, *verified.warnings],
        **more,
    }
    return expectation.told(verified, found)


def _save_chains(
    options: argparse.Namespace, files: ClientCertificate, certificates: Sequence[Certificate]
) -> Dict[str, str]:
    """Write the intermediates where they are wanted; return these files by option.

    Certificate and key are in place by now, so that a file that cannot be written loses neither.
    """
    wanted = {"chain_path": certificates[1:], "fullchain_path": certificates}
    chains = {name: vars(options)[name] for name in wanted if vars(options).get(name)}
    for name, path in chains.items():
        if path != files.certificate_path:
            write_public(path, "".join(pem(each) for each in wanted[name]))
    return chains


def _kept_key(path: str) -> Optional[PrivateKeyTypes]:
    """The key of a request that is under way, where there is one."""
    return load_private_key(read_text("the kept key", path).encode("utf-8")) if os.path.lexists(path) else None


def _key_maker(path: str) -> Callable[[KeySpec], PrivateKeyTypes]:
    """Makes a key that is kept from now on."""

    def make(spec: KeySpec) -> PrivateKeyTypes:
        key = generate_key(spec)
        write_private(path, private_key_pem(key).decode("ascii"))
        return key

    return make


def _write_unusable(certificate_path: str, certificates: str, key: str) -> str:
    """Keep what was issued and cannot be used beside the file that it was to be in."""
    path = unusable_path(certificate_path)
    write_private(path, certificates + key)
    return path


def _drop(path: str) -> None:
    """Remove a kept key, if it is there."""
    with suppress(OSError):
        folder, name = folder_of(path)
        folder.unlink(name)


def _pending_result(pending: PendingEnrolment, key_path: str, warnings: Sequence[str]) -> Dict[str, Any]:
    """What is told of a certificate that is not issued yet."""
    found: Dict[str, Any] = {
        "status": "pending",
        "retry_at": iso_utc(pending.retry_at),
        "private_key_path": key_path,
        "hint": "Run the same command again at that time or later: it goes on with the same key.",
        "warnings": list(warnings),
    }
    if pending.server_message:
        found["server_message"] = pending.server_message
    return found


def asked_key(options: argparse.Namespace) -> Optional[KeySpec]:
    """The kind of key that the options choose; ``None`` leaves it to the server.

    :raises InputError: there is no such key.
    """
    if not any((options.key_type, options.key_size, options.key_curve)):
        return None
    return KeySpec(options.key_type or "rsa", options.key_size, options.key_curve)


def new_files(options: argparse.Namespace, command: str) -> ClientCertificate:
    """The files of certificate and key. Before anything is sent, it is seen to it that all files can be made.

    :raises InputError: one of them is there, has no folder to be written to, or is for two things.
    """
    certificate_path = options.certificate_path or options.fullchain_path
    if not certificate_path:
        raise InputError("there is no file for the certificate: give --certificate-path, --fullchain-path, or both")
    files = [certificate_path, options.private_key_path]
    chains = [options.chain_path, options.fullchain_path if options.certificate_path else None]
    for path in filter(None, [*files, *chains]):
        if os.path.lexists(path):
            raise InputError(
                f"{path!r} is there already, and {command} replaces no certificate and no key",
                hint="Use reenroll to renew a certificate, or give other files.",
            )
        if not os.access(os.path.dirname(os.path.abspath(path)), os.W_OK | os.X_OK):
            raise InputError(
                f"{path!r} cannot be written: its folder does not exist, or this user may not write to it",
                hint="Make the folder, or give other files.",
            )
    pair, others = ([os.path.realpath(path) for path in paths if path] for paths in (files, chains))
    if set(pair).intersection(others) or len(set(others)) < len(others):
        raise InputError("--chain-path and --fullchain-path need files of their own", hint="Give other files.")
    return ClientCertificate(certificate_path, options.private_key_path)


def asked_names(options: argparse.Namespace) -> Tuple[Subject, List[GeneralName]]:
    """Subject and alternative names of the options.

    :raises InputError: one of them cannot be used.
    """
    option = "--subject"
    try:
        subject = parse_distinguished_name(options.subject) if options.subject is not None else ()
        option = "--subject-alternative-name-other"
        names: List[GeneralName] = [parse_general_name(text) for text in options.subject_alternative_name_other]
        for name in names:
            validate_general_name(name)
    except NameSyntaxError as error:
        raise InputError(f"{option} {error}") from None
    return subject, names
