# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that get a certificate."""

from __future__ import annotations

import argparse
import math
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from ...module_utils._exchange.acceptance import CHOICES, Acceptance
from ...module_utils._exchange.issued import Comparison, compare_certificate, compare_with_older
from ...module_utils._names.attributes import Subject
from ...module_utils._names.distinguished_names import parse_distinguished_name
from ...module_utils._names.errors import NameSyntaxError
from ...module_utils._names.general_names import GeneralName, parse_general_name, validate_general_name
from ...module_utils._template.errors import TemplateError
from ...module_utils.est.answers.enrolment import Issued, Pending
from ...module_utils.est.base.errors import EstError, InputError, ServerError
from ...module_utils.est.base.text import hiding
from ...module_utils.est.client import EstClient, VerifiedCertificate
from ...module_utils.est.request.csr import CertificateRequest, LinkedRequest
from ...module_utils.est.request.plan import PROOF_OF_POSSESSION, RequestPlan, plan_request
from ...module_utils.est.x509.certificate import describe
from ...module_utils.est.x509.client_certificate import ClientCertificate
from ...module_utils.est.x509.keys import (
    KEY_TYPES,
    KeySpec,
    describe_public_key,
    generate_key,
    load_private_key,
    private_key_pem,
)
from ...module_utils.est.x509.pair_files import replace_pair
from ...module_utils.est.x509.path import is_self_signed
from .connection import Connection, read_text, write_private

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

# ----------------------------------------------------------------------------------------------------------------------
# How the command compares what came with what was asked for, and the options that say what is accepted of that.
#
# They are those of the modules, whose code this is: the command is one of the callers of the client, beside them.


def add_acceptance_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is accepted of a certificate that is not what was asked for."""
    group = parser.add_argument_group("where the certificate is not what was asked for")
    group.add_argument(
        "--on-lost",
        metavar="|".join(CHOICES),
        default="warn",
        help="take it and warn, refuse it, or take it; default: warn",
    )
    group.add_argument(
        "--allowed-lost",
        metavar="NAME",
        action="append",
        default=[],
        help="a name that may be lost: emailAddress, UPN, emailAddress=jdoe@example.com, UPN:jdoe@example.com; "
        "repeatable, or with commas",
    )


def read_acceptance(options: argparse.Namespace) -> Acceptance:
    """What the options accept. To be called before anything is sent.

    :raises InputError: one of them cannot be used.
    """
    allowed = [entry.strip() for text in options.allowed_lost for entry in _entries(text)]
    try:
        return Acceptance.read({"on_lost": options.on_lost, "allowed_lost": allowed})
    except TemplateError as error:
        error.option = f"--{error.option.replace('_', '-')}"
        raise InputError(str(error).rstrip(".")) from None


def _entries(text: str) -> Sequence[str]:
    # A value can have a comma in it: an entry with a value is given alone.
    return [text] if "=" in text or ":" in text else text.split(",")


class Asked:
    """What one command asked for, to be compared with what came.

    :param acceptance: see ``read_acceptance()``.
    :param connection: whose password is not shown, whatever a certificate holds.
    :param names: subject and alternative names.
    :param key: the kind of key that was asked for, where the server makes it: a key of that kind.
    :param old: the certificate that is to be replaced, whose names were asked for.
    """

    def __init__(
        self,
        acceptance: Acceptance,
        connection: Connection,
        names: Tuple[Subject, Sequence[GeneralName]] = ((), ()),
        *,
        key: Optional[PrivateKeyTypes] = None,
        old: Optional[x509.Certificate] = None,
    ) -> None:
        self._acceptance = acceptance
        self._names = names
        self._key = describe_public_key(key) if key is not None else None
        self._old = old
        self._connection = connection

    def check(self, verified: VerifiedCertificate) -> None:
        """Refuse a certificate that is not to be put in place.

        One in place of another has its names (RFC 7030 section 4.2.2), also where ``--on-lost`` is ``warn``.

        :raises NotAsAsked: it is refused.
        """
        if self._old is not None:
            words = "the renewed certificate differs from the old one"
            self._compared(verified).refuse(self._acceptance, words)
        elif self._acceptance.fails:
            words = "the CA issued a certificate that is not what was asked for"
            self._compared(verified).refuse(self._acceptance, words)

    def told(self, verified: VerifiedCertificate, found: Dict[str, Any]) -> Dict[str, Any]:
        """The result of a command, with what is told of the comparison."""
        comparison = self._compared(verified)
        warnings = [*found.pop("warnings", ()), *comparison.warnings(self._acceptance)]
        return {**found, **comparison.as_result(self._acceptance), "warnings": warnings}

    def _compared(self, verified: VerifiedCertificate) -> Comparison:
        with hiding(self._connection.secrets):
            if self._old is not None:
                return compare_with_older(verified.certificate, self._old)
            return compare_certificate(*self._names, verified.certificate, key=self._key)


# ----------------------------------------------------------------------------------------------------------------------

#: What is added to the path of a key whose certificate is not issued yet.
PENDING_SUFFIX = ".pending"


def add_enrol_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``enroll``."""
    add_output_options(parser)
    request = parser.add_argument_group("what to ask for")
    request.add_argument("--subject", metavar="/CN=...", required=True, help="the subject, or CN=...,O=... (RFC 4514)")
    request.add_argument(
        "--san", metavar="TYPE:VALUE", action="append", default=[], help="such as DNS:host.example.com; repeatable"
    )
    request.add_argument("--key-type", choices=KEY_TYPES, help="default: what the server asks for, else rsa")
    request.add_argument("--key-size", type=int, help="bits of an RSA key, or the parameter set of ML-DSA")
    request.add_argument("--key-curve", help="P-256, P-384 or P-521, for ec")


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where a new certificate goes and how it is asked for."""
    files = parser.add_argument_group("files")
    files.add_argument("--out", metavar="FILE", required=True, help="for the certificate and its intermediates, PEM")
    files.add_argument("--key-out", metavar="FILE", required=True, help="for the key, PEM, mode 0600")
    add_request_options(parser)


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a certificate is asked for."""
    how = parser.add_argument_group("how to ask")
    how.add_argument(
        "--wait", metavar="SECONDS", type=_wait, default=0, help="for a certificate that must be approved; default: 0"
    )
    how.add_argument("--proof-of-possession", choices=PROOF_OF_POSSESSION, default="auto", help="default: auto")
    how.add_argument(
        "--allow-unverified-chain",
        action="store_true",
        help="only warn where the certificate does not chain to the CA certificates of the server",
    )
    add_acceptance_options(parser)


