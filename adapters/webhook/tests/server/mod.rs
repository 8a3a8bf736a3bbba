//! An HTTPS server on loopback with a certificate of its own, which gives the planned answers.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_rustls::TlsAcceptor;

/// What the server does with one request.
#[derive(Clone)]
pub enum ServerAnswer {
    /// Sends an answer.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// Sends an answer with a body without an end, until the client disconnects.
    Endless,
    /// Sends nothing and stays connected until the client disconnects.
    Silence,
    /// Disconnects without one.
    Disconnect,
}

impl ServerAnswer {
    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: String::new() }
    }

    /// A redirect. `PORT` is the port of the server.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::status(status).with_header("location", location)
    }

    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }

    pub fn with_body(mut self, text: &str) -> Self {
        if let Self::Answer { body, .. } = &mut self {
            text.clone_into(body);
        }
        self
    }
}

/// A request that reached the server.
#[derive(Clone)]
pub struct ReceivedRequest {
    /// The request line.
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

#[derive(Default)]
struct ServerState {
    answers: VecDeque<ServerAnswer>,
    requests: Vec<ReceivedRequest>,
}

pub struct HttpsServer {
    runtime: Arc<Runtime>,
    port: u16,
    certificate: CertificateDer<'static>,
    state: Arc<Mutex<ServerState>>,
}

impl HttpsServer {
    pub fn start(host: &str, answers: Vec<ServerAnswer>) -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([host.to_owned()]).unwrap();
        let certificate = cert.der().clone();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let runtime = Arc::new(Runtime::new().unwrap());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(ServerState { answers: answers.into(), requests: Vec::new() }));
        let shared = Arc::clone(&state);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    // A client that ends the connection is part of a test.
                    let _ = serve(acceptor, stream, &state, port).await;
                });
            }
        });
        Self { runtime, port, certificate, state }
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn runtime(&self) -> Arc<Runtime> {
        Arc::clone(&self.runtime)
    }

    /// Settings that trust the certificate of this server alone.
    pub fn client_tls(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.state.lock().unwrap().requests.clone()
    }
}

async fn serve(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    state: &Mutex<ServerState>,
    port: u16,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(acceptor.accept(stream).await?);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let answer = {
        let mut state = state.lock().unwrap();
        state.requests.push(ReceivedRequest { line: line.trim_end().to_owned(), headers, body });
        state.answers.pop_front()
    };
    match answer {
        Some(ServerAnswer::Answer { status, headers, body }) => {
            let mut text = format!("HTTP/1.1 {status} Fake\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                text.push_str(&format!("{name}: {}\r\n", value.replace("PORT", &port.to_string())));
            }
            stream.write_all(format!("{text}\r\n{body}").as_bytes()).await?;
            stream.flush().await?;
        }
        Some(ServerAnswer::Endless) => {
            stream.write_all(b"HTTP/1.1 200 Fake\r\n\r\n").await?;
            while stream.write_all(&[b'x'; 4_096]).await.is_ok() {}
        }
        Some(ServerAnswer::Silence) => {
            let mut byte = [0];
            stream.read_exact(&mut byte).await?;
        }
        Some(ServerAnswer::Disconnect) | None => {}
    }
    stream.shutdown().await
}
