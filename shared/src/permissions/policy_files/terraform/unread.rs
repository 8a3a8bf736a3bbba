//! What a plan does not hold: stacks of other templates, and resources that are not read.
//!
//! Enters: resources of a plan, and its own members. Leaves: parts that are not read, and principals of templates in the
//! plan. Law: a resource that may declare a principal or a policy, and is not read, is named.
//!
//! Sources, read 2026-11: Terraform, "JSON Output Format"; documentation of the providers `hashicorp/aws` and
//! `hashicorp/awscc`.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::{PlanReader, PlannedResource};
use crate::{
    grants::json::Json,
    hex::hex,
    permissions::{
        UnreadDeclaration, UnreadPart,
        policy_files::{
            self,
            cloudformation::{self, TemplateSource},
            resource_policies::{ResourcePolicy, collect_principals, is_principal_member, lambda_permission},
            value::SourceValue,
        },
    },
};

/// Resources of IAM that declare no principal and no policy, without the prefix `aws_iam_` or `awscc_iam_`. AWS writes the
/// policies of a service-linked role.
const WITHOUT_POLICIES: [&str; 24] = [
    "access_key",
    "account_alias",
    "account_password_policy",
    "instance_profile",
    "oidc_provider",
    "openid_connect_provider",
    "organizations_features",
    "outbound_web_identity_federation",
    "saml_provider",
    "security_token_service_preferences",
    "server_certificate",
    "service_linked_role",
    "service_specific_credential",
    "signing_certificate",
    "user_login_profile",
    "user_ssh_key",
    "virtual_mfa_device",
    // Read elsewhere.
    "policy",
    "role",
    "user",
    "group",
    "role_policy",
    "user_policy",
    "group_policy",
];

/// Resources with documents that grant nothing themselves: policies that only limit, and contents.
const WITHOUT_GRANTS: [&str; 6] = [
    "aws_vpc_endpoint",
    "aws_vpc_endpoint_policy",
    "awscc_ec2_vpc_endpoint",
    "aws_organizations_policy",
    "aws_s3_object",
    "aws_ssm_parameter",
];

/// The attribute with the policy of a resource.
fn resource_policy_attribute(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "aws_s3_bucket_policy"
        | "aws_s3_access_point"
        | "aws_sqs_queue"
        | "aws_sqs_queue_policy"
        | "aws_sns_topic"
        | "aws_sns_topic_policy"
        | "aws_kms_key"
        | "aws_kms_key_policy"
        | "aws_kms_external_key"
        | "aws_kms_replica_external_key"
        | "aws_kms_replica_key"
        | "aws_s3_bucket"
        | "aws_s3control_access_point_policy"
        | "aws_s3control_object_lambda_access_point_policy"
        | "aws_cloudwatch_event_bus_policy"
        | "aws_secretsmanager_secret"
        | "aws_secretsmanager_secret_policy"
        | "aws_ecr_repository_policy"
        | "aws_efs_file_system_policy"
        | "aws_backup_vault_policy"
        | "aws_dynamodb_resource_policy"
        | "aws_kinesis_resource_policy" => "policy",
        "aws_elasticsearch_domain"
        | "aws_elasticsearch_domain_policy"
        | "aws_opensearch_domain"
        | "aws_opensearch_domain_policy" => "access_policies",
        "awscc_s3_bucket_policy" | "awscc_sns_topic_policy" | "awscc_sqs_queue_policy" => "policy_document",
        "awscc_kms_key" | "awscc_kms_replica_key" => "key_policy",
        "aws_lambda_permission" | "awscc_lambda_permission" => "principal",
        _ => return None,
    })
}

