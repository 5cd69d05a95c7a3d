# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run an ansible-playbook command, show what matters of its output, and fail where its recap is not what was announced.

usage: expect.py [--changed HOSTS] [--contains TEXT] [--warns TEXT] [--log FILE] -- COMMAND...

HOSTS are those that shall report a change, with commas; without it, none shall. No host may have failed or be
unreachable. With --warns there shall be warnings, and each shall have TEXT; without it, none may be. FILE gets the
whole output.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys

RECAP = re.compile(
    r"^(?P<host>\S+)\s+: ok=\d+\s+changed=(?P<changed>\d+)\s+unreachable=(?P<lost>\d+)\s+failed=(?P<failed>\d+)"
)


#: Lines of Ansible's frame, which say nothing by themselves.
FRAME = re.compile(r"\s*$|PLAY |TASK |\s*[\]{}],?$|.*\"msg\": \[$|Origin: | *[0-9]+ |\s+\^ |\.\.\.ignoring")
#: What a task says of one host.
STATE = re.compile(r"(?P<state>ok|changed|fatal): \[(?P<host>[^\]]+)\](?! => \{$)")
#: A line of a list that ansible.builtin.debug prints.
ENTRY = re.compile(r'\s+"(?P<text>.*)",?$')
WIDTH = 150


class Shown:
    """Prints what a reader looks for as it comes: summary, differences, warnings, and a line for the hosts."""

    def __init__(self) -> None:
        self._hosts: dict[str, list[str]] = {}

    def line(self, line: str) -> None:
        state = STATE.match(line)
        entry = ENTRY.match(line)
        if state is not None:
            self._hosts.setdefault(state["state"], []).append(state["host"])
        elif line.startswith("TASK "):
            self.hosts()
        elif entry is not None:
            self._print(entry["text"])
        elif not FRAME.match(line) and not RECAP.match(line) and not line.startswith("ok: "):
            self._print(line.rstrip("\n"))

    def hosts(self) -> None:
        """Print what the hosts of a task did."""
        told = [f"{state}: {', '.join(sorted(hosts))}" for state, hosts in sorted(self._hosts.items())]
        if told:
            self._print("; ".join(told))
        self._hosts.clear()

    @staticmethod
    def _print(text: str) -> None:
        print(f"    {text if len(text) <= WIDTH else f'{text[: WIDTH - 4]} ...'}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--changed", default="")
    parser.add_argument("--contains", action="append", default=[])
    parser.add_argument("--warns", default="")
    parser.add_argument("--log", default=os.devnull)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()

    lines: list[str] = []
    shown = Shown()
    with (
        open(options.log, "a", encoding="utf-8") as log,
        subprocess.Popen(options.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            shown.line(line)
            lines.append(line)
    shown.hosts()

    recap = [match for line in lines if (match := RECAP.match(line))]
    changed = {match["host"] for match in recap if int(match["changed"])}
    expected = set(filter(None, options.changed.split(",")))
    wrong = []
    if process.returncode:
        wrong.append(f"the command ended with {process.returncode}")
    if not recap:
        wrong.append("there is no recap")
    if changed != expected:
        wrong.append(f"changed on {sorted(changed) or 'no host'}, expected {sorted(expected) or 'none'}")
    wrong += [f"{match['host']} failed" for match in recap if int(match["failed"]) or int(match["lost"])]
    # A warning goes on over several lines until one that begins anew.
    warnings = re.findall(r"\[WARNING\]:(?:.*\n)(?:(?![\[{\n]|ok:|changed:|fatal:|TASK|PLAY).*\n)*", "".join(lines))
    told = [" ".join(warning.split()) for warning in warnings]
    wrong += [f"warning: {words}" for words in told if not options.warns or options.warns not in words]
    if options.warns and not told:
        wrong.append(f"there is no warning with {options.warns!r}")
    wrong += [f"the output does not have {text!r}" for text in options.contains if text not in "".join(lines)]
    for sentence in wrong:
        print(f"  NOT AS EXPECTED: {sentence}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
