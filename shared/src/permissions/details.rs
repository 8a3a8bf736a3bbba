//! The policies of a whole account, as the AWS CLI prints them.
//!
//! Enters: the output of `aws iam get-account-authorization-details`, in one page or several. Leaves: a
//! [`PolicySnapshot`] for every user and role, in order of their ARNs. Laws: a missing document becomes an empty
//! text, which is a malformed policy and never the absence of a policy; truncated output is an error.

pub(super) mod document;
mod page;

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use self::page::{
    AttachedPermissionsBoundary, AttachedPolicy, AuthorizationDetailsOutput, GroupDetail, PolicyDetail,
    RoleDetail, UserDetail,
};
use crate::grants::{Policy, PolicyOrigin, PolicySnapshot};

/// Why a text is not complete output of `get-account-authorization-details`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetailsError {
    /// The text is not JSON of this form.
    #[error("line {line}, column {column}: {message}")]
    Json {
        /// Line, counted from one.
        line: usize,
        /// Column, counted from one.
        column: usize,
        /// The error at that position.
        message: String,
    },
    /// The text is JSON without a list of users or roles.
    #[error("the text has neither `UserDetailList` nor `RoleDetailList`")]
    NotAuthorizationDetails,
    /// The output is truncated: a page that should follow is missing.
    #[error(
        "the output is truncated: a page is missing; run the command again without `--max-items` and `--no-paginate`"
    )]
    Truncated,
}

/// The policies of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountDetails {
    /// Users and roles, in order of their ARNs.
    pub principals: Vec<PolicySnapshot>,
    /// Documents of managed policies by ARN. One of several states may have been read.
    pub documents: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

/// Reads the principals of `aws iam get-account-authorization-details`: one page, several one after the other, or a
/// list of them.
///
/// # Errors
/// If the text is not such output, or if a page is missing.
pub fn parse(text: &str) -> Result<Vec<PolicySnapshot>, DetailsError> {
    parse_account(text).map(|account| account.principals)
}

/// Reads the principals and the managed policies of the same output.
///
/// # Errors
/// If the text is not such output, or if a page is missing.
pub fn parse_account(text: &str) -> Result<AccountDetails, DetailsError> {
    let pages = page::parse_pages(text)?;
    if pages.iter().all(|page| page.users.is_none() && page.roles.is_none()) {
        return Err(DetailsError::NotAuthorizationDetails);
    }
    if is_truncated(&pages) {
        return Err(DetailsError::Truncated);
    }
    let account = AccountPrincipals::of(&pages);
    let mut snapshots = BTreeMap::new();
    for user in pages.iter().flat_map(|page| page.users.iter().flatten()) {
        merge_snapshot(&mut snapshots, account.user_snapshot(user));
    }
    for role in pages.iter().flat_map(|page| page.roles.iter().flatten()) {
        merge_snapshot(&mut snapshots, account.role_snapshot(role));
    }
    let documents = account.managed.iter().map(|(arn, texts)| {
        let texts = texts.iter().filter(|text| !text.is_empty()).cloned();
        (Arc::from(*arn), texts.collect())
    });
    Ok(AccountDetails {
        documents: documents.collect(),
        principals: snapshots.into_values().map(PolicySnapshot::canonical).collect(),
    })
}

/// Whether a page is missing: a truncated page is the last one, or the next page is of another account.
fn is_truncated(pages: &[AuthorizationDetailsOutput]) -> bool {
    let next = pages.iter().skip(1).map(Some).chain([None]);
    // A page of managed policies only names no account, and belongs to the account of the page before it.
    let mut before = None;
    pages.iter().zip(next).any(|(page, next)| {
        before = page.account().or(before);
        page.has_next_page()
            && next.is_none_or(|next| next.account().zip(before).is_some_and(|(next, own)| next != own))
    })
}

/// Adds a principal. Two entries of one principal are merged: their identity-based policies are joined, and a
/// permissions boundary, tag or trust policy in which they differ is dropped.
fn merge_snapshot(snapshots: &mut BTreeMap<Arc<str>, PolicySnapshot>, snapshot: PolicySnapshot) {
    match snapshots.entry(Arc::clone(&snapshot.principal)) {
        Entry::Vacant(place) => {
            place.insert(snapshot);
        }
        Entry::Occupied(mut place) => {
            let held = place.get_mut();
            held.identity_policies.extend(snapshot.identity_policies);
            if held.permissions_boundary != snapshot.permissions_boundary {
                (held.permissions_boundary, held.is_boundary_known) = (None, false);
            }
            held.tags.retain(|key, value| snapshot.tags.get(key) == Some(value));
            if held.trust_policy != snapshot.trust_policy {
                held.trust_policy = None;
            }
        }
    }
}

