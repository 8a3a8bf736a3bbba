//! One machine as source, store and sink: directories and an embedded database.

pub mod archive;
pub mod config_file;
pub mod packages;
pub mod state;
