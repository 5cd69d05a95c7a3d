# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nonces of Digest authentication: which were given out, how often and up to which count they were used."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

_KEPT = 10_000


@dataclass
class _Use:
    times: int = 0
    last_count: int = 0


class Nonces:
    """Gives out nonces. Kept in memory only."""

    def __init__(self, uses: int) -> None:
        """`uses` is how many requests a nonce is good for, 0 for any number."""
        self._uses = uses
        self._of: OrderedDict[str, _Use] = OrderedDict()
        self._lock = threading.Lock()

    def new(self) -> str:
        """One more nonce."""
        nonce = secrets.token_urlsafe(18)
        with self._lock:
            self._of[nonce] = _Use()
            while len(self._of) > _KEPT:
                self._of.popitem(last=False)
        return nonce

    def is_stale(self, nonce: str) -> bool:
        """Whether the nonce is used up, or none of this server's."""
        with self._lock:
            use = self._of.get(nonce)
            return use is None or 0 < self._uses <= use.times

    def use(self, nonce: str, count: int) -> bool:
        """Note a request; gives whether its nonce count is above all before (RFC 7616 section 3.4)."""
        with self._lock:
            use = self._of.setdefault(nonce, _Use())
            if count <= use.last_count:
                return False
            use.times, use.last_count = use.times + 1, count
            return True
