//! Compares two reports.
//!
//! Enters: a report before and one after a change: of the catalog on the same evidence, or of the evidence. Leaves: a
//! [`ReportDifference`]. Laws: equal results have no difference; of swapped reports new and gone are swapped, and so are before and
//! after of each change; evidence that is missing in the second report is never an improvement.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OperationSummary, Report};
use crate::{
    finding::{Finding, Severity},
    operation::{OperationType, RiskLevel},
    pattern::matches,
    period::Period,
    score::Status,
};

/// Version of the shape of [`ReportDifference`]; the first number changes if a field loses its meaning.
pub const DIFFERENCE_SCHEMA_VERSION: &str = "1.0";

/// What differs between two reports. Of each pair the first is of the report before, the second of the report after.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportDifference {
    /// Version of this shape.
    pub schema_version: String,
    /// Ids of the reports.
    pub reports: [String; 2],
    /// The hours that they are about; absent without evidence.
    pub periods: [Option<Period>; 2],
    /// Versions of their catalogs.
    pub catalogs: [String; 2],
    /// Their compliance scores, 0 to 100; absent without watched calls.
    pub compliance_scores: [Option<f64>; 2],
    /// Their risk scores, 0 to 100; absent in a discovery.
    pub risk_scores: [Option<f64>; 2],
    /// The overall statuses, if they differ.
    pub status: Option<[Option<Status>; 2]>,
    /// Watched principals with another status, by ARN.
    pub principals: BTreeMap<Arc<str>, [Option<Status>; 2]>,
    /// Operations of calls with another classification, by `service:Operation`.
    pub operations: BTreeMap<String, [Option<OperationVerdict>; 2]>,
    /// Findings that only the second report has.
    pub new_findings: Vec<FindingLine>,
    /// Findings that only the first report has.
    pub gone_findings: Vec<FindingLine>,
    /// Findings of both reports with another severity or count.
    pub changed_findings: Vec<FindingChange>,
}

/// A finding of both reports that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingChange {
    /// The finding as the second report has it.
    pub finding: FindingLine,
    /// Its severities.
    pub severities: [Severity; 2],
    /// Its numbers of calls, grants or other things.
    pub counts: [u64; 2],
}

/// Whether the second report is worse than the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferenceResult {
    /// No principal has a worse status.
    NotWorse,
    /// A watched principal is `INSUFFICIENT_EVIDENCE` that was `COMPLIANT`.
    LessEvidence,
    /// A watched principal is `NON_COMPLIANT` that was not.
    NewViolation,
}

/// How an operation is classified; an operation that is a plain read is in no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationVerdict {
    /// Its type.
    pub operation_type: OperationType,
    /// How much harm it can do.
    pub risk_level: RiskLevel,
}

/// A finding in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingLine {
    /// Severity of the finding.
    pub severity: Severity,
    /// Rule that found it.
    pub id: String,
    /// Identity of the finding in every report.
    pub fingerprint: String,
    /// What happened and to which principal.
    pub title: String,
    /// ARN of the principal, when it is about one.
    pub principal: Option<Arc<str>>,
    /// What it is about besides the principal.
    pub subject: String,
}

impl FindingLine {
    /// The line of a finding.
    pub fn of(finding: &Finding) -> Self {
        Self {
            severity: finding.severity,
            id: finding.id.clone(),
            fingerprint: finding.fingerprint.clone(),
            title: finding.title.clone(),
            principal: finding.principal.clone(),
            subject: finding.subject.clone(),
        }
    }
}

