# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of a certificate beside its PEM files: PKCS#12, an encrypted key, owner and mode, copies of old files.

``keep()`` holds in every test that the quick look comes to what the module comes to, or leaves it to the module.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import cryptography
import pytest
from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from support.lab import LabServer
from support.production import asked_for, keep, posts, put, quick_look, subject, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.outputs import FILE_OPTIONS
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files import folder as folders
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, MissingLibrary

HAS_MODERN = int(cryptography.__version__.split(".")[0]) >= 38
#: The encryption that every cryptography has.
P12 = {"pkcs12_passphrase": "of the p12", "pkcs12_encryption": "legacy"}
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture(scope="module")
def lab():
    with LabServer("--intermediate") as server:
        yield server


class Host:
    """The files of a certificate, each version in a folder of its own or not."""

    def __init__(self, lab: LabServer, folder: Path, **options: Any) -> None:
        self.lab, self.folder, self.options = lab, folder, options
        self.template = template_for(lab)

    def given(self, **options: Any) -> dict[str, Any]:
        return {name: value for name, value in {**self.options, **options}.items() if value is not None}

    def keep(self, **options: Any) -> dict[str, Any]:
        return keep(self.folder, self.template, **self.given(**options))

    def quick(self, **options: Any) -> dict[str, Any] | None:
        return quick_look(self.template, asked_for(self.folder, self.template, **self.given(**options)))

    def path(self, name: str) -> Path:
        return self.folder / name

    def hidden(self, beginning: str) -> list[str]:
        """The dot files that begin so, here or beside the folder."""
        names = [*os.listdir(self.folder), *os.listdir(self.folder.parent)]
        return sorted(name for name in names if name.startswith(beginning))

    def mended(self, words: str, **options: Any) -> dict[str, Any]:
        """See to it that something is put right without asking for a certificate, first only said in check mode."""
        before = posts(self.lab)
        assert self.quick(**options) is None
        said = self.keep(check=True, **options)
        found = self.keep(**options)
        for each in (said, found):
            assert (each["status"], each["changed"]) == ("recovered", True)
            assert words in each["reason"]
        assert self.keep(**options)["status"] == "unchanged"
        assert self.quick(**options) is not None
        assert posts(self.lab) == before
        return found


@pytest.fixture(params=[False, True], ids=["files", "versions"])
def host(request: pytest.FixtureRequest, lab: LabServer, tmp_path: Path) -> Host:
    folder = tmp_path / "ssl" / "web"
    (folder.parent if request.param else folder).mkdir(parents=True)
    return Host(lab, folder, versioned_folder=request.param or None)


def opened(path: Path, passphrase: str) -> Any:
    return pkcs12.load_key_and_certificates(path.read_bytes(), passphrase.encode(), default_backend())


