# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certification paths (RFC 5280 section 6.1): what is found, what is refused, and with which reason."""

from __future__ import annotations

import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from support.est_pki import NOW, Authority, der, make_certificate, name, new_key
from support.names import build_general_names, build_name

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1.der import encode, read
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import load_certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.path import PathError, find_path


@pytest.fixture(scope="module")
def root():
    return Authority.root("Root")


@pytest.fixture(scope="module")
def issuing(root):
    return root.subordinate("Issuing", uses=["key_cert_sign"])


def path(leaf, intermediates, anchors, at=NOW):
    found = find_path(leaf, intermediates, anchors, at)
    return list(found.certificates)


def reason(leaf, intermediates, anchors, at=NOW):
    with pytest.raises(PathError) as caught:
        find_path(leaf, intermediates, anchors, at)
    assert caught.value.hint
    return caught.value.reason


def signed_anew(certificate, algorithm, sign):
    """The certificate under another signature algorithm, which cryptography itself will not make any more.

    :param algorithm: AlgorithmIdentifier in DER.
    :param sign: makes the signature of the bytes to be signed.
    """
    fields = [element.encoded for element in next(read(der(certificate)).children()).children()]
    fields[2] = algorithm  # after version and serial number
    unsigned = encode(0x30, *fields)
    return load_certificate(encode(0x30, unsigned, algorithm, encode(0x03, b"\0", sign(unsigned))))


def test_req_075_a_path_runs_from_the_leaf_through_intermediates_to_the_anchor(root, issuing):
    leaf = issuing.issue("leaf")
    noise = [Authority.root("Other").certificate, root.subordinate("Unused").certificate]
    expected = [leaf, issuing.certificate, root.certificate]
    assert path(leaf, [*noise, issuing.certificate], [noise[0], root.certificate]) == expected
    assert path(leaf, [root.certificate, issuing.certificate, leaf], [root.certificate]) == expected


def test_req_075_an_intermediate_can_be_the_anchor(root, issuing):
    leaf = issuing.issue("leaf")
    assert path(leaf, [root.certificate], [issuing.certificate]) == [leaf, issuing.certificate]
    assert path(issuing.certificate, [], [issuing.certificate]) == [issuing.certificate]


def test_req_075_a_missing_intermediate_is_named(root, issuing):
    told = reason(issuing.issue("leaf"), [], [root.certificate])
    assert told == "/CN=leaf was issued by /CN=Issuing, of which there is no certificate"


def test_req_075_an_unknown_root_is_named(root, issuing):
    other = Authority.root("Other").certificate
    told = reason(issuing.issue("leaf"), [issuing.certificate, root.certificate], [other])
    assert told == "/CN=Root is self-signed and is not a trust anchor"


def test_req_075_a_ca_of_the_same_name_with_another_key_is_no_issuer(root):
    told = reason(root.issue("leaf"), [], [Authority.root("Root").certificate])
    assert "/CN=leaf has a signature that does not verify with the key of its issuer" in told


def test_without_anchors_there_is_no_path(root):
    assert "not a trust anchor" in reason(root.issue("leaf"), [root.certificate], [])


def test_a_damaged_signature_is_refused(root):
    encoded = bytearray(der(root.issue("leaf")))
    encoded[-1] ^= 1
    assert "does not verify" in reason(load_certificate(bytes(encoded)), [], [root.certificate])


@pytest.mark.parametrize(
    ("leaf_days", "ca_days", "root_days", "told"),
    [
        ((-9, -1), (-9, 9), (-9, 9), "/CN=leaf expired at 2031-06-14T12:00:00Z"),
        ((1, 9), (-9, 9), (-9, 9), "/CN=leaf is not valid before 2031-06-16T12:00:00Z"),
        ((-9, 9), (-9, -1), (-9, 9), "/CN=CA expired at 2031-06-14T12:00:00Z"),
        ((-9, 9), (-9, 9), (-9, -1), "the trust anchor /CN=R expired at 2031-06-14T12:00:00Z"),
    ],
)
def test_every_certificate_must_be_valid_at_the_time(leaf_days, ca_days, root_days, told):
    root = Authority.root("R", days=root_days)
    ca = root.subordinate("CA", days=ca_days)
    assert reason(ca.issue("leaf", days=leaf_days), [ca.certificate], [root.certificate]) == told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"ca": False}, "basicConstraints say that it is none"),
        ({"ca": None}, "has no basicConstraints"),
        ({"uses": ["crl_sign"]}, "keyUsage does not allow to sign certificates"),
    ],
)
def test_only_a_ca_may_issue(root, options, told):
    ca = root.subordinate("CA", **options)
    assert told in reason(ca.issue("leaf"), [ca.certificate], [root.certificate])


