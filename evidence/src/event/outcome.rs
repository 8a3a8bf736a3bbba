//! The outcome of a call.
//!
//! Enters: `errorCode`. Leaves: [`Outcome`]. Law: only an error for a missing permission is `denied`; every other
//! error is `failed`; a call without an error succeeded.
//!
//! | error code | outcome | why |
//! |---|---|---|
//! | none, or empty | succeeded | CloudTrail writes the field for errors only |
//! | contains `AccessDenied` (`AccessDenied`, `AccessDeniedException`, `VpceAccessDenied`, `KMSAccessDeniedException`) | denied | the common code, whichever policy denied the call: identity-based, resource-based, session, VPC endpoint or organization policy |
//! | `UnauthorizedOperation`, `Client.UnauthorizedOperation` | denied | code of EC2 |
//! | `Unauthorized`, `UnauthorizedAccess`, `UnauthorizedException`, `UserNotAuthorized...`, `NotAuthorized...` | denied | codes of single services |
//! | `AuthorizationError...` | denied | SNS, SES |
//! | `Forbidden...`, `AllAccessDisabled`, `InsufficientPermissions...`, `InsufficientPrivileges...` | denied | codes of single services |
//! | `ExpiredToken...`, `InvalidClientTokenId`, `SignatureDoesNotMatch`, `AuthFailure`, `UnrecognizedClientException` | failed | the caller was not authenticated, so no permission was evaluated |
//! | `OptInRequired`, `SubscriptionRequiredException`, `InvalidAccessException` | failed | the account is not subscribed to the service; the caller does not lack a permission |
//! | `OperationNotPermitted...`, `MethodNotAllowed`, `...Protected` | failed | the state of the resource does not allow it to any caller |
//! | anything else | failed | throttling, validation, missing resources |
//!
//! Codes as observed in CloudTrail records and in the API references of EC2, S3, SNS, KMS and Lambda, 2026-11.

use super::Outcome;

/// A code with one of these prefixes is a denial.
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
        let is_denied = plain.contains("AccessDenied")
            || matches!(plain, "Unauthorized" | "UnauthorizedException")
            || DENIED_PREFIXES.iter().any(|start| plain.starts_with(start));
        if is_denied { Self::Denied } else { Self::Failed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_permissions_are_denied() {
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
