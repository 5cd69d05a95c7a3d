# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.properties import count

from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.http.headers import (
    RetryAfter,
    parse_retry_after,
)

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=timezone.utc)
BOUNDS = {"default": 30, "minimum": 5, "maximum": 600}


@pytest.mark.parametrize(("value", "seconds"), [("120", 120), (" 120 ", 120), ("+120", 120), ("000120", 120)])
def test_req_085_seconds(value, seconds):
    assert parse_retry_after(value, NOW, **BOUNDS) == RetryAfter(seconds, seconds)


@pytest.mark.parametrize(
    "value",
    [
        "Sun, 22 Nov 2026 12:02:00 GMT",
        "Sunday, 22-Nov-26 12:02:00 GMT",
        "Sun Nov 22 12:02:00 2026",
        "Sun, 22 Nov 2026 13:02:00 +0100",
    ],
    ids=["IMF-fixdate", "RFC 850", "asctime", "offset"],
)
def test_req_085_http_date(value):
    assert parse_retry_after(value, NOW, **BOUNDS) == RetryAfter(120, 120)


def test_req_085_a_part_of_a_second_is_not_too_early():
    now = NOW + timedelta(milliseconds=1)
    assert parse_retry_after("Sun, 22 Nov 2026 12:02:00 GMT", now, **BOUNDS).seconds == 120


@pytest.mark.parametrize(
    ("value", "requested"),
    [("0", 0), ("-5", -5), ("4", 4), ("Sun, 22 Nov 2026 11:59:00 GMT", -60), ("Thu, 01 Jan 1970 00:00:00 GMT", None)],
)
def test_req_085_negative_or_past_gives_the_minimum(value, requested):
    parsed = parse_retry_after(value, NOW, **BOUNDS)
    assert parsed.seconds == 5
    assert parsed.warning == ""
    assert not parsed.shortened
    assert parsed.requested == requested if requested is not None else parsed.requested < -(10**9)


@pytest.mark.parametrize(
    ("value", "requested"),
    [
        ("3600", 3600),
        ("601", 601),
        ("999999999", 999999999),
        ("Mon, 23 Nov 2026 12:00:00 GMT", 86400),
        ("9" * 9000, 10**15),
    ],
)
def test_req_085_huge_is_bounded_for_waiting_and_told_truthfully(value, requested):
    parsed = parse_retry_after(value, NOW, **BOUNDS)
    assert parsed == RetryAfter(600, requested)
    assert parsed.shortened


@pytest.mark.parametrize(
    "value", ["soon", "1.5", "12O", "120, 120", "Sun, 99 Nov 2026 12:00:00 GMT", "\u0661\u0662", "1e3", "x" * 9000]
)
def test_req_085_garbage_gives_the_default_and_a_warning(value):
    parsed = parse_retry_after(value, NOW, **BOUNDS)
    assert (parsed.seconds, parsed.requested) == (30, None)
    assert "neither a number of seconds nor a date: " + value[:10] in parsed.warning
    assert len(parsed.warning) < 200


def test_defaults():
    assert parse_retry_after(None, NOW).seconds == 60
    assert parse_retry_after("0", NOW).seconds == 1
    assert parse_retry_after("999999999", NOW).seconds == 31 * 86400


@settings(derandomize=True, max_examples=count(100), deadline=None)
@given(st.datetimes(timezones=st.just(timezone.utc)))
def test_req_127_every_date_is_understood(date):
    parsed = parse_retry_after(format_datetime(date, usegmt=True), NOW, **BOUNDS)
    if date.year >= 100:  # RFC 850 dates make two digits of a year mean this century
        assert parsed.requested == (date.replace(microsecond=0) - NOW) // timedelta(seconds=1)
