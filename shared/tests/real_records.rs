//! CloudTrail records of every shape, read as the command line reads them.
//!
//! Enters: the records in `tests/data`, invented in the shapes that CloudTrail writes, with a label for each; and real
//! ones, when `ONLOOKER_TEST_DATA` names the folder that holds them. Leaves: nothing. Laws: every record is an event,
//! and each labeled one the event that its label says; reading changes nothing that merging or writing could lose.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]
#![allow(clippy::print_stderr, reason = "it says what the real records are")]

use std::{collections::BTreeMap, path::Path};

use onlooker_core::{
    event::{CallKey, EventClass, EventId, EventKind, Outcome},
    jobs::gather::{GatherOptions, ReadStatistics, gather},
    principal::PrincipalKind,
    record::ReadLimits,
    segment::Segment,
};
use onlooker_local::local_files::LocalFiles;
use test_support::test_data::TestData;

fn read(path: &Path) -> (Segment, ReadStatistics) {
    let files = LocalFiles::new([path.to_string_lossy()]);
    let options = GatherOptions { threads: 2, limits: ReadLimits::default(), hash_content: false };
    let gathered = gather(&files, options, &|_| {}).unwrap();
    let (segment, reading) = (gathered.segment, gathered.statistics);
    assert_eq!(reading.unreadable, 0, "{reading:?}");
    assert_eq!(reading.tallied + reading.duplicate + reading.insight_events, reading.records, "{reading:?}");
    assert!(segment.conflicts().is_empty());
    assert_eq!(Segment::from_bytes(&segment.to_bytes()).as_ref(), Ok(&segment));
    assert_eq!(segment.clone().merge(segment.clone()), segment);
    (segment, reading)
}

fn class_name(class: &EventClass) -> String {
    match class {
        EventClass::ManagementRead => "management-read".into(),
        EventClass::ManagementWrite => "management-write".into(),
        EventClass::Data(kind) => format!("data:{kind}"),
        EventClass::Network(source) => format!("network:{source}"),
    }
}

fn kind_name(call_key: &CallKey) -> &'static str {
    match call_key.kind {
        EventKind::ApiCall => "api_call",
        EventKind::SignIn => "sign_in",
        EventKind::ServiceEvent => "service_event",
        EventKind::ConsoleAction => "console_action",
    }
}

fn outcome_name(call_key: &CallKey) -> &'static str {
    match call_key.outcome {
        Outcome::Denied => "denied",
        Outcome::Failed => "failed",
        Outcome::Succeeded => "succeeded",
    }
}

#[test]
fn every_labeled_record_is_the_event_of_its_label() {
    let data = TestData::of_repository();
    let (segment, reading) = read(&data.join("events"));
    let labels = data.read("truth/events.tsv");
    let mut labels: BTreeMap<String, &str> = labels
        .lines()
        .skip(1)
        .map(|line| line.split_once('\t').unwrap())
        .map(|(id, label)| (EventId::parse(id).to_string(), label))
        .collect();
    // The page of LookupEvents and the list of EventBridge envelopes each repeat a record of a log file.
    assert_eq!(reading.tallied, u64::try_from(labels.len()).unwrap(), "{reading:?}");
    assert_eq!((reading.duplicate, reading.insight_events, reading.digests), (2, 2, 1), "{reading:?}");
    for (id, _, actor, call_key) in segment.events() {
        let service = call_key.source.split('.').next().unwrap_or_default();
        let found = [
            &format!("{service}:{}", call_key.name),
            kind_name(call_key),
            actor.principal.kind.as_str(),
            &actor.principal.arn,
            &class_name(&call_key.class),
            outcome_name(call_key),
        ];
        assert_eq!(labels.remove(&id.to_string()), Some(&*found.join("\t")), "{id}");
    }
    assert!(labels.is_empty(), "{labels:?}");
}

#[test]
fn every_real_record_outside_the_repository_is_an_event() {
    let Some(data) = TestData::external("real records") else { return };
    for (file, records, denied, sign_ins) in
        [("events/invictus.json", 2_900, 58, 3), ("events/stratus.json", 247, 51, 1)]
    {
        let (segment, reading) = read(&data.join(file));
        assert_eq!((reading.records, reading.insight_events), (records, 0), "{reading:?}");
        let events: Vec<_> = segment.events().collect();
        let denied_calls = events.iter().filter(|(.., call_key)| call_key.outcome == Outcome::Denied).count();
        let sign_in = events.iter().filter(|(.., call_key)| call_key.kind == EventKind::SignIn).count();
        assert_eq!((denied_calls, sign_in), (denied, sign_ins), "{file}");
        assert!(events.iter().all(|(.., actor, _)| actor.principal.kind != PrincipalKind::Unknown
            || actor.principal.arn.as_ref() == "unknown"));
        print_refusals(&data, file, &segment);
    }
}

/// Whether a code alone looks like a denial.
fn looks_denied(code: &str) -> bool {
    let code = code.strip_prefix("Client.").unwrap_or(code);
    let names =
        ["AccessDenied", "Unauthorized", "NotAuthorized", "Forbidden", "AuthorizationError", "Insufficient"];
    names.iter().any(|name| code.contains(name)) || code == "AllAccessDisabled"
}

/// Prints how many calls have a code that looks like a denial, who denied them, and which of them failed.
fn print_refusals(data: &TestData, file: &str, segment: &Segment) {
    let document: serde_json::Value = serde_json::from_str(&data.read(file)).unwrap();
    let records = document["Records"].as_array().or(document.as_array()).unwrap();
    let text = |record: &serde_json::Value, name: &str| record[name].as_str().unwrap_or_default().to_owned();
    let messages: BTreeMap<String, String> = records
        .iter()
        .map(|record| (EventId::parse(&text(record, "eventID")).to_string(), text(record, "errorMessage")))
        .collect();
    let (mut denied, mut failed) = (BTreeMap::<String, u32>::new(), BTreeMap::<String, u32>::new());
    for (id, _, _, call_key) in segment.events() {
        let Some(code) = call_key.error_code.as_deref().filter(|code| looks_denied(code)) else { continue };
        if call_key.outcome == Outcome::Denied {
            *denied.entry(format!("{:?}", call_key.denied_by)).or_default() += 1;
        } else {
            let message = messages.get(&id.to_string()).map(String::as_str).unwrap_or_default();
            *failed.entry(format!("{} {code}: {message}", call_key.source)).or_default() += 1;
        }
    }
    let (before, moved) = (denied.values().chain(failed.values()).sum::<u32>(), failed.values().sum::<u32>());
    eprintln!("{file}: {before} calls have a code of a denial; {moved} of them failed: {failed:#?}");
    eprintln!("{file}: the others were denied by: {denied:?}");
}
