//! Gathering files. Law: the counts add up, and the order, the split and the number of threads do not change the
//! result.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, io::Write as _, path::Path};

use flate2::{Compression, write::GzEncoder};
use onlooker_core::{
    jobs::gather::{GatherOptions, GatheredEvidence, gather, read_object},
    ports::LogSource,
    record::{OtherFile, ReadLimits, UnreadableReason},
    segment::Segment,
};
use onlooker_local::local_files::LocalFiles;
use proptest::prelude::*;

fn record(id: u16) -> String {
    format!(
        r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/u{}"}},"eventTime":"2023-07-10T12:{:02}:15Z","eventSource":"s3.amazonaws.com","eventName":"Op{}","awsRegion":"us-east-1","eventID":"{id}","recipientAccountId":"111122223333"}}"#,
        id % 3,
        id % 60,
        id % 7
    )
}

/// One element of `Records`: a record, an Insight event, or an unreadable one.
fn record_element(kind: u8, id: u16) -> String {
    match kind {
        0..8 => record(id),
        8 => format!(r#"{{"eventID":"{id}","eventCategory":"Insight"}}"#),
        _ => format!(r#"{{"eventID":"{id}"}}"#),
    }
}

fn object(pieces: &[(u8, u16)], cut: bool) -> Vec<u8> {
    let pieces: Vec<String> = pieces.iter().map(|(kind, id)| record_element(*kind, *id)).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    write!(encoder, "{{\"Records\":[{}]}}", pieces.join(",")).unwrap();
    let mut bytes = encoder.finish().unwrap();
    if cut {
        bytes.truncate(bytes.len() - 9);
    }
    bytes
}

fn gather_folder(folder: &Path, threads: usize) -> GatheredEvidence {
    let files = LocalFiles::new([folder.to_string_lossy()]);
    gather(&files, GatherOptions { threads, limits: ReadLimits::default(), hash_content: false }, &|_| {})
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_counts_add_up_for_any_order_split_and_threads(
        objects in prop::collection::vec((prop::collection::vec((0..11_u8, 0..40_u16), 0..30), any::<bool>()), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        for (at, (pieces, cut)) in objects.iter().enumerate() {
            fs::create_dir_all(folder.path().join(format!("d{}", at % 2))).unwrap();
            fs::write(folder.path().join(format!("d{}/{at}.json.gz", at % 2)), object(pieces, *cut)).unwrap();
        }
        let one = gather_folder(folder.path(), 1);
        let GatheredEvidence { segment, statistics: reading } = &one;
        prop_assert_eq!(
            reading.records,
            reading.tallied + reading.duplicate + reading.unreadable + reading.insight_events
        );
        prop_assert_eq!(reading.objects, objects.len() as u64);
        prop_assert_eq!(&one, &gather_folder(folder.path(), 3));

        let each = objects.iter().rev().map(|(pieces, cut)| {
            read_object("x", &object(pieces, *cut), ReadLimits::default()).segment
        });
        prop_assert_eq!(segment.to_bytes(), Segment::merge_all(each).to_bytes());
    }
}

#[test]
fn every_unreadable_file_is_named_and_affects_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let good = format!("{{\"Records\":[{},{}]}}", record(1), record(2));
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("a-good.json", good.as_bytes());
    write("b-empty.json", b"");
    write("c-cut.json.gz", &object(&[(0, 3)], true));
    write("d-noise.json.gz", b"\x00\x01\x02");
    write("e-cut.json", &good.as_bytes()[..good.len() - 40]);
    write("f-twice.json", good.as_bytes());
    write(".hidden", b"never read");
    let GatheredEvidence { segment, statistics: reading } = gather_folder(folder.path(), 2);
    let reasons: Vec<&str> = reading.positions.iter().map(|position| &*position.reason).collect();
    assert_eq!(
        reasons,
        [UnreadableReason::TruncatedGzip, UnreadableReason::BadJson, UnreadableReason::TruncatedJson]
            .map(UnreadableReason::description)
    );
    assert_eq!((reading.tallied, reading.duplicate, reading.unreadable), (3, 3, 3), "{reading:#?}");
    assert_eq!(segment.unreadable().len(), 3);
    let skipped: Vec<(OtherFile, u64)> =
        reading.skipped.iter().map(|(kind, count)| (*kind, *count)).collect();
    assert_eq!(skipped, [(OtherFile::Hidden, 1), (OtherFile::Empty, 1)]);
    let names: Vec<&str> =
        reading.skipped_files.iter().filter_map(|skipped| skipped.file.rsplit('/').next()).collect();
    assert_eq!(names, [".hidden", "b-empty.json"]);
}

#[test]
fn a_file_beside_the_trail_is_skipped_in_a_folder_and_unreadable_if_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    fs::write(path("trail.json"), record(1)).unwrap();
    fs::write(path("config.json"), r#"{"fileVersion":"1.0","configSnapshotId":"x","configurationItems":[]}"#)
        .unwrap();
    fs::write(path("flow.log"), "version account-id interface-id\n2 111122223333 eni-1\n").unwrap();
    let gather_paths = |paths: &[String]| {
        let options = GatherOptions { threads: 2, limits: ReadLimits::default(), hash_content: false };
        gather(&LocalFiles::new(paths), options, &|_| {}).unwrap()
    };
    for paths in [vec![path("")], vec![path("*")], vec![path("trail.json"), path("?[ol]*")]] {
        let GatheredEvidence { segment, statistics: reading } = gather_paths(&paths);
        assert_eq!((reading.objects, reading.records, segment.unreadable().len()), (3, 1, 0), "{reading:#?}");
        let skipped: Vec<(&str, u64)> =
            reading.skipped.iter().map(|(kind, count)| (kind.noun(), *count)).collect();
        assert_eq!(skipped, [("AWS Config snapshot", 1), ("VPC flow log", 1)]);
    }
    for paths in [
        vec![path("trail.json"), path("config.json"), path("flow.log")],
        vec![path("./flow.log"), path(""), path("config.json")],
    ] {
        let reading = gather_paths(&paths).statistics;
        assert!(reading.skipped.is_empty(), "{reading:#?}");
        let reasons: Vec<&str> = reading.positions.iter().map(|position| &*position.reason).collect();
        assert_eq!(
            reasons,
            [
                "JSON, but not CloudTrail data: it seems to be an AWS Config snapshot",
                "not JSON: it seems to be a VPC flow log"
            ]
        );
    }
}

#[test]
fn each_file_is_found_once_by_directory_glob_and_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.json", "b.json", "c.txt"] {
        fs::write(folder.path().join(name), record(1)).unwrap();
    }
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let count = |paths: Vec<String>| LocalFiles::new(paths).list().map(|objects| objects.len());
    assert_eq!(count(vec![path("")]).unwrap(), 3);
    assert_eq!(count(vec![path("*.json")]).unwrap(), 2);
    assert_eq!(count(vec![path("a.json"), path("*.json"), path("")]).unwrap(), 3);
    assert!(count(vec![path("*.nothing")]).is_err());
    assert!(count(vec![path("missing.json")]).is_err());
}

#[test]
fn a_missing_file_is_unreadable_evidence() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("gone.json")).unwrap();
    let GatheredEvidence { statistics: reading, .. } = gather_folder(folder.path(), 1);
    let reasons: Vec<&str> = reading.positions.iter().map(|position| &*position.reason).collect();
    let [reason] = reasons[..] else { panic!("{reasons:?}") };
    assert!(reason.starts_with(UnreadableReason::Unavailable.description()), "{reason}");
}
