//! Files of every kind, and what they grant.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    catalog::Catalog,
    grants::{Certainty, Evaluator, Grants, PolicyProblemKind, UnevaluatedPolicyType},
};

/// The grants of each principal of a file, by principal.
pub(super) fn grants_of(file: &PolicyFile) -> BTreeMap<String, Grants> {
    let evaluator = Evaluator::new(Catalog::embedded());
    let own = |snapshot: &PolicySnapshot| (snapshot.principal.to_string(), evaluator.grants(snapshot));
    file.principals.iter().map(own).collect()
}

/// Whether a grant is there, and how.
pub(super) fn certainty(grants: &Grants, action: &str) -> Option<Certainty> {
    grants.get(action).map(|grant| grant.certainty)
}

/// Names of the policies that cannot be read.
pub(super) fn malformed(grants: &Grants) -> Vec<&str> {
    let of = grants.problems.iter().filter(|problem| problem.kind == PolicyProblemKind::Malformed);
    of.map(|problem| &*problem.policy).collect()
}

fn document(actions: &[&str]) -> serde_json::Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] })
}

fn read(value: &serde_json::Value) -> PolicyFile {
    parse("file.json", &value.to_string(), None).unwrap()
}

#[test]
fn a_policy_is_read_from_each_command_that_prints_it() {
    let text = document(&["s3:GetObject"]).to_string();
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for (value, name) in [
        (document(&["s3:GetObject"]), "file.json"),
        (
            json!({ "PolicyVersion": { "Document": document(&["s3:GetObject"]), "VersionId": "v1" } }),
            "file.json",
        ),
        (json!({ "PolicyVersion": { "Document": encoded, "VersionId": "v1" } }), "file.json"),
        (json!({ "PolicyName": "own", "PolicyDocument": document(&["s3:GetObject"]) }), "own"),
    ] {
        let file = read(&value);
        let policy = file.policy.unwrap();
        assert_eq!((file.kind, &*policy.name), (PolicyFileKind::Policy, name));
        let json: serde_json::Value = serde_json::from_str(&policy.text).unwrap();
        assert_eq!(json, document(&["s3:GetObject"]));
    }
    for (member, principal) in [
        ("RoleName", "arn:aws:iam::*:role/Ann"),
        ("UserName", "arn:aws:iam::*:user/Ann"),
        ("GroupName", "arn:aws:iam::*:group/Ann"),
    ] {
        let value =
            json!({ member: "Ann", "PolicyName": "own", "PolicyDocument": document(&["s3:GetObject"]) });
        let [one] = &*read(&value).principals else { panic!("not one principal") };
        assert_eq!((&*one.principal, &*one.identity_policies[0].name), (principal, "own"));
        let file = parse("x", &value.to_string(), Some("111122223333")).unwrap();
        assert_eq!(&*file.principals[0].principal, principal.replace('*', "111122223333"));
    }
}

#[test]
fn a_configuration_of_terraform_is_named() {
    for text in [
        "# comment\nterraform {\n}\n",
        "resource \"aws_iam_role\" \"r\" {\n  name = \"r\"\n}\n",
        "/* a\n * b\n */\nlocals { a = 1 }",
    ] {
        let error = parse("main.tf", text, None).unwrap_err();
        assert!(error.cause.contains("configuration of Terraform"), "{error}");
        assert!(error.remedy.contains("terraform show -json"), "{}", error.remedy);
    }
    // The first line of a template.
    parse("t.yaml", "Resources: { R: { Type: AWS::S3::Bucket } }", None).unwrap();
}

#[test]
fn account_details_are_read_as_yaml_too() {
    let text = "
RoleDetailList:
- Arn: arn:aws:iam::111122223333:role/r
  CreateDate: '2024-01-01T00:00:00+00:00'
  RolePolicyList:
  - PolicyName: own
    PolicyDocument:
      Version: '2012-10-17'
      Statement:
      - { Effect: Allow, Action: 's3:PutObject', Resource: '*' }
UserDetailList: []
";
    let file = parse("details.yaml", text, None).unwrap();
    assert_eq!(file.kind, PolicyFileKind::Account);
    let grants = &grants_of(&file)["arn:aws:iam::111122223333:role/r"];
    assert_eq!(certainty(grants, "s3:PutObject"), Some(Certainty::Unconditional));
}

