# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the test suite: what each of them runs, how long it takes, and when it runs without being named."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from ansible_test import CORES, AnsibleTest, Core, newest_core
from checks import ansible_lint, docs, galaxy, lint
from context import USUAL_SILENCE, Context
from pytest_parts import FOLDERS

from playbooks import run_playbooks

DEFAULT_CORE = "2.19"


@dataclass(frozen=True)
class Part:
    """One part.

    name: its name on the command line.
    about: one line about it.
    run: the function that runs it.
    seconds: what the whole of it takes on two cores beside another part; the longest start first.
    brief: what it takes in the default selection, where it does less there.
    subject: patterns of the files that it is about; it runs by default when one of them has changed. None: always.
    silence: the usual longest time in seconds in which its commands write nothing.
    """

    name: str
    about: str
    run: Callable[[Context], None]
    seconds: int
    brief: int | None = None
    subject: tuple[str, ...] | None = None
    silence: float = USUAL_SILENCE


def sanity(context: Context, core: Core) -> None:
    """Run ansible-test sanity of one core. To compile and import on every Python is enough with one of the cores.

    pylint, the longest of the tests, is left to the oldest and the newest core where these run as well, and by default.
    """
    if core.python is None:
        context.skipped(f"sanity of ansible-core {core.minor}", f"no Python of {', '.join(core.pythons)} is here")
        return
    ends = {f"sanity-{CORES[0].minor}", f"sanity-{newest_core().minor}"}
    is_default = core.minor == DEFAULT_CORE
    is_left = is_default and (ends <= context.beside or not context.whole)
    elsewhere = {"pylint": f"{' and '.join(sorted(ends))} run it"} if is_left else {}
    AnsibleTest(context, core).sanity(every_python=is_default and context.whole, elsewhere=elsewhere)


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


def _pytest(
    name: str,
    about: str,
    seconds: int,
    subject: tuple[str, ...] | None = None,
    *,
    brief: int | None = None,
    silence: float = USUAL_SILENCE,
) -> Part:
    """Return the part that runs a folder with pytest; a change of its tests is one of its subject."""
    folder = FOLDERS[name]
    own = None if subject is None else (f"{folder.path}/*", f"tests/requirements/{folder.requirements}.txt", *subject)
    return Part(name, about, folder.run, seconds, brief, own, silence)


def _core(core: Core) -> Part:
    run = functools.partial(integration, core=core)
    about = f"ansible-test integration with ansible-core {core.minor}"
    if core.minor == DEFAULT_CORE:
        return Part("integration", about, run, _ONE_TARGET)
    seconds = 590 if core in (CORES[0], CORES[-1]) else _ONE_TARGET
    return Part(f"core-{core.minor}", about, run, seconds, _ONE_TARGET, _ANY_CORE + _of_core(core))


def _sanity(core: Core, age: str) -> Part:
    run = functools.partial(sanity, core=core)
    about = f"ansible-test sanity of the {age} ansible-core"
    return Part(f"sanity-{core.minor}", about, run, 170, subject=_FORM + _of_core(core), silence=_PYLINT)


def _of_core(core: Core) -> tuple[str, ...]:
    return (f"tests/requirements/core-{core.minor}.txt", "tests/tools/suite/ansible_test.py")


# The seconds that a core takes for the one target that all of them run.
_ONE_TARGET = 55
# The seconds in which pylint, and with it ansible-test, writes nothing.
_PYLINT = 120.0
# What differs between releases of ansible-core: what they load and how they call it.
_ANY_CORE = ("plugins/action/*", "plugins/modules/*", "plugins/lookup/*", "meta/runtime.yml")
# What the sanity tests look at most closely.
_FORM = ("plugins/modules/*", "plugins/lookup/*", "plugins/doc_fragments/*", "meta/*", "tests/config.yml")
# What users start: the playbooks, and the role that they are made of.
_PLAYBOOKS = ("playbooks/*", "roles/est_integration/*")

