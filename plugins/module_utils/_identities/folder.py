# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder with the certificates of many identities on a POSIX host, as one call has it: its files, and its journal.

What outlives what: whatever was written when a process is killed is there for the next one, since the system has it.
What a power failure leaves has to be on the disk, and to wait for that costs more than a certificate. So keys are made
for several identities that follow one another, and are on the disk together, before the first of them is asked for;
with them comes on the disk what was issued for those before. At the end of the call everything is, and only then the
keys and certificates that are in their files are forgotten here. What takes the place of an older pair is waited for:
that could be the only one that authenticates a renewal.

``.est-identities`` says what was issued for what, ``.est-wave`` has what is not finished, and ``.est-reload`` names the
services that have not been told.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Dict, List, Mapping, Optional, Tuple

from .._certificate.note import Chain
from .._certificate.outputs import Pkcs12
from .._files.attributes import Attributes
from .._files.folder import Folder, is_private
from .._files.lock import locked
from .._files.paths import in_words, open_folder
from .._files.reading import name_beside
from ..est.base.errors import EstError, InputError
from ..est.x509.keys import KeySpec, generate_key, load_private_key, private_key_pem, spec_of_key
from .journal import Note, Notes, Unfinished

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from ..est.x509.fields import Certificate

_JOURNAL, _WAVE, _RELOAD, _ROOM = ".est-identities", ".est-wave", ".est-reload", ".est-room"
_ROOM_OCTETS = 256 * 1024
_MAX_OCTETS, _MAX_JOURNAL = 256 * 1024, 128 * 1024 * 1024
_FOLDER_MODE = 0o700
#: So many keys come on the disk together. An RSA key takes so long that another one is not made before it is needed.
_TOGETHER = 25
_SLOW = "rsa"
_HINT = "Check the folder, the free space, and the user that the task runs as on the host."


