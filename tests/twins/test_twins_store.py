# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template store of a host: the contract of ``est_store_file`` and ``win_est_store_file``, case by case."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.looking import NO_STORE
from twins.interference import IMPATIENT, at_once, held, kills
from twins.twin import PLUGINS, Twin

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files import lock
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store import look, posix_file
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.parts import key_fingerprint
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.program import read_answer
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.quick_look import WINDOWS_STORE
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.windows_program import COMMAND

MODULE = PLUGINS / "modules" / "est_store_file.py"

NOTHING = {"changed": False, **NO_STORE}
# What only one platform has.
OF_PLATFORM = ("folder_mode", "document_mode", "owner")
MARK = "0123456789abcdef01234567"
PAD, OTHER_PAD = "5a" * 32, "c3" * 32
KEY, OTHER_KEY = bytes(range(32)), bytes(range(32, 64))
WORDS = '{"name": "Grüße, 東京 \U0001f511", "quoted": "\\"", "lines": "a\r\nb\tc"}\n'

NO_LISTS = "Linux has no access lists of this kind"
NO_LINKS = "Wine makes no links or junctions that its programs see as such"
NO_SHARING = "POSIX lets a file be replaced that another program has open"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Store:
    """The store of a twin, in a folder of the test's own."""

    def __init__(self, twin: Twin, name: str = "est") -> None:
        self.twin = twin
        self.folder = twin.folder / name

    @property
    def path(self) -> str:
        """Its folder, as the twin names it."""
        return self.twin.path(self.folder)

    def run(self, operation: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        result = self.twin.run({"operation": operation, "store_path": self.path, **options}, check=check)
        for key in (KEY, OTHER_KEY):
            assert key.hex() not in self.twin.said
        return result

    def read(self, **options: Any) -> dict[str, Any]:
        """What the module reads. The quick look finds the same, but for the key; or leaves it to the module."""
        result = self.run("read", **options)
        expected = {key: value for key, value in result.items() if key != "changed"}
        if self.twin.kind == "python":
            assert look.quick_look(self.path, None) in (None, {**expected, "masked_key": ""})
        else:
            assert self.quick_look() == (None if result.get("failed") else {**expected, "masked_key": ""})
        return result

    def quick_look(self) -> dict[str, Any] | None:
        """What the quick look finds, on a host with a PowerShell."""
        said = self.twin.command(COMMAND, WINDOWS_STORE.text((self.path,), MARK).splitlines())
        for key in (KEY, OTHER_KEY):
            assert not re.search(key.hex(), said, re.IGNORECASE)
        found = read_answer(said, MARK)
        assert found is not None or MARK not in said
        return found

    def found(self, **options: Any) -> dict[str, Any]:
        """A reading without what a platform alone tells."""
        return {**self.read(**options), **dict.fromkeys(OF_PLATFORM, "")}

    def write(self, content: str, **options: Any) -> dict[str, Any]:
        """Write over what is there."""
        return self.run("write", content=content, **{"expected_sha256": self.read()["sha256"], **options})

    def put(self, name: str, content: bytes, *, age: float = 0) -> Path:
        """Put a file where it belongs, as the twin would have made it."""
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700)
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        then = time.time() - age
        os.utime(path, (then, then))
        return path

    def files(self) -> dict[str, bytes | None]:
        """What is in the folder but the lock: content by name, None for what is not a file."""
        if not self.folder.exists():
            return {}
        there = (path for path in self.folder.iterdir() if path.name != ".est.lock")
        return {path.name: path.read_bytes() if path.is_file() else None for path in there}


@pytest.fixture
def store(twin: Twin) -> Store:
    return Store(twin)


def refused(result: dict[str, Any], words: str, code: str = "store_failed") -> None:
    """Check that a result is a failure of the one shape, whose message has these words."""
    assert (result["failed"], result["changed"], result["error_code"]) == (True, False, code), result
    assert re.search(words, result["msg"]), result["msg"]
    assert (result["reason"], result["hint"]) == (result["msg"].rstrip("."), None)


