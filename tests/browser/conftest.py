# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Chromium, headless, with the page of a made-up fleet in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._report.writing import render_page

# Whatever reaches for the network at the start of Chromium is turned off: tests use none.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--lang=en-GB",
)
DESKTOP, PHONE = (1280, 900), (360, 740)
LIMIT_SECONDS = 60


class Browser:
    """The browser, with what the tests ask of it."""

    def __init__(self, driver: webdriver.Chrome, folder: Path) -> None:
        self.driver = driver
        self._folder = folder

    def show(
        self, document: dict, *, size: tuple[int, int] = DESKTOP, dark: bool = False, media: str = "screen"
    ) -> None:
        """Open the page of a report from a file."""
        path = self._folder / "report.html"
        path.write_text(render_page(document, json_name="report.json"), encoding="utf-8")
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 600}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]})
        self.driver.get(path.as_uri())

    def run(self, script: str, *arguments: object) -> object:
        """Run JavaScript in the page and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        """Return one element."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """Return all elements."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all elements, whether they can be seen or not."""
        found = self.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector)
        assert isinstance(found, list)
        return found

    def hosts(self) -> list[str]:
        """Return the hosts in the table, in the order shown."""
        return self.texts("#matrix tbody th bdi")

    def wait_for(self, condition: object) -> None:
        """Wait until a function of no arguments is true."""
        WebDriverWait(self.driver, LIMIT_SECONDS, 0.05).until(lambda _driver: condition())

    def complaints(self) -> list[str]:
        """Return what the console has got since this was asked last."""
        return [str(line["message"]) for line in self.driver.get_log("browser")]


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    service = shutil.which("chromedriver")
    if program is None or service is None:
        pytest.skip("there is no Chromium with its chromedriver here")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(service))
    started.set_page_load_timeout(LIMIT_SECONDS)
    started.set_script_timeout(LIMIT_SECONDS)
    try:
        yield started
    finally:
        started.quit()


@pytest.fixture
def browser(driver: webdriver.Chrome, tmp_path: Path) -> Iterator[Browser]:
    found = Browser(driver, tmp_path)
    found.complaints()
    yield found
    assert found.complaints() == [], "nothing may complain in the console"


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    path = os.environ.get("AXE_CORE", "")
    if not path:
        pytest.skip("axe-core is not here: there is no npm to fetch it with (AXE_CORE names its axe.min.js)")
    return Path(path).read_text(encoding="utf-8")