impl ReportDifference {
    /// What differs between two reports.
    pub fn between(before: &Report, after: &Report) -> Self {
        let (one, two) = (&before.result, &after.result);
        let statuses = |report: &Report| -> BTreeMap<Arc<str>, Status> {
            let watched = report.result.principals.iter();
            watched.filter_map(|principal| Some((Arc::clone(&principal.arn), principal.status?))).collect()
        };
        let verdicts = |operations: &[OperationSummary]| -> BTreeMap<String, OperationVerdict> {
            let verdict = |operation: &OperationSummary| {
                let OperationSummary { operation_type, risk_level, .. } = *operation;
                let name = format!("{}:{}", operation.service, operation.operation);
                (name, OperationVerdict { operation_type, risk_level })
            };
            operations.iter().map(verdict).collect()
        };
        let status = [one.summary.overall_compliance, two.summary.overall_compliance];
        Self {
            schema_version: DIFFERENCE_SCHEMA_VERSION.to_owned(),
            reports: [before.id.clone(), after.id.clone()],
            periods: [one.period(), two.period()],
            catalogs: [one.inputs.catalog_version.clone(), two.inputs.catalog_version.clone()],
            compliance_scores: [one.compliance.score, two.compliance.score],
            risk_scores: [one.summary.risk_score, two.summary.risk_score],
            status: (status[0] != status[1]).then_some(status),
            principals: changed(&statuses(before), &statuses(after)),
            operations: changed(&verdicts(&one.operations), &verdicts(&two.operations)),
            new_findings: only_in(&two.findings, &one.findings),
            gone_findings: only_in(&one.findings, &two.findings),
            changed_findings: changed_findings(&one.findings, &two.findings),
        }
    }

    /// Whether the reports say the same.
    pub fn is_empty(&self) -> bool {
        self.status.is_none()
            && self.principals.is_empty()
            && self.operations.is_empty()
            && self.new_findings.is_empty()
            && self.gone_findings.is_empty()
            && self.changed_findings.is_empty()
            && !self.has_other_scores()
    }

    /// Whether the compliance or the risk score differs.
    pub fn has_other_scores(&self) -> bool {
        !is_same(&self.compliance_scores) || !is_same(&self.risk_scores)
    }

    /// Whether the second report is worse than the first, by the statuses of watched principals.
    pub fn result(&self) -> DifferenceResult {
        let is_broken = |[before, after]: &[Option<Status>; 2]| {
            *after == Some(Status::NonCompliant) && *before != Some(Status::NonCompliant)
        };
        if self.principals.values().any(is_broken) {
            return DifferenceResult::NewViolation;
        }
        let is_overall_lost = self.status.is_some_and(|[before, _]| before == Some(Status::Compliant));
        // A watch that no principal of the second report matches is there by its pattern, without evidence.
        let is_unseen = |arn: &str| {
            let unseen = |(pattern, both): (&Arc<str>, &[Option<Status>; 2])| {
                both[1] == Some(Status::InsufficientEvidence) && matches(pattern, arn)
            };
            self.principals.iter().any(unseen)
        };
        let is_lost = |(arn, [before, after]): (&Arc<str>, &[Option<Status>; 2])| {
            *before == Some(Status::Compliant)
                && (*after == Some(Status::InsufficientEvidence) || after.is_none() && is_unseen(arn))
        };
        match is_overall_lost || self.principals.iter().any(is_lost) {
            true => DifferenceResult::LessEvidence,
            false => DifferenceResult::NotWorse,
        }
    }

    /// The severity of each finding that the second report alone has, or that is more severe in it.
    pub fn worse_findings(&self) -> impl Iterator<Item = Severity> {
        let raised = self.changed_findings.iter().filter_map(|one| {
            let [before, after] = one.severities;
            (after > before).then_some(after)
        });
        self.new_findings.iter().map(|one| one.severity).chain(raised)
    }

