// Copyright (c) 2026, estfleet.cloud_extender contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Private keys of the machine and the certificates that belong to them, for win_est_key. C# 5 and .NET Framework 4.6.2
// are enough for it.
//
// A certificate is joined to its key as Windows itself does it, by the name of the key beside the certificate
// (CERT_KEY_PROV_INFO): .NET has a way of its own only from 4.7.2 on.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.AccessControl;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Security.Principal;
using System.Threading;

//NoWarn -Name CA1416 -CLR Core
//NoWarn -Name SYSLIB0057 -CLR Core

namespace ansible_collections.estfleet.cloud_extender.plugins.module_utils._keys
{
    /// <summary>Where a key is: what Windows keeps beside a certificate, and what opens the key.</summary>
    public class KeyPlace
    {
        public const string Software = "Microsoft Software Key Storage Provider";
        public const string Tpm = "Microsoft Platform Crypto Provider";
        public const string Csp = "Microsoft Enhanced RSA and AES Cryptographic Provider";

        public readonly string Name, Provider;
        /// <summary>The type of a CSP; 0 for a key storage provider of CNG.</summary>
        public readonly int Type;
        internal readonly int KeySpec;
        internal readonly bool OfMachine;

        public KeyPlace(string name, string provider, int type, int keySpec, bool ofMachine)
        {
            Name = name;
            Provider = provider;
            Type = type;
            KeySpec = keySpec;
            OfMachine = ofMachine;
        }

        /// <summary>The place of a key of ours.</summary>
        /// <param name="kind">software, tpm or csp.</param>
        public static KeyPlace Of(string kind, string name)
        {
            if (kind == "csp") return new KeyPlace(name, Csp, 24, 1, true);
            return new KeyPlace(name, kind == "tpm" ? Tpm : Software, 0, 0, true);
        }

        internal bool IsSame(KeyPlace other)
        {
            return other != null && Type == other.Type && OfMachine == other.OfMachine
                && String.Equals(Name, other.Name, StringComparison.OrdinalIgnoreCase)
                && String.Equals(Provider, other.Provider, StringComparison.OrdinalIgnoreCase);
        }
    }

