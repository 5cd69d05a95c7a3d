// Copyright (c) 2026, estfleet.cloud_extender contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What win_est_diagnostics_host needs and PowerShell cannot do by itself.

using System;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;

namespace ansible_collections.estfleet.cloud_extender.plugins.module_utils._windows_diagnostics
{
    /// <summary>
    /// The end of this process where something in it hangs, for which PowerShell would wait.
    /// </summary>
    public static class Ending
    {
        private static Timer timer;

        /// <summary>End it in so many seconds, in which the answer goes out. A host of PSRP sessions goes on.</summary>
        public static void In(int seconds)
        {
            if (Process.GetCurrentProcess().ProcessName.Equals("wsmprovhost", StringComparison.OrdinalIgnoreCase)) return;
            timer = new Timer(delegate { Environment.Exit(0); }, null, 1000 * seconds, Timeout.Infinite);
        }
    }

    /// <summary>
    /// The proxy of WinHTTP, which many services use. Only this function of Windows tells it: its value in the registry
    /// has no documented form, and netsh says it in the language of Windows.
    /// </summary>
    public static class WinHttp
    {
        [StructLayout(LayoutKind.Sequential)]
        private struct ProxyInfo
        {
            public uint AccessType;
            public IntPtr Proxy;
            public IntPtr Bypass;
        }

        [DllImport("winhttp.dll", SetLastError = true)]
        private static extern bool WinHttpGetDefaultProxyConfiguration(out ProxyInfo info);

        [DllImport("kernel32.dll")]
        private static extern IntPtr GlobalFree(IntPtr memory);

        /// <summary>Return the proxy, and for which names there is none; both are empty where there is no proxy.</summary>
        public static string[] Read()
        {
            ProxyInfo info;
            if (!WinHttpGetDefaultProxyConfiguration(out info)) throw new Win32Exception(Marshal.GetLastWin32Error());
            return new string[] { Text(info.Proxy), Text(info.Bypass) };
        }

        private static string Text(IntPtr memory)
        {
            string text = memory == IntPtr.Zero ? "" : Marshal.PtrToStringUni(memory);
            if (memory != IntPtr.Zero) GlobalFree(memory);
            return text;
        }
    }
}
