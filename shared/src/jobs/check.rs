//! May a read-only principal make this call?
//!
//! Enters: an operation in any name form, and optionally who makes it on what. Leaves: [`CheckResult`], one answer for each
//! question. Laws: text that names no operation is an answer too, `unknown`, never left out and never a read; an
//! override that ended before now allows nothing.

use std::{borrow::Cow, sync::Arc};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    catalog::{
        Catalog, CatalogEntry, Explanation,
        spelling::{label_key, name_key, split_operation},
    },
    classification::{Classification, ClassificationInput, Provenance, classify, risk_level_of},
    config::{Config, OverrideMatch},
    controls::ControlPack,
    escape::escape_control,
    operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel},
    time::Time,
};

/// A question.
#[derive(Clone, Debug, Default)]
pub struct CheckRequest {
    /// The operation as typed: `s3:GetObject`, `ec2 describe_instances`, `monitoring.amazonaws.com:PutMetricAlarm`.
    pub operation: String,
    /// ARN of the principal that would make it, or of a session of it.
    pub principal: Option<String>,
    /// ARNs of the resources it would touch. An override scoped to resources must cover all of them.
    pub resources: Vec<String>,
    /// Line it was read from, named when it cannot be understood.
    pub line: Option<u64>,
}

/// The answer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CheckResult {
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
    pub source_conflict: bool,
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
    pack: &ControlPack,
    question: &CheckRequest,
    now: Time,
    explain: bool,
) -> CheckResult {
    let named = parse_operation(catalog, &question.operation);
    let (verdict, did_you_mean) = match named {
        Some((service, operation)) => {
            let verdict = classify(catalog, &ClassificationInput::new(service, operation));
            let is_known = matches!(verdict.provenance, Provenance::Catalog | Provenance::NonApiEvent);
            let near = if is_known { Vec::new() } else { catalog.suggest(service, operation) };
            let verdict = if near.iter().any(|near| is_misspelling(operation, near)) {
                as_misspelled(verdict)
            } else {
                verdict
            };
            (apply_override(config, question, verdict, now), near)
        }
        None => (not_an_operation(catalog, question), operations_of_that_name(catalog, &question.operation)),
    };
    CheckResult {
        input: question.operation.clone(),
        is_valid: verdict.is_read_only(),
        compliance_notes: compliance_notes(pack, &verdict),
        did_you_mean,
        explanation: named
            .filter(|_| explain)
            .and_then(|(service, operation)| catalog.explain(service, operation)),
        service: verdict.service,
        operation: verdict.operation,
        operation_type: verdict.operation_type,
        mutates: verdict.mutates,
        access_level: verdict.access_level,
        capabilities: verdict.capabilities,
        risk_level: verdict.risk_level,
        provenance: verdict.provenance,
        source_conflict: verdict.source_conflict,
        validation_message: verdict.reason,
        timestamp: now,
        catalog_version: catalog.version().to_owned(),
    }
}

/// Whether an operation is one or two keystrokes away from one the catalog knows.
fn is_misspelling(operation: &str, known: &str) -> bool {
    let name = known.split_once(':').map_or(known, |(_, name)| name);
    let distance = name_key(operation).zip(name_key(name)).map(|(a, b)| strsim::damerau_levenshtein(&a, &b));
    distance.is_some_and(|distance| distance <= 2)
}

/// A name that looks like a slip of the keyboard says nothing, whatever verb it begins with: what was meant may be
/// something else altogether.
fn as_misspelled(verdict: Classification) -> Classification {
    Classification {
        operation_type: OperationType::Unknown,
        mutates: Mutates::Unknown,
        provenance: Provenance::None,
        risk_level: RiskLevel::High,
        reason: "not in the catalog, but close to a name that is".to_owned(),
        ..verdict
    }
}

