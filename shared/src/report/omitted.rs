//! What a result leaves out of its longest lists.
//!
//! Enters: the lists of a result. Leaves: their first entries, an [`OmittedEntries`] for each list that has more, and a
//! sentence about it. Laws: what is left out is counted; status, scores, totals, controls and recommendations are about all
//! of it; each rule that found something has a finding in the list.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PrincipalSummary, ReportResult};
use crate::{
    controls::ControlResult,
    coverage::Coverage,
    finding::{Findings, Severity, count_noun},
    number_text::thousands,
    score::Status,
};

/// Entries of each list of a result that grows with the evidence; of the findings, of each rule. A hostile trail could
/// otherwise make the result as large as itself many times over.
pub const MAX_ENTRIES: usize = 10_000;

/// The entries that a result leaves out of one list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OmittedEntries {
    /// The list, as its path in the result, such as `principals` or `principals[].services`.
    pub list: String,
    /// Rule of the findings that are left out; absent for other lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Severity of the findings that are left out; absent for other lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Status of the principals that are left out; absent for those that are not watched, and for other lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Number of entries that are left out, in all lists of this path.
    pub entries: u64,
}

/// Lists of the result itself: what their entries are, and which of them are listed.
const RESULT_LISTS: [(&str, &str, &str); 4] = [
    ("principals", "principals", "those with the worst status and behavior"),
    ("operations", "operations", "those with the highest risk"),
    ("other_events", "kinds of other events", "the first by source and name"),
    ("coverage.account_regions", "account-region pairs", "those with the least coverage"),
];

/// Keeps the first entries of lists, and counts the others.
#[derive(Debug)]
pub(super) struct ListLimit {
    most: usize,
    /// Entries that are listed and entries that are left out, by list.
    counts: BTreeMap<&'static str, (u64, u64)>,
    /// Principals that are left out, by status.
    statuses: BTreeMap<Option<Status>, u64>,
}

impl ListLimit {
    pub(super) const fn new(most: usize) -> Self {
        Self { most, counts: BTreeMap::new(), statuses: BTreeMap::new() }
    }

    /// Most entries of a list.
    pub(super) const fn most(&self) -> usize {
        self.most
    }

    /// Keeps the first principals, which are in order, and counts the others.
    pub(super) fn cut_principals(&mut self, principals: &mut Vec<PrincipalSummary>) {
        for principal in principals.iter().skip(self.most) {
            *self.statuses.entry(principal.status).or_default() += 1;
        }
        principals.truncate(self.most);
    }

    /// Counts the entries of a list.
    fn count(&mut self, list: &'static str, listed: usize, left_out: usize) {
        if left_out > 0 {
            let (all_listed, all_left_out) = self.counts.entry(list).or_default();
            *all_listed += listed as u64;
            *all_left_out += left_out as u64;
        }
    }

    /// Keeps the first entries of a list.
    pub(super) fn cut<T>(&mut self, list: &'static str, entries: &mut Vec<T>) {
        let left_out = entries.len().saturating_sub(self.most);
        entries.truncate(self.most);
        self.count(list, entries.len(), left_out);
    }

    fn cut_set<T: Ord>(&mut self, list: &'static str, entries: &mut BTreeSet<T>) {
        let left_out = entries.len().saturating_sub(self.most);
        if left_out > 0 {
            *entries = std::mem::take(entries).into_iter().take(self.most).collect();
            self.count(list, self.most, left_out);
        }
    }

    /// Keeps the first entries of the lists of a principal.
    pub(super) fn cut_principal(&mut self, principal: &mut PrincipalSummary) {
        self.cut_set("principals[].accounts", &mut principal.accounts);
        self.cut_set("principals[].regions", &mut principal.regions);
        self.cut_set("principals[].source_identities", &mut principal.source_identities);
        self.cut_set("principals[].on_behalf_of", &mut principal.on_behalf_of);
        if let Some(accounts) = &mut principal.evidence_accounts {
            self.cut_set("principals[].evidence_accounts", accounts);
        }
        let left_out = principal.services.len().saturating_sub(self.most);
        if left_out > 0 {
            let services = std::mem::take(&mut principal.services);
            principal.services = services.into_iter().take(self.most).collect();
            self.count("principals[].services", self.most, left_out);
        }
        self.cut("principals[].findings", &mut principal.findings);
        if let Some(matrix) = &mut principal.matrix {
            self.cut("principals[].matrix.services", &mut matrix.services);
            self.cut("principals[].matrix.ungranted_operations", &mut matrix.ungranted_operations);
            self.cut("principals[].matrix.role_chains", &mut matrix.role_chains);
        }
    }