#[test]
fn account_details_are_recognized_in_one_page_or_several_and_with_null_lists() {
    let page = json!({
        "UserDetailList": null, "GroupDetailList": null, "Marker": null, "IsTruncated": false,
        "RoleDetailList": [{
            "Arn": "arn:aws:iam::111122223333:role/r", "RolePolicyList": null, "Tags": null,
            "PermissionsBoundary": null, "InstanceProfileList": null,
            "AttachedManagedPolicies": [{ "PolicyArn": "arn:aws:iam::aws:policy/A", "PolicyName": "A" }],
        }],
        "Policies": null,
    });
    let policies = json!({
        "UserDetailList": [], "RoleDetailList": [], "GroupDetailList": [],
        "Policies": [{
            "Arn": "arn:aws:iam::aws:policy/A", "DefaultVersionId": "v1",
            "PolicyVersionList": [{ "VersionId": "v1", "IsDefaultVersion": true, "Document": document(&["s3:PutObject"]) }],
        }],
    });
    let mut alone = read(&page);
    assert_eq!((alone.kind, alone.principals.len()), (PolicyFileKind::Account, 1));
    assert_eq!(
        malformed(&grants_of(&alone)["arn:aws:iam::111122223333:role/r"]),
        ["arn:aws:iam::aws:policy/A"]
    );
    let library = read(&policies);
    assert!(library.principals.is_empty());
    assert_eq!(
        link(&mut alone.principals, &BTreeMap::new()),
        BTreeSet::from(["arn:aws:iam::aws:policy/A".into()])
    );
    assert_eq!(link(&mut alone.principals, &library.documents), BTreeSet::new());
    let grants = grants_of(&alone);
    let grants = &grants["arn:aws:iam::111122223333:role/r"];
    assert_eq!(
        (certainty(grants, "s3:PutObject"), malformed(grants).len()),
        (Some(Certainty::Unconditional), 0)
    );
    for text in [format!("{page}{policies}"), json!([page, policies]).to_string()] {
        let both = parse("x", &text, None).unwrap();
        assert_eq!(
            certainty(&grants_of(&both)["arn:aws:iam::111122223333:role/r"], "s3:PutObject"),
            Some(Certainty::Unconditional)
        );
    }
    // Only `null` for both lists is an account without principals; no list at all is another file.
    let empty = json!({ "UserDetailList": null, "RoleDetailList": null });
    assert_eq!(read(&empty).principals.len(), 0);
}

#[test]
fn a_document_is_found_by_an_arn_with_an_unknown_partition_only_if_it_is_the_only_one() {
    let snapshot = || PolicySnapshot {
        identity_policies: vec![Policy {
            name: "arn:${AWS::Partition}:iam::aws:policy/A".into(),
            origin: PolicyOrigin::Attached,
            text: "".into(),
        }],
        ..PolicySnapshot::default()
    };
    let text = |text: &str| BTreeSet::from([Arc::from(text)]);
    let mut documents = ManagedDocuments::from([("arn:aws:iam::aws:policy/A".into(), text("{}"))]);
    let mut one = [snapshot()];
    assert!(link(&mut one, &documents).is_empty());
    assert_eq!(&*one[0].identity_policies[0].text, "{}");
    documents.insert("arn:aws-cn:iam::aws:policy/A".into(), text("{1}"));
    assert_eq!(link(&mut [snapshot()], &documents).len(), 1);
}

