# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate stores of a Windows host's machine: looking at them."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._value import Value, field

from .folder import Host
from .host import COLLECTION, Refused

if TYPE_CHECKING:
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate

#: The store of trusted root CAs.
ROOT = "Root"


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
        raise _cannot(store, refused) from None
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


def _cannot(store: str, refused: Refused) -> StoreError:
    """Return the error of a store that cannot be used."""
    return StoreError(
        f"cannot read the certificate store LocalMachine\\{store}: {str(refused).strip()} (it needs an account that "
        "is an administrator of the host; where it is one, Windows may keep the logon of the connection from keys: "
        "become with become_method runas helps, or CredSSP)"
    )
