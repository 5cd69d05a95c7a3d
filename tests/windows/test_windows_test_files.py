# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a test on a Windows host: who may have them, and what is there at every moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest
from windows.conftest import STORE
from windows.direct import DirectHost
from windows.machine import ADMINISTRATORS, SYSTEM, USERS, Fail, Killed

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.last_tests import parse_last_tests
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.paths import check_windows_name
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.store import read_last_tests
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.test_files import WindowsTestFiles

TESTS = f"{STORE}\\tests"
FOLDER = f"{TESTS}\\wifi\\test"
ONLY = {SYSTEM, ADMINISTRATORS}


def files_on(
    host: DirectHost, output_path: str = TESTS, name: str = "wifi", *, check: bool = False
) -> WindowsTestFiles:
    """The files of one test."""
    return WindowsTestFiles(host, STORE, output_path, name, "test", check=check)


def issued(number: int) -> dict[str, str]:
    """Files that belong together."""
    names = ("private_key.pem", "chain.pem", "certificate.pem")
    return {name: f"{name} of pair {number}, long enough to be cut\n" for name in names}


def pending(number: int, retry_at: str = "2026-11-22T12:00:00Z") -> dict[str, str]:
    """The files of a pending enrolment."""
    state = {"format_version": 1, "request_digest": str(number), "retry_at": retry_at}
    key, request = f"key {number}\n", f"request {number}\n"
    return {"private_key.pem": key, "request.pem": request, "state.json": json.dumps(state)}


def there(host: DirectHost, folder: str) -> dict[str, str]:
    """The files of a folder."""
    real = host.machine.real(folder)
    return {path.name: path.read_text() for path in real.iterdir()} if real.is_dir() else {}


def every_moment(host: DirectHost, what: Callable[[], object], look: Callable[[], None], how: str) -> int:
    """Do something, killed (or failing) one moment later each time, and look at what is there then."""
    moment = 0
    while True:
        moment += 1
        host.machine.moments = 0
        setattr(host.machine, how, moment)
        try:
            what()
            done = True
        except (Killed, EstError, Fail):
            done = False
        setattr(host.machine, how, None)
        look()
        if done:
            return moment


def test_what_is_issued_is_saved_where_only_administrators_may_read_it(host: DirectHost) -> None:
    files = files_on(host)
    assert files.read_pending() is None
    assert files.save_issued(issued(1)) == FOLDER
    assert there(host, FOLDER) == issued(1)
    for path in (STORE, FOLDER, f"{FOLDER}\\private_key.pem"):
        assert host.machine.who_may(path) == ONLY
    assert host.machine.owner(STORE) == ADMINISTRATORS
    assert USERS in host.machine.who_may("C:\\ProgramData")


def test_a_folder_of_the_user_keeps_its_permissions(host: DirectHost) -> None:
    host.machine.make_folder("C:\\Shared")
    files = files_on(host, "C:\\Shared")
    files.read_pending()
    files.save_issued(issued(1))
    assert USERS in host.machine.who_may("C:\\Shared")
    assert host.machine.who_may("C:\\Shared\\wifi\\test\\private_key.pem") == ONLY


def test_a_path_with_a_variable_is_the_folder_that_it_stands_for(host: DirectHost) -> None:
    files = WindowsTestFiles(host, "%ProgramData%\\est", "%ProgramData%\\est\\tests", "wifi", "test")
    files.read_pending()
    files.save_pending(pending(1))
    assert there(host, "C:\\ProgramData\\est\\tests\\wifi\\test+pending") == pending(1)
    again = WindowsTestFiles(host, "%ProgramData%\\est", "%ProgramData%\\est\\tests", "wifi", "test")
    assert again.read_pending() == pending(1)
    again.save_issued(issued(1))
    assert there(host, "C:\\ProgramData\\est\\tests\\wifi\\test") == issued(1)
    assert not host.machine.real("C:\\ProgramData\\est\\tests\\wifi\\test+pending").exists()


def test_check_mode_only_looks(host: DirectHost) -> None:
    assert files_on(host, check=True).read_pending() is None
    assert host.calls == ["win_stat"]
    assert not host.machine.real(STORE).exists()


def test_a_key_is_in_no_folder_that_others_may_read(host: DirectHost) -> None:
    def look() -> None:
        for folder in (FOLDER, f"{FOLDER}+pending"):
            if "private_key.pem" in there(host, folder):
                assert host.machine.who_may(f"{folder}\\private_key.pem") == ONLY

    def save() -> None:
        files = files_on(host)
        files.read_pending()
        files.save_pending(pending(1))
        files.save_issued(issued(1))

    assert every_moment(host, save, look, "kill_at") > 10


