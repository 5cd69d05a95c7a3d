# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CA certificates of an EST server, asked for once in a run of Ansible.

The forks of a run share nothing but the folder that ansible-core makes for the run and removes at its end. What a
server has answered is kept there.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from typing import Any, Optional

from ansible import constants as C

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.connection import (
    Destination,
    configured_trust,
    connected,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import look_failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import (
    RANGES,
    ExchangeOptions,
    check_range,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files.folder import Folder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files.lock import locked
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._files.paths import open_folder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._value import Value
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, Timeline
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import require_libraries

_KEPT = "answer.json"
_LONGEST = 4 * 1024 * 1024
_LIMITS = ("connect_timeout", "timeout")
#: The options of a template that say which server it is, and whom to trust.
_TEMPLATE_OPTIONS = (
    "server",
    "port",
    "label",
    "base_path",
    "ca_fingerprint",
    "ca_certificate",
    "ca_path",
    "use_system_trust",
    "proxy",
)


class LookupFailed(Exception):
    """The CA certificates could not be had; the message says why and what to do."""


class Authorities(Value):
    """What an EST server has for CA certificates.

    :param pem: those that are proved, the current root first.
    :param warnings: what was odd.
    """

    pem: str
    warnings: tuple[str, ...] = ()


def ca_certificates_of(options: Mapping[str, Any]) -> Authorities:
    """Return the CA certificates of an EST server: as another fork of this run has got them, or from the server.

    :param options: the options of the lookup, and ``server``.
    :raises LookupFailed: an option cannot be used, or there is no proved answer.
    """
    wanted = {name: options.get(name) for name in (*_TEMPLATE_OPTIONS, *_LIMITS)}
    began = time.time()
    try:
        with _place_of(wanted) as folder, locked(folder):
            return _kept(folder, began) or _ask_and_keep(wanted, folder)
    except OSError:  # no place to keep it, or somebody else waits for a slow server already
        return _ask(wanted)


def _place_of(wanted: Mapping[str, Any]) -> Folder:
    """Open the folder of what was asked, which lasts as long as the run."""
    name = hashlib.sha256(json.dumps(wanted, sort_keys=True, default=str).encode()).hexdigest()
    return open_folder(os.path.join(C.DEFAULT_LOCAL_TMP, f"est-ca-{name[:32]}"), make=0o700)


def _kept(folder: Folder, began: float) -> Optional[Authorities]:
    """Return the answer that is kept.

    :param began: when this fork began to wait. A failure since then is its own failure too: else each of many forks
        would wait for a server that does not answer, one after the other.
    :raises LookupFailed: that failure.
    """
    content = folder.read(_KEPT, _LONGEST).content
    if content is None:
        return None
    kept = json.loads(content)
    if "failed" not in kept:
        return Authorities(kept["pem"], tuple(kept["warnings"]))
    if kept["at"] < began:
        return None
    raise LookupFailed(kept["failed"])


def _ask_and_keep(wanted: Mapping[str, Any], folder: Folder) -> Authorities:
    kept: dict[str, Any] = {}
    try:
        authorities = _ask(wanted)
        kept = {"pem": authorities.pem, "warnings": list(authorities.warnings)}
        return authorities
    except LookupFailed as failed:
        kept = {"failed": str(failed), "at": time.time()}
        raise
    finally:
        if kept:
            folder.write(_KEPT, json.dumps(kept).encode("ascii"), durable=False)


def _ask(wanted: Mapping[str, Any]) -> Authorities:
    timeline = Timeline()
    try:
        require_libraries()
        return _fetch(wanted, timeline)
    except TemplateError as error:
        raise LookupFailed(str(error)) from None
    except EstError as error:
        raise LookupFailed(look_failure(error, None, None, timeline)["msg"]) from None


def _fetch(wanted: Mapping[str, Any], timeline: Timeline) -> Authorities:
    # Both load the HTTPS client, which a fork that finds an answer does not need.
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.host_connector import HostConnector
    from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import pem

    given = {name: wanted[name] for name in _TEMPLATE_OPTIONS if wanted[name] is not None}
    template = Template.from_options({"name": "lookup", **given})
    limits = {name: check_range(name, wanted[name], RANGES[name]) for name in _LIMITS}
    connector = HostConnector()
    destination = Destination.of(template, ExchangeOptions(**limits), timeline)
    trust = configured_trust(template, connector)
    if trust is None and destination.fingerprint is not None:
        trust = connector.bootstrap(destination, destination.fingerprint)
    if trust is None:
        # Nothing is trusted: the error tells the fingerprints to choose from.
        connector.fetch_unauthenticated(destination).find(None)
        raise AssertionError("nothing has the fingerprint of nothing")
    with connected(connector, destination, trust) as (client, _transport):
        found = client.cacerts()
        warnings = (*destination.url.warnings, *client.warnings)
    proved = sorted(found.certificates, key=lambda certificate: certificate != found.root)
    return Authorities("".join(pem(certificate) for certificate in proved), warnings)
