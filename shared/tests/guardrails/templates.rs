//! Guardrails as Terraform and CloudFormation, read back by parsers of both. Law: the policies that a tool would send to
//! AWS are the documents that were proven.

use std::collections::BTreeMap;

use hcl::{
    Body, Value as HclValue,
    eval::{Context, Evaluate as _, FuncArgs, FuncDef, ParamType},
};
use onlooker_core::guardrails::{
    Guardrail, GuardrailKind, GuardrailOptions,
    template::{cloudformation, terraform},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::scenario::{GuardrailScenario, ROLE};

const KINDS: [GuardrailKind; 3] = [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp];

fn guardrails(statements: Value) -> Vec<Guardrail> {
    let mut scenario = GuardrailScenario::with(statements).using(&["s3:GetObject", "ec2:DescribeInstances"]);
    scenario.options = GuardrailOptions { exact: true, ..GuardrailOptions::default() };
    KINDS.map(|kind| scenario.build(kind)).to_vec()
}

fn own_statements(resource: &str) -> Value {
    json!([
        { "Sid": "Own", "Effect": "Allow", "Action": ["s3:*", "ec2:Describe*"], "Resource": ["*", resource],
          "Condition": { "StringEquals": { "aws:PrincipalTag/team": resource } } },
    ])
}

/// `chomp`, as Terraform defines it: removes line ends at the end of a text.
fn chomp(args: FuncArgs) -> Result<HclValue, String> {
    let text = args.first().and_then(HclValue::as_str).ok_or("no text")?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

/// The attributes of the resources in a configuration, by type and name.
fn resources(text: &str) -> BTreeMap<(String, String), BTreeMap<String, String>> {
    let body: Body = hcl::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut context = Context::new();
    context.declare_func("chomp", FuncDef::builder().param(ParamType::String).build(chomp));
    let blocks = body.blocks().filter(|block| block.identifier() == "resource");
    let resource = |block: &hcl::Block| {
        let labels: Vec<&str> = block.labels().iter().map(hcl::BlockLabel::as_str).collect();
        let attributes = block.body().attributes().map(|attribute| {
            let value = match attribute.expr() {
                // An attribute of another resource, or a variable.
                reference @ hcl::Expression::Traversal(_) => {
                    hcl::format::to_string(reference).expect("an expression")
                }
                value => value.evaluate(&context).expect("a value").as_str().expect("text").to_owned(),
            };
            (attribute.key().to_owned(), value)
        });
        ((labels[0].to_owned(), labels[1].to_owned()), attributes.collect())
    };
    blocks.map(resource).collect()
}

#[test]
fn terraform_holds_each_proven_document_and_what_attaches_it() {
    let guardrails = guardrails(own_statements("arn:aws:s3:::${aws:username}/*"));
    let text = terraform(ROLE, &guardrails);
    assert!(text.contains("$${aws:username}"), "{text}");
    let found = resources(&text);
    let of = |kind: &str, name: &str, key: &str| found[&(kind.to_owned(), name.to_owned())][key].clone();
    assert_eq!(of("aws_iam_policy", "onlooker_allow", "policy"), guardrails[0].documents[0].text);
    assert_eq!(of("aws_iam_policy", "onlooker_allow", "name"), "onlooker-allow-Auditor");
    assert_eq!(of("aws_iam_role_policy_attachment", "onlooker_allow", "role"), "Auditor");
    let arn = of("aws_iam_role_policy_attachment", "onlooker_allow", "policy_arn");
    assert_eq!(arn, "aws_iam_policy.onlooker_allow.arn");
    assert_eq!(of("aws_iam_policy", "onlooker_boundary", "policy"), guardrails[1].documents[0].text);
    assert_eq!(of("aws_organizations_policy", "onlooker_scp", "content"), guardrails[2].documents[0].text);
    assert_eq!(of("aws_organizations_policy", "onlooker_scp", "type"), "SERVICE_CONTROL_POLICY");
    let target = of("aws_organizations_policy_attachment", "onlooker_scp", "target_id");
    assert_eq!(target, "var.onlooker_scp_target_id");
    assert_eq!(found.len(), 5);
    assert!(text.contains("variable \"onlooker_scp_target_id\""));
}

#[test]
fn cloudformation_holds_each_proven_document() {
    let guardrails = guardrails(own_statements("arn:aws:s3:::${aws:username}/*"));
    let text = cloudformation(ROLE, &guardrails).expect("a template");
    let template: Value = serde_json::from_str(&text).expect("JSON");
    let document = |one: &Guardrail| serde_json::from_str::<Value>(&one.documents[0].text).expect("JSON");
    let resources = &template["Resources"];
    assert_eq!(resources["OnlookerAllow"]["Type"], "AWS::IAM::ManagedPolicy");
    assert_eq!(resources["OnlookerAllow"]["Properties"]["PolicyDocument"], document(&guardrails[0]));
    assert_eq!(resources["OnlookerAllow"]["Properties"]["Roles"], json!(["Auditor"]));
    assert_eq!(resources["OnlookerBoundary"]["Properties"]["PolicyDocument"], document(&guardrails[1]));
    assert_eq!(resources["OnlookerBoundary"]["Properties"].get("Roles"), None);
    assert_eq!(resources["OnlookerScp"]["Type"], "AWS::Organizations::Policy");
    assert_eq!(resources["OnlookerScp"]["Properties"]["Content"], document(&guardrails[2]));
    assert_eq!(resources["OnlookerScp"]["Properties"]["TargetIds"], json!({ "Ref": "ScpTargetIds" }));
    assert_eq!(template["Parameters"]["ScpTargetIds"]["Type"], "CommaDelimitedList");
    assert!(!text.contains("Fn::Sub"));
}

#[test]
fn cloudformation_refuses_what_it_would_replace() {
    let guardrails = guardrails(own_statements("arn:aws:s3:::{{resolve:ssm:name}}/*"));
    let error = cloudformation(ROLE, &guardrails).expect_err("refused").to_string();
    assert!(error.contains("`allow`") && error.contains("CloudFormation would replace"), "{error}");
    // Terraform leaves it alone.
    assert!(resources(&terraform(ROLE, &guardrails)).len() == 5);
}

#[test]
fn a_principal_without_an_arn_gets_policies_and_no_attachment() {
    let mut guardrails = guardrails(own_statements("*"));
    guardrails.truncate(2);
    let text = terraform("given policies", &guardrails);
    assert!(!text.contains("attachment") && !text.contains("variable"), "{text}");
    let template: Value =
        serde_json::from_str(&cloudformation("given policies", &guardrails).expect("a template"))
            .expect("JSON");
    assert_eq!(template["Resources"]["OnlookerAllow"]["Properties"].get("Roles"), None);
    assert_eq!(template.get("Parameters"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn hostile_text_in_policies_and_notes_stays_text(
        resource in r#"arn:aws:s3:::([${}%~"\\A-Za-z<>&'\n\r\t #-]|\$\{|%\{|POLICY|EOT|\u{202e}){0,24}"#,
        note in r#"([${}%~"\\A-Za-z\n\r]|\$\{|\u{2028}){0,24}"#,
    ) {
        let mut guardrails = guardrails(own_statements(&resource));
        guardrails[0].notes.push(note);
        let found = resources(&terraform(ROLE, &guardrails));
        prop_assert_eq!(found.len(), 5);
        let policy = &found[&("aws_iam_policy".to_owned(), "onlooker_allow".to_owned())]["policy"];
        prop_assert_eq!(policy, &guardrails[0].documents[0].text);
        if let Ok(template) = cloudformation(ROLE, &guardrails) {
            let template: Value = serde_json::from_str(&template).expect("JSON");
            let document: Value = serde_json::from_str(&guardrails[0].documents[0].text).expect("JSON");
            prop_assert_eq!(&template["Resources"]["OnlookerAllow"]["Properties"]["PolicyDocument"], &document);
        } else {
            prop_assert!(resource.contains("{{"));
        }
    }
}
