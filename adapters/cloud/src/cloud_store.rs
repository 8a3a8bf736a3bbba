//! A bucket of a provider as an [`ObjectStore`] and an [`ObjectRemover`].
//!
//! Enters: keys and bytes. Leaves: objects. Laws: an object is never overwritten, because each write has a condition; a list is
//! complete and sorted; a failure names the permission that the request takes.

use std::{ops::Range, sync::Arc};

use futures_util::TryStreamExt as _;
use object_store::{ObjectStoreExt as _, PutMode, PutOptions, path::Path};
use onlooker_core::ports::{ObjectRemover, ObjectStore, PortError, PortErrorKind, StoredObject};
use tokio::runtime::Handle;

use super::{
    bucket_url::{BucketUrl, Provider},
    settings::{CloudSettingsError, Variables, client},
};

/// A bucket or container. Clones share a client.
#[derive(Clone, Debug)]
pub struct CloudStore {
    client: Arc<dyn object_store::ObjectStore>,
    url: BucketUrl,
    handle: Handle,
}

/// What a request does, with the permission that it takes.
struct Operation {
    s3: &'static str,
    azure: &'static str,
    google: &'static str,
}

const WRITE: Operation = Operation {
    s3: "write (s3:PutObject)",
    azure: "write (blobs/write)",
    google: "write (storage.objects.create)",
};
const READ: Operation =
    Operation { s3: "read (s3:GetObject)", azure: "read (blobs/read)", google: "read (storage.objects.get)" };
const LIST: Operation = Operation {
    s3: "list (s3:ListBucket)",
    azure: "list (blobs/read)",
    google: "list (storage.objects.list)",
};
const REMOVE: Operation = Operation {
    s3: "remove (s3:DeleteObject)",
    azure: "remove (blobs/delete)",
    google: "remove (storage.objects.delete)",
};

impl CloudStore {
    /// The bucket at this URL, with credentials and addresses from the variables. Sends no request.
    ///
    /// # Errors
    /// When a setting is missing or not valid.
    pub fn open(url: BucketUrl, variables: &Variables, handle: Handle) -> Result<Self, CloudSettingsError> {
        Ok(Self { client: client(&url, variables)?, url, handle })
    }

    fn failed(&self, operation: &Operation, key: &str, cause: object_store::Error) -> PortError {
        use object_store::Error;

        let kind = match &cause {
            Error::NotFound { .. } => PortErrorKind::NotFound,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => PortErrorKind::AccessDenied,
            Error::Generic { .. } => PortErrorKind::Unavailable,
            _ => PortErrorKind::Other,
        };
        let operation = match self.url.provider {
            Provider::S3 => operation.s3,
            Provider::Azure => operation.azure,
            Provider::Google => operation.google,
        };
        let place = BucketUrl { prefix: String::new(), ..self.url.clone() };
        PortError { operation, name: format!("{place}{key}"), kind, cause: Box::new(cause) }
    }

    fn path(&self, operation: &Operation, key: &str) -> Result<Path, PortError> {
        Path::parse(key).map_err(|cause| self.failed(operation, key, cause.into()))
    }
}

impl ObjectStore for CloudStore {
    /// See [`ObjectStore::create`]. A write that is retried after its response was lost returns `false`, since the object
    /// exists then; its content is the same.
    fn create(&self, key: &str, bytes: &[u8], _: &str) -> Result<bool, PortError> {
        use object_store::{Error, ObjectStore as _};

        let path = self.path(&WRITE, key)?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.handle.block_on(self.client.put_opts(&path, bytes.to_vec().into(), options)) {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(cause) => Err(self.failed(&WRITE, key, cause)),
        }
    }

    fn read(&self, key: &str, part: Option<Range<u64>>) -> Result<Vec<u8>, PortError> {
        let path = self.path(&READ, key)?;
        let read = async {
            let Some(part) = part else { return self.client.get(&path).await?.bytes().await };
            match self.client.get_range(&path, part.clone()).await {
                Err(cause @ object_store::Error::NotFound { .. }) => Err(cause),
                // A range that begins after the end of the object cannot be requested.
                Err(cause) => match self.client.head(&path).await {
                    Ok(found) if found.size <= part.start => Ok(Default::default()),
                    _ => Err(cause),
                },
                bytes => bytes,
            }
        };
        let bytes = self.handle.block_on(read).map_err(|cause| self.failed(&READ, key, cause))?;
        Ok(bytes.to_vec())
    }

    fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, PortError> {
        use object_store::ObjectStore as _;

        // The client lists folders; a prefix that ends within a name is compared here.
        let folder = prefix.rsplit_once('/').map(|(folder, _)| folder);
        let folder = folder.map(|folder| self.path(&LIST, folder)).transpose()?;
        let listed: Result<Vec<_>, _> = self.handle.block_on(self.client.list(folder.as_ref()).try_collect());
        let listed = listed.map_err(|cause| self.failed(&LIST, prefix, cause))?;
        let found = listed.into_iter().map(|found| StoredObject {
            name: found.location.to_string(),
            size: found.size,
            version: found.e_tag.unwrap_or_default(),
        });
        let mut objects: Vec<StoredObject> = found.filter(|object| object.name.starts_with(prefix)).collect();
        objects.sort_unstable();
        Ok(objects)
    }
}

impl ObjectRemover for CloudStore {
    fn remove(&self, key: &str) -> Result<(), PortError> {
        let path = self.path(&REMOVE, key)?;
        match self.handle.block_on(self.client.delete(&path)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(self.failed(&REMOVE, key, cause)),
        }
    }
}
