# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a fleet report in a real browser: what is shown, filters and sorting, keyboard, phone, print, speed."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from support.fleet_reports import NOW, RUN, entry, full_fleet, large_fleet, record, refused, small_fleet

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.document import make_document

DESKTOP, PHONE = (1280, 900), (360, 740)
SMALL, FULL, LARGE = small_fleet(), full_fleet(), large_fleet(1000, 20)


@pytest.fixture
def page(browser):
    browser.show(SMALL)
    return browser


def sort_by(page, column):
    (button,) = [
        each for each in page.all("#matrix thead button") if each.get_attribute("textContent").startswith(column)
    ]
    button.click()
    return button.find_element("xpath", "..").get_attribute("aria-sort")


# -- what is shown -------------------------------------------------------------------------------------------------


def test_every_host_and_template_is_in_the_table(page):
    assert sorted(page.hosts()) == sorted(host["name"] for host in SMALL["hosts"])
    assert page.texts("#matrix thead th bdi") == ["Host", "State", "Cluster", "Days left", "wifi", "mail", "vpn"]
    assert len(page.all("#matrix td.cell")) == 27


def test_the_worst_hosts_come_first(page):
    assert page.hosts()[:4] == ["ce-5", "ce-10", "ce-4", "ce-7"] or page.hosts()[:3] == ["ce-10", "ce-5", "ce-4"]


def test_every_state_is_told_in_words_beside_sign_and_colour(page):
    signs = page.run(
        """return [...document.querySelectorAll("td.cell")].map((cell) => [
             cell.firstChild.textContent, cell.lastChild.textContent, cell.title.split(": ")[1]])"""
    )
    assert all(sign and words == title for sign, words, title in signs)
    # What else is known follows after a comma.
    signs = [(sign, words.split(",")[0]) for sign, words, _title in signs]
    assert {words for _sign, words in signs} == {
        "as declared",
        "corrected",
        "test failed",
        "test certificate is not what was asked for",
        "test certificate waits for approval",
        "not as declared",
        "not known",
        "not looked at",
    }
    assert len(dict(signs)) == len({words for _sign, words in signs}) == len(set(signs))


def test_a_failed_test_tells_stage_reason_hint_and_whether_it_arrived(page):
    (problem,) = [each for each in page.all(".problem") if "refused the user name" in each.text]
    assert "wifi" in problem.text
    problem.find_element("css selector", "summary").click()
    for words in (
        "the server refused the user name or the password (HTTP 401)",
        "Stage\nenroll",
        "Request reached the server\nyes",
        "HTTP status\n401",
        "The server says\nThis operation wants a user name and a password",
        "What to do\nCheck username and password of the template.",
        "ce-10",
    ):
        assert words in problem.text


def test_corrected_drift_is_apart_from_what_needs_attention(page):
    assert "port is 443, not 8443" in page.find("#corrected").text
    assert "templates.json has mode 0644, not 0600" in page.find("#corrected").text
    assert "8443" not in page.find("#attention").text
    assert (
        "the CA left out subject_alternative_name UPN\nsuch as subject_alternative_name UPN:jdoe"
        in page.find("#attention").text
    )
    assert "ce-6 writes for the cluster cluster_a" in page.find("#attention").text


def test_certificates_are_plotted_by_days_left(page):
    assert page.texts("#plot svg text")[:8] == [
        "expired",
        "1",
        "under 7 days",
        "0",
        "7 to 13 days",
        "2",
        "14 to 29 days",
        "0",
    ]
    assert "expired 1" in page.find("#plot svg").get_attribute("aria-label")
    assert "wifi on ce-2, expired." in page.find("figcaption").text


def test_a_fleet_in_order_says_so(browser):
    browser.show(make_document([record("h", entry("t"))], [RUN], now=NOW))
    assert "Nothing." in browser.find("#attention").text
    assert not browser.find("#corrected-section").is_displayed()
    assert "No test certificate is known" in browser.find("#certificates").text


