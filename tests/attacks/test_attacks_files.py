# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another account of the host, with links, locks and folders of its own, against runs as root."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.looking import read_store
from support.tls_certificates import authority

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.file import write_file
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.posix_holder import FileHolder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.archive import ArchiveFile
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import TestFolder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files import lock
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files.lock import locked_folder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report import writing
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.last_tests import record_test
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.posix_file import make_key, write_store
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
    load_client_certificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.pair_files import read_pair, replace_pair

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")

EVE = 54321
CA = authority()
OLD, NEW = CA.issue("old"), CA.issue("new")
ISSUED = {"private_key.pem": "key", "chain.pem": "chain", "certificate.pem": "certificate"}
PAD = bytes(32)


@contextlib.contextmanager
def as_eve() -> Iterator[None]:
    """Do what follows as the other account, with no more rights than it has."""
    os.setegid(EVE)
    os.seteuid(EVE)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of root that everybody may go through, where ``eves`` is a folder of the other account."""
    path = Path(tempfile.mkdtemp(prefix="est-attacks-"))
    path.chmod(0o755)
    (path / "eves").mkdir()
    os.chown(path / "eves", EVE, EVE)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def victim(place: Path) -> Path:
    """A file of root that nobody else may write."""
    path = place / "victim"
    path.write_text("precious")
    path.chmod(0o600)
    return path


def untouched(victim: Path) -> bool:
    status = victim.lstat()
    return victim.read_text() == "precious" and (status.st_uid, status.st_mode & 0o777) == (0, 0o600)


def pair_in(folder: Path) -> ClientCertificate:
    return ClientCertificate(str(folder / "host.pem"), str(folder / "host.key"))


# --- links


@pytest.mark.parametrize("name", ["host.pem", "host.key"])
def test_a_link_of_another_account_is_refused_and_named(place: Path, victim: Path, name: str) -> None:
    with as_eve():
        (place / "eves" / name).symlink_to(victim)
    words = f"{place}/eves/{name}: this symbolic link belongs to {EVE} and is not followed"
    with pytest.raises(EstError, match=words):
        replace_pair(pair_in(place / "eves"), [NEW.certificate], NEW.key)
    with pytest.raises(EstError, match=words):
        read_pair(pair_in(place / "eves"))
    with pytest.raises(EstError, match=words):
        FileHolder(*(str(place / "eves" / file) for file in ("host.pem", "host.key"))).read()
    assert untouched(victim)


def test_a_link_that_is_swapped_in_after_the_look_is_replaced_and_not_followed(place: Path, victim: Path) -> None:
    holder = FileHolder(str(place / "eves" / "host.pem"), str(place / "eves" / "host.key"))
    holder.read()
    with as_eve():
        for name in ("host.pem", "host.key", ".host.pem.est-note", ".host.key.est-pending", ".est.lock"):
            (place / "eves" / name).symlink_to(victim)
        for name in (".host.pem.est-next", ".host.pem.est-part", ".host.key.est-next", ".host.key.est-part"):
            (place / "eves" / name).symlink_to(victim)
    holder.save_pending({"private_key.pem": "x"})
    holder.save(NEW.certificate, (), NEW.key, "ab" * 32)
    assert untouched(victim)
    assert read_pair(pair_in(place / "eves")) == (NEW.pem, NEW.key_pem())


def test_a_folder_that_is_swapped_after_the_look_gets_nothing(place: Path) -> None:
    (place / "roots").mkdir(mode=0o700)
    with as_eve():
        (place / "eves" / "tls").mkdir()
    holder = FileHolder(str(place / "eves" / "tls" / "host.pem"), str(place / "eves" / "tls" / "host.key"))
    holder.read()
    with as_eve():
        (place / "eves" / "tls").rename(place / "eves" / "old")
        (place / "eves" / "tls").symlink_to(place / "roots")
    holder.save(NEW.certificate, (), NEW.key, "ab" * 32)
    assert list((place / "roots").iterdir()) == []
    assert (place / "eves" / "old" / "host.pem").read_text() == NEW.pem


@pytest.mark.parametrize("versioned", [False, True])
def test_another_key_of_root_that_is_swapped_in_after_the_look_proves_nobody(place: Path, versioned: bool) -> None:
    """The owner of the folder would else let root speak to the EST server as somebody else."""
    folder = place / "eves" / "tls"
    if not versioned:
        folder.mkdir()
    holder = FileHolder(str(folder / "host.pem"), str(folder / "host.key"), versioned=versioned)
    holder.read()
    holder.save(OLD.certificate, (), OLD.key, "ab" * 32)
    replace_pair(pair_in(place), [NEW.certificate], NEW.key)
    found = holder.read().old
    for name in ("host.pem", "host.key"):
        os.unlink(folder / name)
        os.symlink(place / name, folder / name)
        os.chown(folder / name, EVE, EVE, follow_symlinks=False)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(place / "host.pem", place / "host.key")
    server.verify_mode, client.check_hostname, client.verify_mode = ssl.CERT_REQUIRED, False, ssl.CERT_NONE
    server.load_verify_locations(cadata=CA.pem)
    load_client_certificate(client, found.tls)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [server.wrap_bio(to_server, to_client, server_side=True), client.wrap_bio(to_client, to_server)]
    for _turn in range(4):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    assert ends[0].getpeercert(binary_form=True) == OLD.der


def versions_in(folder: Path) -> FileHolder:
    """The files of a certificate in a folder that is replaced as a whole."""
    return FileHolder(str(folder / "tls" / "host.pem"), str(folder / "tls" / "host.key"), versioned=True)


def test_what_another_account_plants_beside_a_folder_of_versions_is_replaced_and_not_followed(
    place: Path, victim: Path
) -> None:
    eves = place / "eves"
    holder = versions_in(eves)
    holder.read()
    holder.save(OLD.certificate, (), OLD.key, "ab" * 32)
    kept = (".tls.est-next", ".tls.est-part", ".tls.est-room", ".tls.est-note", ".tls.est-pending", ".est.lock")
    for what in ("link to a file", "link to a folder", "version of its own"):
        with as_eve():
            for name in kept:
                with contextlib.suppress(FileNotFoundError):
                    (eves / name).unlink()
                (eves / name).symlink_to(victim if what == "link to a file" else place)
            (eves / ".tls.est-version-part").symlink_to(victim if what == "link to a file" else place)
            if what == "version of its own":
                (eves / ".tls.est-next").unlink()
                (eves / ".tls.est-version-9").mkdir()
                (eves / ".tls.est-version-9" / "host.pem").symlink_to(victim)
                (eves / ".tls.est-next").symlink_to(".tls.est-version-9")
        holder = versions_in(eves)
        assert holder.read().old.certificate == OLD.certificate, "nobody else's version counts"
        holder.save_pending({"private_key.pem": "x"})
        with holder.reserved():
            holder.save(OLD.certificate, (), OLD.key, "ab" * 32)
        assert untouched(victim)
        assert sorted(entry.name for entry in place.iterdir()) == ["eves", "victim"]
    names = {name.split("-")[1] for name in os.listdir(eves) if name != "tls"}
    assert names == {"note", "kept", "version"}, "without a note, the key that was there counts as somebody else's"


def test_the_owner_of_a_version_reaches_nothing_else_of_root(place: Path, victim: Path) -> None:
    """The service that the folder was given to leads links out of it, which go along as what they are."""
    (place / "roots").mkdir()
    (place / "roots" / "precious").write_text("too")
    holder = versions_in(place / "eves")
    holder.read()
    holder.save(OLD.certificate, (), OLD.key, "ab" * 32)
    version = place / "eves" / os.readlink(place / "eves" / "tls")
    os.chown(version, EVE, EVE)
    with as_eve():
        (version / "file").symlink_to(victim)
        (version / "folder").symlink_to(place / "roots")
        os.mkfifo(version / "pipe")
    os.link(victim, version / "hard")  # as where the system lets everybody do that
    for identity in (NEW, OLD, NEW):
        holder = versions_in(place / "eves")
        holder.read()
        holder.save(identity.certificate, (), identity.key, "ab" * 32)
        assert untouched(victim)
        assert (place / "roots" / "precious").read_text() == "too"
    assert (place / "eves" / "tls").stat().st_uid == EVE
    assert os.readlink(place / "eves" / "tls" / "file") == str(victim)
    with as_eve():
        (place / "eves" / "tls" / "host.key").unlink()
        (place / "eves" / "tls" / "host.key").symlink_to(victim)
    with pytest.raises(EstError, match=r"tls.*/host\.key: (is a symbolic link|this symbolic link belongs to)"):
        versions_in(place / "eves").read()
    assert untouched(victim)


def test_a_link_of_another_account_in_place_of_the_folder_is_refused(place: Path) -> None:
    holder = versions_in(place / "eves")
    holder.read()
    holder.save(OLD.certificate, (), OLD.key, "ab" * 32)
    with as_eve():
        (place / "eves" / "tls").unlink()
        (place / "eves" / "tls").symlink_to(".tls.est-version-1")
    with pytest.raises(EstError, match=f"/eves/tls: this symbolic link belongs to {EVE} and is not followed"):
        versions_in(place / "eves").read()
    with pytest.raises(EstError, match="is not followed"):  # swapped in after the look
        holder.save(NEW.certificate, (), NEW.key, "ab" * 32)


SWAPPER = """
import os, sys
folder, victims = sys.argv[1:]
os.setgid({eve}); os.setuid({eve})
os.chdir(folder)
print("ready", flush=True)
while True:
    names = ("host.pem", "host.key", ".host.pem.est-next", ".host.key.est-part", ".est.lock")
    for name in (*names, "tls", ".tls.est-next", ".tls.est-version-part", ".tls.est-version-1"):
        try:
            os.symlink(os.path.join(victims, "victim"), ".eve")
            os.rename(".eve", os.path.join("tls", name))
        except OSError:
            pass
    for one, other in (("tls", "aside"), ("link", "tls"), ("tls", "link"), ("aside", "tls")):
        try:
            os.rename(one, other)
        except OSError:
            pass
