//! Everything a report needs to know of the evidence.
//!
//! Enters: a segment; or the extracts of all its shards, one at a time, and what belongs to no shard. Leaves: a
//! [`Dossier`]. Laws: both ways lead to the same dossier; it speaks of the period only, so that what lies outside it
//! changes nothing but its number; in parts it takes the memory of a tally, whatever the number of events.

mod listed;

use std::collections::{BTreeMap, BTreeSet};

use self::listed::Listed;
use crate::{
    assessment::Evidence,
    coverage::Period,
    extract::Extract,
    record::Observed,
    report::hex,
    segment::{EvidenceHash, Segment, Shard},
    tally::{Merging, Tally},
    time::{HOUR, Hour, Time},
};

/// What a report is asked to speak of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// First moment of the period; the evidence decides when it is absent.
    pub since: Option<Time>,
    /// First moment after the period; the evidence decides when it is absent.
    pub until: Option<Time>,
    /// Hours whose evidence is known to be incomplete, whatever events they show. Where the evidence decides on the
    /// period, they are in it.
    pub unfinished: BTreeSet<Shard>,
}

impl Scope {
    /// This period, and nothing known to be incomplete.
    pub fn between(since: Option<Time>, until: Option<Time>) -> Self {
        Self { since, until, ..Self::default() }
    }

    /// Whether an hour is asked about, as far as one can tell without the evidence.
    pub fn holds(&self, hour: Hour) -> bool {
        self.since.is_none_or(|since| since.hour() <= hour)
            && self.until.is_none_or(|until| hour < Hour(until.0.div_ceil(HOUR)))
    }
}

/// Everything a report needs to know of the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dossier {
    /// Events of the period, counted.
    pub tally: Tally,
    /// What is known of the evidence itself.
    pub evidence: Evidence,
    /// Hours of the period that digest files vouch for.
    pub windows: BTreeSet<Shard>,
    /// Hours whose evidence is known to be incomplete.
    pub unfinished: BTreeSet<Shard>,
    /// The hours it speaks of; absent without any evidence or request.
    pub period: Option<Period>,
    /// Events outside the period, not counted. In parts: those of the extracts that were added.
    pub outside_period: u64,
}

impl Dossier {
    /// What the whole evidence says.
    pub fn of(mut segment: Segment, scope: Scope) -> Self {
        let mut assembly = Assembly::begin(segment.take_rest(), scope);
        assembly.outside = segment.keep_hours(|hour| assembly.scope.holds(hour));
        for (shard, sha256) in segment.shard_hashes() {
            assembly.hash.add(&shard, &sha256);
            assembly.meet(shard.hour);
        }
        assembly.listed.look_through(&segment);
        assembly.conflicts = segment.conflicts().len() as u64;
        assembly.close(Tally::of(segment))
    }
}

/// Why parts do not make a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssemblyError {
    /// Events among what belongs to no shard.
    #[error("evidence that belongs to no hour holds events")]
    Stray,
    /// A shard that is not after the one before.
    #[error("evidence of `{0}` out of order")]
    Disorder(Shard),
}

/// A dossier that is put together from extracts, in order of their shards.
pub struct Assembly {
    scope: Scope,
    rest: Segment,
    listed: Listed,
    hash: EvidenceHash,
    tallies: Merging,
    last: Option<Shard>,
    /// First and last hour met.
    seen: Option<(Hour, Hour)>,
    conflicts: u64,
    outside: u64,
}

impl Assembly {
    /// Begins with what belongs to no shard: the second part of [`Segment::cut`], of all evidence.
    ///
    /// # Errors
    /// [`AssemblyError::Stray`].
    pub fn new(mut rest: Segment, scope: Scope) -> Result<Self, AssemblyError> {
        let assembly = Self::begin(rest.take_rest(), scope);
        if rest.is_empty() { Ok(assembly) } else { Err(AssemblyError::Stray) }
    }

    fn begin(rest: Segment, scope: Scope) -> Self {
        Self {
            listed: Listed::of(rest.observed(), &scope),
            rest,
            scope,
            hash: EvidenceHash::default(),
            tallies: Merging::default(),
            last: None,
            seen: None,
            conflicts: 0,
            outside: 0,
        }
    }

    /// Adds the extract of a shard's whole evidence. Shards outside the scope may be left out.
    ///
    /// # Errors
    /// [`AssemblyError::Disorder`].
    pub fn add(&mut self, extract: Extract) -> Result<(), AssemblyError> {
        let Extract { shard, sha256, conflicts, seconds, tally } = extract;
        if self.last.as_ref().is_some_and(|last| *last >= shard) {
            return Err(AssemblyError::Disorder(shard));
        }
        if self.scope.holds(shard.hour) {
            self.hash.add(&shard, &sha256);
            self.meet(shard.hour);
            self.listed.look_at(&shard, &seconds);
            self.conflicts += conflicts;
            self.tallies.add(tally);
        } else {
            self.outside += tally.events();
        }
        self.last = Some(shard);
        Ok(())
    }

    /// The whole.
    pub fn finish(mut self) -> Dossier {
        let tally = std::mem::take(&mut self.tallies).finish();
        self.close(tally)
    }

    fn meet(&mut self, hour: Hour) {
        let (first, last) = self.seen.unwrap_or((hour, hour));
        self.seen = Some((first.min(hour), last.max(hour)));
    }

    fn close(mut self, tally: Tally) -> Dossier {
        let vouched = self.rest.windows().chain(&self.scope.unfinished).map(|shard| shard.hour);
        let vouched: BTreeSet<Hour> = vouched.filter(|hour| self.scope.holds(*hour)).collect();
        for hour in vouched.first().into_iter().chain(vouched.last()) {
            self.meet(*hour);
        }
        let Self { scope, mut rest, listed, hash, seen, conflicts, outside, .. } = self;
        let seen = seen.map(|(first, last)| (first.start(), last.start()));
        let period = Period::spanning(scope.since, scope.until, seen);
        let inside = |hour: Hour| period.is_none_or(|period| period.contains(hour));
        rest.keep_observed(|window| period.is_none_or(|period| touches(window, period)));
        let mut unreadable: BTreeMap<String, u64> = BTreeMap::new();
        for reason in rest.unreadable().values() {
            *unreadable.entry(reason.sentence().trim_end_matches(':').to_owned()).or_default() += 1;
        }
        let evidence = Evidence {
            unreadable,
            conflicting: conflicts,
            insights: rest.aside().len() as u64,
            missing_logs: listed.missing(&scope, period),
            sha256: hex(&hash.finish(&rest)),
        };
        let windows = rest.windows().filter(|shard| inside(shard.hour)).cloned().collect();
        Dossier { tally, evidence, windows, unfinished: scope.unfinished, period, outside_period: outside }
    }
}

/// Whether a window, or a log file it lists, is of the period at least in part.
fn touches(window: &Observed, period: Period) -> bool {
    let (from, until) = (period.from.start(), period.until.start());
    let overlaps = |first: Time, end: Time| first < until && end > from;
    overlaps(window.start, window.end)
        || window.logs.iter().any(|(oldest, newest)| *oldest < until && *newest >= from)
}
