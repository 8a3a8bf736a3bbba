//! A deployment: whether its functions still make reports, and what the last one says.
//!
//! Enters: the name of a stack. Leaves: a check for each condition of the runbook that the table shows. Law: the deployment is not
//! changed; the alarms that only CloudWatch knows are named as not checked.

use onlooker_core::{current_status::CurrentStatus, jobs::publish::latest, score::Status, time::Time};

use crate::{
    aws::AwsConnection, deployment_report::Deployment, diagnosis::Check, environment, exit::CommandError,
};

const GROUP: &str = "deployment";

/// Every check of a deployment.
pub fn all(stack: &str) -> Vec<Check> {
    let deployment = match Deployment::from_args(Some(stack.to_owned()), None, None) {
        Ok(deployment) => deployment,
        Err(error) => {
            return vec![Check::failed(GROUP, "stack", &error, "deploy the stack, or correct its name")];
        }
    };
    let mut checks = vec![Check::ok(
        GROUP,
        "stack",
        format!("table `{}`, bucket `{}`", deployment.table, deployment.bucket),
    )];
    let cloud = match AwsConnection::connect("doctor --stack") {
        Ok(cloud) => cloud,
        Err(error) => return vec![Check::failed(GROUP, "stack", &error, "install `onlooker` with AWS")],
    };
    match latest(&*cloud.table(&deployment.table)) {
        Ok(status) => checks.extend(status_checks(status.as_ref(), environment::now())),
        Err(error) => checks.push(Check::failed(
            GROUP,
            "table",
            &CommandError::Aws(error),
            "allow dynamodb:Query of the table",
        )),
    }
    checks.push(match cloud.store(&deployment.bucket).list("latest/") {
        Ok(objects) => Check::ok(GROUP, "bucket", format!("{} files of the newest report", objects.len())),
        Err(error) => Check::failed(
            GROUP,
            "bucket",
            &CommandError::Aws(error),
            "allow s3:ListBucket and s3:GetObject of the bucket",
        ),
    });
    checks.push(Check::not_checked(
        GROUP,
        "alarms",
        "queues, throttles and lags are alarms of CloudWatch; docs/runbook.md lists the command and each fix",
    ));
    checks
}

/// What the current status says at this time.
fn status_checks(status: Option<&CurrentStatus>, now: Time) -> Vec<Check> {
    let silence = "docs/runbook.md, Silence: look at the logs of the function `report`, and at its schedule";
    let Some(status) = status else {
        return vec![Check::warning(GROUP, "reports", "no report was published yet", silence)];
    };
    let mut checks = Vec::new();
    checks.push(match now >= status.valid_until {
        true => Check::problem(
            GROUP,
            "reports",
            format!("no report was published since {}, so the worker is silent", status.set_at),
            silence,
        ),
        false => Check::ok(GROUP, "reports", format!("the last one at {}", status.set_at)),
    });
    if let Some(reason) = &status.reason {
        checks.push(Check::problem(
            GROUP,
            "last-run",
            format!("the last run failed: {reason}"),
            "docs/runbook.md, Failing functions",
        ));
    }
    checks.push(match status.status_at(now) {
        Some(Status::NonCompliant) => Check::problem(
            GROUP,
            "security-events",
            "the status is NON_COMPLIANT",
            "docs/runbook.md, Status: ask the owner of the principal, or stop its role",
        ),
        Some(Status::InsufficientEvidence) => Check::warning(
            GROUP,
            "security-events",
            "the status is INSUFFICIENT_EVIDENCE",
            "`onlooker report --remote --stack NAME` names what is missing; docs/compliant.md has more",
        ),
        Some(Status::Compliant) => Check::ok(GROUP, "security-events", "the status is COMPLIANT"),
        None => Check::warning(
            GROUP,
            "security-events",
            "no principal is watched, so nothing is proven",
            "deploy with `WatchedPrincipals`",
        ),
    });
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::CheckState::{Ok as Fine, Problem, Warning};

    #[test]
    fn silence_a_failed_run_and_each_status_are_told() {
        let status = |status: Option<Status>, reason: Option<&str>| CurrentStatus {
            version: "1.0".to_owned(),
            status,
            reason: reason.map(str::to_owned),
            set_at: Time(1_000),
            valid_until: Time(2_000),
            run_id: "run".to_owned(),
            report: None,
            last_change: 0,
            last_notified_change: 0,
            last_notified_at: None,
        };
        let states = |given: Option<&CurrentStatus>, now| {
            status_checks(given, Time(now)).into_iter().map(|check| check.state).collect::<Vec<_>>()
        };
        assert_eq!(states(None, 0), [Warning]);
        let compliant = status(Some(Status::Compliant), None);
        assert_eq!(states(Some(&compliant), 1_999), [Fine, Fine]);
        assert_eq!(states(Some(&compliant), 2_000), [Problem, Warning], "an expired status claims nothing");
        let broken = status(Some(Status::NonCompliant), None);
        assert_eq!(states(Some(&broken), 1_500), [Fine, Problem]);
        let failed = status(Some(Status::InsufficientEvidence), Some("no table"));
        assert_eq!(states(Some(&failed), 1_500), [Fine, Problem, Warning]);
        assert_eq!(states(Some(&status(None, None)), 1_500), [Fine, Warning]);
    }
}
