# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is collected on a Windows host through ``ansible.windows``, in the shape of what a POSIX host gives.

Every call of a module is a round trip, so they are few, and each part says of itself why it could not be collected.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional

from ansible.errors import AnsibleConnectionFailure, AnsibleError

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.archive import UniqueNames, safe_path
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.collect import Section, failed
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.log_files import NotCollected
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.log_text import (
    clean,
    proxy_settings,
    without_password,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.parameters import PathRules
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._value import Value, field
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError

from ..host.paths import check_windows_folder
from .host import Refused, WindowsHost
from .logs import PRODUCT_LOGS, WindowsLogs, check_log_path, expanded, utc_offset_of

#: What no module of ``ansible.windows`` tells, or none in a few calls.
NOT_TOLD = (
    "the version of Cloud Extender, unless it is registered under a name of its own among the installed programs",
    "the addresses of an EST server, and the routes to it",
    "the TLS version, the cipher and the certificate of an EST server",
    "which authentication an EST server asks for: est_server_info tells it",
    "the free space of the disks",
    "entries for other accounts in the permissions of the store",
)

_FACTS = ["!all", "!min", "date_time", "distribution", "env", "powershell_version", "user"]
_PRODUCT = ("maas360", "cloud extender", "cloudextender")
_SERVICE_FIELDS = ("name", "display_name", "state", "start_mode", "username", "path")
_UNINSTALL = (
    r"HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall",
    r"HKLM:\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall",
)
_MAX_PRODUCTS = 2
_INTERNET_SETTINGS = r"HKU:\S-1-5-18\Software\Microsoft\Windows\CurrentVersion\Internet Settings"

#: The files of a test that are collected, and the key, whose name is enough.
_TEST_FILES = ("certificate.pem", "chain.pem", "root_certificate.pem", "request.pem", "state.json")
_KEY_FILE = "private_key.pem"
_LARGEST_TEST_FILE = 256 * 1024
#: Tests whose files are read: each file is a round trip.
MAX_TESTS_READ = 5

#: What is left of the time for logs when all else takes as long as it may.
_SHARE_OF_LOGS = 0.4

#: Looks at an EST server: the fields of a template, the seconds that are left, and how far the host's clock is ahead of
#: the controller's, at least and at most, where that is known.
Probe = Callable[[Mapping[str, Any], float, Optional[Sequence[float]]], dict[str, Any]]


WINDOWS_PATHS = PathRules(check_windows_folder, check_log_path, "\\", (PRODUCT_LOGS,))


class WindowsOrder(Value):
    """What to collect on a Windows host.

    :param targets: the EST servers: the fields of a template without secrets each.
    :param log_paths: folders, files and globs; the environment of the host has the variables that they begin with.
    :param check: make no file on the host.
    """

    targets: Sequence[Mapping[str, Any]]
    store_path: str
    output_path: str
    log_paths: Sequence[str]
    max_log_size: int
    time_limit: int
    check: bool
    secrets: Sequence[str] = field(repr=False)


class WindowsCollector:
    """Collects once.

    :param probe: looks at an EST server from the host.
    """

    def __init__(self, host: WindowsHost, order: WindowsOrder, probe: Probe) -> None:
        self._host = host
        self._order = order
        self._probe = probe
        self._variables: dict[str, str] = {"programdata": "C:\\ProgramData"}
        self._utc_offset = 0
        self._clock: Optional[list[float]] = None
        self._environment: Optional[Mapping[str, str]] = None

    def collect(self) -> dict[str, Any]:
        """Return what ``collect()`` returns of a POSIX host.

        In place of ``started`` and ``ended`` it has ``clock``, how far the host's clock is ahead of the controller's,
        and ``not_told``. The sections ``services`` and ``windows_proxy`` are new.
        """
        began = time.monotonic()
        first = began + self._order.time_limit * (1 - _SHARE_OF_LOGS)
        collectors: dict[str, Callable[[], Any]] = {
            "system": self._system,
            "services": self._services,
            "proxy": self._environment_proxy,
            "windows_proxy": self._windows_proxy,
        }
        sections = {name: self._section(collector, first) for name, collector in collectors.items()}
        servers = [
            self._section(lambda fields=fields: self._probe(fields, first - time.monotonic(), self._clock), first)
            for fields in self._order.targets
        ]
        sections["tests"] = self._section(self._tests, first)
        logs = self._logs(began + self._order.time_limit)
        return {
            "clock": self._clock,
            "sections": sections,
            "servers": servers,
            "logs": logs,
            "not_told": list(NOT_TOLD),
        }

    def _section(self, collector: Callable[[], Any], deadline: float) -> Section:
        started = time.monotonic()
        if started > deadline:
            return failed(
                "the time was over before it began (time_limit)", "Raise time_limit where the host is only slow."
            )
        try:
            section: Section = {"ok": True, "data": collector()}
        except (EstError, TemplateError) as error:
            section = failed(str(error), error.hint, code=error.code)
        except (Refused, StoreError) as error:
            section = failed(str(error), code=error.code)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            section = failed(str(error))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            reason = f"a module answered what is not understood: {type(error).__name__}: {error}"
            section = failed(reason, "This may be a defect of the collection: please report it.")
        return {**section, "seconds": round(time.monotonic() - started, 3)}

    def _ask_secretly(self, module: str, arguments: Mapping[str, Any], **how: bool) -> dict[str, Any]:
        """Ask for what can hold a password: an environment, a command line, the URL of a proxy."""
        return self._host.ask(module, arguments, secret=True, **how)

    # -- the host --------------------------------------------------------------------------------------------------

    def _system(self) -> dict[str, Any]:
        sent = time.time()
        facts = self._ask_secretly("setup", {"gather_subset": _FACTS})["ansible_facts"]
        received = time.time()
        self._environment = {str(name): str(value) for name, value in facts["ansible_env"].items()}
        self._variables.update({name.lower(): value for name, value in self._environment.items()})
        told = facts["ansible_date_time"]
        self._utc_offset = utc_offset_of(told.get("tz_offset"))
        # The other times are written in the calendar of the host's language. This one is rounded.
        now = float(told["epoch_int"])
        self._clock = [round(now - 0.5 - received, 3), round(now + 0.5 - sent, 3)]
        name = facts.get("ansible_distribution") or "Windows"
        return {
            "host_name": self._variables.get("computername", ""),
            "operating_system": f"{name} {facts['ansible_distribution_version']}",
            "user": facts.get("ansible_user_id") or "",
            "time_zone": told.get("tz") or "",
            "versions": {"powershell": str(facts.get("ansible_powershell_version", ""))},
        }

    def _services(self) -> dict[str, Any]:
        """The services of the product, by name or path: their names are not documented."""
        found = self._ask_secretly("win_service_info", {})["services"]
        return {
            "services": [
                # A command line can hold a password.
                {name: clean(str(service.get(name) or ""), ()) for name in _SERVICE_FIELDS}
                for service in found
                if _is_product(*(service.get(name) for name in ("name", "display_name", "path")))
            ],
            "products": self._products(),
        }

    def _products(self) -> list[dict[str, str]]:
        products: list[dict[str, str]] = []
        for path in _UNINSTALL:
            for name in self._ask_secretly("win_reg_stat", {"path": path}).get("sub_keys") or ():
                if _is_product(name) and len(products) < _MAX_PRODUCTS:
                    values = _values(self._ask_secretly("win_reg_stat", {"path": f"{path}\\{name}"}))
                    version = values.get("DisplayVersion", "")
                    products.append({"name": values.get("DisplayName", "") or str(name), "version": version})
        return products

    def _environment_proxy(self) -> dict[str, str]:
        if self._environment is None:
            raise Refused("the host did not tell its environment")
        return proxy_settings(self._environment)

    def _windows_proxy(self) -> dict[str, Any]:
        """The proxy of WinHTTP, and that of SYSTEM, as which services run."""
        return {
            "WinHTTP": self._settings(self._winhttp),
            "Internet settings of SYSTEM": self._settings(self._internet_settings),
        }

    @staticmethod
    def _settings(read: Callable[[], dict[str, str]]) -> dict[str, str]:
        try:
            return read()
        except Refused as refused:
            return {"problem": str(refused)}

    def _winhttp(self) -> dict[str, str]:
        before = self._ask_secretly("win_http_proxy", {}, check=True, diff=True)["diff"]["before"]
        return {"proxy": without_password(before.get("proxy") or ""), "bypass": before.get("bypass") or ""}

    def _internet_settings(self) -> dict[str, str]:
        values = _values(self._ask_secretly("win_reg_stat", {"path": _INTERNET_SETTINGS}))
        on = values.get("ProxyEnable") == "1"
        return {
            "proxy": without_password(values.get("ProxyServer", "")) if on else "",
            "bypass": values.get("ProxyOverride", "") if on else "",
            "script": without_password(values.get("AutoConfigURL", "")),
        }

    # -- tests -----------------------------------------------------------------------------------------------------

    def _tests(self) -> dict[str, Any]:
        try:
            folder = expanded(self._order.output_path, self._variables)
        except NotCollected as error:
            raise Refused(f"{self._order.output_path}: {error}") from None
        if not self._host.ask("win_stat", {"path": folder, "get_checksum": False, "get_size": False})["stat"]["exists"]:
            return {"output_path": folder, "tests": [], "skipped_files": []}
        names = [*_TEST_FILES, _KEY_FILE]
        arguments = {"paths": [folder], "recurse": True, "depth": 3, "patterns": names, "get_checksum": False}
        entries: dict[str, dict[str, Mapping[str, Any]]] = {}
        for entry in self._host.ask("win_find", arguments)["files"]:
            parts = str(entry["path"])[len(folder) :].strip("\\").split("\\")
            if len(parts) == 3 and not parts[1].startswith(".") and not entry.get("islnk"):
                entries.setdefault("\\".join(parts[:2]), {})[parts[2].lower()] = entry
        skipped_files: list[tuple[str, str]] = []
        newest = {
            name: max(float(entry["lastwritetime"]) for entry in files.values()) for name, files in entries.items()
        }
        unique, tests = UniqueNames(), []
        for number, name in enumerate(sorted(entries, key=lambda name: (-newest[name], name))):
            files = {known: entries[name][known] for known in _TEST_FILES if known in entries[name]}
            if number >= MAX_TESTS_READ and files:
                skipped_files.append(
                    (f"{folder}\\{name}", f"of a Windows host the newest {MAX_TESTS_READ} tests are read")
                )
            tests.append(
                {
                    "name": unique.take(safe_path(name)),
                    "modified": int(newest[name] - self._utc_offset),
                    "has_private_key": _KEY_FILE in entries[name],
                    "files": {
                        known: self._test_file(entry, skipped_files) if number < MAX_TESTS_READ else None
                        for known, entry in files.items()
                    },
                }
            )
        return {"output_path": folder, "tests": tests, "skipped_files": skipped_files}

    def _test_file(self, entry: Mapping[str, Any], skipped_files: list[tuple[str, str]]) -> Optional[str]:
        path = str(entry["path"])
        if int(entry["size"] or 0) > _LARGEST_TEST_FILE:
            skipped_files.append((path, f"is larger than {_LARGEST_TEST_FILE} octets"))
            return None
        try:
            content = self._host.ask("slurp", {"src": path}, secret=True)["content"]
        except Refused as refused:
            skipped_files.append((path, str(refused)))
            return None
        text = base64.b64decode(content).decode("ascii", "replace")
        if "PRIVATE KEY" in text:
            skipped_files.append((path, "holds a private key"))
            return None
        return text

    # -- logs ------------------------------------------------------------------------------------------------------

    def _logs(self, deadline: float) -> Section:
        order = self._order
        never = []
        for path in (order.store_path, order.output_path):
            try:
                never.append(expanded(path, self._variables))
            except NotCollected:  # then no log can be found below it either
                continue
        logs = WindowsLogs(
            self._host,
            variables=self._variables,
            utc_offset=self._utc_offset,
            max_bytes=order.max_log_size,
            secrets=order.secrets,
            deadline=deadline,
            never=never,
            make_copies=not order.check,
        )
        section = self._section(lambda: logs.collect(order.log_paths), deadline)
        found = [log.as_plain() for log in logs.logs.found]
        return {
            **section,
            "data": {"files": found, "skipped_files": [list(entry) for entry in logs.logs.skipped_files]},
        }


def _is_product(*texts: Any) -> bool:
    return any(word in str(text or "").lower() for text in texts for word in _PRODUCT)


def _values(answer: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of a key of the registry as texts."""
    return {str(name): str(entry.get("value", "")) for name, entry in (answer.get("properties") or {}).items()}
