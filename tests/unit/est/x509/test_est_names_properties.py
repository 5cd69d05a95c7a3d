# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any names that are taken come out of a certificate request as they went in, read by cryptography and by ourselves."""

from __future__ import annotations

import ipaddress
from typing import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from support.names import build_general_names, build_name, own_name, read_general_names
from support.properties import count, steady

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.attributes import (
    ATTRIBUTE_OIDS,
    SubjectAttribute,
    check_attribute,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import format_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.errors import NameSyntaxError, normalized
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import (
    KINDS,
    GeneralName,
    canonical_general_name,
    validate_general_name,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.rfc4514_dn import (
    format_rfc4514_dn,
    parse_rfc4514_dn,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import build_csr
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.names import (
    encode_general_name,
    encode_general_names,
    encode_name,
    read_general_name,
    read_name,
    split_general_names,
)

KEY = ec.generate_private_key(ec.SECP256R1())


def taken(check: Callable[[], object]) -> bool:
    try:
        check()
    except NameSyntaxError:
        return False
    return True


LABELS = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))
EMAILS = st.builds("{}@{}".format, st.from_regex(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,12}", fullmatch=True), HOSTS)
WORDS = st.text(alphabet=st.one_of(st.sampled_from('/\\+=%,;<>"# ü'), st.characters()), min_size=1, max_size=20)
VALUES = {
    "C": st.from_regex(r"[A-Z]{2}", fullmatch=True),
    "SN": st.from_regex(r"[A-Za-z0-9 '()+,\-./:=?]{1,20}", fullmatch=True),
    "DC": st.from_regex(r"[\x21-\x7e]{1,20}", fullmatch=True),
    "emailAddress": EMAILS,
}
ATTRIBUTES = st.one_of(
    [
        VALUES.get(name, WORDS).map(lambda value, oid=oid: SubjectAttribute(oid, value))  # type: ignore[misc]
        for name, oid in [*ATTRIBUTE_OIDS.items(), ("", "2.5.4.97"), ("", "1.2.3")]
    ]
).filter(lambda attribute: taken(lambda: check_attribute(attribute)))
SUBJECTS = st.lists(ATTRIBUTES, min_size=1, max_size=6).map(tuple)
ENTRIES = {
    "UPN": st.builds("{}@{}".format, WORDS, st.one_of(HOSTS, st.sampled_from(["bücher.example", "faß.example"]))),
    "email": EMAILS,
    "DNS": st.one_of(HOSTS, HOSTS.map("*.{}".format)),
    "IP": st.ip_addresses().map(str),
    "URI": st.builds("https://{}/{}".format, HOSTS, st.from_regex(r"[a-zA-Z0-9?&=.~-]{0,10}", fullmatch=True)),
    "RID": st.lists(st.integers(0, 2**64), max_size=4).map(lambda arcs: ".".join(["1.3", *map(str, arcs)])),
    "dirName": SUBJECTS.flatmap(
        lambda subject: st.sampled_from([format_slash_dn(subject), format_rfc4514_dn(subject)])
    ),
    "SID": st.lists(st.integers(0, 2**32 - 1), min_size=4, max_size=4).map(
        lambda numbers: "-".join(["S-1-5-21", *map(str, numbers)])
    ),
}
GENERAL_NAMES = st.one_of(
    [ENTRIES[type_].map(lambda value, type_=type_: GeneralName(type_, value)) for type_ in ENTRIES]
)  # type: ignore[misc]
NAMES = st.lists(
    GENERAL_NAMES.filter(lambda name: taken(lambda: validate_general_name(name))), min_size=1, max_size=6
).map(tuple)


def test_every_type_is_tried() -> None:
    assert set(ENTRIES) == set(KINDS)


@settings(steady, max_examples=count(60))
@given(SUBJECTS, NAMES)
def test_names_come_out_of_a_request_as_they_went_in(
    subject: tuple[SubjectAttribute, ...], names: tuple[GeneralName, ...]
) -> None:
    request = build_csr(KEY, subject, names)
    read = x509.load_der_x509_csr(request.der)
    expected = tuple(SubjectAttribute(oid, normalized(value)) for oid, value in subject)
    assert read_name(own_name(read.subject)) == expected
    assert len(read.subject.rdns) == len(subject)
    alternative = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    canonical = tuple(canonical_general_name(name) for name in names)
    assert read_general_names(alternative) == canonical
    # What we write and read without cryptography is the same.
    encoded = encode_general_names(names)
    assert encoded in request.der
    assert encode_name(subject) in request.der
    assert tuple(read_general_name(entry) for entry in split_general_names(encoded)) == canonical
    assert encoded.endswith(b"".join(map(encode_general_name, names)))


@steady
@given(SUBJECTS)
def test_cryptography_writes_the_comma_form_that_we_read(subject: tuple[SubjectAttribute, ...]) -> None:
    name = build_name(subject)
    assert parse_rfc4514_dn(name.rfc4514_string()) == read_name(own_name(name))


@steady
@given(st.sampled_from(list(ATTRIBUTE_OIDS.values())), WORDS)
def test_any_value_of_an_attribute_is_encoded_or_our_own_error(oid: str, value: str) -> None:
    try:
        name = build_name((SubjectAttribute(oid, value),))
    except InputError as error:
        assert len(error.reason) < 1000
        assert error.hint
    else:
        assert read_name(own_name(name)) == ((oid, normalized(value)),)


@steady
@given(st.sampled_from(list(KINDS)), st.one_of(WORDS, GENERAL_NAMES.map(lambda name: name.value)))
def test_any_value_of_an_entry_is_encoded_or_our_own_error(type_: str, value: str) -> None:
    try:
        names = build_general_names([GeneralName(type_, value)])
    except InputError as error:
        assert len(error.reason) < 1000
        assert error.hint
    else:
        (read,) = read_general_names(names)
        if type_ == "IP":
            assert ipaddress.ip_address(read.value) == ipaddress.ip_address(value)
        else:
            assert read == canonical_general_name(GeneralName(type_, value))


@pytest.mark.parametrize(
    ("written", "held"), [("e\u0301", "é"), ("\u212b", "Å"), ("\u1112\u1161\u11ab", "한"), ("é", "é")]
)
def test_a_certificate_holds_normal_form_c(written: str, held: str) -> None:
    ((_oid, value),) = read_name(own_name(build_name((SubjectAttribute("2.5.4.3", written),))))
    assert value == held
    (upn,) = read_general_names(build_general_names([GeneralName("UPN", f"{written}@a.example")]))
    assert upn.value == f"{held}@a.example"
    (name,) = read_general_names(build_general_names([GeneralName("dirName", f"/CN={written}")]))
    assert name.value == f"/CN={held}"


@pytest.mark.parametrize("length", [200_000, 2**20])
def test_a_huge_value_is_our_own_error(length: int) -> None:
    for type_ in KINDS:
        with pytest.raises(InputError) as caught:
            build_general_names([GeneralName(type_, "a" * length)])
        assert len(caught.value.reason) < 1000
