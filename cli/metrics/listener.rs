//! Answers scrapes of Prometheus.
//!
//! Enters: HTTP requests. Leaves: the metrics for `GET /metrics`, an error for everything else. Laws: a request is at most 8 KiB and
//! has two seconds, so a client that does not write delays the others by no more; a request that names another host than this machine is
//! refused, so that a page in a browser cannot read the metrics through a name that leads here; a client that fails ends nothing.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use onlooker_core::{config::Diagnostic, render::openmetrics::MEDIA_TYPE};

use crate::{args::GlobalArgs, exit::CommandError, report_output::note};

/// Longest request, in bytes.
const MAX_REQUEST_BYTES: usize = 8 << 10;

/// Time for a request, and for each write of a response.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers until the process is ended. `metrics` makes the text for a scrape of this number.
pub fn serve(
    global: &GlobalArgs,
    address: SocketAddr,
    is_open: bool,
    metrics: &mut dyn FnMut(u64) -> String,
) -> Result<(), CommandError> {
    let failed = |cause: io::Error| {
        CommandError::Usage(Diagnostic {
            message: format!("cannot listen on {address}: {cause}"),
            remedy: "choose another port with `--listen`".to_owned(),
        })
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    if !global.quiet {
        note(&format!("listening on http://{}/metrics", listener.local_addr().map_err(failed)?));
    }
    let mut scrapes = 0;
    for client in listener.incoming() {
        // A client that is gone, or a moment without file descriptors.
        let Ok(mut client) = client else {
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        if let Err(error) = answer(&mut client, is_open, &mut scrapes, metrics) {
            tracing::debug!(%error, "a client was not answered");
        }
    }
    Ok(())
}

fn answer(
    client: &mut TcpStream,
    is_open: bool,
    scrapes: &mut u64,
    metrics: &mut dyn FnMut(u64) -> String,
) -> io::Result<()> {
    client.set_write_timeout(Some(PATIENCE))?;
    let request = read_request(client)?;
    let (status, media_type, body) = match judge(&request, is_open) {
        Ok(()) => {
            *scrapes += 1;
            ("200 OK", MEDIA_TYPE, metrics(*scrapes))
        }
        Err((status, why)) => (status, "text/plain; charset=utf-8", format!("{why}\n")),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes())?;
    if !request.starts_with("HEAD ") {
        client.write_all(body.as_bytes())?;
    }
    client.flush()
}

/// The head of a request, up to the empty line.
fn read_request(client: &mut TcpStream) -> io::Result<String> {
    let began = Instant::now();
    let mut bytes = Vec::new();
    let mut some = [0_u8; 1_024];
    loop {
        let left = PATIENCE.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        client.set_read_timeout(Some(left))?;
        let count = client.read(&mut some)?;
        bytes.extend_from_slice(some.get(..count).unwrap_or_default());
        let has_ended = bytes.windows(4).any(|four| four == b"\r\n\r\n");
        if has_ended || count == 0 || bytes.len() > MAX_REQUEST_BYTES {
            bytes.truncate(MAX_REQUEST_BYTES);
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}

/// Whether a request is answered; if not, the status line and the reason.
fn judge(request: &str, is_open: bool) -> Result<(), (&'static str, &'static str)> {
    let mut lines = request.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, path, version) =
        (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !version.starts_with("HTTP/1.") {
        return Err(("400 Bad Request", "this is not a request of HTTP/1.1"));
    }
    let host =
        lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let is_here = host.is_none_or(|(_, host)| is_this_machine(host.trim()));
    match (method, path.split('?').next()) {
        _ if !is_open && !is_here => {
            Err(("403 Forbidden", "the request names another host than this machine"))
        }
        (Some("GET" | "HEAD"), Some("/metrics")) => Ok(()),
        (Some("GET" | "HEAD"), _) => Err(("404 Not Found", "the metrics are at /metrics")),
        _ => Err(("405 Method Not Allowed", "use GET")),
    }
}

/// Whether the host of a request, with or without a port, is a name of this machine.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(request: &str, is_open: bool) -> &'static str {
        judge(request, is_open).err().map_or("200", |(status, _)| status)
    }

    #[test]
    fn only_a_scrape_by_a_name_of_this_machine_is_answered() {
        for (request, expected) in [
            ("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9464\r\n\r\n", "200"),
            ("GET /metrics?x=1 HTTP/1.0\r\n\r\n", "200"),
            ("HEAD /metrics HTTP/1.1\r\nhost: LOCALHOST\r\n\r\n", "200"),
            ("GET /metrics HTTP/1.1\r\nHost: [::1]:9464\r\n\r\n", "200"),
            ("GET /metrics HTTP/1.1\r\nHost: rebound.example:9464\r\n\r\n", "403 Forbidden"),
            ("GET /metrics HTTP/1.1\r\nHost: 192.0.2.7:9464\r\n\r\n", "403 Forbidden"),
            ("GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
            ("GET /metrics\r\n\r\n", "400 Bad Request"),
            ("", "400 Bad Request"),
        ] {
            assert_eq!(status(request, false), expected, "{request:?}");
        }
        assert_eq!(status("GET /metrics HTTP/1.1\r\nHost: onlooker.internal\r\n\r\n", true), "200");
    }
}
