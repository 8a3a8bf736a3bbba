//! The resources that a process keeps for its lifetime.
//!
//! Enters: variables, AWS. Leaves: [`FunctionResources`]: the table, bucket, topic and bus of the deployment, the client of
//! webhooks, and the identity of the function.

use super::{FunctionError, settings::EnvVariables};
use onlooker_aws::{AwsSession, DynamoDbTable, EventBus, S3Store, S3Uri, SnsTopic};
use onlooker_core::{
    config::Diagnostic,
    jobs::evidence::EvidenceStore,
    ports::{LatestReports, NotificationSink, ObjectRemover, ObjectStore, PortError, Table, TableContents},
    report::CallerIdentity,
};
use onlooker_webhook::{WebhookClient, WebhookSink};
use tokio::runtime::Handle;

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
    /// Everything in this table.
    pub table_contents: &'static dyn TableContents,
    /// The table, as DynamoDB describes it.
    described_table: &'static DynamoDbTable,
    /// S3 bucket of the deployment, for evidence and reports.
    pub store: &'static dyn ObjectStore,
    /// Removes objects from this bucket, of which its role allows a few.
    pub remover: &'static dyn ObjectRemover,
    /// Name of this bucket.
    pub bucket: String,
    /// The newest report in this bucket.
    pub latest_reports: &'static dyn LatestReports,
    /// The folders of accounts in the trail that delivers log files to this deployment, if there is one.
    pub trail: Option<S3Uri>,
    /// Whether the deployment ends the audit trail: its template sets a retention.
    pub prunes_audit_trail: bool,
    /// ARN of the KMS key that signs seals of the audit trail, if the deployment has one.
    pub signing_key: Option<String>,
    /// Where backups are kept: daily ones, and weekly ones. Each ends with `/`.
    pub backups: [Option<S3Uri>; 2],
    /// The evidence in the table and the bucket.
    pub evidence: EvidenceStore<'static>,
    /// Sends requests to webhooks.
    pub(super) webhook_client: WebhookClient,
    topic: Option<SnsTopic>,
    bus: Option<EventBus>,
}

impl FunctionResources {
    /// Creates the resources. They are kept until the process ends, which serves one deployment.
    pub(super) fn new(
        handle: &Handle,
        aws: AwsSession,
        variables: &EnvVariables,
    ) -> Result<&'static Self, FunctionError> {
        let (table, bucket) = (variables.require("ONLOOKER_TABLE")?, variables.require("ONLOOKER_BUCKET")?);
        let caller = aws.caller_identity()?;
        let table: &'static DynamoDbTable = Box::leak(Box::new(aws.table(table)));
        let store: &'static S3Store = Box::leak(Box::new(aws.store(bucket)));
        Ok(Box::leak(Box::new(Self {
            caller,
            deployment: variables.get("ONLOOKER_DEPLOYMENT").unwrap_or_default().to_owned(),
            table,
            table_contents: table,
            described_table: table,
            store,
            remover: store,
            bucket: bucket.to_owned(),
            latest_reports: store,
            trail: folder_uri(variables, "ONLOOKER_TRAIL")?,
            prunes_audit_trail: variables.get("ONLOOKER_AUDIT_RETENTION_DAYS").is_some(),
            signing_key: variables.get("ONLOOKER_SIGNING_KEY").map(str::to_owned),
            backups: [
                folder_uri(variables, "ONLOOKER_BACKUPS")?,
                folder_uri(variables, "ONLOOKER_SECOND_BACKUPS")?,
            ],
            evidence: EvidenceStore::new(table, store)
                .expiring_after(variables.number("ONLOOKER_RETENTION_EVIDENCE_DAYS")),
            webhook_client: WebhookClient::new(handle.clone()),
            topic: variables.get("ONLOOKER_TOPIC").map(|arn| aws.topic(arn)),
            bus: variables.get("ONLOOKER_BUS").map(|name| aws.event_bus(name)),
            aws,
        })))
    }

    /// What tells the table from a copy of it: a table that was restored from a backup has another identity.
    ///
    /// # Errors
    /// When DynamoDB does not describe the table.
    pub fn table_id(&self) -> Result<String, PortError> {
        self.described_table.id()
    }

    /// The sinks for events that only programs want, such as each report: the bus, if the deployment has one.
    pub fn program_sinks(&self) -> Vec<&dyn NotificationSink> {
        self.bus.iter().map(|bus| bus as &dyn NotificationSink).collect()
    }

    /// The sinks for notifications: the topic and the bus of the deployment, then the webhooks of its configuration. At least one.
    ///
    /// # Errors
    /// When the deployment has none.
    pub fn sinks<'s>(
        &'s self,
        webhooks: &'s [WebhookSink<'_>],
    ) -> Result<Vec<&'s dyn NotificationSink>, FunctionError> {
        let topic = self.topic.as_ref().map(|topic| topic as &dyn NotificationSink);
        let bus = self.bus.as_ref().map(|bus| bus as &dyn NotificationSink);
        let webhooks = webhooks.iter().map(|webhook| webhook as &dyn NotificationSink);
        let all: Vec<_> = [topic, bus].into_iter().flatten().chain(webhooks).collect();
        if all.is_empty() {
            return Err(FunctionError::from(Diagnostic {
                message:
                    "cannot send notifications: neither `ONLOOKER_TOPIC` nor `ONLOOKER_BUS` is set, and the \
                          configuration has no `[[alerts.webhook]]`"
                        .to_owned(),
                remedy: "deploy the function with `template.yaml`, which sets them".to_owned(),
            }));
        }
        Ok(all)
    }
}

/// The folder that a variable names, if it is set.
fn folder_uri(variables: &EnvVariables, name: &'static str) -> Result<Option<S3Uri>, Diagnostic> {
    let Some(text) = variables.get(name) else { return Ok(None) };
    let uri = text.parse::<S3Uri>().ok().filter(|uri| uri.key.ends_with('/'));
    uri.map(Some).ok_or_else(|| Diagnostic {
        message: format!("`{name}` is `{text}`, which is not the URI of a folder in S3"),
        remedy: "write `s3://bucket/prefix/`, with a slash at its end".to_owned(),
    })
}
