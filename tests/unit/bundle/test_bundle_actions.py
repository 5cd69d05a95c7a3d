# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""est_template_export and est_template_import: from one host to another, and every way in which that cannot be."""

from __future__ import annotations

import json
import os
import stat

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")
import yaml
from support.actions import Host, run_action
from support.bundles import redigested

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.envelope import Scrypt

PASSPHRASE = "canary horse battery staple"
CISCO = {"name": "Cisco", "server": "https://est.example.com:8443", "username": "estuser", "password": "canary-1f2e"}
OTHER = {"name": "Other", "server": "est.example.com"}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv("EST_BUNDLE_PASSPHRASE", raising=False)
    for name in ("EST_USERNAME", "EST_PASSWORD", "EST_CA_CERTIFICATE"):
        monkeypatch.delenv(name, raising=False)
    # What a real bundle costs is tested in test_bundle_sealing.
    monkeypatch.setattr(Scrypt, "new", lambda: Scrypt(os.urandom(16), 2, 1, 1))


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def bundle(tmp_path):
    return tmp_path / "the.bundle"


class Site:
    """One host with its store, and the actions on it."""

    def __init__(self, folder):
        self.store = folder
        self.host = Host()

    def run(self, name, *, check=False, **arguments):
        result = run_action(name, {"store_path": str(self.store), **arguments}, self.host, check=check)
        assert "canary" not in repr(result), "a secret is in the result"
        assert "canary" not in json.dumps(self.host.answers), "a secret is in what the host prints"
        return result

    def declare(self, *templates):
        return self.run("est_templates", templates=list(templates), purge=True)

    def export(self, dest, /, **options):
        return self.run("est_template_export", **{"dest": str(dest), "passphrase": PASSPHRASE, **options})

    def imported(self, src, /, **options):
        return self.run("est_template_import", **{"src": str(src), "passphrase": PASSPHRASE, **options})


@pytest.fixture
def here(tmp_path):
    site = Site(tmp_path / "here")
    site.declare(CISCO, OTHER)
    return site


@pytest.fixture
def there(tmp_path):
    return Site(tmp_path / "there")


def actions(result):
    return {entry["name"]: entry["action"] for entry in result["templates"]}


# --- export


def test_export_truth_table(here, bundle):
    asked_before = len(here.host.calls)
    would = here.export(bundle, check=True)
    assert not bundle.exists()
    did = here.export(bundle)
    assert would == did
    assert (did["changed"], actions(did)) == (True, {"Cisco": "created", "Other": "created"})
    assert did["bundle"] == {
        "path": str(bundle),
        "format_version": 1,
        "sealed": True,
        "secrets": True,
        "templates": ["Cisco", "Other"],
    }
    assert did["skipped_templates"] == []
    assert "password" in did["templates"][0]["changed_fields"]
    assert yaml.safe_load(did["diff"]["after"])["templates"]["Cisco"]["password"] == "(set)"
    assert did["diff"]["before"] == ""
    assert (bundle.stat().st_mode & 0o777) == 0o600
    before = (bundle.read_bytes(), bundle.stat().st_mtime_ns)
    for check in (True, False):
        again = here.export(bundle, check=check)
        assert (again["changed"], set(actions(again).values())) == (False, {"unchanged"})
        assert again["diff"]["before"] == again["diff"]["after"] == ""
    assert (bundle.read_bytes(), bundle.stat().st_mtime_ns) == before
    assert here.host.operations[asked_before:] == ["read"] * 4, "nothing is written to the host"


def test_export_of_what_has_changed_shows_names_and_fields(here, bundle):
    here.export(bundle)
    here.declare({**CISCO, "port": 8443, "label": "wifi", "password": "canary-other"}, {**OTHER, "name": "Third"})
    would, did = here.export(bundle, check=True), here.export(bundle)
    assert would == did
    assert actions(did) == {"Cisco": "updated", "Third": "created", "Other": "removed"}
    assert did["templates"][0]["changed_fields"] == ["label", "password"]
    before, after = (yaml.safe_load(did["diff"][key])["templates"] for key in ("before", "after"))
    assert before["Cisco"] == {"label": None, "password": "(set)"}
    assert after["Cisco"] == {"label": "wifi", "password": "(set, different)"}
    assert before["Other"]["server"] == "est.example.com"
    assert "Other" not in after
    assert not here.export(bundle)["changed"]


