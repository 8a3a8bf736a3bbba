//! What a principal did, or was refused, that no policy that was read grants it.
//!
//! Enters: what is known of a principal. Leaves: [`UngrantedOperation`], in order of the operations. Law: an operation whose IAM
//! actions are not known is neither granted nor ungranted.

use std::collections::BTreeMap;

use super::{UngrantedOperation, watched_principal::WatchedPrincipal};
use crate::{
    assessment::{ClassifiedCall, PrincipalGrants},
    classification::Provenance,
    event::Outcome,
    grants::UnevaluatedPolicyType,
};

/// Operations AWS carries out whatever policies say (API references of STS).
const ALWAYS_ALLOWED: [&str; 2] = ["sts:GetCallerIdentity", "sts:GetSessionToken"];

/// Its own calls that succeeded although no policy that was read grants them.
pub fn ungranted_operations(case: &WatchedPrincipal<'_, '_>) -> Vec<UngrantedOperation> {
    let Some(could) = case.granted else { return Vec::new() };
    let mut operations: BTreeMap<String, UngrantedOperation> = BTreeMap::new();
    for judged in calls_outside_permissions(case, Outcome::Succeeded) {
        let operation = judged.operation();
        let entry = operations.entry(operation.clone()).or_insert_with(|| UngrantedOperation {
            explanation: explanation(could, &operation),
            operation,
            actions: could.actions_of(judged).to_vec(),
            count: 0,
        });
        entry.count += judged.count;
    }
    operations.into_values().collect()
}

/// Its own calls of that outcome whose IAM actions are known and none of which is granted. The use of a key by a
/// service is left out: the key's policy lets the service use it for everybody.
pub fn calls_outside_permissions<'b, 'a>(
    case: &WatchedPrincipal<'b, 'a>,
    outcome: Outcome,
) -> impl Iterator<Item = &'b ClassifiedCall<'a>> + use<'b, 'a> {
    let could = case.granted;
    let own: Vec<&'b ClassifiedCall<'a>> = case.direct_calls().collect();
    own.into_iter().filter(move |judged| {
        judged.outcome() == outcome
            && judged.classification.provenance != Provenance::Forwarded
            && !ALWAYS_ALLOWED.contains(&judged.operation().as_str())
            && could.and_then(|could| could.is_granted(judged)) == Some(false)
    })
}

fn explanation(could: &PrincipalGrants, operation: &str) -> String {
    let why = if !could.covers_period {
        "the policies that were read were in force only for a part of the period"
    } else if operation.starts_with("sts:AssumeRole") {
        "the trust policy of the role may let it in by itself"
    } else if could.grants.unevaluated.contains(&UnevaluatedPolicyType::ResourceBasedPolicies) {
        "a policy of the resource may grant it, and those were not read"
    } else {
        "nothing that was read explains it"
    };
    why.to_owned()
}
