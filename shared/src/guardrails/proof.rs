//! That a guardrail does what it says.
//!
//! Enters: documents as they are printed, the policies and the plan. Leaves: a [`Proof`], or everything that stands
//! against it. Laws: the documents are read anew and evaluated as any policy is; every action of the catalog is looked
//! at; a single objection is enough.

use std::{collections::BTreeSet, fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    Document, Draft, Kind, Order, Plan, Quota,
    boundary::places,
    document::{Statement, document, value},
};
use crate::{
    grants::{Grant, Grants, Origin, Policy, ProblemKind, Snapshot},
    pattern::covers,
    permissions::tolerated,
    report::hex,
};

/// Objections that are told; the others are counted.
const TOLD: usize = 10;

/// What was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// It in a sentence.
    pub statement: String,
    /// Whether nothing was left open: see `open_questions`.
    pub is_complete: bool,
    /// What the proof does not speak of, in sentences.
    pub open_questions: Vec<String>,
    /// Version of the catalog.
    pub catalog_version: String,
    /// Actions of the catalog that were looked at: all.
    pub actions: u64,
    /// SHA-256 of the policies of the principal.
    pub policies_sha256: String,
    /// Actions the policies grant.
    pub granted_before: u64,
    /// Actions they grant under the guardrail.
    pub granted_after: u64,
    /// Granted actions that are no reads and are not kept.
    pub excessive_before: u64,
    /// The same under the guardrail: none.
    pub excessive_after: u64,
    /// Actions that were used, are granted and are to stay.
    pub used: u64,
    /// Those of them that are granted as surely under the guardrail: all.
    pub used_kept: u64,
    /// Whether it holds whatever else the principal is allowed later.
    pub is_absolute: bool,
}

/// Why a guardrail is not given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no proof of the guardrail `{}`{}", .kind.as_str(), Listed(.objections))]
pub struct NotProven {
    /// Which guardrail.
    pub kind: Kind,
    /// What stands against it; at most ten, and how many more.
    pub objections: Vec<String>,
}

struct Listed<'a>(&'a [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [one] => write!(f, ": {one}"),
            many => many.iter().try_for_each(|one| write!(f, "\n  - {one}")),
        }
    }
}

impl NotProven {
    /// For one reason.
    pub fn new(kind: Kind, objection: String) -> Self {
        Self { kind, objections: vec![objection] }
    }
}

/// Proves a guardrail by its documents.
///
/// # Errors
/// [`NotProven`].
pub fn prove(kind: Kind, order: Order<'_>, plan: &Plan<'_>, draft: &Draft) -> Result<Proof, NotProven> {
    let mut objections = Vec::new();
    check_documents(kind, &draft.documents, &mut objections);
    let after = order.evaluator.grants(&guarded(kind, order.snapshot, &draft.documents));
    check_problems(&plan.before, &after, &mut objections);
    for grant in &after.held {
        check_grant(order, plan, draft, grant, &mut objections);
    }
    let used = plan.used_and_granted();
    let as_sure = |key: &&Arc<str>| match (plan.before.get(key), after.get(key)) {
        (Some(before), Some(after)) => after.certainty >= before.certainty,
        _ => false,
    };
    let used_kept = used.iter().filter(as_sure).count();
    objections.extend(
        used.iter()
            .filter(|key| !as_sure(key))
            .map(|key| format!("{key} was used and would not stay as it is")),
    );
    check_alone(kind, order, plan, draft, &mut objections);
    if !objections.is_empty() {
        let more = objections.len().saturating_sub(TOLD);
        objections.truncate(TOLD);
        if more > 0 {
            objections.push(format!("and {more} more"));
        }
        return Err(NotProven { kind, objections });
    }
    let excessive_before = plan.excessive.len() + plan.unknown.len();
    let excessive_after = after.held.iter().filter(|grant| !is_kept(order, plan, grant)).count();
    let open_questions = open_questions(order, plan, draft);
    Ok(Proof {
        statement: statement(kind, &after, used.len(), excessive_before, order.universe.len()),
        is_complete: open_questions.is_empty(),
        open_questions,
        catalog_version: order.universe.catalog().version().to_owned(),
        actions: order.universe.len() as u64,
        policies_sha256: order.snapshot.sha256(),
        granted_before: plan.before.held.len() as u64,
        granted_after: after.held.len() as u64,
        excessive_before: excessive_before as u64,
        excessive_after: excessive_after as u64,
        used: used.len() as u64,
        used_kept: used_kept as u64,
        is_absolute: draft.is_absolute,
    })
}

