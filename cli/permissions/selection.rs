//! Selects the principals to evaluate.
//!
//! Enters: the principals of accounts and of other files, and the requested patterns. Leaves: the selected principals,
//! and the patterns that match none. Laws: every omission is reported; without a pattern, every principal that a file
//! declares is selected, since the file is there to be evaluated.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
};

use onlooker_core::{
    config::{Config, Watch},
    escape::escape_hidden,
    grants::PolicySnapshot,
    pattern::has_wildcard,
};

/// The principals to evaluate.
#[derive(Debug, Default)]
pub struct PrincipalSelection {
    /// Policies of the selected principals.
    pub selected: Vec<PolicySnapshot>,
    /// Patterns that match no principal.
    pub unmatched: BTreeSet<String>,
    /// Patterns for other accounts.
    pub other_accounts: BTreeSet<String>,
    /// Number of principals that are selected because none is watched.
    unfiltered: Option<usize>,
    /// Number of principals of accounts that are left out because they are exempt or not watched, and of all of them.
    left_out: (usize, usize),
    service_linked_skipped: usize,
}

impl PrincipalSelection {
    /// Selects the principals that the patterns match; without patterns, those of accounts that the configuration
    /// watches, or all if it watches none, and all that other files declare.
    pub fn select(
        accounts: Vec<PolicySnapshot>,
        declared: Vec<PolicySnapshot>,
        config: &Config,
        patterns: &[Watch],
        service_linked: bool,
    ) -> Self {
        let (all, rest) = match patterns {
            [] => (accounts, declared),
            _ => (accounts.into_iter().chain(declared).collect(), Vec::new()),
        };
        let mut selection = match (all.as_slice(), patterns) {
            ([], []) => Self::default(),
            _ => Self::of_accounts(all, config, patterns, service_linked),
        };
        selection.selected.extend(rest);
        selection
    }

    /// Selects the principals that the patterns match, otherwise those that the configuration watches, otherwise all.
    fn of_accounts(
        all: Vec<PolicySnapshot>,
        config: &Config,
        patterns: &[Watch],
        service_linked: bool,
    ) -> Self {
        let accounts: BTreeSet<String> = all.iter().map(|snapshot| snapshot.account.to_string()).collect();
        let is_linked = |snapshot: &PolicySnapshot| snapshot.principal.contains(":role/aws-service-role/");
        let (linked, all): (Vec<_>, Vec<_>) = all.into_iter().partition(is_linked);
        let skipped = if service_linked { 0 } else { linked.len() };
        let all = all.into_iter().chain(linked.into_iter().filter(|_| service_linked));
        let requested = match patterns {
            [] => config.clone(),
            patterns => Config { watch: patterns.to_vec(), exempt: Vec::new(), ..Config::default() },
        };
        if requested.watch.is_empty() {
            let chosen: Vec<PolicySnapshot> = all.collect();
            return Self {
                unfiltered: Some(chosen.len()),
                selected: chosen,
                service_linked_skipped: skipped,
                ..Self::default()
            };
        }
        let (chosen, others): (Vec<PolicySnapshot>, Vec<PolicySnapshot>) =
            all.partition(|snapshot| requested.watch_for_arn(&snapshot.principal).is_some());
        let left_out = match patterns {
            [] => (others.len(), others.len() + chosen.len()),
            _ => (0, 0),
        };
        // Each pattern is matched separately, because a more specific pattern hides another.
        let matches_one = |watch: &Watch| {
            let alone =
                Config { watch: vec![watch.clone()], exempt: requested.exempt.clone(), ..Config::default() };
            chosen.iter().any(|snapshot| alone.watch_for_arn(&snapshot.principal).is_some())
        };
        let unmatched =
            requested.watch.iter().filter(|watch| !matches_one(watch)).map(|watch| watch.principal.clone());
        let (missing, other_accounts) = unmatched.partition(|pattern| {
            let account = pattern.split(':').nth(4).unwrap_or_default();
            has_wildcard(account) || accounts.contains(account)
        });
        Self {
            selected: chosen,
            unmatched: missing,
            other_accounts,
            unfiltered: None,
            left_out,
            service_linked_skipped: skipped,
        }
    }

    /// Prints which principals are evaluated or omitted without a request for it.
    pub fn print_notes(&self) {
        let mut notes = Vec::new();
        if let Some(count) = self.unfiltered {
            notes.push(format!(
                "no principal is watched: all {count} are evaluated as if they were promised to be read-only"
            ));
            if self.service_linked_skipped > 0 {
                notes.push(format!(
                    "{} service-linked roles are skipped; --service-linked evaluates them too",
                    self.service_linked_skipped
                ));
            }
        }
        if let (1.., all) = self.left_out {
            notes.push(format!(
                "{} of {all} principals are exempt or not watched and were not evaluated; --principal 'arn:*:iam::*:*' evaluates all",
                self.left_out.0
            ));
        }
        notes.extend(self.other_accounts.iter().map(|pattern| {
            format!(
                "`{}` names another account and was not evaluated (--account names the account of a template or plan)",
                escape_hidden(pattern)
            )
        }));
        for note in notes {
            // A write error on standard error is ignored.
            let _ = writeln!(io::stderr(), "note: {note}");
        }
    }
}
