# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted of files of identities: PKCS#12, owner and mode, copies of the old ones, services that are told."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from support.identity_files import NAMES, TWO, WHOLE, held, keep, names_in, pairs, pkcs12, statuses
from support.lab import LabServer
from support.production import posts


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


def test_a_passphrase_gives_a_pkcs12_file_as_well(lab, tmp_path):
    first = keep(lab, tmp_path, passphrase="p12 pass")
    assert first["identities"][0]["pkcs12_path"] == f"{tmp_path}/a.p12"
    assert [pkcs12(tmp_path, name) for name in NAMES] == [found.der for found in pairs(tmp_path).values()]
    assert stat.S_IMODE((tmp_path / "a.p12").stat().st_mode) == 0o600
    assert "p12 pass" not in json.dumps(first)
    assert statuses(keep(lab, tmp_path, passphrase="p12 pass")) == ["unchanged"] * 3
    before = posts(lab)
    (tmp_path / "b.p12").unlink()
    assert statuses(keep(lab, tmp_path, check=True, passphrase="p12 pass")) == ["unchanged", "recovered", "unchanged"]
    mended = keep(lab, tmp_path, passphrase="p12 pass")
    assert statuses(mended) == ["unchanged", "recovered", "unchanged"]
    assert posts(lab) == before
    for method in ("rekey", "renew"):
        keep(lab, tmp_path, force=True, renewal_method=method, passphrase="p12 pass")
        assert [pkcs12(tmp_path, name) for name in NAMES] == [found.der for found in pairs(tmp_path).values()]
    assert names_in(tmp_path) == sorted([*WHOLE, *(f"{name}.p12" for name in NAMES)])


def test_a_pkcs12_file_can_be_the_only_file(lab, tmp_path):
    alone = {"passphrase": "p12 pass", "pkcs12_only": True}
    whole = sorted([".est-identities", *(f"{name}.p12" for name in NAMES)])
    before = posts(lab)
    first = keep(lab, tmp_path, **alone)
    assert names_in(tmp_path) == whole
    assert first["identities"][0]["pkcs12_path"] == f"{tmp_path}/a.p12"
    assert not {"certificate_path", "private_key_path"} & set(first["identities"][0])
    assert statuses(keep(lab, tmp_path, **alone)) == ["unchanged"] * 3
    kept = held(tmp_path, NAMES, ["p12"])
    (tmp_path / "b.p12").unlink()
    assert posts(lab) == before + 3
    assert statuses(keep(lab, tmp_path, **alone)) == ["unchanged", "issued", "unchanged"], "its key was nowhere else"
    for method in ("rekey", "renew"):
        keep(lab, tmp_path, force=True, renewal_method=method, **alone)
    assert names_in(tmp_path) == whole
    now = held(tmp_path, NAMES, ["p12"])
    assert all(now[name][1].serial != kept[name][1].serial for name in NAMES)
    assert "PRIVATE" not in (tmp_path / ".est-identities").read_text()


def test_a_pair_becomes_a_pkcs12_file_and_a_pair_again(lab, tmp_path):
    keep(lab, tmp_path)
    issued, before = pairs(tmp_path), posts(lab)
    alone = {"passphrase": "p12 pass", "pkcs12_only": True}
    assert statuses(keep(lab, tmp_path, check=True, **alone)) == ["recovered"] * 3
    assert statuses(keep(lab, tmp_path, **alone)) == ["recovered"] * 3
    assert names_in(tmp_path) == sorted([".est-identities", *(f"{name}.p12" for name in NAMES)])
    assert {name: certificate for name, (_key, certificate) in held(tmp_path, NAMES, ["p12"]).items()} == issued
    assert statuses(keep(lab, tmp_path, **alone)) == ["unchanged"] * 3
    assert statuses(keep(lab, tmp_path, passphrase="p12 pass")) == ["recovered"] * 3
    assert (pairs(tmp_path), posts(lab)) == (issued, before)
    assert statuses(keep(lab, tmp_path, passphrase="p12 pass")) == ["unchanged"] * 3