def _wait(text: str) -> float:
    seconds = float(text)
    if math.isnan(seconds) or seconds < 0:
        raise argparse.ArgumentTypeError(f"{text} is not 0 or more seconds")
    return seconds


def enroll(options: argparse.Namespace, connection: Connection) -> Dict[str, Any]:
    """/simpleenroll with a new key (RFC 7030 section 4.2.1).

    The key is on the disk before the request is sent, as ``<key>.pending``, and takes its place together with the
    certificate. As long as it is there, the next run goes on with it (section 4.2.3).
    """
    subject, names = asked_names(options)
    spec, chosen = asked_key(options)
    asked = Asked(read_acceptance(options), connection, (subject, names))
    check_new_files(options, "enroll")
    pending = options.key_out + PENDING_SUFFIX
    with connection.open() as client:
        authorities = client.cacerts()
        attributes = client.csrattrs()
        kept = os.path.lexists(pending)
        plan = plan_request(
            attributes.attributes,
            spec,
            chosen or kept,
            subject,
            names,
            proof_of_possession=options.proof_of_possession,
        )
        warnings: List[str] = [*connection.url.warnings, *attributes.warnings, *plan.warnings]
        key = kept_key(pending, lambda: generate_key(plan.key_spec))
        request = planned_request(client, plan, key)
        answer = ask(client.simpleenroll, request, options.wait, pending)
        if isinstance(answer, Pending):
            return pending_result(answer, pending, [*warnings, *client.warnings])
        verified = client.verify(
            answer,
            request,
            authorities,
            allow_unverified_chain=options.allow_unverified_chain,
            check=dropping(asked.check, pending),
        )
        warnings.extend(client.warnings)
        with client.timeline.stage("save") as step:
            replace_pair(ClientCertificate(options.out, options.key_out), with_intermediates(verified), key)
            os.unlink(pending)
            step.detail = f"{options.out}, {options.key_out}"
    return asked.told(verified, issued_result(verified, options.out, options.key_out, warnings))


