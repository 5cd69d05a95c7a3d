// Copyright (c) 2026, estfleet.cloud_extender contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What win_est_relay does; module_utils/_exchange/relay.py is its twin. C# 5 and .NET Framework 4.6.2 are enough for it.
//
// It is C#, and not PowerShell, because .NET calls what judges the server's certificate from any thread, and a script
// block answers on its own only.

using System;
using System.Collections;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.ExceptionServices;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;

//NoWarn -Name SYSLIB0057 -CLR Core

namespace ansible_collections.estfleet.cloud_extender.plugins.module_utils._relay
{
    /// <summary>Why the relay stopped, in codes: see RETURN of the module.</summary>
    public class Failed : Exception
    {
        public readonly string Stage, Kind, Detail, Alert;
        public int ProxyStatus;

        public Failed(string stage, string kind, string detail = "", string alert = "")
        {
            Stage = stage;
            Kind = kind;
            Detail = detail;
            Alert = alert;
        }
    }

    /// <summary>Carries requests to one HTTPS server, one after the other.</summary>
    public class Relay
    {
        // .NET Framework 4.6.2 has no name for it.
        private const SslProtocols Tls13 = (SslProtocols)12288;
        private readonly string host, proxyHost, trust;
        private readonly int port, proxyPort, connectTimeout, timeout, maxAnswerSize;
        private readonly List<byte[]> requests = new List<byte[]>();
        private readonly List<X509Certificate2> anchors = new List<X509Certificate2>();
        private readonly X509Certificate2 clientCertificate;
        private readonly Stopwatch clock = Stopwatch.StartNew();
        private readonly List<object> answers = new List<object>();
        private readonly List<object> connections = new List<object>();
        private Connection connection;
        private bool written;
        private int received;

        private Relay(IDictionary options)
        {
            host = (string)options["host"];
            port = (int)options["port"];
            proxyHost = (string)options["proxy_host"];
            proxyPort = options["proxy_port"] == null ? 0 : (int)options["proxy_port"];
            trust = (string)options["trust"];
            connectTimeout = 1000 * (int)options["connect_timeout"];
            timeout = 1000 * (int)options["timeout"];
            maxAnswerSize = (int)options["max_answer_size"];
            foreach (object request in (IEnumerable)options["requests"]) requests.Add(Octets((string)request));
            if (trust == "explicit") LoadAnchors((IEnumerable)options["anchors"]);
            // A key is beside its certificate in the store.
            if (options["client_key"] != null) throw new Failed("input", "invalid_option", "client_key");
            if (options["client_certificate"] != null) clientCertificate = FindCertificate((string)options["client_certificate"]);
        }

        /// <summary>Do what the options of the module ask for; returns its result.</summary>
        public static Dictionary<string, object> Run(IDictionary options)
        {
            Dictionary<string, object> result = new Dictionary<string, object>();
            Relay relay = null;
            Failed failed = null;
            try
            {
                relay = new Relay(options);
                relay.Carry();
            }
            catch (Failed error)
            {
                failed = error;
            }
            finally
            {
                if (relay != null && relay.connection != null) relay.connection.Close();
            }
            result["answers"] = relay == null ? new List<object>() : relay.answers;
            result["connections"] = relay == null ? new List<object>() : relay.connections;
            if (failed != null) result["failure"] = Told(failed, relay);
            return result;
        }

        /// <summary>
        /// Do it for several sets of options at once. Each result has the time before and after; one that is an
        /// exception is a defect.
        /// </summary>
        public static object[] RunAll(IList<IDictionary> all)
        {
            object[] results = new object[all.Count];
            Thread[] threads = new Thread[all.Count];
            for (int i = 0; i < all.Count; i++)
            {
                int number = i;
                threads[i] = new Thread(delegate()
                {
                    double started = Now();
                    try
                    {
                        Dictionary<string, object> result = Run(all[number]);
                        result["started"] = started;
                        result["ended"] = Now();
                        results[number] = result;
                    }
                    catch (Exception error)
                    {
                        results[number] = error;
                    }
                });
                threads[i].IsBackground = true;
                threads[i].Start();
            }
            foreach (Thread thread in threads) thread.Join();
            return results;
        }

        private static double Now()
        {
            return (DateTime.UtcNow - new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc)).TotalSeconds;
        }

