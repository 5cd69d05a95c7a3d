# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate import list_result, parameters
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.list_parameters import (
    CERTIFICATES,
    DEFAULTS,
    OF_IDENTITIES,
    SHARED,
    entry_argument_spec,
    place_of,
    purge_argument_spec,
    read_entries,
    refuse_folder_of_others,
    shared_argument_spec,
    with_defaults,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.options import absolute_folder
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._identities import options
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.exchange import ExchangeAction
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.purge import Purge
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.store import store_path_of
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.action import OptionError, validate
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.base.host_answer import UnusableAnswer
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.certificate import Look

_NAME = "est_certificates"
_IN_AN_ENTRY = [*(option for option in parameters.CHECKED if option not in SHARED), *OF_IDENTITIES]


class ActionModule(ExchangeAction):
    """All production certificates of a host. A POSIX host is looked at once for all of them, and does what is to be
    done in one call of the module; for a Windows host it is done here.
    """

    def argument_spec(self):
        return {
            CERTIFICATES: {"type": "list", "elements": "raw", "required": True},
            DEFAULTS: {"type": "raw"},
            **purge_argument_spec("raw"),
            **self.unchecked(shared_argument_spec(), [option for option in parameters.CHECKED if option in SHARED]),
        }

    def perform(self, arguments):
        purge = self._purge(arguments)
        shared = {option: arguments[option] for option in SHARED}
        shared["exchange"] = self.certificate_exchange(shared["exchange"])
        spec = self.unchecked(entry_argument_spec(), _IN_AN_ENTRY)
        given, defaults = arguments[CERTIFICATES], arguments[DEFAULTS]
        entries = [self._entry(with_defaults(entry, defaults, at), spec, at) for at, entry in enumerate(given)]
        single = {at: entry for at, entry in enumerate(entries) if not self._is_for_identities(entry, at)}
        asked = read_entries(single, shared, check_mode=self._task.check_mode, windows=self.on_windows)
        many = {at: self._identities(entry, shared, at) for at, entry in enumerate(entries) if at not in single}
        refuse_folder_of_others({at: each.folder for at, each in many.items()}, asked)
        kept, record = (), None
        if self.on_windows:
            record_path = store_path_of(self, shared["store_path"])
            kept, record = self._on_windows(shared, list(asked.values()), record_path, wanted=purge.wanted)
        else:
            record_path = absolute_folder("store_path", shared["store_path"]) if purge.wanted else None
            look = Look(self, list(asked.values()), record_path)
            if asked:
                kept = self._on_posix(list(single.values()), shared, list(asked.values()), look)
            record = look.record
        outcomes = dict(zip(single, kept))
        outcomes.update((at, each.keep()) for at, each in many.items())
        in_order = [outcomes[at] for at in range(len(entries))]
        if not purge.wanted:
            return list_result.of_all(in_order)
        folders = [each.folder for each in many.values()]
        purged = purge.perform(record_path, list(asked.values()), folders, in_order, record)
        return list_result.of_all(in_order, purged)

    def _purge(self, arguments):
        if not self.on_windows:
            return Purge(self, arguments)
        from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.windows_purge import WindowsPurge

        return WindowsPurge(self, arguments)

    @staticmethod
    def _is_for_identities(entry, number):
        try:
            return options.is_for_identities(entry)
        except TemplateError as error:
            raise error.at(place_of(number)) from None

    def _identities(self, entry, shared, number):
        """Those of an entry, checked."""
        from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.identities import Identities

        try:
            return Identities(self, entry, shared)
        except TemplateError as error:
            raise (error if error.option in SHARED else error.at(place_of(number))) from None

    def _entry(self, merged, spec, number):
        """An entry that has its defaults with what the environment adds, by the names of its argument spec."""
        where = place_of(number)
        try:
            found = validate(merged, spec, f"{where} of {self.called}")
        except OptionError as error:
            raise OptionError(f"{where}: {error}", code=error.code, hint=error.hint) from None
        return {**found, "inline": self.with_environment(found["inline"])}

    def _on_posix(self, entries, shared, asked, look):
        found = [self._without_warnings(each, outcome) for each, outcome in zip(asked, look.unchanged())]
        rest = [number for number, outcome in enumerate(found) if outcome is None]
        if rest:
            given = [self.as_sent(entries[number], asked[number]) for number in rest]
            sent = {option: value for option, value in shared.items() if value is not None}
            answer = self.ask_host(_NAME, {**sent, CERTIFICATES: given})
            told = answer.get(CERTIFICATES, ())
            if len(told) != len(rest) or any("status" not in each or "changed" not in each for each in told):
                raise UnusableAnswer(f"{_NAME} on the host answered for other certificates than it was asked for")
            for number, outcome in zip(rest, told):
                found[number] = outcome
        return found

    def _on_windows(self, shared, asked, store_path, *, wanted):
        """What became of each certificate, and what is known of those that were made before where that is wanted."""
        from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.action.certificate import (
            keep_certificates,
        )
        from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.windows_made import MadeByList

        made = MadeByList(wanted=wanted)
        if not asked:
            return (), made
        placed = [each.replace(store_path=store_path) for each in asked]
        outcomes = keep_certificates(self, placed, shared["exchange"], made)
        return [self._without_warnings(each, outcome) for each, outcome in zip(asked, outcomes)], made

    def _without_warnings(self, asked, outcome):
        """What became of a certificate, whose warnings are shown to the user; None stays None."""
        return None if outcome is None else self.with_warnings(list_result.of_one(asked, outcome))