def asked_key(options: argparse.Namespace) -> Tuple[KeySpec, bool]:
    """The key of the options, and whether they chose it: one that was not chosen gives way to the server's wishes.

    :raises InputError: there is no such key.
    """
    chosen = any((options.key_type, options.key_size, options.key_curve))
    return KeySpec(options.key_type or "rsa", options.key_size, options.key_curve), chosen


def check_new_files(options: argparse.Namespace, command: str) -> None:
    """See to it, before anything is sent, that certificate and key can get files of their own.

    :raises InputError: one of them is there, or has no folder to be written to.
    """
    for path in (options.out, options.key_out):
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


def planned_request(
    client: EstClient, plan: RequestPlan, key: PrivateKeyTypes
) -> Union[CertificateRequest, LinkedRequest]:
    """The request of a plan, linked to the connection that carries it where the plan says so."""
    if plan.needs_pop:
        return client.linked(lambda binding: plan.build(key, binding))
    return plan.build(key)


def kept_key(path: str, make: Callable[[], PrivateKeyTypes]) -> PrivateKeyTypes:
    """The key of a request that is under way, or a new one that is kept from now on."""
    if os.path.lexists(path):
        return load_private_key(read_text("the kept key", path).encode("utf-8"))
    key = make()
    write_private(path, private_key_pem(key).decode("ascii"))
    return key


def ask(
    send: Callable[..., Union[Issued, Pending]],
    request: Union[CertificateRequest, LinkedRequest],
    wait_seconds: float,
    kept: str,
) -> Union[Issued, Pending]:
    """Send a request. Where the server refuses it there will be no certificate for the kept key, which is removed."""
    try:
        return send(request, wait_seconds=wait_seconds)
    except ServerError:
        drop(kept)
        raise


def dropping(check: Callable[[VerifiedCertificate], None], kept: str) -> Callable[[VerifiedCertificate], None]:
    """The same check, which removes the kept key of a certificate that is refused."""

    def checked(verified: VerifiedCertificate) -> None:
        try:
            check(verified)
        except EstError:
            drop(kept)
            raise

    return checked


def drop(path: str) -> None:
    """Remove a kept key, if it is there."""
    with suppress(OSError):
        os.unlink(path)


def pending_result(answer: Pending, key_path: str, warnings: Sequence[str]) -> Dict[str, Any]:
    """What is told of a certificate that is not issued yet."""
    found: Dict[str, Any] = {
        "status": "pending",
        "retry_after_seconds": answer.retry_after.seconds,
        "key": key_path,
        "hint": "Run the same command again when that time is over: it goes on with the same key.",
        "warnings": list(warnings),
    }
    if answer.server_message:
        found["server_message"] = answer.server_message
    return found


def issued_result(
    verified: VerifiedCertificate, certificate_path: str, key_path: str, warnings: Sequence[str]
) -> Dict[str, Any]:
    """What is told of an issued certificate."""
    return {
        "status": "issued",
        "certificate": {"file": certificate_path, **describe(verified.certificate)},
        "key": key_path,
        "warnings": [*warnings, *verified.warnings],
    }


def with_intermediates(verified: VerifiedCertificate) -> List[Any]:
    """The certificate and its intermediates, without the root: what a TLS client or server sends."""
    return [verified.certificate, *(above for above in verified.chain if not is_self_signed(above))]


def asked_names(options: argparse.Namespace) -> Tuple[Subject, List[GeneralName]]:
    """Subject and alternative names of the options.

    :raises InputError: they are none.
    """
    option = "--subject"
    try:
        subject = parse_distinguished_name(options.subject)
        option = "--san"
        names: List[GeneralName] = [parse_general_name(text) for text in options.san]
        for name in names:
            validate_general_name(name)
    except NameSyntaxError as error:
        raise InputError(f"{option} {error}") from None
    return subject, names