# ----------------------------------------------------------------------------------------------------------------------
# Reading


def test_nothing_is_there(store: Store) -> None:
    assert store.read() == store.read(key_pad=PAD) == NOTHING
    assert not store.folder.exists()


def test_a_whole_store_is_told(store: Store) -> None:
    content = WORDS.encode()
    store.put("templates.json", content)
    store.put("sealing.key", KEY.hex().encode() + b"\n")
    store.put("last_tests.json", "tests: ü\n".encode())
    for name in ("templates.json.damaged-2", "templates.json.damaged-10", "other.damaged-3"):
        store.put(name, b"")
    kept = [store.twin.path(store.folder / f"templates.json.damaged-{end}") for end in ("10", "2")]
    told = {
        **NOTHING,
        "exists": True,
        "content": WORDS,
        "sha256": sha256(content),
        "key_fingerprint": key_fingerprint(KEY),
        "last_tests": "tests: ü\n",
        "kept_documents": kept,
    }
    before = store.files()
    assert store.found() == told
    assert store.found(key_pad=PAD) == {**told, "masked_key": mask(KEY, bytes.fromhex(PAD)).hex()}
    assert store.found(check=True) == told
    assert store.files() == before


def test_owner_and_modes_are_told_where_there_are_some(store: Store) -> None:
    assert store.write("new")["changed"]
    told = [store.read()[name] for name in OF_PLATFORM]
    if store.twin.kind == "python":
        assert told[:2] == ["0700", "0600"]
    else:
        assert told[:2] == ["", ""]
    assert bool(told[2]) is (store.twin.kind != "pwsh")


@pytest.mark.parametrize(
    ("content", "octet"),
    [(b"\xff", 0), (b"abc\xe2\x82", 3), (b"\xc3\xa4\xe0\x80\x80", 2), (b"a\xed\xa0\x80", 1), (b"\xf0\x9f\x94x", 0)],
)
def test_a_document_that_is_no_text(store: Store, content: bytes, octet: int) -> None:
    store.put("templates.json", content)
    told = store.found()
    assert told == {
        **NOTHING,
        "exists": True,
        "sha256": sha256(content),
        "damage": f"is not UTF-8 text (octet {octet})",
    }
    assert store.write("new", expected_sha256=told["sha256"], keep_old=True)["changed"]
    assert content in store.files().values()


def test_an_empty_document(store: Store) -> None:
    store.put("templates.json", b"")
    assert store.found() == {**NOTHING, "exists": True, "content": "", "sha256": sha256(b"")}


def test_a_document_that_is_too_large(store: Store) -> None:
    os.truncate(store.put("templates.json", b""), 16 * 2**20 + 1)
    told = store.found()
    assert (told["damage"], told["content"]) == ("is larger than 16 MiB", None)
    assert store.write("new", expected_sha256=told["sha256"])["changed"]
    assert store.read()["content"] == "new"


def test_a_document_that_is_a_folder_is_kept(store: Store) -> None:
    store.put("templates.json.damaged-1", b"")
    (store.folder / "templates.json").mkdir()
    (store.folder / "templates.json" / "inside").write_bytes(b"in")
    told = store.found()
    assert (told["exists"], told["damage"], told["sha256"]) == (True, "is a folder", sha256(b"is a folder"))
    kept = store.write("new")["kept"]
    assert kept in store.read()["kept_documents"]
    (there,) = (path for path in store.folder.iterdir() if path.is_dir())
    assert (there / "inside").read_bytes() == b"in"


@pytest.mark.cannot_show(wine=NO_LINKS)
def test_a_document_that_is_a_link_is_kept_and_not_followed(store: Store) -> None:
    other = store.put("other", b"other")
    (store.folder / "templates.json").symlink_to(other)
    assert store.found()["damage"] == "is a symbolic link"
    assert store.write("new")["changed"]
    assert (other.read_bytes(), (store.folder / "templates.json").read_bytes()) == (b"other", b"new")


