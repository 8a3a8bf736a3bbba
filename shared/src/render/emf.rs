//! The metrics of a run as one log line in CloudWatch's Embedded Metric Format.
//!
//! Enters: metrics by name, deployment, function and time. Leaves: one line of JSON. Laws: the line follows the
//! specification (CloudWatch User Guide, "Specification: Embedded metric format"): a directive has at most a hundred
//! metrics, every metric and dimension it names is a member beside `_aws`, and values are finite numbers; a metric
//! that is not a finite number is left out. No two members of a line have one name, a metric has one unit in all lines, the
//! dimensions are the deployment and the function, never a principal, and a line stays below [`MAX_LINE_BYTES`].

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::json::escape_json;
use crate::time::Time;

/// Namespace of all metrics.
pub const NAMESPACE: &str = "Onlooker";

/// Maximum number of metrics in one directive of the embedded metric format.
const MAX_METRICS_PER_DIRECTIVE: usize = 100;

/// Number of characters of a dimension's value, and of a property.
const MAX_TEXT_CHARS: usize = 1_024;

/// Longest line, in bytes: that of an event of CloudWatch Logs.
pub const MAX_LINE_BYTES: usize = 262_144;

/// CloudWatch unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricUnit {
    /// A count.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A percentage.
    Percent,
    /// A number without a unit, such as a score.
    None,
}

impl MetricUnit {
    /// The unit's name in CloudWatch.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::Bytes => "Bytes",
            Self::Percent => "Percent",
            Self::None => "None",
        }
    }
}

/// Metrics of a run, by name: `records`, `duplicates`, `unreadable`, `lag`, `duration`, `score`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    metrics: BTreeMap<&'static str, (MetricUnit, f64)>,
    /// Numbers for queries of the log, and for the record of the run.
    fields: BTreeMap<&'static str, f64>,
}

impl Metrics {
    /// Adds a metric, or replaces the one of that name. A value that is not a finite number is left out.
    #[must_use]
    pub fn with(mut self, name: &'static str, unit: MetricUnit, value: f64) -> Self {
        if value.is_finite() {
            self.fields.remove(name);
            self.metrics.insert(name, (unit, value));
        }
        self
    }

    /// Adds a number that is not a metric of CloudWatch, where each costs by itself: queries of the log find it, and the record of the
    /// run has it.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: f64) -> Self {
        if value.is_finite() && !self.metrics.contains_key(name) {
            self.fields.insert(name, value);
        }
        self
    }

    /// Adds a metric with the unit `Count`.
    #[must_use]
    pub fn count(self, name: &'static str, count: u64) -> Self {
        // CloudWatch stores doubles: beyond 2^53 it loses the last digits too.
        self.with(name, MetricUnit::Count, count as f64)
    }

    /// Adds a score in percent; without a score, nothing.
    #[must_use]
    pub fn score(self, name: &'static str, score: Option<f64>) -> Self {
        match score {
            Some(score) => self.with(name, MetricUnit::Percent, score),
            None => self,
        }
    }

    /// The metrics in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, MetricUnit, f64)> {
        self.metrics.iter().map(|(name, (unit, value))| (*name, *unit, *value))
    }

    /// Name and value of each metric and each field, as JSON.
    pub fn values(&self) -> Map<String, Value> {
        let metrics = self.iter().map(|(name, _, value)| (name, value));
        let fields = self.fields.iter().map(|(name, value)| (*name, *value));
        metrics.chain(fields).map(|(name, value)| (name.to_owned(), json_number(value))).collect()
    }
}

/// Whole numbers without a decimal point.
fn json_number(value: f64) -> Value {
    // Below 2^53 a double holds every whole number exactly.
    #[expect(clippy::cast_possible_truncation, reason = "within the whole numbers a double holds")]
    if value.fract() == 0.0 && value.abs() < 9e15 { Value::from(value as i64) } else { Value::from(value) }
}

/// One line, with a newline at its end, for standard output of a function. `properties` are texts besides the metrics, such
/// as the id of the request, by which a query finds the lines of the log about the same run.
pub fn line(
    deployment: &str,
    function: &str,
    now: Time,
    metrics: &Metrics,
    properties: &[(&str, String)],
) -> String {
    let all: Vec<_> = metrics.iter().filter(|(name, ..)| !is_reserved_name(name)).collect();
    let directive = |some: &[(&'static str, MetricUnit, f64)]| {
        let metrics: Vec<Value> =
            some.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit.as_str() })).collect();
        json!({ "Namespace": NAMESPACE, "Dimensions": [["Deployment", "Function"]], "Metrics": metrics })
    };
    let directives: Vec<Value> = all.chunks(MAX_METRICS_PER_DIRECTIVE).map(directive).collect();
    let mut root = Map::new();
    root.insert(
        "_aws".to_owned(),
        json!({ "Timestamp": u64::from(now.0) * 1_000, "CloudWatchMetrics": directives }),
    );
    root.extend(properties.iter().map(|(name, text)| ((*name).to_owned(), shortened(text))));
    root.extend(metrics.fields.iter().map(|(name, value)| ((*name).to_owned(), json_number(*value))));
    root.insert("Deployment".to_owned(), dimension(deployment));
    root.insert("Function".to_owned(), dimension(function));
    root.extend(all.iter().map(|(name, _, value)| ((*name).to_owned(), json_number(*value))));
    escape_json(Value::Object(root).to_string())
}

