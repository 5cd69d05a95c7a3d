# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions on templates share: their options, what they ask of the store, and their results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import Outcome
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.decision import Desired, TemplateResult
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.last_tests import FAILED
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import (
    DEFAULT_STORE_PATH,
    DOCUMENT_NAME,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Plan
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.fields import (
    ACCOUNT,
    CA_CERTIFICATE,
    ENROLMENT_CODE,
    KEY_PASSPHRASE,
    number_as_text,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import (
    Template,
    templates_from_options,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.names import check_text, template_name

_MOST_DAYS = 3650

#: The option that says which store.
STORE_SPEC: dict[str, Any] = {"store_path": {"type": "str"}}


def check_store_path(path: str | None) -> str:
    """Return the path of a store's folder without a slash at its end.

    :param path: None for where the store of a POSIX host is.
    :raises TemplateError: unless it is an absolute path.
    """
    if path is None:
        return DEFAULT_STORE_PATH
    check_text("store_path", path)
    if not path.startswith("/") or not path.strip("/"):
        raise TemplateError(
            "store_path",
            "is not the absolute path of a folder",
            value=show(path),
            allowed=f"a path such as {DEFAULT_STORE_PATH}",
        )
    return path.rstrip("/")


def desired(template: Template, options: Mapping[str, Any]) -> Desired:
    """Return what the store is asked for: a checked template, and the options that it was made from."""
    update = options.get("update_password") or "always"
    removed = frozenset(options.get("remove") or ())
    given = {
        ACCOUNT: ("username", "password"),
        ENROLMENT_CODE: ("challenge_password",),
        CA_CERTIFICATE: ("ca_certificate",),
        KEY_PASSPHRASE: ("client_key_passphrase",),
    }
    return Desired(
        template.as_fields(),
        template.secrets(),
        update_secrets=update == "always",
        keep=frozenset(what for what, names in given.items() if all(options.get(name) is None for name in names))
        - removed,
        remove=removed,
    )


def check_purge(
    option: str, count: int, *, purge: bool, purge_all: bool, what: str = "template", words: str = "is empty"
) -> None:
    """Refuse to purge for an empty list without explicit consent: a list that got lost has nothing in it either.

    :param option: the name of the list, for the message.
    :param count: how many templates it has.
    :param purge: whether templates that are not in it are removed.
    :param purge_all: the consent.
    :param what: what it is a list of.
    :param words: what is said of a list that has none, as a predicate.
    :raises TemplateError: it is empty, and ``purge_all`` is not set.
    """
    if purge and not count and not purge_all:
        prefix = "est_integration_" if option.startswith("est_integration_") else ""
        raise TemplateError(
            option,
            f"{words}, and {prefix}purge would remove every {what} of the host",
            allowed=f"the {what}s that the host is to have, or {prefix}purge_all: true beside it",
        )


def check_days(option: str, days: int | None) -> None:
    """Check after how many days a sealing key is replaced; None for never.

    :raises TemplateError: it is out of range.
    """
    if days is not None and not 1 <= days <= _MOST_DAYS:
        raise TemplateError(option, "is out of range", value=show(days), allowed=f"1 to {_MOST_DAYS}")


def names_of(arguments: Mapping[str, Any]) -> list[str] | None:
    """Return the checked option ``names``, or None for all.

    :raises TemplateError: for a wrong name, and for an empty list.
    """
    if arguments["names"] is None:
        return None
    if not arguments["names"]:
        raise TemplateError("names", "is empty", allowed="the names of templates, or leave it out for all")
    return [template_name(name) for name in arguments["names"]]


def names_to_keep(names: Any) -> tuple[str, ...]:
    """Check the names that are never purged, and return them as names of templates are.

    :raises TemplateError: for one that cannot be a name; it says which.
    """
    checked = []
    for index, name in enumerate(names):
        where = f"purge_keep[{index}]"
        name = number_as_text(name)
        if not isinstance(name, str):
            raise TemplateError(where, "is not a string", value=show(name), allowed="the name of a template, in quotes")
        try:
            checked.append(template_name(name))
        except TemplateError as error:
            error.option = where
            raise
    return tuple(checked)


def failed_tests(outcome: Outcome) -> list[str]:
    """Return the names of the templates that stay on the host and whose last test failed."""
    tests = outcome.plan.last_tests
    return [
        entry.name
        for entry in outcome.plan.results
        if entry.action != "removed" and entry.name in tests and tests[entry.name].status == FAILED
    ]


def results_of(outcome: Outcome, store_path: str) -> dict[str, Any]:
    """Return the result of an action that applies templates. No secret is in it."""
    plan = outcome.plan
    # The path of a folder on a POSIX host begins with a slash, and on a Windows host it has none.
    separator = "/" if store_path.startswith("/") else "\\"
    document = f"{store_path}{separator}{DOCUMENT_NAME}"
    result: dict[str, Any] = {
        "changed": plan.changed,
        "store_path": store_path,
        "templates": [_entry(entry, plan) for entry in plan.results],
        "store_problems": list(plan.problems),
        "diff": {
            "before": to_yaml(plan.diff.before()),
            "after": to_yaml(plan.diff.after()),
            "before_header": document,
            "after_header": document,
        },
    }
    if outcome.kept:
        result["kept_document"] = outcome.kept
    return result


def _entry(of_one: TemplateResult, plan: Plan) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": of_one.name,
        "action": of_one.action,
        "changed_fields": list(of_one.changed_fields),
    }
    # Only what there is something to tell of: a fleet has many templates, and most are as they should be.
    if of_one.differences:
        entry["differences"] = [difference.as_json() for difference in of_one.differences]
    if of_one.summary:
        entry["summary"] = list(of_one.summary)
    if of_one.name in plan.last_tests:
        entry["last_test"] = plan.last_tests[of_one.name].as_result()
    if of_one.name in plan.proved:
        entry["proved"] = plan.proved[of_one.name]
    return entry


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines, such as PEM, as they are."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def to_yaml(data: Mapping[str, Any]) -> str:
    """Return plain data as YAML text in its own order, or an empty string for no data."""
    if not data:
        return ""
    text: str = yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return text


# Each host has a fork of its own, which would compile the same regular expressions again: one template is read before.
templates_from_options([{"name": "a", "server": "est.example.com", "username": "a", "password": "a"}])
