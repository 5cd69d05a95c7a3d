# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command on a fleet of sshd processes, or keep the fleet until it is interrupted.

    python tests/fleet --hosts 50 ansible-playbook -i {inventory} site.yml
    python tests/fleet --hosts 5

``{inventory}`` and ``{folder}`` in the command stand for the fleet's inventory and its folder. The fleet ends with the
command, or with this process, however that comes.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fleet.host import FleetError  # found on the path only now
from fleet.ssh_fleet import Fleet


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="tests/fleet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=5, help="how many (default 5)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run; nothing: wait for Ctrl-C")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda _signum, _frame: sys.exit(143))
    try:
        with Fleet(options.hosts) as fleet:
            inventory = fleet.inventory()
            if options.command:
                words = [word.format(inventory=inventory, folder=fleet.folder) for word in options.command]
                return subprocess.run(words, check=False).returncode
            print(f"{options.hosts} hosts, inventory {inventory}", flush=True)
            signal.pause()
    except FleetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
