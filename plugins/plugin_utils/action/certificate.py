# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``est_certificate`` of a Windows host: decided here, with the key made by the host and kept there.

It loads cryptography, which nobody with only POSIX hosts needs.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import (
    CertificateParameters,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.result import WHAT
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.run import run_certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.connection import Connector
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import failure, input_failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, Timeline
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import require_libraries
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.reenrolment import RENEW
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec

from ..host.windows_certificate import WindowsHolder, adopted_name, mark_of
from ..host.windows_keys import HostKeys
from .exchange import ExchangeAction

# What the certificate stores of Windows are called: also those that somebody has made.
_STORE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


def keep_certificate(action: ExchangeAction, asked: CertificateParameters, exchange: str) -> dict[str, Any]:
    """See to the certificate of the action's host.

    :param asked: what is asked for, with a checked path of the store.
    :param exchange: who sends the requests to the EST server.
    :returns: the result of ``est_certificate``, a failed one where it failed.
    :raises TemplateError: no store can have that name.
    """
    if not _STORE.fullmatch(asked.certificate_store_name):
        raise TemplateError(
            "certificate_store_name",
            "is not the name of a certificate store",
            value=show(asked.certificate_store_name),
            allowed="a name such as My or WebHosting",
        )
    timeline = Timeline()
    try:
        require_libraries("cryptography")
        return _keep(action, asked, exchange, timeline)
    except EstError as error:
        return failure(error, asked.template_name, exchange, timeline, WHAT)
    except (StoreError, TemplateError) as error:
        return input_failure(error, asked.template_name, exchange)


def _keep(action: ExchangeAction, asked: CertificateParameters, exchange: str, timeline: Timeline) -> dict[str, Any]:
    template_name, name = asked.template_name, asked.identity.certificate_name
    keys = HostKeys(
        action.execute_anyway,
        action.private_module("est_key"),
        store_path=asked.store_path,
        store_name=asked.certificate_store_name,
        mark=mark_of(template_name, name),
        name=adopted_name(template_name, name),
        key_readers=asked.key_readers,
    )
    holder = WindowsHolder(
        keys,
        store=asked.certificate_store_name,
        template=template_name,
        name=name,
        key_provider=asked.key_provider,
        key_exportable=asked.key_exportable,
        keeps_key=asked.options.renewal_method == RENEW,
        check=asked.options.check,
        unusable="exchange=controller cannot use its key, which stays on the host" if exchange == "controller" else "",
    )
    # The one look at the host reads the store as well.
    template = asked.inline or action.stored_template(asked.store_path, asked.template_name, look=holder.look_at_store)
    # What the template names is refused early; what the server asks for when it has.
    holder.refuse_key(KeySpec(template.key_type, template.key_size, template.key_curve))
    found = run_certificate(template, asked, lambda: _connector(action, exchange), exchange, holder, timeline)
    return _tidied(found, holder)


def _connector(action: ExchangeAction, exchange: str) -> Connector:
    """What carries the requests. It loads the HTTPS client, and most runs ask nobody for anything."""
    require_libraries()
    from .controller import connector_of

    return connector_of(exchange, action.execute_anyway, action.private_module)


def _tidied(found: dict[str, Any], holder: WindowsHolder) -> dict[str, Any]:
    """The result, once certificates that were replaced and are over are removed."""
    removed: list[str] = []
    try:
        removed = holder.remove_expired()
    except EstError as error:
        # A new certificate has to be told of, whatever becomes of what is of no use any more.
        warning = f"what is of no use any more could not be removed from the host: {error.reason}"
        found["warnings"] = [*found["warnings"], warning]
    if removed:
        done = f"certificates that were replaced and are over were there: {', '.join(removed)}"
        found.update(changed=True, reason=f"{done}; {found['reason']}")
        if found["status"] == "unchanged":
            found["status"] = "recovered"
    return {**found, "replaced": holder.replaced, "removed": removed}
