//! Lambda function `permissions`: judges what watched principals may do, and keeps their policies.
//!
//! Invoked by a schedule, with any payload, for everybody who is watched; `{"principals": [ARN, ..]}` asks for those alone.
//! Rights: to read policies in IAM and the organization, to simulate them, the reads that are tried out, `sts:AssumeRole` of
//! the role in other accounts, the table, `policies/` and `permissions/` to write once, the topic and the bus.

use lambda_runtime::Error;
use onlooker_aws::{AccountPolicies, OrganizationPolicies, Probes};
use onlooker_core::{
    config::Watch,
    jobs::permissions::{Archive, Desk, Question, examine},
    ports::Clock as _,
};
use onlooker_lambda::{Failure, Invocation, Outcome, serve};
use serde_json::Value;

/// Most principals one payload may name.
const MOST: usize = 1_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Error> {
    serve("permissions", std::env::vars_os(), run).await
}

fn run(invocation: &Invocation<'_>, payload: Value) -> Result<Outcome, Failure> {
    let Invocation { base, settings, clock, run, .. } = invocation;
    let asked = asked(&payload)?;
    let aws = &base.aws;
    let policies =
        AccountPolicies::new(aws.clone(), &base.caller.account, settings.config.lookup.role.clone());
    let (organization, probes) = (OrganizationPolicies::new(aws.clone()), Probes::new(aws.clone()));
    let desk = Desk { authorizations: &policies, organization: &organization, prober: &probes, clock };
    let question =
        Question { config: &settings.config, catalog: settings.catalog, caller: &base.caller, asked: &asked };
    let archive =
        Archive { table: base.table, store: base.store, announcers: &base.announcers()?, run: &run.run_id };
    let examined = examine(&desk, &question, &archive)?;
    let figures = examined.figures();
    let failed: Vec<String> = examined
        .failed
        .iter()
        .map(|unread| format!("{}: {}", unread.failed.principal, unread.failed.cause))
        .collect();
    for failed in &failed {
        tracing::warn!(failed, "no verdict");
    }
    if failed.is_empty() {
        return Ok(Outcome { answer: examined.answer(clock.now()), figures, is_quiet: false });
    }
    let all = examined.judged.len() + failed.len();
    let message = format!("{} of {all} principals have no verdict: {}", failed.len(), failed.join("; "));
    Err(Failure::new("PrincipalFailed", message).with(figures))
}

/// The principals a payload names; none for everybody who is watched.
fn asked(payload: &Value) -> Result<Vec<String>, Failure> {
    let refused = |what: String| Failure::new("InvalidRequest", what);
    let Some(named) = payload.get("principals") else { return Ok(Vec::new()) };
    let named = named.as_array().filter(|named| !named.is_empty() && named.len() <= MOST);
    let named = named
        .ok_or_else(|| refused(format!("`principals` is not a list of 1 to {MOST} ARNs or patterns")))?;
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

    use super::asked;

    #[test]
    fn who_is_asked_about_is_named_by_arns() {
        for everybody in [json!({}), json!(null), json!({ "schedule": "rate(1 day)" })] {
            assert!(asked(&everybody).unwrap().is_empty());
        }
        let named = json!({ "principals": ["arn:aws:iam::111122223333:role/Auditor"] });
        assert_eq!(asked(&named).unwrap(), ["arn:aws:iam::111122223333:role/Auditor"]);
        for wrong in [json!([]), json!("x"), json!([1]), json!(["Auditor"]), json!(["arn:aws:s3:::bucket"])] {
            let error = asked(&json!({ "principals": wrong })).unwrap_err();
            assert_eq!(error.kind, "InvalidRequest", "{wrong}");
        }
    }
}
