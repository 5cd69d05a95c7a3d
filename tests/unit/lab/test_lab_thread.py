# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab server as a thread of the test process: it ends with all that it began, whatever its clients do."""

from __future__ import annotations

import os
import socket
import ssl
import threading

import pytest
from support.lab import LabServer

GET = b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: x\r\n\r\n"


def connected(lab: LabServer, stack: list[socket.socket], tls: bool = True) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", lab.port), 5)
    if not tls:
        stack.append(plain)
        return plain
    context = ssl.create_default_context(cafile=lab.ca_path)
    stack.append(context.wrap_socket(plain, server_hostname="localhost"))
    return stack[-1]


@pytest.fixture
def opened():
    """Connections that are closed at the end of the test."""
    connections: list[socket.socket] = []
    yield connections
    for each in connections:
        each.close()


def ended(connection: socket.socket) -> bool:
    """Whether the other side has ended the connection, in whatever way."""
    try:
        while connection.recv(65536):
            pass
    except socket.timeout:
        return False
    except OSError:
        pass
    return True


@pytest.mark.parametrize("doing", ["nothing", "handshake", "request", "never-answers", "slow-drip", "endless-body"])
def test_stop_ends_connections_and_threads(opened, doing):
    threads, files = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
    fault = ["--fault", doing] if doing in ("never-answers", "slow-drip", "endless-body") else []
    with LabServer(*fault) as lab:
        connection = connected(lab, opened, tls=doing != "handshake")
        if fault:
            connection.sendall(GET)
            assert doing == "never-answers" or connection.recv(1)
        elif doing == "request":
            connection.sendall(GET[:10])
    assert set(threading.enumerate()) == threads
    assert ended(connection)
    lab.stop()
    opened.pop().close()
    assert len(os.listdir("/proc/self/fd")) == files


def test_its_port_is_free_at_once(opened):
    with LabServer() as lab:
        connected(lab, opened)
    with LabServer("--port", str(lab.port)) as again:
        assert again.port == lab.port
        connected(again, opened)


def test_a_server_that_does_not_start_says_why_and_leaves_nothing():
    with LabServer() as lab:
        threads, files = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
        with pytest.raises(RuntimeError, match=f"cannot listen on 127.0.0.1 port {lab.port}: Address already in use"):
            LabServer("--port", str(lab.port)).start()
        assert (set(threading.enumerate()), len(os.listdir("/proc/self/fd"))) == (threads, files)
    with pytest.raises(RuntimeError, match="argument --port: 70000 is not a port"):
        LabServer("--port", "70000").start()
