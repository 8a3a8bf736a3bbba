//! Laws of a report on verified log files.

use std::{collections::BTreeSet, sync::Arc};

use onlooker_core::{
    config::LogIntegrity,
    controls::ControlState,
    log_integrity::{
        HourProblem, IntegritySpan, IntegrityStatus, IntegritySummary, PlaceIntegrity, ProblemKind,
        VerifiedWindow,
    },
    report::ReportResult,
    score::Status,
    time::{HOUR_SECONDS, Hour, Time},
};
use proptest::{prelude::*, sample::select};

use super::events::{
    ACCOUNTS, EventExt as _, EvidenceScenario, REGIONS, START, any_events, auditor_call, promise_config,
};

const FIRST: u32 = START / HOUR_SECONDS;

/// Hours of the period; the log files of the hour after it count too.
const HOURS: u32 = 4;

const STATUSES: [IntegrityStatus; 4] = [
    IntegrityStatus::Verified,
    IntegrityStatus::Unverified,
    IntegrityStatus::Missing,
    IntegrityStatus::Tampered,
];

/// An account, region and hour of delivery, and its status.
type Cell = (usize, usize, u32, IntegrityStatus);

fn any_cells() -> impl Strategy<Value = Vec<Cell>> {
    prop::collection::vec((0..2_usize, 0..2_usize, 0..=HOURS, select(&STATUSES[..])), 0..24)
}

/// One verification that found this of one hour.
fn of_cell((account, region, hour, status): Cell) -> IntegritySummary {
    let from = Hour(FIRST + hour);
    let window = VerifiedWindow { since: from.start(), until: from.end() };
    let kind = match status {
        IntegrityStatus::Tampered => Some(ProblemKind::LogFileHash),
        IntegrityStatus::Missing => Some(ProblemKind::DigestMissing),
        IntegrityStatus::Unverified => Some(ProblemKind::KeyUnknown),
        IntegrityStatus::Verified => None,
    };
    let (account, region) = (ACCOUNTS[account].to_owned(), REGIONS[region].to_owned());
    let problem = kind.map(|kind| HourProblem {
        account: account.clone(),
        region: region.clone(),
        since: window.since,
        until: window.until,
        kind,
        file: format!("{hour}.json.gz"),
    });
    IntegritySummary {
        checked_at: Some(window.until),
        windows: vec![window],
        places: vec![PlaceIntegrity {
            account,
            region,
            hours: vec![IntegritySpan { from, until: Hour(from.0 + 1), status }],
        }],
        problems: problem.into_iter().collect(),
        ..IntegritySummary::default()
    }
}

fn of_cells(cells: &[Cell]) -> IntegritySummary {
    cells.iter().copied().map(of_cell).fold(IntegritySummary::default(), IntegritySummary::merge)
}

/// A promise about management events of both accounts and both regions for four hours, kept, with complete evidence.
fn complete(events: Vec<onlooker_core::event::Event>) -> EvidenceScenario {
    let places = ACCOUNTS.into_iter().flat_map(|account| REGIONS.map(|region| (account, region)));
    let all = places.flat_map(|(account, region)| {
        (0..HOURS).flat_map(move |hour| {
            ["DescribeInstances", "RunInstances"].map(|name| {
                let call = auditor_call(name).in_account_region(account, region).at_time(hour, 60);
                if name == "RunInstances" { call.by_principal("Builder") } else { call }
            })
        })
    });
    EvidenceScenario::of(all.chain(events)).with(|scenario| {
        for (event, id) in scenario.events.iter_mut().zip(1..) {
            event.id = onlooker_core::event::EventId(id);
        }
        scenario.config = promise_config();
        let coverage = &mut scenario.config.coverage;
        coverage.accounts = ACCOUNTS.map(str::to_owned).to_vec();
        coverage.regions = REGIONS.map(str::to_owned).to_vec();
        coverage.event_classes = ["management-read", "management-write"].map(str::to_owned).to_vec();
        scenario.period = (Some(Time(START)), Some(Time(START + HOURS * HOUR_SECONDS)));
    })
}

fn verified(scenario: &EvidenceScenario, cells: &[Cell]) -> ReportResult {
    scenario.clone().with(|scenario| scenario.integrity = Some(of_cells(cells))).result()
}

/// Accounts, regions and hours that are gaps.
fn gaps(result: &ReportResult) -> BTreeSet<(Arc<str>, Arc<str>, u32)> {
    let places = result.coverage.account_regions.iter();
    let spans = places.flat_map(|place| place.gaps.iter().map(move |gap| (place, gap)));
    spans
        .flat_map(|(place, gap)| {
            (gap.from.0..gap.until.0).map(|hour| (place.account.clone(), place.region.clone(), hour - FIRST))
        })
        .collect()
}

