//! Evidence summaries: what a report needs of all evidence.
//!
//! Enters: a segment; or the extracts of all its shards, one at a time, and the evidence outside shards. Leaves: an
//! [`EvidenceSummary`]. Laws: both inputs give the same summary; the summary covers only the period, and events
//! outside it change only their count and, in the [`LEAD_IN_HOURS`] before it, the lead-in; a summary from extracts needs the memory of a tally, whatever the number of
//! events.

mod cut_listings;
mod listed_log_files;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use self::{cut_listings::CutListings, listed_log_files::ListedLogFiles};
use crate::{
    event::CallKey,
    extract::{Extract, SecondsOfHour},
    hex::hex,
    origin::CallOrigins,
    period::{Period, PeriodInference},
    principal::MAX_FEDERATED_SESSION_HOURS,
    record::{DeliveryForm, DigestWindow},
    segment::{EventRow, EvidenceHasher, MissingLogFile, Segment, Shard, ShardEvidence, ShardTables},
    tally::{PrincipalsById, Tally, TallyBuilder, TallyMerge, TimeBucket},
    time::{HOUR_SECONDS, Hour, Time},
};

/// The requested scope of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportScope {
    /// First second of the period; if absent, it is inferred from the evidence.
    pub since: Option<Time>,
    /// First second after the period; if absent, it is inferred from the evidence.
    pub until: Option<Time>,
    /// Hours with evidence known to be incomplete, whatever events they have. If a bound of the period is absent,
    /// they count as evidence for it.
    pub incomplete_hours: BTreeSet<Shard>,
}

impl ReportScope {
    /// This period, without hours known to be incomplete.
    pub fn between(since: Option<Time>, until: Option<Time>) -> Self {
        Self { since, until, ..Self::default() }
    }

    /// Whether an hour is within the given bounds.
    pub fn contains(&self, hour: Hour) -> bool {
        self.since.is_none_or(|since| since.hour() <= hour)
            && self.until.is_none_or(|until| hour < Hour(until.0.div_ceil(HOUR_SECONDS)))
    }

    /// Whether an hour is one of the [`LEAD_IN_HOURS`] before the given beginning.
    pub fn leads_in(&self, hour: Hour) -> bool {
        let from = |since: Time| Hour(since.hour().0.saturating_sub(LEAD_IN_HOURS));
        self.since.is_some_and(|since| (from(since)..since.hour()).contains(&hour))
    }
}

/// What is known about the evidence itself, besides the tally.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceQuality {
    /// Number of pieces that could not be read, by reason.
    pub unreadable: BTreeMap<String, u64>,
    /// Events that were delivered with two contents under one identity.
    pub conflicting_events: u64,
    /// CloudTrail Insights events. They are counted separately.
    pub insight_events: u64,
    /// Log files of the period that digest files list and of which the evidence shows no event.
    pub missing_log_files: Vec<MissingLogFile>,
    /// Hours in which a list of events ends before its last page.
    pub cut_hours: u64,
    /// Forms in which services other than CloudTrail delivered events.
    pub delivery_forms: BTreeSet<DeliveryForm>,
    /// SHA-256 of the evidence in canonical form, in hex.
    pub sha256: String,
    /// Where calls of the period came from, as far as the reader of the records kept it. No part of the hash.
    pub origins: CallOrigins,
}

/// Hours before a period of which the lead-in tells: the longest session.
pub const LEAD_IN_HOURS: u32 = MAX_FEDERATED_SESSION_HOURS;

/// What happened in the [`LEAD_IN_HOURS`] before the period and has effects in it. Empty if the period has no given
/// beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeadIn {
    /// The calls of these hours that [have later effects](crate::event::CallKey::has_later_effect), counted.
    pub tally: Tally,
    /// Those of these hours that have an event, or that digest files cover.
    pub hours: BTreeSet<Shard>,
    /// The quarter hours with an event that only a trail with the events of global services has, by account and region.
    pub global_service_events: BTreeMap<(Arc<str>, Arc<str>), BTreeSet<TimeBucket>>,
}

