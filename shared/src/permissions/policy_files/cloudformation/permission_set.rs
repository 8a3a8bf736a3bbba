//! Permission sets of IAM Identity Center.
//!
//! Enters: a resource `AWS::SSO::PermissionSet`. Leaves: a principal with its policies. Law: a permission set is the
//! role that Identity Center creates for it in every account of an assignment.

use super::{TemplateReader, TemplateResource};
use crate::{
    grants::PolicyOrigin,
    permissions::policy_files::{
        document,
        principals::{DraftKind, PolicyRef, customer_managed, permission_set_arn},
        value::{SourceValue, placeholder},
    },
};

impl TemplateReader<'_> {
    pub(super) fn permission_set(&mut self, one: &TemplateResource) {
        let name = one.properties.get("Name").map_or_else(|| placeholder(&one.id), |name| name.display());
        let mut attached: Vec<_> =
            one.items("ManagedPolicies").into_iter().map(|arn| self.managed(arn)).collect();
        attached.extend(one.items("CustomerManagedPolicyReferences").into_iter().map(|item| {
            let (item, condition) = item.assumed();
            (customer_managed(&item), condition)
        }));
        let boundary = one.properties.get("PermissionsBoundary").map(|boundary| self.set_boundary(&boundary));
        let inline = one.properties.get("InlinePolicy");
        let condition = one.condition.as_deref();
        let draft = self.drafts.declare(DraftKind::PermissionSet, &name, &one.id);
        draft.arn = Some(permission_set_arn(&name));
        draft.attached.extend(attached);
        draft.boundary = boundary;
        draft.inline.extend(
            inline.map(|inline| {
                document::policy("InlinePolicy", PolicyOrigin::Inline, Some(&inline), condition)
            }),
        );
        if let Some(unknown) = one.is_unknown() {
            draft.undetermined.insert(format!("the properties of {}, by {unknown}", one.id));
        }
    }

    fn set_boundary(&self, boundary: &SourceValue) -> PolicyRef {
        match (boundary.get("ManagedPolicyArn"), boundary.get("CustomerManagedPolicyReference")) {
            (Some(arn), None) => match self.managed(arn) {
                (known, None) => known,
                (_, Some(condition)) => PolicyRef::Unknown(format!("permissions boundary, by {condition}")),
            },
            (None, Some(reference)) => customer_managed(&reference),
            _ => PolicyRef::Unknown("permissions boundary".to_owned()),
        }
    }
}
