//! Measures how often the classification agrees with labeled cases.
//!
//! Enters: rows of `form, source, name, expected, sensitive, mutates` (tab-separated, with a header).
//! Leaves: counts per form and every misclassification. Laws: `unsafe_classified_safe` must be 0; an unknown
//! classification counts neither as safe nor as `safe_classified_unsafe`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Classification, ClassificationInput, Provenance, classify};
use crate::catalog::Catalog;
use crate::operation::{Mutates, OperationType};

/// An operation with a label that says how to classify it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabeledCase {
    /// Form of the name: `iam`, `sdk`, `cloudtrail`, ...
    pub form: String,
    /// Name of the service in the label file.
    pub service: String,
    /// Name of the operation.
    pub name: String,
    /// Whether a read-only principal may make the call.
    pub is_read_only: bool,
    /// Whether its response contains secrets or customer content, if labeled.
    pub sensitive: Option<bool>,
    /// Whether AWS logs it with `readOnly=false`, if labeled.
    pub mutates: Option<bool>,
}

impl LabeledCase {
    /// Reads labeled cases by the column names in the header. A row without a required column is left out.
    pub fn parse_all(text: &str) -> Vec<Self> {
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
        let at = |name: &str| header.iter().position(|column| *column == name);
        let (form, source, name) = (at("form"), at("source"), at("name"));
        let (expected, sensitive, mutates) = (at("expected"), at("sensitive"), at("mutates"));
        let flag = |text: Option<&str>| match text {
            Some("1") => Some(true),
            Some("0") => Some(false),
            _ => None,
        };
        lines
            .filter(|line| !line.is_empty())
            .filter_map(|line| {
                let columns: Vec<&str> = line.split('\t').collect();
                let cell = |index: Option<usize>| index.and_then(|index| columns.get(index)).copied();
                Some(Self {
                    form: cell(form)?.to_owned(),
                    service: cell(source)?.to_owned(),
                    name: cell(name)?.to_owned(),
                    is_read_only: match cell(expected)? {
                        "safe" => true,
                        "unsafe" => false,
                        _ => return None,
                    },
                    sensitive: flag(cell(sensitive)),
                    mutates: flag(cell(mutates)),
                })
            })
            .collect()
    }
}

/// The counts of one form, or of all forms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AccuracyCounts {
    /// Number of labeled cases.
    pub cases: u64,
    /// Number of cases labeled safe.
    pub safe: u64,
    /// Labeled unsafe, classified as read-only. Must be 0.
    pub unsafe_classified_safe: u64,
    /// Labeled safe, classified as mutating or privileged.
    pub safe_classified_unsafe: u64,
    /// Number of cases classified as unknown.
    pub unknown: u64,
    /// Classified by a name pattern, not by the catalog.
    pub by_pattern: u64,
    /// Cases with a `mutates` label.
    pub mutates_cases: u64,
    /// Cases among them that agree.
    pub mutates_agree: u64,
    /// Cases with a `sensitive` label.
    pub sensitive_cases: u64,
    /// Cases among them that agree.
    pub sensitive_agree: u64,
    /// Labeled sensitive, not classified as sensitive.
    pub sensitive_missed: u64,
}

impl AccuracyCounts {
    /// A count as percent of the cases.
    pub fn percent(&self, count: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let (count, cases) = (count as f64, self.cases.max(1) as f64);
        count * 100.0 / cases
    }
}

/// A case with a classification that differs from its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misclassification {
    /// The case that was classified differently.
    pub case: LabeledCase,
    /// The classification that differs from the label.
    pub classification: Classification,
}

/// Counts by form and over all forms, with the misclassified cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accuracy {
    /// Counts by form of the operation name.
    pub forms: BTreeMap<String, AccuracyCounts>,
    /// Counts of the cases of all forms.
    pub total: AccuracyCounts,
    /// Cases that differ from their label on the safe axis.
    pub misses: Vec<Misclassification>,
    /// Cases that differ only on the `mutates` axis.
    pub mutates_misses: Vec<Misclassification>,
    /// Cases that differ on the sensitive axis.
    pub sensitive_misses: Vec<Misclassification>,
}

/// Classifies every case and counts the results.
pub fn measure_accuracy(catalog: &Catalog, cases: &[LabeledCase]) -> Accuracy {
    let mut result = Accuracy::default();
    for case in cases {
        let classification = classify(catalog, &ClassificationInput::new(&case.service, &case.name));
        let counted = count(case, &classification);
        for counts in [result.forms.entry(case.form.clone()).or_default(), &mut result.total] {
            add(counts, &counted);
        }
        let miss = || Misclassification { case: case.clone(), classification: classification.clone() };
        if case.is_read_only != classification.is_read_only() {
            result.misses.push(miss());
        } else if counted.mutates_agree < counted.mutates_cases {
            result.mutates_misses.push(miss());
        }
        if counted.sensitive_agree < counted.sensitive_cases {
            result.sensitive_misses.push(miss());
        }
    }
    result
}

fn count(case: &LabeledCase, classification: &Classification) -> AccuracyCounts {
    let unknown = classification.operation_type == OperationType::Unknown;
    let mutates_agrees = case
        .mutates
        .is_some_and(|mutates| classification.mutates == if mutates { Mutates::Yes } else { Mutates::No });
    let sensitive = classification.capabilities.is_sensitive();
    let one = u64::from;
    AccuracyCounts {
        cases: 1,
        safe: one(case.is_read_only),
        unsafe_classified_safe: one(!case.is_read_only && classification.is_read_only()),
        safe_classified_unsafe: one(case.is_read_only && !classification.is_read_only() && !unknown),
        unknown: one(unknown),
        by_pattern: one(classification.provenance == Provenance::Pattern),
        mutates_cases: one(case.mutates.is_some()),
        mutates_agree: one(mutates_agrees),
        sensitive_cases: one(case.sensitive.is_some()),
        sensitive_agree: one(case.sensitive.is_some_and(|label| label == sensitive)),
        sensitive_missed: one(case.sensitive == Some(true) && !sensitive),
    }
}

fn add(sum: &mut AccuracyCounts, one: &AccuracyCounts) {
    sum.cases += one.cases;
    sum.safe += one.safe;
    sum.unsafe_classified_safe += one.unsafe_classified_safe;
    sum.safe_classified_unsafe += one.safe_classified_unsafe;
    sum.unknown += one.unknown;
    sum.by_pattern += one.by_pattern;
    sum.mutates_cases += one.mutates_cases;
    sum.mutates_agree += one.mutates_agree;
    sum.sensitive_cases += one.sensitive_cases;
    sum.sensitive_agree += one.sensitive_agree;
    sum.sensitive_missed += one.sensitive_missed;
}