    /// <summary>An opened key.</summary>
    public class Key : IDisposable
    {
        private static readonly Dictionary<string, byte[]> Curves = new Dictionary<string, byte[]>
        {
            { "P-256", new byte[] { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 } },
            { "P-384", new byte[] { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 } },
            { "P-521", new byte[] { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23 } },
        };
        private static readonly byte[] RsaAlgorithm = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
        private static readonly byte[] EcPublicKey = { 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
        // DACL_SECURITY_INFORMATION, and the names by which the two kinds of provider give an access list.
        private const int Dacl = 4, KeysetSecurity = 8, DeleteKeyset = 0x10, MachineKeyset = 0x20, Silent = 0x40;
        private const string SecurityProperty = "Security Descr";
        // GENERIC_ALL, GENERIC_READ, and FILE_GENERIC_READ, which is what Windows makes of it.
        private const int All = 0x10000000, Read = unchecked((int)0x80000000), ReadFile = 0x00120089;

        private readonly KeyPlace place;
        private readonly CngKey cng;
        private readonly RSACryptoServiceProvider csp;

        private Key(KeyPlace place, CngKey cng, RSACryptoServiceProvider csp)
        {
            this.place = place;
            this.cng = cng;
            this.csp = csp;
        }

        /// <summary>Make a key of the machine. It takes a while, of a TPM longer.</summary>
        /// <param name="type">rsa, with a size in bits, or ec, with a curve.</param>
        public static Key Make(KeyPlace place, string type, int size, string curve, bool exportable)
        {
            if (place.Type != 0)
            {
                CspParameters parameters = ParametersOf(place, CspProviderFlags.NoPrompt);
                if (!exportable) parameters.Flags |= CspProviderFlags.UseNonExportableKey;
                RSACryptoServiceProvider made = new RSACryptoServiceProvider(size, parameters);
                made.ExportParameters(false);  // it is made when it is first used
                return new Key(place, null, made);
            }
            CngKeyCreationParameters creation = new CngKeyCreationParameters();
            creation.Provider = new CngProvider(place.Provider);
            creation.KeyCreationOptions = CngKeyCreationOptions.MachineKey;
            // A TPM lets no key out, and not every one takes the question.
            if (place.Provider != KeyPlace.Tpm) creation.ExportPolicy = exportable ? CngExportPolicies.AllowExport : CngExportPolicies.None;
            if (type == "rsa") creation.Parameters.Add(new CngProperty("Length", BitConverter.GetBytes(size), CngPropertyOptions.None));
            return new Key(place, CngKey.Create(AlgorithmOf(type, curve), place.Name, creation), null);
        }

        public static Key Open(KeyPlace place)
        {
            if (place.Type != 0) return new Key(place, null, new RSACryptoServiceProvider(ParametersOf(place, CspProviderFlags.NoPrompt | CspProviderFlags.UseExistingKey)));
            CngKeyOpenOptions options = CngKeyOpenOptions.Silent | (place.OfMachine ? CngKeyOpenOptions.MachineKey : CngKeyOpenOptions.UserKey);
            return new Key(place, CngKey.Open(place.Name, new CngProvider(place.Provider), options), null);
        }

        private static CspParameters ParametersOf(KeyPlace place, CspProviderFlags flags)
        {
            CspParameters parameters = new CspParameters(place.Type, place.Provider, place.Name);
            parameters.KeyNumber = place.KeySpec;
            parameters.Flags = flags | (place.OfMachine ? CspProviderFlags.UseMachineKeyStore : CspProviderFlags.NoFlags);
            return parameters;
        }

        private static CngAlgorithm AlgorithmOf(string type, string curve)
        {
            if (type == "rsa") return CngAlgorithm.Rsa;
            if (curve == "P-256") return CngAlgorithm.ECDsaP256;
            return curve == "P-384" ? CngAlgorithm.ECDsaP384 : CngAlgorithm.ECDsaP521;
        }

        public void Dispose()
        {
            if (cng != null) cng.Dispose();
            if (csp != null) csp.Dispose();
        }

        /// <summary>Remove the key from its provider. It cannot be used afterwards.</summary>
        public void Delete()
        {
            if (cng != null)
            {
                cng.Delete();
                return;
            }
            csp.Dispose();  // Wine writes the key when it is closed
            Provider.Delete(place);
        }

        private bool IsRsa { get { return csp != null || cng.AlgorithmGroup == CngAlgorithmGroup.Rsa; } }

        // --------------------------------------------------------------------------------------------- its public half

        /// <summary>The SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) in DER.</summary>
        public byte[] PublicKeyInfo()
        {
            byte[] bits = PublicKeyBits();
            byte[] algorithm = RsaAlgorithm;
            if (!IsRsa)
            {
                byte[] curve = bits.Length == 65 ? Curves["P-256"] : bits.Length == 97 ? Curves["P-384"] : Curves["P-521"];
                algorithm = Der(0x30, EcPublicKey, curve);
            }
            return Der(0x30, algorithm, Der(0x03, new byte[] { 0 }, bits));
        }

        /// <summary>What is in the BIT STRING of that: X509Certificate2.GetPublicKey() has the same of a certificate.</summary>
        public byte[] PublicKeyBits()
        {
            if (IsRsa)
            {
                RSAParameters numbers = AsRsa().ExportParameters(false);
                return Der(0x30, Integer(numbers.Modulus), Integer(numbers.Exponent));
            }
            byte[] blob = cng.Export(CngKeyBlobFormat.EccPublicBlob);  // a magic number, the size, and both coordinates
            byte[] point = new byte[blob.Length - 7];
            point[0] = 4;
            Array.Copy(blob, 8, point, 1, blob.Length - 8);
            return point;
        }

        private RSA AsRsa()
        {
            return csp == null ? (RSA)new RSACng(cng) : csp;
        }

        private static byte[] Integer(byte[] number)
        {
            int start = 0;
            while (start < number.Length - 1 && number[start] == 0) start++;
            byte[] value = new byte[number.Length - start];
            Array.Copy(number, start, value, 0, value.Length);
            return value[0] < 0x80 ? Der(0x02, value) : Der(0x02, new byte[] { 0 }, value);
        }

        private static byte[] Der(byte tag, params byte[][] parts)
        {
            List<byte> content = new List<byte>();
            foreach (byte[] part in parts) content.AddRange(part);
            List<byte> encoded = new List<byte>();
            encoded.Add(tag);
            if (content.Count >= 0x100) encoded.AddRange(new byte[] { 0x82, (byte)(content.Count >> 8) });
            else if (content.Count >= 0x80) encoded.Add(0x81);
            encoded.Add((byte)content.Count);
            encoded.AddRange(content);
            return encoded.ToArray();
        }

        // --------------------------------------------------------------------------------------------------- signatures

        /// <summary>Sign: by RSASSA-PKCS1-v1_5, or by ECDSA as the two numbers after one another (IEEE P1363).</summary>
        /// <param name="hash">sha256, sha384 or sha512.</param>
        public byte[] Sign(byte[] octets, string hash)
        {
            HashAlgorithmName name = new HashAlgorithmName(hash.ToUpperInvariant());
            if (!IsRsa)
            {
                using (ECDsaCng ecdsa = new ECDsaCng(cng)) return ecdsa.SignData(octets, name);
            }
            return AsRsa().SignData(octets, name, RSASignaturePadding.Pkcs1);
        }

        // -------------------------------------------------------------------------------------------------- who may use it

        /// <summary>Those of some accounts that may not use the key.</summary>
        /// <param name="accounts">security identifiers.</param>
        public List<string> Lacking(string[] accounts)
        {
            List<string> wanted = new List<string>(accounts);
            if (wanted.Count == 0) return wanted;  // not every provider tells its access list
            RawAcl list = Descriptor().DiscretionaryAcl;
            return wanted.FindAll(delegate(string account) { return list != null && !MayRead(list, new SecurityIdentifier(account)); });
        }

        private static bool MayRead(RawAcl list, SecurityIdentifier account)
        {
            foreach (GenericAce entry in list)
            {
                CommonAce common = entry as CommonAce;
                if (common == null || common.AceQualifier != AceQualifier.AccessAllowed || common.SecurityIdentifier != account) continue;
                if ((common.AccessMask & (All | Read)) != 0 || (common.AccessMask & ReadFile) == ReadFile) return true;
            }
            return false;
        }

        /// <summary>Let accounts use the key that may not yet. Nobody else loses it.</summary>
        public void Grant(string[] accounts)
        {
            List<string> lacking = Lacking(accounts);
            if (lacking.Count == 0) return;
            RawSecurityDescriptor descriptor = Descriptor();
            foreach (string account in lacking)
            {
                CommonAce entry = new CommonAce(AceFlags.None, AceQualifier.AccessAllowed, Read, new SecurityIdentifier(account), false, null);
                descriptor.DiscretionaryAcl.InsertAce(descriptor.DiscretionaryAcl.Count, entry);
            }
            byte[] octets = new byte[descriptor.BinaryLength];
            descriptor.GetBinaryForm(octets, 0);
            if (cng != null)
            {
                cng.SetProperty(new CngProperty(SecurityProperty, octets, (CngPropertyOptions)Dacl | CngPropertyOptions.Persist));
                return;
            }
            using (Provider provider = new Provider(place)) provider.Set(KeysetSecurity, octets, Dacl);
        }

        private RawSecurityDescriptor Descriptor()
        {
            if (cng != null) return new RawSecurityDescriptor(cng.GetProperty(SecurityProperty, (CngPropertyOptions)Dacl).GetValue(), 0);
            using (Provider provider = new Provider(place)) return new RawSecurityDescriptor(provider.Get(KeysetSecurity, Dacl), 0);
        }

        /// <summary>A CSP with the container of a key.</summary>
        private class Provider : IDisposable
        {
            private IntPtr handle;

            public Provider(KeyPlace place)
            {
                int flags = Silent | (place.OfMachine ? MachineKeyset : 0);
                if (!CryptAcquireContext(out handle, place.Name, place.Provider, place.Type, flags)) throw Failed();
            }

            public static void Delete(KeyPlace place)
            {
                IntPtr none;
                if (!CryptAcquireContext(out none, place.Name, place.Provider, place.Type, DeleteKeyset | Silent | (place.OfMachine ? MachineKeyset : 0))) throw Failed();
            }

            public byte[] Get(int parameter, int flags)
            {
                int size = 0;
                if (!CryptGetProvParam(handle, parameter, null, ref size, flags)) throw Failed();
                byte[] found = new byte[size];
                if (!CryptGetProvParam(handle, parameter, found, ref size, flags)) throw Failed();
                return found;
            }

            public void Set(int parameter, byte[] value, int flags)
            {
                if (!CryptSetProvParam(handle, parameter, value, flags)) throw Failed();
            }

            public void Dispose()
            {
                CryptReleaseContext(handle, 0);
            }

            private static Exception Failed()
            {
                return new CryptographicException(Marshal.GetHRForLastWin32Error());
            }

            [DllImport("advapi32.dll", EntryPoint = "CryptAcquireContextW", CharSet = CharSet.Unicode, SetLastError = true)]
            private static extern bool CryptAcquireContext(out IntPtr handle, string container, string provider, int type, int flags);

            [DllImport("advapi32.dll", SetLastError = true)]
            private static extern bool CryptGetProvParam(IntPtr handle, int parameter, byte[] data, ref int size, int flags);

            [DllImport("advapi32.dll", SetLastError = true)]
            private static extern bool CryptSetProvParam(IntPtr handle, int parameter, byte[] data, int flags);

            [DllImport("advapi32.dll")]
            private static extern bool CryptReleaseContext(IntPtr handle, int flags);
        }
    }

