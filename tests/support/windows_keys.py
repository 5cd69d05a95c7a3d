# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for ``win_est_key`` and its host, for what no PowerShell of the tests can show.

Wine makes no EC keys and keeps a certificate that is removed. What it can show is in ``tests/twins``, by the module
itself.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.connection import Destination
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.host_connector import https_transport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.transport import Transport
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange.connectors import ControllerConnector
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.windows_keys import _pad, thumbprint

_CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}


class Entry:
    """A certificate of a store."""

    def __init__(self, der: bytes, friendly_name: str = "", key: str = "") -> None:
        self.der, self.friendly_name, self.key = der, friendly_name, key
        self.thumbprint = thumbprint(der)


class Killed(BaseException):
    """The run was killed here."""


class KeyHost:
    """A host with keys and certificates.

    :ivar calls: the operations of the module that ran.
    :ivar stores: certificates by the name of their store.
    :ivar keys: private keys by name.
    :ivar exportable: the names of those that may leave.
    :ivar readers: who may use each key, by its name.
    :ivar refused: an answer in place of that of an operation.
    :ivar kept_from_us: Windows lets nobody use any key.
    :ivar kill_after: the operation after which the run ends.
    :ivar document: returns what is read of the template store, its key masked with a pad.
    :ivar services: those that the host has.
    :ivar owed: those that are noted, by the mark of the certificate.
    :ivar restarted: those that were restarted.
    :ivar not_restarted: why some cannot be, by their names.
    :ivar made: what is noted for a purge, by store and mark.
    :ivar check: a purge only says what would be done.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.stores: dict[str, list[Entry]] = {"My": [], "CA": []}
        self.keys: dict[str, Any] = {}
        self.exportable: set[str] = set()
        self.providers: dict[str, str] = {}
        self.readers: dict[str, set[str]] = {}
        self.notes: dict[str, bytes] = {}
        self.waiting = ""
        self.writable = True
        self.kept_from_us = False
        self.refused: dict[str, dict[str, Any]] = {}
        self.kill_after = ""
        self.document: Callable[[bytes], dict[str, Any]] = lambda _pad: {}
        self.services: set[str] = {"W3SVC", "portal"}
        self.owed: dict[str, list[str]] = {}
        self.restarted: list[str] = []
        self.not_restarted: dict[str, str] = {}
        self.made: dict[tuple[str, str], str] = {}
        self.check = False

    def execute(self, module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run the module."""
        if module == "estfleet.cloud_extender.win_est_services":
            return self._restart(arguments)
        assert module == "estfleet.cloud_extender.win_est_key"
        operation = arguments["operation"]
        self.calls.append(operation)
        if operation in self.refused:
            return {"failed": True, "changed": False, **self.refused[operation]}
        answer = getattr(self, f"_{operation}")(arguments)
        if operation == self.kill_after:
            raise Killed
        return {"changed": operation not in ("look", "sign"), **(answer or {})}

    def issued(self, store: str = "My") -> list[bytes]:
        """What is in a store."""
        return [entry.der for entry in self.stores[store]]

    def _ours(self, arguments: Mapping[str, Any]) -> list[Entry]:
        if arguments.get("every"):
            return list(self.stores[arguments["store_name"]])
        pattern = f"{re.escape(arguments['name'])}|.*-est-{arguments['mark']}-[0-9a-f]{{16}}-[0-9]{{1,9}}"
        return [entry for entry in self.stores[arguments["store_name"]] if re.fullmatch(pattern, entry.friendly_name)]

    def _restart(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append("restart")
        if "restart" in self.refused:
            return {"failed": True, "changed": False, **self.refused["restart"]}
        problems = {name: self.not_restarted.get(name, "") for name in arguments["services"]}
        self.restarted += [name for name, problem in problems.items() if not problem]
        for certificate in arguments["certificates"]:
            noted = [name.lower() for name in self.owed.pop(certificate["mark"])]
            if left := [name for name, problem in problems.items() if problem and name.lower() in noted]:
                self.owed[certificate["mark"]] = left
        return {"changed": True, "problems": problems}

    def _note_owed(self, arguments: Mapping[str, Any]) -> None:
        if arguments["services"]:
            noted = [*self.owed.get(arguments["mark"], ()), *arguments["services"]]
            self.owed[arguments["mark"]] = list(dict.fromkeys(noted))

    def _look(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        seed, key_pad = base64.b64decode(arguments["pad"]), bytes.fromhex(arguments.get("key_pad", ""))
        return {
            "found": [self._look_at_one(asked, seed) for asked in arguments["certificates"]],
            "document": self.document(key_pad) if arguments.get("with_document") else {},
            "made": {"notes": self._noted()} if arguments.get("with_made") else {},
        }

    def _noted(self) -> list[dict[str, str]]:
        return [{"store_name": store, "mark": mark, "made": made} for (store, mark), made in self.made.items()]

    def _note_made(self, arguments: Mapping[str, Any]) -> None:
        if "made" in arguments:
            self.made[(arguments["store_name"], arguments["mark"])] = arguments["made"]

    def _purge(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """All certificates of a name go, with their keys, as those of ``_windows_purge.psm1`` that are ours."""
        if not self.check:
            for each in arguments["declared"]:
                self._note_made(each)
        told = [self._purged(asked) for asked in arguments["certificates"]]
        purged = [each for each in told if each["files"]]
        return {"changed": bool(purged), "purged": purged}

    def _purged(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        files = []
        for entry in self._ours(asked):
            files += [entry.key, f"Cert:\\LocalMachine\\{asked['store_name']}\\{entry.thumbprint}"]
            if not self.check:
                self.stores[asked["store_name"]].remove(entry)
                self.keys.pop(entry.key, None)
        if not self.check:
            self.made.pop((asked["store_name"], asked["mark"]))
        which = {"store_name": asked["store_name"], "mark": asked["mark"]}
        return {**which, "action": "removed", "files": files, "left": [], "reason": ""}

    def _look_at_one(self, asked: Mapping[str, Any], seed: bytes) -> dict[str, Any]:
        if asked["store_name"] not in self.stores:
            return {"msg": f"there is no store {asked['store_name']}", "error_code": "key_failed"}
        for name in asked.get("services", ()):
            if name.lower() not in {known.lower() for known in self.services}:
                return {"msg": f"reload has {name}, and this host has no such service", "error_code": "unknown_service"}
        pending = self.notes.get("pending", b"")
        readers = set(asked.get("key_readers", ()))
        return {
            "certificates": [
                {
                    "certificate": _text(entry.der),
                    "friendly_name": entry.friendly_name,
                    "key": self._state(entry),
                    "lacking_readers": sorted(readers - self.readers.get(entry.key, set())),
                }
                for entry in self._ours(asked)
            ],
            "writable": self.writable,
            "waiting_key": _text(self._public(self.waiting)) if self.waiting else "",
            "masked_pending": _text(mask(pending, _pad(seed, asked, len(pending)))),
            "refused": _text(self.notes.get("refused", b"")),
            "owed": self.owed.get(asked["mark"], []),
        }

    def _state(self, entry: Entry) -> str:
        if entry.key not in self.keys:
            return "missing"
        if self.kept_from_us:
            return "unusable"
        same = x509.load_der_x509_certificate(entry.der).public_key() == self.keys[entry.key].public_key()
        return "there" if same else "other"

    def _public(self, name: str) -> bytes:
        public: bytes = self.keys[name].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return public

    def _make(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._forget_waiting()
        self._note_made(arguments)
        self.notes.pop("pending", None)
        self.waiting = f"est-{arguments['mark']}-{secrets.token_hex(16)}"
        size = arguments.get("key_size")
        self.keys[self.waiting] = (
            rsa.generate_private_key(65537, size) if size else ec.generate_private_key(_CURVES[arguments["key_curve"]])
        )
        self.providers[self.waiting] = arguments["key_provider"]
        if arguments["key_exportable"]:
            self.exportable.add(self.waiting)
        return {"public_key": _text(self._public(self.waiting))}

    def _forget_waiting(self) -> None:
        if all(entry.key != self.waiting for entries in self.stores.values() for entry in entries):
            self.keys.pop(self.waiting, None)
        self.waiting = ""

    def _key(self, arguments: Mapping[str, Any]) -> str:
        if not arguments["thumbprint"]:
            return self.waiting
        return next(entry.key for entry in self._ours(arguments) if entry.thumbprint == arguments["thumbprint"])

    def _sign(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        key, octets = self.keys[self._key(arguments)], base64.b64decode(arguments["data"])
        algorithm = getattr(hashes, arguments["hash"].upper())()
        if isinstance(key, rsa.RSAPrivateKey):
            return {"signature": _text(key.sign(octets, padding.PKCS1v15(), algorithm))}
        numbers = decode_dss_signature(key.sign(octets, ec.ECDSA(algorithm)))
        size = (key.key_size + 7) // 8
        return {"signature": _text(b"".join(number.to_bytes(size, "big") for number in numbers))}

    def _join(self, arguments: Mapping[str, Any]) -> None:
        key = self._key(arguments)
        for text in arguments["intermediates"]:
            self.stores["CA"].append(Entry(base64.b64decode(text)))
        entry = Entry(base64.b64decode(arguments["certificate"]), arguments["friendly_name"], key)
        assert self._state(entry) == "there"
        self._note_owed(arguments)
        self._note_made(arguments)
        self.readers.setdefault(key, set()).update(arguments["key_readers"])
        self.stores[arguments["store_name"]].append(entry)
        self.notes.pop("pending", None)
        self.notes.pop("refused", None)
        self.waiting = ""

    def _grant(self, arguments: Mapping[str, Any]) -> None:
        self._note_owed(arguments)
        self.readers.setdefault(self._key(arguments), set()).update(arguments["key_readers"])

    def _note(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.notes[arguments["note"]] = base64.b64decode(arguments["content"])
        return {"path": f"{arguments['store_path']}\\certificate-{arguments['note']}"}

    def _remove(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        store = self.stores[arguments["store_name"]]
        gone = [entry for entry in self._ours(arguments) if entry.thumbprint in arguments["thumbprints"]]
        self.stores[arguments["store_name"]] = [entry for entry in store if entry not in gone]
        for entry in gone:
            if all(other.key != entry.key for other in self.stores[arguments["store_name"]]):
                self.keys.pop(entry.key, None)
        if arguments["waiting"]:
            self._forget_waiting()
            self.notes.pop("pending", None)
        return {"removed": [entry.thumbprint for entry in gone]}


class StandInConnector(ControllerConnector):
    """Sends the requests from here, with certificates of such a host as if they left from there.

    :param host: the host.
    :param folder: where a certificate of its stores lies in files for a connection.
    """

    exchange = "relay"

    def __init__(self, host: KeyHost, folder: Path) -> None:
        super().__init__(lambda _name, _arguments: {"failed": True}, "estfleet.cloud_extender.win_{}".format)
        self._host, self._folder = host, folder

    def transport(self, destination: Destination, trust: Trust) -> Transport:
        """A connection that shows what the host would show."""
        shown = destination.client_certificate
        if shown is None:
            return https_transport(destination, trust)
        drive, location, store, mark = shown.certificate_path.split("\\")
        assert (drive, location) == ("Cert:", "LocalMachine")
        entry = next(entry for entry in self._host.stores[store] if entry.thumbprint == mark)
        path, key_path = self._folder / "shown.pem", self._folder / "shown.key"
        path.write_bytes(x509.load_der_x509_certificate(entry.der).public_bytes(Encoding.PEM))
        key = self._host.keys[entry.key]
        key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return https_transport(
            destination.replace(client_certificate=ClientCertificate(str(path), str(key_path))), trust
        )


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
