//! What a template does not hold: other templates, and what macros and AWS SAM generate.
//!
//! Enters: resources and sections of a template. Leaves: parts that are not read, generated principals, and notes. Law:
//! what may declare a principal or attach a policy, and is not read, is named, and counts against every principal that it
//! may be about.
//!
//! Sources, read 2026-11: CloudFormation User Guide, "Template sections: Transform" and "Intrinsic function reference";
//! SAM Developer Guide, resource types and "Managing resource permissions with AWS SAM connectors".

use std::collections::{BTreeMap, BTreeSet};

use super::{TemplateReader, TemplateResource, TemplateSource, collect_references};
use crate::{
    grants::json::Json,
    hex::hex,
    permissions::{
        NestedTemplate, UnreadDeclaration, UnreadPart,
        policy_files::{
            self,
            principals::DraftKind,
            resource_policies::{collect_principals, is_principal_member},
            value::{SourceValue, placeholder},
        },
    },
};
use sha2::{Digest, Sha256};

/// How deep a template may stand in the text of another.
const MAX_TEMPLATES: usize = 3;
/// Longest value of a parameter (CloudFormation User Guide, "Understand CloudFormation quotas", read 2026-11).
const MAX_PARAMETER_BYTES: usize = 4096;

/// Transforms that add no principals or policies beyond those of their resource types, which are known by their type.
const KNOWN_TRANSFORMS: [&str; 4] = [
    "AWS::Serverless-2016-10-31",
    "AWS::LanguageExtensions",
    "AWS::CodeDeployBlueGreen",
    "AWS::SecretsManager-2020-07-23",
];

/// IAM resources that declare no principal and no policy, by the last part of their type. AWS writes the policies of a
/// service-linked role.
const WITHOUT_POLICIES: [&str; 7] = [
    "AccessKey",
    "InstanceProfile",
    "OIDCProvider",
    "SAMLProvider",
    "ServerCertificate",
    "ServiceLinkedRole",
    "VirtualMFADevice",
];

/// Sources of a connector that AWS SAM gives no policy: the policy is that of the destination.
const WITHOUT_A_ROLE: [&str; 6] = [
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGatewayV2::Api",
    "AWS::Serverless::Api",
    "AWS::Serverless::HttpApi",
];

/// Destinations of a connector that have the policy for a rule of EventBridge. For others, the role of a target has it.
const WITH_A_POLICY_FOR_RULES: [&str; 4] =
    ["AWS::Lambda::Function", "AWS::Serverless::Function", "AWS::SNS::Topic", "AWS::SQS::Queue"];

const PROCESSED: &str =
    "give the template that `aws cloudformation get-template --template-stage Processed` prints";

/// What resources of a loop may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LoopEffect {
    Nothing,
    /// They are users, roles or groups.
    DeclaresPrincipals,
    /// They may attach policies to principals of the template.
    AttachesPolicies,
}

/// SHA-256 of a part of a template.
fn sha256(json: &Json) -> String {
    hex(&Sha256::digest(serde_json::to_string(json).unwrap_or_default()))
}

/// Whether the IAM type has neither a principal nor a policy.
pub(super) fn is_without_policies(kind: &str) -> bool {
    kind.strip_prefix("AWS::IAM::").is_some_and(|name| WITHOUT_POLICIES.contains(&name))
}

