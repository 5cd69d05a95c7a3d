# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate against what was asked for: what it lacks and in what it differs, and what is told or refused of that.

What comes from the certificate is cleaned and shortened before it is shown: a CA can write anything there.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from .._names.attributes import Subject
from .._names.general_names import GeneralName
from .._value import Value
from ..est.base.text import printable
from ..est.x509.certificate import public_key_words, subject_alternative_names
from ..est.x509.fields import Certificate
from ..est.x509.names import read_name
from ..est.x509.path import says_ca
from .acceptance import Acceptance
from .compare import NOW, differs, lost
from .failure import NotAsAsked

#: What stands in ``differs`` for a certificate that can issue others.
IS_CA = "it is the certificate of a CA (CA:TRUE)"

_LONGEST, _MOST = 300, 50
_CISCO = (
    "Cisco's EST server is known to keep only the common name: list in allowed_lost what may be lost, or set "
    "certificate_authority of the template to generic where it is another CA"
)


class Comparison(Value):
    """In what a certificate is not what was asked for.

    :param lost: see ``lost()``.
    :param differs: see ``differs()``; also another kind of key, and ``IS_CA``.
    """

    lost: Tuple[str, ...] = ()
    differs: Tuple[str, ...] = ()

    def as_result(self, acceptance: Acceptance) -> Dict[str, List[str]]:
        """The keys of a result."""
        return {
            "lost": list(self.lost),
            "differs": list(self.differs),
            "accepted_lost": acceptance.accepted(self.lost),
        }

    def unaccepted(self, acceptance: Acceptance) -> str:
        """What is not accepted: ``it lacks subject OU=x; subject CN=a came as CN=b``, or an empty text."""
        other = acceptance.unaccepted(self.differs)
        lacks = self._lacks(acceptance)
        return "; ".join([*([f"it lacks {', '.join(lacks)}"] if lacks else []), *other])

    def warnings(
        self, acceptance: Acceptance, certificate_authority: str = "", template_name: Optional[str] = None
    ) -> List[str]:
        """What is told of it: nothing, or one sentence.

        :param certificate_authority: the one that the template names; what is known of Cisco's is told.
        :param template_name: where there is a template. A warning of Ansible does not say which task it is from.
        """
        clause = self.unaccepted(acceptance)
        if not clause:
            return []
        known = _CISCO if certificate_authority == "cisco" and self._lacks(acceptance) else ""
        of = "" if template_name is None else f" of template {template_name!r}"
        return [f"the certificate{of} is not what was asked for: {clause}{f' ({known})' if known else ''}"]

    def refuse(self, acceptance: Acceptance, words: str, certificate_authority: str = "") -> None:
        """Refuse what is not accepted.

        :param words: what came, such as ``the CA issued a certificate that is not what was asked for``.
        :raises NotAsAsked: there is something that is not accepted.
        """
        clause = self.unaccepted(acceptance)
        if clause:
            error = NotAsAsked(f"{words}: {clause}", self.as_result(acceptance))
            if certificate_authority == "cisco" and self._lacks(acceptance):
                error.note(f"{_CISCO}.")
            raise error

    def _lacks(self, acceptance: Acceptance) -> List[str]:
        """What is lost and not accepted, without what came with another value, which ``differs`` tells."""
        return [
            entry
            for entry in acceptance.unaccepted(self.lost)
            if not any(line.startswith(f"{entry}{NOW}") for line in self.differs)
        ]


def compare_certificate(
    subject: Subject,
    names: Sequence[GeneralName],
    certificate: Certificate,
    *,
    key: Optional[str] = None,
    may_be_ca: bool = False,
    same_subject: bool = False,
) -> Comparison:
    """Compare a certificate with what was asked for.

    :param key: the kind of key that was asked for, as ``describe_public_key()`` says it; ``None`` where
        any will do.
    :param may_be_ca: whether a certificate of a CA is not a difference.
    :param same_subject: see ``differs()``.
    """
    issued = read_name(certificate.subject), subject_alternative_names(certificate)
    # Nearly every certificate has what was asked for to the letter, and then there is nothing to look for.
    same = (tuple(subject), tuple(names)) == tuple(map(tuple, issued))
    other = [] if same else differs(subject, names, *issued, same_subject=same_subject)
    if len(other) > _MOST:  # none is accepted unseen
        other[_MOST:] = [f"{len(other) - _MOST} other names differ"]
    if key is not None and key != public_key_words(certificate):
        other.append(f"private key {key}{NOW}{public_key_words(certificate)}")
    if is_ca(certificate) and not may_be_ca:
        other.append(IS_CA)
    shown = tuple(printable(line, _LONGEST) for line in other)
    return Comparison(() if same else tuple(lost(subject, names, *issued)), shown)


def compare_with_older(certificate: Certificate, old: Certificate, *, key: Optional[str] = None) -> Comparison:
    """Compare a renewed certificate with the one that it is to replace.

    Both have the same names (RFC 7030 section 4.2.2): one that is added would be asked for ever after.

    :param key: see ``compare_certificate()``.
    """
    return compare_certificate(
        read_name(old.subject),
        subject_alternative_names(old),
        certificate,
        key=key,
        may_be_ca=is_ca(old),
        same_subject=True,
    )


def is_ca(certificate: Certificate) -> bool:
    """Whether a certificate says that its owner is a CA."""
    return bool(says_ca(certificate))
