# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of bundles. Each is a predicate that reads after the bundle's path, and says what to do next."""

from __future__ import annotations


class BundleError(Exception):
    """A bundle cannot be read, understood or written. No message ever holds a secret.

    :cvar reason: one word for a playbook to tell the errors apart by.
    """

    reason = "unusable"

    def at(self, path: str) -> BundleError:
        """Return the same error with the path of the bundle before it."""
        return type(self)(f"the bundle {path} {self}")


class FileError(BundleError):
    """The file cannot be read or written, or is something other than a file."""

    reason = "file"


class NotABundle(BundleError):
    """The file is something other than a bundle."""

    reason = "not_a_bundle"


class DamagedBundle(BundleError):
    """The file was a bundle once: it is cut short, or was changed after it was written."""

    reason = "damaged"


class NewerBundle(BundleError):
    """A newer version of this collection wrote the bundle."""

    reason = "newer_version"


class WrongPassphrase(BundleError):
    """The bundle is whole, and sealed with another passphrase."""

    reason = "wrong_passphrase"


class PassphraseMissing(BundleError):
    """The bundle is sealed, and no passphrase was given."""

    reason = "passphrase_missing"


class NotSealed(BundleError):
    """A passphrase was given, and the bundle is not sealed with any."""

    reason = "not_sealed"


class UnusableTemplate(BundleError):
    """A template in the bundle is not one that this version of the collection takes."""

    reason = "unusable_template"


class TooLarge(BundleError):
    """The bundle would be too large to be read again."""

    reason = "too_large"


class UnknownName(BundleError):
    """A template that was asked for is not in the bundle."""

    reason = "unknown_name"


class LibraryMissing(BundleError):
    """What seals and opens bundles is missing where this runs."""

    reason = "library_missing"
