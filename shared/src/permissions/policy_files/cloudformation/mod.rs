//! IAM resources of a CloudFormation template, also one that the CDK synthesizes.
//!
//! Enters: a template as JSON. Leaves: the principals that it declares. Laws: a resource with a condition that is false is
//! left out; one with a condition that is not decided is conditional; a resource that a macro or a loop generates is
//! named, and what it grants is not known.
//!
//! Source: CloudFormation Template Reference, resource types of IAM and IAM Identity Center, read 2026-11.

mod generated;
mod intrinsics;
mod permission_set;
#[cfg(test)]
mod tests;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    PolicyFile,
    document::{self, name_or},
    principals::{AttachmentTarget, DraftKind, ManagedDraft, PolicyRef, PrincipalDrafts},
    resource_policies::{ResourcePolicy, lambda_permission},
    value::{SourceValue, placeholder},
};
use crate::{
    grants::{PolicyOrigin, PolicySnapshot, json::Json},
    permissions::UnreadDeclaration,
};

/// Steps of resolving functions after which every other value counts as not known.
const MAX_STEPS: usize = 2_000_000;

/// A template.
pub(super) struct Template<'a> {
    parameters: Option<&'a Json>,
    given: &'a BTreeMap<String, Option<String>>,
    mappings: Option<&'a Json>,
    conditions: Option<&'a Json>,
    resources: &'a [(String, Json)],
    account: Option<&'a str>,
    steps_left: Cell<usize>,
}

/// One resource of a template.
struct TemplateResource {
    id: String,
    properties: SourceValue,
    /// The condition that the template does not decide.
    condition: Option<Arc<str>>,
}

/// Where a template comes from.
#[derive(Debug, Default)]
pub(super) struct TemplateSource<'a> {
    /// Name of the file.
    pub file: &'a str,
    /// The value of `AWS::AccountId`.
    pub account: Option<&'a str>,
    /// Values of parameters; none for a value that is not known.
    pub parameters: BTreeMap<String, Option<String>>,
    /// In how many other templates it stands.
    pub depth: usize,
}

/// Reads the principals of a template.
pub(super) fn parse(json: &Json, source: &TemplateSource<'_>) -> PolicyFile {
    let account = source.account;
    let template = Template {
        parameters: json.get("Parameters"),
        given: &source.parameters,
        mappings: json.get("Mappings"),
        conditions: json.get("Conditions"),
        resources: json.get("Resources").map(Json::members).unwrap_or_default(),
        account,
        steps_left: Cell::new(MAX_STEPS),
    };
    let mut reader = TemplateReader {
        template,
        globals: json.get("Globals"),
        file: source.file,
        depth: source.depth,
        drafts: PrincipalDrafts::default(),
        principals: Vec::new(),
        about_all: Vec::new(),
        unread: Vec::new(),
        notes: Vec::new(),
    };
    reader.transforms(json);
    reader.read();
    for what in &reader.about_all {
        reader.drafts.add_undetermined(what);
    }
    reader.notes.extend(reader.drafts.shared_arns(account));
    let mut principals = reader.drafts.snapshots(account);
    principals.append(&mut reader.principals);
    PolicyFile { principals, unread: reader.unread, notes: reader.notes, ..PolicyFile::default() }
}

impl<'a> Template<'a> {
    /// Type and properties of a resource.
    fn resource(&self, id: &str) -> Option<(&'a str, &'a Json)> {
        let (_, resource) = self.resources.iter().find(|(own, _)| own == id)?;
        Some((resource.get("Type")?.text()?, resource.get("Properties").unwrap_or(&Json::Null)))
    }

    /// Takes steps from those that are left; false if there are too few.
    fn take_steps(&self, steps: usize) -> bool {
        let left = self.steps_left.get().checked_sub(steps);
        self.steps_left.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// What is read of a template at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadingStep {
    ManagedPolicies,
    Principals,
    Others,
}

struct TemplateReader<'a> {
    template: Template<'a>,
    globals: Option<&'a Json>,
    file: &'a str,
    depth: usize,
    drafts: PrincipalDrafts,
    /// Principals of templates in this template.
    principals: Vec<PolicySnapshot>,
    /// What may be about every principal, in words.
    about_all: Vec<String>,
    unread: Vec<UnreadDeclaration>,
    notes: Vec<String>,
}

