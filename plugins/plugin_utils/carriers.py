# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchanges ``controller`` and ``uri``: keys, request and checks on the controller, files on the managed host.

They differ only in who sends the HTTPS requests: the controller itself, or the host through C(ansible.builtin.uri).
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping
from typing import Any, Optional

from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.bootstrap import CaBag
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.errors import EstError, InputError
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.fingerprint import Fingerprint
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.https import HttpsTransport
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.timeline import Timeline
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.tls import Trust
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.transport import Credentials
from ansible_collections.maas360.cloud_extender.plugins.module_utils.est.url import EstUrl
from ansible_collections.maas360.cloud_extender.plugins.module_utils.masking import mask
from ansible_collections.maas360.cloud_extender.plugins.module_utils.template.model import Template
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll.files import (
    MAX_PENDING_FILE_SIZE,
    PRIVATE_KEY_FILE,
    TestFolder,
)
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll.host import (
    https_bootstrap,
    https_fetch_unauthenticated,
    https_transport,
)
from ansible_collections.maas360.cloud_extender.plugins.module_utils.test_enroll.options import TestOptions

from .uri_transport import Execute, UriTransport

_FILES_MODULE = "maas360.cloud_extender.est_test_files"


class RemoteFiles:
    """The files of one test certificate on a managed POSIX host, through a private module."""

    def __init__(self, execute: Execute, output_path: str, template_name: str, certificate_name: str) -> None:
        self._execute = execute
        self._arguments = {
            "output_path": output_path,
            "template": template_name,
            "certificate_name": certificate_name,
        }
        self.pending_path = TestFolder(output_path, template_name, certificate_name).pending_path

    def read_pending(self) -> Optional[Mapping[str, str]]:
        """The files of a pending enrolment by name, or C(None)."""
        pad = os.urandom(MAX_PENDING_FILE_SIZE)
        result = self._run("read", pad=base64.b64encode(pad).decode())
        if "files" not in result:
            return None
        key = mask(base64.b64decode(result["masked_key"]), pad).decode()
        files = {name: _as_text(content) for name, content in result["files"].items()}
        return {**files, PRIVATE_KEY_FILE: key}

    def save_pending(self, files: Mapping[str, str]) -> str:
        """Keep a pending enrolment; returns its folder."""
        return str(self._run("save_pending", files=dict(files))["path"])

    def save_issued(self, files: Mapping[str, str]) -> str:
        """Keep an issued certificate; returns its folder."""
        return str(self._run("save_issued", files=dict(files))["path"])

    def _run(self, operation: str, **more: Any) -> dict[str, Any]:
        result = self._execute(_FILES_MODULE, {**self._arguments, "operation": operation, **more})
        if result.get("failed"):
            raise EstError(
                f"the files of the test cannot be used on the host: {result.get('msg', 'the module failed')}",
                stage="save",
                request_received="no" if operation == "read" else "yes",
                hint="Check output_path, the free space, and the user that the task runs as on the host.",
            )
        return result


class ControllerConnector:
    """The requests leave from the controller. See :class:`~.test_enroll.connection.Connector`."""

    exchange = "controller"

    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    def refuse_unsupported(self, template: Template) -> None:
        """A client key does not leave its host."""
        if template.client_certificate_path:
            raise InputError(
                "client_certificate_path is set, and exchange=controller cannot use it: the key stays on the host",
                hint="Use exchange=host or exchange=uri for this template.",
            )

    def read_text(self, path: str) -> str:
        """A text file of the host."""
        result = self._execute("ansible.builtin.slurp", {"src": path})
        if result.get("failed"):
            raise InputError(
                f"ca_path {path!r} cannot be read on the host: {result.get('msg', 'slurp failed')}",
                hint="Put the PEM file of the CA there, or give it as text in ca_certificate.",
            )
        return base64.b64decode(result["content"]).decode("ascii", "replace")

    def bootstrap(
        self, url: EstUrl, fingerprint: Fingerprint, template: Template, options: TestOptions, timeline: Timeline
    ) -> Trust:
        """Ask from the controller."""
        return https_bootstrap(url, fingerprint, template, options, timeline)

    def fetch_unauthenticated(self, url: EstUrl, template: Template, options: TestOptions, timeline: Timeline) -> CaBag:
        """Look from the controller."""
        return https_fetch_unauthenticated(url, template, options, timeline)

    def transport(
        self,
        url: EstUrl,
        trust: Trust,
        template: Template,
        credentials: Optional[Credentials],
        options: TestOptions,
        timeline: Timeline,
    ) -> HttpsTransport:
        """A connection from the controller to the EST server."""
        return https_transport(url, trust, template, credentials, None, options, timeline)


