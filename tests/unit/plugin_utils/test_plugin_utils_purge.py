# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What est_certificates has made and that is not declared any more goes with purge, and nothing else does."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess

import pytest
from support.lab import LabServer
from support.production import IDENTITY, put, subject, template_for

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")
from support.actions import run_action
from support.certificate_host import CertificateHost

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.purge import purge
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.record import Made
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files import folder as folders

PASSPHRASE = "a passphrase of a keystore"


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


class Web:
    """A host with a store, and certificates in a folder."""

    def __init__(self, lab, folder):
        self.folder, self.store = folder / "tls", folder / "store"
        self.folder.mkdir()
        template = template_for(lab)
        self.inline = {**template.as_fields(), **template.secrets()}

    def entry(self, name, **options):
        paths = {"certificate_path": f"{self.folder}/{name}.pem", "private_key_path": f"{self.folder}/{name}.key"}
        return {**paths, "identity": {"user": name}, **options}

    def all_outputs(self, name, folder=None, **options):
        """An entry with every file that there can be."""
        folder = folder or self.folder
        return self.entry(
            name,
            certificate_path=f"{folder}/{name}.pem",
            private_key_path=f"{folder}/{name}.key",
            fullchain_path=f"{folder}/{name}-full.pem",
            chain_path=f"{folder}/{name}-chain.pem",
            root_certificate_path=f"{folder}/{name}-root.pem",
            pkcs12_path=f"{folder}/{name}.p12",
            pkcs12_passphrase=PASSPHRASE,
            **options,
        )

    def run(self, *entries, check=False, quick=True, purge=True, host=None, **options):
        """The result; ``modules`` has the modules that ran."""
        host = host or CertificateHost(check=check, quick=quick)
        defaults = {"inline": self.inline, "identity": {key: IDENTITY[key] for key in ("domain", "email")}}
        arguments = {"certificates": list(entries), "defaults": defaults, "store_path": str(self.store)}
        result = run_action("est_certificates", {**arguments, "purge": purge, **options}, host, check=check)
        self.modules = [name for name, _arguments in host.modules]
        return result

    def names(self):
        """What is in the folder; of locks and what is kept beside files only what is there now."""
        return sorted(os.listdir(self.folder))

    def purged(self, *entries, **options):
        """The one entry of the result that tells of a purge."""
        result = self.run(*entries, **options)
        assert "failed" not in result, result
        (told,) = result["purged"]
        assert result["changed"] is (told["action"] == "removed")
        return told


@pytest.fixture
def web(lab, tmp_path):
    return Web(lab, tmp_path)


@pytest.mark.parametrize("quick", [True, False])
def test_all_files_of_what_is_not_declared_any_more_go_and_nothing_else(web, quick):
    (web.folder / "other.pem").write_text("of somebody else")
    web.run(web.entry("one"), web.all_outputs("two"))
    one = [".one.pem.est-note", "one.key", "one.pem", "other.pem"]
    told = web.purged(web.entry("one"), quick=quick)
    assert told["certificate_path"] == f"{web.folder}/two.pem"
    names = ["two-chain.pem", "two-full.pem", "two-root.pem", "two.key", "two.p12", "two.pem"]
    assert (told["action"], sorted(told["files"]), told["left"]) == (
        "removed",
        [f"{web.folder}/{name}" for name in names],
        [],
    )
    assert web.names() == one
    assert web.run(web.entry("one"), quick=quick)["purged"] == []
    assert web.modules == ([] if quick else ["est_certificates", "est_purge_host"])


def test_one_look_tells_that_there_is_nothing_to_purge(web):
    web.run(web.entry("one"))
    host = CertificateHost()
    result = web.run(web.entry("one"), host=host)
    assert (result["purged"], result["changed"]) == ([], False)
    assert (len(host.programs), web.modules) == (1, [])


def test_check_mode_and_diff_tell_what_would_go(web):
    web.run(web.entry("one"), web.entry("two"))
    before = web.names()
    result = web.run(web.entry("one"), check=True)
    assert web.names() == before
    assert result["changed"] is True
    assert result["diff"]["before_header"] == "1 certificate"
    assert result["diff"]["before"].splitlines() == [
        "1 certificate not declared any more",
        f"{web.folder}/two.key",
        f"{web.folder}/two.pem",
    ]
    assert result["diff"]["after"] == "1 certificate not declared any more\n"
    real = web.run(web.entry("one"))
    assert (real["purged"], real["diff"]) == (result["purged"], result["diff"])


