# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of a play: the pattern comes back as it was where it reaches a host, and is an error where it does not."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("ansible", reason="lookups need ansible-core, which needs a newer Python")

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.inventory.manager import split_host_pattern
from ansible.parsing.dataloader import DataLoader

from ansible_collections.estfleet.cloud_extender.plugins.lookup import est_fleet_hosts

GROUPS = {
    "all": ["ce1", "ce2", "ce3", "db1"],
    "ungrouped": ["db1"],
    "cloud_extenders": ["ce1", "ce2", "ce3"],
    "site_a": ["ce1", "ce3"],
    "empty": [],
}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The options of the command line."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(est_fleet_hosts.context, "CLIARGS", found)
    return found


@pytest.fixture(autouse=True)
def _a_command_line(settings: dict[str, Any]) -> None:
    """No test looks at another command line."""


def look_up(*terms: Any, groups: Any = None, limit: str | None = None) -> list[str]:
    lookup = est_fleet_hosts.LookupModule(loader=DataLoader())
    # ansible-core says what plugin it loaded; here it is loaded by hand.
    lookup.set_options = lambda **_options: None
    return lookup.run(list(terms), variables={"groups": GROUPS if groups is None else groups, "ansible_limit": limit})


@pytest.mark.parametrize(
    ("given", "pattern"),
    [
        ("cloud_extenders", "cloud_extenders"),
        (" cloud_extenders ", "cloud_extenders"),
        ("cloud_extenders:&site_a", "cloud_extenders,&site_a"),
        ("cloud_extenders,!ce1", "cloud_extenders,!ce1"),
        ("cloud_extenders[0:1]", "cloud_extenders[0:1]"),
        ("~ce[23]", "~ce[23]"),
        ("c*", "c*"),
        (["site_a", "ce2"], "site_a,ce2"),
        (["cloud_extenders:&site_a", "db1"], "cloud_extenders,&site_a,db1"),
        ("ce2", "ce2"),
        ("all", "all"),
        ("localhost", "localhost"),
    ],
)
def test_a_pattern_that_reaches_hosts_comes_back_with_the_same_meaning(given: Any, pattern: str) -> None:
    assert look_up(given) == [pattern]
    assert split_host_pattern(pattern) == split_host_pattern(given if isinstance(given, list) else given.strip())


@pytest.mark.parametrize(
    "limit",
    ["ce1", "ce1,ce2", "all:!ce1", "~ce[12]", "&site_a", "cloud_extenders[0:1]", "ce1,misspelt", "c*"],
)
def test_a_limit_that_leaves_a_host_changes_nothing(limit: str) -> None:
    assert look_up("cloud_extenders", limit=limit) == ["cloud_extenders"]


def test_a_file_of_failed_hosts_is_a_limit(tmp_path: Any) -> None:
    retry = tmp_path / "site.retry"
    retry.write_text("ce1\nce3\n", encoding="ascii")
    assert look_up("cloud_extenders", limit=f"@{retry}") == ["cloud_extenders"]
    retry.write_text("db1\n", encoding="ascii")
    with pytest.raises(AnsibleLookupError, match="The limit leaves out all that the pattern has"):
        look_up("cloud_extenders", limit=f"@{retry}")


@pytest.mark.parametrize(
    ("pattern", "limit", "words"),
    [
        ("est_hosts", None, "the pattern of hosts 'est_hosts' reaches no host"),
        ("empty", None, "the groups 'cloud_extenders' (3), 'empty' (0), 'site_a' (2)"),
        ("cloud_extenders[7:9]", None, "set est_integration_hosts to what has them"),
        ("cloud_extenders:!ce1:!ce2:!ce3", None, "'cloud_extenders,!ce1,!ce2,!ce3' reaches no host"),
        ("empty", "ce1", "the pattern of hosts 'empty' with the limit 'ce1' reaches no host"),
        ("cloud_extenders", "db1", "The limit leaves out all that the pattern has: give another limit, or none"),
        ("site_a", "all:!site_a", "with the limit 'all:!site_a'"),
        ("localhost", "ce1", "give another limit, or none"),
        ("~((", None, "cannot be read as hosts: Invalid host list pattern: ~(("),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_pattern_that_reaches_nothing_is_an_error(pattern: str, limit: str | None, words: str) -> None:
    with pytest.raises(AnsibleError) as raised:
        look_up(pattern, limit=limit)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ({"all": ["a", "b"], "ungrouped": ["a", "b"]}, "2 hosts and no group, as a smart inventory of AWX"),
        ({"all": ["a"], "ungrouped": ["a"]}, "1 host and no group"),
        ({"all": [], "ungrouped": []}, "The inventory has no host."),
        ({}, "The inventory has no host."),
        (
            {"all": ["a"], **{f"g{number:02}": ["a"] for number in range(30)}},
            "'g00' (1), 'g01' (1), 'g02' (1), 'g03' (1), 'g04' (1), 'g05' (1), 'g06' (1), 'g07' (1) and 22 more.",
        ),
    ],
)
def test_what_the_inventory_has_is_told(groups: Any, words: str) -> None:
    with pytest.raises(AnsibleLookupError) as raised:
        look_up("cloud_extenders", groups=groups)
    assert words in str(raised.value)
    assert "-e est_integration_hosts=all" in str(raised.value)


@pytest.mark.parametrize("given", ["", "  ", ",", [], [""], None])
def test_an_empty_pattern_is_an_error(given: Any) -> None:
    with pytest.raises(AnsibleLookupError, match="est_integration_hosts is empty, so no host would be looked at"):
        look_up(given)


@pytest.mark.parametrize("given", [7, [None], {"cloud_extenders": None}, True, ["ce1", 2]])
def test_what_is_no_pattern_is_an_error(given: Any) -> None:
    with pytest.raises(AnsibleLookupError, match="est_integration_hosts has to be a pattern of hosts"):
        look_up(given)


@pytest.mark.parametrize("listing", ["syntax", "listhosts", "listtasks", "listtags"])
def test_a_listing_needs_no_host(settings: dict[str, Any], listing: str) -> None:
    settings[listing] = True
    assert look_up("cloud_extenders", groups={}) == ["cloud_extenders"]
