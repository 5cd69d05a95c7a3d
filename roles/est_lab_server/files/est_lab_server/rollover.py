# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the root: the four certificates of RFC 4210 section 4.4, which cacerts has meanwhile (RFC 7030 4.1.3)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from cryptography import x509

from .authority import Authority, key_type_of, now

KINDS = {
    "complete": "OldWithOld, OldWithNew, NewWithOld and NewWithNew",
    "no-new-with-old": "without NewWithOld, which clients of the old root need",
    "no-old-with-new": "without OldWithNew",
    "no-cross": "only the two roots",
    "new-only": "only the new root",
    "expired-cross": "NewWithOld ended yesterday",
    "forged-cross": "NewWithOld is signed by a stranger of the old root's name",
}
_LEFT_OUT = {
    "no-new-with-old": {"NewWithOld"},
    "no-old-with-new": {"OldWithNew"},
    "no-cross": {"NewWithOld", "OldWithNew"},
    "new-only": {"NewWithOld", "OldWithNew", "OldWithOld"},
}
_CROSS_DAYS = 365


@dataclass(frozen=True)
class Rollover:
    """The old and the new issuing authority, whose roots have the same name and different keys."""

    kind: str
    old: Authority
    new: Authority
    new_with_old: x509.Certificate
    old_with_new: x509.Certificate

    @classmethod
    def between(cls, kind: str, old: Authority, new: Authority) -> Rollover:
        """Make the cross certificates. `kind` is one of KINDS."""
        start = now() - datetime.timedelta(days=30)
        end = now() + datetime.timedelta(days=-1 if kind == "expired-cross" else _CROSS_DAYS)
        signer = old.root
        if kind == "forged-cross":
            signer = Authority.create("EST Lab Root CA", key_type_of(old.private_key))
        return cls(
            kind,
            old,
            new,
            new_with_old=signer.certify(new.root, start, end).certificate,
            old_with_new=new.root.certify(old.root, start, now() + datetime.timedelta(days=_CROSS_DAYS)).certificate,
        )

    def certificates(self) -> list[x509.Certificate]:
        """What cacerts answers: the authorities below the new root, the roots and the cross certificates."""
        roots = {
            "OldWithOld": self.old.root.certificate,
            "OldWithNew": self.old_with_new,
            "NewWithOld": self.new_with_old,
            "NewWithNew": self.new.root.certificate,
        }
        kept = [certificate for name, certificate in roots.items() if self._has(name)]
        return [*self.new.chain[:-1], *kept]

    def server_chain(self) -> list[x509.Certificate]:
        """What a server certificate of the new root needs beside it for clients that only know the old root."""
        return [self.new_with_old] if self._has("NewWithOld") else []

    def _has(self, name: str) -> bool:
        return name not in _LEFT_OUT.get(self.kind, ())
