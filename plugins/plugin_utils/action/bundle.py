# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions on bundles share: the passphrase, the errors of bundles, and what is told of a bundle."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.content import Content
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.envelope import FORMAT_VERSION
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.errors import BundleError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.decision import TemplateResult
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError

from ..base.action import ControllerAction
from ..base.secrets import PASSPHRASE_VARIABLE, secret_values
from ..base.templates import STORE_SPEC

#: The options that export and import share.
BUNDLE_SPEC: dict[str, Any] = {
    **STORE_SPEC,
    "names": {"type": "list", "elements": "str"},
    # Anything but text is refused by the action: Ansible would turn a number into other digits.
    "passphrase": {"type": "raw", "no_log": True},
}


class BundleAction(ControllerAction):
    """Base of an action on a bundle."""

    @abstractmethod
    def work(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do the work and return the result.

        :raises BundleError: turned into a failed result.
        """

    def perform(self, arguments):
        """See ``ControllerAction.perform()``."""
        try:
            return self.work(arguments)
        except BundleError as error:
            return failure_of(error)

    def passphrase(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the passphrase from the option or the environment, or None.

        :raises TemplateError: when it is not text.
        """
        passphrase = arguments["passphrase"]
        if passphrase is None:
            # As with the other variables, an empty one counts as not set.
            passphrase = os.environ.get(PASSPHRASE_VARIABLE) or None
        if passphrase is not None and not isinstance(passphrase, str):
            raise TemplateError("passphrase", "is not a text", allowed="a string, in quotes")
        self._secrets |= secret_values({"passphrase": passphrase})
        return passphrase

    def hide(self, content: Content) -> None:
        """Censor the secrets of these templates in whatever the action returns."""
        self._secrets.update(secret for template in content.templates for secret in template.secrets().values())


def describe_bundle(path: str, content: Content, *, sealed: bool) -> dict[str, Any]:
    """Return what is told of a bundle. No secret is in it."""
    return {
        "path": path,
        "format_version": FORMAT_VERSION,
        "sealed": sealed,
        "secrets": content.secrets,
        "templates": list(content.names),
    }


def template_results(results: Iterable[TemplateResult]) -> list[dict[str, Any]]:
    """Return what happens to the templates, as the modules tell it."""
    return [
        {"name": entry.name, "action": entry.action, "changed_fields": list(entry.changed_fields)} for entry in results
    ]
