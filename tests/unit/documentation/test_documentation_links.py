# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages lead to is there: files and headings, and the modules, roles and playbooks that the README names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "roles/*/README.md", "extensions/**/README.md", "tests/*/README.md")
    for path in ROOT.glob(pattern)
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
REPOSITORY = "https://github.com/estfleet-collections/estfleet.cloud_extender"
_FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_LINKS = re.compile(r"(?<=\]\()[^)\s]+(?=\))|(?<=\]: )\S+$", re.MULTILINE)


def links(text: str) -> list[str]:
    return _LINKS.findall(_FENCED.sub("", text))


def headings(path: Path) -> set[str]:
    """The anchors of a page, as the forge and the site make them."""
    found = re.findall(r"^#+ (.+)$", _FENCED.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    wrong = []
    for link in links(page.read_text(encoding="utf-8")):
        path, _mark, anchor = link.removeprefix(f"{REPOSITORY}/blob/main/").partition("#")
        if ":" in path:
            continue
        base = ROOT if link.startswith(REPOSITORY) else page.parent
        target = (base / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in headings(target)):
            wrong.append(link)
    assert wrong == []


def test_a_page_of_the_artifact_leads_to_what_is_in_it_or_to_the_repository() -> None:
    relative = [link for link in links(README) if not link.startswith("https://") and not link.startswith("#")]
    assert relative == [], "on Galaxy a relative link leads nowhere"
    for page in PAGES:
        if page.relative_to(ROOT).parts[0] in ("docs", "roles", "extensions"):
            targets = [(page.parent / link).resolve() for link in links(page.read_text("utf-8")) if ":" not in link]
            names = [str(path.relative_to(ROOT)) for path in targets]
            strays = [name for name in names if re.match(r"(tests|demo|\.ci)/|CONTRIBUTING", name)]
            assert strays == [], f"{page} is in the artifact, and that is not"


def test_the_readme_names_what_is_public_and_nothing_else() -> None:
    plugins = [path for kind in ("modules", "lookup") for path in (ROOT / "plugins" / kind).iterdir()]
    told = [path for path in plugins if path.suffix in (".py", ".yml") and path.stem != "__init__"]
    private = {path.stem for path in told if re.search("This (module|lookup) is private", path.read_text("utf-8"))}
    named = set(re.findall(r"(?m)^\| (?:role|module|lookup)s? .*?\|", README))
    names = {name for cell in named for name in re.findall(r"`(est_\w+)`", cell)}
    assert names == {path.stem for path in told} - private | {path.name for path in (ROOT / "roles").iterdir()}


def test_every_playbook_that_the_readme_names_is_there_and_the_others_are_named() -> None:
    named = set(re.findall(r"ansible-playbook -i inventory estfleet\.cloud_extender\.(\w+)", README))
    assert named == {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    assert all((ROOT / name).is_file() for name in re.findall(r"(?m)^    \./(\S+)", README))
