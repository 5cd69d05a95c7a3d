# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``win_est_key``: keys in the key store of the machine, and the certificates that are joined to them.

It has no Python twin. Under Linux there is no such key store, so what can be shown there is what is refused; in Wine
the keys are those of a CSP. ``tests/windows/real_host_certificate.yml`` is for the rest.
"""

from __future__ import annotations

import base64
import datetime
import os
import re
import secrets
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from twins.twin import PLUGINS, Twin

from ansible_collections.estfleet.cloud_extender.plugins.module_utils._answer import mask
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.store import check_reading
from ansible_collections.estfleet.cloud_extender.plugins.plugin_utils.host.windows_keys import (
    MISSING,
    OTHER,
    THERE,
    HostKeys,
    OneLook,
    _pad,
    thumbprint,
)

MODULE = PLUGINS / "modules" / "est_key.py"
SEED = os.urandom(32)
NAME = "web portal"
DIGEST = "0123456789abcdef"
HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}

NO_STORE = "Linux has no key store and no certificate store of a machine"
NO_NAMED_KEYS = "Wine keeps no named key of CNG"
NO_REMOVAL = "Wine has a certificate that was removed back when the store is opened again"
NO_LISTS = "the CSP of Wine keeps no access list of a key"
shown_by_wine = pytest.mark.cannot_show(pwsh=NO_STORE)


class Keys:
    """The module for one certificate of a test's own."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.mark = secrets.token_hex(4)
        self.folder = twin.folder / "store"
        self.issuer = rsa.generate_private_key(65537, 2048)

    def run(self, operation: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        which = {"store_name": "My", "mark": self.mark, "name": NAME}
        given: dict[str, Any] = {"operation": operation, "store_path": self.twin.path(self.folder)}
        if operation != "look":
            return self.twin.run({**given, **which, **options}, check=check)
        of_one = {name: options.pop(name) for name in (*which, "key_readers", "services") if name in options}
        given["pad"] = base64.b64encode(SEED).decode()
        result = self.twin.run({**given, "certificates": [{**which, **of_one}], **options}, check=check)
        if result.get("failed"):
            return result
        (found,) = result.pop("found")
        return {**result, "failed": True, **found} if "error_code" in found else {**result, **found}

    def done(self, operation: str, **options: Any) -> dict[str, Any]:
        """Run it, and expect no failure."""
        result = self.run(operation, **options)
        assert not result.get("failed"), result
        return result

    def make(self, **options: Any) -> Any:
        """A key of a CSP; returns the public key."""
        given = {"key_provider": "csp", "key_type": "rsa", "key_size": 2048}
        return load_der_public_key(base64.b64decode(self.done("make", **{**given, **options})["public_key"]))

    def look(self, **options: Any) -> dict[str, Any]:
        return self.done("look", **options)

    def certificate(self, public_key: Any, days: int = 30, common_name: str = "web") -> bytes:
        """A certificate for a key, DER."""
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder(
            x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "twins")]),
            name,
            public_key,
            x509.random_serial_number(),
            now - datetime.timedelta(days=60),
            now + datetime.timedelta(days=days),
        )
        return builder.sign(self.issuer, hashes.SHA256()).public_bytes(Encoding.DER)

    def friendly_name(self, number: int) -> str:
        return f"web-portal-est-{self.mark}-{DIGEST}-{number}"

    def join(self, der: bytes, number: int = 1, **options: Any) -> dict[str, Any]:
        certificate = base64.b64encode(der).decode()
        return self.run("join", certificate=certificate, friendly_name=self.friendly_name(number), **options)

    def joined(self, number: int = 1) -> bytes:
        """A certificate with a new key in the store."""
        der = self.certificate(self.make())
        result = self.join(der, number)
        assert not result.get("failed"), result
        return der

    def signed(self, octets: bytes, name: str = "sha256", **options: Any) -> bytes:
        data = base64.b64encode(octets).decode()
        return base64.b64decode(self.done("sign", data=data, hash=name, **options)["signature"])

    def notes(self) -> set[str]:
        prefix = f"certificate-My-{self.mark}."
        return {path.name[len(prefix) :] for path in self.folder.iterdir() if path.name.startswith(prefix)}


