# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions of this collection share: plain arguments, validation, errors as results, scrubbed results."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible.module_utils.parsing.convert_bool import BOOLEANS_TRUE
from ansible.plugins.action import ActionBase

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure, failure_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.fields import (
    ACCOUNT,
    CA_CERTIFICATE,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.server import check_basic
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.synonyms import meant_option
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.trust import read_pem_certificates

from .host_answer import UnusableAnswer, answer_of, failure_words, printed_cleanly, without_controls
from .secrets import PASSWORD_VARIABLE, Unprinted, scrub, secret_values, short_arguments

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
_USERNAME, _CA_CERTIFICATE = "EST_USERNAME", "EST_CA_CERTIFICATE"
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
        added.update(_credentials(os.environ.get(_USERNAME), os.environ.get(PASSWORD_VARIABLE)))
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
        error.option = f"{_USERNAME if error.option == 'username' else PASSWORD_VARIABLE} {_WHERE}"
        raise
    return {"username": username, "password": password}


# ----------------------------------------------------------------------------------------------------------------------


class OptionError(Exception):
    """Arguments that the argument spec does not allow, or that cannot be used here.

    :param code: a name for programs, where it is something else that failed.
    :param hint: what to do next, where the message does not say it.
    """

    def __init__(self, message: str, *, code: str = "invalid_option", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


#: What ansible-core calls it, in an error in place of a result, where a module returns octets that are not UTF-8.
NOT_UTF8 = "invalid UTF8 string"
#: What ansible-core tells of a module that gave no answer, or of a host that it did not reach.
_OF_A_DEAD_MODULE = ("unreachable", "rc", "module_stdout", "module_stderr")


class ModuleFailed(Exception):
    """A module on the host failed; its result is passed on."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        super().__init__(str(result.get("msg", "")))
        self.result = result

    def as_failure(self) -> dict[str, Any]:
        """The result in the shape of every failure. The modules of this collection give it that themselves."""
        if "error_code" in self.result:
            return dict(self.result)
        code = "unreachable" if self.result.get("unreachable") else "module_failed"
        msg = str(self) or "a module of Ansible failed on the host, and said nothing"
        printed = {key: value for key, value in self.result.items() if key in _OF_A_DEAD_MODULE}
        return {**failure(msg, code, msg), **printed, "failed": True, "msg": msg}


class ControllerAction(ActionBase):
    """Base of an action that decides on the controller. A subclass says what it takes and what it does.

    ansible-core censors ``no_log`` values in the results of modules, not of actions: ``run()`` does it here.
    """

    TRANSFERS_FILES = False
    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    @property
    def on_windows(self) -> bool:
        """Say whether the host is a Windows host: by the shell of its connection, without asking it."""
        return getattr(self._connection._shell, "_IS_WINDOWS", False) is True

    def private_module(self, name: str) -> str:
        """Return which of two twins runs on the host: ``NAME`` on a POSIX host, ``win_NAME`` on a Windows host.

        Both take the same options and return the same results.
        """
        return f"estfleet.cloud_extender.{'win_' if self.on_windows else ''}{name}"

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
        arguments = self.given_arguments()
        self._task.args = short_arguments(arguments)
        self._secrets = secret_values(arguments)
        try:
            spec = self.argument_spec()
            self.warn(_both_names(arguments, spec))
            result.update(self.perform(validate(arguments, spec, self.called)))
        except (TemplateError, StoreError, OptionError, UnusableAnswer) as error:
            result.update(self.complete(failure_of(error)))
        except ModuleFailed as error:
            result.update(self.complete(error.as_failure()))
        result.update(self._passed_on)
        return without_controls(scrub(result, self._secrets))

    def given_arguments(self) -> dict[str, Any]:
        """Return what the task was given, whatever of it the task still has; see ``short_arguments()``.

        With ``until`` or ``retries`` another action runs the same task again. What is kept beside the arguments of the
        task stays in this process.
        """
        kept = vars(self._task)
        if "_est_given" not in kept:
            kept["_est_given"] = plain(self._task.args)
        given: dict[str, Any] = kept["_est_given"]
        return given

    def complete(self, failed: Mapping[str, Any]) -> dict[str, Any]:
        """Return a failure with what this module has in each of its failures beside the common keys."""
        return dict(failed)

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

    def _parse_returned_data(self, res: Any, *arguments: Any, **options: Any) -> Any:
        """See ``ActionBase``. What a host prints after an answer goes from here to the terminal, and from ansible-core
        2.21 on the warnings of a module.
        """
        clean = {**res, "stdout": printed_cleanly(res.get("stdout") or "")}
        return super()._parse_returned_data(clean, *arguments, **options)

    def execute(self, name: str, arguments: Mapping[str, Any], *, keep_facts: bool = False) -> dict[str, Any]:
        """Run a module on the host, and return the data of its answer; see ``answer_of()``.

        :param keep_facts: return the facts too, for the action itself. They never become variables.
        :raises ModuleFailed: when it fails, or answers what no module does.
        """
        asked, module = Unprinted(arguments), name.rpartition(".")[2]
        try:
            found = plain(self._execute_module(module_name=name, module_args=asked, task_vars=self._task_vars))
            result, passed_on = answer_of(found, module, keep_facts=keep_facts)
        except UnusableAnswer as error:
            raise ModuleFailed(failure_of(error)) from None
        except RecursionError:
            nested = f"{module} on the host answered with data in too many levels: something else answers in its place"
            raise ModuleFailed(failure_of(UnusableAnswer(nested))) from None
        except AnsibleError as error:
            if NOT_UTF8 not in str(error):
                raise
            words = f"{module} on the host answered with an {NOT_UTF8}, which ansible-core does not carry"
            raise ModuleFailed(failure_of(UnusableAnswer(words))) from None
        for key in ("warnings", "deprecations"):
            earlier = self._passed_on.get(key, [])
            passed_on[key] = [*earlier, *(told for told in passed_on.get(key, ()) if told not in earlier)]
        self._passed_on.update((key, value) for key, value in passed_on.items() if value)
        # A header of an EST server can be in a result too, and is a text.
        if result.get("failed") is True or result.get("unreachable") is True:
            raise ModuleFailed({**result, "msg": failure_words(found)})
        return result


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
    """Check arguments against an argument spec, and return them with types and defaults, by the names of the spec.

    :param called: what has these options, for the error about one that does not exist.
    :raises OptionError: for the first wrong one.
    """
    validation = ArgumentSpecValidator(dict(spec)).validate(dict(arguments))
    if validation.error_messages:
        message = str(validation.errors[0].args[0])
        if isinstance(validation.errors[0], UnsupportedError):
            message = f"Unsupported parameters for {called}: {message}{_meant(arguments, spec)}"
        raise OptionError(message)
    return {name: value for name, value in validation.validated_parameters.items() if name in spec}


def _both_names(arguments: Mapping[str, Any], spec: Mapping[str, Any]) -> list[str]:
    """Return a warning for each option that is given by its name and by an alias, which counts then."""
    return [
        f"{name} and its alias {alias} are both given; the alias counts"
        for name, option in spec.items()
        for alias in option.get("aliases", ())
        if name in arguments and alias in arguments
    ]


def _meant(arguments: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """Return a sentence for each option that does not exist and resembles one of the spec, or an empty string."""
    meant = {name: meant_option(name, spec) for name in arguments if name not in spec}
    words = [f" {show(name)}: did you mean {show(option)}?" for name, option in meant.items() if option]
    return f".{''.join(words)}" if words else ""