/// The property with the policy of a resource.
fn resource_policy_property(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "AWS::S3::BucketPolicy"
        | "AWS::SNS::TopicPolicy"
        | "AWS::SNS::TopicInlinePolicy"
        | "AWS::SQS::QueuePolicy"
        | "AWS::SQS::QueueInlinePolicy"
        | "AWS::S3Express::BucketPolicy"
        | "AWS::S3ObjectLambda::AccessPointPolicy" => "PolicyDocument",
        "AWS::KMS::Key" | "AWS::KMS::ReplicaKey" => "KeyPolicy",
        "AWS::SecretsManager::ResourcePolicy" | "AWS::Kinesis::ResourcePolicy" | "AWS::DynamoDB::Table" => {
            "ResourcePolicy"
        }
        "AWS::S3::AccessPoint" | "AWS::S3::MultiRegionAccessPointPolicy" | "AWS::Events::EventBus" => {
            "Policy"
        }
        "AWS::Events::EventBusPolicy" => "Statement",
        "AWS::Lambda::Permission" => "Principal",
        "AWS::ECR::Repository" => "RepositoryPolicyText",
        "AWS::EFS::FileSystem" => "FileSystemPolicy",
        "AWS::Backup::BackupVault" => "AccessPolicy",
        "AWS::OpenSearchService::Domain" | "AWS::Elasticsearch::Domain" => "AccessPolicies",
        _ => return None,
    })
}

/// Whether a resource has other resources that are not in the template.
fn is_other_template(kind: &str) -> bool {
    kind.ends_with("::MODULE")
        || [
            "AWS::CloudFormation::Stack",
            "AWS::CloudFormation::StackSet",
            "AWS::ServiceCatalog::CloudFormationProvisionedProduct",
        ]
        .contains(&kind)
}

