//! The proof that a guardrail does what it claims.
//!
//! Enters: the final documents, the policies and the plan. Leaves: a [`GuardrailProof`], or the objections to it.
//! Laws: the documents are parsed again and evaluated like any policy; every action of the catalog is checked; what is
//! kept through AWS services only is evaluated for direct calls, for calls through another service and for calls
//! through each of its services; one objection is enough to reject the guardrail.

use std::{collections::BTreeSet, fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    GuardrailDocument, GuardrailDraft, GuardrailKind, GuardrailPlan, GuardrailRequest, OpenQuestion,
    OpenQuestionKind, PolicyQuota,
    boundary::kept_by_resources,
    document::{GuardrailStatement, build_document, statement_json},
    through_services::{VIA_SERVICE, without_services},
};
use crate::{
    grants::{Grant, Grants, Policy, PolicyOrigin, PolicyProblemKind, PolicySnapshot},
    hex::hex,
    pattern::covers,
    permissions::tolerating_override,
};

/// Maximum number of objections listed; the rest is given as a number.
const MAX_OBJECTIONS: usize = 10;

/// The result of a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardrailProof {
    /// The proof in a sentence.
    pub summary: String,
    /// Whether there are no `open_questions`.
    pub is_complete: bool,
    /// What the proof does not cover.
    pub open_questions: Vec<OpenQuestion>,
    /// Version of the catalog.
    pub catalog_version: String,
    /// Number of actions in the catalog, all of which were checked.
    pub catalog_actions: u64,
    /// SHA-256 of the policies of the principal, in hex.
    pub policies_sha256: String,
    /// Number of actions that the policies grant without the guardrail.
    pub granted_before: u64,
    /// Number of actions that the policies grant under the guardrail.
    pub granted_after: u64,
    /// Granted actions that are not read-only and not kept.
    pub excessive_before: u64,
    /// The same under the guardrail; always 0.
    pub excessive_after: u64,
    /// Number of actions that were used, are granted and are kept.
    pub used: u64,
    /// Number of used actions that the guardrail still grants without new conditions; always all that are kept.
    pub used_kept: u64,
    /// Whether the proof holds for any policy that is added to the principal later.
    pub covers_future_policies: bool,
}

