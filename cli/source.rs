//! What a sweep reads: files here, objects in S3, or both.
//!
//! Enters: paths, and places written `s3://bucket/prefix`. Leaves: one [`Source`]. Law: AWS is asked only if a place in S3
//! is named.

use onlooker_core::ports::{Object, PortError, Source};
use onlooker_local::objects::Files;

use crate::{cloud::Cloud, failure::Failure};

/// What names in S3 begin with.
const S3: &str = "s3://";

/// Files and objects, as one source.
pub struct Everything {
    files: Files,
    objects: Option<(Box<dyn Source>, Cloud)>,
}

impl Everything {
    /// What these paths and places name.
    pub fn named(paths: Vec<String>) -> Result<Self, Failure> {
        let (places, paths): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.starts_with(S3));
        let objects = match places.first() {
            None => None,
            Some(first) => {
                let cloud = Cloud::connect(first)?;
                Some((cloud.objects(&places)?, cloud))
            }
        };
        Ok(Self { files: Files::new(paths), objects })
    }

    /// Whether most of the reading is waiting.
    pub const fn is_far(&self) -> bool {
        self.objects.is_some()
    }
}

impl Source for Everything {
    fn list(&self) -> Result<Vec<Object>, PortError> {
        let mut all = self.files.list()?;
        if let Some((objects, _)) = &self.objects {
            all.extend(objects.list()?);
            all.sort_unstable();
        }
        Ok(all)
    }

    fn fetch(&self, object: &Object, most: u64, bytes: &mut Vec<u8>) -> Result<(), PortError> {
        match &self.objects {
            Some((objects, _)) if object.name.starts_with(S3) => objects.fetch(object, most, bytes),
            _ => self.files.fetch(object, most, bytes),
        }
    }
}
