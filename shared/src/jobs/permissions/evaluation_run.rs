//! The scheduled evaluation of the permissions of watched principals.
//!
//! Enters: the requested principals, table, store, notification sinks. Leaves: [`PermissionsOutcome`]: snapshots, the
//! latest status of each principal, a report of the run, and notifications of over-privileged principals. Laws: a
//! status is stored only after the policies it is based on; if the policies of a principal could not be read, it has
//! no status, and its last policies stay in force, with the time they were last seen; a notification is sent before
//! the status is stored, so that a run that is killed in between sends it again.
//!
//! ```text
//! PERMISSIONS   <hash of the ARN>          summary of the latest status, or why there is none
//! permissions/dt=<day>/<time>_<run>.json   all assessments of a run, created once
//! ```

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    IamPorts, PermissionsRequest, PoliciesError, PolicyRecord, PrincipalFailure, UnsupportedPrincipal,
    evaluator::PrincipalEvaluator, policy_history, read_policies,
};
use crate::{
    config::DeliveryPolicy,
    escape::escape_hidden,
    grants::PolicySnapshot,
    jobs::{
        notifications::{NotificationError, Notifier},
        publish::serialization_error,
    },
    permissions::{OverallStatus, PermissionsAssessment},
    ports::{NotificationSink, ObjectStore, PortError, PortErrorKind, Table, TableItem, WriteCondition},
    render::message,
    time::Time,
};

/// The partition of the latest statuses.
const PARTITION: &str = "PERMISSIONS";

/// Longest stored reason, in bytes.
const MAX_REASON_BYTES: usize = 1_024;

/// Where assessments are stored and notifications are sent.
#[derive(Clone, Copy)]
pub struct PermissionsStore<'a> {
    /// Latest statuses, and since when policies are in force.
    pub table: &'a dyn Table,
    /// Policy snapshots, and reports of runs.
    pub store: &'a dyn ObjectStore,
    /// Where notifications of over-privileged principals are sent.
    pub sinks: &'a [&'a dyn NotificationSink],
    /// Which of them are sent. They are rare, so they wait for no digest.
    pub policy: DeliveryPolicy,
    /// Id of the run.
    pub run_id: &'a str,
}

/// An assessment, and the policies it is based on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct EvaluatedPrincipal {
    /// Assessment of the principal's permissions.
    pub permissions: PermissionsAssessment,
    /// The policies; absent for a principal that does not exist.
    pub policies: Option<PolicyRecord>,
}

/// A principal without a status.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedPrincipal {
    /// Why the principal could not be evaluated.
    pub failure: PrincipalFailure,
    /// The last policies that were read, which stay in force.
    pub policies: Option<PolicyRecord>,
}

/// The outcome of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PermissionsOutcome {
    /// The evaluated principals.
    pub evaluated: Vec<EvaluatedPrincipal>,
    /// Principals that could not be read or stored.
    pub failed: Vec<FailedPrincipal>,
    /// Principals that are not supported, with the reason.
    pub unsupported: Vec<UnsupportedPrincipal>,
    /// Patterns that do not match a principal.
    pub unmatched: Vec<String>,
    /// Key of the report of the run.
    pub report_key: String,
    /// Number of notifications sent.
    pub notifications_sent: u64,
}

/// Summary of the latest status of a principal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatestPermissions {
    /// ARN of the principal.
    pub principal: Arc<str>,
    /// The status; absent when the last run could not read its policies.
    pub overall_status: Option<OverallStatus>,
    /// The reason of the status, or why there is none.
    pub statement: String,
    /// When the principal was evaluated.
    pub at: Time,
    /// The latest status that a run determined, this run or an earlier one.
    pub last_status: Option<OverallStatus>,
    /// The policies in force.
    pub policies: Option<PolicyRecord>,
    /// Key of the report of the run.
    pub report_key: String,
}

