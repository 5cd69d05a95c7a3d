# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the test suite: what each of them runs."""

from __future__ import annotations

import functools
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pythons
from ansible_test import CORES, AnsibleTest, Core, newest_core
from checkout import clean_copy, git, linked_collections, working_files
from context import REQUIREMENTS, Context, PartError, tail
from venvs import CACHE, ROOT, TOOLS

from playbooks import run_playbooks

DEFAULT_CORE = "2.19"

# The packages of module_utils that are of use without Ansible.
WITHOUT_ANSIBLE = ("est", "_names", "_template", "_store", "_bundle", "_report")

# The accessibility checker of the part "browser", from the npm registry.
AXE_CORE = "axe-core@4.14.1"

# What users get: a file at another place was added without a thought for the artifact (build_ignore in galaxy.yml).
ARTIFACT = re.compile(
    r"(changelogs|docs|extensions|LICENSES|meta|playbooks|plugins|roles)/"
    r"|(CHANGELOG\.md|COPYING|FILES\.json|MANIFEST\.json|README\.md|tests/config\.yml)$"
)


@dataclass(frozen=True)
class Part:
    """One part: its name on the command line, one line about it, and the function that runs it."""

    name: str
    about: str
    run: Callable[[Context], None]


def lint(context: Context) -> None:
    """Check form and types with the linters."""
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


def unit(context: Context) -> None:
    """Run the unit tests with the newest libraries on the newest Python that is there."""
    linked_collections()
    # Most other parts run on 3.11, and "unit-oldest" on 3.9: what lies between the ends need not run these as well.
    python = pythons.best(("3.13", "3.12", "3.11"))
    assert python is not None
    context.pytest("unit", context.venv("unit", python, name="unit-newest"), ["tests/unit"])


def unit_oldest(context: Context) -> None:
    """Run the unit tests with the oldest libraries, on the oldest Python that is there and can have them."""
    linked_collections()
    python = pythons.best(("3.9", "3.11"))
    if python is None:
        context.skipped("oldest libraries", "neither Python 3.9 nor 3.11 is on this machine")
        return
    # The lab server works for the tests of the client here as well; what it is to do is tested once, in "unit".
    tests = ["tests/unit", "--ignore=tests/unit/lab"]
    context.pytest("oldest libraries", context.venv("unit-oldest", python), tests)


def interop(context: Context) -> None:
    """Run the client against a real EST server, and openssl on what it sends; pytest skips what this machine cannot."""
    linked_collections()
    python = pythons.best(("3.11", "3.12", "3.13"))
    assert python is not None
    context.pytest("interop", context.venv("unit", python), ["tests/interop"])


def browser(context: Context) -> None:
    """Run the page of the fleet report in a real browser, with axe-core; pytest skips what this machine cannot."""
    linked_collections()
    python = pythons.best(("3.11", "3.12", "3.13"))
    assert python is not None
    found = {}
    if shutil.which("npm"):
        folder = CACHE / "npm" / AXE_CORE.replace("@", "-")
        install = ["npm", "install", "--prefix", folder, "--ignore-scripts", "--no-save", "--no-audit", "--no-fund"]
        script = folder / "node_modules" / "axe-core" / "axe.min.js"
        if script.exists() or context.run([*install, AXE_CORE])[0] == 0:
            found["AXE_CORE"] = str(script)
    context.pytest("browser", context.venv("browser", python), ["tests/browser"], env=found)


def fleet(context: Context) -> None:
    """Run the playbooks on hosts that are sshd processes; pytest skips it where there is no sshd."""
    linked_collections()
    python = pythons.best(("3.11", "3.12", "3.13"))
    assert python is not None
    context.pytest("fleet", context.venv("unit", python), ["tests/fleet"])


def tower(context: Context) -> None:
    """Run the content for AWX under ansible-runner, ansible-builder and ansible-rulebook, without a container."""
    linked_collections()
    # The newest Python that the engine of rulebooks has packages for is not the newest that is here.
    python = pythons.best(("3.11", "3.12"))
    if python is None:
        context.skipped("content for AWX", "neither Python 3.11 nor 3.12 is on this machine")
        return
    context.pytest("tower", context.venv("tower", python), ["tests/tower"])


