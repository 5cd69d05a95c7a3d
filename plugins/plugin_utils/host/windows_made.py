# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates ``est_certificates`` has seen to on a Windows host: a purge knows what is not declared any more.

Each has a note in the folder of the template store, ``certificate-STORE-MARK.made``, written before anything of it is
made. It says by which names the certificate is known; whether what is there is ours, the host finds out
(``_windows_purge.psm1``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import (
    CertificateParameters,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.record import (
    FORMAT_VERSION,
    read_noted,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._value import Value

from ..base.host_answer import check_shape, octets_of
from .windows_certificate import adopted_name, mark_of
from .windows_keys import MODULE

if TYPE_CHECKING:
    from .windows_keys import OneLook

_NOTE = {"store_name": str, "mark": str, "made": str}


class MadeOnWindows(Value):
    """A certificate that ``est_certificates`` has seen to on a Windows host.

    :param store_name: the store of the machine.
    :param template: the name of its template.
    :param certificate_name: its name, one of those of that template.
    """

    store_name: str
    template: str
    certificate_name: str

    @classmethod
    def of(cls, asked: CertificateParameters) -> MadeOnWindows:
        """The one that is asked for."""
        return cls(asked.certificate_store_name, asked.template_name, asked.identity.certificate_name)

    @classmethod
    def from_note(cls, store_name: str, mark: str, note: bytes) -> MadeOnWindows:
        """Read it back.

        :param store_name: what the name of the note says, as does ``mark``.
        :raises StoreError: it is damaged, or of a newer version of this collection.
        """

        def read(data: Any) -> MadeOnWindows:
            found = cls(store_name, data["template"], data["certificate_name"])
            if found.mark != mark:
                raise ValueError("is of another certificate")
            return found

        return read_noted(note, f"certificate-{store_name}-{mark}.made", read)

    def as_note(self) -> bytes:
        """What is noted of it."""
        data = {"format_version": FORMAT_VERSION, "template": self.template, "certificate_name": self.certificate_name}
        return json.dumps(data, sort_keys=True).encode("ascii")

    @property
    def name(self) -> str:
        """What users know it by, such as ``web portal``."""
        return adopted_name(self.template, self.certificate_name)

    @property
    def mark(self) -> str:
        """What is in the names of all that belongs to it."""
        return mark_of(self.template, self.certificate_name)

    @property
    def place(self) -> tuple[str, str]:
        """What no other one of the host has: names of stores do not tell capital letters from small ones."""
        return self.store_name.lower(), self.mark


class MadeByList:
    """What ``est_certificates`` has seen to on a host, as the one look of a run has found it.

    :param wanted: whether it is to be found out, for a purge.
    :ivar looks: the look, once there is one.
    """

    def __init__(self, *, wanted: bool) -> None:
        self.wanted = wanted
        self.looks: Optional[OneLook] = None

    def found(self) -> list[MadeOnWindows]:
        """All of them, by their names.

        :raises EstError: they could not be looked at.
        :raises StoreError: a note is damaged, or of a newer version.
        """
        found = []
        for note in self.looks.made() if self.looks is not None else ():
            check_shape(note, _NOTE, MODULE)
            found.append(MadeOnWindows.from_note(note["store_name"], note["mark"], octets_of(note["made"], MODULE)))
        return sorted(found, key=lambda each: (each.name, each.place))

    def noted_since(self) -> set[tuple[str, str]]:
        """The places of those that this run has noted after the look."""
        return self.looks.noted_since() if self.looks is not None else set()