@pytest.mark.parametrize(
    ("content", "damage"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (KEY.hex().encode()[:-1], "is not a key of 64 hex digits"),
        (b"g" * 64, "is not a key of 64 hex digits"),
        (b"\xff" * 64, "is not a key of 64 hex digits"),
        (KEY.hex().encode() + b" x", "is not a key of 64 hex digits"),
    ],
)
def test_a_key_that_is_none(store: Store, content: bytes, damage: str) -> None:
    store.put("sealing.key", content)
    told = store.found(key_pad=PAD)
    assert told == {**NOTHING, "key_damage": damage}
    store.run("make_key", key_pad=PAD)
    assert store.write("new", use_new_key=True)["changed"]
    assert content in [kept for name, kept in store.files().items() if name.startswith("sealing.key.damaged-")]


@pytest.mark.parametrize("name", ["sealing.key", "sealing.key.next"])
def test_a_folder_in_the_place_of_a_key_is_kept(store: Store, name: str) -> None:
    store.put("templates.json", b"old")
    (store.folder / name).mkdir()
    told = store.read()
    assert (told["key_damage"], len(told["drift"])) == (("is a folder", 0) if name == "sealing.key" else ("", 1))
    store.run("make_key", key_pad=PAD)
    assert store.write("new", use_new_key=True)["changed"]
    assert None in store.files().values()
    assert store.read()["key_fingerprint"]


def test_what_killed_runs_left_is_told_and_tidied_up(store: Store) -> None:
    store.put("templates.json", b"old")
    store.put("sealing.key", KEY.hex().encode())
    store.put("sealing.key.next", OTHER_KEY.hex().encode(), age=601)
    for name in ("templates.json", "sealing.key", "sealing.key.next", "last_tests.json"):
        store.put(f".{name}.new", b"half")
    drift = store.read()["drift"]
    assert drift == [
        "sealing.key.next was left by a run that ended while it made a new sealing key",
        *(
            f".{name}.new was left by a run that was killed while it wrote"
            for name in ("templates.json", "sealing.key", "sealing.key.next", "last_tests.json")
        ),
    ]
    assert store.write("new", expected_key=key_fingerprint(KEY))["changed"]
    assert store.read()["drift"] == []
    assert sorted(store.files()) == ["sealing.key", "templates.json"]


def test_a_next_key_is_in_force_once_its_document_is_there(store: Store) -> None:
    store.put("templates.json", b"new")
    store.put("sealing.key", KEY.hex().encode())
    store.put("sealing.key.next", f"{OTHER_KEY.hex()} {sha256(b'new')}\n".encode())
    told = store.read(key_pad=PAD)
    assert told["key_fingerprint"] == key_fingerprint(OTHER_KEY)
    assert told["masked_key"] == mask(OTHER_KEY, bytes.fromhex(PAD)).hex()
    assert store.write("newer", expected_key=key_fingerprint(OTHER_KEY))["changed"]
    assert store.files()["sealing.key"] == OTHER_KEY.hex().encode() + b"\n"
    assert "sealing.key.next" not in store.files()


ONE_STEP = "a POSIX rename replaces a file in one step"


@pytest.mark.cannot_show(python=ONE_STEP)
@pytest.mark.parametrize("with_old", [False, True])
def test_a_host_that_died_while_a_file_was_replaced_has_the_old_or_the_new_one(store: Store, with_old: bool) -> None:
    for name, content in (("templates.json", b"new"), ("sealing.key", KEY.hex().encode()), ("last_tests.json", b"{}")):
        store.put(f".{name}.whole", content)
    if with_old:
        store.put("templates.json", b"old")
        store.put("sealing.key", OTHER_KEY.hex().encode())
        store.put("last_tests.json", b"[]")
    content, key, tests = ("old", OTHER_KEY, "[]") if with_old else ("new", KEY, "{}")
    told = store.read()
    assert (told["content"], told["last_tests"], len(told["drift"])) == (content, tests, 3)
    assert told["key_fingerprint"] == key_fingerprint(key)
    # Whoever has the lock finishes it, also where it writes nothing else.
    assert store.write("next", expected_sha256=sha256(b"other"))["conflict"]
    assert store.read()["drift"] == []
    assert store.write("next", expected_key=key_fingerprint(key))["changed"]
    assert store.files() == {
        "templates.json": b"next",
        "sealing.key": key.hex().encode(),
        "last_tests.json": tests.encode(),
    }


