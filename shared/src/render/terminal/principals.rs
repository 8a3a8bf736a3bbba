//! The tables of principals.
//!
//! Enters: a report. Leaves: sections with a line for each principal, most severe first. Laws: two principals of one
//! table have different names if there is room for the difference; a count is never truncated.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    TerminalStyle,
    page::{
        ScreenSection, ScreenTone, align_left, align_right, display_width, paint, truncate_middle,
        wrap_hanging,
    },
};
use crate::{
    escape::escape_hidden,
    render::format::thousands,
    report::{Behavior, PrincipalSummary, ReportMode, ReportResult},
    score::Status,
};

/// Fewest columns of a name; columns of the table are dropped first.
const MIN_NAME_WIDTH: usize = 16;

/// In a proof, the watched principals. In a discovery, all principals, with those that only read in a table of their
/// own.
pub(super) fn sections(result: &ReportResult, style: &TerminalStyle) -> Vec<ScreenSection> {
    let (mut shown, others): (Vec<_>, Vec<_>) = result
        .principals
        .iter()
        .partition(|principal| result.mode == ReportMode::Discovery || principal.watched_as.is_some());
    shown.sort_by_key(|principal| {
        std::cmp::Reverse((principal.status, principal.behavior, principal.writes(), principal.calls))
    });
    let table = |title: String, principals: &[&PrincipalSummary]| table(title, principals, &shown, style);
    match result.mode {
        ReportMode::Proof => {
            let left_out =
                result.omitted.iter().filter(|one| one.list == "principals" && one.status.is_some());
            let left_out: u64 = left_out.map(|one| one.entries).sum();
            let mut title = format!("Watched principals ({})", thousands(shown.len() as u64 + left_out));
            if left_out > 0 {
                title = format!("{title}, {} of them listed", thousands(shown.len() as u64));
            }
            if !others.is_empty() {
                title = format!("{title}; not watched: {}", behavior_counts(&others));
            }
            vec![table(title, &shown)]
        }
        ReportMode::Discovery => {
            let (readers, others): (Vec<_>, Vec<_>) =
                shown.iter().copied().partition(|principal| principal.behavior == Behavior::OnlyRead);
            let title = format!("Principals that only read ({})", thousands(readers.len() as u64));
            [(format!("Other principals: {}", behavior_counts(&others)), others), (title, readers)]
                .into_iter()
                .filter(|(_, principals)| !principals.is_empty())
                .map(|(title, principals)| table(title, &principals))
                .collect()
        }
    }
}

/// `2 wrote, 1 only read`, most severe first.
fn behavior_counts(principals: &[&PrincipalSummary]) -> String {
    let mut counts: BTreeMap<std::cmp::Reverse<Behavior>, u64> = BTreeMap::new();
    for principal in principals {
        *counts.entry(std::cmp::Reverse(principal.behavior)).or_default() += 1;
    }
    let parts =
        counts.iter().map(|(behavior, count)| format!("{} {}", thousands(*count), behavior.0.as_str()));
    parts.collect::<Vec<_>>().join(", ")
}

