# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for the chain of a certificate: independent of each other, made and mended without asking the CA."""

from __future__ import annotations

import json
import os
import stat
from datetime import datetime, timezone

import pytest
from support.lab import LabServer
from support.production import asked_for, holder_of, keep, posts, put, subject, template_for

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._certificate.judge import Refusal
from ansible_collections.estfleet.cloud_extender.plugins.module_utils.est.base.errors import EstError

OPTIONS = ("fullchain_path", "chain_path", "root_certificate_path")


@pytest.fixture(scope="module")
def lab():
    with LabServer("--intermediate") as server:
        yield server


@pytest.fixture
def paths(tmp_path):
    return {option: str(tmp_path / f"{option}.pem") for option in OPTIONS}


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def pair(folder):
    return (folder / "host.pem").read_bytes(), (folder / "host.key").read_bytes()


def expected(folder, lab, option):
    leaf, intermediate = read(folder / "host.pem"), lab.issue().chain_pem.partition("-----END CERTIFICATE-----\n")[2]
    texts = {"fullchain_path": leaf + intermediate, "chain_path": intermediate, "root_certificate_path": lab.ca_pem}
    return texts[option].strip() + "\n"


def check_files(folder, lab, paths):
    assert read(folder / "host.pem").count("BEGIN CERTIFICATE") == 1
    for option, path in paths.items():
        assert read(path) == expected(folder, lab, option), option


def test_each_file_is_made_from_what_is_there_and_none_needs_another(lab, tmp_path, paths):
    template = template_for(lab)
    first = keep(tmp_path, template)
    assert not set(OPTIONS) & set(first)
    before, asked = pair(tmp_path), len(lab.log)
    for option in OPTIONS:
        only = {option: paths[option]}
        told = keep(tmp_path, template, check=True, **only)
        assert not os.path.exists(paths[option])
        made = keep(tmp_path, template, **only)
        for key in ("status", "action", "changed", "reason", "diff"):
            assert told[key] == made[key], key
        assert (made["status"], made["action"], made["changed"]) == ("recovered", "none", True)
        assert made["reason"].startswith(f"{option} {paths[option]} was not there; the certificate is valid until ")
        assert made["diff"]["after"].startswith(f"{paths[option]}: /CN=")
        assert made[option] == paths[option]
        check_files(tmp_path, lab, only)
        assert stat.S_IMODE(os.stat(paths[option]).st_mode) == 0o644
        assert keep(tmp_path, template, **only)["status"] == "unchanged"
    assert keep(tmp_path, template)["status"] == "unchanged", "what is not named any more stays as it is"
    assert (pair(tmp_path), len(lab.log)) == (before, asked), "nobody was asked, and the pair was not touched"
    renewed = keep(tmp_path, template, force=True, **paths)
    assert renewed["status"] == "issued"
    check_files(tmp_path, lab, paths)
    assert keep(tmp_path, template, **paths)["status"] == "unchanged"


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("damage", ["gone", "", "damaged\n", "more"])
def test_a_file_that_was_removed_edited_or_damaged_is_mended(lab, tmp_path, paths, option, damage):
    template = template_for(lab)
    keep(tmp_path, template, **paths)
    before, asked = pair(tmp_path), len(lab.log)
    if damage == "gone":
        os.unlink(paths[option])
    else:
        os.chmod(paths[option], 0o640)
        with open(paths[option], "a" if damage == "more" else "w", encoding="ascii") as file:
            file.write(lab.issue().certificate_pem if damage == "more" else damage)
    mended = keep(tmp_path, template, **paths)
    assert (mended["status"], mended["changed"]) == ("recovered", True)
    assert mended["reason"].count(".pem") == 1
    assert paths[option] in mended["reason"]
    check_files(tmp_path, lab, paths)
    assert stat.S_IMODE(os.stat(paths[option]).st_mode) == (0o644 if damage == "gone" else 0o640)
    assert (pair(tmp_path), len(lab.log)) == (before, asked)
    assert keep(tmp_path, template, **paths)["status"] == "unchanged"


def test_a_file_is_mended_while_the_server_cannot_be_reached(tmp_path, paths):
    with LabServer("--intermediate") as server:
        template = template_for(server)
        keep(tmp_path, template, **paths)
    os.unlink(paths["chain_path"])
    with pytest.raises(EstError, match="connection refused"):
        keep(tmp_path, template, force=True, **paths)
    assert os.path.exists(paths["chain_path"])


@pytest.mark.parametrize("named", OPTIONS)
def test_the_chain_of_a_certificate_of_something_else_is_taken_from_what_is_there(lab, tmp_path, paths, named):
    template = template_for(lab)
    issued = lab.issue(subject=subject(), days=(-1, 100))
    put(tmp_path, issued)
    (tmp_path / "host.pem").write_text(issued.certificate_pem)
    asked = posts(lab)
    # Nothing on this host has the chain.
    told = keep(tmp_path, template, **paths)
    assert (told["status"], told["changed"]) == ("unchanged", False)
    assert [warning.split()[0] for warning in told["warnings"]] == list(OPTIONS)
    assert all("is made with the next certificate" in warning for warning in told["warnings"])
    # One of the files has it, as somebody else writes it.
    content = {"fullchain_path": issued.chain_pem, "chain_path": issued.chain_pem.replace(issued.certificate_pem, "")}
    text = f"# made elsewhere\n{content.get(named, issued.chain_pem)}{lab.ca_pem}"
    if named == "root_certificate_path":
        (tmp_path / "host.pem").write_text(text)
    else:
        with open(paths[named], "w", encoding="ascii") as file:
            file.write(text)
    made = keep(tmp_path, template, **paths)
    assert (made["status"], made["warnings"]) == ("recovered", [])
    for option in OPTIONS:
        assert read(paths[option]).count("BEGIN") == {"fullchain_path": 2, "chain_path": 1}.get(option, 1), option
    assert keep(tmp_path, template, **paths)["status"] == "unchanged"
    assert posts(lab) == asked
    # What is known now is not lost with the files.
    for path in paths.values():
        os.unlink(path)
    (tmp_path / "host.pem").write_text(issued.certificate_pem)
    assert keep(tmp_path, template, **paths)["warnings"] == []


