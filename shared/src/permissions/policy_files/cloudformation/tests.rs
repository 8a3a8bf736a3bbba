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
  'Fn::ForEach::Roles': [x, [a], { 'R${x}': { Type: AWS::IAM::Role } }]
  N: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: x } }
",
    );
    let grants = grants_of(&file);
    assert_eq!(grants.keys().count(), 2, "{:?}", grants.keys());
    assert!(grants.values().all(|grants| malformed(grants).len() == 1));
    assert_eq!((file.notes.len(), unread(&file)), (2, vec!["N"]), "{:?}", file.notes);
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

/// The problems of a principal, by what is not known.
fn open_parts(file: &PolicyFile, principal: &str) -> Vec<String> {
    let grants = grants_of(file);
    let own = grants.get(&format!("arn:aws:iam::*:role/{principal}"));
    own.map(|grants| malformed(grants).into_iter().map(str::to_owned).collect()).unwrap_or_default()
}

fn unread(file: &PolicyFile) -> Vec<&str> {
    file.unread.iter().map(|one| one.part.name.as_str()).collect()
}

const READER: &str = "
  Reader:
    Type: AWS::IAM::Role
    Properties:
      RoleName: reader
      AssumeRolePolicyDocument: { Version: 2012-10-17, Statement: [] }
";

#[test]
fn a_macro_of_the_whole_template_may_change_every_principal() {
    for (transform, is_macro) in [
        ("Transform: Own", true),
        ("Transform: [AWS::Serverless-2016-10-31, Own]", true),
        ("Transform: { Name: AWS::Include, Parameters: { Location: 's3://b/x.yaml' } }", true),
        ("Fn::Transform: { Name: AWS::Include, Parameters: { Location: 's3://b/x.yaml' } }", true),
        ("Transform: AWS::Serverless-2016-10-31", false),
        ("Transform: [AWS::LanguageExtensions]", false),
        ("", false),
    ] {
        let file = parse(&format!("{transform}\nResources:{READER}"));
        assert_eq!(open_parts(&file, "reader").len(), usize::from(is_macro), "{transform}");
        assert_eq!(unread(&file), if is_macro { &["Transform"][..] } else { &[] }, "{transform}");
    }
}

#[test]
fn what_generates_resources_counts_against_the_principals_that_it_may_be_about() {
    for (resource, wanted) in [
        ("Fn::ForEach::Topics: [T, [a, b], { 'Topic${T}': { Type: AWS::SNS::Topic } }]", 0),
        ("Fn::ForEach::Roles: [T, [a, b], { 'Role${T}': { Type: AWS::IAM::Role } }]", 0),
        ("Fn::ForEach::Policies: [T, [a, b], { 'P${T}': { Type: AWS::IAM::Policy } }]", 1),
        ("Fn::ForEach::Any: [T, [a, b], { 'P${T}': { Type: '${T}' } }]", 1),
        (
            "Fn::ForEach::Two: [T, [a], { 'Fn::ForEach::In': [U, [a], { 'P${U}': { Type: AWS::IAM::Policy } }] }]",
            1,
        ),
        ("Fn::Transform: { Name: Own }", 1),
        ("Other: { Fn::Transform: { Name: Own } }", 1),
        ("Topic: { Type: AWS::SNS::Topic }", 0),
    ] {
        let file = parse(&format!("Resources:{READER}\n  {resource}\n"));
        assert_eq!(open_parts(&file, "reader").len(), wanted, "{resource}");
    }
}

