# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a production certificate, written once: as options of a module, and as suboptions of a list.

Private to the collection.
"""

from __future__ import annotations

from ansible_collections.estfleet.cloud_extender.plugins.doc_fragments import exchange_options, template_options

_PARENT = "certificates[]"


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  template:
    description:
      - The name of a template in the store of the host.
      - Exactly one of O(template) and O(inline) is needed.
    type: str
  certificate_name:
    description:
      - A name for the certificate. At most 64 letters, digits, dots, underscores and hyphens; no spaces.
      - On a Windows host, the certificate is known by the name of the template and this one. Its friendly name begins
        with both, as far as it may have their characters. So each certificate of a template needs a name of its own
        there.
      - The default is C(identity).
      - It is refused on a POSIX host, where O(certificate_path) says which certificate it is.
    type: str
  certificate_path:
    description:
      - The PEM file of the certificate on a POSIX host, where it is needed. Its folder has to exist.
      - There is nothing else in it, unless O(private_key_path) names the same file.
      - A new file is 0644. One that is replaced keeps owner and mode, unless O(owner) or O(group) says otherwise.
      - The file beside it whose name begins with a dot and ends in C(.est-note) tells later runs what the certificate
        was issued for, what its chain is, and why one was refused. All files that this module keeps for itself begin
        with a dot.
    type: str
  private_key_path:
    description:
      - The PEM file of the private key on a POSIX host, where it is needed. It can be the file of the certificate.
      - A new file is 0600. One that is replaced keeps owner and mode, unless O(owner), O(group) or O(mode) says
        otherwise.
      - A key in this file that was not made for a certificate of this module is kept beside it when another one takes
        its place, under a name that begins with a dot and ends in C(.est-kept-) and the time.
    type: str
    aliases: [privatekey_path]
  fullchain_path:
    description:
      - A PEM file on a POSIX host for the certificate and then its intermediate CA certificates, as most servers want
        it. The root is not in it.
      - This file and those of O(chain_path) and O(root_certificate_path) are files of their own. A new one is 0644, and
        one that is replaced keeps owner and mode. A file that is not named any more stays as it is.
      - Where a certificate was put there by something else, each is made as far as its content is in the other files
        that are named here, and else with the next certificate; a warning says so.
    type: str
  chain_path:
    description:
      - A PEM file on a POSIX host for the intermediate CA certificates, from the issuer of the certificate upwards,
        without the root. It is empty where the root has issued the certificate.
    type: str
  root_certificate_path:
    description:
      - A PEM file on a POSIX host for the certificate of the root CA.
      - It is not made, and a warning says so, where the chain ends at an intermediate CA that the template trusts.
    type: str
  versioned_folder:
    description:
      - Whether the folder of O(certificate_path) on a POSIX host is replaced as a whole, so that a program that opens
        it once never sees certificate and key apart. O(certificate_path), O(private_key_path), O(pkcs12_path) and the
        files of the chain have to be in this one folder then, which is for one certificate alone.
      - The folder is a symbolic link to a version beside it, such as C(.web.est-version-4) for C(/etc/ssl/web).
        Whatever changes is written into a new version, and the link is replaced in one step. The version before is kept
        for those who are reading it, older ones are removed. The module makes the link and the first version, 0755; the
        folder above has to exist. A version has owner and mode of the one before, and so has each file.
      - What else is in the folder is taken along; it may not have folders in it. A folder that is no such link is
        refused, and the error says how to make it the first version.
      - The files that this module keeps for itself are beside the link and named after it, such as C(.web.est-note).
      - The default is not.
    type: bool
  pkcs12_path:
    description:
      - A PKCS#12 file on a POSIX host with the certificate, its private key and the intermediate CA certificates, for
        programs that take no PEM, such as Java. The root is not in it.
      - It is made of the certificate and the key that are there, and made again where it is not there, was edited, or
        one of its options has changed; certificate and key stay as they are. A new file is 0600.
      - A file of something else, which does not begin as PKCS#12 does, is refused.
    type: str
  pkcs12_passphrase:
    description:
      - The passphrase of O(pkcs12_path), which needs one. It is never made up. At most 1023 octets in one line.
    type: str
  pkcs12_encryption:
    description:
      - How the content of O(pkcs12_path) is encrypted.
      - V(modern) is AES-256 with PBKDF2, and SHA-256, also in the MAC. It needs cryptography 38 or newer on the host.
      - V(legacy) is triple DES and SHA-1, for programs that know nothing newer, such as Java before 8u301 and Windows
        Server 2016. Take a good passphrase.
      - The default is V(modern).
    type: str
    choices: [modern, legacy]
  pkcs12_friendly_name:
    description:
      - The name of the pair in O(pkcs12_path), which Java has as its alias.
      - The default is none.
    type: str
  private_key_passphrase:
    description:
      - Encrypts the private key in O(private_key_path) (PKCS#8) on a POSIX host. A key that is there in the clear is
        encrypted, and stays the same key. The program that uses it needs the passphrase.
      - A key that this passphrase does not open, or that is encrypted where none is given, counts as none. So another
        passphrase means another certificate; the old key is kept as O(private_key_path) says.
      - While a request waits for approval, and where a certificate cannot be used, the key in the file of this module
        is not encrypted; that file is 0600.
      - At most 1023 octets in one line.
    type: str
  owner:
    description:
      - The account, by name or number, that all files of the certificate belong to on a POSIX host, as in
        M(ansible.builtin.file). So with O(group), O(seuser), O(serole), O(setype) and O(selevel). A file that has
        another one is put right on every run. What is not given stays as it is.
    type: str
  group:
    description: The group of these files; see O(owner).
    type: str
  mode:
    description:
      - The mode of those of these files that have the private key in them, O(private_key_path) and O(pkcs12_path); see
        O(owner). The others are 0644 when they are new.
      - An octal number, best in quotes, such as V('0640'), which lets the owner read and gives other accounts nothing.
    type: raw
  seuser:
    description: The user of the SELinux context of these files, where the host has SELinux; see O(owner).
    type: str
  serole:
    description: The role of that context.
    type: str
  setype:
    description: The type of that context.
    type: str
  selevel:
    description: The level of that context.
    type: str
  backup:
    description:
      - Whether the files that a new certificate replaces are kept on a POSIX host, each under its name with a dot
        before it and C(.est-backup-) and the time after it; with O(versioned_folder) beside the link and named after
        that. A program that loads a whole folder passes over such files. They keep the private key, and nothing removes
        them.
      - The default is not.
    type: bool
  reload:
    description:
      - Services that are to read the certificate anew when it has changed, by the names that they have on the host.
        Each is reloaded at the end, once.
      - With systemd that is C(systemctl try-reload-or-restart), which restarts what knows no reload; else
        C(service NAME reload). One that does not run stays so.
      - Windows knows no reload. There a service that runs is restarted, with those that run and depend on it. Where the
        host has no such service, that is an error before anything is asked for; so is V(WinRM), through which Ansible
        comes. A program that finds its certificate itself needs no more; one that is to be told the thumbprint needs a
        handler, which restarts it as well.
      - It is noted before anything changes. So a run that dies before it has reloaded them, or cannot, leaves that to
        the next one; RV(status) is V(recovered) then. A service that cannot be reloaded is a failure.
    type: list
    elements: str
  certificate_store_name:
    description:
      - The name of the certificate store that keeps certificate and key on a Windows host, which has to exist.
      - The default is C(My).
    type: str
  certificate_store_location:
    description:
      - The location of that store. V(LocalMachine) are the stores of the machine.
      - The default is V(LocalMachine).
    type: str
    choices: [LocalMachine]
  key_provider:
    description:
      - What makes and keeps the private key on a Windows host.
      - V(software) is the Microsoft Software Key Storage Provider of CNG.
      - V(tpm) is the Microsoft Platform Crypto Provider, whose keys are bound to the TPM of the host. A TPM makes fewer
        kinds of keys, such as RSA with 2048 bits, and takes its time.
      - V(csp) is the Microsoft Enhanced RSA and AES Cryptographic Provider, for services that know no CNG; it makes RSA
        keys only.
      - The default is V(software). It counts for keys that are made from then on.
    type: str
    choices: [software, tpm, csp]
  key_exportable:
    description:
      - Whether administrators can take the private key out of its key store on a Windows host.
      - The default is not. It counts for keys that are made from then on.
    type: bool
  key_readers:
    description:
      - Accounts that may use the private key on a Windows host beside SYSTEM and administrators, such as
        V(NT SERVICE\\W3SVC), V(IIS AppPool\\portal) or V(S-1-5-20), by name or security identifier. The host has to
        know them.
      - One that may not use the key is let, on every run. Others keep what they have; the next key has only those that
        are listed then.
    type: list
    elements: str
  renewal_method:
    description:
      - V(rekey) makes a new private key for every renewal, of the kind that the template names, or else of the kind of
        the old one.
      - V(renew) keeps the key.
    type: str
    choices: [rekey, renew]
    default: rekey
  renewal_period_days:
    description:
      - A certificate that ends within so many days is renewed, but none before half of its lifetime is over.
      - The default is the C(renewal_period_days) of the template.
      - 1 to 365.
    type: int
    aliases: [remaining_days]
  renewal_spread:
    description:
      - Percent of the time from the moment at which a certificate could be renewed to its end, over which renewals are
        spread, so that a fleet that was enrolled in one hour is not renewed in one. Each certificate has its moment,
        which RV(renew_at) tells.
      - The moment is as far into that time as the first 8 octets of the SHA-256 fingerprint, as a number, are into 2 to
        the power of 64. With 14 days and V(50) a certificate is renewed 7 to 14 days before its end.
      - 0 to 90.
    type: int
    default: 0
  force:
    description: Get a new certificate in any case. Every run does then.
    type: bool
    default: false
  on_failed_renewal:
    description:
      - What to do where the old certificate cannot authenticate its renewal. It has expired, may not be used for TLS,
        or is refused by the EST server, in TLS or with HTTP 400, 401, 403, 415 or 422.
      - V(enroll) enrols anew, with the account of the template or its TLS client certificate, and warns.
      - V(fail) is a failure, so that no password is used without anybody knowing.
      - A certificate that the EST server calls revoked is a failure in any case, and so is a server that does not
        answer or has no time.
    type: str
    choices: [fail, enroll]
    default: fail
  wait_timeout:
    description:
      - Seconds to wait in all for a certificate that the CA must approve. The result is C(pending) when that is not
        enough, and a later run goes on with the same key.
      - 0 to 86400.
    type: int
    default: 0
  on_unverified_chain:
    description:
      - What to do when the certificate does not chain to the CA certificates that the EST server names.
      - V(warn) saves it all the same and warns.
    type: str
    choices: [fail, warn]
    default: fail
  key_origin:
    description:
      - Who makes the private key.
      - With V(host) it is made where the certificate is asked for, and no other machine has it. Use this where you can.
      - With V(server) the EST server makes it and sends it through TLS with the certificate (C(/serverkeygen), RFC 7030
        section 4.4). The key is of the kind that the template names, or the server takes. It is kept as one that is
        made here. The server has to be trusted by C(ca_certificate), C(ca_path) or C(ca_fingerprint) of the template;
        C(use_system_trust) is refused.
      - With V(server) a renewal asks for another key as well, authenticated by the old certificate, unless
        O(renewal_method) is V(renew). After a change of this option a new certificate is enrolled.
      - V(server) is refused on a Windows host, whose key is made in its own key store.
    type: str
    choices: [host, server]
    default: host
"""

    # Of an entry for many identities.
    IDENTITIES = r"""
options:
  identities:
    description:
      - Identities that each get a certificate of the template, with files of its own in O(output_path). Each is a
        dictionary with C(user), C(domain), C(email) and C(variables), as O(identity) is, whose values count for all
        identities that do not have them.
      - An identity can have C(pkcs12_passphrase) as well. With it, or with O(pkcs12_passphrase) for all, it gets a
        PKCS#12 file beside the pair, or with O(pkcs12_only) in its place. Where one identity has a passphrase, each
        needs one; none is made up.
      - The variables have to be those of the product, or custom attributes of the template.
      - All identities are checked before the first is asked for. Two that would have the same files are refused.
      - Of the options of files, such an entry has O(pkcs12_passphrase), O(pkcs12_encryption), O(owner), O(group),
        O(mode), those of SELinux, O(backup) and O(reload), which hold for the files of each identity. It has none of a
        place on a Windows host. Nor does it take O(wait_timeout); the next run goes on with what waits for approval.
      - A Windows host, whose private keys stay in its key store, refuses it. Run it on a POSIX host that reaches the
        EST server, and take the PKCS#12 files to Windows.
    type: list
    elements: dict
  identities_csv:
    description:
      - A CSV file on the controller with the identities, in place of O(identities). It is looked for where
        C(ansible.builtin.copy) looks for its C(src).
      - UTF-8, with or without a byte order mark. The first line names the columns, C(user), C(domain), C(email),
        C(pkcs12_passphrase), and variables without percent signs. They are separated by commas, semicolons or tabs,
        whichever the first line has. Empty lines count for nothing. An empty cell of a variable leaves out what has
        that variable.
    type: path
  output_path:
    description:
      - The folder on the host for the files of the identities. It is made where it does not exist, 0700. It is for this
        entry alone.
      - Each identity has there C(NAME.pem), 0644, the certificate and then its intermediate CA certificates, and
        C(NAME.key), 0600. One with a passphrase also has C(NAME.p12), 0600, with both. What is missing or was edited is
        made again of the pair, and so is C(NAME.p12) where its passphrase or encryption has changed. All that is kept
        beside begins with a dot.
      - The folder stays as it is. To let O(owner) in, make it before with M(ansible.builtin.file).
    type: str
  pkcs12_only:
    description:
      - Whether each identity gets its PKCS#12 file alone, without the pair in PEM; each needs a passphrase then.
      - The private key is kept nowhere else, but while there is no certificate for it that can be used. So a file that
        its passphrase does not open counts as none. Another certificate is asked for, and the file is kept beside.
      - A pair that this module has put there becomes the content of the file, and is removed; without this option, and
        with its passphrase, it is made of the file again.
      - The default is not.
    type: bool
  file_name:
    description:
      - The name of the files of each identity, with variables of the template such as C(%uname%-%csn%).
      - The default is C(%uname%).
    type: str
  max_failures:
    description:
      - How many identities may fail before the rest is left alone, 0 to 100000. A CA that is broken must not be asked
        ten thousand times. An EST server that cannot be reached, or that refuses the account, ends it at once.
      - The default is 20.
    type: int
"""

    # Annotated, because ansible-test takes every plain assignment here for a literal.
    SUBOPTIONS: str = """
options:
  certificates:
    description:
      - The certificates that the host should have, each with the options that
        M(estfleet.cloud_extender.est_certificate) has for one. The template store and how to talk to an EST server are
        the same for all, and stand beside the list.
    type: list
    elements: dict
    required: true
    suboptions:
""" + "".join(
        template_options.as_suboptions(options, _PARENT)
        for options in (
            DOCUMENTATION,
            template_options.ModuleDocFragment.INLINE,
            exchange_options.ModuleDocFragment.IDENTITY,
            exchange_options.ModuleDocFragment.ACCEPTANCE,
            IDENTITIES,
        )
    )
