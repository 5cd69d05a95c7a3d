# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A template with its secrets in clear, for the code that uses it on the host where the store is."""

from __future__ import annotations

import posixpath
from typing import Any

from ..template.errors import show
from .document import StoredTemplate, parse_document
from .errors import DamagedDocument, NewerFormat, StoreError
from .layout import DOCUMENT_NAME, KEY_NAME
from .posix_file import read_store_and_key
from .sealing import unseal


def open_secrets(template: StoredTemplate, key: bytes) -> dict[str, str]:
    """Return the secrets of a template in clear.

    :raises SealingError: when one cannot be opened, or ``cryptography`` is missing.
    """
    return {name: unseal(key, template.name, name, secret.sealed) for name, secret in template.secrets.items()}


def find_template(store_path: str, name: str, *, content: str | None, exists: bool, damage: str) -> StoredTemplate:
    """Find one template in what was read of a store.

    :param store_path: the folder of the store, as it is named in errors.
    :param content: the document's text; see :class:`~.adapter.Observed` for this and what follows.
    :raises StoreError: when there is no such template, or the document cannot be read.
    """
    try:
        if damage:
            raise DamagedDocument(damage)
        templates = parse_document(content or "").templates if exists else ()
    except (DamagedDocument, NewerFormat) as error:
        raise StoreError(f"{DOCUMENT_NAME} in {store_path} {error}") from None
    for template in templates:
        if template.name == name:
            return template
    there = ", ".join(show(template.name) for template in templates) or "none"
    raise StoreError(f"there is no template {show(name)} in the store {store_path}; templates there: {there}")


def edited_by_hand(name: str) -> str:
    """Return the warning of a test of a template that somebody edited on the host."""
    return (
        f"template '{name}' was edited by hand on this host: tested is what is there, and not what was applied: "
        "apply the templates again"
    )


def read_template(store_path: str, name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Read one template from the store of this host: its fields (plain JSON data) and its secrets in clear.

    See :func:`read_stored`.
    """
    template, secrets = read_stored(store_path, name)
    return dict(template.fields), secrets


def read_stored(store_path: str, name: str) -> tuple[StoredTemplate, dict[str, str]]:
    """Read one template from the store of this host, and its secrets in clear.

    :param store_path: the folder of the store.
    :param name: the template's name, as it was applied.
    :raises StoreError: when there is no such template, or the store or a secret cannot be read.
    """
    found, key = read_store_and_key(store_path)
    template = find_template(store_path, name, content=found["content"], exists=found["exists"], damage=found["damage"])
    if not template.secrets:
        return template, {}
    if key is None:
        path, wrong = posixpath.join(store_path, KEY_NAME), found["key_damage"] or "does not exist"
        raise StoreError(f"the sealing key {path} {wrong}; apply the templates again")
    return template, open_secrets(template, key)
