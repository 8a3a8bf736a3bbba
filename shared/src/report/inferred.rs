//! What of the expected coverage was inferred from the evidence.
//!
//! Enters: coverage. Leaves: a sentence that names what was inferred and the settings that name it, and sentences about
//! evidence that the inferred period does not fit. Law: a report with an inferred part always says so.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    coverage::{Coverage, ExpectedPart},
    finding::{count_noun, phrases},
    period::Period,
};

/// Most parts of the evidence that a sentence names.
const MAX_NAMED: usize = 3;

/// What was inferred, what follows, and what to set; `None` if everything was requested.
pub(super) fn inferred(coverage: &Coverage) -> Option<String> {
    let is_inferred = |part| coverage.inferred_parts.contains(&part);
    let period = match (is_inferred(ExpectedPart::Since), is_inferred(ExpectedPart::Until)) {
        (true, true) => Some(("the period", "`--since` and `--until`")),
        (true, false) => Some(("the start of the period", "`--since`")),
        (false, true) => Some(("the end of the period", "`--until`")),
        (false, false) => None,
    };
    let accounts =
        is_inferred(ExpectedPart::Accounts).then_some(("the accounts", "`coverage.accounts` or `--account`"));
    let regions =
        is_inferred(ExpectedPart::Regions).then_some(("the regions", "`coverage.regions` or `--region`"));
    let parts: Vec<(&str, &str)> = [accounts, regions, period].into_iter().flatten().collect();
    if parts.is_empty() {
        return None;
    }
    let what = list(&parts.iter().map(|(what, _)| *what).collect::<Vec<_>>(), ", ");
    let set = list(&parts.iter().map(|(_, set)| *set).collect::<Vec<_>>(), "; ");
    let verb = if parts.len() == 1 && !what.ends_with('s') { "was" } else { "were" };
    Some(format!(
        "Inferred from the evidence {verb} {what}, so evidence outside of that is not missed. Set {set}."
    ))
}

/// The texts, with `and` before the last.
fn list(texts: &[&str], separator: &str) -> String {
    match texts {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => {
            format!("{}{} {last}", first.join(separator), if separator == "; " { "; and" } else { " and" })
        }
    }
}

/// Evidence that the inferred period does not fit: parts outside it, and accounts that alone make it longer.
pub(super) fn stray_evidence(coverage: &Coverage) -> Vec<String> {
    let mut lines = Vec::new();
    if !coverage.outside.is_empty() {
        let spans: Vec<String> = coverage.outside.iter().take(MAX_NAMED).map(span).collect();
        let more = match coverage.outside.len().saturating_sub(MAX_NAMED) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        lines.push(format!(
            "The evidence has {} at {}{more}, more than 30 days apart from the inferred period: they are evaluated, their hours are not expected, and nothing is proven until `--since` and `--until` say which period is meant.",
            count_noun(coverage.outside_events, "event"),
            spans.join(", ")
        ));
    }
    if coverage.inferred_parts.contains(&ExpectedPart::Since) {
        lines.extend(lengthened(coverage, "begins", leading_hours));
    }
    if coverage.inferred_parts.contains(&ExpectedPart::Until) {
        lines.extend(lengthened(coverage, "ends", trailing_hours));
    }
    lines
}

fn span(part: &Period) -> String {
    match part.hours() {
        1 => part.from.to_string(),
        _ => format!("{} to {}", part.from, part.until),
    }
}

fn leading_hours(gaps: &[Period], period: Period) -> u32 {
    gaps.first().filter(|gap| gap.from == period.from).map_or(0, |gap| gap.hours())
}

fn trailing_hours(gaps: &[Period], period: Period) -> u32 {
    gaps.last().filter(|gap| gap.until == period.until).map_or(0, |gap| gap.hours())
}

/// The sentence about the one account of several that alone has evidence at an end of the period.
fn lengthened(coverage: &Coverage, what: &str, missing: fn(&[Period], Period) -> u32) -> Option<String> {
    let period = coverage.period?;
    let mut least: BTreeMap<&Arc<str>, u32> = BTreeMap::new();
    for place in coverage.expected_places() {
        let hours = missing(&place.gaps, period);
        let least = least.entry(&place.account).or_insert(hours);
        *least = (*least).min(hours);
    }
    let mut others = least.values().filter(|hours| **hours > 0);
    let hours = others.clone().min()?;
    let (account, _) = least.iter().find(|(_, hours)| **hours == 0)?;
    (others.by_ref().count() + 1 == least.len()).then(|| {
        format!(
            "The inferred period {what} with {} of which only account {} has evidence.",
            count_noun(u64::from(*hours), "hour"),
            phrases::truncate(account, 40)
        )
    })
}