/// The latest statuses, in no particular order.
///
/// # Errors
/// When the table cannot be read, or an item cannot be decoded.
pub fn latest_permissions(table: &dyn Table) -> Result<Vec<LatestPermissions>, PoliciesError> {
    let read = |item: TableItem| {
        let name = format!("{} {}", item.partition_key, item.sort_key);
        let what = |error: serde_json::Error| format!("is not a permissions status: {error}");
        serde_json::from_value(item.body).map_err(|error| PoliciesError::Damaged { name, what: what(error) })
    };
    table.query(PARTITION, "")?.into_iter().map(read).collect()
}

/// Reads policies, evaluates them and stores the results. Every principal is attempted, even if others fail.
///
/// # Errors
/// When the report of the run cannot be written; failures of single principals are in the outcome.
pub fn evaluate_and_store(
    ports: &IamPorts<'_>,
    request: &PermissionsRequest<'_>,
    permissions_store: &PermissionsStore<'_>,
) -> Result<PermissionsOutcome, PortError> {
    let policies = read_policies(ports, request);
    let evaluator = PrincipalEvaluator::new(ports, request, Some(permissions_store.table));
    let mut outcome = PermissionsOutcome {
        unsupported: policies.unsupported,
        unmatched: policies.unmatched.into_iter().collect(),
        report_key: report_key(evaluator.at, permissions_store.run_id),
        ..PermissionsOutcome::default()
    };
    let writer = PermissionsWriter {
        ports,
        store: permissions_store,
        at: evaluator.at,
        report_key: outcome.report_key.clone(),
    };
    for failed in policies.failed {
        let failed = writer.store_failed(failed);
        outcome.failed.push(failed);
    }
    let read =
        policies.snapshots.iter().map(|(arn, snapshot)| (arn, writer.store_evaluated(snapshot, &evaluator)));
    let absent =
        policies.missing.iter().map(|absent| (&absent.arn, writer.store_missing(evaluator.missing(absent))));
    for (arn, result) in read.chain(absent) {
        match result {
            Ok((kept, sent)) => {
                outcome.evaluated.push(kept);
                outcome.notifications_sent += sent;
            }
            Err(error) => {
                let failed =
                    PrincipalFailure { principal: arn.clone(), kind: error.kind(), cause: error.to_string() };
                outcome.failed.push(writer.store_failed(failed));
            }
        }
    }
    let text = serde_json::to_vec_pretty(&outcome.to_report(evaluator.at, permissions_store.run_id))
        .map_err(|cause| serialization_error(&outcome.report_key, cause))?;
    permissions_store.store.create(&outcome.report_key, &text, "application/json")?;
    Ok(outcome)
}

/// `permissions/dt=2026-11-21/20261121T100509Z_<run>.json`
fn report_key(at: Time, run: &str) -> String {
    let time = at.to_string();
    let day = time.split('T').next().unwrap_or_default();
    let run: String = run.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect();
    format!("permissions/dt={day}/{}_{run}.json", time.replace(['-', ':'], ""))
}

/// Why a status could not be stored.
#[derive(Debug, thiserror::Error)]
enum PermissionsWriteError {
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Policies(#[from] PoliciesError),
    #[error(transparent)]
    Notification(#[from] NotificationError),
}

impl PermissionsWriteError {
    const fn kind(&self) -> PortErrorKind {
        match self {
            Self::Port(error) | Self::Policies(PoliciesError::Port(error)) => error.kind,
            Self::Notification(
                NotificationError::Table { cause, .. } | NotificationError::NotSent { cause, .. },
            ) => cause.kind,
            Self::Notification(NotificationError::InProgress { .. }) => PortErrorKind::Unavailable,
            _ => PortErrorKind::Other,
        }
    }
}

/// Stores the results of principals.
struct PermissionsWriter<'c> {
    ports: &'c IamPorts<'c>,
    store: &'c PermissionsStore<'c>,
    at: Time,
    report_key: String,
}

impl PermissionsWriter<'_> {
    /// Stores the policies, then their status.
    fn store_evaluated(
        &self,
        snapshot: &PolicySnapshot,
        evaluator: &PrincipalEvaluator<'_>,
    ) -> Result<(EvaluatedPrincipal, u64), PermissionsWriteError> {
        let PermissionsStore { table, store, .. } = *self.store;
        let record = policy_history::record_snapshot(table, store, snapshot, self.at)?;
        let permissions = evaluator.evaluate(snapshot)?;
        let sent = self.notify_and_store(&permissions, Some(record.clone()))?;
        Ok((EvaluatedPrincipal { permissions, policies: Some(record) }, sent))
    }

