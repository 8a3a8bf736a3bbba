//! JSON as DynamoDB attributes: native maps, lists, strings and numbers.
//!
//! Enters: JSON values or attribute values. Leaves: the other. Laws: a value that was written reads back equal; a
//! number stays exact (DynamoDB keeps 38 digits) and is equal as a number: `1.0` comes back as `1`.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Number, Value};

/// A JSON value as an attribute.
pub(super) fn from_json(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(items) => AttributeValue::L(items.iter().map(from_json).collect()),
        Value::Object(fields) => AttributeValue::M(
            fields.iter().map(|(name, value)| (name.clone(), from_json(value))).collect::<HashMap<_, _>>(),
        ),
    }
}

/// An attribute as a JSON value; none for a type that Onlooker does not write (binary, sets) or a number that JSON
/// cannot hold.
pub(super) fn to_json(value: &AttributeValue) -> Option<Value> {
    Some(match value {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(value) => Value::Bool(*value),
        AttributeValue::N(text) => Value::Number(number(text)?),
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::L(items) => Value::Array(items.iter().map(to_json).collect::<Option<_>>()?),
        AttributeValue::M(fields) => {
            let fields = fields.iter().map(|(name, value)| Some((name.clone(), to_json(value)?)));
            Value::Object(fields.collect::<Option<Map<_, _>>>()?)
        }
        _ => return None,
    })
}

fn number(text: &str) -> Option<Number> {
    let whole = text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from));
    whole.ok().or_else(|| Number::from_f64(text.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_stay_exact() {
        for value in [json!(u64::MAX), json!(i64::MIN), json!(0.1), json!(1e20), json!(-2.5e-9), json!(0)] {
            assert_eq!(to_json(&from_json(&value)), Some(value));
        }
        assert_eq!(to_json(&AttributeValue::N("100".into())), Some(json!(100)));
        assert_eq!(to_json(&AttributeValue::Ss(vec!["a".into()])), None);
        assert_eq!(to_json(&AttributeValue::N("not a number".into())), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_round_trips(value in any_json()) {
            prop_assert_eq!(to_json(&from_json(&value)), Some(value));
        }
    }
}
