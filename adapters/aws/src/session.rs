//! A session with AWS, configured like any AWS tool.
//!
//! Enters: environment, profiles and instance metadata, read by the SDK. Leaves: [`AwsSession`], which creates
//! clients and adapters. Laws: timeouts and retries are set here only; a client is created when it is first used.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_config::{
    BehaviorVersion, ConfigLoader, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_credential_types::provider::ProvideCredentials as _;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_types::service_config::ServiceConfigKey;
use tokio::runtime::{Builder, Runtime};

use super::{
    dynamodb_table::DynamoDbTable,
    error::sdk_error,
    http,
    missing_credentials::MissingCredentials,
    notification_sinks::{EventBus, SnsTopic},
    s3_store::S3Store,
    stack_outputs::stack_outputs,
};
use onlooker_core::{
    ports::{PortError, PortErrorKind},
    report::CallerIdentity,
};
use onlooker_guard::ReadOnlyGuard;

/// The region if none is configured. Buckets can be found from any region, and the caller identity is the same in
/// all.
const FALLBACK_REGION: &str = "us-east-1";

/// Longest time to establish a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest time without data on a connection.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest attempt of a call, including an upload.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// Maximum number of attempts of a call, the first included.
const MAX_ATTEMPTS: u32 = 4;

/// A session with AWS. Clones share clients, credentials and connections.
#[derive(Clone, Debug)]
pub struct AwsSession {
    config: SdkConfig,
    has_region: bool,
    runtime: Arc<Runtime>,
    guard: Option<ReadOnlyGuard>,
    clients: Arc<SdkClients>,
}

#[derive(Debug, Default)]
struct SdkClients {
    cloudtrail: OnceLock<aws_sdk_cloudtrail::Client>,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    eventbridge: OnceLock<aws_sdk_eventbridge::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    kms: OnceLock<aws_sdk_kms::Client>,
    organizations: OnceLock<aws_sdk_organizations::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
    sns: OnceLock<aws_sdk_sns::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
}

/// The configuration of a client of a service, with the guard of the session.
macro_rules! client_config {
    ($session:expr, $sdk:ident) => {{
        let mut config = $sdk::config::Builder::from(&$session.config);
        if let Some(guard) = &$session.guard {
            config.push_interceptor(SharedInterceptor::new(guard.clone()));
        }
        config
    }};
}

impl AwsSession {
    /// A session with the region, credentials and endpoints that any AWS tool finds. Sends no request. Blocks its
    /// thread. Its calls run on `runtime`: on the thread that waits for them, if that is a runtime of the current thread.
    pub fn connect(runtime: Arc<Runtime>) -> Self {
        Self::connect_with(runtime, |loader| loader)
    }