#[test]
fn aws_sam_adds_policies_and_roles() {
    let sam = |resource: &str| {
        parse(&format!(
            "
Transform: AWS::Serverless-2016-10-31
Resources:{READER}
  Fn: {{ Type: AWS::Serverless::Function, Properties: {{ Role: !GetAtt Reader.Arn }} }}
  Own: {{ Type: AWS::Serverless::Function }}
  Table: {{ Type: AWS::Serverless::SimpleTable }}
  {resource}
"
        ))
    };
    let connector = |source: &str| {
        format!(
            "Conn: {{ Type: AWS::Serverless::Connector, Properties: {{ Source: {source}, Destination: {{ Id: Table }}, Permissions: [Write] }} }}"
        )
    };
    for (resource, is_open) in [
        (connector("{ Id: Fn }"), true),
        (connector("{ Id: Own }"), false),
        (connector("{ Type: AWS::Lambda::Function, RoleName: reader }"), true),
        (connector("{ Id: Table }"), true),
        (
            "Fn2: { Type: AWS::Serverless::Function, Connectors: { A: { Properties: { Destination: { Id: Table } } } }, Properties: { Role: !GetAtt Reader.Arn } }".to_owned(),
            true,
        ),
        ("App: { Type: AWS::Serverless::Application, Properties: { Location: ./child.yaml } }".to_owned(), false),
        (
            "App: { Type: AWS::Serverless::Application, Properties: { Location: ./child.yaml, Parameters: { Role: !Ref Reader } } }".to_owned(),
            true,
        ),
    ] {
        assert_eq!(!open_parts(&sam(&resource), "reader").is_empty(), is_open, "{resource}");
    }
    assert!(!open_parts(&sam(""), "${OwnRole}").is_empty());
    let event = |kind: &str, own: &str, more: &str| {
        format!(
            "X: {{ Type: AWS::Serverless::{kind}, Properties: {{ Role: !GetAtt Reader.Arn, Events: {{ E: {{ Type: {own}, Properties: {{ S: x{more} }} }} }} }} }}"
        )
    };
    for (resource, has_role) in [
        (event("Function", "ScheduleV2", ""), true),
        (event("Function", "ScheduleV2", ", RoleArn: x"), false),
        (event("Function", "Schedule", ""), false),
        (event("StateMachine", "Schedule", ""), true),
    ] {
        assert_eq!(!open_parts(&sam(&resource), "${XERole}").is_empty(), has_role, "{resource}");
    }
    let graph = sam("Api: { Type: AWS::Serverless::GraphQLApi }");
    assert!(!open_parts(&graph, "${ApiRole}").is_empty());
}

#[test]
fn a_connector_of_a_rule_gives_a_policy_to_the_role_of_its_target_unless_the_destination_has_it() {
    let connected = |destination: &str, role: &str| {
        parse(&format!(
            "
Transform: AWS::Serverless-2016-10-31
Resources:{READER}
  Other: {{ Type: AWS::IAM::Role, Properties: {{ RoleName: other, AssumeRolePolicyDocument: {{}} }} }}
  Machine: {{ Type: AWS::StepFunctions::StateMachine, Properties: {{ RoleArn: !GetAtt Other.Arn }} }}
  Topic: {{ Type: AWS::SNS::Topic }}
  Rule: {{ Type: AWS::Events::Rule, Properties: {{ Targets: [{{ Arn: !Ref Machine, Id: a{role} }}] }} }}
  C: {{ Type: AWS::Serverless::Connector, Properties: {{ Source: {{ Id: Rule }}, Destination: {destination}, Permissions: [Write] }} }}
"
        ))
    };
    let role = ", RoleArn: !GetAtt Reader.Arn";
    for (destination, role, reader, other) in [
        ("{ Id: Machine }", role, true, false),
        ("[{ Id: Topic }, { Id: Machine }]", role, true, false),
        ("{ Id: Machine }", "", true, true),
        ("{ Arn: x, Type: AWS::Events::EventBus }", role, true, false),
        ("{ Id: Topic }", role, false, false),
        ("{ Arn: x, Type: AWS::SQS::Queue }", role, false, false),
    ] {
        let file = connected(destination, role);
        let open = |name: &str| !open_parts(&file, name).is_empty();
        assert_eq!((open("reader"), open("other")), (reader, other), "{destination} {role}");
    }
}

