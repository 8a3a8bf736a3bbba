//! The demo's trail, delivered in other ways. Law: the result does not depend on files, their order, their format,
//! duplicates or threads.

use std::collections::BTreeMap;

use onlooker_core::{
    config::{Config, Watch},
    jobs::gather::{GatherOptions, GatheredEvidence, gather},
    record::ReadLimits,
    report::ReportResult,
};
use onlooker_demo::{DemoTrail, scenario};
use serde_json::{Value, json};

use super::{events::result, objects::MemoryLogSource};

fn gather_objects(objects: &MemoryLogSource, threads: usize) -> GatheredEvidence {
    let gathered = gather(
        objects,
        GatherOptions { threads, limits: ReadLimits::default(), hash_content: false },
        &|_| {},
    )
    .unwrap();
    let reading = &gathered.statistics;
    assert_eq!(
        reading.records,
        reading.tallied + reading.duplicate + reading.unreadable + reading.insight_events
    );
    assert_eq!(reading.tallied, gathered.segment.rows().len() as u64);
    gathered
}

pub fn demo_config() -> Config {
    let watch = scenario().watch_patterns().iter().map(|pattern| Watch::new(pattern).unwrap()).collect();
    Config { watch, ..Config::default() }
}

fn report_result(gathered: GatheredEvidence) -> ReportResult {
    result(gathered.segment, &demo_config(), (None, None))
}

fn inflate_json(bytes: &[u8]) -> Option<Value> {
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[test]
fn the_result_does_not_depend_on_how_the_trail_is_delivered() {
    let trail: Vec<_> = DemoTrail::demo().objects().collect();
    let delivered =
        MemoryLogSource::from_objects(trail.iter().map(|object| (object.key.clone(), object.bytes.clone())));
    let first = gather_objects(&delivered, 1);
    let reading = first.statistics.clone();
    let story = scenario();
    assert_eq!(reading.duplicate, story.duplicates);
    assert_eq!(reading.objects, trail.len() as u64);
    assert!((1..=story.lost_records).contains(&(reading.tallied + reading.duplicate + 1 - story.records)));
    let expected = serde_json::to_string(&report_result(first)).unwrap();

    // All records, distributed to other files in another order; objects without records stay as they are.
    let (mut records, mut others) = (Vec::new(), Vec::new());
    for object in &trail {
        match inflate_json(&object.bytes).map(|mut value| value["Records"].take()) {
            Some(Value::Array(of_object)) => records.extend(of_object),
            _ => others.push(object.bytes.clone()),
        }
    }
    let mut dealt: BTreeMap<usize, Vec<&Value>> = BTreeMap::new();
    for (n, record) in records.iter().enumerate().rev() {
        dealt.entry(n * 7_919 % 37).or_default().push(record);
        if n % 3 == 0 {
            dealt.entry(n % 11 + 37).or_default().push(record);
        }
    }
    let files = dealt.into_iter().map(|(n, records)| {
        // As a log file, as JSON lines, as an array, and as pages of LookupEvents.
        let text = match n % 4 {
            0 => json!({ "Records": records }).to_string(),
            1 => records.iter().map(|record| format!("{record}\n")).collect(),
            2 => json!(records).to_string(),
            _ => {
                let events: Vec<Value> =
                    records.iter().map(|record| json!({ "CloudTrailEvent": record.to_string() })).collect();
                json!({ "Events": events }).to_string()
            }
        };
        (format!("{:02}", 99 - n), text.into_bytes())
    });
    let twice =
        others.iter().chain(&others).enumerate().map(|(n, bytes)| (format!("x{n:03}"), bytes.clone()));
    let other = gather_objects(&MemoryLogSource::from_objects(files.chain(twice)), 3);
    assert!(other.statistics.duplicate > reading.duplicate && other.statistics.objects != reading.objects);
    assert_eq!(serde_json::to_string(&report_result(other)).unwrap(), expected);

    // More threads, and the reverse order.
    let backwards = MemoryLogSource::from_objects(
        trail.iter().rev().enumerate().map(|(n, o)| (format!("{n:04}"), o.bytes.clone())),
    );
    assert_eq!(serde_json::to_string(&report_result(gather_objects(&backwards, 4))).unwrap(), expected);
}