    /// JSON Schema of the difference.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}

fn is_same<T: PartialEq>([before, after]: &[T; 2]) -> bool {
    before == after
}

/// Keys with different values.
fn changed<K: Clone + Ord, V: Copy + PartialEq>(
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
) -> BTreeMap<K, [Option<V>; 2]> {
    let keys = before.keys().chain(after.keys());
    let both = keys.map(|key| (key.clone(), [before.get(key).copied(), after.get(key).copied()]));
    both.filter(|(_, [before, after])| before != after).collect()
}

/// The findings of both reports that differ, in the order of the second.
fn changed_findings(before: &[Finding], after: &[Finding]) -> Vec<FindingChange> {
    let known: BTreeMap<&String, &Finding> = before.iter().map(|one| (&one.fingerprint, one)).collect();
    let change = |now: &Finding| {
        let was = known.get(&now.fingerprint)?;
        let (severities, counts) = ([was.severity, now.severity], [was.count, now.count]);
        let differs = !is_same(&severities) || !is_same(&counts);
        differs.then(|| FindingChange { finding: FindingLine::of(now), severities, counts })
    };
    after.iter().filter_map(change).collect()
}

/// The findings that are not among the others.
fn only_in(findings: &[Finding], others: &[Finding]) -> Vec<FindingLine> {
    let known: BTreeSet<&String> = others.iter().map(|other| &other.fingerprint).collect();
    let is_new = |finding: &&Finding| !known.contains(&finding.fingerprint);
    findings.iter().filter(is_new).map(FindingLine::of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn equal_results_have_no_difference() {
        for (name, report) in sample::all() {
            let same = ReportDifference::between(&report, &report);
            assert!(same.is_empty() && same.result() == DifferenceResult::NotWorse, "{name}");
        }
    }

    #[test]
    fn of_swapped_reports_everything_is_swapped() {
        let all = sample::all();
        for (one, before) in &all {
            for (two, after) in &all {
                let (there, back) =
                    (ReportDifference::between(before, after), ReportDifference::between(after, before));
                assert_eq!(there.new_findings, back.gone_findings, "{one} {two}");
                assert_eq!(there.changed_findings.len(), back.changed_findings.len(), "{one} {two}");
                let swapped: BTreeMap<_, _> =
                    back.principals.iter().map(|(arn, [b, a])| (arn.clone(), [*a, *b])).collect();
                assert_eq!(there.principals, swapped, "{one} {two}");
                assert_eq!(there.is_empty(), back.is_empty(), "{one} {two}");
            }
        }
    }

    #[test]
    fn a_finding_that_is_more_severe_or_more_frequent_is_changed() {
        let before = sample::non_compliant();
        let mut after = before.clone();
        let last = after.result.findings.last_mut().unwrap();
        (last.severity, last.count) = (Severity::High, last.count + 5);
        let difference = ReportDifference::between(&before, &after);
        let [change] = &*difference.changed_findings else { panic!("{difference:?}") };
        assert_eq!(change.counts[1], change.counts[0] + 5);
        assert_eq!(difference.worse_findings().collect::<Vec<_>>(), [Severity::High]);
        assert!(difference.new_findings.is_empty() && difference.gone_findings.is_empty());
        let better = ReportDifference::between(&after, &before);
        assert_eq!(better.worse_findings().count(), 0);
    }

    #[test]
    fn a_lost_proof_is_less_evidence_and_a_violation_outranks_it() {
        let set = |statuses: &[Option<Status>]| {
            let mut report = sample::non_compliant();
            report.result.principals.truncate(statuses.len());
            for (principal, status) in report.result.principals.iter_mut().zip(statuses) {
                principal.status = *status;
            }
            report
        };
        let result = |before: &[Option<Status>], after: &[Option<Status>]| {
            ReportDifference::between(&set(before), &set(after)).result()
        };
        use Status::{Compliant, InsufficientEvidence, NonCompliant};
        let (proven, open, broken) = (Some(Compliant), Some(InsufficientEvidence), Some(NonCompliant));
        assert_eq!(result(&[proven, proven], &[open, proven]), DifferenceResult::LessEvidence);
        assert_eq!(result(&[proven, proven], &[open, broken]), DifferenceResult::NewViolation);
        assert_eq!(result(&[None, open], &[broken, open]), DifferenceResult::NewViolation);
        assert_eq!(result(&[broken, open], &[broken, proven]), DifferenceResult::NotWorse);
        assert_eq!(result(&[None, broken], &[open, open]), DifferenceResult::NotWorse);
    }

    #[test]
    fn a_proof_is_lost_too_if_the_watch_matches_no_principal_any_more() {
        let mut before = sample::non_compliant();
        before.result.principals.truncate(1);
        before.result.principals[0].status = Some(Status::Compliant);
        let mut after = before.clone();
        after.result.principals[0].status = Some(Status::InsufficientEvidence);
        let arn = Arc::clone(&before.result.principals[0].arn);
        after.result.principals[0].arn = format!("{}*", arn.trim_end_matches(char::is_alphanumeric)).into();
        let result = |after: &Report| ReportDifference::between(&before, after).result();
        assert_eq!(result(&after), DifferenceResult::LessEvidence);
        after.result.principals[0].arn = "arn:aws:iam::*:role/Another*".into();
        assert_eq!(result(&after), DifferenceResult::NotWorse, "it is not watched any more");
        before.result.summary.overall_compliance = Some(Status::Compliant);
        after.result.summary.overall_compliance = Some(Status::InsufficientEvidence);
        let whole = ReportDifference::between(&before, &after).result();
        assert_eq!(whole, DifferenceResult::LessEvidence);
    }
}
