//! Reports from shards, one account, region and hour each. Law: they equal the report from all evidence at once.

use std::collections::BTreeMap;

use onlooker_core::{
    event::{Event, EventId},
    evidence_summary::{EvidenceSummary, EvidenceSummaryBuilder, EvidenceSummaryError, ReportScope},
    extract::{Extract, ExtractError},
    jobs::gather::read_object,
    record::{DeliveryFact, ListingPage, ReadLimits},
    report::ReportResult,
    score::Status,
    segment::{EventRow, Segment, SegmentBuilder, Shard, ShardGrouping},
    tally::Tally,
    time::{HOUR_SECONDS, Hour, Time},
};
use onlooker_demo::{DemoTrail, scenario};
use proptest::{prelude::*, sample::Index};

use super::{
    delivery::demo_config,
    events::{
        ACCOUNTS, EventExt as _, EvidenceScenario, REGIONS, START, any_events, any_scenario, auditor_call,
        report_of,
    },
};

/// Stored batches of evidence: the parts of each shard, and the unsharded parts, as bytes.
#[derive(Default)]
struct StoredShards {
    shards: BTreeMap<Shard, Vec<Vec<u8>>>,
    unsharded: Vec<Vec<u8>>,
}

fn read_back(parts: &[Vec<u8>]) -> Segment {
    Segment::merge_all(parts.iter().map(|part| Segment::from_bytes(part).unwrap()))
}

impl StoredShards {
    fn of(batches: impl IntoIterator<Item = Segment>) -> Self {
        let mut stored = Self::default();
        for batch in batches {
            let (shards, rest) = batch.split_by_shard();
            for (shard, part) in shards {
                stored.shards.entry(shard).or_default().push(part.to_bytes());
            }
            stored.unsharded.push(rest.to_bytes());
        }
        stored
    }

    fn extracts(&self) -> impl Iterator<Item = Extract> {
        self.shards.values().map(|parts| {
            let extract = Extract::of(read_back(parts)).unwrap();
            let again = Extract::from_bytes(&extract.to_bytes()).unwrap();
            assert_eq!(again, extract);
            again
        })
    }

    fn evidence_summary(&self, scope: &ReportScope) -> EvidenceSummary {
        let mut builder = EvidenceSummaryBuilder::new(read_back(&self.unsharded), scope.clone()).unwrap();
        for extract in self.extracts() {
            builder.add(extract).unwrap();
        }
        builder.finish()
    }

    /// The summary from the shards in scope only.
    fn evidence_summary_of_scope(&self, scope: &ReportScope) -> EvidenceSummary {
        let mut builder = EvidenceSummaryBuilder::new(read_back(&self.unsharded), scope.clone()).unwrap();
        for extract in self
            .extracts()
            .filter(|extract| scope.contains(extract.shard.hour) || scope.leads_in(extract.shard.hour))
        {
            builder.add(extract).unwrap();
        }
        builder.finish()
    }
}

fn to_json(result: &ReportResult) -> (String, String) {
    (serde_json::to_string(result).unwrap(), result.id().unwrap())
}

fn shard(account: usize, region: usize, hour: u32) -> Shard {
    let hour = Hour(START / HOUR_SECONDS + hour);
    Shard { account: ACCOUNTS[account].into(), region: REGIONS[region].into(), hour }
}

