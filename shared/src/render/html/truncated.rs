//! Truncates lists.
//!
//! Enters: a list of any length. Leaves: [`Truncated`]: its first items and the count of the others. Law: items shown
//! and omitted add up to the length of the list.

/// Most items of each list on a page; the JSON report holds all of them.
pub mod most {
    /// Accounts and regions on the map.
    pub const PLACES: usize = 250;
    /// Accounts and regions on the map that are visible initially.
    pub const OPEN_PLACES: usize = 12;
    /// Gaps listed as text, per account and region.
    pub const GAPS: usize = 5;
    /// Maximum number of event classes shown.
    pub const CLASSES: usize = 200;
    /// Maximum number of principals shown.
    pub const PRINCIPALS: usize = 1_000;
    /// Maximum number of principals shown with details.
    pub const PRINCIPAL_DETAILS: usize = 120;
    /// Services in the details of a principal.
    pub const SERVICES: usize = 6;
    /// Number of principals with details that may be open initially.
    pub const OPEN_PRINCIPALS: usize = 2;
    /// Principals with a sentence on the first screen.
    pub const SENTENCES: usize = 12;
    /// Tasks on the first screen.
    pub const TASKS: usize = 5;
    /// Rows of each list of what changed between two reports.
    pub const CHANGES: usize = 50;
    /// Findings in the order of events.
    pub const EVENTS: usize = 10;
    /// Values of one kind in the details of a principal.
    pub const VALUES: usize = 12;
    /// Maximum number of principals with a matrix; the rest is only in the overview.
    pub const MATRICES: usize = 60;
    /// Number of principals with the details of their matrix.
    pub const MATRIX_DETAILS: usize = 20;
    /// Watched principals in the overview.
    pub const OVERVIEW_ROWS: usize = 100;
    /// Rows of each list in the details of a matrix.
    pub const MATRIX_ROWS: usize = 15;
    /// Example actions in a row of a matrix.
    pub const EXAMPLES: usize = 3;
    /// Maximum number of findings shown in full.
    pub const FINDINGS: usize = 150;
    /// Groups of findings that may be open initially.
    pub const OPEN_GROUPS: usize = 3;
    /// Findings after these, one line each.
    pub const FINDING_LINES: usize = 850;
    /// Findings in a list of links.
    pub const LINKS: usize = 12;
    /// Operations, controls, audit entries, overrides and other rows.
    pub const ROWS: usize = 300;
    /// Log files with their hashes.
    pub const INPUTS: usize = 300;
}

/// The first items of a list.
#[derive(Debug)]
pub struct Truncated<T> {
    /// Items that are shown.
    pub items: Vec<T>,
    /// How many are not shown.
    pub omitted: usize,
}

impl<T> Truncated<T> {
    /// The first `most` items.
    pub fn of(all: impl IntoIterator<Item = T>, most: usize) -> Self {
        let mut all = all.into_iter();
        let items = all.by_ref().take(most).collect();
        Self { items, omitted: all.count() }
    }

    /// How many there are in all.
    pub const fn total(&self) -> usize {
        self.items.len() + self.omitted
    }

    /// Whether no item is shown.
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omitted_items_are_counted() {
        let first = Truncated::of(0..10, 4);
        assert_eq!((first.items.as_slice(), first.omitted, first.total()), ([0, 1, 2, 3].as_slice(), 6, 10));
    }
}