PARTS = (
    Part("lint", "ruff, mypy --strict, shellcheck, yamllint, REUSE", lint, 15),
    _pytest("unit", "unit tests, newest libraries on the newest Python found", 250),
    *(_core(core) for core in CORES),
    Part(
        "sanity",
        f"ansible-test sanity of ansible-core {DEFAULT_CORE}, on every Python",
        functools.partial(sanity, core=next(core for core in CORES if core.minor == DEFAULT_CORE)),
        150,
        silence=_PYLINT,
    ),
    _sanity(CORES[0], "oldest"),
    _sanity(CORES[-1], "newest"),
    _pytest(
        "interop",
        "two real EST servers, of Go and of Rust, and openssl, against the client",
        150,
        ("plugins/module_utils/est/*",),
        silence=130,
    ),
    _pytest(
        "browser",
        "the page of the fleet report and the site in Chromium, with axe-core",
        100,
        ("plugins/module_utils/_report/*", "docs/*", "README.md"),
    ),
    _pytest(
        "fleet",
        "the playbooks on five real sshd hosts, also down, hanging or wrong",
        135,
        ("plugins/plugin_utils/fleet/*", "plugins/action/est_fleet*", *_PLAYBOOKS),
    ),
    _pytest(
        "awx",
        "the content for AWX under ansible-runner, ansible-builder and ansible-rulebook",
        340,
        ("extensions/*", "meta/*"),
    ),
    _pytest(
        "windows",
        "playbooks on a Windows-like host in Wine, and on a POSIX host beside it",
        330,
        ("plugins/modules/*.ps1", "plugins/module_utils/_windows_*", "plugins/plugin_utils/host/*"),
    ),
    _pytest(
        "twins",
        "the twins of our modules for POSIX and Windows, by a real PowerShell, also in Wine",
        220,
        ("plugins/modules/*.ps1", "plugins/modules/est_relay.py", "plugins/module_utils/*relay*"),
    ),
    _pytest(
        "faults",
        "killed runs, failing disks, two runs at once: nothing is lost",
        70,
        ("plugins/module_utils/_store/*", "plugins/plugin_utils/host/*"),
    ),
    _pytest("attacks", "another account of the host, with links, locks and folders of its own", 5),
    _pytest("canary", "every module with recognisable secrets, which come out nowhere", 80),
    _pytest("unit-oldest", "unit tests with cryptography 3.4.8 and requests 2.25.0", 245, brief=120),
    Part(
        "galaxy",
        "artifact from a clean clone, Galaxy importer, execution environment",
        galaxy,
        60,
        subject=("galaxy.yml", "meta/*", "README.md", "CHANGELOG.md", "tests/requirements/importer.txt"),
    ),
    _pytest(
        "release",
        "a release in a copy: changelog, artifact, the demo's play from it with the oldest and the newest core",
        60,
        ("galaxy.yml", "changelogs/*", "meta/*", "tests/tools/release/*", "tests/tools/suite/artifact.py"),
    ),
    Part(
        "ansible-lint",
        "ansible-lint, profile production, by the newest and that of the certification, and on the patterns",
        ansible_lint,
        95,
        subject=("*.yml", ".ansible-lint", "extensions/patterns/*", "tests/requirements/ansible-lint*.txt"),
    ),
    Part(
        "docs",
        "antsibull-docs, changelog, the site",
        docs,
        35,
        subject=("docs/*", "changelogs/*", "tests/requirements/docs.txt", *_FORM),
    ),
    Part("playbooks", "every playbook, also with --check, no warnings", playbooks, 100, subject=_PLAYBOOKS),
    _pytest(
        "promises",
        "what a green line promises: looked at, declared, proved, told",
        330,
        ("plugins/plugin_utils/fleet/*", "plugins/action/est_fleet*", "plugins/module_utils/_report/*", *_PLAYBOOKS),
    ),
    _pytest(
        "examples",
        "every example of the documentation, also with --check, no warnings",
        270,
        ("*.md", "plugins/modules/*", *_PLAYBOOKS),
        silence=130,
    ),
)

# Names that stand for several parts.
GROUPS = {
    "all": tuple(part.name for part in PARTS),
    "cores": tuple(part.name for part in PARTS if part.name.startswith("core-")),
}
