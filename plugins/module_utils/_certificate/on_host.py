# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of this very POSIX host: of ``est_certificate`` one, of ``est_certificates`` many."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Tuple

from .._exchange.connection import Connector
from .._exchange.failure import failure, input_failure
from .._store.errors import StoreError
from .._store.reading import read_template
from .._template.errors import TemplateError
from .._template.model import Template
from ..est.base.errors import EstError
from ..est.base.libraries import require_libraries
from .parameters import CertificateParameters
from .posix_holder import FileHolder
from .result import WHAT, reloaded
from .run import run_certificate
from .services import Services
from .sessions import Sessions

#: The name of this way of exchange.
HOST = "host"


def keep(certificates: Iterable[CertificateParameters]) -> List[Dict[str, Any]]:
    """See to certificates one after the other; each that fails leaves the others alone. Services come at the end, each
    once, however many of its certificates have changed.

    :returns: the result of each, a failed one where it failed; see ``est_certificate``.
    """
    templates: Dict[str, Template] = {}
    with Sessions(connect, HOST) as sessions:
        kept = [(asked, *_keep(asked, sessions, templates)) for asked in certificates]
    services = Services()
    return [_reload(asked, outcome, holder, services) for asked, outcome, holder in kept]


def _reload(
    asked: CertificateParameters, outcome: Dict[str, Any], holder: Optional[FileHolder], services: Services
) -> Dict[str, Any]:
    """Reload the services of a certificate whose files have changed, and add that to its result."""
    if holder is None or not asked.outputs.reload:
        return outcome
    return reloaded(outcome, asked.template_name, HOST, lambda: holder.reload(services, changed=outcome["changed"]))


def _keep(
    asked: CertificateParameters, sessions: Sessions, templates: Dict[str, Template]
) -> Tuple[Dict[str, Any], Optional[FileHolder]]:
    """See to one of them; return its result, and its files as far as it came to them.

    :param templates: those of the store that were read so far, by name.
    """
    name = asked.template_name
    holder = None
    sessions.timeline.begin()
    try:
        require_libraries("cryptography")
        if asked.inline is None and name not in templates:
            templates[name] = Template.from_fields(*read_template(asked.store_path, name))
        holder = FileHolder.of(asked)
        return run_certificate(asked.inline or templates[name], asked, sessions, holder), holder
    except EstError as error:
        # What was put right before it failed is another matter.
        changed = holder is not None and holder.changed
        return {**failure(error, name, HOST, sessions.timeline, WHAT), "changed": changed}, holder
    except (StoreError, TemplateError) as error:
        return input_failure(error, name, HOST), None


def connect() -> Connector:
    """What carries an exchange from this host, loaded only where there is one: most runs ask nobody for anything."""
    require_libraries()
    from .._exchange.host_connector import HostConnector

    return HostConnector()
