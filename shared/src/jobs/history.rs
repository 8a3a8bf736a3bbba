//! CloudTrail's event history of one lane, slice by slice.
//!
//! Enters: a [`Trail`], a [`Clock`], a span of time. Leaves: [`Closed`] slices, or a whole [`Window`], as segments that
//! vouch for the time they span. Laws: a slice is closed only when its last page was read, after a first page asked for
//! with the same parameters; an event is kept whatever its time; requests keep the distance of [`pace`]; whatever
//! ends a window early, what was closed before stays closed.
//!
//! Slices, not tokens: a token is bound to its request, ends with it and says nothing of what lies behind it, so
//! nothing is remembered of it from run to run.

mod lane;
mod pace;
mod sheet;
mod slice;

use std::time::Duration;

pub use self::{
    lane::Lane,
    pace::INTERVAL,
    sheet::Contents,
    slice::{MOST_PAGES, Slice, earliest, longer, shorter},
};
use self::{pace::Pace, sheet::Sheet};
use crate::{
    config::Config,
    ports::{Clock, FailureKind, Lookup, Page, PortError, ReadObject, Trail},
    segment::Segment,
    time::Time,
};

/// How often a slice is begun again because a token was refused, before it is split.
const RESTARTS: u32 = 3;

/// What ends a look-up before its end.
#[derive(Debug)]
pub enum Stop {
    /// Time is up.
    Time,
    /// CloudTrail cannot be asked.
    Failed(PortError),
}

/// What it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
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
pub struct Closed {
    /// Which.
    pub slice: Slice,
    /// Pages it had.
    pub pages: u64,
    /// What it holds.
    pub contents: Contents,
}

/// How far a window has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Seconds of it that are closed.
    pub seconds: u64,
    /// Seconds it has.
    pub of_seconds: u64,
    /// Records looked up.
    pub records: u64,
}

/// The event history of one lane.
pub struct History<'a> {
    trail: &'a dyn Trail,
    clock: &'a dyn Clock,
    lane: &'a Lane,
    watched: Option<&'a Config>,
    pace: Pace,
    spare: Duration,
    effort: Effort,
}

impl<'a> History<'a> {
    /// The history of a lane. With `lookup.watched_only` only what watched principals did is kept of it.
    pub fn of(lane: &'a Lane, trail: &'a dyn Trail, clock: &'a dyn Clock, config: &'a Config) -> Self {
        let watched = config.lookup.watched_only.then_some(config);
        let (pace, effort) = (Pace::default(), Effort::default());
        Self { trail, clock, lane, watched, pace, spare: Duration::ZERO, effort }
    }

    /// Asks only while more than `spare` is left.
    pub const fn spare(&mut self, spare: Duration) {
        self.spare = spare;
    }

    /// Keeps the distance to a request that somebody else may just have sent.
    pub fn hold(&mut self) {
        self.pace.hold(self.clock);
    }

    /// What it took so far.
    pub const fn effort(&self) -> Effort {
        self.effort
    }

    /// Closes the slice that begins at `from`. `length` is how long it may be, and becomes how long the next one may be:
    /// shorter when time was up or it was too busy, longer when it was not, up to `longest`. `None`: `end` is reached.
    ///
    /// # Errors
    /// [`Stop`]: nothing was closed.
    pub fn close(
        &mut self,
        from: Time,
        end: Time,
        length: &mut u32,
        longest: u32,
    ) -> Result<Option<Closed>, Stop> {
        while let Some(slice) = Slice::next(from, end, *length) {
            match self.look(slice) {
                Ok(closed) => {
                    *length = longer(*length, longest, closed.pages);
                    return Ok(Some(closed));
                }
                Err(Ended::Busy { fits }) => {
                    self.effort.splits += 1;
                    *length = shorter(slice.seconds(), fits);
                }
                Err(Ended::Late { pages }) => {
                    // Next time there may be no more time either: a slice that fits gets further.
                    if pages > 0 {
                        *length = shorter(slice.seconds(), slice.seconds());
                    }
                    return Err(Stop::Time);
                }
                Err(Ended::Failed(error)) => return Err(Stop::Failed(error)),
            }
        }
        Ok(None)
    }

