//! The outcome of a call, with the error of the service.
//!
//! Enters: an outcome, the operation and the caller. Leaves: error code and message as CloudTrail records them. Law:
//! a call that succeeded has neither.

use super::random::SeededRandom;

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DemoOutcome {
    /// The call succeeded.
    Succeeded,
    /// AWS denied the call.
    Denied,
    /// AWS throttled the call.
    Throttled,
    /// The resource does not exist.
    NotFound,
}

impl DemoOutcome {
    /// Error code and message; `None` for a call that succeeded.
    pub fn error(self, source: &str, name: &str, arn: &str) -> Option<(&'static str, String)> {
        match self {
            Self::Succeeded => None,
            Self::Denied => Some((denied(source), access_denied_message(source, name, arn))),
            Self::Throttled => Some((throttled(source), "Rate exceeded".to_owned())),
            Self::NotFound => Some(not_found(source)),
        }
    }

    /// Appends the encoded message that EC2 adds to a denied call.
    pub fn push_encoded_message(self, out: &mut String, source: &str, chance: &mut SeededRandom) {
        if self == Self::Denied && source == "ec2" {
            out.push_str(" Encoded authorization failure message: ");
            chance.alnum(out, 380);
        }
    }
}

fn denied(source: &str) -> &'static str {
    match source {
        "ec2" => "Client.UnauthorizedOperation",
        "s3" | "iam" | "sts" | "cloudformation" | "rds" | "elasticloadbalancing" | "autoscaling" | "sns" => {
            "AccessDenied"
        }
        _ => "AccessDeniedException",
    }
}

fn throttled(source: &str) -> &'static str {
    match source {
        "ec2" => "Client.RequestLimitExceeded",
        "s3" => "SlowDown",
        "iam" | "rds" | "elasticloadbalancing" | "autoscaling" | "cloudformation" => "Throttling",
        "lambda" => "TooManyRequestsException",
        _ => "ThrottlingException",
    }
}

fn not_found(source: &str) -> (&'static str, String) {
    let (code, message) = match source {
        "ec2" => ("Client.InvalidInstanceID.NotFound", "The instance ID does not exist"),
        "s3" => ("NoSuchBucketPolicy", "The bucket policy does not exist"),
        "iam" => ("NoSuchEntityException", "The entity cannot be found."),
        "ssm" => ("ParameterNotFound", "The parameter does not exist."),
        "rds" => ("DBInstanceNotFoundFault", "The DB instance is not found."),
        "kms" => ("NotFoundException", "The key does not exist"),
        "cloudformation" => ("ValidationError", "The stack does not exist"),
        _ => ("ResourceNotFoundException", "The requested resource is not found."),
    };
    (code, message.to_owned())
}

fn access_denied_message(source: &str, name: &str, arn: &str) -> String {
    let prefix = match source {
        "monitoring" => "cloudwatch",
        "tagging" => "tag",
        other => other,
    };
    let sentence = format!(
        "User: {arn} is not authorized to perform: {prefix}:{name} on resource: * because no identity-based policy allows the {prefix}:{name} action"
    );
    if source == "ec2" {
        format!("You are not authorized to perform this operation. {sentence}.")
    } else {
        sentence
    }
}
