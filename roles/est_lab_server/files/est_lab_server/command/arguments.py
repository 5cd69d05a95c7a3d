# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the command line to settings."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Optional

from ..est.csr_attributes import FILE_PREFIX, PRESETS, STATUS_CHOICES
from ..est.key_encryption import parse_shared_key
from ..est.routes import parse_redirect
from ..extension import Extension
from ..settings import Settings
from .flags import DEFAULT_PASSWORD, GROUPS, PASSWORD_VARIABLE

DESCRIPTION = """\
A throw-away EST server (RFC 7030) FOR LABS ONLY: it issues certificates to anyone who knows the lab password.

It makes its own certificate authority at the first start and keeps it in the state folder. When it is ready it
writes one line to standard output: "ready https://127.0.0.1:PORT". SIGTERM stops it. An argument @FILE is replaced
by the lines of that file.
"""


@dataclass(frozen=True)
class ProcessOptions:
    """What concerns the process rather than the answers it gives."""

    state: Optional[str]
    log_file: Optional[str]
    pid_file: Optional[str]
    ready_file: Optional[str]
    mode: str
    check: bool
    password: str = field(repr=False)


def parse_arguments(argv: Sequence[str], extension: Extension) -> tuple[Settings, ProcessOptions]:
    """Settings and process options of a command line. Ends the process (status 2) with a message for wrong flags."""
    parser = _parser(extension)
    values = vars(parser.parse_args(argv))
    if values["extra_chain"] is False and values["order"] is None:
        values["order"] = "sorted"
    if values["strict"]:
        values["require_wrapped_base64"] = True
        values["require_content_transfer_encoding"] = True
    for name in ("state", "log_file", "pid_file", "ready_file", "password_file"):
        values[name] = os.path.expanduser(values[name]) if values[name] else None
    for name in ("host_names", "labels", "client_authorities", "multipart", "redirects"):
        values[name] = tuple(values[name])
    try:
        password = _password(values)
        _check(values)
        extension.configure(values)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    settings = Settings(**{each.name: values[each.name] for each in dataclasses.fields(Settings)})
    options = {name: values[name] for name in ("state", "log_file", "pid_file", "ready_file", "mode", "check")}
    return settings, ProcessOptions(password=password, **options)


def _check(values: dict[str, object]) -> None:
    for flag in values["redirects"]:  # type: ignore[attr-defined]
        parse_redirect(flag)
    if not str(values["base_path"]).startswith("/") or str(values["base_path"]).endswith("/"):
        raise ValueError(f"--base-path {values['base_path']}: it begins with a slash, and does not end with one")
    if values["shared_key"]:
        parse_shared_key(str(values["shared_key"]))
    choice = str(values["csrattrs"])
    if choice not in {**PRESETS, **STATUS_CHOICES} and not (
        choice.startswith(FILE_PREFIX) and os.path.isfile(choice[len(FILE_PREFIX) :])
    ):
        raise ValueError(f"--csrattrs {choice}: there is neither such a preset nor such a file")
    retry_after = str(values["retry_after"])
    if retry_after.startswith("date:"):
        int(retry_after[len("date:") :])
    if values["mode"] != "foreground" and not values["state"]:
        raise ValueError(f"--{values['mode']} needs a --state folder")
    if float(str(values["tls_min"])) > float(str(values["tls_max"])):
        raise ValueError(f"--tls-min {values['tls_min']} is above --tls-max {values['tls_max']}")


def _password(values: dict[str, object]) -> str:
    if values["password_file"]:
        with open(str(values["password_file"]), encoding="utf-8") as stream:
            return stream.read().rstrip("\r\n")
    given = values["password"]
    return str(given) if given is not None else os.environ.get(PASSWORD_VARIABLE, DEFAULT_PASSWORD)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=118)


def _parser(extension: Extension) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="est_lab_server",
        description=DESCRIPTION,
        formatter_class=_Formatter,
        fromfile_prefix_chars="@",
        allow_abbrev=False,
    )
    for add_flags in GROUPS:
        add_flags(parser)
    extension.add_flags(parser)
    return parser
