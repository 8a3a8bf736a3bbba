//! May a read-only principal make this call?
//!
//! Enters: an operation in any name form, and optionally the calling principal and the resources. Leaves: one
//! [`CheckResult`] for each request. Laws: text that does not name an operation gets the result `unknown`; it is
//! never left out and never counts as read-only. An override that expired before now allows nothing.

use std::{borrow::Cow, sync::Arc};

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::{
    catalog::{
        Catalog, CatalogEntry, Explanation,
        spelling::{label_key, name_key, split_operation},
    },
    classification::{Classification, ClassificationInput, Provenance, classify, risk_level_of},
    config::{Config, OverrideMatch},
    controls::ControlPack,
    escape::escape_hidden,
    operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel},
    record::RequestFeatures,
    time::Time,
};

/// An operation to check.
#[derive(Clone, Debug, Default)]
pub struct CheckRequest {
    /// The operation as typed: `s3:GetObject`, `ec2 describe_instances`, `monitoring.amazonaws.com:PutMetricAlarm`.
    pub operation: String,
    /// ARN of the calling principal, or of one of its sessions.
    pub principal: Option<String>,
    /// ARNs of the resources that the call accesses. An override scoped to resources must cover all of them.
    pub resources: Vec<String>,
    /// What the parameters of the call say about the IAM actions that it needs.
    pub features: RequestFeatures,
    /// Whether an operation that the catalog does not list is unknown, even if its name is that of a read.
    pub needs_catalog: bool,
    /// Input line of the operation; the message names it when the text is not an operation.
    pub line: Option<u64>,
}

/// Version of the shape of a [`CheckResult`]; the first number changes if a field loses its meaning.
pub const CHECK_SCHEMA_VERSION: &str = "1.0";

/// The result of a check.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CheckResult {
    /// Version of this shape.
    pub schema_version: &'static str,
    /// The operation as it was given.
    pub input: String,
    /// Whether a read-only principal may make the call.
    pub is_valid: bool,
    /// Service, as the catalog names it.
    pub service: String,
    /// Operation, as AWS spells it when known.
    pub operation: String,
    /// Operation type of the checked operation.
    pub operation_type: OperationType,
    /// Whether the operation changes state.
    pub mutates: Mutates,
    /// Access level, when known.
    pub access_level: Option<AccessLevel>,
    /// What the operation allows its caller to do.
    pub capabilities: Capabilities,
    /// Risk of a call.
    pub risk_level: RiskLevel,
    /// The rule or source that decided the classification.
    pub provenance: Provenance,
    /// Whether the sources disagree about the operation.
    pub source_conflict: bool,
    /// The reason, in one line.
    pub validation_message: String,
    /// When the operation was checked.
    pub timestamp: Time,
    /// Controls of the control pack in force that such a call fails.
    pub compliance_notes: Vec<String>,
    /// Version of the catalog.
    pub catalog_version: String,
    /// Similar known operations, when this one is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub did_you_mean: Vec<String>,
    /// The statement of each source, when requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

/// The published JSON schema of what `onlooker check --json` prints: a list of results, in the order of the operations.
pub fn schema() -> Schema {
    schemars::schema_for!(Vec<CheckResult>)
}