"""


def test_an_account_that_swaps_links_all_the_time_moves_nothing_of_root(place: Path, victim: Path) -> None:
    (place / "eves" / "tls").mkdir()
    os.chown(place / "eves" / "tls", EVE, EVE)
    with as_eve():
        (place / "eves" / "link").symlink_to(place)
    program = SWAPPER.format(eve=EVE)
    eve = subprocess.Popen(
        [sys.executable, "-c", program, str(place / "eves"), str(place)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert eve.stdout is not None
        assert eve.stdout.readline() == "ready\n"
        for number in range(60):
            identity = (OLD, NEW)[number % 2]
            with contextlib.suppress(EstError):
                replace_pair(pair_in(place / "eves" / "tls"), [identity.certificate], identity.key)
            with contextlib.suppress(EstError):
                holder = versions_in(place / "eves" / "tls")
                holder.read()
                holder.save(identity.certificate, (), identity.key, "ab" * 32)
            assert untouched(victim)
            assert sorted(entry.name for entry in place.iterdir()) == ["eves", "victim"]
    finally:
        eve.kill()
        eve.communicate()


@pytest.mark.parametrize("owner", [0, EVE])
def test_a_link_on_the_way_counts_only_from_root_or_the_user(place: Path, owner: int) -> None:
    (place / "real").mkdir()
    (place / "link").symlink_to(place / "real")
    os.chown(place / "link", owner, owner, follow_symlinks=False)
    through = place / "link" / "store"
    if owner == 0:
        write_store(str(through), "content", expected_sha256="")
        assert read_store(str(through))["content"] == "content"
        assert (place / "real" / "store" / "templates.json").exists()
        return
    for call in (lambda: write_store(str(through), "x", expected_sha256=""), lambda: read_store(str(through))):
        with pytest.raises(StoreError, match="this symbolic link belongs to"):
            call()
    with pytest.raises(OSError, match="this symbolic link belongs to"):
        TestFolder(str(through), "wifi", "test").save_issued(ISSUED)
    assert list((place / "real").iterdir()) == []


def test_what_is_written_on_the_controller_replaces_a_link(place: Path, victim: Path) -> None:
    with as_eve():
        for name in ("bundle", "fleet.json", "fleet.html"):
            (place / "eves" / name).symlink_to(victim)
    write_file(str(place / "eves" / "bundle"), b"octets")
    with pytest.raises(writing.ReportError, match="what is there is not a fleet report"):
        writing.check_writable(str(place / "eves" / "fleet"))
    with ArchiveFile(str(place / "eves"), "host") as archive:
        with as_eve():
            (place / "eves" / "host.tar.gz").symlink_to(victim)
        assert archive.save(b"octets").endswith("/host-2.tar.gz")
    assert untouched(victim)
    assert (place / "eves" / "bundle").read_bytes() == b"octets"
    assert not (place / "eves" / "bundle").is_symlink()


# --- folders that others can write to


@pytest.mark.parametrize(
    ("owner", "group", "mode", "who"),
    [
        (EVE, 0, 0o700, f"user {EVE}"),
        (0, EVE, 0o770, f"group {EVE}"),
        (0, 0, 0o777, "every user"),
        (0, 0, 0o1777, "every user"),
    ],
)
def test_a_store_to_which_others_can_write_is_refused(place: Path, owner: int, group: int, mode: int, who: str) -> None:
    store = place / "store"
    write_store(str(store), "content", expected_sha256="")
    store.chmod(mode)
    os.chown(store, owner, group)
    for call in (
        lambda: read_store(str(store)),
        lambda: write_store(str(store), "x", expected_sha256=""),
        lambda: make_key(str(store), PAD),
        lambda: record_test(str(store), "wifi", {"status": "failed", "stage": "verify"}),
    ):
        with pytest.raises(StoreError, match=f"{who} can write to this folder, so nothing in it can be trusted; run"):
            call()
    assert [entry.name for entry in store.iterdir()] == ["templates.json"]
    assert (store / "templates.json").read_text() == "content"
    assert store.stat().st_mode & 0o7777 == mode


def test_a_pending_key_that_somebody_else_laid_down_is_not_used(place: Path) -> None:
    folder = TestFolder(str(place / "tests"), "wifi", "test")
    folder.save_pending({"private_key.pem": "key", "request.pem": "request", "state.json": "{}"})
    os.chown(place / "tests" / "wifi", EVE, EVE)
    for call in (folder.read_pending, lambda: folder.save_issued(ISSUED)):
        with pytest.raises(PermissionError, match=f"user {EVE} can write to this folder"):
            call()


def test_the_folder_of_a_certificate_may_be_its_services_and_that_is_told(place: Path) -> None:
    holder = FileHolder(str(place / "eves" / "host.pem"), str(place / "eves" / "host.key"))
    holder.read()
    assert holder.refuse_unwritable() == [
        f"user {EVE} can write to the folder {place}/eves, and so replace what is kept in it"
    ]
    (place / "roots").mkdir()
    holder = FileHolder(str(place / "roots" / "host.pem"), str(place / "roots" / "host.key"))
    holder.read()
    assert holder.refuse_unwritable() == []


# --- locks


def test_nobody_holds_up_a_run_who_may_only_look(place: Path) -> None:
    """A lock on the folder itself: everybody could take it who may open the folder."""
    (place / "roots").mkdir(mode=0o755)
    store = place / "store"
    write_store(str(store), "content", expected_sha256="")
    store.chmod(0o755)
    with as_eve():
        held = [os.open(path, os.O_RDONLY) for path in (place / "roots", store)]
        for descriptor in held:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        replace_pair(pair_in(place / "roots"), [NEW.certificate], NEW.key)
        assert not write_store(str(store), "new", expected_sha256=read_store(str(store))["sha256"])["conflict"]
    finally:
        for descriptor in held:
            os.close(descriptor)


def test_a_lock_that_others_can_open_is_none(place: Path, victim: Path) -> None:
    with as_eve():
        held = os.open(place / "eves" / ".est.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        replace_pair(pair_in(place / "eves"), [NEW.certificate], NEW.key)
    finally:
        os.close(held)
    for prepare in (
        lambda path: path.symlink_to(victim),
        os.mkfifo,
        lambda path: os.link(victim, path),
        lambda path: path.touch(0o666),
    ):
        prepare(place / "eves" / ".est.lock")
        replace_pair(pair_in(place / "eves"), [OLD.certificate], OLD.key)
        assert untouched(victim)
    assert sorted(entry.name for entry in (place / "eves").iterdir()) == ["host.key", "host.pem"]


def test_a_lock_that_another_run_holds_has_a_bound_and_words(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "LOCK_SECONDS", 0.05)
    folder = TestFolder(str(place / "tests"), "wifi", "test")
    folder.save_issued(ISSUED)
    (place / "roots").mkdir()
    words = "another process has held the lock on it for 0 seconds; try again when it has ended, or end it"
    with locked_folder(str(place / "tests" / "wifi")), locked_folder(str(place / "roots")):
        for call in (folder.read_pending, lambda: folder.save_issued(ISSUED)):
            with pytest.raises(TimeoutError, match=words):
                call()
        for work in (read_pair, lambda pair: replace_pair(pair, [NEW.certificate], NEW.key)):
            with pytest.raises(EstError, match=f"{place}/roots: {words}"):
                work(pair_in(place / "roots"))


def test_a_reader_gets_by_a_lock_of_root_that_nobody_holds_any_more(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service may read the pair that root keeps for it, and cannot open root's lock."""
    monkeypatch.setattr(lock, "LOCK_SECONDS", 0.05)
    (place / "roots").mkdir()
    replace_pair(pair_in(place / "roots"), [NEW.certificate], NEW.key)
    os.chown(place / "roots" / "host.key", EVE, EVE)
    (place / "roots" / ".est.lock").touch(0o600)
    with as_eve():
        assert read_pair(pair_in(place / "roots")) == (NEW.pem, NEW.key_pem())


def test_the_lock_of_a_run_that_was_killed_holds_nobody_up(place: Path) -> None:
    store = place / "store"
    write_store(str(store), "content", expected_sha256="")
    child = os.fork()
    if child == 0:
        with locked_folder(str(store)):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert (store / ".est.lock").stat().st_mode & 0o777 == 0o600
    assert read_store(str(store))["content"] == "content"
    assert [entry.name for entry in store.iterdir()] == ["templates.json"]
