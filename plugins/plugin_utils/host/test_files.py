# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a test on a managed host, for an exchange that does not leave from there."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.files import (
    FILES_HINT,
    MAX_PENDING_FILE_SIZE,
    PRIVATE_KEY_FILE,
    REQUEST_FILE,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError

from ..base.host_answer import Execute, UnusableAnswer, check_shape, octets_of

#: The private module; see ``ControllerAction.private_module()``.
NAME = "est_test_files"


class RemoteFiles:
    """The files of one test certificate, and the note of what came of the test. See ``TestFiles``.

    :param module: the twin of ``NAME`` for the host.
    :param execute: runs a module on the host and returns its result, a failed one too.
    :param separator: between the parts of a path on the host.
    """

    def __init__(
        self,
        module: str,
        execute: Execute,
        output_path: str,
        template_name: str,
        certificate_name: str,
        *,
        separator: str = "/",
    ) -> None:
        self._module = module
        self._execute = execute
        self._arguments = {
            "output_path": output_path,
            "template": template_name,
            "certificate_name": certificate_name,
        }
        self.separator = separator
        self.pending_path = ""
        self._read: Optional[tuple[dict[str, Any], bytes]] = None
        self._note: dict[str, Any] = {}
        self._noted: tuple[dict[str, Any], str] = ({}, "")

    def look_at_store(self, store_path: str, key_pad: Optional[bytes]) -> Optional[Mapping[str, Any]]:
        """Read the template store in the call that reads what is pending; see ``Look`` in ``store.py``.

        :returns: None where either cannot be read: each is read by itself then, and says why.
        """
        more = {} if key_pad is None else {"key_pad": key_pad.hex()}
        result, pad = self._ask(store_path=store_path, **more)
        if result.get("failed"):
            return None
        check_shape(result, {"document": dict}, NAME)
        self._read = result, pad
        document: Mapping[str, Any] = result["document"]
        return document

    def read_pending(self) -> Optional[Mapping[str, str]]:
        """The files of a pending enrolment by name, or ``None``."""
        result, pad = self._read or self._ask()
        self._read = None
        self._check(result, "not_received")
        if "files" not in result:
            return None
        check_shape(result, {"files": dict, "masked_key": str, "masked_request": str, "path": str}, NAME)
        self.pending_path = result["path"]
        masked_key, masked_request = (octets_of(result[name], NAME) for name in ("masked_key", "masked_request"))
        try:
            key = mask(masked_key, pad).decode("ascii")
            request = mask(masked_request, pad[len(masked_key) :]).decode("ascii")
        except ValueError:
            raise UnusableAnswer(
                f"{NAME} on the host answered with something else than a key and its request"
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
        given = {**self._arguments, "operation": operation, "files": json.dumps(dict(files)), **self._note}
        result = self._execute(self._module, given)
        self._check(result, "received")
        check_shape(result, {"path": str, "not_noted": str}, NAME)
        self._noted = self._note, result["not_noted"]
        return str(result["path"])

    def note_with_files(self, store_path: str, came: Mapping[str, Any]) -> None:
        """Have it noted in the template store what came of the test, in the call that saves the next files."""
        self._note = _as_note(store_path, came)

    def note(self, store_path: str, came: Mapping[str, Any]) -> str:
        """Note in the template store what came of the test, unless the last files were saved with this very note.

        :returns: why that could not be done, or an empty text.
        """
        note = _as_note(store_path, came)
        noted, why_not = self._noted
        if noted == note:
            return why_not
        result = self._execute(self._module, {**self._arguments, "operation": "note", **note})
        return str(result.get("msg", "the module failed")) if result.get("failed") else ""

    def _ask(self, **more: Any) -> tuple[dict[str, Any], bytes]:
        """Read what is pending; return the answer, and the pad that is on its secrets."""
        pad = os.urandom(2 * MAX_PENDING_FILE_SIZE)
        given = {**self._arguments, "operation": "read", "pad": base64.b64encode(pad).decode(), **more}
        return dict(self._execute(self._module, given)), pad

    def _check(self, result: Mapping[str, Any], request_received: str) -> None:
        """Refuse the answer of a module that failed.

        :param request_received: whether the server has the request by now.
        """
        if result.get("failed"):
            raise EstError(
                f"the files of the test cannot be used on the host: {result.get('msg', 'the module failed')}",
                code="not_saved",
                stage="save",
                request_received=request_received,
                hint=FILES_HINT,
            )


def _as_note(store_path: str, came: Mapping[str, Any]) -> dict[str, Any]:
    return {"store_path": store_path, "came": json.dumps(dict(came))}


def _as_text(content: Any) -> str:
    """A file's text. Ansible hands over a text that happens to be JSON as the object that it stands for."""
    return content if isinstance(content, str) else json.dumps(content)
