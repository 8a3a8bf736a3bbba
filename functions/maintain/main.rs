//! Lambda function `maintain`: keeps what is stored verified, restorable and within its retention.
//!
//! Enters: an invocation by a schedule, with any payload, for the tasks that are due; or a payload `{"tasks": [NAME, ..]}` for those,
//! due or not. Leaves: seals of the audit trail, records of the tasks, which reports show. Permissions: the table, to read
//! `audit/` and `evidence/`, to write each object of `audit/` and `evidence/merged/` once, to list and read log files and digest
//! files of the trail, and `cloudtrail:ListPublicKeys`; to scan the table, and to write, read and remove objects of `backups/` and
//! `drill/`; with a retention, to remove objects of `audit/dt=` and to read Object Lock of the bucket; to sign with the key of the audit trail.

use std::num::NonZeroU32;

use lambda_runtime::Error;
use onlooker_aws::{S3TrailBucket, S3Uri};
use onlooker_core::{
    attestation::Signer,
    jobs::{
        answers::FunctionAnswer,
        backup::BackupRepository,
        gather::GatherOptions,
        maintain::{BackupDestination, Backups, Maintenance, VerifiedTrail, maintain},
    },
    report::{MaintenanceTask, TaskRecord, TaskResult},
};
use onlooker_lambda::{FunctionError, Invocation, JobOutcome, serve};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

fn main() -> Result<(), Error> {
    serve("maintain", std::env::vars_os(), run)
}

fn run(invocation: &Invocation<'_>, payload: Value) -> Result<JobOutcome, FunctionError> {
    let Invocation { resources, settings, clock, run, .. } = invocation;
    let table_origin = resources.table_origin()?;
    let signer = resources.signing_key.as_ref().map(|arn| resources.aws.kms_key(arn)).transpose()?;
    let trail = resources.trail.as_ref();
    let bucket = trail.map(|S3Uri { bucket, .. }| S3TrailBucket::new(resources.aws.clone(), bucket.clone()));
    let trail = trail.zip(bucket.as_ref()).map(|(S3Uri { key, .. }, bucket)| VerifiedTrail {
        bucket,
        prefix: key,
        check: &is_signature,
        options: GatherOptions {
            threads: settings.threads(),
            limits: settings.config.limits.read_limits(),
            hash_content: false,
        },
    });
    let stores = resources.backups.each_ref().map(|place| {
        let place = place.as_ref()?;
        Some((resources.aws.store(&place.bucket), &*place.key))
    });
    let [first, second] = stores.each_ref().map(|place| {
        let (store, prefix) = place.as_ref()?;
        Some(BackupDestination {
            repository: BackupRepository { store, prefix },
            remover: store,
            has_audit_copy: store.bucket() != resources.bucket,
        })
    });
    let backups = first.map(|first| Backups {
        first,
        second,
        keep: NonZeroU32::new(settings.config.retention.backups_kept).unwrap_or(NonZeroU32::MIN),
        contents: resources.table_contents,
        configuration: settings.text(),
        tool_version: env!("CARGO_PKG_VERSION"),
    });
    let maintenance = Maintenance {
        table: resources.table,
        table_origin: Some(&table_origin),
        store: resources.store,
        remover: Some(resources.remover),
        prunes_audit_trail: resources.prunes_audit_trail,
        signer: signer.as_ref().map(|signer| signer as &dyn Signer),
        evidence: &resources.evidence,
        trail,
        backups,
        config: &settings.config,
        clock,
        run_id: &run.run_id,
    };
    let outcome = maintain(&maintenance, &named_tasks(&payload)?)?;
    let metrics = outcome.metrics();
    let mut notes: Vec<String> = outcome
        .left_out
        .iter()
        .map(|task| format!("the time ran out before the task {}", task.as_str()))
        .collect();
    let unfinished = outcome.done.iter().filter(|record| record.result == TaskResult::Unfinished);
    notes.extend(unfinished.map(|record| sentence(record, "is not finished")));
    let failed: Vec<String> = outcome.failures().map(|record| sentence(record, "failed")).collect();
    if !failed.is_empty() {
        let error = FunctionError::new("MaintenanceFailed", failed.join("; "));
        return Err(error.with_metrics(metrics).with_notes(notes));
    }
    let response = FunctionAnswer::Maintenance((&outcome).into()).to_json()?;
    // A run without a due task is a sign of life too.
    Ok(JobOutcome { response, metrics, is_quiet: false, notes })
}

fn sentence(record: &TaskRecord, what: &str) -> String {
    format!("the task {} {what}: {}", record.task.as_str(), record.detail)
}

/// SHA256withRSA, padded as in PKCS #1 v1.5, with an RSAPublicKey in DER.
fn is_signature(key: &[u8], text: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(text, signature).is_ok()
}

/// The tasks that a payload names. It is empty for those that are due.
fn named_tasks(payload: &Value) -> Result<Vec<MaintenanceTask>, FunctionError> {
    let invalid = |what: String| FunctionError::new("InvalidRequest", what);
    let known = || MaintenanceTask::ALL.map(MaintenanceTask::as_str).join("`, `");
    let Some(named) = payload.get("tasks") else { return Ok(Vec::new()) };
    let named = named.as_array().filter(|named| !named.is_empty());
    let named = named.ok_or_else(|| invalid(format!("`tasks` is not a list of `{}`", known())))?;
    let one = |name: &Value| {
        let task = name.as_str().and_then(MaintenanceTask::parse);
        task.ok_or_else(|| invalid(format!("`tasks` has {name}, which is none of `{}`", known())))
    };
    named.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tasks_are_named_by_their_words() {
        for all_due in [json!({}), json!(null), json!({ "schedule": "rate(1 hour)" })] {
            assert_eq!(named_tasks(&all_due).unwrap(), []);
        }
        for task in MaintenanceTask::ALL {
            assert_eq!(named_tasks(&json!({ "tasks": [task.as_str()] })).unwrap(), [task]);
        }
        for wrong in [json!([]), json!("audit_trail"), json!([1]), json!(["all"])] {
            let error = named_tasks(&json!({ "tasks": wrong })).unwrap_err();
            assert_eq!(error.error_type, "InvalidRequest", "{wrong}");
        }
    }
}
