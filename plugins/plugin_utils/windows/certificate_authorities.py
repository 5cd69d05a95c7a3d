# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CA certificates of templates in the stores of a Windows host, for what trusts nothing but those stores.

They are put there, and never removed: who else relies on one is not to be seen.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError

from .certificates import INTERMEDIATE, ROOT, der_of, import_certificates, list_certificates, thumbprint
from .folder import Host, prepare_folder
from .host import Refused

if TYPE_CHECKING:
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate


def keep_authorities(
    host: Host, templates: Iterable[Mapping[str, Any]], store_path: str, *, write: bool
) -> dict[str, Any]:
    """Put the CA certificates of templates that are missing into the stores of the machine.

    :param templates: the checked options of templates.
    :param store_path: the folder of the template store, in which the certificates lie for a moment.
    :param write: if not, only tell what is missing.
    :returns: ``changed``, ``certificate_authorities``, ``problems`` and, where something is missing, ``diff``.
    :raises StoreError: when that cannot be done.
    """
    by_store: dict[str, dict[bytes, Certificate]] = {}
    for options in templates:
        for certificate in _authorities(host, options):
            store = ROOT if certificate.subject == certificate.issuer else INTERMEDIATE
            by_store.setdefault(store, {})[der_of(certificate)] = certificate
    entries, problems, before, after = [], [], [], []
    folder = ""
    for store, certificates in sorted(by_store.items(), reverse=True):
        # One is looked for alone: a whole store can have hundreds.
        only = thumbprint(next(iter(certificates))) if len(certificates) == 1 else None
        there = {found.der for found in list_certificates(host, store, only)}
        missing = [der for der in certificates if der not in there]
        if missing and write:
            folder = folder or _prepared(host, store_path)
            import_certificates(host, folder, store, missing)
        for der, certificate in certificates.items():
            entry = {**_described(certificate), "store": f"LocalMachine\\{store}"}
            line = f"{entry['store']}: {entry['subject']}, SHA-256 {entry['fingerprint_sha256']}\n"
            after.append(line)
            if der in there:
                before.append(line)
            else:
                words = "was missing and is installed" if write else "is missing"
                problems.append(
                    f"CA certificate {entry['subject']} (SHA-256 {entry['fingerprint_sha256']}) {words} in "
                    f"{entry['store']}"
                )
            entries.append({**entry, "action": "unchanged" if der in there else "installed"})
    result: dict[str, Any] = {"changed": bool(problems), "certificate_authorities": entries, "problems": problems}
    if problems:
        header = "certificate authorities of the machine"
        result["diff"] = {
            "before": "".join(before),
            "after": "".join(after),
            "before_header": header,
            "after_header": header,
        }
    return result


def _authorities(host: Host, options: Mapping[str, Any]) -> tuple[Certificate, ...]:
    # Loads cryptography, which a run without this option does not need.
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import require_libraries
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates

    text, path = options.get("ca_certificate"), options.get("ca_path")
    if not text and not path:
        return ()
    source = "ca_certificate" if text else f"ca_path {path!r}"
    where = f"template {options['name']!r}: {source}"
    try:
        require_libraries("cryptography")
        if not text:
            text = base64.b64decode(host.run("slurp", {"src": path})["content"])
        return load_pem_certificates(text)
    except Refused as refused:
        raise StoreError(f"{where} cannot be read on the host: {refused}") from None
    except EstError as error:
        raise StoreError(f"{where} cannot be used: {error.reason}. {hint_of(error)}") from None


def _prepared(host: Host, store_path: str) -> str:
    try:
        return prepare_folder(host, store_path)
    except Refused as refused:
        raise StoreError(f"cannot prepare the folder {store_path} for CA certificates: {refused}") from None


def _described(certificate: Certificate) -> dict[str, str]:
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
        fingerprint_sha256,
        subject_text,
    )

    return {"subject": subject_text(certificate), "fingerprint_sha256": fingerprint_sha256(certificate)}
