# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the certificates of a folder, as lines of JSON to which a run adds.

A file of its own for each of ten thousand would cost more than the certificates.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from .._value import Value, field

#: How many certificates of a name are known: the one that is there, and the one that is to take its place.
_KEPT_NOTES = 2
#: The journal is written anew where it has more lines than this times its names.
_MOST_LINES = 4
_CHAIN = "chain"


class Note(Value):
    """What is known of one certificate.

    :param digest: of what was asked for; empty where nothing is known of it.
    :param intermediates: what follows it in its PEM file; ``None`` where that is not known.
    :param more: of its PKCS#12 file, see ``sealed.py``, and of its key.
    """

    digest: str = ""
    intermediates: Optional[str] = None
    more: Mapping[str, str] = field(default_factory=dict)


class Notes:
    """What was issued for what, by the names of files and the fingerprints of certificates.

    The CA certificates above thousands of certificates are the same: they are there once.
    """

    def __init__(self) -> None:
        self._notes: Dict[str, Dict[str, Note]] = {}
        self._chains: Dict[str, str] = {}
        self._new: List[bytes] = []

    def find(self, name: str, fingerprint: str) -> Note:
        """What is known of a certificate."""
        return self._notes.get(name, {}).get(fingerprint) or Note()

    def sealed(self, name: str) -> Sequence[str]:
        """SHA-256 over the PKCS#12 files of a name that were noted."""
        return [text for note in self._notes.get(name, {}).values() for text in note.more.values()]

    def add(self, name: str, fingerprint: str, note: Note) -> None:
        """Note what is known of a certificate; ``new`` has the lines for it."""
        self._remember(name, fingerprint, note)
        self._new.extend(self._lines(name, fingerprint, note, self._chains))

    @property
    def new(self) -> bytes:
        """The lines for what was added since ``are_written()``."""
        return b"".join(self._new)

    def are_written(self) -> None:
        """Say that these lines are in the file."""
        self._new = []

    def read(self, content: bytes) -> bytes:
        """Read lines.

        :returns: what is to replace them, where they are torn or too many; else nothing.
        """
        lines = content.splitlines()
        for line in lines:
            found = _read(line)
            if isinstance(found, list) and len(found) >= 3 and all(isinstance(text, str) for text in found[:3]):
                self._read(*found[:4])
        torn = bool(content) and not content.endswith(b"\n")
        if not torn and len(lines) <= _MOST_LINES * (len(self._notes) + 25):
            return b""
        chains: Dict[str, str] = {}
        return b"".join(
            line
            for name, noted in self._notes.items()
            for fingerprint, note in noted.items()
            for line in self._lines(name, fingerprint, note, chains)
        )

    def _read(self, name: str, fingerprint: str, text: str, more: Any = None) -> None:
        if not name:
            self._chains[fingerprint] = text
            return
        more = {key: value for key, value in more.items() if isinstance(value, str)} if isinstance(more, dict) else {}
        self._remember(name, fingerprint, Note(text, self._chains.get(more.pop(_CHAIN, "-")), more))

    def _remember(self, name: str, fingerprint: str, note: Note) -> None:
        noted = self._notes.setdefault(name, {})
        noted.pop(fingerprint, None)
        noted[fingerprint] = note
        while len(noted) > _KEPT_NOTES:
            del noted[next(iter(noted))]

    @staticmethod
    def _lines(name: str, fingerprint: str, note: Note, chains: Dict[str, str]) -> Iterator[bytes]:
        """The lines of a note, with that of its chain where it is not among ``chains``."""
        more = dict(note.more)
        if note.intermediates is not None:
            more[_CHAIN] = _name_of(note.intermediates)
            if more[_CHAIN] not in chains:
                chains[more[_CHAIN]] = note.intermediates
                yield _line(["", more[_CHAIN], note.intermediates])
        yield _line([name, fingerprint, note.digest, more])


class Unfinished:
    """Keys that are asked for, and certificates that came and are not in their files yet, by the names of files."""

    def __init__(self) -> None:
        self._found: Dict[str, Dict[str, str]] = {}
        #: Whether something is finished that the file still has.
        self.is_stale = False

    def get(self, name: str) -> Mapping[str, str]:
        """What is there of a name: ``key`` and ``certificate`` in PEM, and ``digest``."""
        return self._found.get(name, {})

    def line(self, name: str, record: Mapping[str, str]) -> bytes:
        """Remember something of a name, and return the line for it."""
        self._add(name, record)
        return _line([name, record])

    def _add(self, name: str, record: Mapping[str, str]) -> None:
        if "certificate" not in record:
            self._found[name] = {}  # what came before was put in its place, or there would be no other key
        self._found.setdefault(name, {}).update(record)

    def finish(self, name: str) -> None:
        """Forget what is there of a name."""
        self.is_stale |= self._found.pop(name, None) is not None

    def read(self, content: bytes) -> None:
        """Read lines. Half a line is of a run that was killed while it wrote, and counts for nothing."""
        for line in content.splitlines():
            found = _read(line)
            if isinstance(found, list) and len(found) == 2 and isinstance(found[0], str) and isinstance(found[1], dict):
                texts = {key: text for key, text in found[1].items() if isinstance(text, str)}
                self._add(found[0], texts)
        self.is_stale = bool(content) and not self._found

    def lines(self) -> bytes:
        """All that is there."""
        return b"".join(_line([name, record]) for name, record in self._found.items())


def _line(content: Any) -> bytes:
    return json.dumps(content).encode("ascii") + b"\n"


def _read(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _name_of(intermediates: str) -> str:
    return hashlib.sha256(intermediates.encode("latin-1", "replace")).hexdigest()[:16]
