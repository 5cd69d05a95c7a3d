# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every name that a user writes or reads: options and results of modules, variables of the role, command, library.

``uses()`` finds them, each with what it is; ``read_vocabulary()`` reads the page that says what each may be.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import dataclasses
import importlib
import inspect
import re
import typing
import unittest.mock
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from support.returned import PRIVATE, ROOT

COLLECTION = "ansible_collections.estfleet.cloud_extender."
PREFIX = "est_integration_"

#: Types of Python that stand for one of Ansible's, and of others.
_PYTHON = {str: "str", int: "int", float: "float", bool: "bool", dict: "dict", list: "list"}
_NONE = type(None)


@dataclasses.dataclass(frozen=True)
class Use:
    """One use of a name.

    :param kind: ``options``, ``results``, ``role``, ``command`` or ``library``.
    :param place: the module, role, command or class that has it, with what it is in: ``est_test_enroll.server``.
    :param name: the name itself.
    :param type: as in the vocabulary, such as ``str``, ``list[str]``; None for an object of the library, and for a text
        of a command line that something else reads.
    :param choices: the values that it can have, where they are a list.
    :param default: None where there is none.
    """

    kind: str
    place: str
    name: str
    type: str | None
    choices: tuple[Any, ...] = ()
    default: Any = None

    def __str__(self) -> str:
        return f"{self.kind} {self.place}.{self.name}"


def uses() -> list[Use]:
    """Return every use of every public name."""
    return [*_of_plugins("modules"), *_of_plugins("lookup"), *_of_role(), *_of_commands(), *_of_library()]


# ----------------------------------------------------------------------------------------------------------------------
# What is documented: modules, lookups, the role.


