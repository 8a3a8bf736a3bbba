//! Everything a report needs to know of the evidence.
//!
//! Enters: a segment; or the extracts of all its shards, one at a time, and what belongs to no shard. Leaves: a
//! [`EvidenceSummary`]. Laws: both ways lead to the same dossier; it speaks of the period only, so that what lies outside it
//! changes nothing but its number; in parts it takes the memory of a tally, whatever the number of events.

mod listed_log_files;

use std::collections::{BTreeMap, BTreeSet};

use self::listed_log_files::ListedLogFiles;
use crate::{
    assessment::EvidenceQuality,
    coverage::Period,
    extract::Extract,
    record::DigestWindow,
    report::hex,
    segment::{EvidenceHasher, Segment, Shard},
    tally::{Tally, TallyMerge},
    time::{HOUR_SECONDS, Hour, Time},
};

/// What a report is asked to speak of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportScope {
    /// First moment of the period; the evidence decides when it is absent.
    pub since: Option<Time>,
    /// First moment after the period; the evidence decides when it is absent.
    pub until: Option<Time>,
    /// Hours whose evidence is known to be incomplete, whatever events they show. Where the evidence decides on the
    /// period, they are in it.
    pub incomplete_hours: BTreeSet<Shard>,
}

impl ReportScope {
    /// This period, and nothing known to be incomplete.
    pub fn between(since: Option<Time>, until: Option<Time>) -> Self {
        Self { since, until, ..Self::default() }
    }

    /// Whether an hour is asked about, as far as one can tell without the evidence.
    pub fn contains(&self, hour: Hour) -> bool {
        self.since.is_none_or(|since| since.hour() <= hour)
            && self.until.is_none_or(|until| hour < Hour(until.0.div_ceil(HOUR_SECONDS)))
    }
}

/// Everything a report needs to know of the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceSummary {
    /// Events of the period, counted.
    pub tally: Tally,
    /// What is known of the evidence itself.
    pub evidence_quality: EvidenceQuality,
    /// Hours of the period that digest files vouch for.
    pub digest_hours: BTreeSet<Shard>,
    /// Hours whose evidence is known to be incomplete.
    pub incomplete_hours: BTreeSet<Shard>,
    /// The hours it speaks of; absent without any evidence or request.
    pub period: Option<Period>,
    /// Events outside the period, not counted. In parts: those of the extracts that were added.
    pub outside_period: u64,
}

impl EvidenceSummary {
    /// What the whole evidence says.
    pub fn from_segment(mut segment: Segment, scope: ReportScope) -> Self {
        let mut assembly = EvidenceSummaryBuilder::start(segment.take_unsharded(), scope);
        assembly.outside_period = segment.retain_hours(|hour| assembly.scope.contains(hour));
        for (shard, sha256) in segment.shard_hashes() {
            assembly.hash.add(&shard, &sha256);
            assembly.include_hour(shard.hour);
        }
        assembly.log_files.search_segment(&segment);
        assembly.conflicts = segment.conflicts().len() as u64;
        assembly.build(Tally::of(segment))
    }
}

/// Why parts do not make a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceSummaryError {
    /// Events among what belongs to no shard.
    #[error("evidence that belongs to no hour holds events")]
    UnshardedEvents,
    /// A shard that is not after the one before.
    #[error("evidence of `{0}` out of order")]
    OutOfOrder(Shard),
}

/// A dossier that is put together from extracts, in order of their shards.
pub struct EvidenceSummaryBuilder {
    scope: ReportScope,
    unsharded: Segment,
    log_files: ListedLogFiles,
    hash: EvidenceHasher,
    tallies: TallyMerge,
    last_shard: Option<Shard>,
    /// First and last hour met.
    hour_range: Option<(Hour, Hour)>,
    conflicts: u64,
    outside_period: u64,
}