@pytest.fixture
def keys(twin: Twin) -> Keys:
    return Keys(twin)


def verify(public_key: Any, signature: bytes, octets: bytes, name: str = "sha256") -> None:
    public_key.verify(signature, octets, padding.PKCS1v15(), HASHES[name])


def refused(result: dict[str, Any], words: str, code: str = "key_failed") -> None:
    assert (result["failed"], result["changed"], result["error_code"]) == (True, False, code), result
    assert re.search(words, result["msg"]), result["msg"]
    assert (result["reason"], result["hint"]) == (result["msg"].rstrip("."), None)


# ----------------------------------------------------------------------------------------------------------------------
# What is refused


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"store_name": "..\\My"}, "store_name cannot be"),
        ({"mark": "0123456"}, "mark cannot be"),
        ({"mark": "0123ABCD"}, "mark cannot be"),
        ({"thumbprint": "00"}, "thumbprint cannot be"),
        ({"services": ["..\\Tcpip"]}, "services cannot have"),
        ({"pad": "?"}, "pad is not base64"),
        ({"data": "?"}, "data is not base64"),
        ({"content": "?"}, "content is not base64"),
        ({"key_type": "rsa", "key_size": 1024}, "key_size cannot be 1024"),
        ({"key_type": "rsa", "key_size": 2047}, "key_size cannot be 2047"),
        ({"key_type": "rsa"}, "key_size cannot be 0"),
        ({"key_type": "ec", "key_curve": "P-256", "key_provider": "csp"}, "csp has RSA keys only"),
        ({"key_provider": "tpm", "key_exportable": True}, "no key leaves a TPM"),
    ],
    ids=str,
)
def test_an_option_that_cannot_be_meant_is_refused(keys: Keys, options: dict[str, Any], words: str) -> None:
    refused(keys.run("look", **options), words, "invalid_option")
    assert not keys.folder.exists()


@pytest.mark.parametrize(
    ("operation", "options"),
    [
        ("make", {}),
        ("make", {"key_type": "ec"}),
        ("make", {"key_type": "rsa", "key_size": 2048, "key_provider": "smart card"}),
        ("sign", {"data": ""}),
        ("sign", {"data": "", "hash": "md5"}),
        ("join", {"certificate": ""}),
        ("note", {"note": "key", "content": ""}),
        ("export", {}),
    ],
    ids=str,
)
def test_an_option_that_is_missing_or_unknown_is_refused(keys: Keys, operation: str, options: dict[str, Any]) -> None:
    result = keys.run(operation, **options)
    assert result["failed"], result
    assert not keys.folder.exists()


@pytest.mark.cannot_show(wine="it has such stores")
@pytest.mark.parametrize("operation", ["look", "make", "join", "sign"])
def test_where_there_is_no_key_store_it_is_said(keys: Keys, operation: str) -> None:
    options: dict[str, dict[str, Any]] = {
        "make": {"key_type": "rsa", "key_size": 2048},
        "sign": {"data": "", "hash": "sha256", "thumbprint": "0" * 40},
        "join": {"certificate": "", "friendly_name": "x", "thumbprint": "0" * 40},
    }
    refused(keys.run(operation, **options.get(operation, {})), "this is no Windows", "not_supported")


@pytest.mark.parametrize("operation", ["make", "join", "grant", "note", "remove"])
def test_check_mode_does_nothing(keys: Keys, operation: str) -> None:
    options: dict[str, dict[str, Any]] = {
        "make": {"key_type": "rsa", "key_size": 2048},
        "join": {"certificate": "", "friendly_name": "x"},
        "grant": {"thumbprint": "0" * 40},
        "note": {"note": "refused", "content": ""},
        "remove": {"waiting": True},
    }
    assert keys.run(operation, check=True, **options[operation]) == {"changed": True}
    assert not keys.folder.exists()


@shown_by_wine
def test_a_store_that_is_not_there_is_named(keys: Keys) -> None:
    refused(keys.run("look", store_name="Nowhere"), "no certificate store LocalMachine.Nowhere")


