//! The scheduled look at what watched principals may do.
//!
//! Enters: whoever is asked about, table, store, announcers. Leaves: [`Examined`]: snapshots, the latest verdict on each
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

use super::{Desk, Failed, Noted, PoliciesError, Question, Unjudged, keep, look, verdict::Bench};
use crate::{
    grants::Snapshot,
    jobs::{
        issue::unwritable,
        news::{NewsError, Newsroom},
    },
    permissions::{OverallStatus, Permissions},
    ports::{Announcer, Expected, FailureKind, Item, PortError, Store, Table},
    render::{escape::terminal, message},
    time::Time,
};

/// The partition of the latest verdicts.
const PARTITION: &str = "PERMISSIONS";

/// Longest reason kept, in bytes.
const REASON: usize = 1_024;

/// Where it is kept, and who is told.
#[derive(Clone, Copy)]
pub struct Archive<'a> {
    /// Verdicts, and since when policies are in force.
    pub table: &'a dyn Table,
    /// Policies, and reports of runs.
    pub store: &'a dyn Store,
    /// Who is told when a principal may do more than read.
    pub announcers: &'a [&'a dyn Announcer],
    /// Id of the run.
    pub run: &'a str,
}

/// A verdict, and the policies it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The verdict.
    pub permissions: Permissions,
    /// The policies; absent for a principal that does not exist.
    pub policies: Option<Noted>,
}

/// A principal without a verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Unread {
    /// Why.
    pub failed: Failed,
    /// The policies read last, which stay in force.
    pub policies: Option<Noted>,
}

/// What a run has found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examined {
    /// Verdicts.
    pub judged: Vec<Kept>,
    /// Those that could not be read or kept.
    pub failed: Vec<Unread>,
    /// Those nobody could judge, with the reason.
    pub unjudged: Vec<Unjudged>,
    /// Patterns that match nobody.
    pub unmatched: Vec<String>,
    /// Key of the report of the run.
    pub report: String,
    /// Announcements made.
    pub told: u64,
}

/// The latest verdict on a principal, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latest {
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
    pub policies: Option<Noted>,
    /// Key of the report of the run.
    pub report: String,
}

/// The latest verdicts, in no order that means anything.
///
/// # Errors
/// When the table cannot be read, or holds something else.
pub fn latest(table: &dyn Table) -> Result<Vec<Latest>, PoliciesError> {
    let read = |item: Item| {
        let name = format!("{} {}", item.partition, item.sort);
        let what = |error: serde_json::Error| format!("is no verdict: {error}");
        serde_json::from_value(item.body).map_err(|error| PoliciesError::Damaged { name, what: what(error) })
    };
    table.query(PARTITION, "")?.into_iter().map(read).collect()
}

/// Reads, judges and keeps. Everybody is tried, whatever becomes of the others.
///
/// # Errors
/// When the report of the run cannot be written; what failed of single principals is in what it gives.
pub fn examine(
    desk: &Desk<'_>,
    question: &Question<'_>,
    archive: &Archive<'_>,
) -> Result<Examined, PortError> {
    let look = look(desk, question);
    let bench = Bench::new(desk, question, Some(archive.table));
    let mut examined = Examined {
        unjudged: look.unjudged,
        unmatched: look.unmatched.into_iter().collect(),
        report: key(bench.at, archive.run),
        ..Examined::default()
    };
    let desk = Clerk { desk, archive, at: bench.at, report: examined.report.clone() };
    for failed in look.failed {
        let unread = desk.owe(failed);
        examined.failed.push(unread);
    }
    let read = look.snapshots.iter().map(|(arn, snapshot)| (arn, desk.keep(snapshot, &bench)));
    let absent = look.absent.iter().map(|absent| (&absent.arn, desk.miss(bench.absent(absent))));
    for (arn, judged) in read.chain(absent) {
        match judged {
            Ok((kept, told)) => {
                examined.judged.push(kept);
                examined.told += told;
            }
            Err(trouble) => {
                let failed =
                    Failed { principal: arn.clone(), kind: trouble.kind(), cause: trouble.to_string() };
                examined.failed.push(desk.owe(failed));
            }
        }
    }
    let text = serde_json::to_vec_pretty(&examined.report(bench.at, archive.run))
        .map_err(|cause| unwritable(&examined.report, cause))?;
    archive.store.create(&examined.report, &text, "application/json")?;
    Ok(examined)
}

/// `permissions/dt=2026-11-21/20261121T100509Z_<run>.json`
fn key(at: Time, run: &str) -> String {
    let time = at.to_string();
    let day = time.split('T').next().unwrap_or_default();
    let run: String = run.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect();
    format!("permissions/dt={day}/{}_{run}.json", time.replace(['-', ':'], ""))
}

