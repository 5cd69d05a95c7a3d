# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of ansible.windows, done in Python on a ``Machine``: what the PowerShell of each says."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from windows import host_modules, log_modules
from windows.certificate_modules import win_certificate_info, win_certificate_store
from windows.machine import ACCOUNTS, ADMINISTRATORS, SYSTEM, Fail, Machine
from windows.real_modules import real_module
from windows.web_modules import win_uri

Result = dict[str, Any]


def run_module(machine: Machine, collection: Path, name: str, given: dict[str, Any]) -> Result:
    """Run a module, and check its arguments and its result against the real one.

    :param collection: the folder of the real ansible.windows.
    :param given: the arguments, with those of ansible-core's own.
    """
    real = real_module(collection, name)
    check = bool(given.get("_ansible_check_mode", False))
    if check and not real.has_check_mode:
        return {"changed": False, "skipped": True, "msg": "remote module does not support check mode"}
    try:
        arguments = real.arguments(given)
        for option, spec in real.options.items():
            # Only options of this type have variables put in; win_acl_inheritance does it itself.
            by_itself = name == "win_acl_inheritance" and option == "path"
            if (spec.get("type") == "path" or by_itself) and isinstance(arguments.get(option), str):
                arguments[option] = machine.expand(arguments[option])
        broken = machine.told("broken", {})
        for key in (name, f"{name} {arguments.get('state')}"):
            if key in broken:
                raise Fail(broken[key])
        arguments["_ansible_diff"] = bool(given.get("_ansible_diff", False))
        result = {"changed": False, **_MODULES[name](machine, arguments, check)}
    except Fail as failure:
        result = {"changed": False, "failed": True, "msg": str(failure)}
    real.check_result(result)
    return result


def _slurp(machine: Machine, arguments: Result, _check: bool) -> Result:
    src = arguments["src"]
    if machine.real(src).is_dir():
        raise Fail(f"Path {src} is a directory")
    if not machine.real(src).exists():
        raise Fail(f"Path {src} is not found")
    try:
        content = machine.read(src)
    except Fail as failure:
        raise Fail(f'Exception calling "ReadAllBytes" with "1" argument(s): "{failure}"') from None
    return {"content": base64.b64encode(content).decode(), "encoding": "base64"}


def _win_file(machine: Machine, arguments: Result, check: bool) -> Result:
    path, state = arguments["path"], arguments["state"]
    there = machine.real(path).exists()
    if state == "absent":
        if there and not check:
            try:
                machine.remove(path)
            except Fail as failure:
                raise Fail(f"Failed to delete {machine.full(path)}: {failure}") from None
        return {"changed": there}
    if state == "directory":
        if there and not machine.real(path).is_dir():
            raise Fail(f"path {path} is not a directory")
        if not there and not check:
            machine.make_folder(path)
        return {"changed": not there}
    raise Fail(f"the double has no state {state}")


def _win_find(machine: Machine, arguments: Result, _check: bool) -> Result:
    return log_modules.win_find(machine, arguments, _info)


def _info(machine: Machine, path: str, arguments: Result) -> Result:
    """What win_find and win_stat both tell of a file or folder."""
    real = machine.real(path)
    status, is_folder = real.stat(), real.is_dir()
    info: Result = {
        "attributes": "Directory" if is_folder else "Archive",
        "creationtime": status.st_ctime,
        "exists": True,
        "filename": real.name,
        "hlnk_targets": [],
        "isarchive": not is_folder,
        "isdir": is_folder,
        "ishidden": False,
        "isjunction": False,
        "islnk": False,
        "isreadonly": False,
        "isreg": not is_folder,
        "isshared": False,
        "lastaccesstime": status.st_atime,
        "lastwritetime": status.st_mtime,
        "nlink": 1,
        "owner": ACCOUNTS.get(machine.owner(path), machine.owner(path)),
        "path": machine.full(path),
    }
    if not is_folder:
        info.update(extension=real.suffix, size=status.st_size, checksum=None)
        if arguments["get_checksum"]:
            try:
                info["checksum"] = _checksum(machine, path, arguments["checksum_algorithm"])
            except Fail:
                info["checksum"] = None
    return info


def _checksum(machine: Machine, path: str, algorithm: str) -> str:
    return hashlib.new(algorithm, machine.read(path, beside_writers=True)).hexdigest()


def _win_stat(machine: Machine, arguments: Result, _check: bool) -> Result:
    path = arguments["path"]
    if not machine.real(path).exists():
        return {"stat": {"exists": False}}
    stat = _info(machine, path, arguments)
    if arguments["get_checksum"] and stat["isreg"] and stat["checksum"] is None:
        raise Fail("Failed to get hash of file, set get_checksum to False to ignore this error")
    return {"stat": {key: value for key, value in stat.items() if value is not None}}


