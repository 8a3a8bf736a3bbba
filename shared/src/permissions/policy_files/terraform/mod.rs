//! IAM resources of a Terraform plan or state.
//!
//! Enters: the output of `terraform show -json` (also of OpenTofu). Leaves: the principals that it declares. Laws: a
//! value that is known only after apply is not known here, and what depends on it is; an attachment to a principal that
//! is not known counts against every principal of its kind; an attribute that the configuration does not set is what
//! other resources make of it.
//!
//! Source: Terraform, "JSON Output Format" 1.2; documentation of the provider `hashicorp/aws`, resources of IAM; read
//! 2026-11.

mod references;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::references::Configuration;
use super::{
    PolicyFile,
    document::{self, name_or},
    principals::{DraftKind, ManagedDraft, PolicyRef, PrincipalDrafts},
    value::{SourceValue, placeholder},
};
use crate::grants::{PolicyOrigin, json::Json};

/// One instance of a resource.
pub(super) struct PlannedResource {
    /// Address with module and index, `module.a.aws_iam_role.x["k"]`.
    address: String,
    /// Address of the module instance; empty for the root.
    module: String,
    kind: String,
    name: String,
    /// Index of the instance, as JSON.
    index: Option<String>,
    values: SourceValue,
}

/// Reads the principals of a plan or state.
pub(super) fn parse(json: &Json, account: Option<&str>) -> PolicyFile {
    let unknown: BTreeMap<&str, &Json> = json
        .get("resource_changes")
        .map(list)
        .unwrap_or_default()
        .iter()
        .filter_map(|change| {
            Some((change.get("address")?.text()?, change.get("change")?.get("after_unknown")?))
        })
        .collect();
    let mut resources = Vec::new();
    for values in ["planned_values", "values"].into_iter().filter_map(|name| json.get(name)) {
        collect(values.get("root_module"), "", "managed", &unknown, &mut resources);
    }
    let mut data = Vec::new();
    let states = [json.get("planned_values"), json.get("values")];
    let prior = json.get("prior_state").and_then(|state| state.get("values"));
    for values in states.into_iter().chain([prior]).flatten() {
        collect(values.get("root_module"), "", "data", &unknown, &mut data);
    }
    let configuration = Configuration::of(json.get("configuration"));
    let mut reader =
        PlanReader { resources: &resources, configuration, account, drafts: PrincipalDrafts::default() };
    reader.read();
    let mut file = PolicyFile { principals: reader.drafts.snapshots(account), ..PolicyFile::default() };
    // The data source `aws_iam_policy` has the document of a policy outside of the configuration.
    for policy in data.iter().filter(|one| one.kind == "aws_iam_policy") {
        let text = |name: &str| policy.values.get(name)?.known_text();
        if let (Some(arn), Some(document)) = (text("arn"), text("policy")) {
            file.documents.entry(arn.into()).or_default().insert(document.into());
        }
    }
    file
}

fn list(json: &Json) -> &[Json] {
    match json {
        Json::List(items) => items,
        _ => &[],
    }
}

/// Collects the resources of a module and of the modules in it.
fn collect(
    module: Option<&Json>,
    address: &str,
    mode: &str,
    unknown: &BTreeMap<&str, &Json>,
    all: &mut Vec<PlannedResource>,
) {
    let Some(module) = module else { return };
    for resource in module.get("resources").map(list).unwrap_or_default() {
        let text = |name: &str| resource.get(name).and_then(Json::text).unwrap_or_default().to_owned();
        if text("mode") != mode {
            continue;
        }
        let own = text("address");
        let values = merged(resource.get("values"), unknown.get(own.as_str()).copied(), &own);
        all.push(PlannedResource {
            module: address.to_owned(),
            kind: text("type"),
            name: text("name"),
            index: resource.get("index").map(|index| serde_json::to_string(index).unwrap_or_default()),
            values: values.unwrap_or(SourceValue::Object(Vec::new())),
            address: own,
        });
    }
    // The JSON parser limits how deep modules nest.
    for child in module.get("child_modules").map(list).unwrap_or_default() {
        let address = child.get("address").and_then(Json::text).unwrap_or_default();
        collect(Some(child), address, mode, unknown, all);
    }
}

