//! Scenes without people: AWS services that call by themselves, with a role, or report an event.
//!
//! Enters: the script. Leaves: calls of type `AWSService`, calls of service-linked roles, and service
//! events. Law: none of these is the doing of a principal of the organization.

use super::identity::{self, RoleSession};
use super::outcome::Outcome;
use super::record::Told;
use super::script::Script;
use super::story::{DATA, FRANKFURT, IRELAND, PRODUCTION, SECURITY, VIRGINIA, account_id};

/// A service, what it calls by itself, and how often an hour in a busy account and region.
const ALONE: [(&str, &str, u64); 6] = [
    ("lambda.amazonaws.com", "sts:AssumeRole", 4),
    ("ecs-tasks.amazonaws.com", "sts:AssumeRole", 3),
    ("ec2.amazonaws.com", "sts:AssumeRole", 3),
    ("cloudtrail.amazonaws.com", "s3:GetBucketAcl", 1),
    ("dynamodb.amazonaws.com", "kms:Decrypt", 2),
    ("config.amazonaws.com", "sts:AssumeRole", 1),
];

/// A service-linked role, its service, what it calls with it, and when in the hour.
const LINKED: [(&str, &str, &str, u64); 4] = [
    ("AWSServiceRoleForAutoScaling", "autoscaling.amazonaws.com", "ec2:DescribeInstanceStatus", 5),
    (
        "AWSServiceRoleForElasticLoadBalancing",
        "elasticloadbalancing.amazonaws.com",
        "ec2:DescribeNetworkInterfaces",
        21,
    ),
    ("AWSServiceRoleForConfig", "config.amazonaws.com", "config:PutEvaluations", 37),
    ("AWSServiceRoleForAmazonGuardDuty", "guardduty.amazonaws.com", "ec2:DescribeVpcs", 49),
];

/// Services that call by themselves, all day.
pub fn alone(script: &mut Script) {
    for (service, name, busy) in ALONE {
        for account in [PRODUCTION, DATA] {
            let session = script.session(account, identity::service(service), service, service);
            for hour in 0..script.hours {
                for (region, count) in [(VIRGINIA, busy), (IRELAND, busy.div_ceil(2))] {
                    let at = script.clock(hour, 0);
                    script.burst(at, 3_500, session, region, name, count);
                }
            }
        }
    }
}

/// Services that call with the role that is linked to them.
pub fn linked(script: &mut Script) {
    for (role, service, name, minute) in LINKED {
        for account in [SECURITY, PRODUCTION] {
            let role = RoleSession {
                account: account_id(account),
                path: &format!("/aws-service-role/{service}/"),
                role,
                session: service.split('.').next().unwrap_or(service),
                created: script.start,
                invoked_by: Some(service),
                ..RoleSession::default()
            };
            let session = script.role(account, &role, service, service);
            for hour in 0..script.hours {
                script.call(script.clock(hour, minute), session, IRELAND, name, Outcome::Done);
            }
        }
    }
}

/// Keys that KMS rotates: events without a caller.
pub fn rotations(script: &mut Script) {
    for (account, region, hour) in
        [(PRODUCTION, VIRGINIA, 3), (PRODUCTION, IRELAND, 3), (DATA, VIRGINIA, 4), (SECURITY, FRANKFURT, 5)]
    {
        let id = account_id(account);
        let session = script.session(account, identity::internal(id), "AWS Internal", "AWS Internal");
        let mut key = String::new();
        script.chance.uuid(&mut key);
        let place = script.cast.region(region);
        let told = Told {
            source: "kms",
            name: "RotateKey",
            kind: "AwsServiceEvent",
            details: Some(format!(
                r#"{{"keyId":"{key}","rotationType":"AUTOMATIC","keyOrigin":"AWS_KMS","previousKeyMaterialId":null}}"#
            )),
            resources: Some(format!(
                r#"[{{"accountId":"{id}","type":"AWS::KMS::Key","ARN":"arn:aws:kms:{place}:{id}:key/{key}"}}]"#
            )),
            ..Told::default()
        };
        script.tell(script.clock(hour, 17), session, region, told);
    }
}
