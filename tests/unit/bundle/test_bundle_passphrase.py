# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import unicodedata

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.sealing import (
    check_new_passphrase,
    check_passphrase,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError


@pytest.mark.parametrize(
    ("weak", "words"),
    [
        ("", "is empty"),
        ("Tr0ub4dor&3xyz", "has only 14 characters"),
        ("abcabcabcabcabcabc", "has only 3 different characters"),
        ("3141592653589793", "has only digits"),
        ("correct horse battery staple\n", "begins or ends with a space or a line end"),
        (" correct horse battery staple", "begins or ends with a space or a line end"),
        ("correct horse \udc80 battery", "is not UTF-8 text"),
    ],
)
def test_a_weak_passphrase_is_refused_with_the_rule_and_never_shown(weak, words):
    with pytest.raises(TemplateError) as caught:
        check_new_passphrase(weak)
    assert str(caught.value).startswith(f"passphrase: {words}")
    assert "allowed: " in str(caught.value)
    assert not weak or weak.strip() not in str(caught.value)


def test_a_passphrase_of_just_enough_is_taken_as_it_is():
    assert check_new_passphrase("abcdefghabcdefg") == "abcdefghabcdefg"


def test_an_old_bundle_may_have_been_sealed_under_another_rule():
    assert check_passphrase("short") == "short"
    with pytest.raises(TemplateError, match="is empty"):
        check_passphrase("")


def test_the_same_letters_are_the_same_passphrase_however_they_were_typed():
    typed = "größe über österreich"
    assert check_passphrase(unicodedata.normalize("NFD", typed)) == check_passphrase(typed)
