//! `missing-hours`: hours of an account and region that no event and no digest file covers.

use super::{FindingRule, RuleMatch, Severity, count_noun};
use crate::{
    assessment::Assessment,
    coverage::{AccountRegionCoverage, AccountRegionIntegrity},
    time::Time,
};

/// The rule `missing-hours`.
pub const RULE: FindingRule = FindingRule {
    id: "missing-hours",
    severity: Severity::High,
    title: "Hours of an account and region have no evidence",
    meaning: "No event and no digest file covers these hours, so calls made in them are unknown.",
    action: "Copy the log files and the digest files of these hours from the bucket, with the folder of the next day, and read them with `onlooker sweep`; digest files (`aws cloudtrail update-trail --enable-log-file-validation`) show which hours had no calls. Leave a region that is not enabled out of `coverage.regions`.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let missing = |place: &AccountRegionCoverage| {
        let hours: u32 = place.gaps.iter().map(|gap| gap.hours()).sum();
        let (first, last) = place.gaps.first().zip(place.gaps.last())?;
        let of_place =
            |one: &&AccountRegionIntegrity| (&one.account, &one.region) == (&place.account, &place.region);
        let integrity = assessment.coverage.log_integrity.as_ref();
        let unproven =
            integrity.and_then(|all| Some(all.gaps(all.account_regions.iter().find(of_place)?.hours)));
        let unproven = unproven.map_or(0, |hours| hours.tampered + hours.missing + hours.unverified);
        let because = match unproven {
            0 => String::new(),
            hours => {
                format!(" Of them {} count as such because of the verification of their log files.", hours)
            }
        };
        Some(RuleMatch {
            subject: format!("{} {}", place.account, place.region),
            observation: format!(
                "No evidence covers {} of {} in account {} and region {}; the first such hour starts at {}.{because}",
                hours,
                count_noun(u64::from(place.expected_hours), "hour"),
                place.account,
                place.region,
                first.from
            ),
            span: Some((first.from.start(), Time(last.until.start().0.saturating_sub(1)))),
            count: u64::from(hours),
            ..RuleMatch::default()
        })
    };
    assessment.coverage.account_regions.iter().filter_map(missing).collect()
}