    /// Looks a whole span up, in slices of at most `longest` seconds, and tells `progress` after each.
    pub fn window(&mut self, span: Slice, longest: u32, progress: &mut dyn FnMut(Progress)) -> Window {
        let mut window = Window { span, closed_until: span.since, ..Window::default() };
        let (mut length, mut segments) = (longest, Vec::new());
        loop {
            match self.close(window.closed_until, span.until, &mut length, longest) {
                Ok(None) => break,
                Ok(Some(closed)) => {
                    window.closed_until = closed.slice.until;
                    segments.push(window.contents.add(closed.contents));
                    progress(Progress {
                        seconds: window.closed_until.since(span.since).into(),
                        of_seconds: span.seconds().into(),
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
    fn look(&mut self, slice: Slice) -> Result<Closed, Ended> {
        let mut sheet = Sheet::new(self.lane, slice, self.watched);
        let (mut token, mut pages, mut restarts) = (None::<String>, 0, 0);
        let long = slice.seconds() > 1;
        loop {
            if !self.pace.wait(self.clock, self.spare) {
                return Err(Ended::Late { pages });
            }
            match self.ask(slice, token.as_deref()) {
                Ok(page) => {
                    self.pace.answered();
                    self.effort.pages += 1;
                    pages += 1;
                    sheet.read(&page.records);
                    match page.next {
                        None => return Ok(Closed { slice, pages, contents: sheet.close(self.lane, slice) }),
                        Some(_) if long && pages >= MOST_PAGES => {
                            let fits = sheet.oldest().map_or(0, |oldest| slice.until.since(oldest));
                            return Err(Ended::Busy { fits });
                        }
                        next => token = next,
                    }
                }
                Err(error) if error.kind == FailureKind::Throttled => {
                    self.pace.refused();
                    self.effort.throttled += 1;
                }
                Err(error) if error.kind == FailureKind::Token => {
                    self.effort.restarts += 1;
                    restarts += 1;
                    if restarts > RESTARTS {
                        let shorter = Ended::Busy { fits: slice.seconds() };
                        return Err(if long { shorter } else { Ended::Failed(error) });
                    }
                    (token, pages) = (None, 0);
                }
                Err(error) => return Err(Ended::Failed(error)),
            }
        }
    }

    /// Asks for a page; a token that leads to itself is one that is no longer valid.
    fn ask(&self, slice: Slice, token: Option<&str>) -> Result<Page, PortError> {
        let (account, region) = (&*self.lane.account, &*self.lane.region);
        let lookup = Lookup { account, region, since: slice.since, until: slice.until, token };
        let page = self.trail.lookup(lookup)?;
        if token.is_some() && page.next.as_deref() == token {
            return Err(PortError {
                operation: "look up events (cloudtrail:LookupEvents)",
                name: lookup.to_string(),
                kind: FailureKind::Token,
                cause: "a token leads to itself".into(),
            });
        }
        Ok(page)
    }
}

/// Why a slice was not closed.
enum Ended {
    /// It holds too much; what was read of it spans its last `fits` seconds.
    Busy { fits: u32 },
    /// Time was up after so many pages.
    Late { pages: u64 },
    /// CloudTrail cannot be asked.
    Failed(PortError),
}

/// A span of the history, looked up as far as it went.
#[derive(Debug, Default)]
pub struct Window {
    /// What was to be looked up.
    pub span: Slice,
    /// As far as it was: the evidence vouches for the time before.
    pub closed_until: Time,
    /// What it holds up to there.
    pub contents: Contents,
    /// Why it went no further.
    pub stopped: Option<Stop>,
}

impl Window {
    /// The same as an object that was read, for reports and local state.
    pub fn as_object(&self, lane: &Lane) -> ReadObject {
        self.contents.as_object(lane, Slice { until: self.closed_until, ..self.span })
    }
}
