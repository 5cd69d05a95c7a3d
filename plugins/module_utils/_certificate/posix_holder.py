# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A production certificate in files of a POSIX host.

Beside the certificate lies ``.<certificate>.est-note``: what it was issued for, so that a later run can tell whether
the same is asked for, its chain, and why the last one was refused, where it was. Beside the key lies
``.<key>.est-pending`` while a request waits for approval: its key and the request. ``.<certificate>.est-unusable`` is
the last one that was issued and could not be used, with its key. Where all files are in a folder that is replaced as a
whole, these are beside that folder, and named after it.

The files of the chain are made from the note. So each can be asked for, taken back and mended without another
certificate, and the certificate and its key stay as they are.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar

from .._files.attributes import Attributes
from .._files.lock import locked
from .._files.paths import in_words
from ..est.base.errors import EstError, InputError
from ..est.x509.certificate import fingerprint_sha256, pem, subject_text
from ..est.x509.client_certificate import ClientCertificate, private_key_block
from ..est.x509.held_certificate import HeldCertificate, read_first_certificate
from ..est.x509.keys import DistantKey, KeySpec, generate_key, is_encrypted, private_key_pem
from ..est.x509.pair_files import PairFiles, Place, Texts
from ..est.x509.pair_reading import PART, without_key
from ..est.x509.pair_versions import PairVersions
from ..est.x509.path import chain_above
from .chain_files import contents, readable_certificates
from .holder import CurrentCertificate, Recovered, complete_pending
from .judge import Refusal
from .look import NOTE, PENDING
from .mending import Mend, attributes_to_mend, chain_to_mend, key_to_mend, pkcs12_to_mend, seals
from .note import Chain, Issued, Note
from .outputs import PKCS12_PATH, Outputs, numbers
from .parameters import CertificateParameters
from .sealed import sealed_key, sealed_pkcs12, sha256_of
from .services import Services
from .writable import refuse_unwritable_places, why_not_given

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from ..est.x509.fields import Certificate
    from ..est.x509.keys import AnyPrivateKey

#: What else there can be beside the files: what was kept of those that were replaced, and the last unusable one.
KEPT, BACKUP, UNUSABLE = "kept-", "backup-", "unusable"
#: A file with more is a collection of trusted CAs, and nothing of one certificate.
_MOST_CERTIFICATES = 16
_CERTIFICATE, _PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*CERTIFICATE-----"), re.compile("PRIVATE KEY-----")
#: How PKCS#12 begins: a SEQUENCE of more than 127 octets.
_SEQUENCE = re.compile("\\A\x30[\x80-\x84]")
_HINT = "Check the paths, the free space, and the user that the task runs as on the host."
_KILLED_LATE = "a run that was killed had left a new certificate and its key beside the old ones"
_KILLED_VERSION = "a run that was killed had left a new version of the folder beside the old one"
_KILLED_EARLY = "a run that was killed had left files of a certificate that was not complete"


_Files = TypeVar("_Files", bound="FileHolder")


