# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the root in the lab, with `openssl verify` as the judge of what can be trusted."""

from __future__ import annotations

import base64
import datetime
import socket
import ssl
import subprocess

import pytest
from conftest import make_request, read_bag
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from support.lab import LabServer


def pem(*certificates: x509.Certificate) -> str:
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in certificates)


def load(path: str) -> x509.Certificate:
    with open(path, "rb") as stream:
        return x509.load_pem_x509_certificate(stream.read())


def end_of(certificate: x509.Certificate) -> datetime.datetime:
    # cryptography 42 renamed the attribute
    name = "not_valid_after_utc" if hasattr(certificate, "not_valid_after_utc") else "not_valid_after"
    return getattr(certificate, name)


def verifies(tmp_path, anchor: str, leaf: x509.Certificate, bag: list[x509.Certificate]) -> str:
    """What openssl says of the leaf, with one trust anchor and the rest as untrusted."""
    (tmp_path / "leaf.pem").write_text(pem(leaf))
    # the leaf is there because openssl refuses a file without certificates
    (tmp_path / "bag.pem").write_text(pem(leaf, *bag))
    told = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", anchor, "-untrusted", "bag.pem", "leaf.pem"],
        capture_output=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
    )
    return (told.stdout + told.stderr).decode()


@pytest.mark.parametrize(
    ("kind", "count", "old_trusts_new", "new_trusts_old", "flags"),
    [
        ("complete", 4, True, True, []),
        ("complete", 4, True, True, ["--intermediate"]),
        ("no-new-with-old", 3, False, True, []),
        ("no-old-with-new", 3, True, False, []),
        ("no-cross", 2, False, False, []),
        ("new-only", 1, False, False, []),
    ],
)
def test_kinds(client_of, tmp_path, kind, count, old_trusts_new, new_trusts_old, flags):
    with LabServer("--rollover", kind, *flags, state=str(tmp_path / "state")) as lab:
        client = client_of(lab)
        bag = read_bag(base64.b64decode(client.get("cacerts").content))
        old, new = load(lab.ca_path), load(lab.new_ca_path)
        assert len(bag) == count + len(flags)
        assert new in bag
        assert (old in bag) == (kind != "new-only")
        assert old.subject == new.subject
        assert end_of(new) > end_of(old)
        # openssl takes the first issuer that fits, and were the new root among the untrusted, it would stop there
        crosses = [each for each in bag if each not in (old, new)]
        leaf = client.issued()
        assert "OK" in verifies(tmp_path, lab.new_ca_path, leaf, crosses)
        assert ("leaf.pem: OK" in verifies(tmp_path, lab.ca_path, leaf, crosses)) == old_trusts_new
        if not flags:
            assert (
                "leaf.pem: OK" in verifies(tmp_path, lab.new_ca_path, lab.issue().certificate, crosses)
            ) == new_trusts_old


def trusts(lab: LabServer, anchor: str) -> bool:
    context = ssl.create_default_context(cafile=anchor)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_connection(("127.0.0.1", lab.port), 5) as raw:
        try:
            context.wrap_socket(raw, server_hostname="localhost").close()
        except ssl.SSLCertVerificationError:
            return False
    return True


@pytest.mark.parametrize(
    ("flags", "by_old", "by_new"),
    [
        (["--rollover", "complete"], True, False),
        (["--rollover", "complete", "--rollover-server", "new"], True, True),
        (["--rollover", "no-cross", "--rollover-server", "new"], False, True),
    ],
)
def test_who_trusts_the_server(flags, by_old, by_new):
    with LabServer(*flags) as lab:
        assert (trusts(lab, lab.ca_path), trusts(lab, lab.new_ca_path)) == (by_old, by_new)


def test_a_certificate_of_the_old_root_is_renewed_by_the_new_one(client_of):
    with LabServer("--rollover", "complete") as lab:
        shown = lab.issue()
        client = client_of(lab, shown)
        request = make_request(client.key, subject=shown.certificate.subject)
        answer = client.enroll(operation="simplereenroll", request=request)
        assert answer.status_code == 200
        (certificate,) = read_bag(base64.b64decode(answer.content))
        subprocess.run(
            ["openssl", "verify", "-CAfile", lab.new_ca_path],
            input=pem(certificate).encode(),
            check=True,
            capture_output=True,
        )


def test_the_new_root_stays_the_same(tmp_path):
    roots = []
    for _unused in range(2):
        with LabServer("--rollover", "complete", state=str(tmp_path / "state")) as lab:
            roots.append(load(lab.new_ca_path))
    assert roots[0] == roots[1]
