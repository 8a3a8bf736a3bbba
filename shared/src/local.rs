//! Directories and files of one machine as source, store and sink.

pub mod config_file;
