//! The smallest list of faults with which a schedule still fails.
//!
//! Enters: a seed and the faults of a schedule that fails. Leaves: a list from which no fault can be removed. Law: the list fails.

use super::{
    faults::Fault,
    planted::Defect,
    schedule::{Outcome, run},
};

/// Removes halves, quarters and at last single faults, as long as the schedule fails without them.
pub fn shrink(seed: u64, faults: &[Fault], defect: Option<Defect>) -> (Vec<Fault>, Outcome) {
    let mut left = faults.to_vec();
    let mut outcome = run(seed, Some(&left), defect);
    let mut size = left.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        let mut is_smaller = false;
        while at < left.len() {
            let mut fewer = left.clone();
            fewer.drain(at..(at + size).min(left.len()));
            let tried = run(seed, Some(&fewer), defect);
            if tried.violations.is_empty() {
                at += size;
            } else {
                (left, outcome, is_smaller) = (fewer, tried, true);
            }
        }
        if size == 1 && !is_smaller {
            return (left, outcome);
        }
        size = (size / 2).max(1);
    }
}

/// A failed schedule, for a person: the seed, what is violated, the faults, and the steps of the processes that they are about.
pub fn describe(seed: u64, faults: &[Fault], outcome: &Outcome) -> String {
    let list = |lines: Vec<String>| lines.into_iter().map(|line| format!("\n    {line}")).collect::<String>();
    let violations = list(outcome.violations.clone());
    let faults = list(faults.iter().map(ToString::to_string).collect());
    let trace = list(outcome.trace.clone());
    format!(
        "the schedule of seed {seed} violates:{violations}\n  with no more faults than these:{faults}\n  step by step:{trace}\n  \
         the schedule of seed {seed} violates:{violations}\n  with no more faults than these:{faults}\n  \
         replay it: ONLOOKER_SCHEDULES=1 ONLOOKER_SEED={seed} cargo test -p onlooker-core --all-features --test simulation \
         no_schedule -- --nocapture"
    )
}
