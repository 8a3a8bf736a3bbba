//! The log of a function: JSON lines on standard error.
//!
//! Enters: `ONLOOKER_LOG`, or the level that Lambda is set to. Leaves: a subscriber. Law: at every level, the log
//! contains no requests and credentials from the SDKs.

use std::io;

use tracing_subscriber::{
    Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::settings::EnvVariables;
use onlooker_core::{
    config::{Diagnostic, log_filter},
    report::ReportRun,
};

/// Targets that would log whole requests at their lower levels, or errors a second time.
const QUIET_TARGETS: &str = "aws_config=warn,aws_runtime=error,aws_sdk_cloudtrail=warn,aws_sdk_dynamodb=warn,\
     aws_sdk_eventbridge=warn,aws_sdk_s3=warn,aws_sdk_sns=warn,aws_sdk_sts=warn,aws_sigv4=warn,\
     aws_smithy_http_client=warn,aws_smithy_runtime=warn,aws_smithy_runtime_api=warn,h2=warn,hyper=warn,\
     hyper_util=warn,lambda_runtime=info,lambda_runtime::layers=off,rustls=warn";

/// Starts the log. An invalid level is reported at the first invocation; until then the level is `info`.
pub(super) fn start(variables: &EnvVariables) {
    let asked = variables.get("ONLOOKER_LOG").or_else(|| variables.get("AWS_LAMBDA_LOG_LEVEL"));
    let level = asked.unwrap_or("info").to_ascii_lowercase();
    let filter = |level: &str| format!("{level},{QUIET_TARGETS}").parse::<Targets>();
    let filter = filter(&level).or_else(|_| filter("info")).unwrap_or_default();
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(io::stderr);
    // A test may have started the log already.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}

/// Rejects an invalid level.
pub(super) fn check(variables: &EnvVariables) -> Result<(), Diagnostic> {
    let Some(asked) = variables.get("ONLOOKER_LOG") else { return Ok(()) };
    log_filter(asked)?;
    asked.parse::<Targets>().map(|_| ()).map_err(|error| Diagnostic {
        message: format!("`ONLOOKER_LOG` is not a log level: {error}"),
        remedy: "write a level, or `warn,onlooker_core=debug` for one target".to_owned(),
    })
}

/// The fields of every log line of a run.
pub(super) fn span(run: &ReportRun) -> tracing::Span {
    let caller = run.caller.as_ref().map_or("", |caller| &caller.arn);
    let request = run.request_id.as_deref().unwrap_or_default();
    tracing::info_span!("run", id = run.run_id, request, caller)
}
