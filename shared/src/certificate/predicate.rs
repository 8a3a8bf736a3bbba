//! What a certificate states.
//!
//! Enters: a report about one principal. Leaves: a [`ReadOnlyCertificate`]. Law: it repeats the report and adds nothing: status,
//! calls, overrides and gaps are those of the report, and the hash of the report is part of it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence_root::{EvidenceLeaf, evidence_root};
use crate::{
    attestation::Statement,
    coverage::{Coverage, EventClassState, IntegrityHours},
    event::Outcome,
    operation::OperationType,
    period::Period,
    report::{OverrideUsage, PrincipalSummary, Report},
    score::Status,
    time::Time,
};

/// Type of the predicate.
pub const PREDICATE_TYPE: &str = "urn:onlooker:read-only-certificate:v1";

/// Numbers from here on are not read exactly by every reader of JSON.
const MAX_NUMBER: u64 = 1 << 53;

/// That a principal only read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadOnlyCertificate {
    /// ARN of the principal.
    pub principal: String,
    /// The hours that the certificate is about.
    pub period: Period,
    /// Status of the principal.
    pub status: Status,
    /// Why the status is what it is; of a certificate on incomplete evidence also what is missing.
    pub status_reasons: Vec<String>,
    /// Calls of the principal.
    pub calls: CertifiedCalls,
    /// Calls that succeeded, by what they let the principal do.
    pub capabilities: BTreeMap<String, u64>,
    /// Overrides that allowed calls.
    pub overrides: Vec<OverrideUsage>,
    /// What the evidence covers.
    pub coverage: CertifiedCoverage,
    /// What the evidence is.
    pub evidence: CertifiedEvidence,
    /// Hashes of the policies of the principal, if they were read.
    pub policies: Vec<String>,
    /// SHA-256 of the operation catalog, in hex.
    pub catalog_sha256: String,
    /// SHA-256 of the configuration in force, in hex.
    pub configuration_sha256: String,
    /// SHA-256 of the result of the report, in hex: the id of the report.
    pub report_sha256: String,
    /// Version of Onlooker.
    pub onlooker_version: String,
    /// When the certificate was made.
    pub issued_at: Time,
    /// What the certificate does not cover.
    pub limitations: Vec<String>,
}

/// Calls of the principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedCalls {
    /// Number of calls.
    pub all: u64,
    /// Read-only calls that succeeded.
    pub reads: u64,
    /// Mutating calls that succeeded, also through roles. Of a compliant principal overrides allow all of them.
    pub writes: u64,
    /// Calls that AWS denied.
    pub denied: u64,
    /// Calls that overrides allowed.
    pub allowed_by_overrides: u64,
}

/// What the evidence covers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedCoverage {
    /// Accounts and Regions, as `ACCOUNT/REGION`.
    pub account_regions: Vec<String>,
    /// Hours that were expected.
    pub expected_hours: u64,
    /// Hours that were observed.
    pub observed_hours: u64,
    /// Hours without evidence, by `ACCOUNT/REGION`.
    pub gaps: BTreeMap<String, Vec<Period>>,
    /// How each event class is known to be logged.
    pub event_classes: BTreeMap<String, EventClassState>,
}

/// What the evidence is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedEvidence {
    /// Root of the Merkle tree over the log files, in hex.
    pub root: String,
    /// Number of log files.
    pub files: u64,
    /// Number of records in them.
    pub records: u64,
    /// SHA-256 of the events in canonical form, in hex.
    pub events_sha256: String,
    /// Whether digest files prove that the log files are complete and as CloudTrail delivered them: `verified` of every expected
    /// hour, `partly_verified` of some, `not_verified` of none; `tampered` if a file of any hour is not as CloudTrail delivered it.
    pub verification: String,
}

/// Why a principal is not certified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The report is about no principal of this ARN.
    #[error("the principal does not appear in the evidence of the period")]
    NotSeen,
    /// The principal did more than read.
    #[error("the principal is NON_COMPLIANT: {}", .0.join("; "))]
    NotReadOnly(Vec<String>),
    /// The evidence is not complete.
    #[error("the evidence is not complete: {}", .0.join("; "))]
    Incomplete(Vec<String>),
    /// The report has no period.
    #[error("the report has no period: give `--since` and `--until`")]
    NoPeriod,
    /// A number is too large.
    #[error("a count is above 2^53, which not every reader of JSON reads exactly")]
    TooLarge,
}

