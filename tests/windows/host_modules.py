# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules tell of a Windows host itself, done in Python on a ``Machine``.

Services, registry and proxies are data of the machine; its clock and its connections are those of this machine.
"""

from __future__ import annotations

import contextlib
import fnmatch
import re
import socket
import time
from datetime import datetime, timedelta, timezone
from typing import Any

from windows.machine import VARIABLES, Fail, Machine

Result = dict[str, Any]

_MIN = {"date_time", "distribution", "dns", "env", "local", "platform", "powershell_version", "user"}
_ALL = {
    *_MIN,
    "all_ipv4_addresses",
    "interfaces",
    "bios",
    "memory",
    "processor",
    "uptime",
    "virtual",
    "facter",
    "winrm",
}


def setup(machine: Machine, arguments: Result, _check: bool) -> Result:
    """Tell the facts of the wanted subsets, of those that the double has."""
    wanted = arguments["gather_subset"]
    wanted = wanted.split(",") if isinstance(wanted, str) else wanted  # as its default is
    excluded: set[str] = set()
    for name in wanted:
        if name.startswith("!"):
            excluded |= _ALL - _MIN if name == "!all" else _MIN if name == "!min" else {name[1:]}
    chosen = {name for name in wanted if not name.startswith("!")}
    for name in chosen - _ALL - {"all", "min"}:
        raise Fail(f"invalid gather_subset '{name}' specified")
    if not chosen or chosen & {"all", "min"}:
        chosen = (_ALL - excluded) | chosen
    facts: Result = {}
    for subset, gather in _SUBSETS.items():
        if subset in chosen:
            facts.update(gather(machine))
    return {"ansible_facts": facts}


def _platform(_machine: Machine) -> Result:
    return {"ansible_system": "Win32NT", "ansible_hostname": "DOUBLE"}


def _distribution(_machine: Machine) -> Result:
    return {
        "ansible_os_family": "Windows",
        "ansible_distribution": "Microsoft Windows Server 2022 Standard",
        "ansible_distribution_version": "10.0.20348.0",
    }


def _date_time(machine: Machine) -> Result:
    offset = machine.told("utc_offset", 0)
    now = time.time() + machine.told("clock_ahead", 0)
    local = datetime.fromtimestamp(now, timezone(timedelta(seconds=offset)))
    tz_offset = local.strftime("%z")
    return {
        "ansible_date_time": {
            "epoch_int": round(now),
            "date": local.strftime("%Y-%m-%d"),
            "tz": "W. Europe Standard Time" if offset else "UTC",
            "tz_offset": f"{tz_offset[:3]}:{tz_offset[3:]}",
        }
    }


def _env(machine: Machine) -> Result:
    environment = {"ProgramData": VARIABLES["programdata"], "SystemRoot": VARIABLES["systemroot"]}
    return {"ansible_env": {**environment, "COMPUTERNAME": "DOUBLE", **machine.told("environment", {})}}


_SUBSETS = {
    "platform": _platform,
    "distribution": _distribution,
    "date_time": _date_time,
    "env": _env,
    "powershell_version": lambda _machine: {"ansible_powershell_version": 5},
    "user": lambda _machine: {"ansible_user_id": "Administrator", "ansible_user_sid": "S-1-5-21-1-2-3-500"},
}


def win_service_info(machine: Machine, arguments: Result, _check: bool) -> Result:
    """Tell the services."""
    services = [
        {
            "description": "",
            "name": "",
            "display_name": "",
            "state": "started",
            "start_mode": "auto",
            "username": "NT AUTHORITY\\SYSTEM",
            "path": "C:\\Windows\\System32\\svchost.exe -k netsvcs -p",
            **service,
        }
        for service in machine.told("services", [{"name": "WinRM", "display_name": "Windows Remote Management"}])
    ]
    name = arguments["name"]
    if name is not None:
        services = [one for one in services if fnmatch.fnmatch(one["name"].lower(), name.lower())]
    return {"exists": bool(services), "services": services}


def win_reg_stat(machine: Machine, arguments: Result, _check: bool) -> Result:
    """Tell the values of a key, and the names of those below it."""
    path = arguments["path"]
    if not re.match(r"HK(CC|CR|CU|LM|U):\\", path):
        raise Fail(f"path: {path} is not a valid registry path, see module documentation for examples.")
    if arguments["name"] is not None:
        raise Fail("the double tells whole keys only")
    keys = {key.lower(): values for key, values in machine.told("registry", {}).items()}
    below = f"{path.lower()}\\"
    names = {
        key[len(below) :].partition("\\")[0] for key in machine.told("registry", {}) if key.lower().startswith(below)
    }
    if path.lower() not in keys and not names:
        return {"exists": False}
    properties = {}
    for name, value in keys.get(path.lower(), {}).items():
        kind = "REG_DWORD" if isinstance(value, int) else "REG_SZ"
        properties[name] = {"type": kind, "value": value, "raw_value": value}
    return {"exists": True, "properties": properties, "sub_keys": sorted(names)}


def win_http_proxy(machine: Machine, arguments: Result, check: bool) -> Result:
    """Tell the proxy of WinHTTP as what is there before a change, which the double makes none of."""
    if arguments["source"] or arguments["bypass"]:
        raise Fail("the double changes no proxy")
    before = {"proxy": None, "bypass": None, **machine.told("winhttp", {})}
    changed = before["proxy"] != arguments["proxy"]
    if changed and not check:
        raise Fail("the double changes no proxy")
    result: Result = {"changed": changed}
    if arguments["_ansible_diff"]:
        result["diff"] = {"before": before, "after": {"proxy": arguments["proxy"], "bypass": None}}
    return result


def win_wait_for(_machine: Machine, arguments: Result, _check: bool) -> Result:
    """Wait until something listens."""
    name, port = arguments["host"], arguments["port"]
    if port is None or arguments["path"] or arguments["state"] not in ("started", "present"):
        raise Fail("the double waits for ports only, until they are open")
    started, attempts = time.monotonic(), 0
    while time.monotonic() - started < arguments["timeout"]:
        attempts += 1
        with contextlib.suppress(OSError), socket.create_connection((name, port), arguments["connect_timeout"]):
            return {"elapsed": time.monotonic() - started, "wait_attempts": attempts}
        time.sleep(arguments["sleep"])
    raise Fail(f"timeout while waiting for {name}:{port} to start listening")
