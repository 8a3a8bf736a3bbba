//! A fake Google Cloud Storage on loopback: the XML API, as <https://cloud.google.com/storage/docs/xml-api/reference-methods>
//! (2026-11) describes it, as far as backups need it.
//!
//! An object is put with `x-goog-if-generation-match: 0`; the fake rejects other writes, because a backup overwrites nothing.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::fake_aws::{
    HttpRequest, HttpResponse, etag,
    s3::{self, FakeBucket},
};

/// The token with which every request is authorized.
const TOKEN: &str = "token-of-the-test";

/// A running fake with one bucket, in which every name of a bucket leads.
pub struct FakeGoogle {
    address: SocketAddr,
    bucket: Arc<Mutex<FakeBucket>>,
}

impl FakeGoogle {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let bucket = Arc::<Mutex<FakeBucket>>::default();
        let shared = Arc::clone(&bucket);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let bucket = Arc::clone(&shared);
                thread::spawn(move || serve_connection(&stream, &bucket));
            }
        });
        Self { address, bucket }
    }

    /// The objects.
    pub fn bucket(&self) -> MutexGuard<'_, FakeBucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The variables with which a program finds it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("GOOGLE_BASE_URL", format!("http://{}", self.address)),
            ("GOOGLE_BEARER_TOKEN", TOKEN.to_owned()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ]
    }
}

fn serve_connection(stream: &TcpStream, bucket: &Mutex<FakeBucket>) {
    let mut reader = std::io::BufReader::new(stream);
    while let Some(request) = HttpRequest::read(&mut reader) {
        let answer = serve(&mut bucket.lock().unwrap_or_else(PoisonError::into_inner), &request);
        if answer.write(stream, request.method == "HEAD").is_err() {
            return;
        }
    }
}

fn serve(bucket: &mut FakeBucket, request: &HttpRequest) -> HttpResponse {
    assert_eq!(request.header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    let answer = match (request.method.as_str(), request.key()) {
        ("GET", "") => return s3::list(bucket, request),
        ("GET", _) => s3::get(bucket, request),
        ("HEAD", _) => s3::head(bucket, request),
        ("PUT", key) => {
            assert_eq!(
                request.header("x-goog-if-generation-match"),
                Some("0"),
                "every write has a condition"
            );
            if bucket.objects.contains_key(key) {
                let message = "At least one of the pre-conditions you specified did not hold.";
                return HttpResponse::s3_error(412, "PreconditionFailed", message);
            }
            bucket.put(key, request.body.clone());
            HttpResponse::new(200, "").with_header("etag", format!("\"{}\"", etag(&request.body)))
        }
        ("DELETE", key) => match bucket.objects.remove(key) {
            Some(_) => HttpResponse::new(204, ""),
            None => HttpResponse::s3_error(404, "NoSuchKey", "The specified key does not exist."),
        },
        (method, _) => HttpResponse::s3_error(501, "NotImplemented", method),
    };
    answer.with_header("x-goog-generation", "1")
}
