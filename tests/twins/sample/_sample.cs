// Copyright (c) 2026, estfleet.cloud_extender contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

using System.IO;

namespace ansible_collections.estfleet.cloud_extender.tests.twins.sample
{
    /// <summary>A utility of a module, for the tests of what runs modules.</summary>
    public static class Pen
    {
        public static void Write(string path, string text)
        {
            File.WriteAllText(path, text);
        }
    }
}