/// Whether the name is that of another member of the line.
fn is_reserved_name(name: &str) -> bool {
    matches!(name, "_aws" | "Deployment" | "Function")
}

/// CloudWatch rejects an empty dimension.
fn dimension(value: &str) -> Value {
    shortened(if value.trim().is_empty() { "unknown" } else { value })
}

fn shortened(text: &str) -> Value {
    Value::from(text.chars().take(MAX_TEXT_CHARS).collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How a line violates the specification.
    fn spec_violation(line: &str) -> Option<String> {
        let root: Value = serde_json::from_str(line).unwrap();
        let root = root.as_object().unwrap();
        let aws = &root["_aws"];
        if aws["Timestamp"].as_u64().is_none_or(|at| at < 1_000_000_000_000) && aws["Timestamp"] != 0 {
            return Some("the time is not in milliseconds".to_owned());
        }
        for directive in aws["CloudWatchMetrics"].as_array().unwrap() {
            let metrics = directive["Metrics"].as_array().unwrap();
            if directive["Namespace"].as_str().unwrap().is_empty()
                || metrics.is_empty()
                || metrics.len() > 100
            {
                return Some("a directive has no namespace, no metrics or too many metrics".to_owned());
            }
            for set in directive["Dimensions"].as_array().unwrap() {
                let named = |name: &Value| root.get(name.as_str().unwrap()).and_then(Value::as_str);
                if set.as_array().unwrap().len() > 30
                    || set.as_array().unwrap().iter().any(|name| named(name).is_none_or(str::is_empty))
                {
                    return Some("a dimension is missing".to_owned());
                }
            }
            for metric in metrics {
                let units = ["Count", "Seconds", "Bytes", "Percent", "None"];
                let known = metric["Unit"].as_str().is_some_and(|unit| units.contains(&unit));
                if !known || !root[metric["Name"].as_str().unwrap()].is_number() {
                    return Some(format!("not a metric: {metric}"));
                }
            }
        }
        None
    }

    #[test]
    fn a_line_follows_the_specification() {
        let metrics = Metrics::default()
            .count("records", 12)
            .with("duration", MetricUnit::Seconds, 0.25)
            .with("lag", MetricUnit::Seconds, f64::NAN)
            .score("score", Some(99.5))
            .score("nothing", None)
            .count("Function", 5)
            .field("cpu_time", 0.5)
            .field("records", 99.0)
            .field("Deployment", 1.0);
        let line = line(
            "stack",
            "report",
            Time(1_800_000_000),
            &metrics,
            &[("run_id", "7".to_owned()), ("duration", "a metric replaces a property".to_owned())],
        );
        assert_eq!(spec_violation(&line), None);
        let root: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            root,
            json!({
                "_aws": {
                    "Timestamp": 1_800_000_000_000_u64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Onlooker",
                        "Dimensions": [["Deployment", "Function"]],
                        "Metrics": [
                            { "Name": "duration", "Unit": "Seconds" },
                            { "Name": "records", "Unit": "Count" },
                            { "Name": "score", "Unit": "Percent" },
                        ],
                    }],
                },
                "run_id": "7", "Deployment": "stack", "Function": "report", "duration": 0.25, "records": 12, "score": 99.5,
                "cpu_time": 0.5,
            })
        );
    }

    #[test]
    fn directives_hold_at_most_a_hundred_metrics() {
        let names: Vec<&'static str> = (0..250).map(|n| &*format!("m{n}").leak()).collect();
        let metrics = names.iter().fold(Metrics::default(), |metrics, name| metrics.count(name, 1));
        let line_of = line("a", "b", Time(1_800_000_000), &metrics, &[]);
        assert_eq!(spec_violation(&line_of), None);
        let root: Value = serde_json::from_str(&line_of).unwrap();
        assert_eq!(root["_aws"]["CloudWatchMetrics"].as_array().unwrap().len(), 3);
        let none: Value = serde_json::from_str(&line("a", "b", Time(1), &Metrics::default(), &[])).unwrap();
        assert_eq!(none["_aws"]["CloudWatchMetrics"], json!([]));
    }

    proptest! {
        #[test]
        fn any_metrics_make_one_valid_line(
            deployment: String, function: String, now in 1_000_000_000_u32.., values: [f64; 4], count: u64,
        ) {
            let metrics = values.iter().zip(["a", "b", "c", "d"]).fold(Metrics::default(), |metrics, (value, name)| {
                metrics.with(name, MetricUnit::None, *value)
            });
            let long = deployment.repeat(5_000);
            let line = line(&deployment, &function, Time(now), &metrics.count("e", count), &[("p", long)]);
            prop_assert_eq!(spec_violation(&line), None);
            prop_assert_eq!(line.lines().count(), 1);
            prop_assert!(line.ends_with('\n') && line.len() <= MAX_LINE_BYTES);
        }
    }
}
