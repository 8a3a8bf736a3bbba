//! A principal, its policies and the actions it used.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use onlooker_core::{
    catalog::Catalog,
    config::Config,
    grants::{Evaluator, Policy, PolicyOrigin, PolicySnapshot},
    guardrails::{
        ActionUsage, Guardrail, GuardrailError, GuardrailKind, GuardrailOptions, GuardrailRequest,
        KnownActions, PrincipalUsage, build_guardrail,
    },
    time::Time,
};
use serde_json::{Value, json};

pub static KNOWN_ACTIONS: LazyLock<KnownActions<'static>> =
    LazyLock::new(|| KnownActions::of(Catalog::embedded()));

pub const ROLE: &str = "arn:aws:iam::111122223333:role/Auditor";

/// The inputs of a guardrail.
#[derive(Clone, Debug, Default)]
pub struct GuardrailScenario {
    pub snapshot: PolicySnapshot,
    pub used: Option<PrincipalUsage>,
    pub config: Config,
    pub options: GuardrailOptions,
}

impl GuardrailScenario {
    /// A role with these statements.
    pub fn with(statements: Value) -> Self {
        Self::of_document(&json!({ "Version": "2012-10-17", "Statement": statements }))
    }

    pub fn of_document(document: &Value) -> Self {
        let policy =
            Policy { name: "own".into(), origin: PolicyOrigin::Inline, text: document.to_string().into() };
        let snapshot = PolicySnapshot {
            principal: ROLE.into(),
            account: "111122223333".into(),
            identity_policies: vec![policy],
            is_boundary_known: true,
            ..PolicySnapshot::default()
        };
        Self { snapshot, ..Self::default() }
    }

    /// The principal used each of these actions once.
    pub fn using(mut self, actions: &[&str]) -> Self {
        let used = |action: &&str| (Arc::from(*action), ActionUsage { calls: 1, ..ActionUsage::default() });
        let actions: BTreeMap<Arc<str>, ActionUsage> = actions.iter().map(used).collect();
        self.used =
            Some(PrincipalUsage { calls: actions.len() as u64, actions, ..PrincipalUsage::default() });
        self
    }

    /// The principal used an action so many times, once or, without services, never through these services.
    pub fn using_through(mut self, action: &str, calls: u64, services: &[&str]) -> Self {
        let usage = ActionUsage {
            calls,
            forwarded: u64::from(!services.is_empty()),
            invoked_by: services.iter().map(|service| Arc::from(*service)).collect(),
        };
        let used = self.used.get_or_insert_default();
        used.calls += calls;
        used.actions.insert(action.into(), usage);
        self
    }

    pub fn request<'a>(&'a self, evaluator: &'a Evaluator<'static>) -> GuardrailRequest<'a> {
        GuardrailRequest {
            known_actions: &KNOWN_ACTIONS,
            evaluator,
            config: &self.config,
            snapshot: &self.snapshot,
            usage: self.used.as_ref(),
            at: Time(1_800_000_000),
            options: self.options,
        }
    }

    pub fn try_build(&self, kind: GuardrailKind) -> Result<Guardrail, GuardrailError> {
        let evaluator = Evaluator::new(Catalog::embedded());
        build_guardrail(kind, self.request(&evaluator))
    }

    #[track_caller]
    pub fn build(&self, kind: GuardrailKind) -> Guardrail {
        self.try_build(kind).expect("a proven guardrail")
    }
}

/// The values of `key` in all statements of a guardrail.
pub fn statement_values(guardrail: &Guardrail, key: &str) -> BTreeSet<String> {
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
