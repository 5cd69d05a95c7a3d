# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of one declared template: what stays of it on the host, whether it is made anew, and what differs.

Nothing is read or written here.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any

from .._template.fields import ACCOUNT, CA_CERTIFICATE, ENROLMENT_CODE, KEY_PASSPHRASE
from .._value import Value, field
from .adapter import Observed
from .difference import Difference, describe_change, describe_template, find_differences, is_set
from .document import StoredSecret, StoredTemplate
from .errors import StoreError
from .last_tests import LastTest
from .reading import Inspection, can_be_opened
from .sealing import Verifiers, fields_digest, keyed_verifier

# ----------------------------------------------------------------------------------------------------------------------
# What stays of a template on the host because the declaration does not give it.
#
# An account, an enrolment code, a CA certificate and a passphrase may come from an environment or a credential. A run
# without them has no wish to remove them: only ``remove`` says that. Every other field that is not given means its
# default.


class Desired(Value):
    """A template as it should be.

    :param fields: every field that is not secret, as plain JSON data, with ``name``.
    :param secrets: the secrets that are set, in clear.
    :param update_secrets: compare and update the secrets of a template that exists; otherwise a secret is only set
        where the host has none that can be used, and never removed.
    :param keep: those of ``REMOVE_CHOICES`` that are left as they are on the host.
    :param remove: those that the template must not have.
    """

    fields: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    update_secrets: bool = True
    keep: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The template's name."""
        return str(self.fields["name"])

    def spoken_for(self, secret: str) -> bool:
        """Say whether it is ``retained_fields()`` that decides about a secret that is not given."""
        return (ACCOUNT if secret == "password" else secret) in self.keep | self.remove  # noqa: S105 (a field's name)


