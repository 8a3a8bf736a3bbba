//! May a read-only principal make this call?
//!
//! Enters: an operation in any name form, and optionally who makes it on what. Leaves: [`Checked`], one answer for each
//! question. Law: an operation that cannot be read from the text is an answer too, `unknown`, never left out.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    catalog::{Catalog, Explanation, spelling::split_operation},
    config::{Applies, Config},
    operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel},
    standard::Pack,
    time::Time,
    verdict::{Call, Provenance, Verdict, classify},
};

/// A question.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The operation as typed: `s3:GetObject`, `ec2 describe_instances`, `monitoring.amazonaws.com:PutMetricAlarm`.
    pub operation: String,
    /// ARN of the principal that would make it.
    pub principal: Option<String>,
    /// ARN of the resource it would be made on.
    pub resource: Option<String>,
}

/// The answer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Checked {
    /// The question as typed.
    pub input: String,
    /// Whether a read-only principal may make the call.
    pub is_valid: bool,
    /// Service, as the catalog names it.
    pub service: String,
    /// Operation, as AWS spells it when known.
    pub operation: String,
    /// Operation type.
    pub operation_type: OperationType,
    /// Whether it changes state.
    pub mutates: Mutates,
    /// Access level, when known.
    pub access_level: Option<AccessLevel>,
    /// What it lets its caller do.
    pub capabilities: Capabilities,
    /// Risk of a call.
    pub risk_level: RiskLevel,
    /// Who decided.
    pub provenance: Provenance,
    /// The sources disagree about it.
    pub dissent: bool,
    /// Why, in a line.
    pub validation_message: String,
    /// When it was asked.
    pub timestamp: Time,
    /// What the control pack in force makes of such a call.
    pub compliance_notes: Vec<String>,
    /// Version of the catalog.
    pub catalog_version: String,
    /// Operations that may have been meant, when this one is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub did_you_mean: Vec<String>,
    /// Each source's word, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

/// Answers a question. `explain` opens the ledger of sources.
pub fn check(
    catalog: &Catalog,
    config: &Config,
    pack: &Pack,
    question: &Question,
    now: Time,
    explain: bool,
) -> Checked {
    let (service, operation) = split_operation(&question.operation).unwrap_or(("", &question.operation));
    let verdict = overridden(config, question, classify(catalog, &Call::named(service, operation)), now);
    let known = catalog.lookup(service, operation).is_some();
    Checked {
        input: question.operation.clone(),
        is_valid: verdict.is_valid(),
        compliance_notes: notes(pack, &verdict),
        did_you_mean: if known { Vec::new() } else { catalog.suggest(service, operation) },
        explanation: if explain { catalog.explain(service, operation) } else { None },
        service: verdict.service,
        operation: verdict.operation,
        operation_type: verdict.operation_type,
        mutates: verdict.mutates,
        access_level: verdict.access_level,
        capabilities: verdict.capabilities,
        risk_level: verdict.risk_level,
        provenance: verdict.provenance,
        dissent: verdict.dissent,
        validation_message: verdict.reason,
        timestamp: now,
        catalog_version: catalog.version().to_owned(),
    }
}

fn overridden(config: &Config, question: &Question, verdict: Verdict, now: Time) -> Verdict {
    if verdict.is_valid() {
        return verdict;
    }
    let Some(principal) = &question.principal else {
        return verdict;
    };
    let resources: Vec<Arc<str>> = question.resource.iter().map(|arn| Arc::from(arn.as_str())).collect();
    let live = config.overrides.iter().find(|candidate| {
        candidate.applies(principal, &verdict.service, &verdict.operation, &resources, now) == Applies::Yes
    });
    match live {
        Some(live) => verdict.overridden(&format!("{} ({}): {}", live.id, live.owner, live.reason)),
        None => verdict,
    }
}

/// Which controls a succeeded call of this kind by a watched principal would speak against.
fn notes(pack: &Pack, verdict: &Verdict) -> Vec<String> {
    let rule = match verdict.operation_type {
        _ if !verdict.is_scored() => {
            return vec!["Not an operation: listed in reports, not scored.".to_owned()];
        }
        OperationType::Mutating => "write-succeeded",
        OperationType::Privileged => "privileged-call",
        OperationType::Unknown => "unknown-operation",
        OperationType::ReadOnly if verdict.capabilities.contains(Capabilities::READ_SECRETS) => "secret-read",
        OperationType::ReadOnly if verdict.capabilities.contains(Capabilities::READ_DATA) => "data-read",
        OperationType::ReadOnly => return vec![format!("{}: speaks against no control.", pack.id)],
    };
    let controls = pack.touched_by(rule);
    if controls.is_empty() {
        return vec![format!("{}: `{rule}` speaks against no control.", pack.id)];
    }
    let speaks =
        |control: &crate::standard::Control| format!("{} {}: {}", pack.id, control.id, control.title);
    pack.controls.iter().filter(|control| controls.contains(&control.id)).map(speaks).collect()
}