    /// <summary>A certificate store of the machine.</summary>
    public class CertificateStore : IDisposable
    {
        private const int KeyProviderInfo = 2;
        private readonly X509Store store;
        private readonly List<X509Certificate2> given = new List<X509Certificate2>();

        public CertificateStore(string name, bool write)
        {
            store = new X509Store(name, StoreLocation.LocalMachine);
            // Those of Windows are there, whether anything is in them or not.
            OpenFlags flags = write ? OpenFlags.ReadWrite : OpenFlags.ReadOnly;
            bool ofWindows = String.Equals(name, "My", StringComparison.OrdinalIgnoreCase) || String.Equals(name, "CA", StringComparison.OrdinalIgnoreCase);
            store.Open(ofWindows ? flags : flags | OpenFlags.OpenExistingOnly);
        }

        /// <summary>Close the store. The certificates that came from it cannot be used afterwards: each holds it open.</summary>
        public void Dispose()
        {
            foreach (X509Certificate2 certificate in given) certificate.Reset();
            store.Close();
        }

        public List<X509Certificate2> Certificates()
        {
            List<X509Certificate2> found = new List<X509Certificate2>();
            foreach (X509Certificate2 certificate in store.Certificates) found.Add(certificate);
            given.AddRange(found);
            return found;
        }

