//! The reads that can be probed.
//!
//! Enters: a service and an operation. Leaves: the request of the probe. Laws: each probe takes no parameters and
//! changes nothing; protocols and versions are those of the service models of botocore 1.44 (2026-09).

/// The protocol of a probe.
#[derive(Debug)]
pub(super) enum ProbeProtocol {
    /// Query: a form with `Action` and this `Version`.
    Query(&'static str),
    /// JSON: this prefix of `X-Amz-Target`, and this version of AWS JSON.
    Json(&'static str, &'static str),
    /// REST: a GET request of this path.
    Rest(&'static str),
}

/// A read that can be probed.
#[derive(Debug)]
pub(super) struct ProbeDefinition {
    /// Service, as in `permissions.reads` and in the names of endpoint variables.
    pub service: &'static str,
    /// Name of the probed operation.
    pub operation: &'static str,
    /// The operation in an error message, with its IAM action.
    pub description: &'static str,
    /// First part of the host name.
    pub endpoint_prefix: &'static str,
    /// Service name in the signature.
    pub signing_name: &'static str,
    /// Protocol of the service's API.
    pub protocol: ProbeProtocol,
}

macro_rules! probe_definitions {
    ($($service:literal $operation:literal $action:literal $host:literal $form:expr;)*) => {
        /// All probes that can be run.
        pub(super) const PROBES: &[ProbeDefinition] = &[$(ProbeDefinition {
            service: $service,
            operation: $operation,
            description: concat!("probe (", $action, ")"),
            endpoint_prefix: $host,
            signing_name: $host,
            protocol: $form,
        }),*];
    };
}

probe_definitions! {
    "sts" "GetCallerIdentity" "sts:GetCallerIdentity" "sts" ProbeProtocol::Query("2011-06-15");
    "ec2" "DescribeRegions" "ec2:DescribeRegions" "ec2" ProbeProtocol::Query("2016-11-15");
    "ec2" "DescribeInstances" "ec2:DescribeInstances" "ec2" ProbeProtocol::Query("2016-11-15");
    "ec2" "DescribeVpcs" "ec2:DescribeVpcs" "ec2" ProbeProtocol::Query("2016-11-15");
    "ec2" "DescribeSecurityGroups" "ec2:DescribeSecurityGroups" "ec2" ProbeProtocol::Query("2016-11-15");
    "s3" "ListBuckets" "s3:ListAllMyBuckets" "s3" ProbeProtocol::Rest("/");
    "sns" "ListTopics" "sns:ListTopics" "sns" ProbeProtocol::Query("2010-03-31");
    "sqs" "ListQueues" "sqs:ListQueues" "sqs" ProbeProtocol::Json("AmazonSQS", "1.0");
    "cloudformation" "ListStacks" "cloudformation:ListStacks" "cloudformation" ProbeProtocol::Query("2010-05-15");
    "cloudtrail" "DescribeTrails" "cloudtrail:DescribeTrails" "cloudtrail" ProbeProtocol::Json("CloudTrail_20131101", "1.1");
    "dynamodb" "ListTables" "dynamodb:ListTables" "dynamodb" ProbeProtocol::Json("DynamoDB_20120810", "1.0");
    "kms" "ListKeys" "kms:ListKeys" "kms" ProbeProtocol::Json("TrentService", "1.1");
    "lambda" "ListFunctions" "lambda:ListFunctions" "lambda" ProbeProtocol::Rest("/2015-03-31/functions/");
    "logs" "DescribeLogGroups" "logs:DescribeLogGroups" "logs" ProbeProtocol::Json("Logs_20140328", "1.1");
    "rds" "DescribeDBInstances" "rds:DescribeDBInstances" "rds" ProbeProtocol::Query("2014-10-31");
    "secretsmanager" "ListSecrets" "secretsmanager:ListSecrets" "secretsmanager" ProbeProtocol::Json("secretsmanager", "1.1");
    "ecs" "ListClusters" "ecs:ListClusters" "ecs" ProbeProtocol::Json("AmazonEC2ContainerServiceV20141113", "1.1");
}

/// The probe of this operation.
pub(super) fn find(service: &str, operation: &str) -> Option<&'static ProbeDefinition> {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    PROBES.iter().find(|known| same(known.service, service) && same(known.operation, operation))
}
