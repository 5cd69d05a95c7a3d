# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of many identities on the host of an action: so many in each call, and what came of them between.

A module speaks only at its end. A thousand certificates take minutes, and nobody would know whether anything happens.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible.utils.display import Display

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.list_parameters import (
    IDENTITIES,
    IDENTITIES_CSV,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._failure import failure, failure_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._identities import options, wave
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._identities.csv_file import LONGEST, read_csv
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._identities.options import Named, Wave
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError, show
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template

from ..base.action import ModuleFailed, OptionError
from ..base.host_answer import UnusableAnswer, check_shape
from ..base.secrets import secret_values
from .exchange import ExchangeAction

MODULE = "est_identities_host"
#: Identities in a call: its frame costs as much as a hundred of them.
CALL = 200
#: The order in which statuses are told.
_STATUSES = ("issued", "recovered", "unchanged", "pending", "not_asked", "failed", wave.NOT_TRIED)
_SHAPE = {"changed": bool, "stopped": bool, "identities": [dict], "reloaded": [str], "not_reloaded": dict}
_FAILURE = {"error_code": str, "reason": str}
_NO_TEMPLATE = "unknown_template"
_IDENTITY = {"name": str, "status": str, "changed": bool}


class Identities:
    """Those of one entry, checked.

    :param action: of the host.
    :param entry: the options of the entry, by the names of its argument spec.
    :param shared: those that stand beside the list.
    :raises TemplateError, StoreError: something cannot be used; nothing was asked for yet. Where the host has no such
        template, that is the outcome of this entry alone, as it is of one for one certificate.
    """

    def __init__(self, action: ExchangeAction, entry: Mapping[str, Any], shared: Mapping[str, Any]) -> None:
        if action.on_windows:
            raise TemplateError(
                IDENTITIES if entry[IDENTITIES] is not None else IDENTITIES_CSV,
                "cannot be used on a Windows host, whose private keys stay in its key store, and these are for others",
                allowed="a POSIX host that reaches the EST server, such as a relay: run est_certificates with this "
                "entry there, and take the PKCS#12 files to Windows",
            )
        self._action = action
        self._wave: Wave = options.read_wave(entry, shared, check_mode=action._task.check_mode)
        asked = self._wave.asked
        rows = self._rows(entry)
        self._without_template: dict[str, Any] = {}
        self._identities: Sequence[Named] = ()
        try:
            template = asked.inline or action.stored_template(asked.store_path, asked.template_name)
        except StoreError as error:
            if error.code != _NO_TEMPLATE:
                raise
            self._without_template = {**failure_of(error), "status": "failed", "template": asked.template_name}
            return
        self._template: Template = template
        action._secrets |= secret_values(template.secrets())
        self._identities = options.read_identities(self._wave, template, rows)

    @property
    def folder(self) -> str:
        """The folder on the host."""
        return self._wave.folder

    def _rows(self, entry: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
        given = entry[IDENTITIES]
        if given is not None:
            if not isinstance(given, list):
                raise TemplateError(IDENTITIES, "is not a list", allowed="a list of identities")
            return [(f"{IDENTITIES}[{number}]", row) for number, row in enumerate(given)]
        return read_csv(self._content(entry[IDENTITIES_CSV]))

    def _content(self, path: Any) -> bytes:
        if not isinstance(path, str) or not path:
            raise TemplateError(IDENTITIES_CSV, "is not the path of a file", value=show(path))
        try:
            found = self._action._find_needle("files", path)
            with open(found, "rb") as file:
                content = file.read(LONGEST + 1)
        except (AnsibleError, OSError) as error:
            words = error.strerror if isinstance(error, OSError) else "it cannot be found"
            raise OptionError(
                f"{IDENTITIES_CSV} {path} cannot be read on the controller: {words}", code="unusable_file"
            ) from None
        if len(content) > LONGEST:
            raise OptionError(f"{IDENTITIES_CSV} {path} is larger than {LONGEST} octets", code="unusable_file")
        return content

    def keep(self) -> dict[str, Any]:
        """See to all of them, and return what became of the entry; a failed result where one could not be had."""
        if self._without_template:
            return {**self._without_template, "output_path": self.folder}
        found: list[dict[str, Any]] = []
        broken: dict[str, Any] = {}
        changed, reloaded = False, []
        left = self._wave.max_failures
        for chunk in options.chunks(self._identities, CALL):
            if left >= 0 and not broken:
                try:
                    answer = self._call(chunk, left, is_last=len(found) + len(chunk) == len(self._identities))
                except ModuleFailed as error:
                    if error.result.get("unreachable") and not found:
                        raise
                    broken, changed = error.as_failure(), changed or error.result.get("changed") is True
                else:
                    found.extend(answer["identities"])
                    changed, reloaded = changed or answer["changed"], answer["reloaded"]
                    broken = dict(answer["not_reloaded"])
                    left -= sum(each["status"] == "failed" for each in answer["identities"])
                    left = -1 if answer["stopped"] else left
                    self._tell(found)
                    continue
            found.extend({"name": each.name, "status": wave.NOT_TRIED, "changed": False} for each in chunk)
        if changed and self._action._task.check_mode:
            reloaded = self._wave.asked.outputs.reload
        return self._outcome(found, broken, changed, reloaded)

    def _call(self, chunk: Sequence[Named], left: int, *, is_last: bool) -> Mapping[str, Any]:
        given = self._action.as_sent(self._wave.options, self._wave.asked.replace(inline=self._template))
        given = {**self._wave.options, **given, "template": None}
        people = [{"name": each.name, **_values(each)} for each in chunk]
        asked = self._wave
        order = wave.order(
            given, asked.folder, people, left, asked.encryption, pkcs12_only=asked.pkcs12_only, is_last=is_last
        )
        answer = self._action.execute(f"estfleet.cloud_extender.{MODULE}", {"order": json.dumps(order)})
        check_shape(answer, _SHAPE, MODULE)
        if answer["not_reloaded"]:
            check_shape(answer["not_reloaded"], _FAILURE, MODULE)
        for each, named in zip(answer["identities"], chunk):
            check_shape(each, _IDENTITY, MODULE)
            if each["name"] != named.name or each["status"] not in _STATUSES:
                raise UnusableAnswer(f"{MODULE} on the host answered for another identity than it was asked for")
        if len(answer["identities"]) != len(chunk):
            raise UnusableAnswer(f"{MODULE} on the host answered for another number of identities")
        return answer

    def _tell(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Show how far it is, where there is more than one call."""
        if len(self._identities) > CALL:
            host = self._action._task_vars.get("inventory_hostname")
            Display().display(f"{host}: {len(found)} of {len(self._identities)} identities: {_counted(found)}")

    def _outcome(
        self,
        found: Sequence[Mapping[str, Any]],
        broken: Mapping[str, Any],
        changed: bool,
        reloaded: Sequence[str],
    ) -> dict[str, Any]:
        statuses = Counter(each["status"] for each in found)
        reason = f"{len(found)} identities: {_counted(found)}" if found else "there are no identities"
        outcome: dict[str, Any] = {
            "changed": changed,
            "status": next(
                (status for status in ("pending", "issued", "not_asked", "recovered") if statuses[status]), ""
            ),
            "reason": reason,
            "template": self._template.name,
            "output_path": self._wave.folder,
            "identities": [dict(each) for each in found],
        }
        if not outcome["status"]:
            outcome["status"] = "recovered" if changed else "unchanged"
            if reloaded:
                outcome["reason"] += f"; an earlier run had not reloaded {', '.join(reloaded)}"
        if self._wave.asked.outputs.reload:
            outcome["reloaded"] = list(reloaded)
        lines = [f"{each['name']}: {each.get('action', each['status'])}\n" for each in found if each["changed"]]
        if lines:
            header = self._wave.folder
            outcome["diff"] = {"before_header": header, "before": "", "after_header": header, "after": "".join(lines)}
        first = next((each for each in found if each["status"] == "failed"), None)
        if broken or first is not None:
            outcome.update(_failed(reason, first or {}, broken), changed=outcome["changed"], status="failed")
        return outcome


def _failed(reason: str, first: Mapping[str, Any], broken: Mapping[str, Any]) -> dict[str, Any]:
    why = broken or first
    who = "" if broken else f"{first['name']}: "
    words = f"{reason}; {who}{why['reason']}"
    hint = why.get("hint")
    msg = f"{words}.{f' {hint}' if hint else ''} What was issued is kept, and the next run goes on with the rest."
    return failure(msg, why["error_code"], words, hint)


def _values(named: Named) -> dict[str, Any]:
    identity = named.identity
    return {
        "user": identity.user,
        "domain": identity.domain,
        "email": identity.email,
        "variables": dict(identity.variables),
        **({} if named.passphrase is None else {"passphrase": named.passphrase}),
    }


def _counted(found: Sequence[Mapping[str, Any]]) -> str:
    counts = Counter(each["status"] for each in found)
    return ", ".join(f"{counts[status]} {status.replace('_', ' ')}" for status in _STATUSES if counts[status])
