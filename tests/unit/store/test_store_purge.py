# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from support.memory_store import MemoryStore

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Desired, Request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.protection import is_protected


@pytest.mark.parametrize(
    ("keep", "protected"),
    [
        ((), False),
        (("Wi-Fi [old].1",), True),
        (("wi-fi [OLD].1",), True),
        (("Other", "wi-fi*"), True),
        (("*",), True),
        (("Wi?Fi [old]??",), True),
        (("Wi-Fi",), False),
        (("Wi-Fi [old]x1",), False),
        (("Wi-Fi [oldx.1",), False),
        (("?",), False),
    ],
)
def test_names_and_wildcards(keep, protected):
    assert is_protected("Wi-Fi [old].1", keep) is protected


def test_letters_of_other_languages_and_names_with_wildcards_stand_for_themselves():
    assert is_protected("BÜRO STRASSE", ["büro straße"])
    assert is_protected("100% *", ["100% *"])


def test_a_protected_template_is_undeclared_and_stays():
    store = MemoryStore()
    desired = tuple(Desired({"name": name}) for name in ("A", "Keep me", "keep too", "Z"))
    apply_request(store, Request(desired), check_mode=False)
    request = Request(desired[:1], purge=True, purge_keep=("keep me", "KEEP T*", "nobody"))
    outcome = apply_request(store, request, check_mode=False)
    assert [(entry.name, entry.action) for entry in outcome.plan.results] == [("A", "unchanged"), ("Z", "removed")]
    assert outcome.plan.undeclared == ("Keep me", "keep too")
    assert not apply_request(store, request, check_mode=False).plan.changed


def test_what_is_asked_to_be_absent_goes_all_the_same():
    store = MemoryStore()
    apply_request(store, Request((Desired({"name": "A"}),)), check_mode=False)
    outcome = apply_request(store, Request(absent=("A",), purge_keep=("A",)), check_mode=False)
    assert [entry.action for entry in outcome.plan.results] == ["removed"]
