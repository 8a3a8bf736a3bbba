//! Requests to webhooks, with the guard of addresses.
//!
//! Enters: a URL and a document. Leaves: success, or a [`PostError`]. Laws: every address of a host must be allowed, or nothing is sent;
//! each redirect is checked like the first URL; a redirect repeats the same request; no proxy is used.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    sync::{Arc, OnceLock},
    time::Duration,
};

use hyper::body::Bytes;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::{runtime::Runtime, time::timeout};
use url::{Host, Url};

use crate::{
    address::{AddressPolicy, is_public},
    connection::{self, Answer},
    post_error::PostError,
};

/// Number of redirects that are followed.
const MAX_REDIRECTS: usize = 3;

/// Longest word of an answer that an error shows.
const MAX_WORD_BYTES: usize = 40;

/// Resolves names.
pub trait Resolver: Send + Sync {
    /// The addresses of a host.
    ///
    /// # Errors
    /// When the name cannot be resolved.
    fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
struct SystemResolver;

impl Resolver for SystemResolver {
    fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok((host, 443).to_socket_addrs()?.map(|address| address.ip()).collect())
    }
}

/// Sends requests to webhooks. Clones share their root certificates.
#[derive(Clone)]
pub struct WebhookClient {
    runtime: Arc<Runtime>,
    resolver: Arc<dyn Resolver>,
    is_allowed: AddressPolicy,
    tls: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl WebhookClient {
    /// A client for public addresses, with the resolver and the root certificates of the operating system, which it reads at the
    /// first request.
    pub fn new(runtime: Arc<Runtime>) -> Self {
        Self { runtime, resolver: Arc::new(SystemResolver), is_allowed: is_public, tls: Arc::default() }
    }

    /// A client with another resolver, policy and trust, for tests.
    pub fn with(
        runtime: Arc<Runtime>,
        resolver: Arc<dyn Resolver>,
        is_allowed: AddressPolicy,
        tls: Arc<ClientConfig>,
    ) -> Self {
        Self { runtime, resolver, is_allowed, tls: Arc::new(OnceLock::from(tls)) }
    }

    /// Posts a document and follows redirects, within a limit of time. Blocks its thread.
    ///
    /// # Errors
    /// [`PostError`].
    pub fn post(&self, url: &str, document: &str, limit: Duration) -> Result<(), PostError> {
        let url = Url::parse(url).map_err(|_| PostError::Url)?;
        let tls = self.tls()?;
        let body = Bytes::copy_from_slice(document.as_bytes());
        let post = async { timeout(limit, self.follow(url, tls, body)).await };
        self.runtime.block_on(post).unwrap_or(Err(PostError::Timeout(limit)))
    }

    async fn follow(&self, mut url: Url, tls: Arc<ClientConfig>, body: Bytes) -> Result<(), PostError> {
        let mut redirects = 0;
        loop {
            let host = host(&url).ok_or(PostError::Url)?;
            let addresses = self.checked_addresses(&url, &host).await?;
            let posted = connection::post(&url, &host, &addresses, Arc::clone(&tls), body.clone()).await;
            let answer = posted.map_err(|cause| PostError::NotConnected { host: host.clone(), cause })?;
            let Some(location) = redirect(&answer) else { return outcome(host, &answer) };
            if redirects == MAX_REDIRECTS {
                return Err(PostError::TooManyRedirects { host, most: MAX_REDIRECTS });
            }
            redirects += 1;
            let next = url.join(location).ok().filter(|next| self::host(next).is_some());
            url = next.ok_or(PostError::RedirectUrl { host })?;
        }
    }

    /// The addresses of a host with its port, of which each is allowed.
    async fn checked_addresses(&self, url: &Url, host: &str) -> Result<Vec<SocketAddr>, PostError> {
        let found = match url.host() {
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            _ => {
                let (resolver, name) = (Arc::clone(&self.resolver), host.to_owned());
                let found = tokio::task::spawn_blocking(move || resolver.addresses(&name)).await;
                let found = found.map_err(io::Error::other).and_then(|found| found);
                found.map_err(|cause| PostError::NotResolved { host: host.to_owned(), cause })?
            }
        };
        if let Some(address) = found.iter().copied().find(|address| !(self.is_allowed)(*address)) {
            return Err(PostError::NotPublic { host: host.to_owned(), address });
        }
        if found.is_empty() {
            let cause = io::Error::from(io::ErrorKind::NotFound);
            return Err(PostError::NotResolved { host: host.to_owned(), cause });
        }
        let port = url.port_or_known_default().unwrap_or(443);
        Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// The settings of TLS with the root certificates of the operating system.
    fn tls(&self) -> Result<Arc<ClientConfig>, PostError> {
        if let Some(tls) = self.tls.get() {
            return Ok(Arc::clone(tls));
        }
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            return Err(PostError::Roots(why.join("; ")));
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| PostError::Roots(error.to_string()))?;
        let tls = Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
        Ok(Arc::clone(self.tls.get_or_init(|| tls)))
    }
}

impl fmt::Debug for WebhookClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookClient").finish_non_exhaustive()
    }
}

/// The host of a URL that may be called: with `https`, and without a user name.
fn host(url: &Url) -> Option<String> {
    let is_plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    url.host_str().filter(|host| is_plain && !host.is_empty()).map(str::to_owned)
}

/// Where the answer leads, if the same request is to be repeated there. 303 is an answer of its own.
fn redirect(answer: &Answer) -> Option<&str> {
    answer.location.as_deref().filter(|_| matches!(answer.status, 301 | 302 | 307 | 308))
}

fn outcome(host: String, answer: &Answer) -> Result<(), PostError> {
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let is_word = |word: &&str| {
        (1..=MAX_WORD_BYTES).contains(&word.len())
            && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    let word = std::str::from_utf8(&answer.body).ok().map(str::trim).filter(is_word).map(str::to_owned);
    Err(PostError::Status { host, status: answer.status, word, retry_after: answer.retry_after })
}
