# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of a Windows host on its double: what is found, what is written, and a run that ends at any moment."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from support.templates import template
from windows.conftest import STORE
from windows.direct import DirectHost
from windows.machine import ADMINISTRATORS, SYSTEM, USERS, Killed, Machine

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.apply import Outcome, apply_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import DamagedDocument, StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.plan import Desired, Request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import open_secrets, parse_document
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.sealing import Verifiers
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.windows.store import INHERITS, WindowsStore

DOCUMENT = f"{STORE}\\templates.json"


@pytest.fixture(autouse=True)
def _cheap_verifiers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a verifier costs does not matter here."""
    monkeypatch.setattr(Verifiers, "new", classmethod(lambda cls: cls(salt=bytes(16), n=2)))


def request(password: str | None = "canary-1", *names: str, **options: object) -> Request:
    """What is desired: templates with a password, or without."""
    present = []
    for name in names or ("A", "B"):
        made = template(name=name, **({"username": "u", "password": password} if password else {}))
        present.append(Desired(made.as_fields(), made.secrets()))
    return Request(present=tuple(present), **options)


def apply(host: DirectHost, wanted: Request, *, check: bool = False, full_look: bool = False) -> Outcome:
    """Apply it with a store of its own, as each task has one."""
    return apply_request(WindowsStore(host, STORE, full_look=full_look), wanted, check_mode=check)


def passwords(host: DirectHost) -> dict[str, dict[str, str]]:
    """The secrets of the templates as they can be opened."""
    observed = WindowsStore(host, STORE).read(want_key=True)
    if not observed.exists or observed.content is None:
        return {}
    try:
        parse_document(observed.content)
    except DamagedDocument:
        return {}
    templates = parse_document(observed.content or "").templates
    return {entry.name: open_secrets(entry, observed.key) if entry.secrets else {} for entry in templates}


def names_in(machine: Machine) -> set[str]:
    """The names in the store's folder."""
    return set(os.listdir(machine.real(STORE)))


# -- what is called ----------------------------------------------------------------------------------------------------


def test_nothing_changes_costs_one_call(host: DirectHost) -> None:
    apply(host, request())
    host.calls.clear()
    assert not apply(host, request()).plan.changed
    assert host.calls == ["slurp"]


def test_a_change_without_secrets_asks_for_no_key(host: DirectHost) -> None:
    apply(host, request())
    host.calls.clear()
    assert apply(host, request("canary-1", "A", purge=True)).plan.changed
    assert host.calls == [
        "slurp",
        "win_file",
        "win_acl",
        "win_acl",
        "win_owner",
        "win_acl_inheritance",
        "put",
        "win_find",
        "win_copy",
        "win_file",
    ]


def test_a_new_password_fetches_the_key_once(host: DirectHost) -> None:
    apply(host, request())
    host.calls.clear()
    assert apply(host, request("canary-2")).plan.changed
    assert host.calls.count("fetch") == 1
    assert passwords(host)["A"] == {"password": "canary-2"}


def test_check_mode_only_reads(host: DirectHost) -> None:
    assert apply(host, request(), check=True).plan.changed
    assert set(host.calls) == {"slurp"}
    assert not host.machine.real(STORE).exists()


# -- who may read it ---------------------------------------------------------------------------------------------------


def test_only_system_and_administrators_may_have_it(host: DirectHost) -> None:
    apply(host, request())
    assert USERS in host.machine.who_may("C:\\ProgramData")
    for name in ("", *names_in(host.machine)):
        path = f"{STORE}\\{name}" if name else STORE
        assert host.machine.who_may(path) == {SYSTEM, ADMINISTRATORS}
    assert host.machine.owner(STORE) == ADMINISTRATORS


def test_a_folder_that_a_user_made_first_is_taken_from_them(host: DirectHost) -> None:
    host.machine.make_folder(STORE)
    host.machine.change_acl(STORE, owner=USERS)
    apply(host, request())
    assert host.machine.owner(STORE) == ADMINISTRATORS
    assert host.machine.who_may(STORE) == {SYSTEM, ADMINISTRATORS}