/// A table of some principals, with the column widths of the table of all.
fn table(
    title: String,
    principals: &[&PrincipalSummary],
    all: &[&PrincipalSummary],
    style: &TerminalStyle,
) -> ScreenSection {
    let proof = all.iter().any(|principal| principal.status.is_some());
    let mut header = ["STATUS", "BEHAVIOR", "CALLS", "PERMITTED", "DENIED", "WRITES"];
    if !proof {
        header = ["", "BEHAVIOR", "CALLS", "READ-ONLY", "DENIED", "WRITES"];
    }
    let cells: Vec<[String; 6]> = all.iter().map(|principal| cells(principal)).collect();
    let mut widths: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(n, head)| {
            let widest = cells.iter().filter_map(|row| row.get(n)).map(|cell| display_width(cell)).max();
            widest.unwrap_or(0).max(head.len())
        })
        .collect();
    let gap = if style.width < 100 { 1 } else { 2 };
    let used = |widths: &[usize]| -> usize {
        2 + widths.iter().filter(|width| **width > 0).map(|width| width + gap).sum::<usize>()
    };
    for dispensable in [3, 4, 1] {
        if style.width.saturating_sub(used(&widths)) < MIN_NAME_WIDTH {
            widths.iter_mut().skip(dispensable).take(1).for_each(|width| *width = 0);
        }
    }
    let names = distinct_names(all, style.width.saturating_sub(used(&widths)));
    let name_width = names.iter().map(|name| display_width(name)).max().unwrap_or(0).max(9);
    let line = |name: &str, cells: &[String], tone: Option<ScreenTone>| {
        let mut line = format!("  {}", align_left(name, name_width));
        for (n, (cell, width)) in cells.iter().zip(&widths).enumerate().filter(|(_, (_, width))| **width > 0)
        {
            line.push_str(&" ".repeat(gap));
            let words = n < 2;
            let cell = if words { align_left(cell, *width) } else { align_right(cell, *width) };
            line.push_str(&match tone {
                Some(tone) if words => paint(style.color, tone, &cell),
                _ => cell,
            });
        }
        line
    };
    let header = header.map(str::to_owned);
    // Both lists have the same order.
    let mut wanted = principals.iter().peekable();
    let rows = all.iter().zip(&names).zip(&cells).filter(|((principal, _), _)| {
        wanted.next_if(|wanted| std::ptr::eq::<PrincipalSummary>(**wanted, **principal)).is_some()
    });
    // In the whole report a name that is cut is followed by all of it.
    let whole_name = |principal: &PrincipalSummary, name: &str| {
        let arn = escape_hidden(&principal.arn).into_owned();
        let is_cut = style.is_whole() && name.contains('…') && name != arn;
        if is_cut { wrap_hanging("    ", &arn, style.width, usize::MAX) } else { Vec::new() }
    };
    ScreenSection {
        title: escape_hidden(&title).into_owned(),
        spaced: true,
        header: if principals.is_empty() {
            Vec::new()
        } else {
            vec![paint(style.color, ScreenTone::Faint, &line("PRINCIPAL", &header, None))]
        },
        rows: rows
            .map(|((principal, name), cells)| {
                let mut lines = vec![line(name, cells, Some(tone(principal)))];
                lines.extend(whole_name(principal, name));
                lines.into()
            })
            .collect(),
        min_rows: 3,
        ..ScreenSection::default()
    }
}

fn cells(principal: &PrincipalSummary) -> [String; 6] {
    let status = match principal.status {
        // The full status would leave no room for the name of the principal.
        Some(Status::InsufficientEvidence) => "INSUFFICIENT",
        Some(status) => status.as_str(),
        None => "",
    };
    // Without a promise the column counts reads, and what an override allows is not one.
    let permitted = match principal.status {
        Some(_) => principal.compliance.permitted,
        None => principal.read_only(),
    };
    [
        status.to_owned(),
        principal.behavior.as_str().to_owned(),
        thousands(principal.calls),
        thousands(permitted),
        thousands(principal.denied()),
        thousands(principal.writes()),
    ]
}

const fn tone(principal: &PrincipalSummary) -> ScreenTone {
    match (principal.status, principal.behavior) {
        (Some(Status::NonCompliant), _) => ScreenTone::Bad,
        (Some(Status::InsufficientEvidence), _) => ScreenTone::Warn,
        (Some(Status::Compliant), _) | (None, Behavior::OnlyRead) => ScreenTone::Good,
        (None, Behavior::Wrote) => ScreenTone::Bad,
        (None, _) => ScreenTone::Warn,
    }
}

