# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which CA certificates of a server are trusted, and whether the certificate that it issued may be used."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple

from .._value import Value, field
from .answers.enrolment import Issued
from .base.errors import EstError, ParseError
from .x509.certificate import (
    describe,
    find_leaf,
    fingerprint_sha256,
    iso_utc,
    load_certificate,
    not_after,
    not_before,
    subject_text,
)
from .x509.extensions import basic_constraints
from .x509.fields import Certificate
from .x509.path import find_path, is_self_issued, is_self_signed
from .x509.signatures import SignatureChecks

if TYPE_CHECKING:
    from typing import Any

# ----------------------------------------------------------------------------------------------------------------------
# The answer to /cacerts: which certificates are trusted, and which is the current root (RFC 7030 section 4.1.3).
#
# A server sends its whole bag: roots, intermediates, the certificates of a root rollover, and whatever else is in its
# store. Nothing in it is trusted because it is there. What is accepted is
#
# 1. a configured trust anchor that is in the bag,
# 2. whatever has a valid path to a configured trust anchor; a new root is among it through its NewWithOld certificate,
# 3. the current root of the bag (self-signed, latest notAfter), where the session was authenticated: that is how
#    the RFC hands over a root without a cross certificate, and how system trust becomes explicit trust,
# 4. whatever has a valid path to that root.
#
# Everything else is dropped, with the reason.

#: The most certificates that a bag may hold.
MAX_CERTIFICATES = 100

#: Why the current root is trusted.
BY_CONFIGURATION = "trust_anchor"  # it is configured as one
BY_PATH = "path_to_trust_anchor"
#: It came over a connection that was authenticated: with a configured trust anchor, or with the system's trust store.
BY_EXPLICIT_SESSION = "explicit_connection"
BY_SYSTEM_SESSION = "system_connection"


class DroppedCertificate(Value):
    """A certificate of the bag that is not trusted.

    :param subject: in slash form, or words where it cannot be read.
    :param fingerprint_sha256: with colons; empty where the certificate cannot be read.
    :param code: the name of why for programs, one of ``CODES``.
    :param reason: why it was dropped.
    """

    subject: str
    fingerprint_sha256: str
    code: str
    reason: str


class CaCertificates(Value):
    """The CA certificates of an EST server.

    :param certificates: those of the bag that are accepted, roots and intermediates, in the order of the bag.
    :param root: the current root: self-signed, with the latest notAfter of those accepted. Where the bag holds no root,
        the configured trust anchor above its certificates.
    :param root_trusted_by: one of ``BY_CONFIGURATION``, ``BY_PATH``, ``BY_EXPLICIT_SESSION`` and
        ``BY_SYSTEM_SESSION``.
    :param anchors: the trust anchors for certificates that this CA issues: those configured, and the accepted roots.
    :param dropped: the certificates of the bag that are not trusted.
    :param signatures: those of the CA certificates that were checked.
    """

    certificates: Tuple[Certificate, ...] = field(repr=False)
    root: Certificate = field(repr=False)
    root_trusted_by: str
    anchors: Tuple[Certificate, ...] = field(repr=False)
    dropped: Tuple[DroppedCertificate, ...] = ()
    signatures: SignatureChecks = field(default_factory=SignatureChecks, repr=False, compare=False)

    def describe(self, now: datetime) -> List[Dict[str, Any]]:
        """The accepted certificates as plain JSON data: what ``describe()`` says, and ``current_root`` (true for
        one at most)."""
        return [
            {**describe(certificate, now), "current_root": certificate == self.root}
            for certificate in self.certificates
        ]


def read_ca_certificates(
    bag: Sequence[bytes],
    anchors: Optional[Sequence[Certificate]],
    at: datetime,
    *,
    authenticated: bool = True,
) -> CaCertificates:
    """Decide which certificates of a /cacerts answer are trusted.

    :param bag: the certificates in DER, in any order (requirement 32).
    :param anchors: the configured trust anchors; ``None`` where the session used the system's trust store.
    :param at: the time for which paths must be valid, aware.
    :param authenticated: whether the server was authenticated and authorised before it sent the bag. If not, only what
        has a path to a configured trust anchor is accepted.
    :raises ParseError: nothing in the bag can be trusted, or it is larger than ``MAX_CERTIFICATES``.
    """
    if len(bag) > MAX_CERTIFICATES:
        raise ParseError(f"the server sent {len(bag)} CA certificates; at most {MAX_CERTIFICATES} are read")
    selection = _Selection(bag, tuple(anchors or ()), at)
    trusted_by = dict.fromkeys(selection.anchors, BY_CONFIGURATION)
    selection.accept(trusted_by, BY_PATH)
    if authenticated:
        root = selection.current_root()
        if root is not None and root not in selection.accepted:
            session = BY_SYSTEM_SESSION if anchors is None else BY_EXPLICIT_SESSION
            trusted_by[root] = session
            selection.anchors = (*selection.anchors, root)
            selection.accept(trusted_by, session)
    return selection.result(trusted_by)


