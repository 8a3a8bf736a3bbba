//! The contents of a slice.
//!
//! Enters: pages, in any order, some of them repeatedly. Leaves: a [`Segment`] that covers the slice. Laws: every
//! record is an event, an Insight event, unreadable, or dropped because its principal is not watched; the same record
//! text read twice counts once.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::{AccountRegion, TimeSlice};
use crate::{
    audit::{AuditCriteria, AuditTrailEntry, CallRecorder, RecordedCall},
    config::Config,
    event::Event,
    hex::hex,
    ports::{ProcessedObject, StoredObject},
    principal::PrincipalKind,
    record::{
        self, DigestWindow, Fingerprint, Inflater, ReadLimits, Record, RecordError, RecordVisitor,
        UnreadablePiece, UnreadablePosition,
    },
    segment::{Segment, SegmentBuilder},
    time::Time,
};

/// A page in the format of LookupEvents, which the record reader accepts.
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
    slice: TimeSlice,
    /// The configuration that names the watched principals to keep; `None` keeps all principals.
    watched: Option<&'a Config>,
    /// Fingerprint of the watches in force; `None` when events of all principals are kept.
    watch_fingerprint: Option<Fingerprint>,
    builder: SegmentBuilder,
    unreadable: BTreeMap<Fingerprint, UnreadablePosition>,
    has_dropped: bool,
    /// Events of the second in which the slice ends. They are kept, and counted in the next slice.
    of_next_slice: u64,
    /// Dropped events of the slice; one of the second in which it ends is counted in the next slice.
    dropped: u64,
    bytes: u64,
    /// Fingerprints of the record texts read.
    seen: HashSet<u128>,
    oldest: Option<Time>,
    /// Number of records read before this page.
    records_before_page: u64,
    inflater: Inflater,
    audit: Option<CallRecorder<'a>>,
    audit_entries: Vec<AuditTrailEntry>,
}

/// The contents of a slice that was read completely.
#[derive(Clone, Debug, Default)]
pub struct SliceContents {
    /// The evidence, with the window that covers the slice.
    pub segment: Segment,
    /// Positions that could not be read.
    pub unreadable: Vec<UnreadablePosition>,
    /// Number of records looked up, readable or not, each once.
    pub records: u64,
    /// Number of bytes of the records.
    pub bytes: u64,
    /// Dropped events of principals that are not watched.
    pub dropped: u64,
    /// [`Config::watch_fingerprint`] of the configuration that decided this. Absent when no event was dropped.
    pub watch_fingerprint: Option<Fingerprint>,
    /// Identifies the set of record texts that were looked up: the sum of their fingerprints.
    pub records_fingerprint: u128,
    /// The entries of the calls for the audit trail, if they are recorded.
    pub audit_entries: Vec<AuditTrailEntry>,
}

impl SliceContents {
    /// The slice in the form of a log file that was read. It has no version, because a later lookup may return more
    /// events.
    pub fn as_object(&self, account_region: &AccountRegion, slice: TimeSlice) -> ProcessedObject {
        ProcessedObject {
            object: StoredObject {
                name: object_name(account_region, slice),
                size: self.bytes,
                version: String::new(),
            },
            sha256: hex(&self.segment.sha256()),
            content: None,
            records: self.records,
            unreadable: self.unreadable.clone(),
        }
    }

    /// Adds the contents of another slice except its segment, which is returned.
    pub(super) fn add(&mut self, other: Self) -> Segment {
        self.unreadable.extend(other.unreadable);
        self.records += other.records;
        self.bytes += other.bytes;
        self.dropped += other.dropped;
        self.watch_fingerprint = self.watch_fingerprint.or(other.watch_fingerprint);
        self.records_fingerprint = self.records_fingerprint.wrapping_add(other.records_fingerprint);
        self.audit_entries.extend(other.audit_entries);
        other.segment
    }
}

impl<'a> SliceBuilder<'a> {
    pub(super) fn new(
        account_region: &AccountRegion,
        slice: TimeSlice,
        watched: Option<&'a Config>,
        audit: Option<AuditCriteria<'a>>,
    ) -> Self {
        Self {
            name: object_name(account_region, slice),
            slice,
            watched,
            watch_fingerprint: watched.map(Config::watch_fingerprint),
            builder: SegmentBuilder::default(),
            unreadable: BTreeMap::new(),
            has_dropped: false,
            of_next_slice: 0,
            dropped: 0,
            bytes: 0,
            seen: HashSet::new(),
            oldest: None,
            records_before_page: 0,
            inflater: Inflater::default(),
            audit: audit.and_then(CallRecorder::new),
            audit_entries: Vec::new(),
        }
    }

