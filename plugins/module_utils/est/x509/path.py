# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certification paths: finding one from a certificate to a trust anchor, and validating it (RFC 5280 section 6.1).

This is our own: ``cryptography.x509.verification`` is new and checks the profile of web servers, while CAs of devices
issue certificates without subject alternative names, with old extensions, and sometimes with SHA-1. Policies
and revocation are not checked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Callable, Dict, List, Optional, Sequence, Tuple, TypeVar

from ..._value import Value
from ..base.errors import EstError, ParseError
from .certificate import iso_utc, issuer_text, not_after, not_before, subject_text
from .extensions import (
    KEY_CERT_SIGN,
    authority_key_identifier,
    basic_constraints,
    extended_key_usage,
    key_usage,
    name_constraints,
    subject_key_identifier,
)
from .fields import Certificate
from .name_constraints import name_constraints_problem
from .names import Name
from .signatures import SignatureChecks, weak_signature

#: The most certificates in a path, the first and the trust anchor included.
MAX_LENGTH = 10
#: The most steps in search of one path: a bound for bags that are made to be slow.
MAX_STEPS = 100

#: Critical extensions that are evaluated here, or have no bearing on a path for which no policy is demanded.
_KNOWN_EXTENSIONS = frozenset(
    (
        "2.5.29.15",  # keyUsage
        "2.5.29.17",  # subjectAltName
        "2.5.29.18",  # issuerAltName
        "2.5.29.19",  # basicConstraints
        "2.5.29.30",  # nameConstraints
        "2.5.29.31",  # cRLDistributionPoints: revocation is not checked
        "2.5.29.32",  # certificatePolicies
        "2.5.29.33",  # policyMappings
        "2.5.29.37",  # extKeyUsage
        "2.5.29.54",  # inhibitAnyPolicy
        "1.3.6.1.5.5.7.48.1.5",  # id-pkix-ocsp-nocheck, likewise
    )
)

Certificates = Tuple[Certificate, ...]
_Read = TypeVar("_Read")


class PathError(EstError):
    """A certificate does not chain to a trust anchor, or the chain is not valid; the reason says what comes closest."""

    code = "untrusted_issuer"


class Path(Value):
    """A valid certification path.

    :param certificates: from the certificate in question to the trust anchor.
    :param warnings: what is weak in it, although it was accepted.
    """

    certificates: Certificates
    warnings: Tuple[str, ...] = ()


def find_path(
    leaf: Certificate,
    intermediates: Sequence[Certificate],
    anchors: Sequence[Certificate],
    at: datetime,
    signatures: Optional[SignatureChecks] = None,
) -> Path:
    """Find a valid path from a certificate to one of the trust anchors.

    Checked are signatures, names, validity, basicConstraints, path length, keyUsage, name constraints and unknown
    critical extensions. A trust anchor counts by its name and key, and must be within its validity as well. No other
    field of a certificate is looked at: one that is malformed does not matter.

    :param leaf: any certificate, an end entity's or a CA's. One that is itself a trust anchor is a path of its own.
    :param intermediates: candidates in any order; unrelated ones, cross certificates and loops do no harm.
    :param at: the time for which the path must be valid, aware.
    :param signatures: those of the exchange, where several paths are searched for in it.
    :raises PathError: there is no valid path.
    """
    search = _Search(intermediates, anchors, at, signatures or SignatureChecks())
    certificates = search.extend((leaf,))
    if certificates is None:
        raise PathError(search.reason, hint=_HINT)
    problems = ((certificate, weak_signature(certificate)) for certificate in certificates[:-1])
    return Path(certificates, tuple(f"{subject_text(certificate)} {weak}" for certificate, weak in problems if weak))


_HINT = "Check that the trust anchor is the root of this CA, and that the server sends its intermediate certificates."


def is_self_issued(certificate: Certificate) -> bool:
    """Whether subject and issuer are the same name (RFC 5280 section 3.2)."""
    return certificate.subject == certificate.issuer


