# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of a POSIX host that are to read their certificates anew: with systemd, or with the scripts of System V.

On a Windows host ``_windows_services.psm1`` does it; names and the words of a failure are here for both.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Dict, Iterable, List, Sequence

from ..est.base.errors import EstError
from ..est.base.text import cleaned

#: What a service can be called. It goes to a program as one argument, which is no option.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._:\\-]{0,127}")
#: And on a Windows host, where a name is part of a path in the registry.
WINDOWS_NAME = re.compile(r"(?! )[^\\/\x00-\x1f\x7f-\x9f]{1,256}(?<! )")

#: It is there where systemd has started the system; see sd_booted(3).
_SYSTEMD = "/run/systemd/system"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Seconds after which a service has not answered.
_TIMEOUT = 90.0
#: LSB 5, "Init Script Actions": the status of a service that is not running.
_NOT_RUNNING = 3
_LONGEST = 300
#: What ``_run()`` says where the status is one of those that were expected.
_STOPPED = "stopped"


class Services:
    """The services of this host, each of which is reloaded at most once."""

    def __init__(self) -> None:
        #: By name what came of it: why it failed, or an empty text.
        self._done: Dict[str, str] = {}

    def reload(self, names: Sequence[str]) -> None:
        """Have services read their files anew, each whatever becomes of another. One that does not run stays so.

        :raises EstError: at stage ``save``, of all that could not be reloaded.
        """
        for name in names:
            if name not in self._done:
                self._done[name] = _reload(name)
        refuse_not_reloaded(self._done[name] for name in names)


def refuse_not_reloaded(outcomes: Iterable[str]) -> None:
    """Refuse to go on where services could not be told of a certificate.

    :param outcomes: of each why that failed, or an empty text.
    :raises EstError: at stage ``save``, of all that failed.
    """
    problems = [outcome for outcome in outcomes if outcome]
    if problems:
        raise EstError(
            f"the certificate is in place, and not every service has been told of it: {'; '.join(problems)}",
            code="not_reloaded",
            stage="save",
            hint="Look at the service on the host, and run again: the next run reloads what is owed.",
        )


def _reload(name: str) -> str:
    """Reload one service; return why that failed, or an empty string."""
    if os.path.isdir(_SYSTEMD):
        # A service that knows no reload is restarted.
        return _run(name, ["systemctl", "try-reload-or-restart", "--", name])
    status = _run(name, ["service", name, "status"], also=(_NOT_RUNNING,))
    if status == _STOPPED:
        return ""
    return status or _run(name, ["service", name, "reload"])


def _run(name: str, command: List[str], also: Sequence[int] = ()) -> str:
    program = shutil.which(command[0], path=_PATH)
    if program is None:
        return f"{name}: there is no program {command[0]} on this host"
    try:
        # What AnsibleModule has for it knows no bound of time.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": _PATH, "LC_ALL": "C"},
            cwd="/",
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{name}: {' '.join(command)} has not ended after {_TIMEOUT:.0f} seconds"
    except OSError as error:
        return f"{name}: {' '.join(command)} cannot be run: {error.strerror}"
    if done.returncode in also:
        return _STOPPED
    if done.returncode == 0:
        return ""
    said = cleaned(done.stdout.decode("utf-8", "replace").strip().replace("\n", " "))[:_LONGEST]
    return f"{name}: {' '.join(command)} ended with status {done.returncode}{f': {said}' if said else ''}"
