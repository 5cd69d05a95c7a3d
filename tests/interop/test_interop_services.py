# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipes of docs/certificates.md with the services that they are for: real ones, started and reloaded here.

The options and the lines of configuration are those of the page, with other paths. A service is reloaded by the command
that Debian's unit of it has; what stands for systemctl runs that.
"""

from __future__ import annotations

import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from support.lab import LabServer
from support.production import asked_for, holder_of, keep, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate import services

PAGE = (Path(__file__).parents[2] / "docs" / "certificates.md").read_text(encoding="utf-8")
RECIPES = PAGE.partition("### Recipes")[2].partition("\n## ")[0]
POSTGRES = next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))), None)


def entry(name: str) -> dict[str, Any]:
    """The options of the page for a service."""
    (task,) = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", RECIPES, re.DOTALL)[0])
    found = task["estfleet.cloud_extender.est_certificates"]["certificates"]
    (mine,) = [each for each in found if each["reload"] == [name]]
    return dict(mine)


def configuration(kind: str) -> str:
    """The lines of configuration of the page for a service."""
    (text,) = re.findall(rf"```{kind}\n(.*?)```", RECIPES, re.DOTALL)
    return str(text)


class Service:
    """A service in a folder that stands for the host.

    :param name: as in ``reload``.
    :param program: its program; where that is not here, the test is skipped.
    """

    def __init__(self, name: str, program: str | None, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        if not program or not os.path.exists(program):
            pytest.skip(f"there is no {name} here")
        self.program, self.root = program, root
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.options = {
            option: str(root) + value if option.endswith("_path") else value for option, value in entry(name).items()
        }
        for option, value in self.options.items():
            if option.endswith("_path"):
                Path(value).parent.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        monkeypatch.setattr(services, "_PATH", f"{root}/programs:/usr/sbin:/usr/bin:/sbin:/bin")
        monkeypatch.setattr(services, "_SYSTEMD", str(root))
        (root / "programs").mkdir()

    def lines(self, kind: str) -> str:
        return re.sub(r"(?<![\w/])/(?=etc/)", f"{self.root}/", configuration(kind))

    def write(self, text: str) -> str:
        path = self.root / "service.conf"
        path.write_text(text)
        return str(path)

    def start(self, *command: str, **options: Any) -> None:
        self._process = subprocess.Popen(
            [self.program, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options
        )

    def reloads_by(self, command: str) -> None:
        """What the unit of the service does for ``systemctl reload``."""
        assert self._process is not None
        program = self.root / "programs" / "systemctl"
        program.write_text(f"#!/bin/sh\nset -e\n{command.replace('PID', str(self._process.pid))}\n")
        program.chmod(0o755)

    def keep(self, lab: LabServer, **options: Any) -> int:
        """Keep its certificate, and return the serial number of that."""
        template = template_for(lab)
        outcome = keep(self.root, template, **self.options, **options)
        holder = holder_of(asked_for(self.root, template, **self.options))
        holder.read()
        if self._process is not None:
            assert holder.reload(services.Services(), changed=True) == tuple(self.options["reload"])
        return int(outcome["certificate"]["serial_number"], 16)

    def shows(self, serial: int, *starttls: str) -> None:
        """Wait until a connection is shown this certificate, with its intermediate."""
        deadline = time.monotonic() + 30
        shown = ""
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, self._process.stderr.read()[-2000:]  # type: ignore[union-attr]
            command = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-showcerts", *starttls]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30)
            shown = done.stdout.decode("latin-1")
            found = re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", shown, re.DOTALL)
            if found and x509.load_pem_x509_certificate(found[0].encode()).serial_number == serial:
                assert len(found) == 2
                return
            time.sleep(0.1)
        raise AssertionError(f"not shown: {serial:X}; {shown[-2000:]}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._process.communicate()


@pytest.fixture
def service(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    made = Service(*request.param, tmp_path, monkeypatch)
    yield made
    made.stop()


def check(service: Service, lab: LabServer, first: int, *starttls: str) -> None:
    service.shows(first, *starttls)
    second = service.keep(lab, force=True)
    assert second != first
    service.shows(second, *starttls)


@pytest.mark.parametrize("service", [("nginx", shutil.which("nginx", path="/usr/sbin:/usr/bin"))], indirect=True)
def test_nginx(service: Service, lab: LabServer) -> None:
    first = service.keep(lab)
    folder = service.root
    path = service.write(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n"
        f"fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n"
        f"server {{ listen 127.0.0.1:{service.port} ssl;\n{service.lines('nginx')} }} }}\n"
    )
    service.start("-c", path, "-p", str(folder))
    service.reloads_by(f"{service.program} -t -q -c {path} -p {folder}\nkill -HUP PID")
    check(service, lab, first)


@pytest.mark.parametrize("service", [("apache2", shutil.which("apache2", path="/usr/sbin:/usr/bin"))], indirect=True)
def test_apache(service: Service, lab: LabServer) -> None:
    first = service.keep(lab)
    folder, modules = service.root, "/usr/lib/apache2/modules"
    loaded = "".join(
        f"LoadModule {name}_module {modules}/mod_{name}.so\n"
        for name in ("mpm_event", "authz_core", "ssl", "socache_shmcb")
    )
    path = service.write(
        f"ServerRoot {folder}\nServerName localhost\nPidFile {folder}/pid\nErrorLog {folder}/error.log\n"
        f"DefaultRuntimeDir {folder}\nUser nobody\nGroup nogroup\n{loaded}Listen 127.0.0.1:{service.port}\n"
        f"<VirtualHost *:{service.port}>\n{service.lines('apache')}</VirtualHost>\n"
    )
    service.start("-DFOREGROUND", "-f", path)
    service.reloads_by("kill -USR1 PID")
    check(service, lab, first)


@pytest.mark.parametrize("service", [("haproxy", shutil.which("haproxy", path="/usr/sbin:/usr/bin"))], indirect=True)
def test_haproxy(service: Service, lab: LabServer) -> None:
    first = service.keep(lab)
    path = service.write(
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\nfrontend web\n"
        + service.lines("haproxy").replace(":443", f"127.0.0.1:{service.port}")
        + "  http-request return status 200\n"
    )
    service.start("-W", "-db", "-f", path)
    service.reloads_by(f"{service.program} -q -c -f {path}\nkill -USR2 PID")
    check(service, lab, first)


@pytest.mark.skipif(
    os.geteuid() != 0, reason="PostgreSQL does not run as root, and only root gives files to its account"
)
@pytest.mark.parametrize("service", [("postgresql", POSTGRES)], indirect=True)
def test_postgresql(service: Service, lab: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        account = pwd.getpwnam(service.options["owner"])
    except KeyError:
        pytest.skip("there is no account postgres here")
    for folder in (service.root, *service.root.parents[:2]):
        folder.chmod(0o755)
    first = service.keep(lab)
    data = service.root / "data"
    data.mkdir()
    os.chown(data, account.pw_uid, account.pw_gid)
    run = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": str(data)}
    initdb = os.path.join(os.path.dirname(service.program), "initdb")
    subprocess.run([initdb, "-D", str(data), "-N", "-A", "trust"], check=True, capture_output=True, **run)
    with open(data / "postgresql.conf", "a", encoding="utf-8") as file:
        file.write(f"{service.lines('ini')}port = {service.port}\nlisten_addresses = '127.0.0.1'\nfsync = off\n")
        file.write("unix_socket_directories = ''\n")
    service.start("-D", str(data), **run)
    service.reloads_by("kill -HUP PID")
    check(service, lab, first, "-starttls", "postgres")


def test_the_page_has_no_recipe_that_is_not_run() -> None:
    (task,) = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", RECIPES, re.DOTALL)[0])
    found = task["estfleet.cloud_extender.est_certificates"]["certificates"]
    names = {name for each in found for name in each["reload"]}
    tested = {
        function.removeprefix("test_") for function in vars(sys.modules[__name__]) if function.startswith("test_")
    }
    assert {name.removesuffix("2") for name in names} <= tested
