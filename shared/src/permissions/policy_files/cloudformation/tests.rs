//! Templates, and what their principals are granted.

use super::super::{
    super::policy_files,
    PolicyFile,
    tests::{certainty, grants_of, malformed},
};
use crate::{
    catalog::Catalog,
    grants::{Certainty, Evaluator, Grants},
};

fn parse(yaml: &str) -> PolicyFile {
    policy_files::parse("t.yaml", yaml, None).unwrap()
}

/// The grants of the role `R` of a template with this policy document, in the indentation of a statement.
fn role(more: &str, statement: &str) -> Grants {
    let yaml = format!(
        "{more}
Resources:
  Bucket: {{ Type: AWS::S3::Bucket, Properties: {{ BucketName: logs }} }}
  Other: {{ Type: AWS::S3::Bucket }}
  R:
    Type: AWS::IAM::Role
    Properties:
      RoleName: R
      AssumeRolePolicyDocument: {{ Version: 2012-10-17, Statement: [] }}
      Policies:
        - PolicyName: own
          PolicyDocument:
            Version: 2012-10-17
            Statement:
{statement}
"
    );
    grants_of(&parse(&yaml)).remove("arn:aws:iam::*:role/R").unwrap()
}

fn one(more: &str, effect: &str, action: &str, resource: &str) -> String {
    format!("              - {{ Effect: {effect}, Action: {action}, Resource: {resource}{more} }}")
}

fn resources(grants: &Grants, action: &str) -> Vec<String> {
    grants.get(action).unwrap().scope.resources.iter().map(ToString::to_string).collect()
}

#[test]
fn a_role_has_its_own_attached_and_referenced_policies() {
    let file = parse(
        "
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      RoleName: R
      Path: /team/
      ManagedPolicyArns:
        - !Ref Managed
        - !Sub arn:${AWS::Partition}:iam::aws:policy/ReadOnlyAccess
      PermissionsBoundary: !Ref Boundary
      Tags: [{ Key: team, Value: audit }]
  Inline:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: inline
      Roles: [!Ref R]
      PolicyDocument: { Version: 2012-10-17, Statement: { Effect: Allow, Action: s3:PutObject, Resource: '*' } }
  Own:
    Type: AWS::IAM::RolePolicy
    Properties:
      PolicyName: own
      RoleName: R
      PolicyDocument: { Version: 2012-10-17, Statement: { Effect: Allow, Action: sqs:SendMessage, Resource: '*' } }
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: { Version: 2012-10-17, Statement: { Effect: Allow, Action: 'iam:CreateUser', Resource: '*' } }
  Boundary:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: { Version: 2012-10-17, Statement: { Effect: Allow, Action: ['s3:*', 'sqs:*'], Resource: '*' } }
",
    );
    let grants = grants_of(&file);
    assert_eq!(
        grants.keys().collect::<Vec<_>>(),
        ["arn:aws:iam::*:role/team/R"],
        "managed policies are attached"
    );
    let own = &grants["arn:aws:iam::*:role/team/R"];
    assert_eq!(certainty(own, "s3:PutObject"), Some(Certainty::Unconditional));
    assert_eq!(certainty(own, "sqs:SendMessage"), Some(Certainty::Unconditional));
    assert_eq!(certainty(own, "iam:CreateUser"), None, "the boundary does not allow it");
    assert_eq!(malformed(own), ["arn:${AWS::Partition}:iam::aws:policy/ReadOnlyAccess"]);
    assert_eq!(file.principals[0].tags.get("team").map(String::as_str), Some("audit"));
}

