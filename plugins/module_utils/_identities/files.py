# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of one identity in the folder of many, with its key.

It is ``NAME.pem``, the certificate and then its intermediates, and ``NAME.key``; where there is a passphrase, both are
in ``NAME.p12`` as well. While it is asked for, its key is in ``.NAME.est-key``, so that a run that is killed costs no
more than that one request, which the next run makes again with the same key. A certificate that came is complete in
``.NAME.est-next`` before the key and then the certificate get their names; whoever finds it there does the rest.
``.NAME.est-pending`` is a request that waits for approval, ``.NAME.est-refused`` says why one was refused.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from .._certificate.holder import CurrentCertificate, Recovered, complete_pending
from .._certificate.judge import Refusal
from .._certificate.note import Chain
from .._certificate.outputs import Pkcs12
from .._files.reading import name_beside
from ..est.base.errors import InputError
from ..est.x509.certificate import fingerprint_sha256, pem
from ..est.x509.client_certificate import ClientCertificate, private_key_block
from ..est.x509.held_certificate import HeldCertificate, read_first_certificate
from ..est.x509.keys import KeySpec, generate_key, load_private_key, private_key_pem, same_public_key, spec_of_key
from .folder import IdentityFolder, not_kept

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from ..est.x509.fields import Certificate

_KEY, _NEXT, _PKCS12, _PENDING, _REFUSED, _UNUSABLE = "key", "next", "p12", "pending", "refused", "unusable"
#: What a file with a pair in PKCS#12 ends in, and a certificate in PEM.
_P12, _END = ".p12", "-----END CERTIFICATE-----\n"
_KEPT = "kept-"


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
            return complete_pending(self._own(_PENDING) or b"")
        except OSError as error:
            raise not_kept(error, "not_received") from None

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
