# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that gets a certificate in place of an older one."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from typing import Any, Dict

from ...module_utils.est.base.errors import EstError, InputError
from ...module_utils.est.reenrolment import (
    ENROLL,
    FAIL,
    REKEY,
    RENEW,
    Authentication,
    RenewalRequest,
    choose_authentication,
    enrols_anew,
)
from ...module_utils.est.x509.held_certificate import HeldCertificate
from .connection import Connection
from .enrol import add_code_option, add_names_options, add_request_options, asked_names, enrolment_code, get_certificate
from .expectation import read_acceptance


def add_reenrol_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``reenroll``."""
    parser.add_argument(
        "--renewal-method",
        choices=(REKEY, RENEW),
        default=REKEY,
        help="for a new key of the same kind, or for the same key; default: %(default)s",
    )
    parser.add_argument(
        "--on-failed-renewal",
        choices=(FAIL, ENROLL),
        default=FAIL,
        help="what to do where the old certificate cannot authenticate its renewal, or the server refuses it: enroll "
        "uses the account of --username; default: %(default)s",
    )
    names = parser.add_argument_group("other names than the old certificate has (ChangeSubjectName)")
    add_names_options(names, required=False)
    add_code_option(parser)
    add_request_options(parser)


def reenroll(options: argparse.Namespace, connection: Connection) -> Dict[str, Any]:
    """/simplereenroll for the certificate of ``--client-certificate-path``, which is replaced (RFC 7030 4.2.2)."""
    files = connection.client_certificate()
    if files is None:
        raise InputError("there is nothing to renew: give the certificate as --client-certificate-path")
    acceptance = read_acceptance(options)
    subject, names = asked_names(options)
    held = HeldCertificate.load(files)
    now = datetime.now(timezone.utc)
    account = connection.credentials()
    authentication = choose_authentication(held, account, now, on_failed_renewal=options.on_failed_renewal)
    code = enrolment_code(options, connection)

    def get(authentication: Authentication) -> Dict[str, Any]:
        wanted = RenewalRequest.of(held, None, options.proof_of_possession, authentication.operation, code)
        return get_certificate(
            options,
            connection,
            wanted.replace(new_subject=subject, new_general_names=tuple(names)),
            acceptance,
            files,
            key=held.key if options.renewal_method == RENEW else None,
            authentication=authentication,
        )

    try:
        return get(authentication)
    except EstError as error:
        if authentication.client_certificate is None or not enrols_anew(
            error, options.on_failed_renewal, how=_HOW_TO_ENROL, after_revocation=_AFTER_REVOCATION
        ):
            raise
        refusal = error
    reason = f"a certificate is enrolled anew, because the old one was refused: {refusal}"
    try:
        found = get(Authentication("simpleenroll", None, account, reason))
    except EstError as error:
        error.note(f"That was the enrolment in place of a renewal, which had failed: {refusal}.")
        raise
    return {**found, "warnings": [reason, *found["warnings"]]}


_HOW_TO_ENROL = (
    "Give --on-failed-renewal enroll to enrol anew where that happens, with the account of --username, or use enroll "
    "with other files."
)
_AFTER_REVOCATION = "Where there may be another one, use enroll with other files."
