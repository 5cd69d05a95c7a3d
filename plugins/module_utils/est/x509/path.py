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
from typing import TYPE_CHECKING, List, Optional, Sequence, Tuple

from ..._value import Value
from ..base.errors import EstError
from ..base.libraries import without_warnings
from .certificate import READ_ERRORS, iso_utc, issuer_text, not_after, not_before, subject_text
from .keys import same_public_key
from .name_constraints import name_constraints_problem
from .names import comparable_name
from .signatures import signature_problem, weak_signature

if TYPE_CHECKING:
    from typing import Any

try:
    from cryptography import x509
except ImportError:  # reported by require_libraries()
    pass


#: The most certificates in a path, the first and the trust anchor included.
MAX_LENGTH = 10
#: The most signatures that are checked in search of one path: a bound for bags that are made to be slow.
MAX_SIGNATURES = 100

#: Critical extensions that are evaluated here, or have no bearing on a path for which no policy is demanded.
_KNOWN_EXTENSIONS = frozenset(
    (
        "2.5.29.15",  # keyUsage
        "2.5.29.17",  # subjectAltName
        "2.5.29.18",  # issuerAltName
        "2.5.29.19",  # basicConstraints
        "2.5.29.30",  # nameConstraints
        "2.5.29.32",  # certificatePolicies
        "2.5.29.33",  # policyMappings
        "2.5.29.37",  # extKeyUsage
        "2.5.29.54",  # inhibitAnyPolicy
    )
)

Certificates = Tuple["x509.Certificate", ...]


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
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    at: datetime,
) -> Path:
    """Find a valid path from a certificate to one of the trust anchors.

    Checked are signatures, names, validity, basicConstraints, path length, keyUsage, name constraints and unknown
    critical extensions. A trust anchor counts by its name and key, and must be within its validity as well.

    :param leaf: any certificate, an end entity's or a CA's. One that is itself a trust anchor is a path of its own.
    :param intermediates: candidates in any order; unrelated ones, cross certificates and loops do no harm.
    :param at: the time for which the path must be valid, aware.
    :raises PathError: there is no valid path.
    """
    with without_warnings():
        search = _Search(intermediates, anchors, at)
        certificates = search.extend((leaf,))
        if certificates is None:
            raise PathError(search.reason, hint=_HINT)
        problems = ((certificate, weak_signature(certificate)) for certificate in certificates[:-1])
        return Path(
            certificates, tuple(f"{subject_text(certificate)} {weak}" for certificate, weak in problems if weak)
        )


_HINT = "Check that the trust anchor is the root of this CA, and that the server sends its intermediate certificates."


