//! A DynamoDB table as a [`Table`].
//!
//! Enters: items. Leaves: items with the attributes `pk`, `sk`, `rev`, `ttl` (seconds since 1970), `body` (a native map)
//! and `write` (a name for that one write). Laws: reads are strongly consistent and whole; a write whose answer was lost
//! and that was tried again is still known as done, by its name.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    attribute::{from_json, to_json},
    failure::{failed, failure},
    session::Aws,
};
use onlooker_core::{
    ports::{Expected, FailureKind, Item, PortError, Table},
    time::Time,
};

type Attributes = HashMap<String, AttributeValue>;

const QUERY: &str = "query (dynamodb:Query)";
const WRITE: &str = "write (dynamodb:UpdateItem)";
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
        let expires = item.expires.map(|time| number(u64::from(time.0)));
        // The revision is raised where the item lies: nobody else can come between.
        let change = match expires {
            Some(_) => "SET #body = :body, #write = :write, #ttl = :ttl ADD #rev :one",
            None => "SET #body = :body, #write = :write REMOVE #ttl ADD #rev :one",
        };
        let condition = match (expected, item.revision) {
            (Expected::Anything, _) => None,
            (Expected::Same, 0) => Some("attribute_not_exists(#rev)"),
            (Expected::Same, _) => Some("#rev = :rev"),
        };
        let known = condition.filter(|condition| condition.contains(":rev")).map(|_| number(item.revision));
        let values = [
            (":body", Some(from_json(&item.body))),
            (":write", Some(write.clone())),
            (":one", Some(number(1))),
            (":ttl", expires),
            (":rev", known),
        ];
        let values = values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let names = ["body", "write", "ttl", "rev"].map(|name| (format!("#{name}"), name.to_owned()));
        let put = self
            .aws
            .dynamodb()
            .update_item()
            .table_name(&self.name)
            .key("pk", text(&item.partition))
            .key("sk", text(&item.sort))
            .update_expression(change)
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_names(Some(HashMap::from(names)))
            .set_expression_attribute_values(Some(values.collect()));
        // If the first try was done but its answer lost, a second one finds the first in its way.
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.aws.wait(put.send()) {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(found)) => {
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
