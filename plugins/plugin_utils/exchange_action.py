# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions share whose EST exchange leaves from the host or from the controller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError

from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.errors import StoreError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.reading import find_template, open_secrets
from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.model import Template

from .action_base import ControllerAction, ModuleFailed
from .host_store import store_of, store_path_of

#: What ansible-core raises, in place of a result, where a module returns octets that are no UTF-8.
_NOT_UTF8 = "Refusing to deserialize an invalid UTF8 string value"


class ExchangeAction(ControllerAction):
    """Base of an action that can run an EST exchange on the controller."""

    def with_warnings(self, outcome: dict[str, Any]) -> dict[str, Any]:
        """The outcome without its warnings, which are shown to the user instead."""
        warnings = [*self._passed_on.get("warnings", ()), *outcome.pop("warnings", ())]
        if warnings:
            self._passed_on["warnings"] = warnings
        return outcome

    def execute_anyway(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a module whatever it ends with, and in check mode too: for reading, which check mode is to do as well."""
        check_mode, self._task.check_mode = self._task.check_mode, False
        try:
            return self.execute(name, arguments)
        except ModuleFailed as failure:
            if failure.result.get("unreachable"):
                raise
            return dict(failure.result)
        except AnsibleError as error:
            if _NOT_UTF8 not in str(error):
                raise
            return {"failed": True, "msg": _NOT_UTF8}
        finally:
            self._task.check_mode = check_mode

    def _execute_or_fail(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        result = self.execute_anyway(name, arguments)
        if result.get("failed"):
            raise StoreError(result.get("msg", f"{name} failed"))
        return result

    def stored_template(self, store_path: str, name: str) -> Template:
        """A template from the store of the host, with its secrets.

        :raises StoreError: there is none, or it cannot be read.
        """
        store_path = store_path_of(self, store_path)
        found = store_of(self, store_path, execute=self._execute_or_fail).read(want_key=True)
        stored = find_template(store_path, name, content=found.content, exists=found.exists, damage=found.damage)
        if not stored.secrets:
            return Template.from_fields(stored.fields, {})
        if found.key is None:
            raise StoreError(
                f"the sealing key of the store {store_path} {found.key_damage or 'does not exist'}; apply the "
                "templates again"
            )
        return Template.from_fields(stored.fields, open_secrets(stored, found.key))

    def write_temporary_file(self, text: str) -> str:
        """Put a text into a file of the task's temporary folder on the host, which core removes after the task."""
        shell = self._connection._shell
        if shell.tmpdir is None:
            self._make_tmp_path()
        path = shell.join_path(shell.tmpdir, "anchors.pem")
        self._transfer_data(path, text)
        self._fixup_perms2((shell.tmpdir, path))
        return str(path)
