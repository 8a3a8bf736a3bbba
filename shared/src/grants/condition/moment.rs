//! Conditions on times: of the request, of the session, of its multi-factor authentication.
//!
//! Enters: the times that a key can have, an operator and its values. Leaves: the truth for each kind of time, with whether
//! the caller can always have such a time. Law: between two of the times that are tested, the truth does not change.

use jiff::{SignedDuration, Timestamp};

use crate::grants::{
    context::{MomentRange, MomentUnit},
    operator::{Operator, OptionalTruth, parse_date},
    variable::ResolvedPattern,
};

/// Later than every date in a policy that means a date.
const FAR: &str = "9000-01-01T00:00:00Z";

/// The truth of a condition for each time that the key can have, and whether the caller can always have it.
pub(super) fn truths(
    range: MomentRange,
    operator: Operator,
    wanted: &[ResolvedPattern],
) -> Vec<(OptionalTruth, bool)> {
    let mut times = vec![range.earliest, range.now];
    times.extend(FAR.parse::<Timestamp>().ok().filter(|_| range.unit != MomentUnit::Age));
    // The truth changes only at the values of the policy.
    let bounds = wanted.iter().filter_map(|value| bound(range, value.text.as_deref()?));
    times.extend(bounds.flat_map(|bound| {
        [-1, 0, 1]
            .into_iter()
            .filter_map(move |offset| bound.checked_add(SignedDuration::from_secs(offset)).ok())
    }));
    times.retain(|time| *time >= range.earliest && (range.unit != MomentUnit::Age || *time <= range.now));
    let absent = range.may_be_absent.then(|| (operator.test(&[], wanted), true));
    let present = times.into_iter().map(|time| {
        // A session with multi-factor authentication needs a device, which the caller may not have.
        let is_chosen = time == range.now && range.unit != MomentUnit::Age;
        (operator.test(&[written(range, time)], wanted), is_chosen)
    });
    present.chain(absent).collect()
}

fn written(range: MomentRange, time: Timestamp) -> String {
    match range.unit {
        MomentUnit::Date => time.to_string(),
        MomentUnit::EpochSeconds => time.as_second().to_string(),
        MomentUnit::Age => (range.now.as_second() - time.as_second()).to_string(),
    }
}

/// The time at which a value of a policy divides the times of the key.
fn bound(range: MomentRange, text: &str) -> Option<Timestamp> {
    match range.unit {
        MomentUnit::Date | MomentUnit::EpochSeconds => parse_date(text),
        MomentUnit::Age => {
            let seconds: i64 = text.trim().parse().ok()?;
            range.now.checked_sub(SignedDuration::from_secs(seconds)).ok()
        }
    }
}
