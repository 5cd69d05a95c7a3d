# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of many identities in one folder of a POSIX host.

Each has ``NAME.pem``, the certificate and then its intermediates, and ``NAME.key``; where it has a passphrase, both are
in ``NAME.p12`` as well. While one is asked for, its key is
in ``.NAME.est-key``, so that a run that is killed costs no more than that one request, which the next run makes again
with the same key. A certificate that came is complete in ``.NAME.est-next`` before the key and then the certificate get
their names; whoever finds it there does the rest. ``.NAME.est-pending`` is a request that waits for approval,
``.NAME.est-refused`` says why one was refused.

What was issued for what is in ``.est-identities``, a line each, to which a run adds: a file of its own for each of ten
thousand would cost more than the certificates.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from .._certificate.holder import CurrentCertificate, Recovered
from .._certificate.judge import Refusal
from .._certificate.note import Chain
from .._certificate.outputs import Pkcs12
from .._files.folder import Folder
from .._files.lock import locked
from .._files.paths import in_words, open_folder
from .._files.reading import name_beside
from ..est.base.errors import EstError, InputError
from ..est.x509.certificate import fingerprint_sha256, pem
from ..est.x509.client_certificate import ClientCertificate, private_key_block
from ..est.x509.held_certificate import HeldCertificate, read_first_certificate
from ..est.x509.keys import KeySpec, generate_key, load_private_key, private_key_pem, same_public_key, spec_of_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from ..est.x509.fields import Certificate

_JOURNAL, _ROOM = ".est-identities", ".est-room"
_ROOM_OCTETS = 256 * 1024
_KEY, _NEXT, _PKCS12, _PENDING, _REFUSED, _UNUSABLE = "key", "next", "p12", "pending", "refused", "unusable"
#: What a file with a pair in PKCS#12 ends in, and a certificate in PEM.
_P12, _END = ".p12", "-----END CERTIFICATE-----\n"
_KEPT = "kept-"
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