def windows(context: Context) -> None:
    """Run the modules on the double of a Windows host, with the oldest and the newest ansible-core."""
    linked_collections()
    python = pythons.best(("3.11", "3.12", "3.13"))
    assert python is not None
    venv = context.venv("unit", python)
    # What is sent to a Windows host has two forms: one up to ansible-core 2.18, and one since.
    cores = _oldest_and_newest(context)
    env = {"WINDOWS_COLLECTIONS": str(_ansible_windows(context, venv)), "WINDOWS_CORES": cores}
    context.pytest("windows", venv, ["tests/windows"], env=env)


def examples(context: Context) -> None:
    """Run every example of the documentation, for real and with --check, with the oldest and the newest core."""
    linked_collections()
    python = pythons.best(("3.11", "3.12", "3.13"))
    assert python is not None
    env = {"EXAMPLES_CORES": _oldest_and_newest(context)}
    context.pytest("examples", context.venv("unit", python), ["tests/examples"], env=env)


def promises(context: Context) -> None:
    """Hold what a green line promises, through the playbooks, with the oldest and the newest core."""
    linked_collections()
    python = pythons.best(("3.11", "3.12", "3.13"))
    assert python is not None
    env = {"PROMISES_CORES": _oldest_and_newest(context)}
    context.pytest("promises", context.venv("unit", python), ["tests/promises"], env=env)


def _oldest_and_newest(context: Context) -> str:
    """Return ansible-playbook of the oldest and the newest core by release, as JSON; tell which one is not here."""
    found = {}
    for core in (CORES[0], newest_core()):
        if core.python is None:
            context.skipped(f"ansible-core {core.minor}", f"no Python of {', '.join(core.pythons)} is here")
        else:
            found[core.minor] = str(context.venv(f"core-{core.minor}", core.python) / "bin" / "ansible-playbook")
    return json.dumps(found)


