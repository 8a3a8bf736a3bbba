//! Credentials, region, and what they let this machine read.
//!
//! Enters: the AWS environment. Leaves: a check for each thing that a deployment needs of it. Law: one request for each check, and
//! none that changes anything.

use std::path::Path;

use onlooker_core::ports::LookupRequest;

use super::template;
use crate::{aws::AwsConnection, diagnosis::Check, environment, exit::CommandError};

const GROUP: &str = "account";

/// Seconds of the event history that are looked up.
const LOOKUP_SECONDS: u32 = 300;

/// Every check of the account.
pub fn all(folder: &Path) -> Vec<Check> {
    let cloud = match AwsConnection::connect("doctor") {
        Ok(cloud) => cloud,
        Err(error) => {
            let why = error.to_string();
            return vec![Check::not_checked(GROUP, "credentials", why.lines().next().unwrap_or_default())];
        }
    };
    let mut checks = vec![region(cloud.configured_region())];
    let caller = match cloud.caller() {
        Ok(caller) => caller,
        Err(error) => {
            let fix = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or `aws sso login`";
            let failed = Check::failed(GROUP, "credentials", &error, fix);
            checks.push(Check { fix: Some(fix.to_owned()), ..failed });
            let rest = ["event-history", "configuration-object"];
            checks.extend(rest.map(|name| Check::not_checked(GROUP, name, "there are no credentials")));
            return checks;
        }
    };
    checks.push(Check::ok(GROUP, "credentials", caller.arn.clone()));
    checks.push(event_history(&cloud, &caller.account));
    if let Some(object) = environment::variable_text("ONLOOKER_CONFIG")
        .filter(|name| name.starts_with("s3://"))
        .or_else(|| template::configuration_object(folder))
    {
        checks.push(configuration_object(&cloud, &object));
    }
    checks
}

fn region(configured: Option<&str>) -> Check {
    match configured {
        Some(region) => Check::ok(GROUP, "region", region),
        None => Check::warning(
            GROUP,
            "region",
            "no region is configured, so us-east-1 is used",
            "set AWS_REGION, or `region` in the profile",
        ),
    }
}

/// The trouble of events that are not retrieved.
fn event_history(cloud: &AwsConnection, account: &str) -> Check {
    let (name, now) = ("event-history", environment::now());
    let since = onlooker_core::time::Time(now.0.saturating_sub(LOOKUP_SECONDS));
    let request = LookupRequest { account, region: cloud.region(), since, until: now, token: None };
    match cloud.trail(account, None).lookup_events(request) {
        Ok(page) => Check::ok(GROUP, name, format!("{} events of the last five minutes", page.records.len())),
        Err(error) => Check::failed(
            GROUP,
            name,
            &CommandError::Aws(error),
            "allow cloudtrail:LookupEvents; without it only delivered log files are evidence",
        ),
    }
}

fn configuration_object(cloud: &AwsConnection, object: &str) -> Check {
    let name = "configuration-object";
    let fix = "upload the file, or correct `ConfigurationObject`";
    let Some((bucket, key)) = object.strip_prefix("s3://").and_then(|rest| rest.split_once('/')) else {
        return Check::problem(GROUP, name, format!("`{object}` is not s3://bucket/key"), fix);
    };
    match cloud.store(bucket).read(key, None) {
        Err(error) => Check::failed(GROUP, name, &CommandError::Aws(error), fix),
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            match onlooker_core::config::Config::from_toml(&text, object) {
                Ok(_) => Check::ok(GROUP, name, format!("`{object}` is valid")),
                Err(error) => Check::failed(GROUP, name, &error.into(), fix),
            }
        }
    }
}
