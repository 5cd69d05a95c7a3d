# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("ansible", reason="actions and modules need ansible-core, which needs a newer Python")

from ansible.parsing.dataloader import DataLoader

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import (
    ControllerAction,
    OptionError,
    plain,
    validate,
)
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.secrets import scrub, secret_values
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.templates import check_store_path, to_yaml

SPEC = {
    "name": {"type": "str", "required": True},
    "purge": {"type": "bool", "default": False},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
}


class VaultedText:
    """As ansible-core up to 2.18 hands over a value that is encrypted in place: no str, decrypted when it is read."""

    def __str__(self):
        return "decrypted"


class TaggedText(str):
    """As ansible-core hands over a text: tagged (from 2.19 on), or marked as unsafe (up to 2.18)."""

    __slots__ = ()


class TaggedNumber(int):
    """As ansible-core from 2.19 on hands over a number of an inventory."""


@pytest.mark.parametrize(
    ("playbook", "given", "found"),
    [
        ("site/playbooks", "reports/fleet", "{tmp}/site/playbooks/reports/fleet"),
        ("site/playbooks", "../reports/", "{tmp}/site/reports/"),
        ("site/playbooks", "/srv//reports/fleet", "/srv/reports/fleet"),
        ("site/playbooks", "$EST_SITE/reports/", "/srv/reports/"),
        ("site/playbooks", "", ""),
        ("ansible_collections/a/b/playbooks", "reports/fleet", "{tmp}/started/reports/fleet"),
        ("ansible_collections/a/b/playbooks", "/srv/reports", "/srv/reports"),
        ("ansible_collections/a/b/playbooks", "~/reports", "/home/joe/reports"),
    ],
)
def test_a_place_on_the_controller_is_below_the_playbook_or_where_the_run_began(
    playbook, given, found, tmp_path, monkeypatch
):
    (tmp_path / "started").mkdir()
    monkeypatch.chdir(tmp_path / "started")
    monkeypatch.setenv("HOME", "/home/joe")
    monkeypatch.setenv("EST_SITE", "/srv")
    loader = DataLoader()
    loader.set_basedir(str(tmp_path / playbook))
    action = SimpleNamespace(_loader=loader)
    assert ControllerAction.on_controller(action, given) == found.format(tmp=tmp_path)


def test_plain():
    value = plain({"a": [VaultedText(), TaggedText("x"), b"y"], "b": ({"c": None}, True, TaggedNumber(3), 1.5)})
    assert value == {"a": ["decrypted", "x", "y"], "b": [{"c": None}, True, 3, 1.5]}
    # Equal is not enough: YAML, for one, cannot write a subclass.
    assert [type(entry).__name__ for entry in value["a"]] == ["str", "str", "str"]
    assert [type(entry).__name__ for entry in value["b"]] == ["dict", "bool", "int", "float"]


def test_validate_fills_defaults_and_converts():
    assert validate({"name": "x", "purge": "yes"}, SPEC, "(a) module") == {
        "name": "x",
        "purge": True,
        "state": "present",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "missing required arguments: name"),
        ({"name": "x", "prot": 1}, "Unsupported parameters for (a) module: prot"),
        ({"name": "x", "state": "there"}, "value of state must be one of: present, absent, got: there"),
        ({"name": "x", "purge": "maybe"}, "maybe"),
    ],
)
def test_validate_names_option_and_value(arguments, words):
    with pytest.raises(OptionError) as error:
        validate(arguments, SPEC, "(a) module")
    assert words in str(error.value)


def test_secret_values_are_found_at_any_depth_and_of_any_kind():
    arguments = {
        "password": "one",
        "templates": [{"password": 22, "client_key_passphrase": ["three"]}, "no template", None],
        "deep": [{"deeper": {"client_key_passphrase": "four", "password": None}}],
        "username": "not secret",
    }
    assert secret_values(arguments) == {"one", "22", "three", "four"}
    assert secret_values({"password": ""}) == set()