/// A planned value with its parts that are known only after apply.
fn merged(value: Option<&Json>, unknown: Option<&Json>, name: &str) -> Option<SourceValue> {
    match (value, unknown) {
        (_, Some(Json::Bool(true))) => {
            Some(SourceValue::Unknown(format!("{name} (known after apply)").into()))
        }
        (value, Some(Json::Object(parts))) if matches!(value, None | Some(Json::Null | Json::Object(_))) => {
            let own = value.map(Json::members).unwrap_or_default();
            let names = own.iter().map(|(name, _)| name);
            let more =
                parts.iter().map(|(name, _)| name).filter(|name| own.iter().all(|(own, _)| own != *name));
            let all = names.chain(more).filter_map(|part| {
                let of = |members: &[(String, Json)]| members.iter().position(|(own, _)| own == part);
                let value = of(own).and_then(|at| own.get(at)).map(|(_, value)| value);
                let unknown = of(parts).and_then(|at| parts.get(at)).map(|(_, value)| value);
                Some((part.clone(), merged(value, unknown, &format!("{name}.{part}"))?))
            });
            let all: Vec<_> = all.collect();
            (value.is_some() || !all.is_empty()).then_some(SourceValue::Object(all))
        }
        (value, Some(Json::List(parts))) if matches!(value, None | Some(Json::Null | Json::List(_))) => {
            let own = value.map(list).unwrap_or_default();
            let items = (0..own.len().max(parts.len()))
                .filter_map(|at| merged(own.get(at), parts.get(at), &format!("{name}[{at}]")));
            Some(SourceValue::List(items.collect()))
        }
        (value, _) => value.map(SourceValue::of),
    }
}

struct PlanReader<'a> {
    resources: &'a [PlannedResource],
    configuration: Configuration<'a>,
    account: Option<&'a str>,
    drafts: PrincipalDrafts,
}

