# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a production certificate is kept: on a POSIX host in files, on a Windows host in a certificate store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ContextManager, Dict, Mapping, Optional, Protocol, Sequence, Tuple, Union

from .._value import Value, field
from ..est.x509.held_certificate import OldCertificate
from ..est.x509.keys import KeySpec

if TYPE_CHECKING:
    from ..est.x509.fields import Certificate
    from ..est.x509.keys import AnyPrivateKey
    from .judge import Refusal


#: Options that name files for the chain of a certificate on a POSIX host: with the certificate before it, the
#: intermediates alone, and the root.
CHAIN_FILES = ("fullchain_path", "chain_path", "root_certificate_path")


class Recovered(Value):
    """Something of a certificate that was put right without asking for another one, or would be in check mode.

    :param reason: why it had to be, as a clause that is as true afterwards.
    :param before: what was there, for diff mode, in lines without the last line feed.
    :param after: what is there now, likewise.
    """

    reason: str
    before: str = ""
    after: str = ""


class CurrentCertificate(Value):
    """What is in the place of a certificate.

    :param certificate: the certificate; ``None`` where none can be read.
    :param old: the same with its key, as what can be renewed; ``None`` where it has a defect.
    :param defect: why it is not a certificate with its key, as a clause such as "its private key was not there"; empty
        where it is one, and where there is nothing.
    :param digest: what was noted when it was issued (see ``asked_digest()``), or the beginning of it; empty
        where nothing was.
    :param key: its private key, for a renewal with the same key; ``None`` where it cannot be read.
    :param pending_key: the key of a pending enrolment, where ``read_pending()`` does not have it because it signs
        elsewhere.
    :param recovered: what a run that was killed had left, and is put right now.
    """

    certificate: Optional[Certificate] = None
    old: Optional[OldCertificate] = None
    defect: str = ""
    digest: str = ""
    key: Optional[AnyPrivateKey] = field(default=None, repr=False)
    pending_key: Optional[AnyPrivateKey] = field(default=None, repr=False)
    recovered: Tuple[Recovered, ...] = ()


def complete_pending(text: Union[str, bytes]) -> Optional[Mapping[str, str]]:
    """What ``save_pending()`` of a holder has kept as JSON; ``None`` where that is not all of it.

    :param text: as it was kept; empty where nothing was.
    """
    try:
        kept = json.loads(text)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(kept, dict) and all(isinstance(value, str) for value in kept.values())
    return kept if whole else None


class CertificateHolder(Protocol):
    """Keeps one certificate with its key. ``FileHolder`` is the one of POSIX hosts."""

    def read(self) -> CurrentCertificate:
        """Look at what is there. The certificate's key need not be read, but that it is there has to be known.

        :raises EstError: it cannot be looked at.
        """

    def mend(self) -> Tuple[Sequence[Recovered], Sequence[str]]:
        """Make the files that hold the chain of the certificate that is there, or correct them; in check mode, only
        say so. Certificate and key stay as they are.

        :returns: what was mended, and warnings of what cannot be.
        :raises EstError: a file cannot be written; ``stage`` is ``save``.
        """

    def refuse_unwritable(self) -> Sequence[str]:
        """Look whether a certificate could be kept, as far as that can be told. Called before anything is asked for.

        :returns: in check mode, warnings of what earlier tasks would put right.
        :raises EstError: it could not be kept; ``stage`` is ``save`` and ``request_received`` ``not_received``.
        """

    def reserved(self) -> ContextManager[None]:
        """Keep room for a certificate while it is asked for: a full disk must not cost one that was issued.

        :raises EstError: there is no room; ``stage`` is ``save`` and ``request_received`` ``not_received``.
        """

    def make_key(self, spec: KeySpec) -> AnyPrivateKey:
        """Make a key of a kind, which the server can have asked for.

        :raises EstError: it cannot be made, or could not be kept.
        """

    def read_pending(self) -> Optional[Mapping[str, str]]:
        """What ``save_pending()`` kept, by name; ``None`` where there is nothing that is complete.

        :raises EstError: it cannot be read.
        """

    def save_pending(self, files: Mapping[str, str]) -> None:
        """Keep a pending enrolment, its private key among it, in place of an older one.

        :param files: texts by name: see ``PendingEnrolment``.
        :raises EstError: it cannot be written; ``stage`` is ``save``.
        """

    def drop_pending(self) -> bool:
        """Forget a pending enrolment that nobody goes on with; in check mode, only look for it.

        A holder that would have to look for one, at a price, only forgets what ``read_pending()`` has found.

        :returns: whether there was one.

        :raises EstError: it cannot be removed; ``stage`` is ``save``.
        """

    def read_refusal(self) -> Optional[Refusal]:
        """What ``save_refusal()`` noted last; ``None`` where there is nothing, or nothing that can be read."""

    def save_refusal(self, refusal: Refusal) -> None:
        """Note that a certificate was refused. The one that is there stays, and so does what is known of it.

        :raises EstError: it cannot be written; ``stage`` is ``save``.
        """

    def save(
        self,
        certificate: Certificate,
        chain: Sequence[Certificate],
        key: Any,
        digest: str,
        about: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """Put an issued certificate in place of the old one, and note the digest with it.

        What was pending or refused is forgotten.

        :param chain: from the issuer of the certificate up to the trust anchor.
        :param key: that of ``make_key()``, or one that the server made; ``None`` where the certificate is for the key
            of the old one.
        :param about: what is noted of it where there is room; see ``Issued``.
        :raises EstError: it could not be kept whole; ``stage`` is ``save``.
        """

    def save_unusable(self, certificates: str, key: str) -> str:
        """Keep a certificate that was issued and cannot be used, so that it is not lost, in place of an older one.

        :param certificates: PEM, as is the key, which is empty where it signs elsewhere.
        :returns: where it is, in words.
        :raises EstError: it cannot be written; ``stage`` is ``save``.
        """

    def describe(self, certificate: Certificate) -> Dict[str, Any]:
        """Where a certificate is kept, for the key ``certificate`` of the result: ``path``, or ``thumbprint``."""

    def places(self) -> Dict[str, Any]:
        """Where key and chain are, for the result: ``private_key_path`` and so on; and ``backup_files``."""

    def place(self) -> str:
        """Where the certificate is, in one text for people."""
