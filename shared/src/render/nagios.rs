//! The health as the output of a Nagios plugin.
//!
//! Enters: a [`Health`]. Leaves: one line with performance data, by the Monitoring Plugins Development Guidelines (section 2, read
//! November 2026): `ONLOOKER STATUS - text | 'label'=value[unit];[warn];[crit];[min];[max] ..`. Laws: the text has no `|`, which
//! would begin the performance data, and no line break; each label is there once; a value that is not known has no performance
//! data; a limit is left out where there is none.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    escape::{escape_remaining, push_code_point},
    health::{Health, HealthMeasure, HealthStatus, HealthUnit},
};

/// The line, with a newline at its end.
pub fn line(health: &Health) -> String {
    let state = match health.status {
        HealthStatus::Healthy => "OK",
        HealthStatus::Warning => "WARNING",
        HealthStatus::Critical => "CRITICAL",
        HealthStatus::Unknown => "UNKNOWN",
    };
    let mut details: Vec<String> = vec![health.summary.clone()];
    // The reasons of the worst checks, as many as a pager shows.
    let worst = health.checks.iter().filter(|check| check.status == health.status && check.remedy.is_some());
    details.extend(worst.take(3).map(|check| format!("{}: {}", check.name, check.message)));
    let mut line = format!("ONLOOKER {state} - {}", text(&details.join("; ")));
    let mut labels = BTreeSet::new();
    let mut separator = " | ";
    for check in &health.checks {
        for measure in &check.measures {
            let label = label(&check.name, measure);
            if !labels.insert(label.clone()) {
                continue;
            }
            line.push_str(separator);
            line.push_str(&performance(&label, measure));
            separator = " ";
        }
    }
    line.push('\n');
    line
}

/// The name of a measure; of a check with one result for each function also the name of the check.
fn label(check: &str, measure: &HealthMeasure) -> String {
    let label = match check.strip_prefix("heartbeat-") {
        Some(worker) => format!("{worker}_{}", measure.name),
        None => measure.name.to_owned(),
    };
    label.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' }).collect()
}

fn performance(label: &str, measure: &HealthMeasure) -> String {
    let unit = match measure.unit {
        HealthUnit::Count => "",
        HealthUnit::Seconds => "s",
        HealthUnit::Bytes => "B",
        HealthUnit::Percent => "%",
    };
    let limit = |limit: Option<f64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    let mut text =
        format!("'{label}'={}{unit};{};{};0", measure.value, limit(measure.warning), limit(measure.critical));
    if measure.unit == HealthUnit::Percent {
        text.push_str(";100");
    }
    text
}

/// Text before the performance data.
fn text(text: &str) -> String {
    let mut out = String::new();
    for c in escape_remaining(text).chars() {
        match c {
            '|' => push_code_point(&mut out, c),
            c => {
                let _ = write!(out, "{c}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::sample;

    /// Whether a line is a text, then performance data as the guidelines describe it.
    fn assert_valid(line: &str) {
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let (text, data) = line.trim_end().split_once(" | ").unwrap_or((line.trim_end(), ""));
        assert!(!text.contains('|') && !data.contains('|'), "{line}");
        let mut labels = BTreeSet::new();
        for one in data.split(' ').filter(|one| !one.is_empty()) {
            let (label, rest) = one.split_once('=').unwrap();
            assert!(label.starts_with('\'') && label.ends_with('\'') && labels.insert(label), "{one}");
            let mut fields = rest.split(';');
            let value = fields.next().unwrap().trim_end_matches(['s', 'B', '%']);
            assert!(value.parse::<f64>().is_ok(), "{one}");
            assert!(fields.all(|field| field.is_empty() || field.parse::<f64>().is_ok()), "{one}");
        }
    }

    #[test]
    fn each_status_has_its_word_and_valid_performance_data() {
        for (health, word) in [
            (sample::healthy(), "OK"),
            (sample::warning(), "WARNING"),
            (sample::critical(), "CRITICAL"),
            (sample::unknown(), "UNKNOWN"),
        ] {
            let line = line(&health);
            assert!(line.starts_with(&format!("ONLOOKER {word} - ")), "{line}");
            assert_valid(&line);
        }
        let line = line(&sample::critical());
        assert!(line.contains("'write_buffer'=801;500;800;0 "), "{line}");
        assert!(line.contains("'pull_last_success_age'=60s;7200;21600;0"), "{line}");
        assert!(line.contains("'query_cache_full'=0%;90;;0;100"), "{line}");
    }

    #[test]
    fn a_pipe_and_a_line_break_of_an_error_do_not_begin_performance_data() {
        let line = line(&sample::hostile());
        assert!(line.contains("a\\u{7c}b\\u{a}c"), "{line}");
        assert_valid(&line);
    }
}
