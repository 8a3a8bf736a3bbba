//! One request over one connection.
//!
//! Enters: checked addresses, and a request. Leaves: an [`Answer`]. Laws: the connection is made to one of these addresses; the
//! certificate must be that of the host; what is read of an answer is bounded.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use url::Url;

/// Any error of a connection.
pub(crate) type ConnectionError = Box<dyn std::error::Error + Send + Sync>;

/// Longest time to connect to one address, if there is another one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Most bytes that are read of an answer.
const MAX_ANSWER_BYTES: usize = 1_024;

/// What a service answered.
pub(crate) struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// Seconds of `Retry-After`.
    pub retry_after: Option<Duration>,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

/// Posts JSON to a URL at one of its addresses.
pub(crate) async fn post(
    url: &Url,
    host: &str,
    addresses: &[SocketAddr],
    tls: Arc<ClientConfig>,
    body: Bytes,
) -> Result<Answer, ConnectionError> {
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
    let stream = TlsConnector::from(tls).connect(name, connect(addresses).await?).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = AbortOnDrop(tokio::spawn(connection));
    let request = Request::post(&url[url::Position::BeforePath..url::Position::AfterQuery])
        .header(header::HOST, &url[url::Position::BeforeHost..url::Position::AfterPort])
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("onlooker/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(body))?;
    let answer = read(sender.send_request(request).await?).await?;
    drop(driver);
    Ok(answer)
}

/// A connection to the first address that accepts one.
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, ConnectionError> {
    let mut failure: ConnectionError = "the host has no address".into();
    for address in addresses {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error.into(),
            Err(elapsed) => failure = elapsed.into(),
        }
    }
    Err(failure)
}

async fn read(mut response: Response<Incoming>) -> Result<Answer, ConnectionError> {
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let retry_after = text(header::RETRY_AFTER).and_then(|seconds| seconds.trim().parse().ok());
    let mut answer = Answer {
        status: response.status().as_u16(),
        location: text(header::LOCATION).map(str::to_owned),
        retry_after: retry_after.map(Duration::from_secs),
        body: Vec::new(),
    };
    while answer.body.len() < MAX_ANSWER_BYTES
        && let Some(frame) = response.frame().await
    {
        // The status decides; a body that ends early does not.
        let Ok(frame) = frame else { break };
        let Ok(data) = frame.into_data() else { continue };
        let room = MAX_ANSWER_BYTES - answer.body.len();
        answer.body.extend(data.iter().take(room));
    }
    Ok(answer)
}

/// The task that drives a connection, which ends with the request.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
