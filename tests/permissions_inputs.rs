//! The real binary: `permissions` with files of every kind, `--list`, formats, and `permissions diff`.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use serde_json::{Value, json};

use fixture::{CommandOutput, TestDirectory};

fn document(actions: &[&str]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Sid": "S", "Effect": "Allow", "Action": actions, "Resource": "*" }] })
}

fn directory(files: &[(&str, String)]) -> TestDirectory {
    let directory = TestDirectory::new();
    directory.write("onlooker.toml", "");
    for (name, text) in files {
        directory.write(name, text);
    }
    directory
}

fn run(files: &[(&str, String)], args: &[&str]) -> CommandOutput {
    directory(files).run(&[&["permissions"], args].concat())
}

const TEMPLATE: &str = "
Resources:
  Auditor:
    Type: AWS::IAM::Role
    Properties:
      RoleName: Auditor
      AssumeRolePolicyDocument: { Version: 2012-10-17, Statement: [] }
      ManagedPolicyArns: [!Sub 'arn:${AWS::Partition}:iam::aws:policy/Lists']
      Policies:
        - PolicyName: own
          PolicyDocument: { Version: 2012-10-17, Statement: { Sid: S, Effect: Allow, Action: 's3:ListBucket', Resource: '*' } }
";

fn library() -> String {
    json!({ "UserDetailList": [], "RoleDetailList": [], "Policies": [{
        "Arn": "arn:aws:iam::aws:policy/Lists", "DefaultVersionId": "v1",
        "PolicyVersionList": [{ "VersionId": "v1", "IsDefaultVersion": true, "Document": document(&["sqs:ListQueues"]) }],
    }] })
    .to_string()
}

#[test]
fn a_file_is_recognized_by_its_content() {
    let reads = document(&["s3:ListBucket"]).to_string();
    let version = json!({ "PolicyVersion": { "Document": document(&["s3:ListBucket"]) } }).to_string();
    let role = json!({ "RoleName": "R", "PolicyName": "p", "PolicyDocument": document(&["s3:PutObject"]) })
        .to_string();
    for (text, code, word) in [
        (reads.clone(), 0, "VALID"),
        (version, 0, "VALID"),
        (role.clone(), 1, "OVER_PRIVILEGED"),
        (library(), 3, "no"),
        ("{}".to_owned(), 2, ""),
    ] {
        let ran = run(&[("f", text.clone())], &["f"]).assert_exit_code(code);
        assert_eq!(ran.stdout.split_whitespace().next().unwrap_or_default(), word, "{text}");
        let from_stdin = directory(&[]).run_with_input(&["permissions", "-"], text.as_bytes());
        assert_eq!(from_stdin.exit_code, code, "{text}");
    }
    // Policies of one principal in several files are evaluated together.
    let deny = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": "s3:Put*", "Resource": "*" }] });
    let second = json!({ "RoleName": "R", "PolicyName": "q", "PolicyDocument": deny }).to_string();
    run(&[("a", role), ("b", second)], &["a", "b"]).assert_exit_code(0);
}

#[test]
fn a_managed_policy_without_a_document_is_named_with_its_remedy_until_a_file_has_it() {
    let version = json!({ "PolicyVersion": { "Document": document(&["sqs:ListQueues"]) } }).to_string();
    let files = [("t.yaml", TEMPLATE.to_owned()), ("library.json", library()), ("v.json", version)];
    let alone = run(&files, &["t.yaml"]).assert_exit_code(3);
    assert!(
        alone.stdout.contains("INDETERMINATE") && alone.stdout.contains("policy/Lists"),
        "{}",
        alone.stdout
    );
    alone.assert_stderr(&[
        "policy/Lists",
        "aws iam get-account-authorization-details --filter LocalManagedPolicy AWSManagedPolicy",
    ]);
    run(&files, &["t.yaml", "library.json"]).assert_exit_code(0);
    run(&files, &["t.yaml", "--managed-policy", "arn:aws:iam::aws:policy/Lists=v.json"]).assert_exit_code(0);
    run(&files, &["t.yaml", "--managed-policy", "v.json"]).assert_exit_code(2);
}