fn all_verified() -> Vec<Cell> {
    let places = [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter();
    places
        .flat_map(|(account, region)| {
            (0..=HOURS).map(move |hour| (account, region, hour, IntegrityStatus::Verified))
        })
        .collect()
}

#[test]
fn a_control_about_log_files_passes_only_if_all_of_them_are_verified() {
    let scenario = complete(Vec::new());
    let state = |result: ReportResult| {
        let control = result.controls.into_iter().find(|control| control.id == "EV-2").unwrap();
        (control.state, control.evidence)
    };
    assert_eq!(state(scenario.result()).0, ControlState::NoEvidence);
    let passed = "the log files of 16 of 16 account-region hours are verified";
    assert_eq!(state(verified(&scenario, &all_verified())), (ControlState::Pass, passed.to_owned()));
    let without_last: Vec<Cell> = all_verified().into_iter().filter(|cell| cell.2 < HOURS).collect();
    let missing = "the log files of 4 of 16 account-region hours are missing or not verified";
    assert_eq!(state(verified(&scenario, &without_last)), (ControlState::NoEvidence, missing.to_owned()));
    let mut tampered = all_verified();
    tampered[0].3 = IntegrityStatus::Tampered;
    assert_eq!(state(verified(&scenario, &tampered)).0, ControlState::Fail);
}

#[test]
fn a_report_says_what_was_verified_and_what_not() {
    let scenario = complete(Vec::new());
    let unverified = scenario.result();
    assert_eq!(unverified.summary.overall_compliance, Some(Status::Compliant));
    assert!(unverified.coverage.log_integrity.is_none());
    let of_signatures = |result: &ReportResult| {
        result
            .limitations
            .iter()
            .any(|line| line.starts_with("The signatures of digest files were not verified"))
    };
    assert!(of_signatures(&unverified));
    let whole = verified(&scenario, &all_verified());
    assert_eq!(whole.summary.overall_compliance, Some(Status::Compliant));
    let integrity = whole.coverage.log_integrity.as_ref().unwrap();
    assert_eq!((integrity.hours.verified, integrity.hours.all()), (16, 16));
    assert!(!of_signatures(&whole), "{:?}", whole.limitations);
    assert!(
        whole
            .limitations
            .iter()
            .any(|line| { line.starts_with("The log files of 16 of 16 account-region hours are verified") })
    );
    // The hour after the period was not verified, and holds events of the last hour of it.
    let without_last: Vec<Cell> = all_verified().into_iter().filter(|cell| cell.2 < HOURS).collect();
    let result = verified(&scenario, &without_last);
    let hours = result.coverage.log_integrity.as_ref().unwrap().hours;
    assert_eq!((hours.verified, hours.unverified), (12, 4));
    assert_eq!(result.summary.overall_compliance, Some(Status::Compliant));
    let required = scenario.with(|scenario| scenario.config.coverage.log_integrity = LogIntegrity::Required);
    let result = verified(&required, &without_last);
    assert_eq!(result.summary.overall_compliance, Some(Status::InsufficientEvidence));
    assert_eq!(gaps(&result).len(), 4);
    assert!(
        result
            .summary
            .status_reasons
            .iter()
            .any(|reason| reason == "the log files of 4 hours are not verified"),
        "{:?}",
        result.summary.status_reasons
    );
    let result = required.result();
    assert_eq!(result.summary.overall_compliance, Some(Status::InsufficientEvidence), "nothing was verified");
    assert_eq!(gaps(&result).len(), 16);
    assert!(of_signatures(&result), "{:?}", result.limitations);
}

#[test]
fn a_tampered_hour_is_a_finding_that_names_file_problem_and_hour() {
    let result = verified(&complete(Vec::new()), &[(0, 1, 2, IntegrityStatus::Tampered)]);
    assert_eq!(result.summary.overall_compliance, Some(Status::InsufficientEvidence));
    let finding = result.findings.iter().find(|finding| finding.id == "tampered-log-files").unwrap();
    assert_eq!(finding.subject, format!("{} {}", ACCOUNTS[0], REGIONS[1]));
    for words in ["`2.json.gz`", "its content does not have the hash", &Hour(FIRST + 2).start().to_string()] {
        assert!(finding.description.contains(words), "{words}: {}", finding.description);
    }
    let reason = "log files of 2 hours are not as CloudTrail delivered them";
    assert!(
        result.summary.status_reasons.iter().any(|one| one == reason),
        "{:?}",
        result.summary.status_reasons
    );
}

#[test]
fn a_later_verification_improves_an_hour_unless_it_was_tampered_with() {
    let of = |statuses: &[IntegrityStatus]| {
        let cells: Vec<Cell> = statuses.iter().map(|status| (0, 0, 1, *status)).collect();
        let summary = of_cells(&cells)
            .within(onlooker_core::period::Period { from: Hour(FIRST), until: Hour(FIRST + HOURS) });
        (summary.places[0].hours[0].status, summary.problems.len())
    };
    use IntegrityStatus::{Missing, Tampered, Unverified, Verified};
    assert_eq!(of(&[Missing, Verified]), (Verified, 0));
    assert_eq!(of(&[Unverified, Missing]), (Unverified, 1));
    assert_eq!(of(&[Verified, Tampered, Missing]), (Tampered, 1));
}

#[test]
fn an_account_that_is_named_and_has_no_digest_file_is_missing() {
    let scenario = complete(Vec::new());
    let absent = IntegritySummary {
        windows: vec![VerifiedWindow { since: Time(START), until: Time(START + HOUR_SECONDS) }],
        absent_accounts: BTreeSet::from([ACCOUNTS[1].to_owned()]),
        ..IntegritySummary::default()
    };
    let result = scenario.clone().with(|scenario| scenario.integrity = Some(absent.clone())).result();
    assert_eq!(gaps(&result).len(), 8);
    let merged = absent.merge(of_cells(&all_verified()));
    assert!(merged.absent_accounts.is_empty());
    let result = scenario.with(|scenario| scenario.integrity = Some(merged)).result();
    assert_eq!(gaps(&result).len(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn merging_verifications_is_associative_commutative_and_idempotent(
        a in any_cells(), b in any_cells(), c in any_cells(),
    ) {
        let [a, b, c] = [a, b, c].map(|cells| of_cells(&cells));
        let all = a.clone().merge(b.clone()).merge(c.clone());
        prop_assert_eq!(&all, &a.clone().merge(b.clone().merge(c)));
        prop_assert_eq!(a.clone().merge(b.clone()), b.clone().merge(a.clone()));
        prop_assert_eq!(a.clone().merge(a.clone()), a.clone());
        prop_assert_eq!(a.clone().merge(IntegritySummary::default()), a.clone());
        prop_assert_eq!(all.clone().merge(b), all.clone());
        let json = serde_json::to_string(&all).unwrap();
        prop_assert_eq!(serde_json::from_str::<IntegritySummary>(&json).unwrap(), all);
    }

    #[test]
    fn a_verification_never_improves_a_status(
        events in any_events(20), cells in any_cells(), is_required in any::<bool>(),
    ) {
        let scenario = complete(events);
        let before = scenario.result();
        let after = scenario.with(|scenario| {
            if is_required {
                scenario.config.coverage.log_integrity = LogIntegrity::Required;
            }
        });
        let after = verified(&after, &cells);
        prop_assert!(after.summary.overall_compliance >= before.summary.overall_compliance);
        prop_assert!(after.coverage.observed_hours <= before.coverage.observed_hours);
        prop_assert!(after.summary.risk_score >= before.summary.risk_score);
        for after in &after.principals {
            let before = before.principals.iter().find(|before| before.arn == after.arn).unwrap();
            prop_assert!(after.status >= before.status);
        }
        let hours = after.coverage.log_integrity.as_ref().unwrap().hours;
        prop_assert_eq!(hours.all(), after.coverage.expected_hours);
        // Changes of logging may leave fewer.
        let most = if is_required { hours.verified } else { hours.verified + hours.unverified };
        prop_assert!(after.coverage.observed_hours <= most);
    }

    #[test]
    fn a_tampered_hour_is_always_a_gap_and_so_is_the_hour_before(events in any_events(20), cells in any_cells()) {
        let result = verified(&complete(events), &cells);
        let gaps = gaps(&result);
        for (account, region, hour, status) in cells {
            if status == IntegrityStatus::Tampered {
                for hour in [Some(hour).filter(|hour| *hour < HOURS), hour.checked_sub(1)].into_iter().flatten() {
                    let place = (ACCOUNTS[account].into(), REGIONS[region].into(), hour);
                    prop_assert!(gaps.contains(&place), "{:?} {:?}", place, gaps);
                }
                prop_assert_eq!(result.summary.overall_compliance.max(Some(Status::InsufficientEvidence)), result.summary.overall_compliance);
                prop_assert!(result.findings.iter().any(|finding| finding.id == "tampered-log-files"));
            }
        }
    }

    #[test]
    fn the_order_of_hours_changes_nothing(cells in any_cells(), shuffled in Just(()).prop_perturb(|(), rng| rng)) {
        let scenario = complete(Vec::new());
        let mut other = cells.clone();
        let mut rng = shuffled;
        for at in (1..other.len()).rev() {
            other.swap(at, (rng.next_u32() as usize) % (at + 1));
        }
        let (one, other) = (verified(&scenario, &cells), verified(&scenario, &other));
        prop_assert_eq!(one.id().unwrap(), other.id().unwrap());
    }
}