        private static Dictionary<string, object> Told(Failed failed, Relay relay)
        {
            Dictionary<string, object> told = new Dictionary<string, object>();
            told["stage"] = failed.Stage;
            told["kind"] = failed.Kind;
            told["detail"] = failed.Detail;
            told["alert"] = failed.Alert;
            if (failed.ProxyStatus != 0) told["proxy_status"] = failed.ProxyStatus;
            bool connected = relay != null && relay.connection != null;
            told["request"] = relay == null ? 0 : relay.answers.Count;
            told["reused"] = connected && relay.connection.Answers > 0;
            told["written"] = connected && relay.written;
            told["received"] = connected ? relay.received : 0;
            return told;
        }

        private void Carry()
        {
            foreach (byte[] request in requests)
            {
                written = false;
                received = 0;
                clock.Restart();
                if (connection == null) connection = Open();
                Dictionary<string, object> answer = new Dictionary<string, object>();
                Answer read = Exchange(request, answer);
                answer["connection"] = connections.Count - 1;
                answer["octets"] = Convert.ToBase64String(read.Octets());
                answer["end"] = read.End;
                answers.Add(answer);
                connection.Answers++;
                if (!read.KeepsConnection)
                {
                    connection.Close();
                    connection = null;
                }
            }
        }

        // ------------------------------------------------------------------------------------------------------ options

        private static byte[] Octets(string text)
        {
            try
            {
                return Convert.FromBase64String(text);
            }
            catch (FormatException)
            {
                throw new Failed("input", "invalid_option", "not_base64");
            }
        }

        private void LoadAnchors(IEnumerable given)
        {
            bool valid = false;
            foreach (object text in given)
            {
                try
                {
                    anchors.Add(new X509Certificate2(Octets((string)text)));
                }
                catch (CryptographicException)
                {
                    continue;
                }
                valid = valid || anchors[anchors.Count - 1].NotAfter >= DateTime.Now;
            }
            if (!valid) throw new Failed("input", "invalid_trust_anchors", anchors.Count == 0 ? "unreadable" : "expired");
        }

        /// <summary>Find LOCATION\STORE\THUMBPRINT, such as LocalMachine\My\0A1B.</summary>
        private static X509Certificate2 FindCertificate(string place)
        {
            string[] parts = place.Split('\\');
            StoreLocation location;
            if (parts.Length != 3 || !Enum.TryParse(parts[0], true, out location)) throw new Failed("input", "invalid_client_certificate", "not_found");
            X509Store store = new X509Store(parts[1], location);
            try
            {
                store.Open(OpenFlags.ReadOnly | OpenFlags.OpenExistingOnly);
                foreach (X509Certificate2 certificate in store.Certificates)
                {
                    if (!String.Equals(certificate.Thumbprint, parts[2], StringComparison.OrdinalIgnoreCase)) continue;
                    if (!certificate.HasPrivateKey) throw new Failed("input", "invalid_client_certificate", "no_key");
                    return certificate;
                }
            }
            catch (CryptographicException)
            {
            }
            finally
            {
                store.Close();
            }
            throw new Failed("input", "invalid_client_certificate", "not_found");
        }

        // ----------------------------------------------------------------------------------------- from a name to TLS

        /// <summary>What is left of the time, and no more than a stage may take, in milliseconds.</summary>
        private int Left(int milliseconds)
        {
            long left = timeout - clock.ElapsedMilliseconds;
            if (left <= 0) throw new TimeoutException();
            return (int)Math.Min(left, milliseconds);
        }

        /// <summary>Do something in a thread of its own. Where it takes longer, it is left alone.</summary>
        private static void Within(int milliseconds, Action work)
        {
            Exception thrown = null;
            Thread thread = new Thread(delegate()
            {
                try
                {
                    work();
                }
                catch (Exception error)
                {
                    thrown = error;
                }
            });
            thread.IsBackground = true;
            thread.Start();
            if (!thread.Join(milliseconds)) throw new TimeoutException();
            if (thrown != null) ExceptionDispatchInfo.Capture(thrown).Throw();
        }

        private Connection Open()
        {
            Connection made = new Connection();
            Dictionary<string, object> seconds = new Dictionary<string, object>();
            made.Told["seconds"] = seconds;
            connections.Add(made.Told);
            try
            {
                IPAddress[] addresses = null;
                Time(seconds, "resolve", delegate { addresses = Resolve(proxyHost ?? host); });
                made.Told["addresses"] = Array.ConvertAll(addresses, delegate(IPAddress one) { return one.ToString(); });
                Time(seconds, "connect", delegate { Connect(made, addresses, proxyHost == null ? port : proxyPort); });
                if (proxyHost != null) Time(seconds, "proxy", delegate { Tunnel(made); });
                Time(seconds, "tls", delegate { Handshake(made); });
                return made;
            }
            catch
            {
                made.Close();
                throw;
            }
        }

