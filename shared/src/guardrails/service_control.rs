//! Service control policies against everything that is no read.
//!
//! Enters: a [`Plan`]. Leaves: documents that deny. Laws: a list of exceptions (`NotAction`) cannot be divided, since each
//! part would deny what the other excepts, so it is used only when every granted read fits into one document; else what
//! is granted and no read is denied by name, in as many documents as it takes.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{
    ActionPattern, CoverTarget, GuardrailDraft, GuardrailError, GuardrailKind, GuardrailPlan,
    GuardrailRequest, PolicyQuota, WildcardScope,
    action_patterns::cover_actions,
    boundary::kept_by_resources,
    document::{GuardrailStatement, build_document, split_documents, statement_json},
    matched_actions, open_wildcards, quotas,
};

/// The policies, not proven yet.
pub fn draft(
    order: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
) -> Result<GuardrailDraft, GuardrailError> {
    let principal = &order.snapshot.principal;
    if let Some(why) = GuardrailKind::Scp.missing_input(order) {
        return Err(GuardrailError::new(GuardrailKind::Scp, why));
    }
    let about = GuardrailStatement {
        condition: json!({ "ArnLike": { "aws:PrincipalArn": [&**principal] } }),
        ..GuardrailStatement::on_all_resources("OnlookerReadsOnly", "Deny")
    };
    let notes = vec![
        "Attach it to the account of the principal or above it, and leave FullAWSAccess attached: it denies only."
            .to_owned(),
        "Service control policies do not bind the management account of the organization.".to_owned(),
    ];
    match deny_all_except(order, plan, &about, notes.clone()) {
        Some(draft) => Ok(draft),
        None => deny_by_name(order, plan, &about, notes),
    }
}

/// Everything is denied but reads: one document, if all reads that are granted or were used fit.
fn deny_all_except(
    order: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    about: &GuardrailStatement,
    mut notes: Vec<String>,
) -> Option<GuardrailDraft> {
    let universe = order.known_actions;
    let reads = universe.actions().filter(|(_, is_read)| *is_read);
    let harmless: BTreeSet<Arc<str>> = reads.map(|(key, _)| Arc::clone(key)).collect();
    let wanted = &plan.reads | &plan.used_reads;
    let wish =
        CoverTarget { required: &wanted, permitted: &harmless, wildcards: order.options.wildcard_scope() };
    let mut patterns = cover_actions(universe, wish);
    patterns.extend(plan.kept.keys().map(|key| ActionPattern { text: Arc::clone(key), known_matches: 1 }));
    patterns.sort_unstable();
    if patterns.is_empty() {
        return None;
    }
    let mut statements = vec![statement_json(&about.clone().with_not_actions(&patterns))];
    // What is tolerated on some resources is denied on all others, whatever comes to allow it there.
    let nothing = BTreeSet::new();
    for (n, (place, own)) in
        kept_by_resources(order, plan).into_iter().filter(|(place, _)| *place != ["*"]).enumerate()
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
    let document = build_document(
        GuardrailKind::Scp.as_str().to_owned(),
        &statements,
        PolicyQuota::ServiceControlPolicy,
    );
    if document.characters > document.limit {
        return None;
    }
    notes.push("It denies whatever it does not name, also what AWS adds later.".to_owned());
    Some(GuardrailDraft {
        documents: vec![document],
        allowed_actions: matched_actions(universe, &patterns),
        covers_future_policies: true,
        notes,
        open_wildcards: open_wildcards(&patterns),
        ..GuardrailDraft::default()
    })
}

/// What is granted and no read is denied.
fn deny_by_name(
    order: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    about: &GuardrailStatement,
    mut notes: Vec<String>,
) -> Result<GuardrailDraft, GuardrailError> {
    let universe = order.known_actions;
    let others = universe.actions().filter(|(key, is_read)| !is_read && !plan.keeps(key));
    let harmless: BTreeSet<Arc<str>> = others.map(|(key, _)| Arc::clone(key)).collect();
    // A wildcard that denies what AWS adds later takes nothing from anybody who only reads today.
    let openness = if order.options.exact { WildcardScope::NoWildcards } else { WildcardScope::AnyAction };
    let mut patterns = cover_actions(
        universe,
        CoverTarget { required: &plan.excessive, permitted: &harmless, wildcards: openness },
    );
    patterns.extend(
        plan.unknown_patterns.iter().map(|key| ActionPattern { text: Arc::clone(key), known_matches: 0 }),
    );
    patterns.sort_unstable();
    let statement = about.clone().with_actions(&patterns);
    let documents = match patterns.is_empty() {
        true => None,
        false => {
            split_documents(GuardrailKind::Scp.as_str(), &[], &[statement], PolicyQuota::ServiceControlPolicy)
        }
    };
    let Some(documents) = documents else {
        let why = "there is nothing to deny, and the reads to except do not fit into one document".to_owned();
        return Err(GuardrailError::new(GuardrailKind::Scp, why));
    };
    notes.push(format!(
        "The reads to except do not fit into one document of {} characters, so it denies by name what the policies grant \
         today: attach new policies only after making it anew, or use the boundary.",
        quotas::SERVICE_CONTROL_POLICY
    ));
    if documents.len() >= quotas::SERVICE_CONTROL_POLICIES_PER_TARGET {
        notes.push(format!(
            "It takes {} policies; a root, unit or account has {}, FullAWSAccess among them: divide them among levels.",
            documents.len(),
            quotas::SERVICE_CONTROL_POLICIES_PER_TARGET
        ));
    }
    let wanted = &plan.reads | &plan.kept.keys().cloned().collect();
    Ok(GuardrailDraft {
        documents,
        allowed_actions: wanted,
        covers_future_policies: false,
        notes,
        ..GuardrailDraft::default()
    })
}
