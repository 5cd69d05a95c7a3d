# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The purge of ``est_certificates``: whether it may be, whether a look says that it has nothing to do, its result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.list_parameters import (
    CERTIFICATES,
    IDENTITIES,
    IDENTITIES_CSV,
    PURGE,
    PURGE_ALL,
    PURGE_KEEP,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import (
    CertificateParameters,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.record import Made, Record
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show

from ..base.action import ModuleFailed
from ..base.host_answer import check_shape
from ..base.templates import check_purge
from .exchange import ExchangeAction

MODULE = "est_purge_host"
PURGED = "purged"
_SHAPE = {"changed": bool, PURGED: [dict]}
_ONE = {"certificate_path": str, "action": str, "files": [str], "left": [str]}


class Purge:
    """The purge of a task, on a POSIX host; that of a Windows host is in ``windows_purge.py``.

    :param action: of the host.
    :param arguments: of the task.
    :raises TemplateError: an option cannot be used, or an empty list would purge all.
    """

    kept_by = ("is not a path", "the certificate_path of a certificate")
    failed_hint = "Look at the path and its permissions; the next run goes on."

    def __init__(self, action: ExchangeAction, arguments: Mapping[str, Any]) -> None:
        self._action = action
        self.wanted = bool(arguments[PURGE])
        self._keep = [self._to_keep(number, name) for number, name in enumerate(arguments[PURGE_KEEP])]
        consent = arguments[PURGE_ALL]
        entries = arguments[CERTIFICATES]
        # What a purge knows are certificates of their own: beside identities alone each of them would go.
        own = sum(not {IDENTITIES, IDENTITIES_CSV}.intersection(entry) for entry in entries)
        words = "has only entries for many identities" if entries else "is empty"
        check_purge(CERTIFICATES, own, purge=self.wanted, purge_all=consent, what="certificate", words=words)

    def perform(
        self,
        store_path: str,
        asked: Sequence[CertificateParameters],
        folders: Iterable[str],
        outcomes: Sequence[Mapping[str, Any]],
        record: Any,
    ) -> dict[str, Any]:
        """Remove what is not declared any more, and return what the result says of it; a failed one where it failed.

        :param asked: the declared certificates, and ``folders`` those of identities.
        :param outcomes: what became of all entries. Where one is not as it has to be, nothing is removed: it may be
            what takes the place of another one.
        :param record: what a look has found of what was made before; None where it has not. On a Windows host a
            ``MadeByList``.
        """
        bad = [each for each in outcomes if each.get("failed") or each["status"] == "pending"]
        if bad:
            many = "a certificate that is" if len(bad) == 1 else f"{len(bad)} certificates that are"
            self._action.warn([f"nothing was purged, because of {many} declared and could not be had yet"])
            return {PURGED: []}
        return self._removed(store_path, asked, folders, record)

    def _removed(
        self, store_path: str, asked: Sequence[CertificateParameters], folders: Iterable[str], record: Any
    ) -> dict[str, Any]:
        """See ``perform()``; all that is declared is as it has to be."""
        declared = [Made.of(each) for each in asked]
        if self._is_done(declared, record):
            return {PURGED: []}
        arguments = {
            "store_path": store_path,
            "declared": [each.as_data() for each in declared],
            "folders": list(folders),
            PURGE_KEEP: self._keep,
        }
        try:
            answer = self._action.execute(f"estfleet.cloud_extender.{MODULE}", arguments)
        except ModuleFailed as error:
            return {PURGED: [], **error.as_failure()}
        check_shape(answer, _SHAPE, MODULE)
        for each in answer[PURGED]:
            check_shape(each, _ONE, MODULE)
        return self._told(answer[PURGED])

    def _is_done(self, declared: Sequence[Made], record: Optional[str]) -> bool:
        """Say whether the look has told that nothing is to be removed, nor noted."""
        if record is None:
            return False
        try:
            known = Record.from_text(record)
        except StoreError:
            return False
        noted = self._action._task.check_mode or known.with_these(declared) == known
        return noted and not known.undeclared(declared, self._keep)

    def _told(self, purged: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        told: dict[str, Any] = {PURGED: [dict(each) for each in purged]}
        for each in purged:
            if each["action"] == "kept":
                self._action.warn([f"{_name_of(each)} is not declared and was left alone: {each['reason']}"])
        removed = [each for each in purged if each["files"]]  # also of one that failed later
        if removed:
            header = f"{len(removed)} certificate{'' if len(removed) == 1 else 's'} not declared any more"
            files = "".join(f"{path}\n" for each in removed for path in each["files"])
            told["diff"] = {"before_header": header, "before": files, "after_header": header, "after": ""}
            told["changed"] = True
        failed = [each for each in purged if each["action"] == "failed"]
        if failed:
            reason = f"{_name_of(failed[0])} could not be removed: {failed[0]['reason']}"
            hint = self.failed_hint
            told.update(failure(f"{reason}. {hint}", "not_saved", reason, hint), changed=bool(removed))
        return told

    def _to_keep(self, number: int, name: Any) -> str:
        if not isinstance(name, str) or not name:
            wrong, allowed = self.kept_by
            raise TemplateError(f"{PURGE_KEEP}[{number}]", wrong, value=show(name), allowed=allowed)
        return name


def _name_of(purged: Mapping[str, Any]) -> str:
    """What users know a certificate by that is not declared."""
    path: Optional[str] = purged.get("certificate_path")
    return path or f"{purged['template']} {purged['certificate_name']}"