def test_nothing_goes_without_purge_and_what_was_made_then_is_known_later(web):
    run_action("est_templates", {"templates": [web.inline], "store_path": str(web.store)})
    web.run(web.entry("one"), web.entry("two"), purge=False)
    result = web.run(web.entry("one"), purge=False)
    assert "purged" not in result
    assert "two.pem" in web.names()
    assert web.purged(web.entry("one"))["action"] == "removed"


def test_without_purge_no_store_is_made_for_the_record(web):
    web.run(web.entry("one"), purge=False)
    assert not web.store.exists()


def test_the_record_is_for_the_user_of_the_task_alone(web):
    web.run(web.entry("one"))
    assert stat.S_IMODE((web.store / "certificates.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(web.store.stat().st_mode) == 0o700


def test_an_empty_list_is_an_error_without_consent(web):
    web.run(web.entry("one"))
    result = web.run()
    assert (result["failed"], result["error_code"]) == (True, "invalid_option")
    assert "certificates: is empty, and purge would remove every certificate of the host" in result["msg"]
    assert "purge_all: true" in result["msg"]
    assert "one.pem" in web.names()
    assert web.run(purge_all=True)["purged"][0]["action"] == "removed"
    assert web.names() == []


def test_a_list_of_identities_alone_is_as_good_as_an_empty_one(web):
    web.run(web.entry("one"))
    result = web.run({"template": "web", "identities": [{"user": "u1"}], "output_path": str(web.folder / "people")})
    assert (result["failed"], result["error_code"]) == (True, "invalid_option")
    assert (
        "certificates: has only entries for many identities, and purge would remove every certificate" in result["msg"]
    )
    assert "one.pem" in web.names()


def test_names_to_keep_stay_and_wrong_ones_are_named(web):
    web.run(web.entry("one"), web.entry("two"))
    result = web.run(web.entry("one"), purge_keep=[f"{web.folder}/t*.pem"])
    assert (result["purged"], result["changed"], web.modules) == ([], False, [])
    assert "two.pem" in web.names()
    assert "purge_keep[1]: 5 is not a path" in web.run(web.entry("one"), purge_keep=["/x", 5])["msg"]


def test_nothing_goes_while_a_declared_one_cannot_be_had(web):
    web.run(web.entry("one"), web.entry("two"))
    result = web.run(web.entry("one"), web.entry("new", private_key_path="/nowhere/new.key"))
    assert (result["failed"], result["purged"]) == (True, [])
    assert "two.pem" in web.names()


def test_a_template_that_cannot_be_read_purges_nothing(web):
    web.run(web.entry("one"), web.entry("two"))
    result = web.run({**web.entry("one"), "template": "gone"})
    assert (result["failed"], result["purged"]) == (True, [])
    assert "two.pem" in web.names()


def test_a_wrong_option_purges_nothing(web):
    web.run(web.entry("one"), web.entry("two"))
    assert web.run(web.entry("one", chain_path="relative"))["failed"] is True
    assert "two.pem" in web.names()


def edit(path):
    path.write_text(path.read_text() + "# mine\n")


def replaced_by_a_link(path):
    path.rename(f"{path}-real")
    path.symlink_to(f"{path}-real")


@pytest.mark.parametrize("change", [edit, replaced_by_a_link])
@pytest.mark.parametrize("name", ["two.pem", "two.key"])
def test_where_something_else_is_in_place_of_the_pair_all_of_it_stays(web, name, change):
    web.run(web.entry("one"), web.all_outputs("two"))
    change(web.folder / name)
    before = {each: (web.folder / each).read_bytes() for each in web.names()}
    for _again in range(2):
        told = web.purged(web.entry("one"))
        assert (told["action"], told["files"]) == ("kept", [])
        assert told["reason"] == f"{web.folder}/{name} is not what est_certificates has put there"
    assert {each: (web.folder / each).read_bytes() for each in web.names()} == before


@pytest.mark.parametrize("change", [edit, replaced_by_a_link])
@pytest.mark.parametrize("name", ["two-full.pem", "two-chain.pem", "two-root.pem", "two.p12"])
def test_another_file_that_is_not_ours_any_more_is_left(web, name, change):
    web.run(web.entry("one"), web.all_outputs("two"))
    path = web.folder / name
    if change is edit:
        path.write_bytes(path.read_bytes() + b"mine\n")
    else:
        change(path)
    told = web.purged(web.entry("one"))
    assert (told["action"], told["left"]) == ("removed", [str(path)])
    assert len(told["files"]) == 5
    assert os.path.lexists(path)
    assert "two.pem" not in web.names()


def test_what_something_else_has_issued_is_not_ours_and_told_once(web, lab):
    put(web.folder, lab.issue(subject=subject(), days=(-1, 100)))
    mine = web.entry("host", identity={"user": "jdoe"}, allowed_lost=["UPN", "email"])
    first = web.run(web.entry("one"), mine)
    assert [each["status"] for each in first["certificates"]] == ["issued", "unchanged"]
    told = web.purged(web.entry("one"))
    assert (told["action"], told["reason"]) == ("kept", "est_certificates has not issued what is there")
    assert web.run(web.entry("one"))["purged"] == []
    assert {"host.pem", "host.key"} <= set(web.names())


def test_a_key_that_was_there_before_is_not_ours_however_often_its_certificate_is_renewed(web, lab):
    put(web.folder, lab.issue(subject=subject(), days=(-1, 100)))
    mine = web.entry("host", identity={"user": "jdoe"}, allowed_lost=["UPN", "email"], renewal_method="renew")
    for _again in range(2):
        result = web.run(web.entry("one"), {**mine, "force": True})
        assert result["certificates"][1]["status"] == "issued"
    told = web.purged(web.entry("one"))
    assert (told["action"], told["files"]) == ("kept", [])
    assert told["reason"] == f"{web.folder}/host.key is not what est_certificates has put there"
    web.run(web.entry("one"), {**mine, "force": True, "renewal_method": "rekey"})
    told = web.purged(web.entry("one"))
    assert told["action"] == "removed"
    assert [path.rpartition("-")[0] for path in told["left"]] == [f"{web.folder}/.host.key.est-kept"]


def test_a_record_of_a_newer_version_is_left_alone(web):
    web.run(web.entry("one"))
    text = json.dumps({"format_version": 2, "certificates": []})
    (web.store / "certificates.json").write_text(text)
    assert web.run(web.entry("one"))["error_code"] == "newer_format"
    assert (web.store / "certificates.json").read_text() == text


def test_what_a_certificate_had_before_goes_too(web):
    web.run(web.entry("one"), web.all_outputs("two"))
    web.run(web.entry("one"), web.entry("two"))
    assert "two.p12" in web.names()
    assert len(web.purged(web.entry("one"))["files"]) == 6


def test_files_that_a_declared_certificate_has_now_stay(web):
    web.run(web.entry("two"))
    web.run(web.entry("new", private_key_path=f"{web.folder}/two.key"))
    assert {"new.pem", "two.key"} <= set(web.names())
    assert "two.pem" not in web.names()
    again = web.run(web.entry("new", private_key_path=f"{web.folder}/two.key"))
    assert ([each["status"] for each in again["certificates"]], again["purged"]) == (["unchanged"], [])


@contextlib.contextmanager
def mounted(folder, place):
    """A folder in another place as well, where this user may do that."""
    place.mkdir()
    if subprocess.run(["mount", "--bind", folder, place], check=False, capture_output=True).returncode:
        pytest.skip("this user, or this system, cannot mount a folder in two places")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


@contextlib.contextmanager
def linked(folder, place):
    place.symlink_to(folder)
    yield


@pytest.mark.parametrize("another", [linked, mounted])
@pytest.mark.parametrize("versioned", [False, True])
def test_a_declared_certificate_is_known_by_another_path_to_its_folder(web, tmp_path, versioned, another):
    two = web.all_outputs("two", web.folder / "proxy", versioned_folder=versioned) if versioned else web.entry("two")
    web.run(web.entry("one"), two)
    before = web.names()
    other = {name: text.replace("/tls/", "/other/") for name, text in two.items() if name.endswith("_path")}
    with another(web.folder, tmp_path / "other"):
        result = web.run(web.entry("one"), {**two, **other})
        assert (result["purged"], result["changed"]) == ([], False)
        assert web.names() == before  # the note among it, by which the module knows what it has issued
        assert web.run(web.entry("one"), {**two, **other})["purged"] == []


def test_two_slashes_at_the_beginning_of_a_path_are_one(web):
    web.run(web.entry("one"), web.entry("two"))
    slashes = {name: f"/{text}" for name, text in web.entry("two").items() if name.endswith("_path")}
    before = web.names()
    assert web.run(web.entry("one"), {**web.entry("two"), **slashes})["purged"] == []
    assert web.names() == before
    assert web.purged(web.entry("one"))["certificate_path"] == f"{web.folder}/two.pem"


def test_a_path_to_keep_is_spelled_as_that_of_the_certificate_was(web):
    path = f"{web.folder}/../tls//two.pem"
    web.run(web.entry("one"), {**web.entry("two"), "certificate_path": path})
    assert web.run(web.entry("one"), purge_keep=[path])["purged"] == []
    assert "two.pem" in web.names()


def test_a_file_that_a_kept_certificate_has_as_well_stays(web):
    chain = f"{web.folder}/chain.pem"
    web.run(web.entry("one", chain_path=chain))
    web.run(web.entry("two", chain_path=chain), purge=False)  # as another play has it
    told = web.purged(web.entry("three"), purge_keep=[f"{web.folder}/two.pem"])
    assert told["files"] == [f"{web.folder}/one.key", f"{web.folder}/one.pem"]
    assert "chain.pem" in web.names()


def test_backups_stay_and_are_named(web):
    web.run(web.entry("one"), web.entry("two", backup=True))
    web.run(web.entry("one"), web.entry("two", backup=True, force=True))
    told = web.purged(web.entry("one"))
    assert [path.split("/")[-1].split(".est-backup-")[0] for path in told["left"]] == [".two.key", ".two.pem"]
    assert {os.path.basename(path) for path in told["left"]} <= set(web.names())


def test_a_versioned_folder_goes_with_all_its_versions(web):
    folder = web.folder / "proxy"
    two = web.all_outputs("two", folder, versioned_folder=True)
    web.run(web.entry("one"), two)
    web.run(web.entry("one"), {**two, "force": True})
    assert len([name for name in web.names() if ".est-version-" in name]) == 2
    told = web.purged(web.entry("one"))
    assert (told["action"], len(told["files"]), told["left"]) == ("removed", 6, [])
    assert web.names() == [".one.pem.est-note", "one.key", "one.pem"]


def in_version(web, name, content):
    (web.folder / "proxy" / name).write_text(content)


def a_folder_of_the_users(web, _name, _content):
    target = (web.folder / "proxy").resolve()
    (web.folder / "proxy").unlink()
    shutil.copytree(target, web.folder / "proxy")


@pytest.mark.parametrize(
    ("change", "name"), [(in_version, "dhparam.pem"), (in_version, "two-full.pem"), (a_folder_of_the_users, "")]
)
def test_a_versioned_folder_with_something_else_in_it_stays(web, change, name):
    web.run(web.entry("one"), web.all_outputs("two", web.folder / "proxy", versioned_folder=True))
    change(web, name, "of somebody else")
    before = web.names()
    told = web.purged(web.entry("one"))
    assert (told["action"], told["files"]) == ("kept", [])
    assert name in told["reason"]
    assert web.names() == before


def test_the_folder_of_identities_is_not_touched(web):
    web.run(web.entry("one"), web.entry("two"))
    people = {"identities": [{"user": "u1"}], "output_path": str(web.folder)}
    result = web.run(people, purge_all=True)
    assert {each["action"] for each in result["purged"]} == {"kept"}
    assert {each["reason"] for each in result["purged"]} == {"the certificates of identities are in its folder now"}
    assert {"one.pem", "two.pem", "u1.pem"} <= set(web.names())


def dying(real, left):
    """Do what is real, and die at the call at which what is left of them is used up."""

    def call(*arguments, **options):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    return call


@pytest.mark.parametrize("versioned", [False, True])
def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(web, monkeypatch, versioned):
    two = web.all_outputs("two", web.folder / "proxy", versioned_folder=True) if versioned else web.all_outputs("two")
    web.run(web.entry("one"), two)
    whole = web.folder.parent / "whole"
    shutil.copytree(web.folder, whole, symlinks=True)
    record = (web.store / "certificates.json").read_text()
    one = [Made.from_data(json.loads(record)["certificates"][0])]
    assert one[0].certificate_path.endswith("one.pem")
    for step in range(1, 100):
        (web.store / "certificates.json").write_text(record)
        shutil.rmtree(web.folder)
        shutil.copytree(whole, web.folder, symlinks=True)
        left = [step]
        with monkeypatch.context() as patched, contextlib.suppress(KeyboardInterrupt):
            for name in ("unlink", "rmdir", "rename"):
                patched.setattr(folders.os, name, dying(getattr(os, name), left))
            purge(str(web.store), one, (), (), check=False)
        found = purge(str(web.store), one, (), (), check=False)
        assert [each.action for each in found] in ([], ["removed"])
        assert web.names() == [".one.pem.est-note", "one.key", "one.pem"], step
        assert purge(str(web.store), one, (), (), check=False) == []
        if left[0] > 0:
            break
    assert 8 < step < 99


def test_a_record_that_is_damaged_purges_nothing(web):
    web.run(web.entry("one"), web.entry("two"))
    (web.store / "certificates.json").write_text("{")
    result = web.run(web.entry("one"))
    assert (result["failed"], result["error_code"], result["purged"]) == (True, "damaged_store", [])
    assert [each["status"] for each in result["certificates"]] == ["unchanged"]
    assert "certificates.json in the folder of the template store has the wrong shape" in result["reason"]
    assert "two.pem" in web.names()


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"certificate_path": 5, "versioned_folder": False, "files": []},
        {"certificate_path": "relative", "versioned_folder": False, "files": []},
        {"certificate_path": "/x", "versioned_folder": "no", "files": []},
        {"certificate_path": "/x", "versioned_folder": False, "files": [["key", 5]]},
    ],
)
def test_a_record_of_another_shape_is_damaged(web, entry):
    web.run(web.entry("one"))
    (web.store / "certificates.json").write_text(json.dumps({"format_version": 1, "certificates": [entry]}))
    assert web.run(web.entry("one"))["error_code"] == "damaged_store"


