//! IAM resources of a Terraform plan or state.
//!
//! Enters: the output of `terraform show -json` (also of OpenTofu). Leaves: the principals that it declares. Laws: a
//! value that is known only after apply is not known here, and what depends on it is; an attachment to a principal that
//! is not known counts against every principal of its kind; an attribute that the configuration does not set is what
//! other resources make of it; a set that is not known has at least the members that the configuration refers to.
//!
//! Source: Terraform, "JSON Output Format" 1.2; documentation of the provider `hashicorp/aws`, resources of IAM; read
//! 2026-11.

mod permission_sets;
mod references;
#[cfg(test)]
mod tests;
mod unread;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use self::references::Configuration;
use super::{
    PolicyFile,
    document::{self, name_or},
    principals::{AttachmentTarget, DraftKind, ManagedDraft, PolicyRef, PrincipalDrafts},
    value::{SourceValue, placeholder},
};
use crate::{
    grants::{PolicyOrigin, PolicySnapshot, json::Json},
    permissions::UnreadDeclaration,
};

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
    /// Addresses of the resources that a state says it depends on.
    dependencies: Vec<String>,
}

/// Reads the principals of a plan or state. `file` is the name of the file.
pub(super) fn parse(json: &Json, file: &str, account: Option<&str>) -> PolicyFile {
    let changes = json.get("resource_changes").map(list).unwrap_or_default();
    let of_changes = |member: &str| -> BTreeMap<&str, &Json> {
        let found = changes
            .iter()
            .filter_map(|change| Some((change.get("address")?.text()?, change.get("change")?.get(member)?)));
        found.collect()
    };
    let unknown = of_changes("after_unknown");
    let mut resources = Vec::new();
    for values in ["planned_values", "values"].into_iter().filter_map(|name| json.get(name)) {
        collect(values.get("root_module"), "", "managed", &unknown, &mut resources);
    }
    let (mut data, mut earlier) = (Vec::new(), Vec::<PlannedResource>::new());
    let states = [json.get("planned_values"), json.get("values")];
    let prior = json.get("prior_state").and_then(|state| state.get("values"));
    for values in states.into_iter().chain([prior]).flatten() {
        collect(values.get("root_module"), "", "data", &unknown, &mut data);
    }
    // What Terraform forgets stays in AWS.
    let forgets = |actions: &Json| list(actions).iter().any(|action| action.text() == Some("forget"));
    let actions = of_changes("actions");
    collect(
        prior.and_then(|values| values.get("root_module")),
        "",
        "managed",
        &BTreeMap::new(),
        &mut earlier,
    );
    let is_forgotten =
        |one: &PlannedResource| actions.get(one.address.as_str()).is_some_and(|one| forgets(one));
    let (kept, changed): (Vec<_>, Vec<_>) =
        earlier.into_iter().partition(|one| is_forgotten(one) || is_released(one, &resources));
    let earlier = changed;
    let deleted_inline = earlier.iter().filter_map(inline_policy_name).collect();
    // A plan repeats the policies of a role, and not those of other principals.
    let repeated = |one: &PlannedResource| one.kind.starts_with("aws_iam_role");
    let kept: Vec<PlannedResource> =
        kept.into_iter().filter(|one| !repeated(one) && is_about_principals_of(&resources, one)).collect();
    resources.extend(kept);
    let configuration = Configuration::of(json.get("configuration"));
    let mut reader = PlanReader {
        resources: &resources,
        earlier: by_role(&earlier),
        deleted_inline,
        configuration,
        file,
        account,
        is_plan: json.get("planned_values").is_some(),
        drafts: PrincipalDrafts::default(),
        principals: Vec::new(),
        about_all: Vec::new(),
        with_hidden_blocks: Vec::new(),
        unread: Vec::new(),
        notes: Vec::new(),
    };
    reader.completeness(json);
    reader.read();
    let mut file = reader.finish();
    // The data source `aws_iam_policy` has the document of a policy outside of the configuration.
    for policy in data.iter().filter(|one| one.kind == "aws_iam_policy") {
        let text = |name: &str| policy.values.get(name)?.known_text();
        if let (Some(arn), Some(document)) = (text("arn"), text("policy")) {
            file.documents.entry(arn.into()).or_default().insert(document.into());
        }
    }
    file
}