#[test]
fn functions_have_the_value_that_the_template_says() {
    let more = "
Parameters:
  Name: { Type: String, Default: data }
  List: { Type: CommaDelimitedList, Default: 'arn:aws:s3:::a/*, arn:aws:s3:::b/*' }
Mappings: { Stage: { prod: { bucket: live } } }
";
    for (resource, wanted) in [
        ("!Sub 'arn:aws:s3:::${Name}/*'", vec!["arn:aws:s3:::data/*"]),
        ("!Ref List", vec!["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]),
        ("!Sub '${Bucket.Arn}/*'", vec!["arn:${AWS::Partition}:s3:::logs/*"]),
        ("!Join ['', ['arn:aws:s3:::', !Ref Bucket, /*]]", vec!["arn:aws:s3:::logs/*"]),
        (
            "!Sub ['arn:aws:s3:::${B}/x', { B: !FindInMap [Stage, prod, bucket] }]",
            vec!["arn:aws:s3:::live/x"],
        ),
        ("!Select [1, !Split [',', 'x,arn:aws:s3:::c/o']]", vec!["arn:aws:s3:::c/o"]),
        ("!Sub 'arn:aws:s3:::x/${!aws:userid}/*'", vec!["arn:aws:s3:::x/${aws:userid}/*"]),
        ("!Sub 'arn:aws:s3:::${Other}/*'", vec!["arn:aws:s3:::${Other}/*"]),
        ("!GetAtt Other.Arn", vec!["${Other.Arn}"]),
    ] {
        let grants = role(more, &one("", "Allow", "s3:PutObject", resource));
        assert_eq!(resources(&grants, "s3:PutObject"), wanted, "{resource}");
        assert_eq!(certainty(&grants, "s3:PutObject"), Some(Certainty::Unconditional), "{resource}");
        assert!(malformed(&grants).is_empty(), "{resource}");
    }
}

#[test]
fn an_unknown_value_never_removes_a_grant() {
    let allow = one("", "Allow", "s3:PutObject", "'*'");
    let deny = |resource: &str| format!("{allow}\n{}", one("", "Deny", "'s3:*'", resource));
    // What is denied is not known, so the grant is conditional and stays.
    for resource in ["!ImportValue x", "!Sub '${Unknown}'", "!If [C, '*', 'arn:aws:s3:::a']"] {
        let grants = role(
            "Parameters: { Unknown: { Type: String } }\nConditions: { C: !Equals [!Ref Unknown, x] }",
            &deny(resource),
        );
        assert_eq!(certainty(&grants, "s3:PutObject"), Some(Certainty::Conditional), "{resource}");
    }
    let parameter = "Parameters: { Unknown: { Type: String } }";
    for (statement, wanted) in [
        (one("", "Allow", "!Ref Unknown", "'*'"), Some(Certainty::Conditional)),
        (one("", "Allow", "!Sub 's3:${Unknown}'", "'*'"), Some(Certainty::Conditional)),
        (one("", "!Ref Unknown", "s3:PutObject", "'*'"), Some(Certainty::Conditional)),
        (one("", "Allow", "s3:PutObject", "!Ref Unknown"), Some(Certainty::Unconditional)),
        (
            one(
                ", Condition: { StringEquals: { 'aws:PrincipalTag/a': !Ref Unknown } }",
                "Allow",
                "s3:PutObject",
                "'*'",
            ),
            Some(Certainty::Conditional),
        ),
        (
            "              - { Effect: Allow, NotAction: ['iam:*', !Ref Unknown], Resource: '*' }".to_owned(),
            Some(Certainty::Conditional),
        ),
        (
            "              - { Effect: Allow, NotAction: !Ref Unknown, Resource: '*' }".to_owned(),
            Some(Certainty::Conditional),
        ),
        (
            "              - { Effect: Allow, Action: s3:PutObject, NotResource: !Ref Unknown }".to_owned(),
            Some(Certainty::Conditional),
        ),
        // `iam:PassedToService` is a value that the caller chooses.
        (
            one(
                ", Condition: { StringEquals: { 'aws:RequestedRegion': !Sub '${AWS::Region}' } }",
                "Allow",
                "s3:PutObject",
                "'*'",
            ),
            Some(Certainty::Unconditional),
        ),
    ] {
        let grants = role(parameter, &statement);
        assert_eq!(certainty(&grants, "s3:PutObject"), wanted, "{statement}");
    }
    let grants = role(parameter, "              !Ref Unknown");
    assert_eq!(malformed(&grants), ["own"]);
}

#[test]
fn a_condition_of_the_template_decides_or_leaves_open() {
    let head = "
Parameters: { Stage: { Type: String, Default: prod }, Unknown: { Type: String } }
Conditions:
  Yes: !Equals [prod, prod]
  Default: !Equals [!Sub '${Stage}', prod]
  No: !Not [!Condition Yes]
  Open: !Or [!Condition No, !Equals [!Ref Unknown, x]]
";
    let statement = |condition: &str| {
        format!(
            "              - !If [{condition}, {{ Effect: Allow, Action: s3:PutObject, Resource: '*' }}, !Ref AWS::NoValue]"
        )
    };
    for (condition, wanted) in [
        ("Yes", Some(Certainty::Unconditional)),
        ("No", None),
        ("Open", Some(Certainty::Conditional)),
        ("Default", Some(Certainty::Conditional)),
        ("Gone", Some(Certainty::Conditional)),
    ] {
        let grants = role(head, &statement(condition));
        assert_eq!(certainty(&grants, "s3:PutObject"), wanted, "{condition}");
        assert!(malformed(&grants).is_empty(), "{condition}: {:?}", grants.problems);
    }
    let resource = |condition: &str| {
        let yaml = format!(
            "{head}
Resources:
  R: {{ Type: AWS::IAM::Role, Properties: {{ RoleName: R }} }}
  P:
    Type: AWS::IAM::Policy
    Condition: {condition}
    Properties:
      Roles: [R]
      PolicyName: p
      PolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Action: s3:PutObject, Resource: '*' }} }}
"
        );
        certainty(&grants_of(&parse(&yaml))["arn:aws:iam::*:role/R"], "s3:PutObject")
    };
    assert_eq!(resource("Yes"), Some(Certainty::Unconditional));
    assert_eq!(resource("No"), None);
    assert_eq!(resource("Open"), Some(Certainty::Conditional));
    assert_eq!(resource("Default"), Some(Certainty::Conditional));
}

