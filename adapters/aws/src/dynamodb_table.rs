//! A DynamoDB table as a [`Table`].
//!
//! Enters: items. Leaves: items with the attributes `pk`, `sk`, `rev`, `ttl` (seconds since 1970), `body` (a native
//! map) and `write` (a unique id of the write). Laws: reads are strongly consistent and complete; a write that was
//! retried after its response was lost is recognized by its id and reported as done.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    attribute_value::{from_json, to_json},
    error::{port_error, sdk_error},
    session::AwsSession,
};
use onlooker_core::{
    ports::{PortError, PortErrorKind, Table, TableContents, TableItem, TableOrigin, WriteCondition},
    time::Time,
};

type ItemAttributes = HashMap<String, AttributeValue>;

const QUERY: &str = "query (dynamodb:Query)";
const DESCRIBE: &str = "describe (dynamodb:DescribeTable)";
const SCAN: &str = "scan (dynamodb:Scan)";
const WRITE: &str = "write (dynamodb:UpdateItem)";
const REMOVE: &str = "remove (dynamodb:DeleteItem)";

/// A DynamoDB table with a partition key `pk` and a sort key `sk`, both text.
#[derive(Clone, Debug)]
pub struct DynamoDbTable {
    aws: AwsSession,
    name: String,
}

impl DynamoDbTable {
    pub(super) const fn new(aws: AwsSession, name: String) -> Self {
        Self { aws, name }
    }

    /// The id of the table, which a table that is restored from a backup does not share, and the time as of which it was restored.
    ///
    /// # Errors
    /// When DynamoDB does not describe the table.
    pub fn origin(&self) -> Result<TableOrigin, PortError> {
        let described = self.aws.block_on(self.aws.dynamodb().describe_table().table_name(&self.name).send());
        let described = described.map_err(|error| sdk_error(DESCRIBE, &self.name, &error))?;
        let table = described.table;
        let restored_to = table.as_ref().and_then(|table| table.restore_summary());
        let restored_to =
            restored_to.and_then(|summary| u32::try_from(summary.restore_date_time().secs()).ok());
        let id = table.and_then(|table| table.table_id.or(table.table_arn));
        let id = id.ok_or_else(|| {
            port_error(DESCRIBE, &self.name, PortErrorKind::Other, "the description has no id")
        })?;
        Ok(TableOrigin { id, restored_to: restored_to.map(Time) })
    }

    fn item_name(&self, partition: &str, sort: &str) -> String {
        format!("{}: {partition} {sort}", self.name)
    }
}

impl Table for DynamoDbTable {
    fn query(&self, partition: &str, prefix: &str) -> Result<Vec<TableItem>, PortError> {
        let mut items = Vec::new();
        let mut begin = None;
        loop {
            let mut query = self
                .aws
                .dynamodb()
                .query()
                .table_name(&self.name)
                .consistent_read(true)
                .expression_attribute_values(":pk", string_value(partition))
                .set_exclusive_start_key(begin);
            // DynamoDB rejects an empty string as a key, also in `begins_with`.
            query = if prefix.is_empty() {
                query.key_condition_expression("pk = :pk")
            } else {
                query
                    .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                    .expression_attribute_values(":sk", string_value(prefix))
            };
            let page = self.aws.block_on(query.send());
            let page = page.map_err(|error| sdk_error(QUERY, self.item_name(partition, prefix), &error))?;
            for attributes in page.items.unwrap_or_default() {
                let strange = || strange_item(QUERY, self.item_name(partition, prefix), &attributes);
                items.push(parse_item(&attributes).ok_or_else(strange)?);
            }
            begin = page.last_evaluated_key.filter(|key| !key.is_empty());
            if begin.is_none() {
                return Ok(items);
            }
        }
    }

    fn put(&self, item: &TableItem, expected: WriteCondition) -> Result<bool, PortError> {
        let write = AttributeValue::S(uuid::Uuid::now_v7().to_string());
        let expires = item.expires_at.map(|time| number_value(u64::from(time.0)));
        // DynamoDB increments the revision, so the update is atomic.
        let change = match expires {
            Some(_) => "SET #body = :body, #write = :write, #ttl = :ttl ADD #rev :one",
            None => "SET #body = :body, #write = :write REMOVE #ttl ADD #rev :one",
        };
        let condition = match (expected, item.revision) {
            (WriteCondition::Always, _) => None,
            (WriteCondition::Unchanged, 0) => Some("attribute_not_exists(#rev)"),
            (WriteCondition::Unchanged, _) => Some("#rev = :rev"),
        };
        let known =
            condition.filter(|condition| condition.contains(":rev")).map(|_| number_value(item.revision));
        let values = [
            (":body", Some(from_json(&item.body))),
            (":write", Some(write.clone())),
            (":one", Some(number_value(1))),
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
            .key("pk", string_value(&item.partition_key))
            .key("sk", string_value(&item.sort_key))
            .update_expression(change)
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_names(Some(HashMap::from(names)))
            .set_expression_attribute_values(Some(values.collect()));
        // If the first attempt succeeded but its response was lost, the retry finds its own write and fails the
        // condition.
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.aws.block_on(put.send()) {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(found)) => {
                    Ok(found.item().and_then(|found| found.get("write")) == Some(&write))
                }
                _ => Err(sdk_error(WRITE, self.item_name(&item.partition_key, &item.sort_key), &error)),
            },
        }
    }

    fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        let delete = self.aws.dynamodb().delete_item().table_name(&self.name);
        let delete = delete.key("pk", string_value(partition)).key("sk", string_value(sort));
        let done = self.aws.block_on(delete.send());
        done.map(|_| ()).map_err(|error| sdk_error(REMOVE, self.item_name(partition, sort), &error))
    }
}

impl TableContents for DynamoDbTable {
    fn visit(&self, visit: &mut dyn FnMut(Vec<TableItem>) -> Result<(), PortError>) -> Result<(), PortError> {
        let mut begin = None;
        loop {
            let scan = self.aws.dynamodb().scan().table_name(&self.name).consistent_read(true);
            let page = self.aws.block_on(scan.set_exclusive_start_key(begin).send());
            let page = page.map_err(|error| sdk_error(SCAN, &self.name, &error))?;
            let parsed = |attributes: &ItemAttributes| {
                parse_item(attributes).ok_or_else(|| strange_item(SCAN, self.name.clone(), attributes))
            };
            visit(page.items.unwrap_or_default().iter().map(parsed).collect::<Result<_, _>>()?)?;
            begin = page.last_evaluated_key.filter(|key| !key.is_empty());
            if begin.is_none() {
                return Ok(());
            }
        }
    }
}

fn strange_item(operation: &'static str, name: String, attributes: &ItemAttributes) -> PortError {
    let said = format!("Onlooker did not write this item; its attributes are {:?}", attributes.keys());
    port_error(operation, name, PortErrorKind::Other, said)
}

fn string_value(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number_value(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn parse_item(attributes: &ItemAttributes) -> Option<TableItem> {
    let text = |name: &str| attributes.get(name)?.as_s().ok().cloned();
    let number = |name: &str| attributes.get(name)?.as_n().ok()?.parse::<u64>().ok();
    Some(TableItem {
        partition_key: text("pk")?,
        sort_key: text("sk")?,
        revision: number("rev")?,
        expires_at: number("ttl").map(|seconds| Time(u32::try_from(seconds).unwrap_or(u32::MAX))),
        body: to_json(attributes.get("body")?)?,
    })
}