#[test]
fn the_account_of_a_template_is_given_and_patterns_select_its_principals() {
    let files = [("t.yaml", TEMPLATE.to_owned()), ("library.json", library())];
    let of = |args: &[&str]| run(&files, &[&["t.yaml", "library.json", "--json"], args].concat());
    let arn = |ran: &CommandOutput| -> Value {
        serde_json::from_str::<Value>(&ran.stdout).expect("JSON")["principals"][0]["identity"]["arn"].clone()
    };
    assert_eq!(arn(&of(&[])), json!("arn:aws:iam::*:role/Auditor"));
    let known = json!("arn:aws:iam::111122223333:role/Auditor");
    assert_eq!(arn(&of(&["--account", "111122223333"]).assert_exit_code(0)), known);
    of(&["--account", "x"]).assert_exit_code(2);
    of(&["--principal", "arn:aws:iam::*:role/Aud*"]).assert_exit_code(0);
    of(&["--principal", "arn:aws:iam::*:role/Gone"]).assert_exit_code(1);
    // The file does not say that its role is of this account.
    let other = of(&["--principal", "arn:aws:iam::111122223333:role/Auditor"]).assert_exit_code(3);
    other.assert_stderr(&["another account", "--account"]);
}

#[test]
fn a_name_and_a_boundary_belong_to_one_principal_with_single_policies() {
    let files = [
        ("t.yaml", TEMPLATE.to_owned()),
        ("p.json", document(&["s3:PutObject", "s3:ListBucket"]).to_string()),
        ("b.json", document(&["s3:ListBucket"]).to_string()),
    ];
    run(&files, &["p.json"]).assert_exit_code(1);
    run(&files, &["p.json", "--boundary", "b.json", "--name", "x"]).assert_exit_code(0);
    run(&files, &["t.yaml", "--boundary", "b.json"])
        .assert_exit_code(2)
        .assert_stderr(&["--boundary", "single policies"]);
    run(&files, &["p.json", "--policy", "b.json"]).assert_exit_code(2);
}

#[test]
fn a_list_has_every_granted_action_in_each_format() {
    let statements = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "A", "Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": ["arn:aws:s3:::a|b/*", "arn:aws:s3:::\u{1b}[2J/*"],
          "Condition": { "StringEquals": { "aws:PrincipalTag/team": "=x" } } },
        { "Sid": "B", "Effect": "Deny", "Action": "s3:PutObject", "Resource": "*",
          "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "false" } } },
    ] });
    let files = [("p.json", statements.to_string())];
    let tabs = run(&files, &["p.json", "--list"]).assert_exit_code(3).stdout;
    let rows: Vec<Vec<&str>> = tabs.lines().map(|line| line.split('\t').collect()).collect();
    let put = rows.iter().find(|row| row[1] == "s3:PutObject").expect("listed");
    assert_eq!(put.len(), 12);
    assert_eq!((put[0], put[2], put[3], put[6]), ("p.json", "mutating", "Write", "conditional"), "{put:?}");
    assert_eq!(
        put[7],
        "aws:PrincipalTag/team StringEquals =x|unless aws:MultiFactorAuthPresent Bool false, by p.json B"
    );
    assert_eq!((put[8], put[9]), ("p.json A", "arn:aws:s3:::\\u{1b}[2J/*|arn:aws:s3:::a\\u{7c}b/*"));
    assert_eq!((put[10], put[11]), ("-", "-"));
    for args in [&["--json"][..], &["--format", "jsonl"]] {
        let lines = run(&files, &[&["p.json", "--list"], args].concat()).assert_exit_code(3).stdout;
        assert!(!lines.contains('\u{1b}'));
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), rows.len());
        let put = lines.iter().find(|one| one["action"] == "s3:PutObject").expect("listed");
        assert_eq!((&put["schema_version"], &put["certainty"]), (&json!("1.0"), &json!("conditional")));
        assert_eq!(put["conditions"].as_array().map(Vec::len), Some(2));
        assert_eq!(put["statements"], json!([{ "policy": "p.json", "statement": "A" }]));
    }
    let csv = run(&files, &["p.json", "--list", "--format", "csv"]).assert_exit_code(3).stdout;
    assert_eq!(csv.matches("\r\n").count(), rows.len() + 1, "{csv}");
    assert!(csv.starts_with("principal,action,operation_type,"), "{csv}");
    for args in [&["--format", "html"][..], &["--format", "jsonl", "--json"], &["--out", "x"], &["--all"]] {
        run(&files, &[&["p.json", "--list"], args].concat()).assert_exit_code(2);
    }
}

