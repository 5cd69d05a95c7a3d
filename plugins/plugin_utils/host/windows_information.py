# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What certificates are in the stores of a Windows host's machine, whoever has put them there.

It loads cryptography, which nobody with only POSIX hosts needs.
"""

from __future__ import annotations

import re
from typing import Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, ParseError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import require_libraries
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import (
    describe,
    load_certificate,
    pem,
)

from .windows_certificate import mark_of
from .windows_keys import OTHER, THERE, Execute, HostKeys, OneLook, StoredCertificate

_OURS = re.compile(r"(?P<words>.+)-est-(?P<mark>[0-9a-f]{8})-[0-9a-f]{16}-[0-9]{1,9}")


def certificates_in(execute: Execute, module: str, store_path: str, stores: list[str]) -> dict[str, Any]:
    """Return the certificates of stores, and the stores that could not be looked at; see ``est_certificate_info``.

    :param module: the full name of the module that looks.
    :param store_path: the folder of the template store.
    """
    require_libraries("cryptography")
    found, problems = [], []
    # It tells every certificate, so that it does not matter for which name it looks.
    asked = {
        store: HostKeys(execute, module, store_path=store_path, store_name=store, mark="0" * 8, name="-")
        for store in stores
    }
    looks = OneLook(list(asked.values()), every=True)
    for store, keys in asked.items():
        try:
            look = looks.of(keys)
        except EstError as error:
            problems.append({"path": f"Cert:\\LocalMachine\\{store}", "reason": error.reason})
            continue
        found += [told for stored in look.certificates if (told := _told(stored, store)) is not None]
    return {"certificates": sorted(found, key=lambda one: one["path"]), "problems": problems}


def _told(stored: StoredCertificate, store: str) -> Optional[dict[str, Any]]:
    try:
        certificate = load_certificate(stored.der)
    except ParseError:
        return None
    return {
        "path": f"Cert:\\LocalMachine\\{store}\\{stored.thumbprint}",
        "certificate": {"pem": pem(certificate), **describe(certificate), "thumbprint": stored.thumbprint},
        "friendly_name": stored.friendly_name,
        "chain_subjects": [],
        "private_key_path": None,
        "key_matches": {THERE: True, OTHER: False}.get(stored.key),
        "template": template_of(stored.friendly_name),
        "lost": None,
        "renew_at": None,
        "request_pending": False,
        "refused": None,
    }


def template_of(friendly_name: str) -> Optional[str]:
    """Return the template of a certificate of ours by its friendly name, whose mark says where the name of the template
    ends; ``None`` for another certificate, and where the name has characters that a friendly name of ours has not.
    """
    match = _OURS.fullmatch(friendly_name)
    words = match["words"] if match else ""
    for position in (place.start() for place in re.finditer("-", words)):
        for template in (words[:position], words[:position].replace("-", " ")):
            if match and mark_of(template, words[position + 1 :]) == match["mark"]:
                return template
    return None
