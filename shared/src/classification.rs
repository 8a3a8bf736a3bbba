//! Record or name, to verdict: may a read-only principal make this call?
//!
//! Enters: a call, by service and operation. Leaves: a [`Classification`] with its provenance and one line of
//! reason. Law: only `read_only` is valid, and an operation nobody knows is never called that on the word
//! of a name that ends in a credential; risk never falls when a capability is added or a level raised.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::spelling::{has_read_verb, label_key, name_key, names_a_credential};
use crate::catalog::{Catalog, CatalogEntry};
use crate::operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel};

/// A call to be judged.
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
    /// A call that comes from no record.
    pub const fn new(service: &'a str, operation: &'a str) -> Self {
        Self { service, operation, read_only: None }
    }
}

/// Who decided a verdict, in order of authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// A live override of the user.
    Override,
    /// The catalog.
    Catalog,
    /// The catalog, as an event that is no API call.
    NonApiEvent,
    /// The record's own `readOnly` flag, for an operation the catalog does not know.
    RecordFlag,
    /// The call that caused it: a service made this one in the principal's name.
    Forwarded,
    /// The name alone.
    Pattern,
    /// Nobody: the operation is unknown.
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

/// What a read-only principal may think of a call, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Classification {
    /// Service: the catalog's name for it if known, else as given.
    pub service: String,
    /// Operation: as AWS spells it if known, else as given.
    pub operation: String,
    /// The verdict.
    pub operation_type: OperationType,
    /// Whether AWS would log it with `readOnly=false`.
    pub mutates: Mutates,
    /// Access level, if known.
    pub access_level: Option<AccessLevel>,
    /// What it lets its caller do.
    pub capabilities: Capabilities,
    /// How much harm it can do.
    pub risk_level: RiskLevel,
    /// Who decided.
    pub provenance: Provenance,
    /// Whether the sources disagree.
    pub source_conflict: bool,
    /// Why, in one line.
    pub reason: String,
}

impl Classification {
    /// Whether a read-only principal may make the call: `read_only` alone.
    pub fn is_read_only(&self) -> bool {
        self.operation_type == OperationType::ReadOnly
    }

    /// Whether this is an operation at all, and so counts in scores; sign-in and service events do not.
    pub fn is_scored(&self) -> bool {
        self.provenance != Provenance::NonApiEvent
    }

    /// The same verdict after a live override of the user allowed the operation. What the call does is
    /// still said (`mutates`, capabilities, level); only whether it is tolerated changes.
    #[must_use]
    pub fn overridden(self, reason: &str) -> Self {
        Self {
            operation_type: OperationType::ReadOnly,
            provenance: Provenance::Override,
            reason: format!("allowed by an override: {reason}"),
            ..self
        }
    }
}

/// Judges a call by the catalog, else by its record's flag, else by its name.
pub fn classify(catalog: &Catalog, call: &ClassificationInput<'_>) -> Classification {
    match catalog.lookup(call.service, call.operation) {
        Some(entry) => entry.into(),
        None => without_catalog(catalog, call),
    }
}

impl From<CatalogEntry> for Classification {
    fn from(entry: CatalogEntry) -> Self {
        if entry.facts.is_event_only() { non_api_event(entry) } else { from_catalog(entry) }
    }
}

fn non_api_event(entry: CatalogEntry) -> Classification {
    Classification {
        service: entry.service,
        operation: entry.name,
        operation_type: OperationType::Unknown,
        mutates: Mutates::Unknown,
        access_level: None,
        capabilities: Capabilities::empty(),
        risk_level: RiskLevel::Low,
        provenance: Provenance::NonApiEvent,
        source_conflict: false,
        reason: "an event CloudTrail records that is no API call; listed, not scored".to_owned(),
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

// The service is a stranger too, as often as not: AWS adds services faster than catalogs are refreshed, so
// a plain read verb counts even there, marked as a pattern for whoever wants to be stricter.
fn without_catalog(catalog: &Catalog, call: &ClassificationInput<'_>) -> Classification {
    let service = match catalog.services(call.service).as_slice() {
        [only] => (*only).to_owned(),
        _ => call.service.to_owned(),
    };
    let well_formed = name_key(call.operation).is_some() && label_key(call.service).is_some();
    let opens_doors = names_a_credential(call.operation);
    let (operation_type, mutates, provenance, reason) = match call.read_only {
        Some(false) => (
            OperationType::Mutating,
            Mutates::Yes,
            Provenance::RecordFlag,
            "not in the catalog; its record says readOnly=false",
        ),
        Some(true) if well_formed && !opens_doors => (
            OperationType::ReadOnly,
            Mutates::No,
            Provenance::RecordFlag,
            "not in the catalog; its record says readOnly=true",
        ),
        Some(true) => (
            OperationType::Unknown,
            Mutates::No,
            Provenance::RecordFlag,
            "not in the catalog; its record says readOnly=true, but its name is that of a credential",
        ),
        None if well_formed && !opens_doors && has_read_verb(call.operation) => (
            OperationType::ReadOnly,
            Mutates::No,
            Provenance::Pattern,
            "not in the catalog; its name begins with a verb that reads",
        ),
        None => (
            OperationType::Unknown,
            Mutates::Unknown,
            Provenance::None,
            "not in the catalog, and its name does not say it reads",
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

fn catalog_reason(entry: &CatalogEntry) -> String {
    let facts = &entry.facts;
    let level = facts.access_level.map_or("no access level", AccessLevel::as_str);
    let carries: Vec<&str> = facts.capabilities.difference(Capabilities::MUTATE).names().collect();
    let mut text = match facts.operation_type {
        OperationType::ReadOnly => format!("a read (level {level})"),
        OperationType::Mutating => format!("changes state (level {level})"),
        OperationType::Privileged if facts.capabilities.contains(Capabilities::ISSUE_CREDENTIALS) => {
            "not a read: it hands out credentials".to_owned()
        }
        OperationType::Privileged => "not a read, though it changes nothing".to_owned(),
        OperationType::Unknown => "unknown".to_owned(),
    };
    if !carries.is_empty() {
        text.push_str(", carries ");
        text.push_str(&carries.join(", ").replace('_', " "));
    }
    if facts.source_conflict {
        text.push_str("; the sources disagree");
    }
    text
}

/// How much harm a call can do, from what it is and what it carries; never from its service.
///
/// Monotone in all three arguments. Critical: hands out credentials, escalates, changes permissions or
/// shares outward. High: any other change, a secret read, or not known. Medium: customer data or money.
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
