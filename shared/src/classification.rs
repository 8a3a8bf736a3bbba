//! Classifies a call: may a read-only principal make it?
//!
//! Enters: a call, by service and operation. Leaves: a [`Classification`] with its provenance and a reason in one
//! line. Laws: a read-only principal may make only calls classified as `read_only`; an operation outside the catalog
//! with a name that suggests that it returns a credential is never classified as `read_only`; the risk level never
//! falls when a capability is added or the access level is raised.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod accuracy;
pub mod diff;
mod unauthenticated;

pub(crate) use self::unauthenticated::{is_unauthenticated_by_design, needs_no_permission};
use crate::catalog::rules::{has_inspection_verb, has_write_verb};
use crate::catalog::spelling::{
    begins_with_word, catalog_name, event_source_host, has_read_verb, label_key, name_key, names_a_credential,
};
use crate::catalog::{Catalog, CatalogEntry};
use crate::operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel};

/// A call to classify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassificationInput<'a> {
    /// IAM prefix, SDK service or event source.
    pub service: &'a str,
    /// Operation name in any spelling.
    pub operation: &'a str,
    /// The `readOnly` flag of the record the call comes from, if it comes from one.
    pub read_only: Option<bool>,
}

impl<'a> ClassificationInput<'a> {
    /// A call that does not come from a record.
    pub const fn new(service: &'a str, operation: &'a str) -> Self {
        Self { service, operation, read_only: None }
    }
}

/// The source of a classification, in order of authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// An override of the user allows the call. What the call is (operation type, capabilities) stays as it was.
    Override,
    /// The operation catalog lists the operation.
    Catalog,
    /// The catalog, for an event that is not an API call.
    NonApiEvent,
    /// The record's own `readOnly` flag, for an operation the catalog does not know.
    RecordFlag,
    /// The call that caused it: an AWS service made this one on the principal's behalf.
    Forwarded,
    /// The name of the operation alone decided, by a pattern of read-only names.
    Pattern,
    /// No source: the operation is unknown.
    None,
}

impl Provenance {
    /// The snake-case word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Catalog => "catalog",
            Self::NonApiEvent => "non_api_event",
            Self::RecordFlag => "record_flag",
            Self::Forwarded => "forwarded",
            Self::Pattern => "pattern",
            Self::None => "none",
        }
    }
}

/// Whether a read-only principal may make a call, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Classification {
    /// Service: its name in the catalog if known, else as given.
    pub service: String,
    /// Operation: as AWS spells it if known, else as given.
    pub operation: String,
    /// Operation type of the classified operation.
    pub operation_type: OperationType,
    /// Whether AWS would log it with `readOnly=false`.
    pub mutates: Mutates,
    /// Access level, if known.
    pub access_level: Option<AccessLevel>,
    /// What the operation lets its caller do.
    pub capabilities: Capabilities,
    /// How much harm it can do.
    pub risk_level: RiskLevel,
    /// The source of the classification.
    pub provenance: Provenance,
    /// Whether the sources disagree.
    pub source_conflict: bool,
    /// Reason for the classification, in one line for people.
    pub reason: String,
}

impl Classification {
    /// Whether the operation is read-only: `read_only` alone.
    pub fn is_read_only(&self) -> bool {
        self.operation_type == OperationType::ReadOnly
    }

    /// Whether a read-only principal may make the call: it is read-only, or an override allows it.
    pub fn is_permitted(&self) -> bool {
        self.is_read_only() || self.provenance == Provenance::Override
    }

    /// Whether the event counts in scores. Sign-in and service events do not, because they are not API calls.
    pub fn is_scored(&self) -> bool {
        self.provenance != Provenance::NonApiEvent
    }

    /// The same classification of a call that an override of the user allows. An override tolerates a call and does
    /// not rewrite it: everything that says what the call is and does stays.
    #[must_use]
    pub fn allowed(self, reason: &str) -> Self {
        let reason = format!("{}; allowed by an override: {reason}", self.reason);
        Self { provenance: Provenance::Override, reason, ..self }
    }

    /// The same operation as an event that is not an API call, whatever else it was.
    fn into_non_api_event(self) -> Self {
        non_api_event(self.service, self.operation)
    }
}

/// Classifies a call by the catalog, else by the `readOnly` flag of its record, else by its name.
pub fn classify(catalog: &Catalog, call: &ClassificationInput<'_>) -> Classification {
    match catalog.lookup(call.service, call.operation) {
        Some(entry) => entry.into(),
        None => without_catalog(catalog, call),
    }
}

/// Classifies the call of a record.
///
/// A record that says that it is an API call (`AwsApiCall`) and that it wrote (`readOnly=false`) is a write, even if
/// the catalog lists its name as that of an event that is not a call. The sign-in service is an exception: its records
/// are sign-ins under any `eventType` and flag, those of `aws login` too, unless they are calls of its API that read or
/// change its settings.
pub fn classify_record(
    catalog: &Catalog,
    call: &ClassificationInput<'_>,
    is_api_call: bool,
) -> Classification {
    let found = classify(catalog, call);
    if event_source_host(call.service) == Some("signin") {
        return if is_sign_in(&found) { found.into_non_api_event() } else { found };
    }
    if !found.is_scored() && is_api_call && call.read_only == Some(false) {
        return without_catalog(catalog, call);
    }
    found
}