def test_an_empty_report_is_no_error(browser):
    browser.show(make_document([], [], now=NOW))
    assert browser.find("#count").text != ""


# -- filters, sorting, details -------------------------------------------------------------------------------------


def test_filter_by_host(page):
    page.find("#filter-host").send_keys("CE-1")
    page.wait_for(lambda: page.find("#count").text == "2 of 9 hosts")
    assert sorted(page.hosts()) == ["ce-1", "ce-10"]
    page.find("#filters button[type=reset]").click()
    page.wait_for(lambda: page.find("#count").text == "9 hosts")


def test_filter_by_template_and_state(page):
    Select(page.find("#filter-template")).select_by_visible_text("mail")
    assert page.texts("#matrix thead th:not([hidden]) bdi")[-1] == "mail"
    assert len(page.all("#matrix tbody tr:first-child td.cell")) == 1
    Select(page.find("#filter-state")).select_by_value("cell:lost")
    assert sorted(page.hosts()) == ["ce-1", "ce-10"]
    assert page.find("#count").text == "2 of 9 hosts"
    Select(page.find("#filter-template")).select_by_visible_text("vpn")
    assert page.hosts() == []
    assert "Change or clear the filter" in page.find("#count").text


def test_a_number_at_the_top_filters(page):
    tile = page.find("[data-filter='run:unreachable']")
    tile.click()
    assert page.hosts() == ["ce-4"]
    assert tile.get_attribute("aria-pressed") == "true"
    tile.click()
    assert len(page.hosts()) == 9
    assert tile.get_attribute("aria-pressed") == "false"


def test_sort(page):
    assert sort_by(page, "Host") == "ascending"
    assert page.hosts() == ["ce-1", "ce-2", "ce-4", "ce-5", "ce-6", "ce-7", "ce-8", "ce-9", "ce-10"]
    assert sort_by(page, "Host") == "descending"
    assert page.hosts()[0] == "ce-10"
    assert sort_by(page, "Days left") == "ascending"
    assert page.hosts()[:3] == ["ce-2", "ce-1", "ce-10"]
    assert sort_by(page, "wifi") == "descending"
    assert page.hosts()[0] == "ce-10"
    assert len(page.all("#matrix [aria-sort]")) == 1
    assert page.find("#count").text == "9 hosts, sorted by wifi, descending"


def test_details_of_a_host(page):
    (button,) = [each for each in page.all(".open") if each.text == "ce-2"]
    button.click()
    assert button.get_attribute("aria-expanded") == "true"
    detail = page.find(".detail").text
    for words in (
        "templates.json has mode 0644, not 0600",
        "port is 443, not 8443",
        "enforce: what differed was put right",
    ):
        assert words in detail
    button.click()
    assert page.all(".detail") == []


def test_the_keyboard_reaches_and_does_everything(page):
    ActionChains(page.driver).send_keys(Keys.TAB).perform()
    assert page.run("return document.activeElement.className") == "skip"
    seen = []
    for _press in range(60):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        name, outline = page.run(
            "const e = document.activeElement;"
            "return [e.id || e.className || e.tagName, getComputedStyle(e).outlineStyle]"
        )
        seen.append(name)
        assert outline != "none", f"no focus is seen on {name}"
        if name == "open":
            break
    for name in (
        "theme",
        "tile",
        "SUMMARY",
        "filter-host",
        "filter-template",
        "filter-state",
        "quiet",
        "scroll",
        "sort",
    ):
        assert name in seen, f"{name} cannot be reached"
    first = page.run("return document.activeElement.textContent")
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    assert page.find(".open[aria-expanded=true]").text == first
    assert len(page.all(".detail")) == 1


def test_the_theme_can_be_changed(page):
    before = page.run("return getComputedStyle(document.body).backgroundColor")
    page.find("#theme").click()
    assert page.run("return getComputedStyle(document.body).backgroundColor") != before
    assert page.find("#theme").text == "Light theme"
    page.find("#theme").click()
    assert page.run("return getComputedStyle(document.body).backgroundColor") == before