impl ReadOnlyCertificate {
    /// The certificate of a principal, from a report in which the principal is watched. With `is_partial` it is made on
    /// incomplete evidence too.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_report(
        report: &Report,
        principal: &str,
        leaves: &BTreeSet<EvidenceLeaf>,
        is_partial: bool,
        now: Time,
    ) -> Result<Self, CertificateError> {
        let result = &report.result;
        let period = result.coverage.period.ok_or(CertificateError::NoPeriod)?;
        let found = result.principals.iter().find(|one| &*one.arn == principal && one.status.is_some());
        let summary = found.filter(|one| one.calls > 0).ok_or(CertificateError::NotSeen)?;
        let status = summary.status.unwrap_or(Status::InsufficientEvidence);
        match status {
            Status::NonCompliant => {
                return Err(CertificateError::NotReadOnly(summary.status_reasons.clone()));
            }
            Status::InsufficientEvidence if !is_partial => {
                return Err(CertificateError::Incomplete(summary.status_reasons.clone()));
            }
            _ => {}
        }
        let place = |account: &str, region: &str| format!("{account}/{region}");
        let places = &result.coverage.account_regions;
        let certificate = Self {
            principal: principal.to_owned(),
            period,
            status,
            status_reasons: summary.status_reasons.clone(),
            calls: CertifiedCalls::of(summary),
            capabilities: summary.capabilities.clone(),
            overrides: result.overrides.iter().filter(|one| one.allowed_calls > 0).cloned().collect(),
            coverage: CertifiedCoverage {
                account_regions: places.iter().map(|one| place(&one.account, &one.region)).collect(),
                expected_hours: result.coverage.expected_hours,
                observed_hours: result.coverage.observed_hours,
                gaps: places
                    .iter()
                    .filter(|one| !one.gaps.is_empty())
                    .map(|one| (place(&one.account, &one.region), one.gaps.clone()))
                    .collect(),
                event_classes: result
                    .coverage
                    .event_classes
                    .iter()
                    .map(|one| (one.class.clone(), one.state))
                    .collect(),
            },
            evidence: CertifiedEvidence {
                root: evidence_root(leaves),
                files: leaves.len() as u64,
                records: leaves.iter().map(|leaf| leaf.records).sum(),
                events_sha256: result.inputs.evidence_sha256.clone(),
                verification: verification(&result.coverage).to_owned(),
            },
            policies: summary
                .matrix
                .iter()
                .flat_map(|matrix| &matrix.policies)
                .map(|one| one.sha256.clone())
                .collect(),
            catalog_sha256: result.inputs.catalog_sha256.clone(),
            configuration_sha256: result.inputs.configuration_sha256.clone(),
            report_sha256: report.id.clone(),
            onlooker_version: result.inputs.onlooker_version.clone(),
            issued_at: now,
            limitations: result.limitations.clone(),
        };
        if certificate.has_exact_numbers() { Ok(certificate) } else { Err(CertificateError::TooLarge) }
    }

    /// The statement: about the report and the evidence.
    pub fn statement(self) -> Statement<Self> {
        let (report, root) = (self.report_sha256.clone(), self.evidence.root.clone());
        Statement::new(PREDICATE_TYPE, &[("report", &report), ("evidence", &root)], self)
    }

    /// The same certificate, made at another time, for comparing what two state.
    #[must_use]
    pub fn issued_at(self, issued_at: Time) -> Self {
        Self { issued_at, ..self }
    }

    fn has_exact_numbers(&self) -> bool {
        let CertifiedCalls { all, reads, writes, denied, allowed_by_overrides } = &self.calls;
        let calls = [*all, *reads, *writes, *denied, *allowed_by_overrides];
        let others = [self.evidence.files, self.evidence.records, self.coverage.expected_hours];
        calls.iter().chain(&others).chain(self.capabilities.values()).all(|number| *number < MAX_NUMBER)
    }
}

/// What was proven of the log files, in a word.
fn verification(coverage: &Coverage) -> &'static str {
    let hours = coverage.log_integrity.as_ref().map_or_else(IntegrityHours::default, |one| one.hours);
    match hours {
        IntegrityHours { tampered: 1.., .. } => "tampered",
        IntegrityHours { verified: 0, .. } => "not_verified",
        IntegrityHours { unverified: 0, missing: 0, .. } => "verified",
        _ => "partly_verified",
    }
}

impl CertifiedCalls {
    fn of(summary: &PrincipalSummary) -> Self {
        Self {
            all: summary.calls,
            reads: summary.count(OperationType::ReadOnly, Outcome::Succeeded),
            writes: summary.writes(),
            denied: summary.denied(),
            allowed_by_overrides: summary.allowed_by_override,
        }
    }
}