def test_export_of_some(here, bundle):
    assert here.export(bundle, names=["CISCO"])["bundle"]["templates"] == ["Cisco"]
    result = here.export(bundle, names=["nobody"])
    assert result["msg"] == (
        f"there is no template 'nobody' in the template store in {here.store}; templates there: 'Cisco', 'Other'"
    )


@pytest.mark.parametrize(
    ("before", "state"),
    [
        (lambda here, bundle: here.export(bundle, passphrase=PASSPHRASE + "s"), "sealed with another passphrase"),
        (lambda here, bundle: bundle.write_bytes(b""), "empty"),
        (lambda here, bundle: (here.export(bundle), bundle.write_bytes(bundle.read_bytes()[:-9])), "damaged"),
    ],
)
def test_export_over_a_bundle_that_cannot_be_opened_replaces_it_and_says_so(here, bundle, before, state):
    before(here, bundle)
    would, did = here.export(bundle, check=True), here.export(bundle)
    assert would == did
    assert did["changed"]
    assert yaml.safe_load(did["diff"]["before"]) == {"bundle": {"state": state}}
    assert set(actions(did).values()) == {"created"}
    assert not here.export(bundle)["changed"]


def test_export_puts_permissions_right(here, bundle):
    here.export(bundle)
    bundle.chmod(0o644)
    would, did = here.export(bundle, check=True), here.export(bundle)
    assert would == did
    assert did["changed"]
    assert yaml.safe_load(did["diff"]["before"]) == {"bundle": {"mode": "0644"}}
    assert yaml.safe_load(did["diff"]["after"]) == {"bundle": {"mode": "0600"}}
    assert (bundle.stat().st_mode & 0o777) == 0o600


def test_export_without_secrets_in_clear_and_sealed(here, bundle):
    clear = here.run("est_template_export", dest=str(bundle), include_secrets=False)
    assert (clear["bundle"]["sealed"], clear["bundle"]["secrets"]) == (False, False)
    assert b'"username": "estuser"' in bundle.read_bytes()
    assert not here.run("est_template_export", dest=str(bundle), include_secrets=False)["changed"]
    assert all("key_pad" not in call for call in here.host.calls[-2:]), "the key is not asked for"
    sealed = here.export(bundle, include_secrets=False)
    assert (sealed["changed"], sealed["bundle"]["sealed"], sealed["bundle"]["secrets"]) == (True, True, False)
    assert yaml.safe_load(sealed["diff"]["before"]) == {"bundle": {"sealed": False}}
    assert yaml.safe_load(sealed["diff"]["after"])["bundle"] == {"sealed": True}
    assert here.export(bundle)["changed"], "with secrets it is another bundle"
    assert not here.export(bundle)["changed"]


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda path: path.write_text("root:x:0:0"), "not_a_bundle", "is not a bundle of templates: it is not JSON"),
        (lambda path: path.mkdir(), "unusable_file", "is a folder; name a file in it"),
        (lambda path: path.symlink_to("x"), "unusable_file", "is a symbolic link"),
        (os.mkfifo, "unusable_file", "is a device, socket or pipe"),
        (
            lambda path: path.write_bytes(b" " * (8 * 2**20 + 1)),
            "not_a_bundle",
            "is not a bundle of templates: it is larger",
        ),
    ],
)
def test_export_overwrites_nothing_but_bundles(here, bundle, make, code, words):
    make(bundle)
    here.host.calls.clear()
    for check in (True, False):
        result = here.export(bundle, check=check)
        assert (result["failed"], result["error_code"]) == (True, code)
        assert result["msg"].startswith(f"the bundle {bundle} {words}")
    assert os.path.lexists(bundle)
    assert here.host.calls == [], "the host is not asked"