impl PlanReader<'_> {
    fn read(&mut self) {
        let resources = self.resources;
        for one in resources.iter().filter(|one| one.kind == "aws_iam_policy") {
            self.managed_policy(one);
        }
        for one in resources {
            match one.kind.as_str() {
                "aws_iam_role" => self.principal(DraftKind::Role, one),
                "aws_iam_user" => self.principal(DraftKind::User, one),
                "aws_iam_group" => self.principal(DraftKind::Group, one),
                "aws_iam_role_policy" => self.inline_policy(DraftKind::Role, "role", one),
                "aws_iam_user_policy" => self.inline_policy(DraftKind::User, "user", one),
                "aws_iam_group_policy" => self.inline_policy(DraftKind::Group, "group", one),
                "aws_iam_role_policy_attachment" => {
                    self.attach(one, "policy_arn", &[(DraftKind::Role, "role")])
                }
                "aws_iam_user_policy_attachment" => {
                    self.attach(one, "policy_arn", &[(DraftKind::User, "user")])
                }
                "aws_iam_group_policy_attachment" => {
                    self.attach(one, "policy_arn", &[(DraftKind::Group, "group")]);
                }
                "aws_iam_role_policy_attachments_exclusive" => {
                    self.attach(one, "policy_arns", &[(DraftKind::Role, "role_name")]);
                }
                "aws_iam_user_policy_attachments_exclusive" => {
                    self.attach(one, "policy_arns", &[(DraftKind::User, "user_name")]);
                }
                "aws_iam_group_policy_attachments_exclusive" => {
                    self.attach(one, "policy_arns", &[(DraftKind::Group, "group_name")]);
                }
                "aws_iam_policy_attachment" => self.attach(
                    one,
                    "policy_arn",
                    &[(DraftKind::Role, "roles"), (DraftKind::User, "users"), (DraftKind::Group, "groups")],
                ),
                "aws_iam_group_membership" => self.memberships(one, "users", "group"),
                "aws_iam_user_group_membership" => self.memberships(one, "user", "groups"),
                _ => {}
            }
        }
    }

    fn principal(&mut self, kind: DraftKind, one: &PlannedResource) {
        let name = principal_name(one);
        let path = one.values.get("path").map_or_else(|| "/".to_owned(), |path| path.display());
        let attached: Vec<PolicyRef> = self.policies(one, "managed_policy_arns");
        let boundary = self.policies(one, "permissions_boundary").into_iter().next();
        let inline = self.configured(one, "inline_policy").map(SourceValue::items).unwrap_or_default();
        let trust = one.values.get("assume_role_policy").and_then(|trust| trust.known_text());
        let draft = self.drafts.principal(kind, &name);
        draft.is_declared = true;
        draft.arn = one.values.get("arn").and_then(|arn| arn.known_text());
        draft.path_and_name = format!("{path}{name}");
        draft.attached.extend(attached.into_iter().map(|policy| (policy, None)));
        draft.boundary = boundary;
        draft.trust = trust.map(Into::into);
        for policy in inline {
            let document = policy.get("policy");
            // A block without a policy only says that there are no other inline policies.
            if matches!(policy, SourceValue::Object(_))
                && document.as_ref().and_then(SourceValue::known_text) == Some(String::new())
            {
                continue;
            }
            let name = name_or(policy.get("name").as_ref(), &format!("inline policy of {}", one.address));
            let document = document.unwrap_or(policy);
            draft.inline.push(document::policy(&name, PolicyOrigin::Inline, Some(&document), None));
        }
        if let Some(SourceValue::Object(tags)) = one.values.get("tags_all").or_else(|| one.values.get("tags"))
        {
            let known = tags.into_iter().filter_map(|(key, value)| Some((key, value.known_text()?)));
            draft.tags.extend(known);
        }
    }

    fn managed_policy(&mut self, one: &PlannedResource) {
        let text = |name: &str| one.values.get(name).map(|value| value.display());
        let name = match one.values.get("name") {
            Some(SourceValue::Unknown(_)) | None => placeholder(&one.address),
            Some(name) => name.display(),
        };
        let arn = one.values.get("arn").and_then(|arn| arn.known_text());
        let account = self.account.unwrap_or("*");
        let path = text("path").unwrap_or_else(|| "/".to_owned());
        let managed = ManagedDraft {
            name: arn.unwrap_or_else(|| format!("arn:aws:iam::{account}:policy{path}{name}")),
            document: one.values.get("policy"),
            condition: None,
        };
        self.drafts.add_managed(&one.address, managed);
    }

    /// The value of an attribute; none if it is not known because the configuration does not set it.
    fn configured(&self, one: &PlannedResource, attribute: &str) -> Option<SourceValue> {
        let value = one.values.get(attribute)?;
        let is_computed =
            matches!(value, SourceValue::Unknown(_)) && self.configuration.leaves_unset(one, attribute);
        (!is_computed).then_some(value)
    }

    /// The managed policies that an attribute names.
    fn policies(&self, one: &PlannedResource, attribute: &str) -> Vec<PolicyRef> {
        let Some(value) = self.configured(one, attribute) else { return Vec::new() };
        let mut all = Vec::new();
        for item in value.items() {
            match item.known_text() {
                Some(arn) if arn.is_empty() => {}
                Some(arn) => all.push(self.policy_at(arn)),
                None => match self.configuration.resolve(one, attribute, "aws_iam_policy", self.resources) {
                    // Of several policies in one value, the expression may take any.
                    Some(found) if found.len() == 1 || attribute == "managed_policy_arns" => {
                        all.extend(found.iter().map(|one| PolicyRef::InFile(one.address.clone())));
                    }
                    _ => all
                        .push(PolicyRef::Unknown(format!("{}.{attribute} (known after apply)", one.address))),
                },
            }
        }
        all.dedup();
        all
    }

    fn policy_at(&self, arn: String) -> PolicyRef {
        let is_it = |one: &&PlannedResource| {
            one.kind == "aws_iam_policy"
                && one.values.get("arn").and_then(|own| own.known_text()).as_ref() == Some(&arn)
        };
        match self.resources.iter().find(is_it) {
            Some(one) => PolicyRef::InFile(one.address.clone()),
            None => PolicyRef::Arn(arn),
        }
    }

    /// Names of the principals that an attribute names. What is not known is noted against all of the kind, and gets a
    /// principal of its own.
    fn principals(&mut self, kind: DraftKind, one: &PlannedResource, attribute: &str) -> Vec<String> {
        let Some(value) = one.values.get(attribute) else { return Vec::new() };
        let kind_name = format!("aws_iam_{}", kind.word());
        let mut all = Vec::new();
        for item in value.items() {
            match item.known_text() {
                Some(name) => all.push(name),
                None => match self.configuration.resolve(one, attribute, &kind_name, self.resources) {
                    Some(found) => all.extend(found.into_iter().map(principal_name)),
                    None => {
                        let what =
                            format!("{}, with a {} that is known after apply", one.address, kind.word());
                        self.drafts.add_stray(kind, what);
                        all.push(placeholder(&format!("{}.{attribute}", one.address)));
                    }
                },
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    fn inline_policy(&mut self, kind: DraftKind, attribute: &str, one: &PlannedResource) {
        let name = name_or(one.values.get("name").as_ref(), &one.address);
        let document = one.values.get("policy");
        let policy = document::policy(&name, PolicyOrigin::Inline, document.as_ref(), None);
        for principal in self.principals(kind, one, attribute) {
            self.drafts.principal(kind, &principal).inline.push(policy.clone());
        }
    }

    fn attach(&mut self, one: &PlannedResource, policies: &str, principals: &[(DraftKind, &str)]) {
        let attached = self.policies(one, policies);
        for (kind, attribute) in principals {
            for name in self.principals(*kind, one, attribute) {
                let draft = self.drafts.principal(*kind, &name);
                draft.attached.extend(attached.iter().map(|policy| (policy.clone(), None)));
            }
        }
    }

    fn memberships(&mut self, one: &PlannedResource, users: &str, groups: &str) {
        let groups = self.principals(DraftKind::Group, one, groups);
        for user in self.principals(DraftKind::User, one, users) {
            self.drafts.principal(DraftKind::User, &user).groups.extend(groups.iter().cloned());
        }
    }
}

/// The name of a user, role or group; its address if the name is known only after apply.
fn principal_name(one: &PlannedResource) -> String {
    one.values.get("name").and_then(|name| name.known_text()).unwrap_or_else(|| placeholder(&one.address))
}

impl PlannedResource {
    /// The address in its module without the index, `aws_iam_role.x`.
    fn declaration(&self) -> String {
        format!("{}.{}", self.kind, self.name)
    }
}
