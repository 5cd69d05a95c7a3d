# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a document of an older format version becomes one of the newest, step by step.

An older document is no drift: it is read as it is, and written in the newest version when something else changes.

- Version 2 knows which sealing key the document belongs to and since when: ``sealing_key``. It has a second verifier of
  each secret, ``keyed_verifier``, which stays empty until the secret is sealed again. Version 1 had neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from .errors import DamagedDocument

#: The version that is written, and the newest that can be read.
VERSION = 2


def upgrade(data: Mapping[str, Any], version: int) -> dict[str, Any]:
    """Return the JSON data of a document as the newest version has it.

    :param version: the version that it is of, 1 to :data:`VERSION`.
    :raises DamagedDocument: when it has what its version does not know.
    """
    upgraded = dict(data)
    for step in range(version, VERSION):
        upgraded = _STEPS[step](upgraded)
    return {**upgraded, "version": VERSION}


def _from_version_1(data: dict[str, Any]) -> dict[str, Any]:
    if "sealing_key" in data:
        raise DamagedDocument("has the wrong shape: the document has the unknown key 'sealing_key'")
    upgraded = {**data, "sealing_key": None}
    if isinstance(data.get("templates"), list):
        upgraded["templates"] = [_template_from_version_1(template) for template in data["templates"]]
    return upgraded


def _template_from_version_1(template: Any) -> Any:
    # What is of a wrong shape is left as it is: the reader tells of it, as it does in the newest version.
    secrets = template.get("secrets") if isinstance(template, dict) else None
    if not isinstance(secrets, dict):
        return template
    return {**template, "secrets": {name: _secret_from_version_1(secret) for name, secret in secrets.items()}}


def _secret_from_version_1(secret: Any) -> Any:
    if not isinstance(secret, dict):
        return secret
    if "keyed_verifier" in secret:
        raise DamagedDocument("has the wrong shape: a secret has the unknown key 'keyed_verifier'")
    return {**secret, "keyed_verifier": ""}


#: From each version to the next one.
_STEPS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_version_1}
