# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of est_certificate: what each kind of host takes, and what is refused."""

from __future__ import annotations

import pytest
from support.production import given

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import read_options
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError

PATHS = {"certificate_path": "/etc/ssl/web.pem", "private_key_path": "/etc/ssl/web.key"}


def read(*, windows=False, check=False, **options):
    return read_options(given(template="web", **options), check_mode=check, windows=windows)


def test_a_posix_host():
    asked = read(**PATHS, identity={"user": "web1"}, wait_timeout="60", check=True)
    assert (asked.template_name, asked.inline, asked.chain_files) == ("web", None, {})
    assert asked.options.wait_timeout == 60
    assert asked.options.check
    assert asked.options.renewal_period_days is None
    assert asked.identity.test_value == ""
    assert asked.identity.certificate_name == "identity"


def test_a_windows_host():
    given_store = {"certificate_store_name": "WebHosting", "certificate_store_location": "LocalMachine"}
    asked = read(windows=True, **given_store, certificate_name="portal", key_exportable=True, store_path="C:\\est")
    assert asked.identity.certificate_name == "portal"
    assert (asked.certificate_store_name, asked.key_exportable) == ("WebHosting", True)
    assert asked.store_path == "C:\\est"
    assert read(windows=True).certificate_store_name == "My"
    assert read(windows=True, renewal_method="renew").options.renewal_method == "renew"
    assert (read(windows=True).key_provider, read(windows=True).key_readers) == ("software", ())
    asked = read(windows=True, key_provider="csp", key_readers=["NT SERVICE\\W3SVC", "S-1-5-20"])
    assert (asked.key_provider, asked.key_readers) == ("csp", ("NT SERVICE\\W3SVC", "S-1-5-20"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "certificate_path: is missing"),
        ({"certificate_path": "/a.pem"}, "private_key_path: is missing"),
        ({**PATHS, "certificate_path": "web.pem"}, "certificate_path: is not an absolute path"),
        ({**PATHS, "certificate_path": "C:\\web.pem"}, "certificate_path: is not the absolute path of a file"),
        ({**PATHS, "certificate_path": "/etc/ssl/"}, "certificate_path: is not the absolute path of a file"),
        ({**PATHS, "private_key_path": 7}, "private_key_path: is not a string"),
        ({**PATHS, "chain_path": "/etc/ssl/web.pem"}, "chain_path: is the file of certificate_path"),
        ({**PATHS, "fullchain_path": "/etc//ssl/web.key"}, "fullchain_path: is the file of private_key_path"),
        (
            {**PATHS, "chain_path": "/c.pem", "root_certificate_path": "/c.pem"},
            "root_certificate_path: is the file of chain_path",
        ),
        ({**PATHS, "certificate_store_name": "My"}, "certificate_store_name: has no effect on a POSIX host"),
        ({**PATHS, "key_exportable": False}, "key_exportable: has no effect on a POSIX host"),
        ({**PATHS, "certificate_store_location": "LocalMachine"}, "certificate_store_location: has no effect"),
        (
            {**PATHS, "certificate_name": "web"},
            "certificate_name: has no effect on a POSIX host, where certificate_path",
        ),
        ({**PATHS, "renewal_period_days": 0}, "renewal_period_days: is out of range"),
        ({**PATHS, "renewal_period_days": 366}, "renewal_period_days: is out of range"),
        ({**PATHS, "wait_timeout": -1}, "wait_timeout: is out of range"),
        ({**PATHS, "on_lost": "Fail"}, "on_lost: is not allowed"),
        ({**PATHS, "allowed_lost": ["e-mail"]}, "allowed_lost: is not a name that a CA can leave out"),
        ({"windows": True, "certificate_name": "a b"}, "certificate_name: has spaces in it"),
        ({**PATHS, "store_path": "relative"}, "store_path: is not the absolute path"),
        ({**PATHS, "inline": {"name": "x"}}, "template and inline: are both given"),
        ({"windows": True, **PATHS}, "certificate_path: has no effect on a Windows host"),
        ({"windows": True, "versioned_folder": True}, "versioned_folder: has no effect on a Windows host"),
        ({"windows": True, "key_origin": "server"}, "key_origin: cannot be used on a Windows host"),
        ({"windows": True, "key_origin": "server", "exchange": "controller"}, "key_origin: cannot be used"),
        (
            {"windows": True, "key_provider": "tpm", "key_exportable": True},
            "key_exportable: cannot be had of a key in a TPM",
        ),
        ({"windows": True, "key_readers": ["a\nb"]}, "key_readers: has what is no account"),
        ({"windows": True, "reload": ["W3SVC", "WinRM"]}, "reload: has the service through which Ansible reaches"),
        ({"windows": True, "reload": ["a\\b"]}, "reload: has what is no name of a service"),
        ({"windows": True, "key_readers": ["x"] * 33}, "key_readers: has more than 32 accounts"),
        ({**PATHS, "key_provider": "software"}, "key_provider: has no effect on a POSIX host"),
        ({**PATHS, "key_readers": []}, "key_readers: has no effect on a POSIX host"),
        ({"windows": True, "certificate_store_name": " "}, "certificate_store_name: is empty"),
    ],
)
def test_what_is_refused_is_named(options, words):
    with pytest.raises(TemplateError) as caught:
        read(**options)
    assert f"{caught.value.option}: {caught.value.reason}".startswith(words)