def _ansible_windows(context: Context, venv: Path) -> Path:
    """Return a folder of collections with ansible.windows alone, out of the package "ansible", which has a hundred."""
    pin = next(line for line in (REQUIREMENTS / "windows.txt").read_text().split("\n") if line.startswith("ansible=="))
    folder = CACHE / pin.replace("==", "-windows-")
    if (folder / "complete").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    wheels = folder / "wheels"
    download = [venv / "bin" / "python", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    status, output = context.run([*download, "--dest", wheels, pin], venv=venv)
    if status != 0:
        raise PartError(f"cannot download {pin}\n{tail(output)}")
    with zipfile.ZipFile(next(wheels.glob("ansible-*.whl"))) as wheel:
        names = [name for name in wheel.namelist() if name.startswith("ansible_collections/ansible/windows/")]
        wheel.extractall(folder, names)
    shutil.rmtree(wheels)
    (folder / "complete").touch()
    return folder


def faults(context: Context) -> None:
    """Kill runs, fail disks, and let two runs meet: no template is lost."""
    linked_collections()
    python = pythons.best(("3.11", "3.12", "3.13"))
    assert python is not None
    context.pytest("faults", context.venv("unit", python), ["tests/faults"])


def canary(context: Context) -> None:
    """Run every module with secrets that can be recognised, and search all that comes out, over ssh if possible."""
    linked_collections()
    python = pythons.best(("3.11", "3.12", "3.13"))
    assert python is not None
    context.pytest("canary", context.venv("unit", python), ["tests/canary"])


def sanity(context: Context, core: Core, *, every_python: bool = False) -> None:
    """Run ansible-test sanity of one core. To compile and import on every Python is enough with one of the cores."""
    if core.python is None:
        context.skipped(f"sanity of ansible-core {core.minor}", f"no Python of {', '.join(core.pythons)} is here")
        return
    AnsibleTest(context, core).sanity(every_python=every_python)


def integration(context: Context, core: Core) -> None:
    """Run the integration targets with one core."""
    if core.python is None:
        context.skipped(f"ansible-core {core.minor}", f"no Python of {', '.join(core.pythons)} is here")
        return
    AnsibleTest(context, core).integration()


def playbooks(context: Context) -> None:
    """Run every playbook, for real and with --check, with the oldest and the newest core, and accept no warning."""
    for core in (CORES[0], newest_core()):
        if core.python is None:
            context.skipped(f"ansible-core {core.minor}", f"no Python of {', '.join(core.pythons)} is here")
        else:
            run_playbooks(context, core)


def ansible_lint(context: Context) -> None:
    """Run ansible-lint with the profile production."""
    copy = clean_copy(context.report.name)
    venv = context.venv("ansible-lint")
    context.check(
        "ansible-lint, profile production",
        [venv / "bin" / "ansible-lint", "--offline", "--strict", "--profile", "production", "--nocolor"],
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
    """Check the documentation, the changelog and the licence headers."""
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
        modules = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py"))
        missing = [name for name in modules if f"{name}_module.rst" not in pages]
        if missing:
            context.failed("a page for every module", f"no page for {', '.join(missing)}")
        else:
            context.passed("a page for every module")
    lint_venv = context.venv("lint")
    reuse = [lint_venv / "bin" / "reuse", "--no-multiprocessing", "lint"]
    # The other module for this, python-magic, needs a system library.
    detector = {"REUSE_ENCODING_MODULE": "charset_normalizer"}
    context.check("reuse lint", reuse, cwd=copy, venv=lint_venv, env=detector)


def _empty_home(context: Context) -> Path:
    """Return a home folder for tools that write into it and that must not read the user's settings."""
    home = TOOLS / "home" / context.report.name
    home.mkdir(parents=True, exist_ok=True)
    return home


def _core_part(core: Core) -> Part:
    run = functools.partial(integration, core=core)
    return Part(f"core-{core.minor}", f"ansible-test integration with ansible-core {core.minor}", run)


_DEFAULT = next(core for core in CORES if core.minor == DEFAULT_CORE)

# In the order in which they start: what takes long or tells most goes first.
PARTS = (
    Part("lint", "ruff, mypy --strict, shellcheck, yamllint", lint),
    Part("unit", "unit tests, newest libraries on the newest Python found", unit),
    Part(
        "integration",
        f"ansible-test integration with ansible-core {DEFAULT_CORE}",
        functools.partial(integration, core=_DEFAULT),
    ),
    Part(
        "sanity",
        f"ansible-test sanity of ansible-core {DEFAULT_CORE}, on every Python",
        functools.partial(sanity, core=_DEFAULT, every_python=True),
    ),
    *(_core_part(core) for core in CORES if core is not _DEFAULT),
    Part("interop", "the real GlobalSign EST server, and openssl, against the client", interop),
    Part("browser", "the page of the fleet report in Chromium, with axe-core", browser),
    Part("fleet", "the playbooks on five real sshd hosts, also down, hanging or wrong", fleet),
    Part("tower", "the content for AWX under ansible-runner, ansible-builder and ansible-rulebook", tower),
    Part("windows", "the modules on the double of a Windows host, and on a POSIX host beside it", windows),
    Part("faults", "killed runs, failing disks, two runs at once: nothing is lost", faults),
    Part("canary", "every module with recognisable secrets, which come out nowhere", canary),
    Part("unit-oldest", "unit tests with cryptography 3.4.8 and requests 2.25.0", unit_oldest),
    Part("sanity-2.16", "ansible-test sanity of the oldest ansible-core", functools.partial(sanity, core=CORES[0])),
    Part("sanity-2.21", "ansible-test sanity of the newest ansible-core", functools.partial(sanity, core=CORES[-1])),
    Part("galaxy", "artifact from a clean clone, Galaxy importer, execution environment", galaxy),
    Part("ansible-lint", "ansible-lint, profile production", ansible_lint),
    Part("docs", "antsibull-docs, changelog, REUSE", docs),
    Part("playbooks", "every playbook, also with --check, no warnings", playbooks),
    Part("promises", "what a green line promises: looked at, declared, proved, told", promises),
    Part("examples", "every example of the documentation, also with --check, no warnings", examples),
)

# Names that stand for several parts.
GROUPS = {"cores": tuple(part.name for part in PARTS if part.name.startswith("core-"))}
