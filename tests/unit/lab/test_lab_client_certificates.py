# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS client certificates at the lab server: who is let in, and renewal, which needs one."""

from __future__ import annotations

import base64
import datetime
import http.client
import ssl
import subprocess
import time

import pytest
import requests
from conftest import make_request, read_bag
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.lab import LabServer
from support.lab_certificates import issue_certificate

SAN = x509.SubjectAlternativeName([x509.DNSName("b.lab.test"), x509.DNSName("a.lab.test")])


def printable_name(text: str) -> x509.Name:
    """A subject whose CN is a PrintableString, where libraries write a UTF8String of their own accord."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text, x509.name._ASN1Type.PrintableString)])


def refusal_of(lab: LabServer) -> str:
    """Why the newest handshake failed. A client can be told so before it is in the log."""
    deadline = time.monotonic() + 60
    while not lab.log or lab.log[-1]["event"] != "handshake_failed":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return lab.log[-1]["reason"]


def test_log_tells_of_the_certificate(client_of, plain_lab):
    shown = plain_lab.issue("seen-in-the-log")
    assert client_of(plain_lab, shown).get("cacerts").status_code == 200
    entry = plain_lab.requests[-1]
    assert entry["client_certificate_subject"] == "CN=seen-in-the-log"
    assert entry["client_certificate_serial"] == format(shown.certificate.serial_number, "x")
    client_of(plain_lab).get("cacerts")
    assert plain_lab.requests[-1]["client_certificate_subject"] is None


@pytest.mark.parametrize(
    ("rule", "statuses"),
    # without anything, with the password, with the certificate, with both
    [
        ("any", (401, 200, 200, 200)),
        ("password", (401, 200, 401, 200)),
        ("certificate", (403, 403, 200, 200)),
        ("both", (401, 403, 401, 200)),
    ],
)
def test_credentials(client_of, rule, statuses):
    with LabServer("--credentials", rule, "--authenticate-csrattrs", "--csrattrs", "empty") as lab:
        seen = []
        for shown in (None, lab.issue()):
            client = client_of(lab, shown)
            for auth in (None, ("estuser", "estpwd")):
                seen.append(client.enroll(auth=auth).status_code)
                assert client.get("csrattrs", auth=auth).status_code == seen[-1]
                assert client.get("cacerts").status_code == 200
        assert tuple(seen) == statuses


@pytest.mark.parametrize(("kind", "asked"), [("none", False), ("optional", True), ("required", True)])
def test_openssl_sees_whether_a_certificate_is_asked_for(client_of, kind, asked):
    with LabServer("--client-certificates", kind) as lab:
        told = subprocess.run(
            ["openssl", "s_client", "-tls1_2", "-state", "-connect", f"127.0.0.1:{lab.port}", "-CAfile", lab.ca_path],
            input=b"",
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (b"SSLv3/TLS read server certificate request" in told.stderr) == asked
        if kind == "required":
            with pytest.raises((requests.exceptions.SSLError, requests.exceptions.ConnectionError)):
                client_of(lab).get("cacerts")
            assert "peer did not return a certificate" in refusal_of(lab)
        answer = client_of(lab, lab.issue()).get("cacerts")
        assert (answer.status_code, lab.requests[-1]["client_certificate_subject"] is not None) == (200, asked)


def test_a_leaf_only_certificate_of_an_intermediate_is_refused(client_of):
    with LabServer("--intermediate") as lab:
        shown = lab.issue()
        leaf_only = client_of(lab, shown)
        leaf_only.session.cert = (shown.certificate_path, shown.key_path)
        with pytest.raises((requests.exceptions.SSLError, requests.exceptions.ConnectionError)):
            leaf_only.get("cacerts")
        assert "unable to get local issuer certificate" in refusal_of(lab)
        assert client_of(lab, shown).enroll(auth=None).status_code == 200


def test_an_expired_certificate_is_refused(client_of, plain_lab):
    with pytest.raises((requests.exceptions.SSLError, requests.exceptions.ConnectionError)):
        client_of(plain_lab, plain_lab.issue(days=(-30, -1))).get("cacerts")
    assert "certificate has expired" in refusal_of(plain_lab)


def test_certificates_of_another_authority(client_of, plain_lab, tmp_path):
    with LabServer("--key-type", "ec", state=str(tmp_path / "state")) as other:
        shown = other.issue("third-party")
        with pytest.raises((requests.exceptions.SSLError, requests.exceptions.ConnectionError)):
            client_of(plain_lab, shown).get("cacerts")
        with LabServer("--client-ca", other.ca_path) as lab:
            client = client_of(lab, shown)
            assert client.enroll(auth=None).status_code == 200
            # RFC 7030 section 4.2.2: only what this authority has issued can be renewed
            refused = client.enroll(operation="simplereenroll", request=request_for(client.key, shown))
            assert (refused.status_code, "cannot be renewed here" in refused.text) == (403, True)


@pytest.mark.parametrize("days", [3, -3])
def test_valid_days(client_of, days):
    with LabServer("--valid-days", str(days)) as lab:
        certificate = client_of(lab).issued()
    told = subprocess.run(
        ["openssl", "x509", "-noout", "-enddate"],
        input=certificate.public_bytes(serialization.Encoding.PEM),
        capture_output=True,
        check=True,
    ).stdout.decode()
    end = datetime.datetime.strptime(told.strip(), "notAfter=%b %d %H:%M:%S %Y GMT")
    expected = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(days=days)
    assert abs(end - expected) < datetime.timedelta(minutes=10)


def request_for(key, shown, **changes) -> bytes:
    """A request with the names of a certificate."""
    extensions = tuple(
        each.value for each in shown.certificate.extensions if isinstance(each.value, x509.SubjectAlternativeName)
    )
    return make_request(key, **{"subject": shown.certificate.subject, "extensions": extensions, **changes})


@pytest.fixture
def renewing(client_of, plain_lab):
    """A client that shows a certificate with names of its own, and that certificate."""
    shown = plain_lab.issue(subject=printable_name("device"), extensions=(SAN,))
    return client_of(plain_lab, shown), shown


def test_renew_and_rekey(renewing, plain_lab):
    client, shown = renewing
    for key, word in ((shown.private_key, "renew"), (ec.generate_private_key(ec.SECP256R1()), "rekey")):
        answer = client.enroll(operation="simplereenroll", request=request_for(key, shown), auth=None)
        assert answer.status_code == 200, answer.text
        (certificate,) = read_bag(base64.b64decode(answer.content))
        assert certificate.serial_number != shown.certificate.serial_number
        assert certificate.subject.public_bytes() == shown.certificate.subject.public_bytes()
        assert certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == SAN
        assert plain_lab.requests[-1]["reenrolment"] == word


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"subject": x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device")])}, "Subject"),
        ({"subject": printable_name("Device")}, "Subject"),
        ({"extensions": ()}, "subjectAltName"),
        ({"extensions": (x509.SubjectAlternativeName(list(reversed(list(SAN)))),)}, "subjectAltName"),
    ],
    ids=["string-type", "case", "no-san", "san-order"],
)
def test_names_must_stay_as_they_are(renewing, changes, word):
    client, shown = renewing
    answer = client.enroll(operation="simplereenroll", request=request_for(client.key, shown, **changes))
    assert (answer.status_code, f"the {word} of the certificate request" in answer.text) == (400, True)


def test_a_certificate_without_alternative_names_gets_none(client_of, plain_lab):
    shown = plain_lab.issue()
    client = client_of(plain_lab, shown)
    assert client.enroll(operation="simplereenroll", request=request_for(client.key, shown)).status_code == 200
    added = request_for(client.key, shown, extensions=(SAN,))
    assert client.enroll(operation="simplereenroll", request=added).status_code == 400


def test_renewal_needs_the_certificate_unless_told_otherwise(client_of, plain_lab):
    assert client_of(plain_lab).enroll(operation="simplereenroll").status_code == 403
    with LabServer("--reenroll-credentials", "any") as lab:
        assert client_of(lab).enroll(operation="simplereenroll").status_code == 200
        assert client_of(lab).enroll(operation="simplereenroll", auth=None).status_code == 401


def test_renewal_can_wait_for_approval(client_of):
    with LabServer("--manual-approval", "1") as lab:
        shown = lab.issue()
        client = client_of(lab, shown)
        for status in (202, 200):
            assert (
                client.enroll(operation="simplereenroll", request=request_for(client.key, shown)).status_code == status
            )


def test_curl_and_openssl_renew_by_hand(tmp_path):
    """The request is made by openssl out of the old certificate, so its names are encoded by somebody else."""
    with LabServer("--intermediate") as lab:
        shown = lab.issue(subject=printable_name("by-hand"), extensions=(SAN,))

        def run(command: str) -> bytes:
            return subprocess.run(command.split(), capture_output=True, check=True, timeout=60, cwd=tmp_path).stdout

        run(
            f"openssl x509 -in {shown.certificate_path} -x509toreq -copy_extensions copyall -signkey {shown.key_path} "
            "-out request.pem"
        )
        run("openssl req -in request.pem -outform DER -out request")
        run("openssl base64 -in request -out request.b64")
        run(
            f"curl -sS --fail --cacert {lab.ca_path} --cert {shown.chain_path} --key {shown.key_path} -o leaf.b64 "
            f"-H Content-Type:application/pkcs10 --data-binary @request.b64 {lab.est_url}/simplereenroll"
        )
        assert len(read_bag(base64.b64decode((tmp_path / "leaf.b64").read_bytes()))) == 1
        assert lab.requests[-1]["reenrolment"] == "renew"


def test_issued_keys_can_be_encrypted(plain_lab, tmp_path):
    shown = plain_lab.issue()
    (tmp_path / "key.pem").write_text(shown.encrypted_key_pem("open sesame"))
    context = ssl.create_default_context(cafile=plain_lab.ca_path)
    context.load_cert_chain(shown.chain_path, str(tmp_path / "key.pem"), "open sesame")
    connection = http.client.HTTPSConnection("localhost", plain_lab.port, timeout=60, context=context)
    connection.request("GET", "/.well-known/est/cacerts")
    assert connection.getresponse().status == 200
    connection.close()


def test_issue_gives_the_key_it_was_given(plain_lab):
    key = ec.generate_private_key(ec.SECP384R1())
    shown = issue_certificate(plain_lab.state, (), plain_lab.state, private_key=key)
    assert isinstance(shown.certificate.signature_hash_algorithm, hashes.SHA256)
    assert "PRIVATE KEY" in shown.key_pem
    assert shown.private_key is key