class IdentityFolder:
    """The folder, while one call is at it.

    :param path: where it is; it is made where it is missing.
    :param reload: services that are to be told when a file changes.
    :param attributes: owner, mode and context of files; ``None`` where nothing is asked of them.
    :param backup: keep files that a new certificate replaces.
    :param check: only look: nothing is changed.
    """

    def __init__(
        self,
        path: str,
        *,
        reload: Sequence[str] = (),
        attributes: Optional[Attributes] = None,
        backup: bool = False,
        check: bool,
    ) -> None:
        self.path = path
        self.attributes = attributes
        self.backup = backup
        self.check = check
        self._reload = tuple(reload)
        self._folder: Optional[Folder] = None
        #: The names of all that is in it.
        self.names: Dict[str, None] = {}
        self.notes = Notes()
        self.unfinished = Unfinished()
        self._owed: Tuple[str, ...] = ()
        self._has_room = False
        self._coming: List[str] = []
        self._made: Dict[str, PrivateKeyTypes] = {}
        self._written: Dict[str, None] = {}
        self._tried: Dict[Tuple[str, type], None] = {}
        self._chains: Dict[Tuple[Certificate, ...], Chain] = {}

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
                    held.callback(folder.unlink, _ROOM)
                    self.keep_room()
                self.names = dict.fromkeys(folder.names())
                self._read()
            except OSError as error:
                raise not_kept(error, "not_received") from None
            yield self
            try:
                self._finish()
            except OSError as error:
                raise not_kept(error) from None

    def _read(self) -> None:
        noted, wave = self._content(_JOURNAL), self._content(_WAVE)
        shorter = self.notes.read(noted)
        self.unfinished.read(wave)
        if not self.check:
            if shorter or self._is_of_others(_JOURNAL):
                self.write(_JOURNAL, shorter or noted, durable=True)
            # What is added to half a line would be lost with it.
            if self._is_of_others(_WAVE) or (wave and not wave.endswith(b"\n")):
                self._write_unfinished()
        with contextlib.suppress(ValueError, RecursionError):
            owed = json.loads(self._content(_RELOAD) or b"[]")
            self._owed = tuple(name for name in owed if isinstance(name, str)) if isinstance(owed, list) else ()

    def _is_of_others(self, name: str) -> bool:
        """Whether others could read what is added to a file: it was there before in a folder of theirs, or was given
        to them."""
        status = self.folder.look(name) if name in self.names else None
        return status is not None and not is_private(status)

    def _content(self, name: str) -> bytes:
        return (self.folder.read(name, _MAX_JOURNAL).content or b"") if name in self.names else b""

    def _finish(self) -> None:
        """Have everything on the disk, and forget what is finished then."""
        if self.check:
            return
        for name in self._made:
            self.unfinished.finish(name)  # a key that nobody was asked for
        self._write_notes()
        if self._written:
            self.folder.sync_all(tuple(self._written))
            self._written = {}
        if self.unfinished.is_stale:
            self._write_unfinished()

    def _write_unfinished(self) -> None:
        rest = self.unfinished.lines()
        if rest:
            self.write(_WAVE, rest, durable=True)
        else:
            self.remove(_WAVE)

    def _write_notes(self) -> None:
        new = self.notes.new
        if new:
            self._append(_JOURNAL, new)
            self.notes.are_written()
            self._written[_JOURNAL] = None

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

    def write(
        self,
        name: str,
        content: bytes,
        *,
        mode: int = 0o600,
        attributes: Optional[Attributes] = None,
        durable: bool = False,
    ) -> None:
        """Replace a file, or make it. Where the disk is full, the room that was kept is given up for it.

        :param durable: it is on the disk then; else at the end of the call.
        """
        # Of our own files, keys among them, whoever had one of that name gets none.
        like = name if name in self.names and not name.startswith(".") else ""
        part = name_beside(name, "part")

        def write() -> None:
            self.folder.write(name, content, part=part, mode=mode, like=like, attributes=attributes, durable=durable)

        try:
            write()
        except OSError:
            self._give_up_room()
            write()
        self.names[name] = None
        if not durable:
            self._written[name] = None

    def _append(self, name: str, content: bytes) -> None:
        try:
            self.folder.append(name, content, private=True)
        except OSError:
            self._give_up_room()
            self.folder.append(name, b"\n" + content, private=True)  # half a line may be there
        self.names[name] = None

    def _give_up_room(self) -> None:
        self._has_room = False
        self.folder.unlink(_ROOM)

    def keep_room(self) -> None:
        """Find room for one more certificate, where what was kept for that is given up.

        :raises OSError: there is none.
        """
        if not self._has_room:
            self.folder.reserve(_ROOM, _ROOM_OCTETS)
            self._has_room = True

    def remove(self, name: str) -> None:
        """Remove a file, where it is there."""
        if name in self.names:
            self.folder.unlink(name)
            del self.names[name]
            self._written.pop(name, None)

    def keep_aside(self, name: str, kind: str) -> str:
        """Keep a file under another name as well, which begins with a dot, and return its path."""
        return self.folder.path_of(self.folder.keep_aside(name, name_beside(name, f"{kind}-")))

    def keep(self, name: str, record: Mapping[str, str], *, durable: bool) -> None:
        """Keep what is not finished of a name: see ``Unfinished``.

        :param durable: it is on the disk then; else with the next key, or at the end of the call.
        """
        self._append(_WAVE, self.unfinished.line(name, record))
        if durable:
            self.folder.sync_file(_WAVE)

    def finish(self, name: str, fingerprint: str, note: Note) -> None:
        """Note a certificate that is in its files."""
        self.notes.add(name, fingerprint, note)
        self.unfinished.finish(name)

    def expect(self, names: Sequence[str]) -> None:
        """Say for which names certificates are asked for next, in their order."""
        self._coming = [name for name in reversed(names) if "key" not in self.unfinished.get(name)]

    def key_for(self, name: str, spec: KeySpec) -> PrivateKeyTypes:
        """The key for a name: the one of a request that a killed run had made, or a new one, which is on the disk."""
        made = self._made.pop(name, None)
        if made is not None and spec_of_key(made) == spec:
            return made
        text = self.unfinished.get(name).get("key", "")
        if text and made is None:
            with contextlib.suppress(InputError):
                key = load_private_key(text.encode("ascii"))
                if spec_of_key(key) == spec:
                    return key
        names = [name]
        while self._coming and len(names) < (1 if spec.type == _SLOW else _TOGETHER):
            names += [other for other in (self._coming.pop(),) if other != name]
        self._write_notes()  # with another key the certificate that was unfinished is forgotten
        keys = {other: generate_key(spec) for other in names}
        self._keep_keys(keys)
        self._made.update(keys)
        return self._made.pop(name)

    def _keep_keys(self, keys: Mapping[str, PrivateKeyTypes]) -> None:
        """Have keys on the disk. One that is not there is not asked for."""
        lines = [
            self.unfinished.line(name, {"key": private_key_pem(key).decode("ascii")}) for name, key in keys.items()
        ]
        is_new = _WAVE not in self.names
        try:
            self._append(_WAVE, b"".join(lines))
            self.folder.sync_file(_WAVE)
            if is_new:
                self.folder.sync()
        except OSError:
            for name in keys:
                self.unfinished.finish(name)
            raise

    def try_out(self, pkcs12: Pkcs12, key: PrivateKeyTypes) -> None:
        """Find out, once for each kind of key, whether there can be a PKCS#12 file with it.

        :raises EstError: there can be none.
        """
        kind = pkcs12.encryption, type(key)
        if kind not in self._tried:
            pkcs12.try_out(key)
            self._tried[kind] = None

    def chain_of(self, certificates: Sequence[Certificate]) -> Chain:
        """The texts of a chain, which is the same for most certificates."""
        key = tuple(certificates)
        if key not in self._chains:
            self._chains[key] = Chain.of(key)
        return self._chains[key]

    def will_change(self) -> None:
        """Note, before a file changes, that services are to be told: a run that dies then has not forgotten them."""
        owed = tuple(dict.fromkeys((*self._owed, *self._reload)))
        if owed != self._owed:
            self.write(_RELOAD, json.dumps(owed).encode("ascii"), durable=True)
            self._owed = owed

    @property
    def owed(self) -> Tuple[str, ...]:
        """The services that have not been told of the last change; one that is not named any more need not be."""
        return tuple(name for name in self._reload if name in self._owed)

    def told(self) -> None:
        """Note that the services have been told."""
        self._owed = ()
        self.remove(_RELOAD)


def not_kept(error: OSError, request_received: str = "received") -> EstError:
    """The error of a file that cannot be read or written."""
    return EstError(
        f"the certificates cannot be kept: {in_words(error)}",
        code="not_saved",
        stage="save",
        request_received=request_received,
        hint=_HINT,
    )
