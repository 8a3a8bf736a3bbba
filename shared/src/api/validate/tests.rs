//! Tests of verdicts and their entries.

use serde_json::json;

use super::*;
use crate::config::Standard;

const CALLER: &str = "arn:aws:sts::111122223333:assumed-role/ci/session";

fn config(text: &str) -> Config {
    Config::read(Some(("onlooker.toml", text)), Vec::new()).unwrap()
}

fn override_of(operation: &str, resource: &str) -> Config {
    config(&format!(
        "[[override]]\nid = \"one\"\nprincipal = \"arn:aws:iam::111122223333:role/ci\"\noperation = \"{operation}\"\n\
         resource = \"{resource}\"\nowner = \"a\"\nreason = \"b\"\nexpires = \"2100-01-01T00:00:00Z\"\n"
    ))
}

fn validated(
    config: &Config,
    body: &Value,
    query: &[(&'static str, &'static str)],
) -> Result<Validation, Problem> {
    let pack = ControlPack::built_in(Standard::General).unwrap();
    let criteria = ValidationCriteria {
        catalog: Catalog::embedded(),
        config,
        pack: &pack,
        now: Time(1_800_000_000),
        run_id: "run",
        recorded_by: "api",
    };
    let body = body.to_string();
    let request = ApiRequest {
        method: "POST",
        path: "/validate",
        query: query.iter().copied().collect(),
        content_type: Some("application/json"),
        body: body.as_bytes(),
        origin: RequestOrigin {
            caller: CALLER.to_owned(),
            source_ip: Some("192.0.2.1".to_owned()),
            user_agent: Some("test".to_owned()),
        },
        ..ApiRequest::default()
    };
    validate(&request, &criteria)
}

fn verdict(config: &Config, body: &Value) -> Verdict {
    let done = validated(config, body, &[]).unwrap();
    let [verdict] = <[Verdict; 1]>::try_from(done.response.verdicts).unwrap();
    verdict
}

fn detail(body: &Value) -> String {
    let problem = validated(&Config::default(), body, &[]).unwrap_err();
    assert_eq!(problem.status, 400, "{problem}");
    problem.detail.into()
}

#[test]
fn one_operation_and_a_list_of_it_have_the_verdict_of_the_command_line() {
    let pack = ControlPack::built_in(Standard::General).unwrap();
    for operation in ["s3:GetObject", "s3:DeleteObject", "iam:CreateUser", "s3:GetObjet", "nonsense"] {
        let request = CheckRequest { operation: operation.to_owned(), ..CheckRequest::default() };
        let expected =
            check(Catalog::embedded(), &Config::default(), &pack, &request, Time(1_800_000_000), false);
        let expected = serde_json::to_value(expected).unwrap();
        let asked = json!({ "operation": operation });
        for body in [asked.clone(), json!({ "operations": [asked] })] {
            let found = serde_json::to_value(verdict(&Config::default(), &body)).unwrap();
            for (field, value) in expected.as_object().unwrap() {
                assert_eq!(&found[field], value, "{operation}: {field}");
            }
        }
    }
}

#[test]
fn the_service_may_be_a_field_of_its_own() {
    let found = verdict(&Config::default(), &json!({ "service": "ec2", "operation": "describe_instances" }));
    assert_eq!((&*found.result.service, &*found.result.operation), ("ec2", "DescribeInstances"));
    assert!(found.result.is_valid);
}

