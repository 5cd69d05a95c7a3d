# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redirects of the lab server."""

from __future__ import annotations

import subprocess

import pytest
import requests
from support.lab import LabServer

EST = "/.well-known/est"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_a_path_with_a_label(client_of, status):
    with LabServer("--label", "other", "--redirect", f"simpleenroll:{status}:{EST}/other/simpleenroll") as lab:
        client = client_of(lab)
        answer = client.enroll(auth=None)
        assert (answer.status_code, answer.headers["Location"]) == (status, f"{EST}/other/simpleenroll")
        # the path with a label has no redirect
        assert client.enroll(operation="other/simpleenroll").status_code == 200
        assert client.get("cacerts").status_code == 200


def test_curl_follows_and_sends_the_body_again(client_of):
    redirect = f"simpleenroll:307:{{origin}}{EST}/other/simpleenroll"
    with LabServer("--label", "other", "--redirect", redirect, "--close-after-401") as lab:
        client = client_of(lab)
        assert client.enroll().headers["Location"] == f"{lab.est_url}/other/simpleenroll"
        told = subprocess.run(
            ["curl", "-sS", "--cacert", lab.ca_path, "-L", "-u", "estuser:estpwd", "-o", "/dev/null", "-w",
             "%{http_code} %{num_redirects}", "--data-binary", "abc", f"{lab.est_url}/simpleenroll"],
            capture_output=True,
            timeout=60,
            check=False,
        )  # fmt: skip
        assert told.stdout == b"415 1"
        assert [entry["status"] for entry in lab.requests[-2:]] == [307, 415]


def test_another_server(client_of):
    with LabServer() as there, LabServer("--redirect", f"cacerts:302:{there.est_url}/cacerts") as here:
        answer = requests.get(f"{here.est_url}/cacerts", verify=here.ca_path, timeout=60)
        assert (answer.status_code, answer.url) == (200, f"{there.est_url}/cacerts")
        assert len(there.requests) == 1


def test_a_loop(client_of):
    flags = ["--redirect", f"cacerts:302:{EST}/a/cacerts", "--redirect", f"a/cacerts:302:{{origin}}{EST}/cacerts"]
    with LabServer("--label", "a", *flags) as lab:
        client = client_of(lab)
        client.session.max_redirects = 5
        with pytest.raises(requests.TooManyRedirects):
            client.session.get(f"{lab.est_url}/cacerts", timeout=60)
        assert [entry["path"] for entry in lab.requests] == [f"{EST}/cacerts", f"{EST}/a/cacerts"] * 3


@pytest.mark.parametrize("location", ["http://localhost/x", "../x", "//elsewhere.example/x", "cacerts", "::not a URL"])
def test_the_location_goes_out_as_it_is(client_of, location):
    with LabServer("--redirect", f"cacerts:302:{location}") as lab:
        assert client_of(lab).get("cacerts").headers["Location"] == location


@pytest.mark.parametrize("flag", ["cacerts", "cacerts:200:/x", "cacerts:302", "cacerts:302:", ":302:/x"])
def test_wrong_flags(flag):
    with pytest.raises(RuntimeError, match="it must be"):
        LabServer("--redirect", flag).start()