#[test]
fn functions_have_the_role_of_the_globals() {
    let with = |more: &str, other: &str| {
        parse(&format!(
            "
Transform: AWS::Serverless-2016-10-31
Globals: {{ Function: {{ Role: !GetAtt Reader.Arn }} }}
Resources:{READER}
  Table: {{ Type: AWS::DynamoDB::Table }}
  Fn: {{ Type: AWS::Serverless::Function{more} }}
  {other}
"
        ))
    };
    let file = with("", "");
    assert_eq!((file.principals.len(), open_parts(&file, "reader").len()), (1, 0));
    let file =
        with(", Connectors: { A: { Properties: { Destination: { Id: Table }, Permissions: [Write] } } }", "");
    assert_eq!((file.principals.len(), open_parts(&file, "reader").len()), (1, 1));
    // A state machine does not have it.
    let file = with("", "M: { Type: AWS::Serverless::StateMachine }");
    assert_eq!(file.principals.len(), 2);
}

#[test]
fn a_nested_stack_is_not_read_and_concerns_the_principals_that_it_gets() {
    let stack = |properties: &str, more: &str| {
        parse(&format!(
            "Resources:{READER}\n  Nest: {{ Type: AWS::CloudFormation::Stack, Properties: {{ {properties} }}{more} }}\n"
        ))
    };
    let file = stack("TemplateURL: 'https://b.s3.amazonaws.com/child.yaml'", "");
    assert_eq!((unread(&file), open_parts(&file, "reader").len()), (vec!["Nest"], 0));
    let location = |file: &PolicyFile| file.unread[0].template.clone().map(|template| template.location);
    assert_eq!(location(&file).as_deref(), Some("https://b.s3.amazonaws.com/child.yaml"));
    assert!(file.unread[0].sha256.is_some());
    let local = stack("TemplateURL: ./child.yaml", "");
    assert_eq!((location(&local).as_deref(), &local.unread[0].sha256), (Some("./child.yaml"), &None));
    let cdk = stack(
        "TemplateURL: !Sub 'https://${AWS::Region}/h.json'",
        ", Metadata: { 'aws:asset:path': N.nested.template.json }",
    );
    assert_eq!(location(&cdk).as_deref(), Some("N.nested.template.json"));
    let given = stack("TemplateURL: ./child.yaml, Parameters: { Role: !Ref Reader }", "");
    assert_eq!(open_parts(&given, "reader").len(), 1);
    let passed = given.unread[0].template.clone().unwrap().parameters;
    assert_eq!(passed, [("Role".to_owned(), Some("reader".to_owned()))].into());
    let passed =
        stack("TemplateURL: ./child.yaml, Parameters: { A: !Ref Unknown, B: !Ref 'AWS::NoValue' }", "");
    let passed = passed.unread[0].template.clone().unwrap().parameters;
    assert_eq!(passed, [("A".to_owned(), None)].into());
    let open = stack("TemplateURL: ./child.yaml, Parameters: !If [C, { A: a }, { A: b }]", "");
    assert_eq!(open.unread[0].template, None);
    let file = parse(&format!(
        "Resources:{READER}\n  M: {{ Type: 'Own::Iam::X::MODULE' }}\n  N: {{ Type: AWS::IAM::Novelty }}\n  I: {{ Type: AWS::IAM::InstanceProfile }}\n"
    ));
    assert_eq!(unread(&file), ["M", "N"]);
}