class RetainedFields(Value):
    """What stays of the template on the host.

    :param fields: the fields that it adds to the declared ones.
    :param secrets: the names of the secrets that stay.
    :param warning: what does not stay though nobody asked to remove it, and why; or empty.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    warning: str = ""


def retained_fields(desired: Desired, stored: StoredTemplate) -> RetainedFields:
    """Return what stays of a template on the host.

    :raises StoreError: a secret would have to stay and cannot, since it is sealed for another spelling of the name.
    """
    fields: dict[str, Any] = {}
    secrets: set[str] = set()
    if CA_CERTIFICATE in desired.keep and not (desired.fields.get("ca_path") or desired.fields.get("use_system_trust")):
        _add(fields, stored, "ca_certificate")
    key_path = desired.fields.get("client_key_path")
    if KEY_PASSPHRASE in desired.keep and key_path is not None and key_path == stored.fields.get("client_key_path"):
        secrets.update({"client_key_passphrase"} & set(stored.secrets))
    dropped: dict[str, str] = {}
    account: dict[str, Any] = {}
    if ACCOUNT in desired.keep and ("password" in stored.secrets or stored.fields.get("username") is not None):
        _add(account, stored, "username")
    same = same_server(desired, stored, {**fields, **account})
    if account or (ACCOUNT in desired.keep and "password" in stored.secrets):
        if same:
            fields.update(account)
            secrets.update({"password"} & set(stored.secrets))
        else:
            dropped["account"] = "username and password"
    if ENROLMENT_CODE in desired.keep and ENROLMENT_CODE in stored.secrets:
        if same:
            secrets.add(ENROLMENT_CODE)
        else:
            dropped[ENROLMENT_CODE] = ENROLMENT_CODE
    warning = ""
    if dropped:
        warning = (
            f"the {' and '.join(dropped)} that template '{desired.name}' has on this host is for "
            f"{_server(stored.fields)} and is not sent to {_server(desired.fields)}: it is dropped; give "
            f"{' and '.join(dropped.values())} for the new server"
        )
    doubtful = "fields" in stored.edited_parts() and stored.digest != fields_digest({**desired.fields, **fields})
    if fields and doubtful and not warning:
        warning = (
            f"template '{stored.name}' was edited by hand on this host, and {' and '.join(fields)} of it stays because "
            "it is not declared: nothing tells whether it was edited too; give it, or say in remove what is to go"
        )
    if secrets and stored.name != desired.name:
        raise StoreError(
            f"template '{stored.name}' on this host has {' and '.join(sorted(secrets))} sealed for that spelling of "
            f"its name, and is declared as '{desired.name}' without: nothing was written; declare it with the old "
            "spelling, or with the account, or say in remove what it is not to have",
            code="secret_not_opened",
        )
    return RetainedFields(fields, frozenset(secrets), warning)


def warning_of_new(desired: Desired, *, lost: bool) -> str:
    """Return the warning about a new template that no test can succeed with, or an empty text.

    :param lost: it is made anew because the document was damaged, and whatever account it had is lost.
    """
    fields = desired.fields
    account = fields.get("username") is not None or desired.secrets.get("password") is not None
    trusts = any(fields.get(name) for name in ("ca_certificate", "ca_path", "ca_fingerprint", "use_system_trust"))
    if account or fields.get("client_certificate_path") is not None or (trusts and not lost):
        return ""
    missing, give = ("", "") if trusts else (", and nothing to trust the EST server by", "; ca_certificate or ca_path")
    return (
        f"template '{desired.name}' is new on this host and has neither an account nor a client certificate{missing}: "
        f"was a credential left out? Give username and password, or EST_USERNAME and EST_PASSWORD{give}"
    )


def _add(fields: dict[str, Any], stored: StoredTemplate, name: str) -> None:
    if stored.fields.get(name) is not None:
        fields[name] = stored.fields[name]


def same_server(desired: Desired, stored: StoredTemplate, kept: Mapping[str, Any]) -> bool:
    """Say whether a template is declared for the server that the one on the host is for.

    :param kept: the fields that stay.
    """
    if all(desired.fields.get(name) == stored.fields.get(name) for name in ("server", "port")):
        return True
    # Somebody edited the server by hand, and the declared one is the one that this collection wrote.
    return stored.digest == fields_digest({**desired.fields, **kept})


def _server(fields: Mapping[str, Any]) -> str:
    return f"{fields.get('server')}:{fields.get('port')}"


# ----------------------------------------------------------------------------------------------------------------------
# Whether a template is made anew, and what differs.


class TemplateResult(Value):
    """What happens to one template.

    :param action: ``created``, ``updated``, ``removed``, ``unchanged`` or ``repaired``.
    :param changed_fields: names of the fields and secrets that differ.
    :param differences: what differs in them, for a template that is there and declared.
    :param summary: what was found, in lines without a full stop; none where nothing happens.
    """

    name: str
    action: str
    changed_fields: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    summary: tuple[str, ...] = ()


class PlannedTemplate(Value):
    """A template of the new document: fields, sealed secrets that stay, and secrets that have to be sealed."""

    fields: Mapping[str, Any]
    keep: Mapping[str, StoredSecret]
    seal: Mapping[str, str] = field(repr=False)


class Decision(Value):
    """What becomes of one declared template.

    :param before: what the diff shows of it as it is, and ``after`` as it will be.
    :param proved: see ``Plan.proved``; None where nothing is issued from it.
    :param warnings: some can be empty.
    :param planned: the template as it is made anew; None where it stays as it is.
    :param kept: the template that stays as it is.
    """

    result: TemplateResult
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    proved: bool | None
    warnings: tuple[str, ...]
    planned: PlannedTemplate | None = None
    kept: StoredTemplate | None = None


def decide(
    desired: Desired,
    stored: StoredTemplate | None,
    verifiers: Verifiers,
    inspection: Inspection,
    observed: Observed,
    last_tests: Mapping[str, LastTest],
) -> Decision:
    """Decide what becomes of a declared template.

    :param stored: the template of that name, where there is one.
    """
    if stored is None:
        result, template = _create(desired, repaired=inspection.damaged)
        after = describe_template(template.fields, template.seal)
        warning = warning_of_new(desired, lost=inspection.damaged)
        return Decision(result, None, after, _as_new(template), (warning,), planned=template)
    result, template, warning = _update(desired, stored, verifiers, observed)
    before, after = describe_change(result.changed_fields, stored, template, observed)
    if result.action != "unchanged":
        return Decision(result, before, after, _as_new(template), (warning,), planned=template)
    lost = [name for name in stored.secrets if not can_be_opened(stored, name, observed)]
    last = last_tests.get(stored.name)
    proved = _as_new(template)
    if proved is not None:
        proved = last is not None and last.proves(stored.content) and not lost
    useless = ""
    if lost:
        useless = (
            f"{' and '.join(lost)} of template '{desired.name}' cannot be opened on this host any more, and no "
            "test can succeed with it: give it again, or say in remove what is to go"
        )
    return Decision(result, before, after, proved, (warning, useless), kept=stored)


def _as_new(template: PlannedTemplate) -> bool | None:
    """Return ``Plan.proved`` of a template that is made anew: None where nothing is issued from it."""
    return None if template.fields.get("device_identity_certificates") is False else False


def _create(desired: Desired, *, repaired: bool) -> tuple[TemplateResult, PlannedTemplate]:
    template = PlannedTemplate(desired.fields, {}, desired.secrets)
    fields = [name for name, value in desired.fields.items() if is_set(value)]
    changed = (*fields, *desired.secrets)
    if repaired:
        lost = ("is lost with the damaged document",)
        return TemplateResult(desired.name, "repaired", changed, summary=lost), template
    return TemplateResult(desired.name, "created", changed, summary=("is not in the store",)), template


def _update(
    desired: Desired, stored: StoredTemplate, verifiers: Verifiers, observed: Observed
) -> tuple[TemplateResult, PlannedTemplate, str]:
    stays = retained_fields(desired, stored)
    fields = {**desired.fields, **stays.fields}
    names = [*fields, *(name for name in stored.fields if name not in fields)]
    changed = [name for name in names if not _same(fields.get(name), stored.fields.get(name))]
    damaged = "fields" in stored.edited_parts()
    keep: dict[str, StoredSecret] = {}
    seal: dict[str, str] = {}
    for name in sorted({*desired.secrets, *stored.secrets}):
        secret = desired.secrets.get(name)
        usable = name in stored.secrets and can_be_opened(stored, name, observed)
        if name in stays.secrets or _secret_stays(desired, stored, name, verifiers, observed, usable=usable):
            keep[name] = stored.secrets[name]
            continue
        changed.append(name)
        damaged = damaged or (name in stored.secrets and not usable)
        if secret is not None:
            seal[name] = secret
    action = "repaired" if damaged else "updated" if changed else "unchanged"
    # A name can be there twice: of a secret, and of the same name among the fields, written by hand.
    changed_fields = tuple(dict.fromkeys(changed))
    planned = PlannedTemplate(fields, keep, seal)
    differences = find_differences(changed_fields, stored, planned, observed)
    edited = ["was edited by hand"] if stored.edited_parts() else []
    summary = () if action == "unchanged" else (*edited, *(str(entry) for entry in differences))
    return TemplateResult(desired.name, action, changed_fields, differences, summary), planned, stays.warning


def _secret_stays(
    desired: Desired, stored: StoredTemplate, name: str, verifiers: Verifiers, observed: Observed, *, usable: bool
) -> bool:
    if name not in stored.secrets or stored.name != desired.name:
        return False  # nothing there; or sealed for another spelling of the name, and cannot be opened under this one
    secret = desired.secrets.get(name)
    if secret is None and desired.spoken_for(name):
        return False
    if name in ("password", ENROLMENT_CODE) and not same_server(desired, stored, {}) and not desired.update_secrets:
        return False  # it was for another server, and is not sent to this one
    if not desired.update_secrets:
        return usable or secret is None
    if secret is None or not usable:
        return False
    there = stored.secrets[name]
    if observed.key is not None and there.keyed_verifier:
        made = keyed_verifier(observed.key, stored.name, name, secret)
        return hmac.compare_digest(made.encode("ascii"), there.keyed_verifier.encode("utf-8"))
    return verifiers.matches(stored.name, name, secret, there.verifier)


def _same(one: Any, other: Any) -> bool:
    if type(one) is type(other) and not isinstance(one, (list, dict)):
        return bool(one == other)
    # As JSON, because to Python 1 and true are equal, within a list too.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