def test_a_pair_of_somebody_else_is_taken_and_stays(lab, tmp_path):
    keep(lab, tmp_path)
    (tmp_path / ".est-identities").unlink()
    alone = {"passphrase": "p12 pass", "pkcs12_only": True}
    assert statuses(keep(lab, tmp_path, **alone)) == ["recovered"] * 3
    assert "a.key" in names_in(tmp_path)
    assert statuses(keep(lab, tmp_path, **alone)) == ["unchanged"] * 3


def test_a_file_that_its_passphrase_does_not_open_is_kept_beside(lab, tmp_path):
    keep(lab, tmp_path, ("a",), passphrase="another", pkcs12_only=True)
    old = (tmp_path / "a.p12").read_bytes()
    result = keep(lab, tmp_path, ("a",), passphrase="p12 pass", pkcs12_only=True)
    assert statuses(result) == ["issued"]
    (kept,) = [name for name in names_in(tmp_path) if "est-kept" in name]
    assert (tmp_path / kept).read_bytes() == old
    held(tmp_path, ("a",), ["p12"])


def test_another_passphrase_is_that_of_the_same_pair(lab, tmp_path):
    keep(lab, tmp_path, ("a",), passphrase="another")
    issued = pairs(tmp_path, ("a",))
    assert statuses(keep(lab, tmp_path, ("a",), passphrase="p12 pass")) == ["recovered"]
    assert pkcs12(tmp_path, "a") == issued["a"].der
    assert not [name for name in names_in(tmp_path) if "est-kept" in name]


EDITS = {
    "something after it": ("a.pem", lambda content: content + b"something\n"),
    "another PKCS#12 file": ("a.p12", lambda content: content[:-1]),
}


@pytest.mark.parametrize(("name", "edit"), EDITS.values(), ids=EDITS)
def test_what_somebody_edited_is_put_right(lab, tmp_path, name, edit):
    keep(lab, tmp_path, TWO, passphrase="p12 pass")
    issued, before = held(tmp_path, TWO, ["pem", "p12"]), posts(lab)
    there = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(edit(there))
    assert statuses(keep(lab, tmp_path, TWO, check=True, passphrase="p12 pass")) == ["recovered", "unchanged"]
    assert statuses(keep(lab, tmp_path, TWO, passphrase="p12 pass")) == ["recovered", "unchanged"]
    assert posts(lab) == before
    now = held(tmp_path, TWO, ["pem", "p12"])
    assert [certificate for _key, certificate in now.values()] == [certificate for _key, certificate in issued.values()]
    assert statuses(keep(lab, tmp_path, TWO, passphrase="p12 pass")) == ["unchanged"] * 2


