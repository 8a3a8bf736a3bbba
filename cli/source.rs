//! The input of a sweep: local files, S3 objects, or both.
//!
//! Enters: paths, and `s3://bucket/prefix` URIs. Leaves: one [`LogSource`]. Law: AWS is called only if an S3 URI is
//! given.

use std::collections::BTreeMap;

use onlooker_core::ports::{LogSource, ObjectMetadata, PortError, StoredObject};
use onlooker_local::local_files::LocalFiles;

use crate::{aws::AwsConnection, exit::CommandError};

/// Prefix of S3 URIs.
const S3_PREFIX: &str = "s3://";

/// Local files and S3 objects as one source.
pub struct SweepSource {
    files: LocalFiles,
    objects: Option<(Box<dyn ObjectMetadata>, AwsConnection)>,
}

impl SweepSource {
    /// The source that these paths and URIs name.
    pub fn from_paths(paths: Vec<String>) -> Result<Self, CommandError> {
        let (places, paths): (Vec<_>, Vec<_>) =
            paths.into_iter().partition(|path| path.starts_with(S3_PREFIX));
        let objects = match places.first() {
            None => None,
            Some(first) => {
                let cloud = AwsConnection::connect(first)?;
                Some((cloud.s3_objects(&places)?, cloud))
            }
        };
        Ok(Self { files: LocalFiles::new(paths), objects })
    }

    /// The connection to AWS, if the input is remote.
    pub fn aws(&self) -> Option<&AwsConnection> {
        self.objects.as_ref().map(|(_, cloud)| cloud)
    }

    /// Whether the input is remote.
    pub const fn is_remote(&self) -> bool {
        self.objects.is_some()
    }
}

impl LogSource for SweepSource {
    fn list(&self) -> Result<Vec<StoredObject>, PortError> {
        let mut all = self.files.list()?;
        if let Some((objects, _)) = &self.objects {
            all.extend(objects.list()?);
            all.sort_unstable();
        }
        Ok(all)
    }

    fn is_named(&self, object: &StoredObject) -> bool {
        match &self.objects {
            Some((objects, _)) if object.name.starts_with(S3_PREFIX) => objects.is_named(object),
            _ => self.files.is_named(object),
        }
    }

    fn fetch(&self, object: &StoredObject, most: u64, bytes: &mut Vec<u8>) -> Result<String, PortError> {
        match &self.objects {
            Some((objects, _)) if object.name.starts_with(S3_PREFIX) => objects.fetch(object, most, bytes),
            _ => self.files.fetch(object, most, bytes),
        }
    }
}

/// Local files have no metadata.
impl ObjectMetadata for SweepSource {
    fn metadata(&self, object: &StoredObject) -> Result<BTreeMap<String, String>, PortError> {
        match &self.objects {
            Some((objects, _)) if object.name.starts_with(S3_PREFIX) => objects.metadata(object),
            _ => Ok(BTreeMap::new()),
        }
    }
}
