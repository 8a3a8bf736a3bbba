//! Removes secrets from the parameters of calls.
//!
//! Enters: the JSON of a request or a response. Leaves: the same with [`REDACTED`] in place of values that are secrets by
//! their name or form. Laws: names and structure stay, so that an entry says that a secret was given; the value of a field
//! with the name of a secret never stays, whatever its type.

use serde_json::Value;

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Parts of the names of fields that hold secrets, in lower case and without separators.
const SECRET_PARTS: [&str; 14] = [
    "password",
    "passphrase",
    "passwd",
    "secret",
    "token",
    "privatekey",
    "plaintext",
    "authorization",
    "apikey",
    "accesskey",
    "userdata",
    "connectionstring",
    "credential",
    "encryptionkey",
];

/// Ends of names that only identify a secret, or that hold a place in a list.
const HARMLESS_ENDS: [&str; 14] = [
    "id",
    "ids",
    "arn",
    "arns",
    "name",
    "names",
    "nexttoken",
    "clienttoken",
    "clientrequesttoken",
    "paginationtoken",
    "continuationtoken",
    "idempotencytoken",
    "status",
    "lastused",
];

/// Fields with an object or a list of variables.
const VARIABLES: [&str; 2] = ["variables", "environmentvariables"];

/// Replaces the secrets in a value.
pub fn redact_secrets(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = plain_name(name);
                if VARIABLES.contains(&&*name) {
                    redact_each(field);
                } else if names_a_secret(&name) && !matches!(field, Value::Bool(_) | Value::Null) {
                    *field = Value::String(REDACTED.to_owned());
                } else {
                    redact_secrets(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact_secrets),
        Value::String(text) if looks_like_a_secret(text) => *text = REDACTED.to_owned(),
        _ => {}
    }
}

/// Redacts the value of each field, and in a list that of each item.
fn redact_each(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if plain_name(name) != "name" {
                    *field = Value::String(REDACTED.to_owned());
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact_each),
        Value::Null => {}
        other => *other = Value::String(REDACTED.to_owned()),
    }
}

/// A name in lower case without separators: `master-user_password` is `masteruserpassword`.
fn plain_name(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn names_a_secret(name: &str) -> bool {
    SECRET_PARTS.iter().any(|part| name.contains(part))
        && !HARMLESS_ENDS.iter().any(|end| name.ends_with(end))
}

/// A private key in PEM, or a JSON Web Token.
fn looks_like_a_secret(text: &str) -> bool {
    let is_pem = text.contains("PRIVATE KEY-----");
    let is_token = text.starts_with("eyJ") && text.matches('.').count() == 2 && !text.contains(' ');
    is_pem || is_token
}