@pytest.mark.parametrize("how", ["kill_at", "fail_at"])
def test_a_key_is_never_beside_a_certificate_that_is_not_its_own(how: str, host: DirectHost) -> None:
    number = 0

    def save() -> None:
        nonlocal number
        number += 1
        files = files_on(host)
        files.read_pending()
        files.save_issued(issued(number))

    def look() -> None:
        found = there(host, FOLDER)
        if "private_key.pem" in found:
            pairs = [issued(each) for each in range(1, number + 1)]
            pair = next(pair for pair in pairs if found["certificate.pem"] == pair["certificate.pem"])
            assert found["chain.pem"] == pair["chain.pem"]
            assert pair["private_key.pem"].startswith(found["private_key.pem"])

    save()
    assert every_moment(host, save, look, how) > 5
    assert there(host, FOLDER) == issued(number)


@pytest.mark.parametrize("how", ["kill_at", "fail_at"])
def test_a_pending_enrolment_is_not_lost_while_it_is_kept_longer(how: str, host: DirectHost) -> None:
    first, later = pending(1), pending(1, "2026-11-22T13:00:00Z")
    files = files_on(host)
    files.read_pending()
    files.save_pending(first)

    def save() -> None:
        again = files_on(host)
        assert again.read_pending() in (first, later)
        again.save_pending(later)

    def look() -> None:
        assert files_on(host).read_pending() in (first, later)

    assert every_moment(host, save, look, how) > 3
    assert there(host, f"{FOLDER}+pending") == later


@pytest.mark.parametrize("how", ["kill_at", "fail_at"])
def test_of_another_pending_enrolment_all_is_there_or_nothing(how: str, host: DirectHost) -> None:
    def put(entry: Mapping[str, str]) -> None:
        files = files_on(host)
        files.read_pending()
        files.save_pending(entry)

    put(pending(1))

    def look() -> None:
        found = files_on(host).read_pending()
        # What is damaged is refused by who reads the state.
        assert found in (None, pending(1), pending(2)) or not _whole(found["state.json"])

    every_moment(host, lambda: put(pending(2)), look, how)
    assert files_on(host).read_pending() == pending(2)


def _whole(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_pending_files_travel_as_files_and_not_through_a_module(host: DirectHost) -> None:
    files = files_on(host)
    files.read_pending()
    files.save_pending(pending(1))
    host.calls.clear()
    assert files_on(host).read_pending() == pending(1)
    assert host.calls == ["win_stat", "win_find", "fetch", "fetch", "fetch"]


def test_a_huge_file_is_none_of_ours(host: DirectHost) -> None:
    files = files_on(host)
    files.read_pending()
    files.save_pending(pending(1))
    host.put(f"{FOLDER}+pending\\request.pem", b"x" * 20000)
    assert files_on(host).read_pending() is None


def test_what_cannot_be_written_is_told_before_the_ca_is_asked(host: DirectHost) -> None:
    host.machine.write("C:\\ProgramData\\wifi", b"")
    with pytest.raises(EstError, match=r"cannot be used on the host: .*is not a directory") as caught:
        files_on(host, "C:\\ProgramData").read_pending()
    assert (caught.value.stage, caught.value.request_received) == ("save", "not_received")


def test_the_folder_of_a_template_has_a_name_that_windows_can_have(host: DirectHost) -> None:
    for name in ("nul", "COM1", "wifi."):
        files = files_on(host, name=name)
        files.read_pending()
        path = files.save_issued(issued(1))
        assert path.split("\\")[-2].startswith(f"_{name.rstrip('.')}-")
        assert there(host, path) == issued(1)
    for name in ("nul", "test.", "com1.x"):
        with pytest.raises(TemplateError, match="certificate_name"):
            check_windows_name("certificate_name", name)
    check_windows_name("certificate_name", "null")
    with pytest.raises(TemplateError, match=r"output_path.*too long for Windows"):
        files_on(host, f"C:\\{'a' * 150}", "b" * 80)


def test_what_came_of_tests_is_noted_beside_the_store(host: DirectHost) -> None:
    files_on(host).read_pending()
    assert files_on(host).note(STORE, {"status": "issued", "not_after": "2027-11-22T12:00:00Z"}) == ""
    assert files_on(host, name="vpn").note(STORE, {"status": "failed", "stage": "enroll"}) == ""
    noted = parse_last_tests(read_last_tests(host, STORE))
    assert {name: (test.status, test.stage, test.not_after) for name, test in noted.items()} == {
        "wifi": ("issued", None, "2027-11-22T12:00:00Z"),
        "vpn": ("failed", "enroll", None),
    }
    host.put(f"{STORE}\\last_tests.json", b'{"cut off')
    assert files_on(host).note(STORE, {"status": "pending"}) == ""
    assert list(parse_last_tests(read_last_tests(host, STORE))) == ["wifi"]
    host.machine.open_by_another(f"{STORE}\\last_tests.json")
    assert "being used by another process" in files_on(host).note(STORE, {"status": "pending"})
