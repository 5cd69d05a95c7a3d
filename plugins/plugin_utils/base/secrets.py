# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is secret: the options, and the variables of the controller's environment, in one list each.

Whatever hides a secret derives from them: what of a task's arguments is kept, what is taken out of a result, and what
``-vvv`` and ``ANSIBLE_DEBUG`` may print. ``tests/unit/house`` holds that no option that is named like a secret is
missing here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible.module_utils.common.parameters import remove_values
from ansible.utils.display import Display

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.fields import SECRET_FIELDS

#: The secret fields of a template, and the passphrase of a bundle.
SECRET_OPTIONS: tuple[str, ...] = (*SECRET_FIELDS, "passphrase", "pkcs12_passphrase", "private_key_passphrase")

#: The variables that give the password of a template, and the passphrase of a bundle.
PASSWORD_VARIABLE = "EST_PASSWORD"  # noqa: S105 - a name
PASSPHRASE_VARIABLE = "EST_BUNDLE_PASSPHRASE"  # noqa: S105 - a name

# Never censored: a password such as "True" must not change what a run means.
_NEVER_CENSORED = ("changed", "failed", "unreachable")


class Unprinted(dict[str, Any]):
    """Arguments of a module. With ANSIBLE_DEBUG ansible-core prints them, whatever the module calls secret."""

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{name}: ...' for name in self)}}}"


@contextlib.contextmanager
def printing_nothing(play_context: Any) -> Iterator[None]:
    """Let nothing print what a host answers meanwhile: with ``-vvv`` ssh prints it, and the others with more of them.

    Each task has a process of its own, so no other task is silenced.

    :param play_context: of the connection.
    """
    display = Display()
    # The verbosity of the log file is one of its own from ansible-core 2.18 on.
    levels = {name: getattr(display, name) for name in ("verbosity", "log_verbosity") if hasattr(display, name)}
    no_log = play_context.no_log
    try:
        for name in levels:
            setattr(display, name, 0)
        play_context.no_log = True
        yield
    finally:
        for name, level in levels.items():
            setattr(display, name, level)
        play_context.no_log = no_log


def short_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that are short and not secret, for the task to keep once its work has begun.

    ansible-core sends a task's arguments back with the result and holds those of all hosts until the last host is done:
    more memory than all else of a run, and a callback may log them. So may a template that somebody gave as a text, in
    place of a dictionary, with its password in it.
    """
    return {
        name: value
        for name, value in arguments.items()
        if not isinstance(value, (dict, list))
        and name not in SECRET_OPTIONS
        and not any(secret in str(value) for secret in SECRET_OPTIONS)
    }


def secret_values(arguments: Any) -> set[str]:
    """Return the values of all secret options, at any depth, whether the arguments are valid or not."""
    return {text for text in _secret_texts(arguments) if text}


def _secret_texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            if key in SECRET_OPTIONS:
                yield from _all_texts(entry)
            else:
                yield from _secret_texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _secret_texts(entry)


def _all_texts(value: Any) -> Iterator[str]:
    if isinstance(value, (Mapping, list)):
        for entry in value.values() if isinstance(value, Mapping) else value:
            yield from _all_texts(entry)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def scrub(result: Mapping[str, Any], secrets: Iterable[str]) -> dict[str, Any]:
    """Return a result in which no secret is left, at any depth."""
    known = set(secrets)
    if not known:
        return dict(result)
    scrubbed = dict(remove_values(dict(result), known))
    scrubbed.update((key, result[key]) for key in _NEVER_CENSORED if key in result)
    return scrubbed
