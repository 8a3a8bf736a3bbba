//! `onlooker sweep --lookup`: CloudTrail's event history as evidence.
//!
//! Enters: accounts and regions, and a period. Leaves: the evidence of each account and region, stored like that of
//! log files. Laws: only whole hours are looked up, so that their coverage is complete, and no hour within the
//! delivery lag of CloudTrail; if one account and region fails, the command fails, and the evidence of the others is
//! stored.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Mutex, PoisonError},
    thread,
};

use onlooker_core::{
    audit::AuditCriteria,
    config::{Config, Diagnostic},
    jobs::{
        audit::Auditing,
        history::{
            AccountRegion, HistoryReader, LookupProgress, LookupStop, LookupWindow, TimeSlice,
            earliest_available,
        },
    },
    ports::{Clock, CloudTrailApi, ProcessedObject, SweepEvidence},
    segment::Segment,
    time::{HOUR_SECONDS, Hour, Time},
};

use onlooker_local::config_file::LoadedConfig;

use crate::{
    args::GlobalArgs, aws::AwsConnection, exit::CommandError, inputs, progress::ProgressMeter,
    sweep::EvidencePeriod,
};

/// Accounts and regions that are looked up at the same time. Each has its own request quota.
const MAX_THREADS: usize = 16;

/// Looks up a period and stores the evidence in `kept`. Returns the period that was looked up.
pub fn look_up<E: SweepEvidence + Send>(
    global: &GlobalArgs,
    cloud: &AwsConnection,
    loaded: &LoadedConfig,
    account: &str,
    period: EvidencePeriod,
    kept: &mut E,
    audit: Option<Auditing<'_>>,
) -> Result<EvidencePeriod, CommandError> {
    let mut config = loaded.config.clone();
    config.lookup.enabled = true;
    let clock = cloud.clock();
    let span = lookup_range(&config, period, clock.now())?;
    let account_regions = AccountRegion::configured(&config, account, cloud.region());
    let trail = cloud.trail(account, config.lookup.role.clone());
    let bar = ProgressMeter::for_time(global, "looking up");
    let criteria = audit
        .map_or(AuditCriteria::origins_only(&loaded.config, inputs::catalog(loaded)?), |audit| {
            audit.criteria
        });
    let windows = pull_windows(&account_regions, &*trail, &*clock, &config, span, &bar, criteria);
    bar.finish();
    let mut failure = None;
    for (account_region, window) in account_regions.iter().zip(windows) {
        let (records, until) = (window.contents.records, window.complete_until);
        tracing::info!(%account_region, records, %until, "looked up");
        if window.complete_until > span.since {
            if let Some(audit) = audit {
                audit.store(&window.contents.audit_entries)?;
            }
            let keep = kept.save(&window.as_object(account_region), &window.contents.segment);
            keep.map_err(|error| CommandError::Evidence(Box::new(error)))?;
        }
        if let Some(LookupStop::Failed(error)) = window.stopped {
            failure.get_or_insert(error);
        }
    }
    match failure {
        Some(error) => Err(CommandError::Aws(error)),
        None => Ok(EvidencePeriod { since: Some(span.since), until: Some(span.until) }),
    }
}

/// The whole hours of a period whose events CloudTrail has delivered by now; without a period, the last
/// `lookup.lookback_hours` hours.
fn lookup_range(config: &Config, period: EvidencePeriod, now: Time) -> Result<TimeSlice, CommandError> {
    let delivered = Time(now.0.saturating_sub(config.lookup.lag_minutes.saturating_mul(60))).hour().start();
    let back = Time(delivered.0.saturating_sub(config.lookup.lookback_hours.saturating_mul(HOUR_SECONDS)));
    let since = period.since.unwrap_or(back).hour().start().max(earliest_available(now));
    let until =
        period.until.map_or(delivered, |until| Hour(until.0.div_ceil(HOUR_SECONDS)).start()).min(delivered);
    if since < until {
        return Ok(TimeSlice { since, until });
    }
    Err(CommandError::Usage(Diagnostic {
        message: format!(
            "CloudTrail has not delivered all events of a whole hour between {since} and {until}"
        ),
        remedy: format!(
            "give whole hours of the last 90 days that ended at least {} minutes ago, such as `--since 24h`",
            config.lookup.lag_minutes
        ),
    }))
}

