# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The purge of ``win_est_key``: what est_certificates has made goes, and nothing else does.

Wine has a certificate that was removed back when its store is opened again. So what is shown of a removal is the key,
which is gone from its key store, and what is told; ``tests/windows/real_host_certificate.yml`` is for the rest.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from twins.test_twins_key import MISSING, NAME, NO_REMOVAL, NO_STORE, SEED, THERE, Keys, shown_by_wine, thumbprint
from twins.twin import PLUGINS, Twin

MODULE = PLUGINS / "modules" / "est_key.py"
NOTE = base64.b64encode(b'{"certificate_name": "portal"}').decode()


@pytest.fixture
def keys(twin: Twin) -> Keys:
    return Keys(twin)


def by_hand(keys: Keys) -> str:
    """The name that people give: of this test alone, as Wine keeps the certificates of all of them."""
    return f"{NAME} {keys.mark}"


def purge(keys: Keys, *, check: bool = False, declared: tuple[dict[str, str], ...] = (), **more: Any) -> Any:
    """What became of the one certificate, or nothing."""
    which = {"store_name": "My", "mark": keys.mark, "name": by_hand(keys), **more}
    path = keys.twin.path(keys.folder)
    given = {"operation": "purge", "store_path": path, "certificates": [which], "declared": list(declared)}
    result = keys.twin.run(given, check=check)
    assert not result.get("failed"), result
    assert result["changed"] == any(each["files"] for each in result["purged"])
    for told in result["purged"]:
        assert (told.pop("store_name"), told.pop("mark")) == (which["store_name"], keys.mark)
    return result["purged"][0] if result["purged"] else None


def removed(*files: str, left: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"action": "removed", "files": list(files), "left": list(left), "reason": ""}


def made(keys: Keys, number: int = 1, friendly_name: str = "") -> tuple[str, str]:
    """The key and the path of a new certificate, which is noted."""
    friendly_name = friendly_name or keys.friendly_name(number)
    public_key = keys.make(made=NOTE)
    name = (keys.folder / f"certificate-My-{keys.mark}.key").read_text().split()[1]
    der = keys.certificate(public_key)
    keys.done("join", certificate=base64.b64encode(der).decode(), friendly_name=friendly_name)
    return name, f"Cert:\\LocalMachine\\My\\{thumbprint(der)}"


def states(keys: Keys) -> list[str]:
    return [entry["key"] for entry in keys.look(name=by_hand(keys))["certificates"]]


def noted(keys: Keys) -> list[dict[str, str]]:
    found: list[dict[str, str]] = keys.look(with_made=True)["made"]["notes"]
    return found


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"declared": [{"store_name": "My", "mark": "x", "made": ""}]}, "mark cannot be 'x'"),
        ({"declared": [{"store_name": "..\\My", "mark": "0" * 8, "made": ""}]}, "store_name cannot be"),
        ({"declared": [{"store_name": "My", "mark": "0" * 8, "made": "?"}]}, "made of declared is not base64"),
        ({"certificates": [{"store_name": "My", "mark": "x", "name": NAME}]}, "mark cannot be 'x'"),
        (
            {
                "certificates": [{"store_name": "my", "mark": "0" * 8, "name": NAME}],
                "declared": [{"store_name": "My", "mark": "0" * 8, "made": ""}],
            },
            "declared and certificates have 00000000 both",
        ),
    ],
    ids=str,
)
def test_an_option_that_cannot_be_meant_is_refused(keys: Keys, options: dict[str, Any], words: str) -> None:
    path = keys.twin.path(keys.folder)
    result = keys.twin.run({"operation": "purge", "store_path": path, "certificates": [], **options})
    assert (result["failed"], result["error_code"]) == (True, "invalid_option")
    assert words in result["msg"]
    assert not keys.folder.exists()


