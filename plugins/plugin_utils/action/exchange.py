# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions share whose EST exchange leaves from the host or from the controller."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Optional, Protocol

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import nothing_sent
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import (
    TestParameters,
    absolute_folder,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.reading import (
    edited_by_hand,
    find_template,
    secrets_of,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template

from ..base.action import ControllerAction, ModuleFailed, OptionError, plain
from ..base.host_answer import answer_of, documented
from ..host.paths import check_windows_folder
from ..host.store import Look
from ..host.test_files import NAME as TEST_FILES
from ..host.test_files import RemoteFiles
from .store import store_of, store_path_of

if TYPE_CHECKING:
    from .controller import ControllerExchange


class ExchangeParameters(Protocol):
    """What is asked of any exchange."""

    template_name: str
    inline: Optional[Template]


class ExchangeAction(ControllerAction):
    """Base of an action that can run an EST exchange on the controller."""

    #: The digest of the content of the template that ``stored_template()`` found.
    stored_content: Optional[str] = None

    @staticmethod
    def unchecked(spec: dict[str, Any], checked: Iterable[str]) -> dict[str, Any]:
        """Let an argument spec accept anything for options that are checked later, by what can say what was meant.

        :param checked: the names of these options.
        """
        for name in checked:
            spec[name]["type"] = "raw"
            for limit in ("choices", "elements", "options"):
                spec[name].pop(limit, None)
        return spec

    def run_on_host(self, module: str, arguments: Mapping[str, Any], asked: ExchangeParameters) -> dict[str, Any]:
        """Let the module of the host do all of it.

        :param asked: what was read from the arguments: the template goes to the host as it was checked.
        """
        return self.ask_host(module, {**self.as_sent(arguments, asked), "exchange": "host"})

    @staticmethod
    def as_sent(arguments: Mapping[str, Any], asked: ExchangeParameters) -> dict[str, Any]:
        """Return the options of an exchange as they go to a module of the host.

        :param asked: what was read from them: the template goes to the host as it was checked.
        """
        given = {option: value for option, value in arguments.items() if value is not None}
        if asked.inline is None:
            return {**given, "template": asked.template_name}
        return {**given, "inline": {**asked.inline.as_fields(), **asked.inline.secrets()}}

    def ask_host(self, module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a module that talks to EST servers on the host, and return what is documented of its answer."""
        sent = time.time()
        try:
            answer = self.execute(f"estfleet.cloud_extender.{module}", arguments)
        except ModuleFailed as failure:
            if "error_code" not in failure.result:
                raise
            raise ModuleFailed(self._without_clock(documented(failure.result, module), sent)) from None
        return self._without_clock(documented(answer, module), sent)

    def run_where_it_can(
        self,
        module: str,
        arguments: Mapping[str, Any],
        asked: ExchangeParameters,
        by_relay: Callable[[], dict[str, Any]],
    ) -> dict[str, Any]:
        """Let the module of the host do all of it, or where that is left to us and the host lacks a library, relay.

        :param arguments: with ``exchange`` as it was given.
        :param by_relay: does the same with the host as a relay.
        """
        try:
            return self.run_on_host(module, arguments, asked)
        except ModuleFailed as failure:
            if arguments["exchange"] != "auto" or failure.result.get("error_code") != "missing_library":
                raise
            found = by_relay()
            # Neither way can do it: to have the library there is the remedy.
            if found.get("error_code") in ("missing_library", "not_supported"):
                raise
            return found

    def documented_outcome(self, module: str, outcome: Mapping[str, Any]) -> dict[str, Any]:
        """Return an outcome that was found here, as it would have come from the module of the host."""
        result, passed_on = answer_of(plain(outcome), module)
        self.warn(passed_on.get("warnings", ()))
        return documented(result, module)

    def _without_clock(self, answer: Mapping[str, Any], sent: float) -> dict[str, Any]:
        """Return the answer of a host without its time, and warn where the controller has another.

        A host cannot know that its clock is wrong, and judges every certificate by it.
        """
        from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.findings import (
            CLOCK_TOLERANCE,
            duration,
        )

        result = dict(answer)
        clock = result.pop("clock", None)
        if isinstance(clock, (int, float)):
            ahead = max(clock - time.time(), 0) or min(clock - sent, 0)
            if abs(ahead) > CLOCK_TOLERANCE:
                self.warn(
                    [
                        f"the clock of the host is {duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the "
                        "controller's, and what is said of the validity of certificates goes by it: set one of the two"
                    ]
                )
        return result

    def exchange_of(self, asked: str) -> str:
        """Where the exchange leaves from: ``host``, ``relay`` or ``controller``.

        :param asked: the option.
        :raises OptionError: a Windows host cannot do that.
        """
        if not self.on_windows:
            return "host" if asked == "auto" else asked
        if asked == "host":
            raise OptionError(
                "exchange: host does not work on a Windows host, since it needs Python there; exchange: relay sends "
                "the requests from the host, and exchange: controller from the controller"
            )
        return "relay" if asked == "auto" else asked

    def certificate_exchange(self, asked: str) -> str:
        """Where the exchange for a production certificate leaves from; see ``exchange_of()``.

        :raises TemplateError: the host is a POSIX host, and it is to leave from elsewhere.
        """
        if self.on_windows or asked in ("auto", "host"):
            return self.exchange_of(asked)
        raise TemplateError(
            "exchange",
            "cannot be used for a certificate of a POSIX host, whose private key is made there and stays there",
            value=show(asked),
            allowed="auto, host",
        )

    def check_folder(self, option: str, path: Optional[str]) -> str:
        """Check the path of a folder on the host, and return it in the host's spelling.

        :param path: None, which only ``store_path`` may be, for where the store of such a host is.
        :raises TemplateError: unless it is one.
        """
        if not self.on_windows:
            return absolute_folder(option, path)
        return check_windows_folder(option, path)

    def controller_exchange(self, exchange: str, find_template: Callable[[], Template]) -> ControllerExchange:
        """An exchange that is run on the controller.

        :param exchange: ``controller`` or ``relay``.
        :param find_template: returns the template, from wherever it is.
        """
        # Loads requests and cryptography, which the controller does not need when the exchange leaves from the host.
        from . import controller as exchanges

        connector = exchanges.connector_of(exchange, self.execute_anyway, self.private_module)
        return exchanges.ControllerExchange(connector, find_template)

    def test_files(self, asked: TestParameters) -> RemoteFiles:
        """Where the host keeps the files of a test, for an exchange that is run on the controller."""
        return RemoteFiles(
            self.private_module(TEST_FILES),
            self.execute_anyway,
            asked.output_path,
            asked.template_name,
            asked.identity.certificate_name,
            separator="\\" if self.on_windows else "/",
        )

    def with_warnings(self, outcome: dict[str, Any]) -> dict[str, Any]:
        """The outcome without its warnings, which are shown to the user instead."""
        self.warn(outcome.pop("warnings", ()))
        return outcome

    def execute_anyway(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a module, in check mode too, and return its result even if it failed: check mode has to read as well.

        :raises ModuleFailed: the host is unreachable.
        """
        check_mode, self._task.check_mode = self._task.check_mode, False
        try:
            return self.execute(name, arguments)
        except ModuleFailed as failure:
            if failure.result.get("unreachable"):
                raise
            return dict(failure.result)
        finally:
            self._task.check_mode = check_mode

    def _execute_or_fail(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        result = self.execute_anyway(name, arguments)
        if result.get("failed"):
            raise StoreError(result.get("msg", f"{name} failed"), code=str(result.get("error_code") or ""))
        return result

    def stored_template(self, store_path: str, name: str, *, look: Optional[Look] = None) -> Template:
        """A template from the store of the host.

        :param look: what reads it along with something else; see ``store_of()``.
        :raises StoreError: there is none, or it cannot be read.
        """
        store_path = store_path_of(self, store_path)
        found = store_of(self, store_path, execute=self._execute_or_fail, look=look).read(want_key=True)
        stored = find_template(store_path, name, content=found.content, exists=found.exists, damage=found.damage)
        self.stored_content = stored.content
        if stored.edited_parts():
            self.warn([edited_by_hand(name)])
        return Template.from_fields(stored.fields, secrets_of(stored, found.key, store_path, found.key_damage))


class ServerAction(ExchangeAction):
    """Base of an action whose result tells of an exchange with an EST server."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """See ``ControllerAction.run()``."""
        self._given = plain(self._task.args)  # not all of it stays in the task
        return super().run(tmp, task_vars)

    def complete(self, failed: Mapping[str, Any]) -> dict[str, Any]:
        """See ``ControllerAction.complete()``. What comes from our own module on the host is complete."""
        if "timeline" in failed:
            return dict(failed)
        inline = self._given.get("inline")
        name = inline.get("name") if isinstance(inline, Mapping) else self._given.get("template")
        told = nothing_sent(name if isinstance(name, str) else None, None)
        if failed["error_code"] in ("module_failed", "unreachable"):
            told.update(stage=None, request_received="unknown")
        return {**told, **failed}
