# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``est_certificate`` of a Windows host. It loads cryptography, which nobody with only POSIX hosts needs."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import (
    CertificateParameters,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show

from ..windows.certificate_exchange import WindowsCertificateExchange
from ..windows.certificate_holder import WindowsHolder
from ..windows.host import WindowsHost
from .exchange import ExchangeAction
from .store import store_of

# What win_certificate_store calls CertificateAuthority is another store to win_certificate_info.
_STORE = re.compile(r"(?!CertificateAuthority\Z)[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}", re.IGNORECASE)


def keep_certificate(action: ExchangeAction, asked: CertificateParameters, exchange: str) -> dict[str, Any]:
    """See to the certificate of the action's host.

    :param asked: what is asked for, with a checked path of the store.
    :param exchange: ``relay`` or ``controller``.
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
    host = WindowsHost(action)
    holder = WindowsHolder(
        host,
        store=asked.certificate_store_name,
        template=asked.template_name,
        name=asked.identity.certificate_name,
        store_path=asked.store_path,
        sealing_key=lambda: store_of(action, asked.store_path).read(want_key=True).key,
        key_exportable=asked.key_exportable,
        check=asked.options.check,
        unusable="exchange=controller cannot use its key, which stays on the host" if exchange == "controller" else "",
    )

    return WindowsCertificateExchange(
        asked,
        exchange,
        holder=holder,
        host=host,
        execute=action.execute_anyway,
        private_module=action.private_module,
        find_template=lambda with_secrets: action.stored_template(
            asked.store_path, asked.template_name, with_secrets=with_secrets
        ),
    ).outcome()
