//! Are the log files of a trail as CloudTrail delivered them?
//!
//! Enters: a source of log files and digest files. Leaves: [`TrailFiles`] and the content of the log files that decide, for
//! [`log_integrity::verify`](crate::log_integrity::verify). Laws: the hash of a log file is over all that a sweep reads of it; a
//! file that cannot be read is not verified; neither files nor hashes depend on the number of threads; at most one file for
//! each thread is in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::gather::GatherOptions;
use crate::{
    log_integrity::{
        ChainName, DigestContent, DigestFault, DigestFile, DigestMetadata, DigestName, DigestObject,
        LogFileContent, LogFileHashes, TrailFileName, TrailFiles, VerificationTask,
    },
    ports::{LogSource, ObjectMetadata, PortError, StoredObject},
    record::{Inflater, ReadLimits, UnreadableReason},
    time::{HOUR_SECONDS, Time},
};

/// Digest files that end this long after the window are read too, because they may overlap it, and because the one that
/// follows the window has the signature of the last one in it.
const READ_AFTER_SECONDS: u32 = 26 * HOUR_SECONDS;

/// Inflated size of a digest file beyond which it is not read: 64 MiB, the list of about 150,000 log files. CloudTrail
/// delivers a log file about every five minutes, or more for busy accounts.
const MAX_DIGEST_BYTES: usize = 64 << 20;

/// A source, listed, with its digest files read.
pub struct TrailReader<'a> {
    source: &'a dyn LogSource,
    options: GatherOptions,
    objects: BTreeMap<String, StoredObject>,
    /// The files of the source.
    pub files: TrailFiles,
}

/// Receives how many files were read, and of how many.
pub type FileProgress<'a> = &'a (dyn Fn(u64, u64) + Sync);

impl<'a> TrailReader<'a> {
    /// Lists a source and reads the digest files that overlap the window from `since` to `until`, and of each chain the
    /// newest one before it.
    ///
    /// # Errors
    /// When the source cannot be listed.
    pub fn open(
        source: &'a dyn LogSource,
        metadata: Option<&dyn ObjectMetadata>,
        since: Option<Time>,
        until: Time,
        options: GatherOptions,
        progress: FileProgress<'_>,
    ) -> Result<Self, PortError> {
        Ok(Self::of_objects(source, source.list()?, metadata, since, until, options, progress))
    }

    /// As [`TrailReader::open`], of a source that was listed.
    pub fn of_objects(
        source: &'a dyn LogSource,
        listed: Vec<StoredObject>,
        metadata: Option<&dyn ObjectMetadata>,
        since: Option<Time>,
        until: Time,
        options: GatherOptions,
        progress: FileProgress<'_>,
    ) -> Self {
        let last = until.0.saturating_add(READ_AFTER_SECONDS);
        let (mut files, mut objects, mut digests) = (TrailFiles::default(), BTreeMap::new(), Vec::new());
        let mut newest_before: BTreeMap<ChainName, (StoredObject, DigestName)> = BTreeMap::new();
        for object in listed {
            match TrailFileName::parse(&object.name) {
                Some(TrailFileName::Digest(name)) => {
                    if since.is_some_and(|since| name.end <= since) {
                        let newest =
                            newest_before.get(&name.chain).is_none_or(|(_, newest)| newest.end < name.end);
                        if newest {
                            newest_before.insert(name.chain.clone(), (object, name));
                        }
                    } else if name.end.0 <= last {
                        digests.push((object, name));
                    }
                }
                Some(TrailFileName::Log(name)) => {
                    files.add_other(&object.name, Some(name));
                    objects.insert(object.name.clone(), object);
                }
                None => {
                    files.add_other(&object.name, None);
                    objects.insert(object.name.clone(), object);
                }
            }
        }
        // A chain that ended before the window is missing in it.
        digests.extend(newest_before.into_values());
        files.digests = read_all(&digests, options.threads, progress, |reader, (object, name)| {
            reader.digest(source, metadata, options.limits, object, name)
        });
        Self { source, options, objects, files }
    }