@pytest.mark.parametrize("pad", ["5a", PAD + "5a", "zz" * 32])
def test_a_pad_that_is_none(store: Store, pad: str) -> None:
    store.put("sealing.key", KEY.hex().encode())
    for operation in ("read", "make_key"):
        refused(store.run(operation, key_pad=pad), "key_pad is not 32 octets in hexadecimal", "invalid_option")
    assert list(store.files()) == ["sealing.key"]


# ----------------------------------------------------------------------------------------------------------------------
# Writing


@pytest.mark.parametrize("name", ["est", "a/b/c", "with space [b] 'c' $d `e` %f%", "n" * 100])
def test_a_store_is_made_and_replaced(twin: Twin, name: str) -> None:
    store = Store(twin, name)
    assert store.write(WORDS) == {"changed": True, "conflict": False, "kept": ""}
    assert store.files() == {"templates.json": WORDS.encode()}
    assert store.write("second\n") == {"changed": True, "conflict": False, "kept": ""}
    assert store.files() == {"templates.json": b"second\n"}
    assert store.read()["drift"] == []


@pytest.mark.cannot_show(wine="its locale is C: other names than here for the same")
def test_a_name_beyond_ascii(twin: Twin) -> None:
    store = Store(twin, "Ünïcode 東京 \U0001f511")
    assert store.write("new")["changed"]
    assert store.read()["content"] == "new"


def test_a_large_document(store: Store) -> None:
    content = WORDS * 60_000
    assert store.write(content)["changed"]
    assert store.read()["content"] == content


def test_a_path_with_a_variable_of_the_environment(twin: Twin) -> None:
    store = Store(twin)
    assert store.write("new")["changed"]
    given = "%SystemDrive%" + store.path[2:] if twin.windows else store.path
    assert twin.run({"operation": "read", "store_path": given})["content"] == "new"


def test_a_new_key_comes_into_force_with_its_document(store: Store) -> None:
    made = store.run("make_key", key_pad=PAD)
    assert made["changed"]
    key = mask(bytes.fromhex(made["masked_key"]), bytes.fromhex(PAD))
    # It is made anew for nobody while it waits.
    assert mask(bytes.fromhex(store.run("make_key", key_pad=OTHER_PAD)["masked_key"]), bytes.fromhex(OTHER_PAD)) == key
    assert (store.read()["key_fingerprint"], store.read()["drift"]) == ("", [])
    assert store.write("new", use_new_key=True, expected_key=key_fingerprint(key))["changed"]
    assert store.files() == {"templates.json": b"new", "sealing.key": key.hex().encode() + b"\n"}
    assert store.read()["key_fingerprint"] == key_fingerprint(key)
    assert key.hex() not in store.twin.said
    # Another one replaces it, and none that is not said to.
    assert store.run("make_key", key_pad=PAD) == {"changed": False, "masked_key": ""}
    second = store.run("make_key", key_pad=PAD, replaced_key=key_fingerprint(key))
    assert second["changed"]
    assert store.write("newer", use_new_key=True, replaced_key=key_fingerprint(key))["changed"]
    assert store.read(key_pad=PAD)["masked_key"] == second["masked_key"] != made["masked_key"]


def test_a_key_that_a_killed_run_left_is_taken_and_waits_anew(store: Store) -> None:
    store.put("sealing.key.next", OTHER_KEY.hex().encode(), age=601)
    assert store.run("make_key", key_pad=PAD)["masked_key"] == mask(OTHER_KEY, bytes.fromhex(PAD)).hex()
    assert store.read()["drift"] == []