    /// Stores that a principal does not exist.
    fn store_missing(
        &self,
        permissions: PermissionsAssessment,
    ) -> Result<(EvaluatedPrincipal, u64), PermissionsWriteError> {
        policy_history::record_deleted(self.store.table, &permissions.identity.arn, self.at)?;
        let sent = self.notify_and_store(&permissions, None)?;
        Ok((EvaluatedPrincipal { permissions, policies: None }, sent))
    }

    /// Sends a notification if the principal has become over-privileged, and stores the status.
    fn notify_and_store(
        &self,
        permissions: &PermissionsAssessment,
        policies: Option<PolicyRecord>,
    ) -> Result<u64, PermissionsWriteError> {
        let arn = &permissions.identity.arn;
        let before = self.previous(arn)?;
        // Another run has evaluated policies that were read later, so this older result is not stored.
        if before.as_ref().is_some_and(|before| before.at > self.at) {
            return Ok(0);
        }
        let before = before.and_then(|before| before.last_status);
        let status = permissions.overall_status;
        let mut sent = 0;
        if status == OverallStatus::OverPrivileged && before != Some(status) {
            let PermissionsStore { table, sinks, policy, .. } = *self.store;
            let policy = policy.without_digest();
            let notifier = Notifier { table, sinks, clock: self.ports.clock, policy };
            let since = policies.as_ref().map(|record| record.since).unwrap_or(self.at);
            let notification =
                message::over_privileged(permissions, since, &policy_history::principal_key(arn))
                    .map_err(NotificationError::from)?;
            sent = notifier.notify(&notification)?.sent.len() as u64;
        }
        self.write(&LatestPermissions {
            principal: Arc::clone(arn),
            overall_status: Some(status),
            statement: permissions.reason.clone(),
            at: self.at,
            last_status: Some(status),
            policies,
            report_key: self.report_key.clone(),
        })?;
        Ok(sent)
    }

    /// Stores that there is no status. If storing fails, the run fails anyway.
    fn store_failed(&self, failed: PrincipalFailure) -> FailedPrincipal {
        let table = self.store.table;
        let policies =
            policy_history::newest_record(table, &failed.principal).ok().flatten().map(|(_, record)| record);
        let text = escape_hidden(&failed.cause);
        let statement = text.get(..text.floor_char_boundary(MAX_REASON_BYTES)).unwrap_or_default().to_owned();
        // A pattern that could not be read does not name a principal.
        if let Ok(before) = self.previous(&failed.principal)
            && (before.is_some() || policies.is_some() || !crate::pattern::has_wildcard(&failed.principal))
        {
            let latest = LatestPermissions {
                principal: failed.principal.as_str().into(),
                overall_status: None,
                statement,
                at: self.at,
                last_status: before.and_then(|before| before.last_status),
                policies: policies.clone(),
                report_key: self.report_key.clone(),
            };
            let unwritten = self.write(&latest);
            drop(unwritten);
        }
        FailedPrincipal { failure: failed, policies }
    }

    fn previous(&self, arn: &str) -> Result<Option<LatestPermissions>, PortError> {
        let sort = policy_history::principal_key(arn);
        let items = self.store.table.query(PARTITION, &sort)?;
        // An item that cannot be decoded counts as absent and is overwritten.
        let found = items.into_iter().find(|item| item.sort_key == sort);
        Ok(found.and_then(|item| serde_json::from_value(item.body).ok()))
    }

    fn write(&self, latest: &LatestPermissions) -> Result<(), PortError> {
        let sort = policy_history::principal_key(&latest.principal);
        let body = serde_json::to_value(latest).map_err(|cause| serialization_error(&sort, cause))?;
        let item = TableItem {
            partition_key: PARTITION.to_owned(),
            sort_key: sort,
            revision: 0,
            expires_at: None,
            body,
        };
        self.store.table.put(&item, WriteCondition::Always)?;
        Ok(())
    }
}