impl TemplateReader<'_> {
    fn read(&mut self) {
        // Managed policies first, then principals, so that attachments find them.
        for step in [ReadingStep::ManagedPolicies, ReadingStep::Principals, ReadingStep::Others] {
            for (id, resource) in self.template.resources {
                let kind = resource.get("Type").and_then(Json::text).unwrap_or_default();
                let own = match kind {
                    "AWS::IAM::ManagedPolicy" => ReadingStep::ManagedPolicies,
                    "AWS::IAM::Role" | "AWS::IAM::User" | "AWS::IAM::Group" => ReadingStep::Principals,
                    "AWS::SSO::PermissionSet" => ReadingStep::Principals,
                    // A nested application refers to principals.
                    "AWS::Serverless::Application" => ReadingStep::Others,
                    kind if kind.starts_with("AWS::Serverless::") => ReadingStep::Principals,
                    _ => ReadingStep::Others,
                };
                // The principals of a managed policy are read after all principals.
                if own == step || own == ReadingStep::ManagedPolicies && step == ReadingStep::Others {
                    self.resource(id, kind, resource, step);
                }
            }
        }
        for (id, resource) in self.template.resources {
            if self.is_left_out(resource) {
                continue;
            }
            let kind = resource.get("Type").and_then(Json::text).unwrap_or_default();
            self.connectors(id, kind, resource);
            self.unread_policy(id, kind, resource);
            let has_macro = resource.members().iter().any(|(name, _)| name.starts_with("Fn::"));
            if id.starts_with("Fn::") || has_macro {
                self.generated(id, resource);
            }
        }
    }

    /// Whether the condition of a resource is false.
    fn is_left_out(&self, resource: &Json) -> bool {
        let condition = resource.get("Condition").and_then(Json::text);
        condition.and_then(|name| self.template.condition(name)) == Some(false)
    }

    fn resource(&mut self, id: &str, kind: &str, resource: &Json, step: ReadingStep) {
        let condition = match resource.get("Condition").map(|name| (name.text(), name)) {
            None => None,
            Some((Some(name), _)) => match self.template.condition(name) {
                Some(false) => return,
                Some(true) => None,
                None => Some(Arc::from(name)),
            },
            Some((None, _)) => Some(Arc::from("which is not the name of a condition")),
        };
        let is_read = kind.starts_with("AWS::IAM::")
            || ["AWS::SSO::PermissionSet", "AWS::CloudFormation::StackSet"].contains(&kind)
            || resource_policy_property(kind).is_some();
        let properties = match resource.get("Properties").filter(|_| is_read) {
            Some(properties) => self.template.resolve(properties),
            None => None,
        };
        let properties = properties.unwrap_or(SourceValue::Object(Vec::new()));
        let one = TemplateResource { id: id.to_owned(), properties, condition };
        match kind {
            "AWS::IAM::Role" => self.principal(DraftKind::Role, "RoleName", &one),
            "AWS::IAM::User" => self.principal(DraftKind::User, "UserName", &one),
            "AWS::IAM::Group" => self.principal(DraftKind::Group, "GroupName", &one),
            "AWS::IAM::ManagedPolicy" if step == ReadingStep::ManagedPolicies => self.managed_policy(&one),
            "AWS::IAM::ManagedPolicy" => {
                for (kind, property) in ATTACHED_TO {
                    for (key, condition) in self.attached_to(kind, property, &one) {
                        let attached = (PolicyRef::InFile(one.id.clone()), condition);
                        self.drafts.draft(key).attached.push(attached);
                    }
                }
            }
            "AWS::IAM::Policy" => {
                for (kind, property) in ATTACHED_TO {
                    self.inline_policy(kind, property, &one);
                }
            }
            "AWS::IAM::RolePolicy" => self.policy_of(DraftKind::Role, "RoleName", one),
            "AWS::IAM::UserPolicy" => self.policy_of(DraftKind::User, "UserName", one),
            "AWS::IAM::GroupPolicy" => self.policy_of(DraftKind::Group, "GroupName", one),
            "AWS::IAM::UserToGroupAddition" => {
                let group = one.properties.get("GroupName").map(|name| name.display()).unwrap_or_default();
                let group = (group, self.referenced(&one.id, "GroupName"));
                for (key, condition) in self.attached_to(DraftKind::User, "Users", &one) {
                    let draft = self.drafts.draft(key);
                    draft.groups.insert(group.clone());
                    draft.undetermined.extend(condition.map(|name| format!("groups of {id}, by {name}")));
                }
            }
            "AWS::SSO::PermissionSet" => self.permission_set(&one),
            "AWS::CloudFormation::Stack" => self.other_stack(id, resource, "TemplateURL"),
            "AWS::CloudFormation::StackSet" => self.stack_set(id, resource, &one),
            kind if is_other_template(kind) => self.other_resources(id, resource),
            kind if kind.starts_with("AWS::Serverless::") => self.serverless(id, kind, resource),
            kind if generated::is_without_policies(kind) => {}
            kind if kind.starts_with("AWS::IAM::") => {
                self.add_unread(id, format!("the type {kind} is not known, so it is not read"), None);
            }
            kind if resource_policy_property(kind).is_some() => self.resource_policy(kind, &one),
            "AWS::SecretsManager::RotationSchedule" => {
                let properties = resource.get("Properties");
                if properties.is_some_and(|own| own.get("HostedRotationLambda").is_some()) {
                    let what = "a nested stack with the function that rotates the secret, and its role";
                    self.notes.push(format!("Secrets Manager generates for {id} {what}"));
                }
            }
            _ => {}
        }
    }

    fn principal(&mut self, kind: DraftKind, property: &str, one: &TemplateResource) {
        let name = match one.properties.get(property) {
            Some(name) => name.display(),
            None => placeholder(&one.id),
        };
        let path = one.properties.get("Path").map_or_else(|| "/".to_owned(), |path| path.display());
        let trust = one.properties.get("AssumeRolePolicyDocument");
        let attached: Vec<_> =
            one.items("ManagedPolicyArns").into_iter().map(|arn| self.managed(arn)).collect();
        let boundary = one.properties.get("PermissionsBoundary").map(|arn| match self.managed(arn) {
            (PolicyRef::InFile(_) | PolicyRef::Arn(_), Some(condition)) => {
                PolicyRef::Unknown(format!("permissions boundary, by the condition {condition}"))
            }
            (known, _) => known,
        });
        let condition = one.condition.as_deref();
        let groups: Vec<String> =
            one.items("Groups").into_iter().map(|group| group.assumed().0.display()).collect();
        let referenced = self.referenced(&one.id, "Groups");
        let draft = self.drafts.declare(kind, &name, &one.id);
        draft.has_generated_name = one.properties.get(property).is_none();
        draft.path_and_name = format!("{path}{name}");
        draft.attached.extend(attached);
        draft.boundary = boundary;
        draft.trust = trust.map(|trust| {
            document::policy("AssumeRolePolicyDocument", PolicyOrigin::Inline, Some(&trust), None).text
        });
        for policy in one.items("Policies") {
            let (policy, choice) = policy.assumed();
            let name = name_or(policy.get("PolicyName").as_ref(), &format!("a policy in {}", one.id));
            let condition = choice.as_deref().or(condition);
            let document = policy.get("PolicyDocument");
            draft.inline.push(document::policy(&name, PolicyOrigin::Inline, document.as_ref(), condition));
        }
        draft.groups.extend(groups.into_iter().map(|group| (group, referenced.clone())));
        for tag in one.items("Tags") {
            let text = |name: &str| tag.get(name)?.known_text();
            if let (Some(key), Some(value)) = (text("Key"), text("Value")) {
                draft.tags.insert(key, value);
            }
        }
        if let Some(unknown) = one.is_unknown() {
            draft.undetermined.insert(format!("the properties of {}, by {unknown}", one.id));
        }
    }

    fn managed_policy(&mut self, one: &TemplateResource) {
        let path = one.properties.get("Path").map_or_else(|| "/".to_owned(), |path| path.display());
        let name = match one.properties.get("ManagedPolicyName") {
            Some(name) => name.display(),
            None => placeholder(&one.id),
        };
        let account = self.template.account.unwrap_or("*");
        let managed = ManagedDraft {
            name: format!("arn:aws:iam::{account}:policy{path}{name}"),
            document: one.properties.get("PolicyDocument"),
            condition: one.condition.clone(),
        };
        self.drafts.add_managed(&one.id, managed);
    }

    /// The principals that a property names, with the condition on which it does. What is not known is noted against all
    /// principals that it may be.
    fn attached_to(
        &mut self,
        kind: DraftKind,
        property: &str,
        one: &TemplateResource,
    ) -> Vec<AttachmentTarget> {
        let referenced = self.referenced(&one.id, property);
        let mut all = Vec::new();
        for name in one.items(property) {
            let (name, choice) = name.assumed();
            let name = name.display();
            for (key, condition) in self.drafts.named(kind, &name, &referenced) {
                if key.2.is_empty() {
                    let what = format!("{}, with the {} {name}", one.id, kind.word());
                    self.drafts.add_stray_named(kind, &name, what);
                }
                all.push((key, choice.clone().or(condition)));
            }
        }
        all
    }

    /// A resource with a policy.
    fn resource_policy(&mut self, kind: &str, one: &TemplateResource) {
        let Some(property) = resource_policy_property(kind) else { return };
        let Some(document) = one.properties.get(property) else { return };
        let document = match kind {
            "AWS::Lambda::Permission" => {
                let permission = lambda_permission(|property, _| one.properties.get(property));
                let Some(permission) = permission else { return };
                permission
            }
            // The property is a statement.
            "AWS::Events::EventBusPolicy" => {
                SourceValue::Object(vec![("Statement".to_owned(), SourceValue::List(vec![document]))])
            }
            // Of a table, the policy is a part of the property.
            _ => document.get("PolicyDocument").unwrap_or(document),
        };
        let referenced = self.referenced(&one.id, property);
        self.drafts.add_resource_policy(ResourcePolicy {
            declaration: &one.id,
            document: &document,
            referenced: &referenced,
            condition: one.condition.as_deref(),
            account: self.template.account,
        });
    }

    /// The resources that a property refers to.
    fn referenced(&self, id: &str, property: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        if let Some(value) = self.template.resource(id).and_then(|(_, properties)| properties.get(property)) {
            collect_references(value, &mut all);
        }
        all
    }

    /// The managed policy that a value names, and the condition of the item.
    fn managed(&self, arn: SourceValue) -> (PolicyRef, Option<Arc<str>>) {
        let (arn, condition) = arn.assumed();
        let reference = match (&arn, arn.text_parts()) {
            (SourceValue::Unknown(name), _) => {
                let id = name.strip_suffix(".PolicyArn").unwrap_or(name);
                match self.drafts.has_managed(id) {
                    true => PolicyRef::InFile(id.to_owned()),
                    false => PolicyRef::Unknown(placeholder(name)),
                }
            }
            (arn, _) => {
                let text = arn.display();
                let own =
                    |account: &str| account == "${AWS::AccountId}" || Some(account) == self.template.account;
                let rest = text.split_once(":iam::").and_then(|(_, rest)| rest.split_once(":policy/"));
                match rest {
                    Some((account, path)) => match self.drafts.managed_at(path).filter(|_| own(account)) {
                        Some(key) => PolicyRef::InFile(key.to_owned()),
                        None => PolicyRef::Arn(text),
                    },
                    None => PolicyRef::Unknown(text),
                }
            }
        };
        (reference, condition)
    }

    /// Adds a policy to the principals that a property names.
    fn inline_policy(&mut self, kind: DraftKind, property: &str, one: &TemplateResource) {
        let name = name_or(one.properties.get("PolicyName").as_ref(), &one.id);
        let document = one.properties.get("PolicyDocument");
        for (key, condition) in self.attached_to(kind, property, one) {
            let condition = condition.as_deref().or(one.condition.as_deref());
            let policy = document::policy(&name, PolicyOrigin::Inline, document.as_ref(), condition);
            self.drafts.draft(key).inline.push(policy);
        }
    }

    /// Adds a policy to the one principal that a property has to name.
    fn policy_of(&mut self, kind: DraftKind, property: &str, one: TemplateResource) {
        let mut one = one;
        if one.properties.get(property).is_none()
            && let SourceValue::Object(members) = &mut one.properties
        {
            let unknown = SourceValue::Unknown(format!("{}.{property}", one.id).into());
            members.push((property.to_owned(), unknown));
        }
        self.inline_policy(kind, property, &one);
    }
}

