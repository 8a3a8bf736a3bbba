//! Laws of segments, over generated events: merging, splitting, hashing, and the encoding as bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use onlooker_core::{
    event::{Actor, CallKey, DenyingPolicy, Event, EventClass, EventId, EventKind, Outcome},
    principal::{Principal, PrincipalKind, Session},
    record::{
        DeliveryFact, DeliveryForm, DigestWindow, Fingerprint, ListingPage, Record, RequestFeatures,
        UnreadableReason,
    },
    segment::{Segment, SegmentBuilder, SegmentError, Shard},
    time::Time,
};
use proptest::{prelude::*, sample::Index};

fn numbered_text(word: &str, number: u8) -> Arc<str> {
    format!("{word}{number}").into()
}

fn event() -> impl Strategy<Value = Event> {
    // Times in a few adjacent hours, and rarely one far away.
    let time = prop_oneof![9 => 3_598..3_602_u32, 1 => Just(u32::MAX)];
    (0..12_u8, 0..3_u8, 0..3_u8, 0..4_u8, 0..3_u8, prop::option::of(any::<bool>()), time).prop_map(
        |(id, account, user, name, outcome, read_only, time)| Event {
            id: EventId(u128::from(id) << 100 | 7),
            time: Time(time),
            actor: Actor {
                account: numbered_text("", account),
                region: numbered_text("r", user % 2),
                principal: Principal {
                    arn: numbered_text("arn", user),
                    kind: PrincipalKind::Role,
                    account: numbered_text("", account),
                },
                session: Session {
                    name: (user == 1).then(|| numbered_text("s", name)),
                    ..Session::default()
                },
            },
            call_key: CallKey {
                kind: EventKind::ApiCall,
                source: "s3.amazonaws.com".into(),
                name: numbered_text("Op", name),
                class: EventClass::ManagementWrite,
                read_only,
                outcome: match outcome {
                    0 => Outcome::Denied,
                    1 => Outcome::Failed,
                    _ => Outcome::Succeeded,
                },
                error_code: None,
                is_console_session: false,
                invoked_by: None,
                resources: (0..name % 3).map(|number| numbered_text("arn:", number)).collect(),
                issued_credentials_arn: (name == 2).then(|| numbered_text("arn:", name)),
                denied_by: (outcome == 0 && user == 0).then_some(DenyingPolicy::ServiceControlPolicy),
                denied_action: (outcome == 0 && user == 2).then(|| numbered_text("iam:Action", name)),
                delivery_resources: Arc::new([]),
                request_features: RequestFeatures::from_bits_truncate(u32::from(name == 1) << (user % 3)),
            },
        },
    )
}

/// A segment, with the origins of some of its calls if `origins`.
fn segment_with(origins: bool) -> impl Strategy<Value = Segment> {
    let pieces = prop::collection::vec((0..5_u128, any::<bool>()), 0..3);
    let insights = prop::collection::vec(0..5_u128, 0..3);
    let windows = prop::collection::vec((0..3_u8, 0..10_u32), 0..3);
    let facts = prop::collection::vec((0..3_u8, any::<bool>()), 0..3);
    (prop::collection::vec(event(), 0..20), pieces, insights, windows, facts).prop_map(
        move |(events, pieces, insights, windows, facts)| {
            let mut builder = SegmentBuilder::default();
            for event in events {
                let from = event.time.0 % 3;
                builder.push(event);
                if origins && from > 0 {
                    builder.push_origin(&Record {
                        source_ip: Some(format!("192.0.2.{from}").into()),
                        ..Record::default()
                    });
                }
            }
            for (piece, bad) in pieces {
                let reason = if bad { UnreadableReason::BadJson } else { UnreadableReason::MissingField };
                builder.push_unreadable(Fingerprint(piece), reason);
            }
            for insight in insights {
                builder.push_insight(Fingerprint(insight));
            }
            for (account, is_ascending) in facts {
                builder.push_delivery_fact(match account {
                    0 => DeliveryFact::Form(DeliveryForm::EventBridge),
                    _ => DeliveryFact::ListingPage(ListingPage {
                        places: [(numbered_text("", account), "r".into())].into(),
                        span: (account == 1).then_some((Time(3_600), Time(3_600))),
                        is_ascending,
                        is_cut: is_ascending,
                    }),
                });
            }
            for (account, start) in windows {
                let (start, end) = (Time(start * 1_800), Time(start * 1_800 + 3_600));
                builder.push_digest_window(DigestWindow {
                    account: numbered_text("", account),
                    region: "r".into(),
                    start,
                    end,
                    log_files: BTreeSet::new(),
                });
            }
            builder.finish()
        },
    )
}

fn segment() -> impl Strategy<Value = Segment> {
    segment_with(true)
}