/// Why a verdict could not be kept.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Policies(#[from] PoliciesError),
    #[error(transparent)]
    News(#[from] NewsError),
}

impl Trouble {
    const fn kind(&self) -> FailureKind {
        match self {
            Self::Port(error) | Self::Policies(PoliciesError::Port(error)) => error.kind,
            Self::News(NewsError::Table { cause, .. } | NewsError::Untold { cause, .. }) => cause.kind,
            Self::News(NewsError::Busy { .. }) => FailureKind::Unavailable,
            _ => FailureKind::Other,
        }
    }
}

/// Keeps what becomes of principals.
struct Clerk<'c> {
    desk: &'c Desk<'c>,
    archive: &'c Archive<'c>,
    at: Time,
    report: String,
}

impl Clerk<'_> {
    /// Keeps policies, then the verdict on them.
    fn keep(&self, snapshot: &Snapshot, bench: &Bench<'_>) -> Result<(Kept, u64), Trouble> {
        let Archive { table, store, .. } = *self.archive;
        let noted = keep::keep(table, store, snapshot, self.at)?;
        let permissions = bench.judge(snapshot)?;
        let told = self.conclude(&permissions, Some(noted.clone()))?;
        Ok((Kept { permissions, policies: Some(noted) }, told))
    }

    /// Keeps that somebody does not exist.
    fn miss(&self, permissions: Permissions) -> Result<(Kept, u64), Trouble> {
        keep::gone(self.archive.table, &permissions.identity.arn, self.at)?;
        let told = self.conclude(&permissions, None)?;
        Ok((Kept { permissions, policies: None }, told))
    }

    /// Passes on what is news, and keeps the verdict.
    fn conclude(&self, permissions: &Permissions, policies: Option<Noted>) -> Result<u64, Trouble> {
        let arn = &permissions.identity.arn;
        let before = self.before(arn)?;
        // Somebody has judged policies that were read later: what we have read is no news and undoes nothing.
        if before.as_ref().is_some_and(|before| before.at > self.at) {
            return Ok(0);
        }
        let before = before.and_then(|before| before.last_status);
        let status = permissions.overall_status;
        let mut told = 0;
        if status == OverallStatus::OverPrivileged && before != Some(status) {
            let newsroom = Newsroom {
                table: self.archive.table,
                announcers: self.archive.announcers,
                clock: self.desk.clock,
            };
            let since = policies.as_ref().map(|noted| noted.since).unwrap_or(self.at);
            let news =
                message::over_privileged(permissions, since, &keep::word(arn)).map_err(NewsError::from)?;
            told = newsroom.pass_on(&news)?.now.len() as u64;
        }
        self.write(&Latest {
            principal: Arc::clone(arn),
            overall_status: Some(status),
            statement: permissions.statement.clone(),
            at: self.at,
            last_status: Some(status),
            policies,
            report: self.report.clone(),
        })?;
        Ok(told)
    }

    /// Keeps that there is no verdict. Where even that fails, the run fails all the same.
    fn owe(&self, failed: Failed) -> Unread {
        let table = self.archive.table;
        let policies = keep::newest(table, &failed.principal).ok().flatten().map(|(_, noted)| noted);
        let text = terminal(&failed.cause);
        let statement = text.get(..text.floor_char_boundary(REASON)).unwrap_or_default().to_owned();
        // A pattern that could not be read stands for nobody in particular.
        if let Ok(before) = self.before(&failed.principal)
            && (before.is_some() || policies.is_some() || !crate::pattern::is_wild(&failed.principal))
        {
            let latest = Latest {
                principal: failed.principal.as_str().into(),
                overall_status: None,
                statement,
                at: self.at,
                last_status: before.and_then(|before| before.last_status),
                policies: policies.clone(),
                report: self.report.clone(),
            };
            let unwritten = self.write(&latest);
            drop(unwritten);
        }
        Unread { failed, policies }
    }

    fn before(&self, arn: &str) -> Result<Option<Latest>, PortError> {
        let sort = keep::word(arn);
        let items = self.archive.table.query(PARTITION, &sort)?;
        // One that cannot be read counts as none: it is written anew.
        let found = items.into_iter().find(|item| item.sort == sort);
        Ok(found.and_then(|item| serde_json::from_value(item.body).ok()))
    }

    fn write(&self, latest: &Latest) -> Result<(), PortError> {
        let sort = keep::word(&latest.principal);
        let body = serde_json::to_value(latest).map_err(|cause| unwritable(&sort, cause))?;
        let item = Item { partition: PARTITION.to_owned(), sort, revision: 0, expires: None, body };
        self.archive.table.put(&item, Expected::Anything)?;
        Ok(())
    }
}
