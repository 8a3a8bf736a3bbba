//! `log-digests`: whether CloudTrail delivers digest files, and what they prove of the log files.
//!
//! Limits: an hour with tampered log files is critical, an hour with a missing file is a warning. Without a trace of digest files
//! nothing is known.

use super::{HealthInput, HealthInputs, HealthMeasure, HealthRule, HealthUnit, JudgedValue};
use crate::finding::count_noun;

pub(super) const RULE: HealthRule = HealthRule {
    name: "log-digests",
    title: "Log digests",
    remedy: "See which files with `onlooker verify trail PATH`, and take the evidence of these hours from the event history or another copy.",
    remedy_if_unknown: "Switch digest files on (`aws cloudtrail update-trail --enable-log-file-validation`), and verify with `onlooker sweep PATH --verify-logs`, or in a deployment with the parameter that lets `maintain` read the trail.",
    judge,
};

fn judge(inputs: &HealthInputs) -> HealthInput<Vec<JudgedValue>> {
    if inputs.digests.known().is_some_and(|state| state.quiet_hours == 0 && state.verified.is_none()) {
        return HealthInput::Unknown(
            "the evidence has no trace of digest files, and log files were not verified".to_owned(),
        );
    }
    if inputs
        .digests
        .known()
        .and_then(|state| state.verified)
        .is_some_and(|hours| hours.all() == hours.unverified)
    {
        return HealthInput::Unknown("no hour of log files is proven by a digest file".to_owned());
    }
    inputs.digests.map(|state| {
        let Some(hours) = state.verified else {
            let measure = HealthMeasure::shown("digest_hours", HealthUnit::Count, state.quiet_hours as f64);
            let message = format!(
                "digest files are delivered ({} without an event); log files were not verified",
                count_noun(state.quiet_hours, "hour")
            );
            return vec![JudgedValue::of(message, vec![measure])];
        };
        let measures = vec![
            HealthMeasure {
                critical: Some(0.0),
                ..HealthMeasure::shown("tampered_hours", HealthUnit::Count, hours.tampered as f64)
            },
            HealthMeasure {
                warning: Some(0.0),
                ..HealthMeasure::shown("missing_file_hours", HealthUnit::Count, hours.missing as f64)
            },
            HealthMeasure::shown("verified_hours", HealthUnit::Count, hours.verified as f64),
            HealthMeasure::shown("unverified_hours", HealthUnit::Count, hours.unverified as f64),
        ];
        let message = format!(
            "{} verified, {} not verified, {} with missing files, {} tampered with",
            count_noun(hours.verified, "hour"),
            hours.unverified,
            hours.missing,
            hours.tampered
        );
        vec![JudgedValue::of(message, measures)]
    })
}
