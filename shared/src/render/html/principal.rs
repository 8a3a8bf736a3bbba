//! The table of principals.
//!
//! Enters: principals and the findings about them. Leaves: [`PrincipalsTable`]: watched principals first, then the
//! most severe, and the last as data for the script. Laws: a principal that is not watched has no status; a principal of
//! which AWS denied calls is not clean.

use std::{cmp::Reverse, collections::BTreeMap, fmt::Write, sync::Arc};

use crate::{
    event::Outcome,
    operation::OperationType,
    period::Period,
    render::html::{
        axis::TimeAxis,
        badge::{self, Badge},
        filters::{format_timestamp, thousands},
        finding::{FindingLink, FindingLinks},
        headline::BehaviorShare,
        matrix::MatrixView,
        principal_sentence::sentence,
        rest::DataRows,
        truncated::{Truncated, most},
    },
    report::{Behavior, PrincipalSummary, ReportMode, ReportResult},
    score::Status,
    time::Hour,
};

/// Bars of a sparkline, and its height in its own units.
const SPARKLINE_BARS: u32 = 40;
const SPARKLINE_HEIGHT: u64 = 16;

/// The table of principals.
#[derive(Debug)]
pub struct PrincipalsTable<'a> {
    /// Rows of the table, with or without details.
    pub rows: Truncated<PrincipalRow<'a>>,
    /// The principals after these, for the script.
    pub rest: DataRows,
    /// Watched principals, seen or not.
    pub watched: usize,
    /// Statuses in the table, to filter by.
    pub statuses: Vec<Badge>,
}

/// One row of the table of principals.
#[derive(Debug)]
pub struct PrincipalRow<'a> {
    /// Number of the principal's anchor in the page.
    pub anchor: usize,
    /// Summary of the principal.
    pub principal: &'a PrincipalSummary,
    /// The part of the principal's ARN between the account and the name.
    pub path: &'a str,
    /// Name of the principal.
    pub name: &'a str,
    /// Whether its details are on the page.
    pub has_details: bool,
    /// Whether a reader can skip it: it has no status that needs a look, changed nothing, and AWS refused it nothing.
    pub is_clean: bool,
    /// Whether its details are open initially.
    pub is_open: bool,
    /// What its status says, why, and what it did.
    pub sentence: String,
    /// Kind of the principal, in words.
    pub kind: &'static str,
    /// Status, when it is watched.
    pub status: Option<Badge>,
    /// Badge of the principal's behavior.
    pub behavior: Badge,
    /// Badge of the highest risk of the principal's calls.
    pub risk: Option<Badge>,
    /// Mutating calls that succeeded, including those made through roles.
    pub writes: u64,
    /// Number of calls that AWS denied.
    pub denied: u64,
    /// Capabilities used, most severe first.
    pub capabilities: Vec<CapabilityChip<'a>>,
    /// SVG path of the sparkline; empty without calls.
    pub sparkline: String,
    /// What the principal could do, tried and did; `None` if the principal is not watched.
    pub matrix: Option<MatrixView<'a>>,
    /// Calls by type and outcome: succeeded, failed, denied.
    pub outcomes: Vec<(Badge, [u64; 3])>,
    /// Findings about the principal.
    pub findings: Truncated<FindingLink<'a>>,
    /// Names of the principal's sessions, sorted.
    pub sessions: Truncated<&'a str>,
    /// Source identities of the principal's sessions.
    pub source_identities: Truncated<&'a str>,
    /// Identity Center users for whom the principal made calls.
    pub on_behalf_of: Truncated<&'a str>,
    /// Services with their calls, most first.
    pub services: Truncated<(&'a str, u64)>,
    /// Accounts in which the principal made calls.
    pub accounts: Truncated<&'a str>,
    /// Regions in which the principal made calls.
    pub regions: Truncated<&'a str>,
}

/// A capability and the number of its calls.
#[derive(Debug)]
pub struct CapabilityChip<'a> {
    /// Name of the capability.
    pub name: &'a str,
    /// Number of calls with the capability that succeeded.
    pub count: u64,
    /// CSS class of the chip's tone.
    pub tone: &'static str,
}

