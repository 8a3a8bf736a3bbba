//! What a principal did, or was refused, that no policy that was read grants it.
//!
//! Enters: what is known of a principal. Leaves: [`Ungranted`], in order of the operations. Law: an operation whose IAM
//! actions are not known is neither granted nor ungranted.

use std::collections::BTreeMap;

use super::{Ungranted, case::Case};
use crate::{
    assessment::{Could, Judged},
    event::Outcome,
    grants::Unseen,
    verdict::Provenance,
};

/// Operations AWS carries out whatever policies say (API references of STS).
const UNCONDITIONAL: [&str; 2] = ["sts:GetCallerIdentity", "sts:GetSessionToken"];

/// Its own calls that succeeded although no policy that was read grants them.
pub fn ungranted(case: &Case<'_, '_>) -> Vec<Ungranted> {
    let Some(could) = case.could else { return Vec::new() };
    let mut operations: BTreeMap<String, Ungranted> = BTreeMap::new();
    for judged in beyond(case, Outcome::Succeeded) {
        let operation = judged.operation();
        let entry = operations.entry(operation.clone()).or_insert_with(|| Ungranted {
            because: because(could, &operation),
            operation,
            actions: could.actions(judged).to_vec(),
            count: 0,
        });
        entry.count += judged.count;
    }
    operations.into_values().collect()
}

/// Its own calls of that outcome whose IAM actions are known and none of which is granted. The use of a key by a
/// service is left out: the key's policy lets the service use it for everybody.
pub fn beyond<'b, 'a>(
    case: &Case<'b, 'a>,
    outcome: Outcome,
) -> impl Iterator<Item = &'b Judged<'a>> + use<'b, 'a> {
    let could = case.could;
    let own: Vec<&'b Judged<'a>> = case.calls().collect();
    own.into_iter().filter(move |judged| {
        judged.outcome() == outcome
            && judged.verdict.provenance != Provenance::Forwarded
            && !UNCONDITIONAL.contains(&judged.operation().as_str())
            && could.and_then(|could| could.grants(judged)) == Some(false)
    })
}

fn because(could: &Could, operation: &str) -> String {
    let why = if !could.is_whole {
        "the policies that were read were in force only for a part of the period"
    } else if operation.starts_with("sts:AssumeRole") {
        "the trust policy of the role may let it in by itself"
    } else if could.grants.unseen.contains(&Unseen::ResourcePolicies) {
        "a policy of the resource may grant it, and those were not read"
    } else {
        "nothing that was read explains it"
    };
    why.to_owned()
}
