# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/start.md is done as it says, from the first line to the last, and what one sees there is what is shown."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path

import pytest
from examples.documented import ROOT
from examples.stage import warnings_in
from examples.test_examples import PLAYBOOKS

PAGE = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
STEP = re.compile(
    r"(?:`(?P<file>[\w./]+)`:\n\n)?^```(?P<kind>yaml|sh|text)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
FAILS = "# ends in an error"
#: The CA behaves as Cisco's, and the page shows what is told of that.
EXPECTED_WARNING = "is not what was asked for"


@pytest.mark.parametrize("core", sorted(PLAYBOOKS))
def test_every_step_of_the_page_shows_what_it_says(core: str, tmp_path: Path) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    page = re.sub(
        r"^( +)est_lab_server_profile: .*$", rf"\g<0>\n\1est_lab_server_port: {port}", PAGE, flags=re.MULTILINE
    )
    page = page.replace("8443", port)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "EST_"))},
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
        "ANSIBLE_NOCOLOR": "1",
        "HOME": str(tmp_path / "home"),
        "PATH": f"{Path(PLAYBOOKS[core]).parent}{os.pathsep}{os.environ['PATH']}",
    }
    (tmp_path / "home").mkdir()
    work = tmp_path / "work"
    work.mkdir()

    def run(line: str) -> tuple[int, str]:
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=work,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        return done.returncode, done.stdout

    steps, output = 0, ""
    try:
        for step in STEP.finditer(page):
            steps += 1
            if step["kind"] == "yaml":
                path = work / step["file"]
                path.parent.mkdir(exist_ok=True)
                path.write_text(step["text"], encoding="utf-8")
            elif step["kind"] == "sh":
                output = ""
                for line in step["text"].splitlines():
                    status, said = run(line)
                    output += said
                    assert (status != 0) == line.endswith(FAILS), f"{line}\n{said}"
                assert [text for text in warnings_in(output) if EXPECTED_WARNING not in text] == []
            else:
                for line in step["text"].splitlines():
                    assert line in output, f"{line}\nis not in what came:\n{output}"
        assert steps == page.count("\n```") / 2
        assert not (tmp_path / "home" / ".est_lab_server").exists(), "the last step ends the server"
    finally:
        run("ansible-playbook -i inventory.yml lab.yml -e est_lab_server_state=absent")
