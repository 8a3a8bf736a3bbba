//! A policy that denies single actions.
//!
//! Enters: actions, and the resources on which they are denied. Leaves: a policy document with one `Deny`, as JSON text.
//! Laws: the text has only actions and ARNs of known form, so a text from a record cannot add a wildcard, a variable or
//! another statement; where one has another form, the policy is left out.

use std::sync::Arc;

use serde_json::Value;

use super::document::{GuardrailStatement, PolicyQuota, policy_json, statement_json};

/// A policy that denies actions on resources, or on all resources if none are given; `None` if there are no actions, or
/// if one of the texts is not an action (`service:Name`) or the ARN of one resource.
pub fn denial_policy<T: AsRef<str>>(sid: &str, actions: &[T], resources: &[T]) -> Option<String> {
    let are_known = actions.iter().all(|action| is_action(action.as_ref()))
        && resources.iter().all(|arn| is_resource_arn(arn.as_ref()))
        && sid.chars().all(|c| c.is_ascii_alphanumeric());
    if actions.is_empty() || !are_known {
        return None;
    }
    let all = |texts: &[T]| texts.iter().map(|text| Arc::from(text.as_ref())).collect::<Vec<Arc<str>>>();
    let resource = match resources {
        [] => Value::from("*"),
        [arn] => Value::from(arn.as_ref()),
        many => many.iter().map(AsRef::as_ref).collect(),
    };
    let statement = GuardrailStatement {
        action: all(actions),
        resource,
        ..GuardrailStatement::on_all_resources(sid, "Deny")
    };
    Some(policy_json(&[statement_json(&statement)], PolicyQuota::ManagedPolicy))
}

/// `service:Name` without a wildcard.
fn is_action(text: &str) -> bool {
    let is_service = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.split_once(':').is_some_and(|(service, name)| {
        !service.is_empty()
            && service.chars().all(is_service)
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// An ARN without a wildcard or a policy variable.
fn is_resource_arn(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+=,.@_/:-".contains(c);
    text.starts_with("arn:") && text.split(':').count() >= 6 && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_denied_on_the_resources_that_are_given() {
        let policy =
            denial_policy("Deny1", &["sts:AssumeRole"], &["arn:aws:iam::111122223333:role/A"]).unwrap();
        let value: Value = serde_json::from_str(&policy).unwrap();
        assert_eq!(
            value,
            serde_json::json!({ "Version": "2012-10-17", "Statement": [{
                "Sid": "Deny1", "Effect": "Deny", "Action": ["sts:AssumeRole"],
                "Resource": "arn:aws:iam::111122223333:role/A",
            }] })
        );
        assert!(denial_policy("D", &["s3:PutObject"], &[]).unwrap().contains("\"Resource\": \"*\""));
    }

    #[test]
    fn a_text_of_another_form_makes_no_policy() {
        for action in ["s3:*", "s3:Put\"Object", "PutObject", "s3:", ":Put", "s3:${x}"] {
            assert_eq!(denial_policy("D", &[action], &[]), None, "{action}");
        }
        for arn in ["arn:aws:s3:::*", "arn:aws:s3:::a${aws:username}", "a", "arn:aws:s3:::a\"b", "arn:s3"] {
            assert_eq!(denial_policy("D", &["s3:PutObject"], &[arn]), None, "{arn}");
        }
        assert_eq!(denial_policy::<&str>("D", &[], &[]), None);
        assert_eq!(denial_policy("D 1", &["s3:PutObject"], &[]), None);
    }
}