def test_what_cannot_be_removed_is_a_failure_and_the_next_run_goes_on(web, monkeypatch):
    web.run(web.entry("one"), web.entry("two"))
    real = os.unlink

    def refusing(path, **options):
        if path == "two.pem":
            raise PermissionError(1, "Operation not permitted", path)
        return real(path, **options)

    monkeypatch.setattr(folders.os, "unlink", refusing)
    result = web.run(web.entry("one"))
    assert (result["failed"], result["error_code"], result["purged"][0]["action"]) == (True, "not_saved", "failed")
    assert result["reason"] == (
        f"{web.folder}/two.pem could not be removed: {web.folder}/two.pem: Operation not permitted"
    )
    assert [each["status"] for each in result["certificates"]] == ["unchanged"]
    assert (result["purged"][0]["files"], result["purged"][0]["left"], result["changed"]) == (
        [f"{web.folder}/two.key"],
        [f"{web.folder}/two.pem"],
        True,
    )
    monkeypatch.setattr(folders.os, "unlink", real)
    assert web.purged(web.entry("one"))["action"] == "removed"


def test_a_request_that_waits_goes_with_its_key_and_is_told(web):
    keys = web.folder / "keys"
    keys.mkdir()
    web.run(web.entry("one"))
    with LabServer("--manual-approval", "1") as server:
        slow = template_for(server)
        two = web.entry("two", private_key_path=f"{keys}/two.key", inline={**slow.as_fields(), **slow.secrets()})
        assert web.run(web.entry("one"), two, purge=False)["certificates"][1]["status"] == "pending"
    assert os.listdir(keys) == [".two.key.est-pending"]
    checked = web.run(web.entry("one"), check=True)
    told = web.purged(web.entry("one"))
    assert (told["action"], told["files"]) == ("removed", [f"{keys}/.two.key.est-pending"])
    assert checked["purged"] == [told]
    assert os.listdir(keys) == []


def test_what_somebody_has_removed_is_forgotten(web):
    web.run(web.entry("one"), web.entry("two"))
    for name in web.names():
        if "two" in name:
            (web.folder / name).unlink()
    result = web.run(web.entry("one"))
    assert (result["purged"], result["changed"]) == ([], False)
    assert "two" not in (web.store / "certificates.json").read_text()


def test_a_host_without_a_store_has_nothing_to_purge(web):
    result = web.run(web.entry("one"), check=True)
    assert (result["purged"], web.store.exists()) == ([], False)


def test_an_answer_of_another_shape_is_refused(web):
    class Other(CertificateHost):
        def execute_module(self, *, module_name, module_args, task_vars):
            if module_name.endswith("est_purge_host"):
                return {"changed": False, "purged": [{"certificate_path": "/x"}]}
            return super().execute_module(module_name=module_name, module_args=module_args, task_vars=task_vars)

    web.run(web.entry("one"), web.entry("two"))
    result = web.run(web.entry("one"), host=Other())
    assert result["failed"] is True
    assert "est_purge_host" in result["msg"]
