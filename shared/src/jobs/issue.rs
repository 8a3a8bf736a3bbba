//! From kept evidence to an issued report, and to what may be claimed now.
//!
//! Enters: a window, whoever makes a report of it, the table, the store and announcers. Leaves: objects, findings, the
//! standing and its news. Laws: what was issued is never changed, only followed by a revision; a report that could not
//! be issued is owed, and the next run begins with it; a run that fails claims nothing, and fails; killed at any point
//! and tried again it leaves what it would have left, and repeats at most what it was saying.
//!
//! A run does, in this order: what is owed from earlier runs; its own window; the standing, only if nothing has failed
//! so far; and, when nothing was owed and time allows, the two windows before its own once more, for late evidence.

mod edition;
mod ledger;
mod pending;
mod shift;
mod status;
mod window;

use std::error::Error;

use self::shift::Shift;
pub use self::{
    edition::{Revision, revisions},
    ledger::{Known, Settled},
    pending::{ATTEMPTS, Pending, pending},
    status::{history, latest},
    window::{LONGEST, Purpose, RequestError, Window},
};
use super::{
    evidence::{Collected, House, collect},
    history::Lane,
    judge::{Order, judge},
    news::{NewsError, Newsroom},
};
use crate::{
    config::Retention,
    ports::{Announcer, Clock, FailureKind, PortError, Store, Table},
    render::emf::{Figures, Unit},
    report::{Report, Run},
    standing::Standing,
};

/// Any failure to make a report.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Makes the report on a window: collects its evidence and judges it. `run` carries what is known of the run before.
pub type Reporter<'a> = &'a dyn Fn(Window, Run) -> Result<Report, Cause>;

/// Makes reports of the evidence that is kept, judged by `order`, on so many threads. `lanes` are those whose event
/// history is pulled.
pub fn of_evidence<'a>(
    house: &'a House<'_>,
    order: Order<'a>,
    lanes: &'a [Lane],
    threads: usize,
) -> impl Fn(Window, Run) -> Result<Report, Cause> + 'a {
    move |window, run| {
        let span = (window.since, window.until);
        let collected = collect(house, order.config, span, threads)?;
        let Collected { dossier, accounts } = collected.expecting(lanes, order.config, span);
        Ok(judge(dossier, order, accounts.fill(run))?)
    }
}

/// What issuing takes.
#[derive(Clone, Copy)]
pub struct Press<'a> {
    /// Revisions, findings, standing.
    pub table: &'a dyn Table,
    /// Where reports go.
    pub store: &'a dyn Store,
    /// Who is told of a changed status.
    pub announcers: &'a [&'a dyn Announcer],
    /// Time.
    pub clock: &'a dyn Clock,
    /// Who makes reports.
    pub reporter: Reporter<'a>,
    /// Account the deployment is in, for keys.
    pub account: &'a str,
    /// Seconds from one scheduled run to the next; a standing is valid for two of them.
    pub interval: u32,
    /// How long the past is remembered.
    pub retention: &'a Retention,
}

/// A report that is there now.
#[derive(Clone, Debug, PartialEq)]
pub struct Printed {
    /// Its window.
    pub window: Window,
    /// Why it was looked at.
    pub purpose: Purpose,
    /// The newest revision.
    pub revision: Revision,
    /// Whether this run made it.
    pub is_new: bool,
    /// What became of findings.
    pub findings: Settled,
}

/// What a run has issued.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Issued {
    /// Reports, in the order they were looked at; the one asked for is the one of that window.
    pub reports: Vec<Printed>,
    /// What may be claimed now; absent when the run had no say in it.
    pub standing: Option<Standing>,
    /// Owed reports that failed too often to be tried by themselves.
    pub laid_aside: Vec<Pending>,
    /// Whether windows of the past were left for a run with more time.
    pub was_short_of_time: bool,
}

