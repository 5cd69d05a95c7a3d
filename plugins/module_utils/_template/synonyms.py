# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator writes who knows another tool, and what it is called here.

For suggestions only: a synonym is refused, and the error says the name that was meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import closest

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPTIONS: dict[str, tuple[str, ...]] = {
    "name": ("template", "template_name", "title"),
    "certificate_authority": ("ca_type", "ca_kind", "authority", "scope"),
    "device_identity_certificates": ("device_identity", "device_certificates"),
    "server": ("host", "hostname", "url", "est_url", "est_server", "server_url", "address", "fqdn"),
    "port": ("est_port", "server_port"),
    "label": ("ca_label", "est_label", "path_segment"),
    "base_path": ("path", "est_path", "url_path", "prefix", "path_prefix", "context_path", "mount"),
    "username": ("user", "login", "account", "est_username", "url_username", "user_id", "uid"),
    "password": ("pass", "passwd", "pwd", "secret", "est_password", "url_password"),
    "challenge_password": ("challenge", "enrollment_code", "enrolment_code", "otp", "one_time_password"),
    "ca_certificate": ("ca", "ca_cert", "ca_pem", "ca_bundle", "trust_anchor", "trust_anchors", "ca_chain"),
    "ca_path": ("ca_file", "ca_cert_path", "ca_certificate_path", "ca_bundle_path"),
    "ca_fingerprint": ("fingerprint", "thumbprint", "ca_thumbprint", "pin", "ca_pin"),
    "use_system_trust": ("system_trust", "validate_certs", "verify", "use_system_ca", "use_system_store"),
    "client_certificate_path": ("client_cert", "client_certificate", "client_cert_path", "certificate_path", "cert"),
    "client_key_path": ("client_key", "client_private_key", "private_key_path", "client_private_key_path"),
    "client_key_passphrase": ("passphrase", "private_key_passphrase", "key_passphrase", "client_key_password"),
    "proxy": ("http_proxy", "https_proxy", "proxy_url"),
    "subject": ("dn", "subject_dn", "distinguished_name", "subject_name"),
    "subject_alternative_name": ("san", "subject_alt_name", "subject_alternate_name", "alternative_name", "alt_name"),
    "subject_alternative_name_other": ("sans", "san_other", "subject_alternative_names", "alternative_names"),
    "custom_attributes": ("attributes", "custom_user_attributes", "user_attributes"),
    "key_type": ("key_algorithm", "algorithm", "type"),
    "key_size": ("size", "bits", "key_bits", "key_length"),
    "key_curve": ("curve", "ec_curve", "elliptic_curve"),
    "renewal_period_days": ("renewal_period", "renewal_days", "renew_before_days", "renew_days", "remaining_days"),
    "proof_of_possession": ("pop", "link_identity", "channel_binding"),
}

_IDENTITY: dict[str, tuple[str, ...]] = {
    "user": ("user_name", "uname", "upn", "uid", "login"),
    "domain": ("fqdn", "domain_name"),
    "email": ("mail", "email_address"),
    "variables": ("vars", "attributes", "custom_attributes", "values"),
}

_CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "certificate_authority": {"generic": ("other", "est", "any"), "cisco": ("cisco_est", "libest")},
    "subject_alternative_name": {
        "none": ("no", "false", "empty", "off"),
        "upn": ("user_principal_name", "principal_name"),
        "upn_and_email": ("upn_email", "email", "upn_or_email", "upn_+_email", "upn_&_email", "email_and_upn", "both"),
        "other": ("dns", "ip", "uri", "rid", "dirname", "sid", "custom"),
    },
    "key_type": {
        "rsa": ("rsa2048", "rsa3072", "rsa4096", "rsaencryption"),
        "ec": (
            *("ecc", "ecdsa", "ecdh", "elliptic_curve", "ecpublickey", "ec_p256", "p256", "p384", "p521"),
            *("secp256r1", "secp384r1", "secp521r1", "prime256v1", "nistp256", "nistp384", "nistp521"),
            *("ecdsa_p256", "ecdsa_p384", "ecdsa_p521", "ecdsa256", "ecdsa384"),
        ),
        "ed25519": ("eddsa", "curve25519", "x25519"),
        "ml-dsa-44": ("dilithium2",),
        "ml-dsa-65": ("ml_dsa", "dilithium", "dilithium3"),
        "ml-dsa-87": ("dilithium5",),
    },
    "proof_of_possession": {
        "always": ("yes", "true", "on", "required", "force"),
        "never": ("no", "false", "off", "disabled", "none"),
        "auto": ("automatic", "default", "negotiate"),
    },
    "update_password": {"on_create": ("create", "once", "never", "no", "false"), "always": ("yes", "true", "update")},
}


def meant_option(key: object, names: Mapping[str, object]) -> str:
    """Return the option that was probably meant by one that does not exist, or an empty string.

    :param names: the options that there are, by name: those of a template, or of a module. An option of ``identity``
        is found in it from beside it.
    """
    if "identity" in names:
        inside = _known(key, dict.fromkeys(_IDENTITY), _IDENTITY)
        if inside:
            return f"identity.{inside}"
    return _known(key, names, _OPTIONS) or closest(key, names)


def meant_identity_option(key: object, names: Mapping[str, object]) -> str:
    """Return the option of an identity that was probably meant by one that does not exist, or an empty string."""
    return _known(key, names, _IDENTITY) or closest(key, names)


def meant_choice(option: str, value: str, choices: tuple[str, ...]) -> str:
    """Return the choice of an option that was probably meant by a value that is not one, or an empty string."""
    return _known(value, dict.fromkeys(choices), _CHOICES.get(option, {})) or closest(value, choices)


def _known(value: object, names: Mapping[str, object], synonyms: Mapping[str, tuple[str, ...]]) -> str:
    """Look for a name that differs in form only, then for a synonym."""
    wanted = _folded(str(value))
    for name in names:
        if _folded(name) == wanted:
            return name
    for name, others in synonyms.items():
        if name in names and wanted in map(_folded, others):
            return name
    return ""


def _folded(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum() or character in "+&")
