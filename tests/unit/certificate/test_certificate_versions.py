# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate, its key and its chain in a folder that is replaced as a whole."""

from __future__ import annotations

import functools
import json
import os
import shutil
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support.lab import LabServer
from support.production import asked_for, holder_of, keep, put, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.held_certificate import HeldCertificate

NAMES = ("host.key", "host.pem", "fullchain.pem", "chain.pem", "root.pem")


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


class Versions:
    """The folder of a certificate, which is a link, and what is beside it."""

    def __init__(self, parent: Path, lab: LabServer) -> None:
        self.parent, self.path, self.lab, self.template = parent, parent / "web", lab, template_for(lab)

    def options(self, **options: Any) -> dict[str, Any]:
        chain = {"fullchain_path": "fullchain.pem", "chain_path": "chain.pem", "root_certificate_path": "root.pem"}
        return {"versioned_folder": True, **{name: str(self.path / file) for name, file in chain.items()}, **options}

    def keep(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        return keep(self.path, self.template, check=check, **self.options(**options))

    def beside(self) -> list[str]:
        """What is beside the link."""
        return sorted(name for name in os.listdir(self.parent) if name != "web")

    def version(self) -> int:
        """The number of the version that the link leads to."""
        target = os.readlink(self.path)
        assert target.startswith(".web.est-version-")
        return int(target.rsplit("-", 1)[1])

    def content(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.path.iterdir()}

    def tree(self) -> dict[str, Any]:
        """Everything there is, with what a change would alter; the lock of a look leaves no file behind."""
        paths = sorted(self.parent.rglob("*"))
        return {
            str(path): (os.lstat(path).st_mtime_ns, os.lstat(path).st_mode, os.lstat(path).st_ino) for path in paths
        }

    def pair(self) -> HeldCertificate:
        """Key and certificate, which have to belong together."""
        return HeldCertificate.load(ClientCertificate(str(self.path / "host.pem"), str(self.path / "host.key")))


@pytest.fixture
def web(tmp_path: Path, lab: LabServer) -> Versions:
    (tmp_path / "ssl").mkdir()
    return Versions(tmp_path / "ssl", lab)


def own(issued: Any) -> Certificate:
    """The certificate of the lab as the client reads it."""
    return Certificate(issued.certificate.public_bytes(Encoding.DER))


def test_each_certificate_is_a_new_version_and_the_one_before_stays(web: Versions) -> None:
    first = web.keep()
    assert (first["status"], first["certificate"]["path"]) == ("issued", str(web.path / "host.pem"))
    assert web.version() == 1
    assert sorted(web.content()) == sorted(NAMES)
    for number in (2, 3, 4):
        old, folder = web.content(), os.path.realpath(web.path)
        assert web.keep(force=True)["action"] == "rekeyed"
        assert web.version() == number
        assert web.content()["host.key"] != old["host.key"]
        assert {name: Path(folder, name).read_bytes() for name in NAMES} == old, "readers are still at it"
        versions = [f".web.est-version-{each}" for each in (number - 1, number)]
        assert web.beside() == [".web.est-note", *versions]
        web.pair()


def test_a_second_run_and_check_mode_write_nothing(web: Versions) -> None:
    assert web.keep(check=True)["status"] == "not_asked"
    assert os.listdir(web.parent) == []
    web.keep()
    before = web.tree()
    for check in (False, True):
        again = web.keep(check=check)
        assert (again["status"], again["changed"]) == ("unchanged", False)
    would = web.keep(check=True, force=True)
    assert (would["status"], would["changed"]) == ("not_asked", True)
    assert would["diff"]["before"]
    assert web.tree() == before


def test_a_file_of_the_chain_is_mended_in_a_new_version_with_the_same_key(web: Versions) -> None:
    web.keep()
    old = web.content()
    (web.path / "fullchain.pem").unlink()
    (web.path / "README").write_text("of the administrator")
    inode = os.stat(web.path / "host.key").st_ino
    told = web.keep(check=True)
    done = web.keep()
    for key in ("status", "changed", "reason", "diff"):
        assert told[key] == done[key]
    assert (done["status"], web.version()) == ("recovered", 2)
    assert web.content() == {**old, "README": b"of the administrator"}
    assert os.stat(web.path / "host.key").st_ino == inode
    assert web.keep()["status"] == "unchanged"


def test_renewing_for_the_same_key_takes_it_along(web: Versions) -> None:
    web.keep()
    old = web.content()
    assert web.keep(force=True, renewal_method="renew")["action"] == "renewed"
    new = web.content()
    assert (new["host.key"], new["host.pem"] != old["host.pem"]) == (old["host.key"], True)
    web.pair()


def test_owner_and_mode_of_folder_and_files_stay(web: Versions) -> None:
    web.keep()
    modes = {name: stat.S_IMODE(os.stat(web.path / name).st_mode) for name in NAMES}
    assert modes == {name: 0o600 if name == "host.key" else 0o644 for name in NAMES}
    assert stat.S_IMODE(os.stat(web.path).st_mode) == 0o755
    os.chmod(web.path, 0o710)
    os.chmod(web.path / "host.key", 0o640)
    if os.geteuid() == 0:
        os.chown(web.path, 1234, 4321)
        os.chown(web.path / "host.key", 1234, 4321)
        os.chown(web.path / "host.pem", 1, 2)
    paths = [web.path, *(web.path / name for name in NAMES)]
    before = [os.stat(path) for path in paths]
    web.keep(force=True)
    for path, old in zip(paths, before):
        new = os.stat(path)
        assert new.st_ino != old.st_ino or path.name in ("chain.pem", "root.pem"), path
        assert (new.st_mode, new.st_uid, new.st_gid) == (old.st_mode, old.st_uid, old.st_gid), path


def test_one_file_for_both_is_a_version_too(web: Versions) -> None:
    both = str(web.path / "both.pem")
    for _round in range(2):
        keep(web.path, web.template, versioned_folder=True, certificate_path=both, private_key_path=both, force=True)
    HeldCertificate.load(ClientCertificate(both))
    assert stat.S_IMODE(os.stat(both).st_mode) == 0o600


def test_what_is_pending_is_beside_the_link_and_the_next_run_goes_on(tmp_path: Path) -> None:
    with LabServer("--manual-approval", "1", "--retry-after", "1") as server:
        web = Versions(tmp_path, server)
        assert web.keep()["status"] == "pending"
        assert web.beside() == [".web.est-pending"]
        key = json.loads((tmp_path / ".web.est-pending").read_text())["private_key.pem"]
        assert web.keep(wait_timeout=30)["status"] == "issued"
        assert web.content()["host.key"].decode() == key
    assert web.beside() == [".web.est-note", ".web.est-version-1"]


# -- what is there already --------------------------------------------------------------------------------------------


def test_a_folder_that_is_there_is_refused_and_can_be_made_the_first_version(web: Versions) -> None:
    web.path.mkdir()
    put(web.path, web.lab.issue("other"))
    before = web.tree()
    for check in (False, True):
        with pytest.raises(EstError, match="is a folder or a file, and not the link to a version") as caught:
            web.keep(check=check)
        assert (caught.value.stage, caught.value.request_received) == ("input", "not_received")
    assert web.tree() == before
    commands = caught.value.hint.split("first version: ")[1]
    assert os.system(commands) == 0  # what the hint says
    old = web.content()
    done = web.keep()
    assert done["action"] == "enrolled", "another name is asked for"
    assert {name: Path(web.parent, ".web.est-version-1", name).read_bytes() for name in old} == old
    kept = [name for name in web.beside() if ".est-kept-" in name]
    assert [Path(web.parent, name).read_bytes() for name in kept] == [old["host.key"]], "it is not a key of ours"
    assert (web.version(), web.keep()["status"]) == (2, "unchanged")


@pytest.mark.parametrize("target", ["elsewhere", "/etc", ".other.est-version-1", ".web.est-version-x"])
def test_a_link_to_something_else_is_refused(web: Versions, target: str) -> None:
    (web.parent / "elsewhere").mkdir()
    web.path.symlink_to(target)
    with pytest.raises(EstError, match=r"is a link to .*, and not to a version of a certificate"):
        web.keep()
    assert os.readlink(web.path) == target


def test_a_version_that_is_gone_counts_as_none(web: Versions) -> None:
    web.keep()
    shutil.rmtree(os.path.realpath(web.path))
    assert web.keep()["action"] == "enrolled"
    assert (web.version(), web.keep()["status"]) == (2, "unchanged")


def test_going_back_to_the_version_before_stays_so(web: Versions) -> None:
    web.keep()
    web.keep(force=True)
    web.path.unlink()
    web.path.symlink_to(".web.est-version-1")
    assert (web.keep()["status"], web.version()) == ("unchanged", 1)
    web.keep(force=True)
    assert web.version() == 3
    assert web.beside() == [".web.est-note", ".web.est-version-1", ".web.est-version-3"]


def test_a_folder_inside_is_told_before_the_ca_is_asked(web: Versions) -> None:
    web.keep()
    (web.path / "more").mkdir()
    (web.path / "more" / "file").write_text("x")
    asked = len(web.lab.requests)
    for check in (True, False):
        with pytest.raises(EstError, match=r"web/more is a folder, and cannot be taken along") as caught:
            web.keep(force=True, check=check)
        assert caught.value.request_received == "not_received"
    assert len(web.lab.requests) == asked
    assert web.keep()["status"] == "unchanged"


def test_links_in_the_folder_are_taken_along_and_not_followed(web: Versions) -> None:
    web.keep()
    (web.path / "dhparam.pem").symlink_to("/etc/hostname")
    web.keep(force=True)
    assert os.readlink(web.path / "dhparam.pem") == "/etc/hostname"


def test_a_file_system_without_hard_links_gets_copies(web: Versions, monkeypatch: pytest.MonkeyPatch) -> None:
    web.keep()
    os.chmod(web.path / "host.key", 0o640)
    if os.geteuid() == 0:
        os.chown(web.path / "host.key", 1234, 4321)
    old, before = web.content(), os.stat(web.path / "host.key")

    def link(*_names: Any, **_options: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    web.keep(force=True, renewal_method="renew")
    new = os.stat(web.path / "host.key")
    assert (new.st_mode, new.st_uid, new.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert web.content()["host.key"] == old["host.key"]


# -- runs that end early ----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """A run that ends here and cleans nothing up."""


_CALLS = ("open", "rename", "link", "symlink", "mkdir", "rmdir", "unlink", "fsync", "fchmod", "fchown", "write")


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch, work: Any) -> bool:
    """Do something, but be killed before the given call that changes something. ``False``: there is no such call."""
    calls = 0

    def guarded(real: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls >= step:
                raise Killed
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in _CALLS:
            patch.setattr(os, name, guarded(getattr(os, name)))
        try:
            work()
        except Killed:
            return True
    return False


@pytest.mark.parametrize("change", ["rekey", "renew", "mend"])
def test_req_083_a_killed_run_leaves_one_whole_version(
    web: Versions, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """A kill before each call that changes something; then a look in check mode, and a run that puts it right."""
    web.keep()
    issued = web.lab.issue("jdoe")
    base = web.parent.parent / "base"
    shutil.copytree(web.parent, base, symlinks=True)
    old = web.content()
    step, counted = 1, []
    while True:
        shutil.rmtree(web.parent)
        shutil.copytree(base, web.parent, symlinks=True)
        if change == "mend":
            (web.path / "fullchain.pem").unlink()
        holder = holder_of(asked_for(web.path, web.template, **web.options()))
        found = holder.read()
        new = own(issued) if change == "rekey" else found.certificate
        key = issued.private_key if change == "rekey" else None
        work = holder.mend if change == "mend" else functools.partial(holder.save, new, (), key, "02" * 32)
        if not killed_at(step, monkeypatch, work):
            break
        pair = [web.content()[name] == old[name] for name in ("host.key", "host.pem")]
        assert pair[0] == pair[1], "as others see it, without a run that puts anything right"
        looked = holder_of(asked_for(web.path, web.template, check=True, **web.options())).read()
        after = holder_of(asked_for(web.path, web.template, **web.options()))
        done = after.read()
        assert (looked.certificate, looked.digest, looked.defect) == (done.certificate, done.digest, done.defect)
        assert [each.reason for each in looked.recovered] == [each.reason for each in done.recovered]
        assert done.defect == ""
        assert done.digest, "what the certificate was issued for is known, whichever it is"
        counted.append(done.digest if change != "mend" else str("fullchain.pem" in web.content()))
        assert not [name for name in web.beside() if not name.startswith(".web.est-version-") and "note" not in name]
        assert len([name for name in web.beside() if "version" in name]) <= 2
        assert holder_of(asked_for(web.path, web.template, **web.options())).read().recovered == ()
        step += 1
    assert len(counted) > 20
    # Up to one moment the old version counts, from then on the new one.
    assert len(set(counted)) == 2
    assert sum(one != two for one, two in zip(counted, counted[1:])) == 1


@pytest.mark.parametrize("number", range(1, 12))
def test_an_error_of_the_disk_leaves_the_old_version_or_the_new_one(
    web: Versions, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    web.keep()
    old, real, calls = web.content(), os.fsync, []

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == number:
            raise OSError(28, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        try:
            web.keep(force=True)
        except EstError as error:
            assert error.stage == "save"
            assert "No space left on device" in error.reason
    if web.version() == 1:
        assert web.content() == old
    web.keep()
    web.pair()
    assert not [name for name in web.beside() if "part" in name or "next" in name or "room" in name]


def test_who_opens_the_folder_once_never_sees_the_pair_apart(web: Versions) -> None:
    web.keep()
    first = holder_of(asked_for(web.path, web.template, **web.options()))
    first.read()
    pairs = [web.lab.issue(name) for name in ("one", "two")]
    key_of = {one.certificate_pem.encode(): one.key_pem.encode() for one in pairs}
    key_of[web.content()["host.pem"]] = web.content()["host.key"]
    apart, looks, done = [], [], threading.Event()

    def read() -> None:
        while not done.is_set():
            folder = os.open(web.path, os.O_RDONLY)
            texts = []
            for name in ("host.key", "host.pem"):
                file = os.open(name, os.O_RDONLY, dir_fd=folder)
                texts.append(os.read(file, 65536))
                os.close(file)
            os.close(folder)
            looks.append(texts[1])
            if key_of[texts[1]] != texts[0]:
                apart.append(texts)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(30):
        first.read()
        one = pairs[number % 2]
        first.save(own(one), (), one.private_key, "02" * 32)
    done.set()
    reader.join(timeout=60)
    assert apart == []
    assert len(set(looks)) == 3


# -- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"private_key_path": "/etc/ssl/private/host.key"},
            "^private_key_path: .*is not in the folder of certificate_path",
        ),
        ({"chain_path": "/etc/ssl/web/more/chain.pem"}, "^chain_path: .* is not in the folder of certificate_path"),
        ({"certificate_path": "/host.pem", "private_key_path": "/host.key"}, "is in the folder /"),
        ({"certificate_path": "/etc/ssl/x/../web/host.pem"}, r"^certificate_path: .* has \.\. in it"),
    ],
)
def test_paths_that_are_not_in_one_folder_are_refused(lab: LabServer, options: dict[str, str], message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        asked_for("/etc/ssl/web", template_for(lab), versioned_folder=True, **options)
    asked_for("/etc/ssl/web", template_for(lab), versioned_folder=False, **options)
