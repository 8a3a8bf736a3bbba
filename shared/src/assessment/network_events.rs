//! Network activity events of calls that the evidence has as management or data events too.
//!
//! Enters: the tally of the period and a call. Leaves: the call, divided into second records of other calls and the
//! rest. Laws: no event is lost; a network activity event without its counterpart is a call, and an event about other resources
//! is none.
//!
//! A trail that logs network activity events has two events of one call through a VPC endpoint, because network activity
//! events are a category of their own, for the owner of the endpoint (AWS CloudTrail User Guide, "Logging network
//! activity events", read 2026-11). A call that the policy of the endpoint denied has only the network activity event.

use std::{collections::HashMap, sync::Arc};

use super::{CallSubset, ClassifiedCall, may_be_same};
use crate::{
    event::{EventClass, Outcome},
    principal::{Principal, Session},
    tally::{SampleEvent, Tally, TallyLine, TimeBucket},
};

/// What the two records of one call have in common. The endpoint may belong to another account than the caller.
type CallIdentity<'a> = (&'a Principal, &'a Session, &'a str, &'a str, &'a str, Outcome, Option<bool>);

fn identity<'a>(line: &TallyLine<'a>) -> CallIdentity<'a> {
    let (actor, call_key) = (line.actor, line.call_key);
    (
        &actor.principal,
        &actor.session,
        &actor.region,
        &call_key.source,
        &call_key.name,
        call_key.outcome,
        call_key.read_only,
    )
}

fn is_network_event(line: &TallyLine<'_>) -> bool {
    matches!(line.call_key.class, EventClass::Network(_))
}

/// The events about one set of resources, by quarter hour.
type ResourceEvents<'a> = (&'a [Arc<str>], HashMap<TimeBucket, u32>);

/// The management and data events that network activity events may be second records of: for each set of resources the
/// number of events by quarter hour.
pub(super) struct FirstRecords<'a> {
    counts: HashMap<CallIdentity<'a>, Vec<ResourceEvents<'a>>>,
}

impl<'a> FirstRecords<'a> {
    pub(super) fn of(tally: &'a Tally) -> Self {
        let mut counts: HashMap<_, Vec<ResourceEvents<'_>>> = HashMap::new();
        for line in tally.lines().filter(is_network_event) {
            counts.entry(identity(&line)).or_default();
        }
        if !counts.is_empty() {
            for line in tally.lines().filter(|line| !is_network_event(line)) {
                let Some(first_records) = counts.get_mut(&identity(&line)) else { continue };
                first_records.push((&line.call_key.resources, line.buckets.iter().copied().collect()));
            }
        }
        Self { counts }
    }

    /// The parts of a call: the network activity events that are second records, and the rest. Each event of another
    /// category is the first record of at most one of them.
    pub(super) fn split<'b>(&mut self, whole: ClassifiedCall<'b>) -> Vec<ClassifiedCall<'b>>
    where
        'b: 'a,
    {
        if !is_network_event(&whole.line) {
            return vec![whole];
        }
        let Some(first_records) = self.counts.get_mut(&identity(&whole.line)) else { return vec![whole] };
        let (mut second, mut rest) = (Vec::new(), Vec::new());
        let resources = &whole.line.call_key.resources;
        for (bucket, count) in whole.buckets() {
            let mut paired = 0;
            let alike = first_records.iter_mut().filter(|(others, _)| may_be_same(others, resources));
            for left in alike.filter_map(|(_, buckets)| buckets.get_mut(bucket)) {
                let more = (*left).min(*count - paired);
                *left -= more;
                paired += more;
            }
            second.extend((paired > 0).then_some((*bucket, paired)));
            rest.extend((*count > paired).then_some((*bucket, *count - paired)));
        }
        let part = |buckets: Vec<(TimeBucket, u32)>, is_second_record| {
            let (first, last) = (buckets.first()?.0.start(), buckets.last()?.0.end());
            let is_within = |sample: &&SampleEvent| {
                let bucket = TimeBucket::of(sample.time);
                buckets.iter().any(|(other, _)| *other == bucket)
            };
            let samples = whole.samples().iter().filter(is_within).copied().collect();
            Some(ClassifiedCall {
                count: buckets.iter().map(|(_, count)| u64::from(*count)).sum(),
                span: (whole.span.0.max(first), whole.span.1.min(last)),
                subset: Some(Box::new(CallSubset { samples, buckets })),
                is_second_record,
                ..whole.clone()
            })
        };
        [part(second, true), part(rest, false)].into_iter().flatten().collect()
    }
}
