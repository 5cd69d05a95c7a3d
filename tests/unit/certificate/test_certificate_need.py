# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a new certificate is needed, and what for: the decision alone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.holder import CurrentCertificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.need import (
    asked_digest,
    decide,
    renewal_time,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.parameters import render_identity
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.identity import TestIdentity
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._template.model import Template
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.url import EstUrl
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.certificate import fingerprint_sha256
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.held_certificate import HeldCertificate

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
TEMPLATE = Template.from_options({"name": "web", "server": "est.example.com", "subject": "/CN=%uname%"})
RENDERED = render_identity(TEMPLATE, TestIdentity(user="web1", test_value=""))
DIGEST = asked_digest(TEMPLATE, RENDERED, EstUrl.build("est.example.com"))


def certificate(days, common_name="web1"):
    """One that begins and ends so many days from now, of a CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (common_name, "CA")]
    made = (
        x509.CertificateBuilder()
        .subject_name(named[0])
        .issuer_name(named[1])
        .serial_number(1)
        .public_key(key.public_key())
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .sign(key, hashes.SHA256())
    )
    return Certificate(made.public_bytes(Encoding.DER))


def found(days=(-100, 100), digest=DIGEST, common_name="web1", **more):
    there = certificate(days, common_name)
    return CurrentCertificate(there, HeldCertificate(b"", there, None, ClientCertificate("")), digest=digest, **more)


def decided(there, *, renewal_period_days=14, renewal_spread=0, force=False):
    periods = {"renewal_period_days": renewal_period_days, "renewal_spread": renewal_spread}
    return decide(there, TEMPLATE, RENDERED, DIGEST, **periods, force=force, now=NOW)


def need(there, **options):
    return decided(there, **options).action


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (CurrentCertificate(), "enrol"),
        (CurrentCertificate(defect="it cannot be read"), "enrol"),
        (CurrentCertificate(certificate((-100, 100)), defect="its private key was not there"), "enrol"),
        (found(), "none"),
        (found(digest=DIGEST[:16]), "none"),
        (found(digest="0" * 16), "enrol"),
        (found(digest=""), "none"),
        (found((-100, 14)), "renew"),
        (found((-100, 14.01)), "none"),
        (found((-100, -1)), "renew"),
        (found((-100, -1), digest="0" * 16), "enrol"),
    ],
)
def test_what_is_needed(there, expected):
    assert need(there) == expected


def test_with_force_there_is_always_something_to_do():
    assert need(found(), force=True) == "renew"
    assert need(CurrentCertificate(), force=True) == "enrol"


@pytest.mark.parametrize(
    ("days", "before", "expected"),
    [((0, 100), 14, 86), ((0, 100), 0, 100), ((0, 100), 80, 50), ((0, 7), 14, 3.5), ((-1, 1), 365, 0)],
)
def test_none_is_renewed_before_half_of_its_lifetime_is_over(days, before, expected):
    assert renewal_time(certificate(days), before) == NOW + timedelta(days=expected)


def test_renewals_are_spread_over_a_part_of_the_time_before_the_end():
    """The documented formula, with what openssl x509 -fingerprint -sha256 prints."""
    shares = []
    for number in range(100):
        one = certificate((0, 100), f"host{number}")
        place = int(fingerprint_sha256(one).replace(":", "")[:16], 16) / 2**64
        days = [(renewal_time(one, 14, spread) - NOW).total_seconds() / 86400 for spread in (0, 50, 90)]
        assert days == pytest.approx([86, 86 + 7 * place, 86 + 12.6 * place], abs=2 / 86400)
        shares.append(place)
    assert min(shares) < 0.2
    assert max(shares) > 0.8


def test_a_certificate_is_renewed_at_its_moment():
    one = found((-93, 7))  # half of the fourteen days are over
    place = int(fingerprint_sha256(one.certificate).replace(":", "")[:16], 16) / 2**64
    assert need(one) == "renew"
    assert need(one, renewal_spread=90) == ("renew" if 14 * 0.9 * place <= 7 else "none")
    assert need(found((-99.99, 0.01)), renewal_spread=90) == "renew"


def test_a_reason_says_until_when():
    one = decided(found((-100, 3)))
    assert one.reason == "the old certificate ends on 2026-11-25T12:00:00Z, in 3 days"


def test_a_name_that_was_not_asked_for_but_issued_is_no_reason():
    assert need(found((-1, 100))) == "none"
    other = found((-1, 100), "", "changed by the CA")
    assert need(other) == "enrol", "of unknown origin, and not what is asked for"
    noted = found((-1, 100), DIGEST, "changed by the CA")
    assert need(noted) == "none", "issued for what is asked for"


@pytest.mark.parametrize(
    ("plain", "written"),
    [
        ({"key_type": "rsa"}, {"key_type": "rsa", "key_size": 2048}),
        ({"key_type": "ec"}, {"key_type": "ec", "key_curve": "P-256"}),
    ],
)
def test_a_default_that_is_written_down_is_no_reason(plain, written):
    url = EstUrl.build("est.example.com")
    basic = {"name": "web", "server": "est.example.com"}
    first, second, other = (
        asked_digest(Template.from_options({**basic, **fields}), RENDERED, url)
        for fields in (plain, written, {"key_type": "rsa", "key_size": 3072})
    )
    assert first == second != other
