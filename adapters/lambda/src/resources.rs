//! The resources that a process keeps for its lifetime.
//!
//! Enters: variables, AWS. Leaves: [`FunctionResources`]: the table, bucket, topic and bus of the deployment, and the
//! identity of the function.

use super::{FunctionError, settings::EnvVariables};
use onlooker_aws::{AwsSession, EventBus, S3Store, S3Uri, SnsTopic};
use onlooker_core::{
    config::Diagnostic,
    jobs::evidence::EvidenceStore,
    ports::{LatestReports, NotificationSink, ObjectStore, Table},
    report::CallerIdentity,
};

/// The deployment that a function belongs to.
pub struct FunctionResources {
    /// The connection to AWS.
    pub aws: AwsSession,
    /// The identity of the function, from AWS.
    pub caller: CallerIdentity,
    /// Name of the deployment: its CloudFormation stack.
    pub deployment: String,
    /// DynamoDB table of the deployment.
    pub table: &'static dyn Table,
    /// S3 bucket of the deployment, for evidence and reports.
    pub store: &'static dyn ObjectStore,
    /// Name of this bucket.
    pub bucket: String,
    /// The newest report in this bucket.
    pub latest_reports: &'static dyn LatestReports,
    /// The folders of accounts in the trail that delivers log files to this deployment, if there is one.
    pub trail: Option<S3Uri>,
    /// The evidence in the table and the bucket.
    pub evidence: EvidenceStore<'static>,
    topic: Option<SnsTopic>,
    bus: Option<EventBus>,
}

impl FunctionResources {
    /// Creates the resources. They are kept until the process ends, which serves one deployment.
    pub(super) fn new(aws: AwsSession, variables: &EnvVariables) -> Result<&'static Self, FunctionError> {
        let (table, bucket) = (variables.require("ONLOOKER_TABLE")?, variables.require("ONLOOKER_BUCKET")?);
        let caller = aws.caller_identity()?;
        let table: &'static dyn Table = Box::leak(Box::new(aws.table(table)));
        let store: &'static S3Store = Box::leak(Box::new(aws.store(bucket)));
        Ok(Box::leak(Box::new(Self {
            caller,
            deployment: variables.get("ONLOOKER_DEPLOYMENT").unwrap_or_default().to_owned(),
            table,
            store,
            bucket: bucket.to_owned(),
            latest_reports: store,
            trail: variables.get("ONLOOKER_TRAIL").map(trail_uri).transpose()?,
            evidence: EvidenceStore::new(table, store).expiring_after(variables.number("ONLOOKER_RETENTION_EVIDENCE_DAYS")),
            topic: variables.get("ONLOOKER_TOPIC").map(|arn| aws.topic(arn)),
            bus: variables.get("ONLOOKER_BUS").map(|name| aws.event_bus(name)),
            aws,
        })))
    }

    /// The sinks for events that only programs want, such as each report: the bus, if the deployment has one.
    pub fn program_sinks(&self) -> Vec<&dyn NotificationSink> {
        self.bus.iter().map(|bus| bus as &dyn NotificationSink).collect()
    }

    /// The sinks for notifications; at least one.
    ///
    /// # Errors
    /// When the deployment has no topic and no bus.
    pub fn sinks(&self) -> Result<Vec<&dyn NotificationSink>, FunctionError> {
        let topic = self.topic.as_ref().map(|topic| topic as &dyn NotificationSink);
        let bus = self.bus.as_ref().map(|bus| bus as &dyn NotificationSink);
        let all: Vec<_> = [topic, bus].into_iter().flatten().collect();
        if all.is_empty() {
            return Err(FunctionError::from(Diagnostic {
                message: "cannot send notifications: neither `ONLOOKER_TOPIC` nor `ONLOOKER_BUS` is set"
                    .to_owned(),
                remedy: "deploy the function with `template.yaml`, which sets them".to_owned(),
            }));
        }
        Ok(all)
    }
}

fn trail_uri(text: &str) -> Result<S3Uri, Diagnostic> {
    let uri = text.parse::<S3Uri>().ok().filter(|uri| uri.key.contains("AWSLogs/") && uri.key.ends_with('/'));
    uri.ok_or_else(|| Diagnostic {
        message: format!("`ONLOOKER_TRAIL` is `{text}`, which is not the URI of the folder of a trail"),
        remedy: "write `s3://bucket/AWSLogs/`, with the prefix of the trail and the ID of the organization".to_owned(),
    })
}
