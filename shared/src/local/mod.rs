//! Directories and an embedded database as source, store and sink.
//!
//! Enters: paths. Leaves: what is on them. Law: nothing here knows AWS.

pub mod demo;
