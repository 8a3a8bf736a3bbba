//! Buckets as destinations of backups.
//!
//! Enters: an `s3://`, `az://` or `gs://` URL, and the variables of the environment. Leaves: ports. Law: credentials and
//! region for S3 are those that other AWS tools find.

use onlooker_cloud::{BucketUrl, CloudStore, Provider};
use onlooker_core::{
    config::Diagnostic,
    escape::escape_hidden,
    ports::{ObjectRemover, ObjectStore},
};
use tokio::runtime::{Builder, Runtime};

use crate::{aws::AwsConnection, environment, exit::CommandError};

/// An opened bucket.
pub struct CloudBucket {
    store: CloudStore,
    prefix: String,
    /// Runs while commands block, so it must live as long as they do.
    _runtime: Runtime,
}

impl CloudBucket {
    /// Opens the bucket at a URL.
    pub fn open(place: &str) -> Result<Self, CommandError> {
        let invalid = |cause: &dyn std::fmt::Display| {
            CommandError::Usage(Diagnostic {
                message: format!("`{}` cannot be used as a destination", escape_hidden(place)),
                remedy: cause.to_string(),
            })
        };
        let url: BucketUrl = place.parse().map_err(|error| invalid(&error))?;
        let mut variables = environment::all_variables();
        if url.provider == Provider::S3 {
            let ours = AwsConnection::connect(place)?.credential_variables()?;
            variables.retain(|(name, _)| ours.iter().all(|(own, _)| own != name));
            variables.extend(ours);
        }
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(CommandError::Runtime)?;
        let prefix = url.prefix.clone();
        let store = CloudStore::open(url, &variables, runtime.handle().clone()).map_err(|error| {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                if !text.contains(&inner.to_string()) {
                    text = format!("{text}: {inner}");
                }
                cause = inner.source();
            }
            invalid(&text)
        })?;
        Ok(Self { store, prefix, _runtime: runtime })
    }

    /// The bucket as ports, and the prefix of its backups.
    pub fn ports(&self) -> (Box<dyn ObjectStore>, Box<dyn ObjectRemover>, String) {
        (Box::new(self.store.clone()), Box::new(self.store.clone()), self.prefix.clone())
    }
}
