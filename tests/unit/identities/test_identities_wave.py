# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of many identities in one folder, from this process, of the real lab server."""

from __future__ import annotations

import contextlib
import json
import stat

import pytest
from support.identity_files import NAMES, TWO, WHOLE, held, keep, names_in, pairs, statuses
from support.lab import LabServer
from support.production import make_due, posts

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._identities import folder as folders
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    private_key_pem,
)


class Killed(BaseException):
    """Ends a run as nothing catches it."""


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


def test_each_gets_a_pair_over_one_connection_and_the_next_run_asks_nobody(lab, tmp_path):
    folder, before = tmp_path / "identities", len(lab.requests)
    first = keep(lab, folder)
    assert statuses(first) == ["issued"] * 3 and first["changed"] is True
    requests = lab.requests[before:]
    assert [found["operation"] for found in requests] == ["cacerts", "csrattrs", *["simpleenroll"] * 3]
    assert len({found["connection"] for found in requests}) == 1
    assert names_in(folder) == WHOLE
    modes = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in ("a.pem", "a.key")}
    assert modes == {"a.pem": 0o644, "a.key": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    issued = pairs(folder)
    second = keep(lab, folder)
    assert statuses(second) == ["unchanged"] * 3 and second["changed"] is False
    assert len(lab.requests) == before + 5
    assert pairs(folder) == issued
    assert "PRIVATE" not in json.dumps([first, second])


def test_check_mode_changes_nothing_and_asks_nobody(lab, tmp_path):
    before = len(lab.log)
    result = keep(lab, tmp_path / "identities", check=True)
    assert statuses(result) == ["not_asked"] * 3 and result["changed"] is True
    assert (names_in(tmp_path), len(lab.log)) == ([], before)


def test_what_is_asked_for_changes_and_only_that_is_asked_for_anew(lab, tmp_path):
    keep(lab, tmp_path)
    keep(lab, tmp_path, ("a",), template={"key_curve": "P-384"})
    before = posts(lab)
    result = keep(lab, tmp_path)
    assert [each["action"] for each in result["identities"]] == ["enrolled", "none", "none"]
    assert posts(lab) == before + 1


@pytest.mark.parametrize(("method", "action"), [("rekey", "rekeyed"), ("renew", "renewed")])
def test_one_is_renewed_with_the_old_one(lab, tmp_path, method, action):
    keep(lab, tmp_path)
    old, keys = pairs(tmp_path), [(tmp_path / f"{name}.key").read_text() for name in NAMES]
    result = keep(lab, tmp_path, force=True, renewal_method=method)
    assert [each["action"] for each in result["identities"]] == [action] * 3
    new = pairs(tmp_path)
    assert all(new[name].serial != old[name].serial for name in NAMES)
    assert (keys == [(tmp_path / f"{name}.key").read_text() for name in NAMES]) is (method == "renew")
    assert names_in(tmp_path) == WHOLE


def kill_at(monkeypatch, moment):
    """Let a run be killed before or in the middle of its nth change of a file; returns what the changes were."""
    counted = []

    def wrap(name):
        real = getattr(folders.Folder, name)

        def change(self, *arguments, **more):
            if arguments[0] not in (".est-room", ".est.lock"):
                counted.append((name, arguments[0]))
                if len(counted) == moment:
                    half = arguments[1][: len(arguments[1]) // 2] if name in ("append", "write") else b""
                    if name == "append":
                        real(self, arguments[0], half)
                    elif name == "write":
                        self.append(f".{arguments[0]}.est-part", half)
                    raise Killed
            return real(self, *arguments, **more)

        monkeypatch.setattr(folders.Folder, name, change)

    for name in ("write", "append", "unlink", "keep_aside"):
        wrap(name)
    return counted


#: What is wanted of the files of a run, and what it leaves of others.
FORMS = {
    "at first": {},
    "renewing": {"passphrase": "p12 pass", "force": True},
    "renewing with copies of the old": {"passphrase": "p12 pass", "force": True, "backup": True},
    "PKCS#12 alone": {"passphrase": "p12 pass", "pkcs12_only": True},
    "PKCS#12 alone, renewing": {"passphrase": "p12 pass", "pkcs12_only": True, "force": True, "backup": True},
    "killed before": {"force": True, "killed": True},
    "for the same key": {"passphrase": "p12 pass", "pkcs12_only": True, "force": True, "renewal_method": "renew"},
    "from a pair to PKCS#12 alone": {"passphrase": "p12 pass", "pkcs12_only": True, "before": {}},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_run_that_is_killed_at_any_moment_loses_none(lab, tmp_path, form):
    """Whatever it was at, the next run asks for no more than the one that was on its way, with the same key."""
    form = dict(form)
    before, killed = form.pop("before", None), form.pop("killed", False)
    lasting = {name: value for name, value in form.items() if name not in ("force", "backup")}
    kinds = ["p12"] if "pkcs12_only" in form else ["pem", "key", *(["p12"] if "passphrase" in form else [])]
    whole = sorted([".est-identities", *(f"{name}.{kind}" for name in TWO for kind in kinds)])
    moment = 0
    while True:
        moment += 1
        folder = tmp_path / str(moment)
        if "force" in form or before is not None:
            keep(lab, folder, TWO, **(lasting if before is None else before))
        if killed:
            with pytest.MonkeyPatch.context() as patched, contextlib.suppress(Killed):
                kill_at(patched, 9)  # at the end, with both in their places
                keep(lab, folder, TWO, **form)
        asked = posts(lab)
        with pytest.MonkeyPatch.context() as patched:
            counted = kill_at(patched, moment)
            try:
                keep(lab, folder, TWO, **form)
            except Killed:
                pass
        if len(counted) < moment:
            break
        wave_file = folder / ".est-wave"
        kept = wave_file.read_text() if wave_file.exists() else ""
        checked = keep(lab, folder, TWO, check=True, **lasting)
        result = keep(lab, folder, TWO, **lasting)
        assert set(statuses(result)) <= {"issued", "recovered", "unchanged"}, (moment, counted[-1], result)
        what_was_said = [status.replace("not_asked", "issued") for status in statuses(checked)]
        assert what_was_said == statuses(result), "check mode says what a run does"
        issued = held(folder, TWO, kinds)
        if "force" not in form:
            assert posts(lab) - asked <= (0 if before is not None else len(TWO) + 1), (moment, counted[-1])
            used = {private_key_pem(key).decode() for key, _certificate in issued.values()}
            wanted = {line[1]["key"] for line in lines_of(kept) if "key" in line[1]}
            assert wanted <= used, "the request is made again with the same key"
        left = [name for name in names_in(folder) if name not in whole and "backup" not in name and "part" not in name]
        assert left == [], (moment, counted[-1])
        assert statuses(keep(lab, folder, TWO, **lasting)) == ["unchanged"] * 2
        assert [certificate for _key, certificate in held(folder, TWO, kinds).values()] == [
            certificate for _key, certificate in issued.values()
        ]
    assert moment > 5


def lines_of(text):
    """What the lines of a journal say; half a line says nothing."""
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def test_what_a_power_failure_must_not_take_is_waited_for(lab, tmp_path, monkeypatch):
    """Keys before they are asked for, several at once; what takes the place of a pair; and at the end all of it."""
    done = []

    def note(name):
        real = getattr(folders.Folder, name)

        def noted(self, what="", *arguments, **more):
            if what not in (".est-room", ".est.lock"):
                said = what if isinstance(what, str) else "files"
                done.append((name, said, more.get("durable")) if name == "write" else (name, said))
            return real(self, what, *arguments, **more) if what != "" else real(self)

        monkeypatch.setattr(folders.Folder, name, noted)

    for name in ("write", "append", "sync_file", "sync_all", "unlink"):
        note(name)
    keep(lab, tmp_path, TWO)
    assert done == [
        ("append", ".est-wave"),
        ("sync_file", ".est-wave"),
        *(
            change
            for name in TWO
            for change in [
                ("append", ".est-wave"),
                ("write", f"{name}.key", False),
                ("write", f"{name}.pem", False),
            ]
        ),
        ("append", ".est-identities"),
        ("sync_all", "files"),
        *(("sync_file", name) for name in ("a.key", "a.pem", "b.key", "b.pem", ".est-identities")),
        ("unlink", ".est-wave"),
    ]
    done.clear()
    keep(lab, tmp_path, TWO, force=True)
    each = [
        ("append", ".est-wave"),
        ("sync_file", ".est-wave"),
        ("append", ".est-wave"),
        ("sync_file", ".est-wave"),
    ]
    assert done[:6] == [*each, ("write", "a.key", True), ("write", "a.pem", True)]


def test_pending_ones_are_gone_on_with(tmp_path):
    with LabServer("--manual-approval", "1", "--retry-after", "60") as lab:
        first = keep(lab, tmp_path)
        assert statuses(first) == ["pending"] * 3
        assert "retry_at" in first["identities"][0]
        asked = posts(lab)
        assert statuses(keep(lab, tmp_path)) == ["pending"] * 3
        assert posts(lab) == asked, "not before its time"
        for name in NAMES:
            make_due(tmp_path / f".{name}.est-pending")
        assert statuses(keep(lab, tmp_path)) == ["issued"] * 3
    assert names_in(tmp_path) == WHOLE
    pairs(tmp_path)


def test_a_server_that_fails_is_not_asked_for_all(tmp_path):
    names = tuple(f"n{number}" for number in range(10))
    with LabServer("--fault", "simpleenroll:refused") as lab:
        result = keep(lab, tmp_path, names, left=3)
        assert statuses(result) == ["failed"] * 4 + ["not_tried"] * 6
        assert (posts(lab) <= 8, result["stopped"]) == (True, True)
    assert result["identities"][0]["error_code"] == "request_refused"


def test_a_refused_account_ends_it(lab, tmp_path):
    before = posts(lab)
    result = keep(lab, tmp_path, template={"password": "wrong"})
    assert (statuses(result), result["stopped"]) == (["failed", "not_tried", "not_tried"], True)
    assert posts(lab) == before + 1
    assert "wrong" not in json.dumps(result)


def test_one_that_is_refused_here_is_not_asked_for_again(tmp_path):
    with LabServer("--profile", "cisco") as lab:
        first = keep(lab, tmp_path, ("a",), on_lost="fail")
        asked = posts(lab)
        second = keep(lab, tmp_path, ("a",), on_lost="fail")
        assert posts(lab) == asked
    assert [each["identities"][0]["error_code"] for each in (first, second)] == ["not_as_asked", "refused_before"]


def test_a_folder_that_is_a_file_is_told_before_anything_is_asked_for(lab, tmp_path):
    (tmp_path / "file").write_text("")
    before = len(lab.log)
    result = keep(lab, tmp_path / "file")
    assert (result["failed"], result["error_code"], result["request_received"]) == (True, "not_saved", "not_received")
    assert len(lab.log) == before


def test_a_key_of_somebody_else_is_kept_beside(lab, tmp_path):
    (tmp_path / "a.key").write_text("somebody's")
    keep(lab, tmp_path)
    pairs(tmp_path)
    (kept,) = [name for name in names_in(tmp_path) if "est-kept" in name]
    assert (tmp_path / kept).read_text() == "somebody's"


def test_the_journal_stays_short_and_half_a_line_counts_for_nothing(lab, tmp_path):
    keep(lab, tmp_path)
    journal = tmp_path / ".est-identities"
    noted = journal.read_bytes()
    journal.write_bytes(noted * 200 + noted[:30])
    assert statuses(keep(lab, tmp_path)) == ["unchanged"] * 3
    assert len(journal.read_bytes()) == len(noted)


def test_more_than_the_signatures_of_one_exchange_can_be_checked_over_one_connection(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.signatures.MAX_SIGNATURES", 5
    )
    names = tuple(f"n{number}" for number in range(12))
    assert statuses(keep(lab, tmp_path, names)) == ["issued"] * 12