/// The names that fit and distinguish the principals. A service that calls in several accounts is a principal of each, so its names
/// begin with the account.
pub(super) fn distinct_names(principals: &[&PrincipalSummary], width: usize) -> Vec<String> {
    let names = longest_names(principals, width);
    let mut often: BTreeMap<&str, usize> = BTreeMap::new();
    names.iter().for_each(|name| *often.entry(name).or_default() += 1);
    let name_of = |(principal, name): (&&PrincipalSummary, &String)| {
        let is_one = often.get(&**name) == Some(&1) || principal.account.is_empty();
        let is_same_place = principal.arn.contains(&*principal.account);
        if is_one || is_same_place {
            return name.clone();
        }
        truncate_middle(&format!("{} {name}", escape_hidden(&principal.account)), width)
    };
    principals.iter().zip(&names).map(name_of).collect()
}

/// The longest form of the names that fits and distinguishes them: ARN, account and name, name, end of the path.
fn longest_names(principals: &[&PrincipalSummary], width: usize) -> Vec<String> {
    let arns: Vec<String> =
        principals.iter().map(|principal| escape_hidden(&principal.arn).into_owned()).collect();
    let forms: [fn(&str) -> String; 4] = [str::to_owned, with_account, short_name, last_segment];
    for form in forms {
        let names: Vec<String> = arns.iter().map(|arn| form(arn)).collect();
        let are_distinct =
            names.iter().collect::<BTreeSet<_>>().len() == arns.iter().collect::<BTreeSet<_>>().len();
        if are_distinct && names.iter().all(|name| display_width(name) <= width) {
            return names;
        }
    }
    let truncated = |form: fn(&str) -> String| -> Vec<String> {
        arns.iter().map(|arn| truncate_middle(&form(arn), width)).collect()
    };
    let (short, long) = (truncated(short_name), truncated(with_account));
    let distinct = |names: &[String]| names.iter().collect::<BTreeSet<_>>().len();
    if distinct(&long) > distinct(&short) { long } else { short }
}

/// `111122223333 role/path/Name` of an IAM ARN; any other text unchanged.
pub(super) fn with_account(arn: &str) -> String {
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", "aws", "iam" | "sts", "", account, name] if !account.is_empty() => {
            format!("{account} {name}")
        }
        _ => arn.to_owned(),
    }
}

/// `role/path/Name` of an IAM ARN; any other text unchanged.
pub(super) fn short_name(arn: &str) -> String {
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", "aws", "iam" | "sts", "", _, name] => (*name).to_owned(),
        _ => arn.to_owned(),
    }
}

/// `Name` of an IAM ARN; any other text unchanged.
fn last_segment(arn: &str) -> String {
    let name = short_name(arn);
    if name == arn { name } else { name.rsplit('/').next().unwrap_or("").to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn names_use_the_longest_form_that_fits() {
        let report = sample::non_compliant();
        let all: Vec<&PrincipalSummary> = report.result.principals.iter().take(2).collect();
        assert_eq!(distinct_names(&all, 60)[0], "arn:aws:iam::111122223333:role/audit/Auditor");
        assert_eq!(distinct_names(&all, 40)[0], "111122223333 role/audit/Auditor");
        assert_eq!(distinct_names(&all, 24), ["role/audit/Auditor", "role/InventoryScanner"]);
        assert_eq!(distinct_names(&all, 16), ["Auditor", "InventoryScanner"]);
        assert_eq!(distinct_names(&all, 15), ["role…it/Auditor", "role…oryScanner"]);
    }

    #[test]
    fn one_name_in_two_accounts_keeps_the_account() {
        let mut report = sample::non_compliant();
        report.result.principals.truncate(2);
        report.result.principals[0].arn = "arn:aws:iam::111122223333:role/X".into();
        report.result.principals[1].arn = "arn:aws:iam::444455556666:role/X".into();
        let all: Vec<&PrincipalSummary> = report.result.principals.iter().collect();
        assert_eq!(distinct_names(&all, 14), ["1111…33 role/X", "4444…66 role/X"]);
    }

    #[test]
    fn the_worst_comes_first() {
        let report = sample::non_compliant();
        let style = TerminalStyle { color: false, width: 100, extent: Default::default() };
        let sections = sections(&report.result, &style);
        assert!(sections[0].rows[0].lines[0].contains("ReleaseNotesAgent"));
    }
}
