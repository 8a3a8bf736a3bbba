//! Documents that were met, understood once.
//!
//! Enters: the text of a document. Leaves: a [`Shelf`], its statements with the actions they name. Law: the same text is
//! the same shelf; a pattern that finds no action is a problem and stays in the statement.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Problem, ProblemKind,
    document::{Document, Kind},
    index::{Index, Positions},
    statement::{Effect, Listed, Statement},
};
use crate::{catalog::Catalog, pattern::Shape};

/// A statement and its actions.
#[derive(Debug)]
pub(super) struct Entry {
    pub statement: Statement,
    /// Actions of the catalog.
    pub actions: Positions,
    /// Patterns that find none, where the statement lists what it is about.
    pub unknown: Vec<Arc<str>>,
    /// Its patterns in lower case.
    lower: Vec<Shape>,
}

impl Entry {
    /// Whether it is about an action, given in lower case.
    pub fn names(&self, action: &str) -> bool {
        self.lower.iter().any(|shape| shape.matches(action)) != self.statement.actions.is_not
    }

    /// Whether it is about an action no catalog knows, or about every one a pattern over such actions describes; for
    /// an allow it is enough that it may be.
    pub fn names_unknown(&self, pattern: &Shape) -> bool {
        let covers = || self.lower.iter().any(|shape| shape.covers(pattern));
        let meets = || self.lower.iter().any(|shape| shape.meets(pattern));
        match (self.statement.actions.is_not, self.statement.effect) {
            (false, Effect::Deny) => covers(),
            (false, Effect::Allow) => meets(),
            (true, Effect::Deny) => !meets(),
            (true, Effect::Allow) => !covers(),
        }
    }
}

/// The statements of a document.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub entries: Vec<Arc<Entry>>,
    /// Problems, without the name of the policy.
    pub problems: Vec<Problem>,
    /// Whether an allow may have been lost to a flaw.
    pub may_lack_an_allow: bool,
}

type Shelves = HashMap<(Kind, Arc<str>), Arc<Shelf>>;

/// All that was met.
#[derive(Debug)]
pub(super) struct Library {
    pub index: Index,
    shelves: Mutex<Shelves>,
}

impl Library {
    /// An empty one.
    pub fn new(catalog: &Catalog) -> Self {
        Self { index: Index::of(catalog), shelves: Mutex::default() }
    }

    /// The statements of a document.
    pub fn read(&self, text: &Arc<str>, kind: Kind) -> Arc<Shelf> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf =
            shelves.entry((kind, Arc::clone(text))).or_insert_with(|| Arc::new(self.shelve(text, kind)));
        Arc::clone(shelf)
    }

    /// A statement that allows everything.
    pub fn anything(&self) -> Arc<Entry> {
        let all = || Listed { is_not: false, patterns: vec!["*".into()] };
        Arc::new(self.entry(Statement {
            label: "#0".into(),
            effect: Effect::Allow,
            actions: all(),
            resources: Some(all()),
            principals: None,
            conditions: Vec::new(),
            open: vec!["what the policy allows cannot be read".into()],
            has_variables: false,
        }))
    }

    fn shelve(&self, text: &str, kind: Kind) -> Shelf {
        let document = Document::read(text, kind);
        let problem = |statement, kind, what| Problem { policy: "".into(), statement, kind, what };
        let mut shelf = Shelf::default();
        for flaw in document.flaws {
            shelf.may_lack_an_allow |= flaw.kind == ProblemKind::Malformed && flaw.may_allow;
            shelf.problems.push(problem(flaw.statement, flaw.kind, flaw.what));
        }
        for statement in document.statements {
            let entry = self.entry(statement);
            let label = &entry.statement.label;
            shelf.problems.extend(entry.unknown.iter().map(|pattern| {
                let what = format!("the catalog knows no action `{pattern}`");
                problem(Some(Arc::clone(label)), ProblemKind::UnknownAction, what)
            }));
            shelf.entries.push(Arc::new(entry));
        }
        shelf
    }

    fn entry(&self, statement: Statement) -> Entry {
        let listed = &statement.actions;
        let found: Vec<Positions> = listed.patterns.iter().map(|pattern| self.index.find(pattern)).collect();
        let unknown = listed
            .patterns
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_empty())
            .map(|(pattern, _)| Arc::clone(pattern));
        let unknown = unknown.collect();
        let actions: Positions = match found.as_slice() {
            [one] if !listed.is_not => Arc::clone(one),
            all => {
                let count = self.index.actions.len();
                let mut is_named = vec![false; count];
                for at in all.iter().flat_map(|positions| positions.iter()) {
                    if let Some(named) = usize::try_from(*at).ok().and_then(|at| is_named.get_mut(at)) {
                        *named = true;
                    }
                }
                (0..).zip(is_named).filter(|(_, named)| *named != listed.is_not).map(|(at, _)| at).collect()
            }
        };
        let lower = listed.patterns.iter().map(|pattern| Shape::of(&pattern.to_ascii_lowercase())).collect();
        Entry { actions, unknown, lower, statement }
    }
}