/// The policies of the principal with the guardrail in force.
fn guarded(kind: Kind, snapshot: &Snapshot, documents: &[Document]) -> Snapshot {
    let mut guarded = snapshot.clone();
    match kind {
        Kind::Allow => guarded.identity = documents.iter().map(policy).collect(),
        Kind::Boundary => {
            guarded.boundary = documents.first().map(policy);
            guarded.boundary_read = true;
        }
        Kind::Scp => {
            // Where nobody told of others, there is what every organization begins with.
            let levels =
                guarded.service_control.get_or_insert_with(|| vec![vec![everything("FullAWSAccess")]]);
            match levels.last_mut() {
                Some(last) => last.extend(documents.iter().map(policy)),
                None => {
                    let all = documents.iter().map(policy).chain([everything("FullAWSAccess")]);
                    levels.push(all.collect());
                }
            }
        }
    }
    guarded
}

/// The guardrail over a principal of the same name that may do everything otherwise.
fn alone(kind: Kind, snapshot: &Snapshot, documents: &[Document]) -> Snapshot {
    let administrator = Snapshot {
        principal: Arc::clone(&snapshot.principal),
        account: Arc::clone(&snapshot.account),
        tags: snapshot.tags.clone(),
        identity: vec![everything("AdministratorAccess")],
        boundary_read: true,
        ..Snapshot::default()
    };
    guarded(kind, &administrator, documents)
}

fn policy(document: &Document) -> Policy {
    Policy { name: document.name.as_str().into(), origin: Origin::Given, text: document.text.as_str().into() }
}

fn everything(name: &str) -> Policy {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    Policy { name: name.into(), origin: Origin::Given, text: text.into() }
}

fn check_documents(kind: Kind, documents: &[Document], objections: &mut Vec<String>) {
    let quota = if kind == Kind::Scp { Quota::ServiceControl } else { Quota::Managed };
    if documents.is_empty() || kind == Kind::Boundary && documents.len() > 1 {
        objections.push(format!("it is made of {} documents", documents.len()));
    }
    for document in documents {
        let size = quota.count(&document.text);
        if size > quota.limit() {
            objections.push(format!("{} has {size} characters of {}", document.name, quota.limit()));
        }
        if hex(&Sha256::digest(document.text.as_bytes())) != document.sha256 {
            objections.push(format!("the hash of {} is not that of its text", document.name));
        }
    }
}

/// What nobody understands in a document of ours is an objection; in those of the principal it is known already.
fn check_problems(before: &Grants, after: &Grants, objections: &mut Vec<String>) {
    let known: BTreeSet<_> = before.problems.iter().map(|problem| (&problem.policy, problem.kind)).collect();
    let new = after.problems.iter().filter(|problem| !known.contains(&(&problem.policy, problem.kind)));
    let grave = new.filter(|problem| problem.kind != ProblemKind::UnknownAction);
    objections.extend(grave.map(|problem| format!("{}: {}", problem.policy, problem.what)));
}

/// Whether a grant is a read or stays although it is none.
fn is_kept(order: Order<'_>, plan: &Plan<'_>, grant: &Grant) -> bool {
    let key = &grant.action.key;
    grant.action.is_read()
        || plan.keeps(key)
        || tolerated(order.config, &order.snapshot.principal, grant, order.at).is_some()
}

/// What is used by leave of somebody else's policy must pass; and what holds whatever else is allowed, must.
fn check_alone(kind: Kind, order: Order<'_>, plan: &Plan<'_>, draft: &Draft, objections: &mut Vec<String>) {
    if kind == Kind::Allow {
        return;
    }
    let alone = order.evaluator.grants(&alone(kind, order.snapshot, &draft.documents));
    if draft.is_absolute {
        let others = alone.held.iter().filter(|grant| !is_kept(order, plan, grant));
        objections.extend(
            others.map(|grant| format!("{} is no read and would not be kept away", grant.action.key)),
        );
        check_places(kind, order, plan, draft, objections);
    }
    let lost = plan.granted_elsewhere().into_iter().filter(|key| alone.get(key).is_none());
    objections.extend(lost.map(|key| format!("{key} was used and would not pass")));
}