def test_what_is_declared_is_noted_and_told_by_a_look_without_certificates(keys: Keys) -> None:
    path = keys.twin.path(keys.folder)
    declared = [
        {"store_name": "My", "mark": "0" * 8, "made": NOTE},
        {"store_name": "Web Hosting-2", "mark": "1" * 8, "made": NOTE},
    ]
    look = {"operation": "look", "store_path": path, "certificates": [], "pad": base64.b64encode(SEED).decode()}
    assert keys.twin.run({**look, "with_made": True})["made"] == {"notes": []}
    given = {"operation": "purge", "store_path": path, "certificates": [], "declared": declared}
    assert keys.twin.run(given, check=True) == {"changed": False, "purged": []}
    assert not keys.folder.exists()
    for _again in range(2):
        assert keys.twin.run(given) == {"changed": False, "purged": []}
    found = keys.twin.run({**look, "with_made": True})
    assert sorted(found["made"]["notes"], key=lambda note: str(note["mark"])) == declared
    assert keys.twin.run(look)["made"] == {}
    # What is no note of ours is none, and what a host that lost power left is one.
    (keys.folder / "certificate-My-00000000.made").rename(keys.folder / ".certificate-My-00000000.made.whole")
    (keys.folder / "certificate-My-0.made").write_text("x")
    (keys.folder / "certificate-My-22222222.made.bak").write_text("x")
    assert len(keys.twin.run({**look, "with_made": True})["made"]["notes"]) == 2


@pytest.mark.cannot_show(wine="it has such stores")
def test_where_there_is_no_key_store_it_is_said_and_the_note_stays(keys: Keys) -> None:
    declared = {"store_name": "My", "mark": keys.mark, "made": NOTE}
    keys.twin.run(
        {"operation": "purge", "store_path": keys.twin.path(keys.folder), "certificates": [], "declared": [declared]}
    )
    for check in (True, False):
        told = purge(keys, check=check)
        assert (told["action"], told["files"]) == ("failed", [])
        assert "this is no Windows" in told["reason"]
        assert keys.notes() == {"made"}


@shown_by_wine
def test_a_certificate_is_noted_before_its_key_is_made_and_that_stays(keys: Keys) -> None:
    keys.make()
    assert keys.notes() == {"key"}
    keys.make(made=NOTE)
    assert keys.notes() == {"key", "made"}
    assert {"store_name": "My", "mark": keys.mark, "made": NOTE} in noted(keys)
    keys.join(keys.certificate(keys.make()))
    assert keys.notes() == {"made"}


@shown_by_wine
def test_one_for_the_key_of_the_old_one_is_noted_too(keys: Keys) -> None:
    public_key = keys.make()
    old = keys.certificate(public_key)
    keys.join(old)
    assert keys.join(keys.certificate(public_key), 2, thumbprint=thumbprint(old), made=NOTE) == {"changed": True}
    assert keys.notes() == {"made"}


@shown_by_wine
def test_a_certificate_and_its_predecessors_go_with_their_keys(keys: Keys) -> None:
    all_of_it = [file for number in (1, 2) for file in made(keys, number)]
    keys.done("note", note="refused", content="")
    expected = removed(*all_of_it)
    assert purge(keys, check=True) == expected
    assert (states(keys), keys.notes()) == ([THERE, THERE], {"made", "refused"})
    assert purge(keys) == expected
    assert (set(states(keys)) - {MISSING}, keys.notes()) == (set(), set())


@pytest.mark.cannot_show(pwsh=NO_STORE, wine=NO_REMOVAL)
def test_a_certificate_that_was_purged_is_not_in_the_store(keys: Keys) -> None:
    made(keys)
    purge(keys)
    assert keys.look()["certificates"] == []
    assert purge(keys) is None


@shown_by_wine
def test_a_run_that_was_killed_between_key_and_certificate_is_finished(keys: Keys) -> None:
    """In Wine each removal is such a run."""
    _name, path = made(keys)
    purge(keys)
    (keys.folder / f"certificate-My-{keys.mark}.made").write_text("{}")
    assert purge(keys, check=True) == removed(path)
    assert purge(keys) == removed(path)
    assert keys.notes() == set()


@shown_by_wine
def test_one_key_of_several_certificates_goes_once(keys: Keys) -> None:
    public_key = keys.make()
    name = (keys.folder / f"certificate-My-{keys.mark}.key").read_text().split()[1]
    first, second = keys.certificate(public_key), keys.certificate(public_key)
    keys.join(first)
    keys.join(second, 2, thumbprint=thumbprint(first), made=NOTE)
    paths = [f"Cert:\\LocalMachine\\My\\{thumbprint(der)}" for der in (first, second)]
    assert purge(keys, check=True) == purge(keys) == removed(name, *paths)


