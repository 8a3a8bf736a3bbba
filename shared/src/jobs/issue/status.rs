//! What may be claimed now: kept, renewed, taken back and told of.
//!
//! Enters: an edition on the standing window, or a failure. Leaves: the latest [`Standing`] and its history, and news of
//! each change. Laws: a report on an older window never replaces the standing of a newer one; a changed status is told
//! before it is claimed, so that a claim nobody could be told of is not made; after a failure nothing is claimed.
//!
//! ```text
//! STATUS   LATEST                 the standing
//! STATUS   AT#<time>#<run id>     each report on the standing window, and each failure; expires by retention
//! ```

use super::{IssueFault, Press, edition::Edition, unwritable};
use crate::{
    jobs::news::Told,
    ports::{Expected, Item, PortError, Table},
    render::message,
    report::Run,
    score::Status,
    standing::{Reported, Standing, StatusChange},
    time::Time,
};

/// Times the standing is renewed again because another run wrote in between.
const TRIES: usize = 4;

/// The latest standing. One that cannot be read counts as none, so nothing is claimed. Ask it through
/// [`Standing::claim`].
///
/// # Errors
/// When the table cannot be read.
pub fn latest(table: &dyn Table) -> Result<Option<Standing>, PortError> {
    Ok(latest_item(table)?.and_then(|item| read(&item)))
}

/// Standings of the past whose time begins with `prefix` (`2027-01`), oldest first.
///
/// # Errors
/// When the table cannot be read.
pub fn history(table: &dyn Table, prefix: &str) -> Result<Vec<Standing>, PortError> {
    let items = table.query("STATUS", &format!("AT#{prefix}"))?;
    Ok(items.iter().filter_map(read).collect())
}

fn latest_item(table: &dyn Table) -> Result<Option<Item>, PortError> {
    Ok(table.query("STATUS", "LATEST")?.into_iter().find(|item| item.sort == "LATEST"))
}

fn read(item: &Item) -> Option<Standing> {
    serde_json::from_value(item.body.clone()).ok()
}

/// Whether the standing rests on a newer report than this one.
pub(super) fn is_overtaken(standing: Option<&Standing>, report: &Reported) -> bool {
    let newest = standing.and_then(|standing| standing.report.as_ref());
    newest.is_some_and(|newest| {
        let same = (newest.since, newest.until) == (report.since, report.until);
        newest.until > report.until || same && newest.revision > report.revision
    })
}

/// Makes what an edition on the standing window says the standing.
pub(super) fn renew(press: &Press<'_>, edition: &Edition, run: &Run) -> Result<Standing, IssueFault> {
    let report = &edition.revision.report;
    for _ in 0..TRIES {
        let item = latest_item(press.table)?;
        let before = item.as_ref().and_then(read);
        if let Some(newer) = before.as_ref().filter(|before| is_overtaken(Some(before), report)) {
            return Ok(newer.clone());
        }
        let now = press.clock.now();
        let mut standing =
            Standing::reported(report.clone(), before.as_ref(), now, press.interval, &run.run_id);
        remember(press, report.generated_at, &report.run_id, &standing)?;
        if !edition.is_new && before.as_ref().is_some_and(|before| before.reason.is_some()) {
            remember(press, now, &run.run_id, &standing)?;
        }
        tell(press, &mut standing, before.as_ref())?;
        if put_latest(press, &standing, item.as_ref(), Expected::Same)? {
            return Ok(standing);
        }
    }
    Err(IssueFault::Contended)
}

/// Claims nothing any more. `seen` is what a report of this run says, if it got so far. Does what it can, and gives what
/// it could not do.
pub(super) fn take_back(press: &Press<'_>, run: &Run, reason: &str, seen: Option<&Reported>) -> Vec<String> {
    let mut troubles = Vec::new();
    let mut note = |error: IssueFault| troubles.push(error.to_string());
    let item = latest_item(press.table).map_err(Into::into).map_err(&mut note).ok().flatten();
    let before = item.as_ref().and_then(read);
    let now = press.clock.now();
    let seen = seen.filter(|seen| !is_overtaken(before.as_ref(), seen)).cloned();
    let mut standing = Standing::failed(reason, seen, before.as_ref(), now, press.interval, &run.run_id);
    // First of all: whatever else fails, nothing is claimed.
    if let Err(error) = put_latest(press, &standing, None, Expected::Anything) {
        note(error);
    }
    if let Err(error) = remember(press, now, &run.run_id, &standing) {
        note(error);
    }
    if standing.is_news() {
        let told = tell(press, &mut standing, before.as_ref())
            .and_then(|()| put_latest(press, &standing, None, Expected::Anything));
        if let Err(error) = told {
            note(error);
        }
    }
    troubles
}

/// Tells of a late edition that says something else than the one before it; of a first one unless it is compliant, since
/// no standing has told or will tell of its window.
pub(super) fn tell_revision(press: &Press<'_>, edition: &Edition) -> Result<(), IssueFault> {
    let now = &edition.revision;
    let before = edition.previous.as_ref().map(|before| before.report.status);
    let known = before.unwrap_or_else(|| now.report.status.map(|_| Status::Compliant));
    if known == now.report.status {
        return Ok(());
    }
    let id = format!("late-{}-{}-r{}", now.report.since, now.report.until, now.report.revision);
    let change = StatusChange::revision(now.report.clone(), before.flatten());
    pass_on(press, id, &change)?;
    Ok(())
}

fn tell(press: &Press<'_>, standing: &mut Standing, before: Option<&Standing>) -> Result<(), IssueFault> {
    if !standing.is_news() {
        return Ok(());
    }
    let status = standing.status.map_or("none", Status::as_str);
    let id = format!("status-{}-{status}", standing.changes);
    pass_on(press, id, &StatusChange::latest(standing, before))?;
    standing.told = standing.changes;
    Ok(())
}

fn pass_on(press: &Press<'_>, id: String, change: &StatusChange) -> Result<Told, IssueFault> {
    let name = id.clone();
    let news = message::status(id, change).map_err(|cause| unwritable(name, cause))?;
    Ok(press.newsroom().pass_on(&news)?)
}

fn put_latest(
    press: &Press<'_>,
    standing: &Standing,
    item: Option<&Item>,
    expected: Expected,
) -> Result<bool, IssueFault> {
    let revision = item.map_or(0, |item| item.revision);
    let body = serde_json::to_value(standing).map_err(|cause| unwritable("STATUS LATEST", cause))?;
    let (partition, sort) = ("STATUS".to_owned(), "LATEST".to_owned());
    Ok(press.table.put(&Item { partition, sort, revision, expires: None, body }, expected)?)
}

/// Adds a standing to the history, unless it is there.
fn remember(press: &Press<'_>, at: Time, run_id: &str, standing: &Standing) -> Result<(), IssueFault> {
    let sort = format!("AT#{at}#{run_id}");
    let kept = press.retention.run_days.saturating_mul(86_400);
    let body = serde_json::to_value(standing).map_err(|cause| unwritable(sort.as_str(), cause))?;
    let expires = Some(Time(at.0.saturating_add(kept)));
    let item = Item { partition: "STATUS".to_owned(), sort, revision: 0, expires, body };
    press.table.put(&item, Expected::Same)?;
    Ok(())
}
