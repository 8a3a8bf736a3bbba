//! Resource-based policies of a file, for the principals of the file.
//!
//! Enters: the policy of a resource, and the principals. Leaves: policies of the principals that it names. Laws: a
//! statement that allows something to a principal of the file, by its ARN, is a policy of this principal; so is one that
//! allows it to everyone without a condition. A policy that is not known and refers to a principal is not decided.
//!
//! Within an account a resource-based policy that names a principal grants like a policy of the principal (IAM User
//! Guide, "Policy evaluation for requests within a single account", read 2026-11). Denies are left out: they hold for
//! their resource only. A permissions boundary does not limit what a policy grants to a user or to everyone.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    document,
    principals::{DraftKey, DraftKind, PrincipalDraft, PrincipalDrafts},
    value::SourceValue,
};
use crate::grants::{PolicyOrigin, json::Json};

/// The policy of a resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResourcePolicy<'a> {
    /// The resource that declares it.
    pub declaration: &'a str,
    pub document: &'a SourceValue,
    /// Declarations that the document refers to.
    pub referenced: &'a BTreeSet<String>,
    /// The condition of its resource, if the file does not decide it.
    pub condition: Option<&'a str>,
    /// The account of the file.
    pub account: Option<&'a str>,
}

/// How a statement names a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Naming {
    /// The account may be another.
    Perhaps,
    ByArn,
    Everyone,
}

impl PrincipalDrafts {
    /// Adds what a resource-based policy grants to the principals of the file.
    pub fn add_resource_policy(&mut self, policy: ResourcePolicy<'_>) {
        let parsed = policy.document.known_text().and_then(|text| serde_json::from_str::<Json>(&text).ok());
        let document = parsed.map_or_else(|| policy.document.clone(), |json| SourceValue::of(&json));
        let SourceValue::Object(members) = &document else {
            let what = format!("the policy of {}, which refers to it", policy.declaration);
            let keys: Vec<DraftKey> =
                policy.referenced.iter().filter_map(|id| self.declared_by(id)).cloned().collect();
            for key in keys.into_iter().filter(|key| key.0 != DraftKind::Group) {
                self.draft(key).undetermined.insert(what.clone());
            }
            return;
        };
        for statement in document.get("Statement").map(SourceValue::items).unwrap_or_default() {
            self.add_statement(policy, members, statement);
        }
    }

    fn add_statement(
        &mut self,
        policy: ResourcePolicy<'_>,
        document: &[(String, SourceValue)],
        item: SourceValue,
    ) {
        let (item, choice) = item.assumed();
        let SourceValue::Object(members) = &item else { return };
        let effect = item.get("Effect").and_then(|effect| effect.known_text());
        let Some(principal) = item.get("Principal").filter(|_| effect.as_deref() != Some("Deny")) else {
            return;
        };
        let names = match &principal {
            SourceValue::Object(_) => principal.get("AWS").map(SourceValue::items).unwrap_or_default(),
            one => one.clone().items(),
        };
        let is_free = item.get("Condition").is_none();
        let name = format!("policy of {}", policy.declaration);
        for (key, draft) in self.each() {
            let naming = names.iter().filter_map(|name| naming(name, key, draft, policy.account)).max();
            let Some(naming) = naming.filter(|naming| *naming != Naming::Everyone || is_free) else {
                continue;
            };
            let is_limited = naming != Naming::Everyone && key.0 != DraftKind::User;
            if draft.boundary.is_some() && !is_limited {
                draft.undetermined.insert(format!("{name}, which the permissions boundary does not limit"));
                continue;
            }
            let account: Option<Arc<str>> =
                (naming == Naming::Perhaps).then(|| "account of the principal that it names".into());
            let condition = choice.clone().or(account);
            let statement = members.iter().filter(|(name, _)| name != "Principal").cloned();
            // A policy of some services has no resources: they are those of its resource.
            let has_resource =
                members.iter().any(|(name, _)| matches!(name.as_str(), "Resource" | "NotResource"));
            let any = (!has_resource).then(|| ("Resource".to_owned(), SourceValue::text("*")));
            let statement = SourceValue::Object(statement.chain(any).collect());
            let kept = document.iter().filter(|(name, _)| name == "Version").cloned();
            let own = ("Statement".to_owned(), SourceValue::List(vec![statement]));
            let own = SourceValue::Object(kept.chain([own]).collect());
            let condition = condition.as_deref().or(policy.condition);
            draft.inline.push(document::policy(&name, PolicyOrigin::Inline, Some(&own), condition));
        }
    }
}

/// How a name in a statement means a principal; none if it does not.
fn naming(
    name: &SourceValue,
    (kind, _, declaration): &DraftKey,
    draft: &PrincipalDraft,
    account: Option<&str>,
) -> Option<Naming> {
    if !draft.is_declared || *kind == DraftKind::Group {
        return None;
    }
    let (name, choice) = name.clone().assumed();
    if let SourceValue::Unknown(unknown) = &name {
        let is_it = unknown.strip_suffix(".Arn") == Some(declaration);
        return is_it.then_some(if choice.is_some() { Naming::Perhaps } else { Naming::ByArn });
    }
    let text = name.display();
    if text == "*" {
        return Some(Naming::Everyone);
    }
    let (_, rest) = text.split_once(":iam::")?;
    let (of, resource) = rest.split_once(':')?;
    if resource != format!("{}{}", kind.word(), draft.path_and_name) || *kind == DraftKind::PermissionSet {
        return None;
    }
    let own = draft.account(account);
    match (own, of.contains("${AWS::AccountId}") && choice.is_none()) {
        (_, true) => Some(Naming::ByArn),
        (Some(own), _) if own == of && choice.is_none() => Some(Naming::ByArn),
        (Some(own), _) if own != of && !of.contains("${") => None,
        _ => Some(Naming::Perhaps),
    }
}
