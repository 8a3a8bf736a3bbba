//! What the roles, keys and policies of the stack permit.

use super::*;

/// Whether the catalog classifies an action as a read.
pub fn is_read_only_action(action: &str) -> bool {
    let (service, name) = action.split_once(':').expect("an action");
    let entry = Catalog::embedded().lookup(service, name);
    entry.is_some_and(|entry| entry.facts.operation_type == OperationType::ReadOnly)
}

/// The texts of `Fn::Sub` in a value.
fn collect_texts<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, inner)| match (key.as_str(), inner) {
            ("Fn::Sub", Value::String(text)) => texts.push(text),
            _ => collect_texts(inner, texts),
        }),
        Value::Array(items) => items.iter().for_each(|one| collect_texts(one, texts)),
        _ => {}
    }
}

#[test]
fn a_role_names_its_actions_and_has_no_wildcards() {
    let stack = StackTemplate::read();
    for (name, role) in stack.of_type("AWS::IAM::Role") {
        let properties = &role["Properties"];
        assert!(
            properties.get("ManagedPolicyArns").is_none(),
            "{name}: the actions of a managed policy are not in the template"
        );
        for statement in all_statements(&properties["Policies"]) {
            assert_eq!(statement["Effect"], "Allow", "{name}");
            assert!(statement.get("NotAction").is_none() && statement.get("NotResource").is_none(), "{name}");
            let actions = string_values(&statement["Action"]);
            assert!(
                !actions.is_empty() && actions.iter().all(|one| one.contains(':') && !one.contains('*')),
                "{name}: {statement}"
            );
            // LookupEvents, ListPublicKeys and the lists of an account support no resource-level permissions, and the template cannot know
            // the principals that the user watches:
            // https://docs.aws.amazon.com/service-authorization/latest/reference/
            let all_resources = statement["Resource"] == "*";
            let reads = ["ReadPolicies", "ReadOrganization", "ProbeReads"].map(Some);
            let is_exception = actions == ["cloudtrail:LookupEvents"]
                || actions == ["cloudtrail:ListPublicKeys"]
                || name == "PermissionsRole" && reads.contains(&statement["Sid"].as_str());
            assert!(
                !all_resources || is_exception && actions.iter().all(|one| is_read_only_action(one)),
                "{name}: {statement}"
            );
        }
    }
    let actions = |role: &str| -> BTreeSet<String> {
        let found = all_statements(&stack.properties(role)["Policies"]);
        found.iter().flat_map(|one| string_values(&one["Action"])).map(str::to_owned).collect()
    };
    let may = |role: &str, some: &[&str]| some.iter().any(|one| actions(role).contains(*one));
    assert!(!may("PullRole", &["sqs:ReceiveMessage"]));
    assert!(!may("IngestRole", &["cloudtrail:LookupEvents", "sts:AssumeRole"]));
    assert!(!may("WatchRole", &["s3:ListBucket", "cloudtrail:LookupEvents", "sts:AssumeRole"]));
    let watch = all_statements(&stack.properties("WatchRole")["Policies"]);
    let stores = watch.iter().filter(|one| string_values(&one["Action"]).contains(&"s3:PutObject"));
    let resources: Vec<&Value> = stores.map(|one| &one["Resource"]).collect();
    assert_eq!(resources, [&json!({ "Fn::Sub": format!("{BUCKET_ARN}/audit/*") })]);
    // The function api stores verdicts, its own runs and what every function shares, and nothing else.
    let api = all_statements(&stack.properties("ApiRole")["Policies"]);
    let stores = api.iter().filter(|one| string_values(&one["Action"]).contains(&"s3:PutObject"));
    let resources: Vec<&Value> = stores.map(|one| &one["Resource"]).collect();
    assert_eq!(resources, [&json!({ "Fn::Sub": format!("{BUCKET_ARN}/audit/*") })]);
    let writes = api.iter().filter(|one| string_values(&one["Action"]).contains(&"dynamodb:UpdateItem"));
    let partitions: Vec<&Value> =
        writes.map(|one| &one["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]).collect();
    assert_eq!(
        partitions,
        [&json!([
            "RUN#api",
            "BREAKERS",
            "ERRORS#*",
            "NOTIFICATION#operational-*",
            "NOTIFICATION#repeated-*"
        ])]
    );
    assert!(!may("ReportRole", &["cloudtrail:LookupEvents", "sts:AssumeRole", "sqs:ReceiveMessage"]));
    assert!(!may("MaintainRole", &["cloudtrail:LookupEvents", "sts:AssumeRole", "sqs:ReceiveMessage"]));
    assert!(!may("PermissionsRole", &["s3:ListBucket", "cloudtrail:LookupEvents", "sqs:ReceiveMessage"]));
    assert!(!may("ApiRole", &["cloudtrail:LookupEvents", "sts:AssumeRole", "dynamodb:Scan"]));
    for (function, _) in stack.functions() {
        let role = format!("{function}Role");
        assert!(!may(&role, &["s3:DeleteObjectVersion", "s3:PutBucketPolicy", "iam:PassRole"]), "{role}");
        assert!(function == "Maintain" || !may(&role, &["s3:DeleteObject"]), "{role}");
    }
    // Backups, what the restore drill wrote, and with a parameter old batches of the audit trail. No function removes evidence or
    // reports.
    let maintain = all_statements(&stack.properties("MaintainRole")["Policies"]);
    let removes = maintain.iter().filter(|one| string_values(&one["Action"]).contains(&"s3:DeleteObject"));
    let mut removed: Vec<&str> = Vec::new();
    for statement in removes {
        collect_texts(&statement["Resource"], &mut removed);
    }
    let own = |prefix: &str| format!("{BUCKET_ARN}/{prefix}/*");
    let other = |bucket: &str| format!("arn:${{AWS::Partition}}:s3:::${{{bucket}}}/${{AWS::StackName}}/*");
    let audit = format!("{BUCKET_ARN}/audit/dt=*");
    let allowed = [audit, own("backups"), own("drill"), other("BackupBucket"), other("SecondBackupBucket")];
    assert_eq!(
        removed.iter().copied().collect::<BTreeSet<_>>(),
        allowed.iter().map(String::as_str).collect()
    );
}

#[test]
fn a_role_in_another_account_is_limited_to_its_name_and_account() {
    let stack = StackTemplate::read();
    for role in ["PullRole", "PermissionsRole"] {
        let found = all_statements(&stack.properties(role)["Policies"]);
        let assume = found.iter().find(|one| one["Action"] == "sts:AssumeRole").expect("a statement");
        assert_eq!(
            assume["Resource"],
            json!({ "Fn::Sub": "arn:${AWS::Partition}:iam::*:role/${LookupRole}" })
        );
        assert_eq!(assume["Condition"]["StringEquals"]["aws:ResourceAccount"], json!({ "Ref": "Accounts" }));
    }
    let member = template("member.yaml");
    let granted: Vec<_> = all_statements(&member["Resources"]["Role"]["Properties"]["Policies"]);
    assert_eq!(granted.len(), 2);
    assert_eq!(granted[0]["Action"], "cloudtrail:LookupEvents");
    // Onlooker reads the same policies in every account.
    let own = all_statements(&stack.properties("PermissionsRole")["Policies"]);
    let of =
        |all: &[Value]| all.iter().find(|one| one["Sid"] == "ReadPolicies").map(|one| one["Action"].clone());
    assert!(of(&own).is_some());
    assert_eq!(of(&own), of(&granted));
}

#[test]
fn a_service_assumes_a_role_only_for_this_account() {
    for name in ["template.yaml", "member.yaml"] {
        let read = StackTemplate(template(name));
        let mut services = 0;
        for (role, body) in read.of_type("AWS::IAM::Role") {
            let properties = &body["Properties"];
            assert_eq!(
                properties["PermissionsBoundary"],
                json!({ "Fn::If": [
                    "HasPermissionsBoundary", { "Ref": "PermissionsBoundaryArn" }, { "Ref": "AWS::NoValue" }
                ] }),
                "{name}: {role}"
            );
            for statement in all_statements(&properties["AssumeRolePolicyDocument"]) {
                if statement["Principal"]["Service"].is_null() {
                    continue;
                }
                services += 1;
                assert_eq!(
                    statement["Condition"],
                    json!({ "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } } }),
                    "{name}: {role}"
                );
            }
        }
        assert!(services >= 1, "{name}");
    }
}

#[test]
fn the_key_of_the_state_reaches_table_queues_and_logs_and_the_roles_that_use_them() {
    let stack = StackTemplate::read();
    let key = json!({ "Fn::If": ["HasStateKey", { "Ref": "StateKmsKeyArn" }, { "Ref": "AWS::NoValue" }] });
    assert_eq!(stack.properties("Table")["SSESpecification"]["KMSMasterKeyId"], key);
    let logs: Vec<_> = stack.of_type("AWS::Logs::LogGroup").collect();
    assert_eq!(logs.len(), stack.functions().len());
    for (name, log) in logs {
        assert_eq!(log["Properties"]["KmsKeyId"], key, "{name}");
    }
    for (name, queue) in stack.of_type("AWS::SQS::Queue") {
        assert_eq!(queue["Properties"]["KmsMasterKeyId"], key, "{name}");
        // SQS accepts one kind of encryption.
        assert_eq!(
            queue["Properties"]["SqsManagedSseEnabled"],
            json!({ "Fn::If": ["HasStateKey", { "Ref": "AWS::NoValue" }, true] }),
            "{name}"
        );
    }
    for (name, role) in stack.of_type("AWS::IAM::Role") {
        let found = all_statements(&role["Properties"]["Policies"]);
        let uses = |action: &str| {
            found.iter().any(|one| string_values(&one["Action"]).iter().any(|used| used.starts_with(action)))
        };
        let is_allowed = found.iter().any(|one| {
            one["Resource"] == json!({ "Ref": "StateKmsKeyArn" })
                && string_values(&one["Action"]) == ["kms:GenerateDataKey", "kms:Decrypt"]
        });
        assert_eq!(uses("dynamodb:") || uses("sqs:"), is_allowed, "{name}");
    }
}

/// What Lambda needs to poll a queue (Lambda developer guide, "Using Lambda with Amazon SQS", read 2026-11).
#[test]
fn the_role_of_ingest_has_the_actions_that_lambda_needs_for_the_queue() {
    let stack = StackTemplate::read();
    let found = all_statements(&stack.properties("IngestRole")["Policies"]);
    let receive = found.iter().find(|one| one["Sid"] == "ReceiveMessages").expect("a statement");
    assert_eq!(
        string_values(&receive["Action"]),
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    );
}

#[test]
fn only_the_report_function_replaces_objects_and_only_the_newest_report() {
    let stack = StackTemplate::read();
    let overwrite = all_statements(stack.properties("BucketPolicy"));
    let denied = overwrite.iter().find(|one| one["Sid"] == "DenyOverwrite").expect("a statement").to_string();
    assert!(!denied.contains("/latest/"));
    let mut replacing = Vec::new();
    for (name, role) in stack.of_type("AWS::IAM::Role") {
        for statement in all_statements(&role["Properties"]["Policies"]) {
            let resources: Vec<&Value> = match &statement["Resource"] {
                Value::Array(all) => all.iter().collect(),
                one => vec![one],
            };
            if statement["Action"] != "s3:PutObject" {
                continue;
            }
            for resource in resources {
                let path = resource["Fn::Sub"].as_str().expect("a path");
                let prefix = path.strip_prefix(BUCKET_ARN).expect("the bucket of the stack");
                // What may be written is protected from being written again, or is the newest report.
                if !denied.contains(prefix) && prefix != "/evidence/merged/*" {
                    replacing.push((name, prefix.to_owned()));
                }
            }
        }
    }
    assert_eq!(replacing, [("ReportRole", "/latest/*".to_owned())]);
    let output = stack.0["Outputs"]["NewestReport"]["Value"]["Fn::Sub"].as_str().expect("a command");
    assert!(
        output.contains(&format!("s3://${{BucketName.Value}}/{}", onlooker_core::jobs::publish::LATEST_HTML))
    );
}

#[test]
fn the_policy_of_readers_only_reads_and_is_attached_to_nothing() {
    let stack = StackTemplate::read();
    let properties = stack.properties("ReaderPolicy");
    for attachment in ["Roles", "Users", "Groups", "ManagedPolicyName"] {
        assert!(properties.get(attachment).is_none(), "{attachment}");
    }
    for statement in all_statements(&properties["PolicyDocument"]) {
        assert_ne!(statement["Resource"], "*");
        for action in string_values(&statement["Action"]) {
            assert!(is_read_only_action(action) || action == "kms:Decrypt", "{action}");
        }
    }
    // The command of the runbook gets one item, `onlooker report --remote` queries.
    let found = all_statements(&properties["PolicyDocument"]);
    let status = found.iter().find(|one| one["Sid"] == "ReadStatus").expect("a statement");
    assert_eq!(string_values(&status["Action"]), ["dynamodb:GetItem", "dynamodb:Query"]);
}

/// A caller of a URL needs two permissions (Lambda developer guide, "Control access to Lambda function URLs", read 2026-11). Without the
/// condition of the second, a caller could send an event of its own making, which names another caller.
#[test]
fn only_callers_with_the_policy_reach_the_url_and_they_cannot_name_another_caller() {
    let stack = StackTemplate::read();
    let urls: Vec<_> = stack.of_type("AWS::Lambda::Url").collect();
    assert_eq!(urls.len(), 1);
    for (name, url) in urls {
        assert_eq!(url["Properties"]["AuthType"], "AWS_IAM", "{name}");
        assert!(url["Properties"].get("Cors").is_none(), "{name}: no browser calls it");
        assert_eq!(url["Condition"], "HasApi");
    }
    for (name, permission) in stack.of_type("AWS::Lambda::Permission") {
        let of_api = permission["Properties"]["FunctionName"].to_string().contains("Api");
        assert!(!of_api && permission["Properties"]["Principal"] != "*", "{name}");
    }
    for (name, function) in stack.functions() {
        assert!(function.get("FunctionUrlConfig").is_none(), "{name}");
        let switched = json!({ "Fn::If": ["HasApi", { "Ref": "AWS::NoValue" }, 0] });
        assert_eq!(name == "Api", function["ReservedConcurrentExecutions"] == switched, "{name}");
    }
    let properties = stack.properties("ApiCallerPolicy");
    for attachment in ["Roles", "Users", "Groups", "ManagedPolicyName"] {
        assert!(properties.get(attachment).is_none(), "{attachment}");
    }
    let found = all_statements(&properties["PolicyDocument"]);
    assert!(found.iter().all(|one| one["Resource"] == get_att_arn("Api")));
    let granted: Vec<(Vec<&str>, &Value)> =
        found.iter().map(|one| (string_values(&one["Action"]), &one["Condition"])).collect();
    let conditions = [
        json!({ "StringEquals": { "lambda:FunctionUrlAuthType": "AWS_IAM" } }),
        json!({ "Bool": { "lambda:InvokedViaFunctionUrl": "true" } }),
    ];
    assert_eq!(
        granted,
        [(vec!["lambda:InvokeFunctionUrl"], &conditions[0]), (vec!["lambda:InvokeFunction"], &conditions[1])]
    );
}
