//! How often the verdict is right, against labeled cases.
//!
//! Enters: rows of `form, source, name, expected, sensitive, mutates` (tab-separated, with a header).
//! Leaves: figures per form and every miss. Law: `unsafe_judged_safe` counts what must never happen, and
//! an unknown verdict is neither safe nor a miss in that direction.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Catalog;
use crate::classification::{Classification, ClassificationInput, classify};
use crate::operation::{Mutates, OperationType};

/// One labeled case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabeledCase {
    /// Which spelling it comes in: `iam`, `sdk`, `cloudtrail`, ...
    pub form: String,
    /// Service label.
    pub service: String,
    /// Operation name.
    pub name: String,
    /// A read-only principal may make it.
    pub is_read_only: bool,
    /// Its response carries secrets or customer content, if labeled.
    pub sensitive: Option<bool>,
    /// AWS logs it with `readOnly=false`, if labeled.
    pub mutates: Option<bool>,
}

impl LabeledCase {
    /// Reads labeled cases by the names of the header's columns; rows that lack one are left out.
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

/// The figures of one form, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AccuracyCounts {
    /// Cases.
    pub cases: u64,
    /// Cases labeled safe.
    pub safe: u64,
    /// Labelled unsafe, judged read-only. Must be 0.
    pub unsafe_classified_safe: u64,
    /// Labelled safe, judged mutating or privileged.
    pub safe_classified_unsafe: u64,
    /// Judged unknown.
    pub unknown: u64,
    /// Decided by a name pattern, not by the catalog.
    pub by_pattern: u64,
    /// Cases with a `mutates` label.
    pub mutates_cases: u64,
    /// Of those, agreeing.
    pub mutates_agree: u64,
    /// Cases with a `sensitive` label.
    pub sensitive_cases: u64,
    /// Of those, agreeing.
    pub sensitive_agree: u64,
    /// Labelled sensitive, not seen as such.
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

/// A verdict that differs from its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misclassification {
    /// The case.
    pub case: LabeledCase,
    /// The verdict given.
    pub classification: Classification,
}

/// Figures by form, over all forms, and the misses behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accuracy {
    /// By form.
    pub forms: BTreeMap<String, AccuracyCounts>,
    /// Over all.
    pub total: AccuracyCounts,
    /// Verdicts that differ from their label on the safe axis.
    pub misses: Vec<Misclassification>,
    /// Verdicts that differ on the `mutates` axis only.
    pub mutates_misses: Vec<Misclassification>,
    /// Verdicts that differ on the sensitive axis.
    pub sensitive_misses: Vec<Misclassification>,
}

/// Judges every case and counts.
pub fn measure_accuracy(catalog: &Catalog, cases: &[LabeledCase]) -> Accuracy {
    let mut result = Accuracy::default();
    for case in cases {
        let verdict = classify(catalog, &ClassificationInput::new(&case.service, &case.name));
        let counted = count(case, &verdict);
        for figures in [result.forms.entry(case.form.clone()).or_default(), &mut result.total] {
            add(figures, &counted);
        }
        let miss = || Misclassification { case: case.clone(), classification: verdict.clone() };
        if case.is_read_only != verdict.is_read_only() {
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

fn count(case: &LabeledCase, verdict: &Classification) -> AccuracyCounts {
    let unknown = verdict.operation_type == OperationType::Unknown;
    let mutates_agrees = case
        .mutates
        .is_some_and(|mutates| verdict.mutates == if mutates { Mutates::Yes } else { Mutates::No });
    let sensitive = verdict.capabilities.is_sensitive();
    let one = u64::from;
    AccuracyCounts {
        cases: 1,
        safe: one(case.is_read_only),
        unsafe_classified_safe: one(!case.is_read_only && verdict.is_read_only()),
        safe_classified_unsafe: one(case.is_read_only && !verdict.is_read_only() && !unknown),
        unknown: one(unknown),
        by_pattern: one(verdict.provenance == crate::classification::Provenance::Pattern),
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