impl EvidenceSummaryBuilder {
    /// Begins with what belongs to no shard: the second part of [`Segment::cut`], of all evidence.
    ///
    /// # Errors
    /// [`AssemblyError::Stray`].
    pub fn new(mut rest: Segment, scope: ReportScope) -> Result<Self, EvidenceSummaryError> {
        let assembly = Self::start(rest.take_unsharded(), scope);
        if rest.is_empty() { Ok(assembly) } else { Err(EvidenceSummaryError::UnshardedEvents) }
    }

    fn start(rest: Segment, scope: ReportScope) -> Self {
        Self {
            log_files: ListedLogFiles::of(rest.digest_windows(), &scope),
            unsharded: rest,
            scope,
            hash: EvidenceHasher::default(),
            tallies: TallyMerge::default(),
            last_shard: None,
            hour_range: None,
            conflicts: 0,
            outside_period: 0,
        }
    }

    /// Adds the extract of a shard's whole evidence. Shards outside the scope may be left out.
    ///
    /// # Errors
    /// [`AssemblyError::Disorder`].
    pub fn add(&mut self, extract: Extract) -> Result<(), EvidenceSummaryError> {
        let Extract { shard, sha256, conflicts, seconds, tally } = extract;
        if self.last_shard.as_ref().is_some_and(|last| *last >= shard) {
            return Err(EvidenceSummaryError::OutOfOrder(shard));
        }
        if self.scope.contains(shard.hour) {
            self.hash.add(&shard, &sha256);
            self.include_hour(shard.hour);
            self.log_files.search_shard(&shard, &seconds);
            self.conflicts += conflicts;
            self.tallies.add(tally);
        } else {
            self.outside_period += tally.events();
        }
        self.last_shard = Some(shard);
        Ok(())
    }

    /// The whole.
    pub fn finish(mut self) -> EvidenceSummary {
        let tally = std::mem::take(&mut self.tallies).finish();
        self.build(tally)
    }

    fn include_hour(&mut self, hour: Hour) {
        let (first, last) = self.hour_range.unwrap_or((hour, hour));
        self.hour_range = Some((first.min(hour), last.max(hour)));
    }

    fn build(mut self, tally: Tally) -> EvidenceSummary {
        let vouched =
            self.unsharded.digest_hours().chain(&self.scope.incomplete_hours).map(|shard| shard.hour);
        let vouched: BTreeSet<Hour> = vouched.filter(|hour| self.scope.contains(*hour)).collect();
        for hour in vouched.first().into_iter().chain(vouched.last()) {
            self.include_hour(*hour);
        }
        let Self {
            scope,
            unsharded: mut rest,
            log_files: listed,
            hash,
            hour_range: seen,
            conflicts,
            outside_period: outside,
            ..
        } = self;
        let seen = seen.map(|(first, last)| (first.start(), last.start()));
        let period = Period::from_bounds(scope.since, scope.until, seen);
        let inside = |hour: Hour| period.is_none_or(|period| period.contains(hour));
        rest.retain_digest_windows(|window| period.is_none_or(|period| overlaps(window, period)));
        let mut unreadable: BTreeMap<String, u64> = BTreeMap::new();
        for reason in rest.unreadable().values() {
            *unreadable.entry(reason.description().trim_end_matches(':').to_owned()).or_default() += 1;
        }
        let evidence = EvidenceQuality {
            unreadable,
            conflicting_events: conflicts,
            insight_events: rest.insight_events().len() as u64,
            missing_log_files: listed.missing(&scope, period),
            sha256: hex(&hash.finish(&rest)),
        };
        let windows = rest.digest_hours().filter(|shard| inside(shard.hour)).cloned().collect();
        EvidenceSummary {
            tally,
            evidence_quality: evidence,
            digest_hours: windows,
            incomplete_hours: scope.incomplete_hours,
            period,
            outside_period: outside,
        }
    }
}

/// Whether a window, or a log file it lists, is of the period at least in part.
fn overlaps(window: &DigestWindow, period: Period) -> bool {
    let (from, until) = (period.from.start(), period.until.start());
    let overlaps = |first: Time, end: Time| first < until && end > from;
    overlaps(window.start, window.end)
        || window.log_files.iter().any(|(oldest, newest)| *oldest < until && *newest >= from)
}