@shown_by_wine
def test_a_key_that_a_certificate_of_another_store_has_stays(keys: Keys) -> None:
    name, path = made(keys)
    copied = """param($thumbprint)
$store = [Security.Cryptography.X509Certificates.X509Store]::new('My', 'LocalMachine')
$store.Open('ReadOnly')
$other = [Security.Cryptography.X509Certificates.X509Store]::new('TrustedPeople', 'LocalMachine')
$other.Open('ReadWrite')
$other.Add(($store.Certificates | Where-Object Thumbprint -eq $thumbprint))
$other.Close()
"""
    keys.twin.script(copied, path.rpartition("\\")[2])
    expected = removed(path, left=(name,))
    assert purge(keys, check=True) == expected
    assert purge(keys) == expected
    assert states(keys) == [THERE]


@shown_by_wine
def test_a_certificate_that_was_taken_over_stays_and_is_told(keys: Keys) -> None:
    """It has the name that people give, whosever the key is."""
    _name, path = made(keys, friendly_name=by_hand(keys))
    kept = {"action": "kept", "files": [], "left": [path], "reason": "est_certificates has not issued what is there"}
    assert purge(keys, check=True) == kept
    assert keys.notes() == {"made"}
    assert purge(keys) == kept
    assert (states(keys), keys.notes()) == ([THERE], set())


@shown_by_wine
def test_one_that_was_taken_over_stays_beside_ours(keys: Keys) -> None:
    _name, old_path = made(keys, friendly_name=by_hand(keys))
    name, path = made(keys)
    assert purge(keys) == removed(name, path, left=(old_path,))
    assert sorted(states(keys)) == sorted([THERE, MISSING])


@shown_by_wine
def test_one_with_our_friendly_name_and_the_key_of_another_stays_every_time(keys: Keys) -> None:
    """It came from PKCS#12, which brings the friendly name, or is a renewal for a key that was there before."""
    _name, path = made(Keys(keys.twin), friendly_name=keys.friendly_name(2))
    made(keys)
    for _again in range(2):
        told = purge(keys)
        assert (told["action"], told["files"]) == ("kept", [])
        assert told["reason"] == f"the key of {path} is not one that est_certificates has made"
        assert (states(keys), keys.notes()) == ([THERE, THERE], {"made"})
    # Where ours is the one that counts, it goes, and the other stays.
    name, newest = made(keys, 3)
    told = purge(keys, check=True)
    assert (told["action"], told["files"][-2:], told["left"]) == ("removed", [name, newest], [path])


@shown_by_wine
@pytest.mark.parametrize("pending", [False, True])
def test_what_waits_goes_with_its_key(keys: Keys, pending: bool) -> None:
    keys.make(made=NOTE)
    if pending:
        keys.done("note", note="pending", content="")
    note = (keys.folder / f"certificate-My-{keys.mark}.key").read_bytes()
    expected = removed(note.split()[1].decode())
    assert purge(keys, check=True) == expected
    assert keys.look()["waiting_key"]
    assert purge(keys) == expected
    assert keys.notes() == set()
    (keys.folder / f"certificate-My-{keys.mark}.key").write_bytes(note)
    assert keys.look()["waiting_key"] == "", "the key is gone"


@shown_by_wine
def test_notes_alone_are_told_and_nothing_is_not(keys: Keys) -> None:
    keys.done("note", note="refused", content="")
    path = keys.twin.path(keys.folder / f"certificate-My-{keys.mark}.refused")
    assert purge(keys, check=True) == purge(keys) == removed(path)
    assert purge(keys) is None


@shown_by_wine
def test_a_store_that_is_gone_has_nothing(keys: Keys) -> None:
    declared = {"store_name": "Nowhere", "mark": keys.mark, "made": NOTE}
    keys.twin.run(
        {"operation": "purge", "store_path": keys.twin.path(keys.folder), "certificates": [], "declared": [declared]}
    )
    assert purge(keys, store_name="Nowhere") is None
    assert list(keys.folder.glob("*.made")) == []
