# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an import asks of a host's store."""

from __future__ import annotations

from ..store.keeping import Desired
from ..store.plan import Plan, Request
from .content import Content


def request_for(content: Content, *, replace: bool, keep: tuple[str, ...]) -> Request:
    """Return the request that puts templates of a bundle into a store.

    Where the bundle has no secrets by choice, those of the host stay. Otherwise a template has what the bundle has: one
    without a password there has none on the host.

    :param replace: whether templates that are not in ``content`` are removed.
    :param keep: names of templates that are never removed.
    """
    present = tuple(
        Desired(template.as_fields(), template.secrets(), update_secrets=content.secrets)
        for template in content.templates
    )
    return Request(present=present, purge=replace, purge_keep=keep)


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
