//! That a guardrail does what it says.
//!
//! Enters: documents as they are printed, the policies and the plan. Leaves: a [`GuardrailProof`], or everything that stands
//! against it. Laws: the documents are read anew and evaluated as any policy is; every action of the catalog is looked
//! at; a single objection is enough.

use std::{collections::BTreeSet, fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    GuardrailDocument, GuardrailDraft, GuardrailKind, GuardrailPlan, GuardrailRequest, PolicyQuota,
    boundary::kept_by_resources,
    document::{GuardrailStatement, build_document, statement_json},
};
use crate::{
    grants::{Grant, Grants, Policy, PolicyOrigin, PolicyProblemKind, PolicySnapshot},
    pattern::covers,
    permissions::tolerating_override,
    report::hex,
};

/// Objections that are told; the others are counted.
const MAX_OBJECTIONS: usize = 10;

/// What was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardrailProof {
    /// It in a sentence.
    pub summary: String,
    /// Whether nothing was left open: see `open_questions`.
    pub is_complete: bool,
    /// What the proof does not speak of, in sentences.
    pub open_questions: Vec<String>,
    /// Version of the catalog.
    pub catalog_version: String,
    /// Actions of the catalog that were looked at: all.
    pub catalog_actions: u64,
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
    pub covers_future_policies: bool,
}

/// Why a guardrail is not given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no proof of the guardrail `{}`{}", .kind.as_str(), ObjectionList(.objections))]
pub struct GuardrailError {
    /// Which guardrail.
    pub kind: GuardrailKind,
    /// What stands against it; at most ten, and how many more.
    pub objections: Vec<String>,
}

struct ObjectionList<'a>(&'a [String]);

impl fmt::Display for ObjectionList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [one] => write!(f, ": {one}"),
            many => many.iter().try_for_each(|one| write!(f, "\n  - {one}")),
        }
    }
}

impl GuardrailError {
    /// For one reason.
    pub fn new(kind: GuardrailKind, objection: String) -> Self {
        Self { kind, objections: vec![objection] }
    }
}

/// Proves a guardrail by its documents.
///
/// # Errors
/// [`GuardrailError`].
pub fn prove(
    kind: GuardrailKind,
    order: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    draft: &GuardrailDraft,
) -> Result<GuardrailProof, GuardrailError> {
    let mut objections = Vec::new();
    check_documents(kind, &draft.documents, &mut objections);
    let after = order.evaluator.grants(&with_guardrail(kind, order.snapshot, &draft.documents));
    check_problems(&plan.current_grants, &after, &mut objections);
    for grant in &after.entries {
        check_grant(order, plan, draft, grant, &mut objections);
    }
    let used = plan.used_and_granted();
    let as_sure = |key: &&Arc<str>| match (plan.current_grants.get(key), after.get(key)) {
        (Some(before), Some(after)) => after.certainty >= before.certainty,
        _ => false,
    };
    let used_kept = used.iter().filter(as_sure).count();
    objections.extend(
        used.iter()
            .filter(|key| !as_sure(key))
            .map(|key| format!("{key} was used and would not stay as it is")),
    );
    check_against_administrator(kind, order, plan, draft, &mut objections);
    if !objections.is_empty() {
        let more = objections.len().saturating_sub(MAX_OBJECTIONS);
        objections.truncate(MAX_OBJECTIONS);
        if more > 0 {
            objections.push(format!("and {more} more"));
        }
        return Err(GuardrailError { kind, objections });
    }
    let excessive_before = plan.excessive.len() + plan.unknown_patterns.len();
    let excessive_after = after.entries.iter().filter(|grant| !may_remain(order, plan, grant)).count();
    let open_questions = open_questions(order, plan, draft);
    Ok(GuardrailProof {
        summary: proof_summary(kind, &after, used.len(), excessive_before, order.known_actions.len()),
        is_complete: open_questions.is_empty(),
        open_questions,
        catalog_version: order.known_actions.catalog().version().to_owned(),
        catalog_actions: order.known_actions.len() as u64,
        policies_sha256: order.snapshot.sha256(),
        granted_before: plan.current_grants.entries.len() as u64,
        granted_after: after.entries.len() as u64,
        excessive_before: excessive_before as u64,
        excessive_after: excessive_after as u64,
        used: used.len() as u64,
        used_kept: used_kept as u64,
        covers_future_policies: draft.covers_future_policies,
    })
}

