# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that gets a certificate in place of an older one."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from typing import Any, Dict

from ...module_utils.est.base.errors import InputError
from ...module_utils.est.enrol import Enrolment
from ...module_utils.est.pending import PendingEnrolment
from ...module_utils.est.reenrolment import RenewalRequest, choose_way
from ...module_utils.est.x509.held_certificate import HeldCertificate
from .connection import Connection
from .enrol import (
    PENDING_SUFFIX,
    Expected,
    add_request_options,
    ask,
    drop,
    issued_result,
    kept_key,
    key_maker,
    pending_result,
    read_acceptance,
    save,
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
    key_path = files.key_path or files.certificate_path
    pending = key_path + PENDING_SUFFIX
    wanted = RenewalRequest.of(held, None, options.proof_of_possession, way.operation)
    expected = Expected(acceptance, connection, old=held.certificate)
    with connection.open(way) as client:
        key = kept_key(pending) if options.rekey else held.key
        enrolment = Enrolment(client, wanted, key=key, make_key=key_maker(pending))
        issued = ask(enrolment, options, expected, pending)
        warnings = [*connection.url.warnings, *enrolment.warnings, *client.warnings]
        if isinstance(issued, PendingEnrolment):
            found = pending_result(issued, pending if options.rekey else key_path, warnings)
            return {**found, "authentication": way.reason}
        with client.timeline.stage("save") as step:
            save(files, issued, new_key=options.rekey)
            drop(pending)
            step.detail = files.certificate_path
    found = issued_result(issued.verified, files.certificate_path, key_path, warnings)
    return expected.told(issued.verified, {**found, "authentication": way.reason})