def test_inherited_permissions_are_drift_in_a_full_look_and_put_right(host: DirectHost) -> None:
    apply(host, request())
    host.machine.change_acl(STORE, protected=False)
    assert not apply(host, request()).plan.changed
    assert apply(host, request(), check=True, full_look=True).plan.problems == (INHERITS,)
    assert USERS in host.machine.who_may(STORE)
    outcome = apply(host, request(), full_look=True)
    assert outcome.plan.changed
    assert outcome.plan.problems == (INHERITS,)
    assert host.machine.who_may(STORE) == {SYSTEM, ADMINISTRATORS}
    assert not apply(host, request(), full_look=True).plan.changed


def test_every_write_puts_permissions_right(host: DirectHost) -> None:
    apply(host, request())
    host.machine.change_acl(STORE, protected=False, entries=[])
    apply(host, request("canary-2"))
    assert host.machine.who_may(STORE) == {SYSTEM, ADMINISTRATORS}


# -- a run that ends ---------------------------------------------------------------------------------------------------

CHANGES = {
    "first": (None, request()),
    "password": (request(), request("canary-2")),
    "no secret": (request(), request("canary-1", "A", purge=True)),
    "rotation": (request(), request(rotate_key=True)),
    "edited by hand": (request(), request()),
    "damaged": (request(), request()),
}


def prepare(host: DirectHost, change: str) -> Request:
    """Bring the host where the change begins; return what is wanted then."""
    before, wanted = CHANGES[change]
    if before is not None:
        apply(host, before)
    real = host.machine.real(DOCUMENT)
    if change == "damaged":
        real.write_bytes(real.read_bytes()[:-100])
    elif change == "edited by hand":
        real.write_bytes(real.read_bytes().replace(b"est.example.com", b"est.example.org"))
    return wanted


@pytest.mark.parametrize("change", CHANGES)
def test_killed_at_any_moment_it_has_the_old_or_the_new_document(tmp_path, real_collection, change: str) -> None:
    outcomes = set()
    prepared = DirectHost(Machine(tmp_path / "prepared"), real_collection)
    wanted = prepare(prepared, change)
    before = passwords(prepared)
    for moment in range(1, 200):
        shutil.copytree(tmp_path / "prepared", tmp_path / str(moment))
        host = DirectHost(Machine(tmp_path / str(moment)), real_collection)
        host.machine.kill_at = moment
        try:
            apply(host, wanted)
            break
        except Killed:
            pass
        host.machine.kill_at = None
        after = passwords(host)
        expected = {entry.name: dict(entry.secrets) for entry in wanted.present}
        assert after in (before, expected)
        outcomes.add("old" if after == before else "new")
        # The next run ends what this one began, and leaves nothing behind.
        apply(host, wanted, full_look=True)
        assert passwords(host) == expected
        assert not apply(host, wanted if not wanted.rotate_key else request(), full_look=True).plan.changed
        assert "templates.json.new" not in names_in(host.machine)
    assert moment > 8
    assert outcomes == {"old", "new"} or change in ("rotation", "edited by hand")


@pytest.mark.parametrize("change", CHANGES)
def test_failed_at_any_moment_it_says_so_and_has_the_old_or_the_new_document(
    tmp_path, real_collection, change: str
) -> None:
    prepared = DirectHost(Machine(tmp_path / "prepared"), real_collection)
    wanted = prepare(prepared, change)
    before = passwords(prepared)
    for moment in range(1, 200):
        shutil.copytree(tmp_path / "prepared", tmp_path / str(moment))
        host = DirectHost(Machine(tmp_path / str(moment)), real_collection)
        host.machine.fail_at = moment
        expected = {entry.name: dict(entry.secrets) for entry in wanted.present}
        try:
            apply(host, wanted)
        except StoreError as error:
            assert "There is not enough space on the disk" in str(error)
            assert passwords(host) in (before, expected)
        else:
            assert passwords(host) == expected
            if host.machine.moments < moment:
                break
        host.machine.fail_at = None
        apply(host, wanted, full_look=True)
        assert passwords(host) == expected
    assert moment > 8


