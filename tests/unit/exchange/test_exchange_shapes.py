# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire shapes of real servers: none of them defeats the client."""

from __future__ import annotations

import pytest
from support.enrolment import enrol, template_for
from support.lab import LabServer

SHAPES = {
    "req_011_tls_1_2_only": ["--tls-max", "1.2"],
    "req_011_tls_1_3_only": ["--tls-min", "1.3"],
    "req_052_one_line": ["--base64", "one-line"],
    "req_052_76_columns": ["--base64", "76"],
    "req_052_trailing_nul": ["--base64", "nul"],
    "req_052_pem_armour": ["--base64", "pem"],
    "req_052_raw_der": ["--base64", "der"],
    "req_053_chunked": ["--transfer", "chunked"],
    "req_053_close_delimited": ["--transfer", "close"],
    "req_051_binary_transfer_encoding": ["--content-transfer-encoding", "binary"],
    "req_051_no_transfer_encoding": ["--content-transfer-encoding", "none"],
    "req_054_parameters_of_the_content_type": [
        "--content-type",
        "Application/PKCS7-MIME; smime-type=certs-only; charset=x",
    ],
    "req_054_bare_content_type": ["--content-type", "application/pkcs7-mime"],
    "req_054_no_content_type": ["--content-type", "none"],
    "req_128_ber": ["--ber"],
    "req_128_with_crl": ["--with-crl"],
    "req_128_with_content": ["--with-content"],
    "req_032_unsorted": ["--unsorted", "--intermediate"],
    "req_073_leaf_is_last": ["--extra-chain", "--unsorted", "--intermediate"],
    "req_073_sorted": ["--extra-chain", "--sorted", "--intermediate"],
    "req_129_bare_certificate": ["--answer", "certificate"],
    "req_073_status_201": ["--status", "201"],
    "req_049_req_050_strict_server": ["--strict"],
    "req_050_wrapped_base64_wanted": ["--require-wrapped-base64"],
    "req_050_transfer_encoding_wanted": ["--require-content-transfer-encoding"],
    "req_062_no_www_authenticate": ["--no-www-authenticate"],
    "two_packets": ["--two-packets"],
    "req_024_cmc_ra": ["--server-certificate", "cmc-ra"],
    "rsa_authority": ["--key-type", "rsa"],
    "req_006_label": [],
}


@pytest.mark.parametrize("name", SHAPES)
def test_shape(name, tmp_path):
    with LabServer("--label", "devices", *SHAPES[name]) as lab:
        outcome = enrol(tmp_path, template_for(lab, label="devices"))
        assert outcome["status"] == "issued"
        assert outcome["lost"] == []
        assert outcome["certificate"]["subject"] == "/CN=jdoe/emailAddress=jdoe@example.com"
        assert [entry["status"] for entry in lab.requests] in ([200, 204, 200], [200, 204, 201])