CONFLICTS = [
    {"expected_sha256": ""},
    {"expected_sha256": sha256(b"other")},
    {"expected_key": key_fingerprint(OTHER_KEY)},
    {"use_new_key": True},
    {"use_new_key": True, "replaced_key": key_fingerprint(OTHER_KEY)},
]


@pytest.mark.parametrize("options", CONFLICTS)
@pytest.mark.parametrize("waiting", [False, True])
def test_nothing_is_written_where_another_was_read(store: Store, options: dict[str, Any], waiting: bool) -> None:
    store.put("templates.json", b"old")
    store.put("sealing.key", KEY.hex().encode())
    if waiting:
        store.put("sealing.key.next", OTHER_KEY.hex().encode())
    before = store.files()
    assert store.write("new", **options) == {"changed": False, "conflict": True, "kept": ""}
    assert store.files() == before


def test_an_old_document_is_kept_under_a_name_of_its_own_each_time(store: Store) -> None:
    contents = ["first", "second", "third", "fourth"]
    kept = [store.write(content, keep_old=True)["kept"] for content in contents]
    assert kept[0] == ""
    assert sorted(kept[1:]) == store.read()["kept_documents"]
    assert len(set(kept)) == len(contents)
    assert sorted(content or b"" for content in store.files().values()) == sorted(text.encode() for text in contents)


@pytest.mark.parametrize(
    ("operation", "options"), [("write", {"content": "new"}), ("make_key", {"key_pad": PAD}), ("read", {})]
)
def test_check_mode_changes_nothing(store: Store, operation: str, options: dict[str, Any]) -> None:
    assert store.run(operation, check=True, **options)["changed"] is (operation != "read")
    assert not store.folder.exists()
    store.put("templates.json", b"old")
    assert store.run(operation, check=True, **options)["changed"] is (operation != "read")
    assert [path.name for path in store.folder.iterdir()] == ["templates.json"]


def test_a_document_that_is_read_only_is_replaced(store: Store) -> None:
    store.put("templates.json", b"old").chmod(0o400)
    assert store.write("new")["changed"]
    assert store.files() == {"templates.json": b"new"}
    assert store.read()["drift"] == []


# ----------------------------------------------------------------------------------------------------------------------
# Refusals


@pytest.mark.parametrize(
    "options",
    [{"operation": "write"}, {"operation": "make_key"}, {"operation": "remove"}, {"operation": "read", "other": 1}],
)
def test_arguments_that_are_refused(store: Store, options: dict[str, Any]) -> None:
    assert store.twin.run({"store_path": store.path, **options})["failed"] is True
    assert not store.folder.exists()


EACH = pytest.mark.parametrize(
    ("operation", "options"), [("read", {}), ("write", {"content": "new"}), ("make_key", {"key_pad": PAD})]
)


@EACH
def test_a_file_in_the_place_of_the_folder(store: Store, operation: str, options: dict[str, Any]) -> None:
    store.folder.write_text("a file", encoding="ascii")
    refused(store.run(operation, **options), "est is not a folder; name a folder, or a path that does not exist yet")


@EACH
@pytest.mark.cannot_show(wine=NO_LINKS)
def test_a_link_in_the_place_of_the_folder(store: Store, operation: str, options: dict[str, Any]) -> None:
    (store.twin.folder / "real").mkdir(mode=0o700)
    store.folder.symlink_to("real")
    refused(store.run(operation, **options), "est is a symbolic link.*; name a folder, or a path that does not exist")
    assert list((store.twin.folder / "real").iterdir()) == []


@EACH
@pytest.mark.cannot_show(wine=NO_LINKS, python="POSIX tells whose a link is, and its own are followed")
def test_a_link_on_the_way_to_the_folder(twin: Twin, operation: str, options: dict[str, Any]) -> None:
    (twin.folder / "real" / "est").mkdir(mode=0o700, parents=True)
    (twin.folder / "link").symlink_to("real")
    store = Store(twin, "link/est")
    refused(store.run(operation, **options), "link is a symbolic link or junction and is not followed; give the path")
    assert list(store.folder.iterdir()) == []


