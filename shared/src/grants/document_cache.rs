//! Documents that were met, understood once.
//!
//! Enters: the text of a document. Leaves: a [`IndexedDocument`], its statements with the actions they name. Law: the same text is
//! the same shelf; a pattern that finds no action is a problem and stays in the statement.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    PolicyProblem, PolicyProblemKind,
    action_index::{ActionIndex, ActionPositions},
    document::{PolicyDocument, PolicyType},
    statement::{Effect, PatternList, PolicyStatement},
};
use crate::{catalog::Catalog, pattern::CompiledPattern};

/// A statement and its actions.
#[derive(Debug)]
pub(super) struct IndexedStatement {
    pub statement: PolicyStatement,
    /// Actions of the catalog.
    pub actions: ActionPositions,
    /// Patterns that find none, where the statement lists what it is about.
    pub unknown_patterns: Vec<Arc<str>>,
    /// Its patterns in lower case.
    lowercase_patterns: Vec<CompiledPattern>,
}

impl IndexedStatement {
    /// Whether it is about an action, given in lower case.
    pub fn covers_action(&self, action: &str) -> bool {
        self.lowercase_patterns.iter().any(|shape| shape.matches(action)) != self.statement.actions.is_negated
    }

    /// Whether it is about an action no catalog knows, or about every one a pattern over such actions describes; for
    /// an allow it is enough that it may be.
    pub fn covers_unknown_pattern(&self, pattern: &CompiledPattern) -> bool {
        let covers = || self.lowercase_patterns.iter().any(|shape| shape.covers(pattern));
        let meets = || self.lowercase_patterns.iter().any(|shape| shape.overlaps(pattern));
        match (self.statement.actions.is_negated, self.statement.effect) {
            (false, Effect::Deny) => covers(),
            (false, Effect::Allow) => meets(),
            (true, Effect::Deny) => !meets(),
            (true, Effect::Allow) => !covers(),
        }
    }
}

/// The statements of a document.
#[derive(Debug, Default)]
pub(super) struct IndexedDocument {
    pub statements: Vec<Arc<IndexedStatement>>,
    /// Problems, without the name of the policy.
    pub problems: Vec<PolicyProblem>,
    /// Whether an allow may have been lost to a flaw.
    pub may_lose_allow: bool,
}

type IndexedDocuments = HashMap<(PolicyType, Arc<str>), Arc<IndexedDocument>>;

/// All that was met.
#[derive(Debug)]
pub(super) struct DocumentCache {
    pub action_index: ActionIndex,
    documents: Mutex<IndexedDocuments>,
}

impl DocumentCache {
    /// An empty one.
    pub fn new(catalog: &Catalog) -> Self {
        Self { action_index: ActionIndex::of(catalog), documents: Mutex::default() }
    }

    /// The statements of a document.
    pub fn get_or_index(&self, text: &Arc<str>, kind: PolicyType) -> Arc<IndexedDocument> {
        let mut shelves = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let shelf = shelves
            .entry((kind, Arc::clone(text)))
            .or_insert_with(|| Arc::new(self.index_document(text, kind)));
        Arc::clone(shelf)
    }

    /// A statement that allows everything.
    pub fn allow_everything(&self) -> Arc<IndexedStatement> {
        let all = || PatternList { is_negated: false, patterns: vec!["*".into()] };
        Arc::new(self.index_statement(PolicyStatement {
            label: "#0".into(),
            effect: Effect::Allow,
            actions: all(),
            resources: Some(all()),
            principals: None,
            conditions: Vec::new(),
            unevaluated: vec!["what the policy allows cannot be read".into()],
            has_variables: false,
        }))
    }

    fn index_document(&self, text: &str, kind: PolicyType) -> IndexedDocument {
        let document = PolicyDocument::parse(text, kind);
        let problem =
            |statement, kind, what| PolicyProblem { policy: "".into(), statement, kind, message: what };
        let mut shelf = IndexedDocument::default();
        for flaw in document.problems {
            shelf.may_lose_allow |= flaw.kind == PolicyProblemKind::Malformed && flaw.may_lose_allow;
            shelf.problems.push(problem(flaw.statement, flaw.kind, flaw.message));
        }
        for statement in document.statements {
            let entry = self.index_statement(statement);
            let label = &entry.statement.label;
            shelf.problems.extend(entry.unknown_patterns.iter().map(|pattern| {
                let what = format!("the catalog knows no action `{pattern}`");
                problem(Some(Arc::clone(label)), PolicyProblemKind::UnknownAction, what)
            }));
            shelf.statements.push(Arc::new(entry));
        }
        shelf
    }

    fn index_statement(&self, statement: PolicyStatement) -> IndexedStatement {
        let listed = &statement.actions;
        let found: Vec<ActionPositions> =
            listed.patterns.iter().map(|pattern| self.action_index.find(pattern)).collect();
        let unknown = listed
            .patterns
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_empty())
            .map(|(pattern, _)| Arc::clone(pattern));
        let unknown = unknown.collect();
        let actions: ActionPositions = match found.as_slice() {
            [one] if !listed.is_negated => Arc::clone(one),
            all => {
                let count = self.action_index.actions.len();
                let mut is_named = vec![false; count];
                for at in all.iter().flat_map(|positions| positions.iter()) {
                    if let Some(named) = usize::try_from(*at).ok().and_then(|at| is_named.get_mut(at)) {
                        *named = true;
                    }
                }
                (0..)
                    .zip(is_named)
                    .filter(|(_, named)| *named != listed.is_negated)
                    .map(|(at, _)| at)
                    .collect()
            }
        };
        let lower = listed
            .patterns
            .iter()
            .map(|pattern| CompiledPattern::of(&pattern.to_ascii_lowercase()))
            .collect();
        IndexedStatement { actions, unknown_patterns: unknown, lowercase_patterns: lower, statement }
    }
}
