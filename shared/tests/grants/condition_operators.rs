//! Condition operators, one request each.
//!
//! Enters: operator, values of the policy, values of the request. Leaves: nothing. Law: each line evaluates as the
//! IAM User Guide states ("Condition operators"); `?` marks what it does not state.

use onlooker_core::{
    catalog::Catalog,
    grants::{AuthorizationRequest, Decision, Evaluator, RequestContext},
};
use serde_json::json;

// operator | values of the policy | values of the request, `-` for an absent key | outcome
const CASES: &str = "
    StringEquals | a,b | b | yes
    StringEquals | a* | ab | no
    StringEquals | A | a | no
    StringEquals | a | - | no
    StringEquals | a | a,b | ?
    StringEquals | a,b | a,b | yes
    StringNotEquals | a,b | b | no
    StringNotEquals | a,b | c | yes
    StringNotEquals | a | - | yes
    StringEqualsIgnoreCase | A | a | yes
    StringNotEqualsIgnoreCase | A | a | no
    StringLike | a*c? | abcd | yes
    StringLike | A* | abcd | no
    StringNotLike | a* | abcd | no
    StringLikeIfExists | a* | - | yes
    StringLikeIfExists | a* | b | no
    NumericEquals | 7 | 7.0 | yes
    NumericNotEquals | 7 | 8 | yes
    NumericLessThan | 10 | 9 | yes
    NumericLessThan | 10 | 10 | no
    NumericLessThanEquals | 10 | 10 | yes
    NumericLessThanEquals | 10 | 11 | no
    NumericGreaterThanEquals | 10 | 10 | yes
    NumericGreaterThan | 10 | 10 | no
    NumericGreaterThan | 10 | ten | ?
    NumericGreaterThan | ten | 10 | ?
    DateLessThan | 2026-01-01T00:00:00Z | 2025-12-31T23:59:59Z | yes
    DateLessThan | 2026-01-01T00:00:00+02:00 | 2025-12-31T23:00:00Z | no
    DateGreaterThanEquals | 2026-01-01 | 2026-01-01T00:00:00Z | yes
    DateGreaterThan | 2026-01-01 | 2026-01-01T00:00:00Z | no
    DateLessThanEquals | 2026-01-01 | 2026-01-01T00:00:00Z | yes
    DateLessThanEquals | 2026-01-01 | 2026-01-01T00:00:01Z | no
    DateNotEquals | 2026-01-01 | 2026-01-01T00:00:00Z | no
    DateNotEquals | 2026-01-01 | 2026-01-02T00:00:00Z | yes
    DateEquals | 1767225600 | 2026-01-01T00:00:00Z | yes
    DateGreaterThan | soon | 2026-01-01T00:00:00Z | ?
    Bool | true | TRUE | yes
    Bool | true | false | no
    Bool | true | - | no
    BoolIfExists | true | - | yes
    Bool | maybe | true | ?
    BinaryEquals | QmluYXJ5 | QmluYXJ5 | yes
    BinaryEquals | QmluYXJ5 | QmluYXJ6 | no
    IpAddress | 10.0.0.0/8 | 10.255.0.1 | yes
    IpAddress | 10.0.0.0/8 | 11.0.0.1 | no
    IpAddress | 10.0.0.1 | 10.0.0.1 | yes
    IpAddress | 0.0.0.0/0 | 8.8.8.8 | yes
    IpAddress | 10.0.0.0/8 | 2001:db8::1 | no
    IpAddress | 2001:db8::/32 | 2001:db8::1 | yes
    IpAddress | ::/0 | 2001:db8::1 | yes
    IpAddress | 10.0.0.0/33 | 10.0.0.1 | ?
    IpAddress | everywhere | 10.0.0.1 | ?
    NotIpAddress | 10.0.0.0/8,192.168.0.0/16 | 192.168.1.1 | no
    NotIpAddress | 10.0.0.0/8 | 11.0.0.1 | yes
    ArnLike | arn:aws:sns:*:1:t* | arn:aws:sns:eu-west-1:1:topic | yes
    ArnEquals | arn:aws:sns:*:1:t* | arn:aws:sns:eu-west-1:1:topic | yes
    ArnLike | arn:aws:sns:* | arn:aws:sns:eu-west-1:1:topic | ?
    ArnLike | arn:*:t | arn:aws:sns:eu-west-1:1:t | ?
    ArnLike | arn:aws:sns:*:*:*:t | arn:aws:sns:e:1:a:t | yes
    ArnLike | arn:aws:s*:1:t | arn:aws:sns:e:1:t | ?
    ArnLike | arn:aws:sns:*:2:t* | arn:aws:sns:eu-west-1:1:topic | no
    ArnNotLike | arn:aws:sns:*:2:t* | arn:aws:sns:eu-west-1:1:topic | yes
    ArnNotEquals | arn:aws:sns:*:2:t* | arn:aws:sns:eu-west-1:1:topic | yes
    ArnNotEquals | arn:aws:sns:*:1:t* | arn:aws:sns:eu-west-1:1:topic | no
    ArnLike | * | arn:aws:sns:eu-west-1:1:topic | yes
    ArnLike | arn:aws:sns:*:1:t | - | no
    ArnNotLike | arn:aws:sns:*:1:t | - | yes
    Null | true | - | yes
    Null | true | a | no
    Null | false | a | yes
    Null | false | - | no
    ForAllValues:StringEquals | a,b | a,b | yes
    ForAllValues:StringEquals | a,b | a,c | no
    ForAllValues:StringEquals | a,b | - | yes
    ForAllValues:StringNotEquals | a,b | c,d | yes
    ForAllValues:StringNotEquals | a,b | a,d | no
    ForAnyValue:StringEquals | a,b | c,b | yes
    ForAnyValue:StringEquals | a,b | c | no
    ForAnyValue:StringEquals | a,b | - | no
    ForAnyValue:StringNotEquals | a | a,b | yes
    ForAnyValue:StringNotEquals | a | - | no
    ForAnyValue:StringLikeIfExists | a* | - | ?
    ForAnyValue:ArnLike | arn:aws:sns:*:1:t | arn:aws:sns:e:1:t,x | yes
    ForAnyValue:Null | true | - | ?
    NullIfExists | true | - | ?
    ForSomeValues:StringEquals | a | a | ?
    stringequals | a | a | ?
