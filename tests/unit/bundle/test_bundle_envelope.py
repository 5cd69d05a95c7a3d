# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file without its passphrase: whole, damaged, newer, something else."""

from __future__ import annotations

import json

import pytest
from support.bundles import CLEAR, CONTENT, SEALED, redigested

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.envelope import (
    MAX_OCTETS,
    bundle_digest,
    parse_envelope,
)
from ansible_collections.estfleet.cloud_extender.plugins.module_utils._bundle.errors import (
    BundleError,
    DamagedBundle,
    NewerBundle,
    NotABundle,
)


@pytest.mark.parametrize("octets", [SEALED, CLEAR])
def test_reading_and_writing_are_inverse(octets):
    assert parse_envelope(octets).serialise() == octets


def test_who_opens_the_file_sees_what_it_is_and_no_name_or_secret():
    lines = SEALED.decode().splitlines()
    assert lines[1].startswith('  "about": "EST certificate templates, sealed with a passphrase.')
    for hidden in (*CONTENT.names, "est.example.com", "canary"):
        assert hidden.encode() not in SEALED
    assert b'"server": "est.example.com"' in CLEAR
    assert b"canary" not in CLEAR


@pytest.mark.parametrize(("octets", "step"), [(SEALED, 1), (CLEAR, 5)], ids=["sealed", "clear"])
def test_every_single_flipped_bit_is_damage_and_nothing_else(octets, step):
    for place in range(0, len(octets), step):
        for bit in range(8):
            flipped = bytearray(octets)
            flipped[place] ^= 1 << bit
            if json_data(flipped) == json.loads(octets):
                continue  # one kind of white space for another
            with pytest.raises(DamagedBundle):
                parse_envelope(bytes(flipped))


def json_data(octets):
    try:
        return json.loads(octets)
    except ValueError:
        return None


@pytest.mark.parametrize("octets", [SEALED, CLEAR], ids=["sealed", "clear"])
def test_a_bundle_that_is_cut_short_anywhere_is_told(octets):
    whole = len(octets.rstrip())
    for length in range(whole):
        # Where nothing is left that says that it was a bundle, it is none.
        expected = NotABundle if b"est_template_export" not in octets[:length] else DamagedBundle
        with pytest.raises(expected, match=r"is cut short|is not a bundle"):
            parse_envelope(octets[:length])
    assert parse_envelope(octets[:whole])


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"no JSON", "is not JSON: Expecting value at line 1 column 1"),
        (b"\xff\xfe", "is not UTF-8 text (octet 0)"),
        (b"[]", "does not say that its format is estfleet.cloud_extender.bundle"),
        (b'{"format": "estfleet.cloud_extender.templates"}', "does not say that its format"),
        (b'{"a": 1, "a": 2}', "names a key twice"),
        (b'{"a": NaN}', "holds NaN, which is not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "holds a number with too many digits"),
        (b"[" * 100_000, "is nested too deep"),
        (b"[" * 20 + b"]" * 20, "is nested too deep"),
        (b'{"a": "\\ud800"}', "holds text that is not Unicode"),
    ],
)
def test_something_else_is_no_bundle(octets, words):
    with pytest.raises(NotABundle) as caught:
        parse_envelope(octets)
    assert str(caught.value).startswith("is not a bundle of templates: it ")
    assert words in str(caught.value)


def test_a_file_that_is_too_large_is_no_bundle():
    with pytest.raises(NotABundle, match="larger than 8 MiB"):
        parse_envelope(SEALED + b" " * MAX_OCTETS)


@pytest.mark.parametrize("version", [2, 99])
def test_a_newer_version_is_told_apart_from_damage(version):
    newer = {**json.loads(SEALED), "format_version": version, "something new": [1.5]}
    with pytest.raises(NewerBundle, match=f"has format version {version}, .*; use a newer version of the collection"):
        parse_envelope(redigested(newer))
    with pytest.raises(DamagedBundle):
        parse_envelope(json.dumps(newer).encode())


@pytest.mark.parametrize("version", [0, -1, True, "1", None, 1.0, [1]])
def test_what_is_no_version_is_damage(version):
    with pytest.raises(DamagedBundle):
        parse_envelope(redigested({**json.loads(SEALED), "format_version": version}))


def wrong_shapes():
    """Bundles with one thing wrong in each, and a digest that fits."""
    for change in (
        lambda data: data.pop("about"),
        lambda data: data.update(about=1),
        lambda data: data.update(more=1),
        lambda data: data.update(secrets="yes"),
        lambda data: data.update(sealing={}),
        lambda data: data.update(sealing=None),
        lambda data: data.update(sealing=[]),
        lambda data: data["sealing"].update(more=1),
        lambda data: data["sealing"].update(kdf="none"),
        lambda data: data["sealing"].update(cipher="none"),
        lambda data: data["sealing"].update(check="AAAA"),
        lambda data: data["sealing"].update(nonce="AAAA"),
        lambda data: data["sealing"].update(nonce=None),
        lambda data: data["sealing"].update(n=3),
        lambda data: data.update(content="no base64"),
        lambda data: data.update(content={"templates": []}),
    ):
        data = json.loads(SEALED)
        change(data)
        yield data


@pytest.mark.parametrize("data", list(wrong_shapes()))
def test_a_wrong_shape_is_damage(data):
    with pytest.raises(DamagedBundle, match="is damaged: "):
        parse_envelope(redigested(data))


def test_the_digest_is_as_documented():
    import hashlib

    data = json.loads(CLEAR)
    told = data.pop("digest")
    text = json.dumps(["bundle", data], sort_keys=True, separators=(",", ":"))
    assert told == bundle_digest(data) == hashlib.sha256(text.encode()).hexdigest()


def test_an_error_with_its_path_keeps_its_kind():
    error = NewerBundle("has format version 2").at("/tmp/x")
    assert isinstance(error, NewerBundle)
    assert (str(error), error.code) == ("the bundle /tmp/x has format version 2", "newer_format")
    kinds = BundleError.__subclasses__()
    assert len({kind.code for kind in kinds}) == len(kinds)