def documentation(kind: str, name: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the options, with those of its fragments, and the results of a module or a lookup."""
    tree = ast.parse((ROOT / "plugins" / kind / f"{name}.py").read_text(encoding="utf-8"))
    texts = {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and statement.targets[0].id in ("DOCUMENTATION", "RETURN")
    }
    document = yaml.safe_load(texts["DOCUMENTATION"])
    options: dict[str, Any] = {}
    fragments = document.get("extends_documentation_fragment", [])
    for fragment in [fragments] if isinstance(fragments, str) else fragments:
        options.update(_fragment(fragment))
    options.update(document.get("options", {}))
    return options, yaml.safe_load(texts["RETURN"]) or {}


def _fragment(name: str) -> Mapping[str, Any]:
    _namespace, _collection, file, *part = name.split(".")
    module = importlib.import_module(f"{COLLECTION}plugins.doc_fragments.{file}")
    text = getattr(module.ModuleDocFragment, part[0].upper() if part else "DOCUMENTATION")
    found: Mapping[str, Any] = yaml.safe_load(text).get("options", {})
    return found


def modules() -> list[str]:
    """Return the modules that users start."""
    return sorted({path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")} - PRIVATE)


def _of_plugins(kind: str) -> Iterator[Use]:
    names = modules() if kind == "modules" else sorted(path.stem for path in (ROOT / "plugins" / kind).glob("*.py"))
    for name in names:
        options, results = documentation(kind, name)
        yield from _documented("options", name, options, "suboptions")
        yield from _documented("results", name, results, "contains")


def _of_role() -> Iterator[Use]:
    specs = yaml.safe_load((ROOT / "roles" / "est_integration" / "meta" / "argument_specs.yml").read_text("utf-8"))
    for entry in specs["argument_specs"].values():
        options = {name.removeprefix(PREFIX): option for name, option in entry.get("options", {}).items()}
        yield from _documented("role", "est_integration", options, "options")


def _documented(kind: str, place: str, entries: Mapping[str, Any], below: str) -> Iterator[Use]:
    for name, entry in entries.items():
        if not name.startswith("_"):
            elements = f"[{entry['elements']}]" if "elements" in entry else ""
            choices = tuple(entry.get("choices", ()))
            for word in (name, *entry.get("aliases", ())):
                yield Use(kind, place, word, f"{entry.get('type', 'str')}{elements}", choices, entry.get("default"))
            yield from _documented(kind, f"{place}.{name}", entry.get(below) or {}, below)


# ----------------------------------------------------------------------------------------------------------------------
# The commands.


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Return the parser of each command, by its name."""
    for file in ("est", "fleet_report"):
        command = importlib.import_module(f"{COLLECTION}plugins.plugin_utils.command.{file}")
        with unittest.mock.patch.object(argparse.ArgumentParser, "parse_args", autospec=True) as parse:
            parse.side_effect = SystemExit  # what it is asked to read is of no interest, only who reads it
            with contextlib.suppress(SystemExit):
                command.main([])
        yield from _with_commands(file, parse.call_args.args[0])


def _with_commands(name: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    commands = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not commands:
        yield name, parser
    for action in commands:
        for choice, below in action.choices.items():
            yield f"{name}.{choice}", below


def _of_commands() -> Iterator[Use]:
    for command, parser in parsers():
        for action in parser._actions:
            if not isinstance(action, (argparse._HelpAction, argparse._VersionAction)):
                name = next((text[2:] for text in action.option_strings if text.startswith("--")), action.dest)
                choices = tuple(action.choices or ())
                default = action.default if action.default not in ([], False) else None
                yield Use("command", command, name.replace("-", "_"), _type_of(action), choices, default)


def _type_of(action: argparse.Action) -> str | None:
    if isinstance(action, (argparse._StoreTrueAction, argparse._StoreFalseAction)):
        return "bool"
    made = action.type
    if made is not None and not inspect.isclass(made):
        made = inspect.get_annotations(made, eval_str=True)["return"]
    if isinstance(action, argparse._AppendAction) or action.nargs in ("+", "*"):
        return f"list[{_PYTHON[made or str]}]"
    return _PYTHON[made] if made else None


# ----------------------------------------------------------------------------------------------------------------------
# The library.


def _of_library() -> Iterator[Use]:
    api = importlib.import_module(f"{COLLECTION}plugins.module_utils.est.api")
    for name in api.__all__:
        for place, holder, word, hint, default in _words(name, getattr(api, name)):
            default = default if isinstance(default, (str, int, float)) and default is not False else None
            yield Use("library", place, word, _annotated(hint, holder), (), default)


def _words(name: str, found: Any) -> Iterator[tuple[str, Any, str, Any, Any]]:
    """Return fields of a class of values, and parameters of all functions: where, in what, name, type and default."""
    if not inspect.isclass(found):
        yield from _parameters(name, found)
        return
    is_value = any(parent.__name__ == "Value" for parent in found.__mro__)
    for parent in reversed(found.__mro__):
        for field, hint in inspect.get_annotations(parent).items() if is_value else ():
            if not field.startswith("_"):
                yield name, parent, field, hint, vars(parent).get(field)
    for method, function in vars(found).items():
        function = getattr(function, "__func__", function)
        if (inspect.isfunction(function) and not method.startswith("_")) or method == "__init__":
            yield from _parameters(f"{name}.{method}" if method != "__init__" else name, function)


def _parameters(place: str, function: Any) -> Iterator[tuple[str, Any, str, Any, Any]]:
    for parameter in inspect.signature(function).parameters.values():
        is_named = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if is_named and parameter.name not in ("self", "cls") and not parameter.name.startswith("_"):
            yield place, function, parameter.name, parameter.annotation, parameter.default


def _annotated(hint: Any, holder: Any) -> str | None:
    """Return the type of a parameter, or None for an object of the library's own."""
    space = {**vars(typing), **vars(inspect.getmodule(holder))}
    try:
        return _ansible(eval(hint, space) if isinstance(hint, str) else hint)
    except NameError:  # a name that only a type checker imports
        return None


def _ansible(hint: Any) -> str | None:
    if hint in _PYTHON:
        return _PYTHON[hint]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        kinds = {_ansible(one) for one in inner if one is not _NONE}
        return kinds.pop() if len(kinds) == 1 else None
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "dict"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        element = _ansible(inner[0])
        return f"list[{element}]" if element else None
    return None


# ----------------------------------------------------------------------------------------------------------------------
# The vocabulary.

_ROW = re.compile(r"^\| `([\w.]+)` \| ([\w ]+) \| (\S.*\S) \|$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Word:
    """What a name stands for.

    :param key: the name, with the place before it in which alone it means this.
    :param type: as ``Use`` has it, or ``object``.
    :param means: its meaning.
    """

    key: str
    type: str
    means: str


class Vocabulary:
    """The words of ``docs/vocabulary.md``.

    :param text: of that page.
    """

    def __init__(self, text: str) -> None:
        everywhere, _heading, library = text.partition("\n## Names of the library alone\n")
        self.rows = [*_rows(everywhere, ""), *_rows(library, "library.")]
        self.words = {word.key: word for word in self.rows}

    def word(self, use: Use) -> Word | None:
        """Return what a name stands for in its place: what has it decides, the nearest first, then where it is used."""
        for place in (*reversed(use.place.split(".")), use.kind):
            if f"{place}.{use.name}" in self.words:
                return self.words[f"{place}.{use.name}"]
        return self.words.get(use.name)


def read_vocabulary() -> Vocabulary:
    """Return the words of the page."""
    return Vocabulary((ROOT / "docs" / "vocabulary.md").read_text(encoding="utf-8"))


def _rows(text: str, before: str) -> Iterator[Word]:
    for key, kind, means in _ROW.findall(text):
        yield Word(f"{before}{key}", re.sub(r"^list of (\w+)$", r"list[\1]", kind), means)
