//! Principals as a template or plan declares them, put together from their parts.
//!
//! Enters: users, roles, groups, managed policies and attachments, in any order. Leaves: a [`PolicySnapshot`] for every
//! user, role and group, and for every managed policy that is attached to none of them. Laws: every policy of the file
//! is in a snapshot; two resources are two principals, also if they have one name; a policy of a principal that is not in
//! the file makes a principal of its own, of which other policies are not known; an attachment to a principal that is not
//! known counts against every principal that it may be.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{document, value::SourceValue, wildcards};
use crate::{
    grants::{Policy, PolicyOrigin, PolicySnapshot, undetermined_text},
    pattern::CompiledPattern,
};

/// Kinds of principals that policies are attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DraftKind {
    Group,
    /// A permission set of IAM Identity Center: a role in every account of an assignment.
    PermissionSet,
    Role,
    User,
}

impl DraftKind {
    /// The word in an ARN.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::PermissionSet | Self::Role => "role",
            Self::User => "user",
        }
    }
}

/// The ARN of the roles of a permission set. The path has the Region if it is not that of the home of the partition, and
/// each role has a suffix (IAM Identity Center User Guide, read 2026-11).
pub(super) fn permission_set_arn(name: &str) -> String {
    format!("arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_{name}_*")
}