        private static void Time(Dictionary<string, object> seconds, string stage, Action work)
        {
            Stopwatch watch = Stopwatch.StartNew();
            try
            {
                work();
            }
            finally
            {
                seconds[stage] = Math.Round(watch.Elapsed.TotalSeconds, 3);
            }
        }

        private IPAddress[] Resolve(string name)
        {
            IPAddress address;
            if (IPAddress.TryParse(name, out address)) return new IPAddress[] { address };
            IPAddress[] found = null;
            try
            {
                Within(Left(connectTimeout), delegate { found = Dns.GetHostAddresses(name); });
            }
            catch (TimeoutException)
            {
                throw new Failed("resolve", "name_not_resolved", "timeout");
            }
            catch (SocketException error)
            {
                throw new Failed("resolve", "name_not_resolved", error.SocketErrorCode == SocketError.TryAgain ? "no_answer" : "unknown_host");
            }
            catch (ArgumentException)
            {
                throw new Failed("resolve", "name_not_resolved", "unknown_host");
            }
            if (found.Length == 0) throw new Failed("resolve", "name_not_resolved", "unknown_host");
            return found;
        }

        /// <summary>Connect to the first address that accepts it. Each gets an equal share of the time.</summary>
        private void Connect(Connection made, IPAddress[] addresses, int at)
        {
            Failed failed = null;
            foreach (IPAddress address in addresses)
            {
                Socket socket = null;
                try
                {
                    socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                    IAsyncResult begun = socket.BeginConnect(address, at, null, null);
                    if (!begun.AsyncWaitHandle.WaitOne(Left(connectTimeout) / addresses.Length)) throw new TimeoutException();
                    socket.EndConnect(begun);
                    socket.NoDelay = true;
                    made.Use(socket);
                    return;
                }
                catch (TimeoutException)
                {
                    failed = new Failed("connect", "connection_failed", "timeout");
                }
                catch (SocketException error)
                {
                    failed = NotConnected(error.SocketErrorCode);
                }
                if (socket != null) socket.Close();
            }
            throw failed;
        }

        private static Failed NotConnected(SocketError error)
        {
            if (error == SocketError.ConnectionRefused) return new Failed("connect", "connection_refused");
            bool unreachable = error == SocketError.HostUnreachable || error == SocketError.NetworkUnreachable || error == SocketError.HostDown || error == SocketError.NetworkDown;
            return new Failed("connect", "connection_failed", unreachable ? "unreachable" : error == SocketError.TimedOut ? "timeout" : "failed");
        }

        /// <summary>Have the proxy make a tunnel (RFC 9110 section 9.3.6); it gets no credentials of any kind.</summary>
        private void Tunnel(Connection made)
        {
            string target = (host.Contains(":") ? "[" + host + "]" : host) + ":" + port.ToString(CultureInfo.InvariantCulture);
            byte[] request = Encoding.ASCII.GetBytes("CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n");
            StringBuilder head = new StringBuilder();
            byte[] one = new byte[1];
            try
            {
                using (made.Watch(Left(connectTimeout)))
                {
                    made.Wire.Write(request, 0, request.Length);
                    // One octet at a time: what follows the empty line belongs to TLS.
                    while (!Regex.IsMatch(head.ToString(Math.Max(0, head.Length - 4), Math.Min(4, head.Length)), "\r\n\r\n$|\n\n$") && head.Length < 16384)
                    {
                        if (made.Wire.Read(one, 0, 1) == 0) break;
                        head.Append((char)one[0]);
                    }
                }
            }
            catch (Exception error)
            {
                if (!(error is IOException || error is ObjectDisposedException || error is TimeoutException || error is SocketException)) throw;
                throw new Failed("proxy", "proxy_failed", made.Expired || error is TimeoutException ? "timeout" : "closed");
            }
            Match status = Regex.Match(head.ToString(), "^HTTP/1\\.[01] ([0-9]{3})");
            if (!status.Success) throw new Failed("proxy", "proxy_failed", head.Length == 0 ? "closed" : "not_http");
            if (status.Groups[1].Value[0] == '2') return;
            throw new Failed("proxy", "proxy_failed", "refused") { ProxyStatus = Int32.Parse(status.Groups[1].Value, CultureInfo.InvariantCulture) };
        }

        /// <summary>TLS 1.2, and 1.3 where Windows has it: a version that it does not have makes it refuse the others.</summary>
        private static SslProtocols Versions()
        {
            OperatingSystem system = Environment.OSVersion;
            bool has = Enum.IsDefined(typeof(SslProtocols), Tls13) && (system.Platform != PlatformID.Win32NT || system.Version.Build >= 20348);
            return has ? SslProtocols.Tls12 | Tls13 : SslProtocols.Tls12;
        }

