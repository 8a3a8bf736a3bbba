//! A cache of parsed documents.
//!
//! Enters: the text of a document. Leaves: an [`IndexedDocument`], its statements with the actions they name. Laws:
//! the same text and policy type give the same entry; a pattern that matches no action is a problem and stays in the
//! statement.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    PolicyProblem, PolicyProblemKind,
    action_index::{ActionIndex, ActionPositions},
    context::is_listed_per_action,
    document::{PolicyDocument, PolicyType},
    statement::{Effect, PatternList, PolicyStatement},
};
use crate::{catalog::Catalog, pattern::CompiledPattern};

/// A statement and its actions.
#[derive(Debug)]
pub(super) struct IndexedStatement {
    pub statement: PolicyStatement,
    /// Positions of the statement's actions in the catalog.
    pub actions: ActionPositions,
    /// The actions, divided by which condition keys of the statement their requests can have.
    pub variants: Vec<StatementVariant>,
    /// Patterns of `Action` or `NotAction` that match no action of the catalog.
    pub unknown_patterns: Vec<Arc<str>>,
    /// Patterns of the statement's actions, in lower case.
    lowercase_patterns: Vec<CompiledPattern>,
}

/// Actions of a statement: requests for them can have the same ones of its condition keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StatementVariant {
    /// Positions of the actions, in order.
    pub actions: ActionPositions,
    /// Condition keys of the statement, in lower case, that requests for these actions never have.
    pub absent_keys: Vec<String>,
    /// Whether actions outside the catalog belong to this variant.
    pub covers_unknown: bool,
}

impl IndexedStatement {
    /// Whether the statement covers an action, given in lower case.
    pub fn covers_action(&self, action: &str) -> bool {
        self.lowercase_patterns.iter().any(|shape| shape.matches(action)) != self.statement.actions.is_negated
    }

    /// Whether the statement covers an unknown action, or every action that an unknown pattern matches. An allow has
    /// to match only some of these actions.
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
    /// Whether an allow may have been lost to a problem.
    pub may_lose_allow: bool,
}

type IndexedDocuments = HashMap<(PolicyType, Arc<str>), Arc<IndexedDocument>>;

/// The action index and the documents parsed so far.
#[derive(Debug)]
pub(super) struct DocumentCache<'c> {
    pub action_index: ActionIndex<'c>,
    documents: Mutex<IndexedDocuments>,
}

impl<'c> DocumentCache<'c> {
    /// An empty cache.
    pub fn new(catalog: &'c Catalog) -> Self {
        Self { action_index: ActionIndex::of(catalog), documents: Mutex::default() }
    }

    /// The statements of a document, from the cache or parsed now.
    pub fn get_or_index(&self, text: &Arc<str>, kind: PolicyType) -> Arc<IndexedDocument> {
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let indexed = documents
            .entry((kind, Arc::clone(text)))
            .or_insert_with(|| Arc::new(self.index_document(text, kind)));
        Arc::clone(indexed)
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
            unevaluated: vec!["the content of a malformed policy".into()],
            has_variables: false,
        }))
    }

    fn index_document(&self, text: &str, kind: PolicyType) -> IndexedDocument {
        let document = PolicyDocument::parse(text, kind);
        let problem =
            |statement, kind, what| PolicyProblem { policy: "".into(), statement, kind, message: what };
        let mut indexed = IndexedDocument::default();
        for found in document.problems {
            indexed.may_lose_allow |= found.kind == PolicyProblemKind::Malformed && found.may_lose_allow;
            indexed.problems.push(problem(found.statement, found.kind, found.message));
        }
        for statement in document.statements {
            let entry = self.index_statement(statement);
            let label = &entry.statement.label;
            indexed.problems.extend(entry.unknown_patterns.iter().map(|pattern| {
                let what = format!("no action of the catalog matches `{pattern}`");
                problem(Some(Arc::clone(label)), PolicyProblemKind::UnknownAction, what)
            }));
            indexed.statements.push(Arc::new(entry));
        }
        indexed
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
                let count = self.action_index.len();
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
        let variants = self.variants(&statement, &actions);
        IndexedStatement {
            actions,
            variants,
            unknown_patterns: unknown,
            lowercase_patterns: lower,
            statement,
        }
    }

    fn variants(&self, statement: &PolicyStatement, actions: &ActionPositions) -> Vec<StatementVariant> {
        let listed = statement.conditions.iter().map(|condition| condition.lowercase_key.as_str());
        let mut keys: Vec<&str> =
            listed.filter(|key| is_listed_per_action(key) && self.action_index.lists_key(key)).collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return vec![StatementVariant {
                actions: Arc::clone(actions),
                absent_keys: Vec::new(),
                covers_unknown: true,
            }];
        }
        let mut variants: BTreeMap<Vec<&str>, Vec<u32>> = BTreeMap::from([(Vec::new(), Vec::new())]);
        for at in actions.iter() {
            let absent = keys.iter().copied().filter(|key| !self.action_index.may_carry(*at, key)).collect();
            variants.entry(absent).or_default().push(*at);
        }
        // The keys of actions outside the catalog are not known.
        let variants = variants.into_iter().map(|(absent, positions)| StatementVariant {
            covers_unknown: absent.is_empty(),
            absent_keys: absent.into_iter().map(str::to_owned).collect(),
            actions: positions.into(),
        });
        variants.collect()
    }
}