#[test]
fn the_message_of_a_check_tells_all_conditions() {
    let statements = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*" },
        { "Sid": "Mfa", "Effect": "Deny", "Action": "s3:PutObject", "Resource": "*",
          "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "false" } } },
        { "Sid": "Net", "Effect": "Deny", "Action": "s3:PutObject", "Resource": "*",
          "Condition": { "NotIpAddress": { "aws:SourceIp": "192.0.2.0/24" } } },
    ] });
    let text = run(&[("p.json", statements.to_string())], &["p.json"]).assert_exit_code(3).stdout;
    assert!(text.contains("p.json Mfa") && text.contains("p.json Net"), "{text}");
    assert!(!text.contains("if unless"), "{text}");
}

#[test]
fn a_report_is_printed_or_written_in_each_format() {
    let files = [("p.json", document(&["s3:PutObject"]).to_string())];
    for (format, start) in [
        ("json", "{"),
        ("html", "<!doctype html>"),
        ("markdown", "# Onlooker permissions"),
        ("terminal", "OVER"),
    ] {
        let text = run(&files, &["p.json", "--format", format]).assert_exit_code(1).stdout;
        assert!(text.trim_start().starts_with(start) && text.contains("OVER_PRIVILEGED"), "{format}: {text}");
    }
    let json: Value = serde_json::from_str(&run(&files, &["p.json", "--json"]).stdout).expect("JSON");
    assert_eq!(json["schema_version"], json!("1.1"));
    for args in [
        &["--format", "csv"][..],
        &["--format", "json,html"],
        &["--format", "json", "--json"],
        &["--format", "jsonl"],
        &["--format", "terminal", "--out", "o"],
    ] {
        run(&files, &[&["p.json"], args].concat()).assert_exit_code(2).assert_stderr(&["help:"]);
    }
    let home = directory(&files);
    let ran = home
        .run(&["permissions", "p.json", "--format", "json,html,csv,markdown", "--out", "o"])
        .assert_exit_code(1);
    for name in [
        "permissions.json",
        "permissions.html",
        "permissions.md",
        "principals.csv",
        "checks.csv",
        "problems.csv",
    ] {
        assert!(
            home.join(format!("o/{name}")).is_file() && ran.stdout.contains(name),
            "{name}: {}",
            ran.stdout
        );
    }
    let quiet = directory(&files);
    let ran = quiet.run(&["permissions", "-q", "p.json", "--out", "o"]).assert_exit_code(1);
    assert_eq!(ran.stdout, "");
    assert!(quiet.join("o/permissions.json").is_file() && quiet.join("o/permissions.html").is_file());
}

fn diff(old: &str, new: &str, config: &str, args: &[&str]) -> CommandOutput {
    let files = [("onlooker.toml", config.to_owned()), ("old", old.to_owned()), ("new", new.to_owned())];
    run(&files, &[&["diff", "old", "new"], args].concat())
}

