# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles on the controller and certificates on a host, whose writing is killed or fails at each call in turn."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.injection import ERRORS, KILLED, every_fault

from ansible_collections.maas360.cloud_extender.plugins.module_utils.bundle.file import write_file
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll.files import TestFolder

NAMES = ("private_key.pem", "certificate.pem", "chain.pem")


@pytest.mark.parametrize("kind", (*KILLED, *ERRORS))
def test_a_bundle_is_the_old_or_the_new_one(kind: str, tmp_path: Path, count: Callable[[str, str], None]) -> None:
    folder = tmp_path / "bundles"
    bundle = folder / "bundle"

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        bundle.write_bytes(b"old")

    for ended in every_fault(kind, prepare, lambda: write_file(str(bundle), b"new" * 5000)):
        count("a bundle", kind)
        assert bundle.read_bytes() in (b"old", b"new" * 5000), ended
        if kind in ERRORS:
            assert [entry.name for entry in folder.iterdir()] == ["bundle"], ended
            assert ended.error[0] == ("FileError" if ended.fault else ""), ended


@pytest.mark.parametrize("kind", (*KILLED, *ERRORS))
def test_a_key_has_its_certificate(kind: str, tmp_path: Path, count: Callable[[str, str], None]) -> None:
    output = tmp_path / "tests"
    test = TestFolder(str(output), "wifi", "test")

    def save(what: str) -> str:
        return test.save_issued({name: f"{what} {name}" for name in NAMES})

    def prepare() -> None:
        shutil.rmtree(output, ignore_errors=True)
        save("old")

    def found() -> set[str]:
        return {Path(test.path, name).read_text().split()[0] for name in NAMES}

    for ended in every_fault(kind, prepare, lambda: save("new")):
        count("a test certificate", kind)
        if Path(test.path).exists():  # between two renames the old one is aside
            assert found() in ({"old"}, {"new"}), ended
        else:
            assert kind in KILLED, ended
        save("next")
        assert found() == {"next"}
        left = [entry.name for entry in Path(test.path).parent.iterdir()]
        assert sorted(left) == [".lock", "test"], ended
