//! The public keys and signatures of a verification.
//!
//! Enters: files that AWS commands wrote, the keys in the state, `ListPublicKeys`. Leaves: [`KnownKeys`], and the metadata of
//! digest files. Laws: a key that was known once is known to later runs without AWS; a file that cannot be used is an
//! error and is never skipped.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use onlooker_core::log_integrity::{DigestMetadata, PublicKeys, UnknownKey, parse_head_objects};

use crate::{aws::AwsConnection, exit::CommandError};

/// File of the state with public keys, in the form of `aws cloudtrail list-public-keys`.
const KEYS_FILE: &str = "public-keys.json";

const KEYS_REMEDY: &str = "write the file with `aws cloudtrail list-public-keys --region REGION`";
const SIGNATURES_REMEDY: &str = "write the file with `aws s3api head-object --bucket BUCKET --key KEY --query \
                                 \"{Key: 'KEY', Metadata: Metadata}\"` for one digest file after the other";
const CACHE_REMEDY: &str = "remove the file, and give the keys again with `--public-keys`";

/// Options for public keys and signatures.
#[derive(Debug, Args)]
pub struct SigningArgs {
    /// Public keys: the output of `aws cloudtrail list-public-keys`; repeatable
    #[arg(long, value_name = "FILE", help_heading = "Keys and signatures")]
    pub public_keys: Vec<PathBuf>,
    /// Metadata of digest files: the output of `aws s3api head-object --query "{Key: 'KEY', Metadata: Metadata}"`, for one
    /// object after the other; repeatable
    #[arg(long, value_name = "FILE", help_heading = "Keys and signatures")]
    pub signatures: Vec<PathBuf>,
}

impl SigningArgs {
    /// Whether none is given.
    pub fn is_empty(&self) -> bool {
        self.public_keys.is_empty() && self.signatures.is_empty()
    }

    /// The metadata of digest files by object key.
    pub fn signatures(&self) -> Result<BTreeMap<String, DigestMetadata>, CommandError> {
        let mut all = BTreeMap::new();
        for path in &self.signatures {
            let given = parse_head_objects(&read(path)?);
            all.extend(given.map_err(|cause| unusable(path, cause, SIGNATURES_REMEDY))?);
        }
        Ok(all)
    }
}

/// Public keys, those in the state among them.
pub struct KnownKeys {
    keys: PublicKeys,
    /// File in the state, and the number of keys in it.
    cache: Option<(PathBuf, usize)>,
}

impl KnownKeys {
    /// The keys in the state, if there is one, and in these files.
    pub fn load(state: Option<&Path>, files: &[PathBuf]) -> Result<Self, CommandError> {
        let mut keys = PublicKeys::default();
        let mut cache = None;
        if let Some(state) = state {
            let path = state.join(KEYS_FILE);
            match fs::read_to_string(&path) {
                Ok(text) => {
                    keys = PublicKeys::parse(&text).map_err(|cause| unusable(&path, cause, CACHE_REMEDY))?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(CommandError::Input { path, source }),
            }
            cache = Some((path, keys.len()));
        }
        for path in files {
            let read = PublicKeys::parse(&read(path)?).and_then(|given| {
                if given.is_empty() { Err("it has no public keys".to_owned()) } else { keys.merge(given) }
            });
            read.map_err(|cause| unusable(path, cause, KEYS_REMEDY))?;
        }
        Ok(Self { keys, cache })
    }

    /// Adds the keys of the regions of unknown keys, from AWS. Returns the regions, of which all keys are known then.
    fn fetch(
        &mut self,
        cloud: &AwsConnection,
        unknown: &[UnknownKey],
    ) -> Result<BTreeSet<String>, CommandError> {
        let mut regions: BTreeMap<&str, (_, _)> = BTreeMap::new();
        for key in unknown {
            let span = regions.entry(&key.region).or_insert((key.first, key.last));
            *span = (span.0.min(key.first), span.1.max(key.last));
        }
        for (region, (first, last)) in &regions {
            let fetched = cloud.public_keys(region, *first, *last)?;
            self.keys.merge(fetched).map_err(|cause| {
                let path = self.cache.as_ref().map_or_else(PathBuf::new, |(path, _)| path.clone());
                unusable(&path, cause, CACHE_REMEDY)
            })?;
        }
        Ok(regions.into_keys().map(str::to_owned).collect())
    }

    /// All keys, those among them that `unknown` finds missing and AWS has, if it can be asked, and the regions of which these are
    /// all. They are kept in the state.
    pub fn complete(
        &mut self,
        cloud: Option<&AwsConnection>,
        unknown: impl FnOnce(&PublicKeys) -> Vec<UnknownKey>,
    ) -> Result<(PublicKeys, BTreeSet<String>), CommandError> {
        let regions = match cloud {
            Some(cloud) => {
                let unknown = unknown(&self.keys);
                self.fetch(cloud, &unknown)?
            }
            None => BTreeSet::new(),
        };
        self.store()?;
        Ok((self.keys.clone(), regions))
    }

    /// Keeps the keys in the state.
    fn store(&self) -> Result<(), CommandError> {
        let Some((path, before)) = &self.cache else { return Ok(()) };
        if self.keys.len() == *before {
            return Ok(());
        }
        let failed = |source| CommandError::File { operation: "write", path: path.clone(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // Another process reads the old file or the new one.
        let new = path.with_extension(format!("{}.new", std::process::id()));
        fs::write(&new, self.keys.to_json()).map_err(failed)?;
        fs::rename(&new, path).map_err(failed)
    }
}

fn read(path: &Path) -> Result<String, CommandError> {
    fs::read_to_string(path).map_err(|source| CommandError::Input { path: path.to_owned(), source })
}

fn unusable(path: &Path, cause: String, remedy: &'static str) -> CommandError {
    CommandError::Signing { path: path.to_owned(), cause, remedy }
}