def is_self_issued(certificate: x509.Certificate) -> bool:
    """Whether subject and issuer are the same name (RFC 5280 section 3.2)."""
    with without_warnings():
        return comparable_name(certificate.subject) == comparable_name(certificate.issuer)


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether a certificate is self-issued and signed with its own key."""
    return is_self_issued(certificate) and not signature_problem(certificate, certificate)


def chain_above(certificate: x509.Certificate, candidates: Sequence[x509.Certificate]) -> Certificates:
    """The certificates above one, from its issuer upwards, as far as they are among the candidates.

    Only names and signatures are looked at: it is for certificates that others have to validate.
    """
    chain = [certificate]
    with without_warnings():
        while len(chain) < MAX_LENGTH and not is_self_signed(chain[-1]):
            wanted = comparable_name(chain[-1].issuer)
            issuers = (
                candidate
                for candidate in candidates
                if comparable_name(candidate.subject) == wanted
                and candidate not in chain
                and not signature_problem(chain[-1], candidate)
            )
            issuer = next(issuers, None)
            if issuer is None:
                break
            chain.append(issuer)
    return tuple(chain[1:])


def extension_value(certificate: x509.Certificate, kind: Any) -> Any:
    """The value of an extension by its class of cryptography; ``None`` where it is not there or cannot be read."""
    with without_warnings():
        return _value(certificate, kind)


def _value(certificate: x509.Certificate, kind: Any) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, *READ_ERRORS):
        return None


class _Search:
    """A depth-first search from the leaf upwards that remembers the reason which came closest to a valid path."""

    def __init__(
        self, intermediates: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], at: datetime
    ) -> None:
        self._anchors = tuple(anchors)
        self._candidates = (*self._anchors, *(other for other in intermediates if other not in self._anchors))
        self._at = at
        self._signatures_left = MAX_SIGNATURES
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
            self._note(1, chain, _no_issuer(last))
        elif len(chain) >= MAX_LENGTH:
            issuers = []
            self._note(1, chain, f"no trust anchor is reached within {MAX_LENGTH} certificates")
        for issuer in issuers:
            if self._signatures_left == 0:
                self._note(3, chain, f"no path was found after checking {MAX_SIGNATURES} signatures")
                return None
            self._signatures_left -= 1
            problem = signature_problem(last, issuer)
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

    def _issuers(self, chain: Certificates) -> List[x509.Certificate]:
        """Certificates with the name of the issuer: trust anchors first, then those whose key identifier fits."""
        last = chain[-1]
        wanted = comparable_name(last.issuer)
        found = [
            candidate
            for candidate in self._candidates
            if comparable_name(candidate.subject) == wanted and not _is_in(candidate, chain)
        ]
        if len(found) < 2:
            return found
        authority = getattr(_value(last, x509.AuthorityKeyIdentifier), "key_identifier", None)

        def key_identifier_differs(candidate: x509.Certificate) -> bool:
            own = _value(candidate, x509.SubjectKeyIdentifier)
            return authority is not None and own is not None and own.digest != authority

        # Only an order: the identifiers are hints, and CAs get them wrong (RFC 5280 section 4.2.1.1).
        return sorted(found, key=lambda candidate: (candidate not in self._anchors, key_identifier_differs(candidate)))


def _no_issuer(certificate: x509.Certificate) -> str:
    if is_self_signed(certificate):
        return f"{subject_text(certificate)} is self-signed and is not a trust anchor"
    return f"{subject_text(certificate)} was issued by {issuer_text(certificate)}, of which there is no certificate"


def _is_in(candidate: x509.Certificate, chain: Certificates) -> bool:
    """Whether a candidate would make a loop: the same certificate, or the same CA (name and key) once more.

    The first certificate of the chain is compared as a whole only, so that a root can be validated through its
    OldWithNew or NewWithOld certificate, which has the same name and key (RFC 4210 section 4.4).
    """
    return candidate == chain[0] or any(
        candidate == other
        or (comparable_name(candidate.subject) == comparable_name(other.subject) and same_public_key(candidate, other))
        for other in chain[1:]
    )


def _path_problem(chain: Certificates, at: datetime) -> str:
    """What is wrong with a complete path whose signatures and names fit; an empty string where nothing is."""
    last = len(chain) - 1
    for position, certificate in enumerate(chain):
        problem = _validity_problem(certificate, at) or _extensions_problem(certificate, is_anchor=position == last)
        if not problem and position > 0:
            problem = _issuer_problem(chain, position)
        if problem:
            role = "the trust anchor " if position == last else ""
            return f"{role}{subject_text(certificate)} {problem}"
    return _constraints_problem(chain)


def _validity_problem(certificate: x509.Certificate, at: datetime) -> str:
    if at < not_before(certificate):
        return f"is not valid before {iso_utc(not_before(certificate))}"
    if at > not_after(certificate):
        return f"expired at {iso_utc(not_after(certificate))}"
    return ""


def _extensions_problem(certificate: x509.Certificate, is_anchor: bool) -> str:
    try:
        extensions = list(certificate.extensions)
    except READ_ERRORS as error:
        return f"has extensions that cannot be read: {str(error).splitlines()[0] if str(error) else 'malformed'}"
    for extension in extensions:
        oid = extension.oid.dotted_string
        if extension.critical and oid not in _KNOWN_EXTENSIONS and not is_anchor:
            return f"has a critical extension ({oid}) that this client does not know"
    return ""


def _issuer_problem(chain: Certificates, position: int) -> str:
    """What speaks against the certificate at this position as the issuer of the one before (RFC 5280 section 6.1.4)."""
    certificate = chain[position]
    is_anchor = position == len(chain) - 1
    constraints = _value(certificate, x509.BasicConstraints)
    # A trust anchor is trusted by its name and key: old roots have no extensions at all.
    if constraints is None and not is_anchor:
        return "is used as a CA, but has no basicConstraints"
    if constraints is not None and not constraints.ca:
        return "is used as a CA, but its basicConstraints say that it is none"
    if constraints is not None and constraints.path_length is not None:
        below = sum(not is_self_issued(other) for other in chain[1:position])
        if below > constraints.path_length:
            return f"allows {constraints.path_length} CA certificates below it, but there are {below}"
    usage = _value(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        return "is used as a CA, but its keyUsage does not allow to sign certificates"
    return ""


def _constraints_problem(chain: Certificates) -> str:
    for position in range(1, len(chain)):
        constraints = _value(chain[position], x509.NameConstraints)
        if constraints is None:
            continue
        for below in range(position):
            certificate = chain[below]
            if below > 0 and is_self_issued(certificate):
                continue  # RFC 5280 section 6.1.3 (b): not to self-issued certificates, unless it is the last one
            problem = name_constraints_problem(constraints, certificate)
            if problem:
                return f"{subject_text(certificate)} {problem}"
    return ""
