//! `audit-store-size`: what the audit trail takes.
//!
//! Limits: 1 GB and 5 GB, those of the audit system that Onlooker replaces.

use super::{HealthInput, HealthInputs, HealthMeasure, HealthRule, HealthUnit, JudgedValue, size};
use crate::finding::count_noun;

/// Bytes above which the check warns, and above which it is critical.
const LIMITS: (f64, f64) = (1e9, 5e9);

pub(super) const RULE: HealthRule = HealthRule {
    name: "audit-store-size",
    title: "Audit trail",
    remedy: "Back up the audit trail with `onlooker backup create`, then remove old batches with `onlooker audit prune`; `audit.retention_days` says what is old.",
    remedy_if_unknown: "Give read access to the audit trail: of a deployment s3:ListBucket on its bucket, else the directory `audit` of the state.",
    judge,
};

fn judge(inputs: &HealthInputs) -> HealthInput<Vec<JudgedValue>> {
    inputs.audit_store.map(|store| {
        let measures = vec![
            HealthMeasure::limited("audit_store_size", HealthUnit::Bytes, store.bytes as f64, LIMITS),
            match store.is_complete {
                true => HealthMeasure::shown("audit_store_objects", HealthUnit::Count, store.objects as f64),
                // How large the trail is is not known, so it is not healthy.
                false => {
                    HealthMeasure::warned("audit_store_objects", HealthUnit::Count, store.objects as f64, 0.0)
                }
            },
        ];
        let least = if store.is_complete { "" } else { "at least " };
        let message =
            format!("{least}{} in {least}{}", size(store.bytes), count_noun(store.objects, "object"));
        vec![JudgedValue::of(message, measures)]
    })
}
