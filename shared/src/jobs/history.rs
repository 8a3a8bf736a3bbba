//! CloudTrail's event history of one lane, slice by slice.
//!
//! Enters: a [`Trail`], a [`Clock`], a span of time. Leaves: [`CompletedSlice`] slices, or a whole [`Window`], as segments that
//! vouch for the time they span. Laws: a slice is closed only when its last page was read, after a first page asked for
//! with the same parameters; an event is kept whatever its time; requests keep the distance of [`pace`]; whatever
//! ends a window early, what was closed before stays closed.
//!
//! Slices, not tokens: a token is bound to its request, ends with it and says nothing of what lies behind it, so
//! nothing is remembered of it from run to run.

mod account_region;
mod rate_limiter;
mod slice_contents;
mod time_slice;

use std::time::Duration;

pub use self::{
    account_region::AccountRegion,
    rate_limiter::REQUEST_INTERVAL,
    slice_contents::SliceContents,
    time_slice::{MAX_PAGES, TimeSlice, earliest_available, length_after_split, length_after_success},
};
use self::{rate_limiter::RateLimiter, slice_contents::SliceBuilder};
use crate::{
    config::Config,
    ports::{Clock, CloudTrailApi, LookupPage, LookupRequest, PortError, PortErrorKind, ProcessedObject},
    segment::Segment,
    time::Time,
};

/// How often a slice is begun again because a token was refused, before it is split.
const MAX_RESTARTS: u32 = 3;

/// What ends a look-up before its end.
#[derive(Debug)]
pub enum LookupStop {
    /// Time is up.
    OutOfTime,
    /// CloudTrail cannot be asked.
    Failed(PortError),
}

/// What it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookupStatistics {
    /// Pages read.
    pub pages: u64,
    /// Requests refused for their number.
    pub throttled: u64,
    /// Slices begun again because a token was refused.
    pub restarts: u64,
    /// Slices that were too busy.
    pub splits: u64,
}

/// A slice that was read to its end.
#[derive(Clone, Debug)]
pub struct CompletedSlice {
    /// Which.
    pub slice: TimeSlice,
    /// Pages it had.
    pub pages: u64,
    /// What it holds.
    pub contents: SliceContents,
}

/// How far a window has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookupProgress {
    /// Seconds of it that are closed.
    pub seconds: u64,
    /// Seconds it has.
    pub total_seconds: u64,
    /// Records looked up.
    pub records: u64,
}

/// The event history of one lane.
pub struct HistoryReader<'a> {
    cloudtrail: &'a dyn CloudTrailApi,
    clock: &'a dyn Clock,
    account_region: &'a AccountRegion,
    watched: Option<&'a Config>,
    rate_limiter: RateLimiter,
    reserved: Duration,
    statistics: LookupStatistics,
}

impl<'a> HistoryReader<'a> {
    /// The history of a lane. With `lookup.watched_only` only what watched principals did is kept of it.
    pub fn new(
        lane: &'a AccountRegion,
        trail: &'a dyn CloudTrailApi,
        clock: &'a dyn Clock,
        config: &'a Config,
    ) -> Self {
        let watched = config.lookup.watched_only.then_some(config);
        let (pace, effort) = (RateLimiter::default(), LookupStatistics::default());
        Self {
            cloudtrail: trail,
            clock,
            account_region: lane,
            watched,
            rate_limiter: pace,
            reserved: Duration::ZERO,
            statistics: effort,
        }
    }

    /// Asks only while more than `spare` is left.
    pub const fn reserve_time(&mut self, spare: Duration) {
        self.reserved = spare;
    }

    /// Keeps the distance to a request that somebody else may just have sent.
    pub fn assume_recent_request(&mut self) {
        self.rate_limiter.assume_request(self.clock);
    }

    /// What it took so far.
    pub const fn statistics(&self) -> LookupStatistics {
        self.statistics
    }

    /// Closes the slice that begins at `from`. `length` is how long it may be, and becomes how long the next one may be:
    /// shorter when time was up or it was too busy, longer when it was not, up to `longest`. `None`: `end` is reached.
    ///
    /// # Errors
    /// [`Stop`]: nothing was closed.
    pub fn complete_slice(
        &mut self,
        from: Time,
        end: Time,
        length: &mut u32,
        longest: u32,
    ) -> Result<Option<CompletedSlice>, LookupStop> {
        while let Some(slice) = TimeSlice::next(from, end, *length) {
            match self.read_slice(slice) {
                Ok(closed) => {
                    *length = length_after_success(*length, longest, closed.pages);
                    return Ok(Some(closed));
                }
                Err(SliceFailure::TooManyPages { read_seconds: fits }) => {
                    self.statistics.splits += 1;
                    *length = length_after_split(slice.seconds(), fits);
                }
                Err(SliceFailure::OutOfTime { pages }) => {
                    // Next time there may be no more time either: a slice that fits gets further.
                    if pages > 0 {
                        *length = length_after_split(slice.seconds(), slice.seconds());
                    }
                    return Err(LookupStop::OutOfTime);
                }
                Err(SliceFailure::Failed(error)) => return Err(LookupStop::Failed(error)),
            }
        }
        Ok(None)
    }

