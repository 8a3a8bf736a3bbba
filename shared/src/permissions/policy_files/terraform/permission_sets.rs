//! Permission sets of IAM Identity Center in a plan or state.
//!
//! Enters: resources `aws_ssoadmin_*`. Leaves: principals with their policies. Laws: a permission set is the role that
//! Identity Center creates for it in every account of an assignment; a policy of a permission set that is not known counts
//! against every permission set.
//!
//! Source: documentation of the provider `hashicorp/aws`, resources of SSO Admin, read 2026-11.

use std::collections::BTreeSet;

use super::{PlanReader, PlannedResource, principal_name};
use crate::{
    grants::PolicyOrigin,
    permissions::policy_files::{
        document,
        principals::{DraftKey, DraftKind, PolicyRef, customer_managed, permission_set_arn},
        value::{SourceValue, placeholder},
    },
};

const PERMISSION_SET: &str = "aws_ssoadmin_permission_set";

impl PlanReader<'_> {
    /// Declares a permission set.
    pub(super) fn permission_set(&mut self, one: &PlannedResource) {
        let name = principal_name(one);
        let draft = self.drafts.declare(DraftKind::PermissionSet, &name, &one.address);
        draft.arn = Some(permission_set_arn(&name));
    }

    /// Reads a resource with a policy of a permission set. Returns whether it is one.
    pub(super) fn policy_of_permission_set(&mut self, one: &PlannedResource) -> bool {
        let kind = one.kind.as_str();
        let items = |attribute: &str| one.values.get(attribute).map(SourceValue::items).unwrap_or_default();
        match kind {
            "aws_ssoadmin_permission_set_inline_policy" => {
                let document = one.values.get("inline_policy");
                let policy = document::policy("inline_policy", PolicyOrigin::Inline, document.as_ref(), None);
                let key = self.permission_set_of(one);
                self.drafts.draft(key).inline.push(policy);
            }
            "aws_ssoadmin_managed_policy_attachment"
            | "aws_ssoadmin_managed_policy_attachments_exclusive" => {
                let attribute =
                    if kind.ends_with("exclusive") { "managed_policy_arns" } else { "managed_policy_arn" };
                let attached = self.policies(one, attribute);
                self.attach_to_permission_set(one, attached);
            }
            "aws_ssoadmin_customer_managed_policy_attachment"
            | "aws_ssoadmin_customer_managed_policy_attachments_exclusive" => {
                let attached =
                    items("customer_managed_policy_reference").iter().map(customer_managed).collect();
                self.attach_to_permission_set(one, attached);
            }
            "aws_ssoadmin_permissions_boundary_attachment" => {
                let boundary = items("permissions_boundary").into_iter().next();
                let reference =
                    boundary.as_ref().and_then(|boundary| boundary.get("customer_managed_policy_reference"));
                let reference = reference.and_then(|reference| reference.items().into_iter().next());
                let arn = boundary.as_ref().and_then(|boundary| boundary.get("managed_policy_arn"));
                let known = arn.and_then(|arn| arn.known_text()).filter(|arn| !arn.is_empty());
                let boundary = match (known, reference) {
                    (Some(arn), _) => PolicyRef::Arn(arn),
                    (None, Some(reference)) => customer_managed(&reference),
                    (None, None) => PolicyRef::Unknown(one.address.clone()),
                };
                let key = self.permission_set_of(one);
                self.drafts.draft(key).boundary = Some(boundary);
            }
            _ => return false,
        }
        true
    }

    fn attach_to_permission_set(&mut self, one: &PlannedResource, attached: Vec<PolicyRef>) {
        let key = self.permission_set_of(one);
        let draft = self.drafts.draft(key);
        draft.attached.extend(attached.into_iter().map(|policy| (policy, None)));
    }

    /// The permission set of a policy. One that is not in the file is a principal of its own.
    fn permission_set_of(&mut self, one: &PlannedResource) -> DraftKey {
        const ATTRIBUTE: &str = "permission_set_arn";
        let arn = one.values.get(ATTRIBUTE).and_then(|arn| arn.known_text());
        let is_it = |set: &&PlannedResource| {
            set.kind == PERMISSION_SET && set.values.get("arn").and_then(|own| own.known_text()) == arn
        };
        let found = match &arn {
            Some(_) => self.resources.iter().find(is_it),
            None => {
                let found = self.configuration.resolve(one, ATTRIBUTE, PERMISSION_SET, self.resources);
                match found.as_deref() {
                    Some([only]) => Some(*only),
                    _ => None,
                }
            }
        };
        if let Some(key) = found.and_then(|set| self.drafts.declared_by(&set.address)) {
            return key.clone();
        }
        if arn.is_none() {
            let what = format!("{}, with a permission set that is known after apply", one.address);
            self.drafts.add_stray(DraftKind::PermissionSet, what, BTreeSet::new());
        }
        let name = placeholder(&arn.unwrap_or_else(|| format!("{}.{ATTRIBUTE}", one.address)));
        let key = (DraftKind::PermissionSet, name.clone(), String::new());
        self.drafts.draft(key.clone()).arn = Some(permission_set_arn(&name));
        key
    }
}