class IdentityFiles:
    """The certificate of one identity with its key; see ``CertificateHolder``.

    :param home: the folder.
    :param name: of its files, without what stands for their kind.
    :param pkcs12: the file that is wanted beside the pair, with its name in the folder; ``None`` for none.
    """

    def __init__(self, home: IdentityFolder, name: str, pkcs12: Optional[Pkcs12] = None) -> None:
        self._home = home
        self._name = name
        self._pkcs12 = pkcs12
        self._held: Optional[HeldCertificate] = None
        self._text_of_chain = ""
        self._certificate_name, self._key_name = f"{name}.pem", f"{name}.key"
        self._strange_key = False
        self._made: Optional[PrivateKeyTypes] = None
        #: Whether anything was changed so far, whatever becomes of the run.
        self.changed = False

    def read(self) -> CurrentCertificate:
        """See ``CertificateHolder.read()``. What a killed run had got is put in place first."""
        try:
            recovered = self._finish()
            text, key_text = self._text(self._certificate_name), self._text(self._key_name)
        except OSError as error:
            raise not_kept(error, "not_received") from None
        self._strange_key = bool(key_text)
        if not text.strip():
            return CurrentCertificate(recovered=recovered)
        try:
            first = read_first_certificate(text, repr(self.place()))
        except InputError as error:
            return CurrentCertificate(defect=error.reason, recovered=recovered)
        if not key_text:
            defect = f"its private key {self._path(self._key_name)} was not there"
            return CurrentCertificate(first[1], defect=defect, recovered=recovered)
        tls = ClientCertificate(
            self.place(),
            self._path(self._key_name),
            certificate_pem=text,
            key_pem=private_key_block(key_text),
        )
        try:
            held = HeldCertificate.with_key(first, key_text, tls, repr(self.place()))
        except InputError as error:
            return CurrentCertificate(first[1], defect=error.reason, recovered=recovered)
        digest = self._home.issued.get(self._name, {}).get(fingerprint_sha256(first[1]), "")
        self._strange_key = not digest
        self._held, self._text_of_chain = held, text
        return CurrentCertificate(first[1], held, digest=digest, key=held.key, recovered=recovered)

    def _finish(self) -> Tuple[Recovered, ...]:
        """Put in place what a run that was killed had got, or remove what is not complete."""
        text = self._own(_NEXT)
        if text is None:
            if not self._home.check:
                self._home.remove(self._beside(_PKCS12))  # it came to nothing
            return ()
        is_new = self._is_key_of(text, self._own(_KEY))
        complete = is_new or self._is_key_of(text, self._home.read(self._key_name))
        if not self._home.check:
            self.changed = True
            if not complete:
                self._home.remove(self._beside(_NEXT))
                self._home.remove(self._beside(_PKCS12))
            else:
                self._take_over(new_key=is_new)
        if not complete:
            return ()
        return (Recovered("a run that was killed had left a new certificate and its key beside the old ones"),)

    @staticmethod
    def _is_key_of(text: bytes, key: Optional[bytes]) -> bool:
        """Whether a certificate came whole, and a key is its own."""
        try:
            certificate = read_first_certificate(text.decode("latin-1"), "")[1]
            return key is not None and same_public_key(load_private_key(key), certificate)
        except InputError:
            return False

    def _take_over(self, *, new_key: bool) -> None:
        """Give the new key, where there is one, and the new certificate their names."""
        if new_key:
            self._home.rename(self._beside(_KEY), self._key_name)
        if self._beside(_PKCS12) in self._home.names:
            self._home.rename(self._beside(_PKCS12), f"{self._name}{_P12}")
        self._home.rename(self._beside(_NEXT), self._certificate_name)

    def mend(self) -> Tuple[Sequence[Recovered], Sequence[str]]:
        """See ``CertificateHolder.mend()``: a PKCS#12 file that is not there is made of the pair."""
        held = self._held
        if self._pkcs12 is None or held is None or self._pkcs12.path in self._home.names:
            return (), ()
        if not self._home.check:
            chain = Chain(self._text_of_chain.partition(_END)[2].lstrip())
            content = self._pkcs12.text(held.certificate, held.key, chain).encode("latin-1")
            try:
                self._home.write(self._pkcs12.path, content)
            except OSError as error:
                raise not_kept(error, "not_received") from None
            self.changed = True
        return (Recovered(f"{self._path(self._pkcs12.path)} was not there"),), ()

    def refuse_unwritable(self) -> Sequence[str]:
        """See ``CertificateHolder.refuse_unwritable()``: the folder was tried when it was opened."""
        return ()

    def reserved(self) -> contextlib.AbstractContextManager[None]:
        """See ``CertificateHolder.reserved()``: there is room for all of a run."""
        return contextlib.nullcontext()

    def make_key(self, spec: KeySpec) -> PrivateKeyTypes:
        """See ``CertificateHolder.make_key()``. The key of a request that a killed run had made is used again."""
        text = self._own(_KEY)
        if text is not None:
            with contextlib.suppress(InputError):
                key = load_private_key(text)
                if spec_of_key(key) == spec:
                    return key
        key = self._made = generate_key(spec)
        self._write(_KEY, private_key_pem(key))
        return key

    def read_pending(self) -> Optional[Mapping[str, str]]:
        """See ``CertificateHolder.read_pending()``."""
        try:
            kept = json.loads(self._own(_PENDING) or b"null")
        except (ValueError, RecursionError):
            return None
        except OSError as error:
            raise not_kept(error, "not_received") from None
        whole = isinstance(kept, dict) and all(isinstance(text, str) for text in kept.values())
        return kept if whole else None

    def save_pending(self, files: Mapping[str, str]) -> None:
        """See ``CertificateHolder.save_pending()``. The key is among it."""
        self._write(_PENDING, json.dumps(dict(files)).encode("ascii"))
        self._remove(_KEY)

    def drop_pending(self) -> bool:
        """See ``CertificateHolder.drop_pending()``."""
        there = self._beside(_PENDING) in self._home.names
        if there and not self._home.check:
            self._remove(_PENDING)
        return there

    def read_refusal(self) -> Optional[Refusal]:
        """See ``CertificateHolder.read_refusal()``."""
        try:
            text = self._own(_REFUSED)
        except OSError:
            return None
        return None if text is None else Refusal.from_text(text.decode("utf-8", "replace"))

    def save_refusal(self, refusal: Refusal) -> None:
        """See ``CertificateHolder.save_refusal()``."""
        self._write(_REFUSED, refusal.as_text().encode("utf-8"))

    def save(
        self,
        certificate: Certificate,
        chain: Sequence[Certificate],
        key: Any,
        digest: str,
        about: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """See ``CertificateHolder.save()``. There is no note here of what that is about."""
        above = Chain.of(chain)
        try:
            self._home.remove(self._beside(_PKCS12))  # of a run that was killed
            if self._pkcs12 is not None:
                held = key if key is not None or self._held is None else self._held.key
                content = self._pkcs12.text(certificate, held, above).encode("latin-1")
                self._home.write(self._beside(_PKCS12), content)
            if key is not None and not self._is_kept(key):
                self._home.write(self._beside(_KEY), private_key_pem(key))
            if key is not None and self._strange_key:  # somebody may need it
                self._home.folder.keep_aside(self._key_name, self._beside(_KEPT))
            self._home.note(self._name, digest, fingerprint_sha256(certificate))
            self._home.write(
                self._beside(_NEXT), f"{pem(certificate)}{above.intermediates}".encode("ascii"), mode=0o644
            )
            self._take_over(new_key=key is not None)
        except OSError as error:
            raise not_kept(error) from None
        self.changed = True
        for kind in (_PENDING, _REFUSED):
            self._remove(kind)

    def _is_kept(self, key: PrivateKeyTypes) -> bool:
        """Whether the key that is kept for a request is this one."""
        return key is self._made or self._own(_KEY) == private_key_pem(key)

    def save_unusable(self, certificates: str, key: str) -> str:
        """See ``CertificateHolder.save_unusable()``."""
        self._write(_UNUSABLE, (certificates + key).encode("ascii"))
        self._remove(_KEY)
        return self._path(self._beside(_UNUSABLE))

    def describe(self, certificate: Certificate) -> Dict[str, Any]:
        """See ``CertificateHolder.describe()``."""
        return {"path": self.place()}

    def places(self) -> Dict[str, str]:
        """See ``CertificateHolder.places()``."""
        pkcs12 = {} if self._pkcs12 is None else {"pkcs12_path": self._path(self._pkcs12.path)}
        return {"certificate_path": self.place(), "private_key_path": self._path(self._key_name), **pkcs12}

    def place(self) -> str:
        """See ``CertificateHolder.place()``."""
        return self._path(self._certificate_name)

    def _path(self, name: str) -> str:
        return f"{self._home.path}/{name}"

    def _beside(self, kind: str) -> str:
        return name_beside(self._name, kind)

    def _own(self, kind: str) -> Optional[bytes]:
        return self._home.read(self._beside(kind))

    def _text(self, name: str) -> str:
        return (self._home.read(name) or b"").decode("latin-1")

    def _write(self, kind: str, content: bytes) -> None:
        try:
            self._home.write(self._beside(kind), content)
        except OSError as error:
            raise not_kept(error) from None
        self.changed = True

    def _remove(self, kind: str) -> None:
        try:
            self._home.remove(self._beside(kind))
        except OSError as error:
            raise not_kept(error) from None