#[test]
fn a_document_of_2008_with_an_unknown_value_keeps_its_plain_text() {
    let yaml = "
Parameters: { B: { Type: String } }
Resources:
  R:
    Type: AWS::IAM::User
    Properties:
      UserName: R
      Policies:
        - PolicyName: own
          PolicyDocument:
            Statement:
              - { Effect: Allow, Action: s3:PutObject, Resource: ['arn:aws:s3:::k/${aws:username}', !Sub 'arn:aws:s3:::k/${B}'] }
              - { Effect: Deny, Action: s3:PutObject, Resource: 'arn:aws:s3:::k/R' }
";
    let grants = grants_of(&parse(yaml)).remove("arn:aws:iam::*:user/R").unwrap();
    // As a variable it would be the user name, and denied.
    assert_eq!(
        resources(&grants, "s3:PutObject"),
        ["arn:aws:s3:::k/${$}{aws:username}", "arn:aws:s3:::k/${B}"]
    );
}

#[test]
fn what_the_template_does_not_hold_makes_the_principal_indeterminate() {
    for (properties, policy) in [
        ("ManagedPolicyArns: [!Ref Unknown]", "${Unknown}"),
        ("ManagedPolicyArns: !Ref Unknown", "${Unknown}"),
        (
            "ManagedPolicyArns: [!If [Open, 'arn:aws:iam::aws:policy/A', !Ref 'AWS::NoValue']]",
            "arn:aws:iam::aws:policy/A",
        ),
        ("Policies: [{ PolicyName: p, PolicyDocument: !Ref Unknown }]", "p"),
        ("Policies: !Ref Unknown", "a policy in R"),
        ("PermissionsBoundary: !Ref Unknown", "${Unknown}"),
        ("ManagedPolicyArns: ['arn:aws:iam::aws:policy/A']", "arn:aws:iam::aws:policy/A"),
    ] {
        let yaml = format!(
            "Parameters: {{ Unknown: {{ Type: String }} }}\nConditions: {{ Open: !Equals [!Ref Unknown, x] }}\n\
             Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      RoleName: R\n      {properties}\n"
        );
        let grants = grants_of(&parse(&yaml));
        assert_eq!(malformed(&grants["arn:aws:iam::*:role/R"]), [policy], "{properties}");
    }
    let unknown_role = parse(
        "Parameters: { Role: { Type: String } }
Resources:
  P:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: p
      Roles: [!Ref Role]
      PolicyDocument: { Version: 2012-10-17, Statement: { Effect: Allow, Action: s3:GetObject, Resource: '*' } }
",
    );
    let grants = grants_of(&unknown_role);
    assert_eq!(malformed(&grants["arn:aws:iam::*:role/${Role}"]), ["other policies of the role ${Role}"]);
}