@pytest.mark.parametrize(("operation", "options"), [("write", {"content": "new"}), ("make_key", {"key_pad": PAD})])
def test_a_file_on_the_way_to_the_folder(twin: Twin, operation: str, options: dict[str, Any]) -> None:
    (twin.folder / "file").write_text("a file", encoding="ascii")
    words = "not a folder|Not a directory"
    refused(Store(twin, "file/est").run(operation, **options), words)


@EACH
def test_a_path_that_is_too_long(twin: Twin, operation: str, options: dict[str, Any]) -> None:
    words = "longer than 200 characters" if twin.windows else "too long"
    refused(Store(twin, "n" * 300).run(operation, **options), words)


@pytest.mark.parametrize(("operation", "options"), [("write", {"content": "new"}), ("make_key", {"key_pad": PAD})])
@pytest.mark.cannot_show(wine="Wine runs as root, which may write everywhere")
def test_a_folder_that_cannot_be_written(twin: Twin, operation: str, options: dict[str, Any]) -> None:
    result = twin.run({"operation": operation, "store_path": "/sys/kernel/est", **options})
    refused(result, "^cannot write the template store /sys/kernel/est")


@EACH
@pytest.mark.cannot_show(pwsh=NO_LISTS)
def test_a_folder_that_others_can_write(store: Store, operation: str, options: dict[str, Any]) -> None:
    store.put("templates.json", b"planted")
    store.folder.chmod(0o777)
    refused(store.run(operation, **options), "can write to (this|the) folder.*nothing in it can be trusted; .*look")
    assert store.files() == {"templates.json": b"planted"}


@pytest.mark.cannot_show(pwsh=NO_LISTS)
def test_a_folder_and_files_that_others_can_read_are_drift_and_put_right(store: Store) -> None:
    store.put("templates.json", b"old").chmod(0o644)
    store.put("sealing.key", KEY.hex().encode()).chmod(0o644)
    store.folder.chmod(0o755)
    # Wine takes no inherited entries away: there must be none to inherit.
    store.twin.folder.chmod(0o700)
    told = store.read()["drift"]
    assert [words.split(" ")[0] for words in told] == ["the", "templates.json", "sealing.key"]
    if store.twin.windows:
        assert told[1] == "templates.json gives access to Everyone"
    assert store.write("new")["changed"]
    assert store.read()["drift"] == []
    assert [path for path in (store.folder, *store.folder.iterdir()) if path.stat().st_mode & 0o007] == []


LIST = """param($path, $sddl)
$security = New-Object Security.AccessControl.DirectorySecurity
$security.SetSecurityDescriptorSddlForm($sddl)
[IO.FileSystemAclExtensions]::SetAccessControl([IO.Directory]::CreateDirectory($path), $security)
"""


@pytest.mark.parametrize(
    ("entry", "is_refused"),
    [
        ("(A;OICI;0x1301bf;;;WD)", True),  # Modify
        ("(A;CI;0x100116;;;WD)", True),  # what Users have in ProgramData: make files and folders
        ("(A;OICI;0x1200a9;;;WD)", False),  # ReadAndExecute
    ],
)
@pytest.mark.cannot_show(python="POSIX has modes instead of entries", pwsh=NO_LISTS)
def test_a_folder_that_was_made_beforehand_with_entries(store: Store, entry: str, is_refused: bool) -> None:
    store.twin.folder.chmod(0o700)  # see above
    store.twin.script(LIST, store.path, f"O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA){entry}")
    assert store.folder.is_dir()
    if is_refused:
        result = store.run("write", content="new")
        refused(result, "^Everyone can write to the folder .*takeown .*icacls .*/reset .*S-1-5-32-544:")
        assert store.files() == {}
    else:
        assert store.read()["drift"] == ["the folder gives access to Everyone"]
        assert store.write("new")["changed"]
        assert store.read()["drift"] == []


