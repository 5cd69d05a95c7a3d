# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of one identity in the folder of many, with its key.

It is ``NAME.pem``, the certificate and then its intermediates, and ``NAME.key``; where there is a passphrase, both are
in ``NAME.p12`` as well, or only there. While it is asked for, its key is kept by the folder, so that a run that is
killed costs no more than that one request, which the next run makes again with the same key. A certificate that came is
kept there, too, before the key and then the certificate get their names; whoever finds it there does the rest.
``.NAME.est-pending`` is a request that waits for approval, ``.NAME.est-refused`` says why one was refused.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from .._certificate.holder import CurrentCertificate, Recovered, complete_pending
from .._certificate.judge import Refusal
from .._certificate.note import Chain
from .._certificate.outputs import Pkcs12
from .._certificate.sealed import sealed_pkcs12
from ..est.base.errors import EstError, InputError
from ..est.x509.certificate import fingerprint_sha256
from ..est.x509.held_certificate import HeldCertificate, read_first_certificate
from ..est.x509.keys import KeySpec, private_key_pem
from .folder import IdentityFolder, not_kept
from .found import END, STRANGE, IdentityReading
from .journal import Note

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from ..est.x509.fields import Certificate

#: What the names of files end in.
KINDS = ("pem", "key", "p12")
_PENDING, _REFUSED, _UNUSABLE = "pending", "refused", "unusable"
_BACKUP, _KEPT = "backup", "kept"
_KILLED = "a run that was killed had got a certificate and not put it in its place"
_PRIVATE, _PUBLIC = 0o600, 0o644
_NOTHING = contextlib.nullcontext()


