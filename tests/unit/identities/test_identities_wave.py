# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of many identities in one folder, from this process, of the real lab server."""

from __future__ import annotations

import json
import os
import stat

import cryptography
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
from support.lab import LabServer
from support.production import given, make_due, posts, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._identities import folder as folders
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._identities import wave
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import load_pem_certificates
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    load_private_key,
    same_public_key,
)

NAMES = ("a", "b", "c")
#: Where each change of a file is a run.
TWO = NAMES[:2]


class Killed(BaseException):
    """Ends a run as nothing catches it."""


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


#: What any cryptography can make, where this one knows no other.
ENCRYPTION = "modern" if int(cryptography.__version__.split(".")[0]) >= 38 else "legacy"


def run(server, folder, names=NAMES, *, check=False, left=20, template=(), passphrase=None, **options):
    found = template_for(server, **dict(template))
    paths = {"certificate_path": "/x/each.pem", "private_key_path": "/x/each.key"}
    whole = given(inline={**found.as_fields(), **found.secrets()}, **paths, **options)
    people = [
        {"name": name, "user": name, "domain": "example.com", "email": f"{name}@example.com", "variables": {}}
        for name in names
    ]
    for each in people if passphrase is not None else ():
        each["passphrase"] = passphrase
    order = json.loads(json.dumps(wave.order(whole, str(folder), people, left, ENCRYPTION)))
    return wave.keep(order, check_mode=check)


def statuses(result):
    return [each["status"] for each in result["identities"]]


def pairs(folder, names=NAMES):
    """The certificates, each of which has to have its key beside it."""
    found = {}
    for name in names:
        certificate = load_pem_certificates((folder / f"{name}.pem").read_text())[0]
        assert same_public_key(load_private_key((folder / f"{name}.key").read_bytes()), certificate)
        found[name] = certificate
    return found


def names_in(folder):
    return sorted(os.listdir(folder))


WHOLE = sorted([".est-identities", *(f"{name}.{kind}" for name in NAMES for kind in ("pem", "key"))])