        private void Handshake(Connection made)
        {
            Failed verdict = null;
            RemoteCertificateValidationCallback judge = delegate(object sender, X509Certificate certificate, X509Chain chain, SslPolicyErrors errors)
            {
                try
                {
                    verdict = Judge(made, certificate, chain, errors);
                }
                catch (Exception)
                {
                    verdict = new Failed("tls", "invalid_server_certificate", "unreadable");
                }
                return verdict == null;
            };
            // It is asked once before anything is sent, to no end, and again where the server wants a certificate.
            LocalCertificateSelectionCallback choose = delegate(object sender, string name, X509CertificateCollection local, X509Certificate remote, string[] issuers)
            {
                if (remote == null) return null;
                made.Told["client_certificate_sent"] = true;
                return clientCertificate;
            };
            SslStream stream = new SslStream(made.Wire, false, judge, clientCertificate == null ? null : choose);
            if (clientCertificate != null) made.Told["client_certificate_sent"] = false;
            try
            {
                Within(Left(connectTimeout), delegate { stream.AuthenticateAsClient(host, null, Versions(), false); });
            }
            catch (Exception error)
            {
                made.Close();
                if (verdict != null) throw verdict;
                throw error is TimeoutException ? new Failed("tls", "tls_failed", "timeout") : made.Wire.Explain(error, "tls");
            }
            if (verdict != null) throw verdict;
            // Wine agrees to versions that it was not offered.
            if (stream.SslProtocol != SslProtocols.Tls12 && stream.SslProtocol != Tls13) throw new Failed("tls", "no_common_tls");
            made.Stream = stream;
            made.Told["tls_version"] = stream.SslProtocol == SslProtocols.Tls12 ? "TLSv1.2" : "TLSv1.3";
            made.Told["cipher"] = Cipher(stream);
        }

        private static string Cipher(SslStream stream)
        {
            // .NET Framework does not tell the suite as a whole, and Wine tells none.
            PropertyInfo suite = typeof(SslStream).GetProperty("NegotiatedCipherSuite");
            string name = suite == null ? "" : suite.GetValue(stream, null).ToString();
            if (name != "" && name != "TLS_NULL_WITH_NULL_NULL") return name;
            PropertyInfo cipher = typeof(SslStream).GetProperty("CipherAlgorithm");
            return cipher == null ? "unknown" : cipher.GetValue(stream, null).ToString();
        }

        // ------------------------------------------------------------------------- the certificate of the server

        /// <summary>Nothing where the server is the one that was asked for. The platform's own verdict is not enough: it
        /// knows nothing of our anchors, takes a common name for a host name, and Wine has none.</summary>
        private Failed Judge(Connection made, X509Certificate certificate, X509Chain given, SslPolicyErrors errors)
        {
            if (certificate == null) return new Failed("tls", "invalid_server_certificate", "unreadable");
            X509Certificate2 leaf = new X509Certificate2(certificate);
            List<object> certificates = new List<object>();
            certificates.Add(Convert.ToBase64String(leaf.RawData));
            X509Certificate2Collection sent = given == null ? new X509Certificate2Collection() : given.ChainPolicy.ExtraStore;
            foreach (X509Certificate2 other in sent)
            {
                string text = Convert.ToBase64String(other.RawData);
                if (!certificates.Contains(text)) certificates.Add(text);
            }
            made.Told["certificates"] = certificates;
            if (trust == "unverified")
            {
                made.Told["authorized_by"] = "";
                return null;
            }
            Failed failed = JudgeChain(leaf, sent, (errors & SslPolicyErrors.RemoteCertificateChainErrors) != 0);
            if (failed != null) return failed;
            string by = ServerNames.AuthorizedBy(leaf, host, trust == "explicit");
            if (by == null) return new Failed("tls", "wrong_server_name");
            made.Told["authorized_by"] = by;
            return null;
        }

