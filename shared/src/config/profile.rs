//! Configurations to begin with.
//!
//! Enters: [`ConfigProfile`]. Leaves: the text of an `onlooker.toml` with the keys that a promise of this kind needs, and,
//! as comments, the overrides for what people do besides reading. Laws: the text is a valid configuration; its example
//! values never give a COMPLIANT report on other accounts.

/// What a configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigProfile {
    /// A promise about management events in one account.
    ManagementOnly,
    /// A promise about management and data events in one account.
    Full,
    /// A promise about management events in all accounts of an organization.
    Organization,
}

impl ConfigProfile {
    /// All profiles.
    pub const ALL: [Self; 3] = [Self::ManagementOnly, Self::Full, Self::Organization];

    /// The name of the profile on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ManagementOnly => "management-only",
            Self::Full => "full",
            Self::Organization => "organization",
        }
    }

    /// The text of the configuration.
    pub fn template(self) -> String {
        let promise = match self {
            Self::ManagementOnly => include_str!("../../data/profiles/management-only.toml"),
            Self::Full => include_str!("../../data/profiles/full.toml"),
            Self::Organization => include_str!("../../data/profiles/organization.toml"),
        };
        promise.to_owned() + include_str!("../../data/profiles/people.toml")
    }
}
