# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The corpora of tests/fuzz, each entry as it is and damaged in 200 ways that are the same in every run."""

from __future__ import annotations

import random
from types import ModuleType, SimpleNamespace
from typing import Dict

import pytest
from fuzz.fuzz import Finding, check, entries, load, mutate, mutations, targets

MUTATIONS = 200
CORPUS = {(name, entry): data for name in targets() for entry, data in entries(name)}
#: Targets by name, each loaded once.
LOADED: Dict[str, ModuleType] = {}


def target(name: str) -> ModuleType:
    return LOADED.setdefault(name, load(name))


@pytest.mark.parametrize(("name", "entry"), CORPUS, ids=["-".join(key) for key in CORPUS])
def test_req_127_an_entry_and_its_mutations(name: str, entry: str) -> None:
    check(target(name), CORPUS[name, entry])
    for data in mutations(name, entry, MUTATIONS):
        check(target(name), data)


@pytest.mark.parametrize("name", targets())
def test_the_parser_takes_most_of_what_is_in_order(name: str) -> None:
    # Else nothing but refusals would be fuzzed.
    taken = [check(target(name), data) for (owner, _entry), data in CORPUS.items() if owner == name]
    assert sum(taken) * 2 >= len(taken)


def test_mutations_are_the_same_every_time() -> None:
    name, entry = next(iter(CORPUS))
    assert list(mutations(name, entry, 20)) == list(mutations(name, entry, 20))
    assert len(set(mutations(name, entry, 20))) > 15
    assert mutate(random.Random(1), b"", b"") is not None


def test_what_is_not_the_targets_own_error_is_a_finding() -> None:
    def run(data: bytes) -> None:
        raise (ValueError("refused") if data else IndexError("a bug"))

    target = SimpleNamespace(run=run, ERRORS=(ValueError,))
    assert check(target, b"x") is False  # type: ignore[arg-type]
    with pytest.raises(Finding, match="IndexError: a bug"):
        check(target, b"")  # type: ignore[arg-type]
