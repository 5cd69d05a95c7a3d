# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.archive import (
    UniqueNames,
    safe_name,
    safe_path,
)


@pytest.mark.parametrize("name", ["ce1", "ce1.example.com", "192.0.2.1", "a_b-c"])
def test_a_harmless_name_stays_as_it_is(name: str) -> None:
    assert safe_name(name) == name


@given(st.text(max_size=300))
def test_any_name_becomes_one_safe_part_of_a_path(name: str) -> None:
    safe = safe_name(name)
    assert 1 <= len(safe) <= 110
    assert set(safe) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    assert os.path.basename(safe) == safe and safe not in (".", "..")


@given(st.text(max_size=50), st.text(max_size=50))
def test_different_names_stay_different(one: str, other: str) -> None:
    assert (safe_name(one) == safe_name(other)) == (one == other)


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("a/b.log", "a/b.log"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("..\\..\\x.log", "x.log"),
        ("./././", "_"),
        ("", "_"),
    ],
)
def test_no_path_leads_out_of_its_folder(path: str, safe: str) -> None:
    assert safe_path(path) == safe


@given(st.text(max_size=100))
def test_any_path_stays_below_its_folder(path: str) -> None:
    safe = safe_path(path)
    assert os.path.normpath(os.path.join("/folder", safe)).startswith("/folder/")
    assert not os.path.isabs(safe)


def test_names_that_differ_in_case_only_are_told_apart() -> None:
    names = UniqueNames()
    assert [names.take(name) for name in ("a.log", "A.log", "a.log")] == ["a.log", "A.log~2", "a.log~3"]