class UriConnector(ControllerConnector):
    """The requests leave from the host through C(ansible.builtin.uri).

    :param write_file: puts a text into a temporary file on the host and returns its path.
    """

    exchange = "uri"

    def __init__(self, execute: Execute, write_file: Callable[[str], str]) -> None:
        super().__init__(execute)
        self._write_file = write_file

    def refuse_unsupported(self, template: Template) -> None:
        """What C(uri) has no option for."""
        unsupported = {
            "proxy": (template.proxy, "the module takes a proxy from the environment of the host only"),
            "client_key_passphrase": (template.client_key_passphrase, "the module cannot open an encrypted key"),
            "proof_of_possession": (
                template.proof_of_possession == "always",
                "the module does not tell the channel binding of its connection",
            ),
            "username": (
                template.username == "" and template.password is not None,
                "the module sends no password for an empty user name",
            ),
        }
        for option, (wanted, why) in unsupported.items():
            if wanted:
                raise InputError(
                    f"{option} of the template cannot be used with exchange=uri: {why}",
                    hint="Use exchange=host for this template.",
                )

    def bootstrap(
        self, url: EstUrl, fingerprint: Fingerprint, template: Template, options: TestOptions, timeline: Timeline
    ) -> Trust:
        """C(uri) would have to be told to verify nothing, and that is not done."""
        raise _no_first_contact("the template has only ca_fingerprint to trust the EST server by")

    def fetch_unauthenticated(self, url: EstUrl, template: Template, options: TestOptions, timeline: Timeline) -> CaBag:
        """See :meth:`bootstrap`."""
        raise _no_first_contact("nothing says whom to trust")

    def transport(  # type: ignore[override]
        self,
        url: EstUrl,
        trust: Trust,
        template: Template,
        credentials: Optional[Credentials],
        options: TestOptions,
        timeline: Timeline,
    ) -> UriTransport:
        """Requests of the host to the EST server."""
        ca_path = None
        if trust.kind == "explicit":
            ca_path = template.ca_path or self._write_file(trust.pem)
        return UriTransport(
            self._execute,
            trust=trust.kind,
            ca_path=ca_path,
            credentials=credentials,
            client_certificate_path=template.client_certificate_path,
            client_key_path=template.client_key_path,
            timeout=options.timeout,
            max_response_bytes=options.max_response_size,
            timeline=timeline,
        )


class ControllerCarrier(ControllerConnector):
    """Carries a test from the controller. See :class:`~.test_enroll.run.Carrier`."""

    def __init__(self, execute: Execute, files: RemoteFiles) -> None:
        super().__init__(execute)
        self.files = files


class UriCarrier(UriConnector):
    """Carries a test through C(ansible.builtin.uri). See :class:`~.test_enroll.run.Carrier`."""

    def __init__(self, execute: Execute, files: RemoteFiles, write_file: Callable[[str], str]) -> None:
        super().__init__(execute, write_file)
        self.files = files


def _no_first_contact(problem: str) -> InputError:
    return InputError(
        f"{problem}, and exchange=uri cannot look at the certificates of a server that is not trusted yet",
        hint="Use exchange=host or exchange=controller, or set ca_certificate or ca_path to the CA certificate of the "
        "EST server.",
    )


def _as_text(content: Any) -> str:
    """A file's text. Ansible hands over a text that happens to be JSON as the object that it stands for."""
    return content if isinstance(content, str) else json.dumps(content)