impl<'a> PrincipalsTable<'a> {
    /// The table of a result.
    pub fn of(result: &'a ReportResult, links: &FindingLinks<'a>) -> Self {
        let mut order: Vec<&PrincipalSummary> = result.principals.iter().collect();
        order.sort_by_key(|principal| {
            let watched = principal.watched_as.is_some();
            Reverse((watched, principal.status, principal.behavior, principal.calls, Reverse(&principal.arn)))
        });
        let proof = result.mode == ReportMode::Proof;
        let period = result.coverage.period;
        // Of a principal whose findings may not be listed it is not known.
        let lists_findings = result.omitted_of("findings") == 0;
        let (shown, rest) = order.split_at_checked(most::PRINCIPALS).unwrap_or((&order, &[]));
        let rows: Vec<PrincipalRow<'_>> = shown
            .iter()
            .enumerate()
            .map(|(anchor, principal)| {
                PrincipalRow::of(anchor, principal, proof, lists_findings, period, links)
            })
            .collect();
        let mut statuses: Vec<_> = rows.iter().filter_map(|row| row.principal.status).collect();
        statuses.sort_unstable();
        statuses.dedup();
        Self {
            rows: Truncated { items: rows, omitted: rest.len() },
            rest: DataRows::of(rest.iter().map(|principal| {
                [
                    split_arn(&principal.arn).1.to_owned(),
                    principal.account.to_string(),
                    principal.behavior.as_str().to_owned(),
                    thousands(principal.calls),
                    thousands(principal.writes()),
                    thousands(principal.denied()),
                    principal.last_seen.map(format_timestamp).unwrap_or_default(),
                ]
            })),
            watched: result.principals.iter().filter(|principal| principal.watched_as.is_some()).count(),
            statuses: if proof {
                statuses.into_iter().rev().map(badge::status).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// Rows with details that need a look.
    pub fn noted(&self) -> Vec<&PrincipalRow<'a>> {
        self.rows.items.iter().filter(|row| row.has_details && !row.is_clean).collect()
    }

    /// Rows with details that a reader can skip.
    pub fn clean(&self) -> Vec<&PrincipalRow<'a>> {
        self.rows.items.iter().filter(|row| row.has_details && row.is_clean).collect()
    }

    /// Rows without details.
    pub fn bare(&self) -> Vec<&PrincipalRow<'a>> {
        self.rows.items.iter().filter(|row| !row.has_details).collect()
    }

    /// How many of the clean principals have each behavior, most severe first: `13 wrote, 12 only read`.
    pub fn clean_behaviors(&self) -> String {
        let mut counts: BTreeMap<Behavior, usize> = BTreeMap::new();
        for row in self.clean() {
            *counts.entry(row.principal.behavior).or_default() += 1;
        }
        let parts =
            counts.into_iter().rev().map(|(behavior, count)| format!("{count} {}", behavior.as_str()));
        parts.collect::<Vec<_>>().join(", ")
    }

    /// Anchors of the principals that are shown.
    pub fn anchors(&self) -> BTreeMap<&'a str, usize> {
        self.rows.items.iter().map(|row| (&*row.principal.arn, row.anchor)).collect()
    }

    /// Whether a principal in the table has this behavior.
    pub fn shows_behavior(&self, share: &BehaviorShare) -> bool {
        self.rows.items.iter().any(|row| row.principal.behavior.as_str() == share.key)
    }
}

impl<'a> PrincipalRow<'a> {
    fn of(
        anchor: usize,
        principal: &'a PrincipalSummary,
        proof: bool,
        lists_findings: bool,
        period: Option<Period>,
        links: &FindingLinks<'a>,
    ) -> Self {
        let denied = principal.counts.values().filter_map(|by| by.get(&Outcome::Denied)).sum();
        let mut services: Vec<(&str, u64)> =
            principal.services.iter().map(|(service, calls)| (&**service, *calls)).collect();
        services.sort_by_key(|(_, calls)| Reverse(*calls));
        Self {
            anchor,
            principal,
            path: split_arn(&principal.arn).0,
            name: split_arn(&principal.arn).1,
            has_details: anchor < most::PRINCIPAL_DETAILS,
            is_clean: lists_findings && is_clean(principal, proof),
            is_open: proof
                && anchor < most::OPEN_PRINCIPALS
                && principal.status == Some(Status::NonCompliant),
            sentence: sentence(principal),
            kind: badge::principal_kind(principal.kind),
            status: principal.status.filter(|_| proof && principal.watched_as.is_some()).map(badge::status),
            behavior: badge::behavior_of(principal.behavior, denied > 0),
            risk: principal.risk_level.map(badge::risk_level),
            writes: principal.writes(),
            denied,
            capabilities: capability_chips(&principal.capabilities),
            sparkline: period.map(|period| sparkline(period, &principal.hours)).unwrap_or_default(),
            matrix: principal
                .matrix
                .as_ref()
                .filter(|_| proof && anchor < most::MATRICES)
                .map(|matrix| MatrixView::of(principal, matrix, anchor)),
            outcomes: outcome_counts(principal),
            findings: Truncated::of(
                principal.findings.iter().filter_map(|fingerprint| links.get(fingerprint)),
                most::LINKS,
            ),
            sessions: first_values(&principal.session_names),
            source_identities: first_values(&principal.source_identities),
            on_behalf_of: first_values(&principal.on_behalf_of),
            services: Truncated::of(services, most::SERVICES),
            accounts: first_values(&principal.accounts),
            regions: first_values(&principal.regions),
        }
    }

