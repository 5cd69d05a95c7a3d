# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of bundles. Each is a predicate that reads after the bundle's path, and says what to do next."""

from __future__ import annotations


class BundleError(Exception):
    """A bundle cannot be read, understood or written. No message ever holds a secret.

    :cvar code: a name for a playbook to tell the errors apart by.
    """

    code = "unusable_bundle"

    def at(self, path: str) -> BundleError:
        """Return the same error with the path of the bundle before it."""
        return type(self)(f"the bundle {path} {self}")


class FileError(BundleError):
    """The file cannot be read or written, or is something other than a file."""

    code = "unusable_file"


class NotABundle(BundleError):
    """The file is something other than a bundle."""

    code = "not_a_bundle"


class DamagedBundle(BundleError):
    """The file was a bundle once: it is cut short, or was changed after it was written."""

    code = "damaged_bundle"


class NewerBundle(BundleError):
    """A newer version of this collection wrote the bundle."""

    code = "newer_format"


class WrongPassphrase(BundleError):
    """The bundle is whole, and sealed with another passphrase."""

    code = "wrong_passphrase"


class PassphraseMissing(BundleError):
    """The bundle is sealed, and no passphrase was given."""

    code = "missing_passphrase"


class NotSealed(BundleError):
    """A passphrase was given, and the bundle is not sealed with any."""

    code = "not_sealed"


class UnusableTemplate(BundleError):
    """A template in the bundle is not one that this version of the collection takes."""

    code = "unusable_template"


class TooLarge(BundleError):
    """The bundle would be too large to be read again."""

    code = "bundle_too_large"


class UnknownName(BundleError):
    """A template that was asked for is not in the bundle."""

    code = "unknown_template"


class LibraryMissing(BundleError):
    """What seals and opens bundles is missing where this runs."""

    code = "missing_library"
