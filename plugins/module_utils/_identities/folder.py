# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder with the certificates of many identities on a POSIX host, as one run has it: its files, and its journal.

What was issued for what is in ``.est-identities``, a line each, to which a run adds: a file of its own for each of ten
thousand would cost more than the certificates.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Dict, Optional

from .._files.folder import Folder
from .._files.lock import locked
from .._files.paths import in_words, open_folder
from .._files.reading import name_beside
from ..est.base.errors import EstError

_JOURNAL, _ROOM = ".est-identities", ".est-room"
_ROOM_OCTETS = 256 * 1024
_MAX_OCTETS, _MAX_JOURNAL = 256 * 1024, 64 * 1024 * 1024
_FOLDER_MODE = 0o700
#: The journal is written anew where it has more lines than this times its names.
_MOST_LINES = 4
#: How many certificates of a name are known.
_KEPT_NOTES = 2
_HINT = "Check the folder, the free space, and the user that the task runs as on the host."


class IdentityFolder:
    """The folder, while one run is at it.

    :param path: where it is; it is made where it is missing.
    :param check: only look: nothing is changed.
    """

    def __init__(self, path: str, *, check: bool) -> None:
        self.path = path
        self.check = check
        self._folder: Optional[Folder] = None
        #: The names of all that is in it.
        self.names: Dict[str, None] = {}
        #: What was asked for, by the fingerprints of what was issued last for each name: the certificate that is there,
        #: and one that is to take its place.
        self.issued: Dict[str, Dict[str, str]] = {}

    @contextlib.contextmanager
    def opened(self) -> Iterator[IdentityFolder]:
        """Open it, and be the only run that changes something in it.

        :raises EstError: that cannot be done, or there is no room for a certificate.
        """
        try:
            self._folder = open_folder(self.path, make=None if self.check else _FOLDER_MODE)
        except FileNotFoundError:
            yield self  # there will be one
            return
        except OSError as error:
            raise not_kept(error, "not_received") from None
        with self._folder as folder, contextlib.ExitStack() as held:
            try:
                if not self.check:
                    held.enter_context(locked(folder))
                    folder.reserve(_ROOM, _ROOM_OCTETS)
                    held.callback(folder.unlink, _ROOM)
                self.names = dict.fromkeys(folder.names())
                self._read_journal()
            except OSError as error:
                raise not_kept(error, "not_received") from None
            yield self

    @property
    def folder(self) -> Folder:
        """The folder.

        :raises FileNotFoundError: there is none.
        """
        if self._folder is None:
            raise FileNotFoundError(2, "No such file or directory", self.path)
        return self._folder

    def read(self, name: str) -> Optional[bytes]:
        """Read a file; ``None`` where there is none.

        :raises OSError: it cannot be read.
        """
        if name not in self.names:
            return None
        found = self.folder.read(name, _MAX_OCTETS)
        if found.problem:
            raise OSError(22, found.problem, self.folder.path_of(name))
        return found.content

    def write(self, name: str, content: bytes, *, mode: int = 0o600) -> None:
        """Replace a file, or make it. Where the disk is full, the room that was kept is given up for it."""
        part = name_beside(name, "part")
        try:
            self.folder.write(name, content, part=part, mode=mode, like=name if name in self.names else "")
        except OSError:
            self.folder.unlink(_ROOM)
            self.folder.write(name, content, part=part, mode=mode, like=name if name in self.names else "")
        self.names[name] = None

    def rename(self, old: str, new: str) -> None:
        """Rename a file, in place of one that has the new name."""
        self.folder.rename(old, new)
        self.names.pop(old, None)
        self.names[new] = None

    def remove(self, name: str) -> None:
        """Remove a file, where it is there."""
        if name in self.names:
            self.folder.unlink(name)
            del self.names[name]

    def note(self, name: str, digest: str, fingerprint: str) -> None:
        """Note for what a certificate is issued that is about to get its name."""
        self._remember(name, digest, fingerprint)
        self.folder.append(_JOURNAL, _line(name, digest, fingerprint))

    def _remember(self, name: str, digest: str, fingerprint: str) -> None:
        noted = self.issued.setdefault(name, {})
        noted[fingerprint] = digest
        while len(noted) > _KEPT_NOTES:
            del noted[next(iter(noted))]

    def _read_journal(self) -> None:
        found = self.folder.read(_JOURNAL, _MAX_JOURNAL)
        lines = (found.content or b"").splitlines()
        for line in lines:
            try:
                name, digest, fingerprint = json.loads(line)
            except (ValueError, TypeError):
                continue  # half a line of a run that was killed
            if all(isinstance(text, str) for text in (name, digest, fingerprint)):
                self._remember(name, digest, fingerprint)
        torn = bool(found.content) and not (found.content or b"").endswith(b"\n")
        if (torn or len(lines) > _MOST_LINES * (len(self.issued) + 25)) and not self.check:
            text = b"".join(
                _line(name, digest, fingerprint)
                for name, noted in self.issued.items()
                for fingerprint, digest in noted.items()
            )
            self.folder.write(_JOURNAL, text, part=name_beside(_JOURNAL, "part"))


def _line(name: str, digest: str, fingerprint: str) -> bytes:
    return json.dumps([name, digest, fingerprint]).encode("ascii") + b"\n"


def not_kept(error: OSError, request_received: str = "received") -> EstError:
    """The error of a file that cannot be read or written."""
    return EstError(
        f"the certificates cannot be kept: {in_words(error)}",
        code="not_saved",
        stage="save",
        request_received=request_received,
        hint=_HINT,
    )
