//! Service control policies that deny actions that are not read-only.
//!
//! Enters: a [`GuardrailPlan`]. Leaves: documents that deny. Laws: a list of exceptions (`NotAction`) cannot be
//! split, since each part would deny the exceptions of the other, so it is used only if all granted reads fit into
//! one document; otherwise the granted actions that are not read-only are denied by name, in as many documents as
//! needed. If a target cannot have so many, shorter patterns are taken. An action that is kept through AWS services only is denied to every call that they do not make.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{
    ActionPattern, CoverTarget, GuardrailDocument, GuardrailDraft, GuardrailError, GuardrailKind,
    GuardrailPlan, GuardrailRequest, PolicyQuota, WildcardScope,
    action_patterns::cover_actions,
    boundary::kept_by_resources,
    document::{GuardrailStatement, build_document, split_documents, statement_json},
    matched_actions, open_wildcards, quotas, through_services,
};

/// The policies, before their proof.
pub fn draft(
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
) -> Result<GuardrailDraft, GuardrailError> {
    let principal = &request.snapshot.principal;
    if let Some(why) = GuardrailKind::Scp.missing_input(request) {
        return Err(GuardrailError::new(GuardrailKind::Scp, why));
    }
    let about = GuardrailStatement {
        condition: json!({ "ArnLike": { "aws:PrincipalArn": [&**principal] } }),
        ..GuardrailStatement::on_all_resources("OnlookerReadsOnly", "Deny")
    };
    let notes = vec![
        "Attach this policy to the principal's account, or to an organizational unit or the root above that account. \
         Leave FullAWSAccess attached, since this policy only denies."
            .to_owned(),
        "Service control policies do not apply to the management account of the organization.".to_owned(),
    ];
    match deny_all_except(request, plan, &about, notes.clone()) {
        Some(draft) => Ok(draft),
        None => deny_by_name(request, plan, &about, notes),
    }
}

/// A document that denies all actions except reads; none if the granted and used reads do not fit into one document.
fn deny_all_except(
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    about: &GuardrailStatement,
    mut notes: Vec<String>,
) -> Option<GuardrailDraft> {
    let universe = request.known_actions;
    let reads = universe.actions().filter(|(_, is_read)| *is_read);
    let harmless: BTreeSet<Arc<str>> = reads.map(|(key, _)| Arc::clone(key)).collect();
    let wanted = &plan.reads | &plan.used_reads;
    let wish =
        CoverTarget { required: &wanted, permitted: &harmless, wildcards: request.options.wildcard_scope() };
    let mut patterns = cover_actions(universe, wish);
    let kept = plan.kept.keys().chain(plan.through_services.keys());
    patterns.extend(kept.map(|key| ActionPattern { text: Arc::clone(key), known_matches: 1 }));
    patterns.sort_unstable();
    if patterns.is_empty() {
        return None;
    }
    let mut statements = vec![statement_json(&about.clone().with_not_actions(&patterns))];
    // An action that is tolerated on some resources is denied on all others, even if a later policy allows it there.
    let nothing = BTreeSet::new();
    for (n, (place, own)) in
        kept_by_resources(request, plan).into_iter().filter(|(place, _)| *place != ["*"]).enumerate()
    {
        let wish = CoverTarget { required: &own, permitted: &nothing, wildcards: WildcardScope::NoWildcards };
        let elsewhere = about.clone().with_actions(&cover_actions(universe, wish));
        let sid = format!("OnlookerOnlyThere{}", n + 1);
        statements.push(statement_json(&GuardrailStatement {
            sid,
            resource: Value::Null,
            not_resource: place.into(),
            ..elsewhere
        }));
    }
    statements.extend(through_services::statements(about, &plan.through_services).iter().map(statement_json));
    let document = build_document(
        GuardrailKind::Scp.as_str().to_owned(),
        &statements,
        PolicyQuota::ServiceControlPolicy,
    );
    if document.characters > document.limit {
        return None;
    }
    notes.push(
        "This policy denies every action that it does not name, including actions that AWS adds later."
            .to_owned(),
    );
    Some(GuardrailDraft {
        documents: vec![document],
        allowed_actions: matched_actions(universe, &patterns),
        covers_future_policies: true,
        notes,
        open_wildcards: open_wildcards(&patterns),
        ..GuardrailDraft::default()
    })
}

