//! What the pages of a slice say.
//!
//! Enters: pages, in any order, any of them twice. Leaves: a [`Segment`] that vouches for the slice. Laws: every record
//! is an event, an Insight, unreadable or dropped as nobody's watched; the same text read twice counts once.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::{Lane, Slice};
use crate::{
    config::Config,
    event::Event,
    ports::{Object, ReadObject},
    principal::PrincipalKind,
    record::{self, Fault, Fingerprint, Inflater, Limits, Observed, Record, Unreadable, Visit},
    report::{UnreadablePosition, hex},
    segment::{Draft, Segment},
    time::Time,
};

/// A page as LookupEvents writes it, which is a form the record reader knows.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "Events")]
    events: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(rename = "CloudTrailEvent")]
    record: &'a str,
}

/// What was read of a slice.
pub(super) struct Sheet<'a> {
    name: String,
    /// Keep watched principals only: those of this configuration.
    watched: Option<&'a Config>,
    /// Whom it watches; none where everybody is kept.
    watches: Option<Fingerprint>,
    draft: Draft,
    unreadable: BTreeMap<Fingerprint, UnreadablePosition>,
    dropped: u64,
    bytes: u64,
    /// Texts read.
    seen: HashSet<u128>,
    oldest: Option<Time>,
    /// Records read before this page.
    before: u64,
    inflater: Inflater,
}

/// What a slice holds, once it was read to its end.
#[derive(Clone, Debug, Default)]
pub struct Contents {
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
    pub watches: Option<Fingerprint>,
    /// Stands for the set of texts that were looked up: the sum of their fingerprints.
    pub seen: u128,
}

impl Contents {
    /// The same as an object that was read. It has no version: the same slice may hold more next time.
    pub fn as_object(&self, lane: &Lane, slice: Slice) -> ReadObject {
        ReadObject {
            object: Object { name: name(lane, slice), size: self.bytes, version: String::new() },
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
        self.watches = self.watches.or(other.watches);
        self.seen = self.seen.wrapping_add(other.seen);
        other.segment
    }
}

impl<'a> Sheet<'a> {
    pub(super) fn new(lane: &Lane, slice: Slice, watched: Option<&'a Config>) -> Self {
        Self {
            name: name(lane, slice),
            watched,
            watches: watched.map(Config::watches),
            draft: Draft::default(),
            unreadable: BTreeMap::new(),
            dropped: 0,
            bytes: 0,
            seen: HashSet::new(),
            oldest: None,
            before: 0,
            inflater: Inflater::default(),
        }
    }

    /// Reads a page.
    pub(super) fn read(&mut self, records: &[String]) {
        self.before = self.seen.len() as u64;
        let mut events = Vec::with_capacity(records.len());
        // By another configuration the same texts may leave something else.
        let watches = self.watches.map(|watches| watches.0.to_be_bytes());
        for record in records {
            let parts = [Some(record.as_bytes()), watches.as_ref().map(|watches| &watches[..])];
            let parts: Vec<&[u8]> = parts.into_iter().flatten().collect();
            if self.seen.insert(Fingerprint::of("looked up", &parts).0) {
                self.bytes += record.len() as u64;
                events.push(Entry { record });
            }
        }
        if events.is_empty() {
            return;
        }
        // Texts always become JSON; if one did not, an empty page is unreadable.
        let page = serde_json::to_vec(&Written { events }).unwrap_or_default();
        let mut inflater = std::mem::take(&mut self.inflater);
        record::read(&page, Limits::default(), &mut inflater, self);
        self.inflater = inflater;
    }

    /// The time of the oldest event read.
    pub(super) const fn oldest(&self) -> Option<Time> {
        self.oldest
    }

    /// What was read, as all there is of the slice.
    pub(super) fn close(mut self, lane: &Lane, slice: Slice) -> Contents {
        self.draft.push_observed(Observed {
            account: lane.account.clone(),
            region: lane.region.clone(),
            start: slice.since,
            end: slice.until,
            logs: Default::default(),
        });
        Contents {
            segment: self.draft.finish(),
            unreadable: self.unreadable.into_values().collect(),
            records: self.seen.len() as u64,
            bytes: self.bytes,
            dropped: self.dropped,
            watches: self.watches.filter(|_| self.dropped > 0),
            seen: self.seen.into_iter().fold(0, u128::wrapping_add),
        }
    }
}

/// What stands where an object has its name.
fn name(lane: &Lane, slice: Slice) -> String {
    format!("lookup://{}/{}/{}/{}", lane.account, lane.region, slice.since, slice.until)
}

/// Whether an event may be left out where only watched principals are of interest. Whoever may be anybody, and root, are
/// of interest always: rules look at them whatever is watched.
fn is_nobodys(event: &Event, config: &Config) -> bool {
    let principal = &event.actor.principal;
    let anybody = matches!(principal.kind, PrincipalKind::Unknown | PrincipalKind::Anonymous);
    let issuer = event.actor.session.issuer.as_deref();
    let is_watched =
        config.watched(principal).is_some() || issuer.is_some_and(|arn| config.watched_arn(arn).is_some());
    !anybody && principal.kind != PrincipalKind::Root && !is_watched
}

impl Visit for Sheet<'_> {
    fn record(&mut self, record: &Record<'_>) -> Result<(), Fault> {
        let event = Event::from_record(record)?;
        self.oldest = Some(self.oldest.map_or(event.time, |oldest| oldest.min(event.time)));
        if self.watched.is_some_and(|config| is_nobodys(&event, config)) {
            self.dropped += 1;
        } else {
            self.draft.push(event);
        }
        Ok(())
    }

    fn insight(&mut self, identity: Fingerprint) {
        self.draft.push_aside(identity);
    }

    /// A page holds records only; a digest instead of one is an unreadable record.
    fn observed(&mut self, _: Observed) {}

    fn unreadable(&mut self, piece: Unreadable) {
        let Unreadable { fault: Fault { reason, field }, fingerprint, record, .. } = piece;
        self.draft.push_unreadable(fingerprint, reason);
        let number = self.before + record;
        let field = field.map(|field| format!(" `{field}`")).unwrap_or_default();
        self.unreadable.entry(fingerprint).or_insert(UnreadablePosition {
            object: format!("{}#{number}", self.name),
            byte: None,
            record: Some(number),
            reason: format!("{}{field}", reason.sentence()),
        });
    }
}