def test_export_does_not_overwrite_a_newer_bundle(here, bundle):
    here.export(bundle)
    newer = redigested({**json.loads(bundle.read_text()), "format_version": 2})
    bundle.write_bytes(newer)
    result = here.export(bundle)
    assert result["error_code"] == "newer_format"
    assert result["msg"].endswith("It is left as it is: remove it, or name another dest")
    assert bundle.read_bytes() == newer


def test_export_makes_the_folder_but_in_check_mode(here, tmp_path):
    dest = tmp_path / "new" / "site" / "x.bundle"
    for check in (True, False):
        assert here.export(dest, check=check)["changed"]
        assert dest.exists() is (tmp_path / "new").exists() is not check
    assert [stat.S_IMODE(path.stat().st_mode) for path in (dest.parent.parent, dest.parent, dest)] == [
        0o700,
        0o700,
        0o600,
    ]
    assert not here.export(dest)["changed"]


def test_export_to_what_can_be_no_file(here, tmp_path):
    (tmp_path / "file").write_text("")
    for check in (True, False):
        result = here.export(tmp_path / "file" / "x.bundle", check=check)
        assert result["error_code"] == "unusable_file"
        assert f"cannot be written: {tmp_path}/file is not a folder" in result["msg"]
        assert f"dest: '{tmp_path}/new/' is a folder" in here.export(f"{tmp_path}/new/", check=check)["msg"]
    assert not (tmp_path / "new").exists()


def test_export_of_what_cannot_be_opened(here, bundle):
    (here.store / "sealing.key").unlink()
    result = here.export(bundle)
    assert "cannot export from the template store in" in result["msg"]
    assert "'Cisco': its password cannot be opened: sealing.key is lost" in result["msg"]
    assert not bundle.exists()
    result = here.export(bundle, skip_damaged=True)
    assert result["skipped_templates"] == [
        {
            "name": "Cisco",
            "error_code": "secret_not_opened",
            "reason": "its password cannot be opened: sealing.key is lost",
        }
    ]
    assert result["bundle"]["templates"] == ["Other"]
    assert here.run("est_template_export", dest=str(bundle), include_secrets=False)["bundle"]["templates"] == [
        "Cisco",
        "Other",
    ]


def test_a_relative_dest_is_below_the_folder_of_the_playbook(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert here.export("./a.bundle")["bundle"]["path"] == f"{tmp_path}/a.bundle"
    assert (tmp_path / "a.bundle").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"passphrase": None}, "passphrase: is missing (allowed: at least 15 characters"),
        ({"passphrase": ""}, "passphrase: is empty"),
        ({"passphrase": "canary"}, "passphrase: has only 6 characters"),
        ({"passphrase": 123456789012345}, "passphrase: is not a text"),
        ({"passphrase": ["canary canary canary"]}, "passphrase: is not a text"),
        ({"passphrase": PASSPHRASE + "\n"}, "passphrase: begins or ends with a space or a line end"),
        ({"names": []}, "names: is empty"),
        ({"names": ["a\nb"]}, "control character"),
        ({"store_path": "est"}, "store_path: 'est' is not the absolute path"),
        ({"include_secrets": "perhaps"}, "'perhaps' is not a valid boolean"),
        ({"overwrite": True}, "Unsupported parameters for (estfleet.cloud_extender.est_template_export) module"),
        ({"passphrase": "canary", "overwrite": True}, "Unsupported parameters"),
        ({"dest": ""}, "dest: is empty"),
        ({"dest": "a\nb"}, "dest: 'a\\nb' has a control character"),
    ],
)
def test_wrong_arguments_of_an_export(there, bundle, options, words):
    result = there.export(bundle, **options)
    assert result["failed"] is True
    assert words in result["msg"]
    assert there.host.calls == []
    assert not bundle.exists()


# --- import


def test_import_truth_table(here, there, bundle):
    here.export(bundle)
    would = there.imported(bundle, check=True)
    assert not there.store.exists()
    did = there.imported(bundle)
    assert would == did
    assert (did["changed"], actions(did)) == (True, {"Cisco": "created", "Other": "created"})
    assert there.host.operations == ["read", "read", "make_key", "write"], "one write, or none"
    assert did["bundle"] == {
        "path": str(bundle),
        "format_version": 1,
        "sealed": True,
        "secrets": True,
        "templates": ["Cisco", "Other"],
    }
    assert (did["store_path"], did["undeclared"], did["without_password"]) == (str(there.store), [], [])
    for check in (True, False):
        again = there.imported(bundle, check=check)
        assert (again["changed"], set(actions(again).values())) == (False, {"unchanged"})
    assert there.declare(CISCO, OTHER)["changed"] is False, "the password is the same"


