# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ansible.windows.win_uri`` says where it fails, and what that means.

The words are those of .NET Framework's ``WebException``, in English. Windows in another language says the same in that
language: then the stage is what the request was for, and nobody knows whether it arrived.
"""

from __future__ import annotations

from ..exchange.module_transport import CUT_OFF_HINT, Failure

#: How the reason begins of a server that was refused before anything was shown to it.
NOT_TRUSTED = "the host does not trust"
#: How the words begin that are made of a proxy's answer.
OF_PROXY = "the proxy answered HTTP"

FAILURES = (
    Failure(
        r"The remote name could not be resolved",
        "resolve",
        "the host cannot resolve the name of the EST server",
        "Check the server name of the template and the name resolution of the host.",
        "not_received",
        "name_not_resolved",
    ),
    Failure(
        r"The proxy name could not be resolved",
        "resolve",
        "the host cannot resolve the name of the proxy",
        "Check proxy of the template and the name resolution of the host.",
        "not_received",
        "name_not_resolved",
    ),
    Failure(
        r"Client certificate '.*' does not exist|Failed to read client certificate",
        "tls",
        "the TLS client certificate cannot be used on the host",
        "Check that it is there, and that the account of the connection may use its key.",
        "not_received",
        "invalid_client_certificate",
    ),
    Failure(
        r"Could not establish trust relationship",
        "tls",
        f"{NOT_TRUSTED} the certificate of the EST server: it is issued by a CA that is not in the machine's "
        "store, is for another name, has expired, or is not for a server",
        "Install the CA of the EST server into the machine's store of trusted root CAs, and compare the server of the "
        "template with the names in the server's certificate.",
        "not_received",
        "untrusted_certificate",
    ),
    Failure(
        r"Could not create SSL/TLS secure channel",
        "tls",
        "the host and the EST server cannot agree on a TLS connection",
        "They need a common TLS version and cipher suite. The EST server may want a TLS client certificate.",
        "not_received",
        "tls_failed",
    ),
    Failure(
        r"An unexpected error occurred on a send",
        "tls",
        "the connection to the EST server broke in the TLS handshake",
        "Check that the port of the template is the HTTPS port of the EST server, and that host and server have a "
        "common TLS version.",
        "unknown",
        "tls_failed",
    ),
    Failure(
        r"Unable to connect to the remote server|actively refused",
        "connect",
        "the host cannot connect to the EST server, or to the proxy of the template",
        "Check server, port and proxy of the template, whether the EST server runs, and the firewalls on the way.",
        "not_received",
        "connection_failed",
    ),
    # An answer of the EST server would have been returned as one: this is the proxy's.
    Failure(
        rf"The remote server returned an error: \(\d+\)|^{OF_PROXY}",
        "connect",
        "the proxy refused a connection to the EST server",
        "Allow this host to reach the EST server in the proxy's rules. Proxy passwords are not supported.",
        "not_received",
        "proxy_failed",
    ),
    # The status was read, and the body was not.
    Failure(
        r"^HTTP \d+: ", "", "the answer of the EST server is cut off", CUT_OFF_HINT, "received", "connection_closed"
    ),
    Failure(
        r"GetRequestStream.*timed out",
        "connect",
        "no connection to the EST server in time",
        "Check server and port of the template and the firewalls on the way.",
        "not_received",
        "connection_failed",
    ),
    Failure(
        r"timed out",
        "",
        "the EST server did not answer in time",
        "Check server and port of the template, the EST server, the firewalls on the way and the timeout option.",
        "unknown",
        "no_answer",
    ),
    Failure(
        r"committed a protocol violation",
        "",
        "the EST server answered with something that is not valid HTTP",
        "Check that server and port of the template are those of an EST server.",
        "received",
        "invalid_http",
    ),
    Failure(
        r"connection was closed|kept alive was closed|error occurred on a receive|transport connection|forcibly closed",
        "",
        "the EST server closed the connection without an answer",
        "The server's log may say why: it may want a TLS client certificate, or a proxy before it broke off.",
        "unknown",
        "connection_closed",
    ),
)

UNKNOWN_FAILURE = Failure(
    "",
    "",
    "the connection to the EST server failed",
    "Look at the log of the EST server, and try exchange=controller for a closer diagnosis.",
    "unknown",
    "connection_failed",
)

CANNOT_FETCH = Failure(
    "",
    "",
    "the answer of the EST server is not text, or has the password in it by chance, and its file cannot be fetched "
    "from the host",
    "Check the connection to the host, and the free space there.",
    "received",
    "not_supported",
)


def request_was_sent(said: str) -> bool:
    """Say whether a request can have been sent: .NET asks for the stream first, and that needs the connection.

    The name of the method is the same in every language of Windows.
    """
    return "GetRequestStream" not in said
