# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of the documentation runs as it is shown, really and with --check, and gives no warning."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from examples import world
from examples.documented import Document, Entry, find_documents
from examples.stage import MODES, Came, Stage

#: ansible-playbook of each core to test with; the suite gives the oldest and the newest.
PLAYBOOKS: dict[str, str] = json.loads(os.environ.get("EXAMPLES_CORES", "{}")) or {
    "here": str(Path(sys.executable).parent / "ansible-playbook")
}

#: The modes of each core. What check mode does with an older core is what the integration targets are for.
MODES_OF = {core: MODES if core == max(PLAYBOOKS) else ("really",) for core in sorted(PLAYBOOKS)}
RUNS = [(core, mode) for core, modes in MODES_OF.items() for mode in modes]
#: What came of each document in each mode.
Results = dict[str, dict[str, Came]]

DOCUMENTS = find_documents()
RUN = tuple(
    document
    for document in DOCUMENTS
    if document.kind != "data" and not all(document.full_name(entry) in world.NOT_RUN for entry in document.entries)
)
#: Those of which a run with --check writes something: the report, and the one of the role, on the controller.
WRITES_IN_CHECK_MODE = (*world.MERGES, "roles/est_integration/README.md: hosts: cloud_extenders")
REPORT = r"srv/reports/fleet\.(json|html)"


#: What has run all documents with a core, in every mode that it has.
Staged = Callable[[str], tuple[Stage, Results]]


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    """Runs all documents with a core when it is asked for one, once."""
    stages: dict[str, tuple[Stage, Results]] = {}

    def run(core: str) -> tuple[Stage, Results]:
        if core not in stages:
            stage = Stage(tmp_path_factory.mktemp("examples"), PLAYBOOKS[core], RUN)
            stages[core] = (stage, {})
            stage.start()
            stages[core][1].update({mode: stage.run(mode) for mode in MODES_OF[core]})
        return stages[core]

    try:
        yield run
    finally:
        for stage, _results in stages.values():
            stage.stop()


@pytest.mark.parametrize("document", RUN, ids=lambda document: document.name)
@pytest.mark.parametrize(("core", "mode"), RUNS)
def test_an_example_runs_as_it_is_shown(staged: Staged, core: str, mode: str, document: Document) -> None:
    found = staged(core)[1][mode][document.name]
    assert found.counts, f"it did not run:\n{found.output}"
    assert (found.counts["failed"], found.counts["unreachable"]) == (0, 0), found.output
    expected = world.WARNINGS.get(document.name)
    unexpected = [text for text in found.warnings if not (expected and re.search(expected, text))]
    assert unexpected == [], found.output
    if document.kind == "tasks" and mode == "really":
        assert found.counts["skipped"] == 0, f"every task is run:\n{found.output}"
    if mode.startswith("--check"):
        report = document.name in WRITES_IN_CHECK_MODE
        others = [name for name in found.changed if not (report and re.fullmatch(REPORT, name))]
        assert others == [], "check mode changes nothing"


@pytest.mark.parametrize(("core", "mode"), [run for run in RUNS if run[1].startswith("--check")])
def test_check_mode_changes_nothing_beside_the_playbook_either(staged: Staged, core: str, mode: str) -> None:
    assert staged(core)[0].changed_beside[mode] == ()


def test_an_example_that_fails_is_told_and_the_others_run_all_the_same(tmp_path: Path) -> None:
    fails = Entry("Fail", "- name: Fail\n  ansible.builtin.fail:\n    msg: it fails\n")
    works = Entry("Work", "- name: Work\n  ansible.builtin.debug:\n    msg: it works\n")
    documents = tuple(Document(entry.name, "tasks", (entry,)) for entry in (fails, works))
    stage = Stage(tmp_path, next(iter(PLAYBOOKS.values())), documents)
    try:
        stage.start()
        came = stage.run("really")
    finally:
        stage.stop()
    assert (came["Fail"].counts["failed"], came["Work"].counts["failed"]) == (1, 0)
    assert "it fails" in came["Fail"].output and "it works" not in came["Fail"].output
    assert "it works" in came["Work"].output


def test_no_example_is_left_out_but_by_its_name() -> None:
    known = {document.full_name(entry): document for document in DOCUMENTS for entry in document.entries}
    assert set(world.NOT_RUN) <= set(known), "an example that is listed is not there any more"
    data = {
        document.full_name(entry) for document in DOCUMENTS if document.kind == "data" for entry in document.entries
    }
    assert data <= set(world.NOT_RUN)
    assert len({document.alias for document in DOCUMENTS}) == len(DOCUMENTS)


@pytest.mark.parametrize(
    "table", ["TEMPLATES", "FOLDERS", "FILES", "BUNDLES", "MERGES", "WARNINGS"], ids=lambda table: table.lower()
)
def test_what_is_given_is_given_to_an_example_that_runs(table: str) -> None:
    assert set(getattr(world, table)) <= {document.name for document in RUN}


def test_every_substitution_is_of_use() -> None:
    texts = [entry.text for document in DOCUMENTS for entry in document.entries]
    for shown, _real in world.SUBSTITUTIONS:
        assert any(shown in text for text in texts), f"no example has {shown}"
    for name in world.HOST_FOLDERS:
        assert any(f"/{name}/" in text for text in texts)
    for name in (*world.VARIABLES, *world.ENVIRONMENT, *world.HANDLERS, *world.BESIDE_THE_PLAYBOOK):
        assert any(name in text for text in texts), f"no example has {name}"


def test_a_path_of_the_host_is_below_its_folder_and_nothing_else_is_changed() -> None:
    shown = 'a: /etc/pki/x\nb: /CN=a/etc/\nc: [/srv/a/*.json]\nd: "/var/lib/x"\ne: https://a/etc/x\nf: ./etc/x\n'
    assert world.in_the_lab(shown, "/tmp/h", {}) == (
        'a: /tmp/h/etc/pki/x\nb: /CN=a/etc/\nc: [/tmp/h/srv/a/*.json]\nd: "/tmp/h/var/lib/x"\n'
        "e: https://a/etc/x\nf: ./etc/x\n"
    )