    /// Sessions that are not listed.
    pub fn unnamed_sessions(&self) -> u64 {
        self.principal.sessions.saturating_sub(self.sessions.items.len().try_into().unwrap_or(u64::MAX))
    }
}

/// In a proof, a principal that is not watched, or is compliant without findings; in a discovery, one that only read.
fn is_clean(principal: &PrincipalSummary, proof: bool) -> bool {
    match principal.watched_as.is_some() && proof {
        true => principal.status == Some(Status::Compliant) && principal.findings.is_empty(),
        false if proof => principal.findings.is_empty(),
        false => principal.behavior <= Behavior::OnlyRead && principal.denied() == 0,
    }
}

fn first_values<'a>(values: impl IntoIterator<Item = &'a Arc<str>>) -> Truncated<&'a str> {
    Truncated::of(values.into_iter().map(|value| &**value), most::VALUES)
}

fn count(principal: &PrincipalSummary, kind: OperationType, outcome: Outcome) -> u64 {
    principal.counts.get(&kind).and_then(|by| by.get(&outcome)).copied().unwrap_or_default()
}

/// The path and the name of an ARN, from the part after the account. Any other text is a name without a path.
pub(super) fn split_arn(arn: &str) -> (&str, &str) {
    let mut parts = arn.splitn(6, ':');
    let (Some("arn"), Some(resource)) = (parts.next(), parts.nth(4)) else {
        return ("", arn);
    };
    let end = resource.rfind('/').map_or(0, |slash| slash + 1);
    match resource.split_at_checked(end) {
        Some((path, name)) if !name.trim().is_empty() => (path, name),
        _ => ("", arn),
    }
}

fn capability_chips(used: &BTreeMap<String, u64>) -> Vec<CapabilityChip<'_>> {
    let rank = |name: &str| match name {
        "privilege_escalation" | "issue_credentials" | "expose_resource" | "mutate" => (0, "bad"),
        "run_code" | "read_secrets" => (1, "warn"),
        _ => (2, "none"),
    };
    let mut chips: Vec<CapabilityChip<'_>> = used
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(name, count)| CapabilityChip { name, count: *count, tone: rank(name).1 })
        .collect();
    chips.sort_by_key(|chip| (rank(chip.name).0, Reverse(chip.count)));
    chips.truncate(most::VALUES);
    chips
}

fn outcome_counts(principal: &PrincipalSummary) -> Vec<(Badge, [u64; 3])> {
    let outcomes = [Outcome::Succeeded, Outcome::Failed, Outcome::Denied];
    let kinds =
        [OperationType::Mutating, OperationType::Privileged, OperationType::Unknown, OperationType::ReadOnly];
    kinds
        .into_iter()
        .map(|kind| (badge::operation_type(kind), outcomes.map(|outcome| count(principal, kind, outcome))))
        .filter(|(_, counts)| counts.iter().any(|count| *count > 0))
        .collect()
}

/// Vertical strokes, one for each interval with calls; the tallest is the busiest interval of the principal.
fn sparkline(period: Period, hours: &[(Hour, u64)]) -> String {
    let axis = TimeAxis { period, step_hours: period.hours().div_ceil(SPARKLINE_BARS).max(1) };
    let mut sums: BTreeMap<usize, u64> = BTreeMap::new();
    for (hour, calls) in hours {
        if let Some(index) = axis.step_index(*hour) {
            let sum = sums.entry(index).or_default();
            *sum = sum.saturating_add(*calls);
        }
    }
    let highest = u128::from(sums.values().copied().max().unwrap_or_default().max(1));
    let last = axis.steps().count().saturating_sub(1).max(1);
    sums.into_iter().filter(|(_, calls)| *calls > 0).fold(String::new(), |mut path, (index, calls)| {
        let height = u128::from(calls) * u128::from(SPARKLINE_HEIGHT - 1) / highest + 1;
        // Writing to a string does not fail.
        let _ = write!(path, "M{} {SPARKLINE_HEIGHT}v-{height}", 1 + index * 118 / last);
        path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_name_is_the_end_of_its_arn() {
        assert_eq!(split_arn("arn:aws:iam::111122223333:role/audit/Auditor"), ("role/audit/", "Auditor"));
        for other in ["service:config.amazonaws.com", "arn:aws:iam::111122223333:", "arn:aws:iam::1:role/"] {
            assert_eq!(split_arn(other), ("", other));
        }
    }

    #[test]
    fn the_sparkline_has_a_stroke_per_busy_interval() {
        let period = Period { from: Hour(0), until: Hour(24) };
        assert_eq!(sparkline(period, &[(Hour(0), 1), (Hour(23), 15), (Hour(99), 7)]), "M1 16v-2M119 16v-16");
    }
}