class IdentityFiles(IdentityReading):
    """The certificate of one identity with its key; see ``CertificateHolder``.

    The parameters are those of ``IdentityReading``.
    """

    def __init__(self, home: IdentityFolder, name: str, pkcs12: Optional[Pkcs12] = None, *, pair: bool = True) -> None:
        super().__init__(home, name, pkcs12, pair=pair)
        self._backup_files: List[str] = []
        #: The key that was asked for.
        self._asked: Optional[PrivateKeyTypes] = None
        #: Whether the certificate is in its files; in check mode it may not be.
        self._is_placed = True
        #: Whether anything was changed so far, whatever becomes of the run.
        self.changed = False

    def read(self) -> CurrentCertificate:
        """See ``CertificateHolder.read()``. What a killed run had got is put in place first."""
        try:
            there = self._found()
            came = self._home.unfinished.get(self._name)
            if "certificate" not in came:
                return there
            return self._finish(there, came["certificate"], came.get("key", ""), came.get("digest", ""))
        except OSError as error:
            raise not_kept(error, "not_received") from None

    def _finish(self, there: CurrentCertificate, text: str, key_text: str, digest: str) -> CurrentCertificate:
        """Put in place what a run that was killed had got.

        :param there: what is there now.
        :param text: the certificate that came, with its intermediates.
        :param key_text: the key that was kept for it, where there was one.
        :param digest: what was asked for.
        """
        try:
            first = read_first_certificate(text, "")
        except InputError:
            first = None
        key = None if first is None else self._key_of(first[1], key_text)
        if first is None or key is None:
            if not self._home.check:
                self._home.unfinished.finish(self._name)  # it is of no use to anybody
            return there
        certificate, above = first[1], Chain(text.partition(END)[2])
        if there.old is not None and there.certificate == certificate and self._is_whole():
            self._home.finish(self._name, fingerprint_sha256(certificate), Note(digest, above.intermediates))
            return self._found()
        if self._home.check:
            self._is_placed = False
            found = self._with_key(first, private_key_pem(key).decode("ascii"), text, self._key_name)
            return found.replace(digest=digest, recovered=(Recovered(_KILLED),))
        self._put(certificate, above, key, digest, new_key=self._held is None or key is not self._held.key)
        self.changed = True
        return self._found().replace(recovered=(Recovered(_KILLED),))

    def mend(self) -> Tuple[Sequence[Recovered], Sequence[str]]:
        """See ``CertificateHolder.mend()``: what is missing, edited, or has another owner is made of the pair."""
        held = self._held
        if held is None or not self._is_placed:
            return (), ()
        try:
            todo, unwanted = self._to_mend(held), self._unwanted()
            if (todo or unwanted) and not self._home.check:
                self._mend(held, todo, unwanted)
        except OSError as error:
            raise not_kept(error, "not_received") from None
        told = [Recovered(f"{self._path(name)} {reason}") for name, reason in todo.items()]
        told += [Recovered(f"{self._path(name)} is not wanted any more") for name in unwanted]
        return told, ()

    def _mend(self, held: HeldCertificate, todo: Mapping[str, str], unwanted: Sequence[str]) -> None:
        self._home.will_change()
        more = self._note.more
        for name in todo:
            if name == self._certificate_name:
                text = self._whole(held.certificate, self._chain) if self._note.intermediates is not None else self._pem
                self._write(name, text.encode("latin-1"))
            elif name == self._key_name:
                self._write(name, self._home.read(name) or private_key_pem(held.key))
            elif self._pkcs12 is not None:
                self._keep_strange(name)
                text = self._pkcs12.text(held.certificate, held.key, self._chain)
                more = {**more, **sealed_pkcs12(self._pkcs12, text, self._chain)}
                # The key must not be lost with the file that it is taken from.
                self._write(name, text.encode("latin-1"), durable=bool(unwanted))
        self._remove_unwanted(unwanted)
        if more is not self._note.more:
            note = self._note.replace(more=more)
            self._home.notes.add(self._name, fingerprint_sha256(held.certificate), note)
        self.changed = True

    def refuse_unwritable(self) -> Sequence[str]:
        """See ``CertificateHolder.refuse_unwritable()``: the folder was tried when it was opened."""
        return ()

    def reserved(self) -> contextlib.AbstractContextManager[None]:
        """See ``CertificateHolder.reserved()``: there is room for a run, unless the disk got full meanwhile."""
        try:
            self._home.keep_room()
        except OSError as error:
            raise not_kept(error, "not_received") from None
        return _NOTHING

    def make_key(self, spec: KeySpec) -> PrivateKeyTypes:
        """See ``CertificateHolder.make_key()``. The key of a request that a killed run had made is used again."""
        try:
            key = self._asked = self._home.key_for(self._name, spec)
        except OSError as error:
            raise not_kept(error, "not_received") from None
        self.changed = True
        if self._pkcs12 is not None:
            self._home.try_out(self._pkcs12, key)
        return key

    def read_pending(self) -> Optional[Mapping[str, str]]:
        """See ``CertificateHolder.read_pending()``."""
        try:
            return complete_pending(self._own(_PENDING) or b"")
        except OSError as error:
            raise not_kept(error, "not_received") from None

    def save_pending(self, files: Mapping[str, str]) -> None:
        """See ``CertificateHolder.save_pending()``. The key is among it."""
        self._write_own(_PENDING, json.dumps(dict(files)).encode("ascii"))
        self._home.unfinished.finish(self._name)

    def drop_pending(self) -> bool:
        """See ``CertificateHolder.drop_pending()``."""
        there = self._is_there(self._beside(_PENDING))
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
        self._write_own(_REFUSED, refusal.as_text().encode("utf-8"))

    def save(
        self,
        certificate: Certificate,
        chain: Sequence[Certificate],
        key: Any,
        digest: str,
        about: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """See ``CertificateHolder.save()``. There is no note here of what that is about."""
        above = self._home.chain_of(chain)
        record = {"certificate": self._whole(certificate, above), "digest": digest}
        if key is not None and key is not self._asked:
            record["key"] = private_key_pem(key).decode("ascii")
        if key is None and self._held is None:
            raise TypeError("a certificate for the key of another one needs that")
        try:
            replaces = any(map(self._is_there, self._wanted()))
            self._home.keep(self._name, record, durable=replaces)
            self._put(certificate, above, key or (self._held and self._held.key), digest, new_key=key is not None)
        except OSError as error:
            raise not_kept(error) from None
        except EstError as error:
            error.stage, error.request_received = "save", "received"
            raise
        self.changed = True
        for kind in (_PENDING, _REFUSED):
            self._remove(kind)

    def _put(self, certificate: Certificate, above: Chain, key: Any, digest: str, *, new_key: bool) -> None:
        """Give the new key, where there is one, and the new certificate their names."""
        home = self._home
        more = {STRANGE: "yes"} if self._strange and not new_key else {}
        files: Dict[str, bytes] = {}
        if self._pair and (new_key or not self._is_there(self._key_name)):
            kept = home.unfinished.get(self._name).get("key") if key is self._asked else None
            files[self._key_name] = kept.encode("ascii") if kept else private_key_pem(key)
        if self._pkcs12 is not None:
            text = self._pkcs12.text(certificate, key, above)
            more.update(sealed_pkcs12(self._pkcs12, text, above))
            files[self._pkcs12.path] = text.encode("latin-1")
        if self._pair:
            files[self._certificate_name] = self._whole(certificate, above).encode("ascii")
        unwanted = self._unwanted()
        home.will_change()
        self._keep_old(files, certificate)
        for name, content in files.items():
            self._write(name, content, durable=bool(unwanted))
        self._remove_unwanted(unwanted)
        home.finish(self._name, fingerprint_sha256(certificate), Note(digest, above.intermediates, more))

    def _keep_old(self, files: Mapping[str, bytes], certificate: Certificate) -> None:
        """Keep what is replaced, where it is wanted, and in any case a key that this module did not put there: somebody
        may need it."""
        for name, content in files.items():
            if not self._is_there(name) or self._has(name, content, certificate):
                continue
            if not self._home.backup:
                self._keep_strange(name)
            else:
                self._backup_files.append(self._home.keep_aside(name, _BACKUP))

    def _remove_unwanted(self, names: Sequence[str]) -> None:
        for name in names:
            if name == self._key_name and self._has_key_of_others():
                self._home.keep_aside(name, _KEPT)
            self._home.remove(name)

    def _keep_strange(self, name: str) -> None:
        strange = name in self._strange
        if self._pkcs12 is not None and name == self._pkcs12.path and self._is_there(name):
            strange = False
            # One of ours is made again of the pair, where there is one.
            if not self._pair or self._sha256_of(name) not in self._home.notes.sealed(self._name):
                try:
                    self._pkcs12.opened(self._home.read(name) or b"")
                except InputError:
                    strange = True
        if strange:
            self._home.keep_aside(name, _KEPT)

    def save_unusable(self, certificates: str, key: str) -> str:
        """See ``CertificateHolder.save_unusable()``."""
        self._write_own(_UNUSABLE, (certificates + key).encode("ascii"))
        self._home.unfinished.finish(self._name)
        return self._path(self._beside(_UNUSABLE))

    def describe(self, certificate: Certificate) -> Dict[str, Any]:
        """See ``CertificateHolder.describe()``."""
        return {"path": self.place()}

    def places(self) -> Dict[str, Any]:
        """See ``CertificateHolder.places()``."""
        found: Dict[str, Any] = {}
        if self._pair:
            found.update(
                certificate_path=self._path(self._certificate_name), private_key_path=self._path(self._key_name)
            )
        if self._pkcs12 is not None:
            found["pkcs12_path"] = self._path(self._pkcs12.path)
        if self._backup_files:
            found["backup_files"] = sorted(self._backup_files)
        return found

    def _write(self, name: str, content: bytes, *, durable: bool = False) -> None:
        """Write one of the files that are wanted."""
        private, wanted = name != self._certificate_name, self._home.attributes
        self._home.write(
            name,
            content,
            mode=_PRIVATE if private else _PUBLIC,
            attributes=None if wanted is None else wanted.of_file(private),
            durable=durable or self._is_there(name),
        )

    def _write_own(self, kind: str, content: bytes) -> None:
        try:
            self._home.write(self._beside(kind), content, durable=True)
        except OSError as error:
            raise not_kept(error) from None
        self.changed = True

    def _remove(self, kind: str) -> None:
        try:
            self._home.remove(self._beside(kind))
        except OSError as error:
            raise not_kept(error) from None
