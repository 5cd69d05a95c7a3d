# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One name has one type and one meaning: everything that users write or read is held against docs/vocabulary.md."""

from __future__ import annotations

import collections
import functools
import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("ansible", reason="the modules need ansible-core, which needs a newer Python")
from support.returned import ROOT
from support.vocabulary import COLLECTION, Use, Vocabulary, documentation, modules, read_vocabulary, uses

GONE = yaml.safe_load((Path(__file__).parent / "gone_names.yml").read_text(encoding="utf-8"))

# Where users read names: in marked words of pages and of documentation, and as keys in YAML and JSON.
_MARKED = re.compile(r"`([^`\n]+)`|\b(?:C|E|O|RV|V)\(([^)\n]+)\)")
_KEY = re.compile(r"""^\s*(?:- )?["']?([\w-]+)["']?:""", re.MULTILINE)
_ATTRIBUTE = re.compile(r"\w\.([a-z_]+)")
_TEXTS = (
    "README.md",
    "docs/*.md",
    "docs/*.json",
    "roles/**/*.md",
    "roles/**/*.yml",
    "playbooks/**/*.yml",
    "extensions/**/*.yml",
    "plugins/modules/*.py",
    "plugins/lookup/*.py",
    "plugins/doc_fragments/*.py",
)


@functools.cache
def found() -> tuple[Use, ...]:
    return tuple(uses())


@functools.cache
def vocabulary() -> Vocabulary:
    return read_vocabulary()


def none(wrong: Sequence[str]) -> None:
    """Fail with all that is wrong, a line each: pytest would show the first of them."""
    assert not wrong, "\n" + "\n".join(wrong)


def fits(use: Use, kind: str) -> bool:
    """Say whether a use has the type of its word."""
    if use.kind in ("library", "command"):
        # A path is a text there, and what takes parts of a second takes whole ones.
        wider = {"str": ("str", "path"), "float": ("float", "int")}.get(str(use.type), (use.type,))
        return use.type is None or kind in wider
    return use.type == kind


def wrong_types(words: Vocabulary, all_uses: tuple[Use, ...]) -> list[str]:
    return [
        f"{use} is {use.type}, and the vocabulary has {word.type}"
        for use in all_uses
        if (word := words.word(use)) is not None and not fits(use, word.type)
    ]


def test_every_name_is_in_the_vocabulary() -> None:
    none(sorted({str(use) for use in found() if vocabulary().word(use) is None}))


def test_a_name_has_one_type() -> None:
    none(wrong_types(vocabulary(), found()))


def test_every_word_is_used() -> None:
    used = {vocabulary().word(use) for use in found()}
    none([word.key for word in vocabulary().rows if word not in used])


def test_the_vocabulary_has_each_word_once_and_in_order() -> None:
    keys = [word.key for word in vocabulary().rows]
    assert len(keys) == len(set(keys)) > 250
    for library in (False, True):
        names = [key.split(".")[-1] for key in keys if key.startswith("library.") is library]
        assert names == sorted(names)


def test_the_choices_of_a_name_are_the_same_everywhere() -> None:
    by_word = collections.defaultdict(set)
    for use in found():
        if use.choices:
            by_word[vocabulary().word(use)].add(use.choices)
    # One may leave out some, as a command does that has no part in the others.
    none(
        [
            f"{word.key}: {sorted(lists)}"
            for word, lists in by_word.items()
            if word and any(not set(one) <= set(max(lists, key=len)) for one in lists)
        ]
    )


def test_the_default_of_a_name_is_the_same_everywhere() -> None:
    by_word = collections.defaultdict(dict)
    for use in found():
        if use.default is not None and not (use.kind == "library" and use.default == 0):
            by_word[vocabulary().word(use)][use.place] = use.default
    none(
        [
            f"{word.key}: {defaults}"
            for word, defaults in by_word.items()
            if word and len({str(default) for default in defaults.values()}) > 1
        ]
    )


@pytest.mark.parametrize("module", modules())
def test_the_arguments_of_a_module_are_as_documented(module: str) -> None:
    plugin = importlib.import_module(f"{COLLECTION}plugins.action.{module}").ActionModule
    options, _results = documentation("modules", module)
    none(list(differences(plugin.__new__(plugin).argument_spec(), options, module)))


