# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A production certificate in files of a POSIX host.

Beside the certificate lies ``<certificate>.note``: for what it was issued, so that a later run can tell whether the
same is asked for, and why the last one was refused, where it was. Beside the key lies ``<key>.pending`` while a request
waits for approval: its key and the request.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence

from .._exchange.files import in_words
from .._store.files import give_second_name, replace_file
from ..est.base.errors import EstError, InputError
from ..est.x509.certificate import fingerprint_sha256
from ..est.x509.client_certificate import ClientCertificate
from ..est.x509.held_certificate import HeldCertificate, read_first_certificate
from ..est.x509.keys import KeySpec
from ..est.x509.pair_files import Settled, locked_folder, replace_pair, settled
from ..est.x509.path import is_self_signed
from .holder import Found
from .judge import Refusal

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_VERSION = 1
#: Octets; a larger file is none of ours.
_MAX_OCTETS = 1024 * 1024
#: A file with more is a collection of trusted CAs, and nothing of one certificate.
_MOST_CERTIFICATES = 16
_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
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
        self._real_paths = (os.path.realpath(certificate_path), os.path.realpath(private_key_path))
        one_file = self._real_paths[0] == self._real_paths[1]
        self._files = ClientCertificate(certificate_path, None if one_file else private_key_path, chain_path=chain_path)
        self._note_path = f"{self._real_paths[0]}.note"
        self._pending_path = f"{self._real_paths[1]}.pending"
        self._noted_before: Dict[str, str] = {}
        self._strange_key = False
        self._has_chain = False

    def read(self) -> Found:
        """Look at the files. What a killed run left half-way is put right first; in check mode it is only looked at.

        :raises EstError: a file cannot be read, or holds something else, which would be lost.
        """
        try:
            with self._settled() as (files, finished):
                text = _text(files.certificate_path)
                key_text = _text(files.key_path or files.certificate_path)
                chain = _text(files.chain_path) if files.chain_path is not None else ""
                # One that is empty is there: a CA need not send one, and on_unverified_chain can let that pass.
                lacks_chain = files.chain_path is not None and not os.path.exists(files.chain_path)
            self._refuse_others(text, key_text, chain)
        except OSError as error:
            raise EstError(
                f"certificate and key cannot be read: {in_words(error)}", stage="input", hint=_HINT
            ) from None
        found = self._found(text, key_text, chain)
        lacks = f"the chain {self._chain_path} was not there" if lacks_chain else ""
        return found.replace(lacks=lacks, finished=finished)

    def _settled(self) -> contextlib.AbstractContextManager[Settled]:
        if not os.path.isdir(os.path.dirname(self._real_paths[0])):
            return contextlib.nullcontext(Settled(self._files, False))
        return settled(self._files, check=self._check)

    def _found(self, text: str, key_text: str, chain: str) -> Found:
        self._strange_key = bool(key_text.strip())
        self._has_chain = bool(chain.strip())
        if not text.strip():
            return Found()
        where = repr(self._certificate_path)
        try:
            first = read_first_certificate(text, where)
        except InputError as error:
            return Found(defect=error.reason)
        certificate = first[1]
        if not key_text.strip():
            return Found(certificate, defect=f"its private key {self._key_path} was not there")
        try:
            held = HeldCertificate.with_key(first, key_text, self._tls(), where)
        except InputError as error:
            return Found(certificate, defect=error.reason)
        fingerprint = fingerprint_sha256(certificate)
        digest = self._noted(fingerprint)
        self._strange_key = not digest
        self._noted_before = {fingerprint: digest} if digest else {}
        return Found(certificate, held, digest=digest, key=held.key)

    def _tls(self) -> ClientCertificate:
        """What authenticates a connection: the chain goes along where there is one."""
        return self._files if self._has_chain else self._files.replace(chain_path=None)

    def _refuse_others(self, text: str, key_text: str, chain: str) -> None:
        """Refuse to replace what is neither certificate nor key: somebody mistyped a path."""
        for option, path, content, marker in (
            ("certificate_path", self._certificate_path, text, _CERTIFICATE),
            ("private_key_path", self._key_path, key_text, "PRIVATE KEY-----"),
            ("chain_path", self._chain_path, chain, _CERTIFICATE),
        ):
            problem = ""
            if content.strip() and marker not in content:
                problem = "it is no PEM file of this kind"
            elif content.count(_CERTIFICATE) > _MOST_CERTIFICATES:
                problem = f"it holds more than {_MOST_CERTIFICATES} certificates"
            if problem:
                raise InputError(
                    f"{option} is {path!r}, and what is in that file would be lost: {problem}",
                    hint="Name another file, or remove it.",
                )

    def refuse_unwritable(self) -> Sequence[str]:
        """Look whether the files can be written.

        :returns: in check mode, warnings of folders that are not there: an earlier task may only say that it makes one.
        :raises EstError: at stage ``save``.
        """
        missing = []
        for path in (self._key_path, self._chain_path, self._certificate_path):
            if path is None:
                continue
            folder, problem = os.path.dirname(os.path.realpath(path)), ""
            if path == self._chain_path and os.path.realpath(path) in self._real_paths:
                problem = f"{path} leads to the file of the certificate or of the key"
            elif self._check and not os.path.lexists(folder):
                missing.append(folder)
            elif not os.path.isdir(folder):
                problem = f"there is no folder {folder}"
            elif os.path.isdir(path):
                problem = f"{path} is a folder"
            elif not os.access(folder, os.W_OK | os.X_OK):  # which knows of read-only file systems
                problem = f"this user may not write to the folder {folder}"
            if problem:
                raise EstError(
                    f"a certificate could not be kept, so none was asked for: {problem}",
                    stage="save",
                    hint="Correct the path, make the folder first, or let the task become a user who may write there.",
                )
        return [
            f"there is no folder {folder} now, and est_certificate does not make it"
            for folder in dict.fromkeys(missing)
        ]

    def refuse_key(self, spec: KeySpec) -> None:
        """See ``CertificateHolder.refuse_key()``: a file takes every kind."""

    def read_pending(self) -> Optional[Mapping[str, str]]:
        """What is pending; ``None`` where nothing is.

        :raises EstError: it cannot be read.
        """
        try:
            kept = json.loads(_text(self._pending_path))
        except ValueError:
            return None
        except OSError as error:
            raise EstError(f"the pending request cannot be read: {in_words(error)}", stage="save", hint=_HINT) from None
        whole = isinstance(kept, dict) and all(isinstance(text, str) for text in kept.values())
        return kept if whole else None

    def save_pending(self, files: Mapping[str, str]) -> None:
        """Keep what is pending in one file, mode 0600."""
        self._write(self._pending_path, dict(files))

    def drop_pending(self) -> None:
        """Remove the file of what is pending, where there is one."""
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._pending_path)
        except OSError as error:
            raise _not_kept(error) from None

    def read_refusal(self) -> Optional[Refusal]:
        """What the note says of a certificate that was refused."""
        return Refusal.from_data(self._note().get("refused"))

    def save_refusal(self, refusal: Refusal) -> None:
        """Put it into the note, beside what that says of the certificate that is there."""
        note = {"version": _VERSION, "issued": self._noted_before, "refused": refusal.as_data()}
        self._write(self._note_path, note)

    def save(
        self,
        certificate: x509.Certificate,
        chain: Sequence[x509.Certificate],
        key: Optional[PrivateKeyTypes],
        digest: str,
    ) -> None:
        """Put the pair in place of the old one.

        The note goes first, with what it says of the old certificate: wherever a run is killed, it knows the
        certificate that is there.
        """
        issued = {**self._noted_before, fingerprint_sha256(certificate): digest}
        self._write(self._note_path, {"version": _VERSION, "issued": issued})
        if self._strange_key and key is not None:
            self._keep_strange_key()
        if self._chain_path is None:
            chain = [above for above in chain if not is_self_signed(above)]
        replace_pair(self._files, (certificate, *chain), key)
        self.drop_pending()

    def describe(self, certificate: x509.Certificate) -> Dict[str, Any]:
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
            note = json.loads(_text(self._note_path))
        except (OSError, ValueError, RecursionError):
            return {}
        return note if isinstance(note, dict) else {}

    def _keep_strange_key(self) -> None:
        """Keep a key under another name that may be of use to somebody: this module did not put it there."""
        try:
            # A path that is a link would only get another link, to the key that is about to be replaced.
            give_second_name(self._real_paths[1], ".kept-")
        except OSError as error:
            raise _not_kept(error) from None

    def _write(self, path: str, content: Mapping[str, Any]) -> None:
        folder, name = os.path.split(path)
        text = json.dumps(content, indent=2, sort_keys=True) + "\n"
        try:
            with locked_folder(path):
                replace_file(folder, name, text.encode("ascii"))
        except OSError as error:
            error.filename = error.filename or path
            raise _not_kept(error) from None


def _not_kept(error: OSError) -> EstError:
    return EstError(
        f"the certificate cannot be kept: {in_words(error)}", stage="save", request_received="yes", hint=_HINT
    )


def _text(path: str) -> str:
    """The content of a file; empty where there is none.

    :raises OSError: it cannot be read.
    """
    try:
        with open(path, encoding="latin-1", opener=_not_waiting) as file:
            return file.read(_MAX_OCTETS)
    except FileNotFoundError:
        return ""


def _not_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # for a pipe that nobody writes to
