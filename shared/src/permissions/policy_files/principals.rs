//! Principals as a template or plan declares them, put together from their parts.
//!
//! Enters: users, roles, groups, managed policies and attachments, in any order. Leaves: a [`PolicySnapshot`] for every
//! user, role and group, and for every managed policy that is attached to none of them. Laws: every policy of the file
//! is in a snapshot; a policy of a principal that is not in the file makes a principal of its own, of which other policies
//! are not known; an attachment to a principal that is not known counts against every principal of its kind.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{document, value::SourceValue};
use crate::grants::{Policy, PolicyOrigin, PolicySnapshot, undetermined_text};

/// Kinds of principals that policies are attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DraftKind {
    Group,
    Role,
    User,
}

impl DraftKind {
    /// The word in an ARN.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Role => "role",
            Self::User => "user",
        }
    }
}

/// A managed policy that is attached, or a permissions boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PolicyRef {
    /// A managed policy of the file, by its key there.
    InFile(String),
    /// A managed policy outside of the file, by its ARN.
    Arn(String),
    /// Which policy it is, is not known: what the file says instead.
    Unknown(String),
}

/// A principal, as far as the file declares it.
#[derive(Clone, Debug, Default)]
pub(super) struct PrincipalDraft {
    /// ARN, if the file says it.
    pub arn: Option<String>,
    /// Path and name, `/team/Auditor`.
    pub path_and_name: String,
    /// Whether the file declares the principal, and not only policies of it.
    pub is_declared: bool,
    pub inline: Vec<Policy>,
    /// Attached managed policies; with a condition, the file does not decide whether it is attached.
    pub attached: Vec<(PolicyRef, Option<Arc<str>>)>,
    pub boundary: Option<PolicyRef>,
    /// Names of groups of a user.
    pub groups: BTreeSet<String>,
    pub tags: BTreeMap<String, String>,
    pub trust: Option<Arc<str>>,
    /// Parts of the principal that the file does not decide, in words.
    pub undetermined: BTreeSet<String>,
}

/// A managed policy of the file.
#[derive(Clone, Debug)]
pub(super) struct ManagedDraft {
    /// ARN, or the name.
    pub name: String,
    pub document: Option<SourceValue>,
    /// The condition of its resource, if the file does not decide it.
    pub condition: Option<Arc<str>>,
}

/// All principals of a file.
#[derive(Debug, Default)]
pub(super) struct PrincipalDrafts {
    principals: BTreeMap<(DraftKind, String), PrincipalDraft>,
    managed: BTreeMap<String, ManagedDraft>,
    /// What is attached to principals that are not known, by kind.
    stray: Vec<(DraftKind, String)>,
}

impl PrincipalDrafts {
    /// The principal of this name, which the file may or may not declare.
    pub fn principal(&mut self, kind: DraftKind, name: &str) -> &mut PrincipalDraft {
        self.principals.entry((kind, name.to_owned())).or_insert_with(|| PrincipalDraft {
            path_and_name: format!("/{name}"),
            ..PrincipalDraft::default()
        })
    }

    /// Adds a managed policy of the file.
    pub fn add_managed(&mut self, key: &str, managed: ManagedDraft) {
        self.managed.insert(key.to_owned(), managed);
    }

    /// Whether the file has a managed policy of this key.
    pub fn has_managed(&self, key: &str) -> bool {
        self.managed.contains_key(key)
    }

    /// The key of the managed policy with this path and name, without the first slash.
    pub fn managed_at(&self, path: &str) -> Option<&str> {
        let is_at =
            |managed: &ManagedDraft| managed.name.split_once(":policy/").is_some_and(|(_, own)| own == path);
        self.managed.iter().find(|(_, managed)| is_at(managed)).map(|(key, _)| key.as_str())
    }

    /// Notes that something is attached to a principal that is not known.
    pub fn add_stray(&mut self, kind: DraftKind, what: String) {
        self.stray.push((kind, what));
    }

