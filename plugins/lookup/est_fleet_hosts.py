# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: est_fleet_hosts
short_description: Give the pattern of a play's hosts back, and fail where it reaches none
version_added: 0.1.0
author:
  - estfleet.cloud_extender contributors (@estfleet-collections)
description:
  - This lookup is private. The playbooks of this collection name their hosts with it, since ansible-core skips a play
    without a host and ends well, from which one would take it that hosts were looked at.
  - Listings such as C(--list-hosts) and C(--syntax-check) need no host, and never fail by it.
options:
  _terms:
    description:
      - Patterns of hosts, as C(hosts) of a play takes them.
      - A list is one pattern after the other.
    type: list
    elements: raw
    required: true
"""

EXAMPLES = r"""
- name: Do something on the Cloud Extender hosts, or fail
  hosts: "{{ lookup('estfleet.cloud_extender.est_fleet_hosts', est_integration_hosts | default('cloud_extenders')) }}"
  gather_facts: false
  tasks:
    - name: Look what templates they have
      estfleet.cloud_extender.est_template_info:
"""

RETURN = r"""
_raw:
  description: The patterns as one, for C(hosts) of a play.
  type: list
  elements: str
  sample:
    - "cloud_extenders:!ce7"
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible import context
from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.inventory.manager import InventoryManager, split_host_pattern
from ansible.plugins.lookup import LookupBase

_VARIABLE = "est_integration_hosts"
_DEFAULT = "cloud_extenders"
_LISTINGS = ("syntax", "listhosts", "listtasks", "listtags")
#: How many groups of the inventory are named in an error.
_MOST_GROUPS = 8


class LookupModule(LookupBase):
    """Patterns of hosts, checked against the inventory and the limit of the run."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        patterns = _patterns(terms)
        if not any(context.CLIARGS.get(name) for name in _LISTINGS):
            known = variables or {}
            groups, limit = known.get("groups") or {}, known.get("ansible_limit")
            if not self._reached(patterns, groups, limit):
                raise AnsibleLookupError(_complaint(patterns, groups, limit, self._reached(patterns, groups, None)))
        return [",".join(patterns)]

    def _reached(self, patterns: Sequence[str], groups: Mapping[str, Sequence[str]], limit: Any) -> bool:
        """Say whether patterns, with the limit of the run, leave a host of the inventory."""
        if not limit and len(patterns) == 1 and groups.get(patterns[0]):
            return True  # the usual case, which must not cost a fleet of 10,000 a second copy of its inventory
        manager = InventoryManager(self._loader, parse=False)
        for group, hosts in groups.items():
            manager.add_group(group)
            for host in hosts:
                manager.add_host(host, group=group)
        try:
            manager.subset(limit or None)
            return bool(manager.get_hosts(pattern=list(patterns)))
        except AnsibleError as error:
            # As with a setting of Ansible's by which a name that matches nothing is an error.
            told = str(error).rstrip(".")
            raise AnsibleLookupError(
                f"{_named(patterns, limit)} cannot be read as hosts: {told}. {_inventory(groups)}"
            ) from error


def _patterns(terms: Sequence[Any]) -> list[str]:
    """Return patterns one by one, with no comma in any of them.

    :raises AnsibleLookupError: there is none, or what is given is not a pattern.
    """
    # YAML makes None of a name with nothing behind it.
    given = [
        part for term in terms if term is not None for part in (term if isinstance(term, (list, tuple)) else [term])
    ]
    for part in given:
        if not isinstance(part, str):
            raise AnsibleLookupError(
                f"{_VARIABLE} has to be a pattern of hosts such as '{_DEFAULT}', or a list of patterns; it has {part!r}"
            )
    found = [pattern for pattern in split_host_pattern([part.strip() for part in given]) if pattern]
    if not found:
        raise AnsibleLookupError(
            f"{_VARIABLE} is empty, so no host would be looked at. Name a pattern of hosts, such as the group "
            f"'{_DEFAULT}', which is the default where the variable is not set"
        )
    return found


def _named(patterns: Sequence[str], limit: Any) -> str:
    told = f"the pattern of hosts '{','.join(patterns)}'"
    return f"{told} with the limit '{limit}'" if limit else told


def _complaint(patterns: Sequence[str], groups: Mapping[str, Sequence[str]], limit: Any, without_limit: bool) -> str:
    """Return what is wrong where no host is reached, and what to do."""
    if without_limit:
        remedy = "The limit leaves out all that the pattern has: give another limit, or none"
    else:
        remedy = (
            f"Put the hosts into such a group, or set {_VARIABLE} to what has them, as in -e {_VARIABLE}=all or in the "
            "survey of AWX. It is not read from group_vars, host_vars or variables of the inventory"
        )
    return f"{_named(patterns, limit)} reaches no host, so nothing would be looked at. {_inventory(groups)}. {remedy}"


def _inventory(groups: Mapping[str, Sequence[str]]) -> str:
    """Return what the inventory has, in words."""
    hosts = len(groups.get("all") or ())
    if not hosts:
        return "The inventory has no host"
    count = f"{hosts} host{'' if hosts == 1 else 's'}"
    named = [name for name in groups if name not in ("all", "ungrouped")]
    if not named:
        return f"The inventory has {count} and no group, as a smart inventory of AWX"
    shown = ", ".join(f"'{name}' ({len(groups[name])})" for name in sorted(named)[:_MOST_GROUPS])
    more = f" and {len(named) - _MOST_GROUPS} more" if len(named) > _MOST_GROUPS else ""
    return f"The inventory has {count}, and the groups {shown}{more}"