/// Adds the names of the resources that a value refers to.
fn collect_references(value: &Json, all: &mut BTreeSet<String>) {
    match value {
        Json::List(items) => items.iter().for_each(|item| collect_references(item, all)),
        Json::Object(members) => match members.as_slice() {
            [(name, Json::Text(id))] if name == "Ref" => drop(all.insert(id.clone())),
            [(name, Json::Text(text))] if name == "Fn::GetAtt" => {
                all.extend(text.split('.').next().map(str::to_owned));
            }
            [(name, Json::List(items))] if name == "Fn::GetAtt" => {
                all.extend(items.first().and_then(Json::text).map(str::to_owned));
            }
            [(name, Json::Text(text))] if name == "Fn::Sub" => {
                let names = text.split("${").skip(1).filter_map(|rest| rest.split(['.', '}']).next());
                all.extend(names.map(|name| name.trim().to_owned()));
            }
            members => members.iter().for_each(|(_, value)| collect_references(value, all)),
        },
        _ => {}
    }
}

/// Properties that name the principals of a policy.
const ATTACHED_TO: [(DraftKind, &str); 3] =
    [(DraftKind::Role, "Roles"), (DraftKind::User, "Users"), (DraftKind::Group, "Groups")];

impl TemplateResource {
    fn items(&self, property: &str) -> Vec<SourceValue> {
        self.properties.get(property).map(SourceValue::items).unwrap_or_default()
    }

    /// What decides the properties as a whole, if the template does not say them.
    fn is_unknown(&self) -> Option<Arc<str>> {
        match &self.properties {
            SourceValue::Unknown(name) | SourceValue::Choice(name, _) => Some(Arc::clone(name)),
            _ => None,
        }
    }
}
