# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Windows host keeps a production certificate: in a certificate store of the machine, with its key.

A certificate of ours is known by its friendly name, such as ``web-portal-est-5f0c1d2e-0123456789abcdef-2``: template
and certificate name for people, a mark of both, the beginning of the digest of what was asked for, and how many there
were before. It is beside the certificate, and one call reads both.

A new certificate joins the old one and does not replace it. The programs of a Windows host name a certificate by its
thumbprint: they would lose theirs before anybody can tell them of the new one. The one with the highest number counts;
one that is over is removed when there is another, and its key with it. So a run that is killed at any moment leaves the
old one, or both.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.holder import (
    CurrentCertificate,
    Recovered,
    complete_pending,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.judge import Refusal
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import LOCAL_MACHINE
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
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    DistantKey,
    KeySpec,
    spec_of_key,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.path import is_self_issued

from ..base.host_answer import UnusableAnswer
from .windows_keys import MISSING, MODULE, UNUSABLE, HostKeys, Look, OneLook, StoredCertificate, thumbprint

if TYPE_CHECKING:
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate

#: The types of keys that the key stores of Windows make.
KEY_TYPES = ("rsa", "ec")
#: How many hexadecimal digits of a digest are in a friendly name.
DIGEST_DIGITS = 16
#: How many of the mark of template and certificate name.
_MARK_DIGITS = 8
#: Of what is for people.
_LONGEST_WORDS = 100


def adopted_name(template: str, name: str) -> str:
    """The friendly name by which a certificate is taken over that was made by hand."""
    return f"{template} {name}"


def mark_of(template: str, name: str) -> str:
    """What tells the certificates of one name of a template from all others, in the names that Windows gets."""
    return hashlib.sha256(f"{template}\0{name}".encode()).hexdigest()[:_MARK_DIGITS]


class WindowsCertificate(Value):
    """A certificate whose key is in a store of the machine. See ``OldCertificate``.

    :param unusable: why its key cannot be used for a connection, whatever the certificate says; empty where it can.
    """

    certificate: Certificate
    tls: ClientCertificate = field(repr=False)
    unusable: str = ""

    def problem(self, now: datetime) -> Optional[str]:
        """Why no server can accept it as TLS client certificate, or why it cannot be shown to one."""
        return self.unusable or tls_problem(self.certificate, now)


class WindowsHolder:
    """See ``CertificateHolder``.

    :param keys: the keys and certificates of the host.
    :param looks: the look at the host, which several holders share.
    :param store: the name of a store of the machine.
    :param template: the name of the template.
    :param name: the name of the certificate, one of those of that template.
    :param key_provider: ``software``, ``tpm`` or ``csp``: what makes new keys.
    :param key_exportable: whether Windows gives a new key to administrators.
    :param keeps_key: whether a renewal is for the key that is there.
    :param services: what is to be restarted when the certificate has changed.
    :param check: write nothing.
    :param unusable: see ``WindowsCertificate``.
    """

    def __init__(
        self,
        keys: HostKeys,
        looks: OneLook,
        *,
        store: str,
        template: str,
        name: str,
        key_provider: str = "software",
        key_exportable: bool = False,
        keeps_key: bool = False,
        services: Sequence[str] = (),
        check: bool = False,
        unusable: str = "",
    ) -> None:
        self.keys = keys
        self.looks = looks
        self._store = store
        self._name = adopted_name(template, name)
        self._mark = mark_of(template, name)
        self._provider = key_provider
        self._key_exportable = key_exportable
        self._keeps_key = keeps_key
        self._services = tuple(services)
        self._check = check
        self._unusable = unusable
        note = rf".*-est-{self._mark}-(?P<digest>[0-9a-f]{{{DIGEST_DIGITS}}})-(?P<number>[0-9]{{1,9}})"
        self._friendly_name = re.compile(f"{note}|{re.escape(self._name)}")
        self._look: Optional[Look] = None
        self._ours: list[StoredCertificate] = []
        self._current = ""
        self._lacking_readers: tuple[str, ...] = ()
        self._has_pending = False
        self._changed = False

    # -- what is there ---------------------------------------------------------------------------------------------

    def _found(self) -> Look:
        if self._look is None:
            self._look = self.looks.of(self.keys)
        return self._look

    def read(self) -> CurrentCertificate:
        """See ``CertificateHolder.read()``."""
        look = self._found()
        self._has_pending = look.pending is not None
        waiting = DistantKey(look.waiting_key, self.keys.sign) if look.waiting_key and self._has_pending else None
        return self._read(look).replace(pending_key=waiting)

    def _read(self, look: Look) -> CurrentCertificate:
        self._ours = [found for found in look.certificates if self._friendly_name.fullmatch(found.friendly_name)]
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
        if not newest.has_key:
            lost = "was not there" if newest.key == MISSING else "was that of another certificate"
            return CurrentCertificate(certificate, defect=f"its private key {lost}")
        self._lacking_readers = newest.lacking_readers
        unusable = self._unusable
        if newest.key == UNUSABLE:
            unusable = (
                "Windows does not let the account of the connection use its key; become with become_method runas "
                "helps, or CredSSP"
            )
        match = self._friendly_name.fullmatch(newest.friendly_name)
        return CurrentCertificate(
            certificate,
            WindowsCertificate(certificate, ClientCertificate(self._path(newest.thumbprint)), unusable),
            digest=(match.group("digest") if match else None) or "",
            key=self._key_of(certificate, newest) if self._keeps_key else None,
        )

    def _key_of(self, certificate: Certificate, stored: StoredCertificate) -> Optional[DistantKey]:
        if stored.key == UNUSABLE:
            return None
        try:
            return DistantKey(
                certificate.public_key_info,
                lambda octets, hash_name: self.keys.sign(octets, hash_name, stored.thumbprint),
            )
        except InputError:
            return None

    def _number(self, found: StoredCertificate) -> int:
        match = self._friendly_name.fullmatch(found.friendly_name)
        return int((match.group("number") if match else None) or 0)

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
        over = sorted(
            found.thumbprint
            for found in self._ours
            if found.thumbprint != self._current and self._number(found) and _is_over(found.der)
        )
        if over and not self._check:
            self.keys.remove(over)
        self._ours = [found for found in self._ours if found.thumbprint not in over]
        return over

    # -- keeping one -----------------------------------------------------------------------------------------------

    def mend(self) -> tuple[Sequence[Recovered], Sequence[str]]:
        """See ``CertificateHolder.mend()``. Windows has the chain in stores of its own, and finds it there itself; what
        can be put right is who may use the key, and a restart that is owed.
        """
        recovered = []
        owed = self._owed_before()
        if self._lacking_readers:
            if not self._check:
                self.keys.grant(self._current)
            self._changed = True
            who = ", ".join(self._lacking_readers)
            after = f"{self.place()}: its key can be used by {who}"
            recovered.append(Recovered(f"the key could not be used by {who}", "", after))
        if owed:
            recovered.append(Recovered(f"an earlier run had not reloaded {', '.join(owed)}"))
        return recovered, ()

    def _owed_before(self) -> tuple[str, ...]:
        noted = {name.lower() for name in self._found().owed}
        return tuple(name for name in self._services if name.lower() in noted)

    def owed(self) -> tuple[str, ...]:
        """The services that have not been told of the last change; one that is not named any more need not be."""
        if self._look is None:
            return ()
        return self._services if self._changed else self._owed_before()

    def reserved(self) -> contextlib.AbstractContextManager[None]:
        """See ``CertificateHolder.reserved()``: nothing is known of the room on a Windows host."""
        return contextlib.nullcontext()

    def refuse_unwritable(self) -> Sequence[str]:
        """See ``CertificateHolder.refuse_unwritable()``. Whether notes can be written, the making of the key tells."""
        if not self._found().writable:
            raise EstError(
                f"a certificate could not be kept in LocalMachine\\{self._store}: Windows does not let the account of "
                "the connection write there",
                code="not_saved",
                stage="save",
                hint="It has to be an administrator of the host; where it is one, become with become_method runas "
                "helps, or CredSSP.",
            )
        return ()

    def refuse_key(self, spec: KeySpec) -> None:
        """Refuse a kind of key that the host cannot make.

        :raises InputError: it is one.
        """
        if spec.type not in KEY_TYPES:
            raise InputError(
                f"a key of type {spec.type} is asked for, and the key stores of Windows make no such key",
                code="unsupported_key",
                hint=f"Set key_type of the template to {' or '.join(KEY_TYPES)}, with a size or curve.",
            )
        if spec.type == "ec" and self._provider == "csp":
            raise InputError(
                "an EC key is asked for, and key_provider csp makes RSA keys only",
                code="unsupported_key",
                hint="Set key_provider to software or tpm, or key_type of the template to rsa.",
            )

    def make_key(self, spec: KeySpec) -> DistantKey:
        """See ``CertificateHolder.make_key()``. The host makes it, and keeps it."""
        self.refuse_key(spec)
        info = self.keys.make(spec, provider=self._provider, exportable=self._key_exportable)
        self._has_pending = False  # it was for the key that this one has replaced
        try:
            key = DistantKey(info, self.keys.sign)
        except InputError:
            key = None
        if key is None or spec_of_key(key) != spec:
            raise UnusableAnswer(f"{MODULE} on the host answered with another kind of key than it was to make")
        return key

    def save(
        self,
        certificate: Certificate,
        chain: Sequence[Certificate],
        key: Any,
        digest: str,
        about: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """See ``CertificateHolder.save()``."""
        number = max(map(self._number, self._ours), default=0) + 1
        words = re.sub("[^A-Za-z0-9._-]+", "-", self._name)[:_LONGEST_WORDS]
        friendly_name = f"{words}-est-{self._mark}-{digest[:DIGEST_DIGITS]}-{number}"
        intermediates = [entry.der for entry in chain if not is_self_issued(entry)]
        self.keys.join(certificate.der, intermediates, friendly_name, self._current if key is None else "")
        self._changed = True
        self._ours.append(StoredCertificate(certificate.der, friendly_name))
        self._current = thumbprint(certificate.der)
        self._has_pending = False

    def save_unusable(self, certificates: str, key: str) -> str:
        """See ``CertificateHolder.save_unusable()``. The key stays in the key store until the next one is made."""
        return f"{self.keys.note('unusable', certificates.encode('ascii'))}, without its key"

    def describe(self, certificate: Certificate) -> dict[str, Any]:
        """See ``CertificateHolder.describe()``."""
        mark = thumbprint(certificate.der)
        return {"path": self._path(mark), "thumbprint": mark}

    def places(self) -> dict[str, str]:
        """See ``CertificateHolder.places()``."""
        return {"certificate_store_name": self._store, "certificate_store_location": LOCAL_MACHINE}

    def place(self) -> str:
        """See ``CertificateHolder.place()``."""
        return f"LocalMachine\\{self._store}: {self._name}"

    # -- what waits for approval, and what was refused -----------------------------------------------------------------

    def read_pending(self) -> Optional[Mapping[str, str]]:
        """See ``CertificateHolder.read_pending()``. The key is in the key store."""
        pending = self._found().pending
        return complete_pending(pending or b"") if self._has_pending else None

    def save_pending(self, files: Mapping[str, str]) -> None:
        """See ``CertificateHolder.save_pending()``. There is no key among the files."""
        self.keys.note("pending", json.dumps(dict(files)).encode("ascii"))
        self._has_pending = True

    def drop_pending(self) -> bool:
        """See ``CertificateHolder.drop_pending()``. Its key goes with it."""
        there = self._has_pending
        if there and not self._check:
            self.keys.remove(waiting=True)
            self._has_pending = False
        return there

    def read_refusal(self) -> Optional[Refusal]:
        """See ``CertificateHolder.read_refusal()``."""
        return Refusal.from_text((self._found().refused or b"").decode("ascii", "replace"))

    def save_refusal(self, refusal: Refusal) -> None:
        """See ``CertificateHolder.save_refusal()``. There is no secret in it."""
        self.keys.note("refused", refusal.as_text().encode("ascii"))


def _is_over(der: bytes) -> bool:
    try:
        return not_after(load_certificate(der)) < datetime.now(timezone.utc)
    except ParseError:
        return False