#[test]
fn a_change_of_policies_has_its_exit_code() {
    let of = |actions: &[&str]| document(actions).to_string();
    let (reads, write) = (of(&["s3:ListBucket"]), of(&["s3:ListBucket", "s3:PutObject"]));
    for (old, new, code, word) in [
        (&reads, &reads, 0, "NO_NEW_ACCESS"),
        (&write, &reads, 0, "NO_NEW_ACCESS"),
        (&reads, &of(&["s3:ListBucket", "sqs:ListQueues"]), 0, "NO_NEW_ACCESS"),
        (&reads, &write, 1, "NEW_ACCESS"),
        (&reads, &of(&["s3:ListBucket", "new:Do*"]), 3, "INDETERMINATE"),
    ] {
        let ran = diff(old, new, "", &[]).assert_exit_code(code);
        assert!(ran.stdout.starts_with(word), "{}", ran.stdout);
    }
    let ran = diff(&reads, &write, "", &["--json"]).assert_exit_code(1);
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&json["access_change"], &json["schema_version"]), (&json!("NEW_ACCESS"), &json!("1.1")));
    assert_eq!(json["principals"][0]["granted"][0]["action"], json!("s3:PutObject"));
    let markdown = diff(&reads, &write, "", &["--format", "markdown"]).assert_exit_code(1).stdout;
    assert!(
        markdown.starts_with("# Onlooker permissions diff: `NEW_ACCESS`")
            && markdown.contains("`s3:PutObject`"),
        "{markdown}"
    );
    let toml = "[[override]]\nid = \"own\"\nprincipal = \"arn:aws:iam::*:role/ci\"\noperation = \"s3:PutObject\"\n\
                owner = \"a\"\nreason = \"b\"\nexpires = \"2100-01-01T00:00:00Z\"\n";
    let name = ["--name", "arn:aws:iam::111122223333:role/ci"];
    let tolerated = diff(&reads, &write, toml, &name).assert_exit_code(0);
    assert!(tolerated.stdout.contains("tolerated by the override own"), "{}", tolerated.stdout);
    diff(&reads, &write, toml, &[]).assert_exit_code(1);
    diff(&reads, "{}", "", &[]).assert_exit_code(2).assert_stderr(&["not recognized", "help:"]);
}

#[test]
fn a_change_is_found_between_files_of_different_kinds() {
    let details = |actions: &[&str]| {
        json!({ "UserDetailList": [], "RoleDetailList": [
            { "Arn": "arn:aws:iam::111122223333:role/Auditor",
              "RolePolicyList": [{ "PolicyName": "own", "PolicyDocument": document(actions) }],
              "AttachedManagedPolicies": [{ "PolicyArn": "arn:aws:iam::aws:policy/Lists" }] },
            { "Arn": "arn:aws:iam::111122223333:role/Other", "RolePolicyList": [] },
        ] })
        .to_string()
    };
    let home = |template: String| {
        directory(&[("old", details(&["s3:ListBucket"])), ("new", template), ("library.json", library())])
    };
    let args = [
        "permissions",
        "diff",
        "old",
        "new",
        "--with",
        "library.json",
        "--principal",
        "arn:aws:iam::*:role/Auditor",
    ];
    let same = home(TEMPLATE.to_owned()).run(&args).assert_exit_code(0);
    assert!(same.stdout.contains("1 principal without a change"), "{}", same.stdout);
    let wider = home(TEMPLATE.replace("s3:ListBucket", "s3:*")).run(&args).assert_exit_code(1);
    assert!(wider.stdout.contains("+ s3:PutObject"), "{}", wider.stdout);
    // Another role of the account is not in the template.
    let all = home(TEMPLATE.to_owned()).run(&args[..6]).assert_exit_code(0);
    assert!(all.stdout.contains("removed"), "{}", all.stdout);
}

#[test]
fn options_before_diff_are_refused() {
    let files = [("old", document(&["s3:ListBucket"]).to_string())];
    run(&files, &["--list", "diff", "old", "old"]).assert_exit_code(2).assert_stderr(&["before `diff`"]);
    run(&files, &["-q", "diff", "old", "old"]).assert_exit_code(0);
    let help = run(&files, &["diff", "--help"]).assert_exit_code(0).stdout;
    assert!(help.contains("NO_NEW_ACCESS") && help.contains("--with"), "{help}");
}