def test_the_intermediates_go_along_when_the_certificate_authenticates_its_renewal(lab, tmp_path):
    """The lab server refuses a certificate of its intermediate that comes alone."""
    template = template_for(lab)
    keep(tmp_path, template)
    assert keep(tmp_path, template, force=True)["action"] == "rekeyed"
    put(tmp_path, lab.issue(subject=subject(), days=(-1, 100)))
    assert keep(tmp_path, template, force=True)["action"] == "rekeyed"


def test_where_the_root_is_the_issuer_there_are_no_intermediates(tmp_path, paths):
    with LabServer() as server:
        template = template_for(server)
        keep(tmp_path, template, **paths)
        assert read(paths["chain_path"]) == ""
        assert read(paths["fullchain_path"]) == read(tmp_path / "host.pem")
        assert read(paths["root_certificate_path"]).strip() == server.ca_pem.strip()
        assert keep(tmp_path, template, **paths)["status"] == "unchanged"


@pytest.mark.parametrize("option", OPTIONS)
def test_a_file_of_something_else_is_not_replaced_where_it_is_not_ours(lab, tmp_path, option):
    template = template_for(lab)
    keep(tmp_path, template)
    mistyped = tmp_path / "hosts"
    mistyped.write_text("127.0.0.1 localhost\n")
    with pytest.raises(EstError, match=f"^{option} is .*would be lost"):
        keep(tmp_path, template, **{option: str(mistyped)})
    assert mistyped.read_text() == "127.0.0.1 localhost\n"


def test_a_folder_that_is_not_there_is_named_and_a_warning_of_check_mode(lab, tmp_path):
    template = template_for(lab)
    keep(tmp_path, template)
    missing = {"chain_path": str(tmp_path / "missing" / "chain.pem")}
    told = keep(tmp_path, template, check=True, **missing)
    assert (told["status"], len(told["warnings"])) == ("recovered", 1)
    with pytest.raises(EstError, match=r"could not be written: there is no folder .*missing") as caught:
        keep(tmp_path, template, **missing)
    assert (caught.value.stage, caught.value.request_received) == ("save", "not_received")


def test_a_note_that_is_gone_or_damaged_loses_no_file(lab, tmp_path, paths):
    template = template_for(lab)
    keep(tmp_path, template, **paths)
    note = tmp_path / ".host.pem.est-note"
    data = json.loads(note.read_text())
    for entry in data["issued"].values():
        entry["intermediates"] = "damaged"
    note.write_text(json.dumps(data))
    assert keep(tmp_path, template, **paths)["status"] == "unchanged"
    note.unlink()
    assert keep(tmp_path, template, **paths)["status"] == "unchanged"
    check_files(tmp_path, lab, paths)


def test_mending_does_not_forget_what_was_refused(lab, tmp_path, paths):
    template = template_for(lab)
    keep(tmp_path, template)
    holder = holder_of(asked_for(tmp_path, template))
    holder.read()
    found = {key: [] for key in ("lost", "differs", "accepted_lost")}
    holder.save_refusal(Refusal("digest", datetime.now(timezone.utc), "it is of another name", "", found))
    before = json.loads((tmp_path / ".host.pem.est-note").read_text())["refused"]
    assert keep(tmp_path, template, **paths)["status"] == "recovered"
    assert json.loads((tmp_path / ".host.pem.est-note").read_text())["refused"] == before


def test_no_file_of_ours_beside_a_certificate_is_visible(tmp_path, paths, monkeypatch):
    """``crt FOLDER/`` of HAProxy reads all that is not a dot file, and does not start where one is no certificate."""

    class Killed(BaseException):
        pass

    def visible():
        return {name for name in os.listdir(tmp_path) if not name.startswith(".")}

    with LabServer("--intermediate", "--manual-approval", "1", "--retry-after", "0") as server:
        template = template_for(server)
        (tmp_path / "host.key").write_text(server.issue().key_pem)
        assert keep(tmp_path, template, **paths)["status"] == "pending"
        assert visible() == {"host.key"}
        assert keep(tmp_path, template, wait_timeout=30, **paths)["status"] == "issued"
        declared = {"host.pem", "host.key", *map(os.path.basename, paths.values())}
        assert visible() == declared
        assert any(name.startswith(".host.key.est-kept-") for name in os.listdir(tmp_path))
        assert keep(tmp_path, template, force=True, **paths)["status"] == "pending"
        assert visible() == declared
    real = os.rename
    with LabServer("--intermediate") as server:
        keep(tmp_path, template_for(server), **paths)
        for count in range(12):
            renames = iter(range(count + 1))

            def rename(source, target, count=count, renames=renames, **more):
                if next(renames, count) >= count:
                    raise Killed
                real(source, target, **more)

            with monkeypatch.context() as patched:
                patched.setattr(os, "rename", rename)
                try:
                    keep(tmp_path, template_for(server), force=True, **paths)
                except Killed:
                    pass
                else:
                    break
            assert visible() == declared, count
            assert keep(tmp_path, template_for(server), **paths)["status"] == "recovered"
            assert keep(tmp_path, template_for(server), **paths)["status"] == "unchanged"
            check_files(tmp_path, server, paths)
        assert count == 11, "note, five files beside the others, five in place"
