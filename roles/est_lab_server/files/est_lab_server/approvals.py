# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manual approval: a public key has to ask more than once before it gets a certificate (RFC 7030 section 4.2.3)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections import Counter as CounterType
from typing import Optional


class Approvals:
    """Counts the requests of every public key. Kept in memory only."""

    def __init__(self, times: int) -> None:
        """`times` is how many requests of a key are put off before one is granted."""
        self._times = times
        self._seen: CounterType[str] = Counter()
        self._lock = threading.Lock()

    def granted(self, public_key_digest: str) -> bool:
        """Count one more request of the key, and tell whether it may have its certificate now."""
        with self._lock:
            self._seen[public_key_digest] += 1
            return self._seen[public_key_digest] > self._times


def retry_after_value(flag: str) -> Optional[str]:
    """The Retry-After header (RFC 9110 section 10.2.3) for the flag's value.

    `none` gives no header, `date:SECONDS` an HTTP-date that many seconds from now; anything else is sent as it is.
    """
    if flag == "none":
        return None
    if flag.startswith("date:"):
        moment = time.gmtime(time.time() + int(flag[len("date:") :]))
        return time.strftime("%a, %d %b %Y %H:%M:%S GMT", moment)
    return flag