impl TemplateReader<'_> {
    pub(super) fn add_unread(&mut self, name: &str, message: String, sha256: Option<String>) {
        let part = UnreadPart { file: self.file.to_owned(), name: name.to_owned(), message };
        self.unread.push(UnreadDeclaration { part, template: None, sha256 });
    }

    /// A stack of another template.
    pub(super) fn other_stack(&mut self, id: &str, resource: &Json, location: &str) {
        let properties = resource.get("Properties").unwrap_or(&Json::Null);
        let place = properties.get(location).and_then(Json::text);
        // The CDK names the file of a nested stack.
        let asset = resource.get("Metadata").and_then(|data| data.get("aws:asset:path")).and_then(Json::text);
        let parameters = self.passed_parameters(properties);
        let template = asset
            .or(place)
            .zip(parameters)
            .map(|(location, parameters)| NestedTemplate { location: location.to_owned(), parameters });
        // The file of a local path may change without the path.
        let is_local = place.is_some_and(|place| !place.contains("://"));
        let part = UnreadPart {
            file: self.file.to_owned(),
            name: id.to_owned(),
            message: "the nested stack is not read: give its template too".to_owned(),
        };
        let sha256 = (!is_local).then(|| sha256(resource));
        self.unread.push(UnreadDeclaration { part, template, sha256 });
        self.count_against_referenced(id, properties);
    }

    /// The parameters that a nested stack gets; none if the template does not say which it gets.
    fn passed_parameters(&self, properties: &Json) -> Option<BTreeMap<String, Option<String>>> {
        let passed = properties.get("Parameters").and_then(|parameters| self.template.resolve(parameters));
        match passed {
            None | Some(SourceValue::Literal(Json::Null)) => Some(BTreeMap::new()),
            Some(SourceValue::Object(members)) => {
                let known =
                    |value: &SourceValue| value.known_text().filter(|text| text.len() <= MAX_PARAMETER_BYTES);
                Some(members.iter().map(|(name, value)| (name.clone(), known(value))).collect())
            }
            Some(_) => None,
        }
    }

    /// A module of the registry, or a product of the Service Catalog.
    pub(super) fn other_resources(&mut self, id: &str, resource: &Json) {
        let message = "its resources are not read: give the processed template".to_owned();
        self.add_unread(id, message, Some(sha256(resource)));
        self.count_against_referenced(id, resource.get("Properties").unwrap_or(&Json::Null));
    }

    /// A resource that gets the name of a principal may attach policies to it.
    fn count_against_referenced(&mut self, id: &str, properties: &Json) {
        let mut referenced = BTreeSet::new();
        collect_references(properties, &mut referenced);
        for name in referenced {
            if let Some(key) = self.drafts.declared_by(&name).cloned() {
                let what = format!("policies that {id} may attach, since it refers to {name}");
                self.drafts.draft(key).undetermined.insert(what);
            }
        }
    }

    /// A stack set: its template is often in the template.
    pub(super) fn stack_set(&mut self, id: &str, resource: &Json, one: &TemplateResource) {
        let properties = resource.get("Properties").unwrap_or(&Json::Null);
        let body = one.properties.get("TemplateBody");
        let text = body.as_ref().and_then(|body| body.known_text()).filter(|_| self.depth < MAX_TEMPLATES);
        let values = text.and_then(|text| policy_files::values(&text).ok());
        if let Some([template]) = values.as_deref()
            && matches!(template.get("Resources"), Some(Json::Object(_)))
        {
            // Its stacks are in accounts of their own.
            let source = TemplateSource {
                file: &format!("{}: {id}", self.file),
                account: None,
                parameters: one
                    .items("Parameters")
                    .iter()
                    .filter_map(|item| {
                        let name = item.get("ParameterKey")?.known_text()?;
                        Some((name, item.get("ParameterValue").and_then(|value| value.known_text())))
                    })
                    .collect(),
                depth: self.depth + 1,
            };
            let file = super::parse(template, &source);
            self.principals.extend(file.principals);
            self.unread.extend(file.unread);
            self.notes.extend(file.notes);
            return;
        }
        let is_local =
            properties.get("TemplateURL").and_then(Json::text).is_some_and(|url| !url.contains("://"));
        let message = "the template of the stack set is not read: give it too".to_owned();
        self.add_unread(id, message, (!is_local).then(|| sha256(resource)));
    }

    /// Macros of the whole template.
    pub(super) fn transforms(&mut self, json: &Json) {
        let macros = ["Transform", "Fn::Transform"].into_iter().filter_map(|name| json.get(name));
        for one in macros.flat_map(Json::as_list) {
            let name = one.text().or_else(|| one.get("Name").and_then(Json::text)).unwrap_or("a macro");
            if KNOWN_TRANSFORMS.contains(&name) {
                continue;
            }
            let what = format!("the macro {name} may add and change resources");
            self.add_unread("Transform", format!("{what}: {PROCESSED}"), Some(sha256(json)));
            self.about_all.push(what);
        }
    }

    /// A resource of a type that is not read, or a loop, with a policy that names a principal of the template.
    pub(super) fn unread_policy(&mut self, id: &str, kind: &str, resource: &Json) {
        let body = match id.starts_with("Fn::ForEach::") {
            true => resource.as_list().get(2),
            false => resource.get("Properties").filter(|_| may_grant(kind)),
        };
        let Some(body) = body else { return };
        let mut names = Vec::new();
        self.principals_within(body, &mut names);
        if self.drafts.add_unread_policy(id, &names, &BTreeSet::new(), self.template.account) {
            let message = "it names a principal of the template, and what it grants is not read".to_owned();
            self.add_unread(id, message, Some(sha256(resource)));
        }
    }

    /// The principals that statements in a part of the template name.
    fn principals_within(&self, json: &Json, all: &mut Vec<SourceValue>) {
        match json {
            Json::List(items) => items.iter().for_each(|item| self.principals_within(item, all)),
            Json::Object(_) if json.get("Effect").and_then(Json::text) == Some("Deny") => {}
            Json::Object(members) => {
                // Resources of a loop with types that are read elsewhere, or that grant nothing.
                let kind = json.get("Type").and_then(Json::text).filter(|_| json.get("Properties").is_some());
                if kind.is_some_and(|kind| kind.starts_with("AWS::IAM::") || is_without_grants(kind)) {
                    return;
                }
                for (name, value) in members {
                    match is_principal_member(name) {
                        true => {
                            let named = self.template.resolve(value).map(|value| (name.clone(), value));
                            collect_principals(&SourceValue::Object(named.into_iter().collect()), all);
                        }
                        false => self.principals_within(value, all),
                    }
                }
            }
            text @ Json::Text(_) => collect_principals(&SourceValue::of(text), all),
            _ => {}
        }
    }

    /// A function in the place of resources, or a macro within one.
    pub(super) fn generated(&mut self, id: &str, resource: &Json) {
        let effect = match id.starts_with("Fn::ForEach::") {
            true => loop_effect(resource.as_list().get(2).unwrap_or(&Json::Null)),
            false => LoopEffect::AttachesPolicies,
        };
        if effect == LoopEffect::Nothing {
            return;
        }
        let draft = self.drafts.declare(DraftKind::Role, &placeholder(id), id);
        draft.undetermined.insert(format!("resources that {id} generates"));
        self.notes.push(format!("`{id}` generates resources: {PROCESSED}"));
        if effect == LoopEffect::AttachesPolicies {
            self.about_all.push(format!("policies that {id} may attach"));
        }
    }

    /// A resource of AWS SAM, with the roles that AWS SAM generates for it.
    pub(super) fn serverless(&mut self, id: &str, kind: &str, resource: &Json) {
        let properties = resource.get("Properties").unwrap_or(&Json::Null);
        let has = |name: &str| properties.get(name).is_some();
        match kind {
            "AWS::Serverless::SimpleTable"
            | "AWS::Serverless::LayerVersion"
            | "AWS::Serverless::Api"
            | "AWS::Serverless::HttpApi"
            | "AWS::Serverless::Connector" => {}
            "AWS::Serverless::Application" => self.other_stack(id, resource, "Location"),
            "AWS::Serverless::Function" | "AWS::Serverless::StateMachine" => {
                let is_function = kind == "AWS::Serverless::Function";
                let has_global_role = is_function && self.global_role().is_some();
                if !has("Role") && !has_global_role {
                    self.generated_role(id, &format!("{id}Role"));
                }
                let events = properties.get("Events").map(Json::members).unwrap_or_default();
                for (event, source) in events {
                    let is_schedule = source.get("Type").and_then(Json::text) == Some("ScheduleV2");
                    let has_role = source.get("Properties").is_some_and(|own| own.get("RoleArn").is_some());
                    if !has_role && (is_schedule || !is_function) {
                        self.generated_role(id, &format!("{id}{event}Role"));
                    }
                }
                let global = self.globals.and_then(|globals| globals.get("Function"));
                let deployment = properties
                    .get("DeploymentPreference")
                    .or_else(|| global.and_then(|global| global.get("DeploymentPreference")))
                    .filter(|preference| is_function && preference.get("Role").is_none());
                if deployment.is_some() {
                    self.generated_role(id, "CodeDeployServiceRole");
                }
            }
            _ => self.generated_role(id, &format!("{id}Role")),
        }
    }

    /// The role of functions that name none, from `Globals`.
    fn global_role(&self) -> Option<&Json> {
        self.globals?.get("Function")?.get("Role")
    }

    /// A role that AWS SAM generates for a resource.
    fn generated_role(&mut self, id: &str, role: &str) {
        let draft = self.drafts.declare(DraftKind::Role, &placeholder(role), role);
        draft.has_generated_name = true;
        draft.undetermined.insert(format!("policies of the role that AWS SAM generates for {id}"));
        self.notes.push(format!("AWS SAM generates the role {role} of {id}: {PROCESSED}"));
    }

    /// The connectors of a resource: AWS SAM adds a policy to the role of their source.
    pub(super) fn connectors(&mut self, id: &str, kind: &str, resource: &Json) {
        if kind == "AWS::Serverless::Connector" {
            let source = resource.get("Properties").and_then(|own| own.get("Source"));
            let name = source.and_then(|source| source.get("Id")).and_then(Json::text);
            self.connector(id, name, resource);
        }
        for (name, connector) in resource.get("Connectors").map(Json::members).unwrap_or_default() {
            self.connector(&format!("{id}.{name}"), Some(id), connector);
        }
    }

    /// Whether each destination of a connector is of one of these types.
    fn has_destinations_of(&self, declaration: &Json, kinds: &[&str]) -> bool {
        let destination = declaration.get("Properties").and_then(|own| own.get("Destination"));
        let is_one = |one: &Json| {
            let by_id = one.get("Id").and_then(Json::text).and_then(|id| self.template.resource(id));
            let kind = by_id.map(|(kind, _)| kind).or_else(|| one.get("Type").and_then(Json::text));
            kind.is_some_and(|kind| kinds.contains(&kind))
        };
        destination.is_some_and(|destination| destination.as_list().iter().all(is_one))
    }

    fn connector(&mut self, connector: &str, source: Option<&str>, declaration: &Json) {
        let found = source.and_then(|source| Some((source, self.template.resource(source)?)));
        if found.is_some_and(|(_, (kind, _))| WITHOUT_A_ROLE.contains(&kind)) {
            return;
        }
        let is_rule = found.is_some_and(|(_, (kind, _))| kind == "AWS::Events::Rule");
        if is_rule && self.has_destinations_of(declaration, &WITH_A_POLICY_FOR_RULES) {
            return;
        }
        let what = format!("the policy that AWS SAM adds for the connector {connector}");
        let mut roles = BTreeSet::new();
        if let Some((source, (kind, properties))) = found {
            let global = || self.global_role().filter(|_| kind == "AWS::Serverless::Function");
            match properties.get("Role").or_else(|| properties.get("RoleArn")).or_else(global) {
                _ if is_rule => {
                    let targets = properties.get("Targets").map(Json::as_list).unwrap_or_default();
                    for role in targets.iter().filter_map(|target| target.get("RoleArn")) {
                        collect_references(role, &mut roles);
                    }
                }
                Some(role) => collect_references(role, &mut roles),
                None => drop(roles.insert(format!("{source}Role"))),
            }
        }
        let keys: Vec<_> = roles.iter().filter_map(|role| self.drafts.declared_by(role)).cloned().collect();
        if keys.is_empty() {
            self.drafts.add_stray(DraftKind::Role, what.clone(), BTreeSet::new());
        }
        for key in keys {
            self.drafts.draft(key).undetermined.insert(what.clone());
        }
        self.notes.push(format!("AWS SAM adds policies for the connector {connector}: {PROCESSED}"));
    }
}