@shown_by_wine
def test_an_account_that_nobody_knows_is_named(keys: Keys) -> None:
    for operation, options in (("look", {}), ("grant", {"thumbprint": "0" * 40})):
        result = keys.run(operation, key_readers=["S-1-5-20", "NOWHERE\\nobody"], **options)
        refused(result, r"key_readers has NOWHERE\\nobody, and this host knows no such account", "unknown_account")


# ----------------------------------------------------------------------------------------------------------------------
# Keys


@shown_by_wine
def test_nothing_is_there_and_nothing_is_made(keys: Keys) -> None:
    look = keys.look()
    assert look == {
        "changed": False,
        "certificates": [],
        "writable": True,
        "waiting_key": "",
        "masked_pending": "",
        "refused": "",
        "owed": [],
        "document": {},
        "made": {},
    }
    assert not keys.folder.exists()


@shown_by_wine
@pytest.mark.parametrize("size", [2048, 3072])
def test_a_key_is_made_signs_and_waits(keys: Keys, size: int) -> None:
    public_key = keys.make(key_size=size)
    assert public_key.key_size == size
    for name in HASHES:
        octets = os.urandom(500)
        verify(public_key, keys.signed(octets, name), octets, name)
    assert load_der_public_key(base64.b64decode(keys.look()["waiting_key"])) == public_key
    assert keys.notes() == {"key"}


@shown_by_wine
def test_a_new_key_takes_the_place_of_one_that_waits(keys: Keys) -> None:
    first = keys.make()
    keys.done("note", note="pending", content="")
    note = (keys.folder / f"certificate-My-{keys.mark}.key").read_bytes()
    second = keys.make()
    assert first != second
    assert keys.notes() == {"key"}, "what waited was for the first"
    # The first is gone from the key store, whoever still has its note.
    (keys.folder / f"certificate-My-{keys.mark}.key").write_bytes(note)
    assert keys.look()["waiting_key"] == ""
    refused(keys.run("sign", data="", hash="sha256"), "does not sign: it is not there")


@shown_by_wine
@pytest.mark.parametrize("note", [b"", b"csp est-0\n", b"csp ..\\..\\x\n", b"\xff" * 100])
def test_a_note_that_names_no_key_of_ours_is_as_none(keys: Keys, note: bytes) -> None:
    keys.make()
    (keys.folder / f"certificate-My-{keys.mark}.key").write_bytes(note)
    assert keys.look()["waiting_key"] == ""
    refused(keys.run("sign", data="", hash="sha256"), "no key waits for a certificate of this name")


@shown_by_wine
def test_a_key_cannot_be_exported_unless_that_was_asked(keys: Keys) -> None:
    script = """param($name)
$provider = 'Microsoft Enhanced RSA and AES Cryptographic Provider'
$parameters = [Security.Cryptography.CspParameters]::new(24, $provider, $name)
$parameters.Flags = 'UseMachineKeyStore, UseExistingKey'
$key = [Security.Cryptography.RSACryptoServiceProvider]::new($parameters)
try { $null = $key.ExportCspBlob($true); 'exported' } catch { 'kept' }
"""
    for exportable in (False, True):
        keys.make(key_exportable=exportable)
        name = (keys.folder / f"certificate-My-{keys.mark}.key").read_text().split()[1]
        assert keys.twin.script(script, name).strip() == ("exported" if exportable else "kept")


@pytest.mark.cannot_show(pwsh=NO_STORE, wine=NO_NAMED_KEYS)
@pytest.mark.parametrize("kind", [{"key_type": "rsa", "key_size": 2048}, {"key_type": "ec", "key_curve": "P-256"}])
def test_a_key_of_cng_is_made_signs_and_waits(keys: Keys, kind: dict[str, Any]) -> None:
    public_key = keys.make(key_provider="software", **kind)
    assert load_der_public_key(base64.b64decode(keys.look()["waiting_key"])) == public_key