#[test]
fn the_template_of_a_stack_set_is_read() {
    let text = "
Resources:
  Set:
    Type: AWS::CloudFormation::StackSet
    Properties:
      StackSetName: s
      Parameters: [{ ParameterKey: Action, ParameterValue: 's3:PutObject' }]
      TemplateBody: |
        Parameters: { Action: { Type: String, Default: 's3:ListBucket' } }
        Resources:
          R:
            Type: AWS::IAM::Role
            Properties:
              RoleName: inner
              AssumeRolePolicyDocument: {}
              Policies: [{ PolicyName: p, PolicyDocument: { Version: 2012-10-17, Statement: { Effect: Allow, Action: !Ref Action, Resource: '*' } } }]
";
    let file = policy_files::parse("t.yaml", text, Some("111122223333")).unwrap();
    let grants = grants_of(&file);
    assert_eq!(grants.keys().collect::<Vec<_>>(), ["arn:aws:iam::*:role/inner"]);
    assert_eq!(
        certainty(&grants["arn:aws:iam::*:role/inner"], "s3:PutObject"),
        Some(Certainty::Unconditional)
    );
    assert!(file.unread.is_empty());
    for body in
        ["TemplateURL: 'https://x/y.yaml'", "TemplateBody: !Sub '${X}'", "TemplateBody: 'no template'"]
    {
        let file = parse(&format!(
            "Resources: {{ Set: {{ Type: AWS::CloudFormation::StackSet, Properties: {{ {body} }} }} }}"
        ));
        assert_eq!(unread(&file), ["Set"], "{body}");
    }
}

#[test]
fn a_permission_set_is_a_principal() {
    let file = policy_files::parse(
        "t.yaml",
        "
Resources:
  Ps:
    Type: AWS::SSO::PermissionSet
    Properties:
      Name: ReadOnly
      InstanceArn: arn:aws:sso:::instance/ssoins-1
      ManagedPolicies: [arn:aws:iam::aws:policy/AdministratorAccess]
      CustomerManagedPolicyReferences: [{ Name: own, Path: /team/ }]
      InlinePolicy: { Version: 2012-10-17, Statement: [{ Effect: Allow, Action: ['s3:PutObject', 'sqs:SendMessage'], Resource: '*' }] }
      PermissionsBoundary: { CustomerManagedPolicyReference: { Name: boundary } }
",
        Some("111122223333"),
    );
    let mut file = file.unwrap();
    let allow = |action: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#
        )
    };
    let documents = [
        ("aws:policy/AdministratorAccess", "sns:*"),
        ("444455556666:policy/team/own", "sqs:*"),
        ("444455556666:policy/boundary", "s3:*"),
    ];
    for (arn, action) in documents {
        let arn = format!("arn:aws:iam::{arn}").into();
        file.documents.entry(arn).or_default().insert(allow(action).into());
    }
    assert!(policy_files::link(&mut file.principals, &file.documents).is_empty());
    let grants = grants_of(&file);
    let own = &grants["arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_ReadOnly_*"];
    assert_eq!(certainty(own, "s3:PutObject"), Some(Certainty::Unconditional));
    assert_eq!(certainty(own, "sqs:SendMessage"), None, "the boundary does not allow it");
    assert!(malformed(own).is_empty());
    assert_eq!(&*file.principals[0].account, "", "it is of every account");
}