/// Managed policies and groups of the account. Duplicates are joined, since two states may have been read.
struct AccountPrincipals<'p> {
    managed: BTreeMap<&'p str, BTreeSet<Arc<str>>>,
    /// By account and name, since groups of several accounts may have the same name.
    groups: BTreeMap<(&'p str, &'p str), Vec<&'p GroupDetail>>,
}

impl<'p> AccountPrincipals<'p> {
    fn of(pages: &'p [AuthorizationDetailsOutput]) -> Self {
        let mut account = Self { managed: BTreeMap::new(), groups: BTreeMap::new() };
        for policy in pages.iter().flat_map(|page| &page.policies) {
            account.managed.entry(&policy.arn).or_default().insert(policy.default_document());
        }
        for group in pages.iter().flat_map(|page| &page.groups) {
            // A group without an ARN applies to every user that is in a group of this name.
            let owner = group.arn.as_deref().map_or("", page::account_of_arn);
            account.groups.entry((owner, &group.name)).or_default().push(group);
        }
        account
    }

    fn user_snapshot(&self, user: &UserDetail) -> PolicySnapshot {
        let mut snapshot = self.principal_snapshot(&user.arn, &user.boundary);
        snapshot
            .identity_policies
            .extend(user.inline.iter().map(|one| inline_policy(one, PolicyOrigin::Inline)));
        snapshot
            .identity_policies
            .extend(user.attached.iter().flat_map(|one| self.attached_policies(one, PolicyOrigin::Attached)));
        snapshot
            .identity_policies
            .extend(user.groups.iter().flat_map(|name| self.group_policies(&snapshot.account, name)));
        snapshot.tags = page::tags_by_key(&user.tags);
        snapshot
    }

    fn role_snapshot(&self, role: &RoleDetail) -> PolicySnapshot {
        let mut snapshot = self.principal_snapshot(&role.arn, &role.boundary);
        snapshot
            .identity_policies
            .extend(role.inline.iter().map(|one| inline_policy(one, PolicyOrigin::Inline)));
        snapshot
            .identity_policies
            .extend(role.attached.iter().flat_map(|one| self.attached_policies(one, PolicyOrigin::Attached)));
        snapshot.tags = page::tags_by_key(&role.tags);
        snapshot.trust_policy = role.trust.as_ref().map(|text| Policy {
            name: "AssumeRolePolicyDocument".into(),
            origin: PolicyOrigin::Inline,
            text: Arc::clone(&text.0),
        });
        snapshot
    }

    fn principal_snapshot(
        &self,
        arn: &str,
        boundary: &Option<AttachedPermissionsBoundary>,
    ) -> PolicySnapshot {
        PolicySnapshot {
            principal: arn.into(),
            account: page::account_of_arn(arn).into(),
            permissions_boundary: boundary.as_ref().map(|boundary| self.permissions_boundary(&boundary.arn)),
            is_boundary_known: true,
            ..PolicySnapshot::default()
        }
    }

    fn group_policies(&self, account: &str, name: &str) -> Vec<Policy> {
        let origin = || PolicyOrigin::Group(name.to_owned());
        let groups: Vec<&GroupDetail> = [account, ""]
            .into_iter()
            .filter_map(|owner| self.groups.get(&(owner, name)))
            .flatten()
            .copied()
            .collect();
        if groups.is_empty() {
            return vec![Policy { name: format!("group {name}").into(), origin: origin(), text: "".into() }];
        }
        let inline = groups.iter().flat_map(|group| &group.inline).map(|one| inline_policy(one, origin()));
        let attached = groups.iter().flat_map(|group| &group.attached);
        inline.chain(attached.flat_map(|one| self.attached_policies(one, origin()))).collect()
    }

    fn attached_policies(&self, attached: &AttachedPolicy, origin: PolicyOrigin) -> Vec<Policy> {
        let policy = |text| Policy { name: attached.arn.as_str().into(), origin: origin.clone(), text };
        match self.managed.get(attached.arn.as_str()) {
            Some(texts) => texts.iter().cloned().map(policy).collect(),
            // A policy without a document has an empty text.
            None => vec![policy("".into())],
        }
    }