/// Sources of events that a trail has only if it logs events of global services. Events of AWS STS do not show it,
/// because its regional endpoints have events too. AWS CloudTrail User Guide, "Global service events", read 2026-11.
const GLOBAL_SOURCES: [&str; 2] = ["iam.amazonaws.com", "cloudfront.amazonaws.com"];

/// The quarter hours with an event that only a trail with the events of global services has, by account and region.
pub fn global_service_events(tally: &Tally) -> BTreeMap<(Arc<str>, Arc<str>), BTreeSet<TimeBucket>> {
    let mut events: BTreeMap<_, BTreeSet<TimeBucket>> = BTreeMap::new();
    for line in tally.lines().filter(|line| GLOBAL_SOURCES.contains(&&*line.call_key.source)) {
        let place = (Arc::clone(&line.actor.account), Arc::clone(&line.actor.region));
        events.entry(place).or_default().extend(line.buckets.iter().map(|(bucket, _)| *bucket));
    }
    events
}

impl LeadIn {
    /// Adds the global service events of a tally of these hours, and gives its calls with later effects.
    fn add(&mut self, tally: Tally) -> Tally {
        for (place, buckets) in global_service_events(&tally) {
            self.global_service_events.entry(place).or_default().extend(buckets);
        }
        tally.filter(CallKey::has_later_effect)
    }
}

/// What a report needs of all evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceSummary {
    /// What happened before the period and has effects in it.
    pub lead_in: LeadIn,
    /// The events of the period, counted.
    pub tally: Tally,
    /// Quality of the evidence.
    pub evidence_quality: EvidenceQuality,
    /// Hours that digest files cover, within the requested bounds.
    pub digest_hours: BTreeSet<Shard>,
    /// Hours with evidence known to be incomplete.
    pub incomplete_hours: BTreeSet<Shard>,
    /// The period; absent when neither the request nor the evidence gives one.
    pub period: Option<Period>,
    /// What was inferred of the period. The tally has the events outside an inferred bound too.
    pub inference: PeriodInference,
    /// Number of events outside the period, which are not in the tally. From extracts: of those that were added.
    pub outside_period: u64,
}

impl EvidenceSummary {
    /// The summary of a whole segment.
    pub fn from_segment(mut segment: Segment, scope: ReportScope) -> Self {
        let mut builder = EvidenceSummaryBuilder::start(segment.take_unsharded(), scope);
        if builder.scope.since.is_some() {
            let before = segment.events_of_hours(|hour| builder.scope.leads_in(hour));
            builder.lead_in.hours = before.shards();
            builder.lead_in.tally = builder.lead_in.add(Tally::of(before));
        }
        builder.cut_listings.search_segment(&segment, &builder.scope);
        builder.outside_period = segment.retain_hours(|hour| builder.scope.contains(hour));
        for (shard, sha256) in segment.shard_hashes() {
            builder.hash.add(&shard, &sha256);
            builder.hours.insert(shard.hour);
        }
        builder.log_files.search_segment(&segment);
        builder.conflicts = segment.conflicts().len() as u64;
        segment.origins().values().cloned().for_each(|origins| builder.origins.merge(origins));
        builder.build(Tally::of(segment))
    }

    /// The summary of no evidence in the same period.
    #[must_use]
    pub fn without_evidence(&self) -> Self {
        let bounds = self.period.map(|period| (period.from.start(), period.until.start()));
        let (since, until) = bounds.unzip();
        Self::from_segment(Segment::default(), ReportScope::between(since, until))
    }
}

/// Why extracts cannot be combined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceSummaryError {
    /// The evidence outside shards has events.
    #[error("the evidence outside account, region and hour contains events")]
    UnshardedEvents,
    /// A shard does not follow the one before.
    #[error("the evidence of `{0}` is out of order")]
    OutOfOrder(Shard),
}

/// Builds an evidence summary from extracts, in order of their shards.
pub struct EvidenceSummaryBuilder {
    scope: ReportScope,
    lead_in: LeadIn,
    lead_in_tallies: TallyMerge,
    unsharded: Segment,
    log_files: ListedLogFiles,
    cut_listings: CutListings,
    hash: EvidenceHasher,
    tallies: TallyMerge,
    last_shard: Option<Shard>,
    /// Hours with evidence.
    hours: BTreeSet<Hour>,
    conflicts: u64,
    origins: CallOrigins,
    outside_period: u64,
}

