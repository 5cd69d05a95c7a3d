# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._diagnostics.parameters import (
    MAX_SERVERS,
    find_targets,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template


def described(name, **options):
    template = Template.from_options({"name": name, "server": "est.example.com", **options})
    flags = {f"{secret}_set": secret in template.secrets() for secret in ("password", "client_key_passphrase")}
    return {**template.as_fields(), **flags, "problems": [], "last_test": None}


def test_templates_that_reach_a_server_in_the_same_way_share_a_look():
    targets, unusable = find_targets(
        [
            described("a", username="u", password="p"),
            described("b", subject="/CN=%uname%"),
            described("c", port=8443),
            described("d", use_system_trust=True),
        ]
    )
    assert [target["templates"] for target in targets] == [["a", "b"], ["c"], ["d"]]
    assert unusable == []


def test_no_account_goes_to_the_host():
    (target,), _unusable = find_targets([described("a", username="C4nary", password="C4nary-2")])
    assert "C4nary" not in str(target)


def test_a_client_key_whose_passphrase_is_not_given_to_the_host_is_not_used():
    given = {"client_certificate_path": "/c.pem", "client_key_path": "/k.pem"}
    targets, _unusable = find_targets(
        [described("open", **given), described("locked", client_key_passphrase="C4nary", **given)]
    )
    assert [target["fields"]["client_key_path"] for target in targets] == ["/k.pem", None]


def test_a_template_that_was_edited_into_nonsense_is_told():
    wrong = {**described("wrong"), "port": 99999}
    targets, unusable = find_targets([wrong, described("right")])
    assert [target["templates"] for target in targets] == [["right"]]
    ((name, code, why),) = unusable
    assert code == "invalid_option"
    assert name == "wrong" and "port" in why


def test_the_number_of_servers_is_bounded():
    targets, unusable = find_targets([described(f"t{port}", port=port) for port in range(1, MAX_SERVERS + 3)])
    assert len(targets) == MAX_SERVERS
    assert [name for name, _code, _why in unusable] == [f"t{MAX_SERVERS + 1}", f"t{MAX_SERVERS + 2}"]