# ----------------------------------------------------------------------------------------------------------------------
# Others at the same time

WRITER = {
    "python": """
import sys
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.posix_file import read_store, write_store
won = 0
while won < 8:
    found = read_store(sys.argv[1])
    written = write_store(sys.argv[1], str(int(found["content"]) + 1), expected_sha256=found["sha256"])
    won += not written["conflict"]
""",
    "powershell": """param($path)
$won = 0
while ($won -lt 8) {
    $found = Read-EstStore $path $null
    $wanted = @{
        content = "$([int]$found.content + 1)"; expected_sha256 = $found.sha256; expected_key = ''
        use_new_key = $false; replaced_key = ''; keep_old = $false
    }
    if (-not (Write-EstStore $path $wanted).conflict) { $won++ }
}
""",
}


def test_two_writers_at_once_lose_nothing(store: Store) -> None:
    store.write("0")
    said = at_once(store.twin, WRITER["python"], WRITER["powershell"], store.path)
    assert store.read()["content"] == "16", said
    assert store.read()["drift"] == []


BOTH = f"""param($path)
{IMPATIENT}
$wanted = @{{
    content = 'new'; expected_sha256 = '{sha256(b"old")}'; expected_key = ''
    use_new_key = $false; replaced_key = ''; keep_old = $true
}}
foreach ($what in {{ Write-EstStore $path $wanted }}, {{ (Read-EstStore $path $null).content }}) {{
    try {{ "$(& $what)" }} catch {{ $_.Exception.GetBaseException().Message }}
}}
"""


def test_a_lock_that_another_process_holds_is_waited_for_and_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("templates.json", b"old")
    words = r"template store .*est: another process has held the lock on it for 1 seconds; try again when it has ended"
    path = store.folder / ".est.lock"
    path.touch(0o600)
    with held(store.twin, path):
        if store.twin.kind == "python":
            monkeypatch.setattr(lock, "LOCK_SECONDS", 1.0)
            with pytest.raises(posix_file.StoreError, match=f"cannot write the {words}"):
                posix_file.write_store(store.path, "new", expected_sha256=sha256(b"old"))
            with pytest.raises(posix_file.StoreError, match=f"cannot read the {words}"):
                posix_file.read_store(store.path)
        else:
            said = store.twin.script(BOTH, store.path)
            assert re.search(f"cannot write the {words}.*\n.*cannot read the {words}", said), said
    assert store.files() == {"templates.json": b"old"}
    assert store.write("new")["changed"]


@pytest.mark.cannot_show(python=NO_SHARING, pwsh=NO_SHARING)
def test_a_document_that_another_program_has_open_is_waited_for_and_told(store: Store) -> None:
    store.put("templates.json", b"old")
    words = "another program has the file open; close it there and try again"
    with held(store.twin, store.folder / "templates.json"):
        said = store.twin.script(BOTH, store.path)
        assert re.search(
            rf"cannot read the template store .*templates.json: {words}\s+cannot read .*: {words}", said
        ), said
    assert store.files() == {"templates.json": b"old"}
    # One that can be read, and not replaced.
    with held(store.twin, store.folder / "templates.json", "ReadWrite"):
        said = store.twin.script(BOTH, store.path)
        assert re.search(rf"cannot write the template store .*: {words}\s+old", said), said
        assert store.files() == {"templates.json": b"old"}
    assert store.write("new")["changed"]


# ----------------------------------------------------------------------------------------------------------------------
# Killed while it writes: the old or the new state, with its own key, and never a mixture

KILLED = f"""
$wanted = @{{
    content = 'new'; expected_sha256 = '{sha256(b"old")}'; expected_key = ''
    use_new_key = $true; replaced_key = '{key_fingerprint(KEY)}'; keep_old = $true
}}
$null = Write-EstStore $given[0] $wanted
"""


