//! A table that is called on a thread of its own.
//!
//! Enters: calls from inside a future that the SDK runs, where a thread must not wait for another future. Leaves: their results. Law:
//! the calling thread waits until the call is done.

use std::thread;

use super::{dynamodb_table::DynamoDbTable, error::port_error};
use onlooker_core::ports::{PortError, PortErrorKind, Table, TableItem, WriteCondition};

/// A DynamoDB table whose calls are made on another thread.
#[derive(Clone, Debug)]
pub struct OtherThreadTable(pub DynamoDbTable);

impl OtherThreadTable {
    fn run<T: Send>(
        &self,
        operation: &'static str,
        call: impl FnOnce(&DynamoDbTable) -> Result<T, PortError> + Send,
    ) -> Result<T, PortError> {
        let done = thread::scope(|scope| scope.spawn(|| call(&self.0)).join());
        done.unwrap_or_else(|_| {
            Err(port_error(operation, "the table", PortErrorKind::Other, "the call panicked"))
        })
    }
}

impl Table for OtherThreadTable {
    fn query(&self, partition: &str, prefix: &str) -> Result<Vec<TableItem>, PortError> {
        self.run("query", |table| table.query(partition, prefix))
    }

    fn put(&self, item: &TableItem, expected: WriteCondition) -> Result<bool, PortError> {
        self.run("write", |table| table.put(item, expected))
    }

    fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        self.run("remove", |table| table.delete(partition, sort))
    }
}
