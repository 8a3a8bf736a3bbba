//! Whose permissions are judged.
//!
//! Enters: the principals of an account and what is asked for. Leaves: those to judge, and what was asked for in vain. Law:
//! whoever is left out is told of.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
};

use onlooker_core::{
    config::{Config, Watch},
    escape::escape_control,
    grants::PolicySnapshot,
    pattern::has_wildcard,
};

/// Whose permissions are judged.
#[derive(Debug, Default)]
pub struct PrincipalSelection {
    /// Those that are.
    pub selected: Vec<PolicySnapshot>,
    /// Patterns that match nobody.
    pub unmatched: BTreeSet<String>,
    /// Patterns about other accounts.
    pub other_accounts: BTreeSet<String>,
    /// Why everybody is judged, if that is so.
    is_unfiltered: bool,
    service_linked_skipped: usize,
}

impl PrincipalSelection {
    /// One principal.
    pub fn single(snapshot: PolicySnapshot) -> Self {
        Self { selected: vec![snapshot], ..Self::default() }
    }

    /// Of the principals of an account those the patterns match, else those the configuration watches, else all.
    pub fn select(
        all: Vec<PolicySnapshot>,
        config: &Config,
        patterns: &[Watch],
        service_linked: bool,
    ) -> Self {
        let accounts: BTreeSet<String> = all.iter().map(|snapshot| snapshot.account.to_string()).collect();
        let is_linked = |snapshot: &PolicySnapshot| snapshot.principal.contains(":role/aws-service-role/");
        let (linked, all): (Vec<_>, Vec<_>) = all.into_iter().partition(is_linked);
        let left_out = if service_linked { 0 } else { linked.len() };
        let all = all.into_iter().chain(linked.into_iter().filter(|_| service_linked));
        let asked = match patterns {
            [] => config.clone(),
            patterns => Config { watch: patterns.to_vec(), exempt: Vec::new(), ..Config::default() },
        };
        if asked.watch.is_empty() {
            let chosen = all.collect();
            return Self {
                selected: chosen,
                is_unfiltered: true,
                service_linked_skipped: left_out,
                ..Self::default()
            };
        }
        let chosen: Vec<PolicySnapshot> =
            all.filter(|snapshot| asked.watch_for_arn(&snapshot.principal).is_some()).collect();
        // Each pattern for itself: the more telling one hides another.
        let matches_one = |watch: &Watch| {
            let alone =
                Config { watch: vec![watch.clone()], exempt: asked.exempt.clone(), ..Config::default() };
            chosen.iter().any(|snapshot| alone.watch_for_arn(&snapshot.principal).is_some())
        };
        let idle =
            asked.watch.iter().filter(|watch| !matches_one(watch)).map(|watch| watch.principal.clone());
        let (missing, elsewhere) = idle.partition(|pattern| {
            let account = pattern.split(':').nth(4).unwrap_or_default();
            has_wildcard(account) || accounts.contains(account)
        });
        Self {
            selected: chosen,
            unmatched: missing,
            other_accounts: elsewhere,
            is_unfiltered: false,
            service_linked_skipped: left_out,
        }
    }

    /// Says who is judged and who is not, where nobody asked for it.
    pub fn print_notes(&self) {
        let mut notes = Vec::new();
        if self.is_unfiltered {
            notes.push(format!(
                "nothing is watched: all {} principals are judged as if they were promised to be read-only",
                self.selected.len()
            ));
            if self.service_linked_skipped > 0 {
                notes.push(format!(
                    "{} service-linked roles are left out; --service-linked judges them too",
                    self.service_linked_skipped
                ));
            }
        }
        notes.extend(self.other_accounts.iter().map(|pattern| {
            format!("`{}` is of another account and was not judged", escape_control(pattern))
        }));
        for note in notes {
            // Nobody may be reading.
            let _ = writeln!(io::stderr(), "note: {note}");
        }
    }
}
