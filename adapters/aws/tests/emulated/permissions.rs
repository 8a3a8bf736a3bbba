//! Account policies, the policy simulator, organization policies and probes against a fake AWS.

use std::collections::BTreeMap;

use onlooker_aws::{AccountPolicies, AwsProber, OrganizationPolicies};
use onlooker_core::{
    grants::{Policy, PolicyOrigin, PolicySnapshot},
    permissions::details,
    ports::{IamApi, OrganizationPolicyType, OrganizationsApi, PortError, PortErrorKind, Prober},
};
use serde_json::{Value, json};

use super::{
    ACCOUNT, AwsFixture,
    fake_aws::{HttpFault, HttpRequest, HttpResponse},
};

const ROLE: &str = "arn:aws:iam::111122223333:role/audit/Auditor";
const USER: &str = "arn:aws:iam::111122223333:user/Ann";
const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/Boundary";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// A document that allows one action, as IAM returns it: URL-encoded.
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

fn query_response(name: &str, result: &str) -> HttpResponse {
    HttpResponse::xml(200, &format!("<{name}Response><{name}Result>{result}</{name}Result></{name}Response>"))
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

/// A role and a user, as `GetAccountAuthorizationDetails` returns them: one page each.
fn account_details_response(request: &HttpRequest) -> HttpResponse {
    let arns = [BOUNDARY, READ_ONLY].map(|arn| {
        let name = arn.rsplit('/').next().unwrap();
        format!(
            "<PolicyName>{name}</PolicyName><Arn>{arn}</Arn><DefaultVersionId>v2</DefaultVersionId>\
             <PolicyVersionList>{}</PolicyVersionList>",
            members(&[version(arn)])
        )
    });
    let (list, more) = match request.form_fields().get("Marker").map(String::as_str) {
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
        Some(other) => panic!("a marker that was not returned: {other}"),
    };
    query_response("GetAccountAuthorizationDetails", &format!("{list}{more}"))
}

/// The same principals, read one by one; each list of policies has several pages.
fn principal_response(name: &str, request: &HttpRequest) -> HttpResponse {
    let form = request.form_fields();
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
        "GetRole" | "GetUser" => return HttpResponse::query_error(404, "NoSuchEntity", "not found"),
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
    query_response(name, &result)
}

/// A fake AWS with this IAM.
fn fixture() -> AwsFixture {
    let fixture = AwsFixture::new();
    fixture.fake_aws.inject_faults(|request| match &*request.operation() {
        "AssumeRole" | "GetCallerIdentity" => None,
        "GetAccountAuthorizationDetails" => Some(HttpFault::Respond(account_details_response(request))),
        name => Some(HttpFault::Respond(principal_response(name, request))),
    });
    fixture
}

fn policies(fixture: &AwsFixture) -> AccountPolicies {
    AccountPolicies::new(fixture.aws.clone(), ACCOUNT, Some("reader".to_owned()))
}

fn read_account(policies: &AccountPolicies, account: &str) -> Vec<PolicySnapshot> {
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
fn error_of<T>(result: Result<T, PortError>) -> (PortErrorKind, String) {
    let Err(error) = result else { panic!("it did not fail") };
    (error.kind, error.to_string())
}

#[test]
fn policies_are_equal_whether_read_per_principal_or_per_account() {
    let fixture = fixture();
    let policies = policies(&fixture);
    let whole = read_account(&policies, ACCOUNT);
    assert_eq!(fixture.fake_aws.request_count("GetAccountAuthorizationDetails"), 2);
    assert_eq!(whole.iter().map(|one| &*one.principal).collect::<Vec<_>>(), [ROLE, USER]);
    for snapshot in &whole {
        let alone = policies.principal_details(&snapshot.principal).unwrap().unwrap();
        assert_eq!(details::parse(&alone).unwrap(), std::slice::from_ref(snapshot));
    }
    let [role, user] = &*whole else { panic!("not two principals") };
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
fn a_missing_principal_is_none_and_a_missing_policy_is_an_error() {
    let fixture = fixture();
    let policies = policies(&fixture);
    assert_eq!(policies.principal_details("arn:aws:iam::111122223333:role/Absent").unwrap(), None);
    assert_eq!(policies.principal_details("arn:aws:iam::111122223333:user/Absent").unwrap(), None);
    fixture.fake_aws.inject_faults(|request| {
        Some(HttpFault::Respond(match &*request.operation() {
            "GetPolicyVersion" => HttpResponse::query_error(404, "NoSuchEntity", "not found"),
            name => principal_response(name, request),
        }))
    });
    let (kind, said) = error_of(policies.principal_details(ROLE));
    assert_eq!(kind, PortErrorKind::NotFound);
    assert!(said.contains("iam:GetPolicyVersion"), "{said}");
}

#[test]
fn throttling_is_not_retried_and_other_accounts_are_read_through_their_role() {
    let fixture = fixture();
    let policies = policies(&fixture);
    read_account(&policies, "444455556666");
    let asked = fixture.fake_aws.state().requests.clone();
    assert!(
        asked.iter().any(|(name, account, _)| {
            name == "GetAccountAuthorizationDetails" && account == "444455556666"
        })
    );
    let alone = AccountPolicies::new(fixture.aws.clone(), ACCOUNT, None);
    let (kind, said) = error_of(alone.account_authorization_details("444455556666", None));
    assert_eq!(kind, PortErrorKind::AccessDenied);
    assert!(said.contains("lookup.role"), "{said}");
    let before = fixture.fake_aws.request_count("GetAccountAuthorizationDetails");
    fixture.fake_aws.inject_faults(|_| {
        Some(HttpFault::Respond(HttpResponse::query_error(400, "Throttling", "Rate exceeded")))
    });
    let (kind, said) = error_of(policies.account_authorization_details(ACCOUNT, None));
    assert_eq!(kind, PortErrorKind::Throttled);
    assert!(said.contains("iam:GetAccountAuthorizationDetails") && said.contains("Rate exceeded"), "{said}");
    assert_eq!(
        fixture.fake_aws.request_count("GetAccountAuthorizationDetails"),
        before + 1,
        "the caller waits, not the SDK"
    );
}

#[test]
fn the_simulator_gets_the_permissions_boundary_and_all_pages_are_read() {
    let fixture = AwsFixture::new();
    fixture.fake_aws.inject_faults(|request| {
        let form = request.form_fields();
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
        Some(HttpFault::Respond(query_response("SimulatePrincipalPolicy", &result)))
    });
    let boundary = Policy { name: BOUNDARY.into(), origin: PolicyOrigin::Attached, text: "{}".into() };
    let snapshot = PolicySnapshot {
        principal: ROLE.into(),
        permissions_boundary: Some(boundary),
        ..PolicySnapshot::default()
    };
    let said = policies(&fixture).simulate(&snapshot, &["s3:PutObject", "iam:PassRole"]).unwrap();
    let said: Vec<_> = said.iter().map(|one| (&*one.action, &*one.decision)).collect();
    assert_eq!(said, [("s3:PutObject", "implicitDeny"), ("iam:PassRole", "implicitDeny")]);
}

/// An organization: the root, an OU with the account 444455556666, and the management account 111122223333.
fn organization(request: &HttpRequest) -> HttpResponse {
    let asked: Value = request.json();
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    let summary = |id: &str| json!({ "Id": id, "Arn": format!("arn:aws:organizations::aws:policy/{id}") });
    HttpResponse::json(
        200,
        &match &*request.operation() {
            "DescribeOrganization" => json!({ "Organization": { "Id": "o-1", "MasterAccountId": ACCOUNT } }),
            "ListParents" => match &*text("ChildId") {
                "444455556666" => json!({ "Parents": [{ "Id": "ou-1", "Type": "ORGANIZATIONAL_UNIT" }] }),
                "ou-1" => json!({ "Parents": [{ "Id": "r-1", "Type": "ROOT" }] }),
                other => {
                    return HttpResponse::error(400, "ChildNotFoundException", &format!("no {other}"));
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
fn control_policies_apply_from_the_root_down_but_not_to_the_management_account() {
    let fixture = AwsFixture::new();
    fixture.fake_aws.inject_faults(|request| Some(HttpFault::Respond(organization(request))));
    let organizations = OrganizationPolicies::new(fixture.aws.clone());
    let levels =
        organizations.control_policies("444455556666", OrganizationPolicyType::ServiceControl).unwrap();
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
    assert_eq!(fixture.fake_aws.request_count("DescribePolicy"), 2, "each policy is read once");
    assert_eq!(
        organizations.control_policies("444455556666", OrganizationPolicyType::ResourceControl).unwrap(),
        Vec::<Vec<Policy>>::new()
    );
    assert_eq!(
        organizations.control_policies(ACCOUNT, OrganizationPolicyType::ServiceControl).unwrap(),
        Vec::<Vec<Policy>>::new()
    );
    let (kind, said) =
        error_of(organizations.control_policies("777788889999", OrganizationPolicyType::ServiceControl));
    assert_eq!(kind, PortErrorKind::AccessDenied);
    assert!(said.contains("not in this organization"), "{said}");
}

#[test]
fn no_organization_and_no_access_to_it_are_distinguished() {
    let fixture = AwsFixture::new();
    let organizations = OrganizationPolicies::new(fixture.aws.clone());
    for (code, expected) in [
        ("AWSOrganizationsNotInUseException", None),
        ("AccessDeniedException", Some(PortErrorKind::AccessDenied)),
        ("TooManyRequestsException", Some(PortErrorKind::Throttled)),
    ] {
        fixture
            .fake_aws
            .inject_faults(move |_| Some(HttpFault::Respond(HttpResponse::error(400, code, "said"))));
        match (organizations.control_policies(ACCOUNT, OrganizationPolicyType::ServiceControl), expected) {
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
fn a_probe_is_signed_and_its_outcomes_are_distinguished() {
    let fixture = AwsFixture::new();
    let probes = AwsProber::new(fixture.aws.clone());
    assert!(probes.probe("s3", "DeleteBucket").is_none(), "only reads are probed");
    for (service, operation, answer, expected) in [
        ("ec2", "DescribeRegions", HttpResponse::xml(200, "<DescribeRegionsResponse/>"), None),
        ("s3", "ListBuckets", HttpResponse::xml(200, "<ListAllMyBucketsResult/>"), None),
        ("sqs", "ListQueues", HttpResponse::json(200, &json!({})), None),
        (
            "ec2",
            "DescribeRegions",
            HttpResponse::xml(
                403,
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not</Message></Error></Errors></Response>",
            ),
            Some((PortErrorKind::AccessDenied, "(ec2:DescribeRegions)")),
        ),
        (
            "ec2",
            "DescribeRegions",
            HttpResponse::xml(
                503,
                "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>",
            ),
            Some((PortErrorKind::Throttled, "RequestLimitExceeded")),
        ),
        (
            "s3",
            "ListBuckets",
            HttpResponse::s3_error(403, "AccessDenied", "Access Denied"),
            Some((PortErrorKind::AccessDenied, "(s3:ListAllMyBuckets)")),
        ),
        (
            "kms",
            "ListKeys",
            HttpResponse::error(400, "AccessDeniedException", "no"),
            Some((PortErrorKind::AccessDenied, "AccessDeniedException: no")),
        ),
        (
            "dynamodb",
            "ListTables",
            HttpResponse::new(500, "not an AWS error"),
            Some((PortErrorKind::Unavailable, "HTTP 500")),
        ),
    ] {
        fixture.fake_aws.inject_faults(move |request| {
            let signed = request.header("authorization").unwrap_or_default();
            assert!(signed.contains(&format!("/eu-west-1/{service}/aws4_request")), "{signed}");
            assert!(request.header("x-amz-content-sha256").is_some());
            Some(HttpFault::Respond(answer.clone()))
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
    fixture.fake_aws.inject_faults(|_| Some(HttpFault::Disconnect));
    let (kind, _) = error_of(probes.probe("sts", "GetCallerIdentity").unwrap());
    assert_eq!(kind, PortErrorKind::Unavailable);
}
