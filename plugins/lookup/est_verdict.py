# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: est_verdict
short_description: Say what keeps a fleet from being in order, by the numbers of its report
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - This lookup is private. The playbook C(extensions/awx/playbooks/verdict.yml) of this collection is made with it.
  - A host that was not looked at, and a template that is not proved, are not in order. Each cause can be accepted by a
    boolean variable C(est_awx_accept_CAUSE), such as C(est_awx_accept_unreachable). It is told all the same.
options:
  _terms:
    description:
      - C(counts) of M(estfleet.cloud_extender.est_fleet_report).
      - Without it the variables are checked, and nothing else.
    type: list
    elements: dict
"""

EXAMPLES = r"""
- name: Merge the reports of the slices of a job
  estfleet.cloud_extender.est_fleet_report:
    dest: /srv/reports/fleet
    merge_from:
      - /srv/reports/slices/*.json
  register: fleet

- name: Fail where the fleet is not in order
  ansible.builtin.assert:
    that: verdict.against | length == 0
    fail_msg: "{{ verdict.against }}"
  vars:
    verdict: "{{ lookup('estfleet.cloud_extender.est_verdict', fleet.counts) }}"
"""

RETURN = r"""
_raw:
  description:
    - For each report, what keeps its fleet from being in order, C(against), and what was accepted, C(accepted).
  type: list
  elements: dict
  sample:
    - against:
        - "hosts that could not be reached: 3"
      accepted: []
"""

import difflib
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.lookup import LookupBase

PREFIX = "est_awx_accept_"

#: The causes, each with the number of the report that tells of it, and words for that.
CAUSES = (
    ("failed", "failed", "hosts that failed"),
    ("unreachable", "unreachable", "hosts that could not be reached"),
    ("not_run", "not_run", "hosts that did not run, or that no report tells of"),
    ("differing", "hosts_differing", "hosts that are not as declared"),
    ("differing", "templates_differing", "templates on hosts that are not as declared"),
    ("not_compared", "hosts_only_tested", "hosts whose templates were only tested, not compared with what is declared"),
    ("last_tests_failed", "last_tests_failed", "templates on hosts whose last test failed"),
    ("pending", "last_tests_pending", "templates on hosts whose last test waits for approval"),
    ("lost", "last_tests_with_losses", "test certificates that are not what was asked for"),
    ("unproved", "templates_unproved", "templates on hosts without a proof of their present content"),
    ("not_tried", "tests_not_tried", "tests that were left out"),
    ("certificates_failed", "certificates_failed", "production certificates that could not be had"),
    ("certificates_pending", "certificates_pending", "production certificates that wait for approval"),
    ("certificates_lost", "certificates_with_losses", "production certificates that are not what was asked for"),
    (
        "certificates_overdue",
        "certificates_overdue",
        "production certificates that are missing, or whose renewal is late",
    ),
    ("certificates_expired", "certificates_expired", "production certificates that have expired"),
)
#: The cause that is not a number above 0.
NO_HOSTS = "no_hosts"


class LookupModule(LookupBase):
    """The verdict on a fleet."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        accepted = self._accepted(variables or {})
        return [_verdict(counts, accepted) for counts in terms]

    def _accepted(self, variables: Mapping[str, Any]) -> set[str]:
        """Return the causes that variables accept.

        :raises AnsibleLookupError: a variable named like these is not one of ours, or is not a boolean.
        """
        known = list(dict.fromkeys([*(cause for cause, _number, _words in CAUSES), NO_HOSTS]))
        found = set()
        for name in sorted(name for name in variables if str(name).startswith(PREFIX)):
            cause = name[len(PREFIX) :]
            if cause not in known:
                near = difflib.get_close_matches(cause, known, 1)
                meant = f"Did you mean {PREFIX}{near[0]}? " if near else ""
                every = ", ".join(f"{PREFIX}{cause}" for cause in known)
                raise AnsibleLookupError(f"there is no variable {name}. {meant}There are {every}")
            value = self._templar.template(variables[name])
            try:
                accepts = boolean(value)
            except TypeError:
                raise AnsibleLookupError(f"{name} has to be true or false; it is {value!r}") from None
            if accepts:
                found.add(cause)
        return found


def _verdict(counts: Mapping[str, Any], accepted: set[str]) -> dict[str, list[str]]:
    """Return what is against a fleet, and what would be if it were not accepted.

    :param counts: the numbers of the report.
    """
    verdict: dict[str, list[str]] = {"against": [], "accepted": []}
    if not counts["hosts"]:
        verdict["accepted" if NO_HOSTS in accepted else "against"].append("the report has no host")
    for cause, number, words in CAUSES:
        if counts[number]:
            verdict["accepted" if cause in accepted else "against"].append(f"{words}: {counts[number]}")
    return verdict