#[test]
fn a_trust_policy_that_names_a_principal_of_the_account_grants() {
    let role = |name: &str, trust: Value, action: &str| {
        json!({
            "Arn": format!("arn:aws:iam::111122223333:role/{name}"),
            "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [
                { "Sid": "T", "Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole" },
            ] },
            "RolePolicyList": [{ "PolicyName": "own", "PolicyDocument": document(&[action]) }],
        })
    };
    let details = |trust: Value| {
        let auditor = role("Auditor", json!({ "Service": "ec2.amazonaws.com" }), "s3:ListAllMyBuckets");
        json!({ "RoleDetailList": [auditor, role("Admin", trust, "*")] }).to_string()
    };
    let args = ["d.json", "--principal", "arn:aws:iam::*:role/Auditor"];
    let named = json!({ "AWS": "arn:aws:iam::111122223333:role/Auditor" });
    let output = run(&[("d.json", details(named))], &args);
    assert_eq!(
        (output.exit_code, output.stdout.starts_with("OVER_PRIVILEGED")),
        (1, true),
        "{}",
        output.stdout
    );
    for text in [
        "statement `T` of `trust policy of arn:aws:iam::111122223333:role/Admin`",
        "assume `arn:aws:iam::111122223333:role/Admin`",
        "resource-based policies were not evaluated",
    ] {
        assert!(output.stdout.contains(text), "{text}\n{}", output.stdout);
    }
    let output = run(&[("d.json", details(json!({ "AWS": "111122223333" })))], &args);
    assert_eq!((output.exit_code, output.stdout.starts_with("VALID")), (0, true), "{}", output.stdout);
}

const NESTED: &str = "
  Nest: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: ./child.yaml } }
";

#[test]
fn a_part_of_a_file_that_is_not_read_is_in_every_format_and_never_proven() {
    let reads = TEMPLATE
        .replace("      ManagedPolicyArns: [!Sub 'arn:${AWS::Partition}:iam::aws:policy/Lists']\n", "");
    let files = [
        ("t.yaml", format!("{reads}{NESTED}")),
        ("without.yaml", reads.clone()),
        ("child.yaml", reads.replace("Auditor", "Child")),
    ];
    run(&files, &["without.yaml"]).assert_exit_code(0);
    for args in [
        &["t.yaml"][..],
        &["t.yaml", "--json"],
        &["t.yaml", "--format", "markdown"],
        &["t.yaml", "--format", "html"],
        &["t.yaml", "--principal", "arn:aws:iam::*:role/Auditor"],
    ] {
        let ran = run(&files, args).assert_exit_code(3);
        assert!(
            ran.stdout.contains("Nest") && ran.stdout.contains("give its template too"),
            "{}",
            ran.stdout
        );
        assert!(ran.stdout.contains("INDETERMINATE"), "{}", ran.stdout);
    }
    run(&files, &["t.yaml", "--list"]).assert_exit_code(3).assert_stderr(&["t.yaml: Nest"]);
    run(&files, &["t.yaml", "child.yaml"]).assert_exit_code(0);
    for args in [&[][..], &["--json"], &["--format", "markdown"]] {
        let ran = run(&files, &[&["diff", "without.yaml", "t.yaml"], args].concat()).assert_exit_code(3);
        assert!(ran.stdout.contains("INDETERMINATE") && ran.stdout.contains("Nest"), "{}", ran.stdout);
    }
    run(&files, &["diff", "t.yaml", "without.yaml"]).assert_exit_code(0);
}

/// A template with a role that may do an action, which a parameter says.
fn child(role: &str, default: &str) -> String {
    format!(
        "
Parameters: {{ Act: {{ Type: String, Default: '{default}' }} }}
Resources:
  Child:
    Type: AWS::IAM::Role
    Properties:
      RoleName: {role}
      AssumeRolePolicyDocument: {{ Version: 2012-10-17, Statement: [] }}
      Policies: [{{ PolicyName: own, PolicyDocument: {{ Version: 2012-10-17, Statement: [{{ Effect: Allow, Action: !Ref Act, Resource: '*' }}] }} }}]
"
    )
}

