//! The resource that a request of DynamoDB, SNS, EventBridge, KMS or STS names.
//!
//! Enters: the operation and its request. Leaves: ARNs, or `None` if the request may access others too. Laws: only operations in
//! [`resources`] are read, because their other parameters name no further resource; a name without an account is one of the
//! sender's account and Region, as AWS takes it.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::Sender;

/// ARNs of the resources. `service` and `operation` are names of the SDK.
pub(super) fn resources(
    service: &str,
    operation: &str,
    request: &HttpRequest,
    sender: Sender<'_>,
) -> Option<Vec<String>> {
    let body = request.body().bytes()?;
    let json = || serde_json::from_slice::<Value>(body).ok();
    match (service, operation) {
        ("DynamoDB", "PutItem" | "UpdateItem" | "DeleteItem") => {
            let body = json()?;
            Some(vec![sender.arn("dynamodb", "table/", body.get("TableName")?.as_str()?)?])
        }
        ("SNS", "Publish") => {
            let named = form_field(body, "TopicArn")?;
            let is_only =
                form_field(body, "TargetArn").is_none() && form_field(body, "PhoneNumber").is_none();
            is_only.then(|| vec![named])
        }
        ("STS", "AssumeRole") => Some(vec![form_field(body, "RoleArn")?]),
        ("EventBridge", "PutEvents") => {
            let body = json()?;
            if body.get("EndpointId").is_some_and(|endpoint| !endpoint.is_null()) {
                return None;
            }
            let bus = |entry: &Value| {
                let name = entry.get("EventBusName").map_or(Some("default"), Value::as_str)?;
                sender.arn("events", "event-bus/", name)
            };
            body.get("Entries")?.as_array()?.iter().map(bus).collect()
        }
        ("KMS", "Sign") => {
            let body = json()?;
            let key = body.get("KeyId")?.as_str()?;
            // An alias may be of any key.
            let is_alias = key.starts_with("alias/") || key.contains(":alias/");
            (!is_alias).then(|| sender.arn("kms", "key/", key))?.map(|arn| vec![arn])
        }
        _ => None,
    }
}

impl Sender<'_> {
    /// The ARN of a resource by its name, which may be an ARN. `None` if the sender's account or Region is not known.
    fn arn(&self, service: &str, kind: &str, name: &str) -> Option<String> {
        if name.starts_with("arn:") {
            return Some(name.to_owned());
        }
        let mut parts = self.principal.split(':').skip(1);
        let (partition, account) = (parts.next()?, parts.nth(2)?);
        let is_known = !self.region.is_empty() && !account.is_empty() && !name.is_empty();
        is_known.then(|| format!("arn:{partition}:{service}:{}:{account}:{kind}{name}", self.region))
    }
}

/// A field of a body that is an HTML form, if it occurs once.
fn form_field(body: &[u8], name: &str) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let fields = body.split('&').filter_map(|field| field.split_once('='));
    let mut found = fields.filter(|(key, _)| *key == name);
    let (_, value) = found.next().filter(|_| found.next().is_none())?;
    let value = value.replace('+', " ");
    percent_decode_str(&value).decode_utf8().ok().map(String::from)
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn named(service: &str, operation: &str, body: &str) -> Option<Vec<String>> {
        let sender = Sender { principal: "arn:aws:iam::111122223333:role/r", region: "eu-west-1" };
        let request = HttpRequest::new(SdkBody::from(body));
        resources(service, operation, &request, sender)
    }

    fn one(arn: &str) -> Option<Vec<String>> {
        Some(vec![arn.to_owned()])
    }

    #[test]
    fn a_name_is_one_of_the_senders_account_and_region() {
        let table = r#"{"TableName":"state","Key":{}}"#;
        let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/state";
        assert_eq!(named("DynamoDB", "UpdateItem", table), one(arn));
        let other = r#"{"TableName":"arn:aws:dynamodb:eu-west-1:444455556666:table/state"}"#;
        assert_eq!(
            named("DynamoDB", "UpdateItem", other),
            one("arn:aws:dynamodb:eu-west-1:444455556666:table/state")
        );
        let request = HttpRequest::new(SdkBody::from(table));
        for (principal, region) in [("", "eu-west-1"), ("arn:aws:iam::111122223333:role/r", "")] {
            let sender = Sender { principal, region };
            assert_eq!(resources("DynamoDB", "UpdateItem", &request, sender), None);
        }
    }

    #[test]
    fn a_request_that_may_access_more_names_nothing() {
        for (service, operation, body) in [
            ("DynamoDB", "TransactWriteItems", r#"{"TableName":"state"}"#),
            ("DynamoDB", "UpdateItem", "{}"),
            ("SNS", "Publish", "Action=Publish&PhoneNumber=%2B15550100"),
            ("SNS", "Publish", "TopicArn=a&TopicArn=b"),
            ("SNS", "Publish", "TopicArn=a&TargetArn=b"),
            ("EventBridge", "PutEvents", r#"{"Entries":[{"EventBusName":"b"}],"EndpointId":"e.veo"}"#),
            ("KMS", "Sign", r#"{"KeyId":"alias/seal"}"#),
            ("SQS", "SendMessage", r#"{"QueueUrl":"q"}"#),
        ] {
            assert_eq!(named(service, operation, body), None, "{operation} {body}");
        }
    }

    #[test]
    fn topics_buses_keys_and_roles_are_named() {
        assert_eq!(
            named(
                "SNS",
                "Publish",
                "Action=Publish&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A111122223333%3At&Message=a"
            ),
            one("arn:aws:sns:eu-west-1:111122223333:t")
        );
        assert_eq!(
            named("STS", "AssumeRole", "RoleArn=arn%3Aaws%3Aiam%3A%3A444455556666%3Arole%2FLookUp"),
            one("arn:aws:iam::444455556666:role/LookUp")
        );
        let entries = r#"{"Entries":[{"EventBusName":"onlooker"},{"Source":"s"}]}"#;
        let bus = "arn:aws:events:eu-west-1:111122223333:event-bus/";
        assert_eq!(
            named("EventBridge", "PutEvents", entries),
            Some(vec![format!("{bus}onlooker"), format!("{bus}default")])
        );
        let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(named("KMS", "Sign", r#"{"KeyId":"1234abcd-12ab-34cd-56ef-1234567890ab"}"#), one(key));
        assert_eq!(named("KMS", "Sign", &format!(r#"{{"KeyId":"{key}"}}"#)), one(key));
    }
}
