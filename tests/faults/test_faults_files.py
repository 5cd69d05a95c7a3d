# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles on the controller and certificates on a host, whose writing is killed or fails at each call in turn."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.injection import ERRORS, KILLED, every_fault

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.file import write_file
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import TestFolder

ISSUED = ("private_key.pem", "certificate.pem", "chain.pem")
PENDING = ("private_key.pem", "request.pem", "state.json")


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


class Saved:
    """The files of a test, with an old pair, an old pending enrolment, or both, made anew for each fault."""

    def __init__(self, folder: Path, *saved: str) -> None:
        self._output, self._saved = folder / "tests", saved
        self.files = TestFolder(str(self._output), "wifi", "test")

    def prepare(self) -> None:
        shutil.rmtree(self._output, ignore_errors=True)
        for what in self._saved:
            self.save(what, "old")

    def save(self, what: str, mark: str) -> str:
        names, save = {
            "issued": (ISSUED, self.files.save_issued),
            "pending": (PENDING, self.files.save_pending),
        }[what]
        return save({name: f"{mark} {name}" for name in names})

    def pending(self) -> str | None:
        """The mark of the pending enrolment, which must be whole."""
        found = self.files.read_pending()
        if found is None:
            return None
        mark = found["private_key.pem"].split()[0]
        assert found == {name: f"{mark} {name}" for name in PENDING}
        return mark

    def issued(self) -> str:
        """The mark of the pair, which must be whole."""
        mark = Path(self.files.path, "private_key.pem").read_text().split()[0]
        assert {path.name: path.read_text() for path in Path(self.files.path).iterdir()} == {
            name: f"{mark} {name}" for name in ISSUED
        }
        return mark

    def names(self) -> list[str]:
        return sorted(entry.name for entry in Path(self.files.path).parent.iterdir())


@pytest.mark.parametrize("kind", (*KILLED, *ERRORS))
def test_a_key_has_its_certificate(kind: str, tmp_path: Path, count: Callable[[str, str], None]) -> None:
    test = Saved(tmp_path, "issued", "pending")
    seen = []
    for ended in every_fault(kind, test.prepare, lambda: test.save("issued", "new")):
        count("a test certificate", kind)
        if kind in ERRORS:
            assert test.issued() in ("old", "new"), ended
        pending = test.pending()  # as the next test begins: between two renames the old pair was aside
        seen.append(test.issued())
        assert pending in (("old",) if seen[-1] == "old" else ("old", None)), ended
        if kind in ERRORS and not ended.error[0]:
            assert seen[-1] == "new", ended
            # A folder that could not even be opened to be emptied: the next test asks again with its key.
            assert pending is None or ended.call == "open", ended
        test.save("issued", "next")
        assert test.issued() == "next"
        assert test.names() == ["test"], ended
    _check_order(kind, seen)


@pytest.mark.parametrize("kind", (*KILLED, *ERRORS))
def test_a_pending_enrolment_keeps_its_key(kind: str, tmp_path: Path, count: Callable[[str, str], None]) -> None:
    """A CA that issues by hand knows the key of the request: another one would wait for ever."""
    test = Saved(tmp_path, "issued", "pending")
    seen = []
    for ended in every_fault(kind, test.prepare, lambda: test.save("pending", "new")):
        count("a pending enrolment", kind)
        seen.append(test.pending() or "none")
        assert seen[-1] in ("old", "new"), ended
        assert test.issued() == "old", ended
        if kind in ERRORS:
            assert ended.error[0] == "" or (seen[-1] == "old" and "Error" in ended.error[0]), ended
            assert ended.error[0] or seen[-1] == "new", ended
        test.save("pending", "next")
        assert test.pending() == "next"
        assert test.names() == ["test", "test+pending"], ended
    _check_order(kind, seen)


def _check_order(kind: str, seen: list[str]) -> None:
    """Up to one moment of a run that is killed the old files count, from then on the new ones."""
    assert seen[-1] == "new"
    if kind in KILLED:
        assert seen == sorted(seen, reverse=True)
        assert seen[0] == "old"
