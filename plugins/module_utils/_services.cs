// Copyright (c) 2026, estfleet.cloud_extender contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Services of a Windows host, for win_est_services. C# 5 and .NET Framework 4.6.2 are enough for it.
//
// The class that .NET has for it is one of an assembly that the other PowerShell does not have in the same place, and Wine
// has only what is below it.

using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;

namespace ansible_collections.estfleet.cloud_extender.plugins.module_utils._services
{
    /// <summary>An opened service.</summary>
    public class Service : IDisposable
    {
        // The states of SERVICE_STATUS_PROCESS.
        public const int Stopped = 1, StartPending = 2, StopPending = 3, Running = 4;
        private const int Connect = 1, QueryConfig = 1, QueryStatus = 4, EnumerateDependents = 8, StartIt = 0x10, StopIt = 0x20;
        private const int ControlStop = 1, AcceptsStop = 1, ActiveOnes = 1, Disabled = 4;
        private const int MoreData = 234, NotActive = 1062, AlreadyRunning = 1056, NoSuchService = 1060, CannotAccept = 1061;
        private const int BetweenLooks = 100;

        public readonly string Name;
        private IntPtr manager, service;

        private Service(string name)
        {
            Name = name;
        }

        /// <summary>Open a service of this host; null where there is none.</summary>
        public static Service Open(string name)
        {
            Service opened = new Service(name);
            try
            {
                opened.manager = OpenSCManagerW(null, null, Connect);
                if (opened.manager == IntPtr.Zero) throw new Win32Exception();
                opened.service = OpenServiceW(opened.manager, name, QueryConfig | QueryStatus | EnumerateDependents | StartIt | StopIt);
                if (opened.service != IntPtr.Zero) return opened;
                int problem = Marshal.GetLastWin32Error();
                if (problem != NoSuchService) throw new Win32Exception(problem);
                opened.Dispose();
                return null;
            }
            catch
            {
                opened.Dispose();
                throw;
            }
        }

        public void Dispose()
        {
            if (service != IntPtr.Zero) CloseServiceHandle(service);
            if (manager != IntPtr.Zero) CloseServiceHandle(manager);
            service = manager = IntPtr.Zero;
        }

        private Status Look()
        {
            Status status = new Status();
            int needed;
            if (!QueryServiceStatusEx(service, 0, ref status, Marshal.SizeOf(typeof(Status)), out needed)) throw new Win32Exception();
            return status;
        }

        /// <summary>The state that it is in, once it is neither starting nor stopping, or the time is over.</summary>
        public int Settled(double seconds)
        {
            Stopwatch watch = Stopwatch.StartNew();
            while (true)
            {
                int state = Look().State;
                if ((state != StartPending && state != StopPending) || watch.Elapsed.TotalSeconds >= seconds) return state;
                Thread.Sleep(BetweenLooks);
            }
        }

        /// <summary>Whether it takes a stop at all. Some services of Windows do not.</summary>
        public bool CanStop
        {
            get { return (Look().Accepted & AcceptsStop) != 0; }
        }

        /// <summary>Whether Windows would refuse to start it.</summary>
        public bool IsDisabled
        {
            get
            {
                int needed;
                IntPtr buffer = Marshal.AllocHGlobal(8192);  // as much as Windows ever needs
                try
                {
                    if (!QueryServiceConfigW(service, buffer, 8192, out needed)) throw new Win32Exception();
                    return Marshal.ReadInt32(buffer, 4) == Disabled;
                }
                finally { Marshal.FreeHGlobal(buffer); }
            }
        }

        /// <summary>The services that run and depend on it, in the order in which they have to be stopped.</summary>
        public string[] Dependents()
        {
            int size = 0, needed, count;
            IntPtr buffer = IntPtr.Zero;
            try
            {
                while (!EnumDependentServicesW(service, ActiveOnes, buffer, size, out needed, out count))
                {
                    int problem = Marshal.GetLastWin32Error();
                    if (problem != MoreData || needed <= size) throw new Win32Exception(problem);
                    if (buffer != IntPtr.Zero) Marshal.FreeHGlobal(buffer);
                    size = needed;
                    buffer = Marshal.AllocHGlobal(size);
                }
                List<string> names = new List<string>();
                int step = Marshal.SizeOf(typeof(Entry));
                for (int i = 0; i < count; i++)
                {
                    Entry entry = (Entry)Marshal.PtrToStructure(new IntPtr(buffer.ToInt64() + (long)i * step), typeof(Entry));
                    names.Add(Marshal.PtrToStringUni(entry.Name));
                }
                return names.ToArray();
            }
            finally { if (buffer != IntPtr.Zero) Marshal.FreeHGlobal(buffer); }
        }

        /// <summary>Stop it. Returns whether it has stopped in the time.</summary>
        public bool Stop(double seconds)
        {
            Status status;
            if (!ControlService(service, ControlStop, out status))
            {
                int problem = Marshal.GetLastWin32Error();
                // It has stopped by itself, or is about to.
                if (problem != NotActive && (problem != CannotAccept || Look().State != StopPending)) throw new Win32Exception(problem);
            }
            return Settled(seconds) == Stopped;
        }

        /// <summary>Start it. Returns whether it runs in the time.</summary>
        public bool Start(double seconds)
        {
            if (!StartServiceW(service, 0, IntPtr.Zero))
            {
                int problem = Marshal.GetLastWin32Error();
                if (problem != AlreadyRunning) throw new Win32Exception(problem);
            }
            return Settled(seconds) == Running;
        }

        [StructLayout(LayoutKind.Sequential)]
        private struct Status
        {
            public int Type, State, Accepted, ExitCode, SpecificExitCode, CheckPoint, WaitHint, Process, Flags;
        }

        // ENUM_SERVICE_STATUSW: two names, and a SERVICE_STATUS of seven numbers.
        [StructLayout(LayoutKind.Sequential)]
        private struct Entry
        {
            public IntPtr Name, DisplayName;
            public int Type, State, Accepted, ExitCode, SpecificExitCode, CheckPoint, WaitHint;
        }

        [DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
        private static extern IntPtr OpenSCManagerW(string computer, string database, int access);

        [DllImport("advapi32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
        private static extern IntPtr OpenServiceW(IntPtr manager, string name, int access);

        [DllImport("advapi32.dll", SetLastError = true)]
        private static extern bool CloseServiceHandle(IntPtr handle);

        [DllImport("advapi32.dll", SetLastError = true)]
        private static extern bool QueryServiceStatusEx(IntPtr service, int level, ref Status status, int size, out int needed);

        [DllImport("advapi32.dll", SetLastError = true)]
        private static extern bool QueryServiceConfigW(IntPtr service, IntPtr buffer, int size, out int needed);

        [DllImport("advapi32.dll", SetLastError = true)]
        private static extern bool EnumDependentServicesW(IntPtr service, int state, IntPtr buffer, int size, out int needed, out int count);

        // It fills a SERVICE_STATUS, with which SERVICE_STATUS_PROCESS begins.
        [DllImport("advapi32.dll", SetLastError = true)]
        private static extern bool ControlService(IntPtr service, int control, out Status status);

        [DllImport("advapi32.dll", SetLastError = true)]
        private static extern bool StartServiceW(IntPtr service, int count, IntPtr arguments);
    }
}
