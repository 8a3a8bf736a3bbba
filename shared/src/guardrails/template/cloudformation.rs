//! Guardrails as a CloudFormation template.
//!
//! Enters: a principal and its guardrails. Leaves: a template in JSON. Laws: no `Fn::Sub` is written, so a policy
//! variable stays for IAM; a document with a key or text that CloudFormation would replace is refused; each policy in
//! the template equals the proven document as JSON.
//!
//! Sources, read 2026-11: CloudFormation User Guide, "Intrinsic function reference" (an object with the one key `Ref` or
//! `Fn::...` is replaced) and "Dynamic references" (`{{resolve:...}}`); the pages of the resource types written here.

use serde_json::{Map, Value, json};

use super::{Attachable, TemplateError, documents, has_kind, policy_name, remarks};
use crate::{
    escape::escape_hidden,
    guardrails::{Guardrail, GuardrailDocument, GuardrailKind},
};

/// Name of the parameter that holds the targets of service control policies.
const TARGETS: &str = "ScpTargetIds";

/// The template for these guardrails.
///
/// # Errors
/// [`TemplateError`] if a document has a text that CloudFormation would replace.
pub fn cloudformation(principal: &str, guardrails: &[Guardrail]) -> Result<String, TemplateError> {
    let attachable = Attachable::of(principal);
    let (mut resources, mut outputs) = (Map::new(), Map::new());
    for (kind, document) in documents(guardrails) {
        let id = format!("Onlooker{}", logical_name(&document.name));
        let policy = policy(document)?;
        let name = policy_name(document, attachable);
        let (resource_type, properties) = match kind {
            GuardrailKind::Scp => (
                "AWS::Organizations::Policy",
                json!({
                    "Name": name, "Type": "SERVICE_CONTROL_POLICY", "Content": policy,
                    "TargetIds": { "Ref": TARGETS },
                }),
            ),
            GuardrailKind::Allow | GuardrailKind::Boundary => {
                let mut properties = json!({ "ManagedPolicyName": name, "PolicyDocument": policy });
                let attached = match attachable {
                    Attachable::Role(name) => Some(("Roles", name)),
                    Attachable::User(name) => Some(("Users", name)),
                    Attachable::Unknown => None,
                };
                if let (GuardrailKind::Allow, Some((list, name)), Some(object)) =
                    (kind, attached, properties.as_object_mut())
                {
                    object.insert(list.to_owned(), json!([name]));
                }
                outputs.insert(format!("{id}Arn"), json!({ "Value": { "Ref": &id } }));
                ("AWS::IAM::ManagedPolicy", properties)
            }
        };
        resources.insert(id, json!({ "Type": resource_type, "Properties": properties }));
    }
    let about = |text: &str| Value::from(escape_hidden(text).replace("{{", "{ {"));
    let mut template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Guardrails generated and proven by Onlooker: the metadata says for which principal.",
        "Metadata": { "Onlooker": {
            "Principal": about(principal),
            "Remarks": remarks(guardrails).map(|remark| about(&remark)).collect::<Vec<_>>(),
        } },
        "Resources": resources,
    });
    if let Some(template) = template.as_object_mut() {
        if has_kind(guardrails, GuardrailKind::Scp) {
            let targets = json!({
                "Type": "CommaDelimitedList",
                "Description": "Accounts, organizational units or roots that the service control policies are attached to",
            });
            template.insert("Parameters".to_owned(), json!({ TARGETS: targets }));
        }
        if !outputs.is_empty() {
            template.insert("Outputs".to_owned(), outputs.into());
        }
    }
    // It holds strings, lists and maps only, so serialization cannot fail.
    Ok(serde_json::to_string_pretty(&template).unwrap_or_default() + "\n")
}

/// `allow-1` as `Allow1`: logical ids hold letters and digits only.
fn logical_name(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

fn policy(document: &GuardrailDocument) -> Result<Value, TemplateError> {
    let policy: Value = serde_json::from_str(&document.text).unwrap_or_default();
    match replaced_text(&policy) {
        None => Ok(policy),
        Some(found) => Err(TemplateError { document: document.name.clone(), found }),
    }
}

/// The first key or text that CloudFormation would replace.
fn replaced_text(value: &Value) -> Option<String> {
    let is_dynamic = |text: &str| text.contains("{{");
    match value {
        Value::String(text) => is_dynamic(text).then(|| "a text with `{{`".to_owned()),
        Value::Array(items) => items.iter().find_map(replaced_text),
        Value::Object(fields) => fields.iter().find_map(|(key, value)| match key.as_str() {
            "Ref" => Some("the key `Ref`".to_owned()),
            key if key.starts_with("Fn::") => Some("a key that begins with `Fn::`".to_owned()),
            key if is_dynamic(key) => Some("a key with `{{`".to_owned()),
            _ => replaced_text(value),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_cloudformation_would_replace_are_found() {
        for hostile in [
            json!({ "Condition": { "StringEquals": { "Ref": "AWS::AccountId" } } }),
            json!([{ "Fn::Sub": "x" }]),
            json!({ "Resource": ["{{resolve:ssm:x}}"] }),
            json!({ "{{resolve:ssm:x}}": 1 }),
        ] {
            assert!(replaced_text(&hostile).is_some(), "{hostile}");
        }
        let plain = json!({ "Resource": "arn:aws:s3:::${aws:username}/*", "Condition": { "Bool": { "a:b": "true" } } });
        assert_eq!(replaced_text(&plain), None);
        assert_eq!(logical_name("allow-1"), "Allow1");
    }
}
