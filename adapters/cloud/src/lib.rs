//! Stores for backups in S3, Azure Blob Storage and Google Cloud Storage.
//!
//! Law: this crate depends on words, stages and ports, never on a job.

#![forbid(unsafe_code)]

mod bucket_url;
mod cloud_store;
mod settings;

pub use self::{
    bucket_url::{BucketUrl, BucketUrlError, Provider},
    cloud_store::CloudStore,
    settings::{CloudSettingsError, Variables},
};
