# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP authentication at the lab server: Digest with curl and requests as second opinions, and sets of challenges."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import ssl
import subprocess

import pytest
import requests
from conftest import make_request
from requests.auth import HTTPDigestAuth
from support.lab import LabServer


def challenges(answer: requests.Response) -> list[str]:
    """The WWW-Authenticate headers, each for itself."""
    return answer.raw.headers.getlist("WWW-Authenticate")


def curl(lab: LabServer, *flags: str) -> tuple[str, str]:
    """Status code, and all that curl tells, of an enrolment."""
    request = base64.encodebytes(make_request(lab.issue().private_key))
    told = subprocess.run(
        ["curl", "-sS", "-v", "--cacert", lab.ca_path, "-H", "Content-Type: application/pkcs10", "--data-binary", "@-",
         "-o", "/dev/null", "-w", "%{http_code}", *flags, f"{lab.est_url}/simpleenroll"],
        input=request,
        capture_output=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    return told.stdout.decode(), told.stderr.decode("latin-1")


@pytest.mark.parametrize(
    ("scheme", "algorithm"),
    [
        ("digest", "MD5"),
        ("digest-sess", "MD5-sess"),
        ("digest-sha256", "SHA-256"),
        ("digest-sha256-sess", "SHA-256-sess"),
    ],
)
def test_curl_knows_the_digest(scheme, algorithm):
    with LabServer("--authentication", scheme) as lab:
        status, told = curl(lab, "--digest", "-u", "estuser:estpwd")
        assert status == "200"
        assert re.search(rf"(?i)< www-authenticate: Digest .*algorithm={algorithm},", told)
        assert lab.requests[-1]["authorization_scheme"] == scheme
        assert curl(lab, "--digest", "-u", "estuser:wrong")[0] == "401"
        assert lab.requests[-1]["authorization_problem"] == "wrong Digest response"
        assert curl(lab, "--digest", "-u", "other:estpwd")[0] == "401"
        assert curl(lab, "--basic", "-u", "estuser:estpwd")[0] == "401"
        assert lab.requests[-1]["authorization_problem"] == "this scheme is not offered"


@pytest.mark.parametrize("qop", ["auth", "both", "none", "auth-int"])
def test_qop(qop):
    with LabServer("--authentication", "digest-sha256", "--qop", qop) as lab:
        status, told = curl(lab, "--digest", "-u", "estuser:estpwd")
        expected = {"auth": 'qop="auth",', "both": 'qop="auth-int,auth",', "auth-int": 'qop="auth-int",'}
        assert expected.get(qop, "") in told
        assert ("qop" in told.split("< HTTP/1.1 401")[1].split("\n> ")[0]) == (qop != "none")
        assert status == ("401" if qop == "auth-int" else "200")


def test_any_text_can_be_a_realm():
    realm = 'a "quoted", \\ realm="x"'
    with LabServer("--authentication", "digest", "--realm", realm) as lab:
        assert curl(lab, "--digest", "-u", "estuser:estpwd")[0] == "200"


def test_basic_and_digest_together(client_of):
    with LabServer("--authentication", "negotiate+basic+digest-sha256+digest") as lab:
        answer = client_of(lab).enroll(auth=None)
        assert [each.split(",")[0].split(" nonce")[0] for each in challenges(answer)] == [
            "Negotiate",
            'Basic realm="est-lab-server"',
            'Digest realm="est-lab-server"',
            'Digest realm="est-lab-server"',
        ]
        assert curl(lab, "--basic", "-u", "estuser:estpwd")[0] == "200"


def test_curl_prefers_digest():
    with LabServer("--authentication", "basic+digest-sha256") as lab:
        assert curl(lab, "--anyauth", "-u", "estuser:estpwd")[0] == "200"
        assert lab.requests[-1]["authorization_scheme"] == "digest-sha256"


def test_all_challenges_in_one_header(client_of):
    with LabServer("--authentication", "basic+digest", "--one-header") as lab:
        (header,) = challenges(client_of(lab).enroll(auth=None))
        assert re.fullmatch(r'Basic realm="est-lab-server", charset="UTF-8", Digest realm=.*', header)


def test_requests_knows_the_digest_and_counts(client_of):
    with LabServer("--authentication", "digest") as lab:
        client = client_of(lab)
        auth = HTTPDigestAuth("estuser", "estpwd")
        assert [client.enroll(auth=auth).status_code for _unused in range(3)] == [200, 200, 200]
        # the first request has no credentials, all later ones count up the same nonce
        assert [entry["status"] for entry in lab.requests] == [401, 200, 200, 200]


def test_a_stale_nonce_is_told(client_of):
    with LabServer("--authentication", "digest", "--nonce-uses", "2") as lab:
        client = client_of(lab)
        auth = HTTPDigestAuth("estuser", "estpwd")
        assert [client.enroll(auth=auth).status_code for _unused in range(3)] == [200, 200, 200]
        assert [entry["status"] for entry in lab.requests] == [401, 200, 200, 401, 200]
        assert lab.requests[3]["authorization_problem"] == "the nonce is stale"


def answer_to(challenge: str, count: str = "00000001", hash_name: str = "md5", **changes: str) -> str:
    """An Authorization header made by hand."""
    nonce = re.search(r'nonce="([^"]+)"', challenge)[1]
    uri = "/.well-known/est/simpleenroll"

    def hashed(text: str) -> str:
        return hashlib.new(hash_name, text.encode()).hexdigest()

    request = hashed("POST:" + changes.get("uri", uri))
    response = hashed(":".join((hashed("estuser:est-lab-server:estpwd"), nonce, count, "abc", "auth", request)))
    parts = {
        "username": "estuser",
        "realm": "est-lab-server",
        "nonce": nonce,
        "uri": uri,
        "response": response,
        "cnonce": "abc",
        "opaque": "lab",
        **changes,
    }
    quoted = ", ".join(f'{name}="{value}"' for name, value in parts.items())
    return f"Digest {quoted}, qop=auth, nc={count}"


def test_a_nonce_count_is_good_once(client_of):
    with LabServer("--authentication", "digest") as lab:
        client = client_of(lab)
        (challenge,) = challenges(client.enroll(auth=None))
        assert "stale" not in challenge
        sent = [("00000002", 200), ("00000002", 401), ("00000001", 401), ("0000000a", 200)]
        for count, status in sent:
            headers = {"Authorization": answer_to(challenge, count)}
            assert client.enroll(auth=None, headers=headers).status_code == status
        assert lab.requests[-2]["authorization_problem"] == "the nonce count was used before"


def test_sha_512_256(client_of):
    with LabServer("--authentication", "digest-sha512-256") as lab:
        client = client_of(lab)
        (challenge,) = challenges(client.enroll(auth=None))
        assert "algorithm=SHA-512-256," in challenge
        header = answer_to(challenge, hash_name="sha512_256", algorithm="SHA-512-256")
        assert client.enroll(auth=None, headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"uri": "/.well-known/est/cacerts"}, "the Digest parameter uri is not the right one"),
        ({"realm": "else"}, "the Digest parameter realm is not the right one"),
        ({"opaque": ""}, "the Digest parameter opaque is not the right one"),
        ({"username": "else"}, "wrong user name"),
        ({"algorithm": "SHA-256"}, "this algorithm is not offered"),
        ({"nonce": "invented"}, "wrong Digest response"),
    ],
)
def test_wrong_parameters(client_of, changes, problem):
    with LabServer("--authentication", "digest") as lab:
        client = client_of(lab)
        (challenge,) = challenges(client.enroll(auth=None))
        refused = client.enroll(auth=None, headers={"Authorization": answer_to(challenge, **changes)})
        assert (refused.status_code, lab.requests[-1]["authorization_problem"]) == (401, problem)


