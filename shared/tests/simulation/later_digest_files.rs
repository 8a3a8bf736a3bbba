//! Digest files of the hour after a report window, which list log files of the window.
//!
//! Enters: such a digest file, which lists a log file that is missing. Leaves: the report of the functions and that of a sweep. Law: both
//! find the missing file.

use onlooker_core::{
    jobs::{evidence::EvidenceStore, gather::read_object, ingest::ingest},
    record::ReadLimits,
};

use super::{
    environment::{FakeClock, LogBucket, MemoryStore, MemoryTable},
    fixtures::{
        digest, expected_report, hour_after_start, log_file, log_name, message, minutes_after_start,
        promise_config, record, report,
    },
    records::{ACCOUNT, REGION},
};

#[test]
fn a_report_looks_at_the_lists_of_later_digest_files() {
    let (table, store, logs) = (MemoryTable::default(), MemoryStore::default(), LogBucket::default());
    let (evidence, config) = (EvidenceStore::new(&table, &store), promise_config(Some(hour_after_start(0))));
    let time = minutes_after_start;
    let first = log_file(&[record(2, ACCOUNT, REGION, time(10))]);
    let listed = [(time(110), time(110))];
    let files = [
        (log_name(ACCOUNT, REGION, time(15), "first"), first),
        digest(ACCOUNT, REGION, time(60), &[(time(10), time(10))]),
        digest(ACCOUNT, REGION, time(120), &[]),
        digest(ACCOUNT, REGION, time(180), &listed),
    ];
    let objects = files.each_ref().map(|(name, bytes)| logs.deliver(name, bytes));
    let messages = objects.each_ref().map(|object| message(&object.name, &[object]));
    let clock = FakeClock::at(time(200));
    assert_eq!(ingest(&logs, &evidence, &config, &clock, &messages, None).unwrap().failed, []);

    let whole = (hour_after_start(0), hour_after_start(2));
    let of_functions = report(&evidence, &config, whole, 1).unwrap();
    let read = |(name, bytes): &(String, Vec<u8>)| read_object(name, bytes, ReadLimits::default()).segment;
    let all = onlooker_core::segment::Segment::merge_all(files.iter().map(read));
    let of_sweep = expected_report(all, &config, whole);
    let missing = |report: &onlooker_core::report::Report| {
        report.result.findings.iter().filter(|finding| finding.id == "missing-logs").count()
    };
    assert_eq!((missing(&of_functions), missing(&of_sweep)), (1, 1));
    assert_eq!(of_functions.id, of_sweep.id);
    // The report on the next hour does not find it, because the log file has no event in it.
    let next = (hour_after_start(2), hour_after_start(3));
    assert_eq!(missing(&report(&evidence, &config, next, 1).unwrap()), 0);
    // A report on both finds it.
    let both = (hour_after_start(0), hour_after_start(3));
    assert_eq!(missing(&report(&evidence, &config, both, 1).unwrap()), 1);
}