        private Failed JudgeChain(X509Certificate2 leaf, X509Certificate2Collection sent, bool platformObjects)
        {
            X509Chain chain = new X509Chain();
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            // Windows fetches certificates that are missing from where others say they are. .NET Framework can only bound it.
            chain.ChainPolicy.UrlRetrievalTimeout = TimeSpan.FromSeconds(1);
            PropertyInfo offline = typeof(X509ChainPolicy).GetProperty("DisableCertificateDownloads");
            if (offline != null) offline.SetValue(chain.ChainPolicy, true, null);
            chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1"));
            chain.ChainPolicy.ExtraStore.AddRange(sent);
            foreach (X509Certificate2 anchor in anchors) chain.ChainPolicy.ExtraStore.Add(anchor);
            if (trust == "explicit") chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
            bool built = chain.Build(leaf);
            int top = -1;
            for (int i = 0; trust == "explicit" && top < 0 && i < chain.ChainElements.Count; i++)
            {
                if (IsAnchor(chain.ChainElements[i].Certificate)) top = i;
            }
            if (trust == "explicit" && top < 0) return Untrusted(leaf);
            X509ChainStatusFlags unknown = X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain;
            X509ChainStatusFlags ignored = X509ChainStatusFlags.RevocationStatusUnknown | X509ChainStatusFlags.OfflineRevocation;
            if (trust == "explicit") ignored |= unknown;
            else top = chain.ChainElements.Count - 1;
            foreach (X509ChainStatus status in chain.ChainStatus)
            {
                // That a chain does not come to its end is said of the whole only, and Wine builds it all the same.
                if ((status.Status & unknown & ~ignored) != 0) return Untrusted(leaf);
            }
            Failed first = null;
            for (int i = 0; i <= top; i++)
            {
                X509ChainElement element = chain.ChainElements[i];
                foreach (X509ChainStatus status in element.ChainElementStatus)
                {
                    X509ChainStatusFlags flags = status.Status & ~ignored;
                    if (flags != X509ChainStatusFlags.NoError && first == null) first = Unfit(flags, element.Certificate);
                }
            }
            if (first != null) return first;
            if (trust == "system" && (!built || platformObjects)) return Untrusted(leaf);
            return null;
        }

        private static Failed Untrusted(X509Certificate2 leaf)
        {
            bool own = Convert.ToBase64String(leaf.SubjectName.RawData) == Convert.ToBase64String(leaf.IssuerName.RawData);
            return new Failed("tls", "untrusted_certificate", own ? "self_signed" : "unknown_issuer");
        }

        private bool IsAnchor(X509Certificate2 certificate)
        {
            string octets = Convert.ToBase64String(certificate.RawData);
            return anchors.Exists(delegate(X509Certificate2 anchor) { return Convert.ToBase64String(anchor.RawData) == octets; });
        }

        private static Failed Unfit(X509ChainStatusFlags flags, X509Certificate2 certificate)
        {
            string detail = "unfit";
            if ((flags & X509ChainStatusFlags.NotTimeValid) != 0) detail = certificate.NotBefore > DateTime.Now ? "not_yet_valid" : "expired";
            else if ((flags & X509ChainStatusFlags.NotSignatureValid) != 0) detail = "wrong_signature";
            else if ((flags & X509ChainStatusFlags.InvalidBasicConstraints) != 0) detail = "not_a_ca";
            else if ((flags & X509ChainStatusFlags.NotValidForUsage) != 0) detail = "wrong_purpose";
            return new Failed("tls", "invalid_server_certificate", detail);
        }

        // ---------------------------------------------------------------------------------------- requests and answers

