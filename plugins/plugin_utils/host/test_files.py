# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a test on a managed POSIX host, for an exchange that does not leave from there."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import (
    FILES_HINT,
    MAX_PENDING_FILE_SIZE,
    PRIVATE_KEY_FILE,
    REQUEST_FILE,
    TestFolder,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._masking import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError

from ..base.host_answer import Execute, UnusableAnswer, check_shape

_NAME = "est_test_files"
_FILES_MODULE = f"estfleet.cloud_extender.{_NAME}"


class RemoteFiles:
    """The files of one test certificate, through a private module. See ``TestFiles``."""

    separator = "/"

    def __init__(self, execute: Execute, output_path: str, template_name: str, certificate_name: str) -> None:
        self._execute = execute
        self._arguments = {
            "output_path": output_path,
            "template": template_name,
            "certificate_name": certificate_name,
        }
        self.pending_path = TestFolder(output_path, template_name, certificate_name).pending_path

    def read_pending(self) -> Optional[Mapping[str, str]]:
        """The files of a pending enrolment by name, or ``None``."""
        pad = os.urandom(2 * MAX_PENDING_FILE_SIZE)
        result = self._run("read", pad=base64.b64encode(pad).decode())
        if "files" not in result:
            return None
        check_shape(result, {"files": dict, "masked_key": str, "masked_request": str}, _NAME)
        try:
            masked = base64.b64decode(result["masked_key"])
            key = mask(masked, pad).decode("ascii")
            request = mask(base64.b64decode(result["masked_request"]), pad[len(masked) :]).decode("ascii")
        except ValueError:
            raise UnusableAnswer(
                f"{_NAME} on the host answered with something else than a key and its request"
            ) from None
        files = {name: _as_text(content) for name, content in result["files"].items()}
        return {**files, PRIVATE_KEY_FILE: key, REQUEST_FILE: request}

    def save_pending(self, files: Mapping[str, str]) -> str:
        """Keep a pending enrolment; returns its folder."""
        return self._save("save_pending", files)

    def save_issued(self, files: Mapping[str, str]) -> str:
        """Keep an issued certificate; returns its folder."""
        return self._save("save_issued", files)

    def save_unusable(self, files: Mapping[str, str]) -> str:
        """Keep a certificate that was issued and cannot be used; returns its folder."""
        return self._save("save_unusable", files)

    def _save(self, operation: str, files: Mapping[str, str]) -> str:
        result = self._run(operation, files=json.dumps(dict(files)))
        check_shape(result, {"path": str}, _NAME)
        return str(result["path"])

    def note(self, store_path: str, came: Mapping[str, Any]) -> str:
        """Note in the template store what came of the test; returns why that could not be done, or an empty text."""
        arguments = {**self._arguments, "operation": "note", "store_path": store_path, "came": json.dumps(dict(came))}
        result = self._execute(_FILES_MODULE, arguments)
        return str(result.get("msg", "the module failed")) if result.get("failed") else ""

    def _run(self, operation: str, **more: Any) -> dict[str, Any]:
        result = self._execute(_FILES_MODULE, {**self._arguments, "operation": operation, **more})
        if result.get("failed"):
            raise EstError(
                f"the files of the test cannot be used on the host: {result.get('msg', 'the module failed')}",
                code="not_saved",
                stage="save",
                request_received="not_received" if operation == "read" else "received",
                hint=FILES_HINT,
            )
        return result


def _as_text(content: Any) -> str:
    """A file's text. Ansible hands over a text that happens to be JSON as the object that it stands for."""
    return content if isinstance(content, str) else json.dumps(content)
