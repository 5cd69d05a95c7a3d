# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a fleet report: small, without outside resources, and safe whatever hosts and servers say."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re

import pytest
from support.fleet_reports import (
    LONG_NAMES,
    NOW,
    RUN,
    certified_fleet,
    entry,
    full_fleet,
    issued,
    large_fleet,
    record,
    refused,
    small_fleet,
)

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.causes import printable, visible
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.compact import compact
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.document import make_document
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.writing import in_script, render_page

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--",
    "<!--<script>",
    "]]>",
    "%%data%%",
    "\u2028\u2029",
    "\u202egnp.exe",
    "'\"`${x}\\",
    "\x00\x1b[31m",
    "<img src=x onerror=alert(1)>",
    "\ud800",
)


class Page(html.parser.HTMLParser):
    """The elements of a page, and the text of its scripts, as a browser sees them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.scripts, self.styles, self.inside = [], [], [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")
        if tag == "style":
            self.styles.append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data
        if self.inside == "style":
            self.styles[-1] += data


def hostile_fleet():
    hosts = [
        record(
            text,
            entry(f"template {text}"),
            tests=(refused(f"template {text}", text),),
            message=text,
            store_problems=[text],
        )
        for text in HOSTILE
    ]
    return make_document(hosts, [{**RUN, "play": HOSTILE[0]}], now=NOW)


def test_nothing_of_a_hostile_host_becomes_markup():
    calm, hostile = Page(render_page(small_fleet())), Page(render_page(hostile_fleet()))
    assert [tag for tag, _attributes in hostile.elements if tag != "li"] == [
        tag for tag, _attributes in calm.elements if tag != "li"
    ]
    data = json.loads(hostile.scripts[0])
    assert [host[0] for host in data["hosts"]] == list(HOSTILE)
    render_page(hostile_fleet()).encode("ascii", "strict")


def test_json_in_a_script_has_no_character_that_html_reads():
    text = in_script(list(HOSTILE))
    assert not set("<>&") & set(text)
    assert text.isascii()
    assert json.loads(text) == list(HOSTILE)


def test_the_policy_lets_only_the_own_script_and_style_run():
    page = Page(render_page(small_fleet()))
    (policy,) = (each["content"] for tag, each in page.elements if each.get("http-equiv") == "Content-Security-Policy")
    for text in (page.scripts[1], page.styles[0]):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_nothing_is_fetched_from_anywhere():
    page = Page(render_page(small_fleet()))
    assert [each for _tag, each in page.elements if each.get("src") or each.get("href", "#")[0] not in "#d"] == []
    text = page.scripts[1] + page.styles[0]
    assert not re.search(
        r"url\(|@import|fetch\(|XMLHttpRequest|WebSocket|innerHTML|outerHTML|insertAdjacent|eval\(", text
    )
    assert re.findall(r"https?://\S+", text) == ['http://www.w3.org/2000/svg";']


def test_what_is_no_javascript_is_told_without_it():
    text = render_page(hostile_fleet())
    summary = text[text.index("<noscript>") : text.index("</noscript>")]
    assert "11 hosts" in summary
    assert "<script" not in summary
    assert "<img" not in summary


def test_a_thousand_hosts_with_twenty_templates_are_small():
    document = large_fleet(1000, 20)
    page = render_page(document)
    assert len(page.encode()) < 700_000
    assert not compact(document)["shortened"]


def test_more_than_fits_is_shortened_and_told():
    document = large_fleet(1000, 20, unique=True)
    page = render_page(document)
    assert len(page.encode()) < 2_000_000
    found = compact(document)
    assert found["shortened"]
    failed = [cell for cell in found["cells"] if cell and cell["state"] == "test_failed"]
    assert {cell["test"]["stage"] for cell in failed} == {"enroll"}
    assert any(cell.get("shortened") for cell in failed)
    assert any("server_message" in cell["test"] for cell in failed)


def test_long_words_of_every_host_are_shortened_too():
    hosts = [
        record(f"h{number}", entry("t"), state="failed", message=f"{number} " + "x" * 1900) for number in range(1000)
    ]
    assert len(render_page(make_document(hosts, [RUN], now=NOW)).encode()) < 2_000_000


def test_equal_cells_are_told_once():
    found = compact(small_fleet())
    cells = [json.dumps(cell) for cell in found["cells"]]
    assert len(cells) == len(set(cells))
    assert found["templates"] == ["wifi", "mail", "vpn"]
    assert [len(host[9]) for host in found["hosts"]] == [3] * 9


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \u00e9", "plain \u00e9"),
        ("\u202ecod", "<U+202E>cod"),
        ("a\x1b[1m", "a<U+001B>[1m"),
        ("\u2066\ufeff", "<U+2066><U+FEFF>"),
    ],
)
def test_characters_that_do_something_are_shown(text, shown):
    assert visible(text) == shown


def test_a_printable_text_is_one_short_line():
    assert printable("a\n b\t c", 10) == "a b c"
    assert printable("x" * 20, 10) == "xxxxxxx..."


def test_what_an_earlier_run_saw_is_no_test_of_this_one_and_has_its_moment():
    found = compact(full_fleet())
    kept = {host[0]: host[13] for host in found["hosts"] if host[13]}
    assert kept == {
        "ce-ber-0023.example.com": 1795338000 // 60 - 2 * 1440,
        "ce-ber-0024.example.com": 1795338000 // 60,
    }
    fresh = record("h", entry("t"), tests=(issued("t"),))
    fresh.update(kept=True, started_at="")
    old = compact(make_document([fresh], [RUN], now=NOW))
    assert old["hosts"][0][13] == -1
    assert [cell["test"]["this_run"] for cell in old["cells"] if cell] == [False]


def test_each_host_says_which_of_the_five_counts_it_is_in():
    document = full_fleet()
    found = [host[12] for host in compact(document)["hosts"]]
    names = ("as_declared", "corrected", "differing", "not_compared", "not_looked_at")
    assert {name: found.count(name) for name in names} == {name: document["counts"][f"hosts_{name}"] for name in names}
    assert all(found.count(name) for name in names)
    assert len(found) == 25


def test_causes_name_hosts_and_templates_by_number():
    found = compact(full_fleet())
    (cause,) = [each for each in found["causes"] if each["kind"] == "test"]
    number, hosts = cause["hosts"]
    assert number == 10
    assert [found["hosts"][at][0] for at in hosts] == [f"ce-ber-{at:04d}.example.com" for at in range(10, 20)]
    assert [found["templates"][at] for at in cause["templates"][1]] == list(LONG_NAMES[:2])
    assert "HTTP 401" in found["texts"][cause["reason"]]


def test_very_many_causes_are_cut_and_told():
    names = [f"h{number}" for number in range(200)]
    cause = {"kind": "host", "reason": "x" * 1000, "hosts": names, "templates": ["t"]}
    hosts = [record(name, entry("t")) for name in names]
    document = make_document(hosts, [RUN], now=NOW)
    found = compact({**document, "causes": [{**cause, "reason": f"{number} {'x' * 1000}"} for number in range(1000)]})
    assert len(found["causes"]) == 300
    assert found["causes_missing"] == 700
    assert found["shortened"]
    assert all(each["hosts"][0] == 200 for each in found["causes"]), "how many is told of every cause"
    assert sum(len(each["hosts"][1]) + len(each["templates"][1]) for each in found["causes"]) <= 30_000
    assert len(json.dumps(found["causes"])) < 400_000


def test_production_certificates_are_taken_where_there_are_some():
    document = make_document([], [RUN], now=NOW)
    assert compact(document)["production"] == []
    found = compact(certified_fleet())
    rows = {(found["hosts"][row[1]][0], found["texts"][row[0]]): row[2:] for row in found["production"]}
    state, ends, renewed, told, caused = rows["ce-4", "/etc/ssl/old.pem"]
    assert (state, ends - renewed, caused) == ("due", 14 * 1440, 0)
    assert found["texts"][told] == "the renewal period of 14 days has begun"
    assert rows["ce-1", "/etc/ssl/www.pem"][0] == "in_order"
    assert [rows["ce-2", name][-1] for name in ("/etc/ssl/www.pem", "/etc/ssl/db.pem")] == [1, 1]
