//! A command line built without buckets as destinations.
//!
//! Law: a command that needs a bucket ends with an error that says how to install one that has it.

use onlooker_core::{
    config::Diagnostic,
    escape::escape_hidden,
    ports::{ObjectRemover, ObjectStore},
};

use crate::exit::CommandError;

/// An opened bucket; without the feature `clouds` it cannot exist.
pub enum CloudBucket {}

impl CloudBucket {
    /// Fails, and says how to install a command line with buckets.
    pub fn open(place: &str) -> Result<Self, CommandError> {
        Err(CommandError::Usage(Diagnostic {
            message: format!(
                "this `onlooker` was built without the feature `clouds`, which `{}` needs",
                escape_hidden(place)
            ),
            remedy: "install `onlooker` again with `cargo install --path . --features clouds`".to_owned(),
        }))
    }

    pub fn ports(&self) -> (Box<dyn ObjectStore>, Box<dyn ObjectRemover>, String) {
        match *self {}
    }
}
