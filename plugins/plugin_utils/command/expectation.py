# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the command compares what came with what was asked for, and the options that say what is accepted of that.

Options and code are those of the modules, which call the client too.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Dict, Sequence

from ...module_utils._exchange.acceptance import CHOICES, Acceptance
from ...module_utils._exchange.issued import Comparison, compare_certificate, compare_with_older
from ...module_utils.est.base.text import hiding
from ...module_utils.est.client import VerifiedCertificate
from ...module_utils.est.enrol import EnrolmentRequest, ServerKeyRequest
from ...module_utils.est.reenrolment import RenewalRequest
from ...module_utils.est.x509.keys import describe_public_key
from .connection import Connection, options_of_the_command

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


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
    with options_of_the_command():
        return Acceptance.read({"on_lost": options.on_lost, "allowed_lost": allowed})


def _entries(text: str) -> Sequence[str]:
    # A value can have a comma in it: an entry with a value is given alone.
    return [text] if "=" in text or ":" in text else text.split(",")


class Expectation:
    """What one command asked for, to be compared with what came.

    :param acceptance: see ``read_acceptance()``.
    :param connection: whose password is not shown, whatever a certificate holds.
    :param wanted: what was asked for.
    :param key: that of the request: one that the server makes is of that kind.
    """

    def __init__(
        self, acceptance: Acceptance, connection: Connection, wanted: EnrolmentRequest, key: PrivateKeyTypes
    ) -> None:
        self._acceptance = acceptance
        self._names = wanted.subject, wanted.general_names
        self._key = describe_public_key(key) if isinstance(wanted, ServerKeyRequest) else None
        self._old = None
        if isinstance(wanted, RenewalRequest):
            if wanted.new_subject or wanted.new_general_names:
                names = wanted.new_subject or wanted.subject, wanted.new_general_names or wanted.general_names
                self._names = names
            else:
                self._old = wanted.old.certificate
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
