//! Circuit breakers that two functions share through a table.

use std::{collections::BTreeSet, sync::Arc};

use onlooker_core::{
    breaker::{Breaker, BreakerLimits, CallOutcome},
    jobs::breakers::{CACHE_SECONDS, CallPermit, CircuitBreakers, stored_breakers},
    ports::{PortErrorKind, Table},
    time::Time,
};
use proptest::prelude::*;

use crate::environment::{FaultInjector, FaultPlan, FaultTiming, FaultyPort, MemoryTable};

const LIMITS: BreakerLimits = BreakerLimits { failures: 3, seconds: 300 };
const CALL: &str = "dynamodb:Query";

type SharedTable = Arc<MemoryTable>;

fn function(table: &SharedTable, name: &str) -> CircuitBreakers {
    CircuitBreakers::shared(LIMITS, Arc::clone(table) as Arc<dyn Table + Send + Sync>, name)
}

fn fails(function: &CircuitBreakers, now: u32) {
    let permit = function.ask(CALL, Time(now)).unwrap();
    function.report(permit, CallOutcome::Failed, Time(now));
}

#[test]
fn a_breaker_that_opens_in_one_function_refuses_in_another_and_closes_again() {
    let table = SharedTable::default();
    let (pull, report) = (function(&table, "pull"), function(&table, "report"));
    fails(&pull, 1_000);
    fails(&report, 1_006);
    fails(&pull, 1_012);
    assert_eq!(pull.take_changes().len(), 1);
    let refused = report.ask(CALL, Time(1_020)).unwrap_err();
    assert_eq!(refused.until, Time(1_312));
    assert!(refused.to_string().contains("dynamodb:Query was not called"), "{refused}");
    report.ask("dynamodb:Scan", Time(1_020)).map(drop).unwrap();
    // One probe of all functions.
    let probe = report.ask(CALL, Time(1_312)).unwrap();
    pull.ask(CALL, Time(1_318)).unwrap_err();
    report.report(probe, CallOutcome::Succeeded, Time(1_319));
    assert_eq!(stored_breakers(&*table, Time(1_400)).unwrap()[CALL], Breaker::default());
    pull.ask(CALL, Time(1_325)).map(drop).unwrap();
}

#[test]
fn errors_of_the_caller_open_nothing_and_a_healthy_operation_writes_nothing() {
    let table = SharedTable::default();
    let pull = function(&table, "pull");
    for n in 0..20 {
        let permit = pull.ask(CALL, Time(1_000 + n)).unwrap();
        let outcome = if n % 2 == 0 { CallOutcome::CallerError } else { CallOutcome::Succeeded };
        pull.report(permit, outcome, Time(1_000 + n));
    }
    assert_eq!(table.items(), []);
}

#[test]
fn while_the_table_fails_a_breaker_works_in_its_function_and_is_stored_later() {
    let faults = FaultInjector::default();
    let table = Arc::new(FaultyPort { port: MemoryTable::default(), injector: faults.clone() });
    let pull = CircuitBreakers::shared(LIMITS, Arc::clone(&table) as Arc<dyn Table + Send + Sync>, "pull");
    let (kind, timing) = (PortErrorKind::Unavailable, FaultTiming::Before);
    faults.plan(FaultPlan::Fail { kind, timing, matching: Box::new(|_, _| true) });
    for n in 0..3 {
        fails(&pull, 1_000 + n);
    }
    pull.ask(CALL, Time(1_004)).unwrap_err();
    faults.reset();
    pull.ask(CALL, Time(1_004 + CACHE_SECONDS)).unwrap_err();
    let stored = stored_breakers(&table.port, Time(1_400)).unwrap();
    assert_eq!(stored[CALL], Breaker::Open { since: Time(1_002), until: Time(1_302) });
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Pause(u32),
    /// A function asks.
    Ask(usize),
    /// The oldest call of a function ends.
    End(usize, CallOutcome),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        4 => Just(CallOutcome::Failed),
        1 => Just(CallOutcome::Succeeded),
        1 => Just(CallOutcome::CallerError),
        1 => Just(CallOutcome::NotSent),
    ];
    prop_oneof![
        (0..150_u32).prop_map(Step::Pause),
        (0..2_usize).prop_map(Step::Ask),
        (0..2_usize, outcome).prop_map(|(function, outcome)| Step::End(function, outcome)),
    ]
}

