# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bag of /cacerts: what is trusted, why, and what is dropped (RFC 7030 section 4.1.3)."""

from __future__ import annotations

import itertools
import json

import pytest
from support import odd_certificates as odd
from support.est_pki import NOW, Authority, der, new_key

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import ParseError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.verification import (
    BY_CONFIGURATION,
    BY_EXPLICIT_SESSION,
    BY_PATH,
    BY_SYSTEM_SESSION,
    read_ca_certificates,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509 import signatures
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import describe
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.names import Name
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.path import find_path


class Rollover:
    """A root that got a new key: the four certificates of RFC 4210 section 4.4, all with the same name."""

    def __init__(self):
        self.old = Authority.root("Root", days=(-1000, 500))
        self.new = Authority.root("Root", days=(-10, 3000))
        self.old_with_new = self.new.issue("Root", self.old.key.public_key(), ca=True)
        self.new_with_old = self.old.issue("Root", self.new.key.public_key(), ca=True)
        self.old_with_old, self.new_with_new = self.old.certificate, self.new.certificate
        self.all = [self.old_with_old, self.old_with_new, self.new_with_old, self.new_with_new]


@pytest.fixture(scope="module")
def rollover():
    return Rollover()


@pytest.fixture(scope="module")
def root():
    return Authority.root("Root")


@pytest.fixture(scope="module")
def issuing(root):
    return root.subordinate("Issuing")


@pytest.fixture(scope="module")
def unrelated():
    """A root with an earlier notAfter than the others."""
    return Authority.root("Unrelated", days=(-10, 100))


def read(certificates, anchors, **options):
    return read_ca_certificates([der(certificate) for certificate in certificates], anchors, NOW, **options)


def subjects(authorities):
    return [dropped.subject for dropped in authorities.dropped]


def test_req_032_the_order_of_the_bag_does_not_matter(rollover):
    for bag in itertools.permutations(rollover.all):
        authorities = read(bag, [rollover.old_with_old], authenticated=False)
        assert authorities.certificates == bag
        assert authorities.root == rollover.new_with_new


@pytest.mark.parametrize("anchor", ["old_with_old", "new_with_new"])
@pytest.mark.parametrize("authenticated", [True, False])
def test_req_033_the_certificates_of_a_root_rollover_are_all_accepted(rollover, anchor, authenticated):
    authorities = read(rollover.all, [getattr(rollover, anchor)], authenticated=authenticated)
    assert list(authorities.certificates) == rollover.all
    assert authorities.dropped == ()
    assert set(authorities.anchors) == {rollover.old_with_old, rollover.new_with_new}


def test_req_033_after_a_rollover_certificates_of_both_keys_are_verified(rollover):
    authorities = read(rollover.all, [rollover.old_with_old])
    for authority in (rollover.old, rollover.new):
        leaf = authority.issue("leaf")
        assert find_path(leaf, authorities.certificates, authorities.anchors, NOW).certificates[0] == leaf


def test_req_034_the_current_root_is_the_self_signed_one_that_expires_last(rollover):
    long_lived = rollover.old.issue("Root", rollover.new.key.public_key(), ca=True, days=(-10, 9000))
    for bag in (rollover.all, rollover.all[::-1], [long_lived, *rollover.all]):
        assert read(bag, [rollover.old_with_old]).root == rollover.new_with_new


def test_req_034_a_root_that_is_not_valid_yet_is_not_the_current_one(root):
    future = Authority.root("Root", days=(10, 9000))
    authorities = read([root.certificate, future.certificate], [root.certificate])
    assert authorities.root == root.certificate
    assert [dropped.subject for dropped in authorities.dropped] == ["/CN=Root"]


def test_req_035_intermediates_are_validated_and_unrelated_certificates_dropped(root, issuing, unrelated):
    stray = unrelated.subordinate("Stray")
    bag = [stray.certificate, unrelated.certificate, issuing.certificate, root.certificate]
    authorities = read(bag, [root.certificate])
    assert authorities.certificates == (issuing.certificate, root.certificate)
    assert authorities.anchors == (root.certificate,)
    assert subjects(authorities) == ["/CN=Stray", "/CN=Unrelated"]
    stray_dropped, unrelated_dropped = authorities.dropped
    assert "/CN=Unrelated is self-signed and is not a trust anchor" in stray_dropped.reason
    assert unrelated_dropped.fingerprint_sha256 == describe(unrelated.certificate)["fingerprint_sha256"]


def test_req_035_a_forged_intermediate_is_dropped(root, issuing):
    impostor = Authority.root("Root")
    forged = impostor.subordinate("Issuing")
    authorities = read([root.certificate, issuing.certificate, forged.certificate], [root.certificate])
    assert authorities.certificates == (root.certificate, issuing.certificate)
    assert "does not verify" in authorities.dropped[0].reason


@pytest.mark.parametrize(
    ("options", "told"),
    [({"days": (-9, -1)}, "expired"), ({"days": (1, 9)}, "not valid before"), ({"ca": False}, "not a CA certificate")],
)
def test_req_035_an_intermediate_that_may_not_be_used_is_dropped(root, options, told):
    odd = root.subordinate("Odd", **options)
    authorities = read([root.certificate, odd.certificate], [root.certificate])
    assert authorities.certificates == (root.certificate,)
    assert told in authorities.dropped[0].reason


@pytest.mark.parametrize(
    ("constraints", "code", "told"),
    [
        (b"\x30\x00", "not_a_ca", "it is not a CA certificate"),
        (b"\x30\x02\x01\x05", "malformed_answer", "cannot be told whether it is a CA certificate"),
    ],
)
def test_req_035_why_a_certificate_is_no_ca_has_a_code(root, constraints, code, told):
    other = odd.certificate(odd.common_name("x"), extensions=[odd.extension("19", constraints)])
    authorities = read_ca_certificates([other, der(root.certificate)], [root.certificate], NOW)
    (dropped,) = authorities.dropped
    assert (dropped.code, told in dropped.reason) == (code, True)


def test_req_035_a_certificate_that_cannot_be_read_is_dropped(root):
    authorities = read_ca_certificates([b"\x30\x00", der(root.certificate)], [root.certificate], NOW)
    assert authorities.certificates == (root.certificate,)
    assert authorities.dropped[0].subject == "(unreadable)"


def test_req_036_a_new_root_is_accepted_through_its_new_with_old_certificate(rollover):
    bag = [rollover.new_with_new, rollover.new_with_old]
    authorities = read(bag, [rollover.old_with_old], authenticated=False)
    assert authorities.root == rollover.new_with_new
    assert authorities.root_trusted_by == BY_PATH


def test_req_036_a_new_root_of_another_name_is_accepted_through_a_cross_certificate(root):
    renamed = Authority.root("Renamed", days=(-10, 4000))
    cross = root.issue("Renamed", renamed.key.public_key(), ca=True)
    authorities = read([renamed.certificate, cross], [root.certificate], authenticated=False)
    assert authorities.root == renamed.certificate
    assert authorities.root_trusted_by == BY_PATH
    assert authorities.anchors == (root.certificate, renamed.certificate)


@pytest.mark.parametrize("cross_days", [None, (-9, -1)])
def test_req_036_without_a_valid_cross_path_an_unauthenticated_new_root_is_refused(rollover, cross_days):
    bag = [rollover.old_with_old, rollover.new_with_new]
    if cross_days:
        bag.append(rollover.old.issue("Root", rollover.new.key.public_key(), ca=True, days=cross_days))
    authorities = read(bag, [rollover.old_with_old], authenticated=False)
    assert authorities.certificates == (rollover.old_with_old,)
    assert authorities.root == rollover.old_with_old
    assert authorities.root_trusted_by == BY_CONFIGURATION
    with pytest.raises(ParseError, match="can be trusted"):
        read([rollover.new_with_new], [rollover.old_with_old], authenticated=False)


def test_req_036_an_authenticated_explicit_session_hands_over_the_new_root_and_what_is_below_it(rollover):
    issuing = rollover.new.subordinate("Issuing")
    authorities = read([issuing.certificate, rollover.new_with_new], [rollover.old_with_old])
    assert authorities.certificates == (issuing.certificate, rollover.new_with_new)
    assert authorities.root == rollover.new_with_new
    assert authorities.root_trusted_by == BY_EXPLICIT_SESSION
    assert authorities.anchors == (rollover.old_with_old, rollover.new_with_new)


def test_req_036_a_session_hands_over_the_current_root_only(root, unrelated):
    newest = Authority.root("Newest", days=(-10, 9000))
    bag = [unrelated.certificate, newest.certificate, root.certificate]
    authorities = read(bag, [root.certificate])
    assert authorities.certificates == (newest.certificate, root.certificate)
    assert subjects(authorities) == ["/CN=Unrelated"]


def test_a_self_signed_certificate_with_a_forged_signature_is_no_root(root):
    encoded = bytearray(der(Authority.root("Forged", days=(-10, 9000)).certificate))
    encoded[-1] ^= 1
    authorities = read_ca_certificates([bytes(encoded), der(root.certificate)], None, NOW)
    assert authorities.certificates == (root.certificate,)


def test_with_system_trust_the_current_root_becomes_the_anchor(root, issuing, unrelated):
    authorities = read([issuing.certificate, unrelated.certificate, root.certificate], None)
    assert authorities.certificates == (issuing.certificate, root.certificate)
    assert authorities.root_trusted_by == BY_SYSTEM_SESSION
    assert authorities.anchors == (root.certificate,)


def test_with_system_trust_a_bag_without_a_root_is_refused_with_a_hint(issuing):
    with pytest.raises(ParseError) as caught:
        read([issuing.certificate], None)
    assert "/CN=Issuing was issued by /CN=Root, of which there is no certificate" in caught.value.reason
    assert "ca_certificate" in hint_of(caught.value)


def test_a_bag_without_a_root_is_anchored_at_the_configured_one(root, issuing):
    authorities = read([issuing.certificate], [root.certificate])
    assert authorities.certificates == (issuing.certificate,)
    assert authorities.root == root.certificate
    assert authorities.root_trusted_by == BY_CONFIGURATION


def test_an_intermediate_can_be_the_configured_anchor(issuing):
    below = issuing.subordinate("Below")
    authorities = read([below.certificate], [issuing.certificate])
    assert authorities.root == issuing.certificate


def test_an_expired_root_is_refused():
    expired = Authority.root("Expired", days=(-900, -1))
    with pytest.raises(ParseError, match="expired at 2031-06-14"):
        read([expired.certificate], [expired.certificate])


def test_an_old_root_without_extensions_is_accepted_as_the_configured_anchor():
    old = Authority.root("Old", ca=None)
    assert read([old.certificate], [old.certificate]).root == old.certificate


def test_repetitions_count_once(root):
    authorities = read([root.certificate] * 3, [root.certificate])
    assert authorities.certificates == (root.certificate,)


@pytest.mark.parametrize("anchors", [None, []])
def test_an_empty_bag_is_an_error(anchors):
    with pytest.raises(ParseError, match="can be trusted: there is none"):
        read([], anchors)


def test_a_bag_that_is_too_large_is_refused(root):
    with pytest.raises(ParseError, match="101 CA certificates; at most 100"):
        read([root.certificate] * 101, [root.certificate])


def test_req_040_the_days_left_of_the_current_root_are_reported(rollover):
    authorities = read(rollover.all, [rollover.old_with_old])
    assert describe(authorities.root, NOW)["days_left"] == 3000
    described = authorities.describe(NOW)
    assert [entry["days_left"] for entry in described] == [500, 365, 365, 3000]
    assert [entry["current_root"] for entry in described] == [False, False, False, True]
    assert json.loads(json.dumps(described)) == described
    assert described[0].items() >= describe(rollover.old_with_old, NOW).items()


def test_a_reissued_root_with_the_same_key_is_accepted(root):
    reissued = Authority.root("Root", root.key, days=(-10, 9000))
    authorities = read([reissued.certificate], [root.certificate], authenticated=False)
    assert authorities.root == reissued.certificate
    assert authorities.root_trusted_by == BY_PATH


def test_repr_is_short(root):
    assert len(repr(read([root.certificate], [root.certificate]))) < 300


def test_a_leaf_of_an_accepted_intermediate_has_a_path(root, issuing):
    authorities = read([root.certificate, issuing.certificate], [root.certificate])
    leaf = issuing.issue("leaf", new_key().public_key())
    found = find_path(leaf, authorities.certificates, authorities.anchors, NOW)
    assert found.certificates == (leaf, issuing.certificate, root.certificate)


def test_a_bag_that_is_made_to_be_slow_costs_a_bounded_number_of_operations(monkeypatch):
    """Each of 100 CAs has the same long name and is signed by another one, so that every one may be above every other.

    What is counted is what was done once for each comparison: signatures, and names that are brought into one form.
    """
    counted = {"signatures": 0, "names": 0}

    def count(kind, function):
        def counting(*arguments):
            counted[kind] += 1
            return function(*arguments)

        return counting

    keys = [new_key() for _unused in range(100)]
    long = odd.name(*(odd.attribute("11", 0x0C, f"unit {number:050}".encode()) for number in range(80)))
    bag = [
        odd.certificate(long, signer=keys[at - 1], public_key=keys[at], extensions=[odd.IS_CA], serial=bytes([1, at]))
        for at in range(100)
    ]
    root = Certificate(odd.certificate(long, extensions=[odd.IS_CA, odd.SIGNS]))
    monkeypatch.setattr(signatures, "signature_problem", count("signatures", signatures.signature_problem))
    monkeypatch.setattr(Name, "comparable", property(count("names", Name.comparable.fget)))
    with pytest.raises(ParseError) as caught:
        read_ca_certificates(bag, [root], odd.NOW)
    assert len(caught.value.reason) < 2000
    assert counted["signatures"] <= signatures.MAX_SIGNATURES
    assert counted["names"] <= 2 * 101


def test_a_bag_of_the_most_certificates_that_are_read_is_within_the_bounds():
    """A line of 99 CAs would be too long for one path; ten lines of ten are what a large CA can have."""
    root = Authority.root("Root")
    bag = [root.certificate]
    for line in range(11):
        above = root
        for level in range(9):
            above = above.subordinate(f"CA {line}.{level}")
            bag.append(above.certificate)
    found = read_ca_certificates([der(certificate) for certificate in bag], [root.certificate], NOW)
    assert len(found.certificates) == len(bag) == 100
    assert found.signatures.count <= 200