    /// A permissions boundary. Its text is empty if the document is missing, or if there are two different documents:
    /// then what it limits cannot be determined.
    fn permissions_boundary(&self, arn: &str) -> Policy {
        let mut texts = self.managed.get(arn).into_iter().flatten();
        let text = match (texts.next(), texts.next()) {
            (Some(text), None) => Arc::clone(text),
            _ => "".into(),
        };
        Policy { name: arn.into(), origin: PolicyOrigin::Attached, text }
    }
}

fn inline_policy(named: &PolicyDetail, origin: PolicyOrigin) -> Policy {
    Policy { name: named.name.as_str().into(), origin, text: Arc::clone(&named.document.0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn account() -> serde_json::Value {
        json!({
            "UserDetailList": [{
                "Arn": "arn:aws:iam::111122223333:user/ann",
                "UserName": "ann",
                "GroupList": ["readers", "gone"],
                "AttachedManagedPolicies": [],
                "Tags": [{ "Key": "team", "Value": "audit" }],
            }],
            "GroupDetailList": [{
                "GroupName": "readers",
                "GroupPolicyList": [{ "PolicyName": "look", "PolicyDocument": "%7B%22Statement%22%3A%5B%5D%7D" }],
                "AttachedManagedPolicies": [{ "PolicyName": "A", "PolicyArn": "arn:aws:iam::aws:policy/A" }],
            }],
            "RoleDetailList": [{
                "Arn": "arn:aws:iam::111122223333:role/Auditor",
                "AssumeRolePolicyDocument": { "Statement": [] },
                "RolePolicyList": [{ "PolicyName": "own", "PolicyDocument": { "Statement": ["é"] } }],
                "AttachedManagedPolicies": [{ "PolicyName": "B", "PolicyArn": "arn:aws:iam::aws:policy/B" }],
                "PermissionsBoundary": {
                    "PermissionsBoundaryType": "Policy",
                    "PermissionsBoundaryArn": "arn:aws:iam::aws:policy/A",
                },
            }],
            "Policies": [{
                "Arn": "arn:aws:iam::aws:policy/A", "DefaultVersionId": "v2",
                "PolicyVersionList": [
                    { "VersionId": "v1", "IsDefaultVersion": false, "Document": { "old": true } },
                    { "VersionId": "v2", "IsDefaultVersion": true, "Document": { "new": true } },
                ],
            }],
        })
    }

    #[test]
    fn every_policy_is_assigned_to_its_principal() {
        let read = parse(&account().to_string()).unwrap();
        let [role, user] = &read[..] else { panic!("{read:?}") };
        assert_eq!(
            (&*role.principal, &*role.account),
            ("arn:aws:iam::111122223333:role/Auditor", "111122223333")
        );
        let texts = |snapshot: &PolicySnapshot| -> Vec<(String, String)> {
            snapshot.identity_policies.iter().map(|p| (p.name.to_string(), p.text.to_string())).collect()
        };
        assert_eq!(
            texts(role),
            [
                ("arn:aws:iam::aws:policy/B".into(), String::new()),
                ("own".into(), r#"{"Statement":["é"]}"#.into()),
            ]
        );
        assert_eq!(role.permissions_boundary.as_ref().map(|b| &*b.text), Some(r#"{"new":true}"#));
        assert!(
            role.is_boundary_known
                && role.trust_policy.is_some()
                && user.permissions_boundary.is_none()
                && user.is_boundary_known
        );
        assert_eq!(user.tags.get("team").map(String::as_str), Some("audit"));
        assert_eq!(
            texts(user),
            [
                ("arn:aws:iam::aws:policy/A".into(), r#"{"new":true}"#.into()),
                ("group gone".into(), String::new()),
                ("look".into(), r#"{"Statement":[]}"#.into()),
            ]
        );
    }

    #[test]
    fn pages_are_read_separately_or_as_a_list_in_any_order() {
        let account = account();
        let whole = parse(&account.to_string()).unwrap();
        let page = |keys: &[&str]| {
            let mut page = account.clone();
            page.as_object_mut().unwrap().retain(|key, _| keys.contains(&key.as_str()));
            page
        };
        let (first, second) =
            (page(&["Policies", "RoleDetailList"]), page(&["UserDetailList", "GroupDetailList"]));
        assert_eq!(parse(&format!("{first}\n{second}")), Ok(whole.clone()));
        assert_eq!(parse(&format!("{second}{first}")), Ok(whole.clone()));
        assert_eq!(parse(&json!([first, second]).to_string()), Ok(whole));
    }

    fn account_with_policy(account: &str, document: &str) -> serde_json::Value {
        json!({
            "UserDetailList": [{
                "Arn": format!("arn:aws:iam::{account}:user/ann"), "GroupList": ["devs"],
                "AttachedManagedPolicies": [{ "PolicyArn": "arn:aws:iam::aws:policy/A" }],
                "Tags": [{ "Key": "team", "Value": document }],
            }],
            "GroupDetailList": [{
                "GroupName": "devs", "Arn": format!("arn:aws:iam::{account}:group/devs"),
                "GroupPolicyList": [{ "PolicyName": "own", "PolicyDocument": document }],
            }],
            "Policies": [{
                "Arn": "arn:aws:iam::aws:policy/A",
                "PolicyVersionList": [{ "IsDefaultVersion": true, "Document": document }],
            }],
        })
    }

    #[test]
    fn group_belongs_to_its_own_account() {
        let (one, two) =
            (account_with_policy("111122223333", "{1}"), account_with_policy("444455556666", "{2}"));
        let read = parse(&format!("{one}{two}")).unwrap();
        let own = |snapshot: &PolicySnapshot| -> Vec<String> {
            let own = snapshot.identity_policies.iter().filter(|policy| &*policy.name == "own");
            own.map(|policy| policy.text.to_string()).collect()
        };
        assert_eq!(read.iter().map(own).collect::<Vec<_>>(), [["{1}"], ["{2}"]]);
    }

    #[test]
    fn conflicting_duplicates_are_merged() {
        let (one, two) =
            (account_with_policy("111122223333", "{1}"), account_with_policy("111122223333", "{2}"));
        let read = parse(&format!("{one}{two}")).unwrap();
        let [ann] = &read[..] else { panic!("{read:?}") };
        let texts: Vec<&str> = ann.identity_policies.iter().map(|policy| &*policy.text).collect();
        assert_eq!(texts, ["{1}", "{2}", "{1}", "{2}"]);
        assert!(ann.tags.is_empty());
    }

    #[test]
    fn missing_page_is_an_error_whatever_follows() {
        let mut first = account_with_policy("111122223333", "{1}");
        first["IsTruncated"] = true.into();
        let (same, other) =
            (account_with_policy("111122223333", "{2}"), account_with_policy("444455556666", "{2}"));
        let policies = json!({ "Policies": [] });
        assert!(
            parse(&format!("{first}{same}{other}")).is_ok() && parse(&format!("{first}{policies}")).is_ok()
        );
        assert_eq!(parse(&format!("{first}{other}")), Err(DetailsError::Truncated));
        assert_eq!(parse(&format!("{first}{other}{same}")), Err(DetailsError::Truncated));
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&text);
        }

        #[test]
        fn truncated_text_is_an_error(at in any::<prop::sample::Index>()) {
            let text = account().to_string();
            let cut: String = text.chars().take(at.index(text.chars().count())).collect();
            prop_assert!(parse(&cut).is_err());
        }

        #[test]
        fn document_is_the_same_in_every_encoding(sid in "[ -~é]{0,12}") {
            let document = json!({ "Statement": [{ "Sid": sid }] }).to_string();
            let encoded: String = document.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let role = |document: serde_json::Value| {
                let inline = json!([{ "PolicyName": "own", "PolicyDocument": document }]);
                let role = json!({ "Arn": "arn:aws:iam::111122223333:role/r", "RolePolicyList": inline });
                parse(&json!({ "RoleDetailList": [role] }).to_string()).unwrap()
            };
            let whole = role(serde_json::from_str(&document).unwrap());
            prop_assert_eq!(&role(json!(document)), &whole);
            prop_assert_eq!(&role(json!(encoded)), &whole);
        }
    }

    #[test]
    fn errors_name_line_and_column() {
        let place = |text: &str| match parse(text) {
            Err(DetailsError::Json { line, column, .. }) => (line, column),
            other => panic!("{other:?}"),
        };
        assert_eq!(place("{\n  \"RoleDetailList\": [{\"Arn\": 7}]\n}"), (2, 30));
        assert_eq!(place("{\"RoleDetailList\": []}\n{,}"), (2, 2));
        assert_eq!(parse("{}"), Err(DetailsError::NotAuthorizationDetails));
        assert_eq!(parse(""), Err(DetailsError::NotAuthorizationDetails));
        assert_eq!(parse(r#"{"UserDetailList": [], "IsTruncated": true}"#), Err(DetailsError::Truncated));
        assert_eq!(parse(r#"{"UserDetailList": [], "NextToken": "x"}"#), Err(DetailsError::Truncated));
    }
}
