# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess

import pytest
from support.asn1 import (
    OCTET_STRING,
    SEQUENCE,
    SET,
    UTF8_STRING,
    content_info,
    integer,
    oid,
    signed_data,
    tlv,
)
from support.sample_certificates import certificates

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.asn1.cmc import (
    CMC_FAIL_INFO,
    CMC_STATUS,
    CmcStatus,
    parse_cmc_response,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import ParseError

ID_PKI_RESPONSE = "1.3.6.1.5.5.7.12.3"
STATUS_INFO = "1.3.6.1.5.5.7.7.1"
STATUS_INFO_V2 = "1.3.6.1.5.5.7.7.25"
TRANSACTION_ID = "1.3.6.1.5.5.7.7.5"


def control(attribute, *values):
    return tlv(SEQUENCE, integer(1), oid(attribute), tlv(SET, *values))


ONE = integer(1)


def status_info(status, *optional, parts=(ONE,)):
    return tlv(SEQUENCE, integer(status), tlv(SEQUENCE, *parts), *optional)


def pki_response(*controls):
    return tlv(SEQUENCE, tlv(SEQUENCE, *controls), tlv(SEQUENCE), tlv(SEQUENCE))


def message(*controls, ber=False):
    return signed_data(
        certificates()[:1], version=3, ber=ber, content_type=ID_PKI_RESPONSE, content=pki_response(*controls)
    )


REFUSED = control(STATUS_INFO, status_info(2, tlv(UTF8_STRING, "No CN for Ælfred".encode()), integer(2)))


@pytest.mark.parametrize("ber", [False, True], ids=["DER", "BER"])
def test_req_090_a_refusal_with_reason_and_text(ber):
    response = parse_cmc_response(message(REFUSED, ber=ber))
    assert response.statuses == (CmcStatus(2, (1,), "No CN for Ælfred", 2),)
    assert response.describe() == (
        'CMC status failed (2): badRequest (2), the request is not permitted or not supported: "No CN for Ælfred"'
    )


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "badAlg"), (1, "badMessageCheck"), (2, "badRequest"), (8, "popRequired"), (9, "popFailed"), (12, "tryLater")],
)
def test_req_090_names_of_fail_info(number, name):
    response = parse_cmc_response(message(control(STATUS_INFO, status_info(2, integer(number)))))
    assert f"failed (2): {name} ({number}), " in response.describe()


def test_req_090_tables_are_those_of_rfc_5272():
    names = "success failed pending noSupport confirmRequired popRequired partial"
    assert " ".join(name for name, _unused in CMC_STATUS.values()) == names
    assert list(CMC_STATUS) == [0, 2, 3, 4, 5, 6, 7]
    assert list(CMC_FAIL_INFO) == list(range(14))


def test_req_090_version_2_with_paths_and_extended_fail_info():
    parts = (integer(7), tlv(SEQUENCE, integer(1), integer(2)))
    extended = tlv(0xA1, oid("1.3.6.1.4.1.99999.1"), integer(5))
    response = parse_cmc_response(message(control(STATUS_INFO_V2, status_info(2, extended, parts=parts))))
    assert response.statuses == (CmcStatus(2, (7, 1, 2), extended_fail_info="1.3.6.1.4.1.99999.1"),)
    assert response.describe() == "CMC status failed (2): failure code 1.3.6.1.4.1.99999.1, the request was refused"


def test_req_090_pending():
    pend_info = tlv(SEQUENCE, tlv(OCTET_STRING, b"token"), tlv(0x18, b"20261122120000Z"))
    (status,) = parse_cmc_response(message(control(STATUS_INFO_V2, status_info(3, pend_info)))).statuses
    assert (status.pend_token, status.pend_time) == (b"token", "20261122120000Z")
    assert status.describe() == (
        "pending (3), the request has not been decided yet, to be asked again at 20261122120000Z"
    )


def test_req_090_several_controls_of_which_others_are_skipped():
    response = parse_cmc_response(
        message(control(TRANSACTION_ID, integer(99)), REFUSED, control(STATUS_INFO_V2, status_info(7)))
    )
    assert [status.status for status in response.statuses] == [2, 7]
    assert response.describe().count("CMC status") == 2


def test_req_090_unknown_numbers_are_shown_as_numbers():
    response = parse_cmc_response(message(control(STATUS_INFO, status_info(77, integer(78)))))
    assert response.describe() == "CMC status unknown status (77): unknown failure (78)"


def test_req_127_the_longest_number_can_be_shown():
    longest = tlv(0x02, b"\x7f" + b"\xff" * 1023)
    value = tlv(SEQUENCE, longest, tlv(SEQUENCE, longest), longest)
    assert len(parse_cmc_response(message(control(STATUS_INFO, value))).describe()) > 2 * 2400


def test_a_response_without_status():
    assert parse_cmc_response(message()).describe() == "a CMC response without a status"


@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: tlv(OCTET_STRING, body)], ids=["bare", "octets"])
def test_a_response_without_signature(wrap):
    unsigned = content_info(ID_PKI_RESPONSE, wrap(pki_response(REFUSED)))
    assert parse_cmc_response(unsigned).statuses[0].fail_info == 2


def test_openssl_reads_the_fixture(tmp_path):
    path = tmp_path / "response.der"
    path.write_bytes(message(REFUSED))
    command = ["openssl", "asn1parse", "-inform", "DER", "-in", str(path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "id-cct-PKIResponse" in printed
    offset = next(line.split(":")[0].strip() for line in printed.splitlines() if "OCTET STRING" in line)
    inner = subprocess.run(
        [*command, "-strparse", offset], capture_output=True, text=True, check=True, timeout=20
    ).stdout
    assert "id-cmc-statusInfo" in inner


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "truncated"),
        (tlv(SEQUENCE, integer(1)), "not a CMC PKIResponse"),
        (signed_data(certificates()), r"holds 1\.2\.840\.113549\.1\.7\.1 \(data\) and no CMC PKIResponse"),
        (signed_data(None, content_type=ID_PKI_RESPONSE), "no CMC PKIResponse"),
        (signed_data(None, content_type=ID_PKI_RESPONSE, content=tlv(SEQUENCE)), "is empty"),
        (message(control(STATUS_INFO, tlv(SEQUENCE, integer(2)))), "status is incomplete"),
        (message(*[control(TRANSACTION_ID)] * 65), "more than 64 controls"),
        (message(control(STATUS_INFO, status_info(2, parts=[integer(1)] * 65))), "more than 64 body parts"),
    ],
)
def test_what_is_no_full_pki_response(data, expected):
    with pytest.raises(ParseError, match=expected):
        parse_cmc_response(data)
