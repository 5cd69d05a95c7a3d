# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates of a Windows host's machine, through the private module ``win_est_key``: one round trip a call.

A key is made in the host's key store and signs there; nothing of it but its public key comes here. The look at the host
is one for all certificates of a task: ``OneLook``.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Callable, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import KEY_OCTETS
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._value import Value, field
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError

from ..base.host_answer import UnusableAnswer, check_shape, failure_words, octets_of
from .store import check_reading

if TYPE_CHECKING:
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec

MODULE = "win_est_key"
#: How it is about the key of a certificate: there, not there, of another certificate, or kept from the account.
THERE, MISSING, OTHER, UNUSABLE = "there", "missing", "other", "unusable"
#: Octets of the note of a pending request at most.
_PENDING_OCTETS = 16 * 1024
#: Random octets of which all masks of a look are made.
_SEED_OCTETS = 32

_SHAPE = {"found": [dict], "document": dict, "made": dict}
_LOOK = {
    "certificates": [dict],
    "writable": bool,
    "waiting_key": str,
    "masked_pending": str,
    "refused": str,
    "owed": [str],
}
_CERTIFICATE = {"certificate": str, "friendly_name": str, "key": str, "lacking_readers": [str]}
#: What is told where a certificate may have been issued.
_HINT = (
    "If the CA has issued a certificate, it is in the store of the machine, or it is lost and the next run asks for "
    "another, for a new key."
)

#: Runs a module on the host and returns its result, a failed one as well: name, arguments.
Execute = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


def thumbprint(der: bytes) -> str:
    """Return the SHA-1 of a certificate in capital hexadecimal digits: a name of Windows, and no proof of anything."""
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()


class StoredCertificate(Value):
    """A certificate in a store of the machine.

    :param der: the certificate.
    :param friendly_name: what Windows shows for it.
    :param key: ``THERE``, ``MISSING``, ``OTHER`` or ``UNUSABLE``.
    :param lacking_readers: of the accounts that are to use its key, the names of those that may not.
    """

    der: bytes = field(repr=False)
    friendly_name: str
    key: str = THERE
    lacking_readers: tuple[str, ...] = ()

    @property
    def thumbprint(self) -> str:
        """What Windows names it by."""
        return thumbprint(self.der)

    @property
    def has_key(self) -> bool:
        """Whether its own key is there, whoever may use it."""
        return self.key in (THERE, UNUSABLE)


class Look(Value):
    """What was found of one certificate name on the host.

    :param certificates: those of this name.
    :param writable: whether the account may put certificates into the store.
    :param waiting_key: the SubjectPublicKeyInfo of the key that no certificate came for yet; empty where there is none.
    :param pending: the note of what waits for approval; ``None`` where there is none.
    :param refused: the note of a certificate that was refused, likewise.
    :param owed: services that have not been restarted after the last change.
    """

    certificates: tuple[StoredCertificate, ...]
    writable: bool
    waiting_key: bytes
    pending: Optional[bytes] = field(repr=False)
    refused: Optional[bytes]
    owed: tuple[str, ...] = ()


