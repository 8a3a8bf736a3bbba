//! Lambda function `permissions`: judges what watched principals may do, and keeps their policies.
//!
//! Invoked by a schedule, with any payload, for everybody who is watched; `{"principals": [ARN, ..]}` asks for those alone.
//! Rights: to read policies in IAM and the organization, to simulate them, the reads that are tried out, `sts:AssumeRole` of
//! the role in other accounts, the table, `policies/` and `permissions/` to write once, the topic and the bus.

use lambda_runtime::Error;
use onlooker_aws::{AccountPolicies, AwsProber, OrganizationPolicies};
use onlooker_core::{
    config::Watch,
    jobs::permissions::{IamPorts, PermissionsRequest, PermissionsStore, evaluate_and_store},
    ports::Clock as _,
};
use onlooker_lambda::{FunctionError, Invocation, JobOutcome, serve};
use serde_json::Value;

/// Most principals one payload may name.
const MAX_PRINCIPALS: usize = 1_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Error> {
    serve("permissions", std::env::vars_os(), run).await
}

fn run(invocation: &Invocation<'_>, payload: Value) -> Result<JobOutcome, FunctionError> {
    let Invocation { resources: base, settings, clock, run, .. } = invocation;
    let asked = requested_principals(&payload)?;
    let aws = &base.aws;
    let policies =
        AccountPolicies::new(aws.clone(), &base.caller.account, settings.config.lookup.role.clone());
    let (organization, probes) = (OrganizationPolicies::new(aws.clone()), AwsProber::new(aws.clone()));
    let desk = IamPorts { iam: &policies, organizations: &organization, prober: &probes, clock };
    let question = PermissionsRequest {
        config: &settings.config,
        catalog: settings.catalog,
        caller: &base.caller,
        principals: &asked,
    };
    let archive =
        PermissionsStore { table: base.table, store: base.store, sinks: &base.sinks()?, run_id: &run.run_id };
    let examined = evaluate_and_store(&desk, &question, &archive)?;
    let figures = examined.metrics();
    let failed: Vec<String> = examined
        .failed
        .iter()
        .map(|unread| format!("{}: {}", unread.failure.principal, unread.failure.cause))
        .collect();
    for failed in &failed {
        tracing::warn!(failed, "no verdict");
    }
    if failed.is_empty() {
        return Ok(JobOutcome {
            response: examined.to_response(clock.now()),
            metrics: figures,
            skip_run_record: false,
        });
    }
    let all = examined.evaluated.len() + failed.len();
    let message = format!("{} of {all} principals have no verdict: {}", failed.len(), failed.join("; "));
    Err(FunctionError::new("PrincipalFailed", message).with_metrics(figures))
}

/// The principals a payload names; none for everybody who is watched.
fn requested_principals(payload: &Value) -> Result<Vec<String>, FunctionError> {
    let refused = |what: String| FunctionError::new("InvalidRequest", what);
    let Some(named) = payload.get("principals") else { return Ok(Vec::new()) };
    let named = named.as_array().filter(|named| !named.is_empty() && named.len() <= MAX_PRINCIPALS);
    let named = named.ok_or_else(|| {
        refused(format!("`principals` is not a list of 1 to {MAX_PRINCIPALS} ARNs or patterns"))
    })?;
    let one = |name: &Value| {
        let text = name.as_str().ok_or_else(|| refused("`principals` holds what is no text".to_owned()))?;
        Watch::new(text).map_err(|fault| refused(fault.to_string()))?;
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
        for everybody in [json!({}), json!(null), json!({ "schedule": "rate(1 day)" })] {
            assert!(requested_principals(&everybody).unwrap().is_empty());
        }
        let named = json!({ "principals": ["arn:aws:iam::111122223333:role/Auditor"] });
        assert_eq!(requested_principals(&named).unwrap(), ["arn:aws:iam::111122223333:role/Auditor"]);
        for wrong in [json!([]), json!("x"), json!([1]), json!(["Auditor"]), json!(["arn:aws:s3:::bucket"])] {
            let error = requested_principals(&json!({ "principals": wrong })).unwrap_err();
            assert_eq!(error.error_type, "InvalidRequest", "{wrong}");
        }
    }
}
