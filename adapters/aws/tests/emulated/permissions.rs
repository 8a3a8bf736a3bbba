//! Policies, the simulator, an organization, and reads that are tried out.

use std::collections::BTreeMap;

use onlooker_aws::{AccountPolicies, AwsProber, OrganizationPolicies};
use onlooker_core::{
    grants::{Policy, PolicyOrigin, PolicySnapshot},
    permissions::details,
    ports::{IamApi, OrganizationPolicyType, OrganizationsApi, PortError, PortErrorKind, Prober},
};
use serde_json::{Value, json};

use super::{
    ACCOUNT, Place,
    cloud::{Answer, Fault, Request},
};

const ROLE: &str = "arn:aws:iam::111122223333:role/audit/Auditor";
const USER: &str = "arn:aws:iam::111122223333:user/Ann";
const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/Boundary";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// A document that allows one action, as IAM writes it: URL-encoded.
fn document(action: &str) -> String {
    let text = json!({ "Statement": [{ "Effect": "Allow", "Action": action, "Resource": "*" }] }).to_string();
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

fn answer(name: &str, result: &str) -> Answer {
    Answer::xml(200, &format!("<{name}Response><{name}Result>{result}</{name}Result></{name}Response>"))
}

fn members(all: &[String]) -> String {
    all.iter().map(|one| format!("<member>{one}</member>")).collect()
}

fn inline(name: &str, action: &str) -> String {
    format!("<PolicyName>{name}</PolicyName><PolicyDocument>{}</PolicyDocument>", document(action))
}

fn managed(arn: &str) -> String {
    format!("<PolicyName>{}</PolicyName><PolicyArn>{arn}</PolicyArn>", arn.rsplit('/').next().unwrap())
}

fn boundary() -> String {
    format!(
        "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType>\
         <PermissionsBoundaryArn>{BOUNDARY}</PermissionsBoundaryArn></PermissionsBoundary>"
    )
}

const TAG: &str = "<Tags><member><Key>team</Key><Value>audit</Value></member></Tags>";
const DATE: &str = "<CreateDate>2026-01-01T00:00:00Z</CreateDate>";

fn version(arn: &str) -> String {
    let action = if arn == BOUNDARY { "s3:*" } else { "ec2:Describe*" };
    let document = document(action);
    format!(
        "<Document>{document}</Document><VersionId>v2</VersionId><IsDefaultVersion>true</IsDefaultVersion>{DATE}"
    )
}

/// A role and a user of an account that is asked for as a whole, a page for each.
fn whole(request: &Request) -> Answer {
    let arns = [BOUNDARY, READ_ONLY].map(|arn| {
        let name = arn.rsplit('/').next().unwrap();
        format!(
            "<PolicyName>{name}</PolicyName><Arn>{arn}</Arn><DefaultVersionId>v2</DefaultVersionId>\
             <PolicyVersionList>{}</PolicyVersionList>",
            members(&[version(arn)])
        )
    });
    let (list, more) = match request.form().get("Marker").map(String::as_str) {
        None => {
            let role = format!(
                "<Path>/audit/</Path><RoleName>Auditor</RoleName><RoleId>AROA</RoleId><Arn>{ROLE}</Arn>{DATE}\
                 <AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument><RolePolicyList>{}</RolePolicyList>\
                 <AttachedManagedPolicies>{}</AttachedManagedPolicies>{}{TAG}<InstanceProfileList/>",
                document("sts:AssumeRole"),
                members(&[inline("own", "s3:ListAllMyBuckets")]),
                members(&[managed(READ_ONLY)]),
                boundary(),
            );
            let list = format!("<RoleDetailList>{}</RoleDetailList>", members(&[role]));
            (list, "<IsTruncated>true</IsTruncated><Marker>second</Marker>")
        }
        Some("second") => {
            let user = format!(
                "<Path>/</Path><UserName>Ann</UserName><UserId>AIDA</UserId><Arn>{USER}</Arn>{DATE}\
                 <UserPolicyList>{}</UserPolicyList><GroupList>{}</GroupList><AttachedManagedPolicies/>{}{TAG}",
                members(&[inline("own", "sqs:ListQueues")]),
                members(&["Readers".to_owned()]),
                boundary(),
            );
            let group = format!(
                "<Path>/</Path><GroupName>Readers</GroupName><GroupId>AGPA</GroupId>\
                 <Arn>arn:aws:iam::111122223333:group/Readers</Arn>{DATE}<GroupPolicyList>{}</GroupPolicyList>\
                 <AttachedManagedPolicies>{}</AttachedManagedPolicies>",
                members(&[inline("theirs", "sns:ListTopics")]),
                members(&[managed(READ_ONLY)]),
            );
            let list = format!(
                "<UserDetailList>{}</UserDetailList><GroupDetailList>{}</GroupDetailList><Policies>{}</Policies>",
                members(&[user]),
                members(&[group]),
                members(&arns)
            );
            (list, "<IsTruncated>false</IsTruncated>")
        }
        Some(other) => panic!("a marker nobody gave: {other}"),
    };
    answer("GetAccountAuthorizationDetails", &format!("{list}{more}"))
}

/// The same principals, asked for one by one; policies are listed a page each.
fn single(name: &str, request: &Request) -> Answer {
    let form = request.form();
    let arn = form.get("PolicyArn").map_or("", String::as_str);
    let whole = "<IsTruncated>false</IsTruncated>";
    let result = match name {
        "GetRole" if form["RoleName"] == "Auditor" => format!(
            "<Role><Path>/audit/</Path><RoleName>Auditor</RoleName><RoleId>AROA</RoleId><Arn>{ROLE}</Arn>{DATE}\
             <AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument>{}{TAG}</Role>",
            document("sts:AssumeRole"),
            boundary()
        ),
        "GetUser" if form["UserName"] == "Ann" => format!(
            "<User><Path>/</Path><UserName>Ann</UserName><UserId>AIDA</UserId><Arn>{USER}</Arn>{DATE}{}{TAG}</User>",
            boundary()
        ),
        "GetRole" | "GetUser" => return Answer::query_error(404, "NoSuchEntity", "there is none"),
        "ListRolePolicies" if !form.contains_key("Marker") => {
            "<PolicyNames/><IsTruncated>true</IsTruncated><Marker>m</Marker>".to_owned()
        }
        "ListRolePolicies" | "ListUserPolicies" => {
            format!("<PolicyNames>{}</PolicyNames>{whole}", members(&["own".to_owned()]))
        }
        "ListGroupPolicies" => {
            format!("<PolicyNames>{}</PolicyNames>{whole}", members(&["theirs".to_owned()]))
        }
        "GetRolePolicy" => format!("<RoleName>Auditor</RoleName>{}", inline("own", "s3:ListAllMyBuckets")),
        "GetUserPolicy" => format!("<UserName>Ann</UserName>{}", inline("own", "sqs:ListQueues")),
        "GetGroupPolicy" => format!("<GroupName>Readers</GroupName>{}", inline("theirs", "sns:ListTopics")),
        "ListAttachedRolePolicies" | "ListAttachedGroupPolicies" => {
            format!("<AttachedPolicies>{}</AttachedPolicies>{whole}", members(&[managed(READ_ONLY)]))
        }
        "ListAttachedUserPolicies" => format!("<AttachedPolicies/>{whole}"),
        "ListGroupsForUser" => {
            let group = "<Path>/</Path><GroupName>Readers</GroupName><GroupId>AGPA</GroupId>\
                         <Arn>arn:aws:iam::111122223333:group/Readers</Arn>";
            format!("<Groups>{}</Groups>{whole}", members(&[format!("{group}{DATE}")]))
        }
        "GetPolicy" => format!("<Policy><Arn>{arn}</Arn><DefaultVersionId>v2</DefaultVersionId></Policy>"),
        "GetPolicyVersion" => {
            assert_eq!(form["VersionId"], "v2");
            format!("<PolicyVersion>{}</PolicyVersion>", version(arn))
        }
        other => panic!("{other} was not expected"),
    };
    answer(name, &result)
}

/// A place with this IAM.
fn place() -> Place {
    let place = Place::new();
    place.cloud.plan(|request| match &*request.operation() {
        "AssumeRole" | "GetCallerIdentity" => None,
        "GetAccountAuthorizationDetails" => Some(Fault::Answer(whole(request))),
        name => Some(Fault::Answer(single(name, request))),
    });
    place
}

fn policies(place: &Place) -> AccountPolicies {
    AccountPolicies::new(place.aws.clone(), ACCOUNT, Some("reader".to_owned()))
}

fn all(policies: &AccountPolicies, account: &str) -> Vec<PolicySnapshot> {
    let (mut text, mut page) = (String::new(), None);
    loop {
        let found = policies.account_authorization_details(account, page.as_deref()).unwrap();
        text.push_str(&found.text);
        page = found.next_marker;
        if page.is_none() {
            return details::parse(&text).unwrap();
        }
    }
}

#[track_caller]
fn fails<T>(result: Result<T, PortError>) -> (PortErrorKind, String) {
    let Err(error) = result else { panic!("it did not fail") };
    (error.kind, error.to_string())
}

#[test]
fn one_by_one_or_as_a_whole_the_policies_are_the_same() {
    let place = place();
    let policies = policies(&place);
    let whole = all(&policies, ACCOUNT);
    assert_eq!(place.cloud.count("GetAccountAuthorizationDetails"), 2);
    assert_eq!(whole.iter().map(|one| &*one.principal).collect::<Vec<_>>(), [ROLE, USER]);
    for snapshot in &whole {
        let alone = policies.principal_details(&snapshot.principal).unwrap().unwrap();
        assert_eq!(details::parse(&alone).unwrap(), std::slice::from_ref(snapshot));
    }
    let [role, user] = &*whole else { panic!("two of them") };
    assert_eq!((role.identity_policies.len(), user.identity_policies.len()), (2, 3));
    assert_eq!(role.permissions_boundary.as_ref().map(|policy| &*policy.name), Some(BOUNDARY));
    assert_eq!(role.tags, BTreeMap::from([("team".to_owned(), "audit".to_owned())]));
    assert!(
        user.identity_policies
            .iter()
            .any(|policy| policy.origin == PolicyOrigin::Group("Readers".to_owned()))
    );
    assert!(role.identity_policies.iter().any(|policy| policy.text.contains("ec2:Describe*")), "{role:?}");
}

#[test]
fn who_does_not_exist_is_nobody_and_a_policy_that_is_missing_an_error() {
    let place = place();
    let policies = policies(&place);
    assert_eq!(policies.principal_details("arn:aws:iam::111122223333:role/Nobody").unwrap(), None);
    assert_eq!(policies.principal_details("arn:aws:iam::111122223333:user/Nobody").unwrap(), None);
    place.cloud.plan(|request| {
        Some(Fault::Answer(match &*request.operation() {
            "GetPolicyVersion" => Answer::query_error(404, "NoSuchEntity", "it is gone"),
            name => single(name, request),
        }))
    });
    let (kind, said) = fails(policies.principal_details(ROLE));
    assert_eq!(kind, PortErrorKind::NotFound);
    assert!(said.contains("iam:GetPolicyVersion"), "{said}");
}

#[test]
fn throttling_is_asked_about_once_and_another_account_through_its_role() {
    let place = place();
    let policies = policies(&place);
    all(&policies, "444455556666");
    let asked = place.cloud.state().requests.clone();
    assert!(
        asked.iter().any(|(name, account, _)| {
            name == "GetAccountAuthorizationDetails" && account == "444455556666"
        })
    );
    let alone = AccountPolicies::new(place.aws.clone(), ACCOUNT, None);
    let (kind, said) = fails(alone.account_authorization_details("444455556666", None));
    assert_eq!(kind, PortErrorKind::AccessDenied);
    assert!(said.contains("lookup.role"), "{said}");
    let before = place.cloud.count("GetAccountAuthorizationDetails");
    place.cloud.plan(|_| Some(Fault::Answer(Answer::query_error(400, "Throttling", "Rate exceeded"))));
    let (kind, said) = fails(policies.account_authorization_details(ACCOUNT, None));
    assert_eq!(kind, PortErrorKind::Throttled);
    assert!(said.contains("iam:GetAccountAuthorizationDetails") && said.contains("Rate exceeded"), "{said}");
    assert_eq!(place.cloud.count("GetAccountAuthorizationDetails"), before + 1, "who asks waits");
}

#[test]
fn the_simulator_gets_the_boundary_and_is_read_to_the_end() {
    let place = Place::new();
    place.cloud.plan(|request| {
        let form = request.form();
        assert_eq!(
            (&*form["PolicySourceArn"], &*form["PermissionsBoundaryPolicyInputList.member.1"]),
            (ROLE, "{}")
        );
        let (of, more) = match form.get("Marker") {
            None => ("ActionNames.member.1", "<IsTruncated>true</IsTruncated><Marker>m</Marker>"),
            Some(_) => ("ActionNames.member.2", "<IsTruncated>false</IsTruncated>"),
        };
        let result = format!(
            "<EvalActionName>{}</EvalActionName><EvalDecision>implicitDeny</EvalDecision>\
             <MatchedStatements/><MissingContextValues/>",
            form[of]
        );
        let result = format!("<EvaluationResults>{}</EvaluationResults>{more}", members(&[result]));
        Some(Fault::Answer(answer("SimulatePrincipalPolicy", &result)))
    });
    let boundary = Policy { name: BOUNDARY.into(), origin: PolicyOrigin::Attached, text: "{}".into() };
    let snapshot = PolicySnapshot {
        principal: ROLE.into(),
        permissions_boundary: Some(boundary),
        ..PolicySnapshot::default()
    };
    let said = policies(&place).simulate(&snapshot, &["s3:PutObject", "iam:PassRole"]).unwrap();
    let said: Vec<_> = said.iter().map(|one| (&*one.action, &*one.decision)).collect();
    assert_eq!(said, [("s3:PutObject", "implicitDeny"), ("iam:PassRole", "implicitDeny")]);
}

/// An organization: root, a unit, and the account 444455556666 in it; 111122223333 manages it.
fn organization(request: &Request) -> Answer {
    let asked: Value = request.json();
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    let summary = |id: &str| json!({ "Id": id, "Arn": format!("arn:aws:organizations::aws:policy/{id}") });
    Answer::json(
        200,
        &match &*request.operation() {
            "DescribeOrganization" => json!({ "Organization": { "Id": "o-1", "MasterAccountId": ACCOUNT } }),
            "ListParents" => match &*text("ChildId") {
                "444455556666" => json!({ "Parents": [{ "Id": "ou-1", "Type": "ORGANIZATIONAL_UNIT" }] }),
                "ou-1" => json!({ "Parents": [{ "Id": "r-1", "Type": "ROOT" }] }),
                other => {
                    return Answer::error(400, "ChildNotFoundException", &format!("no {other}"));
                }
            },
            "ListPoliciesForTarget" if text("Filter") == "RESOURCE_CONTROL_POLICY" => {
                json!({ "Policies": [] })
            }
            "ListPoliciesForTarget" => match &*text("TargetId") {
                "ou-1" if asked.get("NextToken").is_none() => {
                    json!({ "Policies": [summary("p-full")], "NextToken": "n" })
                }
                "ou-1" => json!({ "Policies": [summary("p-deny")] }),
                _ => json!({ "Policies": [summary("p-full")] }),
            },
            "DescribePolicy" => {
                let id = text("PolicyId");
                json!({ "Policy": { "PolicySummary": summary(&id), "Content": format!("the text of {id}") } })
            }
            other => panic!("{other} was not expected"),
        },
    )
}

#[test]
fn an_organization_bounds_from_the_root_down_and_not_the_account_that_manages_it() {
    let place = Place::new();
    place.cloud.plan(|request| Some(Fault::Answer(organization(request))));
    let above = OrganizationPolicies::new(place.aws.clone());
    let levels = above.control_policies("444455556666", OrganizationPolicyType::ServiceControl).unwrap();
    let texts: Vec<Vec<&str>> =
        levels.iter().map(|level| level.iter().map(|policy| &*policy.text).collect()).collect();
    assert_eq!(
        texts,
        [
            vec!["the text of p-full"],
            vec!["the text of p-full", "the text of p-deny"],
            vec!["the text of p-full"]
        ]
    );
    assert_eq!(place.cloud.count("DescribePolicy"), 2, "each is read once");
    assert_eq!(
        above.control_policies("444455556666", OrganizationPolicyType::ResourceControl).unwrap(),
        Vec::<Vec<Policy>>::new()
    );
    assert_eq!(
        above.control_policies(ACCOUNT, OrganizationPolicyType::ServiceControl).unwrap(),
        Vec::<Vec<Policy>>::new()
    );
    let (kind, said) = fails(above.control_policies("777788889999", OrganizationPolicyType::ServiceControl));
    assert_eq!(kind, PortErrorKind::AccessDenied);
    assert!(said.contains("not in our organization"), "{said}");
}

#[test]
fn that_there_is_no_organization_is_not_that_we_may_not_see_it() {
    let place = Place::new();
    let above = OrganizationPolicies::new(place.aws.clone());
    for (code, expected) in [
        ("AWSOrganizationsNotInUseException", None),
        ("AccessDeniedException", Some(PortErrorKind::AccessDenied)),
        ("TooManyRequestsException", Some(PortErrorKind::Throttled)),
    ] {
        place.cloud.plan(move |_| Some(Fault::Answer(Answer::error(400, code, "said"))));
        match (above.control_policies(ACCOUNT, OrganizationPolicyType::ServiceControl), expected) {
            (Ok(levels), None) => assert!(levels.is_empty()),
            (Err(error), Some(kind)) => {
                assert_eq!(error.kind, kind);
                assert!(error.to_string().contains("organizations:DescribeOrganization"), "{error}");
            }
            (other, _) => panic!("{code}: {other:?}"),
        }
    }
}

#[test]
fn a_read_is_tried_out_signed_and_what_becomes_of_it_is_told_apart() {
    let place = Place::new();
    let probes = AwsProber::new(place.aws.clone());
    assert!(probes.probe("s3", "DeleteBucket").is_none(), "that is no read");
    for (service, operation, answer, expected) in [
        ("ec2", "DescribeRegions", Answer::xml(200, "<DescribeRegionsResponse/>"), None),
        ("s3", "ListBuckets", Answer::xml(200, "<ListAllMyBucketsResult/>"), None),
        ("sqs", "ListQueues", Answer::json(200, &json!({})), None),
        (
            "ec2",
            "DescribeRegions",
            Answer::xml(
                403,
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not</Message></Error></Errors></Response>",
            ),
            Some((PortErrorKind::AccessDenied, "(ec2:DescribeRegions)")),
        ),
        (
            "ec2",
            "DescribeRegions",
            Answer::xml(
                503,
                "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>",
            ),
            Some((PortErrorKind::Throttled, "RequestLimitExceeded")),
        ),
        (
            "s3",
            "ListBuckets",
            Answer::s3_error(403, "AccessDenied", "Access Denied"),
            Some((PortErrorKind::AccessDenied, "(s3:ListAllMyBuckets)")),
        ),
        (
            "kms",
            "ListKeys",
            Answer::error(400, "AccessDeniedException", "no"),
            Some((PortErrorKind::AccessDenied, "AccessDeniedException: no")),
        ),
        (
            "dynamodb",
            "ListTables",
            Answer::new(500, "nothing of use"),
            Some((PortErrorKind::Unavailable, "HTTP 500")),
        ),
    ] {
        place.cloud.plan(move |request| {
            let signed = request.header("authorization").unwrap_or_default();
            assert!(signed.contains(&format!("/eu-west-1/{service}/aws4_request")), "{signed}");
            assert!(request.header("x-amz-content-sha256").is_some());
            Some(Fault::Answer(answer.clone()))
        });
        match (probes.probe(service, operation).unwrap(), expected) {
            (Ok(()), None) => {}
            (Err(error), Some((kind, words))) => {
                assert_eq!(error.kind, kind, "{error}");
                assert!(error.to_string().contains(words), "{error}");
            }
            (other, _) => panic!("{service}:{operation}: {other:?}"),
        }
    }
    place.cloud.plan(|_| Some(Fault::HangUp));
    let (kind, _) = fails(probes.probe("sts", "GetCallerIdentity").unwrap());
    assert_eq!(kind, PortErrorKind::Unavailable);
}
