# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The quick look at a certificate: where it says that nothing is to be done, and what it leaves to the module.

``keep()`` holds in every test of this folder that it never says anything else than the module does.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support.lab import LabServer
from support.production import OTHER, asked_for, holder_of, keep, put, quick_look, subject, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate import look
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.fields import Certificate
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.x509.pair_reading import without_key

CHAIN = {"fullchain_path": "fullchain.pem", "chain_path": "chain.pem", "root_certificate_path": "root.pem"}


@pytest.fixture(scope="module")
def lab():
    with LabServer("--intermediate") as server:
        yield server


class Host:
    """The files of a certificate, in one of the ways in which they can be kept."""

    def __init__(self, lab: LabServer, folder: Path, **options: Any) -> None:
        self.lab, self.template, self.folder, self.options = lab, template_for(lab), folder, options

    def keep(self, **options: Any) -> dict[str, Any]:
        return keep(self.folder, self.template, **{**self.options, **options})

    def quick(self, **options: Any) -> dict[str, Any] | None:
        return quick_look(self.template, asked_for(self.folder, self.template, **{**self.options, **options}))

    def path(self, name: str) -> Path:
        return self.folder / name

    @property
    def note(self) -> Path:
        beside = self.folder.parent / f".{self.folder.name}.est-note"
        return beside if self.options.get("versioned_folder") else self.path(".host.pem.est-note")

    def edit_note(self, change: Any) -> None:
        data = json.loads(self.note.read_text())
        change(next(iter(data["issued"].values())))
        self.note.write_text(json.dumps(data))

    def save(self, issued: Any) -> None:
        """Put in place what the CA issued at another time, for what is asked for."""
        digest = next(iter(json.loads(self.note.read_text())["issued"].values()))["digest"]
        holder = holder_of(asked_for(self.folder, self.template, **self.options))
        holder.read()
        holder.save(Certificate(issued.certificate.public_bytes(Encoding.DER)), (), issued.private_key, digest)