/// Whether the operation is tried, and until when, in the table itself.
fn stored(table: &SharedTable) -> Breaker {
    // Before any of them expires.
    stored_breakers(&**table, Time(0)).unwrap().get(CALL).cloned().unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn two_functions_that_race_make_one_probe_at_a_time(steps in prop::collection::vec(step(), 0..120)) {
        let table = SharedTable::default();
        let functions = [function(&table, "a"), function(&table, "b")];
        let mut running: [Vec<(CallPermit, Time)>; 2] = Default::default();
        let mut probes = BTreeSet::new();
        let mut now = Time(1_000);
        for step in steps {
            match step {
                Step::Pause(seconds) => now = Time(now.0 + seconds),
                Step::Ask(n) => {
                    let before = stored(&table);
                    let answer = functions[n].ask(CALL, now);
                    let after = stored(&table);
                    match (&answer, &after) {
                        // What is refused is open in the table, or was when it was last read.
                        (Err(refused), _) => prop_assert!(refused.until >= now),
                        (Ok(_), Breaker::HalfOpen { probe, .. }) if before != after => {
                            // A new probe begins only after the one before is over or given up.
                            let may_probe = match &before {
                                Breaker::Open { until, .. } | Breaker::HalfOpen { until, .. } => now >= *until,
                                Breaker::Closed { .. } => false,
                            };
                            prop_assert!(may_probe);
                            prop_assert!(probes.insert(probe.clone()));
                        }
                        // A call besides the probe is made only by a function that has not read the table yet.
                        (Ok(_), _) => prop_assert_eq!(&before, &after),
                    }
                    if let Ok(permit) = answer {
                        running[n].push((permit, now));
                    }
                }
                Step::End(n, outcome) if !running[n].is_empty() => {
                    let (permit, _) = running[n].remove(0);
                    let before = stored(&table);
                    functions[n].report(permit, outcome, now);
                    let after = stored(&table);
                    match (&before, &after) {
                        (Breaker::Closed { failures }, Breaker::Open { .. }) => {
                            prop_assert!(outcome == CallOutcome::Failed && failures + 1 >= LIMITS.failures);
                        }
                        (Breaker::Closed { failures }, Breaker::Closed { failures: then }) => {
                            let is_expected = match outcome {
                                // A success that knows of no failures forgets none.
                                CallOutcome::Succeeded => *then == 0 || then == failures,
                                // Nor does a failure count that a function takes for one while the breaker is open.
                                CallOutcome::Failed => *then == failures + 1 || then == failures,
                                CallOutcome::CallerError | CallOutcome::NotSent => then == failures,
                            };
                            prop_assert!(is_expected);
                        }
                        (Breaker::HalfOpen { .. }, Breaker::Closed { .. }) => {
                            prop_assert!(matches!(outcome, CallOutcome::Succeeded | CallOutcome::CallerError));
                        }
                        (Breaker::HalfOpen { .. }, Breaker::Open { .. }) => {
                            prop_assert!(matches!(outcome, CallOutcome::Failed | CallOutcome::NotSent));
                        }
                        (before, after) => prop_assert_eq!(before, after),
                    }
                }
                Step::End(..) => {}
            }
        }
        // Whatever happened, the operation is tried again at last, and a success closes the breaker.
        now = Time(now.0 + 10_000);
        for _ in 0..2 {
            if let Ok(permit) = functions[0].ask(CALL, now) {
                functions[0].report(permit, CallOutcome::Succeeded, now);
            }
        }
        prop_assert_eq!(stored(&table), Breaker::default());
    }
}
