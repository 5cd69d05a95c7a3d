# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test enrolment that is run on the controller, with the requests carried by the controller or by the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.deps import require_libraries
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.errors import EstError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.timeline import Timeline
from ansible_collections.maas360.cloud_extender.plugins.module_utils.store.errors import StoreError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.errors import TemplateError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.model import Template
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll import result
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll.options import Asked
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll.run import run_test

from .carriers import ControllerCarrier, RemoteFiles, UriCarrier
from .uri_transport import Execute


def test_from_controller(
    exchange: str,
    asked: Asked,
    *,
    find_template: Callable[[], Template],
    execute: Execute,
    write_file: Callable[[str], str],
) -> dict[str, Any]:
    """Run a test on the controller.

    :param exchange: C(controller) or C(uri).
    :param find_template: returns the template, from wherever it is.
    :param execute: runs a module on the host and returns its result, a failed one too.
    :param write_file: puts a text into a temporary file on the host and returns its path.
    :returns: the result of C(est_test_enroll), a failed one where the test failed.
    """
    name = asked.template_name
    timeline = Timeline()
    files = RemoteFiles(execute, asked.output_path, name, asked.identity.certificate_name)
    carrier = UriCarrier(execute, files, write_file) if exchange == "uri" else ControllerCarrier(execute, files)
    try:
        require_libraries()
        return run_test(find_template(), asked.identity, asked.test_options, carrier, timeline)
    except EstError as error:
        return result.failure(error, name, exchange, timeline)
    except (StoreError, TemplateError) as error:
        return result.input_failure(str(error), name, exchange)