    /// Keeps the account-region pairs with the least coverage, in the order of the list.
    pub(super) fn cut_coverage(&mut self, coverage: &mut Coverage) {
        let pairs = &mut coverage.account_regions;
        if let Some(left_out) = pairs.len().checked_sub(self.most).filter(|left_out| *left_out > 0) {
            let share = |n: &usize| match pairs.get(*n).map(|pair| (pair.observed_hours, pair.expected_hours))
            {
                None | Some((_, 0)) => (u64::MAX, *n),
                Some((observed, expected)) => ((u64::from(observed) << 32) / u64::from(expected), *n),
            };
            let mut order: Vec<usize> = (0..pairs.len()).collect();
            order.sort_by_cached_key(share);
            let kept: BTreeSet<usize> = order.into_iter().take(self.most).collect();
            let mut positions = 0..;
            pairs.retain(|_| positions.next().is_some_and(|n| kept.contains(&n)));
            self.count("coverage.account_regions", self.most, left_out);
        }
        for class in &mut coverage.event_classes {
            self.cut_set("coverage.event_classes[].accounts", &mut class.accounts);
        }
    }

    /// Keeps the first findings that fail each control.
    pub(super) fn cut_controls(&mut self, controls: &mut [ControlResult]) {
        for control in controls {
            self.cut("controls[].findings", &mut control.findings);
        }
    }

    /// What was left out of the lists, with these of principals and findings, and a sentence about each list.
    pub(super) fn omitted(
        mut self,
        principals: &[PrincipalSummary],
        findings: &Findings,
    ) -> (Vec<OmittedEntries>, Vec<String>) {
        let (mut omitted, mut lines) = (Vec::new(), Vec::new());
        for ((rule, severity), entries) in &findings.omitted {
            let (rule, severity) = (Some((*rule).to_owned()), Some(*severity));
            omitted.push(OmittedEntries { rule, severity, ..OmittedEntries::of("findings", *entries) });
        }
        for (status, entries) in &self.statuses {
            omitted.push(OmittedEntries { status: *status, ..OmittedEntries::of("principals", *entries) });
        }
        let left_out: u64 = findings.omitted.values().sum();
        if left_out > 0 {
            let listed = findings.listed.len() as u64;
            lines.push(format!(
                "{} of {} are listed, of each rule {} at most, the most severe first.",
                thousands(listed),
                count_noun(listed + left_out, "finding"),
                thousands(self.most as u64)
            ));
        }
        let unlisted: u64 = self.statuses.values().sum();
        self.count("principals", principals.len(), usize::try_from(unlisted).unwrap_or(usize::MAX));
        for (list, (listed, left_out)) in &self.counts {
            let (listed, all) = (thousands(*listed), thousands(listed + left_out));
            lines.push(match RESULT_LISTS.iter().find(|(name, ..)| name == list) {
                Some((_, noun, which)) => format!("{listed} of {all} {noun} are listed, {which}."),
                None => format!(
                    "{listed} of {all} entries of `{list}` are listed where one has more than {}.",
                    thousands(self.most as u64)
                ),
            });
            if *list != "principals" {
                omitted.push(OmittedEntries::of(list, *left_out));
            }
        }
        (omitted, lines)
    }
}

impl OmittedEntries {
    fn of(list: &str, entries: u64) -> Self {
        Self { list: list.to_owned(), rule: None, severity: None, status: None, entries }
    }
}

impl ReportResult {
    /// Number of principals with a status, with those that are not listed.
    pub fn principals_with(&self, status: Status) -> u64 {
        let listed = self.principals.iter().filter(|one| one.status == Some(status)).count() as u64;
        let left_out = self.omitted.iter().filter(|one| one.status == Some(status));
        listed + left_out.map(|one| one.entries).sum::<u64>()
    }

    /// Number of findings of a severity, with those that are not listed.
    pub fn findings_of(&self, severity: Severity) -> u64 {
        let listed = self.findings.iter().filter(|finding| finding.severity == severity).count() as u64;
        let left_out = self.omitted.iter().filter(|one| one.severity == Some(severity));
        listed + left_out.map(|one| one.entries).sum::<u64>()
    }

    /// Number of entries of a list that are left out.
    pub fn omitted_of(&self, list: &str) -> u64 {
        self.omitted.iter().filter(|one| one.list == list).map(|one| one.entries).sum()
    }

    /// Number of watched principals that are left out. Only these have a status.
    pub fn omitted_watched_principals(&self) -> u64 {
        let watched = self.omitted.iter().filter(|one| one.list == "principals" && one.status.is_some());
        watched.map(|one| one.entries).sum()
    }

    /// Whether every watched principal and every finding is listed, so that what is not in the result was not found.
    pub fn lists_everything(&self) -> bool {
        self.omitted_watched_principals() == 0 && self.omitted_of("findings") == 0
    }
}
