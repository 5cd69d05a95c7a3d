# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.archive import (
    ArchiveFile,
    archive_name,
    safe_name,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.parameters import (
    POSIX_PATHS,
    DiagnosticsParameters,
    argument_spec,
    find_targets,
    read_options,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.report import Collected, Report
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.stored import Stored, read_stored
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files.paths import why_not_writable
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import require_libraries
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.controller import controller_versions
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.exchange import ExchangeAction
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.store import store_of
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import ModuleFailed, OptionError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.diagnostics import (
    WINDOWS_PATHS,
    Probe,
    WindowsCollector,
    WindowsOrder,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.host import Refused, WindowsHost

_COLLECTOR = "estfleet.cloud_extender.est_diagnostics_host"


class ActionModule(ExchangeAction):
    """Diagnostics of a host, in an archive on the controller."""

    def argument_spec(self):
        return argument_spec()

    def perform(self, arguments):
        asked = read_options(arguments, WINDOWS_PATHS if self.on_windows else POSIX_PATHS)
        folder = self.on_controller(asked.dest)
        host = str(self._task_vars.get("inventory_hostname", "host"))
        began = time.time()
        name = f"{safe_name(host)}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(began))}"
        if self._task.check_mode:
            trouble = why_not_writable(folder)
            if trouble:
                raise OptionError(_cannot_write(folder, trouble), code="unusable_file")
            report = self._collect(host, began, asked)
            return report.result(f"{folder.rstrip('/')}/{archive_name(name)}")
        try:
            with ArchiveFile(folder, name) as file:
                report = self._collect(host, began, asked)
                return report.result(file.save(report.archive(safe_name(host))))
        except OSError as error:
            raise OptionError(_cannot_write(folder, error.strerror or str(error)), code="unusable_file") from None

    def _collect(self, host: str, began: float, asked: DiagnosticsParameters) -> Report:
        stored = self._read_store(asked.store_path)
        targets, unusable = find_targets(stored.templates)
        secrets = [*stored.secrets, *asked.redact]
        log_paths = asked.log_paths if stored.all_secrets_known or asked.redact else ()
        sent = time.time()
        fields = [target["fields"] for target in targets]
        ask = self._ask_windows_host if self.on_windows else self._ask_host
        answer, trouble = ask(asked, fields, log_paths, secrets)
        received = time.time()

        def report(collected: Collected) -> Report:
            return Report(
                host=host,
                began=began,
                controller=controller_versions(),
                stored=stored,
                collected=collected,
                targets=targets,
                unusable=unusable,
                logs_withheld=asked.log_paths != log_paths,
                secrets=secrets,
                max_log_octets=asked.max_log_size,
            )

        try:
            return report(Collected(answer, trouble, sent, received))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            # Whoever answers there may say anything. What the controller found out itself is still worth an archive.
            return report(Collected({}, "it answered what its module never answers", sent, received))

    def _read_store(self, store_path: str) -> Stored:
        store = store_of(self, store_path, execute=self._execute_reachable, full_look=True)
        try:
            return read_stored(store.read(want_key=True))
        except (StoreError, Refused) as error:
            return Stored(store_path, problem=str(error), error_code=error.code)

    def _ask_host(
        self,
        asked: DiagnosticsParameters,
        fields: Sequence[Mapping[str, Any]],
        log_paths: Sequence[str],
        secrets: Sequence[str],
    ) -> tuple[Mapping[str, Any], str]:
        """What the host says, or why it says nothing."""
        order: dict[str, Any] = {
            "targets": [{"fields": one} for one in fields],
            "store_path": asked.store_path,
            "output_path": asked.output_path,
            "log_paths": list(log_paths),
            "max_log_size": asked.max_log_size,
            "connect_timeout": asked.connect_timeout,
            "time_limit": asked.time_limit,
        }
        if secrets:
            order["secrets"] = json.dumps(secrets)
        try:
            return self._execute_reachable(_COLLECTOR, order), ""
        except StoreError as error:
            return {}, str(error)

    def _ask_windows_host(
        self,
        asked: DiagnosticsParameters,
        fields: Sequence[Mapping[str, Any]],
        log_paths: Sequence[str],
        secrets: Sequence[str],
    ) -> tuple[Mapping[str, Any], str]:
        """The same of a Windows host, each part of which says for itself why it is missing."""
        host = WindowsHost(self)
        order = WindowsOrder(
            targets=fields,
            store_path=asked.store_path,
            output_path=asked.output_path,
            log_paths=log_paths,
            max_log_size=asked.max_log_size,
            time_limit=asked.time_limit,
            check=bool(self._task.check_mode),
            secrets=secrets,
        )
        return WindowsCollector(host, order, self._probe(host, asked.connect_timeout)).collect(), ""

    def _probe(self, host: WindowsHost, connect_timeout: int) -> Probe:
        def probe(fields: Mapping[str, Any], seconds: float, clock: Optional[Sequence[float]]) -> dict[str, Any]:
            # Loads requests and cryptography; without them on the controller all else is told.
            require_libraries()
            from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange.connectors import (
                RelayConnector,
            )
            from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows import probe as windows_probe

            look = windows_probe.WindowsProbe(
                host,
                self.execute_anyway,
                lambda execute: RelayConnector(execute, self.private_module),
                connect_timeout,
            )
            return look(fields, seconds, clock)

        return probe

    def _execute_reachable(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run a module on the host. That it fails is a finding; that there is no way to the host ends the task."""
        try:
            return self.execute(name, arguments)
        except ModuleFailed as failure:
            if failure.result.get("unreachable"):
                raise
            msg = str(failure.result.get("msg") or "the host could not run a module of Ansible's")
            raise StoreError(msg, code=failure.as_failure()["error_code"]) from None


def _cannot_write(folder: str, why: str) -> str:
    return f"dest: no archive can be written into {folder} on the controller: {why}; give another folder"