def test_what_a_killed_run_left_is_told_and_ended(host: DirectHost) -> None:
    apply(host, request())
    content = host.machine.real(DOCUMENT).read_bytes()
    host.machine.real(DOCUMENT).unlink()
    host.machine.write(f"{DOCUMENT}.new", content)
    outcome = apply(host, request())
    assert outcome.plan.problems == (
        "templates.json.new was left by a run that was killed while it wrote, and is the document",
    )
    assert host.machine.real(DOCUMENT).read_bytes() == content
    assert "templates.json.new" not in names_in(host.machine)


def test_a_document_that_is_replaced_while_it_is_read_is_found(host: DirectHost) -> None:
    apply(host, request())
    real = host.machine.real(DOCUMENT)
    content = real.read_bytes()
    real.unlink()
    reads = []
    run = host.run

    def while_another_writes(module, arguments, *, check=False):
        reads.append(arguments["src"])
        if len(reads) == 3:
            real.write_bytes(content)
        return run(module, arguments, check=check)

    host.run = while_another_writes  # type: ignore[method-assign]
    assert WindowsStore(host, STORE).read(want_key=False).exists


# -- others at work ----------------------------------------------------------------------------------------------------


def test_a_document_that_another_run_wrote_meanwhile_is_read_again(host: DirectHost) -> None:
    apply(host, request("canary-1", "A"))
    other = DirectHost(host.machine, host._collection)
    host.meanwhile["win_file"] = lambda: apply(other, request("canary-3", "C"))
    apply(host, request("canary-2", "A"))
    assert passwords(host) == {"A": {"password": "canary-2"}, "C": {"password": "canary-3"}}


def test_a_key_that_another_run_is_about_to_use_stays(host: DirectHost) -> None:
    apply(host, request())
    young = f"{STORE}\\sealing.key.{'a' * 16}"
    old = f"{STORE}\\sealing.key.{'b' * 16}"
    for path in (young, old):
        host.machine.write(path, b"00" * 32)
    os.utime(host.machine.real(old), (1, 1))
    apply(host, request("canary-2"))
    assert host.machine.real(young).exists()
    assert not host.machine.real(old).exists()


@pytest.mark.parametrize("shared", [False, True], ids=["locked", "read by another"])
def test_a_file_that_another_program_has_open(host: DirectHost, *, shared: bool) -> None:
    apply(host, request())
    host.machine.open_by_another(DOCUMENT, shared=shared)
    with pytest.raises(StoreError, match=r"is being used by another process.*; it needs an account"):
        apply(host, request("canary-2"))
    host.machine.close_all()
    assert passwords(host)["A"] == {"password": "canary-1"}
    assert "templates.json.new" not in names_in(host.machine)


# -- what is found -----------------------------------------------------------------------------------------------------


def test_a_lost_key_is_drift_in_a_full_look_and_made_anew(host: DirectHost) -> None:
    apply(host, request())
    key = next(name for name in names_in(host.machine) if name.startswith("sealing.key."))
    host.machine.remove(f"{STORE}\\{key}")
    assert apply(host, request(), check=True, full_look=True).plan.problems == (
        "password of template 'A' cannot be opened: sealing.key is lost",
        "password of template 'B' cannot be opened: sealing.key is lost",
    )
    assert apply(host, request(), full_look=True).plan.changed
    assert passwords(host) == {"A": {"password": "canary-1"}, "B": {"password": "canary-1"}}


