//! An inventory tool with guarded clients: it may list, and nothing that it calls by mistake is sent.
//!
//! `cargo run -p onlooker-guard --example inventory`, with credentials as for any AWS tool.

#![allow(clippy::print_stdout, reason = "an example")]

use aws_config::BehaviorVersion;
use onlooker_guard::{ReadOnlyGuard, Refusal};

#[tokio::main]
async fn main() {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(aws_smithy_http_client::tls::Provider::Rustls(
            aws_smithy_http_client::tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https();
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http).load().await;
    // The guard: one line for each client.
    let s3 = aws_sdk_s3::config::Builder::from(&config).interceptor(ReadOnlyGuard::new()).build();
    let s3 = aws_sdk_s3::Client::from_conf(s3);

    match s3.list_buckets().send().await {
        Ok(list) => println!("{} buckets", list.buckets().len()),
        Err(error) => println!("the list failed: {error}"),
    }
    if let Err(error) = s3.delete_bucket().bucket("amzn-s3-demo-bucket").send().await {
        match Refusal::of(&error) {
            Some(refusal) => println!("refused: {refusal}"),
            None => println!("the deletion failed: {error}"),
        }
    }
}
