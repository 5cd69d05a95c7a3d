// Copyright (c) 2026, estfleet.cloud_extender contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The proxy of WinHTTP, which many services of Windows use. Only this function of Windows tells it: its value in the
// registry has no documented form, and netsh says it in the language of Windows.

using System;
using System.ComponentModel;
using System.Runtime.InteropServices;

namespace ansible_collections.estfleet.cloud_extender.plugins.module_utils._windows_proxy
{
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