@pytest.mark.parametrize(
    ("content", "damage"), [(b"", "is not a key of 64 hex digits"), (b"ab" * 32, "is another key")]
)
def test_a_key_that_cannot_be_used_is_replaced(host: DirectHost, content: bytes, damage: str) -> None:
    apply(host, request())
    key = next(name for name in names_in(host.machine) if name.startswith("sealing.key."))
    host.machine.real(f"{STORE}\\{key}").write_bytes(content)
    assert WindowsStore(host, STORE).read(want_key=True).key_damage == damage
    assert apply(host, request("canary-2")).plan.changed
    assert passwords(host)["A"] == {"password": "canary-2"}


def test_a_rotated_key_takes_the_place_of_the_old_one(host: DirectHost) -> None:
    apply(host, request())
    before = {name for name in names_in(host.machine) if name.startswith("sealing.key.")}
    assert apply(host, request(rotate_key=True)).plan.rotate
    after = {name for name in names_in(host.machine) if name.startswith("sealing.key.")}
    assert len(before) == len(after) == 1
    assert before != after


def test_a_damaged_document_is_kept_beside_the_new_one(host: DirectHost) -> None:
    apply(host, request())
    real = host.machine.real(DOCUMENT)
    real.write_bytes(b"damaged")
    outcome = apply(host, request())
    assert outcome.kept.startswith(f"{DOCUMENT}.damaged-")
    assert host.machine.real(outcome.kept).read_bytes() == b"damaged"
    observed = WindowsStore(host, STORE, full_look=True).read(want_key=False)
    assert observed.kept_documents == (outcome.kept.lower().replace(STORE.lower(), STORE),)


def test_names_are_found_in_any_case_and_line_ends_of_windows_are_no_drift(host: DirectHost) -> None:
    apply(host, request())
    real = host.machine.real(DOCUMENT)
    real.write_bytes(real.read_bytes().replace(b"\n", b"\r\n"))
    real.rename(real.with_name("TEMPLATES.JSON"))
    assert not apply(host, request(), full_look=True).plan.changed


def test_a_folder_in_the_place_of_the_document_is_refused(host: DirectHost) -> None:
    host.machine.make_folder(DOCUMENT)
    with pytest.raises(StoreError, match=r"templates\.json is a folder, and no module"):
        apply(host, request())


def test_a_file_in_the_place_of_the_folder_is_refused(host: DirectHost) -> None:
    host.machine.write(STORE, b"")
    with pytest.raises(StoreError, match="is not a directory"):
        apply(host, request())


def test_a_document_of_a_newer_version_is_left_alone(host: DirectHost) -> None:
    apply(host, request())
    real = host.machine.real(DOCUMENT)
    newer = json.dumps({**json.loads(real.read_bytes()), "format_version": 99}).encode()
    real.write_bytes(newer)
    with pytest.raises(StoreError, match="has format version 99"):
        apply(host, request("canary-2"))
    assert real.read_bytes() == newer


def test_a_fingerprint_written_by_hand_is_no_path(host: DirectHost) -> None:
    apply(host, request())
    real = host.machine.real(DOCUMENT)
    document = json.loads(real.read_bytes())
    document["sealing_key"]["fingerprint"] = "..\\..\\Windows\\win.ini"
    real.write_bytes(json.dumps(document).encode())
    host.calls.clear()
    assert WindowsStore(host, STORE).read(want_key=True).key_fingerprint == ""
    assert host.calls == ["slurp"]


def test_variables_are_put_in_where_modules_do_not(host: DirectHost) -> None:
    path = "%ProgramData%\\est"
    apply_request(WindowsStore(host, path), request(), check_mode=False)
    assert host.machine.real("C:\\ProgramData\\est\\templates.json").is_file()
    assert host.machine.who_may("C:\\ProgramData\\est") == {SYSTEM, ADMINISTRATORS}
    host.calls.clear()
    assert not apply_request(WindowsStore(host, path), request(), check_mode=False).plan.changed
    assert host.calls == ["slurp"]
    full = WindowsStore(host, path, full_look=True).read(want_key=True)
    assert full.drift == ()
    assert full.key is not None