#[test]
fn a_resource_based_policy_of_the_template_grants_to_the_principals_that_it_names() {
    let of = |statement: &str, boundary: &str| {
        let text = format!(
            "
Resources:
  Reader:
    Type: AWS::IAM::Role
    Properties:
      RoleName: reader
      AssumeRolePolicyDocument: {{}}{boundary}
  Pol:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: data
      PolicyDocument: {{ Version: 2012-10-17, Statement: [{{ Action: 's3:PutObject', Resource: 'arn:aws:s3:::data/*', {statement} }}] }}
"
        );
        let file = policy_files::parse("t", &text, Some("111122223333")).unwrap();
        let grants = grants_of(&file).remove("arn:aws:iam::111122223333:role/reader").unwrap();
        (certainty(&grants, "s3:PutObject"), malformed(&grants).len())
    };
    let (sure, open) = (Some(Certainty::Unconditional), Some(Certainty::Conditional));
    for (statement, wanted) in [
        ("Effect: Allow, Principal: { AWS: !GetAtt Reader.Arn }", sure),
        ("Effect: Allow, Principal: { AWS: !Sub '${Reader.Arn}' }", sure),
        ("Effect: Allow, Principal: { AWS: ['arn:aws:iam::111122223333:role/reader'] }", sure),
        ("Effect: Allow, Principal: { AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:role/reader' }", sure),
        ("Effect: Allow, Principal: { AWS: !Sub 'arn:aws:iam::${Other}:role/reader' }", open),
        ("Effect: Allow, Principal: { AWS: 'arn:aws:iam::444455556666:role/reader' }", None),
        ("Effect: Allow, Principal: { AWS: '111122223333' }", None),
        ("Effect: Allow, Principal: { Service: s3.amazonaws.com }", None),
        ("Effect: Allow, Principal: { AWS: !Ref Other }", None),
        ("Effect: Deny, Principal: { AWS: !GetAtt Reader.Arn }", None),
        ("Effect: Allow, Principal: '*'", sure),
        ("Effect: Allow, Principal: '*', Condition: { StringEquals: { 'aws:SourceVpc': v } }", None),
        (
            "Effect: Allow, Principal: { AWS: !GetAtt Reader.Arn }, Condition: { StringEquals: { 'aws:SourceVpc': v } }",
            open,
        ),
    ] {
        assert_eq!(of(statement, ""), (wanted, 0), "{statement}");
    }
    // A boundary limits what a role is granted by its ARN, and not what everyone is granted.
    let boundary = "\n      PermissionsBoundary: arn:aws:iam::aws:policy/B";
    assert_eq!(of("Effect: Allow, Principal: { AWS: !GetAtt Reader.Arn }", boundary).0, open);
    assert_eq!(of("Effect: Allow, Principal: '*'", boundary), (None, 2));
    let session = "Effect: Allow, Principal: { AWS: 'arn:aws:sts::111122223333:assumed-role/reader/x' }";
    assert_eq!(of(session, boundary), (None, 2));
}

/// The certainty of an action of the role `reader`, and whether parts of it are not known and something is unread.
fn named_by(resource: &str, action: &str) -> (Option<Certainty>, bool, bool) {
    let file = policy_files::parse("t", &format!("Resources:{READER}\n{resource}\n"), Some("111122223333"));
    let file = file.unwrap();
    let grants = grants_of(&file).remove("arn:aws:iam::111122223333:role/reader").unwrap();
    (certainty(&grants, action), !malformed(&grants).is_empty(), !file.unread.is_empty())
}