class HostKeys:
    """Key and certificates of one name on a host.

    :param execute: runs a module on the host, in check mode too, and returns its result, a failed one as well.
    :param module: the full name of the module.
    :param store_path: the folder of the template store, in which notes are kept.
    :param store_name: the store of the machine.
    :param mark: what is in all names of what belongs to this certificate: 8 hexadecimal digits.
    :param name: the friendly name by which a certificate that was made by hand is taken over.
    :param key_readers: accounts that are to use the key.
    :param services: what is to be restarted when the certificate has changed.
    :param made: what is noted for a purge before anything changes; see ``windows_made.py``.
    :ivar has_noted: whether that was noted.
    """

    def __init__(
        self,
        execute: Execute,
        module: str,
        *,
        store_path: str,
        store_name: str,
        mark: str,
        name: str,
        key_readers: Sequence[str] = (),
        services: Sequence[str] = (),
        made: bytes = b"",
    ) -> None:
        self.execute = execute
        self.module = module
        self.store_path = store_path
        self._which = {"store_name": store_name, "mark": mark, "name": name}
        self._readers = list(key_readers)
        self._services = list(services)
        self._made = {"made": base64.b64encode(made).decode("ascii")} if made else {}
        self.has_noted = False

    @property
    def noted_by(self) -> dict[str, str]:
        """What names the notes of this certificate."""
        return {option: self._which[option] for option in ("store_name", "mark")}

    def asked(self, *, every: bool) -> dict[str, Any]:
        """What a look is to look at.

        :param every: tell the certificates of others too.
        """
        more = {"key_readers": self._readers, "services": self._services, "every": every}
        return {**self._which, **{option: value for option, value in more.items() if value}}

    def make(self, spec: KeySpec, *, provider: str, exportable: bool) -> bytes:
        """Make a key in place of one that waits.

        :param provider: ``software``, ``tpm`` or ``csp``.
        :returns: its SubjectPublicKeyInfo.
        :raises EstError: it cannot be made.
        """
        given = {"key_type": spec.type, "key_size": spec.size, "key_curve": spec.curve}
        made = self._run(
            "make",
            "not_received",
            key_provider=provider,
            key_exportable=exportable,
            **{name: value for name, value in given.items() if value is not None},
            **self._made,
        )
        self.has_noted = bool(self._made)
        check_shape(made, {"public_key": str}, MODULE)
        return octets_of(made["public_key"], MODULE)

    def sign(self, octets: bytes, hash_name: str, thumbprint: str = "") -> bytes:
        """Sign with the key that waits, or with that of a certificate; see ``DistantKey``.

        :raises EstError: the key does not sign.
        """
        signed = self._run(
            "sign",
            "not_received",
            data=base64.b64encode(octets).decode("ascii"),
            hash=hash_name,
            thumbprint=thumbprint,
        )
        check_shape(signed, {"signature": str}, MODULE)
        return octets_of(signed["signature"], MODULE)

    def join(self, der: bytes, intermediates: Sequence[bytes], friendly_name: str, thumbprint: str = "") -> None:
        """Join an issued certificate to the key that waits, or to that of a certificate; forget all notes.

        :raises EstError: it could not be kept whole.
        """
        encoded = [base64.b64encode(entry).decode("ascii") for entry in (der, *intermediates)]
        self._run(
            "join",
            "received",
            certificate=encoded[0],
            intermediates=encoded[1:],
            friendly_name=friendly_name,
            key_readers=self._readers,
            services=self._services,
            thumbprint=thumbprint,
            **self._made,
        )
        self.has_noted = bool(self._made)

    def grant(self, thumbprint: str) -> None:
        """Let the accounts use the key of a certificate.

        :raises EstError: they cannot.
        """
        self._run("grant", "not_received", key_readers=self._readers, services=self._services, thumbprint=thumbprint)

    def note(self, kind: str, content: bytes) -> str:
        """Keep a note of what the server said; return its path.

        :param kind: ``pending``, ``refused`` or ``unusable``.
        :raises EstError: it cannot be written, or not be read again.
        """
        if kind == "pending" and len(content) > _PENDING_OCTETS:
            raise EstError(
                f"the request has more than {_PENDING_OCTETS} octets, and is not kept until it is approved",
                code="not_saved",
                stage="save",
                hint="Let the template ask for fewer names.",
                request_received="received",
            )
        kept = self._run("note", "received", note=kind, content=base64.b64encode(content).decode("ascii"))
        check_shape(kept, {"path": str}, MODULE)
        return str(kept["path"])

    def remove(self, thumbprints: Sequence[str] = (), *, waiting: bool = False) -> None:
        """Remove certificates with their keys, and what waits for approval with its key.

        :raises EstError: it cannot be removed.
        """
        self._run("remove", "not_received", thumbprints=list(thumbprints), waiting=waiting)

    def _run(self, operation: str, request_received: str, **more: Any) -> Mapping[str, Any]:
        given = {"operation": operation, "store_path": self.store_path, **self._which, **more}
        result = self.execute(self.module, given)
        if result.get("failed"):
            raise error_of(result, request_received)
        return result