def test_a_nonce_of_another_server_is_stale(client_of):
    with LabServer("--authentication", "digest") as lab:
        answer = client_of(lab).enroll(auth=None, headers={"Authorization": answer_to('nonce="invented"')})
        assert answer.status_code == 401
        assert challenges(answer)[0].endswith(", stale=true")


@pytest.mark.parametrize(
    "text", ["Digest", 'Digest username="', "Digest nc=zz", "Digest a=1,a=2", "Digest " + "a=b," * 99]
)
def test_malformed_credentials(client_of, text):
    with LabServer("--authentication", "digest") as lab:
        assert client_of(lab).enroll(auth=None, headers={"Authorization": text}).status_code == 401


def test_user_names_in_utf_8(tmp_path):
    (tmp_path / "password").write_text("pässwörd", encoding="utf-8")
    with LabServer(
        "--authentication", "digest-sha256", "--username", "jürgen", "--password-file", str(tmp_path / "password")
    ) as lab:
        assert curl(lab, "--digest", "-u", "jürgen:pässwörd")[0] == "200"


def test_digest_against_a_server_that_closes_after_401(client_of):
    """libest: the second request on the connection dies, on a new connection the answer to the challenge is taken."""
    with LabServer("--authentication", "digest", "--close-after-401") as lab:
        context = ssl.create_default_context(cafile=lab.ca_path)
        with (
            socket.create_connection(("127.0.0.1", lab.port), 5) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as connection,
        ):
            connection.sendall(
                b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
            )
            received = b""
            while piece := connection.recv(65536):
                received += piece
        challenge = re.search(rb"WWW-Authenticate: (Digest .*)\r\n", received)[1].decode()
        headers = {"Authorization": answer_to(challenge)}
        assert client_of(lab).enroll(auth=None, headers=headers).status_code == 200


def test_an_unknown_scheme_is_refused_at_the_start():
    with pytest.raises(RuntimeError, match="there is no scheme 'ntlm'"):
        LabServer("--authentication", "basic+ntlm").start()
