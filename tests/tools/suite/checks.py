# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts that check form: the linters, the artifact, and the documentation."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from checkout import clean_copy, git, linked_collections, working_files
from context import Context, tail
from venvs import CACHE, ROOT, TOOLS

# The packages of module_utils that are of use without Ansible.
WITHOUT_ANSIBLE = ("est", "_names", "_template", "_store", "_bundle", "_report")

# What users get: a file at another place was added without a thought for the artifact (build_ignore in galaxy.yml).
ARTIFACT = re.compile(
    r"(changelogs|docs|extensions|LICENSES|meta|playbooks|plugins|roles)/"
    r"|(CHANGELOG\.md|CODE_OF_CONDUCT\.md|COPYING|FILES\.json|MANIFEST\.json|README\.md|SECURITY\.md|tests/config\.yml)$"
)


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
    """Run ansible-lint with the profile production, and on the patterns the last one that knows what a pattern is."""
    copy = clean_copy(context.report.name)
    patterns = [str(path.relative_to(copy)) for path in copy.glob("extensions/patterns/**/*") if path.is_file()]
    for what, venv, files in (
        ("ansible-lint, profile production", context.venv("ansible-lint"), []),
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
    status, output = context.run(["tar", "-tzf", artifact])
    files = [name for name in output.split("\n") if name and not name.endswith("/")]
    strays = [name for name in files if not ARTIFACT.match(name)]
    if status != 0 or strays or "tests/config.yml" not in files:
        context.failed(
            "content of the artifact", "\n".join(["not for users, or tests/config.yml is missing:", *strays])
        )
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
    antsibull = [tool / "antsibull-docs"]
    lint_docs = [*antsibull, "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", "."]
    context.check("antsibull-docs lint", lint_docs, cwd=copy, venv=venv, env=collections, home=home)
    context.check("antsibull-changelog lint", [tool / "antsibull-changelog", "lint"], cwd=copy, venv=venv, home=home)
    reference = CACHE / "reference"
    shutil.rmtree(reference, ignore_errors=True)
    reference.mkdir(parents=True)
    build = [*antsibull, "collection", "--use-current", "--fail-on-error", "--dest-dir", reference]
    if context.check(
        "build of the module reference",
        [*build, "estfleet.cloud_extender"],
        cwd=copy,
        venv=venv,
        env=collections,
        home=home,
    ):
        pages = {path.name for path in reference.rglob("*_module.rst")}
        # The documentation of a module in PowerShell is a file beside it.
        modules = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*") if path.suffix != ".ps1")
        missing = [name for name in modules if f"{name}_module.rst" not in pages]
        if missing:
            context.failed("a page for every module", f"no page for {', '.join(missing)}")
        else:
            context.passed("a page for every module")


def _empty_home(context: Context) -> Path:
    """Return a home folder for tools that write into it and that must not read the user's settings."""
    home = TOOLS / "home" / context.report.name
    home.mkdir(parents=True, exist_ok=True)
    return home