@shown_by_wine
def test_a_provider_that_does_not_do_it_is_told_with_what_helps(keys: Keys) -> None:
    """Wine has no EC keys, and no TPM."""
    result = keys.run("make", key_type="ec", key_curve="P-256")
    refused(result, r"no key of type ec can be made by Microsoft Software Key Storage Provider: .* \(0x[0-9A-F]{8}\)")
    result = keys.run("make", key_type="ec", key_curve="P-256", key_provider="tpm")
    refused(result, r"the TPM does not do it \(0x[0-9A-F]{8}\); look with Get-Tpm whether it is ready")
    keys.make()  # what such a run leaves is no obstacle


# ----------------------------------------------------------------------------------------------------------------------
# Certificates


@shown_by_wine
def test_a_certificate_is_joined_to_the_key_that_waits(keys: Keys) -> None:
    public_key = keys.make()
    der = keys.certificate(public_key)
    for note in ("pending", "refused", "unusable"):
        keys.done("note", note=note, content=base64.b64encode(b"x").decode())
    above = base64.b64encode(keys.certificate(keys.issuer.public_key(), common_name="above")).decode()
    assert keys.join(der, intermediates=[above]) == {"changed": True}
    (found,) = keys.look()["certificates"]
    assert base64.b64decode(found["certificate"]) == der
    assert (found["friendly_name"], found["key"]) == (keys.friendly_name(1), THERE)
    assert keys.notes() == {"unusable"}
    octets = os.urandom(100)
    verify(public_key, keys.signed(octets, thumbprint=thumbprint(der)), octets)
    # Another process has it too, with its key, as any program of Windows finds it.
    script = """param($thumbprint)
$store = [Security.Cryptography.X509Certificates.X509Store]::new('My', 'LocalMachine')
$store.Open('ReadOnly')
$found = $store.Certificates | Where-Object Thumbprint -eq $thumbprint
"$($found.HasPrivateKey) $($found.FriendlyName)"
"""
    assert keys.twin.script(script, thumbprint(der)).strip() == f"True {keys.friendly_name(1)}"


@shown_by_wine
def test_a_certificate_for_another_key_is_not_joined(keys: Keys) -> None:
    keys.make()
    refused(keys.join(keys.certificate(keys.issuer.public_key())), "the certificate is not for the key", "wrong_key")
    assert (keys.look()["certificates"], keys.notes()) == ([], {"key"})
    result = keys.run("join", certificate=base64.b64encode(b"x").decode(), friendly_name=keys.friendly_name(1))
    refused(result, "the certificate cannot be read", "key_failed")


@shown_by_wine
def test_a_certificate_can_be_for_the_key_of_the_old_one(keys: Keys) -> None:
    public_key = keys.make()
    old = keys.certificate(public_key)
    keys.join(old)
    new = keys.certificate(public_key)
    assert keys.join(new, 2, thumbprint=thumbprint(old)) == {"changed": True}
    found = keys.look()["certificates"]
    assert sorted(entry["friendly_name"] for entry in found) == [keys.friendly_name(1), keys.friendly_name(2)]
    assert {entry["key"] for entry in found} == {THERE}


@shown_by_wine
def test_others_are_left_alone(keys: Keys) -> None:
    der, other = keys.joined(), Keys(keys.twin)
    assert other.look()["certificates"] == []
    for operation, options in (("sign", {"data": "", "hash": "sha256"}), ("grant", {})):
        result = other.run(operation, thumbprint=thumbprint(der), **options)
        refused(result, f"no certificate {thumbprint(der)} of this name with a key")
    assert other.done("remove", thumbprints=[thumbprint(der)])["removed"] == []