def test_mode_and_owner_are_put_right(lab, tmp_path):
    options = {"mode": "0440", "owner": str(os.geteuid()), "passphrase": "p12 pass"}
    keep(lab, tmp_path, TWO, **options)

    def modes():
        return {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.pem", "a.key", "a.p12")}

    right = {"a.pem": 0o644, "a.key": 0o440, "a.p12": 0o440}
    assert modes() == right
    (tmp_path / "a.key").chmod(0o600)
    (tmp_path / "a.p12").chmod(0o400)
    checked = keep(lab, tmp_path, TWO, check=True, **options)
    assert (statuses(checked), modes()["a.key"]) == (["recovered", "unchanged"], 0o600)
    assert statuses(keep(lab, tmp_path, TWO, **options)) == ["recovered", "unchanged"]
    assert modes() == right
    assert statuses(keep(lab, tmp_path, TWO, **options)) == ["unchanged"] * 2
    keep(lab, tmp_path, TWO, force=True, **options)
    assert modes() == right
    held(tmp_path, TWO, ["pem", "p12"])


def test_an_owner_that_the_host_does_not_know_is_told_before_anything_is_asked_for(lab, tmp_path):
    before = len(lab.log)
    result = keep(lab, tmp_path, owner="nobody-has-this-name")
    assert (result["failed"], "knows no such account" in result["msg"]) == (True, True)
    assert (names_in(tmp_path), len(lab.log)) == ([], before)
    checked = keep(lab, tmp_path, check=True, owner="nobody-has-this-name")
    assert statuses(checked) == ["not_asked"] * 3


def test_what_is_replaced_is_kept_where_that_is_wanted(lab, tmp_path):
    keep(lab, tmp_path, TWO, passphrase="p12 pass", backup=True)
    old = {name: (tmp_path / name).read_bytes() for name in ("a.pem", "a.key", "a.p12")}
    assert not [name for name in names_in(tmp_path) if "backup" in name]
    result = keep(lab, tmp_path, TWO, passphrase="p12 pass", backup=True, force=True)
    kept = result["identities"][0]["backup_files"]
    assert {os.path.basename(path).split(".est-backup-")[0][1:]: Path(path).read_bytes() for path in kept} == old
    assert all(os.path.basename(path).startswith(".a.") for path in kept)


@pytest.fixture
def services(monkeypatch):
    """The services that were reloaded, one of which can be told to fail."""
    told, broken = [], []

    def reload(name):
        told.append(name)
        return f"{name}: broken" if name in broken else ""

    monkeypatch.setattr(
        "ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.services._reload", reload
    )
    return told, broken


def test_services_are_told_once_after_the_last_call_that_changed_something(lab, tmp_path, services):
    told, _broken = services
    reload = {"reload": ["web", "mail"]}
    assert keep(lab, tmp_path, ("a",), check=True, **reload)["reloaded"] == ["web", "mail"]
    first = keep(lab, tmp_path, ("a",), is_last=False, **reload)
    assert (first["reloaded"], told) == ([], [])
    assert ".est-reload" in names_in(tmp_path)
    last = keep(lab, tmp_path, ("b", "c"), **reload)
    assert (last["reloaded"], told) == (["web", "mail"], ["web", "mail"])
    assert names_in(tmp_path) == WHOLE
    again = keep(lab, tmp_path, **reload)
    assert (again["reloaded"], again["changed"], len(told)) == ([], False, 2)


def test_a_reload_that_is_owed_is_made_by_the_next_run(lab, tmp_path, services):
    told, broken = services
    broken.append("web")
    result = keep(lab, tmp_path, reload=["web"])
    assert result["not_reloaded"]["error_code"] == "not_reloaded"
    assert statuses(result) == ["issued"] * 3
    broken.clear()
    owed = keep(lab, tmp_path, check=True, reload=["web"])
    assert (owed["reloaded"], owed["changed"], told) == (["web"], True, ["web"])
    result = keep(lab, tmp_path, reload=["web"])
    assert (statuses(result), result["reloaded"], result["changed"]) == (["unchanged"] * 3, ["web"], True)
    assert keep(lab, tmp_path, reload=["web"])["changed"] is False


def test_a_run_that_stops_tells_the_services_of_what_it_changed(lab, tmp_path, services):
    told, _broken = services
    keep(lab, tmp_path, ("a",), is_last=False, reload=["web"])
    result = keep(lab, tmp_path, ("b", "c"), is_last=False, reload=["web"], template={"password": "wrong"})
    assert (result["stopped"], told) == (True, ["web"])


def test_a_key_of_somebody_else_is_kept_also_after_a_certificate_for_it(lab, tmp_path):
    keep(lab, tmp_path, ("a",))
    key = (tmp_path / "a.key").read_bytes()
    (tmp_path / ".est-identities").unlink()  # so it is somebody's
    keep(lab, tmp_path, ("a",), force=True, renewal_method="renew")
    assert not [name for name in names_in(tmp_path) if "est-kept" in name]
    keep(lab, tmp_path, ("a",), force=True)
    (kept,) = [name for name in names_in(tmp_path) if "est-kept" in name]
    assert (tmp_path / kept).read_bytes() == key
    keep(lab, tmp_path, ("a",), force=True)
    assert [name for name in names_in(tmp_path) if "est-kept" in name] == [kept]


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_something_else_under_the_name_of_a_file_is_told_before_it_is_asked_for(lab, tmp_path, kind):
    if kind == "folder":
        (tmp_path / "a.p12").mkdir()
    else:
        (tmp_path / "a.p12").symlink_to("/etc/passwd")
    before = posts(lab)
    result = keep(lab, tmp_path, TWO, passphrase="p12 pass", pkcs12_only=True)
    assert statuses(result) == ["failed", "issued"]
    assert result["identities"][0]["error_code"] == "not_saved"
    assert kind in result["identities"][0]["reason"]
    assert posts(lab) == before + 1
