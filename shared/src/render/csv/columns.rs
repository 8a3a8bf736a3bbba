//! The columns of each table.
//!
//! Enters: nothing. Leaves: headers. Law: columns are only ever added at the end.

/// Columns of `principals.csv`. Calls are counted as `operation type _ outcome`; `capabilities` and `services` hold
/// `name=calls`.
pub const PRINCIPALS: [&str; 38] = [
    "arn",
    "kind",
    "account",
    "watched_as",
    "status",
    "behavior",
    "compliance_score",
    "calls",
    "permitted",
    "allowed_by_override",
    "read_only_succeeded",
    "read_only_denied",
    "read_only_failed",
    "privileged_succeeded",
    "privileged_denied",
    "privileged_failed",
    "unknown_succeeded",
    "unknown_denied",
    "unknown_failed",
    "mutating_succeeded",
    "mutating_denied",
    "mutating_failed",
    "other_events",
    "risk_level",
    "first_seen",
    "last_seen",
    "accounts",
    "regions",
    "sessions",
    "session_names",
    "source_identities",
    "on_behalf_of",
    "capabilities",
    "services",
    "findings",
    "status_reasons",
    "evidence_accounts",
    "unconcerned_gaps",
];

/// Columns of `findings.csv`.
pub const FINDINGS: [&str; 15] = [
    "fingerprint",
    "rule",
    "severity",
    "title",
    "principal",
    "subject",
    "count",
    "first_seen",
    "last_seen",
    "description",
    "recommendation",
    "controls",
    "sample_event_ids",
    "resources",
    "origins",
];

/// Columns of `operations.csv`.
pub const OPERATIONS: [&str; 15] = [
    "event_source",
    "service",
    "operation",
    "operation_type",
    "mutates",
    "access_level",
    "capabilities",
    "risk_level",
    "provenance",
    "source_conflict",
    "succeeded",
    "denied",
    "failed",
    "principals",
    "reason",
];

/// Columns of `coverage.csv`. `row` says which of the others are filled.
pub const COVERAGE: [&str; 13] = [
    "row",
    "account",
    "region",
    "from",
    "until",
    "expected_hours",
    "observed_hours",
    "missing_hours",
    "quiet_hours",
    "percent",
    "events",
    "class",
    "state",
];

/// Columns of `audit_entries.csv`.
pub const AUDIT_ENTRIES: [&str; 14] = [
    "timestamp",
    "event_id",
    "account",
    "region",
    "user_identity",
    "session",
    "service",
    "operation",
    "operation_type",
    "outcome",
    "error_code",
    "denied_by",
    "denied_action",
    "resource_arns",
];

/// Columns of `controls.csv`.
pub const CONTROLS: [&str; 6] = ["standard", "control", "title", "state", "evidence", "findings"];

/// Columns of `matrix.csv`. `row` is the kind of row: `read`, `capability` and `unknown` are rows of capabilities,
/// `service` is the row of a service. `granted_unconditional` and `granted_conditional` count actions, the others
/// calls; `through_roles` counts how many of all these calls were made through roles the principal assumed.
pub const MATRIX: [&str; 9] = [
    "principal",
    "row",
    "name",
    "granted_unconditional",
    "granted_conditional",
    "denied",
    "failed",
    "used",
    "through_roles",
];