/// Documents that deny by name the granted actions that are not read-only.
fn deny_by_name(
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    about: &GuardrailStatement,
    mut notes: Vec<String>,
) -> Result<GuardrailDraft, GuardrailError> {
    // A wildcard that denies future actions does not affect the current reads.
    let scopes: &[WildcardScope] = match request.options.exact {
        true => &[WildcardScope::NoWildcards],
        false => &[WildcardScope::AnyAction, WildcardScope::AnyPrefix],
    };
    let mut made = None;
    for scope in scopes {
        made = documents_by_name(request, plan, about, *scope).map(|documents| (*scope, documents));
        if made.as_ref().is_some_and(|(_, documents)| fits_on_target(documents)) {
            break;
        }
    }
    let Some((scope, documents)) = made else {
        let why =
            "no granted action is to be denied, and the exceptions for reads do not fit into one document"
                .to_owned();
        return Err(GuardrailError::new(GuardrailKind::Scp, why));
    };
    notes.push(format!(
        "The exceptions for reads do not fit into one document of {} characters, so this policy denies by name what the policies \
         grant today. Generate this policy again before you attach other policies, or use the boundary.",
        quotas::SERVICE_CONTROL_POLICY
    ));
    if scope == WildcardScope::AnyPrefix {
        notes.push("Wildcards follow parts of words, so that fewer documents are needed.".to_owned());
    }
    if !fits_on_target(&documents) {
        notes.push(format!(
            "This guardrail needs {} policies; a root, organizational unit or account can have {}, including FullAWSAccess. \
             Attach them at different levels.",
            documents.len(),
            quotas::SERVICE_CONTROL_POLICIES_PER_TARGET
        ));
    }
    let wanted = &plan.reads | &plan.kept.keys().chain(plan.through_services.keys()).cloned().collect();
    Ok(GuardrailDraft {
        documents,
        allowed_actions: wanted,
        covers_future_policies: false,
        notes,
        ..GuardrailDraft::default()
    })
}

/// Whether a target can have all documents beside `FullAWSAccess`.
fn fits_on_target(documents: &[GuardrailDocument]) -> bool {
    documents.len() < quotas::SERVICE_CONTROL_POLICIES_PER_TARGET
}

/// Documents that deny by name, with wildcards of this scope; none if there is nothing to deny or it cannot be split.
fn documents_by_name(
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    about: &GuardrailStatement,
    wildcards: WildcardScope,
) -> Option<Vec<GuardrailDocument>> {
    let universe = request.known_actions;
    let is_kept = |key: &str| plan.keeps(key) || plan.keeps_through_services(key);
    let others = universe.actions().filter(|(key, is_read)| !is_read && !is_kept(key));
    let harmless: BTreeSet<Arc<str>> = others.map(|(key, _)| Arc::clone(key)).collect();
    let target = CoverTarget { required: &plan.excessive, permitted: &harmless, wildcards };
    let mut patterns = cover_actions(universe, target);
    patterns.extend(
        plan.unknown_patterns.iter().map(|key| ActionPattern { text: Arc::clone(key), known_matches: 0 }),
    );
    patterns.sort_unstable();
    // A statement without actions is left out of the documents.
    let mut statements = vec![about.clone().with_actions(&patterns)];
    statements.extend(through_services::statements(about, &plan.through_services));
    split_documents(GuardrailKind::Scp.as_str(), &[], &statements, PolicyQuota::ServiceControlPolicy)
        .filter(|documents| !documents.is_empty())
}