class FileHolder:
    """Keeps one certificate with its key in PEM files. See ``CertificateHolder``.

    :param certificate_path: the certificate alone.
    :param private_key_path: the key; it can be the same file.
    :param chain_files: paths by the names of ``CHAIN_FILES``, as many as are wanted.
    :param versioned: all of these are in one folder, which is replaced as a whole; see ``pair_versions.py``.
    :param outputs: what else is wanted of these files, and beside them.
    :param check: only look: nothing is changed.
    """

    def __init__(
        self,
        certificate_path: str,
        private_key_path: str,
        chain_files: Optional[Mapping[str, str]] = None,
        *,
        versioned: bool = False,
        outputs: Optional[Outputs] = None,
        check: bool = False,
    ) -> None:
        self._versioned = versioned
        self._outputs = outputs or Outputs()
        self._certificate_path = certificate_path
        self._key_path = private_key_path
        self._chain_files = dict(chain_files or {})
        #: All files but certificate and key, by option.
        self._others = {**self._chain_files, **dict(zip((PKCS12_PATH,), self._outputs.paths))}
        self._check = check
        self._opened: Optional[PairFiles] = None
        self._texts = Texts(None, None)
        self._note = Note()
        self._certificate: Optional[Certificate] = None
        self._key: Optional[AnyPrivateKey] = None
        #: What is known of the certificate that is there.
        self._known = Issued()
        self._strange_key = False
        self._backup_files: List[str] = []
        #: Whether anything was changed so far, whatever becomes of the run.
        self.changed = False

    @classmethod
    def of(cls: Type[_Files], asked: CertificateParameters) -> _Files:
        """The files of what is asked for."""
        return cls(
            asked.certificate_path,
            asked.private_key_path,
            asked.chain_files,
            versioned=asked.versioned_folder,
            outputs=asked.outputs,
            check=asked.options.check,
        )

    @property
    def _files(self) -> ClientCertificate:
        one_file = os.path.realpath(self._certificate_path) == os.path.realpath(self._key_path)
        key_path = None if one_file else self._key_path
        return ClientCertificate(self._certificate_path, key_path, self._outputs.key_passphrase)

    @property
    def _pair(self) -> PairFiles:
        """The files, whose folders are opened once for the whole run.

        :raises OSError: they cannot be opened.
        """
        if self._opened is None:
            kind = PairVersions if self._versioned else PairFiles
            self._opened = kind(
                self._files, tuple(self._others.values()), private=self._outputs.paths, attributes=self._attributes()
            )
        return self._opened

    def _attributes(self) -> Optional[Attributes]:
        """What the files are to have; ``None`` where that is nothing.

        :raises InputError: this host does not know an account. In check mode an earlier task may say that it makes it.
        """
        accounts = self._outputs.accounts
        if accounts is None:
            return None
        try:
            return self._outputs.attributes(*numbers(accounts))
        except InputError:
            if self._check:
                return self._outputs.attributes(None, None)
            raise

    def read(self) -> CurrentCertificate:
        """Look at the files. What a killed run left half-way is put right first; in check mode it is only looked at.

        :raises EstError: a file cannot be read, or holds something else, which would be lost.
        """
        try:
            self._texts = texts = self._read_texts()
            self.changed = (texts.finished or texts.tidied) and not self._check
        except OSError as error:
            raise EstError(
                f"certificate and key cannot be read: {in_words(error)}", code="not_saved", stage="input", hint=_HINT
            ) from None
        self._note = self._read_note()
        self._refuse_others()
        found = self._found(texts.certificate or "", texts.key or "")
        recovered: List[Recovered] = []
        if texts.finished:
            new = f"{subject_text(found.certificate)} in {self._certificate_path}" if found.certificate else ""
            recovered.append(Recovered(_KILLED_VERSION if self._versioned else _KILLED_LATE, "", new))
        elif texts.tidied:
            recovered.append(Recovered(_KILLED_EARLY))
        return found.replace(recovered=tuple(recovered))

    def _read_texts(self) -> Texts:
        self._refuse_one_place()
        return self._pair.read(check=self._check)

    def _found(self, text: str, key_text: str) -> CurrentCertificate:
        self._strange_key = bool(key_text.strip())
        self._certificate, self._key, self._known = None, None, Issued()
        if not text.strip():
            return CurrentCertificate()
        try:
            first = read_first_certificate(text, repr(self._certificate_path))
        except InputError as error:
            return CurrentCertificate(defect=error.reason)
        certificate = first[1]
        if not key_text.strip():
            return CurrentCertificate(certificate, defect=f"its private key {self._key_path} was not there")
        self._known = self._knowledge(certificate)
        try:
            found = self._with_key(first, text, key_text)
        except InputError as error:
            self._known = Issued()
            return CurrentCertificate(certificate, defect=error.reason)
        self._certificate, self._key = certificate, found.key
        self._strange_key = not self._known.digest or self._known.key_of_others
        return found.replace(digest=self._known.digest)

    def _with_key(self, first: Tuple[bytes, Certificate], text: str, key_text: str) -> CurrentCertificate:
        """The certificate with its key.

        :raises InputError: the key cannot be read, or belongs to another one.
        """
        tls = self._tls(first[1], text, key_text)
        held = HeldCertificate.with_key(first, key_text, tls, repr(self._certificate_path))
        return CurrentCertificate(held.certificate, held, key=held.key)

    def _knowledge(self, certificate: Certificate) -> Issued:
        """What is known of a certificate: from the note, and where that says nothing, from all files that are here."""
        noted = self._note.issued.get(fingerprint_sha256(certificate), Issued())
        if noted.digest and noted.chain is not None:
            return noted
        others = [self._texts.others.get(path) for path in self._chain_files.values()]
        texts = [self._texts.certificate or "", *(text or "" for text in others)]
        if noted.chain is not None:
            texts += [noted.chain.intermediates, noted.chain.root]
        chain = chain_above(certificate, readable_certificates(texts))
        return noted.replace(chain=Chain.of(chain) if chain else None)

    def _tls(self, certificate: Certificate, text: str, key_text: str) -> ClientCertificate:
        """What authenticates a connection: the intermediates go along where there are any.

        It is what was read, and not the paths: what is there when the connection is made may lead to another key of
        this user's, where the folder is somebody else's.
        """
        chain = self._known.chain
        whole = text if chain is None else pem(certificate) + chain.intermediates
        passphrase = self._outputs.key_passphrase if is_encrypted(key_text) else None
        block = private_key_block(key_text)
        return self._files.replace(certificate_pem=whole, key_pem=block, passphrase=passphrase)

    def _refuse_one_place(self) -> None:
        """Refuse files that lead to one place: each would take it from the other."""
        places = {option: self._pair.others[path] for option, path in self._others.items()}
        places.update(private_key_path=self._pair.key, certificate_path=self._pair.certificate)
        for option, other in itertools.combinations(places, 2):
            if option != "private_key_path" and places[option].is_at(places[other]):
                raise InputError(
                    f"{option} is {places[option].path!r}, which leads to the file of {other}",
                    hint="Give each a file of its own.",
                )

    def _refuse_others(self) -> None:
        """Refuse to replace what is neither certificate nor key: somebody mistyped a path."""
        texts = self._texts
        for option, path, content, marker in (
            ("certificate_path", self._certificate_path, texts.certificate, _CERTIFICATE),
            ("private_key_path", self._key_path, texts.key, _PRIVATE_KEY),
            *((option, path, texts.others[path], _CERTIFICATE) for option, path in self._chain_files.items()),
            *((PKCS12_PATH, path, texts.others[path], _SEQUENCE) for path in self._outputs.paths),
        ):
            content, problem = content or "", ""
            if path in self._note.files and path in texts.others:
                continue  # whatever is in it now, it is ours
            if content.strip() and not marker.search(content):
                problem = "it is not a file of this kind"
            elif len(_CERTIFICATE.findall(content)) > _MOST_CERTIFICATES:
                problem = f"it holds more than {_MOST_CERTIFICATES} certificates"
            if problem:
                raise InputError(
                    f"{option} is {path!r}, and what is in that file would be lost: {problem}",
                    hint="Name another file, or remove it.",
                )

    def mend(self) -> Tuple[Sequence[Recovered], Sequence[str]]:
        """See ``CertificateHolder.mend()``."""
        if self._certificate is None:
            return (), ()
        todo = self._to_mend(self._certificate)
        owed = self._owed
        warnings = [each.warning for each in todo if each.warning]
        texts = {each.path: each.text for each in todo if each.text is not None}
        if texts:
            what = "files of the chain" if set(texts) <= set(self._chain_files.values()) else "files of the certificate"
            places = self._pair.targets(tuple(texts))
            words = f"{what} could not be written"
            warnings.extend(refuse_unwritable_places(self._pair, places, words, check=self._check))
            if not self._check:
                self._write_mended(todo, texts, what)
        recovered = [each.recovered for each in todo if each.recovered is not None]
        if owed:
            recovered.append(Recovered(f"an earlier run had not reloaded {', '.join(owed)}"))
        return recovered, warnings

    @property
    def _owed(self) -> Tuple[str, ...]:
        """The services that have not been told of the last change; one that is not named any more need not be."""
        return tuple(name for name in self._outputs.reload if name in self._note.reload)

    def reload(self, services: Services, *, changed: bool) -> Tuple[str, ...]:
        """Reload the services that are owed it, and return them; in check mode, only say which they would be.

        :param changed: whether something has been changed.
        :raises EstError: one cannot be reloaded. All of them stay owed.
        """
        if self._check:
            return self._outputs.reload if changed else ()
        owed = self._owed
        if owed:
            services.reload(owed)
            self._note = self._note.replace(reload=())
            self._write(self._pair.home, NOTE, self._note.as_data())
        return owed

    def _to_mend(self, certificate: Certificate) -> List[Mend]:
        outputs, texts = self._outputs, self._texts
        todo = chain_to_mend(self._chain_files, texts.others, certificate, self._known)
        if outputs.pkcs12 is not None:
            sha256 = self._sha256_of(outputs.pkcs12.path)
            todo += pkcs12_to_mend(outputs.pkcs12, sha256, certificate, self._known, self._private_key)
        todo += key_to_mend(self._path_with_key, texts.key or "", outputs.key_passphrase, self._private_key)
        wanted = self._attributes()
        if wanted is not None:
            files = {option: (path, texts.others[path], path in outputs.paths) for option, path in self._others.items()}
            if not self._in_one_file:
                files["private_key_path"] = (self._key_path, texts.key, True)
            files["certificate_path"] = (self._certificate_path, texts.certificate, self._in_one_file)
            written = [each.path for each in todo if each.text is not None]
            others = {option: file for option, file in files.items() if file[0] not in written}
            todo += attributes_to_mend(wanted, others, self._states())
        return todo

    def _write_mended(self, todo: List[Mend], texts: Mapping[str, str], what: str) -> None:
        key_text = texts.get(self._path_with_key)
        self._known = self._known.replace(sealed=seals(todo, self._known.sealed))
        if key_text is not None:
            self._texts = self._texts.replace(key=key_text)
            if self._known.key_sha256:
                self._known = self._known.replace(key_sha256=without_key(key_text)[1])
        ours = tuple(path for path in texts if path in self._others.values())
        self._write_note(self._known_before(), ours, self._note.refused, changes=True)
        try:
            self._pair.mend(texts)
        except OSError as error:
            raise EstError(f"{what} cannot be written: {in_words(error)}", stage="save", hint=_HINT) from None
        self.changed = True

    @property
    def _in_one_file(self) -> bool:
        """Whether certificate and key share a file."""
        return self._pair.key is self._pair.certificate

    @property
    def _path_with_key(self) -> str:
        return self._certificate_path if self._in_one_file else self._key_path

    def _states(self) -> Mapping[str, Optional[str]]:
        """Owner, mode and context of each file; see ``ReadableFolder.state()``."""
        pair = self._pair
        paths = (self._certificate_path, self._key_path, *self._others.values())
        return {path: pair.at(path).state() for path in paths}

    def _sha256_of(self, path: str) -> str:
        """SHA-256 over a file; empty where there is none."""
        return sha256_of(self._texts.others[path])

    def _private_key(self) -> PrivateKeyTypes:
        if self._key is None or isinstance(self._key, DistantKey):
            raise AssertionError("there is a certificate with its key, which is in a file")
        return self._key

    def refuse_unwritable(self) -> Sequence[str]:
        """Look whether the files can be written.

        :returns: warnings: of folders that other accounts can write to, and in check mode of those that are not there:
            an earlier task may only say that it makes one.
        :raises EstError: at stage ``save``.
        """
        words = "a certificate could not be kept, so none was asked for"
        warnings = refuse_unwritable_places(self._pair, self._pair.targets(), words, check=self._check)
        problem, warning = why_not_given(self._outputs.accounts)
        if problem:
            raise EstError(
                f"{words}: {problem}",
                code="not_saved",
                stage="save",
                hint="Let the task become root, or leave out owner and group.",
            )
        return [*warnings, *([warning] if warning else ())]

    @contextlib.contextmanager
    def reserved(self) -> Iterator[None]:
        """See ``CertificateHolder.reserved()``. The room is given back as soon as something is written."""
        try:
            self._pair.reserve()
        except OSError as error:
            self._release()
            raise EstError(
                f"a certificate could not be kept, so none was asked for: {in_words(error)}",
                code="not_saved",
                stage="save",
                hint=_HINT,
            ) from None
        try:
            yield
        finally:
            self._release()

    def _release(self) -> None:
        with contextlib.suppress(OSError):
            self._pair.release()

    def make_key(self, spec: KeySpec) -> PrivateKeyTypes:
        """See ``CertificateHolder.make_key()``: a PEM file takes every kind, and PKCS#12 does not."""
        key = generate_key(spec)
        if self._outputs.pkcs12 is not None:
            self._outputs.pkcs12.try_out(key)
        return key

    def read_pending(self) -> Optional[Mapping[str, str]]:
        """What is pending; ``None`` where nothing is.

        :raises EstError: it cannot be read.
        """
        try:
            return complete_pending(_text(self._pair.key_home, PENDING))
        except OSError as error:
            raise EstError(
                f"the pending request cannot be read: {in_words(error)}", code="not_saved", stage="save", hint=_HINT
            ) from None

    def save_pending(self, files: Mapping[str, str]) -> None:
        """Keep what is pending in one file, mode 0600."""
        self._write(self._pair.key_home, PENDING, dict(files))

    def drop_pending(self) -> bool:
        """Remove the file of what is pending, and say whether there was one; in check mode, only say it."""
        try:
            place = self._pair.key_home
            there = place.has(PENDING)
            if there and not self._check:
                place.folder.unlink(place.beside(PENDING))
        except OSError as error:
            raise _not_kept(error) from None
        return there

    def read_refusal(self) -> Optional[Refusal]:
        """What the note says of a certificate that was refused."""
        return self._note.refused

    def save_refusal(self, refusal: Refusal) -> None:
        """Put it into the note, beside what that says of the certificate that is there."""
        self._write_note(self._known_before(), refused=refusal)

    def save(
        self,
        certificate: Certificate,
        chain: Sequence[Certificate],
        key: Optional[PrivateKeyTypes],
        digest: str,
        about: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """Put the pair in place of the old one, and the files of its chain.

        The note goes first, with what it says of the old certificate: wherever a run is killed, it knows the
        certificate that is there.
        """
        above = Chain.of(chain)
        wanted = contents(certificate, above)
        texts = {
            path: text for option, path in self._chain_files.items() for text in [wanted[option]] if text is not None
        }
        passphrase, pkcs12 = self._outputs.key_passphrase, self._outputs.pkcs12
        new_key = None if key is None else private_key_pem(key, passphrase).decode("ascii")
        seal, trouble = dict(sealed_key(passphrase)), None
        if pkcs12 is not None:
            try:
                texts[pkcs12.path] = pkcs12.text(certificate, key or self._private_key(), above)
                seal.update(sealed_pkcs12(pkcs12, texts[pkcs12.path], above))
            except EstError as error:
                trouble = error
        key_sha256 = without_key(new_key if new_key is not None else self._texts.key or "")[1]
        told = {} if about is None else {**about, "private_key_path": self._key_path}
        noted = Issued(digest, above, key_sha256, key is None and self._strange_key, seal, told)
        issued = {**self._known_before(), fingerprint_sha256(certificate): noted}
        self._write_note(issued, tuple(texts), changes=True)
        self._keep_old(new_key is not None, texts)
        self._pair.replace((certificate,), new_key, texts)
        self.drop_pending()
        if trouble is not None:
            trouble.stage, trouble.request_received = "save", "received"
            trouble.note("Certificate and key are in place.")
            raise trouble

    def save_unusable(self, certificates: str, key: str) -> str:
        """Keep it in one file beside that of the certificate, or beside the folder of versions, mode 0600."""
        return self._write_text(self._pair.home, UNUSABLE, certificates + key)

    def describe(self, certificate: Certificate) -> Dict[str, Any]:
        """The file."""
        return {"path": self._certificate_path}

    def places(self) -> Dict[str, Any]:
        """The files of key and chain, and what was kept of those that were replaced."""
        kept = {"backup_files": list(self._backup_files)} if self._backup_files else {}
        return {"private_key_path": self._key_path, **self._others, **kept}

    def place(self) -> str:
        """The file of the certificate."""
        return self._certificate_path

    def _known_before(self) -> Dict[str, Issued]:
        """What the note is to say of the certificate that is there, where anything is known of it."""
        certificate, known = self._certificate, self._known
        if certificate is None or not (known.digest or known.chain is not None):
            return {}
        return {fingerprint_sha256(certificate): known}

    def _read_note(self) -> Note:
        """The note; empty where there is none, or one that cannot be read."""
        try:
            return Note.from_text(_text(self._pair.home, NOTE))
        except OSError:
            return Note()

    def _write_note(
        self,
        issued: Mapping[str, Issued],
        files: Sequence[str] = (),
        refused: Optional[Refusal] = None,
        *,
        changes: bool = False,
    ) -> None:
        ours = {*files, *(path for path in self._note.files if path in self._others.values())}
        # Before anything changes: a run that dies has then not forgotten whom it did not tell.
        owed = self._outputs.reload if changes else ()
        reload = tuple(dict.fromkeys((*self._note.reload, *owed)))
        self._note = Note(issued, tuple(sorted(ours)), refused, reload)
        self._write(self._pair.home, NOTE, self._note.as_data())

    def _keep_old(self, new_key: bool, others: Iterable[str]) -> None:
        """Keep what is replaced, where it is wanted, and in any case a key that this module did not put there: somebody
        may need it.
        """
        pair = self._pair
        replaced = [*(pair.others[path] for path in others), *([pair.key] if new_key else ()), pair.certificate]
        try:
            if self._outputs.backup:
                kept = [pair.keep(place, BACKUP) for place in dict.fromkeys(replaced) if place.has()]
                self._backup_files += sorted(kept)
            elif self._strange_key and new_key:
                pair.keep(pair.key, KEPT)
        except OSError as error:
            raise _not_kept(error) from None

    def _write(self, place: Place, kind: str, content: Mapping[str, Any]) -> None:
        self._write_text(place, kind, json.dumps(content, indent=2, sort_keys=True) + "\n")

    def _write_text(self, place: Place, kind: str, text: str) -> str:
        """Write a file of ours beside a place; returns its path."""
        name = place.beside(kind)
        self._release()
        try:
            with locked(self._pair.home.folder):
                place.folder.write(name, text.encode("ascii"), part=place.beside(PART))
        except OSError as error:
            raise _not_kept(error) from None
        return place.folder.path_of(name)


def _not_kept(error: OSError) -> EstError:
    return EstError(
        f"the certificate cannot be kept: {in_words(error)}",
        code="not_saved",
        stage="save",
        request_received="received",
        hint=_HINT,
    )


def _text(place: Place, kind: str) -> str:
    """The content of a file of ours beside that of a place; empty where there is none.

    :raises OSError: it cannot be read.
    """
    return (place.read(kind).content or b"").decode("latin-1")
