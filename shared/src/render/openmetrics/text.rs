//! Writes OpenMetrics text.
//!
//! Enters: families and samples. Leaves: text. Laws: the samples of a family stand together, after its metadata; a series that was
//! written before is left out; a name has only the characters that OpenMetrics allows; a label value is escaped; a value that is not
//! a finite number is left out, because it says nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::escape::escape_hidden;

/// Media type of the text.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetricType {
    /// A value that goes up and down.
    Gauge,
    /// A value that only goes up. Its samples have the suffix `_total`.
    Counter,
}

/// A family of metrics.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetricFamily<'a> {
    /// Name without `_total`; with a unit it ends with the unit.
    pub(super) name: &'a str,
    pub(super) kind: MetricType,
    /// Unit, or empty.
    pub(super) unit: &'static str,
    /// What the metric says, in one sentence.
    pub(super) help: &'a str,
}

/// Metadata and samples of one family.
#[derive(Debug)]
struct FamilyText {
    metadata: String,
    samples: Vec<String>,
    series: BTreeSet<String>,
}

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct MetricsText {
    /// Families in the order in which they were added.
    families: Vec<FamilyText>,
    by_name: BTreeMap<String, usize>,
}

impl MetricsText {
    /// Adds a sample. Without a value, nothing.
    pub(super) fn sample(&mut self, family: MetricFamily<'_>, labels: &[(&str, &str)], value: Option<f64>) {
        let Some(value) = value.filter(|value| value.is_finite()) else { return };
        let name = metric_name(family.name);
        let position = match self.by_name.get(&name) {
            Some(position) => *position,
            None => {
                self.families.push(FamilyText::new(&name, family));
                self.by_name.insert(name.clone(), self.families.len() - 1);
                self.families.len() - 1
            }
        };
        let Some(text) = self.families.get_mut(position) else { return };
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{}=\"{}\"", metric_name(name), label_value(value)))
            .collect();
        let series = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        if text.series.insert(series.clone()) {
            let suffix = if family.kind == MetricType::Counter { "_total" } else { "" };
            text.samples.push(format!("{name}{suffix}{series} {}\n", number(value)));
        }
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        let mut out = String::new();
        for family in self.families {
            out.push_str(&family.metadata);
            out.extend(family.samples);
        }
        out.push_str("# EOF\n");
        out
    }
}

impl FamilyText {
    fn new(name: &str, family: MetricFamily<'_>) -> Self {
        let kind = match family.kind {
            MetricType::Gauge => "gauge",
            MetricType::Counter => "counter",
        };
        let mut metadata = format!("# TYPE {name} {kind}\n");
        if !family.unit.is_empty() {
            metadata.push_str(&format!("# UNIT {name} {}\n", family.unit));
        }
        metadata.push_str(&format!("# HELP {name} {}\n", help_text(family.help)));
        Self { metadata, samples: Vec::new(), series: BTreeSet::new() }
    }
}

/// A name: letters, digits and `_`, not beginning with a digit.
fn metric_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '_' })
        .collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// Text of a label or of the help: a backslash, a quote and a line break are escaped, and hidden characters are visible.
fn label_value(text: &str) -> String {
    escape_hidden(text).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Text of the help. It has no quote, which OpenMetrics escapes and the older format of node_exporter does not.
fn help_text(text: &str) -> String {
    label_value(&text.replace('"', "'"))
}

/// A number without an exponent.
fn number(value: f64) -> String {
    value.to_string()
}