#[test]
fn policies_of_every_type_of_resource_are_read_or_named() {
    let statement = "{ Effect: Allow, Principal: { AWS: !GetAtt Reader.Arn }, Action: '*', Resource: '*' }";
    let (sure, open) = (Some(Certainty::Unconditional), Some(Certainty::Conditional));
    let read = (sure, false, false);
    let unread = (None, true, true);
    for (kind, properties, action, wanted) in [
        ("AWS::KMS::ReplicaKey", format!("KeyPolicy: {{ Statement: [{statement}] }}"), "kms:ScheduleKeyDeletion", read),
        ("AWS::Elasticsearch::Domain", format!("AccessPolicies: {{ Statement: [{statement}] }}"), "es:DeleteDomain", read),
        ("AWS::Events::EventBusPolicy", format!("StatementId: x, Statement: {statement}"), "events:PutEvents", read),
        ("AWS::Events::EventBus", format!("Policy: {{ Statement: [{statement}] }}"), "events:PutEvents", read),
        (
            "AWS::Lambda::Permission",
            "Action: 'lambda:InvokeFunction', FunctionName: f, Principal: !GetAtt Reader.Arn".to_owned(),
            "lambda:InvokeFunction",
            read,
        ),
        (
            "AWS::Lambda::Permission",
            "Action: 'lambda:InvokeFunction', FunctionName: f, Principal: !GetAtt Reader.Arn, PrincipalOrgID: o-1".to_owned(),
            "lambda:InvokeFunction",
            (open, false, false),
        ),
        (
            "AWS::Lambda::Permission",
            "Action: 'lambda:InvokeFunction', FunctionName: f, Principal: s3.amazonaws.com".to_owned(),
            "lambda:InvokeFunction",
            (None, false, false),
        ),
        ("AWS::Novelty::Thing", format!("Deep: [{{ Policy: {{ Statement: [{statement}] }} }}]"), "s3:PutObject", unread),
        (
            "AWS::Novelty::Thing",
            "Policy: !Sub '{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"${Reader.Arn}\"}}]}'".to_owned(),
            "s3:PutObject",
            unread,
        ),
        (
            "AWS::Novelty::Thing",
            "Policy: { Statement: [{ Effect: Deny, Principal: { AWS: !GetAtt Reader.Arn } }] }".to_owned(),
            "s3:PutObject",
            (None, false, false),
        ),
        ("AWS::Novelty::Thing", "Role: !GetAtt Reader.Arn".to_owned(), "s3:PutObject", (None, false, false)),
        ("AWS::EC2::VPCEndpoint", format!("PolicyDocument: {{ Statement: [{statement}] }}"), "s3:PutObject", (None, false, false)),
    ] {
        let resource = format!("  X: {{ Type: '{kind}', Properties: {{ {properties} }} }}");
        assert_eq!(named_by(&resource, action), wanted, "{resource}");
    }
    let body = |statement: &str| {
        format!(
            "  Fn::ForEach::B: [N, [a], {{ 'P${{N}}': {{ Type: AWS::S3::BucketPolicy, Properties: {{ PolicyDocument: {{ Statement: [{statement}] }} }} }} }}]"
        )
    };
    assert_eq!(named_by(&body(statement), "s3:PutObject"), unread);
    let service = "{ Effect: Allow, Principal: { Service: s3.amazonaws.com }, Action: '*', Resource: '*' }";
    assert_eq!(named_by(&body(service), "s3:PutObject"), (None, false, false));
}

#[test]
fn a_policy_that_names_a_session_of_a_role_grants_to_the_role() {
    let sure = (Some(Certainty::Unconditional), false, false);
    for (principal, wanted) in [
        ("!Sub 'arn:aws:sts::${AWS::AccountId}:assumed-role/reader/x'", sure),
        ("'arn:aws:sts::111122223333:assumed-role/reader/x'", sure),
        ("'arn:aws:sts::444455556666:assumed-role/reader/x'", (None, false, false)),
        ("'arn:aws:sts::111122223333:assumed-role/other/reader'", (None, false, false)),
    ] {
        let bucket = format!(
            "  B: {{ Type: AWS::S3::BucketPolicy, Properties: {{ PolicyDocument: {{ Statement: [{{ Effect: Allow, Principal: {{ AWS: {principal} }}, Action: 's3:PutObject', Resource: '*' }}] }} }} }}"
        );
        assert_eq!(named_by(&bucket, "s3:PutObject"), wanted, "{principal}");
    }
}

#[test]
fn a_policy_of_a_template_without_an_account_grants_to_the_principals_that_it_names() {
    for principal in ["!GetAtt Reader.Arn", "!Sub 'arn:aws:sts::${AWS::AccountId}:assumed-role/reader/x'"] {
        let file = parse(&format!(
            "Resources:{READER}\n  B: {{ Type: AWS::S3::BucketPolicy, Properties: {{ PolicyDocument: {{ Statement: [{{ Effect: Allow, Principal: {{ AWS: {principal} }}, Action: 's3:PutObject', Resource: '*' }}] }} }} }}\n"
        ));
        let grants = &grants_of(&file)["arn:aws:iam::*:role/reader"];
        assert_eq!(certainty(grants, "s3:PutObject"), Some(Certainty::Unconditional), "{principal}");
    }
}
