//! Tests of the benchmark trail and of trails on disk.

use std::collections::{BTreeSet, HashMap};
use std::fs;

use super::super::*;
use super::{demo, inflate, records_of, text};

#[test]
fn a_benchmark_trail_has_the_requested_records_and_repeats_half_a_percent() {
    let trail = DemoTrail::benchmark(60_000, 8, 1);
    let (mut ids, mut records, mut bytes) = (HashMap::new(), 0_u64, 0);
    let (mut inner, mut carried) = (0_u64, 0_u64);
    let (mut operations, mut arns) = (BTreeSet::new(), BTreeSet::new());
    for (number, object) in trail.objects().enumerate() {
        bytes += inflate(&object.bytes).unwrap().len();
        let found = records_of(&object);
        assert_eq!(found.len() as u64, object.records);
        records += object.records;
        for record in found {
            let id = text(&record, "/eventID").to_owned();
            match ids.insert(id, (number, record.clone())) {
                None => {}
                Some((before, first)) => {
                    assert_eq!(first, record);
                    if before == number { inner += 1 } else { carried += 1 }
                }
            }
            operations
                .insert((text(&record, "/eventSource").to_owned(), text(&record, "/eventName").to_owned()));
            arns.insert(text(&record, "/userIdentity/arn").to_owned());
        }
    }
    assert_eq!(records, 60_000);
    assert_eq!(inner + carried, trail.duplicates());
    assert!((240..=360).contains(&(inner + carried)), "{inner} + {carried}");
    assert!(carried * 2 > inner, "{inner} + {carried}");
    assert!(operations.len() > 250, "{}", operations.len());
    assert!(arns.len() > 500, "{}", arns.len());
    let average = bytes / 60_000;
    assert!((1_300..=1_500).contains(&average), "{average} bytes a record");
}

#[test]
fn the_smallest_trails_are_valid() {
    for records in [0, 1, 2, 30] {
        let sum = |trail: DemoTrail| trail.objects().map(|object| object.records).sum::<u64>();
        assert_eq!(sum(DemoTrail::benchmark(records, 1, 7)), records as u64);
    }
}

#[test]
fn writing_replaces_only_the_previous_trail() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("onlooker-demo");
    let small = DemoTrail { hours: 48, ..DemoTrail::benchmark(9_000, 2, 5) };
    let mut last = (0, 0);
    small.write(&dir, |objects, records| last = (objects, records)).unwrap();
    assert_eq!(last.1, 9_000);
    let mine = dir.join("notes.txt");
    fs::write(&mine, "mine").unwrap();
    let written = DemoTrail::demo().write(&dir, |_, _| ()).unwrap();
    let (expected, objects) = (scenario(), demo());
    assert_eq!((written.records, written.duplicates), (expected.records, expected.duplicates));
    assert_eq!(
        (written.unreadable_objects, written.digests),
        (expected.unreadable_objects, expected.trail_hours - 1)
    );
    assert_eq!(written.objects, objects.len() as u64);
    assert!(objects.iter().all(|object| fs::read(dir.join(&object.key)).unwrap() == object.bytes));
    assert!(dir.join("authorization-details.json").is_file());
    let kept = 3; // The policies, `notes.txt` and the marker.
    assert_eq!(files(&dir), objects.len() + kept, "only the first trail was removed");
    assert_eq!(fs::read_to_string(mine).unwrap(), "mine");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "the temporary directory was removed");
}

#[test]
fn a_foreign_directory_is_refused_and_left_unchanged() {
    let home = tempfile::tempdir().unwrap();
    let theirs = home.path().join("AWSLogs/precious.json");
    fs::create_dir(theirs.parent().unwrap()).unwrap();
    fs::write(&theirs, "{}").unwrap();
    let error = DemoTrail::benchmark(1, 1, 1).write(home.path(), |_, _| ()).unwrap_err();
    assert!(matches!(&error, TrailWriteError::ForeignDirectory { path } if path == home.path()), "{error}");
    assert_eq!(files(home.path()), 1);
    let error = DemoTrail::benchmark(1, 1, 1).write(&theirs, |_, _| ()).unwrap_err();
    assert!(error.to_string().contains("precious.json"), "{error}");
    assert_eq!(fs::read_to_string(theirs).unwrap(), "{}");
}

fn files(dir: &std::path::Path) -> usize {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}
