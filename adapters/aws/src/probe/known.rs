//! The reads that can be tried out.
//!
//! Enters: a name. Leaves: how AWS is asked. Laws: each takes no parameters and changes nothing; protocols and versions are
//! those of the service models of botocore 1.44 (2026-09).

/// How a read is asked for.
#[derive(Debug)]
pub(super) enum Form {
    /// A form with `Action` and this `Version`.
    Query(&'static str),
    /// JSON with this prefix of `X-Amz-Target`, in this version of JSON.
    Json(&'static str, &'static str),
    /// A path.
    Get(&'static str),
}

/// A read.
#[derive(Debug)]
pub(super) struct Known {
    /// Service, as in `permissions.reads` and in the names of endpoint variables.
    pub service: &'static str,
    /// Operation.
    pub operation: &'static str,
    /// What a failure says of it, with the IAM action it takes.
    pub words: &'static str,
    /// First part of the host name.
    pub host: &'static str,
    /// Name it is signed for.
    pub signed_as: &'static str,
    /// How it is asked for.
    pub form: Form,
}

macro_rules! known {
    ($($service:literal $operation:literal $action:literal $host:literal $form:expr;)*) => {
        /// All of them.
        pub(super) const KNOWN: &[Known] = &[$(Known {
            service: $service,
            operation: $operation,
            words: concat!("try out (", $action, ")"),
            host: $host,
            signed_as: $host,
            form: $form,
        }),*];
    };
}

known! {
    "sts" "GetCallerIdentity" "sts:GetCallerIdentity" "sts" Form::Query("2011-06-15");
    "ec2" "DescribeRegions" "ec2:DescribeRegions" "ec2" Form::Query("2016-11-15");
    "ec2" "DescribeInstances" "ec2:DescribeInstances" "ec2" Form::Query("2016-11-15");
    "ec2" "DescribeVpcs" "ec2:DescribeVpcs" "ec2" Form::Query("2016-11-15");
    "ec2" "DescribeSecurityGroups" "ec2:DescribeSecurityGroups" "ec2" Form::Query("2016-11-15");
    "s3" "ListBuckets" "s3:ListAllMyBuckets" "s3" Form::Get("/");
    "sns" "ListTopics" "sns:ListTopics" "sns" Form::Query("2010-03-31");
    "sqs" "ListQueues" "sqs:ListQueues" "sqs" Form::Json("AmazonSQS", "1.0");
    "cloudformation" "ListStacks" "cloudformation:ListStacks" "cloudformation" Form::Query("2010-05-15");
    "cloudtrail" "DescribeTrails" "cloudtrail:DescribeTrails" "cloudtrail" Form::Json("CloudTrail_20131101", "1.1");
    "dynamodb" "ListTables" "dynamodb:ListTables" "dynamodb" Form::Json("DynamoDB_20120810", "1.0");
    "kms" "ListKeys" "kms:ListKeys" "kms" Form::Json("TrentService", "1.1");
    "lambda" "ListFunctions" "lambda:ListFunctions" "lambda" Form::Get("/2015-03-31/functions/");
    "logs" "DescribeLogGroups" "logs:DescribeLogGroups" "logs" Form::Json("Logs_20140328", "1.1");
    "rds" "DescribeDBInstances" "rds:DescribeDBInstances" "rds" Form::Query("2014-10-31");
    "secretsmanager" "ListSecrets" "secretsmanager:ListSecrets" "secretsmanager" Form::Json("secretsmanager", "1.1");
    "ecs" "ListClusters" "ecs:ListClusters" "ecs" Form::Json("AmazonEC2ContainerServiceV20141113", "1.1");
}

/// The read of this name.
pub(super) fn find(service: &str, operation: &str) -> Option<&'static Known> {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    KNOWN.iter().find(|known| same(known.service, service) && same(known.operation, operation))
}
