//! What a process has for as long as it lives.
//!
//! Enters: variables, AWS. Leaves: [`Base`]: the deployment's table, bucket, topic and bus, and who we are.

use super::{FunctionError, settings::EnvVariables};
use onlooker_aws::{AwsSession, DynamoDbTable, EventBus, S3Store, SnsTopic};
use onlooker_core::{
    config::Diagnostic, jobs::evidence::EvidenceStore, ports::NotificationSink, report::CallerIdentity,
};

/// The deployment a function belongs to.
#[derive(Debug)]
pub struct FunctionResources {
    /// AWS.
    pub aws: AwsSession,
    /// Who the function is, as AWS says.
    pub caller: CallerIdentity,
    /// Name of the deployment.
    pub deployment: String,
    /// Its table.
    pub table: &'static DynamoDbTable,
    /// Its bucket.
    pub store: &'static S3Store,
    /// The evidence in them.
    pub evidence: EvidenceStore<'static>,
    topic: Option<SnsTopic>,
    bus: Option<EventBus>,
}

impl FunctionResources {
    /// Finds everything. It is kept to the end of the process, which serves one deployment.
    pub(super) fn new(aws: AwsSession, variables: &EnvVariables) -> Result<&'static Self, FunctionError> {
        let (table, bucket) = (variables.require("ONLOOKER_TABLE")?, variables.require("ONLOOKER_BUCKET")?);
        let caller = aws.caller_identity()?;
        let table: &'static DynamoDbTable = Box::leak(Box::new(aws.table(table)));
        let store: &'static S3Store = Box::leak(Box::new(aws.store(bucket)));
        Ok(Box::leak(Box::new(Self {
            caller,
            deployment: variables.get("ONLOOKER_DEPLOYMENT").unwrap_or_default().to_owned(),
            table,
            store,
            evidence: EvidenceStore::new(table, store),
            topic: variables.get("ONLOOKER_TOPIC").map(|arn| aws.topic(arn)),
            bus: variables.get("ONLOOKER_BUS").map(|name| aws.event_bus(name)),
            aws,
        })))
    }

    /// Who passes news on; at least one.
    ///
    /// # Errors
    /// When the deployment names nobody.
    pub fn sinks(&self) -> Result<Vec<&dyn NotificationSink>, FunctionError> {
        let topic = self.topic.as_ref().map(|topic| topic as &dyn NotificationSink);
        let bus = self.bus.as_ref().map(|bus| bus as &dyn NotificationSink);
        let all: Vec<_> = [topic, bus].into_iter().flatten().collect();
        if all.is_empty() {
            return Err(FunctionError::from(Diagnostic {
                message: "neither `ONLOOKER_TOPIC` nor `ONLOOKER_BUS` is set, so nobody would be told"
                    .to_owned(),
                remedy: "deploy the function with `template.yaml`, which sets them".to_owned(),
            }));
        }
        Ok(all)
    }
}