impl EvidenceSummaryBuilder {
    /// Begins with the evidence outside shards: the second part of [`Segment::split_by_shard`], of all evidence.
    ///
    /// # Errors
    /// [`EvidenceSummaryError::UnshardedEvents`].
    pub fn new(mut unsharded: Segment, scope: ReportScope) -> Result<Self, EvidenceSummaryError> {
        let builder = Self::start(unsharded.take_unsharded(), scope);
        if unsharded.is_empty() { Ok(builder) } else { Err(EvidenceSummaryError::UnshardedEvents) }
    }

    fn start(unsharded: Segment, scope: ReportScope) -> Self {
        Self {
            log_files: ListedLogFiles::of(unsharded.digest_windows(), &scope),
            cut_listings: CutListings::of(unsharded.delivery_facts(), &scope),
            unsharded,
            scope,
            lead_in: LeadIn::default(),
            lead_in_tallies: TallyMerge::default(),
            hash: EvidenceHasher::default(),
            tallies: TallyMerge::default(),
            last_shard: None,
            hours: BTreeSet::new(),
            conflicts: 0,
            origins: CallOrigins::default(),
            outside_period: 0,
        }
    }

    /// Adds the extract of the whole evidence of a shard. Shards outside the scope and its lead-in may be omitted.
    ///
    /// # Errors
    /// [`EvidenceSummaryError::OutOfOrder`].
    pub fn add(&mut self, extract: Extract) -> Result<(), EvidenceSummaryError> {
        let Extract { shard, sha256, conflicts, origins, seconds, tally } = extract;
        if self.last_shard.as_ref().is_some_and(|last| *last >= shard) {
            return Err(EvidenceSummaryError::OutOfOrder(shard));
        }
        if self.scope.contains(shard.hour) || self.scope.leads_in(shard.hour) {
            self.cut_listings.search_shard(&shard, &seconds);
        }
        if self.scope.contains(shard.hour) {
            self.hash.add(&shard, &sha256);
            self.hours.insert(shard.hour);
            self.log_files.search_shard(&shard, &seconds);
            self.conflicts += conflicts;
            self.origins.merge(origins);
            self.tallies.add(tally);
        } else {
            self.outside_period += tally.events();
            if self.scope.leads_in(shard.hour) {
                self.lead_in.hours.insert(shard.clone());
                self.lead_in_tallies.add(self.lead_in.add(tally));
            }
        }
        self.last_shard = Some(shard);
        Ok(())
    }

    /// Finishes the evidence summary with all shards of these rows, in order, instead of extracts. Returns the number of distinct
    /// events too.
    ///
    /// # Errors
    /// The first error of the rows.
    pub fn finish_with<E>(
        mut self,
        tables: &mut ShardTables,
        shards: impl Iterator<Item = Result<(Shard, Vec<EventRow>), E>>,
    ) -> Result<(EvidenceSummary, u64), E> {
        let (mut tally, mut lead_in, mut distinct) = (TallyBuilder::default(), TallyBuilder::default(), 0);
        for next in shards {
            let (shard, rows) = next?;
            let ShardEvidence { sha256, conflicts, origins, mut rows } = tables.evidence(&shard, rows);
            distinct += rows.len() as u64;
            let (is_inside, leads_in) = (self.scope.contains(shard.hour), self.scope.leads_in(shard.hour));
            if is_inside || leads_in {
                let mut seconds = SecondsOfHour::default();
                rows.iter().for_each(|row| seconds.insert(row.time));
                self.cut_listings.search_shard(&shard, &seconds);
                if is_inside {
                    self.log_files.search_shard(&shard, &seconds);
                }
            }
            if is_inside {
                self.hash.add(&shard, &sha256);
                self.hours.insert(shard.hour);
                self.conflicts += conflicts;
                self.origins.merge(origins);
                tally.add(&shard, &mut rows);
            } else {
                self.outside_period += rows.len() as u64;
                if leads_in {
                    self.lead_in.hours.insert(shard.clone());
                    lead_in.add(&shard, &mut rows);
                }
            }
        }
        let tally = tally.finish(tables.actors(), tables.call_keys());
        let lead_in = lead_in.finish(tables.actors(), tables.call_keys());
        self.lead_in.tally = self.lead_in.add(lead_in);
        Ok((self.build(tally), distinct))
    }

