# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A POSIX host of which this very machine keeps the certificates: the quick look and the module run here."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from support.actions import Host, marked

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate import list_parameters, parameters
from ansible_collections.estfleet.cloud_extender.plugins.modules import (
    est_certificate,
    est_certificates,
    est_identities_host,
    est_purge_host,
)

_MODULES = {
    "estfleet.cloud_extender.est_certificate": (est_certificate, parameters.argument_spec),
    "estfleet.cloud_extender.est_certificates": (est_certificates, list_parameters.argument_spec),
    "estfleet.cloud_extender.est_identities_host": (est_identities_host, lambda: {"order": {"type": "str"}}),
    "estfleet.cloud_extender.est_purge_host": (est_purge_host, est_purge_host.argument_spec),
}


class CertificateHost(Host):
    """Remembers which modules ran, with what, and how many programs were sent."""

    made_up = False

    def __init__(self, *, check=False, quick=True):
        super().__init__()
        self.variables = {"inventory_hostname": "ce1", "ansible_python_interpreter": sys.executable}
        self._check, self._quick = check, quick
        self.modules = []
        self.programs = []

    def connection(self):
        """One that takes a program."""
        shell = SimpleNamespace(tmpdir=None, env_prefix=lambda **_variables: "")
        return SimpleNamespace(
            _shell=shell, transport="ssh", become=None, has_pipelining=self._quick, allow_executable=True
        )

    def execute_command(self, cmd, in_data):
        """Run a program."""
        self.programs.append(in_data)
        done = subprocess.run(["/bin/sh", "-c", cmd], input=in_data, capture_output=True, timeout=60, check=False)
        return {"rc": done.returncode, "stdout": done.stdout.decode(), "stderr": done.stderr.decode()}

    def execute_module(self, *, module_name, module_args, task_vars):
        """Run a module."""
        if module_name not in _MODULES:
            return super().execute_module(module_name=module_name, module_args=module_args, task_vars=task_vars)
        module, spec = _MODULES[module_name]
        arguments = json.loads(json.dumps(module_args))
        self.modules.append((module_name.rpartition(".")[2], arguments))
        validation = ArgumentSpecValidator(spec()).validate(arguments)
        assert not validation.error_messages, validation.error_messages
        outcome = module.perform(SimpleNamespace(params=validation.validated_parameters, check_mode=self._check))
        return marked(json.loads(json.dumps(outcome)))
