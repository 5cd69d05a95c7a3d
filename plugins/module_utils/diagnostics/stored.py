# Copyright (c) 2026, maas360.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the template store of a host: its description without secrets, and the secrets to look for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Tuple

from ..store.adapter import Observed
from ..store.errors import StoreError
from ..store.information import describe_store
from ..store.inspection import inspect
from ..store.reading import open_secrets


@dataclass(frozen=True)
class Stored:
    """The store of a host.

    :param description: what ``est_template_info`` tells of it; empty where it cannot be read.
    :param secrets: those of its templates, in clear: to be taken out of everything.
    :param all_secrets_known: whether there is none that could not be opened.
    :param problem: why it cannot be read, or an empty string.
    """

    store_path: str
    description: Mapping[str, Any] = field(default_factory=dict)
    secrets: Tuple[str, ...] = field(default=(), repr=False)
    all_secrets_known: bool = False
    problem: str = ""

    @property
    def templates(self) -> List[Dict[str, Any]]:
        """The templates as they are described."""
        return list(self.description.get("templates", ()))


def read_stored(observed: Observed) -> Stored:
    """Describe what was read of a store, and open its secrets.

    :param observed: with the sealing key, where there is a usable one.
    :raises NewerFormat: when a newer version of this collection wrote the document.
    """
    description = describe_store(observed, None)
    inspection = inspect(observed)
    known = inspection.document is not None or not observed.exists
    secrets: Dict[str, None] = {}
    for template in inspection.document.templates if inspection.document else ():
        if not template.secrets:
            continue
        try:
            if observed.key is None:
                raise StoreError("there is no key")
            secrets.update(dict.fromkeys(open_secrets(template, observed.key).values()))
        except StoreError:
            known = False
    return Stored(observed.store_path, description, tuple(secrets), known)