WAYS = {
    "two files": {},
    "with the chain": CHAIN,
    "one file": {"private_key_path": "host.pem"},
    "versions": {**CHAIN, "versioned_folder": True},
    "versions of one file": {"private_key_path": "host.pem", "versioned_folder": True},
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def host(request: pytest.FixtureRequest, lab: LabServer, tmp_path: Path) -> Host:
    folder = tmp_path / "ssl" / "web"
    (folder.parent if request.param.get("versioned_folder") else folder).mkdir(parents=True)
    paths = {name: str(folder / value) if value is not True else True for name, value in request.param.items()}
    made = Host(lab, folder, **paths)
    assert made.quick() is None
    assert made.keep()["status"] == "issued"
    return made


@pytest.mark.parametrize("method", [None, "rekey", "renew"])
def test_what_was_issued_needs_no_module_also_after_a_renewal(host: Host, method: str | None) -> None:
    if method:
        assert host.keep(force=True, renewal_method=method)["status"] == "issued"
    for check in (False, True):
        found = host.quick(check=check)
        assert found is not None
        assert found == host.keep(check=check)
        assert (found["status"], found["changed"], found["exchange"]) == ("unchanged", False, "host")


def replace_key(host: Host) -> None:
    path = Path(host.options.get("private_key_path") or host.path("host.key"))
    other = host.lab.issue(subject=subject()).key_pem
    text = path.read_text()
    path.write_text(without_key(text)[0] + other if "CERTIFICATE" in text else other)


def replace_pair(host: Host) -> None:
    issued = host.lab.issue(subject=subject("other"))
    one_file = "private_key_path" in host.options
    host.path("host.pem").write_text(issued.certificate_pem + (issued.key_pem if one_file else ""))
    if not one_file:
        host.path("host.key").write_text(issued.key_pem)


DEFECTS = {
    "no certificate": lambda host: host.path("host.pem").unlink(),
    "no key": lambda host: Path(host.options.get("private_key_path") or host.path("host.key")).unlink(),
    "another key": replace_key,
    "another pair": replace_pair,
    "an empty certificate": lambda host: host.path("host.pem").write_text(""),
    "a digest in the note that is another": lambda host: host.edit_note(lambda one: one.update(digest="ab" * 32)),
    "an expired certificate": lambda host: host.save(host.lab.issue(subject=subject(), days=(-100, -1))),
    "a certificate that ends soon": lambda host: host.save(host.lab.issue(subject=subject(), days=(-100, 5))),
    "a key of the note in another case": lambda host: host.edit_note(lambda one: one.update(key_sha256="AB" * 32)),
    "no key in the note": lambda host: host.edit_note(lambda one: one.pop("key_sha256")),
    "no note": lambda host: host.note.unlink(),
    "a damaged note": lambda host: host.note.write_text("{"),
    "two keys": lambda host: Path(host.options.get("private_key_path") or host.path("host.key")).write_text(
        2 * Path(host.options.get("private_key_path") or host.path("host.key")).read_text()
    ),
    "a lock": lambda host: (host.note.parent / ".est.lock").touch(0o600),
}


@pytest.mark.parametrize("damage", DEFECTS.values(), ids=DEFECTS)
def test_what_has_a_defect_is_left_to_the_module(host: Host, damage: Any) -> None:
    damage(host)
    assert host.quick() is None
    assert host.quick(check=True) is None


@pytest.mark.parametrize("option", CHAIN)
@pytest.mark.parametrize("damage", ["gone", "edited", "other", "a folder"])
def test_what_is_wrong_with_the_chain_is_left_to_the_module(lab, tmp_path: Path, option: str, damage: str) -> None:
    host = Host(lab, tmp_path, **{name: str(tmp_path / file) for name, file in CHAIN.items()})
    host.keep()
    path = Path(host.options[option])
    if damage in ("gone", "a folder"):
        path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage == "edited":
        path.write_text(path.read_text() + "# mine\n")
    elif damage == "other":
        path.write_text(lab.issue().certificate_pem)
    assert host.quick() is None
    if damage != "a folder":
        assert host.keep()["status"] == "recovered"
        assert host.quick() is not None


@pytest.mark.parametrize(
    "options",
    [
        {"force": True},
        {"identity": OTHER},
        {"key_origin": "server"},
        {"renewal_period_days": 365, "identity": OTHER},
        {"chain_path": "new.pem"},
        {"private_key_path": "other.key"},
        {"certificate_path": "other.pem"},
    ],
)
def test_what_is_asked_for_now_counts(lab, tmp_path: Path, options: dict[str, Any]) -> None:
    host = Host(lab, tmp_path)
    host.keep()
    assert host.quick() is not None
    given = {name: str(tmp_path / value) if name.endswith("_path") else value for name, value in options.items()}
    assert host.quick(**given) is None


@pytest.mark.parametrize(
    "fields", [{"subject": "/CN=%uname%"}, {"key_type": "rsa"}, {"label": "x"}, {"device_identity_certificates": False}]
)
def test_a_template_that_has_changed_counts(lab, tmp_path: Path, fields: dict[str, Any]) -> None:
    host = Host(lab, tmp_path)
    host.keep()
    host.template = template_for(lab, **fields)
    assert host.quick() is None


def test_names_that_were_lost_are_told_and_refused_as_the_module_does(tmp_path: Path) -> None:
    with LabServer("--profile", "cisco") as cisco:
        host = Host(cisco, tmp_path)
        host.keep()
        found = host.quick()
        assert found is not None
        assert found["lost"] == ["subject emailAddress=jdoe@example.com"]
        assert found["warnings"]
        assert host.keep() == found
        assert host.quick(on_lost="fail") is None
        with pytest.raises(EstError, match="not what was asked for"):
            host.keep(on_lost="fail")
        assert host.quick(on_lost="fail", allowed_lost=["subject emailAddress"]) is not None


def test_what_is_pending_is_the_modules(lab, tmp_path: Path) -> None:
    host = Host(lab, tmp_path)
    host.keep()
    (tmp_path / ".host.key.est-pending").write_text("{}")
    assert host.quick() is None
    assert host.keep()["status"] == "recovered"
    assert host.quick() is not None


def test_what_somebody_else_has_made_is_the_modules(lab, tmp_path: Path) -> None:
    host = Host(lab, tmp_path)
    put(tmp_path, lab.issue(subject=subject()))
    assert host.keep()["status"] == "unchanged"
    assert host.quick() is None


@pytest.mark.parametrize("kind", ["next", "part", "old"])
def test_what_a_killed_run_left_is_the_modules(lab, tmp_path: Path, kind: str) -> None:
    host = Host(lab, tmp_path)
    host.keep()
    (tmp_path / f".host.pem.est-{kind}").write_text("")
    assert host.quick() is None


@pytest.mark.parametrize("left", [".web.est-next", ".web.est-version-part", "two versions", "a folder", "another link"])
def test_what_is_beside_a_version_is_the_modules(lab, tmp_path: Path, left: str) -> None:
    host = Host(lab, tmp_path / "web", versioned_folder=True)
    host.keep()
    assert host.quick() is not None
    if left == "two versions":
        for number in (2, 3):
            (tmp_path / f".web.est-version-{number}").mkdir()
    elif left == "a folder":
        (tmp_path / "web").unlink()
        shutil.copytree(tmp_path / ".web.est-version-1", tmp_path / "web")
    elif left == "another link":
        (tmp_path / ".web.est-version-1").rename(tmp_path / "mine")
        (tmp_path / "web").unlink()
        (tmp_path / "web").symlink_to("mine")
    else:
        (tmp_path / left).mkdir()
    assert host.quick() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_link_of_another_account_is_not_followed(lab, tmp_path: Path) -> None:
    host = Host(lab, tmp_path / "link")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    host.keep()
    assert host.quick() is not None
    os.lchown(tmp_path / "link", 4242, 4242)
    assert host.quick() is None


@pytest.mark.parametrize("name", ["host.pem", ".host.pem.est-note", "chain.pem"])
@pytest.mark.parametrize("what", ["a key", "a line"])
def test_what_is_no_certificate_stays_on_the_host(lab, tmp_path: Path, name: str, what: str) -> None:
    paths = {"chain_path": str(tmp_path / "chain.pem")}
    host = Host(lab, tmp_path, **paths)
    host.keep()
    place = (str(tmp_path / "host.pem"), str(tmp_path / "host.key"), tuple(paths.values()), False)
    assert look.quick_look(None, None, [place])["certificates"] != [None]
    if what == "a key":
        with (tmp_path / name).open("a", encoding="ascii") as file:
            file.write((tmp_path / "host.key").read_text())
    elif name == ".host.pem.est-note":
        (tmp_path / name).rename(tmp_path / "elsewhere")
        (tmp_path / name).symlink_to("elsewhere")
    else:
        (tmp_path / name).write_text("root:$6$x:19000:0:99999:7:::\n" + (tmp_path / name).read_text())
    assert look.quick_look(None, None, [place])["certificates"] == [None]
    assert host.quick() is None


def test_several_are_looked_at_in_one_go_and_each_for_itself(lab, tmp_path: Path) -> None:
    places = []
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        host = Host(lab, tmp_path / name)
        host.keep()
        places.append((str(host.path("host.pem")), str(host.path("host.key")), (), False))
    (tmp_path / "b" / "host.key").unlink()
    found = look.quick_look(None, None, places)["certificates"]
    assert [one is not None for one in found] == [True, False, True]


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n", "\n"),
        ("a\n-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\nb", "a\n\nb"),
    ],
)
def test_a_key_is_taken_out_of_a_text_and_told_by_its_digest(text: str, rest: str) -> None:
    found, digest = without_key(text)
    assert found == rest
    assert len(digest) == 64
    assert without_key(text.replace("x", "y"))[1] != digest
    assert without_key(text.replace("\n", "\r\n"))[1] == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "-----BEGIN PRIVATE KEY-----\nx\n",
        "PRIVATE KEY-----\n-----END PRIVATE KEY-----",
        "-----BEGIN A PRIVATE KEY-----\nx\n-----END B PRIVATE KEY-----\n",
        2 * "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n",
        "-----END PRIVATE KEY-----\n-----BEGIN PRIVATE KEY-----\n",
    ],
)
def test_a_text_without_exactly_one_key_has_no_digest(text: str) -> None:
    assert without_key(text) == (text, "")
