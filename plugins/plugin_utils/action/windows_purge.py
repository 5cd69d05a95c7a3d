# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The purge of ``est_certificates`` on a Windows host: one call of ``win_est_key`` after the look."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import (
    CertificateParameters,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.protection import is_protected
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError

from ..base.action import ModuleFailed
from ..base.host_answer import UnusableAnswer, check_shape
from ..host.windows_keys import MODULE, HostKeys, OneLook
from ..host.windows_made import MadeByList, MadeOnWindows
from .purge import PURGED, Purge

_ONE = {"store_name": str, "mark": str, "action": str, "files": [str], "left": [str], "reason": str}


class WindowsPurge(Purge):
    """See ``Purge``. A certificate is known by its store, template and name, and kept by the latter two."""

    kept_by = ("is not a name", "the template and the certificate_name of a certificate, such as web portal")
    failed_hint = "The next run goes on."

    def _removed(
        self, store_path: str, asked: Sequence[CertificateParameters], folders: Iterable[str], record: MadeByList
    ) -> dict[str, Any]:
        """See ``Purge``; there are no folders of identities on a Windows host."""
        if record.looks is None:
            record.looks = self._look(store_path)
        declared = {each.place: each for each in map(MadeOnWindows.of, asked)}
        try:
            known = {each.place: each for each in record.found()}
            gone = [each for place, each in known.items() if place not in declared and not self._is_kept(each)]
            noted = {*known, *record.noted_since()}
            new = (
                []
                if self._action._task.check_mode
                else [each for place, each in declared.items() if place not in noted]
            )
            if not gone and not new:
                return {PURGED: []}
            return self._told(self._asked(store_path, gone, new))
        except (EstError, StoreError) as error:
            return {PURGED: [], **failure_of(error)}
        except ModuleFailed as error:
            return {PURGED: [], **error.as_failure()}

    def _is_kept(self, made: MadeOnWindows) -> bool:
        return is_protected(made.name, self._keep)

    def _look(self, store_path: str) -> OneLook:
        """One for a list without a certificate, after which nobody has looked."""
        execute, module = self._action.execute_anyway, self._action.private_module("est_key")
        host = HostKeys(execute, module, store_path=store_path, store_name="My", mark="", name="")
        return OneLook([], with_made=True, host=host)

    def _asked(
        self, store_path: str, gone: Sequence[MadeOnWindows], new: Sequence[MadeOnWindows]
    ) -> list[dict[str, Any]]:
        """Have certificates removed, and others noted; return what became of the first."""
        by_place = {each.place: each for each in gone}
        named = [{"store_name": each.store_name, "mark": each.mark, "name": each.name} for each in gone]
        noted = [
            {
                "store_name": each.store_name,
                "mark": each.mark,
                "made": base64.b64encode(each.as_note()).decode("ascii"),
            }
            for each in new
        ]
        arguments = {"operation": "purge", "store_path": store_path, "certificates": named, "declared": noted}
        answer = self._action.execute(self._action.private_module("est_key"), arguments)
        check_shape(answer, {"changed": bool, PURGED: [dict]}, MODULE)
        return [_result(each, by_place) for each in answer[PURGED]]


def _result(told: Mapping[str, Any], asked: Mapping[tuple[str, str], MadeOnWindows]) -> dict[str, Any]:
    check_shape(told, _ONE, MODULE)
    made = asked.get((told["store_name"].lower(), told["mark"]))
    if made is None:
        raise UnusableAnswer(f"{MODULE} on the host answered for other certificates than it was asked for")
    return {
        "certificate_store_name": made.store_name,
        "template": made.template,
        "certificate_name": made.certificate_name,
        **{option: told[option] for option in ("action", "files", "left")},
        **({"reason": told["reason"]} if told["reason"] else {}),
    }