/// Attributes that name the principals of a resource, and the type of the principals.
const PRINCIPAL_ATTRIBUTES: [(&str, &str); 8] = [
    ("role_name", "aws_iam_role"),
    ("user", "aws_iam_user"),
    ("user_name", "aws_iam_user"),
    ("users", "aws_iam_user"),
    ("group", "aws_iam_group"),
    ("group_name", "aws_iam_group"),
    ("groups", "aws_iam_group"),
    ("permission_set_arn", "aws_ssoadmin_permission_set"),
];

/// The texts of an attribute that are known.
fn known_items(one: &PlannedResource, attribute: &str) -> Vec<String> {
    let items = one.values.get(attribute).map(SourceValue::items).unwrap_or_default();
    items.iter().filter_map(SourceValue::known_text).collect()
}

/// Whether a resource of the state before the plan is an exclusive list of policies that the plan does not keep for
/// its principal: Terraform detaches and deletes no policy when it destroys the list.
fn is_released(one: &PlannedResource, planned: &[PlannedResource]) -> bool {
    (one.kind.ends_with("_attachments_exclusive") || one.kind.ends_with("_policies_exclusive"))
        && PRINCIPAL_ATTRIBUTES.iter().all(|(attribute, _)| {
            let named = known_items(one, attribute);
            let is_kept = |name: &String| {
                planned
                    .iter()
                    .any(|other| other.kind == one.kind && known_items(other, attribute).contains(name))
            };
            !named.iter().any(is_kept)
        })
}

/// Whether a resource names a principal of the plan without being one.
fn is_about_principals_of(planned: &[PlannedResource], one: &PlannedResource) -> bool {
    PRINCIPAL_ATTRIBUTES.iter().any(|(attribute, kind)| {
        let named = known_items(one, attribute);
        let own = if *attribute == "permission_set_arn" { "arn" } else { "name" };
        planned.iter().any(|other| {
            other.kind == *kind && known_items(other, own).iter().any(|name| named.contains(name))
        })
    })
}

/// Of an inline policy: the type of its resource, its principal and its name.
fn inline_policy_name(one: &PlannedResource) -> Option<(String, String, String)> {
    let attribute = match one.kind.as_str() {
        "aws_iam_role_policy" => "role",
        "aws_iam_user_policy" => "user",
        "aws_iam_group_policy" => "group",
        _ => return None,
    };
    let text = |attribute: &str| one.values.get(attribute)?.known_text();
    Some((one.kind.clone(), text(attribute)?, text("name")?))
}

/// The resources that give policies to roles, by the name of the role.
fn by_role(resources: &[PlannedResource]) -> BTreeMap<String, Vec<&PlannedResource>> {
    let mut all: BTreeMap<String, Vec<&PlannedResource>> = BTreeMap::new();
    for one in resources {
        let attribute = match one.kind.as_str() {
            "aws_iam_role_policy" | "aws_iam_role_policy_attachment" => "role",
            "aws_iam_policy_attachment" => "roles",
            "aws_iam_role_policy_attachments_exclusive" => "role_name",
            _ => continue,
        };
        for role in one.values.get(attribute).map(SourceValue::items).unwrap_or_default() {
            if let Some(role) = role.known_text() {
                all.entry(role).or_default().push(one);
            }
        }
    }
    all
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
            dependencies: resource
                .get("depends_on")
                .map(list)
                .unwrap_or_default()
                .iter()
                .filter_map(|address| address.text().map(str::to_owned))
                .collect(),
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
    /// Resources of the state before the plan that gave policies to roles, by the name of the role.
    earlier: BTreeMap<String, Vec<&'a PlannedResource>>,
    /// Inline policies of the state before the plan: type of the resource, principal and name. Those that the plan does not have
    /// are deleted.
    deleted_inline: BTreeSet<(String, String, String)>,
    configuration: Configuration<'a>,
    file: &'a str,
    account: Option<&'a str>,
    is_plan: bool,
    drafts: PrincipalDrafts,
    /// Principals of templates in the plan.
    principals: Vec<PolicySnapshot>,
    /// What may be about every principal, in words.
    about_all: Vec<String>,
    /// Roles of which blocks `dynamic "inline_policy"` would not be seen.
    with_hidden_blocks: Vec<String>,
    unread: Vec<UnreadDeclaration>,
    notes: Vec<String>,
}

