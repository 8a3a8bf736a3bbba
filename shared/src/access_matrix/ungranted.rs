//! Calls of a principal that no policy that was read grants.
//!
//! Enters: a watched principal with its calls and grants. Leaves: [`UngrantedOperation`], in order of the operations.
//! Law: an operation without known IAM actions is neither granted nor ungranted.

use std::collections::BTreeMap;

use super::{UngrantedOperation, watched_principal::WatchedPrincipal};
use crate::{
    assessment::{ClassifiedCall, PrincipalGrants},
    classification::Provenance,
    event::Outcome,
    grants::UnevaluatedPolicyType,
};

/// Operations that need no permissions (API references of STS).
const ALWAYS_ALLOWED: [&str; 2] = ["sts:GetCallerIdentity", "sts:GetSessionToken"];

/// The principal's own calls that succeeded although no policy that was read grants them.
pub fn ungranted_operations(case: &WatchedPrincipal<'_, '_>) -> Vec<UngrantedOperation> {
    let Some(granted) = case.granted else { return Vec::new() };
    let mut operations: BTreeMap<String, UngrantedOperation> = BTreeMap::new();
    for call in calls_outside_permissions(case, Outcome::Succeeded) {
        let operation = call.operation();
        let entry = operations.entry(operation.clone()).or_insert_with(|| UngrantedOperation {
            explanation: explanation(granted, &operation),
            operation,
            actions: granted.actions_of(call).to_vec(),
            count: 0,
        });
        entry.count += call.count;
    }
    operations.into_values().collect()
}

/// The principal's own calls with this outcome that require known IAM actions, none of which is granted. The use of
/// a key by a service is left out: the key policy lets the service use the key for every caller.
pub fn calls_outside_permissions<'b, 'a>(
    case: &WatchedPrincipal<'b, 'a>,
    outcome: Outcome,
) -> impl Iterator<Item = &'b ClassifiedCall<'a>> + use<'b, 'a> {
    let granted = case.granted;
    let own: Vec<&'b ClassifiedCall<'a>> = case.direct_calls().collect();
    own.into_iter().filter(move |call| {
        call.outcome() == outcome
            && call.classification.provenance != Provenance::Forwarded
            && !ALWAYS_ALLOWED.contains(&call.operation().as_str())
            && granted.and_then(|granted| granted.is_granted(call)) == Some(false)
    })
}

fn explanation(granted: &PrincipalGrants, operation: &str) -> String {
    let text = if !granted.covers_period {
        "the policies that were read were in force only for a part of the period"
    } else if operation.starts_with("sts:AssumeRole") {
        "the trust policy of the role may grant the call"
    } else if granted.grants.unevaluated.contains(&UnevaluatedPolicyType::ResourceBasedPolicies) {
        "a resource-based policy may grant the call, and those policies were not read"
    } else {
        "no policy that was read explains the call"
    };
    text.to_owned()
}
