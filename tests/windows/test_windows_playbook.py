# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules on a Windows host and a POSIX host in one inventory: the same results, and few calls of modules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from support.lab import PASSWORD, USERNAME, LabServer
from windows.conftest import HERE, STORE, Play

COLLECTION = "estfleet.cloud_extender"
WIFI = {"name": "Wi-Fi", "server": "est.example", "username": "u", "password": "canary-wifi", "use_system_trust": True}
VPN = {"name": "VPN", "server": "est.example", "label": "vpn"}
PASSPHRASE = "canary: a passphrase that is long"


def task(module: str, *, check: bool = False, diff: bool = False, **arguments: Any) -> dict[str, Any]:
    """A task with a module of the collection on the store of each host."""
    if module.startswith("est_template"):
        arguments.setdefault("store_path", "{{ est_store }}")
    kept = {"check_mode": True} if check else {}
    return {f"{COLLECTION}.{module}": arguments, "ignore_errors": True, **kept, **({"diff": True} if diff else {})}


TRUTH_TABLE = {
    "check before there is anything": task("est_templates", check=True, diff=True, templates=[WIFI, VPN]),
    "create": task("est_templates", templates=[WIFI, VPN]),
    "again": task("est_templates", templates=[WIFI, VPN]),
    "check again": task("est_templates", check=True, templates=[WIFI, VPN]),
    "another password, check": task("est_template", check=True, **{**WIFI, "password": "canary-2"}),
    "another password": task("est_template", **{**WIFI, "password": "canary-2"}),
    "another password again": task("est_template", **{**WIFI, "password": "canary-2"}),
    "another password kept": task("est_template", **{**WIFI, "password": "canary-3", "update_password": "on_create"}),
    "another port": task("est_template", diff=True, **VPN, port=8443),
    "export": task("est_template_export", dest="{{ inventory_hostname }}.bundle", passphrase=PASSPHRASE),
    "export again": task("est_template_export", dest="{{ inventory_hostname }}.bundle", passphrase=PASSPHRASE),
    "remove": task("est_template", name="VPN", state="absent"),
    "remove again": task("est_template", name="VPN", state="absent"),
    "rotate the key": task("est_templates", templates=[WIFI], rotate_key=True),
    "info": task("est_template_info"),
    # Each takes what the other had: a bundle of Windows is one of POSIX.
    "import": task("est_template_import", src="{{ other }}.bundle", passphrase=PASSPHRASE, purge=True),
    "import again": task("est_template_import", src="{{ other }}.bundle", passphrase=PASSPHRASE, purge=True),
    "purge, check": task("est_templates", check=True, templates=[VPN], purge=True),
    "purge": task("est_templates", templates=[VPN], purge=True),
    "purge again": task("est_templates", templates=[VPN], purge=True),
    "wrong option": task("est_template", name="VPN", server="est.example", port=0),
}
CHANGES = {
    "check before there is anything",
    "create",
    "another password, check",
    "another password",
    "another port",
    "export",
    "remove",
    "rotate the key",
    "import",
    "purge, check",
    "purge",
}


BUNDLES = {"export", "export again", "import", "import again"}


def comparable(result: Mapping[str, Any], host: str) -> Any:
    """A result without what must differ between the hosts: paths, times, and what POSIX alone has."""
    # What is proved is looked at on Windows hosts only where the role or est_template_info asks.
    left_out = ("invocation", "unproved")
    text = repr({name: value for name, value in result.items() if not name.startswith("_") and name not in left_out})
    if "'store': {" not in text:
        text = re.sub(r", 'proved': (True|False)", "", text)
    text = text.replace(repr(STORE)[1:-1], "(store)").replace("(store)\\\\", "(store)/")
    text = text.replace(f"{host}.bundle", "(host).bundle")
    text = re.sub(r"/[^' ]*/\(?(host|windows|posix)\)?\.bundle", "(bundle)", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "(time)", text)
    return re.sub(r"'(folder_mode|document_mode|owner)': [^,]*", "", text)


def test_a_mixed_inventory_has_the_same_results(play: Play) -> None:
    variables = {"other": "{{ 'posix' if inventory_hostname == 'windows' else 'windows' }}"}
    # The bundles cost seconds, and what is in them does not depend on the core.
    table = {name: entry for name, entry in TRUTH_TABLE.items() if play.is_newest or name not in BUNDLES}
    found, printed = play.run(list(table.values()), "-vvvvv", variables=variables)
    assert {host: len(results) for host, results in found.items()} == {"windows": len(table), "posix": len(table)}
    for name, on_windows, on_posix in zip(table, found["windows"], found["posix"], strict=True):
        assert bool(on_windows.get("failed")) == (name == "wrong option"), (name, on_windows)
        assert bool(on_windows["changed"]) == (name in CHANGES), (name, on_windows)
        posix = comparable(on_posix, "posix").replace(str(play.posix_store), "(store)")
        assert comparable(on_windows, "windows") == posix, name
    # A verbose connection prints what modules answer, and the double what it carries.
    assert "WINDOWS DOUBLE RESULT" in printed
    assert "WINDOWS DOUBLE PUT" not in printed
    assert "WINDOWS DOUBLE FETCH" not in printed
    keys = [path.read_text().strip() for path in play.windows.real(STORE).glob("sealing.key.*")]
    assert len(keys) == 1
    for secret in ("canary", *keys):
        assert secret not in printed


