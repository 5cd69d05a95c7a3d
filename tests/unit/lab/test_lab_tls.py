# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS side of the lab server, with the openssl command and the ssl module as second opinions."""

from __future__ import annotations

import socket
import ssl
import subprocess

import pytest
from conftest import read_bag
from support.lab import LabProcess, LabServer


def handshake(lab: LabServer, name: str = "localhost", context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
    context = context or ssl.create_default_context(cafile=lab.ca_path)
    with socket.create_connection(("127.0.0.1", lab.port), 5) as raw:
        connection = context.wrap_socket(raw, server_hostname=name)
    connection.close()
    return connection


def strict_context(lab: LabServer) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=lab.ca_path)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@pytest.mark.parametrize("flags", [[], ["--intermediate"], ["--key-type", "rsa"]], ids=["root", "intermediate", "rsa"])
def test_a_good_certificate_passes_strict_checks(flags):
    with LabServer(*flags, "--host-name", "lab.est.test", "--host-name", "127.0.0.9") as lab:
        context = strict_context(lab)
        for name in ("localhost", "127.0.0.1", "lab.est.test", "127.0.0.9"):
            handshake(lab, name, context)
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(lab, "else.est.test", context)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("expired", "certificate has expired"),
        ("not-yet-valid", "certificate is not yet valid"),
        ("wrong-host", "Hostname mismatch"),
        ("other-ca", "unable to get local issuer certificate"),
        ("cn-only", "Hostname mismatch"),
        ("cmc-ra", "Hostname mismatch"),
        ("cmc-ra-only", "unsuitable certificate purpose|unsupported certificate purpose"),
        ("no-server-auth", "unsuitable certificate purpose|unsupported certificate purpose"),
        ("wildcard", "Hostname mismatch"),
        ("partial-wildcard", "Hostname mismatch"),
    ],
)
def test_bad_server_certificates_are_refused(kind, words):
    with LabServer("--server-certificate", kind) as lab:
        context = ssl.create_default_context(cafile=lab.ca_path)
        context.hostname_checks_common_name = False
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            handshake(lab, "localhost", context)


@pytest.mark.parametrize(
    ("kind", "name", "refused"),
    [
        ("wrong-host", "est.example.invalid", None),
        ("wildcard", "a.est.test", None),
        ("wildcard", "a.b.est.test", "Hostname mismatch"),
        ("address-as-dns-name", "127.0.0.1", "IP address mismatch"),
    ],
)
def test_names_of_server_certificates(kind, name, refused):
    with LabServer("--server-certificate", kind) as lab:
        if refused is None:
            handshake(lab, name)
        else:
            with pytest.raises(ssl.SSLCertVerificationError, match=refused):
                handshake(lab, name)


def shown(lab: LabServer, *flags: str) -> str:
    told = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{lab.port}", "-CAfile", lab.ca_path, *flags],
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    return (told.stdout + told.stderr).decode()


def test_cmc_ra_has_its_extended_key_usage():
    with LabServer("--server-certificate", "cmc-ra") as lab:
        pem = ssl.get_server_certificate(("127.0.0.1", lab.port))
        told = subprocess.run(
            ["openssl", "x509", "-noout", "-ext", "extendedKeyUsage"],
            input=pem.encode(),
            capture_output=True,
            check=True,
        ).stdout.decode()
        assert "CMC Registration Authority" in told or "1.3.6.1.5.5.7.3.28" in told


@pytest.mark.parametrize(
    ("flags", "version"),
    [([], "TLSv1.3"), (["--tls-max", "1.2"], "TLSv1.2"), (["--tls-min", "1.3"], "TLSv1.3")],
)
def test_versions_that_openssl_agrees_upon(flags, version):
    with LabServer(*flags) as lab:
        told = shown(lab)
        assert "Verify return code: 0 (ok)" in told
        assert f"New, {version}" in told
        assert handshake(lab)
        refused = {"TLSv1.2": "-tls1_3", "TLSv1.3": "-tls1_2"}[version]
        if flags:
            assert "alert protocol version" in shown(lab, refused)


def test_tls_1_1_only_is_refused_by_a_modern_client_and_taken_by_an_old_one():
    with LabServer("--tls-min", "1.1", "--tls-max", "1.1") as lab:
        modern = ssl.create_default_context(cafile=lab.ca_path)
        modern.minimum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError, match=r"UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|protocol version"):
            handshake(lab, context=modern)
        told = shown(lab, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")
        assert "Verify return code: 0 (ok)" in told
        assert "TLSv1.1" in told
        assert [entry["event"] for entry in lab.log].count("handshake_failed") >= 1


def test_plain_http(client_of):
    with LabServer("--plain-http") as lab:
        assert lab.url == f"http://localhost:{lab.port}"
        assert client_of(lab).get("cacerts").status_code == 200
        with pytest.raises(ssl.SSLError, match=r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|packet length"):
            context = ssl.create_default_context()
            with socket.create_connection(("127.0.0.1", lab.port), 5) as raw:
                context.wrap_socket(raw, server_hostname="localhost")


def test_openssl_and_curl_enrol_by_hand(tmp_path):
    """The whole way with nothing but the two commands."""
    with LabServer("--intermediate") as lab:

        def run(command: str) -> bytes:
            return subprocess.run(command.split(), capture_output=True, check=True, timeout=60, cwd=tmp_path).stdout

        curl = f"curl -sS --fail --cacert {lab.ca_path} {lab.est_url}"
        run("openssl req -new -newkey rsa:2048 -nodes -keyout k -subj /CN=hand/emailAddress=a@b.test -outform DER "
            "-out request -addext subjectAltName=DNS:by.hand.test")  # fmt: skip
        run("openssl base64 -in request -out request.b64")
        run(f"{curl}/cacerts -o cacerts.b64")
        run(f"{curl}/simpleenroll -o leaf.b64 -u estuser:estpwd -H Content-Type:application/pkcs10 "
            "--data-binary @request.b64")  # fmt: skip
        for name in ("cacerts", "leaf"):
            run(f"openssl base64 -d -in {name}.b64 -out {name}.der")
            run(f"openssl pkcs7 -inform DER -in {name}.der -print_certs -out {name}.pem")
        assert len(read_bag((tmp_path / "cacerts.der").read_bytes())) == 2
        verified = run(f"openssl verify -x509_strict -CAfile {lab.ca_path} -untrusted cacerts.pem leaf.pem")
        assert verified == b"leaf.pem: OK\n"
        assert b"DNS:by.hand.test" in run("openssl x509 -in leaf.pem -noout -ext subjectAltName")
        assert run("openssl x509 -in leaf.pem -noout -pubkey") == run("openssl pkey -in k -pubout")


def test_no_warnings_at_the_start():
    with LabProcess("--tls-min", "1.1", environment={"PYTHONWARNINGS": "error"}) as lab:
        assert handshake(lab)
        assert "Warning" not in lab.stderr
