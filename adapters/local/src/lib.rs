//! Local implementations of the ports: directories and an embedded database.
//!
//! Law: this crate depends on words, stages and ports, never on a job.

#![forbid(unsafe_code)]

pub mod archive;
pub mod config_file;
pub mod directory_store;
mod file_comparison;
mod iam_data;
mod kept_report;
pub mod local_files;
pub mod packages;
mod restored_database;
pub mod rsa_signature;
mod sdk_models;
pub mod service_reference;
pub mod signing_key;
pub mod sqlite_table;
pub mod state_restore;
pub mod state_snapshot;
pub mod sweep_state;
pub mod temporary_file;