    /// Finishes the evidence summary.
    pub fn finish(mut self) -> EvidenceSummary {
        let tally = std::mem::take(&mut self.tallies).finish();
        self.lead_in.tally = std::mem::take(&mut self.lead_in_tallies).finish();
        self.build(tally)
    }

    fn build(mut self, tally: Tally) -> EvidenceSummary {
        let mut principals = PrincipalsById::default();
        principals.add(&tally);
        principals.add(&self.lead_in.tally);
        let tally = tally.with_principals(&principals);
        self.lead_in.tally = std::mem::take(&mut self.lead_in.tally).with_principals(&principals);
        let digest_hours: BTreeSet<&Shard> = self.unsharded.digest_hours().collect();
        let has_open_page = self.cut_listings.has_open_page();
        let cut = std::mem::take(&mut self.cut_listings).incomplete(|shard| digest_hours.contains(shard));
        let cut_hours = cut.len() as u64;
        self.scope.incomplete_hours.extend(cut);
        let covered =
            self.unsharded.digest_hours().chain(&self.scope.incomplete_hours).map(|shard| shard.hour);
        self.hours.extend(covered.filter(|hour| self.scope.contains(*hour)));
        let quiet = self.unsharded.digest_hours().filter(|shard| self.scope.leads_in(shard.hour));
        self.lead_in.hours.extend(quiet.cloned());
        let Self {
            scope,
            lead_in,
            mut unsharded,
            log_files,
            hash,
            hours,
            conflicts,
            origins,
            outside_period,
            ..
        } = self;
        let (period, inference) = PeriodInference::of(scope.since, scope.until, &hours);
        // Digest files of a part outside the period are evidence too.
        let whole = hours.first().zip(hours.last()).map(|(first, last)| (first.start(), last.start()));
        let whole = Period::from_bounds(scope.since, scope.until, whole);
        let inside = |hour: Hour| whole.is_none_or(|whole| whole.contains(hour));
        unsharded.retain_digest_windows(|window| whole.is_none_or(|whole| overlaps(window, whole)));
        let mut unreadable: BTreeMap<String, u64> = BTreeMap::new();
        for reason in unsharded.unreadable().values() {
            *unreadable.entry(reason.description().trim_end_matches(':').to_owned()).or_default() += 1;
        }
        if has_open_page {
            unreadable.insert(OPEN_PAGE.to_owned(), 1);
        }
        let evidence_quality = EvidenceQuality {
            unreadable,
            conflicting_events: conflicts,
            insight_events: unsharded.insight_events().len() as u64,
            missing_log_files: log_files.missing(&scope, whole),
            cut_hours,
            delivery_forms: unsharded.delivery_forms(),
            sha256: hex(&hash.finish(&unsharded)),
            origins,
        };
        let digest_hours = unsharded.digest_hours().filter(|shard| inside(shard.hour)).cloned().collect();
        EvidenceSummary {
            lead_in,
            tally,
            evidence_quality,
            digest_hours,
            incomplete_hours: scope.incomplete_hours,
            period,
            inference,
            outside_period,
        }
    }
}

/// What a page without events and with a token is: it does not say of which list it is.
const OPEN_PAGE: &str = "a page without events says that more follow";

/// Whether a window, or a log file that it lists, overlaps the period.
fn overlaps(window: &DigestWindow, period: Period) -> bool {
    let (from, until) = (period.from.start(), period.until.start());
    let overlaps = |first: Time, end: Time| first < until && end > from;
    overlaps(window.start, window.end)
        || window.log_files.iter().any(|(oldest, newest)| *oldest < until && *newest >= from)
}