def test_what_is_exported_again_at_the_other_site_is_the_same_bundle(here, there, bundle):
    here.export(bundle)
    there.imported(bundle)
    assert there.export(bundle)["changed"] is False


def test_import_leaves_others_alone_or_purges_them(here, there, bundle):
    here.export(bundle)
    there.declare({"name": "Own", "server": "own.example.com"}, {**CISCO, "name": "CISCO", "label": "old"})
    would, did = there.imported(bundle, check=True), there.imported(bundle)
    assert would == did
    assert actions(did) == {"Cisco": "updated", "Other": "created"}
    assert did["undeclared"] == ["Own"]
    would, did = there.imported(bundle, check=True, purge=True), there.imported(bundle, purge=True)
    assert would == did
    assert actions(did) == {"Cisco": "unchanged", "Other": "unchanged", "Own": "removed"}
    assert "Own" in yaml.safe_load(did["diff"]["before"])["templates"]
    assert not there.imported(bundle, purge=True)["changed"]


def test_a_purge_never_removes_what_is_to_be_kept(here, there, bundle):
    here.export(bundle)
    there.declare({"name": "Lab", "server": "lab.example.com"}, {"name": "Own", "server": "own.example.com"})
    did = there.imported(bundle, purge=True, purge_keep=["LAB"])
    assert actions(did)["Own"] == "removed"
    assert "Lab" not in actions(did)
    assert did["undeclared"] == ["Lab"]


def test_import_of_some(here, there, bundle):
    here.export(bundle)
    did = there.imported(bundle, names=["other"])
    assert actions(did) == {"Other": "created"}
    assert did["bundle"]["templates"] == ["Cisco", "Other"]
    result = there.imported(bundle, names=["nobody"])
    assert result["error_code"] == "unknown_template"
    assert result["msg"] == f"the bundle {bundle} has no template 'nobody'; templates there: 'Cisco', 'Other'"
    assert actions(there.imported(bundle, names=["Cisco"], purge=True)) == {"Cisco": "created", "Other": "removed"}


def test_a_template_without_a_password_in_the_bundle_has_none_on_the_host(here, there, bundle):
    here.declare({**OTHER, "name": "Cisco"})
    here.export(bundle)
    there.declare(CISCO)
    did = there.imported(bundle)
    assert "password" in did["templates"][0]["changed_fields"]
    found = there.run("est_template_info")
    assert found["templates"][0]["password_set"] is False


def test_a_bundle_without_secrets_keeps_the_password_of_the_host(here, there, bundle):
    here.declare({**CISCO, "label": "new"}, OTHER, {**CISCO, "name": "Fresh"})
    here.run("est_template_export", dest=str(bundle), include_secrets=False)
    there.declare({**CISCO, "password": "canary-own"})
    did = there.imported(bundle, passphrase=None)
    assert (did["templates"][0]["action"], did["templates"][0]["changed_fields"]) == ("updated", ["label"])
    assert did["without_password"] == ["Fresh"]
    assert there.imported(bundle, passphrase=None, check=True)["without_password"] == ["Fresh"]
    check = there.run("est_templates", templates=[{**CISCO, "label": "new", "password": "canary-own"}])
    assert not check["changed"]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda octets: octets[:500], "damaged_bundle", "is damaged: it is cut short"),
        (
            lambda octets: octets.replace(b'"n": 2,', b'"n": 4,'),
            "damaged_bundle",
            "is damaged: it is not as it was writ",
        ),
        (
            lambda octets: octets.replace(b'"content": "', b'"content": "A'),
            "damaged_bundle",
            "is damaged: it is not as it was",
        ),
        (
            lambda octets: redigested({**json.loads(octets), "format_version": 2}),
            "newer_format",
            "has format version 2",
        ),
        (
            lambda octets: redigested({**json.loads(octets), "about": "x"}),
            "damaged_bundle",
            "the passphrase is right, and the",
        ),
        (lambda octets: b"", "not_a_bundle", "is not a bundle of templates: it is empty"),
        (
            lambda octets: b"$ANSIBLE_VAULT;1.1;AES256\n6162",
            "not_a_bundle",
            "is not a bundle of templates: it is not JSON",
        ),
        (
            lambda octets: b"\x00" * (8 * 2**20 + 1),
            "not_a_bundle",
            "is not a bundle of templates: it is larger than 8 MiB",
        ),
    ],
)
def test_what_is_wrong_with_a_bundle_is_told_apart_and_the_host_not_asked(here, there, bundle, change, code, words):
    here.export(bundle)
    bundle.write_bytes(change(bundle.read_bytes()))
    for check in (True, False):
        result = there.imported(bundle, check=check)
        assert (result["failed"], result["error_code"], result.get("changed", False)) == (True, code, False)
        assert result["msg"].startswith(f"the bundle {bundle} ")
        assert words in result["msg"]
    assert there.host.calls == []


