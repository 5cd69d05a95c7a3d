# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a test on a host: the contract of ``est_test_files`` and ``win_est_test_files``, case by case."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from support.looking import NO_STORE
from twins.interference import IMPATIENT, at_once, held, kills
from twins.twin import PLUGINS, Twin

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import files as exchange_files
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files import lock
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store import last_tests

MODULE = PLUGINS / "modules" / "est_test_files.py"

KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQi\n-----END PRIVATE KEY-----\n"
OTHER_KEY = KEY.replace("YDK2VwBC", "YDK2VwXX")
PENDING = {"private_key.pem": KEY, "request.pem": "the request\n", "state.json": '{"state": "waiting for the CA"}\n'}
ISSUED = {"certificate.pem": "the certificate\n", "chain.pem": "", "private_key.pem": OTHER_KEY}
PAD = bytes(range(256)) * 192
OF_ANSIBLE = ("gid", "group", "mode", "owner", "size", "state", "uid", "secontext")
KINDS = {"save_pending": "+pending", "save_issued": "", "save_unusable": "+unusable"}

NO_LISTS = "Linux has no access lists of this kind"
NO_LINKS = "Wine makes no links or junctions that its programs see as such"
ROOT = "Wine runs as root, which may write everywhere"


class Files:
    """The files of one test of a twin, in a folder of the test's own."""

    def __init__(self, twin: Twin, template: str = "wifi", named: str = "wifi") -> None:
        self.twin = twin
        self.output = twin.folder / "tests"
        self.parent = self.output / named
        self.template = template

    def run(self, operation: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {
            "operation": operation,
            "output_path": self.twin.path(self.output),
            "template": self.template,
            "certificate_name": "test",
        }
        options.update({name: json.dumps(options[name]) for name in ("files", "came") if name in options})
        result = self.twin.run({**arguments, **options}, check=check)
        for key in (KEY, OTHER_KEY):
            for line in key.splitlines()[1:-1]:
                assert line not in self.twin.said
        # Ansible adds what it finds of "path" on POSIX.
        return {key: value for key, value in result.items() if key not in OF_ANSIBLE}

    def read(self) -> dict[str, str] | None:
        """The files of the pending enrolment with their key, or None."""
        result = self.run("read", pad=base64.b64encode(PAD).decode())
        assert (result.pop("changed"), result.get("failed", False)) == (False, False), result
        if not result:
            return None
        masked = base64.b64decode(result["masked_key"])
        assert result["path"].endswith("test+pending")
        request = mask(base64.b64decode(result["masked_request"]), PAD[len(masked) :]).decode()
        assert request not in self.twin.said, "it may have an enrolment code"
        return {**result["files"], "private_key.pem": mask(masked, PAD).decode(), "request.pem": request}

    def put(self, name: str, files: dict[str, str], *, parent: bool = True) -> Path:
        """Make a folder of a test, as the twin would have."""
        self.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.parent.chmod(0o700)
        folder = self.parent / name
        folder.mkdir(mode=0o700)
        for file, content in files.items():
            (folder / file).write_text(content, encoding="utf-8")
        return folder

    def there(self) -> dict[str, dict[str, str]]:
        """All folders of the template but for the lock, with their files."""
        if not self.parent.exists():
            return {}
        folders = (path for path in self.parent.iterdir() if path.name != ".est.lock")
        return {
            folder.name: {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
            for folder in folders
        }


@pytest.fixture
def files(twin: Twin) -> Files:
    return Files(twin)


def refused(result: dict[str, Any], words: str, code: str = "not_saved") -> None:
    assert (result["failed"], result["changed"], result["error_code"]) == (True, False, code), result
    assert re.search(words, result["msg"]), result["msg"]
    assert (result["reason"], result["hint"]) == (result["msg"].rstrip("."), None)


# ----------------------------------------------------------------------------------------------------------------------
# What is kept


def test_nothing_is_pending_and_nothing_is_made(files: Files) -> None:
    assert files.read() is None
    assert not files.output.exists()
    files.parent.mkdir(mode=0o700, parents=True)
    assert files.read() is None
    assert files.there() == {}


def test_the_template_store_is_read_along(files: Files) -> None:
    store = files.twin.folder / "est"
    given = {"pad": base64.b64encode(PAD).decode(), "store_path": files.twin.path(store)}
    assert files.run("read", **given)["document"] == NO_STORE
    refused(files.run("read", key_pad="5a", **given), "key_pad is not 32 octets", "invalid_option")
    store.mkdir(mode=0o700)
    key = bytes(range(32))
    for name, content in (("templates.json", "{}"), ("sealing.key", key.hex())):
        (store / name).write_text(content, encoding="ascii")
        (store / name).chmod(0o600)
    files.run("save_pending", files=PENDING)
    both = files.run("read", key_pad="5a" * 32, **given)
    assert (both["document"]["content"], sorted(both["files"])) == ("{}", ["state.json"])
    assert mask(bytes.fromhex(both["document"]["masked_key"]), b"\x5a" * 32) == key
    assert key.hex() not in files.twin.said
    assert files.run("read", **given)["document"]["masked_key"] == ""


@pytest.mark.parametrize("operation", KINDS)
def test_files_are_saved_and_replaced(files: Files, operation: str) -> None:
    name = f"test{KINDS[operation]}"
    for content in ({**PENDING, "only.pem": "in the first"}, PENDING, {"grüße.pem": "東京 \U0001f511\r\n"}):
        if files.twin.windows and "grüße.pem" in content:
            content = {"name.pem": content["grüße.pem"]}  # the locale of Wine is C: other names than here
        before = files.there()
        result = files.run(operation, files=content)
        assert result == {"changed": True, "path": files.twin.path(files.parent / name), "not_noted": ""}
        assert {**before, name: content} == {
            folder: {file: Path(files.parent / folder / file).read_bytes().decode() for file in found}
            for folder, found in files.there().items()
        }


def test_what_is_pending_is_read_and_ends_with_what_is_issued(files: Files) -> None:
    files.run("save_pending", files=PENDING)
    assert files.read() == PENDING
    files.run("save_unusable", files=ISSUED)
    assert files.read() == PENDING
    files.run("save_issued", files=ISSUED)
    assert files.read() is None
    assert files.there() == {"test": ISSUED, "test+unusable": ISSUED}


@pytest.mark.parametrize("name", PENDING)
@pytest.mark.parametrize("content", [None, "ü", "x" * (16 * 1024 + 1)])
def test_an_enrolment_that_is_not_complete_is_none(files: Files, name: str, content: str | None) -> None:
    folder = files.put("test+pending", PENDING)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content, encoding="utf-8")
    assert files.read() is None


def test_what_is_at_the_limit_is_read(files: Files) -> None:
    whole = {**PENDING, "request.pem": "x" * (16 * 1024)}
    files.put("test+pending", whole)
    assert files.read() == whole


def test_a_file_in_the_place_of_what_is_pending(files: Files) -> None:
    files.put("other", {})
    (files.parent / "test+pending").write_text("a file", encoding="ascii")
    assert files.read() is None
    files.run("save_pending", files=PENDING)
    assert files.read() == PENDING


def test_a_folder_in_the_place_of_a_file(files: Files) -> None:
    folder = files.put("test+pending", {"private_key.pem": KEY})
    (folder / "request.pem").mkdir()
    refused(files.run("read", pad=base64.b64encode(PAD).decode()), "request.pem.* a (folder|directory)")


@pytest.mark.parametrize("operation", ["read", *KINDS])
def test_what_a_killed_run_left_is_put_right(files: Files, operation: str) -> None:
    files.put("test", ISSUED)
    files.put(".test~0a1b2c3d", {"private_key.pem": "half"})
    files.put(".test~0a1b2c3d.old", {"private_key.pem": "old"})
    files.put(".test+pending~0a1b2c3d", {})
    files.put(".test+pending~0a1b2c3d.old", PENDING)
    files.put(".other~0a1b2c3d", {})
    kept = {"test": ISSUED, "test+pending": PENDING, ".other~0a1b2c3d": {}}
    if operation == "read":
        assert files.read() == PENDING
    else:
        files.run(operation, files=ISSUED)
        kept[f"test{KINDS[operation]}"] = ISSUED
        if operation == "save_issued":
            del kept["test+pending"]
    assert files.there() == kept


@pytest.mark.parametrize(
    ("template", "devices"),
    [
        ("Wi-Fi.2_a", False),
        ("Büro/1. Stock", False),
        ("../../etc", False),
        (".hidden", False),
        ("\U0001f511 key", False),
        ("CON", True),
        ("com1.txt", True),
        ("ends with dots..", False),
        ("ends.", True),
    ],
)
def test_the_folder_of_a_template(twin: Twin, template: str, devices: bool) -> None:
    named = exchange_files.folder_name(template)
    files = Files(twin, template, named)
    made = files.run("save_pending", files=PENDING)["path"]
    assert files.read() == PENDING
    if twin.kind == "python" or not devices:
        assert made == twin.path(files.parent / "test+pending")
    else:
        (folder,) = files.output.iterdir()
        assert re.fullmatch(rf"_{re.escape(named.rstrip('.'))}-[0-9a-f]{{8}}", folder.name)


def test_check_mode_is_left_out(files: Files) -> None:
    assert files.run("save_pending", check=True, files=PENDING)["skipped"] is True
    assert not files.output.exists()


@pytest.mark.cannot_show(pwsh=NO_LISTS)
def test_what_is_made_is_for_nobody_else(files: Files) -> None:
    files.run("save_issued", files=ISSUED)
    made = [files.output, *files.output.rglob("*")]
    assert len(made) == 6 + (files.twin.kind != "python")  # the lock stays on Windows
    assert [path for path in made if path.stat().st_mode & 0o007] == []


# ----------------------------------------------------------------------------------------------------------------------
# Refusals


@pytest.mark.parametrize(
    "options",
    [
        {"operation": "read"},
        {"operation": "save_issued"},
        {"operation": "save_issued", "files": PENDING, "came": {}},
        {"operation": "read", "pad": "AAAA", "key_pad": "5a" * 32},
        {"operation": "note"},
        {"operation": "remove"},
    ],
)
def test_arguments_that_are_refused(files: Files, options: dict[str, Any]) -> None:
    assert files.run(**options)["failed"] is True
    assert not files.output.exists()


PADDED = {"pad": base64.b64encode(PAD).decode()}
EACH = pytest.mark.parametrize(
    ("operation", "options"),
    [("read", PADDED), *((kind, {"files": PENDING}) for kind in KINDS)],
)


@EACH
@pytest.mark.parametrize("name", ["tests", "tests/wifi"])
def test_a_file_on_the_way(files: Files, operation: str, options: dict[str, Any], name: str) -> None:
    path = files.twin.folder / name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text("a file", encoding="ascii")
    refused(files.run(operation, **options), "not a folder|Not a directory")


@EACH
@pytest.mark.cannot_show(wine=NO_LINKS, python="POSIX tells whose a link is, and its own are followed")
def test_a_link_on_the_way(files: Files, operation: str, options: dict[str, Any]) -> None:
    (files.twin.folder / "real" / "wifi").mkdir(mode=0o700, parents=True)
    files.output.symlink_to("real")
    refused(files.run(operation, **options), "tests is a symbolic link or junction and is not followed")
    assert files.there() == {}


@pytest.mark.parametrize(("operation", "options"), [(kind, {"files": PENDING}) for kind in KINDS])
def test_a_path_that_is_too_long(files: Files, operation: str, options: dict[str, Any]) -> None:
    words = "longer than 200 characters" if files.twin.windows else "too long"
    refused(files.run(operation, output_path=files.twin.path(files.output / ("n" * 300)), **options), words)


@pytest.mark.parametrize(
    ("operation", "options"),
    [
        pytest.param(
            "read", PADDED, marks=pytest.mark.cannot_show(python="it asks the system, which says that root may")
        ),
        *((kind, {"files": PENDING}) for kind in KINDS),
    ],
)
@pytest.mark.cannot_show(wine=ROOT)
def test_a_folder_that_cannot_be_written(files: Files, operation: str, options: dict[str, Any]) -> None:
    refused(files.run(operation, output_path="/sys/kernel/est", **options), "^/sys/kernel")


@EACH
@pytest.mark.cannot_show(pwsh=NO_LISTS)
def test_a_folder_that_others_can_write(files: Files, operation: str, options: dict[str, Any]) -> None:
    files.put("test+pending", PENDING)
    files.parent.chmod(0o777)
    refused(files.run(operation, **options), "can write to (this|the) folder.*nothing in it can be trusted")
    assert files.there() == {"test+pending": PENDING}


# ----------------------------------------------------------------------------------------------------------------------
# What came of a test

CAME = {
    "status": "issued",
    "not_after": "2027-11-22T12:00:00Z",
    "content": "0a" * 32,
    "exchange": "host",
    "lost": ['SAN "UPN": Grüße\t\\ \U0001f511\x01\x7f', "\U0001f511" * 301, 7, "2026-01-02T03:04:05.678+01:00"],
    "differs": [f"remark {number}" for number in range(40)],
    "made_up": [],
}
STORED = {
    "wi-fi": {"status": "pending", "stage": None, "at": "2026-01-01T00:00:00Z", "unknown": 1, "content": "short"},
    "Wi-Fi": {
        "status": "failed",
        "stage": "tls",
        "at": "2026-01-01T00:00:00Z",
        "http_status": 401,
        "error_code": "bad_tls",
    },
    "no time": {"status": "failed", "stage": None, "at": "2026-01-01 00:00:00"},
    "no stage": {"status": "failed", "stage": "T L S", "at": "2026-01-01T00:00:00Z"},
    "no entry": [],
    "ends, and failed": {"status": "failed", "at": "2026-01-01T00:00:00Z", "not_after": "2026-01-01T00:00:00Z"},
    "Büro": {"status": "issued", "stage": None, "at": "2026-01-01T00:00:00Z", "lost": "no list", "http_status": 1000},
    "zahl": {"status": "issued", "stage": None, "at": "2026-01-01T00:00:00Z", "http_status": 200.0, "exchange": 5},
}
WHOLE = {"format": "estfleet.cloud_extender.last_tests", "format_version": 1, "tests": STORED}


@pytest.mark.parametrize(
    "came",
    [
        CAME,
        {"status": "failed", "stage": "http", "http_status": 401, "error_code": "unauthorized", "exchange": "relay"},
        {"status": "pending", "content": None},
        {"status": "other"},
        {"status": "pending", "not_after": "2027-11-22T12:00:00Z"},
        {"status": "issued", "at": "1999-01-01T00:00:00Z"},
    ],
)
@pytest.mark.parametrize(
    "there",
    [
        None,
        json.dumps(WHOLE),
        json.dumps(WHOLE, ensure_ascii=False, indent=1),
        json.dumps({**WHOLE, "format_version": 2}),
        json.dumps({**WHOLE, "tests": []}),
        "[]",
        '{"format":',
        "",
    ],
)
def test_what_came_is_noted_to_the_octet(files: Files, came: dict[str, Any], there: str | None) -> None:
    store = files.twin.folder / "store"
    store.mkdir(mode=0o700)
    noted = store / "last_tests.json"
    if there is not None:
        noted.write_text(there, encoding="utf-8")
        noted.chmod(0o600)
    assert files.run("note", store_path=files.twin.path(store), came=came) == {"changed": True}
    expected = last_tests.with_test(there or "", "wifi", came)
    time = re.compile(r'(?<="at": ")20[2-9][^"]*(?=")')
    stored = "2026-01-01T00:00:00Z"
    assert time.sub(lambda found: stored, noted.read_bytes().decode()) == time.sub(lambda found: stored, expected)


@pytest.mark.parametrize("operation", KINDS)
def test_files_are_saved_and_what_came_is_noted_in_one_call(files: Files, operation: str) -> None:
    store = files.twin.folder / "store"
    asked = {"files": ISSUED, "store_path": files.twin.path(store), "came": CAME}
    result = files.run(operation, **asked)
    # The certificate is kept though there is no store for the note.
    assert (result["changed"], result.get("failed", False)) == (True, False)
    assert re.match("cannot write the template store .*store", result["not_noted"])
    assert files.there() == {f"test{KINDS[operation]}": ISSUED}
    assert not store.exists()
    store.mkdir(mode=0o700)
    assert files.run(operation, **asked)["not_noted"] == ""
    noted = last_tests.parse_last_tests((store / "last_tests.json").read_text(encoding="utf-8"))
    assert noted["wifi"].status == CAME["status"]


def test_what_cannot_be_saved_is_not_noted(files: Files) -> None:
    store = files.twin.folder / "store"
    store.mkdir(mode=0o700)
    files.output.write_text("a file", encoding="ascii")
    result = files.run("save_issued", files=ISSUED, store_path=files.twin.path(store), came=CAME)
    refused(result, "not a folder|Not a directory")
    assert list(store.iterdir()) == []


def test_there_is_no_store_to_note_it_in(files: Files) -> None:
    result = files.run("note", store_path=files.twin.path(files.twin.folder / "store"), came=CAME)
    refused(result, "cannot write the template store .*store", "store_failed")
    assert not (files.twin.folder / "store").exists()


# ----------------------------------------------------------------------------------------------------------------------
# Others at the same time, and an end

WRITER = {
    "python": f"""
import sys
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import TestFolder
folder = TestFolder(sys.argv[1], "wifi", "test")
for number in range(8):
    folder.save_pending({PENDING!r})
    assert folder.read_pending() == {PENDING!r}
print("done")
""",
    "powershell": """param($path)
$test = Get-EstTestFolder $path 'wifi' 'test'
$files = @{ 'private_key.pem' = 'a'; 'request.pem' = 'b'; 'state.json' = 'c' }
for ($number = 0; $number -lt 8; $number++) {
    $null = Save-EstTestFiles $test 'Pending' $files
    if ((Read-EstPending $test).Count -ne 3) { throw 'half an enrolment' }
}
'done'
""",
}


def test_two_writers_at_once(files: Files) -> None:
    said = at_once(files.twin, WRITER["python"], WRITER["powershell"], files.twin.path(files.output))
    assert ["done" in words for words in said] == [True, True], said
    assert list(files.there()) == ["test+pending"]


def test_a_lock_that_another_process_holds_is_waited_for_and_told(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.put("test", ISSUED)
    path = files.parent / ".est.lock"
    path.touch(0o600)
    script = (
        f"param($path)\n{IMPATIENT}try {{ Save-EstTestFiles (Get-EstTestFolder $path 'wifi' 'test') 'Issued' @{{}} }}"
        "catch { $_.Exception.GetBaseException().Message }\n"
    )
    with held(files.twin, path):
        if files.twin.kind == "python":
            monkeypatch.setattr(lock, "LOCK_SECONDS", 1.0)
            with pytest.raises(TimeoutError) as caught:
                exchange_files.TestFolder(str(files.output), "wifi", "test").save_issued({})
            said = f"{caught.value.filename}: {caught.value.strerror}"
        else:
            said = files.twin.script(script, files.twin.path(files.output))
    assert "wifi: another process has held the lock on it for 1 seconds; try again when it has ended" in said
    assert files.there() == {"test": ISSUED}


@pytest.mark.cannot_show(
    python="POSIX lets a folder be renamed in which a program has a file open",
    pwsh="POSIX lets a folder be renamed in which a program has a file open",
)
def test_a_file_that_another_program_has_open_keeps_the_old_pair(files: Files) -> None:
    folder = files.put("test", ISSUED)
    with held(files.twin, folder / "certificate.pem"):
        result = files.run("save_issued", files={**ISSUED, "certificate.pem": "another one"})
        if result.get("failed"):  # Wine lets it be renamed, Windows does not
            refused(result, "another program has the file open|access is denied")
            assert files.there() == {"test": ISSUED}
    files.run("save_issued", files=ISSUED)
    assert files.there() == {"test": ISSUED}


KILLED = """
$files = @{ 'certificate.pem' = 'new'; 'private_key.pem' = 'new' }
$null = Save-EstTestFiles (Get-EstTestFolder $given[0] 'wifi' 'test') 'Issued' $files
"""


def test_a_writer_that_is_killed_leaves_a_key_with_its_certificate(files: Files) -> None:
    new, old = (
        dict.fromkeys(("certificate.pem", "private_key.pem"), "new"),
        {"certificate.pem": "old", "private_key.pem": "old"},
    )

    def begin() -> None:
        for path in sorted(files.parent.rglob("*"), reverse=True) if files.parent.exists() else []:
            path.rmdir() if path.is_dir() else path.unlink()
        files.put("test", old)
        files.put("test+pending", PENDING)

    def save() -> None:
        exchange_files.TestFolder(str(files.output), "wifi", "test").save_issued(new)

    states = set()
    begin()
    for at in kills(files.twin, save, KILLED, files.twin.path(files.output)):
        pending = files.read()
        there = files.there()
        assert there["test"] in (old, new), at
        # What is pending ends with the new one, and not before.
        assert pending == PENDING or there["test"] == new, at
        assert [name for name in there if name.startswith(".")] == [], at
        states.add((there["test"]["private_key.pem"], pending is None))
        files.run("save_issued", files=ISSUED)
        assert files.there() == {"test": ISSUED}, at
        begin()
    assert {("old", False), ("new", True)} <= states


def test_the_names_of_a_test_are_these() -> None:
    folder = exchange_files.TestFolder(os.sep + "tests", "wifi", "test")
    assert (folder.path, folder.pending_path) == ("/tests/wifi/test", "/tests/wifi/test+pending")
