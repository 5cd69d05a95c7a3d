# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What est_certificate_info tells of the certificate stores of a Windows host, with a stand-in for its module there.

``tests/twins/test_twins_key.py`` has the look of the module itself.
"""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support.lab import LabServer
from support.production import subject
from support.windows_keys import Entry, KeyHost

pytest.importorskip("ansible", reason="actions need ansible-core, which needs a newer Python")

from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.windows_certificate import mark_of
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.windows_information import (
    certificates_in,
    template_of,
)

STORE = "C:\\ProgramData\\CloudExtenderEST"
MODULE = "estfleet.cloud_extender.win_est_key"


def named(template: str, name: str) -> str:
    """The friendly name of a certificate of ours."""
    return f"{template.replace(' ', '-')}-{name}-est-{mark_of(template, name)}-0123456789abcdef-2"


def test_every_certificate_of_the_stores_is_told() -> None:
    host = KeyHost()
    with LabServer() as lab:
        issued = [lab.issue(subject=subject(name)) for name in ("ours", "lost", "other", "theirs")]
    host.keys = {"one": issued[0].private_key, "two": issued[2].private_key}
    names, keys = (named("web", "portal"), named("web", "old"), "somebody's", ""), ("one", "", "one", "two")
    entries = [
        Entry(one.certificate.public_bytes(Encoding.DER), name, key) for one, name, key in zip(issued, names, keys)
    ]
    host.stores = {"My": entries[:3], "WebHosting": [entries[3], Entry(b"no certificate")], "CA": []}

    found = certificates_in(host.execute, MODULE, STORE, ["My", "WebHosting", "Gone", "My"])
    told = {one["friendly_name"]: one for one in found["certificates"]}
    assert set(told) == set(names)
    assert [told[name]["template"] for name in names] == ["web", "web", None, None]
    assert [told[name]["key_matches"] for name in names] == [True, None, False, False]
    for entry, name in zip(entries, names):
        store = "WebHosting" if not name else "My"
        assert told[name]["path"] == f"Cert:\\LocalMachine\\{store}\\{entry.thumbprint}"
        assert told[name]["certificate"]["thumbprint"] == entry.thumbprint
    assert told[names[0]]["certificate"]["subject"] == "/CN=ours/emailAddress=jdoe@example.com"
    assert found["problems"] == [{"path": "Cert:\\LocalMachine\\Gone", "reason": "there is no store Gone"}]
    assert host.calls == ["look"]


@pytest.mark.parametrize(
    ("friendly_name", "template"),
    [
        (named("web", "portal"), "web"),
        (named("a-b", "c-d-e"), "a-b"),
        (named("Cisco EST", "identity"), "Cisco EST"),
        (named("Büro", "identity"), "Büro"),
        (named("web", "portal").replace("web", "wob"), None),
        ("web portal", None),
        ("", None),
    ],
)
def test_the_template_is_known_by_the_mark(friendly_name: str, template: str | None) -> None:
    assert template_of(friendly_name) == template