def test_an_anchor_without_extensions_is_trusted_by_name_and_key():
    root = Authority.root("Old root", ca=None)
    leaf = root.issue("leaf")
    assert path(leaf, [], [root.certificate]) == [leaf, root.certificate]


def test_path_length_counts_the_cas_below():
    root = Authority.root("R", path_length=1)
    one = root.subordinate("One")
    two = one.subordinate("Two")
    assert len(path(one.issue("leaf"), [one.certificate], [root.certificate])) == 3
    told = reason(two.issue("leaf"), [one.certificate, two.certificate], [root.certificate])
    assert "allows 1 CA certificates below it, but there are 2" in told


def test_path_length_does_not_count_self_issued_certificates():
    old, new_root_key = Authority.root("R", path_length=0), new_key()
    new_with_old = old.issue("R", new_root_key.public_key(), ca=True, path_length=0)
    leaf = Authority(new_with_old, new_root_key).issue("leaf")
    assert path(leaf, [new_with_old], [old.certificate]) == [leaf, new_with_old, old.certificate]


def test_an_unknown_critical_extension_is_refused_and_one_that_is_not_critical_ignored(root):
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    ignored = root.issue("leaf", extensions=[(extension, False)])
    assert len(path(ignored, [], [root.certificate])) == 2
    told = reason(root.issue("leaf", extensions=[(extension, True)]), [], [root.certificate])
    assert told == "/CN=leaf has a critical extension (1.2.3.4) that this client does not know"


def test_extensions_that_cannot_be_read_are_refused(root):
    bad = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.19"), b"\x30\x7f")
    told = reason(root.issue("leaf", extensions=[(bad, True)]), [], [root.certificate])
    assert told.startswith("/CN=leaf is not accepted: its basicConstraints cannot be read: ")


def test_names_are_compared_without_regard_to_case_and_spaces(root):
    leaf = make_certificate("leaf", new_key().public_key(), "  ROOT ", root.key)
    assert path(leaf, [], [root.certificate]) == [leaf, root.certificate]


def test_of_several_cas_with_one_name_the_right_key_is_found_although_key_identifiers_lie(root):
    wrong, right_key = root.subordinate("CA"), new_key()
    lie = x509.SubjectKeyIdentifier(b"wrong")
    right = Authority(root.issue("CA", right_key.public_key(), ca=True, extensions=[(lie, False)]), right_key)
    identifier = x509.AuthorityKeyIdentifier(b"other", None, None)
    leaf = right.issue("leaf", extensions=[(identifier, False)])
    found = path(leaf, [wrong.certificate, right.certificate], [root.certificate])
    assert found == [leaf, right.certificate, root.certificate]


def test_cross_certificates_and_loops_end():
    one, two, anchor = Authority.root("One"), Authority.root("Two"), Authority.root("Anchor")
    cross = [
        one.issue("Two", two.key.public_key(), ca=True),
        two.issue("One", one.key.public_key(), ca=True),
    ]
    leaf = one.issue("leaf")
    assert "there is no certificate" in reason(leaf, cross, [anchor.certificate])
    by_anchor = anchor.issue("Two", two.key.public_key(), ca=True)
    assert path(leaf, [*cross, by_anchor], [anchor.certificate]) == [leaf, cross[1], by_anchor, anchor.certificate]


def test_an_expired_cross_certificate_is_passed_over():
    old, new = Authority.root("Old"), Authority.root("New")
    crosses = [old.issue("New", new.key.public_key(), ca=True, days=days) for days in ((-9, -1), (-9, 9))]
    leaf = new.issue("leaf")
    assert path(leaf, crosses, [old.certificate]) == [leaf, crosses[1], old.certificate]


