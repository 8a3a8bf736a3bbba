//! Guardrails as a Terraform configuration.
//!
//! Enters: a principal and its guardrails. Leaves: HCL. Laws: a policy variable is written as `$${...}`, so that Terraform
//! leaves it to IAM; the value of each policy is the proven text, byte for byte; text from policies is in a heredoc or a
//! comment of one line only.
//!
//! Sources, read 2026-11: "Strings and Templates" of the Terraform language (heredocs have no backslash escapes; `$${`
//! and `%%{` are literal; a literal may be interpolated), and the AWS provider's pages on the resources written here.

use std::fmt::Write as _;

use super::{Attachable, documents, has_kind, policy_name, remarks};
use crate::{
    escape::escape_hidden,
    guardrails::{Guardrail, GuardrailKind},
};

/// Name of the variable that holds the target of service control policies.
const TARGET: &str = "onlooker_scp_target_id";

/// The configuration for these guardrails.
pub fn terraform(principal: &str, guardrails: &[Guardrail]) -> String {
    let mut out = String::new();
    comment(&mut out, &format!("Guardrails for {principal}, generated and proven by Onlooker."));
    for remark in remarks(guardrails) {
        comment(&mut out, &remark);
    }
    if has_kind(guardrails, GuardrailKind::Scp) {
        let about = "Account, organizational unit or root that the service control policies are attached to";
        // Writing to a `String` does not fail.
        let _ = write!(
            out,
            "\nvariable \"{TARGET}\" {{\n  type        = string\n  description = \"{about}\"\n}}\n"
        );
    }
    let attachable = Attachable::of(principal);
    for (kind, document) in documents(guardrails) {
        let (id, name) =
            (format!("onlooker_{}", document.name.replace('-', "_")), policy_name(document, attachable));
        let policy = heredoc(&document.text);
        let block = match kind {
            GuardrailKind::Allow => {
                iam_policy(&id, &name, &policy) + &attachment(&id, attachable).unwrap_or_default()
            }
            GuardrailKind::Boundary => {
                format!(
                    "\n# Set `permissions_boundary = aws_iam_policy.{id}.arn` in the resource of the principal."
                ) + &iam_policy(&id, &name, &policy)
            }
            GuardrailKind::Scp => format!(
                "\nresource \"aws_organizations_policy\" \"{id}\" {{\n  name    = \"{name}\"\n  type    = \
                 \"SERVICE_CONTROL_POLICY\"\n  content = {policy}\n}}\n\
                 \nresource \"aws_organizations_policy_attachment\" \"{id}\" {{\n  policy_id = \
                 aws_organizations_policy.{id}.id\n  target_id = var.{TARGET}\n}}\n"
            ),
        };
        out.push_str(&block);
    }
    out
}

fn comment(out: &mut String, text: &str) {
    // A comment ends with its line: hidden characters, which include line ends, are escaped.
    let _ = writeln!(out, "# {}", escape_hidden(text));
}

fn iam_policy(id: &str, name: &str, policy: &str) -> String {
    format!("\nresource \"aws_iam_policy\" \"{id}\" {{\n  name   = \"{name}\"\n  policy = {policy}\n}}\n")
}

fn attachment(id: &str, attachable: Attachable<'_>) -> Option<String> {
    let (kind, name) = match attachable {
        Attachable::Role(name) => ("role", name),
        Attachable::User(name) => ("user", name),
        Attachable::Unknown => return None,
    };
    Some(format!(
        "\nresource \"aws_iam_{kind}_policy_attachment\" \"{id}\" {{\n  {kind}       = \"{name}\"\n  policy_arn = \
         aws_iam_policy.{id}.arn\n}}\n"
    ))
}

/// A text as a heredoc. `chomp` removes the line end that each heredoc has.
fn heredoc(text: &str) -> String {
    // The text is JSON, so none of its lines is the delimiter.
    format!("chomp(<<POLICY\n{}\nPOLICY\n  )", escape_template(text))
}

/// A text without beginnings of interpolations and directives. `$${` stands for `${`. After another `$` or `%` that is
/// ambiguous, so a longer run of them is written as a literal that is interpolated.
fn escape_template(text: &str) -> String {
    let is_marker = |c: char| matches!(c, '$' | '%');
    let mut escaped = String::with_capacity(text.len());
    let mut parts = text.split('{').peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let plain = part.trim_end_matches(is_marker);
        match part.strip_prefix(plain).unwrap_or_default() {
            run if run.is_empty() || is_last => escaped.push_str(part),
            run if run.len() == 1 => escaped.extend([plain, run, run]),
            run => escaped.extend([plain, "${\"", run, "\"}"]),
        }
        if !is_last {
            escaped.push('{');
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_of_interpolations_are_escaped() {
        for (text, escaped) in [
            ("a ${aws:username}/${b}", "a $${aws:username}/$${b}"),
            ("%{if}{}", "%%{if}{}"),
            ("$$ % $", "$$ % $"),
            ("x$${", "x${\"$$\"}{"),
            ("%${", "${\"%$\"}{"),
            ("{$", "{$"),
        ] {
            assert_eq!(escape_template(text), escaped);
        }
    }
}
