# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One refused account is one event: who tests with it, who waits, and who is kept from it."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("ansible")

from support.templates import template

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.exchange.account_gate import (
    Account,
    AccountGate,
    Refusal,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.fleet.tests import account_of

ACCOUNT = Account("https://est.example.com:443", "", "estuser", "canary-secret")
ISSUED = {"status": "issued"}
REFUSED = {"failed": True, "stage": "enroll", "http_status": 401, "username": "estuser"}
FORBIDDEN = {"failed": True, "stage": "enroll", "http_status": 403}
DOWN = {"failed": True, "stage": "connect", "http_status": None}


class Time:
    """A clock that a wait moves on, and that does something at a moment."""

    def __init__(self):
        self.now = 0.0
        self.then = {}

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        for moment in [moment for moment in self.then if moment <= self.now]:
            self.then.pop(moment)()


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def gate(tmp_path, time):
    return lambda host: AccountGate(str(tmp_path), host, clock=time, sleep=time.sleep)


def test_after_a_refusal_nobody_tries_the_account_there(gate):
    assert gate("ce1").enter(ACCOUNT, 10) is None
    gate("ce1").leave(ACCOUNT, REFUSED)
    other_label = Account(ACCOUNT.server, "phones", ACCOUNT.username, ACCOUNT.password)
    for host, account in (("ce1", ACCOUNT), ("ce2", ACCOUNT), ("ce2", other_label)):
        assert gate(host).enter(account, 10) == Refusal(401, "ce1")


@pytest.mark.parametrize(
    "other",
    [
        Account("https://est.example.com:8443", "", "estuser", "canary-secret"),
        Account("https://est.example.com:443", "", "another", "canary-secret"),
        Account("https://est.example.com:443", "", "estuser", "another"),
        Account("https://est.example.com:443", "", None, None),
    ],
)
def test_another_account_or_another_server_is_another_matter(gate, other):
    gate("ce1").enter(ACCOUNT, 10)
    gate("ce1").leave(ACCOUNT, REFUSED)
    assert gate("ce2").enter(other, 10) is None


def test_the_others_wait_for_the_first_and_hear_what_it_heard(gate, time):
    gate("ce1").enter(ACCOUNT, 10)
    time.then[3.0] = lambda: gate("ce1").leave(ACCOUNT, REFUSED)
    assert gate("ce2").enter(ACCOUNT, 10) == Refusal(401, "ce1")
    assert 3.0 <= time.now < 4.0


def test_they_go_on_together_once_the_account_is_accepted(gate, time):
    gate("ce1").enter(ACCOUNT, 10)
    time.then[3.0] = lambda: gate("ce1").leave(ACCOUNT, ISSUED)
    assert [gate(host).enter(ACCOUNT, 10) for host in ("ce2", "ce3", "ce4")] == [None, None, None]
    assert 3.0 <= time.now < 4.0


def test_no_wait_is_longer_than_its_bound(gate, time):
    gate("ce1").enter(ACCOUNT, 10)
    assert gate("ce2").enter(ACCOUNT, 10) is None
    assert 10.0 <= time.now < 11.0


def test_a_server_that_is_down_holds_up_two_and_no_more(gate, time):
    for host in ("ce1", "ce2"):
        assert gate(host).enter(ACCOUNT, 10) is None
        gate(host).leave(ACCOUNT, DOWN)
    assert [gate(host).enter(ACCOUNT, 10) for host in ("ce3", "ce4", "ce5")] == [None, None, None]
    assert time.now == 0.0


def test_what_is_forbidden_stops_its_label_only(gate):
    phones = Account(ACCOUNT.server, "phones", ACCOUNT.username, ACCOUNT.password)
    gate("ce1").enter(phones, 10)
    gate("ce1").leave(phones, FORBIDDEN)
    assert gate("ce2").enter(phones, 10) == Refusal(403, "ce1")
    assert gate("ce2").enter(ACCOUNT, 10) is None


def test_where_the_account_is_accepted_each_label_has_a_first_test(gate, time):
    labels = [Account(ACCOUNT.server, label, ACCOUNT.username, ACCOUNT.password) for label in ("one", "two")]
    gate("ce1").enter(labels[0], 10)
    gate("ce1").leave(labels[0], ISSUED)
    assert gate("ce2").enter(labels[1], 10) is None
    time.then[3.0] = lambda: gate("ce2").leave(labels[1], FORBIDDEN)
    assert gate("ce3").enter(labels[0], 10) is None, "nobody waits for a label that is accepted"
    assert gate("ce4").enter(labels[1], 10) == Refusal(403, "ce2")
    assert 3.0 <= time.now < 4.0


def test_a_test_that_could_not_start_says_nothing(gate, time):
    for host in ("ce1", "ce2", "ce3"):
        assert gate(host).enter(ACCOUNT, 10) is None
        gate(host).leave(ACCOUNT, {"failed": True, "stage": "input", "http_status": None})
    assert gate("ce4").enter(ACCOUNT, 10) is None
    time.then[3.0] = lambda: gate("ce4").leave(ACCOUNT, REFUSED)
    assert gate("ce5").enter(ACCOUNT, 10) == Refusal(401, "ce4")


def test_a_host_that_has_no_account_at_all_tells_nothing_of_the_others(gate):
    kept = Account(ACCOUNT.server, "", None, None)
    gate("ce1").enter(kept, 10)
    gate("ce1").leave(kept, {**REFUSED, "username": None})
    assert gate("ce2").enter(kept, 10) is None
    gate("ce2").leave(kept, REFUSED)
    assert gate("ce3").enter(kept, 10) == Refusal(401, "ce2")


def test_a_certificate_that_cannot_be_saved_is_no_silence(gate, time):
    gate("ce1").enter(ACCOUNT, 10)
    gate("ce1").leave(ACCOUNT, {"failed": True, "stage": "save", "http_status": None})
    assert [gate(host).enter(ACCOUNT, 10) for host in ("ce2", "ce3")] == [None, None]
    assert time.now == 0.0


def test_the_notes_hold_no_password(gate, tmp_path):
    gate("ce1").enter(ACCOUNT, 10)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert "canary" not in path.read_text() and "estuser" not in path.read_text()


def test_of_many_at_once_one_tries(tmp_path):
    tried, told = [], []

    def work(host):
        gate = AccountGate(str(tmp_path), host)
        refusal = gate.enter(ACCOUNT, 60)
        if refusal is None:
            tried.append(host)
            gate.leave(ACCOUNT, REFUSED)
        else:
            told.append(refusal)

    threads = [threading.Thread(target=work, args=(f"ce{number}",)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert len(tried) == 1
    assert told == [Refusal(401, tried[0])] * 9


def test_each_base_path_has_accounts_of_its_own():
    options = {"username": "estuser", "password": "canary-secret"}
    one, same, other = (
        account_of(template(server=server, **options))
        for server in ("https://vault/v1/one/est", "https://VAULT:443/v1/one/est/", "https://vault/v1/two/est")
    )
    assert one.mark("a") == same.mark("a")
    assert one.mark("a") != other.mark("a")
    assert one.server == "https://vault:443/v1/one/est"
