//! Renders reports: one file per format.
//!
//! Enters: a [`crate::report::Report`], an alert, a status or the metrics of a run, and nothing else. Leaves: text.
//! Laws: rendering is pure; every text from a record is hostile and is escaped for the output it is put in.

pub mod csv;
pub mod emf;
pub mod escape;
pub mod format;
pub mod html;
pub mod json;
pub mod json_lines;
pub mod markdown;
pub mod matrix;
pub mod message;
pub mod permissions;
#[cfg(test)]
mod sample;
pub mod terminal;
