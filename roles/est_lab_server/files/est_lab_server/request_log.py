# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request log: one JSON object a line."""

from __future__ import annotations

import datetime
import json
import threading
from typing import IO, Any, Optional


class RequestLog:
    """Writes entries to a file, or nowhere. A line is complete on disk before the answer that it tells of is sent."""

    def __init__(self, path: Optional[str]) -> None:
        """Open the file for appending. Raises OSError."""
        self._lock = threading.Lock()
        self._stream: Optional[IO[str]] = open(path, "a", encoding="utf-8") if path else None  # noqa: SIM115 (open until the end)

    def write(self, event: str, **entry: Any) -> None:
        """Add an entry. Values must not hold secrets."""
        time = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "event": event, **entry}, ensure_ascii=True)
        with self._lock:
            if self._stream is not None:
                self._stream.write(line + "\n")
                self._stream.flush()

    def close(self) -> None:
        """Close the file. What is written later goes nowhere."""
        with self._lock:
            if self._stream is not None:
                self._stream.close()
            self._stream = None
