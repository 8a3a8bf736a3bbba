//! Where backups are: a directory or a bucket.
//!
//! Enters: a path or a URL. Leaves: an opened [`Destination`]. Law: a URL that this command line cannot open is an error,
//! and never a directory of that name.

use std::path::Path;

use onlooker_core::{
    config::Diagnostic,
    escape::escape_hidden,
    jobs::backup::BackupRepository,
    ports::{ObjectRemover, ObjectStore},
};
use onlooker_local::directory_store::DirectoryStore;

use crate::{clouds::CloudBucket, exit::CommandError};

/// An opened destination.
pub struct Destination {
    store: Box<dyn ObjectStore>,
    remover: Box<dyn ObjectRemover>,
    prefix: String,
    /// Keeps the connection of a bucket.
    _bucket: Option<CloudBucket>,
}

impl Destination {
    /// Opens a directory, or the bucket at an `s3://`, `az://` or `gs://` URL.
    pub fn open(place: &str) -> Result<Self, CommandError> {
        match place.split_once("://") {
            None if place.is_empty() => Err(CommandError::Usage(Diagnostic {
                message: "the destination of a backup is empty".to_owned(),
                remedy: "name a directory, or a bucket as `s3://BUCKET/PREFIX`".to_owned(),
            })),
            None => {
                let store = DirectoryStore::new(place);
                Ok(Self {
                    store: Box::new(store.clone()),
                    remover: Box::new(store),
                    prefix: String::new(),
                    _bucket: None,
                })
            }
            Some(("s3" | "az" | "gs", _)) => {
                let bucket = CloudBucket::open(place)?;
                let (store, remover, prefix) = bucket.ports();
                Ok(Self { store, remover, prefix, _bucket: Some(bucket) })
            }
            Some((scheme, _)) => Err(CommandError::Usage(Diagnostic {
                message: format!("backups cannot be kept at `{}://`", escape_hidden(scheme)),
                remedy: "name a directory, or a bucket with `s3://`, `az://` or `gs://`".to_owned(),
            })),
        }
    }

    /// Opens the destination of backups that exist.
    ///
    /// # Errors
    /// As [`open`](Self::open), and for a directory that does not exist.
    pub fn open_existing(place: &str) -> Result<Self, CommandError> {
        if !place.is_empty() && !place.contains("://") && !Path::new(place).is_dir() {
            return Err(CommandError::Usage(Diagnostic {
                message: format!("`{}` is not a directory, so it has no backups", escape_hidden(place)),
                remedy: "give the directory or bucket that `onlooker backup create --to` was given"
                    .to_owned(),
            }));
        }
        Self::open(place)
    }

    /// The backups at the destination.
    pub fn repository(&self) -> BackupRepository<'_> {
        BackupRepository { store: &*self.store, prefix: &self.prefix }
    }

    /// Removes objects from the destination.
    pub fn remover(&self) -> &dyn ObjectRemover {
        &*self.remover
    }
}