def is_self_signed(certificate: Certificate, signatures: Optional[SignatureChecks] = None) -> bool:
    """Whether a certificate is self-issued and signed with its own key.

    :param signatures: those of the exchange.
    """
    checks = signatures or SignatureChecks()
    return is_self_issued(certificate) and not checks.problem(certificate, certificate)


def says_ca(certificate: Certificate) -> Optional[bool]:
    """Whether a certificate says that its owner is a CA; ``None`` where it says nothing, or nothing readable."""
    constraints = _hint(basic_constraints, certificate)
    return None if constraints is None else constraints.ca


def chain_above(certificate: Certificate, candidates: Sequence[Certificate]) -> Certificates:
    """The certificates above one, from its issuer upwards, as far as they are among the candidates.

    Only names and signatures are looked at: it is for certificates that others have to validate.
    """
    signatures = SignatureChecks()
    chain = [certificate]
    while len(chain) < MAX_LENGTH and not is_self_signed(chain[-1], signatures):
        issuers = (
            candidate
            for candidate in candidates
            if candidate.subject == chain[-1].issuer
            and candidate not in chain
            and not signatures.problem(chain[-1], candidate)
        )
        issuer = next(issuers, None)
        if issuer is None:
            break
        chain.append(issuer)
    return tuple(chain[1:])


def _hint(read: Callable[[Certificate], _Read], certificate: Certificate) -> Optional[_Read]:
    """The value of an extension that decides nothing; ``None`` where it cannot be read."""
    try:
        return read(certificate)
    except ParseError:
        return None


class _Search:
    """A depth-first search from the leaf upwards that remembers the reason which came closest to a valid path."""

    def __init__(
        self,
        intermediates: Sequence[Certificate],
        anchors: Sequence[Certificate],
        at: datetime,
        signatures: SignatureChecks,
    ) -> None:
        self._anchors = frozenset(anchors)
        self._by_subject: Dict[Name, List[Certificate]] = {}
        for candidate in dict.fromkeys((*anchors, *intermediates)):
            self._by_subject.setdefault(candidate.subject, []).append(candidate)
        self._at = at
        self._signatures = signatures
        self._steps_left = MAX_STEPS
        self._best = (0, 0)
        self.reason = "there is no trust anchor"

    def extend(self, chain: Certificates) -> Optional[Certificates]:
        """The first valid path that begins with ``chain``."""
        last = chain[-1]
        if last in self._anchors:
            problem = _path_problem(chain, self._at)
            if problem:
                self._note(3, chain, problem)
                return None
            return chain
        issuers = self._issuers(chain)
        if not issuers:
            self._note(1, chain, self._no_issuer(last))
        elif len(chain) >= MAX_LENGTH:
            issuers = []
            self._note(1, chain, f"no trust anchor is reached within {MAX_LENGTH} certificates")
        for issuer in issuers:
            if self._steps_left == 0:
                self._note(3, chain, f"no path was found after looking at {MAX_STEPS} issuers")
                return None
            self._steps_left -= 1
            problem = self._signatures.problem(last, issuer)
            if problem:
                self._note(2, chain, f"{subject_text(last)} {problem}, {subject_text(issuer)}")
                continue
            found = self.extend((*chain, issuer))
            if found is not None:
                return found
        return None

    def _note(self, rank: int, chain: Certificates, reason: str) -> None:
        """Note a reason. What speaks against a complete path says more than a bad signature or a missing issuer."""
        if (rank, len(chain)) > self._best:
            self._best = (rank, len(chain))
            self.reason = reason

    def _issuers(self, chain: Certificates) -> List[Certificate]:
        """Certificates with the name of the issuer: trust anchors first, then those whose key identifier fits."""
        last = chain[-1]
        # What would make a loop is left out: the same certificate, or the same CA (name and key) once more. The first
        # one of the chain is compared as a whole only, so that a root can be validated through its OldWithNew or
        # NewWithOld certificate, which has the same name and key (RFC 4210 section 4.4).
        taken = {(other.subject, other.public_key_info) for other in chain[1:]}
        found = [
            candidate
            for candidate in self._by_subject.get(last.issuer, ())
            if candidate != chain[0] and (candidate.subject, candidate.public_key_info) not in taken
        ]
        if len(found) < 2:
            return found
        authority = _hint(authority_key_identifier, last)

        def key_identifier_differs(candidate: Certificate) -> bool:
            own = _hint(subject_key_identifier, candidate)
            return authority is not None and own is not None and own != authority

        # Only an order: the identifiers are hints, and CAs get them wrong (RFC 5280 section 4.2.1.1).
        return sorted(found, key=lambda candidate: (candidate not in self._anchors, key_identifier_differs(candidate)))

    def _no_issuer(self, certificate: Certificate) -> str:
        if is_self_signed(certificate, self._signatures):
            return f"{subject_text(certificate)} is self-signed and is not a trust anchor"
        return f"{subject_text(certificate)} was issued by {issuer_text(certificate)}, of which there is no certificate"