/// What is tolerated on some resources must not pass on others, whatever else is allowed.
fn check_places(kind: Kind, order: Order<'_>, plan: &Plan<'_>, draft: &Draft, objections: &mut Vec<String>) {
    for (place, own) in places(order, plan).into_iter().filter(|(place, _)| *place != ["*"]) {
        let elsewhere = Statement {
            action: own.iter().cloned().collect(),
            resource: Value::Null,
            not_resource: place.clone().into(),
            ..Statement::anywhere("Elsewhere", "Allow")
        };
        let elsewhere = document("elsewhere".to_owned(), &[value(&elsewhere)], Quota::Managed);
        let allowed = Snapshot {
            principal: Arc::clone(&order.snapshot.principal),
            account: Arc::clone(&order.snapshot.account),
            identity: vec![policy(&elsewhere)],
            boundary_read: true,
            ..Snapshot::default()
        };
        let passing = order.evaluator.grants(&guarded(kind, &allowed, &draft.documents));
        let wide = own.iter().filter(|key| passing.get(key).is_some());
        objections.extend(
            wide.map(|key| format!("{key} is tolerated on {} and would pass elsewhere", place.join(", "))),
        );
    }
}

fn check_grant(
    order: Order<'_>,
    plan: &Plan<'_>,
    draft: &Draft,
    after: &Grant,
    objections: &mut Vec<String>,
) {
    let key = &after.action.key;
    if !is_kept(order, plan, after) {
        objections.push(format!("{key} is no read and would be granted"));
    }
    // What stays of strange reads is not looked for: nothing else is wanted of them.
    if !draft.wanted.contains(key) && (draft.is_absolute || !plan.strange.contains(key)) {
        objections.push(format!("{key} is not wanted and would be granted"));
    }
    let Some(before) = plan.before.get(key) else {
        objections.push(format!("{key} was not granted before and would be"));
        return;
    };
    if after.certainty > before.certainty {
        objections.push(format!("{key} was granted on conditions and would be granted without"));
    }
    let (old, new) = (&before.reach, &after.reach);
    let wider =
        new.resources.iter().find(|one| !old.resources.iter().any(|wide| wide == *one || covers(wide, one)));
    if let Some(wider) = wider {
        objections.push(format!("{key} would be granted on {wider}, which it was not before"));
    }
    if let Some(lost) = old.except.iter().find(|one| !new.except.contains(one)) {
        objections.push(format!("{key} was denied on {lost} and would not be"));
    }
    if let Some(lost) = old.conditions.iter().find(|one| !new.conditions.contains(one)) {
        objections.push(format!("{key} was narrowed by `{lost}` and would not be"));
    }
}

fn open_questions(order: Order<'_>, plan: &Plan<'_>, draft: &Draft) -> Vec<String> {
    let mut questions = Vec::new();
    // What holds whatever is allowed holds for what a policy nobody can read allows.
    let unreadable = plan.before.problems.iter().filter(|problem| problem.kind == ProblemKind::Malformed);
    let unreadable: BTreeSet<&str> =
        unreadable.filter(|_| !draft.is_absolute).map(|problem| &*problem.policy).collect();
    questions.extend(unreadable.iter().map(|policy| {
        format!("{policy} cannot be read in full, so what it allows besides is not kept away")
    }));
    let Some(evidence) = order.used else {
        questions.push("nobody said what was used, so nothing is said of what stays of it".to_owned());
        return questions;
    };
    questions.extend(evidence.gaps.iter().cloned());
    for (operation, calls) in &evidence.unmapped {
        questions.push(format!("it is not known which actions {operation} takes ({calls} calls)"));
    }
    questions
}

fn statement(kind: Kind, after: &Grants, used: usize, excessive: usize, actions: usize) -> String {
    let held = after.held.len();
    let what = match kind {
        Kind::Allow => "these policies alone",
        Kind::Boundary => "its policies within this boundary",
        Kind::Scp => "its policies under this service control policy",
    };
    let stays = match used {
        0 => String::new(),
        used => format!("all {used} that were used and are to stay are among them, "),
    };
    format!(
        "of {actions} actions in the catalog, {what} grant {held}; {stays}none of the {excessive} that are no reads is, \
         and nothing is granted that was not granted before"
    )
}
