# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site of the documentation opens from the disk: no dead link, nothing from the network, and it can be searched."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

SITE = Path(os.environ.get("EST_SITE", "/nonexistent"))

pytestmark = pytest.mark.skipif(not SITE.is_dir(), reason="the site is not built: ./test.sh docs")

LOOK = """
return {
  links: [...document.querySelectorAll('a[href]')].map((a) => a.href),
  names: [...document.querySelectorAll('[id]')].map((e) => e.id),
  missing: [...document.images].filter((i) => !i.complete || !i.naturalWidth).map((i) => i.src),
  loaded: performance.getEntriesByType('resource').map((e) => e.name),
  title: document.title,
}
"""


def test_every_link_leads_somewhere_and_nothing_comes_from_the_network(browser) -> None:
    start = (SITE / "index.html").as_uri()
    seen: dict[str, set[str]] = {}
    wanted: dict[str, set[str]] = {}
    wrong = []
    todo = [start]
    while todo:
        url = todo.pop()
        if url in seen:
            continue
        browser.driver.get(url)
        found = browser.run(LOOK)
        seen[url] = set(found["names"])
        wrong += [f"{url} loads {name}" for name in found["loaded"] if not name.startswith("file:")]
        wrong += [f"{url} lacks the picture {name}" for name in found["missing"]]
        for link in found["links"]:
            page, name = urldefrag(link)
            if not page.startswith("file:"):
                continue
            path = Path(unquote(urlsplit(page).path))
            if not path.is_file() or SITE not in path.parents:
                wrong.append(f"{url} links to {page}, which is not there")
            elif path.suffix == ".html":
                todo.append(page)
                wanted.setdefault(page, set()).add(f"{url} {unquote(name)}")
    for page, names in wanted.items():
        for entry in names:
            origin, name = entry.split(" ", 1)
            if name and name not in seen[page]:
                wrong.append(f"{origin} links to {page}#{name}, which is not there")
    assert wrong == []
    assert {url for url in seen if "/docs/" in url and url.endswith("start.html")}, "the guides are in it"
    assert {url for url in seen if url.endswith("est_templates_module.html")}, "so is the reference"


def test_it_can_be_searched_without_a_network(browser) -> None:
    browser.driver.get((SITE / "search.html").as_uri() + "?q=authentication_failed")
    browser.wait_for(lambda: any("Errors" in text for text in browser.texts("#search-results li a")))