/// Checks an operation. With `explain` the result includes the statement of each source.
pub fn check(
    catalog: &Catalog,
    config: &Config,
    pack: &ControlPack,
    request: &CheckRequest,
    now: Time,
    explain: bool,
) -> CheckResult {
    let named = parse_operation(catalog, &request.operation);
    let (classification, did_you_mean) = match named {
        Some((service, operation)) => {
            let classification = classify(catalog, &ClassificationInput::new(service, operation));
            let is_known = matches!(classification.provenance, Provenance::Catalog | Provenance::NonApiEvent);
            let near = if is_known { Vec::new() } else { catalog.suggest(service, operation) };
            let classification = if near.iter().any(|near| is_misspelling(operation, near)) {
                as_unknown(classification, "not in the catalog, but close to a name that is")
            } else if request.needs_catalog && classification.provenance == Provenance::Pattern {
                as_unknown(classification, "not in the catalog: only its name says that it reads")
            } else {
                classification
            };
            let classification = apply_override(config, catalog, request, classification, now);
            (judge_added_actions(config, catalog, request, classification, now), near)
        }
        None => (not_an_operation(catalog, request), operations_of_that_name(catalog, &request.operation)),
    };
    CheckResult {
        schema_version: CHECK_SCHEMA_VERSION,
        input: request.operation.clone(),
        is_valid: classification.is_permitted(),
        compliance_notes: compliance_notes(pack, &classification),
        did_you_mean,
        explanation: named
            .filter(|_| explain)
            .and_then(|(service, operation)| catalog.explain(service, operation)),
        service: classification.service,
        operation: classification.operation,
        operation_type: classification.operation_type,
        mutates: classification.mutates,
        access_level: classification.access_level,
        capabilities: classification.capabilities,
        risk_level: classification.risk_level,
        provenance: classification.provenance,
        source_conflict: classification.source_conflict,
        validation_message: classification.reason,
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

/// The classification of an unknown operation, whatever verb its name begins with. If the name looks like a typing error, the
/// intended operation may have another access level.
fn as_unknown(classification: Classification, reason: &str) -> Classification {
    Classification {
        operation_type: OperationType::Unknown,
        mutates: Mutates::Unknown,
        provenance: Provenance::None,
        risk_level: RiskLevel::High,
        reason: reason.to_owned(),
        ..classification
    }
}

/// The service and operation that a text names; both consist of characters that such names may contain.
/// `s3.GetObject` is accepted when the catalog knows it, because a dot may be part of either name.
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

fn not_an_operation(catalog: &Catalog, request: &CheckRequest) -> Classification {
    const REMEDY: &str = "write `service:Operation`";
    let text = request.operation.trim();
    let prefix = request.line.map_or_else(String::new, |line| format!("line {line}: "));
    let what = if text.is_empty() {
        format!("no operation given; {REMEDY}")
    } else if !catalog.services(text).is_empty() {
        format!("names a service but no operation; {REMEDY}")
    } else if name_key(text).is_some() {
        format!("names no service; {REMEDY}")
    } else if text.contains(['*', '?']) {
        "is a pattern, not an operation; `onlooker ops` lists the operations it matches".to_owned()
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
        reason: format!("{prefix}{what}"),
    }
}

/// The operations of that name in all services; empty when there are too many to choose from.
fn operations_of_that_name(catalog: &Catalog, text: &str) -> Vec<String> {
    const MAX_SUGGESTIONS: usize = 5;
    let found = catalog.operations_named(text.trim());
    if found.len() > MAX_SUGGESTIONS { Vec::new() } else { found.iter().map(CatalogEntry::key).collect() }
}

/// The principal that a watch covers: an assumed-role session counts as its role.
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
    catalog: &Catalog,
    request: &CheckRequest,
    classification: Classification,
    now: Time,
) -> Classification {
    let Some(principal) = request.principal.as_deref().filter(|_| !classification.is_read_only()) else {
        return classification;
    };
    let resources: Vec<Arc<str>> = request.resources.iter().map(|arn| Arc::from(arn.as_str())).collect();
    let principal = role_of_session(principal);
    let of = |service: &str, name: &str| config.override_for(&principal, service, name, &resources, now);
    let (service, name) = (&classification.service, &classification.operation);
    // Not known are the parameters of the request, so it needs the actions of its operation, which are of the same service.
    let may_apply = || config.overrides.iter().any(|entry| entry.may_apply(&principal, service, &resources));
    let action =
        || may_apply().then(|| catalog.action_alone(service, name, RequestFeatures::empty())).flatten();
    match of(service, name).or_else(|| action().and_then(|action| of(&action.service, &action.name))) {
        Some((live, OverrideMatch::Allowed)) => classification.allowed(&format!(
            "{} ({}): {}",
            live.id,
            escape_hidden(&live.owner),
            escape_hidden(&live.reason)
        )),
        Some((inactive, applies)) => {
            let state = match inactive.from.filter(|_| applies == OverrideMatch::NotBegun) {
                Some(from) => format!("begins {from}"),
                None => format!("expired {}", inactive.expires),
            };
            let reason = format!("{}; the override {} {state}", classification.reason, inactive.id);
            Classification { reason, ..classification }
        }
        None => classification,
    }
}

/// A call is as harmful as what its parameters add to it: `x-amz-acl` makes a `PutObject` a `PutObjectAcl` too, and
/// `versionId` a `DeleteObject` a `DeleteObjectVersion`. An override of the operation does not allow those.
fn judge_added_actions(
    config: &Config,
    catalog: &Catalog,
    request: &CheckRequest,
    classification: Classification,
    now: Time,
) -> Classification {
    if request.features.is_empty() || !classification.is_permitted() {
        return classification;
    }
    let needed = |said| catalog.actions_of_request(&classification.service, &classification.operation, said);
    let without = needed(RequestFeatures::empty());
    for action in needed(request.features).iter().filter(|action| !without.contains(action)) {
        let Some((service, name)) = action.split_once(':') else { continue };
        let added = classify(catalog, &ClassificationInput::new(service, name));
        let added = apply_override(config, catalog, request, added, now);
        if !added.is_permitted() {
            let reason = format!("the parameters of this request make it need {action}: {}", added.reason);
            return Classification { reason, ..added };
        }
    }
    classification
}

/// The controls that fail if a watched principal makes such a call successfully.
fn compliance_notes(pack: &ControlPack, classification: &Classification) -> Vec<String> {
    let rule = match classification.operation_type {
        _ if !classification.is_scored() => {
            return vec!["Not an operation: listed in reports, not scored.".to_owned()];
        }
        OperationType::Mutating if !classification.is_permitted() => "write-succeeded",
        OperationType::Privileged if !classification.is_permitted() => "privileged-call",
        OperationType::Unknown if !classification.is_permitted() => "unknown-operation",
        _ if classification.capabilities.contains(Capabilities::READ_SECRETS) => "secret-read",
        _ if classification.capabilities.contains(Capabilities::READ_DATA) => "data-read",
        _ => return vec![format!("{}: fails no control.", pack.id)],
    };
    let controls = pack.controls_failed_by(rule);
    if controls.is_empty() {
        return vec![format!("{}: `{rule}` fails no control.", pack.id)];
    }
    let note = |control: &crate::controls::Control| format!("{} {}: {}", pack.id, control.id, control.title);
    pack.controls.iter().filter(|control| controls.contains(&control.id)).map(note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json::{
        escape_json,
        tests::{assert_schema_is_current, schema_violation},
    };

    #[test]
    fn the_published_schema_is_current() {
        let text = serde_json::to_string_pretty(&schema()).unwrap();
        assert_schema_is_current("check.schema.json", CHECK_SCHEMA_VERSION, &escape_json(text));
    }

    #[test]
    fn every_kind_of_result_fits_the_schema() {
        let catalog = Catalog::embedded();
        let pack = ControlPack::built_in(crate::config::Standard::General).unwrap();
        let results: Vec<CheckResult> =
            ["s3:GetObject", "iam:CreateUser", "s3:GetObjet", "nonsense", "new:Thing"]
                .iter()
                .flat_map(|operation| {
                    let request =
                        CheckRequest { operation: (*operation).to_owned(), ..CheckRequest::default() };
                    [false, true]
                        .map(|explain| check(catalog, &Config::default(), &pack, &request, Time(0), explain))
                })
                .collect();
        let schema = serde_json::to_value(schema()).unwrap();
        let value = serde_json::to_value(&results).unwrap();
        assert_eq!(schema_violation(&value, &schema, &schema, "$"), None);
        assert!(results.iter().any(|one| one.explanation.is_some() && one.is_valid));
    }
}
