# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate that the CA issued and that was refused here, noted so that it is not asked for again in every run.

A CA that does not issue what is asked for will not do so an hour later, and each try is a certificate that nobody uses.
That holds for one with other names as for one with another key, of an unrelated issuer, or that has expired.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional

from ..est.certificate import iso_utc
from ..est.errors import EstError
from ..template.model import Template
from ..test_enroll.acceptance import Acceptance
from ..test_enroll.issued import NotAsAsked
from ..test_enroll.pending import request_digest

#: How long a certificate that was refused is not asked for again.
DELAY = timedelta(hours=24)

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
#: What is noted of each text and of each list.
_LONGEST, _MOST = 2000, 50
_FOUND = ("lost", "differs", "accepted_lost")


@dataclass(frozen=True)
class Refusal:
    """What is noted of it.

    :param digest: of what was asked for; see :func:`refusal_digest`.
    :param at: when it was refused, UTC.
    :param reason: why.
    :param hint: what to do.
    :param found: see :meth:`~.test_enroll.issued.Comparison.as_result`.
    """

    digest: str
    at: datetime
    reason: str
    hint: str = ""
    found: Mapping[str, List[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, error: EstError, digest: str) -> Refusal:
        """Note an error that is happening now. One that is not about names has none in ``found``."""
        told = error.found if isinstance(error, NotAsAsked) else {}
        found = {key: [text[:_LONGEST] for text in told.get(key, [])[:_MOST]] for key in _FOUND}
        return cls(digest, datetime.now(timezone.utc), error.reason[:_LONGEST], error.hint[:_LONGEST], found)

    @property
    def until(self) -> datetime:
        """Until when it is not asked for again."""
        return self.at + DELAY

    def holds(self, digest: str, now: datetime) -> bool:
        """Whether it says something about what would be asked for now. One of the future is of a wrong clock."""
        return digest == self.digest and self.at <= now < self.until

    def error(self) -> NotAsAsked:
        """The error of a run that does not ask again."""
        return NotAsAsked(self.reason, self.found, hint=self.hint_with_delay(), request_received="no")

    def hint_with_delay(self) -> str:
        """What to do, and until when nothing is asked for."""
        return (
            f"It was refused at {iso_utc(self.at)}, and no other is asked for before {iso_utc(self.until)}, unless "
            f"what is declared changes, on_lost and allowed_lost among it, or force is true. {self.hint}"
        ).rstrip()

    def as_data(self) -> Dict[str, Any]:
        """The same as plain JSON data."""
        return {
            "digest": self.digest,
            "at": self.at.strftime(_TIME_FORMAT),
            "reason": self.reason,
            "hint": self.hint,
            **self.found,
        }

    def as_text(self) -> str:
        """The same as JSON, for a file of its own."""
        return json.dumps(self.as_data(), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Optional[Refusal]:
        """Read it back; ``None`` where it is none, or damaged."""
        try:
            return cls.from_data(json.loads(text))
        except (ValueError, RecursionError):
            return None

    @classmethod
    def from_data(cls, data: Any) -> Optional[Refusal]:
        """Read it back; ``None`` where it is none, or damaged."""
        try:
            at = datetime.strptime(data["at"], _TIME_FORMAT).replace(tzinfo=timezone.utc)
            digest, reason, hint = (data[key] for key in ("digest", "reason", "hint"))
            found = {key: list(data[key]) for key in _FOUND}
        except (KeyError, TypeError, ValueError):
            return None
        texts = [digest, reason, hint, *(text for entries in found.values() for text in entries)]
        return cls(digest, at, reason, hint, found) if all(isinstance(text, str) for text in texts) else None


def refusal_digest(request: str, template: Template, acceptance: Acceptance, *, allow_unverified_chain: bool) -> str:
    """What tells whether a certificate that was refused is asked for again, and would be refused again.

    :param request: the digest of the request.
    :param template: whose trust says which issuers are known.
    :param allow_unverified_chain: whether any issuer will do.
    """
    return request_digest(
        request=request,
        on_lost=acceptance.on_lost,
        allowed_lost=sorted(map(str.lower, acceptance.allowed_lost)),
        allow_unverified_chain=allow_unverified_chain,
        trust=[template.ca_certificate, template.ca_path, template.ca_fingerprint, template.use_system_trust],
    )
