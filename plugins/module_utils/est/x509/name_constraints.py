# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name constraints of a CA certificate, applied to the certificates below it (RFC 5280 section 4.2.1.10).

DNS names, e-mail addresses, URIs, IP addresses and directory names are evaluated. Where a name of another kind is
constrained, a certificate with such a name is refused, as the RFC demands of whoever cannot process the constraint.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence
from urllib.parse import urlsplit

from ..._names.attributes import ATTRIBUTE_OIDS
from ..._names.general_names import GeneralName
from ..asn1.der import Element
from ..base.errors import ParseError
from .extensions import NameConstraints, alternative_names
from .fields import Certificate
from .names import Name, read_general_name

# The alternatives of GeneralName (RFC 5280 section 4.2.1.6).
_OTHER_NAME, _EMAIL, _DNS, _DIRECTORY, _URI, _IP = 0, 1, 2, 4, 6, 7

#: The most pairs of a name and a constraint that are looked at for one certificate, as in OpenSSL.
_MOST_PAIRS = 1 << 20


class _Name:
    """A name of a certificate or of a constraint. It is read when it is compared: one that no constraint is about can
    be as malformed as it likes.

    :ivar kind: the number of its alternative; negative for what is none.
    """

    def __init__(self, kind: int, value: Any = None, words: str = "", entry: Optional[Element] = None) -> None:
        self.kind = kind
        self._value, self._words, self._entry = value, words, entry

    @classmethod
    def of(cls, entry: Element) -> _Name:
        """An entry of GeneralNames."""
        return cls(entry.number if entry.is_context(entry.number) else -1, entry=entry)

    @property
    def value(self) -> Any:
        """What of it is compared: a ``Name``, the bytes of an address, or text.

        :raises ParseError: it is malformed.
        """
        if self._value is None and self._entry is not None:
            if self.kind == _DIRECTORY:
                self._value = Name(self._first())
            elif self.kind == _IP:
                self._value = self._entry.value
            else:  # each byte a character: whatever it stands for, it is equal to itself alone
                self._value = self._entry.value.decode("latin-1")
        return self._value

    @property
    def type_id(self) -> bytes:
        """The type of an otherName."""
        return self._first().encoded if self.kind == _OTHER_NAME else b""

    def _first(self) -> Element:
        first = next(self._entry.children(), None) if self._entry is not None else None
        if first is None:
            raise ParseError("a name that name constraints apply to is empty")
        return first

    def __str__(self) -> str:
        return self._words if self._entry is None else str(read_general_name(self._entry))


def name_constraints_problem(constraints: NameConstraints, certificate: Certificate) -> str:
    """Why the names of a certificate violate the constraints, as a predicate; an empty string where they do not.

    :raises ParseError: names that are constrained, or the constraints, cannot be read.
    """
    permitted, excluded = list(map(_Name.of, constraints.permitted)), list(map(_Name.of, constraints.excluded))
    kinds = {base.kind for base in (*permitted, *excluded)}
    names = [name for name in _names(certificate) if name.kind in kinds]
    if len(names) * (len(permitted) + len(excluded)) > _MOST_PAIRS:
        return "has too many names to be compared with the name constraints of its CA"
    for name in names:
        problem = _problem(name, _same_kind(permitted, name), _same_kind(excluded, name))
        if problem:
            return f"has a name ({name}) {problem}"
    return ""


def _same_kind(subtrees: Sequence[_Name], name: _Name) -> List[_Name]:
    found = [subtree for subtree in subtrees if subtree.kind == name.kind]
    return found if name.kind != _OTHER_NAME else [base for base in found if base.type_id == name.type_id]


def _problem(name: _Name, permitted: Sequence[_Name], excluded: Sequence[_Name]) -> str:
    if not permitted and not excluded:
        return ""
    matches = _MATCHERS.get(name.kind)
    if matches is None:
        return "of a kind whose constraints cannot be evaluated"
    if name.kind == _URI and not _uri_host(name.value):
        return "without a host, which name constraints need"
    if any(matches(name.value, subtree.value) for subtree in excluded):
        return "that its CA is excluded from issuing for"
    if permitted and not any(matches(name.value, subtree.value) for subtree in permitted):
        return "outside of what its CA is permitted to issue for"
    return ""


def _names(certificate: Certificate) -> List[_Name]:
    """Every name that constraints apply to: the subject, the alternative names, and e-mail addresses in the subject."""
    subject = certificate.subject.attributes
    names: List[_Name] = []
    if subject:
        words = str(GeneralName("dirName", certificate.subject.text))
        names.append(_Name(_DIRECTORY, certificate.subject, words))
    entries = alternative_names(certificate)
    if entries is not None:
        return [*names, *map(_Name.of, entries)]
    emails = [address for oid, address in subject if oid == ATTRIBUTE_OIDS["emailAddress"]]
    return [*names, *(_Name(_EMAIL, address, str(GeneralName("email", address))) for address in emails)]


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


def _ip_matches(name: bytes, constraint: bytes) -> bool:
    """An address against an address and its mask.

    :raises ParseError: they are none: what cannot be compared is not passed over.
    """
    if len(name) not in (4, 16) or len(constraint) not in (8, 32):
        raise ParseError("an IP address that name constraints apply to has the wrong length")
    half = len(constraint) // 2
    return len(name) == half and all(
        (one ^ other) & mask == 0 for one, other, mask in zip(name, constraint[:half], constraint[half:])
    )


def _directory_matches(name: Name, constraint: Name) -> bool:
    wanted = constraint.comparable
    return name.comparable[: len(wanted)] == wanted


_MATCHERS: Dict[int, Callable[[Any, Any], bool]] = {
    _DNS: _dns_matches,
    _EMAIL: _email_matches,
    _URI: _uri_matches,
    _IP: _ip_matches,
    _DIRECTORY: _directory_matches,
}
