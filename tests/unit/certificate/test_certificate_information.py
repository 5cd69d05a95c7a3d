# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What est_certificate_info tells of the certificates in files and folders."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from support.lab import LabServer
from support.production import keep, make_due, put, subject, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.information import certificates_in


@pytest.fixture(scope="module")
def lab():
    with LabServer("--intermediate") as server:
        yield server


def look(*paths: Path) -> list[dict[str, Any]]:
    """All that is told, where nothing is a problem; and nothing private is among it."""
    before = {path: path.read_bytes() for folder in paths for path in folder.rglob("*") if path.is_file()}
    found = certificates_in([str(path) for path in paths])
    assert "PRIVATE" not in json.dumps(found)
    assert found["problems"] == []
    assert before == {path: path.read_bytes() for folder in paths for path in folder.rglob("*") if path.is_file()}
    return found["certificates"]


@pytest.mark.parametrize("versioned", [False, True], ids=["files", "versions"])
def test_what_was_issued_is_told_with_what_was_noted(lab, tmp_path: Path, versioned: bool) -> None:
    folder = tmp_path / "ssl"
    if not versioned:
        folder.mkdir()
    options = {
        "fullchain_path": str(folder / "fullchain.pem"),
        "chain_path": str(folder / "chain.pem"),
        "root_certificate_path": str(folder / "root.pem"),
        "versioned_folder": versioned or None,
        "renewal_spread": 50,
    }
    issued = keep(folder, template_for(lab), **options)
    (found,) = look(folder)
    assert found["path"] == str(folder / "host.pem")
    certificate = dict(issued["certificate"])
    del certificate["path"]
    assert found["certificate"] == certificate
    assert found["chain_subjects"][0] == certificate["issuer"]
    assert len(found["chain_subjects"]) == 2
    assert (found["private_key_path"], found["key_matches"]) == (str(folder / "host.key"), True)
    assert (found["template"], found["lost"], found["renew_at"]) == ("wifi", [], issued["renew_at"])
    assert (found["request_pending"], found["refused"]) == (False, None)
    assert [one["path"] for one in look(folder / "host.pem")] == [str(folder / "host.pem")]


def test_the_entry_is_that_of_the_file_beside_which_it_is_noted(lab, tmp_path: Path) -> None:
    for name in ("a-copy.pem", "z-copy.pem"):
        keep(tmp_path, template_for(lab))
        (tmp_path / name).write_bytes((tmp_path / "host.pem").read_bytes())
    (found,) = look(tmp_path)
    assert (found["path"], found["template"]) == (str(tmp_path / "host.pem"), "wifi")


def test_a_certificate_of_somebody_else_is_told_as_far_as_it_is_known(lab, tmp_path: Path) -> None:
    put(tmp_path, lab.issue(subject=subject()))
    (tmp_path / "notes.txt").write_text("no certificate")
    (tmp_path / "many.pem").write_text(17 * lab.issue(subject=subject("many")).certificate_pem)
    (found,) = look(tmp_path)
    assert (found["template"], found["lost"], found["renew_at"]) == (None, None, None)
    assert (found["private_key_path"], found["key_matches"]) == (str(tmp_path / "host.key"), True)
    assert found["chain_subjects"]
    (tmp_path / "host.key").write_text(lab.issue(subject=subject("other")).key_pem)
    assert look(tmp_path)[0]["key_matches"] is False
    (tmp_path / "host.key").write_text("")
    assert look(tmp_path)[0]["key_matches"] is False
    (tmp_path / "host.key").unlink()
    assert [look(tmp_path)[0][name] for name in ("private_key_path", "key_matches")] == [None, None]


def test_an_encrypted_key_is_known_by_what_was_noted(lab, tmp_path: Path) -> None:
    both = {"private_key_path": str(tmp_path / "host.pem"), "private_key_passphrase": "of the key"}
    keep(tmp_path, template_for(lab), **both)
    (found,) = look(tmp_path)
    assert (found["private_key_path"], found["key_matches"]) == (str(tmp_path / "host.pem"), True)
    (tmp_path / ".host.pem.est-note").unlink()
    assert look(tmp_path)[0]["key_matches"] is None


def test_what_waits_for_approval_is_told(tmp_path: Path) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "60") as lab:
        put(tmp_path, lab.issue(subject=subject("another")))
        assert keep(tmp_path, template_for(lab))["status"] == "pending"
        make_due(tmp_path / ".host.key.est-pending")
        assert look(tmp_path)[0]["request_pending"] is True


def test_what_cannot_be_looked_at_is_told(lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "text"
    text.write_text("no certificate")
    found = certificates_in([str(tmp_path / "none"), str(text), str(tmp_path)])
    assert found["certificates"] == []
    assert [problem["path"] for problem in found["problems"]] == [str(tmp_path / "none"), str(text)]
    assert re.search("No such file", found["problems"][0]["reason"])
    crowd = tmp_path / "crowd"
    crowd.mkdir()
    for number in range(1001):
        (crowd / f"{number}").touch()
    (problem,) = certificates_in([str(crowd)])["problems"]
    assert "1001 files, and 1000 at most are looked at" in problem["reason"]


def test_a_note_of_something_else_tells_nothing(lab, tmp_path: Path) -> None:
    keep(tmp_path, template_for(lab))
    note = tmp_path / ".host.pem.est-note"
    data = json.loads(note.read_text())
    (one,) = data["issued"].values()
    one["about"] = {"template": ["x"], "renewal_period_days": 10**12, "renewal_spread": -5, "lost": [1], "more": 1}
    note.write_text(json.dumps(data))
    (found,) = look(tmp_path)
    assert (found["template"], found["lost"], found["renew_at"]) == (None, [], None)
    assert os.path.basename(found["private_key_path"]) == "host.key"
