//! KMS actions that only AWS services may use in a principal's name.
//!
//! Enters: actions, and the services that used them on the principal's behalf. Leaves: conditions on
//! `kms:ViaService`. Laws: a direct call never meets the condition of an allow and always meets that of a deny; a
//! condition that a statement already has stays beside it.
//!
//! Sources: IAM User Guide, "IAM JSON policy elements: Condition operators" (read 2026-11): if the key is not present,
//! a condition is false; if it "requires that the key is not matched, such as StringNotLike", it is true. So
//! `StringNotLike` denies direct calls, and `StringNotLikeIfExists` would do the same. KMS developer guide,
//! "kms:ViaService": the value is the service's name in its region, such as `ssm.us-east-1.amazonaws.com`; a direct
//! call has no such key.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use super::{ActionPattern, document::GuardrailStatement};

/// The condition key that names the service.
pub(super) const VIA_SERVICE: &str = "kms:ViaService";

/// Operators of which one adds the services to a condition. The second is for a statement in which the first already
/// has the key: there, the statement's own condition fails if the key is absent.
const OPERATORS: [&str; 2] = ["StringLike", "StringLikeIfExists"];

/// Number of values in the description of a condition.
const DESCRIBED_VALUES: usize = 10;

/// Values of `kms:ViaService`, in any region, for services that CloudTrail names. A name with other characters than
/// those of host names has no value.
pub(super) fn via_service_values<'a>(
    principal: &str,
    services: impl IntoIterator<Item = &'a Arc<str>>,
) -> BTreeSet<Arc<str>> {
    let is_china = principal.starts_with("arn:aws-cn:");
    let value = |service: &Arc<str>| -> Option<Arc<str>> {
        let (name, domain) = match service.strip_suffix(".amazonaws.com.cn") {
            Some(name) => (name, "amazonaws.com.cn"),
            None if is_china => (service.strip_suffix(".amazonaws.com")?, "amazonaws.com.cn"),
            None => (service.strip_suffix(".amazonaws.com")?, "amazonaws.com"),
        };
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        let is_name = !name.is_empty() && name.bytes().all(is_plain);
        is_name.then(|| format!("{name}.*.{domain}").into())
    };
    services.into_iter().filter_map(value).collect()
}

/// The condition of an allow with the services added; none if it cannot be added.
pub(super) fn with_services(condition: &Value, services: &BTreeSet<Arc<str>>) -> Option<Value> {
    let mut operators = match condition {
        Value::Null => Map::new(),
        Value::Object(operators) => operators.clone(),
        _ => return None,
    };
    for operator in OPERATORS {
        let keys = operators.entry(operator).or_insert_with(|| json!({})).as_object_mut()?;
        if !keys.keys().any(|key| key.eq_ignore_ascii_case(VIA_SERVICE)) {
            keys.insert(VIA_SERVICE.to_owned(), json!(services));
            return Some(Value::Object(operators));
        }
    }
    None
}

/// A description of a condition without the services that [`with_services`] added to it.
pub(super) fn without_services(description: &str, services: &BTreeSet<Arc<str>>) -> String {
    let shown: Vec<&str> = services.iter().take(DESCRIBED_VALUES).map(|value| &**value).collect();
    let mut values = shown.join(", ");
    if let Some(more) = services.len().checked_sub(DESCRIBED_VALUES).filter(|more| *more > 0) {
        values.push_str(&format!(" and {more} more"));
    }
    let mut left = description.to_owned();
    for operator in OPERATORS {
        let added = format!("{VIA_SERVICE} {operator} {values}");
        left = left.replacen(&format!(" and {added}"), "", 1).replacen(&format!("{added} and "), "", 1);
    }
    left
}

