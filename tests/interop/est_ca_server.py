# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EST server of the Rust crate est-ca as a process on a loopback port, built by Cargo from pinned crates."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import time
from pathlib import Path
from typing import Optional

from support.lab import end_process

from .server_certificates import write_server_certificates

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(__file__).resolve().parent / "est_ca"
_FOLDER = ROOT / ".cache" / "rust"
_BUILD_SECONDS = 900
_READY_SECONDS = 60.0


def missing_toolchain() -> Optional[str]:
    """Why it cannot be built on this machine, or None where it can."""
    if shutil.which("cargo") is None:
        return "no Cargo on this machine (https://rustup.rs)"
    answer = subprocess.run(["cargo", "version"], cwd=os.sep, capture_output=True, text=True, check=False)
    have = re.search(r"cargo (\d+)\.(\d+)", answer.stdout)
    needed = re.search(r'^rust-version = "(\d+)\.(\d+)"$', (PACKAGE / "Cargo.toml").read_text("utf-8"), re.MULTILINE)
    assert needed is not None
    if have is None:
        return f"cargo does not tell its version: {answer.stderr.strip()[:200]}"
    if [int(part) for part in have.groups()] < [int(part) for part in needed.groups()]:
        return f"{have.group()} is here, and {'.'.join(needed.groups())} or newer is needed"
    # The crate brings a client along, which is of no use here and wants the system's OpenSSL.
    found = shutil.which("pkg-config") and subprocess.run(["pkg-config", "--exists", "openssl"], check=False)
    if not found or found.returncode != 0:
        return "no headers of OpenSSL on this machine; Debian has them in libssl-dev and pkg-config"
    return None


def server_program() -> str:
    """The program, built when its source or the pins have changed or it was never built."""
    files = sorted(path for path in PACKAGE.rglob("*") if path.is_file())
    folder = _FOLDER / f"bin-{hashlib.sha256(b''.join(path.read_bytes() for path in files)).hexdigest()[:12]}"
    program = folder / "interop-est-ca"
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            done = subprocess.run(
                ["cargo", "build", "--locked", "--target-dir", str(_FOLDER / "target")],
                cwd=PACKAGE,
                env={**os.environ, "CARGO_HOME": os.environ.get("CARGO_HOME", str(_FOLDER / "cargo"))},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_BUILD_SECONDS,
                check=False,
            )
            if done.returncode != 0:
                raise RuntimeError(f"Cargo cannot build the EST server of est-ca:\n{done.stderr.strip()[-2000:]}")
            folder.mkdir(exist_ok=True)
            shutil.copy2(_FOLDER / "target" / "debug" / program.name, f"{program}.new")
            os.replace(f"{program}.new", program)
            shutil.rmtree(_FOLDER / "target")  # half a gigabyte, of use for nothing but another build
    return str(program)


class EstCaServer:
    """Starts the server when entered and ends it by its process id.

    It issues from one self-signed CA, which is its trust anchor as well, for the account of the tests, and renews for
    TLS client certificates of that CA.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._process: Optional[subprocess.Popen[bytes]] = None

    def __enter__(self) -> EstCaServer:
        program = server_program()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_server_certificates(self.folder, "ec")
        with (self.folder / "log.txt").open("wb") as log:
            self._process = subprocess.Popen(
                [program, str(self.folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        ready = self.folder / "port.txt"
        deadline = time.monotonic() + _READY_SECONDS
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"the EST server of est-ca did not start: {self.log}")
            time.sleep(0.02)
        self.port = int(ready.read_text(encoding="ascii"))
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            end_process(process)

    @property
    def url(self) -> str:
        """The server's origin, without a path."""
        return f"https://localhost:{self.port}"

    @property
    def ca_pem(self) -> str:
        """The trust anchor, which the server makes anew of the certificate and key that it is given."""
        return ssl.DER_cert_to_PEM_cert((self.folder / "ca.der").read_bytes())

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        return (self.folder / "log.txt").read_text(encoding="utf-8")