/// Evidence in which events share ids and digests list log files, with a period, distributed to batches.
fn scenario_in_batches() -> impl Strategy<Value = (EvidenceScenario, ReportScope, Vec<Segment>)> {
    let logs = prop::collection::vec((0..15_000_u32, 0..4_000_u32), 0..3);
    let since = prop::option::of(0..4_u32);
    let until = prop::option::of(0..15_000_u32);
    let unfinished = prop::collection::vec((0..2_usize, 0..2_usize, 0..5_u32), 0..3);
    let dealing = (1..6_usize, any::<[u64; 2]>());
    (any_scenario(), 1..60_u128, logs, since, until, unfinished, dealing).prop_map(
        |(mut scenario, ids, logs, since, until, unfinished, (batches, seeds))| {
            for event in &mut scenario.events {
                event.id = EventId(event.id.0 % ids);
            }
            scenario.listed_log_spans =
                logs.iter().map(|(oldest, length)| (*oldest, oldest + length)).collect();
            // Some log files that are present.
            scenario.listed_log_spans.extend(scenario.events.iter().take(2).map(|event| {
                let second = event.time.0 - START;
                (second, second)
            }));
            // Some lists that end early.
            let cut = |(n, event): (usize, &Event)| {
                DeliveryFact::ListingPage(ListingPage {
                    places: [(event.actor.account.clone(), event.actor.region.clone())].into(),
                    span: Some((event.time, event.time)),
                    is_ascending: n % 2 == 0,
                    is_cut: n % 3 != 0,
                })
            };
            scenario.delivery_facts = scenario.events.iter().step_by(3).enumerate().map(cut).collect();
            let scope = ReportScope {
                since: since.map(|hour| Time(START + hour * HOUR_SECONDS + 7)),
                until: until.map(|second| Time(START + second)),
                incomplete_hours: unfinished.into_iter().map(|(a, r, h)| shard(a, r, h)).collect(),
            };
            let mut parts = vec![
                EvidenceScenario {
                    listed_log_spans: scenario.listed_log_spans.clone(),
                    ..EvidenceScenario::default()
                };
                batches
            ];
            // Everything twice, distributed differently.
            for mut dice in seeds.map(|seed| seed | 1) {
                let mut draw = || {
                    dice ^= dice << 13;
                    dice ^= dice >> 7;
                    dice ^= dice << 17;
                    usize::try_from(dice % batches as u64).unwrap()
                };
                scenario.events.iter().for_each(|event| parts[draw()].events.push(event.clone()));
                scenario.unreadable.iter().for_each(|piece| parts[draw()].unreadable.push(*piece));
                scenario.insights.iter().for_each(|insight| parts[draw()].insights.push(*insight));
                scenario
                    .delivery_facts
                    .iter()
                    .for_each(|fact| parts[draw()].delivery_facts.push(fact.clone()));
                scenario.digests.iter().for_each(|digest| parts[draw()].digests.push(*digest));
            }
            let segments = parts.iter().map(|part| part.segment_builder().finish()).collect();
            (scenario, scope, segments)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_report_from_shards_equals_the_report_from_all_evidence((scenario, scope, batches) in scenario_in_batches()) {
        let whole = EvidenceSummary::from_segment(scenario.segment_builder().finish(), scope.clone());
        let kept = StoredShards::of(batches);
        let parts = kept.evidence_summary(&scope);
        prop_assert_eq!(&whole, &parts);
        let narrow = EvidenceSummary { outside_period: whole.outside_period, ..kept.evidence_summary_of_scope(&scope) };
        prop_assert_eq!(&whole, &narrow, "what is outside the period may be left out");
        prop_assert_eq!(to_json(&report_of(whole, &scenario.config)), to_json(&report_of(parts, &scenario.config)));
    }

    #[test]
    fn rows_that_left_memory_give_the_same_evidence(
        (scenario, scope, batches) in scenario_in_batches(), written in any::<u8>(),
    ) {
        let whole = EvidenceSummary::from_segment(scenario.segment_builder().finish(), scope.clone());
        let (mut builder, mut grouping) = (SegmentBuilder::default(), ShardGrouping::default());
        let mut shards: BTreeMap<Shard, Vec<EventRow>> = BTreeMap::new();
        let last = batches.len() - 1;
        for (n, batch) in batches.into_iter().enumerate() {
            builder.absorb(&mut SegmentBuilder::from(batch));
            if n == last || written & (1 << n) != 0 {
                let taken: Result<(), ()> = grouping.take_rows(&mut builder, |shard, rows| {
                    let rows = rows.iter().map(|row| EventRow::from_bytes(&row.to_bytes()));
                    shards.entry(shard).or_default().extend(rows);
                    Ok(())
                });
                taken.unwrap();
                prop_assert!(builder.is_empty());
            }
        }
        let (mut tables, unsharded) = builder.into_shard_tables();
        let summary = EvidenceSummaryBuilder::new(unsharded, scope).unwrap();
        let shards = shards.into_iter().map(Ok::<_, ()>);
        let (summary, distinct) = summary.finish_with(&mut tables, shards).unwrap();
        prop_assert_eq!(distinct, scenario.segment_builder().finish().rows().len() as u64);
        prop_assert_eq!(&whole, &summary);
    }

    #[test]
    fn evidence_outside_the_period_changes_only_its_count_and_the_lead_in((scenario, scope, _) in scenario_in_batches()) {
        let outside = |event: &Event| {
            let hour = event.time.hour();
            !scope.contains(hour) && !scope.leads_in(hour)
        };
        let (out, within): (Vec<Event>, Vec<Event>) = scenario.events.iter().cloned().partition(outside);
        let is_before = |event: &&Event| scope.leads_in(event.time.hour());
        let before = Segment::from_events(within.iter().filter(is_before).cloned()).rows().len() as u64;
        let whole = EvidenceSummary::from_segment(scenario.segment_builder().finish(), scope.clone());
        let inside = EvidenceScenario { events: within, ..scenario.clone() };
        let inside = EvidenceSummary::from_segment(inside.segment_builder().finish(), scope.clone());
        prop_assert_eq!(whole.outside_period, Segment::from_events(out).rows().len() as u64 + before);
        prop_assert_eq!(to_json(&report_of(whole, &scenario.config)), to_json(&report_of(inside, &scenario.config)));
    }

    #[test]
    fn an_incomplete_hour_never_improves_a_status(
        (scenario, scope, _) in scenario_in_batches(), account in 0..2_usize, region in 0..2_usize, hour in 0..6_u32,
    ) {
        let named = shard(account, region, hour);
        let mut more = scope.clone();
        more.incomplete_hours.insert(named.clone());
        let [before, after] = [scope, more].map(|scope| {
            report_of(EvidenceSummary::from_segment(scenario.segment_builder().finish(), scope), &scenario.config)
        });
        prop_assert!(after.summary.overall_compliance >= before.summary.overall_compliance);
        prop_assert!(after.coverage.missing_hours() >= before.coverage.missing_hours());
        prop_assert_eq!(&after.totals, &before.totals, "its events still count");
        for entry in &after.coverage.account_regions {
            let of = |shard: &Shard| (&shard.account, &shard.region) == (&entry.account, &entry.region);
            let inside = after.coverage.period.is_some_and(|period| period.contains(named.hour));
            if of(&named) && inside {
                let gap = entry.gaps.iter().any(|gap| gap.contains(named.hour));
                prop_assert!(gap || entry.expected_hours == 0);
            }
        }
    }

    #[test]
    fn tallies_of_parts_merge_to_the_tally_of_all(all in any_events(60), parts in 1..20_usize) {
        let part = |n: usize| all.iter().skip(n).step_by(parts).cloned();
        let tallies = (0..parts).map(|n| Tally::of(Segment::from_events(part(n))));
        prop_assert_eq!(Tally::merge_all(tallies), Tally::of(Segment::from_events(all.iter().cloned())));
    }

    #[test]
    fn a_damaged_extract_is_refused((_, _, batches) in scenario_in_batches(), at in any::<Index>(), bit in 0..8_u8) {
        for extract in StoredShards::of(batches).extracts().take(3) {
            let mut bytes = extract.to_bytes();
            let at = at.index(bytes.len());
            prop_assert!(Extract::from_bytes(&bytes[..at]).is_err());
            bytes[at] ^= 1 << bit;
            prop_assert!(Extract::from_bytes(&bytes).is_err());
        }
    }

    #[test]
    fn arbitrary_bytes_are_not_an_extract(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert_eq!(Extract::from_bytes(&bytes), Err(ExtractError::NotAnExtract));
    }
}

#[test]
fn the_demo_from_shards_equals_the_demo() {
    let objects: Vec<Segment> = DemoTrail::demo()
        .objects()
        .map(|object| read_object(&object.key, &object.bytes, ReadLimits::default()).segment)
        .collect();
    let whole = Segment::merge_all(objects.iter().cloned());
    let times = || whole.rows().iter().map(|row| row.time);
    let (first, last) = (times().min().unwrap(), times().max().unwrap());
    let third = (last.0 - first.0) / 3;
    let kept = StoredShards::of(objects.chunks(17).map(|batch| Segment::merge_all(batch.iter().cloned())));
    assert!(kept.shards.len() > 100 && !scenario().watch_patterns().is_empty());
    for scope in [
        ReportScope::default(),
        ReportScope::between(Some(Time(first.0 + third)), Some(Time(last.0 - third))),
        ReportScope::between(None, Some(Time(last.0 - third))),
    ] {
        let whole = EvidenceSummary::from_segment(whole.clone(), scope.clone());
        let parts = kept.evidence_summary(&scope);
        assert_eq!(whole.evidence_quality, parts.evidence_quality);
        assert_eq!(to_json(&report_of(whole, &demo_config())), to_json(&report_of(parts, &demo_config())));
    }
}

#[test]
fn one_id_in_two_hours_or_regions_is_two_events() {
    let read = || auditor_call("DescribeInstances").with_id(9);
    let others = [
        read().at_time(1, 0),
        read().in_account_region(ACCOUNTS[0], REGIONS[1]),
        read().in_account_region(ACCOUNTS[1], REGIONS[0]),
    ];
    for other in others {
        let result = EvidenceScenario::of([read(), other.clone()]).result();
        assert_eq!((result.totals.events, result.totals.conflicting_events), (2, 0));
        let mut write = auditor_call("RunInstances").with_id(9);
        (write.time, write.actor) = (other.time, other.actor);
        let result = EvidenceScenario::of([read(), write]).result();
        assert_eq!(result.summary.overall_compliance, Some(Status::NonCompliant));
    }
}

#[test]
fn an_incomplete_hour_is_a_gap() {
    let scenario =
        EvidenceScenario::of([0, 1, 2].map(|hour| auditor_call("DescribeInstances").at_time(hour, 0)))
            .with(|scenario| scenario.digests.push((ACCOUNTS[0], REGIONS[0], 1)));
    assert_eq!(scenario.result().summary.overall_compliance, Some(Status::Compliant));
    let scope = ReportScope { incomplete_hours: [shard(0, 0, 1)].into(), ..ReportScope::default() };
    let result = report_of(
        EvidenceSummary::from_segment(scenario.segment_builder().finish(), scope),
        &scenario.config,
    );
    assert_eq!(result.summary.overall_compliance, Some(Status::InsufficientEvidence));
    let entry = &result.coverage.account_regions[0];
    assert_eq!((entry.events, entry.observed_hours, entry.quiet_hours), (3, 2, 0));
    assert_eq!(entry.gaps.iter().map(|gap| gap.from).collect::<Vec<_>>(), [shard(0, 0, 1).hour]);
}

#[test]
fn a_listed_log_file_is_checked_only_within_the_period() {
    let read = |hour, second| auditor_call("DescribeInstances").at_time(hour, second);
    let missing = |logs: &[(u32, u32)], events: Vec<Event>| {
        let scenario = EvidenceScenario::of(events).with(|scenario| {
            scenario.digests.push((ACCOUNTS[0], REGIONS[0], 1));
            scenario.listed_log_spans = logs.to_vec();
        });
        let scope =
            ReportScope::between(Some(Time(START + HOUR_SECONDS)), Some(Time(START + 2 * HOUR_SECONDS)));
        EvidenceSummary::from_segment(scenario.segment_builder().finish(), scope)
            .evidence_quality
            .missing_log_files
            .len()
    };
    assert_eq!(missing(&[(3_590, 3_610)], vec![read(1, 10)]), 0, "its oldest event is before the period");
    assert_eq!(missing(&[(3_590, 3_611)], vec![read(1, 10)]), 1);
    assert_eq!(missing(&[(7_190, 7_210)], vec![read(1, 3_590)]), 0, "its newest event is after the period");
    assert_eq!(missing(&[(3_590, 7_210)], vec![read(1, 10)]), 1, "no event in the period can show it");
    assert_eq!(missing(&[(0, 10), (7_200, 7_300)], vec![read(1, 10)]), 0, "files of other hours");
    assert_eq!(missing(&[(3_600, 3_700)], vec![read(1, 0)]), 1);
}

#[test]
fn a_listed_log_file_before_the_period_is_not_missing_if_the_period_has_no_event() {
    let scenario = EvidenceScenario::of([auditor_call("DescribeInstances")]).with(|scenario| {
        scenario.digests.push((ACCOUNTS[0], REGIONS[0], 1));
        scenario.listed_log_spans = vec![(3_700, 3_800)];
    });
    let missing = |since: u32| {
        let scope = ReportScope::between(Some(Time(START + since * HOUR_SECONDS)), None);
        EvidenceSummary::from_segment(scenario.segment_builder().finish(), scope)
            .evidence_quality
            .missing_log_files
            .len()
    };
    assert_eq!([missing(0), missing(1), missing(2), missing(48)], [1, 1, 0, 0]);
}

#[test]
fn a_digest_written_after_the_period_lists_files_in_it() {
    let scenario = EvidenceScenario::of([auditor_call("DescribeInstances")]).with(|scenario| {
        scenario.digests.push((ACCOUNTS[0], REGIONS[0], 1));
        scenario.listed_log_spans = vec![(3_500, 3_599)];
    });
    let scope = ReportScope::between(Some(Time(START)), Some(Time(START + HOUR_SECONDS)));
    assert_eq!(
        EvidenceSummary::from_segment(scenario.segment_builder().finish(), scope)
            .evidence_quality
            .missing_log_files
            .len(),
        1
    );
}

#[test]
fn evidence_of_several_shards_has_no_extract() {
    let read = |hour| auditor_call("DescribeInstances").with_id(9).at_time(hour, 0);
    assert_eq!(Extract::of(Segment::default()), Err(ExtractError::NotOneShard));
    assert_eq!(Extract::of(Segment::from_events([read(0), read(1)])), Err(ExtractError::NotOneShard));
    let mixed =
        EvidenceScenario::of([read(0)]).with(|scenario| scenario.insights.push(1)).segment_builder().finish();
    assert_eq!(Extract::of(mixed.clone()), Err(ExtractError::NotOneShard));
    assert_eq!(
        EvidenceSummaryBuilder::new(mixed, ReportScope::default()).err(),
        Some(EvidenceSummaryError::UnshardedEvents)
    );
    let [first, second] = [0, 1].map(|hour| Extract::of(Segment::from_events([read(hour)])).unwrap());
    let mut builder = EvidenceSummaryBuilder::new(Segment::default(), ReportScope::default()).unwrap();
    builder.add(second.clone()).unwrap();
    assert_eq!(builder.add(second), Err(EvidenceSummaryError::OutOfOrder(shard(0, 0, 1))));
    assert_eq!(builder.add(first), Err(EvidenceSummaryError::OutOfOrder(shard(0, 0, 0))));
}