/// Whether an operation of the sign-in service is a sign-in: one that hands out a session or its tokens, or one that is
/// not in the catalog and is not named like a change of something else.
fn is_sign_in(found: &Classification) -> bool {
    match found.provenance {
        Provenance::Catalog => found.operation_type == OperationType::Privileged,
        Provenance::NonApiEvent => true,
        _ => {
            let name = &found.operation;
            !is_named_like_a_write(name) || names_a_credential(name)
        }
    }
}

/// Whether the name of an operation outside the catalog says that it changes something, so that a `readOnly=true` in
/// its record does not prove a read: it begins with a verb that changes something, or with a word with which no read of
/// the catalog begins. Of a service that the catalog does not know either, the name must say that the operation reads.
fn may_write_by_name(catalog: &Catalog, is_service_known: bool, operation: &str) -> bool {
    if !is_service_known {
        let reads = has_read_verb(operation) || has_inspection_verb(operation);
        return !(is_batch_of_reads(operation) || reads);
    }
    // In `Preferences_UpdatePaymentProfile` the verb follows the name of a group. In snake case it comes first.
    let begins_a_name = |(n, part): &(usize, &str)| {
        *n == 0 || part.bytes().next().is_some_and(|first| first.is_ascii_uppercase())
    };
    let names = || operation.split(['_', '.']).enumerate().filter(begins_a_name).map(|(_, part)| part);
    let writes = |part: &str| is_named_like_a_write(part) || catalog.begins_like_no_read(part);
    let reads = |part: &str| catalog.begins_like_a_read(part) || has_inspection_verb(part);
    names().any(writes) || is_named_like_a_write(operation) || !names().any(reads)
}

/// Whether a name begins with a verb that changes something.
fn is_named_like_a_write(operation: &str) -> bool {
    let has_verb = || MORE_WRITE_VERBS.iter().any(|verb| begins_with_word(operation, verb));
    has_write_verb(operation) || !is_batch_of_reads(operation) && has_verb()
}

fn is_batch_of_reads(operation: &str) -> bool {
    BATCH_READ_VERBS.iter().any(|verb| begins_with_word(operation, verb))
}

/// Verbs of operations that read several things at once. Any other `Batch` may write.
const BATCH_READ_VERBS: [&str; 4] = ["BatchGet", "BatchDescribe", "BatchList", "BatchCheck"];

/// Verbs of operations that AWS documents as writes, beside those by which the catalog is built.
const MORE_WRITE_VERBS: [&str; 46] = [
    "Activate",
    "Allocate",
    "Approve",
    "Archive",
    "Assign",
    "Authorize",
    "Ban",
    "Batch",
    "Change",
    "Clone",
    "Copy",
    "Deactivate",
    "Decline",
    "Deprecate",
    "Deregister",
    "Detach",
    "Grant",
    "Initiate",
    "Install",
    "Insert",
    "Invite",
    "Kill",
    "Merge",
    "Migrate",
    "Move",
    "Overwrite",
    "Patch",
    "Purchase",
    "Purge",
    "Reboot",
    "Reject",
    "Release",
    "Replace",
    "Restore",
    "Resume",
    "Revoke",
    "Rotate",
    "Subscribe",
    "Tag",
    "Terminate",
    "Transfer",
    "Truncate",
    "Unsubscribe",
    "Untag",
    "Upsert",
    "Upload",
];

impl From<CatalogEntry> for Classification {
    fn from(entry: CatalogEntry) -> Self {
        if entry.facts.is_event_only() {
            non_api_event(entry.service, entry.name)
        } else {
            from_catalog(entry)
        }
    }
}

fn non_api_event(service: String, operation: String) -> Classification {
    Classification {
        service,
        operation,
        operation_type: OperationType::Unknown,
        mutates: Mutates::Unknown,
        access_level: None,
        capabilities: Capabilities::empty(),
        risk_level: RiskLevel::Low,
        provenance: Provenance::NonApiEvent,
        source_conflict: false,
        reason: "an event that CloudTrail records and that is not an API call; listed, not scored".to_owned(),
    }
}

fn from_catalog(entry: CatalogEntry) -> Classification {
    let facts = entry.facts;
    Classification {
        reason: catalog_reason(&entry),
        service: entry.service,
        operation: entry.name,
        operation_type: facts.operation_type,
        mutates: facts.mutates,
        access_level: facts.access_level,
        capabilities: facts.capabilities,
        risk_level: risk_level_of(facts.access_level, facts.operation_type, facts.capabilities),
        provenance: Provenance::Catalog,
        source_conflict: facts.source_conflict,
    }
}