    /// The snapshots of all principals.
    pub fn snapshots(mut self, account: Option<&str>) -> Vec<PolicySnapshot> {
        for (kind, what) in std::mem::take(&mut self.stray) {
            for (_, draft) in self.principals.iter_mut().filter(|((own, _), _)| *own == kind) {
                draft.undetermined.insert(what.clone());
            }
        }
        let mut used = BTreeSet::new();
        let mut snapshots: Vec<PolicySnapshot> = self
            .principals
            .iter()
            .map(|((kind, name), draft)| self.snapshot(*kind, name, draft, account, &mut used))
            .collect();
        let alone = self.managed.iter().filter(|(key, _)| !used.contains(*key));
        snapshots.extend(alone.map(|(_, managed)| PolicySnapshot {
            principal: managed.name.as_str().into(),
            account: account.unwrap_or_default().into(),
            identity_policies: vec![managed.policy(None)],
            ..PolicySnapshot::default()
        }));
        snapshots.into_iter().map(PolicySnapshot::canonical).collect()
    }

    fn snapshot(
        &self,
        kind: DraftKind,
        name: &str,
        draft: &PrincipalDraft,
        account: Option<&str>,
        used: &mut BTreeSet<String>,
    ) -> PolicySnapshot {
        let owner =
            draft.arn.as_deref().and_then(|arn| arn.split(':').nth(4)).or(account).unwrap_or_default();
        let principal = draft.arn.clone().unwrap_or_else(|| {
            let account = if owner.is_empty() { "*" } else { owner };
            format!("arn:aws:iam::{account}:{}{}", kind.word(), draft.path_and_name)
        });
        let mut policies = self.own_policies(draft, used);
        for group in &draft.groups {
            match self.principals.get(&(DraftKind::Group, group.clone())) {
                Some(held) if held.is_declared => {
                    let of_group = |policy| Policy { origin: PolicyOrigin::Group(group.clone()), ..policy };
                    policies.extend(self.own_policies(held, used).into_iter().map(of_group));
                }
                _ => policies.push(undetermined(
                    &format!("group {group}"),
                    "the file does not have the policies of this group",
                )),
            }
        }
        if !draft.is_declared {
            policies.push(undetermined(
                &format!("other policies of the {} {name}", kind.word()),
                "the file does not declare this principal",
            ));
        }
        PolicySnapshot {
            principal: principal.into(),
            account: owner.into(),
            tags: draft.tags.clone(),
            identity_policies: policies,
            permissions_boundary: draft
                .boundary
                .as_ref()
                .map(|boundary| self.managed_policy(boundary, None, used)),
            is_boundary_known: draft.is_declared,
            trust_policy: draft.trust.as_ref().map(|text| Policy {
                name: "AssumeRolePolicyDocument".into(),
                origin: PolicyOrigin::Inline,
                text: Arc::clone(text),
            }),
            ..PolicySnapshot::default()
        }
    }

    fn own_policies(&self, draft: &PrincipalDraft, used: &mut BTreeSet<String>) -> Vec<Policy> {
        let mut policies = draft.inline.clone();
        for (attached, condition) in &draft.attached {
            policies.push(self.managed_policy(attached, condition.as_deref(), used));
        }
        policies
            .extend(draft.undetermined.iter().map(|what| undetermined(what, "the file does not decide it")));
        policies
    }

    fn managed_policy(
        &self,
        reference: &PolicyRef,
        condition: Option<&str>,
        used: &mut BTreeSet<String>,
    ) -> Policy {
        match (reference, condition) {
            (PolicyRef::InFile(key), _) => match self.managed.get(key) {
                Some(managed) => {
                    used.insert(key.clone());
                    managed.policy(condition)
                }
                None => undetermined(key, "the file does not have its document"),
            },
            (PolicyRef::Arn(arn), Some(condition)) => {
                undetermined(arn, &format!("the file does not decide the condition {condition}"))
            }
            // An empty text is a missing document, which another file may have.
            (PolicyRef::Arn(arn), None) => {
                Policy { name: arn.as_str().into(), origin: PolicyOrigin::Attached, text: "".into() }
            }
            (PolicyRef::Unknown(what), _) => undetermined(what, "the file does not say which policy it is"),
        }
    }
}

impl ManagedDraft {
    /// The policy as it is attached, perhaps on a condition.
    fn policy(&self, condition: Option<&str>) -> Policy {
        let condition = condition.or(self.condition.as_deref());
        document::policy(&self.name, PolicyOrigin::Attached, self.document.as_ref(), condition)
    }
}

/// A policy with a document that is not known.
fn undetermined(name: &str, reason: &str) -> Policy {
    Policy { name: name.into(), origin: PolicyOrigin::Attached, text: undetermined_text(reason).into() }
}