def test_a_wrong_missing_or_needless_passphrase(here, there, bundle):
    here.export(bundle)
    for passphrase, code in (("canary", "wrong_passphrase"), (None, "missing_passphrase")):
        result = there.imported(bundle, passphrase=passphrase)
        assert (result["failed"], result["error_code"]) == (True, code)
    here.run("est_template_export", dest=str(bundle), include_secrets=False)
    result = there.imported(bundle)
    assert result["error_code"] == "not_sealed"
    assert there.host.calls == []


def test_a_bundle_that_is_not_there(there, tmp_path):
    result = there.imported(tmp_path / "nothing")
    assert (result["failed"], result["error_code"]) == (True, "unusable_file")
    assert result["msg"] == f"the bundle {tmp_path}/nothing cannot be found on the controller"
    (tmp_path / "folder").mkdir()
    assert there.imported(tmp_path / "folder")["msg"].endswith("folder is a folder; name a file in it")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"purge": "perhaps"}, "argument 'purge' is of type"),
        ({"passphrase": ""}, "passphrase: is empty"),
        ({"passphrase": {"canary": "canary"}}, "passphrase: is not a text"),
        ({"names": []}, "names: is empty"),
        ({"purge_keep": [1.5]}, "purge_keep[0]: 1.5 is not a string"),
        ({"src": ""}, "src: is empty"),
        ({"store_path": "~/est"}, "store_path: '~/est' is not the absolute path"),
    ],
)
def test_wrong_arguments_of_an_import(there, bundle, options, words):
    result = there.imported(bundle, **options)
    assert result["failed"] is True
    assert words in result["msg"]
    assert there.host.calls == []


# --- both


def test_the_passphrase_from_the_environment_of_the_controller(here, there, bundle, monkeypatch):
    monkeypatch.setenv("EST_BUNDLE_PASSPHRASE", PASSPHRASE)
    here.export(bundle, passphrase=None)
    assert there.imported(bundle)["changed"]
    assert not there.imported(bundle, passphrase=None)["changed"]
    monkeypatch.setenv("EST_BUNDLE_PASSPHRASE", "canary that is wrong")
    assert there.imported(bundle, passphrase=None)["error_code"] == "wrong_passphrase"
    assert not there.imported(bundle)["changed"], "the option counts more"
    monkeypatch.setenv("EST_BUNDLE_PASSPHRASE", "")
    assert there.imported(bundle, passphrase=None)["error_code"] == "missing_passphrase"


def test_no_secret_is_in_a_traceback_or_error_of_the_host(here, there, bundle):
    here.export(bundle)
    there.host.instead = {"failed": True, "msg": f"boom canary-1f2e {PASSPHRASE}"}
    result = there.imported(bundle)
    assert (result["failed"], result["msg"].startswith("boom ")) == (True, True)
    there.host.instead = {"unreachable": True, "msg": "no route"}
    assert there.imported(bundle)["unreachable"] is True
