//! The smallest Lambda function that stores an object before it answers, with a client of the SDK as it comes. `load` compares the
//! function `api` with it: what `api` costs more is its own work.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::{Client, config::Region, primitives::ByteStream};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

/// Bytes of an object: those of a batch of the audit trail with one verdict.
const OBJECT_BYTES: usize = 700;

static NEXT: AtomicU64 = AtomicU64::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let region = Region::new(std::env::var("AWS_REGION").unwrap_or_default());
    let config = aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12()).region(region);
    let config = config.http_client(aws_smithy_http_client::Builder::new().build_http()).load().await;
    let client = Client::new(&config);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let key = format!("stored/{}-{number}", std::process::id());
        let put = client.put_object().bucket("b").key(key).if_none_match("*");
        let put = put.body(ByteStream::from(vec![b'x'; OBJECT_BYTES]));
        async move {
            put.send().await?;
            Ok::<_, Error>(event.payload)
        }
    }))
    .await
}
