# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment, as far as it can be made without a container."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from awx.awx_job import ROOT
from awx.content import VERSION, project_files

PROGRAMS = Path(sys.executable).parent


def run(program: str, *arguments: str, cwd: Path) -> None:
    done = subprocess.run(
        [str(PROGRAMS / program), *arguments],
        cwd=cwd,
        env={
            **os.environ,
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_HOME": str(cwd / ".ansible"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The repository as it is in git, with the artifact made by the first command of docs/awx.md."""
    copy = tmp_path / "repository"
    for name in project_files():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    run("ansible-galaxy", "collection", "build", "--output-path", "extensions/awx", cwd=copy)
    return copy


def test_the_image_gets_the_collection_of_the_repository(checkout: Path, tmp_path: Path) -> None:
    context = tmp_path / "context"
    definition = "extensions/awx/execution-environment.yml"
    run("ansible-builder", "create", "--file", definition, "--context", str(context), cwd=checkout)
    names = ("Containerfile", "Dockerfile")  # by the container runtime that is there
    steps = next(path for path in context.iterdir() if path.name in names).read_text(encoding="utf-8")
    assert "quay.io/centos/centos:stream9" in steps
    # The folder of the build, in which the image installs the collections.
    build = context / "_build"
    assert re.search(r"COPY _build /build\n+WORKDIR /build\n(?:.*\n)*?RUN ansible-galaxy", steps)
    wanted = yaml.safe_load((build / "requirements.yml").read_text(encoding="utf-8"))["collections"]
    assert len(wanted) == 1, "no other collection is needed, also for Windows hosts"
    installed = tmp_path / "installed"
    run(
        "ansible-galaxy",
        "collection",
        "install",
        "-r",
        "requirements.yml",
        "--collections-path",
        str(installed),
        cwd=build,
    )
    manifest = installed / "ansible_collections" / "estfleet" / "cloud_extender" / "MANIFEST.json"
    assert json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"] == VERSION
    libraries = (build / "requirements.txt").read_text(encoding="utf-8")
    # For the connections winrm and psrp of ansible-core.
    assert libraries.split() == ["pywinrm[credssp]>=0.5.0", "pypsrp[credssp]>=0.9.0,<1.0.0"]


def test_the_metadata_of_the_collection_asks_for_its_libraries() -> None:
    metadata = yaml.safe_load((ROOT / "meta" / "execution-environment.yml").read_text(encoding="utf-8"))
    assert metadata["version"] == 3
    libraries = (ROOT / metadata["dependencies"]["python"]).read_text(encoding="utf-8")
    assert {"cryptography", "requests"} <= {line.split()[0] for line in libraries.splitlines() if line[:1].isalpha()}
