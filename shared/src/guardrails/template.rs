//! Guardrails as templates of tools that apply them.
//!
//! Enters: a principal and its proven guardrails. Leaves: the text of a Terraform configuration or a CloudFormation
//! template. Laws: each policy in a template is the document that was proven; a text that the tool would replace is
//! escaped, or the template is refused; names of resources and policies hold no other characters than AWS allows.

mod cloudformation;
mod terraform;

use super::{Guardrail, GuardrailDocument, GuardrailKind};

pub use self::{cloudformation::cloudformation, terraform::terraform};

/// Maximum number of characters of the name of a policy. IAM API Reference, `CreatePolicy`; AWS Organizations API
/// Reference, `CreatePolicy`; read 2026-11.
const MAX_POLICY_NAME: usize = 128;

/// Why a template cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot write `{document}` as a CloudFormation template: it has {found}, which CloudFormation would replace"
)]
pub struct TemplateError {
    /// Name of the document.
    pub document: String,
    /// What cannot be written.
    pub found: String,
}

/// A principal that policies can be attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attachable<'a> {
    Role(&'a str),
    User(&'a str),
    /// The given policies do not name a principal.
    Unknown,
}

impl<'a> Attachable<'a> {
    fn of(principal: &'a str) -> Self {
        let resource = principal.splitn(6, ':').nth(5).filter(|_| principal.starts_with("arn:"));
        let name = resource.and_then(|resource| resource.rsplit('/').next()).filter(|name| is_iam_name(name));
        match (resource, name) {
            (Some(resource), Some(name)) if resource.starts_with("role/") => Self::Role(name),
            (Some(resource), Some(name)) if resource.starts_with("user/") => Self::User(name),
            _ => Self::Unknown,
        }
    }

    const fn name(self) -> Option<&'a str> {
        match self {
            Self::Role(name) | Self::User(name) => Some(name),
            Self::Unknown => None,
        }
    }
}

/// Whether a text has the characters of names in IAM.
fn is_iam_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
}

/// Name of the policy of a document, in AWS.
fn policy_name(document: &GuardrailDocument, principal: Attachable<'_>) -> String {
    let name = match principal.name() {
        Some(principal) => format!("onlooker-{}-{principal}", document.name),
        None => format!("onlooker-{}", document.name),
    };
    name.chars().take(MAX_POLICY_NAME).collect()
}

/// The documents of all guardrails, each with its kind.
fn documents(guardrails: &[Guardrail]) -> impl Iterator<Item = (GuardrailKind, &GuardrailDocument)> {
    guardrails.iter().flat_map(|one| one.documents.iter().map(|document| (one.kind, document)))
}

fn has_kind(guardrails: &[Guardrail], kind: GuardrailKind) -> bool {
    guardrails.iter().any(|one| one.kind == kind)
}

/// What a reader has to know of each guardrail, in sentences.
fn remarks(guardrails: &[Guardrail]) -> impl Iterator<Item = String> {
    guardrails.iter().flat_map(|one| {
        let kind = one.kind.as_str();
        let questions = one.proof.open_questions.iter().map(|question| &question.text);
        let open = questions.map(move |text| format!("{kind}, open question: {text}"));
        let notes = one.notes.iter().map(move |note| format!("{kind}: {note}"));
        std::iter::once(format!("{kind}: {}", one.proof.summary)).chain(open).chain(notes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_attached_to_the_principal_that_the_arn_names() {
        let of = Attachable::of;
        assert_eq!(of("arn:aws:iam::111122223333:role/team/Auditor"), Attachable::Role("Auditor"));
        assert_eq!(of("arn:aws:iam::111122223333:user/ada"), Attachable::User("ada"));
        for other in
            ["given policies", "arn:aws:iam::111122223333:root", "arn:aws:iam::1:role/a\"b", "role/x"]
        {
            assert_eq!(of(other), Attachable::Unknown, "{other}");
        }
    }
}