def test_a_path_that_is_too_long_is_refused(root):
    chain = [root]
    for number in range(10):
        chain.append(chain[-1].subordinate(f"CA {number}"))
    intermediates = [authority.certificate for authority in chain[1:]]
    assert "within 10 certificates" in reason(chain[-1].issue("leaf"), intermediates, [root.certificate])
    assert len(path(chain[8].issue("leaf"), intermediates, [root.certificate])) == 10


def test_a_bag_that_is_made_to_be_slow_is_bounded(root):
    key = new_key()
    bag = [root.issue("Same", new_key().public_key(), ca=True) for _unused in range(60)]
    bag += [make_certificate("Same", new_key().public_key(), "Same", key, ca=True) for _unused in range(60)]
    leaf = make_certificate("leaf", new_key().public_key(), "Same", key)
    assert "100 issuers" in reason(leaf, bag, [root.certificate])


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()])
def test_rsa_and_ed25519_signatures(key):
    root = Authority.root("R", key)
    leaf = root.issue("leaf")
    assert path(leaf, [], [root.certificate]) == [leaf, root.certificate]
    assert "does not verify" in reason(Authority.root("R", type_of(key)).issue("leaf"), [], [root.certificate])


def type_of(key):
    """Another key of the same type."""
    if isinstance(key, rsa.RSAPrivateKey):
        return rsa.generate_private_key(65537, 2048)
    return ed25519.Ed25519PrivateKey.generate()


@pytest.mark.parametrize(("hash_class", "oid_end"), [(hashes.SHA256, 1), (hashes.SHA384, 2), (hashes.SHA512, 3)])
def test_rsa_pss_signatures(hash_class, oid_end):
    key = rsa.generate_private_key(65537, 2048)
    root = Authority.root("R", key)
    size = hash_class.digest_size
    hash_oid = encode(0x06, bytes.fromhex(f"60864801650304020{oid_end}"))
    hash_algorithm = encode(0x30, hash_oid, b"\x05\x00")
    mask = encode(0x30, encode(0x06, bytes.fromhex("2a864886f70d010108")), hash_algorithm)
    parameters = encode(
        0x30, encode(0xA0, hash_algorithm), encode(0xA1, mask), encode(0xA2, encode(0x02, bytes([size])))
    )
    algorithm = encode(0x30, encode(0x06, bytes.fromhex("2a864886f70d01010a")), parameters)
    scheme = padding.PSS(padding.MGF1(hash_class()), size)
    leaf = signed_anew(root.issue("leaf"), algorithm, lambda data: key.sign(data, scheme, hash_class()))
    assert path(leaf, [], [root.certificate]) == [leaf, root.certificate]
    forged = signed_anew(root.issue("leaf"), algorithm, lambda data: key.sign(data + b"x", scheme, hash_class()))
    assert "does not verify" in reason(forged, [], [root.certificate])


def test_sha_1_is_tolerated_with_a_warning():
    key = new_key()
    root = Authority.root("Demo CA", key)
    algorithm = encode(0x30, encode(0x06, bytes.fromhex("2a8648ce3d0401")))
    leaf = signed_anew(root.issue("leaf"), algorithm, lambda data: key.sign(data, ec.ECDSA(hashes.SHA1())))
    found = find_path(leaf, [], [root.certificate], NOW)
    assert found.certificates == (leaf, root.certificate)
    assert found.warnings == ("/CN=leaf is signed with SHA-1, which is no longer secure",)


def test_md5_is_refused():
    root = Authority.root("R", rsa.generate_private_key(65537, 2048))
    algorithm = encode(0x30, encode(0x06, bytes.fromhex("2a864886f70d010104")), b"\x05\x00")
    leaf = signed_anew(root.issue("leaf"), algorithm, lambda data: b"\1" * 256)
    assert "/CN=leaf is signed with MD5, which is broken" in reason(leaf, [], [root.certificate])


def test_an_unknown_signature_algorithm_is_told(root):
    algorithm = encode(0x30, encode(0x06, b"\x2a\x03\x04"))
    leaf = signed_anew(root.issue("leaf"), algorithm, lambda data: b"\1" * 64)
    told = reason(leaf, [], [root.certificate])
    assert "/CN=leaf has a signature (1.2.3.4) that cryptography" in told


def test_a_strong_path_has_no_warnings(root, issuing):
    assert find_path(issuing.issue("leaf"), [issuing.certificate], [root.certificate], NOW).warnings == ()


