# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release made in a copy of the repository: what is told, what is in the artifact, and that it works by itself."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

#: A copy of the work tree that is a git repository, the environment with the tools, and those with a core alone.
COPY, TOOLS = Path(os.environ["RELEASE_COPY"]), os.environ["RELEASE_TOOLS"]
CORES: dict[str, str] = json.loads(os.environ["RELEASE_CORES"])
VERSION, DATE = "1.0.0", "2026-12-01"

sys.path.insert(0, str(COPY / "tests" / "tools" / "suite"))
from public import private_plugins, public_plugins  # noqa: E402

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "GIT_", "EST_"))},
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_{what}": "release@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def run(*command: object, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command, with what it says in one text."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**ENVIRONMENT, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )


def release(folder: Path, *arguments: object) -> str:
    """Run the release in a copy and return what it says."""
    done = run(sys.executable, "tests/tools/release", "--tools", TOOLS, *arguments, cwd=folder)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def prepared() -> str:
    """What preparing says; the copy is prepared then, and committed."""
    said = release(COPY, "prepare", VERSION, "--date", DATE)
    assert run("git", "add", "--all", cwd=COPY).returncode == 0
    assert run("git", "commit", "--quiet", "--message", f"Release {VERSION}", cwd=COPY).returncode == 0
    return said


@pytest.fixture(scope="module")
def artifact(prepared: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dest = tmp_path_factory.mktemp("artifact")
    said = release(COPY, "build", "--dest", dest)
    (built,) = dest.iterdir()
    assert f"git tag --annotate {VERSION}" in said and hashlib.sha256(built.read_bytes()).hexdigest() in said
    return built


def test_the_changelog_tells_what_is_public_and_the_roles(prepared: str) -> None:
    (told,) = yaml.safe_load((COPY / "changelogs" / "changelog.yaml").read_text())["releases"].values()
    listed = [*told["modules"], *(entry for entries in told["plugins"].values() for entry in entries)]
    assert {entry["name"] for entry in listed} == public_plugins(COPY)
    assert {entry["name"] for entry in told["objects"]["role"]} == {"est_integration", "est_lab_server"}
    assert set(told) == {"changes", "fragments", "modules", "objects", "plugins", "release_date"}
    assert set(told["changes"]) == {"release_summary"}, "a first release has changed nothing that anybody has"
    text = (COPY / "CHANGELOG.md").read_text().replace("\\", "")
    assert all(f"cloud_extender.{name} -" in text for name in public_plugins(COPY))
    assert not [name for name in private_plugins(COPY) if f"cloud_extender.{name} " in text]
    assert "release_summary.yml" not in os.listdir(COPY / "changelogs" / "fragments")


def test_the_version_is_the_same_everywhere(prepared: str) -> None:
    assert yaml.safe_load((COPY / "galaxy.yml").read_text())["version"] == VERSION
    done = run("git", "grep", "--line-number", r"\<0\.1\.0\>", "--", "docs", "extensions", "plugins", "roles", cwd=COPY)
    assert done.stdout == "", "a version that was never released is named"


@pytest.mark.parametrize(
    ("version", "why"),
    [("1.0", "not a version"), ("1.0.0", "not newer"), ("0.9.0", "not newer"), ("1.1.0", "has changes")],
)
def test_what_cannot_be_released_is_refused(prepared: str, version: str, why: str) -> None:
    stray = COPY / "stray.txt"
    try:
        if why == "has changes":
            stray.touch()
        done = run(sys.executable, "tests/tools/release", "--tools", TOOLS, "prepare", version, cwd=COPY)
        assert done.returncode == 1 and done.stdout.startswith("error: ") and why in done.stdout
    finally:
        stray.unlink(missing_ok=True)


def test_the_same_commit_gives_the_same_bytes(artifact: Path, tmp_path: Path) -> None:
    clone = tmp_path / "another place"
    assert run("git", "clone", "--quiet", COPY, clone, cwd=tmp_path).returncode == 0
    for left in ("changelogs/.plugin-cache.yaml", "plugins/modules/__pycache__/a.pyc", "notes.txt"):
        (clone / left).parent.mkdir(exist_ok=True)
        (clone / left).write_text("left behind")
    release(clone, "build", "--dest", tmp_path / "again")
    (again,) = (tmp_path / "again").iterdir()
    assert again.read_bytes() == artifact.read_bytes()


def test_the_artifact_has_what_users_need_and_its_own_lists_are_true(artifact: Path) -> None:
    with tarfile.open(artifact) as archive:
        data = {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
    manifest, files = json.loads(data["MANIFEST.json"]), json.loads(data["FILES.json"])
    assert manifest["collection_info"]["version"] == VERSION
    assert manifest["file_manifest_file"]["chksum_sha256"] == hashlib.sha256(data["FILES.json"]).hexdigest()
    listed = {entry["name"]: entry["chksum_sha256"] for entry in files["files"] if entry["ftype"] == "file"}
    assert set(listed) == set(data) - {"MANIFEST.json", "FILES.json"}
    assert [name for name, digest in listed.items() if hashlib.sha256(data[name]).hexdigest() != digest] == []
    folders = {name.partition("/")[0] for name in data if "/" in name}
    assert folders == {"changelogs", "docs", "extensions", "LICENSES", "meta", "playbooks", "plugins", "roles", "tests"}
    assert [name for name in data if name.startswith("tests/")] == ["tests/config.yml"]
    assert artifact.stat().st_size < 2_000_000


@pytest.mark.parametrize("core", sorted(CORES))
def test_the_play_of_the_demo_runs_from_the_artifact(core: str, artifact: Path, tmp_path: Path) -> None:
    # The environment of a core has the documented libraries beside it, and nothing else.
    programs, installed = Path(CORES[core]).parent, tmp_path
    environment = {"ANSIBLE_COLLECTIONS_PATH": str(installed), "DEMO_PASSWORD": "estpwd", "ANSIBLE_NOCOLOR": "1"}
    environment |= {"HOME": str(installed), "PATH": f"{programs}:{os.defpath}"}
    install = [programs / "ansible-galaxy", "collection", "install", artifact, "-p", installed]
    done = run(*install, cwd=installed, env=environment)
    assert done.returncode == 0, done.stdout
    collection = installed / "ansible_collections" / "estfleet" / "cloud_extender"
    python, ready = programs / "python", installed / "ready"
    serve = [python, collection / "roles/est_lab_server/files/est_lab_server", "--port", "0", "--profile", "cisco"]
    lab = subprocess.Popen([*serve, "--state", installed / "lab", "--ready-file", ready], stdout=subprocess.DEVNULL)
    try:
        while not ready.exists() or not ready.read_text():
            assert lab.poll() is None
            lab_waits(lab)
        port = ready.read_text().strip().rpartition(":")[2]
        variables = f"demo_root={installed} demo_port={port} demo_ca={installed}/lab/ca.pem demo_python={python}"
        play = [programs / "ansible-playbook", "-i", COPY / "demo" / "inventory.yml", "-e", variables]
        changed = []
        for name in ("configure", "configure", "test_enroll"):
            done = run(*play, f"estfleet.cloud_extender.{name}", cwd=installed, env=environment)
            assert done.returncode == 0, done.stdout
            changed.append(sum(map(int, re.findall(r"changed=(\d+)", done.stdout))))
        assert changed == [5, 0, 5]
        tell = [programs / "ansible-doc", "-t", "role", "estfleet.cloud_extender.est_integration"]
        role = run(*tell, cwd=installed, env=environment)
        assert "configure" in role.stdout and "est_integration_templates" in role.stdout
    finally:
        lab.terminate()
        lab.wait(timeout=30)


def lab_waits(lab: subprocess.Popen[bytes]) -> None:
    """Give a server that starts a moment."""
    try:
        lab.wait(timeout=0.1)
    except subprocess.TimeoutExpired:
        return
