# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A template with its secrets in clear, for the code that uses it on the host where the store is."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._template.errors import show
from .._value import Value, field
from .adapter import Observed
from .document import Document, StoredTemplate, parse_document
from .errors import DamagedDocument, NewerFormat, StoreError
from .parts import DOCUMENT_NAME, KEY_NAME
from .posix_file import read_store_and_key
from .sealing import unseal

# ----------------------------------------------------------------------------------------------------------------------
# Values of a stored template as they may be shown: what somebody wrote into the store by hand can be a secret.

_USERINFO = re.compile(r"(?<=://)[^/?#\s:@]*:[^/?#\s]*@")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_LONGEST = 120


def safe_value(value: Any) -> Any:
    """Return a value without user name and password in a URL, and without private keys."""
    if isinstance(value, str):
        return "(text with a private key)" if "PRIVATE KEY" in value else _USERINFO.sub("***@", value)
    if isinstance(value, dict):
        return {key: safe_value(entry) for key, entry in value.items()}
    return [safe_value(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def short_value(value: Any) -> Any:
    """Return a value safe and short: of certificates only how many there are, and their SHA-256 fingerprints."""
    value = safe_value(value)
    if isinstance(value, (list, tuple)):
        return [short_value(entry) for entry in value]
    if isinstance(value, dict):
        return "(an object)"
    if not isinstance(value, str):
        return value
    blocks = _CERTIFICATE.findall(value)
    if blocks:
        fingerprints = ", ".join(_fingerprint(block) for block in blocks[:3])
        more = f" and {len(blocks) - 3} more" if len(blocks) > 3 else ""
        return f"certificate{'' if len(blocks) == 1 else 's'} with SHA-256 fingerprint {fingerprints}{more}"
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 3]}..."


def _fingerprint(block: str) -> str:
    try:
        der = base64.b64decode("".join(block.split()), validate=True)
    except (ValueError, binascii.Error):
        return "(not base64)"
    return hashlib.sha256(der).hexdigest()


# ----------------------------------------------------------------------------------------------------------------------
# What is wrong with a store, in words: damage, modes and owners, hand edits, secrets that cannot be opened.


class Inspection(Value):
    """What was found in a store.

    :param document: the document, or None where there is none that can be used.
    :param damaged: whether something is in the document's place that is not a document.
    :param file_problems: what is wrong with the files; writing the document puts it right.
    :param template_problems: what is wrong with single templates, by name; applying the template puts it right.
    """

    document: Document | None = None
    damaged: bool = False
    file_problems: tuple[str, ...] = ()
    template_problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[str, ...]:
        """All that is wrong, in words."""
        return self.file_problems + tuple(words for of_one in self.template_problems.values() for words in of_one)


def inspect(observed: Observed) -> Inspection:
    """Judge what was read from a host.

    :raises NewerFormat: when a newer version of this collection wrote the document.
    """
    file_problems = list(observed.drift)
    if observed.key_damage:
        file_problems.append(f"{KEY_NAME} {observed.key_damage}: what it sealed cannot be opened")
    if not observed.exists:
        return Inspection(file_problems=tuple(file_problems))
    document, damage = None, observed.damage
    if not damage:
        try:
            document = parse_document(observed.content or "")
        except NewerFormat as error:
            raise NewerFormat(f"{DOCUMENT_NAME} in {observed.store_path} {error}") from None
        except DamagedDocument as error:
            damage = str(error)
    if document is None:
        return Inspection(damaged=True, file_problems=(f"{DOCUMENT_NAME} {damage}", *file_problems))
    template_problems = {
        template.name: words for template in document.templates if (words := _template_problems(template, observed))
    }
    return Inspection(document, file_problems=tuple(file_problems), template_problems=template_problems)


def can_be_opened(template: StoredTemplate, name: str, observed: Observed) -> bool:
    """Say whether a sealed secret is as it was written and the key on the host is the one that sealed it.

    Needs neither the key nor ``cryptography``.
    """
    secret = template.secrets[name]
    return secret.is_as_written(template.name, name) and secret.key_fingerprint == observed.key_fingerprint


def _template_problems(template: StoredTemplate, observed: Observed) -> tuple[str, ...]:
    words = []
    edited = template.edited_parts()
    if edited:
        words.append(f"template '{template.name}' was edited by hand: {', '.join(edited)}")
    for name, secret in template.secrets.items():
        if name not in edited and secret.key_fingerprint != observed.key_fingerprint:
            why = "is another key" if observed.key_fingerprint else "is lost"
            words.append(f"{name} of template '{template.name}' cannot be opened: {KEY_NAME} {why}")
    return tuple(words)


