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
//! | `task`, `trail_files` | what is verified, and the files of a source |
//! | `proof` | the signature of each digest file, and its place in the chain |
//! | `gaps` | the hours without a digest file |
//! | `chain` | the digest files of one chain, verified |
//! | `log_files` | the log files that a chain lists, and those that no chain lists |
//! | `hours` | the status of each hour |
//! | `problem`, `result` | what may be wrong with a file, and the result as a value |
//! | `verification` | from the files of a trail to the result |
//! | `summary` | what a report needs of results |
//!
//! Format: AWS CloudTrail User Guide, "CloudTrail digest file structure" and "Custom implementations of CloudTrail log
//! file integrity validation", read 2026-11.

mod chain;
mod digest_file;
mod gaps;
mod hours;
mod log_files;
mod object_metadata;
mod object_name;
mod problem;
mod proof;
mod public_key;
mod result;
mod summary;
mod task;
mod trail_files;
mod verification;

pub use self::{
    digest_file::{DigestFault, DigestFile, ListedLogFile},
    object_metadata::{DigestMetadata, parse_head_objects},
    object_name::{ChainName, DigestName, LogFileName, TrailFileName},
    problem::{IntegrityProblem, IntegrityStatus, ProblemKind},
    public_key::{PublicKey, PublicKeys},
    result::{
        ChainIntegrity, DigestIntegrity, HourIntegrity, IntegrityResult, IntegrityTotals, IntegrityWindow,
        TRAIL_INTEGRITY_SCHEMA_VERSION, TrailIntegrity, UnknownKey, UnlistedLogFiles, schema,
    },
    summary::{HourProblem, IntegritySpan, IntegritySummary, MAX_PROBLEMS, PlaceIntegrity, VerifiedWindow},
    task::{DIGEST_DELIVERY_SECONDS, Selection, SignatureCheck, VerificationTask},
    trail_files::{DigestContent, DigestObject, LogFileContent, LogFileHashes, TrailFiles},
    verification::verify,
};
