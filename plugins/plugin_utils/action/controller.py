# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An EST exchange that is run on the controller, with the requests carried by the controller or by the host."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, Optional, Protocol

import yaml
from ansible.release import __version__ as ansible_core_version

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange import failure, server_info
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.connection import Connector
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import (
    ExchangeOptions,
    TestParameters,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.run import TestFiles, run_test
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.last_tests import last_test_entry
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, Timeline
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import (
    require_libraries,
    versions,
)

from ..base.host_answer import Execute
from ..exchange.connectors import ControllerConnector, RelayConnector

# ----------------------------------------------------------------------------------------------------------------------
# What runs on the controller: the versions that matter where something goes wrong.

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def controller_versions() -> dict[str, Any]:
    """The versions of the collection, ansible-core, Python, OpenSSL and the libraries; None for what is not there."""
    return {"collection": _collection_version(), "ansible_core": ansible_core_version, **versions()}


def _collection_version() -> str:
    """The version: an installed collection has it in ``MANIFEST.json``, a checkout in ``galaxy.yml``."""
    try:
        with open(os.path.join(_ROOT, "MANIFEST.json"), encoding="utf-8") as file:
            return str(json.load(file)["collection_info"]["version"])
    except (OSError, ValueError, KeyError):
        pass
    try:
        with open(os.path.join(_ROOT, "galaxy.yml"), encoding="utf-8") as file:
            return str(yaml.safe_load(file)["version"])
    except (OSError, yaml.YAMLError, KeyError):
        return "of an unknown version"


# ----------------------------------------------------------------------------------------------------------------------


class Files(TestFiles, Protocol):
    """Where a host keeps the files of a test, and what came of it; see ``RemoteFiles``."""

    def note_with_files(self, store_path: str, came: Mapping[str, Any]) -> None:
        """Have it noted what came of the test, in the call that saves the next files."""

    def note(self, store_path: str, came: Mapping[str, Any]) -> str:
        """Note what came of the test; returns why that could not be done, or an empty text."""


def connector_of(exchange: str, execute: Execute, private_module: Callable[[str], str]) -> ControllerConnector:
    """What carries an exchange that is run on the controller.

    :param exchange: ``controller`` or ``relay``.
    :param execute: runs a module on the host and returns its result, a failed one too.
    :param private_module: returns the full name of a private module for the platform of the host.
    """
    return (RelayConnector if exchange == "relay" else ControllerConnector)(execute, private_module)


class ControllerExchange:
    """One exchange.

    :param connector: carries it.
    :param find_template: returns the template, from wherever it is.
    """

    def __init__(
        self,
        connector: Connector,
        find_template: Callable[[], Template],
    ) -> None:
        self._connector = connector
        self._exchange = connector.exchange
        self._find_template = find_template
        self._timeline = Timeline()

    def test(self, asked: TestParameters, files: Files, content: Callable[[], Optional[str]]) -> dict[str, Any]:
        """The result of ``est_test_enroll``, a failed one where the test failed.

        :param files: where the files of the test are kept.
        :param content: returns the digest of the content of the template that was found in the store.
        """
        name = asked.template_name

        def came_of(outcome: Mapping[str, Any]) -> Optional[dict[str, Any]]:
            if asked.inline is not None or asked.test_options.check:
                return None
            return last_test_entry(outcome, content(), asked.identity.variables)

        def before_saving(outcome: Mapping[str, Any]) -> None:
            came = came_of(outcome)
            if came is not None:
                files.note_with_files(asked.store_path, came)

        outcome = self._outcome(
            lambda template: run_test(
                template,
                asked.identity,
                asked.test_options,
                self._connector,
                files,
                self._timeline,
                before_saving=before_saving,
            ),
            lambda error: failure.failure(error, name, self._exchange, self._timeline),
            name,
        )
        came = came_of(outcome)
        if came is not None:
            trouble = files.note(asked.store_path, came)
            if trouble:
                warning = f"what came of the test could not be noted: {trouble}"
                outcome["warnings"] = [*outcome.get("warnings", ()), warning]
        return outcome

    def look(self, name: str, options: ExchangeOptions) -> dict[str, Any]:
        """The result of ``est_server_info``, a failed one where the server could not be looked at.

        :param name: of the template.
        """
        return self._outcome(
            lambda template: server_info.look(template, options, self._connector, self._timeline),
            lambda error: failure.look_failure(error, name, self._exchange, self._timeline),
            name,
        )

    def _outcome(
        self,
        run: Callable[[Template], dict[str, Any]],
        failed: Callable[[EstError], dict[str, Any]],
        name: str,
    ) -> dict[str, Any]:
        try:
            require_libraries()
            return run(self._find_template())
        except EstError as error:
            return failed(error)
        except (StoreError, TemplateError) as error:
            return failure.input_failure(error, name, self._exchange)