#[test]
fn other_files_are_named_with_what_to_give_instead() {
    for (text, cause, remedy) in [
        ("", "empty", "CloudFormation template"),
        ("{}", "not recognized", "CloudFormation template"),
        ("hello", "not recognized", "CloudFormation template"),
        ("{\"Policy\": {\"Arn\": \"a\"}}", "get-policy", "get-policy-version"),
        ("{\"Role\": {\"Arn\": \"a\"}}", "get-role", "get-account-authorization-details"),
        ("{\"version\": 4, \"lineage\": \"x\", \"resources\": []}", "Terraform", "terraform show -json"),
        ("{\"@level\": \"info\"}\n{\"@level\": \"info\"}", "Terraform", "terraform show -json"),
        ("{\"artifacts\": {}}", "manifest", "template.json"),
        ("{\"Records\": []}", "CloudTrail", "onlooker sweep"),
        ("{\n\"Statement\": [,]}", "line 2, column 15", "correct the JSON"),
        ("a: 'x\n", "line", "correct the YAML"),
        ("a: 1\n---\nb: 2", "second YAML document", "correct the YAML"),
        ("{\"Policies\": [{\"Arn\": \"a\"}]}", "neither", "get-account-authorization-details"),
    ] {
        let error = parse("x", text, None).unwrap_err();
        assert!(error.cause.contains(cause) && error.remedy.contains(remedy), "{text}: {error:?}");
    }
}

#[test]
fn a_template_is_found_within_the_output_that_has_it() {
    let template = "Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      ManagedPolicyName: own\n      \
                    PolicyDocument:\n        Version: 2012-10-17\n        Statement: [{Effect: Allow, Action: s3:PutObject, Resource: '*'}]\n";
    let body = json!({ "StagesAvailable": ["Original"], "TemplateBody": template });
    for text in [template.to_owned(), body.to_string()] {
        let file = parse("x", &text, None).unwrap();
        let grants = grants_of(&file);
        assert_eq!(
            certainty(&grants["arn:aws:iam::*:policy/own"], "s3:PutObject"),
            Some(Certainty::Unconditional)
        );
    }
    let nested = json!({ "TemplateBody": json!({ "TemplateBody": "x: 1" }).to_string() });
    assert!(parse("x", &nested.to_string(), None).is_err());
}

proptest! {
    #[test]
    fn no_text_panics(text: String) {
        let _ = parse("x", &text, None);
    }

    #[test]
    fn a_document_keeps_its_text(sid in "[ -~é]{0,12}", resource in "[ -~]{1,20}") {
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Sid": sid, "Effect": "Allow", "Action": "s3:*", "Resource": resource,
        }] });
        let file = read(&policy);
        let same: serde_json::Value = serde_json::from_str(&file.policy.unwrap().text).unwrap();
        prop_assert_eq!(same, policy);
    }
}

/// How `sts:AssumeRole` is granted to the role `Auditor` of account 111122223333, which has no policy, if the role
/// `Admin` of an account trusts this principal on this condition.
fn assume_by_trust(account: &str, principal: serde_json::Value, condition: serde_json::Value) -> Grants {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "T", "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition,
    }] });
    let role = |account: &str, name: &str, trust: serde_json::Value| json!({ "Arn": format!("arn:aws:iam::{account}:role/{name}"), "AssumeRolePolicyDocument": trust });
    let none = json!({ "Version": "2012-10-17", "Statement": [] });
    let details =
        json!({ "RoleDetailList": [role("111122223333", "Auditor", none), role(account, "Admin", trust)] });
    let mut file = read(&details);
    add_trust_policies([&mut file.principals]);
    grants_of(&file).remove("arn:aws:iam::111122223333:role/Auditor").unwrap()
}

