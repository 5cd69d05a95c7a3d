# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of a request as openssl and cryptography print them: their order, their string types, their characters."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from interop.openssl import MISSING, openssl, request_text

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.attributes import (
    ATTRIBUTE_OIDS,
    SubjectAttribute,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import (
    parse_distinguished_name,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import (
    KINDS,
    parse_general_name,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.rfc4514_dn import format_rfc4514_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import build_csr
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.names import (
    encode_general_name,
    encode_name,
)

if MISSING:
    pytest.skip(MISSING, allow_module_level=True)

KEY = ec.generate_private_key(ec.SECP256R1())
#: Each of IBM's attributes, and what openssl calls it, its string type and its value.
ATTRIBUTES = {
    "CN": ("commonName", "UTF8STRING", "Jörg / Doe, Jr. + \u05d0"),
    "C": ("countryName", "PRINTABLESTRING", "DE"),
    "L": ("localityName", "UTF8STRING", "Köln"),
    "ST": ("stateOrProvinceName", "UTF8STRING", "NRW"),
    "O": ("organizationName", "UTF8STRING", "Müller & Söhne"),
    "OU": ("organizationalUnitName", "UTF8STRING", "IT"),
    "G": ("givenName", "UTF8STRING", "Jörg"),
    "S": ("surname", "UTF8STRING", "Doe"),
    "I": ("initials", "UTF8STRING", "JD"),
    "UID": ("userId", "UTF8STRING", "jdoe"),
    "SN": ("serialNumber", "PRINTABLESTRING", "A-123"),
    "T": ("title", "UTF8STRING", "Dr"),
    "D": ("description", "UTF8STRING", "device of Jörg"),
    "emailAddress": ("emailAddress", "IA5STRING", "jdoe@xn--bcher-kva.example"),
    "DC": ("domainComponent", "IA5STRING", "example"),
    "2.5.4.46": ("dnQualifier", "PRINTABLESTRING", "1"),
}
SUBJECT = tuple(SubjectAttribute(ATTRIBUTE_OIDS.get(name, name), row[2]) for name, row in ATTRIBUTES.items())
SID = "S-1-5-21-1004336348-1177238915-682003330-512"
#: Each type of entry, and what openssl prints of it in a request.
ENTRIES = {
    "UPN:jdöe@bücher.example": "othername: UPN:",
    "email:jdoe@xn--bcher-kva.example": "email:jdoe@xn--bcher-kva.example",
    "DNS:*.example.com": "DNS:*.example.com",
    "IP:192.0.2.7": "IP Address:192.0.2.7",
    "IP:2001:db8::7": "IP Address:2001:DB8:0:0:0:0:0:7",
    "URI:https://xn--bcher-kva.example/%C3%BC": "URI:https://xn--bcher-kva.example/%C3%BC",
    "RID:1.3.6.1.4.1.311": "Registered ID:1.3.6.1.4.1.311",
    r"dirName:CN=Jörg\, Doe,DC=example": "DirName:",
    f"SID:{SID}": f"URI:tag:microsoft.com,2022-09-14:sid:{SID}",
}


def asn1(der: bytes, *arguments: str) -> list[tuple[int, str, str]]:
    """What `openssl asn1parse` prints: depth, type and value of each element."""
    words = openssl("asn1parse", "-inform", "DER", *arguments, given=der)
    rows = (
        re.match(r"\s*\d+:d=(\d+) +hl=\d+ l= *\w+ (?:prim|cons): ([^:]+?) *(?::(.*))?\Z", line)
        for line in words.splitlines()
    )
    return [(int(row[1]), row[2], row[3] or "") for row in rows if row]


def test_openssl_sees_every_attribute_in_its_own_rdn_with_its_string_type():
    assert set(ATTRIBUTES) == {*ATTRIBUTE_OIDS, "2.5.4.46"}
    rows = asn1(encode_name(SUBJECT))
    assert [kind for _depth, kind, _value in rows].count("SET") == len(ATTRIBUTES)
    leaves = [(kind, value) for _depth, kind, value in rows if kind not in ("SEQUENCE", "SET")]
    assert leaves[0::2] == [("OBJECT", name) for name, _type, _value in ATTRIBUTES.values()]
    assert leaves[1::2] == [(type_, value) for _name, type_, value in ATTRIBUTES.values()]


def test_openssl_and_cryptography_print_the_comma_form_that_we_read():
    request = build_csr(KEY, SUBJECT)
    printed = openssl(
        *("req", "-inform", "DER", "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb,utf8,oid"), given=request.der
    )
    printed = printed.strip().removeprefix("subject=").strip()
    assert parse_distinguished_name(printed) == SUBJECT
    # With its own names openssl has SN for surname and serialNumber in full: ours are in full, both.
    name = x509.load_der_x509_csr(request.der).subject
    assert parse_distinguished_name(name.rfc4514_string()) == SUBJECT
    ours = format_rfc4514_dn(SUBJECT)
    assert r"surname=Doe" in ours
    assert r"CN=Jörg / Doe\, Jr. \+ א" in ours
    assert parse_distinguished_name(ours) == SUBJECT


@pytest.mark.parametrize(
    "written", ["/DC=com/DC=example/OU=Phones/CN=Bob", "CN=Bob,OU=Phones,DC=example,DC=com"], ids=["slash", "comma"]
)
def test_openssl_sees_both_forms_in_the_same_order(written):
    request = build_csr(KEY, parse_distinguished_name(written))
    printed = openssl("req", "-inform", "DER", "-noout", "-subject", "-nameopt", "compat", given=request.der)
    assert printed.strip().endswith("/DC=com/DC=example/OU=Phones/CN=Bob")


def test_openssl_sees_every_entry_in_order():
    names = [parse_general_name(text) for text in ENTRIES]
    assert {name.type for name in names} == set(KINDS)
    words = request_text(build_csr(KEY, SUBJECT, names).der)
    line = next(
        words.splitlines()[number + 1] for number, text in enumerate(words.splitlines()) if "Alternative Name" in text
    )
    places = [line.lower().replace(" ", "").find(printed.lower().replace(" ", "")) for printed in ENTRIES.values()]
    assert -1 not in places, line
    assert places == sorted(places)


def test_openssl_sees_a_upn_as_active_directory_has_it():
    # OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY }, itself under an implicit [0].
    rows = asn1(encode_general_name(parse_general_name("UPN:jdöe@bücher.example")))
    assert rows == [
        (0, "cont [ 0 ]", ""),
        (1, "OBJECT", "Microsoft User Principal Name"),
        (1, "cont [ 0 ]", ""),
        (2, "UTF8STRING", "jdöe@bücher.example"),
    ]


def test_the_guide_shows_what_openssl_prints():
    page = Path(__file__).parents[2] / "docs" / "subjects-and-names.md"
    shown = dict(re.findall(r"<!-- (subject|entry) -->\n\n((?: {4}.*\n)+)", page.read_text(encoding="utf-8")))
    for name, der in (
        ("subject", encode_name(parse_distinguished_name("CN=Jörg,C=DE"))),
        ("entry", encode_general_name(parse_general_name("UPN:jdöe@corp.example"))),
    ):
        lines = [re.fullmatch(r"( *)(.+?) *(?::(.*))?", line[4:]) for line in shown[name].splitlines()]
        assert [(len(line[1]), line[2], line[3] or "") for line in lines if line] == asn1(der)


def test_openssl_makes_the_same_upn_and_sid(tmp_path):
    settings = (
        "[req]\nprompt=no\ndistinguished_name=dn\nreq_extensions=ext\nstring_mask=utf8only\n[dn]\nCN=x\n[ext]\n"
        "subjectAltName=@names\n[names]\notherName=1.3.6.1.4.1.311.20.2.3;UTF8:jdoe@example.com\n"
        f"URI=tag:microsoft.com,2022-09-14:sid:{SID}\n"
    )
    (tmp_path / "req.cnf").write_text(settings, encoding="ascii")
    arguments = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / "key.pem")
    openssl("req", "-new", "-config", tmp_path / "req.cnf", *arguments, "-outform", "DER", "-out", tmp_path / "csr.der")
    made = (tmp_path / "csr.der").read_bytes()
    for text in ("UPN:jdoe@example.com", f"SID:{SID}"):
        assert encode_general_name(parse_general_name(text)) in made
    assert encode_name(parse_distinguished_name("CN=x")) in made
