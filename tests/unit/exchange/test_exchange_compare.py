# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from support.names import build_general_names, build_name, own_name

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.acceptance import Acceptance
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.compare import differs, lost
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.issued import (
    IS_CA,
    compare_certificate,
    compare_with_older,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.names import (
    read_name,
)

ADDED_UPN = "subject_alternative_name UPN:administrator@example.com was not asked for"
UPN = GeneralName("UPN", "administrator@example.com")


def certificate(subject_text, *names, ca=False):
    """A self-signed certificate with these names."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = build_name(subject(subject_text)), datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    if names:
        builder = builder.add_extension(build_general_names(names), critical=False)
    return Certificate(builder.sign(key, SHA256()).public_bytes(Encoding.DER))


def subject(text):
    return parse_slash_dn(text) if text else ()


@pytest.mark.parametrize(
    ("requested", "issued", "expected"),
    [
        ("/CN=jdoe", "/CN=jdoe", []),
        ("/CN=jdoe", "/O=Added/CN=jdoe", []),
        ("/CN=jdoe/O=Example", "/O=Example/CN=jdoe", []),
        ("/CN=jdoe/emailAddress=j@example.com", "/CN=jdoe", ["subject emailAddress=j@example.com"]),
        ("/CN=jdoe", "/CN=JDOE", []),  # caseIgnoreMatch, RFC 5280 section 7.1
        ("/O=Example  AG", "/O=example AG", []),
        ("/O=Example AG", "/O=ExampleAG", ["subject O=Example AG"]),
        ("/CN=STRASSE", "/CN=Straße", []),
        ("/CN=É", "/CN=e\u0301", []),
        ("/S=Doe/SN=17", "/CN=x", ["subject S=Doe", "subject SN=17"]),
        ("/OU=a/OU=b", "/OU=b", ["subject OU=a"]),
        ("/CN=jdoe", "", ["subject CN=jdoe"]),
        ("/OU=a/OU=a/CN=x", "/OU=a/CN=x", ["subject OU=a"]),
        ("/DC=Example/DC=com", "/DC=example/DC=COM", []),
        ("/emailAddress=j@Example.com", "/emailAddress=j@example.COM", []),
        ("/emailAddress=J@example.com", "/emailAddress=j@example.com", []),  # RFC 5280 section 4.1.2.6
        ("/emailAddress=j@xn--bcher-kva.example", "/emailAddress=j@bücher.example", []),
        ("/DC=xn--bcher-kva", "/DC=Bücher", []),
        ("/CN=é", "/CN=e\u0301", []),
        ("/CN=a", "/CN=\u0430", ["subject CN=a"]),  # a Cyrillic letter that looks the same
    ],
)
def test_what_is_lost_of_a_subject(requested, issued, expected):
    assert lost(subject(requested), (), subject(issued), ()) == expected


@pytest.mark.parametrize(
    ("requested", "issued", "same"),
    [
        (("DNS", "Host.Example.com"), ("DNS", "host.example.COM"), True),
        (("DNS", "a.example.com"), ("DNS", "b.example.com"), False),
        (("IP", "2001:db8::1"), ("IP", "2001:0db8:0:0:0:0:0:1"), True),
        (("IP", "127.0.0.1"), ("IP", "127.0.0.2"), False),
        (("IP", "no address"), ("IP", "no address"), True),
        (("UPN", "jdoe@example.com"), ("UPN", "jdoe@example.com"), True),
        (("UPN", "jdoe@example.com"), ("email", "jdoe@example.com"), False),
        (("URI", "https://a/X"), ("URI", "https://a/x"), False),
        (("email", "jdoe@Example.com"), ("email", "jdoe@example.com"), True),
        (("email", "JDoe@example.com"), ("email", "jdoe@example.com"), False),
        (("email", "j@XN--bcher-kva.example"), ("email", "j@xn--bcher-kva.example"), True),
        (("DNS", "XN--BCHER-KVA.example"), ("DNS", "xn--bcher-kva.example"), True),
        (("UPN", "jdoe@CORP.example"), ("UPN", "jdoe@corp.example"), True),
        (("UPN", "é@a.example"), ("UPN", "e\u0301@a.example"), True),
        (("UPN", "JDoe@example.com"), ("UPN", "jdoe@Example.com"), True),
        (("UPN", "straße@a.example"), ("UPN", "strasse@a.example"), False),
        (("UPN", "j@bücher.example"), ("UPN", "j@xn--bcher-kva.example"), True),
        (("email", "j@bücher.example"), ("email", "j@XN--Bcher-kva.example"), True),
        (("DNS", "host.example.com"), ("DNS", "host.example.com."), True),
        (("DNS", "*.xn--bcher-kva.example"), ("DNS", "*.BÜCHER.example"), True),
        (("DNS", "xn--fa-hia.example"), ("DNS", "faß.example"), True),
        (("DNS", "fass.example"), ("DNS", "faß.example"), False),  # two names in IDNA 2008
        (("DNS", "xn--abc-.example"), ("DNS", "abc.example"), False),  # no A-label
        (("DNS", "xn--BCHER-3ya.example"), ("DNS", "b\u00dccher.example"), False),
        (("DNS", "xn--99999999999.example"), ("DNS", "xn--99999999999.example"), True),
        (("DNS", "example.com"), ("DNS", "example.com.."), False),
        (("URI", "HTTPS://Host.Example/~jdoe"), ("URI", "https://host.example/%7Ejdoe"), True),
        (("URI", "https://h/a%2fb"), ("URI", "https://h/a%2Fb"), True),
        (("URI", "https://h/a/b"), ("URI", "https://h/a%2Fb"), False),
        (("URI", "https://h/%257E"), ("URI", "https://h/~"), False),
        (("URI", "https://User@H/"), ("URI", "https://user@h/"), False),
        (("URI", "https://User@H:8443?q"), ("URI", "https://User@h:8443?q"), True),
        (("URI", "https://h?Q"), ("URI", "https://h?q"), False),
        (("URI", "URN:uuid:1"), ("URI", "urn:uuid:1"), True),
        (("URI", "urn:UUID:1"), ("URI", "urn:uuid:1"), False),
        (("dirName", "/O=Example  AG/CN=Jdoe"), ("dirName", "/O=example ag/CN=jdoe"), True),
        (("dirName", "CN=jdoe,O=Example"), ("dirName", "/O=Example/CN=jdoe"), True),
        (("dirName", "/O=a/CN=b"), ("dirName", "/CN=b/O=a"), False),
        (("dirName", "/CN=a"), ("dirName", "/CN=b"), False),
        (("dirName", "no name"), ("dirName", "no name"), True),
        (("SID", "S-1-5-21-1-2-3-4"), ("URI", "TAG:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-4"), False),
    ],
)
def test_which_alternative_names_are_the_same(requested, issued, same):
    wanted = GeneralName(*requested)
    assert lost((), [wanted], (), [GeneralName(*issued)]) == ([] if same else [f"subject_alternative_name {wanted}"])


@pytest.mark.parametrize("string_type", ["UTF8String", "PrintableString", "BMPString", "T61String", "UniversalString"])
def test_a_value_in_another_string_type_is_the_same(string_type):
    requested = subject("/O=Example AG/CN=jdoe")
    kind = getattr(_ASN1Type, string_type)
    issued = x509.Name([x509.NameAttribute(x509.ObjectIdentifier(oid), value, kind) for oid, value in requested])
    key = ec.generate_private_key(ec.SECP256R1())
    signed = x509.CertificateSigningRequestBuilder().subject_name(issued).sign(key, SHA256())
    read = read_name(own_name(x509.load_der_x509_csr(signed.public_bytes(Encoding.DER)).subject))
    assert lost(requested, (), read, ()) == []


def test_what_is_lost_is_told_in_the_order_of_the_request():
    names = [GeneralName("UPN", "a@b.example"), GeneralName("DNS", "b.example")]
    assert lost(subject("/CN=a/O=b"), names, (), ()) == [
        "subject CN=a",
        "subject O=b",
        "subject_alternative_name UPN:a@b.example",
        "subject_alternative_name DNS:b.example",
    ]


@pytest.mark.parametrize(
    ("requested", "issued", "expected"),
    [
        ("/CN=ce1", "/CN=ce1", []),
        ("/CN=ce1", "/CN=root", ["subject CN=ce1 came as CN=root"]),
        ("/CN=ce1", "/O=Added/CN=ce1/OU=Added", []),
        ("/CN=ce1/OU=a", "/CN=ce1", []),
        ("/CN=ce1/OU=a/OU=b", "/CN=ce1/OU=b/OU=c", ["subject OU=a came as OU=c"]),
        ("/CN=ce1", "/CN=ce1/CN=root", ["subject CN=root was not asked for"]),
        ("/CN=ce1", "/CN=ce1/CN=ce1", ["subject CN=ce1 was not asked for"]),
        ("/emailAddress=a@Example.com", "/emailAddress=a@example.com", []),
        ("/O=a=b", "/O=a=c", ["subject O=a=b came as O=a=c"]),
        ("", "/CN=root", []),
    ],
)
def test_what_came_of_a_subject_with_another_value(requested, issued, expected):
    assert differs(subject(requested), (), subject(issued), ()) == expected


@pytest.mark.parametrize(
    ("requested", "issued", "expected"),
    [
        (["DNS:a.example"], ["DNS:A.example"], []),
        (["DNS:a.example"], ["DNS:b.example"], ["subject_alternative_name DNS:a.example came as DNS:b.example"]),
        (
            ["DNS:a.example"],
            ["UPN:x@a.example", "DNS:a.example", "SID:S-1-5-21-1-2-3-500", "otherName 1.2.3:0500"],
            [
                "subject_alternative_name UPN:x@a.example was not asked for",
                "subject_alternative_name SID:S-1-5-21-1-2-3-500 was not asked for",
                "subject_alternative_name otherName 1.2.3:0500 was not asked for",
            ],
        ),
        (["URI:https://a/~b"], ["URI:HTTPS://A/%7eb"], []),
        (
            ["DNS:a.example"],
            ["DNS:a.example", "DNS:*.a.example"],
            ["subject_alternative_name DNS:*.a.example was not asked for"],
        ),
        (["UPN:a@b.example", "DNS:a"], ["DNS:a"], []),
        (["IP:2001:db8::1"], ["IP:2001:db8::2"], ["subject_alternative_name IP:2001:db8::1 came as IP:2001:db8::2"]),
        ([], ["DNS:a", "DNS:A"], [f"subject_alternative_name DNS:{name} was not asked for" for name in "aA"]),
    ],
)
def test_what_came_of_alternative_names_with_another_value(requested, issued, expected):
    def names(texts):
        return [GeneralName(*text.split(":", 1)) for text in texts]

    assert differs((), names(requested), (), names(issued)) == expected


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (("/CN=a", GeneralName("DNS", "a.example")), ()),
        (("/CN=A", GeneralName("DNS", "A.EXAMPLE")), ()),
        (("/CN=a", GeneralName("DNS", "a.example"), UPN), (ADDED_UPN,)),
        (("/O=Evil/CN=a", GeneralName("DNS", "a.example")), ("subject O=Evil was not asked for",)),
        (("/O=Evil/CN=a", GeneralName("DNS", "a.example"), UPN), ("subject O=Evil was not asked for", ADDED_UPN)),
    ],
)
def test_a_renewed_certificate_has_the_names_of_the_old_one_and_no_other(new, expected):
    compared = compare_with_older(certificate(*new), certificate("/CN=a", GeneralName("DNS", "a.example")))
    assert (compared.lost, compared.differs) == ((), expected)


def test_what_an_enrolment_adds_is_told_of_alternative_names_alone():
    compared = compare_certificate(subject("/CN=a"), (), certificate("/O=Added/CN=a", UPN))
    assert (compared.lost, compared.differs) == ((), (ADDED_UPN,))


def test_no_difference_goes_unseen_behind_many():
    names = [GeneralName("DNS", f"{number}.example") for number in range(60)]
    compared = compare_certificate((), (), certificate("/CN=a", *names, ca=True))
    assert compared.differs[49:] == (
        "subject_alternative_name DNS:49.example was not asked for",
        "10 other names differ",
        IS_CA,
    )
    assert Acceptance(allowed_lost=("DNS",)).unaccepted(compared.differs) == list(compared.differs[50:])
