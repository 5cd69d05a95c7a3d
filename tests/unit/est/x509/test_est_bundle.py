# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates in whatever shape people have them: as anchors, as an option of a template, and of a client."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Union

import pytest
from support.asn1 import SEQUENCE, oid, signed_data, tlv
from support.effort import check_effort
from support.templates import template
from support.tls_certificates import authority

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._names.pem import pem_text
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import InputError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.tls import Trust, make_context
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.bundle import read_bundle
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.client_certificate import (
    ClientCertificate,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.held_certificate import HeldCertificate

ONE, TWO = authority("One"), authority("Two")
BOTH = ONE.pem + TWO.pem
SERVER_AUTH, CLIENT_AUTH = oid("1.3.6.1.5.5.7.3.1"), oid("1.3.6.1.5.5.7.3.2")

#: Texts with the two certificates.
TEXTS = {
    "plain": BOTH,
    "CR and LF": BOTH.replace("\n", "\r\n"),
    "indented": "".join(f"    {line}\n" for line in BOTH.splitlines()),
    "folded": BOTH.replace("\n", " "),
    "escaped line breaks": BOTH.replace("\n", "\\n"),
    "in one line of base64": BOTH.replace("\n", "").replace("-----BEGIN", "\n-----BEGIN"),
    "dashes for two": BOTH.replace("\n", "").replace("-----" * 2, "-----"),
    "X509 CERTIFICATE": BOTH.replace(" CERTIFICATE", " X509 CERTIFICATE"),
    "TRUSTED CERTIFICATE": pem_text(ONE.der + tlv(SEQUENCE), "TRUSTED CERTIFICATE") + TWO.pem,
    "TRUSTED CERTIFICATE for servers": pem_text(
        ONE.der + tlv(SEQUENCE, tlv(SEQUENCE, SERVER_AUTH)), "TRUSTED CERTIFICATE"
    )
    + TWO.pem,
    "text around": f"0 s:CN = One\nZ\xfcrich\n{ONE.pem}   i:CN = One\n---\n{TWO.pem}the end",
    "a message": pem_text(signed_data([ONE.der, TWO.der]), "PKCS7"),
    "a message of CMS": pem_text(signed_data([ONE.der, TWO.der], ber=True), "CMS"),
}
FILES = {
    "DER": ONE.der + TWO.der,
    "p7b": signed_data([ONE.der, TWO.der]),
    "UTF-16": BOTH.encode("utf-16"),
    "a mark before it": b"\xef\xbb\xbf" + BOTH.encode(),
}
SHAPES: dict[str, Union[str, bytes]] = {**TEXTS, **FILES}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_anchors(shape: str) -> None:
    trust = Trust.explicit(SHAPES[shape])
    assert trust.anchors == (ONE.certificate, TWO.certificate)
    assert (trust.pem, trust.warnings) == (BOTH, ())
    assert make_context(trust).cert_store_stats()["x509"] == 2


@pytest.mark.parametrize("shape", TEXTS)
def test_a_template_takes_them_as_well(shape: str) -> None:
    kept = template(ca_certificate=TEXTS[shape]).ca_certificate
    assert Trust.explicit(kept or "").anchors == (ONE.certificate, TWO.certificate)
    assert template(ca_certificate=kept).ca_certificate == kept


@pytest.mark.parametrize("passphrase", [None, "canary"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_client_certificate_and_its_key_are_read_from_them(
    shape: str, passphrase: str | None, tmp_path: Path
) -> None:
    content = SHAPES[shape]
    (tmp_path / "host.pem").write_bytes(content if isinstance(content, bytes) else content.encode("latin-1"))
    key = ONE.key_pem(passphrase.encode() if passphrase else None)
    (tmp_path / "host.key").write_text(
        key if shape != "indented" else "".join(f"  {line}\n" for line in key.split("\n"))
    )
    pair = ClientCertificate(str(tmp_path / "host.pem"), str(tmp_path / "host.key"), passphrase)
    make_context(Trust.explicit(BOTH), pair)
    assert HeldCertificate.load(pair).certificate == ONE.certificate


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        (b"", "is empty"),
        ("Hello", "no PEM certificate"),
        (ONE.key_pem(), "holds a private key"),
        (pem_text(b"\x30\x00", "CERTIFICATE REQUEST"), "holds a certificate request"),
        ("MIIBszCCAVmgAwIBAgIUf", "is base64 without the PEM lines"),
        (b"\x30\x03\x02\x01\x03", "is a PKCS#12 file"),
        (b"\x30\x03\x02\x01\x05", "is neither PEM nor a certificate nor a message"),
        (ONE.pem[:300], "the PEM block does not end"),
        (ONE.pem.replace("M", "*", 1), "the PEM block is not base64"),
        (pem_text(ONE.der + b"\0"), "1 bytes follow the end"),
        (pem_text(ONE.der + tlv(SEQUENCE, tlv(0xA0, SERVER_AUTH)), "TRUSTED CERTIFICATE"), "not to be trusted"),
        (pem_text(ONE.der + tlv(SEQUENCE, tlv(SEQUENCE, CLIENT_AUTH)), "TRUSTED CERTIFICATE"), "not to be trusted"),
        (pem_text(b"\x30\x00", "PKCS7"), "neither a CMS message nor a certificate"),
    ],
)
def test_what_holds_no_certificate_is_named_for_what_it_is(content: Union[str, bytes], words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_bundle(content, "ca_path 'x'", anchors=True)
    assert words in caught.value.reason
    assert "ca_path 'x'" in caught.value.reason
    assert "BEGIN CERTIFICATE" in caught.value.hint


def test_many_blocks_that_do_not_end_are_no_more_work_than_their_number() -> None:
    text = "-----BEGIN CERTIFICATE-----\n" * 20_000

    def refuse() -> None:
        with pytest.raises(InputError, match="does not end"):
            read_bundle(text)

    check_effort(60 * len(text), refuse)


def test_openssl_reads_the_files_of_a_client_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "host.pem").write_text(BOTH + ONE.key_pem())
    loaded = []
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", lambda _context, *paths: loaded.append(paths[:2]))
    make_context(Trust.explicit(BOTH), ClientCertificate(str(tmp_path / "host.pem")))
    assert loaded == [(str(tmp_path / "host.pem"), None)]
