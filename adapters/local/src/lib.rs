//! This machine as source, store and sink: directories and an embedded database.
//!
//! Law: knows words, stages and ports; never a job.

#![forbid(unsafe_code)]

pub mod archive;
pub mod config_file;
pub mod directory_store;
pub mod local_files;
pub mod packages;
mod sdk_models;
pub mod service_reference;
pub mod sqlite_table;
pub mod sweep_state;