#[test]
fn an_override_decides_for_the_caller_its_resources_and_its_parameters() {
    let config = override_of("s3:PutObject", "arn:aws:s3:::drop/*");
    let ask = |more: Value| {
        let mut body = json!({ "operation": "s3:PutObject", "resource_arn": "arn:aws:s3:::drop/key" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        verdict(&config, &body)
    };
    let allowed = ask(json!({}));
    assert!(allowed.result.is_valid, "{:?}", allowed.result);
    assert_eq!(allowed.principal.as_deref(), Some(CALLER));
    assert!(!ask(json!({ "principal": "arn:aws:iam::111122223333:role/other" })).result.is_valid);
    assert!(!ask(json!({ "resource_arn": "arn:aws:s3:::other/key" })).result.is_valid);
    assert!(!ask(json!({ "resource_arns": ["arn:aws:s3:::other/key"] })).result.is_valid);
    let acl = ask(json!({ "parameters": { "x-amz-acl": "public-read" } }));
    assert!(acl.result.validation_message.contains("s3:PutObjectAcl"), "{}", acl.result.validation_message);
    assert!(!acl.result.is_valid);
    assert!(ask(json!({ "parameters": { "key": "key" } })).result.is_valid);
}

#[test]
fn every_verdict_has_an_entry_with_its_id_and_its_sender() {
    let operations: Vec<Value> =
        ["s3:GetObject", "iam:CreateUser"].map(|name| json!({ "operation": name })).into();
    let done = validated(&Config::default(), &json!({ "operations": operations }), &[]).unwrap();
    assert_eq!((done.response.valid, done.response.refused), (1, 1));
    let of_verdicts: Vec<&str> = done.response.verdicts.iter().map(|one| &*one.decision_id).collect();
    assert_eq!(of_verdicts, ["run-0", "run-1"]);
    let calls: Vec<&AuditedCall> = done.entries.iter().map(|entry| entry.call.as_ref().unwrap()).collect();
    assert_eq!(calls.iter().map(|call| &*call.event_id).collect::<Vec<_>>(), of_verdicts);
    assert_eq!(
        calls.iter().map(|call| call.outcome).collect::<Vec<_>>(),
        [Outcome::Succeeded, Outcome::Denied]
    );
    for (entry, call) in done.entries.iter().zip(calls) {
        assert_eq!((entry.kind, &*entry.recorded_by), (AuditKind::Decision, "api"));
        assert!(entry.message.as_deref().unwrap().contains(CALLER), "{entry:?}");
        assert_eq!((&*call.user_identity.principal, call.source_ip.as_deref()), (CALLER, Some("192.0.2.1")));
    }
}

#[test]
fn a_mistake_is_named_with_the_operation_and_its_field() {
    let many: Vec<Value> = vec![json!({ "operation": "s3:GetObject" }); MAX_OPERATIONS + 1];
    let long = "x".repeat(MAX_NAME_CHARS + 1);
    for (body, expected) in [
        (json!({}), "missing field `operation`"),
        (json!([]), "the body is not valid"),
        (json!(["s3:GetObject"]), "the body is not valid"),
        (json!({ "operations": [["s3:GetObject"]] }), "operation 1 of the body is not valid"),
        (json!("s3:GetObject"), "the body is not valid"),
        (json!({ "operation": "s3:GetObject", "resource": "x" }), "unknown field `resource`"),
        (json!({ "operation": "" }), "`operation` of the body"),
        (json!({ "operation": "x", "service": long }), "`service` of the body"),
        (json!({ "operation": "x", "principal": "role/x" }), "`principal` of the body"),
        (
            json!({ "operation": "x", "resource_arns": ["arn:aws:s3:::b", "b"] }),
            "`resource_arns` of the body",
        ),
        (json!({ "operation": "x", "parameters": [] }), "the body is not valid"),
        (json!({ "operations": [] }), "`operations` of the body is empty"),
        (json!({ "operations": {} }), "the body is not valid"),
        (json!({ "operations": many }), "the body has 1001 operations"),
        (json!({ "operations": [{ "operation": "x" }], "explain": true }), "unknown field `explain`"),
        (json!({ "operations": [{ "operation": "x" }, { "operation": 1 }] }), "operation 2 of the body"),
    ] {
        let found = detail(&body);
        assert!(found.contains(expected), "{body}: {found}");
    }
}

#[test]
fn a_thousand_operations_are_answered_and_too_long_an_answer_asks_to_split() {
    let body = json!({ "operations": vec![json!({ "operation": "s3:GetObject" }); MAX_OPERATIONS] });
    let done = validated(&Config::default(), &body, &[]).unwrap();
    assert_eq!(done.response.valid, MAX_OPERATIONS as u64);
    assert_eq!(done.to_response().unwrap().status, 200);
    let mut long = done;
    for verdict in &mut long.response.verdicts {
        verdict.result.validation_message = "\"".repeat(4_000);
    }
    let problem = long.to_response().unwrap_err();
    assert_eq!(problem.status, 413);
    assert!(problem.detail.contains("several requests"), "{problem}");
}

#[test]
fn sources_are_explained_on_request() {
    let body = json!({ "operation": "s3:GetObject" });
    let explained = validated(&Config::default(), &body, &[("explain", "true")]).unwrap();
    assert!(explained.response.verdicts.iter().all(|one| one.result.explanation.is_some()));
    assert!(verdict(&Config::default(), &body).result.explanation.is_none());
}