# ----------------------------------------------------------------------------------------------------------------------


def open_secrets(template: StoredTemplate, key: bytes) -> dict[str, str]:
    """Return the secrets of a template in clear.

    :raises SealingError: when one cannot be opened, or ``cryptography`` is missing.
    """
    return {name: unseal(key, template.name, name, secret.sealed) for name, secret in template.secrets.items()}


def choose_templates(
    templates: Sequence[StoredTemplate], names: Sequence[str] | None, store_path: str
) -> Sequence[StoredTemplate]:
    """Return the templates that are asked for.

    :param templates: those of the store.
    :param names: which (case does not count); None for all.
    :raises StoreError: one is not there; it says what is.
    """
    if names is None:
        return templates
    wanted = {name.casefold(): name for name in names}
    there = {template.name.casefold() for template in templates}
    missing = [name for folded, name in wanted.items() if folded not in there]
    if missing:
        raise StoreError(
            f"there is no template {', '.join(map(show, missing))} in the template store in {store_path}; templates "
            f"there: {', '.join(show(template.name) for template in templates) or 'none'}"
        )
    return [template for template in templates if template.name.casefold() in wanted]


def find_template(store_path: str, name: str, *, content: str | None, exists: bool, damage: str) -> StoredTemplate:
    """Find one template in what was read of a store.

    :param store_path: the folder of the store, as it is named in errors.
    :param content: the document's text; see ``Observed`` for this and what follows.
    :raises StoreError: when there is no such template, or the document cannot be read.
    """
    try:
        if damage:
            raise DamagedDocument(damage)
        templates = parse_document(content or "").templates if exists else ()
    except (DamagedDocument, NewerFormat) as error:
        raise StoreError(f"{DOCUMENT_NAME} in {store_path} {error}", code=error.code) from None
    for template in templates:
        if template.name == name:
            return template
    there = ", ".join(show(template.name) for template in templates) or "none"
    raise StoreError(
        f"there is no template {show(name)} in the store {store_path}; templates there: {there}",
        code="unknown_template",
    )


def edited_by_hand(name: str) -> str:
    """Return the warning of a test of a template that somebody edited on the host."""
    return (
        f"template '{name}' was edited by hand on this host: tested is what is there, and not what was applied: "
        "apply the templates again"
    )


def read_template(store_path: str, name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Read one template from the store of this host: its fields (plain JSON data) and its secrets in clear.

    See ``read_stored()``.
    """
    template, secrets = read_stored(store_path, name)
    return dict(template.fields), secrets


def read_stored(store_path: str, name: str) -> tuple[StoredTemplate, dict[str, str]]:
    """Read one template from the store of this host, and its secrets in clear.

    :param store_path: the folder of the store.
    :param name: the template's name, as it was applied.
    :raises StoreError: when there is no such template, or the store or a secret cannot be read.
    """
    return opened_template(*read_store_and_key(store_path), store_path, name)


def opened_template(
    found: Mapping[str, Any], key: bytes | None, store_path: str, name: str
) -> tuple[StoredTemplate, dict[str, str]]:
    """Find one template in a reading of a store, and return it with its secrets in clear.

    :param found: see ``read_store()``.
    :param key: the sealing key; ``None`` where there is none.
    :raises StoreError: see ``read_stored()``.
    """
    template = find_template(store_path, name, content=found["content"], exists=found["exists"], damage=found["damage"])
    return template, secrets_of(template, key, store_path, found["key_damage"])


def secrets_of(template: StoredTemplate, key: bytes | None, store_path: str, key_damage: str) -> dict[str, str]:
    """Return the secrets of a stored template in clear.

    :param key: the sealing key; ``None`` where there is none.
    :param store_path: the folder of the store, as it is named in errors.
    :param key_damage: what is wrong with what is in the place of the key, or an empty string.
    :raises StoreError: there is no key, or it does not open them.
    """
    if not template.secrets:
        return {}
    if key is None:
        raise StoreError(
            f"in the store {store_path} the sealing key {KEY_NAME} {key_damage or 'does not exist'}; apply the "
            "templates again",
            code="secret_not_opened",
        )
    return open_secrets(template, key)
