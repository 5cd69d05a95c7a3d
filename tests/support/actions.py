# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs an action of the collection in a test: arguments in, result out, no host and no Ansible process.

The private module that the action runs on the host runs in this process, on real files.
"""

from __future__ import annotations

import importlib
import json
from types import SimpleNamespace

from ansible.parsing.dataloader import DataLoader
from support import returned

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.modules import est_store_file


class MarkedText(str):
    """As ansible-core hands over the texts of a module's result, which come from another machine."""

    __slots__ = ()


def marked(value):
    if isinstance(value, dict):
        return {key: marked(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [marked(entry) for entry in value]
    return MarkedText(value) if isinstance(value, str) else value


class Host:
    """Stands for a host: runs est_store_file in this process, and remembers what was asked of it and what it said.

    ``variables`` are those of the host, ``execute_command`` runs a command there, and ``made_up`` says whether it
    answers what no module of ours does.
    """

    variables = ()
    execute_command = None

    def __init__(self):
        self.calls = []
        self.answers = []
        self.instead = None
        self.before_write = None

    def execute_module(self, *, module_name, module_args, task_vars):
        assert module_name == "estfleet.cloud_extender.est_store_file"
        arguments = json.loads(json.dumps(module_args))
        self.calls.append(arguments)
        if self.instead is not None:
            return self.instead
        if arguments["operation"] == "write" and self.before_write:
            self.before_write()
        defaults = {
            "key_pad": None,
            "expected_sha256": "",
            "expected_key": "",
            "use_new_key": False,
            "replaced_key": "",
            "keep_old": False,
        }
        module = SimpleNamespace(params={**defaults, **arguments}, check_mode=False)
        try:
            answer = est_store_file.perform(module)
        except StoreError as error:
            answer = {"failed": True, "msg": str(error)}
        answer["invocation"] = {"module_args": "as AnsibleModule adds it"}
        self.answers.append(json.loads(json.dumps(answer)))
        return marked(answer)

    @property
    def operations(self):
        return [call["operation"] for call in self.calls]

    @property
    def made_up(self):
        return self.__class__ is not Host or self.instead is not None

    def connection(self):
        shell = SimpleNamespace(tmpdir=None)
        return SimpleNamespace(_shell=shell, transport="none", become=None, has_pipelining=False)


def run_action(name, arguments, host=None, *, check=False):
    """Return the result of one run of the action."""
    host = host or Host()
    module = importlib.import_module(f"ansible_collections.estfleet.cloud_extender.plugins.action.{name}")
    task = SimpleNamespace(
        args=arguments,
        action=f"estfleet.cloud_extender.{name}",
        check_mode=check,
        diff=False,
        async_val=0,
        delegate_to=None,
        environment=[],
        until=[],
        retries=None,
        get_search_path=list,
    )
    context = SimpleNamespace(no_log=False, executable="/bin/sh")
    templar = SimpleNamespace(template=lambda value: value)
    action = module.ActionModule(task, host.connection(), context, DataLoader(), templar, None)
    action._execute_module = host.execute_module
    action._low_level_execute_command = host.execute_command
    result = action.run(task_vars=dict(host.variables))
    if not host.made_up:
        returned.tell(returned.wrong_result(name, result, bool(result.get("failed"))))
    return result
