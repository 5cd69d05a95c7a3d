# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page of a fleet report claims: numbers that add up, proofs, causes, ends of certificates, times, ages; and
that all of it can be read: whole column headers, and a phone."""

from __future__ import annotations

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
    small_fleet,
)

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.document import make_document
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.host_record import host_record

PHONE = (390, 844)
FULL = full_fleet()
STATES = ("in_order", "corrected", "unproved", "pending", "unknown", "lost", "differs", "test_failed")
HOSTS = ("as_declared", "corrected", "differing", "not_compared", "not_looked_at")

# What the numbers beside the parts count, of the templates of all hosts.
EXPECTED = {
    "also:unproved": lambda entry: (
        entry["proved"] is False and (entry["test"] or {}).get("status") not in ("failed", "pending")
    ),
    "test:not_tried": lambda entry: bool(entry["test"]) and entry["test"]["status"] == "not_tried",
    "test:made_up": lambda entry: bool(entry["test"]) and bool(entry["test"].get("made_up")),
}

# The numbers at the top, a group each: the number, what of, and its parts by their filters or words.
GROUPS = """return [...document.querySelectorAll(".group")].map((group) => [
  Number(group.querySelector("h3 .number").textContent), group.querySelector("h3 .words").textContent,
  [...group.querySelectorAll(".tile")].map((tile) => [
    tile.dataset.filter || tile.querySelector(".words").textContent,
    Number(tile.querySelector(".number").textContent.match(/\\d+$/)[0])])])"""

# The boxes of the header's words that are not wholly inside of their cell, of the table, and of the screen.
CUT = """const cut = [], table = document.getElementById("scroll").getBoundingClientRect();
for (const th of document.querySelectorAll("#matrix thead th")) {
  const range = document.createRange(), cell = th.getBoundingClientRect();
  range.selectNodeContents(th.querySelector("bdi"));
  for (const box of range.getClientRects()) {
    const inside = (of) => box.left >= of.left - 1 && box.right <= of.right + 1
      && box.top >= of.top - 1 && box.bottom <= of.bottom + 1;
    const across = { left: table.left, right: table.right, top: -Infinity, bottom: Infinity };
    if (!inside(cell) || (arguments[0] && !inside(across))) cut.push(th.textContent);
  }
}
return cut"""


@pytest.fixture
def page(browser):
    browser.show(FULL)
    return browser


def only_tested(name):
    return host_record(name, state="ok", result={"tests": [issued("t")]})


def nothing_declared(name):
    return host_record(name, state="ok", result={"templates": [], "declared": False})


def host_row(page, host):
    (row,) = [each for each in page.all("#matrix tbody tr") if host in each.text]
    return row


def cell(page, host, template):
    """Return sign and words of a cell."""
    number = [each["name"] for each in FULL["hosts"][0]["templates"]].index(template)
    found = host_row(page, host).find_element("css selector", f"td.cell[data-template='{number}']")
    words = found.get_attribute("title")
    assert words.startswith(f"{template}: ")
    return found.find_element("css selector", "span").text, words[len(template) + 2 :]


def details(page, host):
    """Return the text of what is known of a host."""
    button = host_row(page, host).find_element("css selector", ".open")
    page.run("arguments[0].click()", button)
    return page.find(".detail").text


# -- numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        small_fleet(),
        FULL,
        large_fleet(60, 8),
        make_document([], [], now=NOW),
        make_document([only_tested("h")], [RUN], now=NOW),
        make_document([nothing_declared("h")], [RUN], now=NOW),
    ],
    ids=["small", "full", "large", "empty", "only tested", "nothing declared"],
)
def test_the_parts_of_every_number_add_up_to_it(browser, document):
    browser.show(document)
    groups = browser.run(GROUPS)
    assert [number for number, _of, _parts in groups[:3]] == [
        document["counts"][key] for key in ("hosts", "templates_on_hosts", "tests")
    ]
    for number, of, parts in groups:
        assert sum(each for _key, each in parts) == number, of


def test_the_numbers_are_those_of_the_report(page):
    hosts, templates, tests, certificates = page.run(GROUPS)
    counts = FULL["counts"]
    assert hosts[:2] == [25, "hosts, 20 templates"]
    assert dict(hosts[2]) == {f"host:{each}": counts[f"hosts_{each}"] for each in HOSTS}
    assert dict(templates[2]) == {f"cell:{each}": counts[f"state_{each}"] for each in STATES}
    assert all(number > 0 for number in dict(templates[2]).values()), "the sample has every state"
    assert dict(tests[2]) == {
        "test:issued": counts["tests_issued"],
        "test:pending": counts["tests_pending"],
        "test:failed": counts["tests_failed"],
        "test:not_tried": counts["tests_not_tried"],
    }
    assert certificates[0] == counts["test_certificates"]
    assert dict(certificates[2])["expired"] == counts["test_certificates_expired"]


def test_each_number_leads_to_its_hosts(page):
    for key in [each.get_attribute("data-filter") for each in page.all("[data-filter]")]:
        number = int(re.search(r"\d+", page.find(f"[data-filter='{key}'] .number").text).group())
        page.find(f"[data-filter='{key}']").click()
        if key.startswith(("host:", "run:")):
            assert len(page.hosts()) == number, key
        if key.startswith("cell:"):
            state = key.split(":")[1]
            having = [host for host in FULL["hosts"] if any(each["state"] == state for each in host["templates"])]
            assert sorted(page.hosts()) == sorted(host["name"] for host in having), key
        if key in EXPECTED:
            having = [host for host in FULL["hosts"] if any(map(EXPECTED[key], host["templates"]))]
            assert sorted(page.hosts()) == sorted(host["name"] for host in having), key
            assert number == sum(EXPECTED[key](each) for host in FULL["hosts"] for each in host["templates"]), key
        assert 0 < len(page.hosts()) <= 25, key
        page.find(f"[data-filter='{key}']").click()
    assert len(page.hosts()) == 25


def test_what_was_not_compared_is_not_called_as_declared(browser):
    browser.show(make_document([only_tested("h"), nothing_declared("i")], [RUN], now=NOW))
    assert sorted(browser.texts("td.state .words")) == ["nothing compared", "tested, not compared"]
    assert browser.find("td.known").get_attribute("title").startswith("t: tested, not compared")
    assert dict(browser.run(GROUPS)[0][2]) == {
        "as declared": 0,
        "not as declared": 0,
        "host:not_compared": 2,
        "not looked at": 0,
    }


def test_hosts_as_declared_that_need_attention_are_told_beside_them(page):
    assert "of them need attention" in page.find("[data-filter='host:as_declared']").text


# -- proofs --------------------------------------------------------------------------------------------------------


def test_what_is_not_proved_and_what_was_not_tried(page):
    assert cell(page, "ce-ber-0021", "mail S/MIME") == ("\u25cc", "not proved by a test")
    assert cell(page, "ce-ber-0010", LONG_NAMES[1]) == ("\u25ccn", "not proved by a test, not tried in this run")
    assert cell(page, "ce-ber-0000", "wifi") == ("\u2713", "as declared, proved by a test")
    assert page.find("[data-filter='test:not_tried']").text.split("\n")[-1] == "not tried"
    assert "without a proof of the present content" in page.find("[data-filter='also:unproved']").text
    words = details(page, "ce-ber-0010")
    assert "Test\nnot tried in this run" in words.replace(" \n", "\n") or "not tried in this run" in words
    assert "was refused at https://est.example.com:8443 before in this run" in words


def test_what_the_ca_dropped_or_changed_and_what_is_accepted_of_it(page):
    assert cell(page, "ce-ber-0020", "mail S/MIME") == (
        "\u25d1a",
        "test certificate is not what was asked for, loss accepted",
    )
    assert cell(page, "ce-ber-0020", LONG_NAMES[3]) == ("\u25d1", "test certificate is not what was asked for")
    assert cell(page, "ce-ber-0020", "vpn") == ("\u2713a", "as declared, proved by a test, loss accepted")
    told = " ".join(details(page, "ce-ber-0020").split())
    assert "Dropped by the CA subject_alternative_name UPN:jdoe@example.com" in told
    assert "Dropped by the CA, and accepted subject emailAddress" in told
    assert "Other than asked for the certificate has the key RSA 2048, not EC P-256" in told
    assert "subject emailAddress" not in page.find("#attention").text, "what is accepted needs no attention"
    assert "UPN:jdoe@example.com" in page.find("#attention").text


def test_a_test_with_made_up_values_is_told_as_such(page):
    assert cell(page, "ce-ber-0021", "wifi") == ("\u2713m", "as declared, proved by a test, tested with made-up values")
    assert page.find("[data-filter='test:made_up']").text.endswith("1 issued for made-up values")
    told = " ".join(details(page, "ce-ber-0021").split())
    assert "test certificate issued, for made-up values" in told
    assert "Made-up values email, imei" in told


# -- causes --------------------------------------------------------------------------------------------------------


def test_one_refused_account_is_one_row(page):
    rows = [each for each in page.all("#attention .problem") if "refused the user name" in each.text]
    assert len(rows) == 1
    assert "10 hosts" in rows[0].text
    assert "the account 'svc-est'" in rows[0].text
    assert "https://est.example.com:8443" in rows[0].text
    assert "10 tests not tried after that" in rows[0].text
    assert "ce-ber-0015" not in rows[0].text, "the names are folded"
    rows[0].find_element("css selector", "summary").click()
    for number in range(10, 20):
        assert f"ce-ber-{number:04d}.example.com" in rows[0].text
    assert "Check username and password of the template." in rows[0].text


def test_equal_words_of_many_templates_are_one_row(browser):
    hosts = [
        record(
            f"h{number}",
            entry("a"),
            entry("b"),
            tests=tuple(issued(name, lost=(f"subject emailAddress=u{number}@example.com",)) for name in "ab"),
        )
        for number in range(3)
    ]
    browser.show(make_document(hosts, [RUN], now=NOW))
    (row,) = [each for each in browser.all("#attention .problem") if "the CA left out" in each.text]
    assert "the CA left out subject emailAddress\n" in row.text, "whatever its value on each host"
    assert "3 hosts, 2 templates" in row.text


# -- certificates --------------------------------------------------------------------------------------------------


def test_certificates_are_listed_by_days_left_and_expired_ones_have_sign_and_word(page):
    page.run("document.querySelector('#certificates .quiet').click()")
    page.run("document.querySelector('#certificates .quiet').click()")
    ends = page.run("return [...document.querySelectorAll('#certificates tbody time')].map((e) => e.dateTime)")
    assert len(ends) == FULL["counts"]["test_certificates"]
    assert ends == sorted(ends)
    rows = page.run(
        """return [...document.querySelectorAll("#certificates tbody .left")].map(
             (e) => [e.querySelector(".sign").textContent, e.textContent])"""
    )
    expired = [(sign, words) for sign, words in rows if "expired" in words]
    assert len(expired) == FULL["counts"]["test_certificates_expired"] > 0
    assert {sign for sign, _words in expired} == {"\u2716"}
    assert {sign for sign, words in rows if "ends soon" in words} == {"\u26a0"}
    assert {sign for sign, words in rows if "expired" not in words and "soon" not in words} == {"\u2713"}
    assert next(words for words in page.texts("td.days") if "expired" in words) == "\u2716 expired"


def test_production_certificates_have_a_place(page):
    assert not page.find("#production-section").is_displayed()
    page.show(certified_fleet())
    rows = [" ".join(text.split()) for text in page.texts("#production tbody tr")]
    assert len(rows) == 9
    assert rows[0].startswith("\u2717 could not be had? end not known /etc/ssl/www.pem on ce-2the server refused")
    assert rows[1].startswith("\u2260 to be issued or renewed")
    assert [row for row in rows if "expired 2 days ago" in row and "/etc/ssl/old.pem on ce-4" in row]
    assert [
        row for row in rows if row.startswith("\u2713 in order\u2713 100 days") and "renewed from 2027-02-16" in row
    ]
    assert "9 production certificates" in page.texts("#tiles h3")[-1]
    attention = [" ".join(text.split()) for text in page.texts("#attention .problem")]
    assert [text for text in attention if "2 certificates" in text and "1 certificate not tried after that" in text]
    assert [text for text in attention if "to be issued or renewed: the renewal period of 14 days has begun" in text]
    assert page.find("#production-plot svg").get_attribute("aria-label").startswith("Bar chart of 5 production cert")


# -- times and ages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns"])
def test_every_time_has_its_zone(browser, zone):
    browser.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": zone})
    try:
        browser.show(FULL)
        browser.run("document.querySelectorAll('.open').forEach((b) => b.click())")
        text = browser.run("return document.body.innerText")
        times = re.findall(r"\b\d\d?:\d\d(?::\d\d)?\b[^\n]{0,12}", text)
        assert len(times) > 100
        assert [
            each for each in times if not re.match(r"\d\d?:\d\d(?::\d\d)?( [AP]M)? (UTC|CET|GMT[-+\u2212]\d)", each)
        ] == []
        assert "2026-11-22 12:00 UTC" in browser.find("#about").text
        assert bool(re.search(r"\(.*(CET|GMT)", browser.find("#about").text)) == (zone != "UTC")
        titles = browser.run("return [...document.querySelectorAll('time')].map((e) => e.title)")
        assert [each for each in titles if not re.search(r"UTC|CET|GMT", each)] == []
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})


def test_hosts_of_an_earlier_run_tell_their_age_and_look_other(page):
    assert "limited to ce_berlin:!ce-24*" in page.find("#limit").text
    assert "2 hosts of 25: not in this run" in page.find("#limit").text
    row = host_row(page, "ce-ber-0023")
    assert "as of 2 days ago, 2026-11-20 09:00 UTC" in " ".join(row.text.split())
    assert "as of 3 hours ago, 2026-11-22 09:00 UTC" in " ".join(host_row(page, "ce-ber-0024").text.split())
    look = "return getComputedStyle(arguments[0].lastElementChild).backgroundImage"
    assert page.run(look, row) != page.run(look, host_row(page, "ce-ber-0022"))
    assert "as of 2 days ago, 2026-11-20 09:00 UTC, by an earlier run" in details(page, "ce-ber-0023")
    assert len(page.all("tr.kept")) == 2
    issued_now = sum(each.get("status") == "issued" for each in current_tests(page))
    assert issued_now == FULL["counts"]["tests_issued"]


def current_tests(page):
    """The tests of this run, as the page has them."""
    return page.run(
        """const r = JSON.parse(document.getElementById("data").textContent);
           return r.hosts.flatMap((h) => h[9].map((n) => (r.cells[n] || {}).test || {})).filter((t) => t.this_run)"""
    )


def test_a_run_of_all_hosts_has_no_line_of_a_limit(browser):
    browser.show(small_fleet())
    assert not browser.find("#limit").is_displayed()


# -- whole headers, and a phone ------------------------------------------------------------------------------------


def test_no_column_header_is_cut_with_twenty_templates(page):
    assert len(page.all("#matrix th.template")) == 20
    assert page.run(CUT, True) == []
    assert page.texts("#matrix th.template bdi")[: len(LONG_NAMES)] == list(LONG_NAMES)
    assert page.run("const s = document.getElementById('scroll'); return s.scrollWidth <= s.clientWidth")


@pytest.mark.parametrize("size", [PHONE, (1280, 900)], ids=["phone", "desktop"])
def test_no_column_header_is_cut_whatever_its_length(browser, size):
    names = ["x" * 255, "word " * 40, "\u65e5\u672c\u8a9e" * 30, "t"]
    browser.show(make_document([record("h", *(entry(each) for each in names))], [RUN], now=NOW), size=size)
    assert browser.run(CUT, False) == []


def test_on_a_phone_names_and_cells_can_be_used(browser):
    browser.show(FULL, size=PHONE)
    measured = browser.run(
        """const scroll = document.getElementById("scroll"), across = scroll.getBoundingClientRect();
           const first = scroll.querySelector("tbody tr"), name = first.querySelector("th").getBoundingClientRect();
           const range = document.createRange();
           const cut = [...scroll.querySelectorAll("tbody th")].filter((th) => {
             range.selectNodeContents(th.querySelector("bdi"));
             return [...range.getClientRects()].some((box) => box.right > th.getBoundingClientRect().right + 1);
           }).length;
           const cells = [...first.querySelectorAll("td.cell")].map((cell) => cell.getBoundingClientRect());
           return { name: name.width, cut, seen: cells.filter((box) => box.right <= across.right).length,
             small: cells.filter((box) => box.width < 44 || box.height < 44).length };"""
    )
    assert measured["name"] <= 160, "the names leave room for the table"
    assert measured["cut"] == 0
    assert measured["seen"] >= 2
    assert measured["small"] == 0, "a finger needs some room"
    browser.run("document.getElementById('scroll').scrollLeft = 300")
    left = browser.run("return document.querySelector('#matrix tbody th').getBoundingClientRect().left")
    assert left < 30, "the name stays where it is"


def test_a_finger_on_a_cell_opens_its_template(browser):
    browser.show(FULL, size=PHONE)
    (first, second) = browser.all("#matrix tbody tr:first-child td.known")[:2]
    first.click()
    assert browser.find(".detail .first h3 bdi").text == "wifi"
    assert browser.find("#matrix .open").get_attribute("aria-expanded") == "true"
    browser.run("arguments[0].click()", second)
    assert browser.find(".detail .first h3 bdi").text == LONG_NAMES[1]
    browser.run("arguments[0].click()", second)
    assert browser.all(".detail") == []
