//! Measures what the guard costs: `guard_speed [CALLS]`. Prints a line of JSON for each figure, in nanoseconds a call.
//!
//! The client has a connector that answers at once, so that a call is what the SDK does for it. Rounds with and without the guard
//! alternate; the figures are medians.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measuring tool, not shipped"
)]

use std::{sync::Arc, time::Instant};

use aws_credential_types::Credentials;
use aws_sdk_s3::{Client, config::Region};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use onlooker_core::{
    breaker::BreakerLimits, config::Config, jobs::breakers::CircuitBreakers, record::RequestFeatures,
};
use onlooker_guard::{CallMonitor, ReadOnlyGuard};

const ROUNDS: usize = 9;

#[derive(Debug)]
struct Answering;

impl HttpConnector for Answering {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let status = StatusCode::try_from(200).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from("text"))))
    }
}

fn client(guard: Option<ReadOnlyGuard>) -> Client {
    let mut config = aws_sdk_s3::config::Builder::new()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "example"))
        .http_client(http_client_fn(|_, _| SharedHttpConnector::new(Answering)));
    if let Some(guard) = guard {
        config = config.interceptor(guard);
    }
    Client::from_conf(config.build())
}

async fn round(client: &Client, calls: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        client.get_object().bucket("amzn-s3-demo-bucket").key("k").send().await.unwrap();
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let calls: u32 = std::env::args().nth(1).map_or(20_000, |calls| calls.parse().unwrap());
    let text = "[[override]]\nid = \"a\"\nprincipal = \"arn:aws:iam::111122223333:role/Tool\"\noperation = \"s3:PutObject\"\n\
                owner = \"team@example.com\"\nreason = \"writes results\"\nexpires = 2100-01-31T00:00:00Z\n";
    let config = Config::from_toml(text, "example").unwrap();
    let guard = ReadOnlyGuard::new().with_overrides(config, "arn:aws:iam::111122223333:role/Tool");
    for (service, operation) in
        [("S3", "GetObject"), ("S3", "PutObject"), ("CloudWatch Logs", "DescribeLogGroups")]
    {
        let judge = || {
            let start = Instant::now();
            for _ in 0..calls {
                let verdict = guard.judge(service, operation, Vec::new(), RequestFeatures::empty());
                assert!(verdict.is_valid);
            }
            start.elapsed().as_nanos() as f64 / f64::from(calls)
        };
        let judged = median((0..ROUNDS).map(|_| judge()).collect());
        println!("{{\"what\":\"judge\",\"operation\":\"{service}:{operation}\",\"ns\":{judged:.0}}}");
    }
    let breakers = CircuitBreakers::local(BreakerLimits { failures: 5, seconds: 300 });
    let monitored = guard.clone().with_monitor(CallMonitor::new(Arc::new(breakers)));
    let clients = [client(None), client(Some(guard)), client(Some(monitored))];
    let mut figures = [(); 3].map(|()| Vec::new());
    for _ in 0..ROUNDS {
        for (client, figures) in clients.iter().zip(&mut figures) {
            figures.push(round(client, calls / 4).await);
        }
    }
    let [without, guarded, monitored] = figures.map(median);
    println!(
        "{{\"what\":\"call of the SDK\",\"ns\":{without:.0},\"guarded_ns\":{guarded:.0},\"guard_ns\":{:.0},\
         \"with_breaker_ns\":{monitored:.0},\"breaker_ns\":{:.0}}}",
        guarded - without,
        monitored - guarded
    );
}
