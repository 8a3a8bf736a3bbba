//! What the CLI keeps and reads on one machine.

pub mod archive;
pub mod packages;
mod sdk_models;
pub mod service_reference;
