# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done on a Windows host: the modules of ``ansible.windows``, and files that the connection carries."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.utils.display import Display

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._store.errors import StoreError

from ..base.action import ControllerAction, ModuleFailed

COLLECTION = "ansible.windows"


class Refused(Exception):
    """A module, or the connection, could not do what it was asked for; the message says why."""

    code = "module_failed"


class WindowsHost:
    """The host of an action.

    :param action: the action that runs.
    """

    def __init__(self, action: ControllerAction) -> None:
        self._action = action

    @property
    def prepared(self) -> dict[str, str]:
        """See ``Host``. The role runs several actions in one task, on one connection."""
        found: dict[str, str] = vars(self._action._connection).setdefault("_est_prepared_folders", {})
        return found

    def run(self, module: str, arguments: Mapping[str, Any], *, check: bool = False) -> dict[str, Any]:
        """Run a module of ``ansible.windows``, in one round trip.

        :param module: its name without the collection.
        :param check: only say what it would do.
        :raises Refused: when it fails.
        :raises StoreError: when the collection is not installed.
        :raises ModuleFailed: when the host cannot be reached.
        """
        task = self._action._task
        check_mode, task.check_mode = task.check_mode, check
        try:
            return self._action.execute(f"{COLLECTION}.{module}", arguments, keep_facts=True)
        except ModuleFailed as failure:
            if failure.result.get("unreachable"):
                raise
            raise Refused(str(failure.result.get("msg") or f"{COLLECTION}.{module} failed")) from None
        except AnsibleError as error:
            if "was not found in configured module paths" not in str(error):
                raise
            raise StoreError(
                f"the collection {COLLECTION} is needed on the controller for Windows hosts, and has no module "
                f"{module} or is not installed; install it with: ansible-galaxy collection install {COLLECTION}",
                code="missing_collection",
            ) from None
        finally:
            task.check_mode = check_mode

    def ask(
        self,
        module: str,
        arguments: Mapping[str, Any],
        *,
        check: bool = False,
        diff: bool = False,
        secret: bool = False,
    ) -> dict[str, Any]:
        """Run a module whose answer is for us alone: with its facts and warnings, which the task does not pass on.

        :param check: see ``run()``.
        :param diff: let it tell what was before.
        :param secret: let nothing print the answer.
        """
        action, task = self._action, self._action._task
        passed_on, action._passed_on = action._passed_on, {}
        diff_mode, task.diff = task.diff, diff
        try:
            with self._quiet() if secret else contextlib.nullcontext():
                answer = self.run(module, arguments, check=check)
            return {**answer, **action._passed_on}
        finally:
            action._passed_on, task.diff = passed_on, diff_mode

    def put(self, path: str, content: bytes) -> None:
        """Write a file on the host, through the connection: not atomically.

        :param path: its full path, without variables.
        :raises Refused: when it cannot be written.
        """
        with _local_file(content) as local, self._quiet():
            try:
                self._action._connection.put_file(local, path)
            except AnsibleConnectionFailure:
                raise
            except (AnsibleError, OSError) as error:
                raise Refused(str(error)) from None

    def fetch(self, path: str) -> bytes:
        """Return a file of the host, through the connection.

        :param path: its full path, without variables.
        :raises Refused: when it cannot be read.
        """
        # winrm prints a traceback of its own where it fails.
        with _local_file(b"") as local, self._quiet(), contextlib.redirect_stderr(io.StringIO()):
            try:
                self._action._connection.fetch_file(path, local)
            except AnsibleConnectionFailure:
                raise
            except (AnsibleError, OSError) as error:
                raise Refused(str(error)) from None
            with open(local, "rb") as file:
                return file.read()

    @contextlib.contextmanager
    def _quiet(self) -> Iterator[None]:
        """Let the connection print nothing: with -vvvvv psrp, and with -vvvvvv winrm, print the files that they carry.

        Each task has a process of its own, so no other task is silenced.
        """
        display, context = Display(), self._action._play_context
        # The verbosity of the log file is one of its own from ansible-core 2.18 on.
        levels = {name: getattr(display, name) for name in ("verbosity", "log_verbosity") if hasattr(display, name)}
        no_log = context.no_log
        try:
            for name in levels:
                setattr(display, name, 0)
            context.no_log = True
            yield
        finally:
            for name, level in levels.items():
                setattr(display, name, level)
            context.no_log = no_log


@contextlib.contextmanager
def _local_file(content: bytes) -> Iterator[str]:
    """A file on the controller that only its user can read, in the folder that ansible-core removes at its end."""
    descriptor, path = tempfile.mkstemp(dir=constants.DEFAULT_LOCAL_TMP)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        yield path
    finally:
        os.unlink(path)
