# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checking the issued certificate: it is used only if it is for the requested key, valid now, and from this CA."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Iterable, Iterator, List, Tuple

from .ca_certificates import CaCertificates
from .certificate import find_leaf, iso_utc, load_certificate, not_after, not_before
from .enrolment import Issued
from .errors import EstError, ParseError
from .path import find_path
from .quiet import without_warnings
from .value import Value

try:
    from cryptography import x509
except ImportError:  # told by deps.require_libraries()
    pass


class VerifiedCertificate(Value):
    """An issued certificate that was checked.

    :param chain: the certificates from the issuer of ``certificate`` up to the trust anchor; what the server sent where
        no path could be built.
    :param warnings: why no path could be built (where that is allowed), and weak signatures on the way.
    """

    certificate: x509.Certificate
    chain: Tuple[x509.Certificate, ...]
    warnings: Tuple[str, ...] = ()


def verify_issued(
    answer: Issued,
    public_key: bytes,
    authorities: CaCertificates,
    now: datetime,
    *,
    allow_unverified_chain: bool = False,
) -> VerifiedCertificate:
    """Find the issued certificate in an answer and check it (requirements 73 to 75).

    :param public_key: what was asked for: SubjectPublicKeyInfo in DER.
    :param now: aware.
    :param allow_unverified_chain: a certificate that does not chain to the CA certificates of the server becomes a
        warning. Its key and validity are checked all the same.
    :raises EstError: no certificate for the requested key, outside its validity, or no path to the CA.
    """
    with without_warnings():
        return _verify_issued(answer, public_key, authorities, now, allow_unverified_chain)


def _verify_issued(
    answer: Issued, public_key: bytes, authorities: CaCertificates, now: datetime, allow_unverified_chain: bool
) -> VerifiedCertificate:
    certificates = list(_readable(answer.certificates))
    leaf = find_leaf(certificates, public_key)
    first, last = not_before(leaf), not_after(leaf)
    if not first <= now <= last:
        raise EstError(
            f"the issued certificate is valid from {iso_utc(first)} to {iso_utc(last)}; now is {iso_utc(now)}",
            hint="Compare the clock of this host with the clock of the CA.",
        )
    others = [certificate for certificate in certificates if certificate is not leaf]
    warnings: List[str] = list(answer.warnings)
    try:
        path = find_path(leaf, others + list(authorities.certificates), authorities.anchors, now)
        chain = tuple(path.certificates[1:])
        warnings.extend(path.warnings)
    except EstError as error:
        error.hint = error.hint or "The CA that issued the certificate is not the one that /cacerts names."
        if not allow_unverified_chain:
            raise
        chain = tuple(others)
        warnings.append(error.reason)
    return VerifiedCertificate(leaf, chain, tuple(warnings))


def _readable(certificates: Iterable[bytes]) -> Iterator[x509.Certificate]:
    """Those that can be read: what else a server sends along must not spoil the certificate that was issued."""
    for der in certificates:
        with contextlib.suppress(ParseError):
            yield load_certificate(der)
