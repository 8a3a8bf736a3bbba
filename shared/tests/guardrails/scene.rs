//! A principal, its policies and what it used.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use onlooker_core::{
    catalog::Catalog,
    config::Config,
    grants::{Evaluator, Origin, Policy, Snapshot},
    guardrails::{Guardrail, Kind, NotProven, Options, Order, Universe, Use, Used, guardrail},
    time::Time,
};
use serde_json::{Value, json};

pub static UNIVERSE: LazyLock<Universe<'static>> = LazyLock::new(|| Universe::of(Catalog::embedded()));

pub const ROLE: &str = "arn:aws:iam::111122223333:role/Auditor";

/// Everything a guardrail is made from.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    pub snapshot: Snapshot,
    pub used: Option<Used>,
    pub config: Config,
    pub options: Options,
}

impl Scene {
    /// A role with these statements.
    pub fn with(statements: Value) -> Self {
        Self::of_document(&json!({ "Version": "2012-10-17", "Statement": statements }))
    }

    pub fn of_document(document: &Value) -> Self {
        let policy = Policy { name: "own".into(), origin: Origin::Inline, text: document.to_string().into() };
        let snapshot = Snapshot {
            principal: ROLE.into(),
            account: "111122223333".into(),
            identity: vec![policy],
            boundary_read: true,
            ..Snapshot::default()
        };
        Self { snapshot, ..Self::default() }
    }

    /// That used these actions, once each.
    pub fn using(mut self, actions: &[&str]) -> Self {
        let used = |action: &&str| (Arc::from(*action), Use { calls: 1, ..Use::default() });
        let actions: BTreeMap<Arc<str>, Use> = actions.iter().map(used).collect();
        self.used = Some(Used { calls: actions.len() as u64, actions, ..Used::default() });
        self
    }

    pub fn order<'a>(&'a self, evaluator: &'a Evaluator<'static>) -> Order<'a> {
        Order {
            universe: &UNIVERSE,
            evaluator,
            config: &self.config,
            snapshot: &self.snapshot,
            used: self.used.as_ref(),
            at: Time(1_800_000_000),
            options: self.options,
        }
    }

    pub fn make(&self, kind: Kind) -> Result<Guardrail, NotProven> {
        let evaluator = Evaluator::new(Catalog::embedded());
        guardrail(kind, self.order(&evaluator))
    }

    #[track_caller]
    pub fn made(&self, kind: Kind) -> Guardrail {
        self.make(kind).expect("it is proven")
    }
}

/// The values of `key` in all statements of a guardrail.
pub fn listed(guardrail: &Guardrail, key: &str) -> BTreeSet<String> {
    let statements = guardrail.documents.iter().flat_map(|document| {
        let document: Value = serde_json::from_str(&document.text).expect("JSON");
        document["Statement"].as_array().expect("statements").clone()
    });
    let items = statements.flat_map(|statement| match &statement[key] {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    });
    items.map(|item| item.as_str().expect("text").to_owned()).collect()
}
