# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Windows host keeps a production certificate: in a certificate store of the machine, with its key.

A certificate of ours is known by its friendly name, such as ``web-portal-est-5f0c1d2e-0123456789abcdef-2``: template
and certificate name for people, a mark of both, the beginning of the digest of what was asked for, and how many there
were before. It comes with the certificate, and one call reads both. Windows names the container of the key after it as
well, and some providers cannot have spaces and the like in that.

A new certificate joins the old one and does not replace it. The programs of a Windows host name a certificate by its
thumbprint: they would lose theirs before anybody can tell them of the new one. The one with the highest number counts;
one that is over is removed when there is another. So a run that is killed at any moment leaves the old one, or both.

The key is carried as PKCS#12, in a folder that only SYSTEM and Administrators can have. What waits for approval is kept
there too, sealed with the sealing key of the template store, and so is, unsealed, why a certificate was refused.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Callable, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.holder import (
    CurrentCertificate,
    Recovered,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.judge import Refusal
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import LOCAL_MACHINE
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import SealingError, StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.sealing import seal, unseal
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._value import Value, field
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import (
    EstError,
    InputError,
    ParseError,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    load_certificate,
    not_after,
    not_before,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.held_certificate import tls_problem
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.path import is_self_issued

from .certificates import (
    INTERMEDIATE,
    StoredCertificate,
    der_of,
    import_certificates,
    import_file,
    list_certificates,
    remove_certificate,
    thumbprint,
)
from .folder import Host, prepare_folder
from .host import Refused
from .pkcs12 import pkcs12_file, require_pkcs12

if TYPE_CHECKING:
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate

#: The types of keys that Windows can import.
KEY_TYPES = ("rsa", "ec")
#: How many hexadecimal digits of a digest are in a friendly name.
DIGEST_DIGITS = 16
#: How many of the mark of template and certificate name.
_MARK_DIGITS = 8
#: Of what is for people. A friendly name can be of any length, the name of a container not.
_LONGEST_WORDS = 100
#: No certificate has it: to ask for a store without touching anything in it.
_NO_THUMBPRINT = "0" * 40


class WindowsCertificate(Value):
    """A certificate whose key is in a store of the machine. See ``OldCertificate``.

    :param unusable: why its key cannot be used for a connection, whatever the certificate says; empty where it can.
    """

    der: bytes = field(repr=False)
    certificate: Certificate
    tls: ClientCertificate
    unusable: str = ""

    def problem(self, now: datetime) -> Optional[str]:
        """Why no server can accept it as TLS client certificate, or why it cannot be shown to one."""
        return self.unusable or tls_problem(self.certificate, now)


class WindowsHolder:
    """See ``CertificateHolder``.

    :param host: the host.
    :param store: the name of a store of the machine.
    :param template: the name of the template.
    :param name: the name of the certificate, one of those of that template.
    :param store_path: the folder of the template store, in which files lie for a moment.
    :param sealing_key: returns the key of the template store, or None where it has none.
    :param key_exportable: whether Windows gives the key to administrators.
    :param check: write nothing; can be changed later.
    :param unusable: see ``WindowsCertificate``.
    """

    def __init__(
        self,
        host: Host,
        *,
        store: str,
        template: str,
        name: str,
        store_path: str,
        sealing_key: Callable[[], Optional[bytes]],
        key_exportable: bool = False,
        check: bool = False,
        unusable: str = "",
    ) -> None:
        self._host = host
        self._store = store
        self._name = f"{template} {name}"
        self._mark = hashlib.sha256(f"{template}\0{name}".encode()).hexdigest()[:_MARK_DIGITS]
        self._folder = store_path
        self._sealing_key = sealing_key
        self._key_exportable = key_exportable
        self.check = check
        self._unusable = unusable
        note = rf".*-est-{self._mark}-(?P<digest>[0-9a-f]{{{DIGEST_DIGITS}}})-(?P<number>[0-9]{{1,9}})"
        self._friendly_name = re.compile(f"{note}|{re.escape(self._name)}")
        self._found: Optional[CurrentCertificate] = None
        self._has_store = self._has_folder = False
        self._ours: list[StoredCertificate] = []
        self._current = ""
        self._pending: Optional[Mapping[str, str]] = None
        self._knows_pending = self._has_pending = False
        self._refusal: Optional[Refusal] = None
        self._knows_refusal = self._has_refusal = False

    # -- what is there ---------------------------------------------------------------------------------------------

    def read(self) -> CurrentCertificate:
        """See ``CertificateHolder.read()``: one call, and once."""
        if self._found is None:
            self._found = self._read()
        return self._found

    def _read(self) -> CurrentCertificate:
        try:
            stored = list_certificates(self._host, self._store)
        except StoreError as error:
            raise _failed(str(error), "not_received") from None
        self._ours = [found for found in stored if self._friendly_name.fullmatch(found.friendly_name)]
        readable = []
        for found in self._ours:
            with contextlib.suppress(ParseError):
                readable.append((load_certificate(found.der), found))
        if not readable:
            return CurrentCertificate(defect="it cannot be read" if self._ours else "")
        # Without its key one is of no use, whatever its age.
        certificate, newest = max(
            readable, key=lambda pair: (pair[1].has_key, self._number(pair[1]), not_before(pair[0]), not_after(pair[0]))
        )
        self._current = newest.thumbprint
        match = self._friendly_name.fullmatch(newest.friendly_name)
        if not newest.has_key:
            return CurrentCertificate(certificate, defect="its private key was not there")
        tls = ClientCertificate(self._path(newest.thumbprint))
        return CurrentCertificate(
            certificate,
            WindowsCertificate(newest.der, certificate, tls, self._unusable),
            digest=(match.group("digest") if match else None) or "",
        )

    def _number(self, found: StoredCertificate) -> int:
        match = self._friendly_name.fullmatch(found.friendly_name)
        return int((match.group("number") if match else None) or 0)

    def distrust(self, reason: str) -> None:
        """Let the key of the certificate that was read be one that cannot be used; see ``WindowsCertificate``."""
        if self._found is not None and isinstance(self._found.old, WindowsCertificate):
            self._found = self._found.replace(old=self._found.old.replace(unusable=reason))

    def _path(self, mark: str) -> str:
        return f"Cert:\\LocalMachine\\{self._store}\\{mark}"

    @property
    def replaced(self) -> list[str]:
        """The thumbprints of the other certificates of this name, which are there beside the one that counts."""
        return sorted(found.thumbprint for found in self._ours if found.thumbprint != self._current)

    def remove_expired(self) -> list[str]:
        """Remove those that were replaced and are over; return their thumbprints. In check mode, only tell them.

        One that somebody named by hand, and that has been taken over, is not ours to remove.

        :raises EstError: one cannot be removed.
        """
        removed = []
        for found in self._ours:
            if found.thumbprint == self._current or not self._number(found) or not _is_over(found.der):
                continue
            if not self.check:
                try:
                    remove_certificate(self._host, self._store, found.thumbprint)
                except StoreError as error:
                    raise _failed(str(error), "not_received") from None
            removed.append(found.thumbprint)
        self._ours = [found for found in self._ours if found.thumbprint not in removed]
        return sorted(removed)

    def remove_left_file(self) -> bool:
        """Remove the file with a key that a killed run left, and say whether there was one. In check mode, only say it.

        :raises EstError: it cannot be removed.
        """
        try:
            left = self._host.run("win_file", {"path": self._file("pfx"), "state": "absent"}, check=self.check)
        except Refused as refused:
            raise _failed(str(refused), "not_received") from None
        return bool(left["changed"])

    # -- keeping one -----------------------------------------------------------------------------------------------

    def mend(self) -> tuple[Sequence[Recovered], Sequence[str]]:
        """See ``CertificateHolder.mend()``. Windows has the chain in stores of its own, and finds it there itself."""
        return (), ()

    def reserved(self) -> contextlib.AbstractContextManager[None]:
        """See ``CertificateHolder.reserved()``: nothing is known of the room on a Windows host."""
        return contextlib.nullcontext()

    def refuse_unwritable(self) -> Sequence[str]:
        """See ``CertificateHolder.refuse_unwritable()``."""
        try:
            if not self._has_store:
                require_pkcs12()
                nothing = {"thumbprint": _NO_THUMBPRINT, "store_name": self._store, "state": "absent"}
                self._host.run("win_certificate_store", {**nothing, "store_location": "LocalMachine"}, check=True)
                self._has_store = True
            if not self._has_folder and not self.check:
                self._folder = prepare_folder(self._host, self._folder)
                self._has_folder = True
        except Refused as refused:
            raise _failed(
                f"a certificate could not be kept in LocalMachine\\{self._store}, with its files in {self._folder}: "
                f"{str(refused).strip()}",
                "not_received",
            ) from None
        return ()

    def refuse_key(self, spec: KeySpec) -> None:
        """See ``CertificateHolder.refuse_key()``."""
        if spec.type not in KEY_TYPES:
            raise InputError(
                f"a key of type {spec.type} is asked for, and the certificate stores of Windows import no such key",
                hint=f"Set key_type of the template to {' or '.join(KEY_TYPES)}, with a size or curve.",
            )

    def save(
        self,
        certificate: Certificate,
        chain: Sequence[Certificate],
        key: Any,
        digest: str,
    ) -> None:
        """See ``CertificateHolder.save()``."""
        passphrase = secrets.token_urlsafe(32)
        number = max(map(self._number, self._ours), default=0) + 1
        words = re.sub("[^A-Za-z0-9._-]+", "-", self._name)[:_LONGEST_WORDS]
        friendly_name = f"{words}-est-{self._mark}-{digest[:DIGEST_DIGITS]}-{number}"
        content = pkcs12_file(key, certificate, friendly_name, passphrase)
        issued = der_of(certificate)
        with self._keeping():
            intermediates = [der_of(entry) for entry in chain if not is_self_issued(entry)]
            if intermediates:
                # In the file of the key they would go into the same store as the certificate.
                import_certificates(self._host, self._folder, INTERMEDIATE, intermediates)
            import_file(
                self._host,
                self._file("pfx"),
                self._store,
                content,
                password=passphrase,
                key_exportable=self._key_exportable,
                key_storage="machine",
            )
            there = list_certificates(self._host, self._store, thumbprint(issued))
            if not any(found.der == issued and found.has_key for found in there):
                raise StoreError("the certificate is not there with its key after it was imported")
        self._current = thumbprint(issued)
        self._ours.append(StoredCertificate(issued, friendly_name, True))
        self.drop_pending()
        if self._has_refusal:
            with self._keeping():
                self._host.run("win_file", {"path": self._file("refused"), "state": "absent"})

    def save_unusable(self, certificates: str, key: str) -> str:
        """See ``CertificateHolder.save_unusable()``. The key is not kept: no key of a Windows host lies in a file."""
        with self._keeping():
            self._host.put(self._file("unusable"), certificates.encode("ascii"))
        return f"{self._file('unusable')}, without its key"

    def describe(self, certificate: Certificate) -> dict[str, Any]:
        """See ``CertificateHolder.describe()``."""
        mark = thumbprint(der_of(certificate))
        return {"path": self._path(mark), "thumbprint": mark}

    def places(self) -> dict[str, str]:
        """See ``CertificateHolder.places()``."""
        return {"certificate_store_name": self._store, "certificate_store_location": LOCAL_MACHINE}

    def place(self) -> str:
        """See ``CertificateHolder.place()``."""
        return f"LocalMachine\\{self._store}: {self._name}"

    # -- what waits for approval -----------------------------------------------------------------------------------

    def read_pending(self) -> Optional[Mapping[str, str]]:
        """See ``CertificateHolder.read_pending()``. The file is sealed, so a module may carry it; it is read once."""
        if not self._knows_pending:
            self._pending, self._knows_pending = self._read_pending(), True
        return self._pending

    def _read_pending(self) -> Optional[Mapping[str, str]]:
        sealed = self._read_file("pending", "what waits for approval")
        self._has_pending = sealed is not None
        if sealed is None:
            return None
        try:
            key = self._sealing_key()
            found = None if key is None else json.loads(unseal(key, *self._bound_to(), sealed.decode("ascii")))
        except (SealingError, ValueError):  # cut short, or of another sealing key
            return None
        except StoreError as error:
            raise _failed(f"what waits for approval cannot be opened: {error}", "not_received") from None
        return found if isinstance(found, dict) else None

    def save_pending(self, files: Mapping[str, str]) -> None:
        """See ``CertificateHolder.save_pending()``."""
        with self._keeping():
            key = self._sealing_key()
            if key is None:
                raise StoreError(
                    f"the CA wants to approve the request first, and there is nothing to seal its key with until then: "
                    f"the template store {self._folder} has no sealing key. It gets one with the first template that "
                    "has a password"
                )
            self._host.put(self._file("pending"), seal(key, *self._bound_to(), json.dumps(dict(files))).encode("ascii"))
        self._pending, self._knows_pending, self._has_pending = files, True, True

    def drop_pending(self) -> bool:
        """See ``CertificateHolder.drop_pending()``. To look for one would cost every run a call."""
        there = self._has_pending
        if there and not self.check:
            with self._keeping():
                self._host.run("win_file", {"path": self._file("pending"), "state": "absent"})
            self._pending, self._has_pending = None, False
        return there

    # -- what was refused ------------------------------------------------------------------------------------------

    def read_refusal(self) -> Optional[Refusal]:
        """See ``CertificateHolder.read_refusal()``. It is in a file beside the template store, and read once."""
        if not self._knows_refusal:
            content = self._read_file("refused", "what was refused")
            self._has_refusal, self._knows_refusal = content is not None, True
            self._refusal = Refusal.from_text((content or b"").decode("ascii", "replace"))
        return self._refusal

    def save_refusal(self, refusal: Refusal) -> None:
        """See ``CertificateHolder.save_refusal()``. There is no secret in it."""
        with self._keeping():
            self._host.put(self._file("refused"), refusal.as_text().encode("ascii"))
        self._refusal, self._knows_refusal, self._has_refusal = refusal, True, True

    def _read_file(self, kind: str, words: str) -> Optional[bytes]:
        try:
            return base64.b64decode(self._host.run("slurp", {"src": self._file(kind)})["content"])
        except Refused as refused:
            # The words are of the module itself, the same in every language of Windows.
            if str(refused).endswith("is not found"):
                return None
            raise _failed(f"{words} cannot be read: {refused}", "not_received") from None

    def _file(self, kind: str) -> str:
        # A template can have a name that no file can have.
        return f"{self._folder}\\certificate-{self._store}-{self._mark}.{kind}"

    def _bound_to(self) -> tuple[str, str]:
        return f"certificate {self._store} {self._name}", "pending request"

    @contextlib.contextmanager
    def _keeping(self) -> Iterator[None]:
        """Turn what fails into the error of a certificate that was asked for and cannot be kept."""
        try:
            yield
        except (Refused, StoreError) as error:
            raise _failed(str(error).strip(), "received") from None


def _is_over(der: bytes) -> bool:
    try:
        return not_after(load_certificate(der)) < datetime.now(timezone.utc)
    except ParseError:
        return False


def _failed(reason: str, request_received: str) -> EstError:
    hint = "Check that the account of the connection is an administrator of the host."
    if request_received == "received":
        hint = (
            "If the CA has issued a certificate, it is in the store of the machine, or its key is gone and the next "
            "run asks for another. Where Windows refuses keys to the logon of the connection, become with "
            "become_method runas helps, or CredSSP."
        )
    return EstError(reason, code="not_saved", stage="save", hint=hint, request_received=request_received)
