//! The simulation finds planted bugs.
//!
//! Enters: a planted bug, and the faults that it needs. Leaves: what the simulation says. Laws: a schedule without the bug violates
//! nothing; with it, the violation names what is lost or claimed too early.

use super::{
    draw::Dice,
    faults::{Fault, FaultKind},
    planted::Defect,
    schedule::run,
    shrink::shrink,
    workload::{BEGIN, Workload},
};

/// Seeds that are searched for one with a workload that fits.
const SEEDS: u64 = 200;

fn find_seed(fits: impl Fn(&Workload) -> bool) -> u64 {
    (0..SEEDS).find(|seed| fits(&Workload::new(Dice { seed: *seed }))).unwrap()
}

/// The log files count in the whole period.
fn counts_log_files(workload: &Workload) -> bool {
    workload.counts_log_files(workload.files[0].delivered.hour()) && workload.counts_log_files(BEGIN.hour())
}

/// The number of a call that is alerted while the functions run.
fn alerted_call(workload: &Workload) -> Option<u32> {
    let calls = workload.calls.iter();
    calls
        .filter(|(_, call)| call.is_violation && call.time.0 > BEGIN.0 + 1_800)
        .map(|(number, _)| *number)
        .next()
}

fn fault(subject: String, number: u64, kind: FaultKind) -> Fault {
    Fault { subject, number, kind }
}

/// The bug is found with these faults and with no fewer, and nothing is found without it.
fn assert_found(seed: u64, faults: &[Fault], defect: Defect, words: &str) {
    assert_eq!(run(seed, Some(faults), None).violations, Vec::<String>::new(), "{defect:?}");
    let (needed, outcome) = shrink(seed, faults, Some(defect));
    assert_eq!(needed, faults, "{defect:?} needs these faults");
    let named = |violation: &String| violation.contains(words);
    assert!(outcome.violations.iter().any(named), "{defect:?}: {:#?}", outcome.violations);
}

#[test]
fn the_simulation_finds_a_lost_write() {
    let seed = find_seed(counts_log_files);
    assert_found(
        seed,
        &[],
        Defect::LostWrite,
        "at rest: the report on everything is not that of the slow model",
    );
}

#[test]
fn the_simulation_finds_a_status_that_is_published_before_its_report() {
    assert_found(find_seed(|_| true), &[], Defect::StatusBeforeReport, "does not exist");
}

#[test]
fn the_simulation_finds_a_checkpoint_that_is_written_before_its_evidence() {
    let seed = find_seed(|workload| !counts_log_files(workload));
    assert_found(seed, &[], Defect::CheckpointBeforeEvidence, "and slices are stored until");
}

#[test]
fn the_simulation_finds_a_notification_that_is_recorded_before_it_is_sent() {
    let seed = find_seed(|workload| alerted_call(workload).is_some());
    let number = alerted_call(&Workload::new(Dice { seed })).unwrap();
    // The calls of the run: it reads the record, claims, sends, and records for the first sink.
    let kill = fault(format!("watch of event {number}"), 3, FaultKind::KilledAfter);
    assert_found(seed, &[kill], Defect::RecordBeforeSending, "never sent the alert");
}

#[test]
fn the_simulation_finds_that_nothing_records_what_was_sent() {
    let seed = find_seed(|workload| alerted_call(workload).is_some());
    let number = alerted_call(&Workload::new(Dice { seed })).unwrap();
    let twice = fault(format!("the event {number}"), 0, FaultKind::DeliveryDuplicated);
    assert_found(seed, &[twice], Defect::NoRecordOfSending, "twice");
}
