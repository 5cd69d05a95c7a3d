# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a store, in words: damage, modes and owners, hand edits, secrets that cannot be opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .adapter import Observed
from .document import Document, StoredTemplate, parse_document
from .errors import DamagedDocument, NewerFormat
from .layout import DOCUMENT_NAME, KEY_NAME


@dataclass(frozen=True)
class Inspection:
    """What was found in a store.

    :param document: the document, or None where there is none that can be used.
    :param damaged: whether something is in the document's place that is no document.
    :param file_drift: what is wrong with the files; writing the document puts it right.
    :param template_drift: what is wrong with single templates, by name; applying the template puts it right.
    """

    document: Document | None = None
    damaged: bool = False
    file_drift: tuple[str, ...] = ()
    template_drift: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def drift(self) -> tuple[str, ...]:
        """All that is wrong, in words."""
        return self.file_drift + tuple(words for of_one in self.template_drift.values() for words in of_one)


def inspect(observed: Observed) -> Inspection:
    """Judge what was read from a host.

    :raises NewerFormat: when a newer version of this collection wrote the document.
    """
    file_drift = list(observed.drift)
    if observed.key_damage:
        file_drift.append(f"{KEY_NAME} {observed.key_damage}: what it sealed cannot be opened")
    if not observed.exists:
        return Inspection(file_drift=tuple(file_drift))
    document, damage = None, observed.damage
    if not damage:
        try:
            document = parse_document(observed.content or "")
        except NewerFormat as error:
            raise NewerFormat(f"{DOCUMENT_NAME} in {observed.store_path} {error}") from None
        except DamagedDocument as error:
            damage = str(error)
    if document is None:
        return Inspection(damaged=True, file_drift=(f"{DOCUMENT_NAME} {damage}", *file_drift))
    template_drift = {
        template.name: words for template in document.templates if (words := _template_drift(template, observed))
    }
    return Inspection(document, file_drift=tuple(file_drift), template_drift=template_drift)


def can_be_opened(template: StoredTemplate, name: str, observed: Observed) -> bool:
    """Say whether a sealed secret is as it was written and the key on the host is the one that sealed it.

    Needs neither the key nor ``cryptography``.
    """
    secret = template.secrets[name]
    return secret.is_as_written(template.name, name) and secret.key_fingerprint == observed.key_fingerprint


def _template_drift(template: StoredTemplate, observed: Observed) -> tuple[str, ...]:
    words = []
    edited = template.edited_parts()
    if edited:
        words.append(f"template '{template.name}' was edited by hand: {', '.join(edited)}")
    for name, secret in template.secrets.items():
        if name not in edited and secret.key_fingerprint != observed.key_fingerprint:
            why = "is another key" if observed.key_fingerprint else "is lost"
            words.append(f"{name} of template '{template.name}' cannot be opened: {KEY_NAME} {why}")
    return tuple(words)
