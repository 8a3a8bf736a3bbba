//! A command line built without AWS.
//!
//! Law: a command that needs AWS ends with an error that says how to install one that has it.

use std::{collections::BTreeMap, error::Error};

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

use crate::exit::CommandError;

/// Without AWS, no error of it has a remedy.
pub fn remedy(_: &(dyn Error + 'static)) -> Option<&'static str> {
    None
}

/// A connection to AWS; without the feature `aws` it cannot exist.
pub enum AwsConnection {}

impl AwsConnection {
    /// Fails, and says how to install a command line with AWS.
    pub fn connect(what: &str) -> Result<Self, CommandError> {
        Err(CommandError::Usage(Diagnostic {
            message: format!("this `onlooker` was built without AWS, which `{what}` needs"),
            remedy: "install `onlooker` again with `cargo install --path . --features aws`".to_owned(),
        }))
    }

    pub fn caller(&self) -> Result<CallerIdentity, CommandError> {
        match *self {}
    }

    pub fn region(&self) -> &str {
        match *self {}
    }

    pub fn configured_region(&self) -> Option<&str> {
        match *self {}
    }

    pub fn stack_outputs(&self, _: &str) -> Result<BTreeMap<String, String>, CommandError> {
        match *self {}
    }

    pub fn s3_objects(&self, _: &[String]) -> Result<Box<dyn ObjectMetadata>, CommandError> {
        match *self {}
    }

    pub fn trail(&self, _: &str, _: Option<String>) -> Box<dyn CloudTrailApi> {
        match *self {}
    }

    pub fn public_keys(&self, _: &str, _: Time, _: Time) -> Result<PublicKeys, CommandError> {
        match *self {}
    }

    pub fn authorizations(&self, _: &str, _: Option<String>) -> Box<dyn IamApi> {
        match *self {}
    }

    pub fn organization(&self) -> Box<dyn OrganizationsApi> {
        match *self {}
    }

    pub fn prober(&self) -> Box<dyn Prober> {
        match *self {}
    }

    pub fn security_hub(&self) -> Box<dyn FindingImporter> {
        match *self {}
    }

    pub fn table(&self, _: &str) -> Box<dyn Table> {
        match *self {}
    }

    pub fn store(&self, _: &str) -> Box<dyn ObjectStore> {
        match *self {}
    }

    pub fn kms_key(&self, _: &str) -> Result<Box<dyn Signer>, CommandError> {
        match *self {}
    }

    pub fn clock(&self) -> Box<dyn Clock> {
        match *self {}
    }
}