def differences(spec: Mapping[str, Any], options: Mapping[str, Any], place: str) -> Iterator[str]:
    """What an argument spec and documented options say in two ways."""
    for name in sorted(spec.keys() ^ options.keys()):
        yield f"{place}.{name} is only {'taken' if name in spec else 'documented'}"
    for name in spec.keys() & options.keys():
        taken, told = spec[name], options[name]
        # Where its own code looks at a value, since it says more than ansible-core would.
        raw = "raw" in (taken.get("type"), taken.get("elements"))
        for key, default in (
            ("type", "str"),
            ("elements", None),
            ("choices", None),
            ("default", None),
            ("aliases", []),
        ):
            is_taken, is_told = (_plain(one.get(key, default)) for one in (taken, told))
            if not raw and is_taken != is_told:
                yield f"{place}.{name}: {key} is {is_taken!r}, and documented as {is_told!r}"
        if bool(taken.get("required")) != bool(told.get("required")):
            yield f"{place}.{name}: required in one of them"
        if taken.get("options"):
            yield from differences(taken["options"], told.get("suboptions") or {}, f"{place}.{name}")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple, dict)) else value


# ----------------------------------------------------------------------------------------------------------------------
# Names that nothing has.


@pytest.mark.parametrize("module", modules())
def test_no_result_has_a_name_of_ansible_cores(module: str) -> None:
    assert set(documentation("modules", module)[1]) & set(GONE["reserved"]) == set()


def test_no_name_is_gone() -> None:
    back = {
        f"{use}: now {GONE['gone'][use.name]}"
        for use in found()
        if use.name in GONE["gone"] and not (use.kind == "library" and use.name in GONE["library"])
    }
    choices = GONE["gone"].keys() - set(GONE["common"])
    back |= {f"{use}: {choice} is gone" for use in found() for choice in choices.intersection(use.choices)}
    none(sorted(back))


def gone_in(text: str, *, yaml: bool) -> list[str]:
    """The names in a text that are gone.

    :param yaml: whether all of it is data, with templates that look into results.
    """
    marked = ["".join(groups) for groups in _MARKED.findall(text)]
    written = [word for words in marked for word in re.findall(r"[\w-]+", words)]
    written += _KEY.findall(text) + (_ATTRIBUTE.findall(text) if yaml else [])
    written += [option[2:].replace("-", "_") for option in written if option.startswith("--")]
    names = {name for name in GONE["gone"] if name not in GONE["common"]}
    return sorted({word for word in written if word in names or word.startswith(tuple(GONE["beginnings"]))})


@pytest.mark.parametrize(
    "path",
    sorted({path for pattern in _TEXTS for path in ROOT.glob(pattern)}),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_page_and_no_playbook_has_a_name_that_is_gone(path: Path) -> None:
    none(gone_in(path.read_text(encoding="utf-8"), yaml=path.suffix == ".yml"))


# ----------------------------------------------------------------------------------------------------------------------
# That these tests can fail.


def test_a_name_without_a_word_and_one_of_another_type_are_seen() -> None:
    words = Vocabulary("| `lost` | list of str | What is lost |\n| `counts.lost` | int | How many |\n")
    right = (Use("results", "a", "lost", "list[str]"), Use("results", "a.counts", "lost", "int"))
    wrong = Use("options", "b", "lost", "str")
    assert words.word(Use("options", "b", "found", "str")) is None
    assert wrong_types(words, (*right, wrong)) == ["options b.lost is str, and the vocabulary has list[str]"]


def test_a_name_that_is_gone_is_seen() -> None:
    page = "Give `user_name: jdoe` and `--busy-seconds 5`; no renew_before_days, but C(est_tower_limit)."
    assert gone_in(page, yaml=False) == ["busy_seconds", "est_tower_limit", "user_name"]
    assert gone_in("- est:\n    wait_when_busy: 5\n  when: done.dropped", yaml=True) == ["dropped", "wait_when_busy"]
    assert gone_in('{\n  "left_out": []\n}', yaml=False) == ["left_out"]


def test_arguments_that_are_not_as_documented_are_seen() -> None:
    spec = {"one": {"type": "int", "default": 1}, "two": {"type": "str"}}
    told = {"one": {"type": "str", "default": 1}, "three": {"type": "str"}}
    assert len(list(differences(spec, told, "m"))) == 3