/// The policies of the principal with the guardrail in force.
fn with_guardrail(
    kind: GuardrailKind,
    snapshot: &PolicySnapshot,
    documents: &[GuardrailDocument],
) -> PolicySnapshot {
    let mut guarded = snapshot.clone();
    match kind {
        GuardrailKind::Allow => guarded.identity_policies = documents.iter().map(as_policy).collect(),
        GuardrailKind::Boundary => {
            guarded.permissions_boundary = documents.first().map(as_policy);
            guarded.is_boundary_known = true;
        }
        GuardrailKind::Scp => {
            // Where nobody told of others, there is what every organization begins with.
            let levels = guarded
                .service_control_policies
                .get_or_insert_with(|| vec![vec![allow_all_policy("FullAWSAccess")]]);
            match levels.last_mut() {
                Some(last) => last.extend(documents.iter().map(as_policy)),
                None => {
                    let all = documents.iter().map(as_policy).chain([allow_all_policy("FullAWSAccess")]);
                    levels.push(all.collect());
                }
            }
        }
    }
    guarded
}

/// The guardrail over a principal of the same name that may do everything otherwise.
fn administrator_with_guardrail(
    kind: GuardrailKind,
    snapshot: &PolicySnapshot,
    documents: &[GuardrailDocument],
) -> PolicySnapshot {
    let administrator = PolicySnapshot {
        principal: Arc::clone(&snapshot.principal),
        account: Arc::clone(&snapshot.account),
        tags: snapshot.tags.clone(),
        identity_policies: vec![allow_all_policy("AdministratorAccess")],
        is_boundary_known: true,
        ..PolicySnapshot::default()
    };
    with_guardrail(kind, &administrator, documents)
}

fn as_policy(document: &GuardrailDocument) -> Policy {
    Policy {
        name: document.name.as_str().into(),
        origin: PolicyOrigin::Given,
        text: document.text.as_str().into(),
    }
}

fn allow_all_policy(name: &str) -> Policy {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    Policy { name: name.into(), origin: PolicyOrigin::Given, text: text.into() }
}

