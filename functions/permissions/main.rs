//! Lambda function `permissions`: evaluates the permissions of watched principals and stores their policies.
//!
//! Enters: an invocation by a schedule, with any payload, for all watched principals; or a payload
//! `{"principals": [ARN, ..]}` for those alone. Leaves: evaluations and policy snapshots. Permissions: to read policies in IAM
//! and AWS Organizations, to simulate them, to make the probed reads, `sts:AssumeRole` of the role in other accounts, the table,
//! to write each object of `policies/` and `permissions/` once, the topic and the bus.

use lambda_runtime::Error;
use onlooker_aws::{AccountPolicies, AwsProber, OrganizationPolicies};
use onlooker_core::{
    config::Watch,
    jobs::{
        answers::FunctionAnswer,
        permissions::{IamPorts, PermissionsRequest, PermissionsStore, evaluate_and_store},
    },
    ports::Clock as _,
};
use onlooker_lambda::{FunctionError, Invocation, JobOutcome, serve};
use serde_json::Value;

/// Largest number of principals in one payload.
const MAX_PRINCIPALS: usize = 1_000;

fn main() -> Result<(), Error> {
    serve("permissions", std::env::vars_os(), run)
}

fn run(invocation: &Invocation<'_>, payload: Value) -> Result<JobOutcome, FunctionError> {
    let Invocation { resources, settings, clock, run, .. } = invocation;
    let requested = requested_principals(&payload)?;
    let (aws, caller) = (&resources.aws, &resources.caller);
    let policies = AccountPolicies::new(aws.clone(), &caller.account, settings.config.lookup.role.clone());
    let (organizations, prober) = (OrganizationPolicies::new(aws.clone()), AwsProber::new(aws.clone()));
    let ports = IamPorts { iam: &policies, organizations: &organizations, prober: &prober, clock };
    let request = PermissionsRequest {
        config: &settings.config,
        catalog: settings.catalog,
        caller,
        principals: &requested,
    };
    let webhooks = invocation.webhooks();
    let store = PermissionsStore {
        table: resources.table,
        store: resources.store,
        sinks: &resources.sinks(&webhooks)?,
        policy: settings.config.alerts.policy(),
        run_id: &run.run_id,
    };
    let outcome = evaluate_and_store(&ports, &request, &store)?;
    let metrics = outcome.metrics();
    let failed: Vec<String> = outcome
        .failed
        .iter()
        .map(|one| format!("{}: {}", one.failure.principal, one.failure.cause))
        .collect();
    for failed in &failed {
        tracing::warn!(exception = failed, "the principal was not evaluated");
    }
    if failed.is_empty() {
        return Ok(JobOutcome {
            response: FunctionAnswer::Permissions(outcome.to_answer(clock.now())).to_json()?,
            metrics,
            is_quiet: false,
            notes: Vec::new(),
        });
    }
    let all = outcome.evaluated.len() + failed.len();
    let message = format!("{} of {all} principals were not evaluated: {}", failed.len(), failed.join("; "));
    Err(FunctionError::new("PrincipalFailed", message).with_metrics(metrics))
}

/// The principals that a payload names. It is empty for all watched principals.
fn requested_principals(payload: &Value) -> Result<Vec<String>, FunctionError> {
    let invalid = |what: String| FunctionError::new("InvalidRequest", what);
    let Some(named) = payload.get("principals") else { return Ok(Vec::new()) };
    let named = named.as_array().filter(|named| !named.is_empty() && named.len() <= MAX_PRINCIPALS);
    let named = named.ok_or_else(|| {
        invalid(format!("`principals` is not a list of 1 to {MAX_PRINCIPALS} ARNs or patterns"))
    })?;
    let one = |name: &Value| {
        let text = name
            .as_str()
            .ok_or_else(|| invalid("`principals` has an entry that is not a string".to_owned()))?;
        Watch::new(text).map_err(|diagnostic| invalid(diagnostic.to_string()))?;
        Ok(text.to_owned())
    };
    named.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::requested_principals;

    #[test]
    fn requested_principals_are_arns() {
        for all_watched in [json!({}), json!(null), json!({ "schedule": "rate(1 day)" })] {
            assert!(requested_principals(&all_watched).unwrap().is_empty());
        }
        let named = json!({ "principals": ["arn:aws:iam::111122223333:role/Auditor"] });
        assert_eq!(requested_principals(&named).unwrap(), ["arn:aws:iam::111122223333:role/Auditor"]);
        for wrong in [json!([]), json!("x"), json!([1]), json!(["Auditor"]), json!(["arn:aws:s3:::bucket"])] {
            let error = requested_principals(&json!({ "principals": wrong })).unwrap_err();
            assert_eq!(error.error_type, "InvalidRequest", "{wrong}");
        }
    }
}