impl PlanReader<'_> {
    pub(super) fn add_unread(&mut self, name: &str, message: String, sha256: Option<String>) {
        let part = UnreadPart { file: self.file.to_owned(), name: name.to_owned(), message };
        self.unread.push(UnreadDeclaration { part, template: None, sha256 });
    }

    /// Names a plan that is incomplete by its own word.
    pub(super) fn completeness(&mut self, json: &Json) {
        let is = |member: &str, wanted: bool| json.get(member) == Some(&Json::Bool(wanted));
        let reason = match (is("errored", true), is("complete", false)) {
            (true, _) => "planning ended with an error",
            (false, true) => "the plan is for a part of the configuration only",
            (false, false) => return,
        };
        self.add_unread("plan", format!("{reason}, so resources may be missing: give a complete plan"), None);
        self.about_all.push(format!("resources that are missing, since {reason}"));
    }

    /// A resource that is of none of the types that are read.
    pub(super) fn other(&mut self, one: &PlannedResource) {
        match one.kind.as_str() {
            "aws_cloudformation_stack" => self.stack(one, self.account),
            // Its stacks are in accounts of their own.
            "aws_cloudformation_stack_set" => self.stack(one, None),
            "aws_serverlessapplicationrepository_cloudformation_stack"
            | "aws_servicecatalog_provisioned_product"
            | "awscc_cloudformation_stack"
            | "awscc_cloudformation_stack_set"
            | "awscc_servicecatalog_cloudformation_provisioned_product" => {
                self.unread_resource(one, "the template of the stack is not read: give it too");
            }
            "awscc_sso_permission_set" => {
                self.unread_resource(
                    one,
                    "the permission set is not read: give the state after apply, from AWS",
                );
            }
            "aws_cloudcontrolapi_resource" => {
                let kind = one.values.get("type_name").and_then(|kind| kind.known_text());
                let is_without =
                    |kind: &str| !kind.starts_with("AWS::IAM::") && !kind.starts_with("AWS::SSO::");
                if !kind.is_some_and(|kind| is_without(&kind)) {
                    self.unread_resource(one, "the resource is not read: give the policies from AWS");
                } else {
                    self.unread_policy(one);
                }
            }
            kind if resource_policy_attribute(kind).is_some() => self.resource_policy(one),
            kind => {
                let own = kind.strip_prefix("aws_iam_").filter(|name| !WITHOUT_POLICIES.contains(name));
                let other =
                    kind.strip_prefix("awscc_iam_").filter(|name| !WITHOUT_POLICIES[..17].contains(name));
                if own.or(other).is_some() {
                    self.unread_resource(
                        one,
                        "resources of this type are not read: give the policies from AWS",
                    );
                } else if !kind.starts_with("aws_iam_") && !kind.starts_with("awscc_iam_") {
                    self.unread_policy(one);
                }
            }
        }
    }

    /// A resource with a policy.
    fn resource_policy(&mut self, one: &PlannedResource) {
        let Some(attribute) = resource_policy_attribute(&one.kind) else { return };
        let Some(document) =
            one.values.get(attribute).filter(|_| !self.has_policy_of_its_own(one, attribute))
        else {
            return;
        };
        let permission = || lambda_permission(|_, attribute| one.values.get(attribute));
        // A principal that is known after apply is a policy that is not known.
        let document = match (attribute, &document) {
            ("principal", SourceValue::Text(_)) => permission().unwrap_or(document),
            _ => document,
        };
        let referenced = self.configuration.referenced(one, attribute, self.resources);
        self.drafts.add_resource_policy(ResourcePolicy {
            declaration: &one.address,
            document: &document,
            referenced: &referenced,
            condition: None,
            account: self.account,
        });
    }

    /// Whether a plan repeats a policy that is another resource of the plan.
    fn has_policy_of_its_own(&self, one: &PlannedResource, attribute: &str) -> bool {
        let identifier = match one.kind.as_str() {
            "aws_s3_bucket" => "bucket",
            "aws_elasticsearch_domain" | "aws_opensearch_domain" => "domain_name",
            _ => return false,
        };
        let name = |of: &PlannedResource| of.values.get(identifier).and_then(|name| name.known_text());
        let kind = format!("{}_policy", one.kind);
        self.configuration.leaves_unset(one, attribute)
            && self.resources.iter().any(|other| other.kind == kind && name(other) == name(one))
    }

    /// A resource of a type that is not read, with a policy that names a principal of the plan.
    fn unread_policy(&mut self, one: &PlannedResource) {
        if !["aws_", "awscc_"].iter().any(|provider| one.kind.starts_with(provider))
            || WITHOUT_GRANTS.contains(&one.kind.as_str())
        {
            return;
        }
        let mut names = Vec::new();
        collect_principals(&one.values, &mut names);
        let mut referenced = BTreeSet::new();
        if let SourceValue::Object(members) = &one.values {
            let may_name = |name: &str| is_principal_member(name) || name.contains("polic");
            for (name, _) in members
                .iter()
                .filter(|(name, value)| may_name(name) && matches!(value, SourceValue::Unknown(_)))
            {
                referenced.extend(self.configuration.referenced(one, name, self.resources));
            }
        }
        if self.drafts.add_unread_policy(&one.address, &names, &referenced, self.account) {
            self.unread_resource(one, "it names a principal of the plan, and what it grants is not read");
        }
    }

    fn unread_resource(&mut self, one: &PlannedResource, message: &str) {
        // A value that is not known may change without its name.
        let is_known = one.values.unknown_name().is_none();
        let sha256 = is_known.then(|| hex(&Sha256::digest(format!("{:?}", one.values))));
        self.add_unread(&one.address, message.to_owned(), sha256);
    }

    /// A stack with the text of its template, if the plan knows it.
    fn stack(&mut self, one: &PlannedResource, account: Option<&str>) {
        let text = |attribute: &str| {
            let value = one.values.get(attribute)?;
            value.known_text().filter(|text| !text.is_empty())
        };
        // With a URL, a plan has the template of the last refresh.
        let body = text("template_body").filter(|_| text("template_url").is_none() || !self.is_plan);
        let values = body.and_then(|body| policy_files::values(&body).ok());
        match values.as_deref() {
            Some([template]) if matches!(template.get("Resources"), Some(Json::Object(_))) => {
                let parameters = match one.values.get("parameters") {
                    Some(SourceValue::Object(members)) => {
                        members.into_iter().map(|(name, value)| (name, value.known_text())).collect()
                    }
                    // Any parameter may have a value.
                    Some(SourceValue::Unknown(_)) => template
                        .get("Parameters")
                        .map(Json::members)
                        .unwrap_or_default()
                        .iter()
                        .map(|(name, _)| (name.clone(), None))
                        .collect(),
                    _ => Default::default(),
                };
                let file = format!("{}: {}", self.file, one.address);
                let source = TemplateSource { file: &file, account, parameters, depth: 1 };
                let read = cloudformation::parse(template, &source);
                self.principals.extend(read.principals);
                self.unread.extend(read.unread);
                self.notes.extend(read.notes);
            }
            _ => self.unread_resource(one, "the template of the stack is not read: give it too"),
        }
    }
}
