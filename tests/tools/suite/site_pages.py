# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site: the pages of the repository and the reference of what is public, in ``.cache/site``, for any browser.

The pages are those that one reads in the repository; docs/README.md lists them, and is the site's table of contents.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import shutil

from checkout import clean_copy, working_files
from context import Context
from public import make_public
from venvs import CACHE, ROOT, TOOLS, locked

SITE = CACHE / "site"
CONTENTS = "docs/README.md"
#: What is the first page of the site.
_FIRST = {"README.md": "index.md"}

_PAGES = re.compile(
    r"(docs/[\w-]+|roles/\w+/README|extensions/patterns/\w+/README|README|SECURITY|CONTRIBUTING|CHANGELOG)\.md$"
)
#: What the site is made from beside pages.
_MADE_FROM = ("plugins/", "roles/", "galaxy.yml", "meta/", "tests/tools/", "tests/requirements/docs.txt")
_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))|(?<=^)(\[[^\]]+\]: )(\S+)$", re.MULTILINE)
_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)


def build_site(context: Context) -> bool:
    """Build the site, unless it is there already as the files are now; whatever Sphinx warns of is a failure."""
    digest = _digest()
    with locked(CACHE / "locks" / "site.lock"):
        mark = SITE / ".built-from"
        if mark.exists() and mark.read_text(encoding="ascii") == digest:
            context.passed("site: built already")
            return True
        venv = context.venv("docs")
        copy = clean_copy(f"{context.report.name}-site")
        pages = [name for name in working_files() if _PAGES.match(name)]
        make_public(copy)
        source = copy.parents[2] / "source"
        reference = source / "reference"
        reference.mkdir(parents=True)
        home = TOOLS / "home" / context.report.name
        home.mkdir(parents=True, exist_ok=True)
        command = [
            venv / "bin" / "antsibull-docs",
            "collection",
            "--use-current",
            "--fail-on-error",
            "--squash-hierarchy",
        ]
        options = {"venv": venv, "home": home, "env": {"ANSIBLE_COLLECTIONS_PATH": str(copy.parents[2])}}
        command += ["--dest-dir", reference, "estfleet.cloud_extender"]
        if not context.check("module reference of what is public", command, cwd=copy, **options):
            return False
        for name in set(pages) - set(_FIRST):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(page(name, pages), encoding="utf-8")
        for name in _beside():
            shutil.copyfile(ROOT / name, source / name)
        (source / "index.md").write_text(_index(pages), encoding="utf-8")
        shutil.copyfile(ROOT / "tests" / "tools" / "site" / "conf.py", source / "conf.py")
        built = copy.parents[2] / "html"
        sphinx = [venv / "bin" / "sphinx-build", "--fail-on-warning", "--keep-going", "--quiet", source, built]
        if not context.check(f"site of {len(pages)} pages and the reference", sphinx, **options):
            return False
        shutil.rmtree(SITE, ignore_errors=True)
        shutil.move(built, SITE)
        mark.write_text(digest, encoding="ascii")
        return True


def page(name: str, pages: list[str]) -> str:
    """Return a page as the site has it: a link to a file that is not a page of the site leads to the repository."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("```mermaid\n", "```text\n")
    repository, beside = repository_url(), _beside()

    def target(link: str) -> str:
        path, mark, anchor = link.partition("#")
        if path.startswith(f"{repository}/"):
            found = path.removeprefix(f"{repository}/")
        elif path and ":" not in path:
            found = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
        else:
            return link
        if found in pages or found in beside:
            return posixpath.relpath(_FIRST.get(found, found), posixpath.dirname(name) or ".") + mark + anchor
        return f"{repository}/{found}{mark}{anchor}"

    def outside_of_fences(part: str) -> str:
        return _LINK.sub(lambda m: target(m[1]) if m[1] else m[2] + target(m[3]), part)

    done, at = [], 0
    for fence in _FENCE.finditer(text):
        done += [outside_of_fences(text[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*done, outside_of_fences(text[at:])])


def _beside() -> list[str]:
    """Return the pictures and schemas of the pages."""
    return [name for name in working_files() if name.startswith("docs/") and name.endswith((".json", ".svg"))]


def repository_url() -> str:
    """Return where the files of the repository are shown, without a slash at its end."""
    found = re.search(r"(?m)^repository: (\S+)$", (ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert found is not None
    return f"{found[1]}/blob/main"


def _index(pages: list[str]) -> str:
    """Return the first page: the README, and a table of contents for each section of docs/README.md."""
    contents = (ROOT / CONTENTS).read_text(encoding="utf-8")
    listed = []
    lines = [page("README.md", pages).rstrip(), ""]
    for section in re.split(r"(?m)^## ", contents)[1:]:
        lines += ["```{toctree}", ":hidden:", f":caption: {section.partition(chr(10))[0]}", ""]
        if not listed:
            lines.append(CONTENTS.removesuffix(".md"))
        for title, link in re.findall(r"(?m)^- \[([^\]]+)\]\((\S+?)\)", section):
            name = link.removeprefix(f"{repository_url()}/")
            name = name if name != link else posixpath.normpath(posixpath.join("docs", link))
            listed.append(name)
            lines.append(f"{title} </{name.removesuffix('.md')}>")
        lines += ["```", ""]
    lines += ["```{toctree}", ":hidden:", ":caption: Modules and roles", "", "reference/index", "```", ""]
    left_out = set(pages) - set(listed) - {*_FIRST, CONTENTS}
    if left_out:
        raise ValueError(f"{CONTENTS} does not list {', '.join(sorted(left_out))}")
    return "\n".join(lines)


def _digest() -> str:
    """Return a digest of all that the site is made from."""
    found = hashlib.sha256()
    for name in sorted(working_files()):
        if name.endswith((".md", ".json", ".svg")) or name.startswith(_MADE_FROM):
            found.update(f"{name}\0".encode() + (ROOT / name).read_bytes() + b"\0")
    return found.hexdigest()
