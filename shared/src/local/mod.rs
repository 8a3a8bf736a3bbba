//! This machine as source, store and sink.
//!
//! Law: knows words, stages and ports; never a job.

pub mod objects;
