# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One name for one thing: the command and the library call it as the options of the modules do, with their defaults."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator
from typing import Any

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate import parameters as certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics import parameters as diagnostics
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import options as test_enroll
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template import fields as template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est import api
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.command import est as command

#: The options of the modules by name. A template's options are written out, so that their defaults are there.
OPTIONS: dict[str, dict[str, Any]] = {
    **{one.name: {"default": one.default, "choices": one.choices} for one in template.FIELDS},
    **diagnostics.argument_spec(),
    **test_enroll.argument_spec(),
    **certificate.argument_spec(),
}

#: The options of the command that no module has, and why.
ONLY_IN_THE_COMMAND = {
    "help": "argparse has it",
    "json": "how the result is printed",
    "verbose": "shows the timeline, which a module returns",
    "password_file": "in place of password: other users of a host see the arguments of a process",
    "challenge_password_file": "in place of challenge_password, likewise",
    "client_key_passphrase_file": "in place of client_key_passphrase, likewise",
    "recipient_certificate_path": "modules leave the protection of a key of the server's to TLS",
    "recipient_key_path": "likewise",
    "recipient_key_passphrase_file": "likewise",
    "recipient_secret_file": "likewise",
    "recipient_identifier": "likewise",
    "allow_system_trust": "modules refuse such a key",
    "fullchain_path": "where est_certificate does not have it",
}
#: Defaults that are another one in the command, and why.
OTHER_DEFAULTS = {
    "key_type": "none leaves the type to the server, as the default of a template does; a test tells the two apart",
    "subject": "the command knows no variables, so there is none to begin with",
}
#: Keyword arguments of the library that are no option of a module, and why.
ONLY_IN_THE_LIBRARY = {
    **dict.fromkeys(("timeline", "secrets", "sleep", "strict", "make_dialler"), "how a program uses it"),
    **dict.fromkeys(("key", "pending", "make_key", "keep", "check"), "what the program keeps itself"),
    **dict.fromkeys(("anchors", "credentials", "client_certificate"), "objects, made from several options"),
    **dict.fromkeys(("with_credentials", "unasked"), "which of the credentials are sent"),
    "read_timeout": "modules have timeout alone",
    "warnings": "what the trust that anchors come from has to tell; modules have it among their results",
    "allow_system_trust": "modules refuse such a key",
    **dict.fromkeys(
        ("extensions", "attributes", "hash_name", "linking", "encoded_subject"),
        "parts of a certificate request",
    ),
}
#: What is raised and not called; its arguments are keys of results.
NOT_CALLED = ("EstError", "InputError", "MissingLibrary", "ParseError", "ServerError", "TransportError")


def arguments_of_the_command() -> Iterator[argparse.Action]:
    """Return the long options of all subcommands."""
    (commands,) = (one for one in command._parser()._actions if isinstance(one, argparse._SubParsersAction))
    for parser in commands.choices.values():
        yield from (one for one in parser._actions if one.option_strings)


def keywords_of_the_library() -> Iterator[inspect.Parameter]:
    """Return the parameters that can only be given by name, of all that a program imports."""
    for name in api.__all__:
        thing = getattr(api, name)
        if name in NOT_CALLED:
            continue
        methods = [each for each in vars(thing).values() if inspect.isfunction(each)] if inspect.isclass(thing) else []
        for each in methods or [thing]:
            found = inspect.signature(each).parameters.values()
            yield from (one for one in found if one.kind == one.KEYWORD_ONLY)


def as_default(value: Any) -> Any:
    """Return a default in one form: nothing is an empty list too, and a flag is off."""
    return (tuple(value) if isinstance(value, (list, tuple)) else value) or None


def test_the_command_has_the_names_of_the_modules() -> None:
    names = {one.dest for one in arguments_of_the_command()}
    assert names - set(OPTIONS) - set(ONLY_IN_THE_COMMAND) == set()
    assert set(ONLY_IN_THE_COMMAND) - names == set()
    for one in arguments_of_the_command():
        assert f"--{one.dest.replace('_', '-')}" in one.option_strings


def test_the_command_has_the_defaults_and_choices_of_the_modules() -> None:
    for one in arguments_of_the_command():
        option = OPTIONS.get(one.dest, {})
        if option and one.dest not in OTHER_DEFAULTS:
            assert as_default(one.default) == as_default(option.get("default")), one.dest
        if one.choices is not None:
            assert sorted(one.choices) == sorted(option["choices"]), one.dest


def test_the_library_has_the_names_and_defaults_of_the_modules() -> None:
    keywords = list(keywords_of_the_library())
    names = {one.name for one in keywords}
    assert names - set(OPTIONS) - set(ONLY_IN_THE_LIBRARY) == set()
    assert set(ONLY_IN_THE_LIBRARY) - names == set()
    for one in keywords:
        if one.name in OPTIONS:
            assert as_default(one.default) == as_default(OPTIONS[one.name].get("default")), one.name
