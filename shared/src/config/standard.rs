//! Names of the standards.
//!
//! Enters: a name. Leaves: a [`Standard`], or a [`Diagnostic`] that names the known ones. Law: the error for a
//! standard that was built in once names the control pack that replaces it.

use std::{fmt, str::FromStr};

use super::{
    Standard,
    diagnostic::{Diagnostic, quoted},
};
use crate::suggest::suggest;

/// Standards that were built in once, each with the control pack that replaces it.
const RETIRED_STANDARDS: [(&str, &str); 1] = [("GCC_2_0", "docs/packs/gcc-2-0.toml")];

impl Standard {
    /// Every standard that can be configured.
    pub const ALL: [Self; 6] =
        [Self::General, Self::Soc2, Self::Iso27001, Self::CisAws, Self::Nist80053, Self::Custom];

    /// Every standard with a pack that is built in.
    pub const BUILT_IN: [Self; 5] =
        [Self::General, Self::Soc2, Self::Iso27001, Self::CisAws, Self::Nist80053];

    /// The upper-case name, which all input and output uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::General => "GENERAL",
            Self::Soc2 => "SOC2",
            Self::Iso27001 => "ISO27001",
            Self::CisAws => "CIS_AWS",
            Self::Nist80053 => "NIST_800_53",
            Self::Custom => "CUSTOM",
        }
    }
}

impl FromStr for Standard {
    type Err = Diagnostic;

    /// Reads a name, ignoring case and the characters between its words: `nist-800-53`.
    fn from_str(text: &str) -> Result<Self, Diagnostic> {
        let letters = |name: &str| name.to_uppercase().replace(['_', '-', '.', ' '], "");
        if let Some(standard) = Self::ALL.into_iter().find(|known| letters(known.as_str()) == letters(text)) {
            return Ok(standard);
        }
        if let Some((name, pack)) =
            RETIRED_STANDARDS.into_iter().find(|(name, _)| letters(name) == letters(text))
        {
            return Err(Diagnostic::new(
                format!("the standard {} is no longer built in", quoted(text)),
                format!(
                    "the sample pack `{pack}` has the controls of `{name}`: set `standard = \"CUSTOM\"` and \
                     `standard_file = \"{pack}\"`"
                ),
            ));
        }
        let known = Self::ALL.map(|standard| format!("`{standard}`")).join(", ");
        let meant = suggest(text, Self::ALL.map(Self::as_str))
            .map_or_else(String::new, |name| format!("did you mean `{name}`? "));
        Err(Diagnostic::new(
            format!("{} is not a standard", quoted(text)),
            format!(
                "{meant}the known standards are {known}; for other controls use `CUSTOM` with a `standard_file`; \
                 `docs/packs/gcc-2-0.toml` is a sample"
            ),
        ))
    }
}

/// Rejects a name with the wrong case: a configuration file must have the exact name.
pub(super) fn check_exact_name(text: &str) -> Result<(), Diagnostic> {
    match text.parse::<Standard>()?.as_str() {
        name if name == text => Ok(()),
        name => Err(Diagnostic::new(
            format!("{} is not a standard", quoted(text)),
            format!("write it as `{name}`"),
        )),
    }
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retired_standard_names_its_pack() {
        for text in ["GCC_2_0", "gcc-2.0", "GCC 2.0", "gcc20"] {
            let fault = text.parse::<Standard>().expect_err(text);
            assert!(
                fault.remedy.contains("docs/packs/gcc-2-0.toml") && fault.remedy.contains("CUSTOM"),
                "{fault}"
            );
        }
    }

    #[test]
    fn an_unknown_standard_names_the_known_ones_and_the_sample() {
        let fault = "SOC3".parse::<Standard>().expect_err("unknown");
        assert!(fault.remedy.starts_with("did you mean `SOC2`?"), "{fault}");
        assert!(fault.remedy.contains("docs/packs/gcc-2-0.toml"), "{fault}");
    }
}
