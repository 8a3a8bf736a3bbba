//! Resource-based policies of a file, for the principals of the file.
//!
//! Enters: the policy of a resource, and the principals. Leaves: policies of the principals that it names. Laws: a
//! statement that allows something to a principal of the file, by its ARN, is a policy of this principal; so is one that
//! allows it to everyone without a condition. A session of a role is the role. A policy that is not known and refers to a
//! principal is not decided.
//!
//! Within an account a resource-based policy that names a principal grants like a policy of the principal (IAM User
//! Guide, "Policy evaluation for requests within a single account", read 2026-11). Denies are left out: they hold for
//! their resource only. A permissions boundary does not limit what a policy grants to a user, to a session or to everyone.

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

    /// Notes that a resource that is not read names principals of the file. Returns whether it names one.
    pub fn add_unread_policy(
        &mut self,
        declaration: &str,
        names: &[SourceValue],
        referenced: &BTreeSet<String>,
        account: Option<&str>,
    ) -> bool {
        let what = format!("what {declaration} grants, which names it");
        let mut is_named = false;
        for (key, draft) in self.each() {
            let of = |name| naming(name, key, draft, account).map(|(naming, _)| naming);
            let is_it = names.iter().filter_map(of).any(|naming| naming != Naming::Everyone)
                || draft.is_declared && key.0 != DraftKind::Group && referenced.contains(&key.2);
            if is_it {
                draft.undetermined.insert(what.clone());
                is_named = true;
            }
        }
        is_named
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
        let names = names_of(&principal);
        let is_free = item.get("Condition").is_none();
        let name = format!("policy of {}", policy.declaration);
        for (key, draft) in self.each() {
            let named = || names.iter().filter_map(|name| naming(name, key, draft, policy.account));
            let Some(naming) =
                named().map(|(naming, _)| naming).filter(|one| *one != Naming::Everyone || is_free).max()
            else {
                continue;
            };
            let is_session = named().any(|(_, is_session)| is_session);
            let is_limited = naming != Naming::Everyone && key.0 != DraftKind::User && !is_session;
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

/// What a statement means by `Principal`, of principals of AWS.
fn names_of(principal: &SourceValue) -> Vec<SourceValue> {
    match principal {
        SourceValue::Object(_) => principal.get("AWS").map(SourceValue::items).unwrap_or_default(),
        one => one.clone().items(),
    }
}

/// Members that name a principal which is granted something.
const PRINCIPAL_MEMBERS: [&str; 5] = [
    "principal",
    "granteeprincipal",
    "grantee_principal",
    "datalakeprincipalidentifier",
    "data_lake_principal_identifier",
];

/// Whether a member of this name names a principal that is granted something.
pub(super) fn is_principal_member(name: &str) -> bool {
    PRINCIPAL_MEMBERS.iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Adds the principals that statements anywhere in a value name.
pub(super) fn collect_principals(value: &SourceValue, all: &mut Vec<SourceValue>) {
    match value {
        SourceValue::List(items) => items.iter().for_each(|item| collect_principals(item, all)),
        SourceValue::Object(members) => {
            let effect = members.iter().find(|(name, _)| name == "Effect");
            if effect.and_then(|(_, effect)| effect.known_text()).as_deref() == Some("Deny") {
                return;
            }
            for (name, value) in members {
                match is_principal_member(name) {
                    true => all.extend(names_of(value)),
                    false => collect_principals(value, all),
                }
            }
        }
        SourceValue::Choice(_, branches) => {
            branches.iter().flatten().for_each(|branch| collect_principals(branch, all));
        }
        SourceValue::Text(_) => {
            let text = value.display();
            if text.trim_start().starts_with('{')
                && let Ok(json) = serde_json::from_str::<Json>(&text)
            {
                collect_principals(&SourceValue::of(&json), all);
            }
        }
        SourceValue::Literal(_) | SourceValue::Unknown(_) => {}
    }
}

/// The policy of a permission to call a function of Lambda. `get` gives the properties by the name in a template and in a
/// plan.
pub(super) fn lambda_permission(get: impl Fn(&str, &str) -> Option<SourceValue>) -> Option<SourceValue> {
    const CONDITIONS: [(&str, &str, &str, &str); 4] = [
        ("PrincipalOrgID", "principal_org_id", "StringEquals", "aws:PrincipalOrgID"),
        ("SourceArn", "source_arn", "ArnLike", "aws:SourceArn"),
        ("SourceAccount", "source_account", "StringEquals", "aws:SourceAccount"),
        ("FunctionUrlAuthType", "function_url_auth_type", "StringEquals", "lambda:FunctionUrlAuthType"),
    ];
    let object = |name: &str, value: SourceValue| SourceValue::Object(vec![(name.to_owned(), value)]);
    let mut conditions: Vec<(String, SourceValue)> = Vec::new();
    for (property, attribute, operator, key) in CONDITIONS {
        let Some(value) = get(property, attribute) else { continue };
        match conditions.iter_mut().find(|(own, _)| own == operator) {
            Some((_, SourceValue::Object(members))) => members.push((key.to_owned(), value)),
            _ => conditions.push((operator.to_owned(), object(key, value))),
        }
    }
    let mut statement = vec![
        ("Effect".to_owned(), SourceValue::text("Allow")),
        ("Principal".to_owned(), object("AWS", get("Principal", "principal")?)),
        ("Action".to_owned(), get("Action", "action")?),
    ];
    if !conditions.is_empty() {
        statement.push(("Condition".to_owned(), SourceValue::Object(conditions)));
    }
    let version = ("Version".to_owned(), SourceValue::text("2012-10-17"));
    let statements = SourceValue::List(vec![SourceValue::Object(statement)]);
    Some(SourceValue::Object(vec![version, ("Statement".to_owned(), statements)]))
}

/// The account and the rest of an ARN. The name of an account that is not known may have colons.
fn account_and_resource(text: &str) -> Option<(&str, &str)> {
    let end = match text.starts_with("${") {
        true => text.find("}:")? + 1,
        false => text.find(':')?,
    };
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// How a name in a statement means a principal, and whether it means a session; none if it does not.
fn naming(
    name: &SourceValue,
    (kind, _, declaration): &DraftKey,
    draft: &PrincipalDraft,
    account: Option<&str>,
) -> Option<(Naming, bool)> {
    if !draft.is_declared || *kind == DraftKind::Group {
        return None;
    }
    let (name, choice) = name.clone().assumed();
    if let SourceValue::Unknown(unknown) = &name {
        let is_it = unknown.strip_suffix(".Arn") == Some(declaration);
        return is_it.then_some((if choice.is_some() { Naming::Perhaps } else { Naming::ByArn }, false));
    }
    let text = name.display();
    if text == "*" {
        return Some((Naming::Everyone, false));
    }
    // In a text that is a document, the reference is a part of the text.
    if text.strip_prefix("${").and_then(|rest| rest.strip_suffix(".Arn}")) == Some(declaration) {
        return Some((Naming::ByArn, false));
    }
    let session = text.split_once(":sts::").map(|(_, rest)| rest);
    let (of, resource) = match (session, text.split_once(":iam::")) {
        (Some(rest), _) | (None, Some((_, rest))) => account_and_resource(rest)?,
        (None, None) => return None,
    };
    let is_it = match session {
        // The ARN of a session does not have the path of the role.
        Some(_) => {
            let name = resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
            *kind == DraftKind::Role && name == draft.path_and_name.rsplit('/').next()
        }
        None => resource == format!("{}{}", kind.word(), draft.path_and_name),
    };
    if !is_it || *kind == DraftKind::PermissionSet {
        return None;
    }
    let own = draft.account(account);
    let naming = match (own, of.contains("${AWS::AccountId}") && choice.is_none()) {
        (_, true) => Naming::ByArn,
        (Some(own), _) if own == of && choice.is_none() => Naming::ByArn,
        (Some(own), _) if own != of && !of.contains("${") => return None,
        _ => Naming::Perhaps,
    };
    Some((naming, session.is_some()))
}
