//! What a process has for as long as it lives.
//!
//! Enters: variables, AWS. Leaves: [`Base`]: the deployment's table, bucket, topic and bus, and who we are.

use super::{Failure, settings::Variables};
use onlooker_aws::{Aws, DynamoTable, EventBus, S3Store, SnsTopic};
use onlooker_core::{config::Fault, jobs::evidence::House, ports::Announcer, report::Caller};

/// The deployment a function belongs to.
#[derive(Debug)]
pub struct Base {
    /// AWS.
    pub aws: Aws,
    /// Who the function is, as AWS says.
    pub caller: Caller,
    /// Name of the deployment.
    pub deployment: String,
    /// Its table.
    pub table: &'static DynamoTable,
    /// Its bucket.
    pub store: &'static S3Store,
    /// The evidence in them.
    pub house: House<'static>,
    topic: Option<SnsTopic>,
    bus: Option<EventBus>,
}

impl Base {
    /// Finds everything. It is kept to the end of the process, which serves one deployment.
    pub(super) fn new(aws: Aws, variables: &Variables) -> Result<&'static Self, Failure> {
        let (table, bucket) = (variables.need("ONLOOKER_TABLE")?, variables.need("ONLOOKER_BUCKET")?);
        let caller = aws.caller()?;
        let table: &'static DynamoTable = Box::leak(Box::new(aws.table(table)));
        let store: &'static S3Store = Box::leak(Box::new(aws.store(bucket)));
        Ok(Box::leak(Box::new(Self {
            caller,
            deployment: variables.get("ONLOOKER_DEPLOYMENT").unwrap_or_default().to_owned(),
            table,
            store,
            house: House::new(table, store),
            topic: variables.get("ONLOOKER_TOPIC").map(|arn| aws.topic(arn)),
            bus: variables.get("ONLOOKER_BUS").map(|name| aws.bus(name)),
            aws,
        })))
    }

    /// Who passes news on; at least one.
    ///
    /// # Errors
    /// When the deployment names nobody.
    pub fn announcers(&self) -> Result<Vec<&dyn Announcer>, Failure> {
        let topic = self.topic.as_ref().map(|topic| topic as &dyn Announcer);
        let bus = self.bus.as_ref().map(|bus| bus as &dyn Announcer);
        let all: Vec<_> = [topic, bus].into_iter().flatten().collect();
        if all.is_empty() {
            return Err(Failure::from(Fault {
                message: "neither `ONLOOKER_TOPIC` nor `ONLOOKER_BUS` is set, so nobody would be told"
                    .to_owned(),
                remedy: "deploy the function with `template.yaml`, which sets them".to_owned(),
            }));
        }
        Ok(all)
    }
}
