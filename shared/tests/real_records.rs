//! Real CloudTrail records, when `ONLOOKER_TEST_DATA` names the folder that holds them.

#![allow(clippy::print_stdout, reason = "a skipped test prints so")]

use std::{env, path::PathBuf};

use onlooker_core::{
    event::{EventKind, Outcome},
    jobs::gather::{GatherOptions, gather},
    principal::PrincipalKind,
    record::ReadLimits,
};
use onlooker_local::local_files::LocalFiles;

fn test_data() -> Option<PathBuf> {
    let folder = env::var_os("ONLOOKER_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: ONLOOKER_TEST_DATA is not set");
    }
    folder
}

#[test]
fn every_real_record_is_an_event() {
    let Some(folder) = test_data() else { return };
    for (name, records, denied, sign_ins) in [("invictus", 2_900, 60, 3), ("stratus", 247, 51, 1)] {
        let path = folder.join("events").join(name).with_extension("json");
        let files = LocalFiles::new([path.to_string_lossy()]);
        let gathered =
            gather(&files, GatherOptions { threads: 2, limits: ReadLimits::default() }, &|_| {}).unwrap();
        let (segment, reading) = (gathered.segment, gathered.statistics);
        assert_eq!(
            (reading.records, reading.unreadable, reading.insight_events),
            (records, 0, 0),
            "{reading:?}"
        );
        assert_eq!(reading.tallied + reading.duplicate, records);
        assert!(segment.conflicts().is_empty());
        let events: Vec<_> = segment.events().collect();
        let denied_calls = events.iter().filter(|(.., call_key)| call_key.outcome == Outcome::Denied).count();
        let sign_in = events.iter().filter(|(.., call_key)| call_key.kind == EventKind::SignIn).count();
        assert_eq!((denied_calls, sign_in), (denied, sign_ins), "{name}");
        assert!(events.iter().all(|(.., actor, _)| actor.principal.kind != PrincipalKind::Unknown
            || actor.principal.arn.as_ref() == "unknown"));
        let again = onlooker_core::segment::Segment::from_bytes(&segment.to_bytes());
        assert_eq!(again.as_ref(), Ok(&segment));
        assert_eq!(segment.clone().merge(segment.clone()), segment);
    }
}
