//! The connection of a command to AWS.
//!
//! Enters: region, credentials and endpoints, as other AWS tools find them. Leaves: ports. Law: only a command that
//! needs AWS connects to it.

use std::{collections::BTreeMap, error::Error, sync::Arc};

use onlooker_aws::{
    AccountPolicies, AwsProber, AwsSession, EventHistory, MissingCredentials, OrganizationPolicies, S3Source,
    S3Uri, SecurityHub, SystemClock,
};
use onlooker_core::{
    attestation::Signer,
    config::Diagnostic,
    log_integrity::PublicKeys,
    ports::{
        Clock, CloudTrailApi, FindingImporter, IamApi, ObjectMetadata, ObjectStore, OrganizationsApi, Prober,
        Table,
    },
    report::CallerIdentity,
    time::Time,
};
use tokio::runtime::Builder;

use crate::exit::CommandError;

/// What the user can do about an error of AWS, if the error does not say it.
pub fn remedy(error: &(dyn Error + 'static)) -> Option<&'static str> {
    error.is::<MissingCredentials>().then_some(
        "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with `aws sso login`; \
         `onlooker doctor` checks them",
    )
}

/// A connection to AWS.
pub struct AwsConnection {
    aws: AwsSession,
}

impl AwsConnection {
    /// Connects to AWS with the credentials of the environment.
    pub fn connect(_what: &str) -> Result<Self, CommandError> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(CommandError::Runtime)?;
        Ok(Self { aws: AwsSession::connect(Arc::new(runtime)) })
    }

    /// The identity of the caller, from AWS.
    pub fn caller(&self) -> Result<CallerIdentity, CommandError> {
        self.aws.caller_identity().map_err(CommandError::Aws)
    }

    /// AWS region that the connection uses.
    pub fn region(&self) -> &str {
        self.aws.region()
    }

    /// AWS region that is configured; `None` if the connection uses a fallback.
    pub fn configured_region(&self) -> Option<&str> {
        self.aws.configured_region()
    }

    /// The outputs of a CloudFormation stack, by key.
    pub fn stack_outputs(&self, stack: &str) -> Result<BTreeMap<String, String>, CommandError> {
        self.aws.stack_outputs(stack).map_err(CommandError::Aws)
    }

    /// All objects under these S3 URIs.
    pub fn s3_objects(&self, places: &[String]) -> Result<Box<dyn ObjectMetadata>, CommandError> {
        let read = |place: &String| {
            place.parse::<S3Uri>().map_err(|remedy| {
                CommandError::Usage(Diagnostic { message: format!("`{place}` is not an S3 URI"), remedy })
            })
        };
        let places: Vec<S3Uri> = places.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Box::new(S3Source::new(self.aws.clone(), places)))
    }

    /// CloudTrail's event history of the own account, and of others through a role.
    pub fn trail(&self, account: &str, role: Option<String>) -> Box<dyn CloudTrailApi> {
        Box::new(EventHistory::new(self.aws.clone(), account, role))
    }

    /// The public keys with which CloudTrail signs digest files in a region between two times.
    pub fn public_keys(&self, region: &str, since: Time, until: Time) -> Result<PublicKeys, CommandError> {
        self.aws.public_keys(region, since, until).map_err(CommandError::Aws)
    }

    /// Policies in IAM of the own account, and of others through a role.
    pub fn authorizations(&self, account: &str, role: Option<String>) -> Box<dyn IamApi> {
        Box::new(AccountPolicies::new(self.aws.clone(), account, role))
    }

    /// Policies of the organization.
    pub fn organization(&self) -> Box<dyn OrganizationsApi> {
        Box::new(OrganizationPolicies::new(self.aws.clone()))
    }

    /// The prober of required reads.
    pub fn prober(&self) -> Box<dyn Prober> {
        Box::new(AwsProber::new(self.aws.clone()))
    }

    /// Security Hub in the account and region of the connection.
    pub fn security_hub(&self) -> Box<dyn FindingImporter> {
        Box::new(SecurityHub::new(self.aws.clone()))
    }

    /// The DynamoDB table of this name.
    pub fn table(&self, name: &str) -> Box<dyn Table> {
        Box::new(self.aws.table(name))
    }

    /// The S3 bucket of this name.
    pub fn store(&self, bucket: &str) -> Box<dyn ObjectStore> {
        Box::new(self.aws.store(bucket))
    }

    /// A key of AWS KMS that signs. Reads its public key.
    pub fn kms_key(&self, arn: &str) -> Result<Box<dyn Signer>, CommandError> {
        Ok(Box::new(self.aws.kms_key(arn).map_err(CommandError::Aws)?))
    }

    /// The credentials, region and endpoint in force, as the variables that name them.
    #[cfg(feature = "clouds")]
    pub fn credential_variables(&self) -> Result<Vec<(String, String)>, CommandError> {
        self.aws.credential_variables().map_err(CommandError::Aws)
    }

    /// The clock of this machine.
    pub fn clock(&self) -> Box<dyn Clock> {
        Box::new(SystemClock::unbounded())
    }
}
