//! `onlooker sweep --lookup`: CloudTrail's event history as evidence.
//!
//! Enters: lanes and a span of time. Leaves: the evidence of each lane, kept like that of log objects. Laws: whole hours are
//! looked up, so that each can be vouched for, and none younger than the lag of CloudTrail's delivery; a lane that fails
//! fails the command, and what the others gave is kept all the same.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Mutex, PoisonError},
    thread,
};

use onlooker_core::{
    config::{Config, Diagnostic},
    jobs::history::{
        AccountRegion, HistoryReader, LookupProgress, LookupStop, LookupWindow, TimeSlice, earliest_available,
    },
    ports::{Clock, CloudTrailApi, ProcessedObject, SweepEvidence},
    segment::Segment,
    time::{HOUR_SECONDS, Hour, Time},
};

use crate::{
    args::GlobalArgs, aws::AwsConnection, exit::CommandError, progress::ProgressMeter, sweep::EvidencePeriod,
};

/// Lanes looked up at the same time: each has its own allowance of requests.
const MAX_THREADS: usize = 16;

/// Looks up what a span asks for and tells `keep` of it. Gives the span that was looked up.
pub fn look_up<E: SweepEvidence + Send>(
    global: &GlobalArgs,
    cloud: &AwsConnection,
    config: &Config,
    account: &str,
    period: EvidencePeriod,
    kept: &mut E,
) -> Result<EvidencePeriod, CommandError> {
    let mut config = config.clone();
    config.lookup.enabled = true;
    let clock = cloud.clock();
    let span = lookup_range(&config, period, clock.now())?;
    let lanes = AccountRegion::configured(&config, account, cloud.region());
    let trail = cloud.trail(account, config.lookup.role.clone());
    let bar = ProgressMeter::for_time(global, "looking up");
    let windows = pull_windows(&lanes, &*trail, &*clock, &config, span, &bar);
    bar.finish();
    let mut failure = None;
    for (lane, window) in lanes.iter().zip(windows) {
        tracing::info!(%lane, records = window.contents.records, until = %window.complete_until, "looked up");
        if window.complete_until > span.since {
            let keep = kept.save(&window.as_object(lane), &window.contents.segment);
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

/// The whole hours a period asks for, as far as CloudTrail has them: by default those of the look-back.
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
            "CloudTrail has no whole hour between {since} and {until} that all events had time to reach"
        ),
        remedy: format!(
            "ask for whole hours of the last 90 days that ended {} minutes ago, such as `--since 24h`",
            config.lookup.lag_minutes
        ),
    }))
}

/// The evidence of each lane, in their order.
fn pull_windows(
    lanes: &[AccountRegion],
    trail: &dyn CloudTrailApi,
    clock: &dyn Clock,
    config: &Config,
    span: TimeSlice,
    bar: &ProgressMeter,
) -> Vec<LookupWindow> {
    let longest = config.lookup.slice_minutes.saturating_mul(60).max(1);
    let progress = Mutex::new(vec![LookupProgress::default(); lanes.len()]);
    let mut windows = Vec::with_capacity(lanes.len());
    let look = |at: usize, lane: &AccountRegion| {
        let tell = &mut |one: LookupProgress| {
            let mut all = progress.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(mine) = all.get_mut(at) {
                *mine = one;
            }
            let sum = |figure: fn(&LookupProgress) -> u64| all.iter().map(figure).sum();
            let whole = u64::from(span.seconds()) * lanes.len() as u64;
            bar.set_time_pulled(sum(|one| one.seconds), whole, sum(|one| one.records));
        };
        HistoryReader::new(lane, trail, clock, config).read_window(span, longest, tell)
    };
    for (n, some) in lanes.chunks(MAX_THREADS).enumerate() {
        thread::scope(|scope| {
            let look = &look;
            let at = |k: usize| n * MAX_THREADS + k;
            let workers: Vec<_> =
                some.iter().enumerate().map(|(k, lane)| scope.spawn(move || look(at(k), lane))).collect();
            for worker in workers {
                windows.push(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
        });
    }
    windows
}

/// Evidence that is kept for as long as a command runs.
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

    fn load(&self, objects: &[ProcessedObject]) -> Result<Segment, Infallible> {
        let segment =
            |read: &ProcessedObject| self.0.get(&read.object.name).map(|(_, segment)| segment.clone());
        Ok(Segment::merge_all(objects.iter().filter_map(segment)))
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