def test_each_gets_a_pair_over_one_connection_and_the_next_run_asks_nobody(lab, tmp_path):
    folder, before = tmp_path / "identities", len(lab.requests)
    first = run(lab, folder)
    assert statuses(first) == ["issued"] * 3 and first["changed"] is True
    requests = lab.requests[before:]
    assert [found["operation"] for found in requests] == ["cacerts", "csrattrs", *["simpleenroll"] * 3]
    assert len({found["connection"] for found in requests}) == 1
    assert names_in(folder) == WHOLE
    modes = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in ("a.pem", "a.key")}
    assert modes == {"a.pem": 0o644, "a.key": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    issued = pairs(folder)
    second = run(lab, folder)
    assert statuses(second) == ["unchanged"] * 3 and second["changed"] is False
    assert len(lab.requests) == before + 5
    assert pairs(folder) == issued
    assert "PRIVATE" not in json.dumps([first, second])


def test_check_mode_changes_nothing_and_asks_nobody(lab, tmp_path):
    before = len(lab.log)
    result = run(lab, tmp_path / "identities", check=True)
    assert statuses(result) == ["not_asked"] * 3 and result["changed"] is True
    assert (names_in(tmp_path), len(lab.log)) == ([], before)


def test_what_is_asked_for_changes_and_only_that_is_asked_for_anew(lab, tmp_path):
    run(lab, tmp_path)
    run(lab, tmp_path, ("a",), template={"key_curve": "P-384"})
    before = posts(lab)
    result = run(lab, tmp_path)
    assert [each["action"] for each in result["identities"]] == ["enrolled", "none", "none"]
    assert posts(lab) == before + 1


@pytest.mark.parametrize(("method", "action"), [("rekey", "rekeyed"), ("renew", "renewed")])
def test_one_is_renewed_with_the_old_one(lab, tmp_path, method, action):
    run(lab, tmp_path)
    old, keys = pairs(tmp_path), [(tmp_path / f"{name}.key").read_text() for name in NAMES]
    result = run(lab, tmp_path, force=True, renewal_method=method)
    assert [each["action"] for each in result["identities"]] == [action] * 3
    new = pairs(tmp_path)
    assert all(new[name].serial != old[name].serial for name in NAMES)
    assert (keys == [(tmp_path / f"{name}.key").read_text() for name in NAMES]) is (method == "renew")
    assert names_in(tmp_path) == WHOLE


def kill_at(monkeypatch, moment):
    """Let a run be killed before or in the middle of its nth change of a file; returns how many there were."""
    counted = []

    def wrap(name):
        real = getattr(folders.IdentityFolder, name)

        def change(self, *arguments, **more):
            counted.append(name)
            if len(counted) == moment:
                if name == "write":  # half of it
                    self.folder.append(f".{arguments[0]}.est-part", arguments[1][: len(arguments[1]) // 2])
                raise Killed
            real(self, *arguments, **more)

        monkeypatch.setattr(folders.IdentityFolder, name, change)

    for name in ("write", "rename", "note", "remove"):
        wrap(name)
    return counted


@pytest.mark.parametrize(("renewing", "passphrase"), [(False, None), (True, "p12 pass")], ids=["at first", "renewing"])
def test_a_run_that_is_killed_at_any_moment_loses_none(lab, tmp_path, renewing, passphrase):
    options = {"force": True} if renewing else {}
    sealed = {} if passphrase is None else {"passphrase": passphrase}
    whole = WHOLE if passphrase is None else [*WHOLE, *(f"{name}.p12" for name in TWO)]
    moment = 0
    while True:
        moment += 1
        folder = tmp_path / str(moment)
        if renewing:
            run(lab, folder, TWO, **sealed)
        before = posts(lab)
        with pytest.MonkeyPatch.context() as patched:
            counted = kill_at(patched, moment)
            try:
                run(lab, folder, TWO, **options, **sealed)
            except Killed:
                pass
        if len(counted) < moment:
            break
        asked = posts(lab) - before
        kept = [(folder / f".{name}.est-key").read_text() for name in TWO if (folder / f".{name}.est-key").exists()]
        result = run(lab, folder, TWO, **sealed)
        assert set(statuses(result)) <= {"issued", "recovered", "unchanged"}, (moment, result)
        issued = pairs(folder, TWO)
        for name in TWO if sealed else ():
            assert pkcs12(folder, name) == issued[name].der
        if not renewing:
            assert posts(lab) - before <= len(TWO) + 1, (moment, asked)
            used = [(folder / f"{name}.key").read_text() for name in TWO]
            assert set(kept) <= set(used), "the request is made again with the same key"
        assert [name for name in names_in(folder) if name not in whole and "part" not in name] in ([], [*_keys(folder)])
        assert statuses(run(lab, folder, TWO, **sealed)) == ["unchanged"] * 2
        assert pairs(folder, TWO) == issued
    assert moment > 10


def _keys(folder):
    """Keys of requests that were not made again, since the old certificate needs nothing."""
    return [name for name in names_in(folder) if name.endswith(".est-key")]


def pkcs12(folder, name, passphrase="p12 pass"):
    """What is in a PKCS#12 file: its key has to be that of the pair."""
    content = (folder / f"{name}.p12").read_bytes()
    key, certificate, _above = load_key_and_certificates(content, passphrase.encode())
    assert same_public_key(key, pairs(folder, (name,))[name])
    return certificate.public_bytes(Encoding.DER)


def test_a_passphrase_gives_a_pkcs12_file_as_well(lab, tmp_path):
    first = run(lab, tmp_path, passphrase="p12 pass")
    assert first["identities"][0]["pkcs12_path"] == f"{tmp_path}/a.p12"
    assert [pkcs12(tmp_path, name) for name in NAMES] == [found.der for found in pairs(tmp_path).values()]
    assert stat.S_IMODE((tmp_path / "a.p12").stat().st_mode) == 0o600
    assert "p12 pass" not in json.dumps(first)
    assert statuses(run(lab, tmp_path, passphrase="p12 pass")) == ["unchanged"] * 3
    before = posts(lab)
    (tmp_path / "b.p12").unlink()
    assert statuses(run(lab, tmp_path, check=True, passphrase="p12 pass")) == ["unchanged", "recovered", "unchanged"]
    mended = run(lab, tmp_path, passphrase="p12 pass")
    assert statuses(mended) == ["unchanged", "recovered", "unchanged"]
    assert posts(lab) == before
    for method in ("rekey", "renew"):
        run(lab, tmp_path, force=True, renewal_method=method, passphrase="p12 pass")
        assert [pkcs12(tmp_path, name) for name in NAMES] == [found.der for found in pairs(tmp_path).values()]
    assert names_in(tmp_path) == sorted([*WHOLE, *(f"{name}.p12" for name in NAMES)])


def test_pending_ones_are_gone_on_with(tmp_path):
    with LabServer("--manual-approval", "1", "--retry-after", "60") as lab:
        first = run(lab, tmp_path)
        assert statuses(first) == ["pending"] * 3
        assert "retry_at" in first["identities"][0]
        asked = posts(lab)
        assert statuses(run(lab, tmp_path)) == ["pending"] * 3
        assert posts(lab) == asked, "not before its time"
        for name in NAMES:
            make_due(tmp_path / f".{name}.est-pending")
        assert statuses(run(lab, tmp_path)) == ["issued"] * 3
    assert names_in(tmp_path) == WHOLE
    pairs(tmp_path)


def test_a_server_that_fails_is_not_asked_for_all(tmp_path):
    names = tuple(f"n{number}" for number in range(10))
    with LabServer("--fault", "simpleenroll:refused") as lab:
        result = run(lab, tmp_path, names, left=3)
        assert statuses(result) == ["failed"] * 4 + ["not_tried"] * 6
        assert (posts(lab) <= 8, result["stopped"]) == (True, True)
    assert result["identities"][0]["error_code"] == "request_refused"


def test_a_refused_account_ends_it(lab, tmp_path):
    before = posts(lab)
    result = run(lab, tmp_path, template={"password": "wrong"})
    assert (statuses(result), result["stopped"]) == (["failed", "not_tried", "not_tried"], True)
    assert posts(lab) == before + 1
    assert "wrong" not in json.dumps(result)


def test_one_that_is_refused_here_is_not_asked_for_again(tmp_path):
    with LabServer("--profile", "cisco") as lab:
        first = run(lab, tmp_path, ("a",), on_lost="fail")
        asked = posts(lab)
        second = run(lab, tmp_path, ("a",), on_lost="fail")
        assert posts(lab) == asked
    assert [each["identities"][0]["error_code"] for each in (first, second)] == ["not_as_asked", "refused_before"]


def test_a_folder_that_is_a_file_is_told_before_anything_is_asked_for(lab, tmp_path):
    (tmp_path / "file").write_text("")
    before = len(lab.log)
    result = run(lab, tmp_path / "file")
    assert (result["failed"], result["error_code"], result["request_received"]) == (True, "not_saved", "not_received")
    assert len(lab.log) == before


def test_a_key_of_somebody_else_is_kept_beside(lab, tmp_path):
    (tmp_path / "a.key").write_text("somebody's")
    run(lab, tmp_path)
    pairs(tmp_path)
    (kept,) = [name for name in names_in(tmp_path) if "est-kept" in name]
    assert (tmp_path / kept).read_text() == "somebody's"


def test_the_journal_stays_short_and_half_a_line_counts_for_nothing(lab, tmp_path):
    run(lab, tmp_path)
    journal = tmp_path / ".est-identities"
    noted = journal.read_bytes()
    journal.write_bytes(noted * 200 + noted[:30])
    assert statuses(run(lab, tmp_path)) == ["unchanged"] * 3
    assert len(journal.read_bytes()) == len(noted)
