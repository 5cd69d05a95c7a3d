# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values behave as the objects of frozen dataclasses do."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Optional, Tuple

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._value import Value, field


class Point(Value):
    x: int
    y: int = 0
    label: Optional[str] = field(default=None, repr=False)


class Account(Value):
    name: str
    password: str = field(repr=False)
    groups: Tuple[str, ...] = ()


class Place(Value):
    x: int
    y: int = 0
    label: Optional[str] = None


def test_fields_are_given_by_position_and_by_name_and_have_defaults():
    assert (Point(1).x, Point(1).y, Point(1).label) == (1, 0, None)
    assert Point(1, 2, "a") == Point(label="a", y=2, x=1) == Point(1, 2, label="a")


@pytest.mark.parametrize("arguments", [(), (1, 2, "a", 3)])
def test_too_few_and_too_many_fields_are_refused(arguments):
    with pytest.raises(TypeError, match="Point is made of these fields, each once: x, y, label"):
        Point(*arguments)


@pytest.mark.parametrize("named", [{"x": 2}, {"z": 2}, {"y": 2, "x": 3}])
def test_a_field_that_is_unknown_or_given_twice_is_refused(named):
    with pytest.raises(TypeError):
        Point(1, **named)


def test_a_field_without_default_that_is_not_shown_is_required():
    with pytest.raises(TypeError):
        Account("bob")


def test_repr_leaves_out_what_is_not_shown():
    assert repr(Account("bob", "secret")) == "Account(name='bob', groups=())"


def test_a_value_never_changes():
    point = Point(1)
    for change in (lambda: setattr(point, "x", 2), lambda: setattr(point, "new", 2), lambda: delattr(point, "x")):
        with pytest.raises(AttributeError, match="Point never changes"):
            change()
    assert point == Point(1)


def test_equal_fields_make_equal_values_of_one_class_only():
    assert Point(1) != Point(2)
    assert Point(1) != Place(1)
    assert {Point(1), Point(x=1), Point(1, label=None), Place(1)} == {Point(1), Place(1)}
    assert len({Point(1), Point(x=1), Place(1)}) == 2


def test_replace_makes_another_value():
    account = Account("bob", "secret")
    assert account.replace(name="eve") == Account("eve", "secret")
    assert account.name == "bob"


def test_values_can_be_copied_and_pickled():
    account = Account("bob", "secret")
    assert copy.deepcopy(account) == account
    assert pickle.loads(pickle.dumps(account)) == account


def test_the_client_loads_no_dataclasses():
    """What they cost is why there are values at all: see docs/performance.md."""
    module = Value.__module__.rsplit(".", 1)[0] + ".est"
    program = "import sys, requests, cryptography.x509; before = set(sys.modules)"
    program += f"; import {module}.client, {module}.http.https"
    program += "; print(*sorted((set(sys.modules) - before) & {'dataclasses', 'inspect'}))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=_path())
    assert said.stdout.strip() == ""


def _path():
    return {"PYTHONPATH": ":".join(sys.path)}