/// Largest number of addresses in a note.
const MAX_ADDRESSES: usize = 3;

impl PlanReader<'_> {
    fn finish(mut self) -> PolicyFile {
        for what in &self.about_all {
            self.drafts.add_undetermined(what);
        }
        if let [first, ..] = self.with_hidden_blocks.as_slice() {
            let named = self.with_hidden_blocks.iter().take(MAX_ADDRESSES).map(String::as_str);
            let more = match self.with_hidden_blocks.len().saturating_sub(MAX_ADDRESSES) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let which = if self.with_hidden_blocks.len() == 1 {
                first.clone()
            } else {
                named.collect::<Vec<_>>().join(", ")
            };
            self.notes.push(format!(
                "a plan does not show blocks `dynamic \"inline_policy\"` if their number is known only after apply: if \
                 {which}{more} has one, check the role again after apply"
            ));
        }
        self.notes.extend(self.drafts.shared_arns(self.account));
        let mut principals = self.drafts.snapshots(self.account);
        principals.append(&mut self.principals);
        PolicyFile { principals, unread: self.unread, notes: self.notes, ..PolicyFile::default() }
    }

    fn read(&mut self) {
        let resources = self.resources;
        for one in resources.iter().filter(|one| one.kind == "aws_iam_policy") {
            self.managed_policy(one);
        }
        // Principals before attachments, so that attachments find them.
        for one in resources {
            match one.kind.as_str() {
                "aws_iam_role" => self.principal(DraftKind::Role, one),
                "aws_iam_user" => self.principal(DraftKind::User, one),
                "aws_iam_group" => self.principal(DraftKind::Group, one),
                "aws_ssoadmin_permission_set" => self.permission_set(one),
                _ => {}
            }
        }
        for one in resources {
            match one.kind.as_str() {
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
                "aws_iam_role_policies_exclusive"
                | "aws_iam_user_policies_exclusive"
                | "aws_iam_group_policies_exclusive" => {}
                "aws_iam_policy_attachment" => self.attach(
                    one,
                    "policy_arn",
                    &[(DraftKind::Role, "roles"), (DraftKind::User, "users"), (DraftKind::Group, "groups")],
                ),
                "aws_iam_group_membership" => self.memberships(one, "users", "group"),
                "aws_iam_user_group_membership" => self.memberships(one, "user", "groups"),
                _ if self.policy_of_permission_set(one) => {}
                _ => self.other(one),
            }
        }
        // Lists of inline policies after the policies, so that the lists find them.
        for one in resources {
            match one.kind.as_str() {
                "aws_iam_role_policies_exclusive" => self.inline_list(DraftKind::Role, "role_name", one),
                "aws_iam_user_policies_exclusive" => self.inline_list(DraftKind::User, "user_name", one),
                "aws_iam_group_policies_exclusive" => self.inline_list(DraftKind::Group, "group_name", one),
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
        let inline: Vec<SourceValue> = inline
            .into_iter()
            .filter(|policy| !self.is_of_other_resource(one, "inline_policy", policy))
            .collect();
        if kind == DraftKind::Role
            && matches!(one.values.get("inline_policy"), Some(SourceValue::Unknown(_)))
            && self.configuration.leaves_unset(one, "inline_policy")
        {
            self.with_hidden_blocks.push(one.address.clone());
        }
        let trust = one.values.get("assume_role_policy").and_then(|trust| trust.known_text());
        let draft = self.drafts.declare(kind, &name, &one.address);
        draft.has_generated_name = name.contains("${");
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

    /// Whether a member of an attribute is what another resource made of it before the plan. If the configuration does not
    /// set the attribute, a plan repeats what the last refresh found; what the plan makes of the other resource counts.
    fn is_of_other_resource(&self, one: &PlannedResource, attribute: &str, member: &SourceValue) -> bool {
        if !self.configuration.leaves_unset(one, attribute) {
            return false;
        }
        let (role, declaration) = (principal_name(one), one.configuration_address());
        // Roles of one name in several accounts are told apart by what the other resource depends on.
        let is_only = || {
            let is_alike = |other: &&PlannedResource| other.kind == one.kind && principal_name(other) == role;
            self.resources.iter().filter(is_alike).count() < 2
        };
        let has = |other: &PlannedResource, attribute: &str, text: &str| {
            let items = other.values.get(attribute).map(SourceValue::items).unwrap_or_default();
            items.iter().any(|item| item.known_text().as_deref() == Some(text))
        };
        let Some(text) = (match attribute {
            "inline_policy" => member.get("name").and_then(|name| name.known_text()),
            _ => member.known_text(),
        }) else {
            return false;
        };
        self.earlier.get(&role).into_iter().flatten().any(|other| {
            let is_it = match (attribute, other.kind.as_str()) {
                ("inline_policy", "aws_iam_role_policy") => has(other, "name", &text),
                ("managed_policy_arns", "aws_iam_role_policy_attachment" | "aws_iam_policy_attachment") => {
                    has(other, "policy_arn", &text)
                }
                ("managed_policy_arns", "aws_iam_role_policy_attachments_exclusive") => {
                    has(other, "policy_arns", &text)
                }
                _ => false,
            };
            is_it && (other.dependencies.contains(&declaration) || is_only())
        })
    }

    /// The managed policies that an attribute names.
    fn policies(&self, one: &PlannedResource, attribute: &str) -> Vec<PolicyRef> {
        let Some(value) = self.configured(one, attribute) else { return Vec::new() };
        let mut members = Members::of(value, attribute);
        if attribute == "managed_policy_arns" {
            members
                .known
                .retain(|arn| !self.is_of_other_resource(one, attribute, &SourceValue::text(arn.as_str())));
        }
        let mut all: Vec<PolicyRef> = members
            .known
            .iter()
            .filter(|arn| !arn.is_empty())
            .map(|arn| self.policy_at(arn.clone()))
            .collect();
        let found = match members.unknown {
            UnknownMembers::None => Some(Vec::new()),
            _ => self.configuration.resolve(one, attribute, "aws_iam_policy", self.resources),
        };
        let is_known = |one: &&PlannedResource| {
            one.values
                .get("arn")
                .and_then(|arn| arn.known_text())
                .is_some_and(|arn| members.known.contains(&arn))
        };
        let found: Option<Vec<_>> =
            found.map(|found| found.into_iter().filter(|one| !is_known(one)).collect());
        let is_complete = match (&found, members.unknown) {
            (Some(found), UnknownMembers::Count(count)) => found.len() == count,
            (_, UnknownMembers::None) => true,
            (None, _) | (Some(_), UnknownMembers::Any) => false,
        };
        // Of several policies in one value, the expression may take any; of a set, all are members.
        if is_complete || members.unknown == UnknownMembers::Any {
            let found = found.unwrap_or_default();
            all.extend(found.iter().map(|one| PolicyRef::InFile(one.address.clone())));
        }
        if !is_complete {
            all.push(PolicyRef::Unknown(format!("{}.{attribute} (known after apply)", one.address)));
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

    /// The principals that an attribute names.
    fn principals(&self, kind: DraftKind, one: &PlannedResource, attribute: &str) -> NamedPrincipals {
        let mut named = NamedPrincipals::default();
        let Some(value) = one.values.get(attribute) else { return named };
        let kind_name = format!("aws_iam_{}", kind.word());
        let members = Members::of(value, attribute);
        let is_shared = |name: &String| self.drafts.named(kind, name, &BTreeSet::new()).len() > 1;
        let is_asked = members.unknown != UnknownMembers::None || members.known.iter().any(is_shared);
        let resolve = || self.configuration.resolve(one, attribute, &kind_name, self.resources);
        let resolved = is_asked.then(resolve).flatten();
        let referenced: BTreeSet<String> = match &resolved {
            Some(found) => found.iter().map(|one| one.address.clone()).collect(),
            None => one.dependencies.iter().cloned().collect(),
        };
        for name in &members.known {
            named.targets.extend(self.drafts.named(kind, name, &referenced));
        }
        let Some(mut found) = resolved else {
            named.is_open = members.unknown != UnknownMembers::None;
            named.is_unknown = named.is_open;
            return named;
        };
        found.retain(|one| !members.known.contains(&principal_name(one)));
        // Of several principals in one value, the expression may take any; of a set, all are members.
        let is_one_of_several = |count: usize| found.len() > count;
        let condition: Option<Arc<str>> = match members.unknown {
            UnknownMembers::None => return named,
            UnknownMembers::Count(count) if is_one_of_several(count) => {
                Some(format!("which {} is in {}.{attribute}", kind.word(), one.address).into())
            }
            UnknownMembers::Count(count) => {
                named.is_open = found.len() < count;
                None
            }
            UnknownMembers::Any => {
                named.is_open = true;
                None
            }
        };
        let keys = found.iter().filter_map(|one| self.drafts.declared_by(&one.address));
        named.targets.extend(keys.map(|key| (key.clone(), condition.clone())));
        named
    }

    /// The principals that a policy is attached to. What is not known is noted against all principals that it may be;
    /// a principal of which nothing is known gets a draft of its own.
    fn attached_to(
        &mut self,
        kind: DraftKind,
        one: &PlannedResource,
        attribute: &str,
    ) -> Vec<AttachmentTarget> {
        let mut named = self.principals(kind, one, attribute);
        if named.is_open {
            let what = format!("{}, with a {} that is known after apply", one.address, kind.word());
            let except = named.targets.iter().map(|(key, _)| key.clone()).collect();
            self.drafts.add_stray(kind, what, except);
        }
        if named.is_unknown {
            let name = placeholder(&format!("{}.{attribute}", one.address));
            named.targets.push(((kind, name, String::new()), None));
        }
        named.targets
    }

    fn inline_policy(&mut self, kind: DraftKind, attribute: &str, one: &PlannedResource) {
        let name = name_or(one.values.get("name").as_ref(), &one.address);
        let document = one.values.get("policy");
        for (key, condition) in self.attached_to(kind, one, attribute) {
            let policy =
                document::policy(&name, PolicyOrigin::Inline, document.as_ref(), condition.as_deref());
            self.drafts.draft(key).inline.push(policy);
        }
    }

    /// The list of all inline policies of a principal. Terraform deletes the others; a policy of the list that the file does not
    /// declare is managed elsewhere, so its document is not known.
    fn inline_list(&mut self, kind: DraftKind, attribute: &str, one: &PlannedResource) {
        const NAMES: &str = "policy_names";
        let Some(value) = one.values.get(NAMES) else { return };
        let members = Members::of(value, NAMES);
        let declared = format!("aws_iam_{}_policy", kind.word());
        let is_open = members.unknown != UnknownMembers::None
            && self.configuration.resolve(one, NAMES, &declared, self.resources).is_none();
        let unknown = is_open.then(|| placeholder(&format!("{}.{NAMES}", one.address)));
        for (key, condition) in self.attached_to(kind, one, attribute) {
            let is_deleted = |name: &String| {
                let principal = key.1.clone();
                self.deleted_inline.contains(&(declared.clone(), principal, name.clone()))
            };
            let mut names: Vec<String> =
                members.known.iter().filter(|name| !is_deleted(name)).chain(&unknown).cloned().collect();
            let draft = self.drafts.draft(key);
            names.retain(|name| draft.inline.iter().all(|policy| *policy.name != **name));
            draft.inline.extend(
                names
                    .iter()
                    .map(|name| document::policy(name, PolicyOrigin::Inline, None, condition.as_deref())),
            );
        }
    }

    fn attach(&mut self, one: &PlannedResource, policies: &str, principals: &[(DraftKind, &str)]) {
        let attached = self.policies(one, policies);
        for (kind, attribute) in principals {
            for (key, condition) in self.attached_to(*kind, one, attribute) {
                let draft = self.drafts.draft(key);
                draft.attached.extend(attached.iter().map(|policy| (policy.clone(), condition.clone())));
            }
        }
    }

    fn memberships(&mut self, one: &PlannedResource, users: &str, groups: &str) {
        let named = self.principals(DraftKind::Group, one, groups);
        let mut groups: BTreeSet<(String, BTreeSet<String>)> = named
            .targets
            .iter()
            .map(|((_, name, by), _)| (name.clone(), BTreeSet::from([by.clone()])))
            .collect();
        let is_sure = named.targets.iter().all(|(_, condition)| condition.is_none());
        if named.is_open || !is_sure {
            groups.insert((placeholder(&format!("{}.{}", one.address, "groups")), BTreeSet::new()));
        }
        for (key, condition) in self.attached_to(DraftKind::User, one, users) {
            let draft = self.drafts.draft(key);
            match condition {
                None => draft.groups.extend(groups.iter().cloned()),
                Some(_) => drop(draft.undetermined.insert(format!("groups of {}", one.address))),
            }
        }
    }
}

/// The principals that an attribute names.
#[derive(Default)]
struct NamedPrincipals {
    targets: Vec<AttachmentTarget>,
    /// Whether there may be others.
    is_open: bool,
    /// Whether nothing is known of the others.
    is_unknown: bool,
}

/// How many members of an attribute are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnknownMembers {
    None,
    Count(usize),
    /// Of a set with a member that is not known, a plan says nothing: it may have any number of members, also
    /// constants, which `configuration` does not show.
    Any,
}

/// The members of an attribute.
struct Members {
    known: Vec<String>,
    unknown: UnknownMembers,
}

/// Attributes with sets.
const SETS: [&str; 6] = ["managed_policy_arns", "policy_arns", "policy_names", "roles", "users", "groups"];

impl Members {
    fn of(value: SourceValue, attribute: &str) -> Self {
        if matches!(value, SourceValue::Unknown(_)) && SETS.contains(&attribute) {
            return Self { known: Vec::new(), unknown: UnknownMembers::Any };
        }
        let items = value.items();
        let known: Vec<String> = items.iter().filter_map(SourceValue::known_text).collect();
        let unknown = match items.len().saturating_sub(known.len()) {
            0 => UnknownMembers::None,
            count => UnknownMembers::Count(count),
        };
        Self { known, unknown }
    }
}

/// The name of a user, role or group; its address if the name is known only after apply.
fn principal_name(one: &PlannedResource) -> String {
    one.values.get("name").and_then(|name| name.known_text()).unwrap_or_else(|| placeholder(&one.address))
}

impl PlannedResource {
    /// The address without indexes, as resources of a state name what they depend on.
    fn configuration_address(&self) -> String {
        let modules = references::module_names(&self.module);
        let modules: String = modules.iter().map(|name| format!("module.{name}.")).collect();
        format!("{modules}{}", self.declaration())
    }

    /// The address in its module without the index, `aws_iam_role.x`.
    fn declaration(&self) -> String {
        format!("{}.{}", self.kind, self.name)
    }
}
