# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a request under the CSR attributes of a server, read back from the request."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from cryptography import x509
from support import csr_attributes as samples
from support.asn1 import integer, oid, tlv
from support.csr_attributes import attribute, extension, rdn, sequence, template, utf8
from support.names import own_name, read_general_names

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._exchange.hints import hint_of
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.distinguished_names import (
    format_slash_dn,
    parse_slash_dn,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.general_names import GeneralName
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1 import der
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.attributes import parse_csr_attributes
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.csr import (
    Extension,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.request.plan import RequestPlan, plan_request
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.keys import KeySpec, generate_key
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.names import (
    read_name,
)

SUBJECT = parse_slash_dn("/CN=jdoe")
NAMES = (GeneralName("email", "jdoe@example.com"),)
TLS_UNIQUE = "3q2+7wABAgMEBQYH"
SHA384 = "1.2.840.10045.4.3.3"
OTP, REVOCATION, LINKING = (f"1.2.840.113549.1.9.16.2.{number}" for number in (56, 57, 58))
DIGITAL_SIGNATURE = bytes.fromhex("03020780")


def plan(value, spec=None, chosen=False, subject=SUBJECT, names=(), **options):
    """A plan under the CSR attributes in ``value``."""
    return plan_request(parse_csr_attributes(value), spec or KeySpec("ec"), chosen, subject, names, **options)


def alternative_name(*entries, critical=None):
    """CSR attributes with a subject alternative name of these entries."""
    wanted = extension(samples.SAN, sequence(*entries), critical)
    return sequence(attribute(samples.EXTENSION_REQUEST, sequence(wanted)))


def read_back(plan_of_request, linking=None):
    """The request, as cryptography reads it, with a valid signature."""
    request = plan_of_request.build(generate_key(plan_of_request.key_spec), linking)
    read = x509.load_der_x509_csr(request.der, None)
    assert read.is_signature_valid
    return read


def attributes_of(plan_of_request, linking=None):
    """The attributes of the request: OID to the bytes of its values."""
    request = plan_of_request.build(generate_key(plan_of_request.key_spec), linking)
    information, _algorithm, _signature = der.read(request.der).children()
    return {
        kind.oid(): [value.encoded for value in values.children()]
        for kind, values in (item.children() for item in list(information.children())[-1].children())
    }


def openssl_text(request):
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl is not installed")
    command = [openssl, "req", "-inform", "DER", "-noout", "-text", "-verify"]
    done = subprocess.run(command, input=request.der, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return (done.stdout + done.stderr).decode()


def test_req_095_without_csr_attributes_everything_is_as_the_user_wants_it():
    found = plan_request(None, KeySpec("ec"), False, SUBJECT, NAMES)
    assert found == RequestPlan(KeySpec("ec"), SUBJECT, NAMES)
    assert plan(b"0\0", names=NAMES) == found


def test_req_098_what_is_unknown_changes_nothing():
    value = sequence(oid("1.3.6.1.1.1.1.22"), attribute("2.999.1", utf8("x")))
    assert plan(value) == plan(b"0\0")


class TestKey:
    @pytest.mark.parametrize(
        ("element", "expected"),
        [
            (attribute(samples.EC, oid(samples.P384)), KeySpec("ec", curve="P-384")),
            (attribute(samples.RSA, integer(3072)), KeySpec("rsa", 3072)),
            (oid(samples.EC), KeySpec("ec")),
            (oid("1.3.101.112"), KeySpec("ed25519")),
            (oid("2.16.840.1.101.3.4.3.19"), KeySpec("ml-dsa-87")),
            (attribute(samples.EC, oid("1.3.36.3.3.2.8.1.1.11"), oid(samples.P521)), KeySpec("ec", curve="P-521")),
        ],
    )
    def test_req_101_the_key_is_of_the_type_that_the_server_asks_for(self, element, expected):
        found = plan(sequence(element), KeySpec("rsa"))
        assert (found.key_spec, found.warnings) == (expected, ())

    @pytest.mark.parametrize(
        "element", [oid(samples.RSA), attribute(samples.EC, oid(samples.P256)) + attribute(samples.RSA, integer(3072))]
    )
    def test_req_101_a_key_that_fits_is_kept(self, element):
        for chosen in (False, True):
            found = plan(sequence(element), KeySpec("rsa", 3072), chosen)
            assert (found.key_spec, found.warnings) == (KeySpec("rsa", 3072), ())

    @pytest.mark.parametrize(
        ("element", "spec", "theirs", "ours"),
        [
            (attribute(samples.EC, oid(samples.P384)), KeySpec("rsa", 4096), "EC P-384", "RSA 4096"),
            (attribute(samples.EC, oid(samples.P384)), KeySpec("ec"), "EC P-384", "EC P-256"),
            (attribute(samples.RSA, integer(3072)), KeySpec("rsa"), "RSA 3072", "RSA 2048"),
            (oid(samples.RSA), KeySpec("ed25519"), "any RSA key", "Ed25519"),
            (oid("2.16.840.1.101.3.4.3.19"), KeySpec("ml-dsa-65"), "ML-DSA-87", "ML-DSA-65"),
            (oid("1.3.101.112") + oid(samples.EC), KeySpec("rsa"), "Ed25519 or any EC key", "RSA 2048"),
        ],
    )
    def test_req_101_a_conflict_with_the_choice_of_the_user_names_both(self, element, spec, theirs, ours):
        expected = f"the server asks for a key of type {theirs}, and the request has one of type {ours}"
        found = plan(sequence(element), spec, True)
        assert (found.key_spec, found.warnings) == (spec, (expected,))

    @pytest.mark.parametrize(
        ("element", "words"),
        [
            (attribute(samples.RSA, integer(1024)), "RSA 1024"),
            (attribute(samples.RSA, integer(16384)), "RSA 16384"),
            (attribute(samples.RSA, integer(-1)), "RSA -1"),
            (oid("1.3.36.3.3.2.8.1.1.11"), "EC brainpoolP384r1"),
        ],
    )
    def test_req_101_a_key_that_cannot_be_made_is_told(self, element, words):
        found = plan(sequence(element))
        assert found.key_spec == KeySpec("ec")
        assert found.warnings == (
            f"the server asks for a key of type {words}, which this client cannot make: the key is EC P-256",
        )

    def test_req_101_a_template_may_ask_for_an_algorithm_that_nobody_knows(self):
        found = plan(template(key=sequence(oid("2.999.1"))))
        assert "a key of type 2.999.1" in found.warnings[0]


class TestSignature:
    @pytest.mark.parametrize(
        ("wanted", "spec", "hash_name"),
        [
            ([SHA384], KeySpec("ec"), "sha384"),
            (["1.2.840.10045.4.3.4"], KeySpec("ec"), "sha512"),
            (["1.2.840.113549.1.1.13"], KeySpec("rsa"), "sha512"),
            (["1.2.840.113549.1.1.13", "1.2.840.10045.4.3.2"], KeySpec("ec", curve="P-384"), "sha256"),
            (["2.16.840.1.101.3.4.2.3"], KeySpec("rsa"), "sha512"),
        ],
    )
    def test_req_102_the_signature_algorithm_selects_the_hash(self, wanted, spec, hash_name):
        found = plan(sequence(*(oid(kind) for kind in wanted)), spec, True)
        assert read_back(found).signature_hash_algorithm.name == hash_name
        assert found.hash_name == hash_name

    def test_req_102_the_example_of_rfc_7030(self):
        found = plan(samples.RFC_7030_4_5_2, KeySpec("rsa"), names=NAMES)
        assert (found.key_spec, found.hash_name) == (KeySpec("ec", curve="P-384"), "sha384")
        assert read_back(found, TLS_UNIQUE).signature_hash_algorithm.name == "sha384"

    def test_req_102_a_signature_algorithm_implies_a_type_of_key(self):
        assert plan(sequence(oid(SHA384)), KeySpec("rsa")).key_spec == KeySpec("ec")

    def test_req_102_a_signature_that_the_key_cannot_make_is_told(self):
        found = plan(sequence(oid(samples.RSA), oid(SHA384)), KeySpec("rsa"))
        assert found.hash_name == "sha384"
        assert found.warnings == (
            "the server asks for a signature with ecdsa-with-SHA384, which a key of type rsa cannot make",
        )
        assert read_back(found).signature_hash_algorithm.name == "sha384"

    @pytest.mark.parametrize("kind", [SHA384, "2.16.840.1.101.3.4.2.2", "1.3.101.113"])
    def test_req_102_a_key_that_brings_its_own_hash_keeps_it(self, kind):
        found = plan(sequence(oid("1.3.101.112"), oid(kind)), KeySpec("rsa"))
        assert (found.key_spec, found.hash_name) == (KeySpec("ed25519"), None)
        assert "which a key of type ed25519 cannot make" in found.warnings[0]


class TestSubject:
    def test_req_105_given_values_are_used_and_the_rest_is_filled_in(self):
        found = plan(samples.RFC_9908_3_4, names=(GeneralName("IP", "192.0.2.7"),))
        assert format_slash_dn(found.subject) == "/CN=jdoe/OU=myDept/OU=myGroup"
        assert read_name(own_name(read_back(found).subject)) == found.subject
        assert found.warnings == ()

    def test_req_105_given_values_keep_their_string_type(self):
        found = plan(template(subject=[rdn(samples.OU, tlv(0x13, b"myDept")), rdn(samples.CN)]))
        assert found.encoded_subject == bytes.fromhex(
            "3020310f300d060355040b1306" + b"myDept".hex() + "310d300b06035504030c04" + b"jdoe".hex()
        )
        assert read_name(own_name(read_back(found).subject)) == found.subject

    def test_req_105_no_subject_is_no_requirement(self):
        found = plan(template())
        assert (found.subject, found.encoded_subject, found.warnings) == (SUBJECT, None, ())

    def test_req_105_a_value_that_the_request_has_not_is_told(self):
        found = plan(template(subject=[rdn(samples.CN), rdn(samples.SN)]))
        assert found.subject == SUBJECT
        assert found.warnings == ("the server asks for SN in the subject, for which the request has no value",)

    def test_req_105_values_of_the_request_that_are_not_asked_for_are_left_out_and_told(self):
        subject = parse_slash_dn("/CN=jdoe/OU=myDept/O=Example")
        value = template(subject=[rdn(samples.CN, utf8("device-1")), rdn(samples.OU, utf8("myDept"))])
        expected = (
            "the server asks for the subject /CN=device-1/OU=myDept, so /CN=jdoe/O=Example of the request is left out"
        )
        found = plan(value, subject=subject)
        assert format_slash_dn(found.subject) == "/CN=device-1/OU=myDept"
        assert found.warnings == (expected,)

    def test_req_105_of_several_values_each_is_used_once(self):
        subject = parse_slash_dn("/OU=one/CN=jdoe/OU=two")
        found = plan(template(subject=[rdn(samples.OU), rdn(samples.OU), rdn(samples.CN)]), subject=subject)
        assert format_slash_dn(found.subject) == "/OU=one/OU=two/CN=jdoe"

    def test_req_105_attributes_of_one_rdn_stay_together(self):
        both = tlv(0x31, sequence(oid(samples.SN), tlv(0x13, b"1")), sequence(oid(samples.CN)))
        found = plan(template(subject=[both]))
        (single,) = read_back(found).subject.rdns
        assert {item.value for item in single} == {"jdoe", "1"}
        assert "verify OK" in openssl_text(found.build(generate_key(found.key_spec)))

    def test_a_list_can_ask_for_an_attribute_of_the_subject(self):
        assert plan(samples.RFC_9908_5_5).warnings[-1] == (
            "the server asks for SN in the subject, for which the request has no value"
        )
        assert plan(samples.RFC_9908_5_5, subject=parse_slash_dn("/CN=jdoe/SN=1")).warnings == ()


class TestExtensions:
    def test_req_100_the_alternative_name_of_rfc_8994_is_copied_with_its_critical_flag(self):
        found = plan(samples.RFC_9908_5_1)
        wanted = parse_csr_attributes(samples.RFC_9908_5_1).extensions[0]
        assert found.extensions == (Extension(samples.SAN, True, wanted.value),)
        (copied,) = read_back(found).extensions
        assert copied.critical
        assert copied.value[0].type_id.dotted_string == "1.3.6.1.5.5.7.8.10"
        assert found.warnings == ()
        text = openssl_text(found.build(generate_key(found.key_spec)))
        assert "X509v3 Subject Alternative Name: critical" in text

    @pytest.mark.parametrize("critical", [None, False, True])
    def test_req_100_req_108_any_extension_is_copied_with_its_critical_flag(self, critical):
        wanted = extension("1.2.3.4", b"\x05\0", critical)
        found = plan(sequence(attribute(samples.EXTENSION_REQUEST, sequence(wanted))), names=NAMES)
        by_oid = {item.oid.dotted_string: item for item in read_back(found).extensions}
        assert by_oid["1.2.3.4"].critical is bool(critical)
        assert by_oid["1.2.3.4"].value.value == b"\x05\0"
        assert read_general_names(by_oid[samples.SAN].value) == NAMES

    def test_req_100_an_alternative_name_of_the_request_is_left_out_and_told(self):
        value = alternative_name(tlv(0x82, b"a.example.com"))
        expected = (
            "the server asks for the subject alternative name DNS:a.example.com, so email:jdoe@example.com of the "
            "request is left out"
        )
        found = plan(value, names=NAMES)
        assert (found.general_names, found.warnings) == ((GeneralName("DNS", "a.example.com"),), (expected,))
        assert read_general_names(read_back(found).extensions[0].value) == found.general_names

    def test_req_100_an_alternative_name_that_both_want_is_no_conflict(self):
        found = plan(alternative_name(tlv(0x81, b"jdoe@example.com"), tlv(0x82, b"a.b")), names=NAMES)
        assert (len(found.general_names), found.warnings) == (2, ())

    def test_req_107_a_partial_alternative_name_is_filled_in(self):
        names = (GeneralName("dirName", "/CN=jdoe"), GeneralName("IP", "2001:db8::7"), GeneralName("IP", "192.0.2.7"))
        value = alternative_name(tlv(0x82, b"a.example.com"), tlv(0x87), tlv(0x87), tlv(0xA4, b"\x30\0"), critical=True)
        found = plan(value, names=names)
        (filled,) = read_back(found).extensions
        assert filled.critical
        assert [str(name) for name in read_general_names(filled.value)] == [
            "DNS:a.example.com",
            "IP:2001:db8::7",
            "IP:192.0.2.7",
            "dirName:/CN=jdoe",
        ]
        assert (found.general_names, found.warnings) == (read_general_names(filled.value), ())

    def test_req_107_what_cannot_be_filled_in_is_told(self):
        found = plan(alternative_name(tlv(0x82, b"a.b"), tlv(0x87)))
        assert found.general_names == (GeneralName("DNS", "a.b"),)
        assert found.warnings == (
            "the server asks for a subject alternative name of type IP, which the request has not",
        )
        nothing = plan(alternative_name(tlv(0x87)))
        assert (nothing.general_names, nothing.extensions, len(nothing.warnings)) == ((), (), 1)

    def test_req_107_a_whole_alternative_name_is_filled_in(self):
        value = template(attribute(samples.EXTENSION_TEMPLATE, sequence(extension(samples.SAN))))
        found = plan(value, names=NAMES)
        (filled,) = read_back(found).extensions
        assert (filled.critical, read_general_names(filled.value)) == (False, NAMES)
        assert plan(value).warnings == ("the server asks for a subject alternative name, which the request has not",)

    def test_req_108_the_critical_flag_of_what_is_filled_in_is_the_servers(self):
        wanted = sequence(
            extension(samples.SAN, critical=True),
            extension(samples.KEY_USAGE, critical=False),
            extension(samples.EXTENDED_KEY_USAGE, critical=True),
        )
        found = plan(template(attribute(samples.EXTENSION_TEMPLATE, wanted)), names=NAMES)
        assert {item.oid.dotted_string: item.critical for item in read_back(found).extensions} == {
            samples.SAN: True,
            samples.KEY_USAGE: False,
            samples.EXTENDED_KEY_USAGE: True,
        }

    def test_req_107_values_that_the_server_leaves_open_are_those_of_a_client(self):
        wanted = sequence(extension(samples.KEY_USAGE), extension(samples.EXTENDED_KEY_USAGE), extension("2.5.29.19"))
        found = plan(template(attribute(samples.EXTENSION_TEMPLATE, wanted)))
        text = " ".join(openssl_text(found.build(generate_key(found.key_spec))).split())
        assert "X509v3 Key Usage: critical Digital Signature X509v3" in text
        assert "TLS Web Client Authentication" in text
        assert "CA:FALSE" in text
        assert found.warnings == ()

    def test_req_107_an_extension_that_cannot_be_filled_in_is_told(self):
        found = plan(template(attribute(samples.EXTENSION_TEMPLATE, sequence(extension("2.5.29.32")))))
        assert found.extensions == ()
        assert found.warnings == (
            "the server asks for the extension certificatePolicies (2.5.29.32), for which the request has no value",
        )

    def test_req_103_a_damaged_alternative_name_is_sent_back_as_it_is(self):
        wanted = extension(samples.SAN, b"\x30\x05\x82")
        found = plan(sequence(attribute(samples.EXTENSION_REQUEST, sequence(wanted))))
        assert found.extensions == (Extension(samples.SAN, False, b"\x30\x05\x82"),)
        assert "damaged" in found.warnings[0]


class TestChallenges:
    def test_req_099_a_challenge_password_asks_for_the_linking_of_the_request(self):
        found = plan(sequence(oid(samples.CHALLENGE_PASSWORD)))
        assert found.needs_pop
        assert attributes_of(found, TLS_UNIQUE) == {
            samples.CHALLENGE_PASSWORD: [b"\x13\x10" + TLS_UNIQUE.encode()],
        }

    def test_req_099_without_a_binding_it_fails_clearly(self):
        found = plan(sequence(oid(samples.CHALLENGE_PASSWORD)))
        with pytest.raises(InputError) as caught:
            found.build(generate_key(found.key_spec))
        assert "proof of possession" in caught.value.reason
        assert "TLS 1.2" in caught.value.hint
        assert "proof_of_possession" in hint_of(caught.value)

    def test_req_109_the_attribute_of_its_own_is_preferred(self):
        found = plan(sequence(oid(samples.CHALLENGE_PASSWORD), oid(LINKING)), challenge_password="code")
        assert attributes_of(found, TLS_UNIQUE) == {
            LINKING: [b"\x13\x10" + TLS_UNIQUE.encode()],
            samples.CHALLENGE_PASSWORD: [b"\x13\x04code"],
        }
        alone = plan(sequence(oid(samples.CHALLENGE_PASSWORD), oid(LINKING)))
        assert list(attributes_of(alone, TLS_UNIQUE)) == [LINKING]

    def test_req_109_an_enrolment_code_is_the_one_time_password_that_the_server_asks_for(self):
        found = plan(sequence(oid(OTP)), challenge_password="123456")
        assert attributes_of(found) == {OTP: [b"\x13\x06123456"]}
        assert found.warnings == ()
        # There it leaves challengePassword to the proof of possession.
        linked = plan(sequence(oid(OTP), oid(samples.CHALLENGE_PASSWORD)), challenge_password="123456")
        assert attributes_of(linked, TLS_UNIQUE) == {
            OTP: [b"\x13\x06123456"],
            samples.CHALLENGE_PASSWORD: [b"\x13\x10" + TLS_UNIQUE.encode()],
        }

    def test_req_109_a_challenge_without_a_value_is_told(self):
        found = plan(sequence(oid(OTP), oid(REVOCATION)), challenge_password="123456")
        assert list(attributes_of(found)) == [OTP]
        assert found.warnings == ("the server asks for revocationChallenge, for which the request has no value",)
        assert "otpChallenge" in plan(sequence(oid(OTP))).warnings[0]

    @pytest.mark.parametrize(
        ("option", "asked", "needed"),
        [("auto", True, True), ("auto", False, False), ("always", False, True), ("never", True, False)],
    )
    def test_req_111_proof_of_possession_by_option(self, option, asked, needed):
        value = sequence(oid(samples.CHALLENGE_PASSWORD)) if asked else b"0\0"
        found = plan(value, proof_of_possession=option)
        assert found.needs_pop is needed
        assert ("it may refuse" in " ".join(found.warnings)) is (option == "never")
        sent = attributes_of(found, TLS_UNIQUE)
        assert (samples.CHALLENGE_PASSWORD in sent) is needed

    def test_req_116_enrolment_code_and_proof_of_possession_exclude_each_other(self):
        for value, option in ((sequence(oid(samples.CHALLENGE_PASSWORD)), "auto"), (b"0\0", "always")):
            with pytest.raises(InputError) as caught:
                plan(value, challenge_password="code", proof_of_possession=option)
            assert "enrolment code" in caught.value.reason
            assert "proof_of_possession to never" in hint_of(caught.value)
            assert "proof of possession" in caught.value.reason

    def test_req_116_a_user_can_say_that_the_challenge_password_is_an_enrolment_code(self):
        value = sequence(oid(samples.CHALLENGE_PASSWORD))
        found = plan(value, challenge_password="code", proof_of_possession="never")
        assert attributes_of(found) == {samples.CHALLENGE_PASSWORD: [b"\x13\x04code"]}
        # The server gets the attribute that it asks for, so nothing is missing.
        assert found.warnings == ()
        assert (
            "it may refuse"
            in plan(sequence(oid(LINKING)), challenge_password="c", proof_of_possession="never").warnings[0]
        )

    def test_a_request_that_was_kept_is_repeated_as_long_as_it_has_the_code(self):
        key = generate_key(KeySpec("ec"))
        for value in (b"0\0", sequence(oid(OTP))):
            without, code, other = (plan(value, challenge_password=each) for each in (None, "code", "other code"))
            sent = code.build(key)
            assert code.has_code_of(sent)
            assert not other.has_code_of(sent)
            assert not without.has_code_of(sent)
            assert without.has_code_of(without.build(key))
            assert not code.has_code_of(without.build(key))

    def test_no_secret_is_shown(self):
        found = plan(sequence(oid(OTP)), challenge_password="canary")
        assert "canary" not in repr(found)


def test_an_unknown_choice_is_refused():
    with pytest.raises(InputError) as caught:
        plan(b"0\0", proof_of_possession="perhaps")
    assert "proof_of_possession" in caught.value.reason
    assert "'perhaps'" in caught.value.reason


def test_warnings_of_the_attributes_are_not_told_a_second_time():
    wish = extension("2.5.29.19", sequence(), critical=True)
    twice = sequence(attribute(samples.EXTENSION_REQUEST, sequence(wish)) * 2)
    assert parse_csr_attributes(twice).warnings
    assert plan(twice).warnings == ()
