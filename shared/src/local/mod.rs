//! What the CLI keeps and reads on one machine.

pub mod archive;
pub mod packages;
