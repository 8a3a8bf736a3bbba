//! The real binary makes guardrails: proven, printed or written, never over what is there.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod trail;

use std::fs;

use serde_json::{Value, json};
use trail::{Call, MANAGEMENT, READ, WRITE, Workplace, object};

const ROLE: &str = "arn:aws:iam::111122223333:role/Auditor";

/// A role that may do everything, with a trail of a read and a write.
fn place() -> Workplace {
    let place = Workplace::new();
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Compute", "Effect": "Allow", "Action": ["ec2:*", "s3:*"], "Resource": "*" },
    ] });
    let details = json!({ "UserDetailList": [], "GroupDetailList": [], "Policies": [], "RoleDetailList": [{
        "Path": "/", "RoleName": "Auditor", "RoleId": "AROAEXAMPLE", "Arn": ROLE,
        "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [] },
        "RolePolicyList": [{ "PolicyName": "own", "PolicyDocument": policy.clone() }],
        "AttachedManagedPolicies": [],
    }] });
    place.write("iam.json", details.to_string());
    place.write("policy.json", policy.to_string());
    place.write("onlooker.toml", MANAGEMENT);
    place.write("logs/10.json.gz", object(&[READ, WRITE, Call { id: 9, role: "Builder", ..WRITE }]));
    place
}

const ASKED: [&str; 5] = ["guardrails", "--authorization-details", "iam.json", "--principal", ROLE];

fn asked<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&ASKED, more].concat()
}

#[test]
fn all_kinds_are_made_of_policies_and_a_trail() {
    let ran = place().run(&asked(&["logs", "--json"])).ends(0);
    let made: Value = serde_json::from_str(&ran.out).expect("JSON");
    let kinds: Vec<&str> = made["guardrails"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["allow", "boundary", "scp"]);
    let allow: Value =
        serde_json::from_str(made["guardrails"][0]["documents"][0]["text"].as_str().expect("text"))
            .expect("JSON");
    assert_eq!(allow["Statement"][0]["Action"], json!(["ec2:DescribeInstances"]));
    // What the other role did is not this one's.
    assert_eq!(made["guardrails"][0]["left_out"], json!(["ec2:RunInstances"]));
    assert_eq!(made["used"]["calls"], 2);
    let screen = place().run(&asked(&["logs"])).ends(0);
    for words in [
        "allow: PROVEN",
        "boundary: PROVEN",
        "scp: PROVEN",
        "taken away: ec2:RunInstances",
        "Nothing was applied",
    ] {
        assert!(screen.out.contains(words), "no `{words}` in {}", screen.out);
    }
}

#[test]
fn files_are_written_and_never_written_over_unasked() {
    let place = place();
    place.run(&asked(&["logs", "--out", "made"])).ends(0);
    let boundary = fs::read_to_string(place.join("made/boundary.json")).expect("written");
    let proof: Value =
        serde_json::from_slice(&fs::read(place.join("made/proof.json")).expect("written")).expect("JSON");
    assert_eq!(proof["guardrails"][1]["documents"][0]["text"], boundary);
    place.write("made/boundary.json", "mine");
    place.run(&asked(&["logs", "--out", "made"])).ends(2).says(&["is there already"]);
    assert_eq!(fs::read_to_string(place.join("made/boundary.json")).expect("there"), "mine");
    place.run(&asked(&["logs", "--out", "made", "--force"])).ends(0);
    assert_eq!(fs::read_to_string(place.join("made/boundary.json")).expect("there"), boundary);
}

#[test]
fn what_was_used_comes_from_the_state_of_sweeps_too() {
    let place = place();
    place.run(&["sweep", "logs"]);
    let kept = place.run(&asked(&["--state", ".onlooker", "--kind", "allow", "--json"])).ends(0);
    let read = place.run(&asked(&["logs", "--kind", "allow", "--json"])).ends(0);
    assert_eq!(kept.out, read.out);
    place.run(&asked(&["--state", "nowhere"])).ends(2).says(&["no state"]);
}

#[test]
fn without_evidence_there_is_no_allow_policy_and_the_rest_leaves_a_question() {
    let place = place();
    let ran = place.run(&["guardrails", "--policy", "policy.json"]).ends(3);
    assert!(ran.out.contains("boundary: PROVEN, with questions left open"), "{}", ran.out);
    assert!(ran.out.contains("allow: not made") && ran.out.contains("scp: not made"), "{}", ran.out);
    place.run(&asked(&["--kind", "allow"])).ends(2).says(&["made of what was used"]);
    place.run(&["guardrails", "--policy", "policy.json", "--since", "1d"]).ends(2);
}

#[test]
fn evidence_that_may_lack_something_leaves_a_question() {
    let place = place();
    place.write("onlooker.toml", "");
    let ran = place.run(&asked(&["logs"])).ends(3);
    assert!(ran.out.contains("nobody is known to log data"), "{}", ran.out);
    place.write("onlooker.toml", MANAGEMENT);
    place.write("logs/broken.json.gz", b"\x1f\x8bnothing");
    let ran = place.run(&asked(&["logs"])).ends(3);
    assert!(ran.out.contains("could not be read"), "{}", ran.out);
}

#[test]
fn without_a_proof_nothing_is_printed() {
    let ran = place().run(&["guardrails", "--policy", "policy.json", "--kind", "scp"]).ends(4);
    assert_eq!(ran.out, "");
    assert!(ran.err.contains("no proof of the guardrail `scp`"), "{}", ran.err);
}

#[test]
fn what_cannot_be_used_is_refused() {
    let place = place();
    place.write("broken.json", "[]");
    place.run(&["guardrails"]).ends(2);
    place.run(&["guardrails", "--policy", "broken.json"]).ends(2).says(&["is no policy"]);
    place.run(&["guardrails", "--policy", "absent.json"]).ends(2);
    place.run(&["guardrails", "--authorization-details", "broken.json", "--principal", ROLE]).ends(2);
    let nobody = "arn:aws:iam::111122223333:role/Nobody";
    place
        .run(&["guardrails", "--authorization-details", "iam.json", "--principal", nobody])
        .ends(2)
        .says(&["knows no user or role"]);
}