fn check_documents(kind: GuardrailKind, documents: &[GuardrailDocument], objections: &mut Vec<String>) {
    let quota = if kind == GuardrailKind::Scp {
        PolicyQuota::ServiceControlPolicy
    } else {
        PolicyQuota::ManagedPolicy
    };
    if documents.is_empty() || kind == GuardrailKind::Boundary && documents.len() > 1 {
        objections.push(format!("it is made of {} documents", documents.len()));
    }
    for document in documents {
        let size = quota.count_characters(&document.text);
        if size > quota.max_characters() {
            objections.push(format!("{} has {size} characters of {}", document.name, quota.max_characters()));
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
    let grave = new.filter(|problem| problem.kind != PolicyProblemKind::UnknownAction);
    objections.extend(grave.map(|problem| format!("{}: {}", problem.policy, problem.message)));
}

/// Whether a grant is a read or stays although it is none.
fn may_remain(order: GuardrailRequest<'_>, plan: &GuardrailPlan<'_>, grant: &Grant) -> bool {
    let key = &grant.action.key;
    grant.action.is_read_only()
        || plan.keeps(key)
        || tolerating_override(order.config, &order.snapshot.principal, grant, order.at).is_some()
}

/// What is used by leave of somebody else's policy must pass; and what holds whatever else is allowed, must.
fn check_against_administrator(
    kind: GuardrailKind,
    order: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    draft: &GuardrailDraft,
    objections: &mut Vec<String>,
) {
    if kind == GuardrailKind::Allow {
        return;
    }
    let alone = order.evaluator.grants(&administrator_with_guardrail(kind, order.snapshot, &draft.documents));
    if draft.covers_future_policies {
        let others = alone.entries.iter().filter(|grant| !may_remain(order, plan, grant));
        objections.extend(
            others.map(|grant| format!("{} is no read and would not be kept away", grant.action.key)),
        );
        check_other_resources(kind, order, plan, draft, objections);
    }
    let lost = plan.granted_by_other_policies().into_iter().filter(|key| alone.get(key).is_none());
    objections.extend(lost.map(|key| format!("{key} was used and would not pass")));
}

/// What is tolerated on some resources must not pass on others, whatever else is allowed.
fn check_other_resources(
    kind: GuardrailKind,
    order: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    draft: &GuardrailDraft,
    objections: &mut Vec<String>,
) {
    for (place, own) in kept_by_resources(order, plan).into_iter().filter(|(place, _)| *place != ["*"]) {
        let elsewhere = GuardrailStatement {
            action: own.iter().cloned().collect(),
            resource: Value::Null,
            not_resource: place.clone().into(),
            ..GuardrailStatement::on_all_resources("Elsewhere", "Allow")
        };
        let elsewhere =
            build_document("elsewhere".to_owned(), &[statement_json(&elsewhere)], PolicyQuota::ManagedPolicy);
        let allowed = PolicySnapshot {
            principal: Arc::clone(&order.snapshot.principal),
            account: Arc::clone(&order.snapshot.account),
            identity_policies: vec![as_policy(&elsewhere)],
            is_boundary_known: true,
            ..PolicySnapshot::default()
        };
        let passing = order.evaluator.grants(&with_guardrail(kind, &allowed, &draft.documents));
        let wide = own.iter().filter(|key| passing.get(key).is_some());
        objections.extend(
            wide.map(|key| format!("{key} is tolerated on {} and would pass elsewhere", place.join(", "))),
        );
    }
}

fn check_grant(
    order: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    draft: &GuardrailDraft,
    after: &Grant,
    objections: &mut Vec<String>,
) {
    let key = &after.action.key;
    if !may_remain(order, plan, after) {
        objections.push(format!("{key} is no read and would be granted"));
    }
    // What stays of strange reads is not looked for: nothing else is wanted of them.
    if !draft.allowed_actions.contains(key)
        && (draft.covers_future_policies || !plan.unknown_reads.contains(key))
    {
        objections.push(format!("{key} is not wanted and would be granted"));
    }
    let Some(before) = plan.current_grants.get(key) else {
        objections.push(format!("{key} was not granted before and would be"));
        return;
    };
    if after.certainty > before.certainty {
        objections.push(format!("{key} was granted on conditions and would be granted without"));
    }
    let (old, new) = (&before.scope, &after.scope);
    let wider =
        new.resources.iter().find(|one| !old.resources.iter().any(|wide| wide == *one || covers(wide, one)));
    if let Some(wider) = wider {
        objections.push(format!("{key} would be granted on {wider}, which it was not before"));
    }
    if let Some(lost) = old.denied_resources.iter().find(|one| !new.denied_resources.contains(one)) {
        objections.push(format!("{key} was denied on {lost} and would not be"));
    }
    if let Some(lost) = old.conditions.iter().find(|one| !new.conditions.contains(one)) {
        objections.push(format!("{key} was narrowed by `{lost}` and would not be"));
    }
}

fn open_questions(
    order: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    draft: &GuardrailDraft,
) -> Vec<String> {
    let mut questions = Vec::new();
    // What holds whatever is allowed holds for what a policy nobody can read allows.
    let unreadable =
        plan.current_grants.problems.iter().filter(|problem| problem.kind == PolicyProblemKind::Malformed);
    let unreadable: BTreeSet<&str> =
        unreadable.filter(|_| !draft.covers_future_policies).map(|problem| &*problem.policy).collect();
    questions.extend(unreadable.iter().map(|policy| {
        format!("{policy} cannot be read in full, so what it allows besides is not kept away")
    }));
    let Some(evidence) = order.usage else {
        questions.push("nobody said what was used, so nothing is said of what stays of it".to_owned());
        return questions;
    };
    questions.extend(evidence.evidence_gaps.iter().cloned());
    for (operation, calls) in &evidence.unmapped_operations {
        questions.push(format!("it is not known which actions {operation} takes ({calls} calls)"));
    }
    questions
}

fn proof_summary(
    kind: GuardrailKind,
    after: &Grants,
    used: usize,
    excessive: usize,
    actions: usize,
) -> String {
    let held = after.entries.len();
    let what = match kind {
        GuardrailKind::Allow => "these policies alone",
        GuardrailKind::Boundary => "its policies within this boundary",
        GuardrailKind::Scp => "its policies under this service control policy",
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