/// Statements like `base` for actions that are kept through services, one for each set of services. An allow applies
/// to calls through these services; a deny applies to all other calls.
pub(super) fn statements(
    base: &GuardrailStatement,
    actions: &BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
) -> Vec<GuardrailStatement> {
    let mut groups: BTreeMap<&BTreeSet<Arc<str>>, Vec<ActionPattern>> = BTreeMap::new();
    for (key, services) in actions {
        let whole = ActionPattern { text: Arc::clone(key), known_matches: 1 };
        groups.entry(services).or_default().push(whole);
    }
    let statement = |(n, (services, patterns)): (usize, (&BTreeSet<Arc<str>>, Vec<ActionPattern>))| {
        let condition = if base.effect == "Deny" {
            let mut condition = base.condition.clone();
            let operators = json!({ VIA_SERVICE: services });
            match condition.as_object_mut() {
                Some(own) => {
                    own.insert("StringNotLike".to_owned(), operators);
                    condition
                }
                None => json!({ "StringNotLike": operators }),
            }
        } else {
            with_services(&base.condition, services)?
        };
        let sid = format!("OnlookerThroughServices{}", n + 1);
        Some(GuardrailStatement { sid, condition, ..base.clone() }.with_actions(&patterns))
    };
    groups.into_iter().enumerate().filter_map(statement).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(items: &[&str]) -> BTreeSet<Arc<str>> {
        items.iter().map(|item| Arc::from(*item)).collect()
    }

    #[test]
    fn services_are_named_in_every_region_of_the_partition() {
        let values = |principal: &str, services: &[&str]| via_service_values(principal, &set(services));
        let role = "arn:aws:iam::111122223333:role/Auditor";
        assert_eq!(values(role, &["ssm.amazonaws.com"]), set(&["ssm.*.amazonaws.com"]));
        assert_eq!(values("own policies", &["s3.amazonaws.com"]), set(&["s3.*.amazonaws.com"]));
        assert_eq!(values(role, &["s3.amazonaws.com.cn"]), set(&["s3.*.amazonaws.com.cn"]));
        let china = "arn:aws-cn:iam::111122223333:role/Auditor";
        let both = ["s3.amazonaws.com.cn", "ssm.amazonaws.com"];
        assert_eq!(values(china, &both), set(&["s3.*.amazonaws.com.cn", "ssm.*.amazonaws.com.cn"]));
        let strange =
            ["", "*.amazonaws.com", ".amazonaws.com", "AWS Internal", "${x}.amazonaws.com", "s3.example.com"];
        assert_eq!(values(role, &strange), set(&[]));
    }

    #[test]
    fn own_conditions_stay_beside_the_services() {
        let services = set(&["ssm.*.amazonaws.com"]);
        let added = json!(["ssm.*.amazonaws.com"]);
        let with = |condition: Value| with_services(&condition, &services);
        assert_eq!(with(Value::Null), Some(json!({ "StringLike": { "kms:ViaService": added } })));
        let own = json!({ "StringLike": { "aws:PrincipalTag/team": "a*" }, "Bool": { "aws:SecureTransport": "true" } });
        let both = with(own).expect("a condition");
        assert_eq!(both["StringLike"], json!({ "aws:PrincipalTag/team": "a*", "kms:ViaService": added }));
        assert_eq!(both["Bool"], json!({ "aws:SecureTransport": "true" }));
        let narrow = json!({ "StringLike": { "KMS:viaservice": "*.eu-west-1.amazonaws.com" } });
        let both = with(narrow.clone()).expect("a condition");
        assert_eq!(both["StringLike"], narrow["StringLike"]);
        assert_eq!(both["StringLikeIfExists"], json!({ "kms:ViaService": added }));
        let full = json!({ "StringLike": { "kms:ViaService": "a" }, "StringLikeIfExists": { "kms:ViaService": "b" } });
        assert_eq!(with(full), None);
        assert_eq!(with(json!("x")), None);
    }

    #[test]
    fn added_services_are_taken_out_of_a_description() {
        let services = set(&["s3.*.amazonaws.com", "ssm.*.amazonaws.com"]);
        let added = "kms:ViaService StringLike s3.*.amazonaws.com, ssm.*.amazonaws.com";
        for text in [format!("a Bool true and {added}"), format!("{added} and a Bool true")] {
            assert_eq!(without_services(&text, &services), "a Bool true");
        }
        assert_eq!(without_services("a Bool true", &services), "a Bool true");
    }
}