#[test]
fn a_nested_stack_is_read_from_the_file_that_its_parent_names_with_the_parameters_that_it_passes() {
    let nest = |id: &str, url: &str, more: &str| {
        format!(
            "  {id}: {{ Type: AWS::CloudFormation::Stack, Properties: {{ TemplateURL: '{url}'{more} }} }}\n"
        )
    };
    let parent = |stacks: &[String]| format!("Resources:\n{}", stacks.concat());
    let url = "https://b.s3.amazonaws.com/v1";
    let files = [
        ("template.yaml", parent(&[nest("Nest", "./child/template.yaml", "")])),
        ("child/template.yaml", child("child", "s3:ListBucket")),
        ("other/template.yaml", child("other", "s3:ListBucket")),
        ("url/parent.yaml", parent(&[nest("Nest", &format!("{url}/a.yaml"), "")])),
        ("url/own/a.yaml", parent(&[nest("Nest", &format!("{url}/a.yaml"), "")])),
        (
            "url/two.yaml",
            parent(&[nest("A", &format!("{url}/a.yaml"), ""), nest("B", &format!("{url}/b/a.yaml"), "")]),
        ),
        ("url/a.yaml", child("child", "s3:ListBucket")),
        (
            "writes.yaml",
            parent(&[nest("Nest", "child/template.yaml", ", Parameters: { Act: 's3:PutObject' }")]),
        ),
        (
            "open.yaml",
            parent(&[nest("Nest", "child/template.yaml", ", Parameters: { Act: !ImportValue x }")]),
        ),
        ("reads.yaml", parent(&[nest("Nest", "wide.yaml", ", Parameters: { Act: 's3:ListBucket' }")])),
        ("wide.yaml", child("wide", "*")),
        ("deep.yaml", parent(&[nest("Nest", "passes.yaml", ", Parameters: { Act: 's3:PutObject' }")])),
        (
            "passes.yaml",
            format!(
                "Parameters: {{ Act: {{ Type: String }} }}\n{}",
                parent(&[nest("Nest", "child/template.yaml", ", Parameters: { Act: !Ref Act }")])
            ),
        ),
        ("a.yaml", format!("{}{}", child("a", "s3:ListBucket"), nest("Nest", "b.yaml", ""))),
        ("b.yaml", format!("{}{}", child("b", "s3:ListBucket"), nest("Nest", "a.yaml", ""))),
    ];
    for (given, exit_code, wanted) in [
        (&["template.yaml", "child/template.yaml"][..], 0, "role/child"),
        (&["./template.yaml", "url/../child/template.yaml"], 0, "role/child"),
        (&["template.yaml"], 3, "Nest"),
        (&["template.yaml", "other/template.yaml"], 3, "Nest"),
        (&["url/parent.yaml", "url/a.yaml"], 0, "role/child"),
        (&["url/own/a.yaml"], 3, "Nest"),
        (&["url/parent.yaml", "url/own/a.yaml"], 3, "Nest"),
        (&["url/two.yaml", "url/a.yaml"], 3, "give its template too"),
        (&["writes.yaml", "child/template.yaml"], 1, "s3:PutObject"),
        (&["open.yaml", "child/template.yaml"], 3, "role/child"),
        (&["reads.yaml", "wide.yaml"], 0, "role/wide"),
        (&["deep.yaml", "passes.yaml", "child/template.yaml"], 1, "s3:PutObject"),
        (&["a.yaml", "b.yaml"], 3, "Nest"),
    ] {
        let ran = run(&files, given);
        assert_eq!(ran.exit_code, exit_code, "{given:?}\n{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains(wanted), "{given:?}\n{}", ran.stdout);
    }
}

#[test]
fn files_that_are_given_by_mistake_are_named() {
    let directory = directory(&[
        ("main.tf", "resource \"aws_iam_role\" \"r\" {\n  name = \"r\"\n}\n".to_owned()),
        ("cdk.out/a.template.json", "{}".to_owned()),
        ("plan", "PK\u{3}\u{4}binary".to_owned()),
    ]);
    for (file, wanted) in [
        ("main.tf", "terraform show -json PLAN"),
        ("plan", "terraform show -json PLAN"),
        ("cdk.out", "*.template.json"),
    ] {
        directory.run(&["permissions", file]).assert_exit_code(2).assert_stderr(&[wanted]);
    }
}
