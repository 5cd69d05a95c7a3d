# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The templates of a host's store that go into a bundle, with their secrets opened."""

from __future__ import annotations

from collections.abc import Sequence

from .._store.adapter import Observed
from .._store.document import StoredTemplate
from .._store.errors import SealingError, StoreError
from .._store.reading import can_be_opened, choose_templates, inspect
from .._store.sealing import unseal
from .._template.errors import TemplateError, show
from .._template.model import Template
from .._value import Value
from .content import Content
from .sealing import load_cipher


class Skipped(Value):
    """A template that was left out, and why."""

    name: str
    code: str
    reason: str


class Collected(Value):
    """What was found for a bundle."""

    content: Content
    skipped: tuple[Skipped, ...]


def collect(observed: Observed, names: Sequence[str] | None, *, include_secrets: bool, skip_damaged: bool) -> Collected:
    """Return the templates of a store.

    :param observed: what was read from the host, with the key where secrets are to be included.
    :param names: which templates (case does not count); None for all.
    :param include_secrets: open their secrets too; else the templates have none.
    :param skip_damaged: leave out what cannot be exported. Otherwise that is an error.
    :raises StoreError: when a template is not there, cannot be exported as it was applied, or none is left.
    :raises NewerFormat: when a newer version of this collection wrote the store.
    :raises LibraryMissing: when a secret has to be opened and ``cryptography`` is not installed.
    """
    stored = _choose(observed, names)
    templates: list[Template] = []
    skipped: list[Skipped] = []
    for entry in stored:
        try:
            templates.append(_open(entry, observed, include_secrets=include_secrets))
        except (StoreError, TemplateError) as error:
            skipped.append(Skipped(entry.name, error.code, str(error)))
    if skipped and not (skip_damaged and templates):
        told = "; ".join(f"{show(entry.name)}: {entry.reason}" for entry in skipped)
        raise StoreError(
            f"cannot export from the template store in {observed.store_path}: {told}. Apply these templates again, or "
            "leave them out with skip_damaged: true (which needs at least one other)",
            code=skipped[0].code,
        )
    return Collected(Content.of(templates, secrets=include_secrets), tuple(skipped))


def _choose(observed: Observed, names: Sequence[str] | None) -> Sequence[StoredTemplate]:
    where = f"the template store in {observed.store_path}"
    inspection = inspect(observed)
    if inspection.damaged:
        raise StoreError(
            f"cannot export from {where}: {inspection.file_problems[0]}; apply the templates again",
            code="damaged_store",
        )
    stored = inspection.document.templates if inspection.document else ()
    if names is None and not stored:
        raise StoreError(f"there is no template in {where}, so nothing can be exported", code="unknown_template")
    return choose_templates(stored, names, observed.store_path)


def _open(stored: StoredTemplate, observed: Observed, *, include_secrets: bool) -> Template:
    if "fields" in stored.edited_parts():
        # Not what anybody declared: it would travel to other sites as if it were.
        raise StoreError("its fields were edited by hand", code="edited_by_hand")
    secrets: dict[str, str] = {}
    for name, secret in stored.secrets.items() if include_secrets else ():
        load_cipher()  # for its error, which is about the controller and not about this template
        if not secret.is_as_written(stored.name, name):
            raise StoreError(f"its {name} was edited by hand", code="edited_by_hand")
        if observed.key is None or not can_be_opened(stored, name, observed):
            why = "is another key" if observed.key_fingerprint else observed.key_damage or "is lost"
            raise StoreError(f"its {name} cannot be opened: sealing.key {why}", code="secret_not_opened")
        try:
            secrets[name] = unseal(observed.key, stored.name, name, secret.sealed)
        except SealingError:
            raise StoreError(f"its {name} cannot be opened: it was edited by hand", code="edited_by_hand") from None
    return Template.from_fields(stored.fields, secrets)