    /// The same, with changes by the caller.
    pub fn connect_with(runtime: Arc<Runtime>, adjust: impl FnOnce(ConfigLoader) -> ConfigLoader) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http::client())
            .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
            .timeout_config(timeouts);
        let config = runtime.block_on(adjust(loader).load());
        let has_region = config.region().is_some();
        let config = match config.region() {
            Some(_) => config,
            None => config.into_builder().region(Region::from_static(FALLBACK_REGION)).build(),
        };
        Self { config, has_region, runtime, guard: None, clients: Arc::default() }
    }

    /// A session with the same credentials, and clients of its own that have a guard.
    #[must_use]
    pub fn guarded(&self, guard: ReadOnlyGuard) -> Self {
        Self { guard: Some(guard), clients: Arc::default(), ..self.clone() }
    }

    /// A session with the same credentials, and with a runtime and connections of its own: its calls do not wait for those of this
    /// session.
    ///
    /// # Errors
    /// When the runtime cannot start.
    pub fn separate(&self) -> io::Result<Self> {
        let runtime = Arc::new(Builder::new_current_thread().enable_all().build()?);
        let config = self.config.clone().into_builder().http_client(http::client()).build();
        Ok(Self { config, runtime, clients: Arc::default(), ..self.clone() })
    }

    /// The region of calls that set no region.
    pub fn region(&self) -> &str {
        self.config.region().map_or(FALLBACK_REGION, Region::as_ref)
    }

    /// The region that the environment configures; `None` if it configures none, and the fallback is used.
    pub fn configured_region(&self) -> Option<&str> {
        self.has_region.then(|| self.region())
    }

    /// The identity of the caller, as AWS reports it. Needs no permission.
    ///
    /// # Errors
    /// If the call fails.
    pub fn caller_identity(&self) -> Result<CallerIdentity, PortError> {
        const GET_CALLER_IDENTITY: &str = "get the caller identity (sts:GetCallerIdentity) in";
        let said = self.block_on(self.sts().get_caller_identity().send());
        let said = said.map_err(|error| sdk_error(GET_CALLER_IDENTITY, self.region(), &error))?;
        Ok(CallerIdentity {
            arn: said.arn.unwrap_or_default(),
            account: said.account.unwrap_or_default(),
            user_id: said.user_id.unwrap_or_default(),
        })
    }

    /// The outputs of a CloudFormation stack, by key.
    ///
    /// # Errors
    /// If the call fails; `NotFound` if there is no such stack.
    pub fn stack_outputs(&self, stack: &str) -> Result<BTreeMap<String, String>, PortError> {
        stack_outputs(self, stack)
    }

    /// The credentials, region and endpoint in force, as the variables that name them to other clients. Credentials that
    /// expire are not renewed there.
    ///
    /// # Errors
    /// If no credentials are found.
    pub fn credential_variables(&self) -> Result<Vec<(String, String)>, PortError> {
        let failed = |cause: Box<dyn std::error::Error + Send + Sync>| PortError {
            operation: "find credentials for",
            name: self.region().to_owned(),
            kind: PortErrorKind::AccessDenied,
            cause,
        };
        let Some(provider) = self.config.credentials_provider() else {
            return Err(failed(Box::new(MissingCredentials::none())));
        };
        let found = self.block_on(provider.provide_credentials()).map_err(|error| {
            failed(Box::new(MissingCredentials::cause_of(&error).unwrap_or_else(MissingCredentials::none)))
        })?;
        let mut variables = vec![
            ("AWS_ACCESS_KEY_ID", found.access_key_id()),
            ("AWS_SECRET_ACCESS_KEY", found.secret_access_key()),
            ("AWS_SESSION_TOKEN", found.session_token().unwrap_or_default()),
            ("AWS_REGION", self.region()),
        ];
        variables.extend(self.config.endpoint_url().map(|endpoint| ("AWS_ENDPOINT_URL", endpoint)));
        Ok(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The DynamoDB table of this name, as a port.
    pub fn table(&self, name: impl Into<String>) -> DynamoDbTable {
        DynamoDbTable::new(self.clone(), name.into())
    }

    /// The S3 bucket of this name, as an object store.
    pub fn store(&self, bucket: impl Into<String>) -> S3Store {
        S3Store::new(self.clone(), bucket.into())
    }

    /// The SNS topic with this ARN, as a notification sink.
    pub fn topic(&self, arn: impl Into<String>) -> SnsTopic {
        SnsTopic::new(self.clone(), arn.into())
    }

    /// The EventBridge bus of this name, as a notification sink.
    pub fn event_bus(&self, name: impl Into<String>) -> EventBus {
        EventBus::new(self.clone(), name.into())
    }

    /// Blocks this thread until the work is done.
    pub(super) fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    /// CloudTrail, without retries: the caller of LookupEvents paces its calls, and a hidden retry would exceed the
    /// rate.
    pub(super) fn cloudtrail(&self) -> &aws_sdk_cloudtrail::Client {
        self.clients.cloudtrail.get_or_init(|| {
            let config = client_config!(self, aws_sdk_cloudtrail);
            aws_sdk_cloudtrail::Client::from_conf(config.retry_config(RetryConfig::disabled()).build())
        })
    }

    pub(super) fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.clients.dynamodb.get_or_init(|| {
            aws_sdk_dynamodb::Client::from_conf(client_config!(self, aws_sdk_dynamodb).build())
        })
    }

    pub(super) fn eventbridge(&self) -> &aws_sdk_eventbridge::Client {
        self.clients.eventbridge.get_or_init(|| {
            aws_sdk_eventbridge::Client::from_conf(client_config!(self, aws_sdk_eventbridge).build())
        })
    }

    /// IAM, without retries: its account-wide rate limits are low, and the caller backs off.
    pub(super) fn iam(&self) -> &aws_sdk_iam::Client {
        self.clients.iam.get_or_init(|| {
            let config = client_config!(self, aws_sdk_iam);
            aws_sdk_iam::Client::from_conf(config.retry_config(RetryConfig::disabled()).build())
        })
    }

    pub(super) fn kms(&self) -> &aws_sdk_kms::Client {
        self.clients
            .kms
            .get_or_init(|| aws_sdk_kms::Client::from_conf(client_config!(self, aws_sdk_kms).build()))
    }

    /// AWS Organizations, without retries for the same reason.
    pub(super) fn organizations(&self) -> &aws_sdk_organizations::Client {
        self.clients.organizations.get_or_init(|| {
            let config = client_config!(self, aws_sdk_organizations);
            aws_sdk_organizations::Client::from_conf(config.retry_config(RetryConfig::disabled()).build())
        })
    }

    /// S3. With a configured endpoint, the bucket is in the path, since such a host rarely has a name for each
    /// bucket.
    pub(super) fn s3(&self) -> &aws_sdk_s3::Client {
        self.clients.s3.get_or_init(|| {
            let config = client_config!(self, aws_sdk_s3);
            let path_style = self.endpoint("s3").is_some();
            aws_sdk_s3::Client::from_conf(config.force_path_style(path_style).build())
        })
    }

    pub(super) fn sns(&self) -> &aws_sdk_sns::Client {
        self.clients
            .sns
            .get_or_init(|| aws_sdk_sns::Client::from_conf(client_config!(self, aws_sdk_sns).build()))
    }

    pub(super) fn sts(&self) -> &aws_sdk_sts::Client {
        self.clients
            .sts
            .get_or_init(|| aws_sdk_sts::Client::from_conf(client_config!(self, aws_sdk_sts).build()))
    }

    /// The SDK configuration: region, credentials, endpoints.
    pub(super) const fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The endpoint that the environment sets for a service, or for all services.
    pub(super) fn endpoint(&self, service: &'static str) -> Option<String> {
        let key = ServiceConfigKey::builder();
        let key = key.service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let services = self.config.service_config().zip(key.build().ok());
        let own = services.and_then(|(services, key)| services.load_config(key));
        own.or_else(|| self.config.endpoint_url().map(str::to_owned))
    }
}