// Often the service is unknown too, because AWS adds services faster than catalogs are refreshed. A read verb counts
// there too; the provenance `pattern` lets a reader be stricter.
fn without_catalog(catalog: &Catalog, call: &ClassificationInput<'_>) -> Classification {
    let services = catalog.services(call.service);
    let may_write = may_write_by_name(catalog, !services.is_empty(), call.operation);
    let service = match services.as_slice() {
        [only] => (*only).to_owned(),
        _ => call.service.to_owned(),
    };
    let name = catalog_name(call.service, call.operation);
    let well_formed = name_key(&name).is_some() && label_key(call.service).is_some();
    let returns_credential = names_a_credential(&name);
    let (operation_type, mutates, provenance, reason) = match call.read_only {
        Some(false) => (
            OperationType::Mutating,
            Mutates::Yes,
            Provenance::RecordFlag,
            "not in the catalog; its record says readOnly=false",
        ),
        Some(true) if well_formed && !returns_credential && !may_write => (
            OperationType::ReadOnly,
            Mutates::No,
            Provenance::RecordFlag,
            "not in the catalog; its record says readOnly=true",
        ),
        Some(true) => (
            OperationType::Unknown,
            Mutates::No,
            Provenance::RecordFlag,
            "not in the catalog; its record says readOnly=true, but its name suggests that it changes something or returns a credential",
        ),
        None if well_formed && !returns_credential && has_read_verb(call.operation) => (
            OperationType::ReadOnly,
            Mutates::No,
            Provenance::Pattern,
            "not in the catalog; its name begins with a read verb",
        ),
        None => (
            OperationType::Unknown,
            Mutates::Unknown,
            Provenance::None,
            "not in the catalog, and its name does not show that it only reads",
        ),
    };
    let capabilities = if mutates == Mutates::Yes { Capabilities::MUTATE } else { Capabilities::empty() };
    Classification {
        service,
        operation: call.operation.to_owned(),
        operation_type,
        mutates,
        access_level: None,
        capabilities,
        risk_level: risk_level_of(None, operation_type, capabilities),
        provenance,
        source_conflict: false,
        reason: reason.to_owned(),
    }
}

/// What each capability means, as a part of a reason. That a call changes state is said by its operation type.
const EFFECTS: [(Capabilities, &str); 7] = [
    (Capabilities::READ_DATA, "returns customer data"),
    (Capabilities::READ_SECRETS, "returns a secret"),
    (Capabilities::ISSUE_CREDENTIALS, "issues credentials"),
    (Capabilities::RUN_CODE, "runs code"),
    (Capabilities::EXPOSE_RESOURCE, "can expose a resource"),
    (Capabilities::PRIVILEGE_ESCALATION, "can escalate privileges"),
    (Capabilities::INCUR_COST, "incurs cost"),
];

fn catalog_reason(entry: &CatalogEntry) -> String {
    let facts = &entry.facts;
    let level = match facts.access_level {
        Some(level) => format!("level {}", level.as_str()),
        None => "no access level".to_owned(),
    };
    let mut text = match facts.operation_type {
        OperationType::ReadOnly => format!("read-only ({level})"),
        OperationType::Mutating => format!("changes state ({level})"),
        OperationType::Privileged => "changes nothing, but is not read-only".to_owned(),
        OperationType::Unknown => "unknown".to_owned(),
    };
    for (_, effect) in EFFECTS.iter().filter(|(capability, _)| facts.capabilities.contains(*capability)) {
        text.push_str(", ");
        text.push_str(effect);
    }
    if facts.source_conflict {
        text.push_str("; the sources disagree");
    }
    text
}

/// How much harm a call can do, by access level, operation type and capabilities, not by its service.
///
/// Monotone in all three arguments. Critical: issues credentials, escalates privileges, changes permissions or
/// exposes a resource. High: any other change, runs code, reads a secret, or is not read-only. Medium: reads customer
/// data or incurs cost.
pub fn risk_level_of(
    level: Option<AccessLevel>,
    kind: OperationType,
    capabilities: Capabilities,
) -> RiskLevel {
    let critical =
        Capabilities::ISSUE_CREDENTIALS | Capabilities::PRIVILEGE_ESCALATION | Capabilities::EXPOSE_RESOURCE;
    let high = Capabilities::MUTATE | Capabilities::READ_SECRETS | Capabilities::RUN_CODE;
    let medium = Capabilities::READ_DATA | Capabilities::INCUR_COST;
    let of_capabilities = if capabilities.intersects(critical) {
        RiskLevel::Critical
    } else if capabilities.intersects(high) {
        RiskLevel::High
    } else if capabilities.intersects(medium) {
        RiskLevel::Medium
    } else {
        RiskLevel::Low
    };
    let of_type = if kind == OperationType::ReadOnly { RiskLevel::Low } else { RiskLevel::High };
    let of_level = match level {
        None | Some(AccessLevel::List | AccessLevel::Read) => RiskLevel::Low,
        Some(AccessLevel::Tagging | AccessLevel::Write) => RiskLevel::High,
        Some(AccessLevel::PermissionsManagement) => RiskLevel::Critical,
    };
    of_capabilities.max(of_type).max(of_level)
}