/// The service and operation a text names, both of characters that such names have. `s3.GetObject` counts when the
/// catalog knows it, for a dot may be part of either name.
fn parse_operation<'a>(catalog: &Catalog, text: &'a str) -> Option<(&'a str, &'a str)> {
    let text = text.trim();
    let halves = match text.split_once(':') {
        Some((service, operation)) => Some((service.trim(), operation.trim())),
        None => split_operation(text),
    };
    let are_names =
        |(service, operation): &(&str, &str)| label_key(service).is_some() && name_key(operation).is_some();
    match halves {
        Some(halves) => Some(halves).filter(are_names),
        None => {
            text.rsplit_once('.').filter(|(service, operation)| catalog.lookup(service, operation).is_some())
        }
    }
}

fn not_an_operation(catalog: &Catalog, question: &CheckRequest) -> Classification {
    const REMEDY: &str = "write `service:Operation`";
    let text = question.operation.trim();
    let place = question.line.map_or_else(String::new, |line| format!("line {line}: "));
    let what = if text.is_empty() {
        format!("nothing is written here; {REMEDY}")
    } else if !catalog.services(text).is_empty() {
        format!("names a service but no operation; {REMEDY}")
    } else if name_key(text).is_some() {
        format!("names no service; {REMEDY}")
    } else if text.contains(['*', '?']) {
        "is a pattern, not an operation; `onlooker ops` lists what it stands for".to_owned()
    } else {
        format!("is not the name of an operation; {REMEDY}")
    };
    Classification {
        service: String::new(),
        operation: text.to_owned(),
        operation_type: OperationType::Unknown,
        mutates: Mutates::Unknown,
        access_level: None,
        capabilities: Capabilities::empty(),
        risk_level: risk_level_of(None, OperationType::Unknown, Capabilities::empty()),
        provenance: Provenance::None,
        source_conflict: false,
        reason: format!("{place}{what}"),
    }
}

/// The operations of that name in whichever service has one, while they are few enough to choose from.
fn operations_of_that_name(catalog: &Catalog, text: &str) -> Vec<String> {
    const MAX_SUGGESTIONS: usize = 5;
    let Some(name) = name_key(text.trim()) else { return Vec::new() };
    let found = catalog.search(&format!("*:{name}"));
    if found.len() > MAX_SUGGESTIONS { Vec::new() } else { found.iter().map(CatalogEntry::key).collect() }
}

/// The principal a promise is about: an assumed role counts as its role.
fn role_of_session(arn: &str) -> Cow<'_, str> {
    let role = || {
        let (partition, rest) = arn.strip_prefix("arn:")?.split_once(":sts::")?;
        let (account, rest) = rest.split_once(":assumed-role/")?;
        let (role, _) = rest.split_once('/')?;
        Some(format!("arn:{partition}:iam::{account}:role/{role}"))
    };
    role().map_or(Cow::Borrowed(arn), Cow::Owned)
}

fn apply_override(
    config: &Config,
    question: &CheckRequest,
    verdict: Classification,
    now: Time,
) -> Classification {
    let Some(principal) = question.principal.as_deref().filter(|_| !verdict.is_read_only()) else {
        return verdict;
    };
    let resources: Vec<Arc<str>> = question.resources.iter().map(|arn| Arc::from(arn.as_str())).collect();
    match config.override_for(
        &role_of_session(principal),
        &verdict.service,
        &verdict.operation,
        &resources,
        now,
    ) {
        Some((live, OverrideMatch::Allowed)) => verdict.overridden(&format!(
            "{} ({}): {}",
            live.id,
            escape_control(&live.owner),
            escape_control(&live.reason)
        )),
        Some((ended, _)) => {
            let reason = format!("{}; the override {} expired {}", verdict.reason, ended.id, ended.expires);
            Classification { reason, ..verdict }
        }
        None => verdict,
    }
}

/// Which controls a succeeded call of this kind by a watched principal would speak against.
fn compliance_notes(pack: &ControlPack, verdict: &Classification) -> Vec<String> {
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
    let controls = pack.controls_failed_by(rule);
    if controls.is_empty() {
        return vec![format!("{}: `{rule}` speaks against no control.", pack.id)];
    }
    let speaks =
        |control: &crate::controls::Control| format!("{} {}: {}", pack.id, control.id, control.title);
    pack.controls.iter().filter(|control| controls.contains(&control.id)).map(speaks).collect()
}