def constrained(root, permitted=None, excluded=None):
    constraints = x509.NameConstraints(permitted or None, excluded or None)
    return root.subordinate("CA", extensions=[(constraints, True)])


PERMITTED = [
    x509.DNSName("example.com"),
    x509.RFC822Name("example.com"),
    x509.RFC822Name(".mail.example"),
    x509.RFC822Name("one@only.example"),
    x509.UniformResourceIdentifier(".example.com"),
    x509.IPAddress(ipaddress.ip_network("192.0.2.0/24")),
    x509.DirectoryName(x509.Name([*name("leaf")])),
]
EXCLUDED = [x509.DNSName("secret.example.com"), x509.IPAddress(ipaddress.ip_network("192.0.2.128/25"))]


@pytest.mark.parametrize(
    "entry",
    [
        "DNS:example.com",
        "DNS:a.b.EXAMPLE.com",
        "DNS:*.b.example.com",
        "email:jdoe@example.com",
        "email:jdoe@a.mail.example",
        "email:one@only.example",
        "URI:https://www.example.com/x",
        "IP:192.0.2.1",
        "dirName:/CN=leaf/O=x",
        "UPN:jdoe@elsewhere.example",
        "RID:1.2.3",
    ],
)
def test_names_within_the_constraints(root, entry):
    ca = constrained(root, PERMITTED, EXCLUDED)
    san = build_general_names([GeneralName(*entry.split(":", 1))])
    leaf = ca.issue("leaf", extensions=[(san, False)])
    assert len(path(leaf, [ca.certificate], [root.certificate])) == 3


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("DNS:example.org", "outside"),
        ("DNS:badexample.com", "outside"),
        ("DNS:a.secret.example.com", "excluded"),
        ("DNS:*.example.com", "excluded"),
        ("email:jdoe@a.example.com", "outside"),
        ("email:jdoe@mail.example", "outside"),
        ("email:two@only.example", "outside"),
        ("URI:https://example.com/x", "outside"),
        ("URI:urn:x", "without a host"),
        ("SID:S-1-5-21-1-2-3-4", "without a host"),
        ("IP:198.51.100.1", "outside"),
        ("IP:192.0.2.200", "excluded"),
        ("IP:2001:db8::1", "outside"),
        ("dirName:/CN=other", "outside"),
    ],
)
def test_names_outside_of_the_constraints_are_refused(root, entry, told):
    ca = constrained(root, PERMITTED, EXCLUDED)
    san = build_general_names([GeneralName(*entry.split(":", 1))])
    text = reason(ca.issue("leaf", extensions=[(san, False)]), [ca.certificate], [root.certificate])
    assert told in text
    assert f"({entry})" in text


def test_constraints_apply_to_the_subject_and_to_an_email_address_in_it(root):
    ca = constrained(root, PERMITTED)
    assert "(dirName:/CN=other)" in reason(ca.issue("other"), [ca.certificate], [root.certificate])
    subject = build_name(parse_slash_dn("/CN=leaf/emailAddress=a@elsewhere.example"))
    told = reason(ca.issue(subject), [ca.certificate], [root.certificate])
    assert "(email:a@elsewhere.example)" in told


def test_constraints_apply_to_everything_below_but_not_to_self_issued_cas(root):
    ca = constrained(root, [x509.DirectoryName(x509.Name([*name("leaf")]))])
    rolled = Authority(ca.issue("CA", (key := new_key()).public_key(), ca=True), key)
    leaf = rolled.issue("leaf")
    assert len(path(leaf, [ca.certificate, rolled.certificate], [root.certificate])) == 4
    below = ca.subordinate("Below")
    told = reason(below.issue("leaf"), [ca.certificate, below.certificate], [root.certificate])
    assert told.startswith("/CN=Below ")


def test_a_constrained_kind_of_name_that_cannot_be_evaluated_is_refused(root):
    upn = build_general_names([GeneralName("UPN", "@example.com".rjust(14, "x"))])
    ca = constrained(root, list(upn))
    leaf = ca.issue("leaf", extensions=[(upn, False)])
    assert "cannot be evaluated" in reason(leaf, [ca.certificate], [root.certificate])
    assert len(path(ca.issue("leaf"), [ca.certificate], [root.certificate])) == 3