    /// Reads and hashes the log files that decide.
    pub fn hash_log_files(&self, task: VerificationTask<'_>, progress: FileProgress<'_>) -> LogFileHashes {
        self.hash_other_log_files(task, LogFileHashes::new(), progress)
    }

    /// Reads and hashes the log files that decide, except those with a `known` content. Returns all.
    pub fn hash_other_log_files(
        &self,
        task: VerificationTask<'_>,
        mut known: LogFileHashes,
        progress: FileProgress<'_>,
    ) -> LogFileHashes {
        let listed: BTreeSet<&str> = self.files.listed_log_files(task);
        let unknown = listed.into_iter().filter(|name| !known.contains_key(*name));
        let objects: Vec<&StoredObject> = unknown.filter_map(|name| self.objects.get(name)).collect();
        let hashed = read_all(&objects, self.options.threads, progress, |reader, object| {
            (object.name.clone(), reader.log_file(self.source, self.options.limits, object))
        });
        known.extend(hashed);
        known
    }
}

/// Calls `read` for each item, with a reader for each thread. The results are in no order.
fn read_all<I: Sync, T: Send>(
    items: &[I],
    threads: usize,
    progress: FileProgress<'_>,
    read: impl Fn(&mut FileReader, &I) -> T + Sync,
) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(items.len())));
    let work = || {
        let mut reader = FileReader::default();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            let one = read(&mut reader, item);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push(one);
            progress(done.len() as u64, items.len() as u64);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, items.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Reads files one after the other. Its buffers are reused.
#[derive(Default)]
struct FileReader {
    inflater: Inflater,
    bytes: Vec<u8>,
}

impl FileReader {
    fn digest(
        &mut self,
        source: &dyn LogSource,
        metadata: Option<&dyn ObjectMetadata>,
        limits: ReadLimits,
        object: &StoredObject,
        name: &DigestName,
    ) -> DigestObject {
        let limits = ReadLimits { max_inflated_bytes: limits.max_inflated_bytes.min(MAX_DIGEST_BYTES) };
        let content = match self.inflate(source, limits, object) {
            Ok((text, None)) => DigestFile::parse(text)
                .map_or_else(DigestContent::Fault, |file| DigestContent::Digest(Box::new(file))),
            Ok((_, Some(UnreadableReason::TooLarge))) => {
                DigestContent::Unavailable(format!("it is larger than {MAX_DIGEST_BYTES} bytes"))
            }
            Ok(_) => DigestContent::Fault(DigestFault::Damaged),
            Err(cause) => DigestContent::Unavailable(cause),
        };
        let (metadata, content) = match metadata.map(|source| source.metadata(object)) {
            Some(Ok(metadata)) => (DigestMetadata::from_object(&metadata), content),
            Some(Err(error)) => (DigestMetadata::default(), DigestContent::Unavailable(error.to_string())),
            None => (DigestMetadata::default(), content),
        };
        DigestObject { name: object.name.clone(), of: name.clone(), content, metadata }
    }

    fn log_file(
        &mut self,
        source: &dyn LogSource,
        limits: ReadLimits,
        object: &StoredObject,
    ) -> LogFileContent {
        match self.inflate(source, limits, object) {
            Ok((text, fault)) => LogFileContent::of(text, fault),
            Err(cause) => LogFileContent::Unavailable(cause),
        }
    }

    fn inflate(
        &mut self,
        source: &dyn LogSource,
        limits: ReadLimits,
        object: &StoredObject,
    ) -> Result<(&[u8], Option<UnreadableReason>), String> {
        let most = (limits.max_inflated_bytes as u64).saturating_add(1);
        source.fetch(object, most, &mut self.bytes).map_err(|error| error.cause.to_string())?;
        Ok(self.inflater.inflate(&self.bytes, limits.max_inflated_bytes))
    }
}
