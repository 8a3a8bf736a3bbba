//! STS, SNS and EventBridge.

use serde_json::json;

use super::{Answer, Request, State};

pub fn caller(request: &Request) -> Answer {
    let account = request.account();
    answer(
        "GetCallerIdentity",
        &format!(
            "<Arn>arn:aws:sts::{account}:assumed-role/onlooker/test</Arn><UserId>AROATEST:test</UserId><Account>{account}</Account>"
        ),
    )
}

/// Anybody may assume the role `reader`, in any account.
pub fn assume(request: &Request) -> Answer {
    let asked = request.form();
    let role = &asked["RoleArn"];
    if !role.ends_with(":role/reader") {
        let said = format!("User: test is not authorized to perform: sts:AssumeRole on resource: {role}");
        return Answer::query_error(403, "AccessDenied", &said);
    }
    let (account, name) = (role.split(':').nth(4).expect("an account"), &asked["RoleSessionName"]);
    answer(
        "AssumeRole",
        &format!(
            "<Credentials><AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
             <SessionToken>{name}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
        ),
    )
}

pub fn publish(state: &mut State, request: &Request) -> Answer {
    state.published.push(request.form());
    answer("Publish", "<MessageId>m</MessageId>")
}

/// Takes every event but those of the kind `Refused`.
pub fn put_events(state: &mut State, request: &Request) -> Answer {
    let asked = request.json();
    let entries = asked["Entries"].as_array().expect("entries");
    let mut said = Vec::new();
    for entry in entries {
        if entry["DetailType"] == "Refused" {
            said.push(json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "too many of them" }));
        } else {
            state.put.push(entry.clone());
            said.push(json!({ "EventId": "e" }));
        }
    }
    let failed = said.iter().filter(|entry| entry.get("ErrorCode").is_some()).count();
    Answer::json(200, &json!({ "FailedEntryCount": failed, "Entries": said }))
}

fn answer(name: &str, result: &str) -> Answer {
    Answer::xml(
        200,
        &format!(
            "<{name}Response><{name}Result>{result}</{name}Result>\
             <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{name}Response>"
        ),
    )
}
