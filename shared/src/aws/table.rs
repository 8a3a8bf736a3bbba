//! A DynamoDB table as a [`Table`].
//!
//! Enters: items. Leaves: items with the attributes `pk`, `sk`, `rev`, `ttl` (seconds since 1970), `body` (a native map)
//! and `write` (a name for that one write). Laws: reads are strongly consistent and whole; a write whose answer was lost
//! and that was tried again is still known as done, by its name.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    attribute::{from_json, to_json},
    failure::{failed, failure},
    session::Aws,
};
use crate::{
    ports::{Expected, FailureKind, Item, PortError, Table},
    time::Time,
};

type Attributes = HashMap<String, AttributeValue>;

const QUERY: &str = "query (dynamodb:Query)";
const WRITE: &str = "write (dynamodb:PutItem)";
const REMOVE: &str = "remove (dynamodb:DeleteItem)";

/// A DynamoDB table with a partition key `pk` and a sort key `sk`, both text.
#[derive(Clone, Debug)]
pub struct DynamoTable {
    aws: Aws,
    name: String,
}

impl DynamoTable {
    pub(super) const fn new(aws: Aws, name: String) -> Self {
        Self { aws, name }
    }

    fn at(&self, partition: &str, sort: &str) -> String {
        format!("{}: {partition} {sort}", self.name)
    }
}

impl Table for DynamoTable {
    fn query(&self, partition: &str, prefix: &str) -> Result<Vec<Item>, PortError> {
        let mut items = Vec::new();
        let mut begin = None;
        loop {
            let mut query = self
                .aws
                .dynamodb()
                .query()
                .table_name(&self.name)
                .consistent_read(true)
                .expression_attribute_values(":pk", text(partition))
                .set_exclusive_start_key(begin);
            // An empty text is not allowed as a key, not even to begin with.
            query = if prefix.is_empty() {
                query.key_condition_expression("pk = :pk")
            } else {
                query
                    .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                    .expression_attribute_values(":sk", text(prefix))
            };
            let page = self.aws.wait(query.send());
            let page = page.map_err(|error| failed(QUERY, self.at(partition, prefix), &error))?;
            for attributes in page.items.unwrap_or_default() {
                let strange = || {
                    let said = format!("an item there was not written by Onlooker: {:?}", attributes.keys());
                    failure(QUERY, self.at(partition, prefix), FailureKind::Other, said)
                };
                items.push(item(&attributes).ok_or_else(strange)?);
            }
            begin = page.last_evaluated_key.filter(|key| !key.is_empty());
            if begin.is_none() {
                return Ok(items);
            }
        }
    }

    fn put(&self, item: &Item, expected: Expected) -> Result<bool, PortError> {
        let write = AttributeValue::S(uuid::Uuid::now_v7().to_string());
        let mut put = self
            .aws
            .dynamodb()
            .put_item()
            .table_name(&self.name)
            .item("pk", text(&item.partition))
            .item("sk", text(&item.sort))
            .item("rev", number(item.revision.saturating_add(1)))
            .item("body", from_json(&item.body))
            .item("write", write.clone());
        if let Some(expires) = item.expires {
            put = put.item("ttl", number(u64::from(expires.0)));
        }
        put = match expected {
            Expected::Anything => put,
            Expected::Same if item.revision == 0 => put.condition_expression("attribute_not_exists(pk)"),
            Expected::Same => put
                .condition_expression("rev = :rev")
                .expression_attribute_values(":rev", number(item.revision)),
        };
        // If the first try was done but its answer lost, a second one finds the first in its way.
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.aws.wait(put.send()) {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(found)) => {
                    Ok(found.item().and_then(|found| found.get("write")) == Some(&write))
                }
                _ => Err(failed(WRITE, self.at(&item.partition, &item.sort), &error)),
            },
        }
    }

    fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        let delete = self.aws.dynamodb().delete_item().table_name(&self.name);
        let delete = delete.key("pk", text(partition)).key("sk", text(sort));
        let done = self.aws.wait(delete.send());
        done.map(|_| ()).map_err(|error| failed(REMOVE, self.at(partition, sort), &error))
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn item(attributes: &Attributes) -> Option<Item> {
    let text = |name: &str| attributes.get(name)?.as_s().ok().cloned();
    let number = |name: &str| attributes.get(name)?.as_n().ok()?.parse::<u64>().ok();
    Some(Item {
        partition: text("pk")?,
        sort: text("sk")?,
        revision: number("rev")?,
        expires: number("ttl").map(|seconds| Time(u32::try_from(seconds).unwrap_or(u32::MAX))),
        body: to_json(attributes.get("body")?)?,
    })
}
