//! CloudTrail records as text, for jobs that read them.

use onlooker_core::time::Time;
use serde_json::{Value, json};

pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "us-east-1";
pub const AUDITOR: &str = "arn:aws:iam::111122223333:role/Auditor";

/// A call of a session of a role.
pub fn call(n: u32, time: Time, role: &str, source: &str, name: &str, read_only: Option<bool>) -> Value {
    let mut record = json!({
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:session",
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session"),
            "accountId": ACCOUNT,
            "sessionContext": { "sessionIssuer": {
                "type": "Role", "principalId": "AROAEXAMPLE", "accountId": ACCOUNT, "userName": role,
                "arn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
            } },
        },
        "eventTime": time.to_string(),
        "eventSource": source,
        "eventName": name,
        "awsRegion": REGION,
        "eventID": format!("{n:08x}-0000-4000-8000-000000000000"),
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "eventCategory": "Management",
        "recipientAccountId": ACCOUNT,
    });
    if let Some(read_only) = read_only {
        record["readOnly"] = read_only.into();
    }
    record
}

/// The same call, denied.
pub fn denied(mut record: Value) -> Value {
    record["errorCode"] = "AccessDenied".into();
    record
}

pub fn read(n: u32, time: Time) -> Value {
    call(n, time, "Auditor", "ec2.amazonaws.com", "DescribeInstances", Some(true))
}

pub fn write(n: u32, time: Time) -> Value {
    call(n, time, "Auditor", "ec2.amazonaws.com", "RunInstances", Some(false))
}

/// An event as EventBridge delivers it.
pub fn eventbridge_event(record: &Value) -> Vec<u8> {
    let envelope = json!({
        "version": "0", "id": "e", "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2",
        "account": ACCOUNT, "region": REGION, "time": record["eventTime"], "resources": [], "detail": record,
    });
    envelope.to_string().into_bytes()
}
