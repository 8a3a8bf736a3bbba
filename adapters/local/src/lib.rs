//! Local implementations of the ports: directories and an embedded database.
//!
//! Law: this crate depends on words, stages and ports, never on a job.

#![forbid(unsafe_code)]

pub mod archive;
pub mod config_file;
pub mod directory_store;
mod iam_data;
pub mod local_files;
pub mod packages;
pub mod rsa_signature;
mod sdk_models;
pub mod service_reference;
pub mod signing_key;
pub mod sqlite_table;
pub mod sweep_state;