/// Why a guardrail was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot prove the guardrail `{}`{}", .kind.as_str(), ObjectionList(.objections))]
pub struct GuardrailError {
    /// Kind of the guardrail that was not proven.
    pub kind: GuardrailKind,
    /// Objections: at most ten, and the number of the others.
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
    /// An error with one objection.
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
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    draft: &GuardrailDraft,
) -> Result<GuardrailProof, GuardrailError> {
    let mut objections = Vec::new();
    check_documents(kind, &draft.documents, &mut objections);
    let guarded = GuardedGrants::of(request, plan, with_guardrail(kind, request.snapshot, &draft.documents));
    let after = &guarded.all;
    check_problems(&plan.current_grants, after, &mut objections);
    for grant in &after.entries {
        check_grant(request, plan, draft, grant, &guarded, &mut objections);
    }
    check_through_services(request, plan, &guarded, &mut objections);
    let used = plan.used_and_granted();
    let as_sure = |key: &&Arc<str>| match (plan.current_grants.get(key), after.get(key)) {
        (Some(before), Some(after)) => after.certainty >= before.certainty,
        _ => false,
    };
    let used_kept = used.iter().filter(as_sure).count();
    objections.extend(
        used.iter()
            .filter(|key| !as_sure(key))
            .map(|key| format!("{key} was used, and would be removed or get new conditions")),
    );
    check_against_administrator(kind, request, plan, draft, &mut objections);
    if !objections.is_empty() {
        let more = objections.len().saturating_sub(MAX_OBJECTIONS);
        objections.truncate(MAX_OBJECTIONS);
        if more > 0 {
            objections.push(format!("and {more} more"));
        }
        return Err(GuardrailError { kind, objections });
    }
    let excessive_before = plan.excessive.len() + plan.unknown_patterns.len();
    let excessive_after =
        after.entries.iter().filter(|grant| !guarded.may_remain(request, plan, grant)).count();
    let open_questions = open_questions(request, plan, draft);
    Ok(GuardrailProof {
        summary: proof_summary(
            kind,
            after,
            used.len(),
            plan.through_services.len(),
            excessive_before,
            request.known_actions.len(),
        ),
        is_complete: open_questions.is_empty(),
        open_questions,
        catalog_version: request.known_actions.catalog().version().to_owned(),
        catalog_actions: request.known_actions.len() as u64,
        policies_sha256: request.snapshot.sha256(),
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
pub(super) fn with_guardrail(
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
            // Without given service control policies, the default of every organization is assumed.
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

/// The guardrail on an administrator of the same ARN.
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
        objections.push(format!("the guardrail has {} policy documents instead of one", documents.len()));
    }
    for document in documents {
        let size = quota.count_characters(&document.text);
        if size > quota.max_characters() {
            objections.push(format!(
                "{} has {size} characters of {} allowed",
                document.name,
                quota.max_characters()
            ));
        }
        if hex(&Sha256::digest(document.text.as_bytes())) != document.sha256 {
            objections.push(format!("the hash of {} does not match its text", document.name));
        }
    }
}

/// A new problem in the documents is an objection; problems in the policies of the principal are known already.
fn check_problems(before: &Grants, after: &Grants, objections: &mut Vec<String>) {
    let known: BTreeSet<_> = before.problems.iter().map(|problem| (&problem.policy, problem.kind)).collect();
    let new = after.problems.iter().filter(|problem| !known.contains(&(&problem.policy, problem.kind)));
    let grave = new.filter(|problem| problem.kind != PolicyProblemKind::UnknownAction);
    objections.extend(grave.map(|problem| format!("{}: {}", problem.policy, problem.message)));
}

/// What policies grant under a guardrail.
struct GuardedGrants {
    /// The policies with the guardrail.
    snapshot: PolicySnapshot,
    /// What they grant.
    all: Grants,
    /// What they grant to direct calls, and to calls through a service that the plan does not name; empty if the plan
    /// keeps nothing through services.
    without_services: Vec<Grants>,
}

impl GuardedGrants {
    fn of(request: GuardrailRequest<'_>, plan: &GuardrailPlan<'_>, snapshot: PolicySnapshot) -> Self {
        let contexts = [Vec::new(), vec!["onlooker.us-east-1.amazonaws.com".to_owned()]];
        let contexts = contexts.into_iter().filter(|_| !plan.through_services.is_empty());
        let grants = |values| request.evaluator.grants_with_key(&snapshot, VIA_SERVICE, values);
        let without_services = contexts.map(grants).collect();
        Self { all: request.evaluator.grants(&snapshot), without_services, snapshot }
    }

    /// Whether a grant is read-only, kept, tolerated, or kept through AWS services only.
    fn may_remain(&self, request: GuardrailRequest<'_>, plan: &GuardrailPlan<'_>, grant: &Grant) -> bool {
        let key = &grant.action.key;
        grant.action.is_read_only()
            || plan.keeps(key)
            || plan.keeps_through_services(key)
                && self.without_services.iter().all(|grants| grants.get(key).is_none())
            || tolerating_override(request.config, &request.snapshot.principal, grant, request.at).is_some()
    }
}

/// What is kept through AWS services must stay granted, and to calls through these services as unconditionally as
/// before.
fn check_through_services(
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    guarded: &GuardedGrants,
    objections: &mut Vec<String>,
) {
    let lost = plan.through_services.keys().filter(|key| guarded.all.get(key).is_none());
    objections.extend(lost.map(|key| format!("{key} was used through AWS services and would be removed")));
    let all: BTreeSet<&Arc<str>> = plan.through_services.values().flatten().collect();
    for service in all {
        let region = if service.ends_with(".cn") { "cn-north-1" } else { "us-east-1" };
        let grants = |snapshot| {
            request.evaluator.grants_with_key(snapshot, VIA_SERVICE, vec![service.replace('*', region)])
        };
        let (before, after) = (grants(request.snapshot), grants(&guarded.snapshot));
        let own = plan.through_services.iter().filter(|(_, services)| services.contains(service));
        let weaker = own.map(|(key, _)| key).filter(|key| match (before.get(key), after.get(key)) {
            (Some(before), Some(after)) => after.certainty < before.certainty,
            (Some(_), None) => true,
            (None, _) => false,
        });
        objections.extend(weaker.map(|key| {
            format!("{key} was used through {service}, and would be removed or get other conditions")
        }));
    }
}

/// Used reads that other policies grant must stay allowed. A guardrail that covers future policies must hold even for
/// an administrator.
fn check_against_administrator(
    kind: GuardrailKind,
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    draft: &GuardrailDraft,
    objections: &mut Vec<String>,
) {
    if kind == GuardrailKind::Allow {
        return;
    }
    let administrator = administrator_with_guardrail(kind, request.snapshot, &draft.documents);
    let guarded = GuardedGrants::of(request, plan, administrator);
    let alone = &guarded.all;
    if draft.covers_future_policies {
        let others = alone.entries.iter().filter(|grant| !guarded.may_remain(request, plan, grant));
        objections.extend(others.map(|grant| {
            let key = &grant.action.key;
            match plan.keeps_through_services(key) {
                true => {
                    format!("{key} is kept through AWS services only and would not be denied without them")
                }
                false => format!("{key} is not read-only and would not be denied"),
            }
        }));
        check_other_resources(kind, request, plan, draft, objections);
    }
    let lost = plan.granted_by_other_policies().into_iter().filter(|key| alone.get(key).is_none());
    objections.extend(lost.map(|key| format!("{key} was used and would be denied")));
}

/// Actions that are tolerated on some resources must stay denied on others, even if a policy allows them there.
fn check_other_resources(
    kind: GuardrailKind,
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    draft: &GuardrailDraft,
    objections: &mut Vec<String>,
) {
    for (place, own) in kept_by_resources(request, plan).into_iter().filter(|(place, _)| *place != ["*"]) {
        let elsewhere = GuardrailStatement {
            action: own.iter().cloned().collect(),
            resource: Value::Null,
            not_resource: place.clone().into(),
            ..GuardrailStatement::on_all_resources("Elsewhere", "Allow")
        };
        let elsewhere =
            build_document("elsewhere".to_owned(), &[statement_json(&elsewhere)], PolicyQuota::ManagedPolicy);
        let allowed = PolicySnapshot {
            principal: Arc::clone(&request.snapshot.principal),
            account: Arc::clone(&request.snapshot.account),
            identity_policies: vec![as_policy(&elsewhere)],
            is_boundary_known: true,
            ..PolicySnapshot::default()
        };
        let passing = request.evaluator.grants(&with_guardrail(kind, &allowed, &draft.documents));
        let wide = own.iter().filter(|key| passing.get(key).is_some());
        objections.extend(wide.map(|key| {
            format!("{key} is tolerated on {} and would be allowed on other resources", place.join(", "))
        }));
    }
}

fn check_grant(
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    draft: &GuardrailDraft,
    after: &Grant,
    guarded: &GuardedGrants,
    objections: &mut Vec<String>,
) {
    let key = &after.action.key;
    if !guarded.may_remain(request, plan, after) {
        objections.push(match plan.keeps_through_services(key) {
            true => format!("{key} is kept through AWS services only and would be granted without them"),
            false => format!("{key} is not read-only and would be granted"),
        });
    }
    // Unknown reads may stay unless the guardrail covers future policies.
    if !draft.allowed_actions.contains(key)
        && (draft.covers_future_policies || !plan.unknown_reads.contains(key))
    {
        objections.push(format!("{key} is not in the plan and would be granted"));
    }
    let Some(before) = plan.current_grants.get(key) else {
        objections.push(format!("{key} was not granted before and would be granted"));
        return;
    };
    if after.certainty > before.certainty {
        objections.push(format!("{key} was granted conditionally and would be granted unconditionally"));
    }
    let (old, new) = (&before.scope, &after.scope);
    let wider =
        new.resources.iter().find(|one| !old.resources.iter().any(|wide| wide == *one || covers(wide, one)));
    if let Some(wider) = wider {
        objections.push(format!("{key} would be granted on {wider}, where it was not granted before"));
    }
    if let Some(lost) = old.denied_resources.iter().find(|one| !new.denied_resources.contains(one)) {
        objections.push(format!("{key} was denied on {lost} and would not be denied"));
    }
    // An allow that is kept through services has their condition beside its own.
    let added_to = |condition: &Arc<str>, one: &Arc<str>| {
        let services = plan.through_services.get(key);
        services.is_some_and(|services| without_services(condition, services) == **one)
    };
    let is_lost = |one: &&Arc<str>| !new.conditions.iter().any(|held| held == *one || added_to(held, one));
    if let Some(lost) = old.conditions.iter().find(is_lost) {
        objections.push(format!("{key} had the condition `{lost}` and would lose it"));
    }
}

fn open_questions(
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    draft: &GuardrailDraft,
) -> Vec<OpenQuestion> {
    let mut questions = Vec::new();
    // A guardrail that covers future policies also covers malformed ones.
    let unreadable =
        plan.current_grants.problems.iter().filter(|problem| problem.kind == PolicyProblemKind::Malformed);
    let unreadable: BTreeSet<&str> =
        unreadable.filter(|_| !draft.covers_future_policies).map(|problem| &*problem.policy).collect();
    questions.extend(unreadable.iter().map(|policy| {
        OpenQuestionKind::MalformedPolicies.question(format!(
            "{policy} cannot be read in full, so the guardrail may not deny everything it allows"
        ))
    }));
    let Some(evidence) = request.usage else {
        questions.push(OpenQuestionKind::NoEvidence.question(
            "no evidence of usage was given, so the proof does not cover which used actions stay granted",
        ));
        return questions;
    };
    questions.extend(evidence.evidence_gaps.iter().cloned());
    for (operation, calls) in &evidence.unmapped_operations {
        let noun = if *calls == 1 { "call" } else { "calls" };
        let text = format!("the IAM actions of {operation} are not known ({calls} {noun})");
        questions.push(OpenQuestionKind::UnknownActions.question(text));
    }
    questions
}

fn proof_summary(
    kind: GuardrailKind,
    after: &Grants,
    used: usize,
    through_services: usize,
    excessive: usize,
    actions: usize,
) -> String {
    let held = after.entries.len();
    let what = match kind {
        GuardrailKind::Allow => "these policies alone",
        GuardrailKind::Boundary => "the principal's policies within this boundary",
        GuardrailKind::Scp => "the principal's policies under this service control policy",
    };
    let stays = match used {
        0 => String::new(),
        used => format!("this includes all {used} used actions that are kept; "),
    };
    let through = match through_services {
        0 => String::new(),
        1 => "1 is kept through AWS services only; ".to_owned(),
        many => format!("{many} are kept through AWS services only; "),
    };
    format!(
        "of {actions} actions in the catalog, {what} grant {held}; {stays}{through}none of the {excessive} that are not read-only \
         is granted, and no action is granted that was not granted before"
    )
}
