//! The scheduled look at what watched principals may do.
//!
//! Enters: whoever is asked about, table, store, announcers. Leaves: [`PermissionsOutcome`]: snapshots, the latest verdict on each
//! principal, a report of the run, and news of who may do more than read. Laws: a verdict is kept only after the policies
//! it is about; who could not be read has no verdict, and its last policies stay in force, with the time they were last
//! seen; news is passed on before the verdict is kept, so that a run that is killed in between says it again.
//!
//! ```text
//! PERMISSIONS   <hash of the ARN>          the latest verdict in short, or why there is none
//! permissions/dt=<day>/<time>_<run>.json   all verdicts of a run, created once
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    IamPorts, PermissionsRequest, PoliciesError, PolicyRecord, PrincipalFailure, UnsupportedPrincipal,
    evaluator::PrincipalEvaluator, policy_history, read_policies,
};
use crate::{
    grants::PolicySnapshot,
    jobs::{
        notifications::{NotificationError, Notifier},
        publish::serialization_error,
    },
    permissions::{OverallStatus, PermissionsAssessment},
    ports::{NotificationSink, ObjectStore, PortError, PortErrorKind, Table, TableItem, WriteCondition},
    render::{escape::terminal, message},
    time::Time,
};

/// The partition of the latest verdicts.
const PARTITION: &str = "PERMISSIONS";

/// Longest reason kept, in bytes.
const MAX_REASON_BYTES: usize = 1_024;

/// Where it is kept, and who is told.
#[derive(Clone, Copy)]
pub struct PermissionsStore<'a> {
    /// Verdicts, and since when policies are in force.
    pub table: &'a dyn Table,
    /// Policies, and reports of runs.
    pub store: &'a dyn ObjectStore,
    /// Who is told when a principal may do more than read.
    pub sinks: &'a [&'a dyn NotificationSink],
    /// Id of the run.
    pub run_id: &'a str,
}

/// A verdict, and the policies it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluatedPrincipal {
    /// The verdict.
    pub permissions: PermissionsAssessment,
    /// The policies; absent for a principal that does not exist.
    pub policies: Option<PolicyRecord>,
}

/// A principal without a verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedPrincipal {
    /// Why.
    pub failure: PrincipalFailure,
    /// The policies read last, which stay in force.
    pub policies: Option<PolicyRecord>,
}

/// What a run has found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PermissionsOutcome {
    /// Verdicts.
    pub evaluated: Vec<EvaluatedPrincipal>,
    /// Those that could not be read or kept.
    pub failed: Vec<FailedPrincipal>,
    /// Those nobody could judge, with the reason.
    pub unsupported: Vec<UnsupportedPrincipal>,
    /// Patterns that match nobody.
    pub unmatched: Vec<String>,
    /// Key of the report of the run.
    pub report_key: String,
    /// Announcements made.
    pub notifications_sent: u64,
}

/// The latest verdict on a principal, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatestPermissions {
    /// ARN.
    pub principal: Arc<str>,
    /// The verdict; absent when the last run could not read its policies.
    pub overall_status: Option<OverallStatus>,
    /// Its reason, or why there is none.
    pub statement: String,
    /// When that was.
    pub at: Time,
    /// The last verdict there was.
    pub last_status: Option<OverallStatus>,
    /// The policies in force.
    pub policies: Option<PolicyRecord>,
    /// Key of the report of the run.
    pub report_key: String,
}

/// The latest verdicts, in no order that means anything.
///
/// # Errors
/// When the table cannot be read, or holds something else.
pub fn latest_permissions(table: &dyn Table) -> Result<Vec<LatestPermissions>, PoliciesError> {
    let read = |item: TableItem| {
        let name = format!("{} {}", item.partition_key, item.sort_key);
        let what = |error: serde_json::Error| format!("is no verdict: {error}");
        serde_json::from_value(item.body).map_err(|error| PoliciesError::Damaged { name, what: what(error) })
    };
    table.query(PARTITION, "")?.into_iter().map(read).collect()
}

