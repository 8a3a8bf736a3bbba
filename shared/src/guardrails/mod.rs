//! Policies that leave a principal its reads.
//!
//! Enters: policies of a principal, what it used, a catalog and overrides. Leaves: a [`Guardrail`] with its [`Proof`]: a
//! least-privilege allow policy, a permissions boundary, or a service control policy. Laws: what is not proven is not
//! given; everything used stays, unless it is no read and is named; nothing that is no read is granted beside what is
//! tolerated; a guardrail never grants what was not granted before.

mod allow;
mod boundary;
mod cover;
mod document;
pub mod limits;
mod plan;
mod proof;
mod service_control;
mod universe;
mod used;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    cover::{Openness, Pattern, Wish, cover},
    document::{Document, Quota},
    plan::{Order, Plan},
    proof::{NotProven, Proof, prove},
    universe::{Name, Universe},
    used::{Use, Used},
};

/// Kinds of guardrails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Identity policies in place of those the principal has: what it used.
    Allow,
    /// A permissions boundary: what is outside is taken away, whatever policies allow.
    Boundary,
    /// Service control policies that deny the principal what is no read.
    Scp,
}

impl Kind {
    /// Its name in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Boundary => "boundary",
            Self::Scp => "scp",
        }
    }

    /// Why there is nothing to make a guardrail of this kind from.
    pub fn cannot(self, order: Order<'_>) -> Option<String> {
        let why = match self {
            Self::Allow if order.used.is_none() => "nobody said what was used",
            Self::Allow if order.used.is_some_and(|used| used.actions.is_empty()) => "nothing was used",
            Self::Scp if !order.snapshot.principal.starts_with("arn:") => {
                "a service control policy names whom it is about, and the principal has no ARN"
            }
            _ => return None,
        };
        Some(why.to_owned())
    }
}

/// How to make guardrails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// No wildcards: nothing AWS adds later is allowed.
    pub exact: bool,
    /// Keep what was used although it is no read.
    pub keep_used: bool,
}

impl Options {
    /// What wildcards that allow may be open to.
    const fn openness(self) -> Openness {
        if self.exact { Openness::Nothing } else { Openness::Reads }
    }
}

/// A guardrail, proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Guardrail {
    /// What it is.
    pub kind: Kind,
    /// The documents it is made of.
    pub documents: Vec<Document>,
    /// What it says, for whoever applies it, in sentences.
    pub notes: Vec<String>,
    /// Actions kept although they are no reads, and why.
    pub kept: BTreeMap<Arc<str>, String>,
    /// Actions that were used, are no reads, and are taken away.
    pub left_out: BTreeSet<Arc<str>>,
    /// Reads that were used and that none of the policies grants: by leave of another policy, or needing none.
    pub granted_elsewhere: BTreeSet<Arc<str>>,
    /// Reads the policies grant that found no room, by service: how many of how many.
    pub no_room: BTreeMap<String, (u64, u64)>,
    /// Wildcards that will match actions AWS adds later, where that allows them.
    pub open: Vec<Arc<str>>,
    /// The proof.
    pub proof: Proof,
}

/// Makes a guardrail and proves it.
///
/// # Errors
/// [`NotProven`].
pub fn guardrail(kind: Kind, order: Order<'_>) -> Result<Guardrail, NotProven> {
    let plan = Plan::of(order);
    let draft = match kind {
        Kind::Allow => allow::draft(order, &plan)?,
        Kind::Boundary => boundary::draft(order, &plan)?,
        Kind::Scp => service_control::draft(order, &plan)?,
    };
    let proof = prove(kind, order, &plan, &draft)?;
    let mut notes = draft.notes;
    if draft.is_absolute && !plan.strange.is_empty() {
        let (count, one) = (plan.strange.len(), plan.strange.first().map_or("", |key| key));
        notes.push(format!(
            "{count} actions that are granted and not in the catalog, such as {one}, are taken away, though their names read."
        ));
    }
    let why = |by: &Option<&crate::config::Override>| match by {
        Some(by) => {
            format!("tolerated by the override {} ({}) until {}: {}", by.id, by.owner, by.expires, by.reason)
        }
        None => "it was used".to_owned(),
    };
    // What the principal was never granted is nothing a policy of its own could keep.
    let kept = plan
        .kept
        .iter()
        .filter(|(key, by)| kind != Kind::Allow || by.is_none() || draft.wanted.contains(*key));
    Ok(Guardrail {
        kind,
        notes,
        kept: kept.map(|(key, by)| (Arc::clone(key), why(by))).collect(),
        left_out: plan.left_out.clone(),
        granted_elsewhere: plan.granted_elsewhere(),
        no_room: draft.no_room,
        open: draft.open,
        documents: draft.documents,
        proof,
    })
}

/// A guardrail that is not proven yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The documents.
    pub documents: Vec<Document>,
    /// The only actions that may be granted, known ones by key.
    pub wanted: BTreeSet<Arc<str>>,
    /// Whether `wanted` holds whatever else policies come to allow.
    pub is_absolute: bool,
    /// See [`Guardrail::notes`].
    pub notes: Vec<String>,
    /// See [`Guardrail::no_room`].
    pub no_room: BTreeMap<String, (u64, u64)>,
    /// See [`Guardrail::open`].
    pub open: Vec<Arc<str>>,
}

/// Patterns that are open to actions nobody knows yet.
fn open(patterns: &[Pattern]) -> Vec<Arc<str>> {
    let open: BTreeSet<&Arc<str>> =
        patterns.iter().filter(|one| one.is_open()).map(|one| &one.text).collect();
    open.into_iter().cloned().collect()
}

/// Granted reads that patterns do not match, by service: how many of how many.
fn no_room(plan: &Plan<'_>, allowed: &BTreeSet<Arc<str>>) -> BTreeMap<String, (u64, u64)> {
    let mut services: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for key in &plan.reads {
        let service = key.split_once(':').map_or("", |(service, _)| service);
        let (without, all) = services.entry(service.to_owned()).or_default();
        *all += 1;
        *without += u64::from(!allowed.contains(key));
    }
    services.retain(|_, (without, _)| *without > 0);
    services
}

/// Known actions that patterns match, by key.
fn matched(universe: &Universe<'_>, patterns: &[Pattern]) -> BTreeSet<Arc<str>> {
    let entries = patterns.iter().flat_map(|pattern| universe.catalog().expand(&pattern.text));
    entries.map(|entry| entry.key().into()).collect()
}
