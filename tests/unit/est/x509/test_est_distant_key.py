# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key that signs elsewhere, in place of one that is here."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import parse_slash_dn
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError, InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.pending import PendingEnrolment
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import build_csr
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import (
    DistantKey,
    KeySpec,
    describe_public_key,
    generate_key,
    private_key_pem,
    public_key_der,
    spec_of_key,
)

SPECS = [
    KeySpec("rsa", 2048),
    KeySpec("rsa", 3072),
    *(KeySpec("ec", curve=name) for name in ("P-256", "P-384", "P-521")),
]
SUBJECT = parse_slash_dn("/CN=web")


class Elsewhere:
    """Has a key, and signs as a key store of Windows does."""

    def __init__(self, spec: KeySpec) -> None:
        self.key: Any = generate_key(spec)
        self.signed: list[str] = []

    def sign(self, octets: bytes, hash_name: str) -> bytes:
        self.signed.append(hash_name)
        algorithm = getattr(hashes, hash_name.upper())()
        if not isinstance(self.key, ec.EllipticCurvePrivateKey):
            signature: bytes = self.key.sign(octets, padding.PKCS1v15(), algorithm)
            return signature
        size = (self.key.key_size + 7) // 8
        numbers = decode_dss_signature(self.key.sign(octets, ec.ECDSA(algorithm)))
        return b"".join(number.to_bytes(size, "big") for number in numbers)

    def distant(self) -> DistantKey:
        return DistantKey(public_key_der(self.key), self.sign)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_request_is_signed_as_by_a_key_that_is_here(spec: KeySpec) -> None:
    elsewhere = Elsewhere(spec)
    key = elsewhere.distant()
    assert (spec_of_key(key), describe_public_key(key)) == (spec, describe_public_key(elsewhere.key))
    assert public_key_der(key) == public_key_der(elsewhere.key)
    request = build_csr(key, SUBJECT)
    loaded = x509.load_der_x509_csr(request.der)
    assert loaded.is_signature_valid
    assert public_key_der(loaded) == public_key_der(elsewhere.key)
    here = x509.load_der_x509_csr(build_csr(elsewhere.key, SUBJECT).der)
    assert loaded.signature_algorithm_oid == here.signature_algorithm_oid
    assert len(elsewhere.signed) == 1


@pytest.mark.parametrize("spec", [SPECS[0], SPECS[2]], ids=str)
def test_the_hash_can_be_chosen(spec: KeySpec) -> None:
    elsewhere = Elsewhere(spec)
    assert x509.load_der_x509_csr(build_csr(elsewhere.distant(), SUBJECT, hash_name="sha512").der).is_signature_valid
    assert elsewhere.signed == ["sha512"]


@pytest.mark.parametrize("spec", [SPECS[0], SPECS[2]], ids=str)
@pytest.mark.parametrize("signature", [b"", b"\0", bytes(64), bytes(256)])
def test_a_signature_of_another_key_is_refused(spec: KeySpec, signature: bytes) -> None:
    for wrong in (lambda _octets, _hash: signature, Elsewhere(spec).sign):
        key = DistantKey(public_key_der(generate_key(spec)), wrong)
        with pytest.raises(InputError, match="not one of its key") as caught:
            build_csr(key, SUBJECT)
        assert caught.value.code == "wrong_key"


def test_what_fails_elsewhere_is_passed_on() -> None:
    def fail(_octets: bytes, _hash: str) -> bytes:
        raise EstError("the key is gone", code="key_failed")

    with pytest.raises(EstError, match="the key is gone"):
        build_csr(DistantKey(public_key_der(generate_key(SPECS[2])), fail), SUBJECT)


def test_other_kinds_of_keys_are_refused() -> None:
    other = public_key_der(generate_key(KeySpec("ed25519")))
    with pytest.raises(InputError, match="a key of type Ed25519 cannot be one that signs elsewhere"):
        DistantKey(other, Elsewhere(SPECS[2]).sign)
    with pytest.raises(InputError, match="damaged or of an unknown kind"):
        DistantKey(b"x", Elsewhere(SPECS[2]).sign)


def test_it_is_in_no_file() -> None:
    key = Elsewhere(SPECS[2]).distant()
    with pytest.raises(InputError, match="is not here"):
        private_key_pem(key)
    pending = PendingEnrolment(key, build_csr(key, SUBJECT), datetime.now(timezone.utc))
    texts = pending.as_texts("digest")
    assert set(texts) == {"request.pem", "state.json"}
    assert PendingEnrolment.from_texts(texts, "digest") is None
    assert PendingEnrolment.from_texts(texts, "digest", Elsewhere(SPECS[2]).distant()) is None
    again = PendingEnrolment.from_texts(texts, "digest", key)
    assert again is not None and again.request is not None and pending.request is not None
    assert (again.key, again.request.der) == (key, pending.request.der)
