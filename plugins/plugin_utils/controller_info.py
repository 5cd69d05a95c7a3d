# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at an EST server from the controller, with the requests carried by the controller or by the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.deps import require_libraries
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.errors import EstError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.timeline import Timeline
from ansible_collections.maas360.cloud_extender.plugins.module_utils.server_info.run import failure, input_failure, look
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.errors import StoreError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.errors import TemplateError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.model import Template
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll.options import TestOptions

from .carriers import ControllerConnector, UriConnector
from .uri_transport import Execute


def look_from_controller(
    exchange: str,
    limits: TestOptions,
    *,
    find_template: Callable[[], Template],
    execute: Execute,
    write_file: Callable[[str], str],
) -> dict[str, Any]:
    """Look at an EST server.

    :param exchange: C(controller) or C(uri).
    :param find_template: returns the template, from wherever it is.
    :param execute: runs a module on the host and returns its result, a failed one too.
    :param write_file: puts a text into a temporary file on the host and returns its path.
    :returns: the result of C(est_server_info), a failed one where the server could not be looked at.
    """
    timeline = Timeline()
    connector = UriConnector(execute, write_file) if exchange == "uri" else ControllerConnector(execute)
    try:
        require_libraries()
        return look(find_template(), limits, connector, timeline)
    except EstError as error:
        return failure(error, exchange, timeline)
    except (StoreError, TemplateError) as error:
        return input_failure(str(error), exchange)