class _Selection:
    """The certificates of one bag, sorted into accepted and rejected."""

    def __init__(self, bag: Sequence[bytes], anchors: Tuple[Certificate, ...], at: datetime) -> None:
        self.anchors = anchors
        self.accepted: Dict[Certificate, Certificate] = {}
        self._at = at
        self._candidates: List[Certificate] = []
        self._rejected: Dict[Certificate, Tuple[str, str]] = {}
        self._dropped: List[DroppedCertificate] = []
        self._signatures = SignatureChecks()
        for der in dict.fromkeys(bag):
            try:
                certificate = load_certificate(der)
            except ParseError as error:
                self._dropped.append(DroppedCertificate("(unreadable)", "", error.code, error.reason))
                continue
            problem = None if certificate in anchors else _why_no_ca(certificate)
            if problem is not None:
                self._drop(certificate, *problem)
            else:
                self._candidates.append(certificate)

    def _drop(self, certificate: Certificate, code: str, reason: str) -> None:
        dropped = DroppedCertificate(subject_text(certificate), fingerprint_sha256(certificate), code, reason)
        self._dropped.append(dropped)

    def accept(self, trusted_by: Dict[Certificate, str], reason: str) -> None:
        """Accept what has a valid path to one of the anchors, and note in ``trusted_by`` for which reason."""
        for certificate in self._candidates:
            if certificate in self.accepted:
                continue
            try:
                path = find_path(certificate, self._candidates, self.anchors, self._at, self._signatures)
            except EstError as error:
                self._rejected[certificate] = (error.code, error.reason)
            else:
                self.accepted[certificate] = path.certificates[-1]
                trusted_by.setdefault(certificate, reason)

    def current_root(self) -> Optional[Certificate]:
        """The self-signed certificate with the latest notAfter (RFC 7030 section 4.1.3) of those valid now."""
        roots = [
            certificate
            for certificate in self._candidates
            if not_before(certificate) <= self._at <= not_after(certificate)
            and is_self_signed(certificate, self._signatures)
        ]
        return max(roots, key=not_after, default=None)

    def result(self, trusted_by: Dict[Certificate, str]) -> CaCertificates:
        """What was accepted.

        :raises ParseError: nothing was.
        """
        for certificate in self._candidates:
            if certificate not in self.accepted:
                self._drop(certificate, *self._rejected[certificate])
        if not self.accepted:
            reasons = "; ".join(dict.fromkeys(dropped.reason for dropped in self._dropped)) or "there is none"
            raise ParseError(
                f"none of the {len(self._dropped)} CA certificates that the server sent can be trusted: {reasons}",
                code="untrusted_ca_certificates",
                hint="Give the root of this CA as the trust anchor.",
            )
        accepted = tuple(certificate for certificate in self._candidates if certificate in self.accepted)
        roots = [certificate for certificate in accepted if is_self_signed(certificate, self._signatures)]
        root = max(roots or self.accepted.values(), key=not_after)
        anchors = tuple(dict.fromkeys((*self.anchors, *roots)))
        return CaCertificates(accepted, root, trusted_by[root], anchors, tuple(self._dropped), self._signatures)


def _why_no_ca(certificate: Certificate) -> Optional[Tuple[str, str]]:
    """Code and reason why a certificate is not a CA's; ``None`` for one that may be: of version 1 it cannot say so."""
    try:
        constraints = basic_constraints(certificate)
    except ParseError as error:
        return error.code, f"it cannot be told whether it is a CA certificate: {error.reason}"
    may_be = constraints.ca if constraints else certificate.version == 1 and is_self_issued(certificate)
    return None if may_be else ("not_a_ca", "it is not a CA certificate")


# ----------------------------------------------------------------------------------------------------------------------
# The issued certificate: it is used only if it is for the requested key, valid now, and from this CA.


class VerifiedCertificate(Value):
    """An issued certificate that was checked.

    :param chain: the certificates from the issuer of ``certificate`` up to the trust anchor; what the server sent where
        no path could be built.
    :param warnings: why no path could be built (where that is allowed), and weak signatures on the way.
    """

    certificate: Certificate
    chain: Tuple[Certificate, ...]
    warnings: Tuple[str, ...] = ()


def verify_issued(
    answer: Issued,
    public_key: bytes,
    authorities: CaCertificates,
    now: datetime,
    *,
    on_unverified_chain: str = "fail",
) -> VerifiedCertificate:
    """Find the issued certificate in an answer and check it (requirements 73 to 75).

    :param public_key: what was asked for: SubjectPublicKeyInfo in DER.
    :param now: aware.
    :param on_unverified_chain: with ``warn`` a certificate that does not chain to the CA certificates of the server
        becomes a warning, and no error. Its key and validity are checked all the same.
    :raises EstError: no certificate for the requested key, outside its validity, or no path to the CA.
    """
    certificates: List[Certificate] = []
    unreadable: List[str] = []
    for der in answer.certificates:
        try:
            certificates.append(load_certificate(der))
        except ParseError as error:  # what else a server sends along must not spoil the certificate that was issued
            unreadable.append(error.reason)
    if unreadable and not certificates:
        raise ParseError(
            f"no certificate that the server sent can be used: {'; '.join(dict.fromkeys(unreadable))}",
            hint="Look at it with: openssl x509 -noout -text. The CA makes certificates that are not what X.509 says.",
        )
    leaf = find_leaf(certificates, public_key)
    first, last = not_before(leaf), not_after(leaf)
    if not first <= now <= last:
        raise EstError(
            f"the issued certificate is valid from {iso_utc(first)} to {iso_utc(last)}; now is {iso_utc(now)}",
            code="certificate_not_valid",
            hint="Compare the clock of this host with the clock of the CA.",
        )
    others = [certificate for certificate in certificates if certificate is not leaf]
    warnings: List[str] = list(answer.warnings)
    try:
        candidates = others + list(authorities.certificates)
        path = find_path(leaf, candidates, authorities.anchors, now, authorities.signatures.of_next())
        chain = tuple(path.certificates[1:])
        warnings.extend(path.warnings)
    except EstError as error:
        if on_unverified_chain != "warn":
            raise
        chain = tuple(others)
        warnings.append(error.reason)
    return VerifiedCertificate(leaf, chain, tuple(warnings))