class OneLook:
    """The look at a host for several certificates: one call, made when somebody first wants to know something.

    :param keys: of one host, and with the same folder of the template store.
    :param with_document: read the document of the template store as well.
    :param every: tell the certificates of others too.
    :param with_made: read what is noted for a purge as well.
    :param host: one that names host and folder, where there are no keys.
    """

    def __init__(
        self,
        keys: Sequence[HostKeys],
        *,
        with_document: bool = False,
        every: bool = False,
        with_made: bool = False,
        host: Optional[HostKeys] = None,
    ) -> None:
        self._keys = keys
        self._host = host or keys[0]
        self._with_made = with_made
        self._with_document = with_document
        self._every = every
        self._seed = os.urandom(_SEED_OCTETS)
        self._key_pad = os.urandom(KEY_OCTETS)
        self._answer: Optional[Mapping[str, Any]] = None

    def of(self, keys: HostKeys) -> Look:
        """What was found of one certificate name.

        :param keys: one of those that the look is for.
        :raises EstError: it could not be looked at.
        """
        found = self._found()["found"][self._keys.index(keys)]
        if "error_code" in found:
            raise error_of(found, "not_received")
        check_shape(found, _LOOK, MODULE)
        masked = octets_of(found["masked_pending"], MODULE)
        if len(masked) > _PENDING_OCTETS:
            raise UnusableAnswer(f"{MODULE} on the host answered with a longer note than it keeps")
        return Look(
            tuple(_stored(entry) for entry in found["certificates"]),
            found["writable"],
            octets_of(found["waiting_key"], MODULE),
            mask(masked, _pad(self._seed, keys.noted_by, len(masked))) if masked else None,
            octets_of(found["refused"], MODULE) or None,
            tuple(found["owed"]),
        )

    def document(self, _store_path: str, key_pad: Optional[bytes]) -> Mapping[str, Any]:
        """What is found of the template store; see ``HostStore``.

        :param key_pad: masks its sealing key; ``None`` where that is not wanted.
        :raises EstError: it could not be looked at.
        """
        document: Mapping[str, Any] = self._found()["document"]
        if "error_code" in document:
            raise error_of(document, "not_received")
        masked = check_reading(document)
        # Each who asks has a pad of his own, and the host was asked once.
        key = mask(mask(masked, self._key_pad), key_pad) if masked and key_pad else b""
        return {**document, "masked_key": key.hex()}

    def made(self) -> Sequence[Mapping[str, Any]]:
        """What is noted for a purge; see ``windows_made.py``.

        :raises EstError: it could not be looked at.
        """
        made = self._found()["made"]
        if "error_code" in made:
            raise error_of(made, "not_received")
        check_shape(made, {"notes": [dict]}, MODULE)
        notes: Sequence[Mapping[str, Any]] = made["notes"]
        return notes

    def noted_since(self) -> set[tuple[str, str]]:
        """Store, in small letters, and mark of what was noted for a purge after the look."""
        noted = [each.noted_by for each in self._keys if each.has_noted]
        return {(each["store_name"].lower(), each["mark"]) for each in noted}

    def _found(self) -> Mapping[str, Any]:
        if self._answer is None:
            more: dict[str, Any] = {}
            if self._with_document:
                more.update(with_document=True, key_pad=self._key_pad.hex())
            if self._with_made:
                more.update(with_made=True)
            host = self._host
            self._answer = host.execute(
                host.module,
                {
                    "operation": "look",
                    "store_path": host.store_path,
                    "certificates": [each.asked(every=self._every) for each in self._keys],
                    "pad": base64.b64encode(self._seed).decode("ascii"),
                    **more,
                },
            )
        if self._answer.get("failed"):
            raise error_of(self._answer, "not_received")
        check_shape(self._answer, _SHAPE, MODULE)
        if len(self._answer["found"]) != len(self._keys):
            raise UnusableAnswer(f"{MODULE} on the host answered for other certificates than it was asked for")
        return self._answer


def _pad(seed: bytes, note: Mapping[str, str], count: int) -> bytes:
    """What a note was masked with; see ``Get-EstPad`` in ``_windows_notes.psm1``."""
    of = f"{note['store_name']}-{note['mark']}"
    blocks = (hashlib.sha256(seed + f"{of} {number}".encode("ascii")).digest() for number in range(count // 32 + 1))
    return b"".join(blocks)[:count]


def error_of(result: Mapping[str, Any], request_received: str) -> EstError:
    """The error that a host told: in the result of a module, or in a part of it."""
    return EstError(
        (failure_words(result) or f"{MODULE} failed on the host").rstrip("."),
        code=str(result.get("error_code") or "module_failed"),
        stage="save",
        hint=_HINT if request_received == "received" else "",
        request_received=request_received,
    )


def _stored(entry: Mapping[str, Any]) -> StoredCertificate:
    check_shape(entry, _CERTIFICATE, MODULE)
    if entry["key"] not in (THERE, MISSING, OTHER, UNUSABLE):
        raise UnusableAnswer(f"{MODULE} on the host answered with {entry['key'][:50]!r} for a key")
    return StoredCertificate(
        octets_of(entry["certificate"], MODULE), entry["friendly_name"], entry["key"], tuple(entry["lacking_readers"])
    )