    /// Looks a whole span up, in slices of at most `longest` seconds, and tells `progress` after each.
    pub fn read_window(
        &mut self,
        span: TimeSlice,
        longest: u32,
        progress: &mut dyn FnMut(LookupProgress),
    ) -> LookupWindow {
        let mut window = LookupWindow { span, complete_until: span.since, ..LookupWindow::default() };
        let (mut length, mut segments) = (longest, Vec::new());
        loop {
            match self.complete_slice(window.complete_until, span.until, &mut length, longest) {
                Ok(None) => break,
                Ok(Some(closed)) => {
                    window.complete_until = closed.slice.until;
                    segments.push(window.contents.add(closed.contents));
                    progress(LookupProgress {
                        seconds: window.complete_until.since(span.since).into(),
                        total_seconds: span.seconds().into(),
                        records: window.contents.records,
                    });
                }
                Err(stop) => {
                    window.stopped = Some(stop);
                    break;
                }
            }
        }
        window.contents.segment = Segment::merge_all(segments);
        window
    }

    /// Reads a slice from its first page to its last.
    fn read_slice(&mut self, slice: TimeSlice) -> Result<CompletedSlice, SliceFailure> {
        let mut sheet = SliceBuilder::new(self.account_region, slice, self.watched);
        let (mut token, mut pages, mut restarts) = (None::<String>, 0, 0);
        let long = slice.seconds() > 1;
        loop {
            if !self.rate_limiter.wait(self.clock, self.reserved) {
                return Err(SliceFailure::OutOfTime { pages });
            }
            match self.read_page(slice, token.as_deref()) {
                Ok(page) => {
                    self.rate_limiter.record_success();
                    self.statistics.pages += 1;
                    pages += 1;
                    sheet.add_page(&page.records);
                    match page.next_token {
                        None => {
                            return Ok(CompletedSlice {
                                slice,
                                pages,
                                contents: sheet.finish(self.account_region, slice),
                            });
                        }
                        Some(_) if long && pages >= MAX_PAGES => {
                            let fits = sheet.oldest().map_or(0, |oldest| slice.until.since(oldest));
                            return Err(SliceFailure::TooManyPages { read_seconds: fits });
                        }
                        next => token = next,
                    }
                }
                Err(error) if error.kind == PortErrorKind::Throttled => {
                    self.rate_limiter.record_throttle();
                    self.statistics.throttled += 1;
                }
                Err(error) if error.kind == PortErrorKind::InvalidToken => {
                    self.statistics.restarts += 1;
                    restarts += 1;
                    if restarts > MAX_RESTARTS {
                        let shorter = SliceFailure::TooManyPages { read_seconds: slice.seconds() };
                        return Err(if long { shorter } else { SliceFailure::Failed(error) });
                    }
                    (token, pages) = (None, 0);
                }
                Err(error) => return Err(SliceFailure::Failed(error)),
            }
        }
    }

    /// Asks for a page; a token that leads to itself is one that is no longer valid.
    fn read_page(&self, slice: TimeSlice, token: Option<&str>) -> Result<LookupPage, PortError> {
        let (account, region) = (&*self.account_region.account, &*self.account_region.region);
        let lookup = LookupRequest { account, region, since: slice.since, until: slice.until, token };
        let page = self.cloudtrail.lookup_events(lookup)?;
        if token.is_some() && page.next_token.as_deref() == token {
            return Err(PortError {
                operation: "look up events (cloudtrail:LookupEvents)",
                name: lookup.to_string(),
                kind: PortErrorKind::InvalidToken,
                cause: "a token leads to itself".into(),
            });
        }
        Ok(page)
    }
}

/// Why a slice was not closed.
enum SliceFailure {
    /// It holds too much; what was read of it spans its last `fits` seconds.
    TooManyPages { read_seconds: u32 },
    /// Time was up after so many pages.
    OutOfTime { pages: u64 },
    /// CloudTrail cannot be asked.
    Failed(PortError),
}

/// A span of the history, looked up as far as it went.
#[derive(Debug, Default)]
pub struct LookupWindow {
    /// What was to be looked up.
    pub span: TimeSlice,
    /// As far as it was: the evidence vouches for the time before.
    pub complete_until: Time,
    /// What it holds up to there.
    pub contents: SliceContents,
    /// Why it went no further.
    pub stopped: Option<LookupStop>,
}

impl LookupWindow {
    /// The same as an object that was read, for reports and local state.
    pub fn as_object(&self, lane: &AccountRegion) -> ProcessedObject {
        self.contents.as_object(lane, TimeSlice { until: self.complete_until, ..self.span })
    }
}