/// Whether policies of a type only limit what others grant.
fn is_without_grants(kind: &str) -> bool {
    ["AWS::EC2::VPCEndpoint", "AWS::Organizations::Policy"].contains(&kind)
}

/// Whether resources of a type that is not read may grant something to a principal.
fn may_grant(kind: &str) -> bool {
    let is_read = kind.starts_with("AWS::IAM::")
        || kind.starts_with("AWS::SSO::")
        || kind.starts_with("AWS::CloudFormation::")
        || super::resource_policy_property(kind).is_some();
    !is_read && !is_without_grants(kind)
}

/// What the resources in the body of a loop may do.
fn loop_effect(body: &Json) -> LoopEffect {
    let of = |(id, resource): &(String, Json)| {
        if id.starts_with("Fn::ForEach::") {
            return loop_effect(resource.as_list().get(2).unwrap_or(&Json::Null));
        }
        match resource.get("Type").and_then(Json::text) {
            Some("AWS::IAM::Role" | "AWS::IAM::User" | "AWS::IAM::Group" | "AWS::SSO::PermissionSet") => {
                LoopEffect::DeclaresPrincipals
            }
            Some(kind) if is_without_policies(kind) => LoopEffect::Nothing,
            Some(kind) if kind.starts_with("AWS::IAM::") || kind.starts_with("AWS::Serverless::") => {
                LoopEffect::AttachesPolicies
            }
            Some(kind) if kind.contains(['$', '&']) || super::is_other_template(kind) => {
                LoopEffect::AttachesPolicies
            }
            Some(_) => LoopEffect::Nothing,
            None => LoopEffect::AttachesPolicies,
        }
    };
    body.members().iter().map(of).max().unwrap_or(LoopEffect::AttachesPolicies)
}