#[test]
fn a_trust_policy_grants_to_the_principals_that_it_names_directly() {
    let (own, other) = ("111122223333", "444455556666");
    let auditor = json!({ "AWS": "arn:aws:iam::111122223333:role/Auditor" });
    let session = json!({ "AWS": ["arn:aws:sts::111122223333:assumed-role/Auditor/ann"] });
    let (anyone, none) = (json!("*"), json!({}));
    let unconditional = Some(Certainty::Unconditional);
    let conditional = Some(Certainty::Conditional);
    for (account, principal, condition, wanted) in [
        (own, auditor.clone(), none.clone(), unconditional),
        (own, session, none.clone(), unconditional),
        (own, anyone.clone(), none.clone(), unconditional),
        (own, auditor.clone(), json!({ "StringEquals": { "sts:ExternalId": "x" } }), unconditional),
        (own, auditor.clone(), json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1" } }), conditional),
        (own, auditor.clone(), json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }), conditional),
        (
            own,
            anyone.clone(),
            json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/Other" } }),
            None,
        ),
        // A named account delegates to its own policies, and another account has to allow too.
        (own, json!({ "AWS": "111122223333" }), none.clone(), None),
        (own, json!({ "AWS": "arn:aws:iam::111122223333:role/Other" }), none.clone(), None),
        (own, json!({ "AWS": "AROAEXAMPLE" }), none.clone(), None),
        (own, json!({ "Service": "ec2.amazonaws.com" }), none.clone(), None),
        (other, auditor, none.clone(), None),
        (other, anyone, none, None),
    ] {
        let grants = assume_by_trust(account, principal.clone(), condition.clone());
        assert_eq!(certainty(&grants, "sts:AssumeRole"), wanted, "{account} {principal} {condition}");
        assert!(grants.unevaluated.contains(&UnevaluatedPolicyType::ResourceBasedPolicies));
        if let Some(grant) = grants.get("sts:AssumeRole") {
            let statement = grant.scope.statements.first().unwrap();
            let admin = format!("arn:aws:iam::{account}:role/Admin");
            assert_eq!(
                (&*statement.policy, &*statement.statement),
                (&*format!("trust policy of {admin}"), "T")
            );
            assert_eq!(grant.scope.resources, [admin.into()]);
        }
    }
}

#[test]
fn the_hash_of_the_policies_has_the_trust_policies_that_grant() {
    let hash = |principal: serde_json::Value| {
        let trust = json!({ "Statement": [{ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" }] });
        let role = |name: &str| json!({ "Arn": format!("arn:aws:iam::111122223333:role/{name}"), "AssumeRolePolicyDocument": trust });
        let mut file = read(
            &json!({ "RoleDetailList": [role("Admin"), { "Arn": "arn:aws:iam::111122223333:role/Auditor" }] }),
        );
        add_trust_policies([&mut file.principals]);
        file.principals[1].sha256()
    };
    let named = hash(json!({ "AWS": "arn:aws:iam::111122223333:role/Auditor" }));
    let account = hash(json!({ "AWS": "111122223333" }));
    assert!(named != account && account == hash(json!({ "AWS": "arn:aws:iam::111122223333:role/Other" })));
}

#[test]
fn a_trust_policy_of_a_template_grants_to_the_principals_of_the_template() {
    let template = |principal: &str| {
        format!(
            "

Resources:
  Auditor:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{ Version: 2012-10-17, Statement: [] }}
  Named:
    Type: AWS::IAM::User
    Properties: {{ UserName: ann }}
  Admin:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{{ Effect: Allow, Action: 'sts:AssumeRole', Principal: {{ AWS: {principal} }} }}]
"
        )
    };
    let unconditional = Some(Certainty::Unconditional);
    for (principal, auditor, ann) in [
        ("!GetAtt Auditor.Arn", unconditional, None),
        ("!Sub '${Auditor.Arn}'", unconditional, None),
        ("!Sub 'arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${Auditor}'", unconditional, None),
        ("!Sub 'arn:aws:iam::${AWS::AccountId}:user/ann'", None, unconditional),
        ("!Sub 'arn:aws:iam::111122223333:user/ann'", None, Some(Certainty::Conditional)),
        ("!Sub 'arn:aws:iam::${AWS::AccountId}:user/${Other}'", None, Some(Certainty::Conditional)),
        ("!Ref AWS::AccountId", None, None),
    ] {
        let mut file = parse("t.yaml", &template(principal), None).unwrap();
        add_trust_policies([&mut file.principals]);
        let grants = grants_of(&file);
        let of = |name: &str| certainty(&grants[&format!("arn:aws:iam::*:{name}")], "sts:AssumeRole");
        assert_eq!((of("role/${Auditor}"), of("user/ann")), (auditor, ann), "{principal}");
    }
}
