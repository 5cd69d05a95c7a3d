# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that gets a certificate in place of an older one."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Dict, Union

from ...module_utils.est.answers.enrolment import Pending
from ...module_utils.est.base.errors import InputError
from ...module_utils.est.client import EstClient
from ...module_utils.est.reenrolment import REKEY, RENEW, build_reenrolment_request, choose_way, next_key
from ...module_utils.est.request.attributes import CsrAttributes
from ...module_utils.est.request.csr import (
    CHALLENGE_PASSWORD,
    EST_IDENTITY_LINKING,
    CertificateRequest,
    LinkedRequest,
    Linking,
)
from ...module_utils.est.x509.held_certificate import HeldCertificate
from ...module_utils.est.x509.pair_files import replace_pair
from .connection import Connection
from .enrol import (
    PENDING_SUFFIX,
    Asked,
    add_request_options,
    ask,
    dropping,
    issued_result,
    kept_key,
    pending_result,
    read_acceptance,
    with_intermediates,
)


def add_reenrol_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``reenroll``."""
    parser.add_argument("--rekey", action="store_true", help="for a new key of the same kind; default: the same key")
    add_request_options(parser)


def reenroll(options: argparse.Namespace, connection: Connection) -> Dict[str, Any]:
    """/simplereenroll for the certificate of ``--client-certificate``, which the new one replaces (RFC 7030 4.2.2)."""
    files = connection.client_certificate()
    if files is None:
        raise InputError("there is nothing to renew: give the certificate as --client-certificate")
    acceptance = read_acceptance(options)
    held = HeldCertificate.load(files)
    # A user name says that the password may be used where the certificate cannot.
    credentials = connection.credentials()
    way = choose_way(held, credentials, datetime.now(timezone.utc), fall_back_to_password=credentials is not None)
    pending = (files.key_path or files.certificate_path) + PENDING_SUFFIX
    asked = Asked(acceptance, connection, old=held.certificate)
    with connection.open(way) as client:
        authorities = client.cacerts()
        answer_to_csrattrs = client.csrattrs()
        wishes = answer_to_csrattrs.attributes or CsrAttributes()
        key = kept_key(pending, lambda: next_key(held, REKEY)) if options.rekey else next_key(held, RENEW)
        request = _request(client, held, key, wishes, options.proof_of_possession)
        send = client.simplereenroll if way.operation == "simplereenroll" else client.simpleenroll
        answer = ask(send, request, options.wait, pending)
        warnings = [*connection.url.warnings, *answer_to_csrattrs.warnings, *client.warnings]
        if isinstance(answer, Pending):
            kept = pending if options.rekey else files.key_path or files.certificate_path
            return {**pending_result(answer, kept, warnings), "authentication": way.reason}
        verified = client.verify(
            answer,
            request,
            authorities,
            allow_unverified_chain=options.allow_unverified_chain,
            check=dropping(asked.check, pending),
        )
        with client.timeline.stage("save") as step:
            replace_pair(files, with_intermediates(verified), key if options.rekey else None)
            with suppress(FileNotFoundError):
                os.unlink(pending)
            step.detail = files.certificate_path
    found = issued_result(verified, files.certificate_path, files.key_path or files.certificate_path, warnings)
    return asked.told(verified, {**found, "authentication": way.reason})


def _request(
    client: EstClient, held: HeldCertificate, key: Any, wishes: CsrAttributes, proof_of_possession: str
) -> Union[CertificateRequest, LinkedRequest]:
    if proof_of_possession == "always" or (proof_of_possession == "auto" and wishes.wants_linking):
        attribute = EST_IDENTITY_LINKING if EST_IDENTITY_LINKING in wishes.challenges else CHALLENGE_PASSWORD
        return client.linked(lambda binding: build_reenrolment_request(held, key, linking=Linking(binding, attribute)))
    return build_reenrolment_request(held, key)