        private Answer Exchange(byte[] request, Dictionary<string, object> told)
        {
            Dictionary<string, object> seconds = new Dictionary<string, object>();
            told["seconds"] = seconds;
            Answer answer = new Answer(maxAnswerSize);
            string stage = "send";
            try
            {
                using (connection.Watch(Left(timeout)))
                {
                    Failed unsent = null;
                    Time(seconds, "send", delegate
                    {
                        try
                        {
                            connection.Stream.Write(request, 0, request.Length);
                            connection.Stream.Flush();
                            written = true;
                        }
                        catch (IOException error)
                        {
                            // A server may have answered before it read everything.
                            unsent = connection.Wire.Explain(error, "send");
                        }
                    });
                    if (unsent == null) stage = "receive";
                    try
                    {
                        Time(seconds, "receive", delegate { answer.Read(connection.Stream); });
                    }
                    catch (IOException)
                    {
                        if (unsent != null) throw unsent;
                        throw;
                    }
                    finally
                    {
                        received = answer.Length;
                    }
                    if (answer.End == "cut_off" && unsent != null) throw unsent;
                }
            }
            catch (Exception error)
            {
                if (connection.Expired || error is TimeoutException) throw new Failed(stage, "no_answer", "timeout");
                if (error is Failed) throw;
                if (!(error is IOException || error is ObjectDisposedException || error is SocketException)) throw;
                throw connection.Wire.Explain(error, stage);
            }
            if (answer.End == "cut_off") throw new Failed("receive", "connection_closed", answer.Length == 0 ? "closed" : "cut_off");
            return answer;
        }
    }

    /// <summary>A connection, and what is told of it.</summary>
    internal class Connection
    {
        public readonly Dictionary<string, object> Told = new Dictionary<string, object>();
        public Wire Wire;
        public SslStream Stream;
        public int Answers;
        public volatile bool Expired;
        private Socket socket;

        public void Use(Socket connected)
        {
            socket = connected;
            Wire = new Wire(connected);
            IPEndPoint local = (IPEndPoint)connected.LocalEndPoint, remote = (IPEndPoint)connected.RemoteEndPoint;
            Told["local_address"] = local.Address.ToString();
            Told["local_port"] = local.Port;
            Told["address"] = remote.Address.ToString();
            Told["port"] = remote.Port;
        }

        /// <summary>Close it after some time, which ends whatever waits for it; until what is returned is disposed.</summary>
        public IDisposable Watch(int milliseconds)
        {
            return new Timer(delegate
            {
                Expired = true;
                socket.Close();
            }, null, milliseconds, Timeout.Infinite);
        }

        public void Close()
        {
            if (socket != null) socket.Close();
        }
    }

    /// <summary>The octets of a connection below TLS. What a server says in the clear, an alert or something that is no
    /// TLS, is read here: .NET tells of it in prose only, and in the language of the host.</summary>
    internal class Wire : Stream
    {
        private static readonly Dictionary<int, string> Alerts = new Dictionary<int, string>
        {
            { 0, "close_notify" }, { 10, "unexpected_message" }, { 20, "bad_record_mac" }, { 22, "record_overflow" }, { 40, "handshake_failure" },
            { 42, "bad_certificate" }, { 43, "unsupported_certificate" }, { 44, "certificate_revoked" }, { 45, "certificate_expired" },
            { 46, "certificate_unknown" }, { 47, "illegal_parameter" }, { 48, "unknown_ca" }, { 49, "access_denied" }, { 50, "decode_error" },
            { 51, "decrypt_error" }, { 70, "protocol_version" }, { 71, "insufficient_security" }, { 80, "internal_error" }, { 90, "user_canceled" },
            { 109, "missing_extension" }, { 110, "unsupported_extension" }, { 112, "unrecognized_name" }, { 116, "certificate_required" },
            { 120, "no_application_protocol" },
        };

        // What Schannel makes of an alert (SEC_E_...).
        private static readonly Dictionary<uint, int> Schannel = new Dictionary<uint, int>
        {
            { 0x80090325, 48 }, { 0x80090327, 46 }, { 0x80090328, 45 }, { 0x80090302, 70 }, { 0x80090331, 40 }, { 0x80090330, 51 },
        };

        private readonly Socket socket;
        private readonly byte[] header = new byte[7];
        private int headerLength, toSkip, alert = -1;
        private bool notTls, reset, any;

        public Wire(Socket connected)
        {
            socket = connected;
        }

        /// <summary>Say in codes what an exception of a stream above means.</summary>
        public Failed Explain(Exception error, string stage)
        {
            int code = alert > 0 ? alert : CodeOf(error);
            string name;
            if (!Alerts.TryGetValue(code, out name)) name = "";
            if (stage == "tls" && notTls) return new Failed(stage, "not_tls");
            if ((code >= 42 && code <= 46) || code == 48 || code == 49 || code == 51 || code == 116) return new Failed(stage, "client_certificate_refused", "", name);
            if (stage == "tls" && code == 70) return new Failed(stage, "no_common_tls", "", name);
            if (stage == "tls" && (code == 40 || code == 71)) return new Failed(stage, "no_common_cipher", "", name);
            if (name != "") return new Failed(stage, "tls_failed", "alert", name);
            bool closed = reset || error is IOException || error is ObjectDisposedException;
            if (stage == "tls") return new Failed(stage, "tls_failed", closed ? "closed" : "failed");
            return new Failed(stage, "connection_closed", reset ? "reset" : "closed");
        }

        /// <summary>The number of the alert that an exception tells of, by OpenSSL's or Schannel's number; or -1.</summary>
        private static int CodeOf(Exception error)
        {
            for (Exception at = error; at != null; at = at.InnerException)
            {
                Win32Exception native = at as Win32Exception;
                int code;
                if (native != null && !(native is SocketException) && Schannel.TryGetValue((uint)native.NativeErrorCode, out code)) return code;
                Match number = Regex.Match(at.Message, "error:0A([0-9A-F]{6}):");
                if (!number.Success) continue;
                int reason = Int32.Parse(number.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & 0x7fffff;
                if (reason > 1000 && reason < 1256) return reason - 1000;
                if (reason == 258 || reason == 266) return 70; // unsupported protocol, wrong TLS version
            }
            return -1;
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = Through(delegate { return socket.Receive(buffer, offset, count, SocketFlags.None); });
            for (int i = 0; i < read; i++) Note(buffer[offset + i]);
            return read;
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            while (count > 0)
            {
                int sent = Through(delegate { return socket.Send(buffer, offset, count, SocketFlags.None); });
                offset += sent;
                count -= sent;
            }
        }

        private int Through(Func<int> call)
        {
            try
            {
                return call();
            }
            catch (SocketException error)
            {
                reset = true;
                throw new IOException("", error);
            }
        }

        /// <summary>Follow the records (RFC 8446 section 5.1) as far as they are not encrypted.</summary>
        private void Note(byte octet)
        {
            if (notTls) return;
            if (toSkip > 0)
            {
                toSkip--;
                return;
            }
            header[headerLength++] = octet;
            if (headerLength == 1 && !any && (octet < 20 || octet > 24)) notTls = true;
            any = true;
            if (headerLength < 5) return;
            int length = (header[3] << 8) + header[4];
            bool inTheClear = header[0] == 21 && length == 2;
            if (inTheClear && headerLength < 7) return;
            if (inTheClear) alert = header[6];
            toSkip = inTheClear ? 0 : length;
            headerLength = 0;
        }

        public override bool CanRead { get { return true; } }
        public override bool CanSeek { get { return false; } }
        public override bool CanWrite { get { return true; } }
        public override long Length { get { throw new NotSupportedException(); } }
        public override long Position { get { throw new NotSupportedException(); } set { throw new NotSupportedException(); } }
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) { throw new NotSupportedException(); }
        public override void SetLength(long value) { throw new NotSupportedException(); }
    }

    /// <summary>An answer as it comes. Of HTTP no more is known here than where it ends (RFC 9112 section 6.3).</summary>
    internal class Answer
    {
        public string End = "";
        public bool KeepsConnection;
        private readonly int limit;
        private readonly MemoryStream octets = new MemoryStream();
        private readonly byte[] part = new byte[16384];
        private Stream stream;
        private int position;

        public Answer(int maximum)
        {
            limit = maximum;
        }

        public int Length { get { return (int)octets.Length; } }

        public byte[] Octets()
        {
            return octets.ToArray();
        }

        public void Read(Stream from)
        {
            stream = from;
            string head;
            Match status;
            do
            {
                head = Line(true);
                if (head == null) return;
                status = Regex.Match(head, "^HTTP/1\\.([01]) ([0-9]{3})");
                if (!status.Success)
                {
                    End = "not_http";
                    return;
                }
            } while (status.Groups[2].Value[0] == '1' && status.Groups[2].Value != "101");
            ReadBody(status.Groups[2].Value, Values(head, "transfer-encoding"), Values(head, "content-length"));
            bool closes = Regex.IsMatch(String.Join(",", Values(head, "connection")), "(^|,)\\s*close\\s*(,|$)", RegexOptions.IgnoreCase);
            bool framed = End == "length" || End == "chunked" || End == "empty";
            KeepsConnection = framed && !closes && status.Groups[1].Value == "1" && position == octets.Length;
        }

        private void ReadBody(string status, string[] codings, string[] lengths)
        {
            if (status == "204" || status == "304") End = "empty";
            else if (codings.Length > 0 && Regex.IsMatch(codings[codings.Length - 1], "(^|,)\\s*chunked\\s*$", RegexOptions.IgnoreCase)) ReadChunks();
            else if (codings.Length == 0 && lengths.Length > 0)
            {
                int length;
                bool one = Array.TrueForAll(lengths, delegate(string other) { return other == lengths[0]; });
                if (!one || !Regex.IsMatch(lengths[0], "^[0-9]+$")) End = "malformed";
                else if (!Int32.TryParse(lengths[0], NumberStyles.None, CultureInfo.InvariantCulture, out length)) throw TooLarge();
                else if (Have(length)) End = "length";
            }
            else
            {
                while (More()) { }
                position = Length;
                End = "closed";
            }
        }

        private void ReadChunks()
        {
            while (true)
            {
                string line = Line(false);
                if (line == null) return;
                Match size = Regex.Match(line, "^([0-9A-Fa-f]{1,7})[ \t]*(;.*)?\r?\n$");
                if (!size.Success)
                {
                    End = "malformed";
                    return;
                }
                int length = Int32.Parse(size.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                if (length > 0 && !Have(length)) return;
                // The end of the chunk, or the trailers with the empty line that ends them.
                do
                {
                    line = Line(false);
                    if (line == null) return;
                } while (length == 0 && line.Trim() != "");
                if (length > 0 && line.Trim() == "") continue;
                End = length == 0 ? "chunked" : "malformed";
                return;
            }
        }

        private static string[] Values(string head, string name)
        {
            List<string> values = new List<string>();
            foreach (Match match in Regex.Matches(head, "^" + name + "[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$", RegexOptions.IgnoreCase | RegexOptions.Multiline)) values.Add(match.Groups[1].Value);
            return values.ToArray();
        }

        /// <summary>What comes next up to the end of the line, or of the first empty line; null where the connection ends
        /// before.</summary>
        private string Line(bool upToEmpty)
        {
            int searched = position;
            while (true)
            {
                int end = LineEnd(searched, upToEmpty);
                if (end > 0)
                {
                    int start = position;
                    position = end;
                    return Encoding.GetEncoding(28591).GetString(octets.GetBuffer(), start, end - start);
                }
                // An end can begin in what was there already.
                searched = Math.Max(position, Length - 3);
                if (!More())
                {
                    End = "cut_off";
                    return null;
                }
            }
        }

        private int LineEnd(int from, bool upToEmpty)
        {
            byte[] all = octets.GetBuffer();
            for (int at = from; at < Length; at++)
            {
                if (all[at] != '\n') continue;
                if (!upToEmpty) return at + 1;
                int next = at + 1 < Length && all[at + 1] == '\r' ? at + 2 : at + 1;
                if (next < Length && all[next] == '\n') return next + 1;
            }
            return 0;
        }

        private bool Have(int length)
        {
            if (length > limit - position) throw TooLarge();
            while (Length - position < length)
            {
                if (!More())
                {
                    End = "cut_off";
                    return false;
                }
            }
            position += length;
            return true;
        }

        private bool More()
        {
            int read = stream.Read(part, 0, part.Length);
            if (Length + read > limit) throw TooLarge();
            octets.Write(part, 0, read);
            return read > 0;
        }

        private static Failed TooLarge()
        {
            return new Failed("receive", "answer_too_large");
        }
    }

    /// <summary>Whether a certificate is for a host, as RFC 9525 wants it; server_identity.py of the EST client decides
    /// the same.</summary>
    internal static class ServerNames
    {
        /// <summary>"host_name", "cmc_ra" where that may stand for it (RFC 7030 section 3.6.1), or null.</summary>
        public static string AuthorizedBy(X509Certificate2 certificate, string host, bool registrationAuthority)
        {
            bool isAuthority = false;
            foreach (X509Extension extension in certificate.Extensions)
            {
                if (extension.Oid.Value == "2.5.29.17" && Names(extension.RawData, host.ToLowerInvariant())) return "host_name";
                X509EnhancedKeyUsageExtension usages = extension as X509EnhancedKeyUsageExtension;
                if (usages == null) continue;
                foreach (Oid usage in usages.EnhancedKeyUsages) isAuthority = isAuthority || usage.Value == "1.3.6.1.5.5.7.3.28";
            }
            return registrationAuthority && isAuthority ? "cmc_ra" : null;
        }

        /// <summary>Look for the host in a SubjectAltName (RFC 5280 section 4.2.1.6): names [2], addresses [7].</summary>
        private static bool Names(byte[] der, string host)
        {
            IPAddress address;
            bool isAddress = IPAddress.TryParse(host, out address);
            int position = 0, end;
            if (der[position++] != 0x30) return false;
            for (end = Size(der, ref position) + position; position < end;)
            {
                byte tag = der[position++];
                int size = Size(der, ref position);
                byte[] value = new byte[size];
                Array.Copy(der, position, value, 0, size);
                position += size;
                if (isAddress && tag == 0x87 && (size == 4 || size == 16) && new IPAddress(value).Equals(address)) return true;
                if (!isAddress && tag == 0x82 && Matches(Encoding.GetEncoding(28591).GetString(value), host)) return true;
            }
            return false;
        }

        private static int Size(byte[] der, ref int position)
        {
            int first = der[position++];
            if (first < 0x80) return first;
            int size = 0;
            for (int left = first & 0x7f; left > 0; left--) size = checked((size << 8) + der[position++]);
            return size;
        }

        private static bool Matches(string presented, string host)
        {
            string name = (presented.EndsWith(".", StringComparison.Ordinal) ? presented.Substring(0, presented.Length - 1) : presented).ToLowerInvariant();
            if (!name.StartsWith("*.", StringComparison.Ordinal)) return name == host;
            string parent = name.Substring(2);
            int dot = host.IndexOf('.');
            return dot > 0 && host.Substring(dot + 1) == parent && parent.Contains(".") && !parent.Contains("*");
        }
    }
}
