//! The log of a function: one JSON object a line on standard error.
//!
//! Enters: `ONLOOKER_LOG`, or the level that Lambda is set to. Leaves: a subscriber. Laws: at every level, the log
//! contains no requests and credentials from the SDKs; each line is one flat JSON object, with the field names of AWS Lambda
//! Powertools ("Logger", "Structured keys") where it has a name: `timestamp`, `level`, `message`, `location`, `service`,
//! `function_name`, `function_arn`, `function_memory_size`, `function_request_id`, `cold_start`, `xray_trace_id`,
//! `exception_name` and `exception`.

use std::{
    fmt::{self, Write as _},
    io::{self, Write as _},
};

use lambda_runtime::Context;
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    fmt::{format::Writer, time::FormatTime as _, time::SystemTime},
    layer::{Context as LayerContext, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use super::settings::EnvVariables;
use onlooker_core::{
    config::{Diagnostic, log_filter},
    render::json::escape_json,
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
    let layer = JsonLines { service: service(variables) };
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

/// Name of the service in log lines: the deployment.
pub(super) fn service(variables: &EnvVariables) -> String {
    variables.get("ONLOOKER_DEPLOYMENT").unwrap_or("onlooker").to_owned()
}

/// Whether the log contains messages of level `debug` of the functions.
pub(super) fn is_debug() -> bool {
    tracing::enabled!(tracing::Level::DEBUG)
}

/// The fields of every log line of a run.
pub(super) fn span(run: &ReportRun, context: &Context, cold_start: bool) -> tracing::Span {
    let caller = run.caller.as_ref().map_or("", |caller| &caller.arn);
    tracing::info_span!(
        "run",
        run_id = run.run_id,
        caller,
        cold_start,
        function_name = context.env_config.function_name,
        function_arn = context.invoked_function_arn,
        function_memory_size = context.env_config.memory,
        function_request_id = context.request_id,
        xray_trace_id = context.xray_trace_id,
    )
}

/// Writes each event as one line, with the fields of the spans that it is in.
struct JsonLines {
    service: String,
}

/// The fields of a span or an event.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for JsonLines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: LayerContext<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: LayerContext<'_, S>) {
        let mut fields = Fields::default();
        let spans = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
        for span in spans {
            if let Some(Fields(outer)) = span.extensions().get::<Fields>() {
                fields.0.extend(outer.clone());
            }
        }
        event.record(&mut fields);
        let line = line(&self.service, event.metadata(), fields);
        // A write error cannot be reported.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }
}

/// One line, with a newline at its end.
fn line(service: &str, about: &tracing::Metadata<'_>, Fields(fields): Fields) -> String {
    let mut time = String::new();
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    let place = about.line().map_or_else(String::new, |line| format!(":{line}"));
    let first = [
        ("timestamp", time),
        ("level", about.level().to_string()),
        ("location", format!("{}{place}", about.target())),
        ("service", service.to_owned()),
    ];
    let mut all: Map<String, Value> = Map::new();
    all.extend(first.map(|(name, value)| (name.to_owned(), Value::from(value))));
    // Each line is of one of four types: production, error, security_audit, and metric, which the metrics have.
    let is_error = *about.level() <= tracing::Level::WARN;
    let log_type = if is_error { "error" } else { "production" };
    all.insert("log_type".to_owned(), fields.get("log_type").cloned().unwrap_or_else(|| log_type.into()));
    // A field of an event does not replace what the log itself knows.
    for (name, value) in fields {
        all.entry(name).or_insert(value);
    }
    escape_json(Value::Object(all).to_string())
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        self.0.insert(field.name().to_owned(), Value::from(text));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }
}
