//! What the pages of a slice say.
//!
//! Enters: pages, in any order, any of them twice. Leaves: a [`Segment`] that vouches for the slice. Laws: every record
//! is an event, an Insight, unreadable or dropped as nobody's watched; the same text read twice counts once.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::{AccountRegion, TimeSlice};
use crate::{
    config::Config,
    event::Event,
    ports::{ProcessedObject, StoredObject},
    principal::PrincipalKind,
    record::{
        self, DigestWindow, Fingerprint, Inflater, ReadLimits, Record, RecordError, RecordVisitor,
        UnreadablePiece,
    },
    report::{UnreadablePosition, hex},
    segment::{Segment, SegmentBuilder},
    time::Time,
};

/// A page as LookupEvents writes it, which is a form the record reader knows.
#[derive(Serialize)]
struct EventsPage<'a> {
    #[serde(rename = "Events")]
    events: Vec<EventsPageEntry<'a>>,
}

#[derive(Serialize)]
struct EventsPageEntry<'a> {
    #[serde(rename = "CloudTrailEvent")]
    record: &'a str,
}

/// What was read of a slice.
pub(super) struct SliceBuilder<'a> {
    name: String,
    /// Keep watched principals only: those of this configuration.
    watched: Option<&'a Config>,
    /// Whom it watches; none where everybody is kept.
    watch_fingerprint: Option<Fingerprint>,
    builder: SegmentBuilder,
    unreadable: BTreeMap<Fingerprint, UnreadablePosition>,
    dropped: u64,
    bytes: u64,
    /// Texts read.
    seen: HashSet<u128>,
    oldest: Option<Time>,
    /// Records read before this page.
    records_before_page: u64,
    inflater: Inflater,
}

/// What a slice holds, once it was read to its end.
#[derive(Clone, Debug, Default)]
pub struct SliceContents {
    /// The evidence, with the window that vouches for the slice.
    pub segment: Segment,
    /// Where it could not be read.
    pub unreadable: Vec<UnreadablePosition>,
    /// Records looked up, readable or not, each once.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Events of principals nobody watches, left out.
    pub dropped: u64,
    /// By whose word they were: [`Config::watches`]. Absent when none was left out.
    pub watch_fingerprint: Option<Fingerprint>,
    /// Stands for the set of texts that were looked up: the sum of their fingerprints.
    pub records_fingerprint: u128,
}

impl SliceContents {
    /// The same as an object that was read. It has no version: the same slice may hold more next time.
    pub fn as_object(&self, lane: &AccountRegion, slice: TimeSlice) -> ProcessedObject {
        ProcessedObject {
            object: StoredObject { name: object_name(lane, slice), size: self.bytes, version: String::new() },
            sha256: hex(&self.segment.sha256()),
            records: self.records,
            unreadable: self.unreadable.clone(),
        }
    }

    /// Adds what another slice holds, all but its segment, which it gives.
    pub(super) fn add(&mut self, other: Self) -> Segment {
        self.unreadable.extend(other.unreadable);
        self.records += other.records;
        self.bytes += other.bytes;
        self.dropped += other.dropped;
        self.watch_fingerprint = self.watch_fingerprint.or(other.watch_fingerprint);
        self.records_fingerprint = self.records_fingerprint.wrapping_add(other.records_fingerprint);
        other.segment
    }
}

impl<'a> SliceBuilder<'a> {
    pub(super) fn new(lane: &AccountRegion, slice: TimeSlice, watched: Option<&'a Config>) -> Self {
        Self {
            name: object_name(lane, slice),
            watched,
            watch_fingerprint: watched.map(Config::watch_fingerprint),
            builder: SegmentBuilder::default(),
            unreadable: BTreeMap::new(),
            dropped: 0,
            bytes: 0,
            seen: HashSet::new(),
            oldest: None,
            records_before_page: 0,
            inflater: Inflater::default(),
        }
    }

