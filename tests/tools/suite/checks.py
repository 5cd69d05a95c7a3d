# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts that check form: the linters, the artifact, and the documentation."""

from __future__ import annotations

import re
from pathlib import Path

from artifact import files_in, strays
from checkout import clean_copy, git, linked_collections, working_files
from context import Context, tail
from public import private_plugins, public_plugins
from site_pages import SITE, build_site
from venvs import CACHE, ROOT, TOOLS

# The packages of module_utils that are of use without Ansible.
WITHOUT_ANSIBLE = ("est", "_names", "_template", "_store", "_bundle", "_report")

# What has a page in the reference beside the modules.
ROLES = ("est_integration", "est_lab_server")


def lint(context: Context) -> None:
    """Check form, types and licence headers with the linters."""
    linked_collections()
    venv = context.venv("lint")
    tool = venv / "bin"
    shell = [name for name in working_files() if name.endswith(".sh") or name == ".ci/run"]
    context.check("ruff check", [tool / "ruff", "check", "--no-cache", "."], venv=venv)
    context.check("ruff format", [tool / "ruff", "format", "--no-cache", "--check", "."], venv=venv)
    mypy = [tool / "mypy", "--cache-dir", CACHE / "mypy"]
    context.check("mypy --strict on module_utils", [*mypy, "plugins/module_utils"], venv=venv)
    context.check("shellcheck", [tool / "shellcheck", "--external-sources", *shell], venv=venv)
    context.check("yamllint", [tool / "yamllint", "--strict", "--format", "parsable", "."], venv=venv)
    # This environment has no Ansible, so the import says whether the EST client can be used without it.
    context.check(
        "the EST client without Ansible",
        [tool / "python", ROOT / "tests" / "tools" / "import_alone.py", *WITHOUT_ANSIBLE],
        venv=venv,
        env={"PYTHONPATH": str(linked_collections())},
    )
    reuse = [tool / "reuse", "--no-multiprocessing", "lint"]
    # The other module for this, python-magic, needs a system library.
    detector = {"REUSE_ENCODING_MODULE": "charset_normalizer"}
    context.check("reuse lint", reuse, cwd=clean_copy(context.report.name), venv=venv, env=detector)


def ansible_lint(context: Context) -> None:
    """Run ansible-lint with the profile production: the newest, that of the certification, and on the patterns the last
    one that knows what a pattern is.
    """
    copy = clean_copy(context.report.name)
    patterns = [str(path.relative_to(copy)) for path in copy.glob("extensions/patterns/**/*") if path.is_file()]
    for what, venv, files in (
        ("ansible-lint, profile production", context.venv("ansible-lint"), []),
        ("ansible-lint of the certification, profile production", context.venv("ansible-lint-certification"), []),
        ("ansible-lint 25.8.2, patterns", context.venv("ansible-lint-patterns"), sorted(patterns)),
    ):
        context.check(
            what,
            [venv / "bin" / "ansible-lint", "--offline", "--strict", "--profile", "production", "--nocolor", *files],
            cwd=copy,
            venv=venv,
            env={"ANSIBLE_COLLECTIONS_PATH": str(copy.parents[2]), "XDG_CACHE_HOME": str(TOOLS / "xdg")},
            home=_empty_home(context),
        )


def galaxy(context: Context) -> None:
    """Build the artifact from a clean clone and have the Galaxy importer look at it."""
    copy = clean_copy(context.report.name)
    base = copy.parents[2]
    clone, built, imported = base / "clone", base / "artifact", base / "importer"
    git(base, "clone", "--quiet", str(copy), str(clone))
    imported.mkdir()
    venv = context.venv("importer")
    home = _empty_home(context)
    options = {"venv": venv, "home": home}
    build = [venv / "bin" / "ansible-galaxy", "collection", "build", "--output-path", built]
    if not context.check("build of the artifact", build, cwd=clone, **options):
        return
    artifact = next(built.glob("*.tar.gz"))
    status, output = context.run(
        [venv / "bin" / "python", "-m", "galaxy_importer.main", artifact],
        cwd=imported,
        env={
            "GALAXY_IMPORTER_CONFIG": str(ROOT / "tests" / "tools" / "galaxy-importer.cfg"),
            "GALAXY_IMPORTER_ANSIBLE_LOCAL_TMP": str(home / "tmp"),
        },
        **options,
    )
    told = [line for line in output.split("\n") if re.match(r"(WARNING|ERROR|CRITICAL):", line)]
    if status != 0 or told:
        context.failed("Galaxy importer", "\n".join(told) or tail(output))
    else:
        context.passed("Galaxy importer: no error, no warning")
    wrong = strays(files_in(artifact))
    if wrong:
        context.failed("content of the artifact", "\n".join(["not for users, or missing:", *wrong]))
    else:
        context.passed("content of the artifact")
    # The root of the collections must be given: given the collection itself, introspect prints nothing and looks well.
    status, output = context.run([venv / "bin" / "ansible-builder", "introspect", base], **options)
    missing = [name for name in ("requests", "cryptography") if name not in output]
    if status != 0 or missing:
        context.failed("execution environment metadata", f"not introspected: {missing}\n{tail(output)}")
    else:
        context.passed("execution environment metadata")


def docs(context: Context) -> None:
    """Check the documentation and the changelog."""
    copy = clean_copy(context.report.name)
    venv = context.venv("docs")
    tool = venv / "bin"
    collections = {"ANSIBLE_COLLECTIONS_PATH": str(copy.parents[2])}
    home = _empty_home(context)
    lint_docs = [tool / "antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", "."]
    context.check("antsibull-docs lint", lint_docs, cwd=copy, venv=venv, env=collections, home=home)
    context.check("antsibull-changelog lint", [tool / "antsibull-changelog", "lint"], cwd=copy, venv=venv, home=home)
    if build_site(context):
        pages = {path.name for path in (SITE / "reference").iterdir()}
        wrong = [name for name in public_plugins(ROOT) if not {f"{name}_module.html", f"{name}_lookup.html"} & pages]
        wrong += [name for name in private_plugins(ROOT) if any(page.startswith(f"{name}_") for page in pages)]
        wrong += [name for name in ROLES if f"{name}_role.html" not in pages]
        if wrong:
            context.failed("a page for what is public", f"missing, or told and private: {', '.join(sorted(wrong))}")
        else:
            context.passed("a page for what is public, and none for what is private")


def _empty_home(context: Context) -> Path:
    """Return a home folder for tools that write into it and that must not read the user's settings."""
    home = TOOLS / "home" / context.report.name
    home.mkdir(parents=True, exist_ok=True)
    return home