def _win_copy(machine: Machine, arguments: Result, check: bool) -> Result:
    if arguments.get("_copy_mode") != "remote" or not arguments["remote_src"]:
        raise Fail("the double copies on the host only: remote_src with _copy_mode remote")
    src, dest = arguments["src"], arguments["dest"]
    if not machine.real(src).is_file():
        raise Fail(f"Cannot copy src file: '{src}' as it does not exist")
    parent = dest.rpartition("\\")[0]
    if not machine.real(parent).is_dir():
        raise Fail(f"Destination directory '{parent}' does not exist")
    if machine.real(dest).is_dir():
        raise Fail("the double does not copy into folders")
    # Copy-Item, and so CopyFile of Windows, shares the file with who writes it.
    content = machine.read(src, beside_writers=True)
    name = machine.real(src).name
    checksum = hashlib.sha1(content).hexdigest()
    changed = not machine.real(dest).exists() or machine.read(dest) != content
    if changed and not check:
        if machine.real(dest).exists():
            machine.remove(dest)
        machine.write(dest, content)
    told = {"src": src, "dest": dest, "operation": "file_copy", "original_basename": name, "checksum": checksum}
    return {"changed": changed, "size": len(content), **told}


def _win_acl(machine: Machine, arguments: Result, _check: bool) -> Result:
    path = arguments["path"]
    if not machine.real(path).exists():
        raise Fail(f"{path} file or directory does not exist on the host")
    if arguments["rights"] not in ("FullControl", "Modify", "ReadAndExecute", "Read", "Write"):
        raise Fail(f"an error occurred when attempting to present {arguments['rights']} permission(s) on {path}")
    inherit = arguments["inherit"] or "ContainerInherit, ObjectInherit"
    entry = {
        "user": _sid(arguments["user"]),
        "rights": arguments["rights"],
        "type": arguments["type"].capitalize(),
        "inherit": inherit if machine.real(path).is_dir() else "None",
        "propagation": arguments["propagation"],
    }
    entries = machine.acl(path)["entries"]
    if (entry in entries) == (arguments["state"] == "present"):
        words = "already exists" if entry in entries else "does not exist"
        return {"msg": f"the specified rule {words}"}
    others = [other for other in entries if other != entry]
    machine.change_acl(path, entries=[*others, entry] if arguments["state"] == "present" else others)
    return {"changed": True}


def _win_acl_inheritance(machine: Machine, arguments: Result, check: bool) -> Result:
    path = arguments["path"]
    if not machine.real(path).exists():
        raise Fail(f"{path} does not exist")
    protected = arguments["state"] == "absent"
    changed = machine.acl(path)["protected"] != protected
    if changed and not check:
        if arguments["reorganize"]:
            raise Fail("the double does not reorganize")
        machine.change_acl(path, protected=protected)
    return {"changed": changed}


def _win_owner(machine: Machine, arguments: Result, check: bool) -> Result:
    path, user = arguments["path"], _sid(arguments["user"])
    if not machine.real(path).exists():
        raise Fail(f"{path} file or directory does not exist on the host")
    changed = machine.owner(path) != user
    if changed and not check:
        machine.change_acl(path, owner=user)
    return {"changed": changed}


def _sid(user: str) -> str:
    for sid, name in ACCOUNTS.items():
        if user in (sid, name, name.rpartition("\\")[2]):
            return sid
    raise Fail(f"{user} is not a valid user or group on the host machine or domain")


_MODULES: dict[str, Callable[[Machine, Result, bool], Result]] = {
    "slurp": _slurp,
    "win_file": _win_file,
    "win_find": _win_find,
    "win_stat": _win_stat,
    "win_copy": _win_copy,
    "win_acl": _win_acl,
    "win_acl_inheritance": _win_acl_inheritance,
    "win_owner": _win_owner,
    "setup": host_modules.setup,
    "win_http_proxy": host_modules.win_http_proxy,
    "win_reg_stat": host_modules.win_reg_stat,
    "win_service_info": host_modules.win_service_info,
    "win_tempfile": log_modules.win_tempfile,
    "win_wait_for": host_modules.win_wait_for,
    "win_certificate_info": win_certificate_info,
    "win_certificate_store": win_certificate_store,
    "win_uri": win_uri,
}
#: Who may have a store.
STORE_ACCOUNTS = {SYSTEM, ADMINISTRATORS}
NAMES = tuple(_MODULES)