    /// Reads a page.
    pub(super) fn add_page(&mut self, records: &[String]) {
        self.records_before_page = self.seen.len() as u64;
        let mut events = Vec::with_capacity(records.len());
        // By another configuration the same texts may leave something else.
        let watches = self.watch_fingerprint.map(|watches| watches.0.to_be_bytes());
        for record in records {
            let parts = [Some(record.as_bytes()), watches.as_ref().map(|watches| &watches[..])];
            let parts: Vec<&[u8]> = parts.into_iter().flatten().collect();
            if self.seen.insert(Fingerprint::of("looked up", &parts).0) {
                self.bytes += record.len() as u64;
                events.push(EventsPageEntry { record });
            }
        }
        if events.is_empty() {
            return;
        }
        // Texts always become JSON; if one did not, an empty page is unreadable.
        let page = serde_json::to_vec(&EventsPage { events }).unwrap_or_default();
        let mut inflater = std::mem::take(&mut self.inflater);
        record::read_log_file(&page, ReadLimits::default(), &mut inflater, self);
        self.inflater = inflater;
    }

    /// The time of the oldest event read.
    pub(super) const fn oldest(&self) -> Option<Time> {
        self.oldest
    }

    /// What was read, as all there is of the slice.
    pub(super) fn finish(mut self, lane: &AccountRegion, slice: TimeSlice) -> SliceContents {
        self.builder.push_digest_window(DigestWindow {
            account: lane.account.clone(),
            region: lane.region.clone(),
            start: slice.since,
            end: slice.until,
            log_files: Default::default(),
        });
        SliceContents {
            segment: self.builder.finish(),
            unreadable: self.unreadable.into_values().collect(),
            records: self.seen.len() as u64,
            bytes: self.bytes,
            dropped: self.dropped,
            watch_fingerprint: self.watch_fingerprint.filter(|_| self.dropped > 0),
            records_fingerprint: self.seen.into_iter().fold(0, u128::wrapping_add),
        }
    }
}

/// What stands where an object has its name.
fn object_name(lane: &AccountRegion, slice: TimeSlice) -> String {
    format!("lookup://{}/{}/{}/{}", lane.account, lane.region, slice.since, slice.until)
}

/// Whether an event may be left out where only watched principals are of interest. Whoever may be anybody, and root, are
/// of interest always: rules look at them whatever is watched.
fn is_unwatched(event: &Event, config: &Config) -> bool {
    let principal = &event.actor.principal;
    let anybody = matches!(principal.kind, PrincipalKind::Unknown | PrincipalKind::Anonymous);
    let issuer = event.actor.session.issuer.as_deref();
    let is_watched = config.watch_for(principal).is_some()
        || issuer.is_some_and(|arn| config.watch_for_arn(arn).is_some());
    !anybody && principal.kind != PrincipalKind::Root && !is_watched
}

impl RecordVisitor for SliceBuilder<'_> {
    fn visit_record(&mut self, record: &Record<'_>) -> Result<(), RecordError> {
        let event = Event::from_record(record)?;
        self.oldest = Some(self.oldest.map_or(event.time, |oldest| oldest.min(event.time)));
        if self.watched.is_some_and(|config| is_unwatched(&event, config)) {
            self.dropped += 1;
        } else {
            self.builder.push(event);
        }
        Ok(())
    }

    fn visit_insight(&mut self, identity: Fingerprint) {
        self.builder.push_insight(identity);
    }

    /// A page holds records only; a digest instead of one is an unreadable record.
    fn visit_digest_window(&mut self, _: DigestWindow) {}

    fn visit_unreadable(&mut self, piece: UnreadablePiece) {
        let UnreadablePiece {
            error: RecordError { reason, field }, fingerprint, record_index: record, ..
        } = piece;
        self.builder.push_unreadable(fingerprint, reason);
        let number = self.records_before_page + record;
        let field = field.map(|field| format!(" `{field}`")).unwrap_or_default();
        self.unreadable.entry(fingerprint).or_insert(UnreadablePosition {
            file: format!("{}#{number}", self.name),
            byte: None,
            record: Some(number),
            reason: format!("{}{field}", reason.description()),
        });
    }
}
