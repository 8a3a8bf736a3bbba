//! Why watched principals have their statuses.
//!
//! Enters: a report. Leaves: a section with a row for each status and reason, and the principals that have it, most
//! severe first. Law: every watched principal that is not `COMPLIANT` is named or counted.

use super::{
    TerminalStyle,
    page::{ScreenSection, ScreenTone, paint, wrap_hanging},
    principals::with_account,
};
use crate::{
    escape::escape_hidden,
    render::format::count_noun,
    report::{PrincipalSummary, ReportResult},
    score::Status,
};

/// Most principals that a row names.
const MAX_NAMED: usize = 2;

/// The section; `None` if no watched principal has a reason.
pub(super) fn section(result: &ReportResult, style: &TerminalStyle) -> Option<ScreenSection> {
    let mut groups: Vec<(Status, String, Vec<&PrincipalSummary>)> = Vec::new();
    for principal in &result.principals {
        let Some(status) = principal.status.filter(|_| !principal.status_reasons.is_empty()) else {
            continue;
        };
        let mut reason = principal.status_reasons.join("; ");
        // The gaps that do not concern a principal explain why it is compliant; otherwise other reasons do.
        if status == Status::Compliant {
            let Some(sentence) = &principal.unconcerned_gaps else { continue };
            reason = format!("{reason}. {sentence}");
        }
        match groups.iter_mut().find(|(other, text, _)| (*other, text.as_str()) == (status, reason.as_str()))
        {
            Some((.., principals)) => principals.push(principal),
            None => groups.push((status, reason, vec![principal])),
        }
    }
    groups.sort_by_key(|(status, _, principals)| std::cmp::Reverse((*status, principals.len())));
    let rows = groups.iter().map(|(status, reason, principals)| {
        let name = |principal: &&&PrincipalSummary| with_account(&escape_hidden(&principal.arn));
        let most = style.lines(MAX_NAMED);
        let named: Vec<String> = principals.iter().take(most).map(|one| name(&one)).collect();
        let more = match principals.len().saturating_sub(most) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let text = format!("{}{more}: {}", named.join(", "), escape_hidden(reason));
        let tone = match status {
            Status::NonCompliant => ScreenTone::Bad,
            Status::InsufficientEvidence => ScreenTone::Warn,
            Status::Compliant => ScreenTone::Good,
        };
        let lines = wrap_hanging("  - ", &text, style.width, style.lines(2));
        lines.iter().map(|line| paint(style.color, tone, line)).collect::<Vec<_>>().into()
    });
    let rows: Vec<_> = rows.collect();
    (!rows.is_empty()).then(|| ScreenSection {
        title: format!("Why ({})", count_noun(rows.len() as u64, "reason")),
        spaced: style.is_whole(),
        rows,
        min_rows: 1,
        last_rows: 1,
        shrink_priority: 3,
        ..ScreenSection::default()
    })
}