def test_scrub():
    result = {"changed": True, "msg": "it was s3cret", "templates": [{"name": "s3cret", "deep": {"x": ["a s3cret"]}}]}
    scrubbed = scrub(result, {"s3cret"})
    assert "s3cret" not in repr(scrubbed)
    assert scrubbed["changed"] is True


def test_a_password_that_reads_like_a_result_does_not_change_it():
    assert scrub({"changed": True, "failed": False}, {"True", "False"}) == {"changed": True, "failed": False}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("relative/est", "'relative/est' is not the absolute path of a folder"),
        ("~/est", "'~/est' is not the absolute path"),
        ("", "is empty"),
        ("  ", "only spaces"),
        ("/", "'/' is not the absolute path"),
        ("/a\nb", "control character"),
        ("/a ", "begins or ends with a space"),
    ],
)
def test_store_path_is_checked(path, words):
    with pytest.raises(TemplateError) as error:
        check_store_path(path)
    assert str(error.value).startswith("store_path: ")
    assert words in str(error.value)


def test_store_path_loses_a_slash_at_its_end():
    assert check_store_path("/var/lib/est//") == "/var/lib/est"


def test_yaml_keeps_the_order_and_writes_pem_as_lines():
    assert to_yaml({}) == ""
    assert to_yaml({"z": "a\nb\n", "a": ["x"], "n": None}) == "z: |\n  a\n  b\na:\n- x\nn: null\n"


def test_warnings_of_a_module_are_texts_whatever_ansible_core_makes_of_them():
    warning = SimpleNamespace(event=SimpleNamespace(msg="look out"))
    deprecation = SimpleNamespace(event=SimpleNamespace(msg="it ends"), deprecator=None, version="3.0.0", date=None)
    assert plain({"warnings": [warning, "plain"], "deprecations": [deprecation]}) == {
        "warnings": ["look out", "plain"],
        "deprecations": [{"msg": "it ends", "version": "3.0.0", "date": None}],
    }


class Echo(ControllerAction):
    """Returns what it was given."""

    def argument_spec(self):
        return {
            "store_path": {"type": "str", "aliases": ["folder"]},
            "password": {"type": "str"},
            "templates": {"type": "list"},
        }

    def perform(self, arguments):
        return {"got": dict(arguments)}


def echo(arguments):
    options = {"action": "echo", "check_mode": False, "diff": False, "async_val": 0}
    task = SimpleNamespace(args=dict(arguments), until=[], retries=None, **options)
    connection = SimpleNamespace(
        _shell=SimpleNamespace(tmpdir=None), transport="none", become=None, has_pipelining=False
    )
    return Echo(task, connection, None, None, None, None).run(task_vars={})


def test_an_alias_is_the_option_and_both_are_told():
    """A module that got both would warn of what nobody has written."""
    empty = {"password": None, "templates": None}
    for given in ({"store_path": "/s"}, {"folder": "/s"}):
        result = echo(given)
        assert (result["got"], "warnings" in result) == ({**empty, "store_path": "/s"}, False)
    result = echo({"store_path": "/s", "folder": "/t"})
    assert result["got"] == {**empty, "store_path": "/t"}
    assert result["warnings"] == ["store_path and its alias folder are both given; the alias counts"]


def test_a_task_keeps_neither_what_takes_memory_nor_a_password_and_can_be_run_again():
    options = {"action": "echo", "check_mode": False, "diff": False, "async_val": 0}
    arguments = {"store_path": "/s", "password": "canary-1f2e", "templates": [{"name": "wifi"}]}
    task = SimpleNamespace(args=arguments, until=["result is succeeded"], retries=3, **options)
    for _attempt in range(3):  # ansible-core makes a new action for each
        action = Echo(task, SimpleNamespace(_shell=SimpleNamespace(tmpdir=None)), None, None, None, None)
        assert action.run(task_vars={})["got"]["templates"] == [{"name": "wifi"}]
        assert task.args == {"store_path": "/s"}
