//! What became of a call.
//!
//! Enters: `errorCode`. Leaves: [`Outcome`]. Law: only a refusal for want of permission is `denied`; every other
//! error is `failed`; a call without an error succeeded.
//!
//! | error code | outcome | why |
//! |---|---|---|
//! | none, or empty | succeeded | CloudTrail writes the field for errors only |
//! | contains `AccessDenied` (`AccessDenied`, `AccessDeniedException`, `VpceAccessDenied`, `KMSAccessDeniedException`) | denied | the common refusal: identity, resource, session, endpoint and organization policies alike |
//! | `UnauthorizedOperation`, `Client.UnauthorizedOperation` | denied | EC2's refusal |
//! | `Unauthorized`, `UnauthorizedAccess`, `UnauthorizedException`, `UserNotAuthorized...`, `NotAuthorized...` | denied | refusals of single services |
//! | `AuthorizationError...` | denied | SNS, SES |
//! | `Forbidden...`, `AllAccessDisabled`, `InsufficientPermissions...`, `InsufficientPrivileges...` | denied | refusals of single services |
//! | `ExpiredToken...`, `InvalidClientTokenId`, `SignatureDoesNotMatch`, `AuthFailure`, `UnrecognizedClientException` | failed | who calls was not established, so nothing was weighed against a permission |
//! | `OptInRequired`, `SubscriptionRequiredException`, `InvalidAccessException` | failed | the account lacks the service, not the caller a permission |
//! | `OperationNotPermitted...`, `MethodNotAllowed`, `...Protected` | failed | the state of the resource forbids it to everyone |
//! | anything else | failed | throttling, validation, missing resources |
//!
//! Codes as observed in CloudTrail records and in the API references of EC2, S3, SNS, KMS and Lambda, 2026-11.

use super::Outcome;

/// A code that begins so is a refusal.
const DENIED_PREFIXES: [&str; 9] = [
    "UnauthorizedOperation",
    "UnauthorizedAccess",
    "UserNotAuthorized",
    "NotAuthorized",
    "AuthorizationError",
    "Forbidden",
    "AllAccessDisabled",
    "InsufficientPermissions",
    "InsufficientPrivileges",
];

impl Outcome {
    /// The outcome an error code stands for.
    pub fn from_error_code(code: Option<&str>) -> Self {
        let Some(code) = code.filter(|code| !code.is_empty()) else { return Self::Succeeded };
        let plain = code.strip_prefix("Client.").or_else(|| code.strip_prefix("Server.")).unwrap_or(code);
        let refused = plain.contains("AccessDenied")
            || matches!(plain, "Unauthorized" | "UnauthorizedException")
            || DENIED_PREFIXES.iter().any(|start| plain.starts_with(start));
        if refused { Self::Denied } else { Self::Failed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_denied() {
        for code in [
            "AccessDenied",
            "AccessDeniedException",
            "Client.UnauthorizedOperation",
            "UnauthorizedAccess",
            "NotAuthorizedException",
            "AuthorizationErrorException",
            "VpceAccessDenied",
            "KMS.AccessDeniedException",
        ] {
            assert_eq!(Outcome::from_error_code(Some(code)), Outcome::Denied, "{code}");
        }
    }

    #[test]
    fn other_errors_are_failures() {
        for code in ["ThrottlingException", "ExpiredToken", "InvalidClientTokenId", "Client.AuthFailure", "x"]
        {
            assert_eq!(Outcome::from_error_code(Some(code)), Outcome::Failed, "{code}");
        }
        assert_eq!(Outcome::from_error_code(None), Outcome::Succeeded);
        assert_eq!(Outcome::from_error_code(Some("")), Outcome::Succeeded);
    }
}
