# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which EST servers to look at: one look for all templates that reach the same server in the same way."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..est.errors import EstError
from ..est.url import EstUrl
from ..template.errors import TemplateError
from ..template.fields import FIELDS, SECRET_FIELDS
from ..template.model import Template

#: Servers that are looked at, at most.
MAX_SERVERS = 16

_ROUTE_FIELDS = (
    "server",
    "port",
    "label",
    "proxy",
    "ca_certificate",
    "ca_path",
    "ca_fingerprint",
    "use_system_trust",
    "client_certificate_path",
    "client_key_path",
)


def find_targets(templates: Sequence[Mapping[str, Any]]) -> Tuple[List[Dict[str, Any]], List[Tuple[str, str]]]:
    """Group templates by how they reach their EST server.

    :param templates: as :func:`~..store.information.describe_store` describes them.
    :returns: targets, ``{"templates": [names], "fields": {...}}`` with fields that hold no account, and what cannot be
        looked at: the template's name and why.
    """
    targets: Dict[str, Dict[str, Any]] = {}
    unusable: List[Tuple[str, str]] = []
    names = {field.name for field in FIELDS if field.name not in SECRET_FIELDS}
    for described in templates:
        fields = {name: value for name, value in described.items() if name in names and name != "username"}
        if described.get("client_key_passphrase_set"):
            # Without its passphrase, which is not given to the host for this, the key cannot be used.
            del fields["client_certificate_path"], fields["client_key_path"]
        try:
            template = Template.from_fields(fields, {})
            EstUrl.build(template.server, template.port, template.label)
        except (TemplateError, EstError) as error:
            unusable.append((str(described.get("name", "")), str(error)))
            continue
        plain = template.as_fields()
        key = json.dumps([plain[name] for name in _ROUTE_FIELDS])
        target = targets.setdefault(key, {"templates": [], "fields": plain})
        target["templates"].append(template.name)
    chosen = list(targets.values())
    for target in chosen[MAX_SERVERS:]:
        unusable.extend((name, f"at most {MAX_SERVERS} EST servers are looked at") for name in target["templates"])
    return chosen[:MAX_SERVERS], unusable