def _path_problem(chain: Certificates, at: datetime) -> str:
    """What is wrong with a complete path whose signatures and names fit; an empty string where nothing is."""
    last = len(chain) - 1
    for position, certificate in enumerate(chain):
        role = "the trust anchor " if position == last else ""
        try:
            problem = _validity_problem(certificate, at) or _extensions_problem(certificate, is_anchor=position == last)
            if not problem and position > 0:
                problem = _issuer_problem(chain, position)
        except ParseError as error:
            problem = f"is not accepted: {error.reason}"
        if problem:
            return f"{role}{subject_text(certificate)} {problem}"
    return _constraints_problem(chain)


def _validity_problem(certificate: Certificate, at: datetime) -> str:
    if at < not_before(certificate):
        return f"is not valid before {iso_utc(not_before(certificate))}"
    if at > not_after(certificate):
        return f"expired at {iso_utc(not_after(certificate))}"
    return ""


def _extensions_problem(certificate: Certificate, is_anchor: bool) -> str:
    """What speaks against the extensions.

    :raises ParseError: one that decisions need cannot be read.
    """
    for read in (basic_constraints, key_usage, extended_key_usage, name_constraints):
        read(certificate)
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _KNOWN_EXTENSIONS and not is_anchor:
            return f"has a critical extension ({extension.oid}) that this client does not know"
    return ""


def _issuer_problem(chain: Certificates, position: int) -> str:
    """What speaks against the certificate at this position as the issuer of the one before (RFC 5280 section 6.1.4)."""
    certificate = chain[position]
    is_anchor = position == len(chain) - 1
    constraints = basic_constraints(certificate)
    # A trust anchor is trusted by its name and key: old roots have no extensions at all.
    if constraints is None and not is_anchor:
        return "is used as a CA, but has no basicConstraints"
    if constraints is not None and not constraints.ca:
        return "is used as a CA, but its basicConstraints say that it is none"
    if constraints is not None and constraints.path_length is not None:
        below = sum(not is_self_issued(other) for other in chain[1:position])
        if below > constraints.path_length:
            return f"allows {constraints.path_length} CA certificates below it, but there are {below}"
    usage = key_usage(certificate)
    if usage is not None and KEY_CERT_SIGN not in usage:
        return "is used as a CA, but its keyUsage does not allow to sign certificates"
    return ""


def _constraints_problem(chain: Certificates) -> str:
    for position in range(1, len(chain)):
        constraints = name_constraints(chain[position])
        if constraints is None:
            continue
        for below in range(position):
            certificate = chain[below]
            if below > 0 and is_self_issued(certificate):
                continue  # RFC 5280 section 6.1.3 (b): not to self-issued certificates, unless it is the last one
            try:
                problem = name_constraints_problem(constraints, certificate)
            except ParseError as error:
                problem = f"cannot be compared with the name constraints of its CA: {error.reason}"
            if problem:
                return f"{subject_text(certificate)} {problem}"
    return ""
