//! Whether log files are as CloudTrail delivered them: log file integrity validation.
//!
//! Enters: digest files, the metadata of their objects, the hashes of log files, public keys and a clock reading. Leaves:
//! [`TrailIntegrity`]: what was proven of each chain, digest file and log file, and of each hour. Laws: a digest file
//! is verified only by a valid signature with a public key of CloudTrail; missing evidence never improves a status; the
//! order of the files changes nothing; no input panics.
//!
//! | file | what |
//! |---|---|
//! | `object_name` | what the name of a digest file or log file says |
//! | `digest_file` | one digest file, parsed, and the text that its signature is over |
//! | `public_key`, `object_metadata` | the keys and signatures that AWS commands print |
//! | `chain` | the digest files of one chain, verified |
//! | `log_files` | the log files that a chain lists, and those that no chain lists |
//! | `hours` | the status of each hour |
//! | `result` | the result as a value |
//! | `verification` | from the files of a trail to the result |
//!
//! Format: AWS CloudTrail User Guide, "CloudTrail digest file structure" and "Custom implementations of CloudTrail log
//! file integrity validation", read 2026-11.

mod chain;
mod digest_file;
mod hours;
mod log_files;
mod object_metadata;
mod object_name;
mod public_key;
mod result;
mod verification;

pub use self::{
    digest_file::{DigestFault, DigestFile, ListedLogFile},
    object_metadata::{DigestMetadata, parse_head_objects},
    object_name::{ChainName, DigestName, LogFileName, TrailFileName},
    public_key::{PublicKey, PublicKeys},
    result::{
        ChainIntegrity, DigestIntegrity, HourIntegrity, IntegrityProblem, IntegrityResult, IntegrityStatus,
        IntegrityTotals, IntegrityWindow, ProblemKind, TRAIL_INTEGRITY_SCHEMA_VERSION, TrailIntegrity,
        UnknownKey, UnlistedLogFiles, schema,
    },
    verification::{
        DIGEST_DELIVERY_SECONDS, DigestContent, DigestObject, LogFileContent, LogFileHashes, Selection,
        SignatureCheck, TrailFiles, VerificationTask, verify,
    },
};