/// Why a report was not issued, or not everything that follows from it was done.
#[derive(Debug, thiserror::Error)]
#[error("the report on {window} is not done: {fault}")]
pub struct IssueError {
    /// The first window that failed.
    pub window: Window,
    /// Why.
    #[source]
    pub fault: Box<IssueFault>,
    /// What could not be done either: other windows, and taking the standing back.
    pub also: Vec<String>,
}

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum IssueFault {
    /// The table or the store failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// There is no report on the evidence.
    #[error("the evidence cannot be reported on: {0}")]
    Evidence(#[source] Cause),
    /// The table holds something else.
    #[error("the item `{name}` cannot be read: {cause}")]
    Unreadable {
        /// The item.
        name: String,
        /// Cause.
        #[source]
        cause: serde_json::Error,
    },
    /// The store holds something else.
    #[error("`{key}` is there already and is another report: nothing is written over; find out who wrote it")]
    Occupied {
        /// The key.
        key: String,
    },
    /// Other runs were quicker, again and again.
    #[error("other runs are issuing the same report: try again")]
    Contended,
    /// Somebody was not told.
    #[error(transparent)]
    News(#[from] NewsError),
}

/// What cannot be put into bytes; nothing in a report is known to lead there.
pub(super) fn unwritable(name: impl Into<String>, cause: impl Error + Send + Sync + 'static) -> PortError {
    PortError { operation: "render", name: name.into(), kind: FailureKind::Other, cause: Box::new(cause) }
}

impl<'a> Press<'a> {
    fn newsroom(&self) -> Newsroom<'a> {
        Newsroom { table: self.table, announcers: self.announcers, clock: self.clock }
    }
}

/// Issues the report on a window, and whatever is owed. `run` carries id, caller, request and start.
///
/// # Errors
/// [`IssueError`]: try again; what is owed is remembered as far as the table could be reached.
pub fn issue(press: &Press<'_>, window: Window, purpose: Purpose, run: &Run) -> Result<Issued, IssueError> {
    let mut shift = Shift { press, run, issued: Issued::default(), failures: Vec::new() };
    let mut own = Pending { window, purpose, attempts: 0, reason: None };
    let owed = match pending(press) {
        Ok(owed) => owed,
        Err(fault) => {
            shift.failures.push((own, fault));
            return shift.end(None);
        }
    };
    let (before, owed): (Vec<_>, Vec<_>) = owed.into_iter().partition(|owed| owed.window == window);
    if let Some(before) = before.into_iter().next() {
        own.attempts = before.attempts;
        if purpose == Purpose::Asked && before.purpose != Purpose::Asked {
            own.purpose = Purpose::Late;
        }
    }
    let (laid_aside, owed): (Vec<_>, Vec<_>) = owed.into_iter().partition(Pending::is_laid_aside);
    shift.issued.laid_aside = laid_aside;
    let nothing_owed = owed.is_empty();
    for mut owed in owed {
        if owed.purpose == Purpose::Standing {
            owed.purpose = Purpose::Late;
        }
        shift.print(owed);
    }
    let Some(edition) = shift.print(own) else { return shift.end(None) };
    if purpose == Purpose::Standing && shift.failures.is_empty() {
        let renewed = status::renew(press, &edition, run)
            .and_then(|standing| pending::forget(press, window).map(|()| standing));
        match renewed {
            Ok(standing) => shift.issued.standing = Some(standing),
            Err(fault) => {
                shift.failures.push((Pending { window, purpose, attempts: 0, reason: None }, fault));
            }
        }
        if nothing_owed && shift.failures.is_empty() {
            shift.look_back(window);
        }
    }
    shift.end(Some(&edition).filter(|_| purpose == Purpose::Standing))
}

impl Issued {
    /// The run in figures, for its record and for metrics.
    pub fn figures(&self) -> Figures {
        let sum = |figure: fn(&Printed) -> u64| self.reports.iter().map(figure).sum();
        let standing = self.reports.iter().find(|printed| printed.purpose == Purpose::Standing);
        let figures = Figures::default()
            .count("reports", self.reports.len() as u64)
            .count("revisions", sum(|printed| u64::from(printed.is_new)))
            .count("laid_aside", self.laid_aside.len() as u64);
        let Some(Printed { revision, findings, .. }) = standing else { return figures };
        let figures = figures
            .count("findings", findings.open)
            .count("findings_opened", findings.opened)
            .count("findings_resolved", findings.resolved)
            .score("score", revision.report.compliance_score);
        match revision.report.risk_score {
            Some(risk) => figures.with("risk", Unit::None, risk),
            None => figures,
        }
    }
}