#[test]
fn groups_give_their_policies_to_their_users() {
    let file = parse(
        "Resources:
  G:
    Type: AWS::IAM::Group
    Properties:
      GroupName: writers
      Policies:
        - PolicyName: p
          PolicyDocument: { Version: 2012-10-17, Statement: { Effect: Allow, Action: s3:PutObject, Resource: '*' } }
  A: { Type: AWS::IAM::User, Properties: { UserName: ann, Groups: [!Ref G] } }
  B: { Type: AWS::IAM::User, Properties: { UserName: bob } }
  M: { Type: AWS::IAM::UserToGroupAddition, Properties: { GroupName: writers, Users: [!Ref B] } }
  C: { Type: AWS::IAM::User, Properties: { UserName: cat, Groups: [elsewhere] } }
",
    );
    let grants = grants_of(&file);
    for principal in ["user/ann", "user/bob", "group/writers"] {
        let own = &grants[&format!("arn:aws:iam::*:{principal}")];
        assert_eq!(certainty(own, "s3:PutObject"), Some(Certainty::Unconditional), "{principal}");
    }
    assert_eq!(malformed(&grants["arn:aws:iam::*:user/cat"]), ["group elsewhere"]);
}

#[test]
fn the_account_is_known_only_if_it_is_given() {
    let yaml = "
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      RoleName: R
      Policies:
        - PolicyName: p
          PolicyDocument:
            Version: 2012-10-17
            Statement:
              - Effect: Allow
                Action: s3:PutObject
                Resource: '*'
                Condition: { ArnEquals: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/R' } }
";
    let of = |account: Option<&str>| {
        let file = policy_files::parse("t", yaml, account).unwrap();
        let [one] = &*file.principals else { panic!("not one principal") };
        let grants = Evaluator::new(Catalog::embedded()).grants(one);
        (one.principal.to_string(), certainty(&grants, "s3:PutObject"))
    };
    assert_eq!(of(None), ("arn:aws:iam::*:role/R".into(), Some(Certainty::Conditional)));
    assert_eq!(
        of(Some("111122223333")),
        ("arn:aws:iam::111122223333:role/R".into(), Some(Certainty::Unconditional))
    );
    assert_eq!(of(Some("444455556666")), ("arn:aws:iam::444455556666:role/R".into(), None));
}

#[test]
fn generated_resources_are_named_and_not_known() {
    let file = parse(
        "Transform: AWS::Serverless-2016-10-31
Resources:
  F: { Type: AWS::Serverless::Function, Properties: { Policies: [AdministratorAccess] } }
  G: { Type: AWS::Serverless::Function, Properties: { Role: !GetAtt R.Arn } }
  'Fn::ForEach::Roles': [x, [a], {}]
  N: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: x } }
",
    );
    let grants = grants_of(&file);
    assert_eq!(grants.keys().count(), 2, "{:?}", grants.keys());
    assert!(grants.values().all(|grants| malformed(grants).len() == 1));
    assert_eq!(file.notes.len(), 3, "{:?}", file.notes);
}

