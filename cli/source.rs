//! What a sweep reads: files here, objects in S3, or both.
//!
//! Enters: paths, and places written `s3://bucket/prefix`. Leaves: one [`LogSource`]. Law: AWS is asked only if a place in S3
//! is named.

use onlooker_core::ports::{LogSource, PortError, StoredObject};
use onlooker_local::local_files::LocalFiles;

use crate::{aws::AwsConnection, exit::CommandError};

/// What names in S3 begin with.
const S3_PREFIX: &str = "s3://";

/// Files and objects, as one source.
pub struct SweepSource {
    files: LocalFiles,
    objects: Option<(Box<dyn LogSource>, AwsConnection)>,
}

impl SweepSource {
    /// What these paths and places name.
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

    /// Whether most of the reading is waiting.
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

    fn fetch(&self, object: &StoredObject, most: u64, bytes: &mut Vec<u8>) -> Result<(), PortError> {
        match &self.objects {
            Some((objects, _)) if object.name.starts_with(S3_PREFIX) => objects.fetch(object, most, bytes),
            _ => self.files.fetch(object, most, bytes),
        }
    }
}
