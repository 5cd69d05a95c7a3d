# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identities as they are given, in a list or a CSV file: what is refused, and that it is told with its place."""

from __future__ import annotations

import pytest

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.list_parameters import (
    SHARED,
    argument_spec,
    entry_argument_spec,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._identities import options
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._identities.csv_file import read_csv
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.errors import TemplateError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template

TEMPLATE = Template.from_options(
    {
        "name": "wifi",
        "server": "est.example.com",
        "use_system_trust": True,
        "subject": "/CN=%uname%/OU=%badge%",
        "custom_attributes": ["badge"],
    }
)
BADGE = {"variables": {"badge": "7"}}


def entry(**given):
    return {
        **{name: option.get("default") for name, option in entry_argument_spec().items()},
        "template": "wifi",
        "identities": [],
        "output_path": "/srv/identities",
        **given,
    }


def wave(**given):
    shared = {name: argument_spec()[name].get("default") for name in SHARED}
    return options.read_wave(entry(**given), shared, check_mode=False)


def read(rows, **given):
    placed = [(f"identities[{number}]", row) for number, row in enumerate(rows)]
    return options.read_identities(wave(**given), TEMPLATE, placed)


def test_each_identity_gets_a_name():
    found = read([{"user": "jdoe", **BADGE}, {"user": "msmith", **BADGE}], file_name="%uname%-%badge%")
    assert [each.name for each in found] == ["jdoe-7", "msmith-7"]
    assert found[0].identity.values() == {"uname": "jdoe", "badge": "7"}


def test_what_the_entry_says_counts_for_all():
    found = read([{"user": "jdoe"}, {"user": "msmith", "variables": {"badge": "8"}}], identity=BADGE)
    assert [each.identity.variables["badge"] for each in found] == ["7", "8"]


WRONG = {
    "no dictionary": ([{"user": "a", **BADGE}, "b"], {}, "identities[1].identity"),
    "an option that there is not": ([{"usr": "a"}], {}, "identities[0].usr"),
    "a wrong address": ([{"user": "a", "email": "x", **BADGE}], {}, "identities[0].email"),
    "an unknown variable": (
        [{"user": "a", "variables": {"badge": "1", "shoe": "4"}}],
        {},
        "identities[0].variables.shoe",
    ),
    "no value": ([{"user": "a"}], {}, "identities[0].identity.variables.badge"),
    "no value for the name": ([{"user": "a", **BADGE}], {"file_name": "%csn%"}, "identities[0].identity.variables.csn"),
    "an identity twice": ([{"user": "a", **BADGE}, {"user": "A", **BADGE}], {}, "identities[1].file_name"),
    "a slash": ([{"user": "../a", **BADGE}], {}, "identities[0].file_name"),
    "a dot": ([{"user": ".a", **BADGE}], {}, "identities[0].file_name"),
    "too long": ([{"user": "a" * 64, **BADGE}], {"file_name": "%uname%" * 4}, "identities[0].file_name"),
    "a variable of no template": ([{"user": "a", **BADGE}], {"file_name": "%shoe%"}, "file_name"),
}


@pytest.mark.parametrize(("rows", "given", "place"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_an_identity_is_told_with_its_place(rows, given, place):
    with pytest.raises(TemplateError) as caught:
        read(rows, **given)
    error = caught.value
    assert (f"{error.where}." if error.where else "") + error.option == place, str(error)


def test_one_that_is_wrong_among_ten_thousand_is_found():
    rows = [{"user": f"u{number}", **BADGE} for number in range(10_000)]
    rows[5_000] = {"user": "u5000", "domain": "x", **BADGE}
    with pytest.raises(TemplateError) as caught:
        read(rows)
    assert str(caught.value).startswith("identities[5000].domain: 'x' is not fully qualified")


def test_a_passphrase_is_that_of_the_identity_or_of_the_entry():
    rows = [{"user": "a", **BADGE}, {"user": "b", "pkcs12_passphrase": "of b", **BADGE}]
    found = read(rows, pkcs12_passphrase="of all")
    assert [each.passphrase for each in found] == ["of all", "of b"]
    assert "of b" not in repr(found)
    assert [each.passphrase for each in read([{"user": "a", **BADGE}])] == [None]


NO_PASSPHRASE = {
    "one of two": ([{"user": "a", "pkcs12_passphrase": "x", **BADGE}, {"user": "b", **BADGE}], {}, "identities[1]"),
    "none": ([{"user": "a", **BADGE}], {"pkcs12_encryption": "legacy"}, "identities[0]"),
    "an empty one": ([{"user": "a", "pkcs12_passphrase": "", **BADGE}], {}, "identities[0]"),
    "none for the only file": ([{"user": "a", **BADGE}], {"pkcs12_only": True}, "identities[0]"),
    "an empty one for the only file": (
        [{"user": "a", "pkcs12_passphrase": "", **BADGE}],
        {"pkcs12_only": True},
        "identities[0]",
    ),
    "a number": ([{"user": "a", "pkcs12_passphrase": 5, **BADGE}], {}, "identities[0]"),
}


@pytest.mark.parametrize(("rows", "given", "place"), NO_PASSPHRASE.values(), ids=NO_PASSPHRASE)
def test_no_passphrase_is_made_up(rows, given, place):
    with pytest.raises(TemplateError) as caught:
        read(rows, **given)
    assert (caught.value.where, caught.value.option) == (place, "pkcs12_passphrase")


WRONG_ENTRIES = {
    "an empty passphrase": {"pkcs12_passphrase": ""},
    "a path of a PKCS#12 file": {"pkcs12_path": "/x.p12"},
    "both": {"identities_csv": "x.csv"},
    "no folder": {"output_path": None},
    "a relative folder": {"output_path": "x"},
    "a file": {"certificate_path": "/x.pem"},
    "a name for Windows": {"certificate_name": "x"},
    "too many failures": {"max_failures": -1},
    "an identity": {"identity": {"domain": "x"}},
    "a wait for each": {"wait_timeout": 60},
    "a mode for everybody": {"mode": "0644"},
    "an owner that is none": {"owner": "a b"},
    "a service that is none": {"reload": ["-x"]},
    "a name in PKCS#12": {"pkcs12_friendly_name": "x"},
    "an encrypted key in PEM": {"private_key_passphrase": "x"},
    "a file of the chain": {"fullchain_path": "/x.pem"},
}


@pytest.mark.parametrize("given", WRONG_ENTRIES.values(), ids=WRONG_ENTRIES)
def test_what_is_wrong_with_the_entry_is_refused(given):
    with pytest.raises(TemplateError):
        wave(**given)


def test_an_entry_for_one_certificate_has_no_option_of_the_others():
    assert options.is_for_identities(entry())
    assert not options.is_for_identities({"identities": None, "identities_csv": None})
    for option in ("max_failures", "pkcs12_only"):
        with pytest.raises(TemplateError, match=option):
            options.is_for_identities({option: 1})


CSV = {
    "commas": "user,domain,badge\njdoe,example.com,7\n",
    "semicolons": "user;domain;badge\r\njdoe;example.com;7\r\n",
    "tabs": "user\tdomain\tbadge\njdoe\texample.com\t7",
    "a byte order mark and empty lines": "\ufeffuser,domain,badge\n\n jdoe , example.com ,7\n,,\n\n",
    "quotes": 'user,domain,badge\n"jdoe","example.com","7"\n',
}


@pytest.mark.parametrize("text", CSV.values(), ids=CSV)
def test_a_file_is_read_as_programs_write_it(text):
    ((place, row),) = read_csv(text.encode())
    assert place.startswith("identities_csv, line ")
    assert row == {"user": "jdoe", "domain": "example.com", "variables": {"badge": "7"}}


def test_an_empty_cell_is_no_value_or_leaves_something_out():
    ((_place, row),) = read_csv(b"user,domain,badge\njdoe,,\n")
    assert row == {"user": "jdoe", "variables": {"badge": ""}}


def test_a_passphrase_of_a_file_stays_as_it_is_and_an_empty_one_stays_one():
    found = read_csv(b"user,pkcs12_passphrase\na, with blanks \nb,\n")
    assert [row["pkcs12_passphrase"] for _place, row in found] == [" with blanks ", ""]


WRONG_CSV = {
    "nothing": (b"", "has no identity in it"),
    "only names": (b"user,domain\n", "has no identity in it"),
    "no names": (b"jdoe,example.com\n", "has no line with the names of columns"),
    "a missing column": (b"user,domain\njdoe\n", "line 2: has 1 columns, and the first line has 2"),
    "one too many": (b"user,domain\na,b.example,c\n", "line 2: has 3 columns"),
    "a column twice": (b"user,user\na,b\n", "has a column twice"),
    "a column without a name": (b"user,\na,b\n", "has a column without a name"),
    "another encoding": ("user\nm\xfcller\n".encode("latin-1"), "is not UTF-8 text, in line 2"),
    "an open quote": (b'user,domain\n"a,b\n', "cannot be read in line 2"),
    "an octet 0": (b"user\na\0\n", "has an octet 0"),
}


@pytest.mark.parametrize(("content", "words"), WRONG_CSV.values(), ids=WRONG_CSV)
def test_a_file_that_cannot_be_used_is_told_with_its_line(content, words):
    with pytest.raises(TemplateError) as caught:
        read_csv(content)
    assert words in str(caught.value), str(caught.value)
