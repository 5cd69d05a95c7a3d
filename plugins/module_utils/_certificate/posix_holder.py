# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A production certificate in files of a POSIX host.

Beside the certificate lies ``<certificate>.note``: what it was issued for, so that a later run can tell whether the
same is asked for, and why the last one was refused, where it was. Beside the key lies ``<key>.pending`` while a request
waits for approval: its key and the request. ``<certificate>.unusable`` is the last one that was issued and could not be
used, with its key.
"""

from __future__ import annotations

import json
import os
import re
import stat
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence

from .._files.accounts import other_writers
from .._files.lock import locked
from .._files.paths import in_words
from ..est.base.errors import EstError, InputError
from ..est.x509.certificate import fingerprint_sha256
from ..est.x509.client_certificate import ClientCertificate
from ..est.x509.held_certificate import HeldCertificate, read_first_certificate
from ..est.x509.keys import KeySpec
from ..est.x509.pair_files import PairFiles, Place
from ..est.x509.path import is_self_signed
from .holder import CurrentCertificate
from .judge import Refusal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from ..est.x509.fields import Certificate

_FORMAT_VERSION = 1
_NOTE, _PENDING, _UNUSABLE = ".note", ".pending", ".unusable"
#: A file with more is a collection of trusted CAs, and nothing of one certificate.
_MOST_CERTIFICATES = 16
_CERTIFICATE, _PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*CERTIFICATE-----"), re.compile("PRIVATE KEY-----")
_HINT = "Check the paths, the free space, and the user that the task runs as on the host."


class FileHolder:
    """Keeps one certificate with its key in PEM files. See ``CertificateHolder``.

    :param certificate_path: the certificate, followed by its intermediates where ``chain_path`` is ``None``.
    :param private_key_path: the key, not encrypted; it can be the same file.
    :param chain_path: the CA certificates from the issuer up to the trust anchor.
    :param check: only look: ``read()`` changes nothing.
    """

    def __init__(
        self, certificate_path: str, private_key_path: str, chain_path: Optional[str] = None, *, check: bool = False
    ) -> None:
        self._certificate_path = certificate_path
        self._key_path = private_key_path
        self._chain_path = chain_path
        self._check = check
        self._opened: Optional[PairFiles] = None
        self._noted_before: Dict[str, str] = {}
        self._strange_key = False
        self._has_chain = False

    @property
    def _files(self) -> ClientCertificate:
        one_file = os.path.realpath(self._certificate_path) == os.path.realpath(self._key_path)
        key_path = None if one_file else self._key_path
        return ClientCertificate(self._certificate_path, key_path, chain_path=self._chain_path)

    @property
    def _pair(self) -> PairFiles:
        """The files, whose folders are opened once for the whole run.

        :raises OSError: they cannot be opened.
        """
        if self._opened is None:
            self._opened = PairFiles(self._files)
        return self._opened

    def read(self) -> CurrentCertificate:
        """Look at the files. What a killed run left half-way is put right first; in check mode it is only looked at.

        :raises EstError: a file cannot be read, or holds something else, which would be lost.
        """
        try:
            texts = self._pair.read(check=self._check)
        except OSError as error:
            raise EstError(
                f"certificate and key cannot be read: {in_words(error)}", stage="input", hint=_HINT
            ) from None
        text, key_text, chain = texts.certificate or "", texts.key or "", texts.chain or ""
        self._refuse_others(text, key_text, chain)
        found = self._found(text, key_text, chain)
        # One that is empty is there: a CA need not send one, and on_unverified_chain can let that pass.
        lacks_chain = self._chain_path is not None and texts.chain is None
        lacks = f"the chain {self._chain_path} was not there" if lacks_chain else ""
        return found.replace(lacks=lacks, finished=texts.finished)

    def _found(self, text: str, key_text: str, chain: str) -> CurrentCertificate:
        self._strange_key = bool(key_text.strip())
        self._has_chain = bool(chain.strip())
        if not text.strip():
            return CurrentCertificate()
        where = repr(self._certificate_path)
        try:
            first = read_first_certificate(text, where)
        except InputError as error:
            return CurrentCertificate(defect=error.reason)
        certificate = first[1]
        if not key_text.strip():
            return CurrentCertificate(certificate, defect=f"its private key {self._key_path} was not there")
        try:
            held = HeldCertificate.with_key(first, key_text, self._tls(), where)
        except InputError as error:
            return CurrentCertificate(certificate, defect=error.reason)
        fingerprint = fingerprint_sha256(certificate)
        digest = self._noted(fingerprint)
        self._strange_key = not digest
        self._noted_before = {fingerprint: digest} if digest else {}
        return CurrentCertificate(certificate, held, digest=digest, key=held.key)

    def _tls(self) -> ClientCertificate:
        """What authenticates a connection: the chain goes along where there is one."""
        return self._files if self._has_chain else self._files.replace(chain_path=None)

    def _refuse_others(self, text: str, key_text: str, chain: str) -> None:
        """Refuse to replace what is neither certificate nor key: somebody mistyped a path."""
        for option, path, content, marker in (
            ("certificate_path", self._certificate_path, text, _CERTIFICATE),
            ("private_key_path", self._key_path, key_text, _PRIVATE_KEY),
            ("chain_path", self._chain_path, chain, _CERTIFICATE),
        ):
            problem = ""
            if content.strip() and not marker.search(content):
                problem = "it is not a PEM file of this kind"
            elif len(_CERTIFICATE.findall(content)) > _MOST_CERTIFICATES:
                problem = f"it holds more than {_MOST_CERTIFICATES} certificates"
            if problem:
                raise InputError(
                    f"{option} is {path!r}, and what is in that file would be lost: {problem}",
                    hint="Name another file, or remove it.",
                )

    def refuse_unwritable(self) -> Sequence[str]:
        """Look whether the files can be written.

        :returns: warnings: of folders that other accounts can write to, and in check mode of those that are not there:
            an earlier task may only say that it makes one.
        :raises EstError: at stage ``save``.
        """
        warnings: Dict[str, None] = {}
        for place in self._pair.places:
            folder, problem = os.path.dirname(os.path.realpath(place.path)), ""
            if place is self._pair.chain and (place.is_at(self._pair.key) or place.is_at(self._pair.certificate)):
                problem = f"{place.path} leads to the file of the certificate or of the key"
            elif self._check and not place.exists:
                warnings[f"there is no folder {folder} now, and est_certificate does not make it"] = None
            elif not place.exists:
                problem = f"there is no folder {folder}"
            else:
                problem = _why_not_writable(place)
                writers = other_writers(place.folder)
                if writers:
                    warnings[f"{writers} can write to the folder {folder}, and so replace what is kept in it"] = None
            if problem:
                raise EstError(
                    f"a certificate could not be kept, so none was asked for: {problem}",
                    stage="save",
                    hint="Correct the path, make the folder first, or let the task become a user who may write there.",
                )
        return list(warnings)

    def refuse_key(self, spec: KeySpec) -> None:
        """See ``CertificateHolder.refuse_key()``: a file takes every kind."""

    def read_pending(self) -> Optional[Mapping[str, str]]:
        """What is pending; ``None`` where nothing is.

        :raises EstError: it cannot be read.
        """
        try:
            kept = json.loads(_text(self._pair.key, _PENDING))
        except ValueError:
            return None
        except OSError as error:
            raise EstError(f"the pending request cannot be read: {in_words(error)}", stage="save", hint=_HINT) from None
        whole = isinstance(kept, dict) and all(isinstance(text, str) for text in kept.values())
        return kept if whole else None

    def save_pending(self, files: Mapping[str, str]) -> None:
        """Keep what is pending in one file, mode 0600."""
        self._write(self._pair.key, _PENDING, dict(files))

    def drop_pending(self) -> None:
        """Remove the file of what is pending, where there is one."""
        try:
            if self._pair.key.has(_PENDING):
                self._pair.key.folder.unlink(self._pair.key.name + _PENDING)
        except OSError as error:
            raise _not_kept(error) from None

    def read_refusal(self) -> Optional[Refusal]:
        """What the note says of a certificate that was refused."""
        return Refusal.from_data(self._note().get("refused"))

    def save_refusal(self, refusal: Refusal) -> None:
        """Put it into the note, beside what that says of the certificate that is there."""
        note = {"format_version": _FORMAT_VERSION, "issued": self._noted_before, "refused": refusal.as_data()}
        self._write(self._pair.certificate, _NOTE, note)

    def save(
        self,
        certificate: Certificate,
        chain: Sequence[Certificate],
        key: Optional[PrivateKeyTypes],
        digest: str,
    ) -> None:
        """Put the pair in place of the old one.

        The note goes first, with what it says of the old certificate: wherever a run is killed, it knows the
        certificate that is there.
        """
        issued = {**self._noted_before, fingerprint_sha256(certificate): digest}
        self._write(self._pair.certificate, _NOTE, {"format_version": _FORMAT_VERSION, "issued": issued})
        if self._strange_key and key is not None:
            self._keep_strange_key()
        if self._chain_path is None:
            chain = [above for above in chain if not is_self_signed(above)]
        self._pair.replace((certificate, *chain), key)
        self.drop_pending()

    def save_unusable(self, certificates: str, key: str) -> str:
        """Keep it in one file beside that of the certificate, mode 0600."""
        return self._write_text(self._pair.certificate, _UNUSABLE, certificates + key)

    def describe(self, certificate: Certificate) -> Dict[str, Any]:
        """The file."""
        return {"path": self._certificate_path}

    def places(self) -> Dict[str, str]:
        """The files of key and chain."""
        found = {"private_key_path": self._key_path}
        if self._chain_path is not None:
            found["chain_path"] = self._chain_path
        return found

    def place(self) -> str:
        """The file of the certificate."""
        return self._certificate_path

    def _noted(self, fingerprint: str) -> str:
        """The digest that was noted with a certificate; empty where there is none, or a note that cannot be read."""
        issued = self._note().get("issued")
        digest = issued.get(fingerprint) if isinstance(issued, dict) else None
        return digest if isinstance(digest, str) else ""

    def _note(self) -> Dict[str, Any]:
        """The note; empty where there is none, or one that cannot be read."""
        try:
            note = json.loads(_text(self._pair.certificate, _NOTE))
        except (OSError, ValueError, RecursionError):
            return {}
        return note if isinstance(note, dict) else {}

    def _keep_strange_key(self) -> None:
        """Keep under another name a key that this module did not put there: somebody may need it."""
        try:
            self._pair.key.folder.keep_aside(self._pair.key.name, ".kept-")
        except OSError as error:
            raise _not_kept(error) from None

    def _write(self, place: Place, suffix: str, content: Mapping[str, Any]) -> None:
        self._write_text(place, suffix, json.dumps(content, indent=2, sort_keys=True) + "\n")

    def _write_text(self, place: Place, suffix: str, text: str) -> str:
        """Write a file of ours beside a place; returns its path."""
        name = place.name + suffix
        try:
            with locked(place.folder):
                place.folder.write(name, text.encode("ascii"), part=f".{name}.new")
        except OSError as error:
            raise _not_kept(error) from None
        return place.folder.path_of(name)


def _why_not_writable(place: Place) -> str:
    status = place.folder.look(place.name)
    if status is not None and stat.S_ISDIR(status.st_mode):
        return f"{place.path} is a folder"
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=place.folder.descriptor):  # which knows of read-only file systems
        return f"this user may not write to the folder {place.folder.path}"
    return ""


def _not_kept(error: OSError) -> EstError:
    return EstError(
        f"the certificate cannot be kept: {in_words(error)}", stage="save", request_received="yes", hint=_HINT
    )


def _text(place: Place, suffix: str) -> str:
    """The content of a file beside that of a place; empty where there is none.

    :raises OSError: it cannot be read.
    """
    return (place.read(suffix).content or b"").decode("latin-1")
