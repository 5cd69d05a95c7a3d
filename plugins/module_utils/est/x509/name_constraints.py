# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name constraints of a CA certificate, applied to the certificates below it (RFC 5280 section 4.2.1.10).

DNS names, e-mail addresses, URIs, IP addresses and directory names are evaluated. Where a name of another kind is
constrained, a certificate with such a name is refused, as the RFC demands of whoever cannot process the constraint.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Callable, Dict, List, Sequence, Tuple
from urllib.parse import urlsplit

from ..._names.attributes import ATTRIBUTE_OIDS
from ..._names.distinguished_names import format_slash_dn
from ..._names.general_names import GeneralName
from .certificate import subject_alternative_names
from .names import comparable_name, read_name

if TYPE_CHECKING:
    from typing import Any

try:
    from cryptography import x509
    from cryptography.x509.oid import ExtensionOID
except ImportError:  # reported by require_libraries()
    pass


def name_constraints_problem(constraints: x509.NameConstraints, certificate: x509.Certificate) -> str:
    """Why the names of a certificate violate the constraints, as a predicate; an empty string where they do not.

    :raises ValueError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension: the extensions cannot be read; the
        caller has read them before.
    """
    for words, name in _names(certificate):
        permitted = _same_kind(constraints.permitted_subtrees, name)
        excluded = _same_kind(constraints.excluded_subtrees, name)
        if not permitted and not excluded:
            continue
        matches = _MATCHERS.get(type(name).__name__)
        if matches is None:
            return f"has a name ({words}) of a kind whose constraints cannot be evaluated"
        if isinstance(name, x509.UniformResourceIdentifier) and not _uri_host(name.value):
            return f"has a name ({words}) without a host, which name constraints need"
        if any(matches(name.value, subtree.value) for subtree in excluded):
            return f"has a name ({words}) that its CA is excluded from issuing for"
        if permitted and not any(matches(name.value, subtree.value) for subtree in permitted):
            return f"has a name ({words}) outside of what its CA is permitted to issue for"
    return ""


def _names(certificate: x509.Certificate) -> List[Tuple[GeneralName, Any]]:
    """Every name that constraints apply to: the subject, the alternative names, and e-mail addresses in the subject."""
    subject = read_name(certificate.subject)
    names: List[Tuple[GeneralName, Any]] = []
    if subject:
        names.append((GeneralName("dirName", format_slash_dn(subject)), x509.DirectoryName(certificate.subject)))
    try:
        extension = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
        # The longest: no name is left out, whatever becomes of the words for it.
        names.extend(zip_longest(subject_alternative_names(certificate), extension.value))  # type: ignore[call-overload]
    except x509.ExtensionNotFound:
        for oid, address in subject:
            if oid == ATTRIBUTE_OIDS["emailAddress"] and address.isascii():
                names.append((GeneralName("email", address), x509.RFC822Name(address)))
    return names


def _same_kind(subtrees: Any, name: Any) -> Sequence[Any]:
    found = [subtree for subtree in subtrees or () if type(subtree) is type(name)]
    if isinstance(name, x509.OtherName):
        return [subtree for subtree in found if subtree.type_id == name.type_id]
    return found


def _within_domain(host: str, domain: str) -> bool:
    """``domain`` itself and everything below it; with a leading dot only what is below it."""
    host, domain = host.lower().rstrip("."), domain.lower()
    if domain.startswith("."):
        return host.endswith(domain)
    return not domain or host == domain or host.endswith(f".{domain}")


def _dns_matches(name: str, constraint: str) -> bool:
    # A wildcard stands for every name below, so it matches as soon as one of them would.
    if name.startswith("*."):
        return _within_domain(name[2:], constraint) or _within_domain(constraint.lstrip("."), name[2:])
    return _within_domain(name, constraint)


def _host_matches(host: str, constraint: str) -> bool:
    return _within_domain(host, constraint) if constraint.startswith(".") else host.lower() == constraint.lower()


def _email_matches(name: str, constraint: str) -> bool:
    local, _at, host = name.rpartition("@")
    if "@" in constraint:
        wanted_local, _at, wanted_host = constraint.rpartition("@")
        return local == wanted_local and host.lower() == wanted_host.lower()
    return _host_matches(host, constraint)


def _uri_host(uri: str) -> str:
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""


def _uri_matches(name: str, constraint: str) -> bool:
    return _host_matches(_uri_host(name), constraint)


def _ip_matches(name: Any, constraint: Any) -> bool:
    return bool(getattr(name, "version", 0) == constraint.version and name in constraint)


def _directory_matches(name: x509.Name, constraint: x509.Name) -> bool:
    wanted = comparable_name(constraint)
    return comparable_name(name)[: len(wanted)] == wanted


_MATCHERS: Dict[str, Callable[[Any, Any], bool]] = {
    "DNSName": _dns_matches,
    "RFC822Name": _email_matches,
    "UniformResourceIdentifier": _uri_matches,
    "IPAddress": _ip_matches,
    "DirectoryName": _directory_matches,
}
