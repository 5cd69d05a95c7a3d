# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions of this collection share: plain arguments, validation, errors as results, scrubbed results."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.module_utils.parsing.convert_bool import BOOLEANS_TRUE
from ansible.plugins.action import ActionBase

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.fields import (
    ACCOUNT,
    CA_CERTIFICATE,
    SECRET_FIELDS,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.server import check_basic
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.synonyms import meant_option
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.trust import read_pem_certificates

# ----------------------------------------------------------------------------------------------------------------------
# What the environment of the controller gives to a template, as a credential of AWX injects it.
#
# A template that says something itself is left as it is:
#
# - ``EST_USERNAME`` and ``EST_PASSWORD`` count together, and only for a template with none of ``username``,
#   ``password`` and a TLS client certificate. One of the two alone, or an empty one, counts as not set: it may be
#   there for another purpose.
# - ``EST_CA_CERTIFICATE``, PEM text, counts only for a template with none of ``ca_certificate``, ``ca_path`` and
#   ``ca_fingerprint`` that does not use the system's trust either.
#
# What ``remove`` names is not added.

_USERNAME, _PASSWORD, _CA_CERTIFICATE = "EST_USERNAME", "EST_PASSWORD", "EST_CA_CERTIFICATE"
_WHERE = "in the environment of the controller"


def from_environment(options: Mapping[str, Any]) -> dict[str, str]:
    """Return what the environment adds to the options of a template: nothing, ``username`` and ``password``, a CA.

    :param options: as they were given; None counts as not given.
    :raises TemplateError: for a variable that counts and cannot be used. No password is shown.
    """
    added: dict[str, str] = {}
    removed = options.get("remove")
    removed = removed if isinstance(removed, (list, tuple)) else ()
    if ACCOUNT not in removed and _none_of(
        options, "username", "password", "client_certificate_path", "client_key_path"
    ):
        added.update(_credentials(os.environ.get(_USERNAME), os.environ.get(_PASSWORD)))
    system_trust = str(options.get("use_system_trust")).strip().lower() in BOOLEANS_TRUE
    if (
        not system_trust
        and CA_CERTIFICATE not in removed
        and _none_of(options, "ca_certificate", "ca_path", "ca_fingerprint")
    ):
        certificate = os.environ.get(_CA_CERTIFICATE)
        if certificate:
            added["ca_certificate"] = read_pem_certificates(f"{_CA_CERTIFICATE} {_WHERE}", certificate)
    return added


def _none_of(options: Mapping[str, Any], *names: str) -> bool:
    return all(options.get(name) is None for name in names)


def _credentials(username: str | None, password: str | None) -> dict[str, str]:
    if not username or not password:
        return {}
    try:
        check_basic(username, password)
    except TemplateError as error:
        error.option = f"{_USERNAME if error.option == 'username' else _PASSWORD} {_WHERE}"
        raise
    return {"username": username, "password": password}


# ----------------------------------------------------------------------------------------------------------------------

# What a module's result says of the connection rather than of its work.
_PASSED_ON = ("ansible_facts", "deprecations", "warnings")
# Never censored: a password such as "True" must not change what a run means.
_NEVER_CENSORED = ("changed", "failed", "unreachable")


class OptionError(Exception):
    """Arguments that the argument spec does not allow."""


class ModuleFailed(Exception):
    """A module on the host failed; its result is passed on as it is."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        super().__init__(str(result.get("msg", "")))
        self.result = result


class ControllerAction(ActionBase):
    """Base of an action that decides on the controller. A subclass says what it takes and what it does.

    ansible-core censors ``no_log`` values in the results of modules, not of actions: ``run()`` does it here.
    """

    TRANSFERS_FILES = False
    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    @property
    def called(self) -> str:
        """What an error about an option that does not exist calls the action."""
        return f"({self._task.action}) module"

    @abstractmethod
    def argument_spec(self) -> Mapping[str, Any]:
        """Return the argument spec, in Ansible's shape."""

    @abstractmethod
    def perform(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do the work and return the result.

        :param arguments: the validated arguments.
        :raises TemplateError, StoreError, OptionError, ModuleFailed: turned into a failed result.
        """

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Validate, perform, and return a result without secrets."""
        result = super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        self._passed_on: dict[str, Any] = {}
        arguments = plain(self._task.args)
        if not self._task.until and self._task.retries is None:
            self._task.args = _short_arguments(arguments)
        self._secrets = secret_values(arguments)
        try:
            result.update(self.perform(validate(arguments, self.argument_spec(), self.called)))
        except (TemplateError, StoreError, OptionError) as error:
            result.update(failed=True, msg=str(error))
        except ModuleFailed as error:
            result.update(error.result, failed=True)
        result.update(self._passed_on)
        return scrub(result, self._secrets)

    def with_environment(self, options: Any) -> Any:
        """Return the options of a template with what the environment adds; see ``from_environment()``.

        What it adds is treated as a secret that was given. Anything but a dictionary is returned as it is.

        :raises TemplateError: for a variable that cannot be used.
        """
        if not isinstance(options, Mapping):
            return options
        added = from_environment(options)
        self._secrets |= secret_values(added)
        return {**options, **added}

    def on_controller(self, path: str) -> str:
        """Return the absolute path of a place on the controller. A slash at its end stays, and an empty text too.

        As in ansible.builtin.fetch, a relative path is below the folder of the playbook. With a playbook of a
        collection, where nobody looks for what a run leaves, it is below the folder that the run was started in.
        """
        if not path:
            return path
        path = os.path.expanduser(os.path.expandvars(path))
        if "ansible_collections" in self._loader.get_basedir().split(os.sep):
            path = os.path.join(os.getcwd(), path)
        found = os.path.normpath(self._loader.path_dwim(path))
        return f"{found}/" if path.endswith("/") and found != "/" else found

    def warn(self, warnings: Iterable[str]) -> None:
        """Have warnings shown to the user."""
        found = [*self._passed_on.get("warnings", ()), *warnings]
        if found:
            self._passed_on["warnings"] = found

    def execute(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a module on the host.

        :raises ModuleFailed: when it fails.
        """
        result = plain(self._execute_module(module_name=name, module_args=dict(arguments), task_vars=self._task_vars))
        result.pop("invocation", None)
        for key in _PASSED_ON:
            if result.get(key):
                self._passed_on[key] = result.pop(key)
        if result.get("failed") or result.get("unreachable"):
            raise ModuleFailed(result)
        return result


def _short_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that are short and not secret, for the task to keep once its work has begun.

    ansible-core sends a task's arguments back with the result and holds those of all hosts until the last host is done:
    more memory than all else of a run, and a callback may log them. Only a task that is retried needs them again.
    """
    return {
        name: value
        for name, value in arguments.items()
        if not isinstance(value, (dict, list)) and name not in SECRET_FIELDS
    }


def plain(value: Any) -> Any:
    """Return arguments or a module's result as plain dictionaries, lists and texts.

    They can hold Ansible's own kinds of text: one that ansible-vault decrypts when it is read, one that is marked as
    unsafe (up to ansible-core 2.18) or tagged (from 2.19 on).
    """
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(entry) for entry in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return float(value) if isinstance(value, float) else int(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="surrogateescape")
    if hasattr(value, "event"):
        return _plain_warning(value)
    return str.__str__(value) if isinstance(value, str) else str(value)


def _plain_warning(value: Any) -> Any:
    """Return a module's warning or deprecation (an object from ansible-core 2.19 on) in the form of older versions."""
    words = plain(value.event.msg)
    if not hasattr(value, "deprecator"):
        return words
    return {"msg": words, "version": plain(value.version), "date": plain(value.date)}


def validate(arguments: Mapping[str, Any], spec: Mapping[str, Any], called: str) -> dict[str, Any]:
    """Check arguments against an argument spec, and return them with types and defaults.

    :param called: what has these options, for the error about one that does not exist.
    :raises OptionError: for the first wrong one.
    """
    validation = ArgumentSpecValidator(dict(spec)).validate(dict(arguments))
    if validation.error_messages:
        message = str(validation.errors[0].args[0])
        if isinstance(validation.errors[0], UnsupportedError):
            message = f"Unsupported parameters for {called}: {message}{_meant(arguments, spec)}"
        raise OptionError(message)
    return dict(validation.validated_parameters)


def _meant(arguments: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """Return a sentence for each option that does not exist and resembles one of the spec, or an empty string."""
    meant = {name: meant_option(name, spec) for name in arguments if name not in spec}
    words = [f" {show(name)}: did you mean {show(option)}?" for name, option in meant.items() if option]
    return f".{''.join(words)}" if words else ""


def secret_values(arguments: Any) -> set[str]:
    """Return the values of all secret options, at any depth, whether the arguments are valid or not."""
    return {text for text in _secret_texts(arguments) if text}


def _secret_texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            if key in SECRET_FIELDS:
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
    scrubbed = dict(remove_values(dict(result), set(secrets)))
    scrubbed.update((key, result[key]) for key in _NEVER_CENSORED if key in result)
    return scrubbed
