# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate stores of a Windows host's machine: looking at them, importing, removing."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._value import Value, field
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1.der import encode, encode_oid

from .folder import Host
from .host import COLLECTION, Refused

if TYPE_CHECKING:
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate

#: The stores by the names that both modules take; "CA" is that of intermediate CAs.
ROOT, INTERMEDIATE, PERSONAL = "Root", "CA", "My"

_SIGNED_DATA, _DATA = "1.2.840.113549.1.7.2", "1.2.840.113549.1.7.1"
_SEQUENCE, _SET, _CONTEXT_0, _ONE = 0x30, 0x31, 0xA0, b"\x02\x01\x01"


class StoredCertificate(Value):
    """A certificate in a store of the machine.

    :param der: the certificate.
    :param friendly_name: what Windows shows for it.
    :param has_key: whether Windows has its private key.
    """

    der: bytes = field(repr=False)
    friendly_name: str
    has_key: bool

    @property
    def thumbprint(self) -> str:
        """What Windows names it by."""
        return thumbprint(self.der)


def der_of(certificate: Certificate) -> bytes:
    """Return a certificate as Windows keeps it."""
    return certificate.der


def thumbprint(der: bytes) -> str:
    """Return the SHA-1 of a certificate in capital hexadecimal digits: a name of Windows, and no proof of anything."""
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()


def list_certificates(host: Host, store: str, wanted: Optional[str] = None) -> tuple[StoredCertificate, ...]:
    """Return what is in a store of the machine, in one call.

    :param wanted: the thumbprint of the only one to look for.
    :raises StoreError: when that cannot be told.
    """
    arguments = {"store_name": store, "store_location": "LocalMachine"}
    try:
        found = host.run("win_certificate_info", {**arguments, **({} if wanted is None else {"thumbprint": wanted})})
    except Refused as refused:
        raise _cannot("read", store, refused) from None
    return tuple(_stored(entry) for entry in found["certificates"])


def _stored(entry: dict[str, Any]) -> StoredCertificate:
    # The module's documentation calls it cert_data, and the module raw.
    encoded = entry.get("raw") or entry.get("cert_data")
    if not encoded:
        raise StoreError(
            f"{COLLECTION}.win_certificate_info returns no certificate, only what is written in it; the collection "
            "needs to be of another version (3.3.0 is tested)",
            code="missing_collection",
        )
    return StoredCertificate(
        base64.b64decode(encoded), entry.get("friendly_name") or "", bool(entry["has_private_key"])
    )


def import_certificates(host: Host, folder: str, store: str, certificates: Iterable[bytes]) -> None:
    """Put certificates, without keys, into a store of the machine.

    :param folder: a folder as of ``prepare_folder()``: nobody else may lay another file there.
    :param certificates: DER.
    :raises StoreError: when that cannot be done.
    """
    import_file(host, f"{folder}\\certificates-{store}.p7b", store, pkcs7(certificates))


def import_file(host: Host, path: str, store: str, content: bytes, **options: Any) -> None:
    """Put all certificates of a file into a store of the machine. The file is removed whatever happens.

    :param path: where the file lies for the moment.
    :param options: more of win_certificate_store.
    :raises StoreError: when that cannot be done.
    """
    try:
        with _temporary_file(host, path, content):
            arguments = {"path": path, "store_name": store, "store_location": "LocalMachine", "state": "present"}
            host.run("win_certificate_store", {**arguments, **options})
    except Refused as refused:
        raise _cannot("write", store, refused) from None


def remove_certificate(host: Host, store: str, wanted: str) -> None:
    """Remove a certificate from a store of the machine. Windows keeps the container of its key.

    :param wanted: its thumbprint.
    :raises StoreError: when that cannot be done.
    """
    arguments = {"thumbprint": wanted, "store_name": store, "store_location": "LocalMachine", "state": "absent"}
    try:
        host.run("win_certificate_store", arguments)
    except Refused as refused:
        raise _cannot("write", store, refused) from None


@contextlib.contextmanager
def _temporary_file(host: Host, path: str, content: bytes) -> Iterator[None]:
    """Have a file on the host for the block.

    :raises Refused: when it cannot be written or removed.
    """
    before = ""
    try:
        host.put(path, content)
        yield
    except Refused as refused:
        before = f"{str(refused).strip()}; and "
        raise
    finally:
        try:
            host.run("win_file", {"path": path, "state": "absent"})
        except Refused as refused:
            raise Refused(f"{before}{path} is left behind, remove it: {refused}") from None


def pkcs7(certificates: Iterable[bytes]) -> bytes:
    """Return certificates as a file that Windows reads: SignedData that nobody signed (RFC 2315 section 9.1).

    :param certificates: DER.
    """
    signed_data = encode(
        _SEQUENCE,
        _ONE,
        encode(_SET),
        encode(_SEQUENCE, encode_oid(_DATA)),
        encode(_CONTEXT_0, *sorted(certificates)),
        encode(_SET),
    )
    return encode(_SEQUENCE, encode_oid(_SIGNED_DATA), encode(_CONTEXT_0, signed_data))


def _cannot(verb: str, store: str, refused: Refused) -> StoreError:
    """Return the error of a store that cannot be used."""
    return StoreError(
        f"cannot {verb} the certificate store LocalMachine\\{store}: {str(refused).strip()} (it needs an account that "
        "is an administrator of the host; where it is one, Windows may keep the logon of the connection from keys: "
        "become with become_method runas helps, or CredSSP)"
    )
