# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there of the certificate of one identity, in PEM and in PKCS#12, and what of it is not as it has to be."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Dict, List, Optional, Tuple

from .._certificate.holder import CurrentCertificate
from .._certificate.note import Chain
from .._certificate.outputs import Pkcs12
from .._certificate.sealed import is_pkcs12_sealed, sha256_of
from .._files.attributes import State
from .._files.reading import name_beside
from ..est.base.errors import InputError
from ..est.x509.certificate import fingerprint_sha256, pem
from ..est.x509.client_certificate import ClientCertificate, private_key_block
from ..est.x509.held_certificate import HeldCertificate, read_first_certificate
from ..est.x509.keys import load_private_key, same_public_key
from .folder import IdentityFolder
from .journal import Note

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from ..est.x509.fields import Certificate

#: What is noted of a certificate for a key that this module has not made: somebody may need that one.
STRANGE = "strange_key"
END = "-----END CERTIFICATE-----\n"


class IdentityReading:
    """Looks at the files of one identity, and changes nothing.

    :param home: the folder.
    :param name: of its files, without what stands for their kind.
    :param pkcs12: the file that is wanted, with its name in the folder; ``None`` for none.
    :param pair: whether the pair is wanted in PEM.
    """

    def __init__(self, home: IdentityFolder, name: str, pkcs12: Optional[Pkcs12] = None, *, pair: bool = True) -> None:
        self._home = home
        self._name = name
        self._pkcs12 = pkcs12
        self._pair = pair
        self._held: Optional[HeldCertificate] = None
        self._chain = Chain()
        self._note = Note()
        self._certificate_name, self._key_name = f"{name}.pem", f"{name}.key"
        #: Files with a key that was not put there by this module, as far as is known.
        self._strange: Dict[str, None] = {}
        #: What is in the file of the certificate.
        self._pem = ""

    def _found(self) -> CurrentCertificate:
        """What is there: where the form that is wanted is not whole, the other one may be."""
        self._held, self._strange = None, {}
        first: Optional[CurrentCertificate] = None
        for read in (self._in_pem, self._in_pkcs12) if self._pair else (self._in_pkcs12, self._in_pem):
            found = read()
            if found.old is not None:
                return found
            if first is None or not (first.certificate or first.defect):
                first = found
        return first or CurrentCertificate()

    def _in_pem(self) -> CurrentCertificate:
        text, key_text = self._text(self._certificate_name), self._text(self._key_name)
        self._pem = text
        if key_text:
            self._strange[self._key_name] = None
        if not text.strip():
            return CurrentCertificate()
        try:
            first = read_first_certificate(text, repr(self._path(self._certificate_name)))
        except InputError as error:
            return CurrentCertificate(defect=error.reason)
        if not key_text:
            defect = f"its private key {self._path(self._key_name)} was not there"
            return CurrentCertificate(first[1], defect=defect)
        try:
            return self._with_key(first, key_text, text, self._key_name)
        except InputError as error:
            return CurrentCertificate(first[1], defect=error.reason)

    def _in_pkcs12(self) -> CurrentCertificate:
        if self._pkcs12 is None or self._pkcs12.path not in self._home.names:
            return CurrentCertificate()
        self._strange[self._pkcs12.path] = None
        try:
            text, key_text = self._pkcs12.opened(self._home.read(self._pkcs12.path) or b"")
            first = read_first_certificate(text, repr(self._path(self._pkcs12.path)))
            return self._with_key(first, key_text, text, self._pkcs12.path)
        except InputError as error:
            return CurrentCertificate(defect=error.reason)

    def _with_key(
        self, first: Tuple[bytes, Certificate], key_text: str, text: str, key_file: str
    ) -> CurrentCertificate:
        """A certificate with its key.

        :param text: the certificate with its intermediates, PEM.
        :param key_file: which of the files the key is in.
        :raises InputError: the key cannot be read, or belongs to another one.
        """
        place = self.place()
        tls = ClientCertificate(place, self._path(key_file), certificate_pem=text, key_pem=private_key_block(key_text))
        held = HeldCertificate.with_key(first, key_text, tls, repr(place))
        self._note = self._home.notes.find(self._name, fingerprint_sha256(first[1]))
        if self._note.digest and STRANGE not in self._note.more:
            self._strange.pop(key_file, None)
        there = text.partition(END)[2].lstrip()
        self._held = held
        self._chain = Chain(there if self._note.intermediates is None else self._note.intermediates)
        return CurrentCertificate(first[1], held, digest=self._note.digest, key=held.key)

    def _key_of(self, certificate: Certificate, text: str) -> Optional[PrivateKeyTypes]:
        """The key of a certificate that came: the one that was kept for it, or the one that is there."""
        with contextlib.suppress(InputError):
            key = load_private_key(text.encode("ascii", "replace"))
            if same_public_key(key, certificate):
                return key
        held = self._held
        return held.key if held is not None and same_public_key(held.key, certificate) else None

    def _is_whole(self) -> bool:
        """Whether all files are there."""
        return all(map(self._is_there, self._wanted()))

    def _to_mend(self, held: HeldCertificate) -> Dict[str, str]:
        """The files that are not as they have to be, and why."""
        home, found = self._home, {}
        missing = "was not there"
        if self._pair:
            if self._certificate_name not in home.names:
                found[self._certificate_name] = missing
            elif self._note.intermediates is not None and self._pem != self._whole(held.certificate, self._chain):
                found[self._certificate_name] = "was not what belongs to the certificate"
            if self._key_name not in home.names:
                found[self._key_name] = missing
        if self._pkcs12 is not None:
            sha256 = self._sha256_of(self._pkcs12.path)
            if not sha256:
                found[self._pkcs12.path] = missing
            elif (self._pair or self._note.digest) and not is_pkcs12_sealed(
                self._note.more, self._pkcs12, sha256, self._chain
            ):
                found[self._pkcs12.path] = "was not what belongs to the certificate and to these options"
        if home.attributes is not None:
            for name in self._wanted():
                state = home.folder.state(name) if name not in found else None
                wanted = home.attributes.of_file(name != self._certificate_name)
                differences = wanted.differences(State.from_text(state)) if state is not None else []
                if differences:
                    found[name] = f"had {', '.join(differences)}"
        return found

    def _unwanted(self) -> List[str]:
        """The files of a pair in PEM that this module has put there, where the PKCS#12 file is to have it alone."""
        there = (
            [] if self._pair else [name for name in (self._key_name, self._certificate_name) if self._is_there(name)]
        )
        if not there:
            return []
        try:
            certificate = read_first_certificate(self._text(self._certificate_name), "")[1]
        except InputError:
            return []
        return there if self._home.notes.find(self._name, fingerprint_sha256(certificate)).digest else []

    def _has_key_of_others(self) -> bool:
        """Whether the key in PEM was not put there by this module, as far as is known; its certificate is noted."""
        text = self._text(self._key_name)
        if text == self._home.unfinished.get(self._name).get("key"):
            return False
        try:
            certificate = read_first_certificate(self._text(self._certificate_name), "")[1]
            known = same_public_key(load_private_key(text.encode("latin-1")), certificate)
        except InputError:
            return True
        return not known or STRANGE in self._home.notes.find(self._name, fingerprint_sha256(certificate)).more

    def _has(self, name: str, content: bytes, certificate: Certificate) -> bool:
        """Whether a file is the new one already: a run was killed after it had put it there."""
        there = self._home.read(name)
        if self._pkcs12 is None or name != self._pkcs12.path:
            return there == content
        try:
            return self._pkcs12.opened(there or b"")[0].startswith(pem(certificate))
        except InputError:
            return False

    def place(self) -> str:
        """See ``CertificateHolder.place()``."""
        return self._path(self._wanted()[0])

    def _wanted(self) -> Sequence[str]:
        """The names of the files."""
        pair = (self._certificate_name, self._key_name) if self._pair else ()
        return (*pair, *(() if self._pkcs12 is None else (self._pkcs12.path,)))

    @staticmethod
    def _whole(certificate: Certificate, above: Chain) -> str:
        return pem(certificate) + above.intermediates

    def _sha256_of(self, name: str) -> str:
        content = self._home.read(name)
        return "" if content is None else sha256_of(content.decode("latin-1"))

    def _is_there(self, name: str) -> bool:
        return name in self._home.names

    def _path(self, name: str) -> str:
        return f"{self._home.path}/{name}"

    def _beside(self, kind: str) -> str:
        return name_beside(self._name, kind)

    def _own(self, kind: str) -> Optional[bytes]:
        return self._home.read(self._beside(kind))

    def _text(self, name: str) -> str:
        return (self._home.read(name) or b"").decode("latin-1")