/// The evidence of each account and region, in their order.
fn pull_windows(
    account_regions: &[AccountRegion],
    trail: &dyn CloudTrailApi,
    clock: &dyn Clock,
    config: &Config,
    span: TimeSlice,
    bar: &ProgressMeter,
    recorded: AuditCriteria<'_>,
) -> Vec<LookupWindow> {
    let longest = config.lookup.slice_minutes.saturating_mul(60).max(1);
    let progress = Mutex::new(vec![LookupProgress::default(); account_regions.len()]);
    let mut windows = Vec::with_capacity(account_regions.len());
    let look_up_one = |at: usize, account_region: &AccountRegion| {
        let report_progress = &mut |one: LookupProgress| {
            let mut all = progress.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(mine) = all.get_mut(at) {
                *mine = one;
            }
            let sum = |figure: fn(&LookupProgress) -> u64| all.iter().map(figure).sum();
            let whole = u64::from(span.seconds()) * account_regions.len() as u64;
            bar.set_time_pulled(sum(|one| one.seconds), whole, sum(|one| one.records));
        };
        let mut history = HistoryReader::new(account_region, trail, clock, config);
        history.record_calls(recorded);
        history.read_window(span, longest, report_progress)
    };
    for (n, some) in account_regions.chunks(MAX_THREADS).enumerate() {
        thread::scope(|scope| {
            let look_up_one = &look_up_one;
            let at = |k: usize| n * MAX_THREADS + k;
            let workers: Vec<_> = (some.iter().enumerate())
                .map(|(k, account_region)| scope.spawn(move || look_up_one(at(k), account_region)))
                .collect();
            for worker in workers {
                windows.push(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
        });
    }
    windows
}

/// Evidence that is kept in memory until the command ends.
#[derive(Default)]
pub struct MemoryEvidence(BTreeMap<String, (ProcessedObject, Segment)>);

impl SweepEvidence for MemoryEvidence {
    type Error = Infallible;

    fn processed_objects(&self) -> Result<BTreeMap<String, ProcessedObject>, Infallible> {
        Ok(self.0.iter().map(|(name, (read, _))| (name.clone(), read.clone())).collect())
    }

    fn save(&mut self, read: &ProcessedObject, segment: &Segment) -> Result<(), Infallible> {
        self.0.insert(read.object.name.clone(), (read.clone(), segment.clone()));
        Ok(())
    }

    fn load(&self, objects: &[ProcessedObject], each: &mut dyn FnMut(Segment)) -> Result<(), Infallible> {
        let kept = |read: &ProcessedObject| self.0.get(&read.object.name);
        objects.iter().filter_map(kept).for_each(|(_, segment)| each(segment.clone()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_delivered_hours_are_pulled() {
        let time = |text: &str| Time::parse(text).expect("a time");
        let (config, now) = (Config::default(), time("2027-01-31T10:05:00Z"));
        let asked = |since: Option<&str>, until: Option<&str>| {
            let span =
                lookup_range(&config, EvidencePeriod { since: since.map(time), until: until.map(time) }, now)
                    .ok()?;
            Some((span.since.to_string(), span.until.to_string()))
        };
        let given = |since: &str, until: &str| Some((since.to_owned(), until.to_owned()));
        assert_eq!(asked(None, None), given("2027-01-30T09:00:00Z", "2027-01-31T09:00:00Z"));
        assert_eq!(
            asked(Some("2027-01-30T09:30:00Z"), Some("2027-01-30T10:30:00Z")),
            given("2027-01-30T09:00:00Z", "2027-01-30T11:00:00Z")
        );
        assert_eq!(
            asked(Some("2020-01-01T00:00:00Z"), None).map(|span| span.0.as_str() > "2026-11"),
            Some(true)
        );
        assert_eq!(asked(Some("2027-01-31T10:00:00Z"), None), None);
    }
}