        public X509Certificate2 Find(string thumbprint)
        {
            return Certificates().Find(delegate(X509Certificate2 certificate) { return String.Equals(certificate.Thumbprint, thumbprint, StringComparison.OrdinalIgnoreCase); });
        }

        /// <summary>Put a certificate in, with its key or without, unless it is there.</summary>
        public void Add(byte[] der, KeyPlace key, string friendlyName)
        {
            X509Certificate2 certificate = new X509Certificate2(der);
            if (key == null)
            {
                if (Find(certificate.Thumbprint) == null) store.Add(certificate);
                return;
            }
            certificate.FriendlyName = friendlyName;
            ProviderInfo info = new ProviderInfo();
            info.Container = key.Name;
            info.Provider = key.Provider;
            info.Type = key.Type;
            info.Flags = key.OfMachine ? 0x20 : 0;
            info.KeySpec = key.KeySpec;
            if (!CertSetCertificateContextProperty(certificate.Handle, KeyProviderInfo, 0, ref info)) throw new CryptographicException(Marshal.GetHRForLastWin32Error());
            store.Add(certificate);
        }

        public void Remove(X509Certificate2 certificate)
        {
            store.Remove(certificate);
        }

        /// <summary>Where the key of a certificate is; null where none belongs to it.</summary>
        public static KeyPlace PlaceOf(X509Certificate2 certificate)
        {
            int size = 0;
            if (!CertGetCertificateContextProperty(certificate.Handle, KeyProviderInfo, IntPtr.Zero, ref size)) return null;
            IntPtr memory = Marshal.AllocHGlobal(size);
            try
            {
                if (!CertGetCertificateContextProperty(certificate.Handle, KeyProviderInfo, memory, ref size)) return null;
                ProviderInfo info = (ProviderInfo)Marshal.PtrToStructure(memory, typeof(ProviderInfo));
                return new KeyPlace(info.Container, info.Provider, info.Type, info.KeySpec, (info.Flags & 0x20) != 0);
            }
            finally
            {
                Marshal.FreeHGlobal(memory);
            }
        }

        /// <summary>Whether a certificate of the store belongs to a key.</summary>
        /// <param name="but">thumbprints of certificates that do not count.</param>
        public bool Uses(KeyPlace key, string[] but)
        {
            return Certificates().Exists(delegate(X509Certificate2 certificate) { return Array.IndexOf(but, certificate.Thumbprint) < 0 && key.IsSame(PlaceOf(certificate)); });
        }

        [StructLayout(LayoutKind.Sequential)]
        private struct ProviderInfo
        {
            [MarshalAs(UnmanagedType.LPWStr)] public string Container;
            [MarshalAs(UnmanagedType.LPWStr)] public string Provider;
            public int Type;
            public int Flags;
            public int ParameterCount;
            public IntPtr Parameters;
            public int KeySpec;
        }

        [DllImport("crypt32.dll", SetLastError = true)]
        private static extern bool CertSetCertificateContextProperty(IntPtr certificate, int property, int flags, ref ProviderInfo data);

        [DllImport("crypt32.dll", SetLastError = true)]
        private static extern bool CertGetCertificateContextProperty(IntPtr certificate, int property, IntPtr data, ref int size);
    }

    /// <summary>What a provider may take without end: a TPM that hangs, or a driver of a device that asks somebody.</summary>
    public static class Bounded
    {
        /// <summary>Make a key; null where that took too long.</summary>
        public static Key Make(int seconds, KeyPlace place, string type, int size, string curve, bool exportable)
        {
            Key made = null;
            Exception failed = null;
            Thread worker = new Thread(delegate()
            {
                try
                {
                    made = Key.Make(place, type, size, curve, exportable);
                }
                catch (Exception error)
                {
                    failed = error;
                }
            });
            worker.IsBackground = true;
            worker.Start();
            if (!worker.Join(1000 * seconds)) return null;
            if (failed != null) throw failed;
            return made;
        }
    }
}