def test_pkcs12_has_the_pair_and_its_intermediates(host: Host) -> None:
    path = host.path("host.p12")
    options = {**P12, "pkcs12_path": str(path), "pkcs12_friendly_name": "web"}
    found = host.keep(**options)
    assert (found["status"], found["pkcs12_path"]) == ("issued", str(path))
    key, certificate, above = opened(path, "of the p12")
    pem = load_pem_private_key(host.path("host.key").read_bytes(), None, default_backend())
    assert key.private_numbers() == pem.private_numbers()
    assert certificate.subject == subject()
    assert [one.subject for one in above] == [certificate.issuer]
    assert path.stat().st_mode & 0o777 == 0o600
    assert host.quick(**options) == host.keep(**options)
    shown = subprocess.run(
        ["openssl", "pkcs12", "-in", str(path), "-passin", "pass:of the p12", "-nokeys", "-clcerts"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "friendlyName: web\n" in shown.stdout, shown


@pytest.mark.parametrize("encryption", ["modern", "legacy", None])
def test_the_encryption_is_the_one_that_is_asked_for(lab, tmp_path: Path, encryption: str | None) -> None:
    host = Host(lab, tmp_path, pkcs12_path=str(tmp_path / "host.p12"), **{**P12, "pkcs12_encryption": encryption})
    if encryption != "legacy" and not HAS_MODERN:
        before = posts(lab)
        with pytest.raises(MissingLibrary, match="version 38 or newer can, and legacy encryption needs no newer one"):
            host.keep()
        assert posts(lab) == before
        assert sorted(os.listdir(tmp_path)) == []
        return
    host.keep()
    shown = subprocess.run(
        ["openssl", "pkcs12", "-in", "host.p12", "-passin", "pass:of the p12", "-info", "-noout"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    ).stderr
    marks = ("MAC: sha1", "3-KeyTripleDES") if encryption == "legacy" else ("MAC: sha256", "AES-256-CBC")
    assert all(mark in shown for mark in marks), shown


def test_a_pkcs12_file_is_made_taken_back_and_mended_without_another_certificate(host: Host) -> None:
    host.keep()
    path = host.path("host.p12")
    options = {**P12, "pkcs12_path": str(path)}
    host.mended("was not there", **options)
    for change in ({"pkcs12_passphrase": "another"}, {"pkcs12_friendly_name": "web"}, {}):
        host.mended("was not what belongs to the certificate and to these options", **{**options, **change})
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    host.mended("was not what belongs", **options)
    path.unlink()
    host.mended("was not there", **options)
    key, certificate, _above = opened(path, "of the p12")
    assert key.public_key().public_numbers() == certificate.public_key().public_numbers()
    path.write_text("somebody's notes, once it is ours")
    host.mended("was not what belongs", **options)


@pytest.mark.skipif(not HAS_MODERN, reason="it has no choice")
def test_another_encryption_makes_another_file(host: Host) -> None:
    options = {**P12, "pkcs12_path": str(host.path("host.p12"))}
    host.keep(**options)
    host.mended("was not what belongs", **{**options, "pkcs12_encryption": "modern"})


def test_a_file_that_is_no_pkcs12_is_not_replaced(host: Host) -> None:
    host.keep()
    path = host.path("notes.txt")
    path.write_text("somebody's notes")
    with pytest.raises(EstError, match=r"pkcs12_path is .*would be lost: it is not a file of this kind"):
        host.keep(**P12, pkcs12_path=str(path))
    assert path.read_text() == "somebody's notes"


@pytest.mark.parametrize("method", ["rekey", "renew"])
def test_a_renewal_makes_all_outputs_anew(host: Host, method: str) -> None:
    options = {**P12, "pkcs12_path": str(host.path("host.p12")), "private_key_passphrase": "of the key"}
    host.keep(**options)
    _key, first, _above = opened(host.path("host.p12"), "of the p12")
    found = host.keep(**options, force=True, renewal_method=method)
    assert (found["status"], found["action"]) == ("issued", f"{method}ed")
    key, second, _above = opened(host.path("host.p12"), "of the p12")
    assert second.serial_number != first.serial_number
    pem = load_pem_private_key(host.path("host.key").read_bytes(), b"of the key", default_backend())
    assert pem.private_numbers() == key.private_numbers()
    assert host.quick(**options) is not None


# ----------------------------------------------------------------------------------------------------------------------


def test_the_key_is_encrypted_also_later_without_another_certificate(host: Host) -> None:
    host.keep()
    key_path = host.path("host.key")
    clear = load_pem_private_key(key_path.read_bytes(), None, default_backend())
    mode = key_path.stat().st_mode
    host.mended(f"private_key_path {key_path} was not encrypted", private_key_passphrase="of the key")
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in key_path.read_bytes()
    now = load_pem_private_key(key_path.read_bytes(), b"of the key", default_backend())
    assert now.private_numbers() == clear.private_numbers()
    assert key_path.stat().st_mode == mode


def test_a_key_in_one_file_with_its_certificate_is_encrypted_there(host: Host) -> None:
    both = {"private_key_path": str(host.path("host.pem"))}
    host.keep(**both)
    host.mended("was not encrypted", **both, private_key_passphrase="of the key")
    text = host.path("host.pem").read_text()
    assert text.count("BEGIN CERTIFICATE") == text.count("BEGIN ENCRYPTED PRIVATE KEY") == 1
    assert host.keep(**both, private_key_passphrase="of the key", force=True)["action"] == "rekeyed"


@pytest.mark.parametrize("passphrase", ["another", None])
def test_a_key_that_the_passphrase_does_not_open_is_as_none(host: Host, passphrase: str | None) -> None:
    host.keep(private_key_passphrase="of the key")
    old = host.path("host.key").read_bytes()
    assert host.quick(private_key_passphrase=passphrase) is None
    found = host.keep(private_key_passphrase=passphrase)
    assert (found["status"], found["action"]) == ("issued", "enrolled")
    assert "the private key" in found["reason"]
    (kept,) = host.hidden(f".{'web' if host.options['versioned_folder'] else 'host.key'}.est-kept-")
    folder = host.folder.parent if host.options["versioned_folder"] else host.folder
    assert (folder / kept).read_bytes() == old


def test_no_passphrase_is_in_the_note_or_the_result(host: Host) -> None:
    options = {**P12, "pkcs12_path": str(host.path("host.p12")), "private_key_passphrase": "of the key"}
    results = [host.keep(**options), host.keep(**options), host.quick(**options)]
    notes = [path.read_text() for path in host.folder.parent.rglob(".*est-note")]
    assert len(notes) == 1
    for passphrase in ("of the p12", "of the key"):
        assert passphrase not in repr((results, notes, asked_for(host.folder, host.template, **host.given(**options))))


# ----------------------------------------------------------------------------------------------------------------------


def states(host: Host) -> dict[str, tuple[int, int, int]]:
    found = {}
    for path in sorted(host.folder.glob("host.*")):
        status = path.stat()
        found[path.name] = (status.st_uid, status.st_gid, status.st_mode & 0o777)
    return found


@ROOT_ONLY
def test_owner_group_and_mode_are_those_of_all_files_and_of_the_private_ones(host: Host) -> None:
    host.keep()
    options = {**P12, "pkcs12_path": str(host.path("host.p12")), "owner": "daemon", "group": "4242", "mode": "0640"}
    found = host.mended("had owner root, not daemon, group root, not 4242", **options)
    assert "host.key had owner root, not daemon, group root, not 4242, mode 0600, not 0640" in found["reason"]
    wanted = {"host.key": (1, 4242, 0o640), "host.p12": (1, 4242, 0o640), "host.pem": (1, 4242, 0o644)}
    assert states(host) == wanted
    assert host.keep(**options, force=True)["status"] == "issued"
    assert states(host) == wanted
    # They stay as they are where nothing is asked for any more.
    assert host.quick() is not None
    os.chmod(host.path("host.p12"), 0o600)
    host.mended("host.p12 had mode 0600, not 0640", **options)
    os.chown(host.path("host.pem"), 2, -1)
    host.mended("certificate_path", **options)
    assert states(host) == wanted


@ROOT_ONLY
def test_the_mode_is_that_of_a_file_with_both(host: Host) -> None:
    both = {"private_key_path": str(host.path("host.pem")), "mode": "0440"}
    host.keep(**both)
    assert states(host) == {"host.pem": (0, 0, 0o440)}
    os.chmod(host.path("host.pem"), 0o600)
    host.mended("certificate_path", **both)


def test_an_account_that_the_host_does_not_know_is_told_before_anything_is_asked_for(host: Host) -> None:
    before = posts(host.lab)
    for option in ("owner", "group"):
        with pytest.raises(EstError, match=f"{option} is 'nobody-here', and this host knows no such"):
            host.keep(**{option: "nobody-here"})
    assert host.keep(owner="nobody-here", check=True)["warnings"] == [
        "owner is 'nobody-here', and this host knows no such account"
    ]
    assert posts(host.lab) == before


def test_only_root_gives_files_away(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    before = posts(host.lab)
    with pytest.raises(EstError, match="only root may give files to this owner or group"):
        host.keep(owner="daemon")
    assert posts(host.lab) == before


@pytest.mark.skipif(not hasattr(os, "getxattr"), reason="this system has no SELinux")
def test_the_selinux_context_is_changed_where_there_is_one(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    contexts: dict[Any, bytes] = {}

    def inode(place: Any) -> Any:
        return os.fstat(place).st_ino if isinstance(place, int) else os.lstat(place).st_ino

    def get(place: Any, name: str, **_options: Any) -> bytes:
        assert name == "security.selinux"
        return contexts.get(inode(place), b"system_u:object_r:etc_t:s0\0")

    def put_there(place: Any, _name: str, value: bytes, **_options: Any) -> None:
        contexts[inode(place)] = value

    options = {"setype": "cert_t", "selevel": "s0:c1"}
    assert host.keep(**options)["status"] == "issued"  # without SELinux they have no effect
    monkeypatch.setattr(os, "getxattr", get)
    monkeypatch.setattr(os, "setxattr", put_there)
    host.mended("had SELinux context system_u:object_r:etc_t:s0, not system_u:object_r:cert_t:s0:c1", **options)
    assert contexts[inode(str(host.path("host.key")))] == b"system_u:object_r:cert_t:s0:c1\0"
    assert folders.SELINUX == "security.selinux"


# ----------------------------------------------------------------------------------------------------------------------


def test_a_backup_is_made_of_what_a_new_certificate_replaces(host: Host) -> None:
    options = {**P12, "pkcs12_path": str(host.path("host.p12")), "backup": True}
    assert "backup_files" not in host.keep(**options)
    old = {name: host.path(name).read_bytes() for name in ("host.pem", "host.key", "host.p12")}
    assert "backup_files" not in host.keep(**options)
    found = host.keep(**options, force=True)
    assert {Path(path).read_bytes() for path in found["backup_files"]} == set(old.values())
    for path in found["backup_files"]:
        assert re.fullmatch(r"\.(web|host\.(pem|key|p12))\.est-backup-[0-9]{8}T[0-9]{6}Z(-[12])?", Path(path).name)
        if old["host.pem"] != Path(path).read_bytes():
            assert os.stat(path).st_mode & 0o077 == 0
    assert host.quick(**options) is not None
    assert [name for name in os.listdir(host.folder) if not name.startswith(".")] != []
    # The key that stays is not replaced.
    renewed = host.keep(**options, force=True, renewal_method="renew")
    assert len(renewed["backup_files"]) == 2


def test_outputs_are_made_for_a_certificate_of_somebody_else(lab, tmp_path: Path) -> None:
    host = Host(lab, tmp_path, **P12, pkcs12_path=str(tmp_path / "host.p12"), private_key_passphrase="of the key")
    put(tmp_path, lab.issue(subject=subject()))
    found = host.keep()
    assert (found["status"], found["action"]) == ("recovered", "none")
    assert "was not encrypted" in found["reason"]
    again = host.keep()
    assert (again["status"], host.quick()) == ("unchanged", None)


BAD = {
    "pkcs12_passphrase: .*is missing, and pkcs12_path needs one": {"pkcs12_path": "/x/p12"},
    "pkcs12_passphrase: .*is empty": {"pkcs12_path": "/x/p12", "pkcs12_passphrase": ""},
    "private_key_passphrase: .*is empty": {"private_key_passphrase": ""},
    "private_key_passphrase: .*has a line feed": {"private_key_passphrase": "a\nb"},
    "private_key_passphrase: .*is longer than OpenSSL takes": {"private_key_passphrase": "é" * 512},
    "private_key_passphrase: .*is not Unicode text": {"private_key_passphrase": "\ud800"},
    "pkcs12_passphrase: .*has no effect without pkcs12_path": {"pkcs12_passphrase": "x"},
    "pkcs12_encryption: .*has no effect without pkcs12_path": {"pkcs12_encryption": "modern"},
    "pkcs12_friendly_name: .*cannot be used": {**P12, "pkcs12_path": "/x/p12", "pkcs12_friendly_name": "\t"},
    "pkcs12_path: .*is not an absolute path": {**P12, "pkcs12_path": "p12"},
    "pkcs12_path: .*is the file of certificate_path": {**P12, "pkcs12_path": "/x/host.pem"},
    "pkcs12_path: .*is not in the folder of certificate_path": {
        **P12,
        "pkcs12_path": "/y/host.p12",
        "versioned_folder": True,
    },
    "mode: .*0644.* lets other accounts at the private key": {"mode": "0644"},
    "mode: .*1200 does not let the owner read": {"mode": 640},
    "mode: .*does not let the owner read": {"mode": "0060"},
    "mode: .*is no mode": {"mode": "u=rw"},
    "owner: .*cannot be used": {"owner": ""},
    "selevel: .*cannot be used": {"selevel": "_default"},
}


@pytest.mark.parametrize("words", BAD)
def test_a_value_that_cannot_be_used_is_told(lab: LabServer, words: str) -> None:
    with pytest.raises(TemplateError) as caught:
        asked_for("/x", template_for(lab), **BAD[words])
    assert re.search(words, str(caught.value)), str(caught.value)


def test_file_options_have_the_names_of_the_file_modules() -> None:
    assert FILE_OPTIONS == ("owner", "group", "mode", "seuser", "serole", "setype", "selevel")
