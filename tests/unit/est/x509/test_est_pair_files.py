# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new pair in place of an old one on disk, also where the run is killed at the worst moment."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from support.est_pki import make_certificate
from support.tls_certificates import authority

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509 import pair_files
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import subject_text
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.held_certificate import HeldCertificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.pair_files import read_pair, replace_pair

CA = authority()
SUB = CA.issue("intermediate", ca=True)
OLD, NEW = SUB.issue("old"), SUB.issue("new")
CHAIN = [SUB.certificate]


@pytest.fixture(params=["two files", "one file", "three files", "two folders"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> ClientCertificate:
    """The old pair on disk."""
    certificate = tmp_path / "host.pem"
    if request.param == "one file":
        pair = ClientCertificate(str(certificate))
    elif request.param == "three files":
        pair = ClientCertificate(str(certificate), str(tmp_path / "host.key"), None, str(tmp_path / "chain.pem"))
    elif request.param == "two folders":
        (tmp_path / "private").mkdir(mode=0o700)
        pair = ClientCertificate(str(certificate), str(tmp_path / "private" / "host.key"))
    else:
        pair = ClientCertificate(str(certificate), str(tmp_path / "host.key"))
    replace_pair(pair, [OLD.certificate, *CHAIN], OLD.key)
    return pair


def snapshot(pair: ClientCertificate) -> Dict[str, str]:
    """All files there are, by path."""
    folders = {os.path.dirname(path) for path in (pair.certificate_path, pair.key_path) if path}
    paths = [os.path.join(folder, name) for folder in folders for name in os.listdir(folder)]
    return {path: Path(path).read_text(encoding="ascii") for path in paths if os.path.isfile(path)}


def holder(pair: ClientCertificate) -> str:
    """Whose pair is on disk, which is complete and has its chain."""
    held = HeldCertificate.load(pair)
    text = "".join(snapshot(pair).values())
    assert text.count(SUB.pem) == 1
    return subject_text(held.certificate).replace("/", "", 1)


def test_req_083_key_and_certificate_are_replaced_together(files: ClientCertificate) -> None:
    before = snapshot(files)
    assert holder(files) == "CN=old"
    replace_pair(files, [NEW.certificate, *CHAIN], NEW.key)
    assert holder(files) == "CN=new"
    assert set(snapshot(files)) == set(before), "nothing else is left there"


def test_a_renewed_certificate_leaves_the_key_as_it_is(files: ClientCertificate) -> None:
    again = make_certificate("renewed", OLD.key.public_key(), SUB.name, SUB.key, days=(-3000, 3000), serial=77)
    before = snapshot(files)
    inode = os.stat(files.key_path).st_ino if files.key_path else 0
    replace_pair(files, [again, *CHAIN])
    assert holder(files) == "CN=renewed"
    if files.key_path:
        assert snapshot(files)[files.key_path] == before[files.key_path]
        assert os.stat(files.key_path).st_ino == inode


def test_req_083_a_key_that_does_not_fit_changes_nothing(files: ClientCertificate) -> None:
    before = snapshot(files)
    for key in (OLD.key, None):
        with pytest.raises(InputError, match="does not belong to its private key"):
            replace_pair(files, [NEW.certificate], key)
    assert snapshot(files) == before


class Killed(BaseException):
    """The process ends here."""


def killed_at(step: int, pair: ClientCertificate, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Replace the pair, but be killed before the given call that changes something on disk. ``False``: none is left."""
    calls: List[str] = []

    def guarded(name: str) -> Any:
        real = getattr(os, name)

        def call(*arguments: Any, **options: Any) -> Any:
            calls.append(name)
            if len(calls) == step:
                raise Killed
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in ("open", "rename", "unlink", "fsync", "fchmod"):
            patch.setattr(pair_files.os, name, guarded(name))
        try:
            replace_pair(pair, [NEW.certificate, *CHAIN], NEW.key)
        except Killed:
            return True
    return False


def test_req_083_a_run_that_is_killed_leaves_one_whole_pair(
    files: ClientCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    step = 1
    while killed_at(step, files, monkeypatch):
        found.append(holder(files))  # recovers
        assert not [path for path in snapshot(files) if ".est-" in path]
        replace_pair(files, [OLD.certificate, *CHAIN], OLD.key)
        step += 1
    # Up to one moment the old pair counts, from then on the new one.
    assert sorted(found, reverse=True) == found
    assert set(found) == {"CN=old", "CN=new"}
    assert holder(files) == "CN=new"


def test_req_083_the_old_pair_is_on_disk_until_the_new_one_is_complete(
    files: ClientCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What other programs see while a pair is replaced: at no time part of a file."""
    seen = []
    real = os.rename

    def rename(source: str, target: str, **folders: int) -> None:
        seen.append({path: text for path, text in snapshot(files).items() if ".est" not in path})
        real(source, target, **folders)

    before = snapshot(files)
    monkeypatch.setattr(pair_files.os, "rename", rename)
    replace_pair(files, [NEW.certificate, *CHAIN], NEW.key)
    written = [before] * (len(before) + 1)
    assert seen[: len(written)] == written


@pytest.mark.parametrize("number", range(1, 7))
def test_an_error_of_the_disk_is_told_and_loses_nothing(
    files: ClientCertificate, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    calls: List[None] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        calls.append(None)
        if len(calls) == number:
            raise OSError(28, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(pair_files.os, "fsync", fsync)
        try:
            replace_pair(files, [NEW.certificate, *CHAIN], NEW.key)
        except EstError as error:
            assert error.stage == "save"
            assert "No space left on device" in error.reason
            assert error.hint
            assert not [path for path in snapshot(files) if path.endswith(".part")]
    assert holder(files) in ("CN=old", "CN=new")


def test_modes_of_new_files(files: ClientCertificate) -> None:
    modes = {path: stat.S_IMODE(os.stat(path).st_mode) for path in snapshot(files)}
    private = files.key_path or files.certificate_path
    assert modes == {path: 0o600 if path == private else 0o644 for path in modes}


def test_owner_and_mode_of_the_old_files_stay(files: ClientCertificate) -> None:
    for path in snapshot(files):
        os.chmod(path, 0o640)
        if os.geteuid() == 0:
            os.chown(path, 1234, 4321)
    before = {path: os.stat(path) for path in snapshot(files)}
    replace_pair(files, [NEW.certificate, *CHAIN], NEW.key)
    for path, old in before.items():
        new = os.stat(path)
        assert (new.st_mode, new.st_uid, new.st_gid) == (old.st_mode, old.st_uid, old.st_gid), path


def test_a_key_is_not_shown_to_another_group_where_the_owner_cannot_stay(
    files: ClientCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fchown(*_arguments: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    for path in snapshot(files):
        os.chmod(path, 0o640)
    monkeypatch.setattr(pair_files.os, "fchown", fchown)
    replace_pair(files, [NEW.certificate, *CHAIN], NEW.key)
    private = files.key_path or files.certificate_path
    modes = {path: stat.S_IMODE(os.stat(path).st_mode) for path in snapshot(files)}
    assert modes == {path: 0o600 if path == private else 0o640 for path in modes}


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    for name in ("host.pem", "host.key"):
        (tmp_path / name).symlink_to(tmp_path / "real" / name)
    pair = ClientCertificate(str(tmp_path / "host.pem"), str(tmp_path / "host.key"))
    for identity in (OLD, NEW):
        replace_pair(pair, [identity.certificate], identity.key)
    assert sorted(os.listdir(tmp_path / "real")) == ["host.key", "host.pem"]
    assert (tmp_path / "host.key").is_symlink()
    assert read_pair(pair) == (NEW.pem, NEW.key_pem())


def test_a_new_key_is_encrypted_as_the_old_one_was(tmp_path: Path) -> None:
    pair = ClientCertificate(str(tmp_path / "host.pem"), str(tmp_path / "host.key"), "canary")
    for identity in (OLD, NEW):
        replace_pair(pair, [identity.certificate], identity.key)
        assert read_pair(pair)[1].startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert HeldCertificate.load(pair).key.private_numbers() == NEW.key.private_numbers()  # type: ignore[union-attr]


@pytest.mark.parametrize("path", ["gone/host.pem", "host.pem"])
def test_what_is_not_there_is_named(tmp_path: Path, path: str) -> None:
    pair = ClientCertificate(str(tmp_path / path), None)
    with pytest.raises(InputError, match=r"cannot be read: .*(gone|host\.pem): No such file"):
        read_pair(pair)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EstError, match="gone: No such file") as caught:
        replace_pair(ClientCertificate(str(tmp_path / "gone" / "host.pem")), [NEW.certificate], NEW.key)
    assert caught.value.stage == "save"


def test_readers_never_see_half_a_replacement(files: ClientCertificate) -> None:
    problems: List[Optional[BaseException]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                HeldCertificate.load(files)
            except EstError as error:
                problems.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _unused in range(15):
        for identity in (NEW, OLD):
            replace_pair(files, [identity.certificate, *CHAIN], identity.key)
    done.set()
    reader.join(timeout=60)
    assert problems == []


def test_req_083_a_real_process_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL between the two renames: what a power failure would leave, without a word of Python's own."""
    pair = ClientCertificate(str(tmp_path / "host.pem"), str(tmp_path / "host.key"))
    replace_pair(pair, [OLD.certificate], OLD.key)
    (tmp_path / "new.pem").write_text(NEW.pem, encoding="ascii")
    (tmp_path / "new.key").write_text(NEW.key_pem(), encoding="ascii")
    program = f"""
import os, signal
from {pair_files.__name__.rsplit(".", 1)[0]} import pair_files
from {pair_files.__name__.rsplit(".", 1)[0]}.client_certificate import ClientCertificate
from {pair_files.__name__.rsplit(".", 1)[0]}.held_certificate import HeldCertificate
real = os.rename
def rename(source, target, **folders):
    if target == "host.pem":
        os.kill(os.getpid(), signal.SIGKILL)
    real(source, target, **folders)
new = HeldCertificate.load(ClientCertificate("new.pem", "new.key"))
pair_files.os.rename = rename
pair_files.replace_pair(ClientCertificate("host.pem", "host.key"), [new.certificate], new.key)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, timeout=60, check=False)
    assert ran.returncode == -signal.SIGKILL
    assert (tmp_path / "host.pem").read_text() == OLD.pem
    assert (tmp_path / "host.key").read_text() == NEW.key_pem()
    assert HeldCertificate.load(pair).certificate == NEW.certificate
    assert read_pair(pair) == (NEW.pem, NEW.key_pem())


def test_a_file_that_cannot_be_replaced_brings_back_those_before_it(
    files: ClientCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = snapshot(files), os.rename

    def rename(source: str, target: str, **folders: int) -> None:
        if target == "host.pem":  # as where something is mounted on it
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        real(source, target, **folders)

    with monkeypatch.context() as patch:
        patch.setattr(pair_files.os, "rename", rename)
        with pytest.raises(EstError, match=r"host\.pem: Device or resource busy"):
            replace_pair(files, [NEW.certificate, *CHAIN], NEW.key)
        assert {path: text for path, text in snapshot(files).items() if "/." not in path} == before
    # The new pair is complete beside the old one, and takes its place as soon as that can be.
    assert holder_after_recovery(files) == "CN=new"


def holder_after_recovery(files: ClientCertificate) -> str:
    read_pair(files)
    return holder(files)


@pytest.mark.parametrize("files", ["two files", "two folders"], indirect=True)
def test_the_renaming_of_a_key_that_a_power_failure_undid_is_done_again(files: ClientCertificate) -> None:
    old_key = Path(str(files.key_path)).read_text(encoding="ascii")
    replace_pair(files, [NEW.certificate, *CHAIN], NEW.key)
    key = Path(str(files.key_path))
    (key.parent / ".host.key.est-next").write_bytes(key.read_bytes())
    key.write_text(old_key, encoding="ascii")
    assert holder_after_recovery(files) == "CN=new"
    assert [name for name in os.listdir(key.parent) if name.startswith(".")] == []


def test_key_and_certificate_are_renamed_directly_after_one_another(
    files: ClientCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: List[str] = []
    for name in ("rename", "fsync", "open", "link", "unlink"):
        real = getattr(os, name)

        def call(*arguments: Any, _name: str = name, _real: Any = real, **options: Any) -> Any:
            calls.append(f"{_name} {arguments[1]}" if _name == "rename" else _name)
            return _real(*arguments, **options)

        monkeypatch.setattr(pair_files.os, name, call)
    replace_pair(files, [NEW.certificate, *CHAIN], NEW.key)
    places = {f"rename {name}" for name in ("chain.pem", "host.key", "host.pem")}
    renames = [number for number, call in enumerate(calls) if call in places]
    assert renames == list(range(renames[0], renames[0] + len(renames)))