def test_no_change_is_one_call_and_the_rest_is_bounded(newest_play: Play) -> None:
    apply = task("est_templates", templates=[WIFI, VPN])
    newest_play.run([apply], hosts="windows")
    assert len(newest_play.called) == 13
    found, _printed = newest_play.run([apply, task("est_template_info")], hosts="windows")
    assert newest_play.called == ["slurp", "slurp", "win_find", "win_acl_inheritance"]
    assert found["windows"][1]["store"]["owner"] == "BUILTIN\\Administrators"


def test_what_windows_hosts_cannot_do_is_refused_and_named(newest_play: Play) -> None:
    user = {"identity": {"user": "test", "domain": "example.com", "email": "test@example.com"}}
    server = {"server": "localhost", "port": 1, "use_system_trust": True}
    inline = {"name": "Wi-Fi", **server}
    tasks = {
        "test from the host itself": task("est_test_enroll", template="Wi-Fi", exchange="host", **user),
        "look from the host itself": task("est_server_info", exchange="host", inline=inline),
        "test": task("est_test_enroll", inline=inline, **user),
        "look": task("est_server_info", inline=inline),
        "look through uri": task("est_server_info", exchange="uri", inline=inline),
        "connect": task("est_server_info", exchange="controller", inline=inline),
        "store": task("est_template", name="Wi-Fi", username="u", password="canary-1", **server),
        "connect with what is stored": task("est_server_info", exchange="controller", template="Wi-Fi"),
        "a POSIX path": task("est_template_info", store_path="/var/lib/cloud_extender/est"),
        "a device": task("est_template_info", store_path="D:\\nul\\est"),
        "a relative path": task("est_template_info", store_path="est"),
        "another drive": task("est_template_info", store_path="D:/est"),
        "default": {f"{COLLECTION}.est_template_info": {}},
    }
    found, _printed = newest_play.run(list(tasks.values()), hosts="windows")
    results = dict(zip(tasks, found["windows"], strict=True))
    for name in ("test from the host itself", "look from the host itself"):
        assert results[name]["failed"], name
        assert "exchange: host does not work on a Windows host" in results[name]["msg"]
    for name in ("test", "look", "look through uri"):
        assert (results[name]["stage"], results[name]["exchange"]) == ("connect", "uri"), results[name]
    assert results["connect"]["stage"] == results["connect with what is stored"]["stage"] == "connect"
    assert "is not the absolute path of a folder on a Windows host" in results["a POSIX path"]["msg"]
    assert "a path such as C:\\ProgramData\\CloudExtenderEST" in results["a POSIX path"]["msg"]
    assert "which Windows keeps for a device" in results["a device"]["msg"]
    assert results["a relative path"]["failed"]
    assert "Cannot find drive" in results["another drive"]["msg"]
    assert results["default"]["store_path"] == STORE


def test_without_ansible_windows_it_says_what_to_install(newest_play: Play) -> None:
    found, _printed = newest_play.run([task("est_template_info")], hosts="windows", collections=False)
    assert "ansible-galaxy collection install ansible.windows" in found["windows"][0]["msg"]


def test_a_host_that_is_down_is_unreachable(newest_play: Play) -> None:
    tasks = [task("est_template_info"), task("est_templates", templates=[WIFI])]
    found, _printed = newest_play.run(tasks, hosts="windows", variables={"windows_double_down": True})
    assert found["windows"][0]["unreachable"] is True


def test_wrong_permissions_are_drift_where_a_host_asks_for_the_full_look(newest_play: Play) -> None:
    look = {"est_windows_full_look": True}
    apply = task("est_templates", templates=[VPN])
    newest_play.run([apply], hosts="windows")
    newest_play.windows.change_acl(STORE, protected=False)
    check = task("est_templates", check=True, templates=[VPN])
    found, _printed = newest_play.run([check, apply, apply], hosts="windows", variables=look)
    assert [result["changed"] for result in found["windows"]] == [True, True, False]
    assert found["windows"][0]["store_problems"] == found["windows"][1]["store_problems"] != []
    assert newest_play.windows.acl(STORE)["protected"]


def test_the_playbook_for_a_real_host_finds_all_as_expected_on_the_double(newest_play: Play) -> None:
    with LabServer("--profile", "full") as lab:
        server = {
            "check_server": lab.url,
            "check_username": USERNAME,
            "check_password": PASSWORD,
            "check_ca_certificate": lab.ca_pem,
            "check_folder": str(newest_play.folder),
        }
        playbook = HERE / "real_host.yml"
        found, printed = newest_play.run_playbook(playbook, "--limit", "windows", variables=server)
    assert "failed=0" in printed, printed
    told = next(result["msg"] for result in found["windows"] if isinstance(result.get("msg"), dict))
    assert len(told["as_expected"]) == 18
    assert all(told["as_expected"].values()), told
    machine = newest_play.windows
    assert not machine.real("C:\\ProgramData\\CloudExtenderEST-check").exists()
    assert [store for store in ("Root", "CA", "My") if machine.certificates(f"LocalMachine\\{store}")] == []


def test_the_role_keeps_windows_hosts_with_its_defaults(newest_play: Play) -> None:
    role = {"ansible.builtin.include_role": {"name": f"{COLLECTION}.est_integration"}}
    tasks = [{"ansible.builtin.gather_facts": {}}, role, task("est_template_info")]
    found, _printed = newest_play.run(tasks, hosts="windows", variables={"est_integration_templates": [WIFI]})
    assert not any(result["failed"] for result in found["windows"])
    assert [template["name"] for template in found["windows"][-1]["templates"]] == ["Wi-Fi"]
