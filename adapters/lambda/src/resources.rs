//! The resources that a process keeps for its lifetime.
//!
//! Enters: variables, AWS. Leaves: [`FunctionResources`]: the table, bucket, topic and bus of the deployment, the client of
//! webhooks, and the identity of the function.

use std::sync::Arc;

use super::{
    FunctionError,
    run_calls::{DecisionLines, RunCalls},
    settings::EnvVariables,
};
use onlooker_aws::{AwsSession, DynamoDbTable, EventBus, OtherThreadTable, S3Store, S3Uri, SnsTopic};
use onlooker_core::{
    breaker::BreakerLimits,
    config::{Config, Diagnostic, MonitoringSettings, own_roles::DeploymentResources},
    jobs::{breakers::CircuitBreakers, evidence::EvidenceStore},
    ports::{
        LatestReports, NotificationSink, ObjectRemover, ObjectStore, PortError, Table, TableContents,
        TableOrigin,
    },
    report::CallerIdentity,
};
use onlooker_guard::{CallMonitor, ReadOnlyGuard};
use onlooker_webhook::{WebhookClient, WebhookSink};
use tokio::runtime::Runtime;

/// The deployment that a function belongs to.
pub struct FunctionResources {
    /// The connection to AWS. Its clients have a guard, which lets the function write to the resources of its deployment alone.
    pub aws: AwsSession,
    /// The circuit breakers of its calls.
    pub breakers: Arc<CircuitBreakers>,
    /// The calls of the current run.
    pub(super) calls: Arc<RunCalls>,
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
        function: &str,
        runtime: &Arc<Runtime>,
        aws: AwsSession,
        variables: &EnvVariables,
    ) -> Result<&'static Self, FunctionError> {
        let (table, bucket) = (variables.require("ONLOOKER_TABLE")?, variables.require("ONLOOKER_BUCKET")?);
        let caller = aws.caller_identity()?;
        let guard = own_guard(function, &caller, aws.region(), variables)?;
        // What the breakers themselves call has no breaker. They are asked in the middle of a call, so theirs need another runtime.
        let breaker_aws =
            aws.separate().map_err(|error| FunctionError::new("JobFailed", error.to_string()))?;
        let breaker_table = OtherThreadTable(breaker_aws.guarded(guard.clone()).table(table));
        let limits = BreakerLimits::from(&MonitoringSettings::default());
        let process = uuid::Uuid::now_v7().to_string();
        let breakers = Arc::new(CircuitBreakers::shared(limits, Arc::new(breaker_table), process));
        let calls = Arc::new(RunCalls::default());
        let monitor = CallMonitor::new(Arc::clone(&breakers)).with_log(Arc::clone(&calls) as _);
        let aws = aws.guarded(guard.with_monitor(monitor));
        let table: &'static DynamoDbTable = Box::leak(Box::new(aws.table(table)));
        let store: &'static S3Store = Box::leak(Box::new(aws.store(bucket)));
        Ok(Box::leak(Box::new(Self {
            caller,
            breakers,
            calls,
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
            webhook_client: WebhookClient::new(Arc::clone(runtime)),
            topic: variables.get("ONLOOKER_TOPIC").map(|arn| aws.topic(arn)),
            bus: variables.get("ONLOOKER_BUS").map(|name| aws.event_bus(name)),
            aws,
        })))
    }

    /// What tells the table from a copy of it: a table that was restored from a backup has another identity.
    ///
    /// # Errors
    /// When DynamoDB does not describe the table.
    pub fn table_origin(&self) -> Result<TableOrigin, PortError> {
        self.described_table.origin()
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

/// The guard of the function's own clients: they may read, and write to what the variables name as `data/own_roles.toml` says. The
/// configuration of the user changes nothing about it.
fn own_guard(
    function: &str,
    caller: &CallerIdentity,
    region: &str,
    variables: &EnvVariables,
) -> Result<ReadOnlyGuard, Diagnostic> {
    let role = role_arn(&caller.arn);
    let own = DeploymentResources::of_function(function, &role, region, |name| variables.get(name))?;
    // The ARN with a path, if the template tells it.
    let principal = own.roles.get(function).cloned().unwrap_or(role);
    let config = Config { overrides: own.overrides()?, ..Config::default() };
    Ok(ReadOnlyGuard::new().with_overrides(config, principal).with_log(DecisionLines))
}

/// The ARN of the role of a session, `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`, without the path, which STS does not say.
/// Another ARN stays as it is.
fn role_arn(caller: &str) -> String {
    let session = caller.split_once(":assumed-role/").and_then(|(before, rest)| {
        let (name, _) = rest.split_once('/')?;
        let account = before.rsplit(':').next()?;
        let partition = before.split(':').nth(1)?;
        Some(format!("arn:{partition}:iam::{account}:role/{name}"))
    });
    session.unwrap_or_else(|| caller.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::onlooker_variables;
    use onlooker_core::record::RequestFeatures;

    #[test]
    fn a_function_may_read_and_write_to_its_own_resources_alone() {
        let variables = [("ONLOOKER_TABLE", "state"), ("ONLOOKER_BUCKET", "evidence")];
        let variables =
            onlooker_variables(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        let caller = CallerIdentity {
            arn: "arn:aws:sts::111122223333:assumed-role/onlooker-PullRole-1/pull".to_owned(),
            account: "111122223333".to_owned(),
            user_id: "AROAEXAMPLE:pull".to_owned(),
        };
        let guard = own_guard("pull", &caller, "eu-west-1", &variables).unwrap();
        let table = |name: &str| format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{name}");
        for (service, operation, resource, may) in [
            ("dynamodb", "UpdateItem", table("state"), true),
            ("dynamodb", "UpdateItem", table("other"), false),
            ("dynamodb", "DeleteTable", table("state"), false),
            ("dynamodb", "Query", table("other"), true),
            ("s3", "PutObject", "arn:aws:s3:::evidence/reports/a".to_owned(), true),
            ("s3", "PutObject", "arn:aws:s3:::other/reports/a".to_owned(), false),
            ("s3", "DeleteObject", "arn:aws:s3:::evidence/reports/a".to_owned(), false),
            ("s3", "PutBucketPolicy", "arn:aws:s3:::evidence".to_owned(), false),
            ("cloudtrail", "LookupEvents", String::new(), true),
            ("cloudtrail", "StopLogging", String::new(), false),
        ] {
            let resources = Some(resource).filter(|arn| !arn.is_empty()).into_iter().collect();
            let verdict = guard.judge(service, operation, resources, RequestFeatures::empty());
            assert_eq!(verdict.is_valid, may, "{service}:{operation} {:?}", verdict.validation_message);
        }
    }

    #[test]
    fn the_role_of_a_session_is_found() {
        assert_eq!(
            role_arn("arn:aws-cn:sts::111122223333:assumed-role/pull/session"),
            "arn:aws-cn:iam::111122223333:role/pull"
        );
        for other in ["arn:aws:iam::111122223333:user/path/jane", "arn:aws:iam::111122223333:root"] {
            assert_eq!(role_arn(other), other);
        }
    }
}
