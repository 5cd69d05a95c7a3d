# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of a Windows host: decided here, with keys that the host has made and keeps.

It loads cryptography, which nobody with only POSIX hosts needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import (
    CertificateParameters,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.result import WHAT, reloaded
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.run import run_certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.services import refuse_not_reloaded
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.sessions import Sessions
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.connection import Connector
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.failure import failure, input_failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.libraries import require_libraries
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.reenrolment import RENEW
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec

from ..host.windows_certificate import WindowsHolder, adopted_name, mark_of
from ..host.windows_keys import HostKeys, OneLook
from ..host.windows_made import MadeByList, MadeOnWindows
from ..host.windows_services import restart
from .exchange import ExchangeAction


def keep_certificates(
    action: ExchangeAction,
    certificates: Sequence[CertificateParameters],
    exchange: str,
    made: Optional[MadeByList] = None,
) -> list[dict[str, Any]]:
    """See to certificates of the action's host, one after the other; each that fails leaves the others alone. There is
    one look at the host for all of them, and services come at the end, each once.

    :param certificates: what is asked for, with a checked path of the store, which is the same for all.
    :param exchange: who sends the requests to the EST server.
    :param made: what is noted for a purge of ``est_certificates``, which gets the look; ``None`` for
        ``est_certificate``.
    :returns: the result of ``est_certificate`` for each, a failed one where it failed.
    """
    holders = _holders(action, certificates, exchange, made)
    with Sessions(lambda: _connector(action, exchange), exchange) as sessions:
        outcomes = [_outcome(action, asked, sessions, holder) for asked, holder in zip(certificates, holders)]
    return _with_services(action, certificates, holders, outcomes, exchange)


def _holders(
    action: ExchangeAction,
    certificates: Sequence[CertificateParameters],
    exchange: str,
    made: Optional[MadeByList],
) -> list[WindowsHolder]:
    """What keeps each of the certificates. They share the look at the host."""
    keys = [
        HostKeys(
            action.execute_anyway,
            action.private_module("est_key"),
            store_path=asked.store_path,
            store_name=asked.certificate_store_name,
            mark=mark_of(asked.template_name, asked.identity.certificate_name),
            name=adopted_name(asked.template_name, asked.identity.certificate_name),
            key_readers=asked.key_readers,
            services=asked.outputs.reload,
            made=b"" if made is None else MadeOnWindows.of(asked).as_note(),
        )
        for asked in certificates
    ]
    with_document = any(asked.inline is None for asked in certificates)
    looks = OneLook(keys, with_document=with_document, with_made=made is not None and made.wanted)
    if made is not None:
        made.looks = looks
    unusable = "exchange=controller cannot use its key, which stays on the host" if exchange == "controller" else ""
    return [
        WindowsHolder(
            of_one,
            looks,
            store=asked.certificate_store_name,
            template=asked.template_name,
            name=asked.identity.certificate_name,
            key_provider=asked.key_provider,
            key_exportable=asked.key_exportable,
            keeps_key=asked.options.renewal_method == RENEW,
            services=asked.outputs.reload,
            check=asked.options.check,
            unusable=unusable,
        )
        for asked, of_one in zip(certificates, keys)
    ]


def _outcome(
    action: ExchangeAction, asked: CertificateParameters, sessions: Sessions, holder: WindowsHolder
) -> dict[str, Any]:
    sessions.timeline.begin()
    try:
        require_libraries("cryptography")
        # The one look at the host reads the store as well.
        template = asked.inline or action.stored_template(
            asked.store_path, asked.template_name, look=holder.looks.document
        )
        # What the template names is refused early; what the server asks for when it has.
        holder.refuse_key(KeySpec(template.key_type, template.key_size, template.key_curve))
        return _tidied(run_certificate(template, asked, sessions, holder), holder)
    except EstError as error:
        return failure(error, asked.template_name, sessions.exchange, sessions.timeline, WHAT)
    except (StoreError, TemplateError) as error:
        return input_failure(error, asked.template_name, sessions.exchange)


def _with_services(
    action: ExchangeAction,
    certificates: Sequence[CertificateParameters],
    holders: Sequence[WindowsHolder],
    outcomes: list[dict[str, Any]],
    exchange: str,
) -> list[dict[str, Any]]:
    """Have the services restarted that are owed it, in one call for all certificates, and add that to their results."""
    owing = [] if all(asked.options.check for asked in certificates) else [each for each in holders if each.owed()]
    told = restart(action.execute_anyway, action.private_module("est_services"), owing) if owing else {}

    def reload(asked: CertificateParameters, holder: WindowsHolder, status: str) -> Sequence[str]:
        if asked.options.check:
            return asked.outputs.reload if status == "not_asked" else holder.owed()
        refuse_not_reloaded(told[name.lower()] for name in holder.owed())
        return holder.owed()

    return [
        reloaded(outcome, asked.template_name, exchange, partial(reload, asked, holder, outcome["status"]))
        if asked.outputs.reload
        else outcome
        for asked, holder, outcome in zip(certificates, holders, outcomes)
    ]


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