/// Reads, judges and keeps. Everybody is tried, whatever becomes of the others.
///
/// # Errors
/// When the report of the run cannot be written; what failed of single principals is in what it gives.
pub fn evaluate_and_store(
    desk: &IamPorts<'_>,
    question: &PermissionsRequest<'_>,
    archive: &PermissionsStore<'_>,
) -> Result<PermissionsOutcome, PortError> {
    let look = read_policies(desk, question);
    let bench = PrincipalEvaluator::new(desk, question, Some(archive.table));
    let mut examined = PermissionsOutcome {
        unsupported: look.unsupported,
        unmatched: look.unmatched.into_iter().collect(),
        report_key: report_key(bench.at, archive.run_id),
        ..PermissionsOutcome::default()
    };
    let desk = PermissionsWriter {
        ports: desk,
        store: archive,
        at: bench.at,
        report_key: examined.report_key.clone(),
    };
    for failed in look.failed {
        let unread = desk.store_failed(failed);
        examined.failed.push(unread);
    }
    let read = look.snapshots.iter().map(|(arn, snapshot)| (arn, desk.store_evaluated(snapshot, &bench)));
    let absent = look.missing.iter().map(|absent| (&absent.arn, desk.store_missing(bench.missing(absent))));
    for (arn, judged) in read.chain(absent) {
        match judged {
            Ok((kept, told)) => {
                examined.evaluated.push(kept);
                examined.notifications_sent += told;
            }
            Err(trouble) => {
                let failed = PrincipalFailure {
                    principal: arn.clone(),
                    kind: trouble.kind(),
                    cause: trouble.to_string(),
                };
                examined.failed.push(desk.store_failed(failed));
            }
        }
    }
    let text = serde_json::to_vec_pretty(&examined.to_report(bench.at, archive.run_id))
        .map_err(|cause| serialization_error(&examined.report_key, cause))?;
    archive.store.create(&examined.report_key, &text, "application/json")?;
    Ok(examined)
}

/// `permissions/dt=2026-11-21/20261121T100509Z_<run>.json`
fn report_key(at: Time, run: &str) -> String {
    let time = at.to_string();
    let day = time.split('T').next().unwrap_or_default();
    let run: String = run.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect();
    format!("permissions/dt={day}/{}_{run}.json", time.replace(['-', ':'], ""))
}

/// Why a verdict could not be kept.
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

/// Keeps what becomes of principals.
struct PermissionsWriter<'c> {
    ports: &'c IamPorts<'c>,
    store: &'c PermissionsStore<'c>,
    at: Time,
    report_key: String,
}

impl PermissionsWriter<'_> {
    /// Keeps policies, then the verdict on them.
    fn store_evaluated(
        &self,
        snapshot: &PolicySnapshot,
        bench: &PrincipalEvaluator<'_>,
    ) -> Result<(EvaluatedPrincipal, u64), PermissionsWriteError> {
        let PermissionsStore { table, store, .. } = *self.store;
        let noted = policy_history::record_snapshot(table, store, snapshot, self.at)?;
        let permissions = bench.evaluate(snapshot)?;
        let told = self.notify_and_store(&permissions, Some(noted.clone()))?;
        Ok((EvaluatedPrincipal { permissions, policies: Some(noted) }, told))
    }

    /// Keeps that somebody does not exist.
    fn store_missing(
        &self,
        permissions: PermissionsAssessment,
    ) -> Result<(EvaluatedPrincipal, u64), PermissionsWriteError> {
        policy_history::record_deleted(self.store.table, &permissions.identity.arn, self.at)?;
        let told = self.notify_and_store(&permissions, None)?;
        Ok((EvaluatedPrincipal { permissions, policies: None }, told))
    }

    /// Passes on what is news, and keeps the verdict.
    fn notify_and_store(
        &self,
        permissions: &PermissionsAssessment,
        policies: Option<PolicyRecord>,
    ) -> Result<u64, PermissionsWriteError> {
        let arn = &permissions.identity.arn;
        let before = self.previous(arn)?;
        // Somebody has judged policies that were read later: what we have read is no news and undoes nothing.
        if before.as_ref().is_some_and(|before| before.at > self.at) {
            return Ok(0);
        }
        let before = before.and_then(|before| before.last_status);
        let status = permissions.overall_status;
        let mut told = 0;
        if status == OverallStatus::OverPrivileged && before != Some(status) {
            let newsroom =
                Notifier { table: self.store.table, sinks: self.store.sinks, clock: self.ports.clock };
            let since = policies.as_ref().map(|noted| noted.since).unwrap_or(self.at);
            let news = message::over_privileged(permissions, since, &policy_history::principal_key(arn))
                .map_err(NotificationError::from)?;
            told = newsroom.notify(&news)?.sent.len() as u64;
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
        Ok(told)
    }

    /// Keeps that there is no verdict. Where even that fails, the run fails all the same.
    fn store_failed(&self, failed: PrincipalFailure) -> FailedPrincipal {
        let table = self.store.table;
        let policies =
            policy_history::newest_record(table, &failed.principal).ok().flatten().map(|(_, noted)| noted);
        let text = terminal(&failed.cause);
        let statement = text.get(..text.floor_char_boundary(MAX_REASON_BYTES)).unwrap_or_default().to_owned();
        // A pattern that could not be read stands for nobody in particular.
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
        // One that cannot be read counts as none: it is written anew.
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
