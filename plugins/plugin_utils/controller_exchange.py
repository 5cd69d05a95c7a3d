# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An EST exchange that is run on the controller, with the requests carried by the controller or by the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.deps import require_libraries
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.errors import EstError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.timeline import Timeline
from ansible_collections.maas360.cloud_extender.plugins.module_utils.server_info import run as server_info
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.errors import StoreError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.last_tests import what_came_of
from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.errors import TemplateError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.model import Template
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll import result
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll.exchange_options import ExchangeOptions
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll.options import Asked
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll.run import run_test

from .connectors import ControllerConnector, UriConnector
from .remote_files import RemoteFiles
from .uri_transport import Execute


class ControllerExchange:
    """One exchange.

    :param exchange: C(controller) or C(uri).
    :param find_template: returns the template, from wherever it is.
    :param execute: runs a module on the host and returns its result, a failed one too.
    :param write_file: puts a text into a temporary file on the host and returns its path.
    """

    def __init__(
        self,
        exchange: str,
        *,
        find_template: Callable[[], Template],
        execute: Execute,
        write_file: Callable[[str], str],
    ) -> None:
        self._exchange = exchange
        self._find_template = find_template
        self._execute = execute
        self._connector = UriConnector(execute, write_file) if exchange == "uri" else ControllerConnector(execute)
        self._timeline = Timeline()

    def test(self, asked: Asked) -> dict[str, Any]:
        """The result of C(est_test_enroll), a failed one where the test failed."""
        name = asked.template_name
        files = RemoteFiles(self._execute, asked.output_path, name, asked.identity.certificate_name)
        outcome = self._outcome(
            lambda template: run_test(
                template, asked.identity, asked.test_options, self._connector, files, self._timeline
            ),
            lambda error: result.failure(error, name, self._exchange, self._timeline),
            lambda reason: result.input_failure(reason, name, self._exchange),
        )
        came = what_came_of(outcome)
        if came is not None and asked.inline is None and not asked.test_options.check:
            trouble = files.note(asked.store_path, *came)
            if trouble:
                warning = f"what came of the test could not be noted: {trouble}"
                outcome["warnings"] = [*outcome.get("warnings", ()), warning]
        return outcome

    def look(self, options: ExchangeOptions) -> dict[str, Any]:
        """The result of C(est_server_info), a failed one where the server could not be looked at."""
        return self._outcome(
            lambda template: server_info.look(template, options, self._connector, self._timeline),
            lambda error: server_info.failure(error, self._exchange, self._timeline),
            lambda reason: server_info.input_failure(reason, self._exchange),
        )

    def _outcome(
        self,
        run: Callable[[Template], dict[str, Any]],
        failure: Callable[[EstError], dict[str, Any]],
        input_failure: Callable[[str], dict[str, Any]],
    ) -> dict[str, Any]:
        try:
            require_libraries()
            return run(self._find_template())
        except EstError as error:
            return failure(error)
        except (StoreError, TemplateError) as error:
            return input_failure(str(error))
