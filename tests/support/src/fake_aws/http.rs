//! The part of HTTP that the SDKs use with a service on loopback.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
    net::TcpStream,
};

use serde_json::Value;

/// A request with its whole body.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl HttpRequest {
    pub fn read(reader: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let body = if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
            read_chunked(reader)?
        } else {
            let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            body
        };
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        Some(Self { method, path: percent_decode(path), query: parse_form(query), headers, body })
    }

    /// The name of the requested operation; for S3 it follows from the method and the key.
    pub fn operation(&self) -> String {
        if let Some(target) = self.header("x-amz-target") {
            return target.rsplit('.').next().unwrap_or_default().to_owned();
        }
        if let Some(action) = self.form_fields().get("Action") {
            return action.clone();
        }
        if (&*self.method, &*self.path) == ("POST", "/findings/import") {
            return "BatchImportFindings".to_owned();
        }
        match (&*self.method, self.key()) {
            ("GET", "") if self.query.contains_key("object-lock") => "GetObjectLockConfiguration".to_owned(),
            ("GET", "") if self.query.contains_key("session") => "CreateSession".to_owned(),
            ("GET", "") => "ListObjectsV2".to_owned(),
            ("GET", _) => "GetObject".to_owned(),
            ("HEAD", _) => "HeadObject".to_owned(),
            ("PUT", _) => "PutObject".to_owned(),
            ("DELETE", _) => "DeleteObject".to_owned(),
            (method, _) => method.to_owned(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn form_fields(&self) -> BTreeMap<String, String> {
        match self.header("content-type") {
            Some(kind) if kind.contains("form-urlencoded") => {
                parse_form(&String::from_utf8_lossy(&self.body))
            }
            _ => BTreeMap::new(),
        }
    }

    /// The bucket of an S3 request in path style.
    pub fn bucket(&self) -> &str {
        let path = self.path.trim_start_matches('/');
        path.split_once('/').map_or(path, |(bucket, _)| bucket)
    }

    /// The key of an S3 request in path style.
    pub fn key(&self) -> &str {
        self.path.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key)
    }

    /// `Credential=<access key>/<date>/<region>/...`
    fn credential_part(&self, part: usize) -> String {
        let scope = self.header("authorization").and_then(|header| header.split("Credential=").nth(1));
        scope.and_then(|scope| scope.split('/').nth(part)).unwrap_or_default().to_owned()
    }

    /// The account, which is the last twelve characters of the access key.
    pub fn account(&self) -> String {
        let key = self.credential_part(0);
        key[key.len().saturating_sub(12)..].to_owned()
    }

    pub fn region(&self) -> String {
        self.credential_part(2)
    }
}

/// A response.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl HttpResponse {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, body.to_string()).with_header("content-type", "application/x-amz-json-1.0")
    }

    pub fn xml(status: u16, body: &str) -> Self {
        Self::new(status, format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}"))
            .with_header("content-type", "text/xml")
    }

    /// An error as services that speak JSON write it.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({ "__type": format!("com.amazonaws#{code}"), "message": message });
        Self::json(status, &body)
    }

    /// An error as S3 writes it.
    pub fn s3_error(status: u16, code: &str, message: &str) -> Self {
        Self::xml(status, &format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
    }

    /// An error as STS and SNS write it.
    pub fn query_error(status: u16, code: &str, message: &str) -> Self {
        let error =
            format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
        Self::xml(status, &format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"))
    }

    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn write(&self, mut stream: &TcpStream, bare: bool) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Fake\r\ncontent-length: {}\r\n", self.status, self.body.len());
        if !self.headers.iter().any(|(name, _)| name.ends_with("request-id")) {
            head.push_str("x-amzn-requestid: request-of-the-test\r\n");
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if !bare {
            bytes.extend(&self.body);
        }
        stream.write_all(&bytes)
    }
}

/// Reads a chunked body.
fn read_chunked(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let begin = body.len();
        body.resize(begin + length, 0);
        reader.read_exact(&mut body[begin..]).ok()?;
        reader.read_line(&mut String::new()).ok()?;
        if length == 0 {
            return Some(body);
        }
    }
}

pub fn parse_form(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decode(&name.replace('+', " ")), percent_decode(&value.replace('+', " ")))
    };
    pairs.map(pair).collect()
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut plain, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let digits =
            (bytes[at] == b'%').then(|| std::str::from_utf8(&bytes[at + 1..at + 3]).expect("digits"));
        plain.push(digits.map_or(bytes[at], |digits| u8::from_str_radix(digits, 16).expect("digits")));
        at += if digits.is_some() { 3 } else { 1 };
    }
    String::from_utf8(plain).expect("UTF-8")
}

/// Escapes text for XML.
pub fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