proptest! {
    #[test]
    fn merging_is_associative_commutative_and_idempotent(a in segment(), b in segment(), c in segment()) {
        let left = a.clone().merge(b.clone()).merge(c.clone());
        prop_assert_eq!(&left, &a.clone().merge(b.clone().merge(c.clone())));
        prop_assert_eq!(&left, &Segment::merge_all([c.clone(), a.clone(), b.clone(), a.clone()]));
        prop_assert_eq!(a.clone().merge(b.clone()), b.clone().merge(a.clone()));
        prop_assert_eq!(a.clone().merge(a.clone()), a.clone());
        prop_assert_eq!(a.clone().merge(Segment::default()), a.clone());
        prop_assert_eq!(Segment::default().merge(a.clone()), a);
    }

    #[test]
    fn order_split_and_repetition_of_events_change_nothing(
        events in prop::collection::vec(event(), 1..30),
        split in any::<Index>(),
        mut order in Just((0..30_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let all = Segment::from_events(events.iter().cloned());
        order.retain(|at| *at < events.len());
        let shuffled = order.iter().map(|at| events[*at].clone());
        prop_assert_eq!(&all, &Segment::from_events(shuffled.chain(events.iter().cloned())));
        let (head, tail) = events.split_at(split.index(events.len()));
        let parts = Segment::from_events(tail.iter().cloned()).merge(Segment::from_events(head.iter().cloned()));
        prop_assert_eq!(all.to_bytes(), parts.to_bytes());
    }

    #[test]
    fn each_event_id_is_kept_once_with_its_greatest_content(events in prop::collection::vec(event(), 1..30)) {
        let segment = Segment::from_events(events.iter().cloned());
        let weight = |event: &Event| {
            let writes = match event.call_key.read_only { Some(true) => 0, None => 1, Some(false) => 2 };
            (writes, event.call_key.outcome, event.call_key.clone(), event.actor.clone(), event.time)
        };
        let mut expected = BTreeMap::new();
        let mut conflicts = BTreeSet::new();
        for event in &events {
            let identity = (event.id, Shard::of(&event.actor, event.time));
            let kept = expected.entry(identity.clone()).or_insert_with(|| event.clone());
            if kept != event {
                conflicts.insert(identity);
            }
            if weight(event) > weight(kept) {
                *kept = event.clone();
            }
        }
        let found: Vec<Event> = segment
            .events()
            .map(|(id, time, actor, call_key)| Event { id, time, actor: actor.clone(), call_key: call_key.clone() })
            .collect();
        prop_assert_eq!(found, expected.into_values().collect::<Vec<_>>());
        let found = segment.conflicts().iter().map(|one| (one.id, one.shard.clone()));
        prop_assert_eq!(found.collect::<BTreeSet<_>>(), conflicts);
    }

    #[test]
    fn a_segment_is_the_sum_of_its_parts(a in segment(), b in segment(), c in segment()) {
        let (shards, rest) = a.clone().split_by_shard();
        prop_assert_eq!(rest.rows().len() + rest.conflicts().len(), 0);
        for (shard, part) in &shards {
            prop_assert!(part.events().count() > 0);
            prop_assert!(part.events().all(|(_, time, actor, _)| shard.contains(actor, time)));
            prop_assert!(part.conflicts().iter().all(|conflict| conflict.shard == *shard));
            prop_assert_eq!(Segment::from_bytes(&part.to_bytes()), Ok(part.clone()));
        }
        let parts = shards.into_values().rev().chain([rest]);
        prop_assert_eq!(&Segment::merge_all(parts), &a);

        // A merge shard by shard equals a merge at once.
        let mut merged: BTreeMap<Shard, Segment> = BTreeMap::new();
        for segment in [&a, &b, &c, &a] {
            for (shard, part) in segment.clone().split_by_shard().0 {
                let kept = merged.remove(&shard).unwrap_or_default();
                merged.insert(shard, kept.merge(part));
            }
        }
        prop_assert_eq!(merged, Segment::merge_all([a, b, c]).split_by_shard().0);
    }

    #[test]
    fn equal_evidence_has_equal_hashes_and_different_evidence_different_ones(
        a in segment_with(false),
        b in segment_with(false),
    ) {
        prop_assert_eq!(a.clone().merge(b.clone()).sha256(), b.clone().merge(a.clone()).sha256());
        prop_assert_eq!(a.sha256() == b.sha256(), a == b);
    }

    #[test]
    fn a_segment_round_trips_through_bytes(a in segment()) {
        let bytes = a.to_bytes();
        prop_assert_eq!(Segment::from_bytes(&bytes), Ok(a));
    }

    #[test]
    fn damaged_bytes_are_refused(a in segment(), at in any::<Index>(), bit in 0..8_u8, cut in any::<Index>()) {
        let mut bytes = a.to_bytes();
        prop_assert!(Segment::from_bytes(&bytes[..cut.index(bytes.len())]).is_err());
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Segment::from_bytes(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_not_a_segment(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert_eq!(Segment::from_bytes(&bytes), Err(SegmentError::NotASegment));
    }
}
