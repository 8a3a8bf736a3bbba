//! Reads CloudTrail's event history of one account and region, slice by slice.
//!
//! Enters: a [`CloudTrailApi`], a [`Clock`], a span of time. Leaves: [`CompletedSlice`]s, or a [`LookupWindow`], with
//! segments that cover the time they span. Laws: a slice is complete only when its last page was read and all its
//! pages were requested with the same parameters; an event is kept whatever its time; requests keep at least
//! [`REQUEST_INTERVAL`] apart; if a window ends early, its complete slices stay complete.
//!
//! Progress is stored as slices, not as pagination tokens. A token is valid only for its own request and does not
//! tell which events follow it, so tokens are not stored between runs.

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
    audit::AuditCriteria,
    config::Config,
    ports::{Clock, CloudTrailApi, LookupPage, LookupRequest, PortError, PortErrorKind, ProcessedObject},
    segment::Segment,
    time::Time,
};

/// How often a slice is restarted because of an invalid token before it is split.
const MAX_RESTARTS: u32 = 3;

/// Why a lookup stopped early.
#[derive(Debug)]
pub enum LookupStop {
    /// The time of the run was used up.
    OutOfTime,
    /// A request to CloudTrail failed.
    Failed(PortError),
}

/// Requests that a lookup needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookupStatistics {
    /// Number of LookupEvents pages read.
    pub pages: u64,
    /// Number of throttled requests.
    pub throttled: u64,
    /// Slices that were restarted because of an invalid token.
    pub restarts: u64,
    /// Slices that were split because they had too many pages.
    pub splits: u64,
}

/// A slice that was read completely.
#[derive(Clone, Debug)]
pub struct CompletedSlice {
    /// The completed slice of time.
    pub slice: TimeSlice,
    /// Number of pages of the slice.
    pub pages: u64,
    /// What the lookup of the slice returned.
    pub contents: SliceContents,
}

/// How far the lookup of a window has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookupProgress {
    /// Number of seconds of the window that are complete.
    pub seconds: u64,
    /// Length of the window in seconds.
    pub total_seconds: u64,
    /// Number of records looked up so far.
    pub records: u64,
}

/// Reads the event history of one account and region.
pub struct HistoryReader<'a> {
    cloudtrail: &'a dyn CloudTrailApi,
    clock: &'a dyn Clock,
    account_region: &'a AccountRegion,
    watched: Option<&'a Config>,
    audit: Option<AuditCriteria<'a>>,
    rate_limiter: RateLimiter,
    reserved: Duration,
    statistics: LookupStatistics,
}

impl<'a> HistoryReader<'a> {
    /// Reads the history of an account and region. With `lookup.watched_only` only events of watched principals are
    /// kept.
    pub fn new(
        account_region: &'a AccountRegion,
        cloudtrail: &'a dyn CloudTrailApi,
        clock: &'a dyn Clock,
        config: &'a Config,
    ) -> Self {
        let watched = config.lookup.watched_only.then_some(config);
        let (rate_limiter, statistics) = (RateLimiter::default(), LookupStatistics::default());
        Self {
            cloudtrail,
            clock,
            account_region,
            watched,
            audit: None,
            rate_limiter,
            reserved: Duration::ZERO,
            statistics,
        }
    }

    /// Describes calls for the audit trail.
    pub const fn record_calls(&mut self, audit: AuditCriteria<'a>) {
        self.audit = Some(audit);
    }

    /// Sends requests only while more than `reserved` is left.
    pub const fn reserve_time(&mut self, reserved: Duration) {
        self.reserved = reserved;
    }

    /// Keeps the interval to a request that another run may just have sent.
    pub fn assume_recent_request(&mut self) {
        self.rate_limiter.assume_request(self.clock);
    }

    /// Statistics of the requests so far.
    pub const fn statistics(&self) -> LookupStatistics {
        self.statistics
    }

    /// Reads the slice that begins at `from` completely. `length` is its maximum length and is set to that of the
    /// next slice: shorter if the time ran out or the slice had too many pages, otherwise up to `longest`. `None`:
    /// `end` is reached.
    ///
    /// # Errors
    /// [`LookupStop`]: no slice was completed.
    pub fn complete_slice(
        &mut self,
        from: Time,
        end: Time,
        length: &mut u32,
        longest: u32,
    ) -> Result<Option<CompletedSlice>, LookupStop> {
        while let Some(slice) = TimeSlice::next(from, end, *length) {
            match self.read_slice(slice) {
                Ok(completed) => {
                    *length = length_after_success(*length, longest, completed.pages);
                    return Ok(Some(completed));
                }
                Err(SliceFailure::TooManyPages { read_seconds }) => {
                    self.statistics.splits += 1;
                    *length = length_after_split(slice.seconds(), read_seconds);
                }
                Err(SliceFailure::OutOfTime { pages }) => {
                    // The next run may have no more time than this one: a shorter slice can be completed.
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

    /// Looks up a whole span in slices of at most `longest` seconds and calls `progress` after each.
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
                Ok(Some(completed)) => {
                    window.complete_until = completed.slice.until;
                    segments.push(window.contents.add(completed.contents));
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
        let mut builder = SliceBuilder::new(self.account_region, slice, self.watched, self.audit);
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
                    builder.add_page(&page.records);
                    match page.next_token {
                        None => {
                            return Ok(CompletedSlice {
                                slice,
                                pages,
                                contents: builder.finish(self.account_region, slice),
                            });
                        }
                        Some(_) if long && pages >= MAX_PAGES => {
                            let read_seconds = builder.oldest().map_or(0, |oldest| slice.until.since(oldest));
                            return Err(SliceFailure::TooManyPages { read_seconds });
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

    /// Requests a page. A token that returns itself counts as invalid.
    fn read_page(&self, slice: TimeSlice, token: Option<&str>) -> Result<LookupPage, PortError> {
        let (account, region) = (&*self.account_region.account, &*self.account_region.region);
        let lookup = LookupRequest { account, region, since: slice.since, until: slice.until, token };
        let page = self.cloudtrail.lookup_events(lookup)?;
        if token.is_some() && page.next_token.as_deref() == token {
            return Err(PortError {
                operation: "look up events (cloudtrail:LookupEvents)",
                name: lookup.to_string(),
                kind: PortErrorKind::InvalidToken,
                cause: "CloudTrail returned the same pagination token again".into(),
            });
        }
        Ok(page)
    }
}

/// Why a slice was not completed.
enum SliceFailure {
    /// The slice has too many pages; those that were read span its last `read_seconds` seconds.
    TooManyPages { read_seconds: u32 },
    /// The time ran out after this number of pages.
    OutOfTime { pages: u64 },
    /// A request to CloudTrail failed.
    Failed(PortError),
}

/// The part of a span of the history that was looked up.
#[derive(Debug, Default)]
pub struct LookupWindow {
    /// The span of time that was requested.
    pub span: TimeSlice,
    /// End of the part that was looked up: the evidence covers the time before.
    pub complete_until: Time,
    /// The contents up to that time.
    pub contents: SliceContents,
    /// Why the lookup stopped early.
    pub stopped: Option<LookupStop>,
}

impl LookupWindow {
    /// The window in the form of a log file that was read, for reports and local state.
    pub fn as_object(&self, account_region: &AccountRegion) -> ProcessedObject {
        self.contents.as_object(account_region, TimeSlice { until: self.complete_until, ..self.span })
    }
}
