# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment, as far as it can be made without a container."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml
from awx.awx_job import ROOT

BUILDER = Path(sys.executable).parent / "ansible-builder"
DEFINITION = ROOT / "extensions" / "awx" / "execution-environment.yml"


def builder(*arguments: str, cwd: Path) -> str:
    programs = f"{BUILDER.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(BUILDER), *arguments],
        cwd=cwd,
        env={**os.environ, "PATH": programs},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_builder_makes_a_context_of_the_definition(tmp_path: Path) -> None:
    builder(
        "create",
        "--file",
        str(DEFINITION),
        "--context",
        str(tmp_path / "context"),
        cwd=tmp_path,
    )
    names = ("Containerfile", "Dockerfile")  # by the container runtime that is there
    steps = next(path for path in (tmp_path / "context").iterdir() if path.name in names).read_text(encoding="utf-8")
    assert "quay.io/centos/centos:stream9" in steps
    requirements = list((tmp_path / "context").rglob("requirements.yml"))
    wanted = yaml.safe_load(requirements[0].read_text(encoding="utf-8"))["collections"]
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    assert wanted[0] == {"name": "estfleet.cloud_extender", "version": version}
    assert wanted[1:] == [{"name": "ansible.windows", "version": ">=2.6.0"}]
    libraries = next((tmp_path / "context").rglob("requirements.txt")).read_text(encoding="utf-8")
    # For the connections winrm and psrp of ansible-core.
    assert libraries.split() == ["pywinrm[credssp]>=0.5.0", "pypsrp[credssp]>=0.9.0,<1.0.0"]


def test_the_metadata_of_the_collection_asks_for_its_libraries() -> None:
    metadata = yaml.safe_load((ROOT / "meta" / "execution-environment.yml").read_text(encoding="utf-8"))
    assert metadata["version"] == 3
    libraries = (ROOT / metadata["dependencies"]["python"]).read_text(encoding="utf-8")
    assert {"cryptography", "requests"} <= {line.split()[0] for line in libraries.splitlines() if line[:1].isalpha()}
