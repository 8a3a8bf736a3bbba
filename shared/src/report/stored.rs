//! Reads a report that was written as JSON, by this version or an earlier one.
//!
//! Enters: the bytes of a `report.json`. Leaves: the [`Report`]. Laws: a report with another result than the one that its id names is
//! refused, whichever version wrote it; a report of another first number of the schema version is refused by name.

use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Report, SCHEMA_VERSION};
use crate::{escape::escape_hidden, hex::hex};

/// Why bytes are not a report.
#[derive(Debug, Error)]
pub enum StoredReportError {
    /// They are not JSON, or JSON of another shape.
    #[error("is not a report: {}", escape_hidden(&.0.to_string()))]
    NotReport(#[from] serde_json::Error),
    /// The schema version is one that is not read.
    #[error("has the schema version {0}; this program reads {SCHEMA_VERSION}")]
    Version(String),
    /// The result is not the one that the id names.
    #[error("was changed: its result is not the one that its id names")]
    Changed,
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// [`StoredReportError`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, StoredReportError> {
        let value: Value = serde_json::from_slice(bytes)?;
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        if let Some(version) = text("schema_version").filter(|found| major(found) != major(SCHEMA_VERSION)) {
            return Err(StoredReportError::Version(escape_hidden(version).into_owned()));
        }
        // The hash of the result as it was written, since this version may know fields that the report does not have.
        let written = value.get("result").map(serde_json::to_vec).transpose()?;
        let written = written.map(|result| hex(&Sha256::digest(result)));
        let report: Self = serde_json::from_value(value)?;
        // Another program may have written the same values in another order.
        let is_intact = written.is_some_and(|hash| hash == report.id) || report.result.id()? == report.id;
        if is_intact { Ok(report) } else { Err(StoredReportError::Changed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{json::json, sample};

    #[test]
    fn a_report_that_another_program_sorted_is_read() {
        fn sorted(value: Value) -> Value {
            match value {
                Value::Object(fields) => {
                    let fields: std::collections::BTreeMap<_, _> = fields.into_iter().collect();
                    fields.into_iter().rev().map(|(name, value)| (name, sorted(value))).collect()
                }
                Value::Array(items) => items.into_iter().map(sorted).collect(),
                other => other,
            }
        }
        let report = sample::non_compliant();
        let value = sorted(serde_json::from_str(&json(&report).unwrap()).unwrap());
        assert_eq!(Report::from_json(&serde_json::to_vec(&value).unwrap()).unwrap(), report);
    }

    #[test]
    fn each_report_is_read_as_it_was() {
        for (name, report) in sample::all() {
            assert_eq!(Report::from_json(json(&report).unwrap().as_bytes()).unwrap(), report, "{name}");
        }
    }

    #[test]
    fn a_report_without_a_field_that_came_later_is_intact() {
        let mut value = serde_json::to_value(sample::compliant()).unwrap();
        value["result"]["summary"].as_object_mut().unwrap().remove("unseen_watches").unwrap();
        let id = hex(&Sha256::digest(serde_json::to_vec(&value["result"]).unwrap()));
        value["id"] = Value::from(id);
        Report::from_json(&serde_json::to_vec(&value).unwrap()).unwrap();
    }

    #[test]
    fn a_changed_report_another_version_and_other_json_are_refused() {
        let right = serde_json::to_value(sample::compliant()).unwrap();
        let error = |change: fn(&mut Value)| {
            let mut value = right.clone();
            change(&mut value);
            Report::from_json(&serde_json::to_vec(&value).unwrap()).unwrap_err().to_string()
        };
        assert!(error(|value| value["result"]["totals"]["events"] = Value::from(0)).contains("was changed"));
        assert!(error(|value| value["id"] = Value::from("")).contains("was changed"));
        assert!(
            error(|value| value["schema_version"] = Value::from("2.0\u{202e}"))
                .contains("version 2.0\\u{202e};")
        );
        assert!(error(|value| *value = Value::Null).contains("is not a report"));
        assert!(Report::from_json(b"{").unwrap_err().to_string().contains("is not a report"));
    }
}
