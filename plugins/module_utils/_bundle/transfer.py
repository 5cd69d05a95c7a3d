# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a bundle and the store of a host: what of a store goes into a bundle, and what an import asks of a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._store.adapter import Observed
from .._store.decision import Desired, TemplateResult
from .._store.difference import NOT_SET, SET, SET_DIFFERENT, describe_template, is_set
from .._store.document import StoredTemplate
from .._store.errors import SealingError, StoreError
from .._store.plan import Plan, Request
from .._store.reading import can_be_opened, choose_templates, inspect
from .._store.sealing import unseal
from .._template.errors import TemplateError, show
from .._template.fields import FIELDS
from .._template.model import Template
from .._value import Value, field
from .content import Content
from .envelope import parse_envelope
from .errors import DamagedBundle, NewerBundle, NotABundle, UnusableTemplate, WrongPassphrase
from .file import FILE_MODE, find_file
from .sealing import load_cipher, read_bundle

# ----------------------------------------------------------------------------------------------------------------------
# The templates of a host's store that go into a bundle, with their secrets opened.


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


# ----------------------------------------------------------------------------------------------------------------------
# What a new bundle changes in an old one, without secrets: names, fields, and that secrets differ.


class Comparison(Value):
    """What changes.

    :param changed: whether the bundle has to be written.
    :param results: one entry for each template of the old and the new bundle.
    :param before: what changes, as it is now; plain data.
    :param after: what changes, as it will be.
    """

    changed: bool = False
    results: list[TemplateResult] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


def compare(old: Existing, new: Content, *, sealed: bool) -> Comparison:
    """Compare what is there with the bundle that is to be there.

    :param sealed: whether the new bundle is sealed.
    """
    facts = describe(sealed=sealed, secrets=new.secrets, mode=f"{FILE_MODE:04o}")
    comparison = Comparison(changed=old.facts != facts or old.content != new)
    if comparison.changed:
        _add(comparison.before, "bundle", {key: value for key, value in old.facts.items() if facts.get(key) != value})
        _add(comparison.after, "bundle", {key: value for key, value in facts.items() if old.facts.get(key) != value})
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    there = {template.name.casefold(): template for template in old.content.templates} if old.content else {}
    for template in new.templates:
        stored = there.pop(template.name.casefold(), None)
        changed = _changed_fields(stored, template)
        action = "created" if stored is None else "updated" if changed else "unchanged"
        comparison.results.append(TemplateResult(template.name, action, tuple(changed)))
        if stored is None:
            after[template.name] = describe_template(template.as_fields(), template.secrets())
        elif changed:
            before[template.name] = {name: _told(name, stored, None) for name in changed}
            after[template.name] = {name: _told(name, template, stored) for name in changed}
    for stored in there.values():
        comparison.results.append(TemplateResult(stored.name, "removed"))
        before[stored.name] = describe_template(stored.as_fields(), stored.secrets())
    _add(comparison.before, "templates", before)
    _add(comparison.after, "templates", after)
    return comparison


def _changed_fields(old: Template | None, new: Template) -> list[str]:
    if old is None:
        return [*(name for name, value in new.as_fields().items() if is_set(value)), *new.secrets()]
    return [item.name for item in FIELDS if getattr(old, item.name) != getattr(new, item.name)]


def _told(name: str, template: Template, replaced: Template | None) -> Any:
    """Return the value of a field that changes; of a secret only whether it is set."""
    if name in template.as_fields():
        return template.as_fields()[name]
    if name not in template.secrets():
        return NOT_SET
    return SET_DIFFERENT if replaced is not None and name in replaced.secrets() else SET


def _add(data: dict[str, Any], key: str, value: dict[str, Any]) -> None:
    if value:
        data[key] = value


# ----------------------------------------------------------------------------------------------------------------------
# What is where a bundle is to be written: an older bundle, one that cannot be opened, or nothing.


class Existing(Value):
    """What was found.

    :param facts: what is told of it: ``sealed``, ``secrets`` and ``mode`` of a bundle, ``state`` where it cannot be
        opened. Empty where nothing is.
    :param content: the templates of a bundle that can be opened, or None.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    content: Content | None = None


def describe(*, sealed: bool, secrets: bool, mode: str) -> dict[str, Any]:
    """Return the facts of a bundle."""
    return {"sealed": sealed, "secrets": secrets, "mode": mode}


def read_existing(path: str, passphrase: str | None) -> Existing:
    """Read what a new bundle will replace.

    :param path: where the new bundle is to be written.
    :param passphrase: the passphrase of the new bundle, or None.
    :raises FileError: when no bundle can be written there.
    :raises NotABundle: when something else is there, which is not to be overwritten.
    :raises NewerBundle: when a newer version of this collection wrote what is there.
    :raises LibraryMissing: when it is sealed and cannot be opened here.
    """
    found = find_file(path)
    if found is None:
        return Existing()
    if not found.octets:
        return Existing({"state": "empty"})  # as ansible.builtin.tempfile makes it
    try:
        envelope = parse_envelope(found.octets)
        facts = describe(sealed=envelope.sealing is not None, secrets=envelope.secrets, mode=found.mode)
        if (envelope.sealing is None) != (passphrase is None):
            return Existing(facts)
        return Existing(facts, read_bundle(found.octets, passphrase))
    except (NotABundle, NewerBundle) as error:
        raise type(error)(f"{error}. It is left as it is: remove it, or name another dest") from None
    except (DamagedBundle, UnusableTemplate):
        return Existing({"state": "damaged"})
    except WrongPassphrase:
        return Existing({"state": "sealed with another passphrase"})


# ----------------------------------------------------------------------------------------------------------------------


def request_for(content: Content, *, purge: bool, keep: tuple[str, ...]) -> Request:
    """Return the request that puts templates of a bundle into a store.

    Where the bundle has no secrets by choice, those of the host stay. Otherwise a template has what the bundle has: one
    without a password there has none on the host.

    :param purge: whether templates that are not in ``content`` are removed.
    :param keep: names of templates that are never removed.
    """
    present = tuple(
        Desired(template.as_fields(), template.secrets(), update_secrets=content.secrets)
        for template in content.templates
    )
    return Request(present=present, purge=purge, purge_keep=keep)


def without_password(plan: Plan) -> list[str]:
    """Return the names of the imported templates that have a user name and, after the import, no password."""
    imported = {result.name for result in plan.results if result.action != "removed"}
    known = [(template.fields, {*template.keep, *template.seal}) for template in plan.planned]
    known += [(template.fields, set(template.secrets)) for template in plan.kept]
    return sorted(
        str(fields["name"])
        for fields, secrets in known
        if fields["name"] in imported and fields.get("username") is not None and "password" not in secrets
    )
