//! Why there are no credentials.
//!
//! Enters: the error of a call or of the chain of credential providers. Leaves: [`MissingCredentials`], in one line. Law: only a
//! provider that was configured and failed is named; those that are not set up say nothing.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;

use super::error::{error_chain, sources};

/// There are no credentials, or they cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MissingCredentials(String);

/// What the SDK says of a provider that is not set up.
const NOT_SET_UP: &str = "the credential provider was not enabled";

impl MissingCredentials {
    /// No source of credentials is configured.
    pub(super) fn none() -> Self {
        Self("no AWS credentials were found".to_owned())
    }

    /// The reason, if it is the cause of this error.
    pub(super) fn cause_of(error: &(dyn Error + 'static)) -> Option<Self> {
        let cause = sources(error).find_map(|error| error.downcast_ref::<CredentialsError>())?;
        let said = error_chain(cause);
        if !matches!(cause, CredentialsError::CredentialsNotLoaded(_)) {
            let said = said.replace("an error occurred while loading credentials: ", "");
            return Some(Self(format!("the AWS credentials cannot be loaded: {}", one_line(&said))));
        }
        // One line for each provider of the chain: `  Profile: the credential provider was not enabled: ...`. Only the profile is
        // set up by a name that may be wrong.
        let profile = said.lines().find_map(|line| line.trim().strip_prefix("Profile: "));
        let reason = profile.and_then(|line| line.strip_prefix(NOT_SET_UP)?.strip_prefix(": "));
        Some(reason.map_or_else(Self::none, |reason| {
            Self(format!("no AWS credentials were found: {}", one_line(reason)))
        }))
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_that_are_not_set_up_are_not_listed() {
        let chain = "no credentials found in chain. Attempted:\n  Environment: the credential provider was not enabled: \
                     environment variable not set\n  Profile: the credential provider was not enabled";
        let said = |text: &str| MissingCredentials::cause_of(&CredentialsError::not_loaded(text.to_owned()));
        assert_eq!(said(chain), Some(MissingCredentials::none()));
        let wrong = said(&format!("{chain}: profile `zz` was not defined")).expect("a reason");
        assert_eq!(wrong.to_string(), "no AWS credentials were found: profile `zz` was not defined");
        let failed = CredentialsError::provider_error("the session\nhas expired");
        let failed = MissingCredentials::cause_of(&failed).expect("a reason").to_string();
        assert_eq!(failed, "the AWS credentials cannot be loaded: the session has expired");
        assert_eq!(MissingCredentials::cause_of(&std::io::Error::other("no route")), None);
    }
}
