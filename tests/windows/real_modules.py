# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the real modules of ansible.windows take and return, read from the files that users have."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import Any

import yaml
from windows.machine import Fail

_ALWAYS = {"changed", "failed", "msg", "warnings", "diff", "skipped", "ansible_facts"}
_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "path": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "list": (list,),
    "dict": (dict,),
    "complex": (dict, list),
    "raw": (object,),
}


class RealModule:
    """One module of the real collection.

    :param collection: the collection's folder.
    :param name: the module's name.
    """

    def __init__(self, collection: Path, name: str) -> None:
        folder = collection / "plugins" / "modules"
        self.name = name
        self.source = (folder / f"{name}.ps1").read_bytes()
        if (folder / f"{name}.yml").exists():
            docs = _load((folder / f"{name}.yml").read_text())
            self.options, self.returns = docs["DOCUMENTATION"].get("options") or {}, docs.get("RETURN") or {}
        else:
            texts = _assigned(folder / f"{name}.py")
            docs = _load(texts["DOCUMENTATION"])
            self.options = _with_fragments(folder.parent / "doc_fragments", docs)
            self.returns = _load(texts.get("RETURN") or "{}") or {}
        # What the action of a module tells it, and its documentation does not.
        text = self.source.decode("utf-8-sig")
        self._private = set(re.findall(r'Get-AnsibleParam -obj \$params -name "(\w+)"', text)) - set(self.options)
        # What it returns though its documentation has another name for it: "raw", documented as "cert_data".
        self._untold = set(re.findall(r"\$(?:module\.Result|cert_info)\.(\w+) =", text))
        # And whether it returns whatever a web server names.
        self._returns_headers = "$module.Result.$header_key =" in text
        #: Whether it can only look; if not, ansible-core's wrapper skips it in check mode.
        self.has_check_mode = "supports_check_mode $true" in text or "supports_check_mode = $true" in text

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """Check arguments as documented, and return them with aliases resolved and defaults.

        :raises Fail: for an option that there is not, that is missing, or with a value that it cannot have.
        """
        names = {alias: name for name, option in self.options.items() for alias in option.get("aliases") or ()}
        found = {names.get(name, name): value for name, value in given.items() if not name.startswith("_ansible_")}
        unknown = sorted(set(found) - set(self.options) - self._private)
        if unknown:
            raise Fail(f"Unsupported parameters for ({self.name}) module: {', '.join(unknown)}")
        for name, option in self.options.items():
            if name not in found or found[name] is None:
                if option.get("required"):
                    raise Fail(f"missing required arguments: {name}")
                found[name] = option.get("default")
                continue
            if not isinstance(found[name], _TYPES[option.get("type", "str")]):
                raise Fail(f"argument {name} is of type {type(found[name]).__name__}, not {option.get('type', 'str')}")
            choices = option.get("choices")
            if choices and found[name] not in choices:
                raise Fail(f"value of {name} must be one of: {', '.join(choices)}. Got no match for: {found[name]}")
        return found

    def check_result(self, result: dict[str, Any]) -> None:
        """Refuse a result that the real module would not give: a key or a type that is not documented."""
        told = {key: value for key, value in result.items() if key not in _ALWAYS}
        if self._returns_headers:  # one replaces what it is documented to return: content_length is a text then
            told = {key: value for key, value in told.items() if key in self.returns and key != "content_length"}
        _check(told, self.returns, self.name, self._untold)


def _check(values: dict[str, Any], documented: dict[str, Any], where: str, untold: set[str]) -> None:
    for key, value in values.items():
        if key not in documented:
            if key in untold:
                continue
            raise AssertionError(f"{where} returns no {key}")
        kind = documented[key]["type"]
        if value is not None and not isinstance(value, _TYPES[kind]):
            raise AssertionError(f"{where}.{key} is of type {kind}, not {type(value).__name__}")
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict) and "contains" in documented[key]:
                _check(entry, documented[key]["contains"], f"{where}.{key}", untold)


@functools.lru_cache
def real_module(collection: Path, name: str) -> RealModule:
    """Return a module, read once."""
    return RealModule(collection, name)


def _assigned(path: Path) -> dict[str, str]:
    tree = ast.parse(path.read_text())
    return {
        target.id: ast.literal_eval(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("DOCUMENTATION", "RETURN")
    }


def _with_fragments(folder: Path, docs: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a module, with those that it shares with others."""
    options: dict[str, Any] = {}
    for fragment in docs.get("extends_documentation_fragment") or ():
        path = folder / f"{fragment.rpartition('.')[2]}.py"
        if path.exists():
            options.update(_load(_assigned(path)["DOCUMENTATION"]).get("options") or {})
    for name, option in (docs.get("options") or {}).items():
        options[name] = {**options.get(name, {}), **option}
    return options


def _load(text: str) -> Any:
    return yaml.safe_load(text)