/// A customer managed policy of the account of an assignment, which a permission set names by path and name.
pub(super) fn customer_managed(reference: &SourceValue) -> PolicyRef {
    let path = reference.get("Path").or_else(|| reference.get("path"));
    let path = path.map_or_else(|| "/".to_owned(), |path| path.display());
    match reference.get("Name").or_else(|| reference.get("name")) {
        Some(name) => PolicyRef::Arn(format!("arn:aws:iam::${{AccountId}}:policy{path}{}", name.display())),
        None => PolicyRef::Unknown("a customer managed policy".to_owned()),
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
    /// Whether the deployment generates the name.
    pub has_generated_name: bool,
    pub inline: Vec<Policy>,
    /// Attached managed policies; with a condition, the file does not decide whether it is attached.
    pub attached: Vec<(PolicyRef, Option<Arc<str>>)>,
    pub boundary: Option<PolicyRef>,
    /// Names of groups of a user, with the declarations that the file refers to for it.
    pub groups: BTreeSet<(String, BTreeSet<String>)>,
    pub tags: BTreeMap<String, String>,
    pub trust: Option<Arc<str>>,
    /// Parts of the principal that the file does not decide, in words.
    pub undetermined: BTreeSet<String>,
}

impl PrincipalDraft {
    /// The account, if it is known.
    pub fn account<'a>(&'a self, account: Option<&'a str>) -> Option<&'a str> {
        let own = self.arn.as_deref().and_then(|arn| arn.split(':').nth(4));
        own.or(account).filter(|account| *account != "*")
    }

    /// The ARN, with `*` for an account that is not known.
    fn principal(&self, kind: DraftKind, account: Option<&str>) -> String {
        let account = self.account(account).unwrap_or("*");
        self.arn
            .clone()
            .unwrap_or_else(|| format!("arn:aws:iam::{account}:{}{}", kind.word(), self.path_and_name))
    }
}

impl StrayAttachment {
    /// Whether it may be attached to this principal.
    fn may_mean(&self, (_, name, _): &DraftKey, draft: &PrincipalDraft) -> bool {
        let Some(own) = &self.name else { return true };
        let is_open = |name: &str| name.contains("${");
        match (is_open(own), is_open(name)) {
            // A file does not write a name that a deployment generates.
            (false, true) if draft.has_generated_name => false,
            (false, false) => false,
            _ => {
                let pattern = |name: &str| CompiledPattern::of(&wildcards(name));
                draft.is_declared && pattern(own).overlaps(&pattern(name))
            }
        }
    }
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

/// A draft: kind, name, and the resource that declares it; empty if the file does not declare it.
pub(super) type DraftKey = (DraftKind, String, String);

/// A principal that a policy is attached to. With a condition, the file does not decide whether it is.
pub(super) type AttachmentTarget = (DraftKey, Option<Arc<str>>);

/// Something that is attached to principals that are not known.
#[derive(Debug)]
struct StrayAttachment {
    kind: DraftKind,
    /// The name, as far as it is known; none if nothing is known.
    name: Option<String>,
    /// What is attached, in words.
    what: String,
    /// Principals that it is known to be attached to.
    except: BTreeSet<DraftKey>,
}

/// All principals of a file.
#[derive(Debug, Default)]
pub(super) struct PrincipalDrafts {
    principals: BTreeMap<DraftKey, PrincipalDraft>,
    /// Declared principals, by the resource that declares them.
    declarations: BTreeMap<String, DraftKey>,
    managed: BTreeMap<String, ManagedDraft>,
    stray: Vec<StrayAttachment>,
}

impl PrincipalDrafts {
    /// The principal that a resource declares.
    pub fn declare(&mut self, kind: DraftKind, name: &str, declaration: &str) -> &mut PrincipalDraft {
        let key = (kind, name.to_owned(), declaration.to_owned());
        self.declarations.insert(declaration.to_owned(), key.clone());
        let draft = self.draft(key);
        draft.is_declared = true;
        draft
    }

    /// The principal of a key.
    pub fn draft(&mut self, key: DraftKey) -> &mut PrincipalDraft {
        let path_and_name = format!("/{}", key.1);
        self.principals
            .entry(key)
            .or_insert_with(|| PrincipalDraft { path_and_name, ..PrincipalDraft::default() })
    }

    /// Every principal.
    pub fn each(&mut self) -> impl Iterator<Item = (&DraftKey, &mut PrincipalDraft)> {
        self.principals.iter_mut()
    }

    /// The principals of this name. `referenced` are the declarations that the file refers to there, which tell apart
    /// principals of one name. All declarations come before this.
    pub fn named(&self, kind: DraftKind, name: &str, referenced: &BTreeSet<String>) -> Vec<AttachmentTarget> {
        let declared = self.declared(kind, name, referenced);
        match declared.as_slice() {
            [] => vec![((kind, name.to_owned(), String::new()), None)],
            [only] => vec![((*only).clone(), None)],
            several => {
                let condition: Arc<str> = format!("which {} named {name} it is", kind.word()).into();
                several.iter().map(|key| ((*key).clone(), Some(Arc::clone(&condition)))).collect()
            }
        }
    }

    /// The declared principals that a name may mean.
    fn declared(&self, kind: DraftKind, name: &str, referenced: &BTreeSet<String>) -> Vec<&DraftKey> {
        let from = (kind, name.to_owned(), String::new());
        let of_name = self.principals.range(from..).take_while(|(own, _)| own.0 == kind && own.1 == name);
        let all: Vec<&DraftKey> =
            of_name.filter(|(_, draft)| draft.is_declared).map(|(key, _)| key).collect();
        let told: Vec<&DraftKey> = all.iter().copied().filter(|key| referenced.contains(&key.2)).collect();
        if told.len() == 1 { told } else { all }
    }

    /// The principal that a resource declares, whatever its name is.
    pub fn declared_by(&self, declaration: &str) -> Option<&DraftKey> {
        self.declarations.get(declaration)
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

    /// Notes that something is attached to principals of a kind that are not known, besides those of `except`.
    pub fn add_stray(&mut self, kind: DraftKind, what: String, except: BTreeSet<DraftKey>) {
        self.stray.push(StrayAttachment { kind, name: None, what, except });
    }

    /// Notes that something is attached to a principal of this name, which the file does not declare. A declared
    /// principal may have the name, if a part of one of the names is not known.
    pub fn add_stray_named(&mut self, kind: DraftKind, name: &str, what: String) {
        self.stray.push(StrayAttachment { kind, name: Some(name.to_owned()), what, except: BTreeSet::new() });
    }

    /// Notes that a part of the file that is not read may be about every principal.
    pub fn add_undetermined(&mut self, what: &str) {
        for draft in self.principals.values_mut() {
            draft.undetermined.insert(what.to_owned());
        }
    }

    /// The snapshots of all principals.
    pub fn snapshots(mut self, account: Option<&str>) -> Vec<PolicySnapshot> {
        for stray in std::mem::take(&mut self.stray) {
            for (key, draft) in &mut self.principals {
                if key.0 == stray.kind && !stray.except.contains(key) && stray.may_mean(key, draft) {
                    draft.undetermined.insert(stray.what.clone());
                }
            }
        }
        let mut used = BTreeSet::new();
        let mut snapshots: Vec<PolicySnapshot> = self
            .principals
            .iter()
            .map(|(key, draft)| self.snapshot(key, draft, account, &mut used))
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

    /// The declarations of each ARN that several of them have, in sentences.
    pub fn shared_arns(&self, account: Option<&str>) -> Vec<String> {
        let mut by_arn: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (key, draft) in self.principals.iter().filter(|(_, draft)| draft.is_declared) {
            by_arn.entry(draft.principal(key.0, account)).or_default().push(&key.2);
        }
        let shared = by_arn.into_iter().filter(|(_, declarations)| declarations.len() > 1);
        shared
            .map(|(arn, declarations)| {
                format!(
                    "{arn} is declared {} times, by {}: each is evaluated alone",
                    declarations.len(),
                    declarations.join(", ")
                )
            })
            .collect()
    }

    fn snapshot(
        &self,
        (kind, name, _): &DraftKey,
        draft: &PrincipalDraft,
        account: Option<&str>,
        used: &mut BTreeSet<String>,
    ) -> PolicySnapshot {
        let mut policies = self.own_policies(draft, used);
        for (group, referenced) in &draft.groups {
            let lacks = |reason| undetermined(&format!("group {group}"), reason);
            match self.declared(DraftKind::Group, group, referenced).as_slice() {
                [only] => {
                    let of_group = |policy| Policy { origin: PolicyOrigin::Group(group.clone()), ..policy };
                    let held = self.principals.get(*only).map(|held| self.own_policies(held, used));
                    policies.extend(held.unwrap_or_default().into_iter().map(of_group));
                }
                [] => policies.push(lacks("the file does not have the policies of this group")),
                _ => policies.push(lacks("the file has several groups of this name")),
            }
        }
        if !draft.is_declared {
            policies.push(undetermined(
                &format!("other policies of the {} {name}", kind.word()),
                "the file does not declare this principal",
            ));
        }
        PolicySnapshot {
            principal: draft.principal(*kind, account).into(),
            account: draft.account(account).unwrap_or_default().into(),
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