    /// Adds the records of a page.
    pub(super) fn add_page(&mut self, records: &[String]) {
        self.records_before_page = self.seen.len() as u64;
        let mut events = Vec::with_capacity(records.len());
        // With another configuration the same record texts may give other contents.
        let watch_fingerprint =
            self.watch_fingerprint.map(|watch_fingerprint| watch_fingerprint.0.to_be_bytes());
        for record in records {
            let parts = [
                Some(record.as_bytes()),
                watch_fingerprint.as_ref().map(|watch_fingerprint| &watch_fingerprint[..]),
            ];
            let parts: Vec<&[u8]> = parts.into_iter().flatten().collect();
            if self.seen.insert(Fingerprint::of("looked up", &parts).0) {
                self.bytes += record.len() as u64;
                events.push(EventsPageEntry { record });
            }
        }
        if events.is_empty() {
            return;
        }
        // Serializing strings to JSON does not fail; if it did, the empty page would be unreadable.
        let page = serde_json::to_vec(&EventsPage { events }).unwrap_or_default();
        let mut inflater = std::mem::take(&mut self.inflater);
        record::read_log_file(&page, ReadLimits::default(), &mut inflater, self);
        self.inflater = inflater;
    }

    /// The time of the oldest event read.
    pub(super) const fn oldest(&self) -> Option<Time> {
        self.oldest
    }

    /// The contents, with a window that covers the whole slice.
    pub(super) fn finish(mut self, account_region: &AccountRegion, slice: TimeSlice) -> SliceContents {
        self.builder.push_digest_window(DigestWindow {
            account: account_region.account.clone(),
            region: account_region.region.clone(),
            start: slice.since,
            end: slice.until,
            log_files: Default::default(),
        });
        SliceContents {
            segment: self.builder.finish(),
            unreadable: self.unreadable.into_values().collect(),
            records: (self.seen.len() as u64).saturating_sub(self.of_next_slice),
            bytes: self.bytes,
            dropped: self.dropped,
            watch_fingerprint: self.watch_fingerprint.filter(|_| self.has_dropped),
            audit_entries: self.audit_entries,
            records_fingerprint: self.seen.into_iter().fold(0, u128::wrapping_add),
        }
    }
}

/// The name of a slice, used like the name of a log file.
fn object_name(account_region: &AccountRegion, slice: TimeSlice) -> String {
    format!("lookup://{}/{}/{}/{}", account_region.account, account_region.region, slice.since, slice.until)
}

/// Whether an event may be dropped when only watched principals are kept. Events of unknown and anonymous principals, of
/// principals of other accounts and of the root user are always kept, because rules examine them whatever is watched.
fn is_unwatched(event: &Event, config: &Config) -> bool {
    let principal = &event.actor.principal;
    let is_unidentified = matches!(
        principal.kind,
        PrincipalKind::Unknown | PrincipalKind::Anonymous | PrincipalKind::AwsAccount
    );
    let issuer = event.actor.session.issuer.as_deref();
    let is_watched = config.watch_for(principal).is_some()
        || issuer.is_some_and(|arn| config.watch_for_arn(arn).is_some());
    !is_unidentified && principal.kind != PrincipalKind::Root && !is_watched
}

impl RecordVisitor for SliceBuilder<'_> {
    fn visit_record(&mut self, record: &Record<'_>, text: &[u8]) -> Result<(), RecordError> {
        let event = Event::from_record(record)?;
        self.of_next_slice += u64::from(self.slice.ends_at(event.time));
        self.oldest = Some(self.oldest.map_or(event.time, |oldest| oldest.min(event.time)));
        if self.watched.is_some_and(|config| is_unwatched(&event, config)) {
            self.has_dropped = true;
            self.dropped += u64::from(!self.slice.ends_at(event.time));
        } else {
            let position = self.builder.push(event);
            if let Some(recorder) = &mut self.audit {
                let RecordedCall { entry, needs_origin } = recorder.record(record, text, position);
                self.audit_entries.extend(entry);
                if needs_origin {
                    self.builder.push_origin(record);
                }
            }
        }
        Ok(())
    }

    fn visit_insight(&mut self, identity: Fingerprint) {
        self.builder.push_insight(identity);
    }

    /// A page contains only records; a digest in place of a record is an unreadable record.
    fn visit_digest_window(&mut self, _: DigestWindow) {}

    fn visit_unreadable(&mut self, piece: UnreadablePiece) {
        self.builder.push_unreadable(piece.fingerprint, piece.error.reason);
        let number = self.records_before_page + piece.record_index;
        let file = format!("{}#{number}", self.name);
        // The bytes of a page are not those of a file.
        let position = UnreadablePosition::new(&file, &piece, None);
        let position = UnreadablePosition { byte: None, record: Some(number), ..position };
        self.unreadable.entry(piece.fingerprint).or_insert(position);
    }
}
