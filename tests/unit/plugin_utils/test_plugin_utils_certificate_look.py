# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The quick look at certificates from the controller: what is sent, which answers count, and the template store."""

from __future__ import annotations

import base64
import json
import sys
import time

import pytest
from support.lab import LabServer
from support.looking import Action
from support.production import asked_for, given, keep, template_for

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")
from support.actions import run_action

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import read_options
from ansible_collections.estfleet.cloud_extender.plugins.modules import est_certificate
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host import certificate
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.certificate import Look


@pytest.fixture(scope="module")
def lab():
    with LabServer() as server:
        yield server


@pytest.fixture
def asked(lab, tmp_path):
    template = template_for(lab)
    keep(tmp_path, template)
    return asked_for(tmp_path, template)


def test_a_host_that_needs_nothing_runs_one_program(asked, lab, tmp_path):
    action = Action()
    requests = len(lab.log)
    (found,) = Look(action, [asked]).unchanged()
    assert found == keep(tmp_path, asked.inline)
    ((command, sent),) = action.sent
    assert str(tmp_path) not in command
    assert "PRIVATE KEY" not in sent.decode()
    assert len(lab.log) == requests


def test_one_program_looks_at_all_certificates(asked, tmp_path):
    (tmp_path / "other").mkdir()
    other = asked_for(tmp_path / "other", asked.inline)
    action = Action()
    first, second, third = Look(action, [asked, other, asked]).unchanged()
    assert first is not None
    assert second is None
    assert third == first
    assert len(action.sent) == 1


@pytest.fixture
def stored(asked, tmp_path):
    """The same, with its template in a store."""
    store = str(tmp_path / "store")
    fields = {**asked.inline.as_fields(), **asked.inline.secrets()}
    assert run_action("est_templates", {"templates": [fields], "store_path": store})["changed"] is True
    paths = {"certificate_path": asked.certificate_path, "private_key_path": asked.private_key_path}
    identity = {"user": "jdoe", "domain": "example.com", "email": "jdoe@example.com"}
    options = given(template="wifi", identity=identity, store_path=store, **paths)
    return options, read_options(options, check_mode=False)


class Module:
    def __init__(self, options):
        self.params, self.check_mode = options, False


def test_a_template_of_the_store_comes_with_the_same_look(stored, tmp_path):
    options, asked = stored
    action = Action()
    (found,) = Look(action, [asked]).unchanged()
    assert found == est_certificate.perform(Module(options))
    assert len(action.sent) == 1
    assert (tmp_path / "store" / "sealing.key").read_text().strip() not in str(action.sent)


BROKEN_STORES = {
    "no store": lambda store: store.rename(f"{store}-2"),
    "no document": lambda store: (store / "templates.json").unlink(),
    "no key": lambda store: (store / "sealing.key").unlink(),
    "another key": lambda store: (store / "sealing.key").write_text("ab" * 32),
    "a damaged document": lambda store: (store / "templates.json").write_text("{"),
    "another template": lambda store: (store / "templates.json").write_text(
        (store / "templates.json").read_text().replace("wifi", "wiki")
    ),
    "a secret of another place": lambda store: (store / "templates.json").write_text(
        (store / "templates.json").read_text().replace('"sealed": "', '"sealed": "AAAA')
    ),
    "a hand edit": lambda store: (store / "templates.json").write_text(
        (store / "templates.json").read_text().replace('"key_type": "ec"', '"key_type": "rsa"')
    ),
    "a lock": lambda store: (store / ".est.lock").touch(0o600),
    "a folder of all": lambda store: store.chmod(0o777),
}


@pytest.mark.parametrize("change", BROKEN_STORES.values(), ids=BROKEN_STORES)
def test_what_is_wrong_with_the_store_is_the_modules(stored, tmp_path, change):
    _options, asked = stored
    assert Look(Action(), [asked]).unchanged() != [None]
    change(tmp_path / "store")
    assert Look(Action(), [asked]).unchanged() == [None]


class Answering(Action):
    """An action whose host answers what it likes."""

    def __init__(self, change):
        super().__init__()
        self._change = change

    def _low_level_execute_command(self, cmd, in_data):
        done = super()._low_level_execute_command(cmd, in_data)
        mark = done["stdout"].strip()[:24]
        answer = json.loads(done["stdout"].strip()[24:-24])
        return {**done, "stdout": f"{mark}{json.dumps(self._change(answer))}{mark}"}


def text(value):
    return base64.b64encode(value.encode()).decode("ascii")


def of_first(**changes):
    return lambda answer: {**answer, "certificates": [{**answer["certificates"][0], **changes}]}


ANSWERS = {
    "another shape": lambda answer: [answer],
    "no clock": lambda answer: {key: value for key, value in answer.items() if key != "clock"},
    "a clock that is none": lambda answer: {**answer, "clock": text("noon")},
    "no number": lambda answer: {**answer, "clock": text("nan")},
    "a clock that is behind": lambda answer: {**answer, "clock": text(str(time.time() - 120))},
    "a clock that is ahead": lambda answer: {**answer, "clock": text(str(time.time() + 120))},
    "no certificate": lambda answer: {**answer, "certificates": []},
    "two certificates": lambda answer: {**answer, "certificates": 2 * answer["certificates"]},
    "a text for one": lambda answer: {**answer, "certificates": [text("x")]},
    "nothing of it": lambda answer: {**answer, "certificates": [{}]},
    "a list for a text": of_first(certificate=[]),
    "null for a text": of_first(certificate=None),
    "more files": of_first(others=[text("x")]),
    "another key": of_first(key_sha256=text("ab" * 32)),
    "no key": of_first(key_sha256=text("")),
    "another note": of_first(note=text("[]")),
    "another certificate": of_first(certificate=text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
}


@pytest.mark.parametrize("change", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_of_another_shape_or_time_is_none(asked, change):
    assert Look(Answering(lambda answer: answer), [asked]).unchanged() != [None]
    assert Look(Answering(change), [asked]).unchanged() == [None]


@pytest.mark.parametrize("answer", [{"rc": 1, "stdout": ""}, {"rc": 0, "stdout": ""}, {"rc": 0, "stdout": "{}"}])
def test_without_an_answer_the_module_is_run(asked, answer):
    action = Action()
    action.result = answer
    assert Look(action, [asked, asked]).unchanged() == [None, None]


def test_a_python_of_the_host_that_has_no_library_will_do(asked):
    bare = Action(variables={"ansible_python_interpreter": f"{sys.executable} -S"})
    assert Look(bare, [asked]).unchanged() != [None]


@pytest.mark.parametrize("gone", ["cryptography", "cryptography.hazmat.primitives.serialization"])
def test_a_controller_without_the_library_leaves_all_to_the_module(asked, monkeypatch, gone):
    assert certificate._lacking() == certificate._LACKING == ""
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, gone, None)
        lacking = certificate._lacking()
    assert lacking == "the controller has no cryptography that can be used"
    monkeypatch.setattr(certificate, "_LACKING", lacking)
    action = Action()
    assert Look(action, [asked]).unchanged() == [None]
    assert action.sent == []
