# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from support.memory_store import MemoryStore

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import SealingError, StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Desired, Request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.posix_file import write_store
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import read_template


@pytest.fixture
def path(tmp_path):
    store = MemoryStore()
    wanted = (Desired({"name": "Cisco", "port": 8443}, {"password": "secret"}), Desired({"name": "Bare"}))
    apply_request(store, Request(wanted), check_mode=False)
    write_store(str(tmp_path / "est"), store.content, expected_sha256="")
    (tmp_path / "est" / "sealing.key").write_text(f"{store.key.hex()}\n")
    return tmp_path / "est"


def test_fields_and_secrets_in_clear(path):
    assert read_template(str(path), "Cisco") == ({"name": "Cisco", "port": 8443}, {"password": "secret"})


def test_without_secrets_no_key_is_needed(path):
    (path / "sealing.key").unlink()
    assert read_template(str(path), "Bare") == ({"name": "Bare"}, {})
    with pytest.raises(StoreError, match=r"sealing.key does not exist"):
        read_template(str(path), "Cisco")


def test_a_wrong_key_is_a_clear_error(path):
    (path / "sealing.key").write_text("00" * 32)
    with pytest.raises(SealingError, match="the sealed password of template 'Cisco' cannot be opened"):
        read_template(str(path), "Cisco")


def test_an_unknown_template_lists_those_that_are_there(path, tmp_path):
    with pytest.raises(StoreError, match=r"no template 'Other' in the store .*; templates there: 'Bare', 'Cisco'"):
        read_template(str(path), "Other")
    with pytest.raises(StoreError, match="templates there: none"):
        read_template(str(tmp_path / "nowhere"), "Cisco")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "templates.json in .* is cut short"),
        (b"\xff", "templates.json in .* is not UTF-8 text"),
        (b'{"format": "estfleet.cloud_extender.templates", "format_version": 2}', "has format version 2"),
    ],
)
def test_a_damaged_store_is_a_clear_error(path, content, words):
    (path / "templates.json").write_bytes(content)
    with pytest.raises(StoreError, match=words):
        read_template(str(path), "Cisco")