def test_a_writer_that_is_killed_leaves_the_old_or_the_new_state(store: Store) -> None:
    def begin() -> None:
        for name in store.files():
            (store.folder / name).unlink()
        store.put("templates.json", b"old")
        store.put("sealing.key", KEY.hex().encode() + b"\n")
        store.put("sealing.key.next", OTHER_KEY.hex().encode() + b"\n")

    def write() -> None:
        options = {"expected_sha256": sha256(b"old"), "use_new_key": True, "replaced_key": key_fingerprint(KEY)}
        posix_file.write_store(store.path, "new", keep_old=True, **options)

    states = set()
    begin()
    for at in kills(store.twin, write, KILLED, store.path):
        told = store.read()
        states.add((told["content"], told["key_fingerprint"]))
        assert states <= {("old", key_fingerprint(KEY)), ("new", key_fingerprint(OTHER_KEY))}, at
        # Whatever it left, the next one can write, and tidies up.
        assert store.write("next", expected_key=told["key_fingerprint"])["changed"], at
        assert store.read()["drift"] == [], at
        assert store.read()["key_fingerprint"] == told["key_fingerprint"]
        assert not [name for name in store.files() if name.endswith((".new", ".whole"))], at
        begin()
    assert len(states) == 2


# ----------------------------------------------------------------------------------------------------------------------
# A volume that takes nothing more


@pytest.fixture
def disk(twin: Twin) -> Iterator[Path]:
    """A small disk on a host that is this machine."""
    path = twin.folder / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "est-twins", str(path)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.mark.cannot_show(wine="its server sees the disks that were mounted before it started, and no others")
def test_a_disk_that_is_full_or_write_protected_keeps_the_old_document(twin: Twin, disk: Path) -> None:
    store = Store(twin, "disk/est")
    store.put("templates.json", b"old")
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    refused(store.write("new" * 4096), "(?i)cannot write the template store .*no space left")
    assert (store.files(), store.read()["drift"]) == ({"templates.json": b"old"}, [])
    (disk / "filler").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    refused(store.write("new"), "(?i)cannot write the template store .*(write-protected|read-only)")
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert store.write("new")["changed"]
    assert store.files() == {"templates.json": b"new"}


# ----------------------------------------------------------------------------------------------------------------------
# What the system says

SYSTEM_SAYS = [
    ("Der Zugriff auf den Pfad wurde verweigert.", 0x80070005, r"C:\est", "access is denied; it needs an account"),
    ("Acces refuse.", 0x80070005, r"\\files\est", "the share lets nobody in without credentials, .*; use a folder of"),
    ("Es ist keine solche Anmeldesitzung vorhanden.", 0x80070520, r"\\files\est", "the share lets nobody in"),
    ("Espace disque insuffisant.", 0x80070070, r"D:\est", "there is no space left on the disk; free some"),
    ("Der Prozess kann nicht darauf zugreifen.", 0x80070020, r"D:\est", "another program has the file open; close"),
    # Of what is not known, the words of the system are all there is, and the code is the same everywhere.
    (
        "Die Anforderung wird nicht unterst.",
        0x80070032,
        r"D:\est",
        r"Die Anforderung wird nicht unterst \(0x80070032\)",
    ),
]


@pytest.mark.cannot_show(python="it goes by the numbers of the system, and its own words are English")
def test_what_the_system_says_is_told_by_its_code_in_any_language(twin: Twin) -> None:
    cases = "".join(f"@('{words}', {code - 2**32}, '{path}'),\n" for words, code, path, _told in SYSTEM_SAYS)
    reason = "Get-EstReason ([IO.IOException]::new($case[0], $case[1])) $case[2]"
    told = twin.script(f"foreach ($case in @(\n{cases[:-2]})) {{ ({reason}) -join '; ' }}").splitlines()
    assert len(told) == len(SYSTEM_SAYS), told
    for line, (_words, _code, _path, expected) in zip(told, SYSTEM_SAYS, strict=True):
        assert re.match(expected, line), line