#[test]
fn functions_that_repeat_themselves_end() {
    let mut yaml = "Conditions:\n  C0: !Equals [a, a]\n".to_owned();
    for n in 1..60 {
        yaml.push_str(&format!("  C{n}: !And [!Condition C{m}, !Condition C{m}]\n", m = n - 1));
    }
    yaml.push_str("Resources:\n  B0: { Type: AWS::S3::Bucket, Properties: { BucketName: x } }\n");
    for n in 1..60 {
        yaml.push_str(&format!(
            "  B{n}: {{ Type: AWS::S3::Bucket, Properties: {{ BucketName: !Sub '${{B{m}}}${{B{m}}}' }} }}\n",
            m = n - 1
        ));
    }
    yaml.push_str(
        "  R: { Type: AWS::IAM::Role, Condition: C59, Properties: { RoleName: !Ref B59 } }\n  L: { Type: AWS::S3::Bucket, Properties: { BucketName: !Ref L } }\n  S: { Type: AWS::IAM::Role, Properties: { RoleName: !Ref L } }\n",
    );
    assert_eq!(parse(&yaml).principals.len(), 2);
}

/// Resources with roles of these properties, and a policy of roles.
fn with_policy(roles: &[(&str, &str)], policy_roles: &str) -> PolicyFile {
    let trust = "AssumeRolePolicyDocument: { Version: 2012-10-17, Statement: [] }";
    let declared: String = roles
        .iter()
        .map(|(id, more)| format!("  {id}: {{ Type: AWS::IAM::Role, Properties: {{ {trust}{more} }} }}\n"))
        .collect();
    let template = format!(
        "
Parameters: {{ Env: {{ Type: String }} }}
Resources:
{declared}
  P:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: p
      Roles: {policy_roles}
      PolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Action: s3:PutObject, Resource: '*' }} }}
"
    );
    parse(&template)
}

#[test]
fn a_policy_of_a_role_that_is_not_known_counts_against_every_role_that_it_may_be() {
    let roles = [
        ("Generated", ""),
        ("Named", ", RoleName: prod-reader"),
        ("Part", ", RoleName: !Sub '${Env}-writer'"),
    ];
    let all = ["${Generated}", "prod-reader", "${Env}-writer"];
    for (named, wanted) in [
        ("[!Ref Env]", &all[..]),
        ("[!Select [5, !Split [x, !GetAtt Generated.Arn]]]", &all),
        ("[!Ref Generated]", &[]),
        ("[prod-reader]", &[]),
        ("[!Sub '${Env}-writer']", &[]),
        ("[!Sub '${Env}-reader']", &["${Generated}", "prod-reader"]),
        ("[prod-writer]", &["${Env}-writer"]),
        ("[other]", &[]),
    ] {
        let grants = grants_of(&with_policy(&roles, named));
        let open = |name: &&&str| {
            malformed(&grants[&format!("arn:aws:iam::*:role/{name}")])
                .iter()
                .any(|what| what.starts_with("P, "))
        };
        assert_eq!(all.iter().filter(open).copied().collect::<Vec<_>>(), *wanted, "{named}");
    }
}

#[test]
fn roles_of_one_name_are_different_principals() {
    let roles = [
        ("Dev", ", RoleName: ci, PermissionsBoundary: 'arn:aws:iam::aws:policy/B'"),
        ("Prod", ", RoleName: ci"),
    ];
    let (conditional, sure) = (Some(Certainty::Conditional), Some(Certainty::Unconditional));
    for (named, dev, prod) in
        [("[!Ref Prod]", None, sure), ("[!Sub '${Prod}']", None, sure), ("[ci]", conditional, conditional)]
    {
        let file = with_policy(&roles, named);
        assert!(file.notes[0].contains("Dev, Prod"), "{:?}", file.notes);
        let evaluator = Evaluator::new(Catalog::embedded());
        let how = |has_boundary: bool| {
            let mut of =
                file.principals.iter().filter(|one| one.permissions_boundary.is_some() == has_boundary);
            certainty(&evaluator.grants(of.next().unwrap()), "s3:PutObject")
        };
        assert_eq!((how(true), how(false)), (dev, prod), "{named}");
    }
}