@shown_by_wine
def test_a_certificate_whose_key_is_gone_or_another_is_told(keys: Keys) -> None:
    """By hand: the key is removed from its container, then the container gets another key."""
    keys.make()
    name = (keys.folder / f"certificate-My-{keys.mark}.key").read_text().split()[1]
    keys.join(keys.certificate(load_der_public_key(base64.b64decode(keys.look()["waiting_key"]))))
    remove = """param($name)
$signature = @'
[DllImport("advapi32.dll", EntryPoint = "CryptAcquireContextW", CharSet = CharSet.Unicode, SetLastError = true)]
public static extern bool Acquire(out IntPtr handle, string container, string provider, int type, int flags);
'@
$native = Add-Type -PassThru -Name Native -Namespace Test -MemberDefinition $signature
$handle = [IntPtr]::Zero
# CRYPT_DELETEKEYSET and CRYPT_MACHINE_KEYSET
$native::Acquire([ref]$handle, $name, 'Microsoft Enhanced RSA and AES Cryptographic Provider', 24, 0x30)
"""
    replace = """param($name)
$provider = 'Microsoft Enhanced RSA and AES Cryptographic Provider'
$parameters = [Security.Cryptography.CspParameters]::new(24, $provider, $name)
$parameters.Flags = 'UseMachineKeyStore'
$key = [Security.Cryptography.RSACryptoServiceProvider]::new(2048, $parameters)
$key.ExportParameters($false).Modulus.Length
$key.Dispose()
"""
    assert keys.twin.script(remove, name).strip() == "True"
    assert [entry["key"] for entry in keys.look()["certificates"]] == [MISSING]
    assert keys.twin.script(replace, name).strip() == "256"
    assert [entry["key"] for entry in keys.look()["certificates"]] == [OTHER]


@pytest.mark.cannot_show(pwsh=NO_STORE, wine=NO_REMOVAL)
def test_a_certificate_is_removed_with_its_key(keys: Keys) -> None:
    der = keys.joined()
    assert keys.done("remove", thumbprints=[thumbprint(der)])["removed"] == [thumbprint(der)]
    assert keys.look()["certificates"] == []


@pytest.mark.cannot_show(pwsh=NO_STORE, wine=NO_LISTS)
def test_accounts_are_let_use_the_key(keys: Keys) -> None:
    der = keys.joined()
    (before,) = keys.look(key_readers=["S-1-5-20"])["certificates"]
    assert before["lacking_readers"] == ["NT AUTHORITY\\NETWORK SERVICE"]
    keys.done("grant", thumbprint=thumbprint(der), key_readers=["S-1-5-20"])
    (after,) = keys.look(key_readers=["S-1-5-20"])["certificates"]
    assert after["lacking_readers"] == []


# ----------------------------------------------------------------------------------------------------------------------
# Notes, and the template store


@shown_by_wine
def test_notes_are_read_back_and_the_pending_one_masked(keys: Keys) -> None:
    secret = b'{"request.pem": "with an enrolment code"}'
    path = keys.done("note", note="pending", content=base64.b64encode(secret).decode())["path"]
    assert path == keys.twin.path(keys.folder / f"certificate-My-{keys.mark}.pending")
    keys.done("note", note="refused", content=base64.b64encode(b"why").decode())
    look = keys.look()
    assert base64.b64encode(secret).decode() not in keys.twin.said
    masked = base64.b64decode(look["masked_pending"])
    assert mask(masked, _pad(SEED, {"store_name": "My", "mark": keys.mark}, len(masked))) == secret
    assert base64.b64decode(look["refused"]) == b"why"
    assert keys.look(pad="")["masked_pending"] == ""


@shown_by_wine
def test_what_waits_is_removed_with_its_key(keys: Keys) -> None:
    keys.make()
    keys.done("note", note="pending", content="")
    note = (keys.folder / f"certificate-My-{keys.mark}.key").read_bytes()
    keys.done("remove", waiting=True)
    assert keys.notes() == set()
    (keys.folder / f"certificate-My-{keys.mark}.key").write_bytes(note)
    assert keys.look()["waiting_key"] == "", "the key is gone"


@shown_by_wine
def test_a_run_that_was_killed_after_it_joined_loses_no_key(keys: Keys) -> None:
    """The notes are removed last: the key that waits is that of a certificate then."""
    keys.make()
    path = keys.folder / f"certificate-My-{keys.mark}.key"
    note = path.read_bytes()
    keys.join(keys.certificate(load_der_public_key(base64.b64decode(keys.look()["waiting_key"]))))
    path.write_bytes(note)
    keys.make()
    assert [entry["key"] for entry in keys.look()["certificates"]] == [THERE]
    path.write_bytes(note)
    keys.done("remove", waiting=True)
    assert [entry["key"] for entry in keys.look()["certificates"]] == [THERE]