";

#[test]
fn each_operator_follows_the_iam_user_guide() {
    let evaluator = Evaluator::new(Catalog::embedded());
    let mut wrong = Vec::new();
    for line in CASES.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let parts: Vec<&str> = line.split(" | ").collect();
        let [operator, wanted, found, outcome] = parts[..] else { panic!("{line}") };
        let wanted: Vec<&str> = wanted.split(',').collect();
        let found: Vec<String> = found.split(',').filter(|one| *one != "-").map(str::to_owned).collect();
        let context = RequestContext { keys: [("x:key".to_owned(), found)].into(), is_complete: true };
        for (effect, allowed) in [("Allow", "yes"), ("Deny", "no")] {
            let mut statements = vec![json!({ "Effect": effect, "Action": "s3:GetObject", "Resource": "*",
                "Condition": { operator: { "X:Key": wanted } } })];
            if effect == "Deny" {
                statements.push(json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
            }
            let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
            let request = AuthorizationRequest {
                action: "s3:getobject",
                resource: "arn:aws:s3:::a/x",
                context: &context,
            };
            let said = match evaluator.decide(&crate::role(&text), &request) {
                Decision::Allowed(_) => {
                    if allowed == "yes" {
                        "yes"
                    } else {
                        "no"
                    }
                }
                Decision::Denied(_) => {
                    if allowed == "yes" {
                        "no"
                    } else {
                        "yes"
                    }
                }
                Decision::Conditional(_) => "?",
            };
            if said != outcome {
                wrong.push(format!("{effect} {line}: {said}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
