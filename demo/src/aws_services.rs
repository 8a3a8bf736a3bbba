//! Traffic of AWS services: their own calls, calls with service-linked roles, and service events.
//!
//! Enters: the script. Leaves: calls of type `AWSService`, calls of service-linked roles, and service events. Law: no
//! principal of the organization makes these calls.

use super::outcome::DemoOutcome;
use super::record::EventBody;
use super::scenario::{DATA, FRANKFURT, IRELAND, PRODUCTION, SECURITY, VIRGINIA, account_id};
use super::script::DemoScript;
use super::user_identity::{self, RoleSession};

/// A service, the operation it calls, and the number of calls an hour in us-east-1.
const SERVICE_CALLS: [(&str, &str, u64); 6] = [
    ("lambda.amazonaws.com", "sts:AssumeRole", 4),
    ("ecs-tasks.amazonaws.com", "sts:AssumeRole", 3),
    ("ec2.amazonaws.com", "sts:AssumeRole", 3),
    ("cloudtrail.amazonaws.com", "s3:GetBucketAcl", 1),
    ("dynamodb.amazonaws.com", "kms:Decrypt", 2),
    ("config.amazonaws.com", "sts:AssumeRole", 1),
];

/// A service-linked role, its service, the operation it calls, and the minute of the hour.
const SERVICE_LINKED_CALLS: [(&str, &str, &str, u64); 4] = [
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

/// AWS services that make their own calls all day.
pub fn service_calls(script: &mut DemoScript) {
    for (service, name, busy) in SERVICE_CALLS {
        for account in [PRODUCTION, DATA] {
            let session = script.add_session(account, user_identity::service(service), service, service);
            for hour in 0..script.hours {
                for (region, count) in [(VIRGINIA, busy), (IRELAND, busy.div_ceil(2))] {
                    let at = script.time_at(hour, 0);
                    script.add_calls(at, 3_500, session, region, name, count);
                }
            }
        }
    }
}

/// AWS services that call with their service-linked roles.
pub fn service_linked_roles(script: &mut DemoScript) {
    for (role, service, name, minute) in SERVICE_LINKED_CALLS {
        for account in [SECURITY, PRODUCTION] {
            let role = RoleSession {
                account: account_id(account),
                path: &format!("/aws-service-role/{service}/"),
                role,
                session: service.split('.').next().unwrap_or(service),
                created_at: script.start,
                invoked_by: Some(service),
                ..RoleSession::default()
            };
            let session = script.add_role_session(account, &role, service, service);
            for hour in 0..script.hours {
                script.add_call(script.time_at(hour, minute), session, IRELAND, name, DemoOutcome::Succeeded);
            }
        }
    }
}

/// Key rotations of KMS: events without a caller.
pub fn key_rotations(script: &mut DemoScript) {
    for (account, region, hour) in
        [(PRODUCTION, VIRGINIA, 3), (PRODUCTION, IRELAND, 3), (DATA, VIRGINIA, 4), (SECURITY, FRANKFURT, 5)]
    {
        let id = account_id(account);
        let session =
            script.add_session(account, user_identity::service_event(id), "AWS Internal", "AWS Internal");
        let mut key = String::new();
        script.chance.uuid(&mut key);
        let region_name = script.cast.region(region);
        let body = EventBody {
            source: "kms",
            name: "RotateKey",
            event_type: "AwsServiceEvent",
            service_event_details: Some(format!(
                r#"{{"keyId":"{key}","rotationType":"AUTOMATIC","keyOrigin":"AWS_KMS","previousKeyMaterialId":null}}"#
            )),
            resources: Some(format!(
                r#"[{{"accountId":"{id}","type":"AWS::KMS::Key","ARN":"arn:aws:kms:{region_name}:{id}:key/{key}"}}]"#
            )),
            ..EventBody::default()
        };
        script.add_event(script.time_at(hour, 17), session, region, body);
    }
}