# -- hostile input -------------------------------------------------------------------------------------------------


def test_what_a_host_or_server_says_is_only_text(browser):
    words = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    names = (words, "\u202egnp.exe", "<!--", "\u2028", "\u05d0\u05d1\u05d2", "a & b", "__proto__")
    told = dict.fromkeys(("server", "account", "label", "stage", "reason", "hint"), words)
    hosts = [record(name, entry(name), tests=({**refused(name, words), **told},), message=words) for name in names]
    for each in hosts[-2:]:
        each["kept"] = True
        each["templates"][0]["test"].update(lost=[words], accepted_lost=[words[:-1]], differs=[words], made_up=[words])
    document = make_document(hosts, [{**RUN, "play": words, "limit": words}], now=NOW, notes=[words])
    hostile = {"name": words, "template": words, "state": "failed", "status": "failed", "this_run": False, "at": words}
    document["hosts"][0]["certificates"] = [{**hostile, "reason": words, "hint": words, "not_after": words}]
    browser.show(document)
    shown = browser.hosts()
    assert words in shown
    assert "<U+202E>gnp.exe" in shown
    assert "<U+2028>" in shown
    for button in browser.all(".open"):
        button.click()
    browser.run("document.querySelectorAll('details').forEach((d) => d.open = true)")
    assert browser.find("#attention").text.count("<script>document.title") > 5
    assert browser.run("return document.title") == "EST fleet report"
    assert browser.run("return document.images.length + document.scripts.length") == 2


# -- phone, print, speed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [SMALL, FULL, LARGE], ids=["small", "full", "large"])
@pytest.mark.parametrize(
    "size", [PHONE, (390, 844), (768, 1024), DESKTOP], ids=["narrow", "phone", "tablet", "desktop"]
)
def test_the_page_is_never_wider_than_the_screen(browser, document, size):
    browser.show(document, size=size)
    browser.run(
        "document.querySelector('.open').click(); document.querySelectorAll('details').forEach((d) => d.open = true)"
    )
    assert browser.run("return document.documentElement.scrollWidth") <= size[0]
    small = browser.run(
        """return [...document.querySelectorAll("button, input, select, summary")].filter((e) => e.offsetParent)
             .filter((e) => e.getBoundingClientRect().height < 24).map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert small == [], "too small for a finger"


def test_on_paper_there_is_everything_and_no_control(browser):
    browser.show(LARGE)
    assert len(browser.hosts()) == 300
    browser.run("dispatchEvent(new Event('beforeprint'))")
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert len(browser.hosts()) == 1000
    assert [each for each in browser.all("#filters, #theme, #more button") if each.is_displayed()] == []
    assert browser.run("return getComputedStyle(document.getElementById('scroll')).maxHeight") == "none"
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert len(browser.hosts()) == 300


def test_a_thousand_hosts_with_twenty_templates_load_and_filter_in_time(browser):
    browser.show(LARGE)
    assert len(browser.hosts()) == 300
    assert browser.find("#more button").text == "Show 300 more of 700"
    browser.find("#more button").click()
    assert len(browser.hosts()) == 600
    browser.find("#filter-host").send_keys("ce-ber-0996")
    # The browser waits for a page, and this for the filter, as long as only what hangs takes.
    browser.wait_for(lambda: browser.find("#count").text == "1 of 1000 hosts")


# -- accessibility -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("document", [SMALL, FULL], ids=["small", "full"])
def test_axe_finds_nothing(browser, axe, document, size, dark):
    browser.show(document, size=size, dark=dark)
    browser.run("[...document.querySelectorAll('.open')].slice(-12).forEach((b) => b.click())")
    browser.run("document.querySelectorAll('details').forEach((d) => d.open = true)")
    # Past the policy of the page, which lets no other script in.
    browser.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    found = browser.driver.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then(arguments[arguments.length - 1])"
    )
    told = [
        f"{each['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
    assert told == []
    assert len(found["passes"]) > 20, "axe looked at the page"
