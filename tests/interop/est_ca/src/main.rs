// Copyright (c) 2026, estfleet.cloud_extender contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

//! The EST server of the crate est-ca behind a listener with TLS, as its documentation tells its users to put it there.
//!
//! It is given a folder with authorities.pem (the CA that issues comes first), issuing.key, server.pem and server.key. It
//! takes one account, and TLS client certificates that it has issued. It writes ca.der, its CA certificate as it hands it
//! out, and then port.txt.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use axum::{Extension, Router};
use est_ca::auth::{AuthBackend, Principal};
use est_ca::ca::serial::InMemorySerialStore;
use est_ca::ca::{CertProfile, Issuer};
use est_ca::est::server::EstServer;
use hyper::server::conn::Http;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

struct OneAccount;

impl AuthBackend for OneAccount {
    fn verify_bootstrap(&self, user: &str, pass: &str) -> Result<Principal, String> {
        if user == "estuser" && pass == "estpwd" {
            Ok(Principal::new(user))
        } else {
            Err("unknown account".into())
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: interop-est-ca FOLDER")?);
    let issuer = Issuer::load_pem(
        folder.join("authorities.pem"),
        folder.join("issuing.key"),
        CertProfile::client_auth_for_days(7),
        Arc::new(InMemorySerialStore::new()),
    )?;
    let authority = CertificateDer::from(issuer.ca_cert_der().to_vec());
    fs::write(folder.join("ca.der"), &authority)?;

    let mut roots = RootCertStore::empty();
    roots.add(authority)?;
    let provider = Arc::new(default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()?;
    let chain = CertificateDer::pem_file_iter(folder.join("server.pem"))?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key"))?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let router = EstServer::new(issuer, Arc::new(OneAccount)).router();

    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port().to_string();
        fs::write(folder.join("port.new"), port)?;
        fs::rename(folder.join("port.new"), folder.join("port.txt"))?;
        loop {
            let (stream, _peer) = listener.accept().await?;
            let (acceptor, router) = (acceptor.clone(), router.clone());
            tokio::spawn(async move {
                if let Err(error) = serve(stream, acceptor, router).await {
                    eprintln!("{error}");
                }
            });
        }
    })
}

/// Serve one connection. est-ca takes whoever renews from what its user has read of the TLS client certificate.
async fn serve(stream: TcpStream, acceptor: TlsAcceptor, router: Router) -> Result<(), Box<dyn Error + Send + Sync>> {
    let stream = acceptor.accept(stream).await?;
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let router = match shown.and_then(common_name) {
        Some(name) => router.layer(Extension(Principal::new(name))),
        None => router,
    };
    Http::new().http1_only(true).serve_connection(stream, router).await?;
    Ok(())
}

fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_rest, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let name = parsed.subject().iter_common_name().next()?.as_str().ok()?;
    Some(name.to_owned())
}
