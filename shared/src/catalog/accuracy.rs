//! How often the verdict is right, against labelled cases.
//!
//! Enters: rows of `form, source, name, expected, sensitive, mutates` (tab-separated, with a header).
//! Leaves: figures per form and every miss. Law: `unsafe_judged_safe` counts what must never happen, and
//! an unknown verdict is neither safe nor a miss in that direction.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Catalog;
use crate::operation::{Mutates, OperationType};
use crate::verdict::{Call, Verdict, classify};

/// One labelled case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Which spelling it comes in: `iam`, `sdk`, `cloudtrail`, ...
    pub form: String,
    /// Service label.
    pub source: String,
    /// Operation name.
    pub name: String,
    /// A read-only principal may make it.
    pub safe: bool,
    /// Its response carries secrets or customer content, if labelled.
    pub sensitive: Option<bool>,
    /// AWS logs it with `readOnly=false`, if labelled.
    pub mutates: Option<bool>,
}

impl Case {
    /// Reads labelled cases by the names of the header's columns; rows that lack one are left out.
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
                    source: cell(source)?.to_owned(),
                    name: cell(name)?.to_owned(),
                    safe: match cell(expected)? {
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
pub struct Figures {
    /// Cases.
    pub cases: u64,
    /// Cases labelled safe.
    pub safe: u64,
    /// Labelled unsafe, judged read-only. Must be 0.
    pub unsafe_judged_safe: u64,
    /// Labelled safe, judged mutating or privileged.
    pub safe_refused: u64,
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

impl Figures {
    /// A count as percent of the cases.
    pub fn percent(&self, count: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let (count, cases) = (count as f64, self.cases.max(1) as f64);
        count * 100.0 / cases
    }
}

/// A verdict that differs from its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The case.
    pub case: Case,
    /// The verdict given.
    pub verdict: Verdict,
}

/// Figures by form, over all forms, and the misses behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accuracy {
    /// By form.
    pub forms: BTreeMap<String, Figures>,
    /// Over all.
    pub total: Figures,
    /// Verdicts that differ from their label on the safe axis.
    pub misses: Vec<Miss>,
    /// Verdicts that differ on the `mutates` axis only.
    pub mutates_misses: Vec<Miss>,
    /// Verdicts that differ on the sensitive axis.
    pub sensitive_misses: Vec<Miss>,
}

/// Judges every case and counts.
pub fn accuracy(catalog: &Catalog, cases: &[Case]) -> Accuracy {
    let mut result = Accuracy::default();
    for case in cases {
        let verdict = classify(catalog, &Call::named(&case.source, &case.name));
        let counted = count(case, &verdict);
        for figures in [result.forms.entry(case.form.clone()).or_default(), &mut result.total] {
            add(figures, &counted);
        }
        let miss = || Miss { case: case.clone(), verdict: verdict.clone() };
        if case.safe != verdict.is_valid() {
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

fn count(case: &Case, verdict: &Verdict) -> Figures {
    let unknown = verdict.operation_type == OperationType::Unknown;
    let mutates_agrees = case
        .mutates
        .is_some_and(|mutates| verdict.mutates == if mutates { Mutates::Yes } else { Mutates::No });
    let sensitive = verdict.capabilities.is_sensitive();
    let one = u64::from;
    Figures {
        cases: 1,
        safe: one(case.safe),
        unsafe_judged_safe: one(!case.safe && verdict.is_valid()),
        safe_refused: one(case.safe && !verdict.is_valid() && !unknown),
        unknown: one(unknown),
        by_pattern: one(verdict.provenance == crate::verdict::Provenance::Pattern),
        mutates_cases: one(case.mutates.is_some()),
        mutates_agree: one(mutates_agrees),
        sensitive_cases: one(case.sensitive.is_some()),
        sensitive_agree: one(case.sensitive.is_some_and(|label| label == sensitive)),
        sensitive_missed: one(case.sensitive == Some(true) && !sensitive),
    }
}

fn add(sum: &mut Figures, one: &Figures) {
    sum.cases += one.cases;
    sum.safe += one.safe;
    sum.unsafe_judged_safe += one.unsafe_judged_safe;
    sum.safe_refused += one.safe_refused;
    sum.unknown += one.unknown;
    sum.by_pattern += one.by_pattern;
    sum.mutates_cases += one.mutates_cases;
    sum.mutates_agree += one.mutates_agree;
    sum.sensitive_cases += one.sensitive_cases;
    sum.sensitive_agree += one.sensitive_agree;
    sum.sensitive_missed += one.sensitive_missed;
}
