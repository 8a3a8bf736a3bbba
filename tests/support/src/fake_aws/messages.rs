//! Fakes of STS, SNS, EventBridge, Security Hub and CloudFormation.

use serde_json::json;

use super::{FakeAwsState, HttpRequest, HttpResponse};

pub fn get_caller_identity(request: &HttpRequest) -> HttpResponse {
    let account = request.account();
    query_response(
        "GetCallerIdentity",
        &format!(
            "<Arn>arn:aws:sts::{account}:assumed-role/onlooker/test</Arn><UserId>AROATEST:test</UserId><Account>{account}</Account>"
        ),
    )
}

/// Every caller may assume the role `reader`, in every account.
pub fn assume_role(request: &HttpRequest) -> HttpResponse {
    let asked = request.form_fields();
    let role = &asked["RoleArn"];
    if !role.ends_with(":role/reader") {
        let said = format!("User: test is not authorized to perform: sts:AssumeRole on resource: {role}");
        return HttpResponse::query_error(403, "AccessDenied", &said);
    }
    let (account, name) = (role.split(':').nth(4).expect("an account"), &asked["RoleSessionName"]);
    query_response(
        "AssumeRole",
        &format!(
            "<Credentials><AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
             <SessionToken>{name}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
        ),
    )
}

/// A stack that does not exist is a `ValidationError`, as CloudFormation answers.
pub fn describe_stacks(state: &FakeAwsState, request: &HttpRequest) -> HttpResponse {
    let name = &request.form_fields()["StackName"];
    let Some(outputs) = state.stacks.get(name) else {
        let said = format!("Stack with id {name} does not exist");
        return HttpResponse::query_error(400, "ValidationError", &said);
    };
    let outputs: String = outputs
        .iter()
        .map(|(key, value)| {
            format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
        })
        .collect();
    query_response(
        "DescribeStacks",
        &format!(
            "<Stacks><member><StackName>{name}</StackName><Outputs>{outputs}</Outputs></member></Stacks>"
        ),
    )
}

pub fn publish(state: &mut FakeAwsState, request: &HttpRequest) -> HttpResponse {
    state.published.push(request.form_fields());
    query_response("Publish", "<MessageId>m</MessageId>")
}

/// Accepts every event, except those with the detail type `Rejected`.
pub fn put_events(state: &mut FakeAwsState, request: &HttpRequest) -> HttpResponse {
    let asked = request.json();
    let entries = asked["Entries"].as_array().expect("entries");
    let mut said = Vec::new();
    for entry in entries {
        if entry["DetailType"] == "Rejected" {
            said.push(json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "too many of them" }));
        } else {
            state.put_events.push(entry.clone());
            said.push(json!({ "EventId": "e" }));
        }
    }
    let failed = said.iter().filter(|entry| entry.get("ErrorCode").is_some()).count();
    HttpResponse::json(200, &json!({ "FailedEntryCount": failed, "Entries": said }))
}

/// Imports findings of the caller's account and region, at most 100, and refuses others.
pub fn batch_import_findings(state: &mut FakeAwsState, request: &HttpRequest) -> HttpResponse {
    let asked = request.json();
    let findings = asked["Findings"].as_array().expect("findings");
    if !(1..=100).contains(&findings.len()) {
        return HttpResponse::error(400, "InvalidInputException", "1 to 100 findings");
    }
    let (account, region) = (request.account(), request.region());
    let product = format!("arn:aws:securityhub:{region}:{account}:product/{account}/default");
    let (mut imported, mut refused) = (0, Vec::new());
    for finding in findings {
        let id = finding["Id"].as_str().expect("an id").to_owned();
        if finding["AwsAccountId"] == account.as_str() && finding["ProductArn"] == product.as_str() {
            state.imported_findings.insert(id, finding.clone());
            imported += 1;
        } else {
            refused
                .push(json!({ "Id": id, "ErrorCode": "InvalidInput", "ErrorMessage": "not your account" }));
        }
    }
    let answer = json!({ "SuccessCount": imported, "FailedCount": refused.len(), "FailedFindings": refused });
    HttpResponse::json(200, &answer)
}

fn query_response(name: &str, result: &str) -> HttpResponse {
    HttpResponse::xml(
        200,
        &format!(
            "<{name}Response><{name}Result>{result}</{name}Result>\
             <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{name}Response>"
        ),
    )
}