@shown_by_wine
def test_the_template_store_is_read_in_the_same_call(keys: Keys) -> None:
    look = keys.look(with_document=True, key_pad="00" * 32)
    assert check_reading(look["document"]) == b""
    assert look["document"]["exists"] is False
    refused(keys.run("look", with_document=True, key_pad="00"), "key_pad is not 32 octets", "invalid_option")


@shown_by_wine
def test_the_class_of_the_controller_understands_it(keys: Keys) -> None:
    def host_of(mark: str, name: str) -> HostKeys:
        return HostKeys(
            lambda _module, arguments: keys.twin.run(dict(arguments)),
            "win_est_key",
            store_path=keys.twin.path(keys.folder),
            store_name="My",
            mark=mark,
            name=name,
        )

    host = host_of(keys.mark, NAME)
    assert OneLook([host]).of(host).certificates == ()
    der = keys.joined()
    host.note("refused", b"why")
    pending = os.urandom(1000)
    host.note("pending", pending)
    looks = OneLook([host], with_document=True)
    look = looks.of(host)
    assert [(entry.der, entry.key) for entry in look.certificates] == [(der, THERE)]
    assert (look.refused, look.pending, look.waiting_key, look.writable) == (b"why", pending, b"", True)
    assert looks.document("", os.urandom(32))["exists"] is False
    others = host_of("0" * 8, "-")
    assert OneLook([others]).of(others).certificates == ()
    every = OneLook([others], every=True).of(others).certificates
    assert (der, keys.friendly_name(1), THERE) in [(one.der, one.friendly_name, one.key) for one in every]


@shown_by_wine
def test_one_call_looks_at_several_certificates(keys: Keys) -> None:
    der, other = keys.joined(), Keys(keys.twin)
    other.done("note", note="refused", content=base64.b64encode(b"why").decode())
    asked = [{"store_name": "My", "mark": each.mark, "name": NAME} for each in (keys, other)]
    wrong = [{**asked[0], "store_name": "Nowhere"}, {**asked[0], "key_readers": ["NOWHERE\\nobody"]}]
    found = keys.twin.run(
        {
            "operation": "look",
            "store_path": keys.twin.path(keys.folder),
            "pad": base64.b64encode(SEED).decode(),
            "certificates": [wrong[0], asked[0], wrong[1], asked[1]],
        }
    )["found"]
    assert [each.get("error_code") for each in found] == ["key_failed", None, "unknown_account", None]
    assert "no certificate store LocalMachine\\Nowhere" in found[0]["msg"]
    assert [base64.b64decode(each["certificate"]) for each in found[1]["certificates"]] == [der]
    assert (found[1]["refused"], base64.b64decode(found[3]["refused"])) == ("", b"why")
    assert found[3]["certificates"] == []


# ----------------------------------------------------------------------------------------------------------------------
# Services, which win_est_services restarts


@shown_by_wine
def test_a_service_that_is_not_there_is_named(keys: Keys) -> None:
    assert keys.look(services=["Spooler", "SPOOLER"])["owed"] == []
    for name in ("nowhere", "Tcpip", "MountMgr"):  # the latter are no services that anybody could restart
        result = keys.run("look", services=["Spooler", name])
        refused(result, f"reload has {name}, and this host has no such service", "unknown_service")


@shown_by_wine
def test_what_is_to_be_restarted_is_noted_with_the_certificate(keys: Keys) -> None:
    for number, services in ((1, ["Spooler"]), (2, ["B\u00fcro $1", "Spooler"])):
        der = keys.certificate(keys.make())
        assert keys.join(der, number, services=services) == {"changed": True}
    assert keys.notes() == {"reload"}
    assert keys.look()["owed"] == ["Spooler", "B\u00fcro $1"]


@shown_by_wine
def test_what_is_to_be_restarted_is_noted_before_accounts_are_let_use_the_key(keys: Keys) -> None:
    """The CSP of Wine keeps no access list, so there it stays at that."""
    der = keys.joined()
    keys.run("grant", thumbprint=thumbprint(der), key_readers=["S-1-5-20"], services=["Spooler"])
    assert keys.look()["owed"] == ["Spooler"]
