//! Normalizes the spellings of one operation.
//!
//! Enters: a service label or an operation name from untrusted input. Leaves: its catalog key, or nothing. Law: only
//! ASCII case, `-` and `_` (and spaces in a service label) are ignored. A text with any other character has no key,
//! so added characters cannot turn an unknown name into a known read.

use std::borrow::Cow;

/// Longest name or label that is looked up. Every name that AWS has published is shorter than half of it.
pub const MAX_NAME_LEN: usize = 128;

/// The key of an operation name: lower-case ASCII alphanumerics.
///
/// `None` for an empty or too long text and for any character except ASCII alphanumerics, `-` and `_`.
pub fn name_key(name: &str) -> Option<String> {
    normalize(name, |byte| matches!(byte, b'-' | b'_'), |_| false)
}

/// The key of a service label: lower-case ASCII alphanumerics and dots.
pub fn label_key(label: &str) -> Option<String> {
    normalize(label, |byte| matches!(byte, b'-' | b'_' | b' '), |byte| byte == b'.')
}

fn normalize(text: &str, ignored: impl Fn(u8) -> bool, kept: impl Fn(u8) -> bool) -> Option<String> {
    if text.len() > MAX_NAME_LEN {
        return None;
    }
    let mut key = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept(byte) {
            key.push(char::from(byte.to_ascii_lowercase()));
        } else if !ignored(byte) {
            return None;
        }
    }
    (!key.is_empty()).then_some(key)
}

/// The name as the catalog has it. The Billing console writes a period behind the name of one of its parts, as in
/// `AWSPaymentPortalService.GetPaymentsDue`; the catalog has `_` there. The names of all other services stay.
pub fn catalog_name<'n>(label: &str, name: &'n str) -> Cow<'n, str> {
    let is_billing_console =
        || event_source_host(label).unwrap_or(label).eq_ignore_ascii_case("billingconsole");
    match name.split_once('.') {
        Some((part, call)) if part.starts_with("AWSPayment") && is_billing_console() => {
            format!("{part}_{call}").into()
        }
        _ => name.into(),
    }
}

/// The host part of a CloudTrail event source (`monitoring.amazonaws.com` gives `monitoring`), if it is one.
pub fn event_source_host(label: &str) -> Option<&str> {
    [".amazonaws.com", ".amazonaws.com.cn"].into_iter().find_map(|suffix| {
        let cut = label.len().checked_sub(suffix.len())?;
        let tail = label.get(cut..)?;
        tail.eq_ignore_ascii_case(suffix).then(|| label.get(..cut)).flatten().filter(|host| !host.is_empty())
    })
}

/// The key without a date version, such as that of `listfunctions20150331` and `updatefunctioncode20150331v2`. `None`
/// if the key has no such suffix or consists only of it.
///
/// The suffix is `YYYYMMDD(vN)?` with a plausible year, month and day, as Lambda and CloudFront use it.
pub fn without_version(key: &str) -> Option<&str> {
    let dated = match key.rsplit_once('v') {
        Some((head, digits)) if !digits.is_empty() && digits.len() <= 2 && all_digits(digits) => {
            if has_date_suffix(head) {
                head
            } else {
                key
            }
        }
        _ => key,
    };
    let cut = dated.len().checked_sub(8)?;
    (has_date_suffix(dated) && cut > 0).then(|| dated.get(..cut)).flatten()
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_date_suffix(key: &str) -> bool {
    let Some(tail) = key.len().checked_sub(8).and_then(|cut| key.get(cut..)) else { return false };
    let number = |range: std::ops::Range<usize>| tail.get(range).and_then(|part| part.parse::<u16>().ok());
    all_digits(tail)
        && number(0..4).is_some_and(|year| (2000..2100).contains(&year))
        && number(4..6).is_some_and(|month| (1..=12).contains(&month))
        && number(6..8).is_some_and(|day| (1..=31).contains(&day))
}

/// Splits `service:Operation`, `service Operation` or `service.amazonaws.com:Operation` into service and operation.
///
/// The service ends at the first `:` or white space. Both parts are trimmed and must not be empty.
pub fn split_operation(text: &str) -> Option<(&str, &str)> {
    let (service, name) = text.trim().split_once(|c: char| c == ':' || c.is_whitespace())?;
    let (service, name) = (service.trim(), name.trim());
    (!service.is_empty() && !name.is_empty()).then_some((service, name))
}

/// Whether a name refers to a credential: it ends in a word for a credential, or begins with `assume`. Such a call
/// returns or creates a credential, so its name never proves that it is read-only. True for a name without a key.
pub fn names_a_credential(name: &str) -> bool {
    const ENDINGS: [&str; 15] = [
        "credential",
        "credentials",
        "token",
        "tokens",
        "password",
        "passwords",
        "passworddata",
        "secret",
        "secrets",
        "secretvalue",
        "accesskey",
        "apikey",
        "authcode",
        "privatekey",
        "presignedurl",
    ];
    let Some(key) = name_key(name) else { return true };
    let key = without_version(&key).unwrap_or(&key);
    let unversioned = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let key = if unversioned.len() < key.len() {
        unversioned.strip_suffix('v').unwrap_or(unversioned)
    } else {
        key
    };
    key.starts_with("assume") || ENDINGS.iter().any(|ending| key.ends_with(ending))
}

/// Verbs at the start of read operations, in Pascal case.
const READ_VERBS: [&str; 5] = ["Get", "List", "Describe", "BatchGet", "BatchDescribe"];

/// Whether the first word of a name is a verb that reads (`Get`, `List`, `Describe`, `BatchGet`, ...),
/// in Pascal, camel, snake or kebab spelling.
pub fn has_read_verb(name: &str) -> bool {
    READ_VERBS.iter().any(|verb| begins_with_word(name, verb))
}

/// Whether `name` begins with the Pascal-case `verb` followed by the start of another word or the end.
pub fn begins_with_word(name: &str, verb: &str) -> bool {
    let mut rest = name.as_bytes();
    for (position, wanted) in verb.bytes().enumerate() {
        if wanted.is_ascii_uppercase() && position > 0 {
            rest = rest.strip_prefix(b"_").or_else(|| rest.strip_prefix(b"-")).unwrap_or(rest);
        }
        match rest.split_first() {
            Some((byte, tail)) if byte.eq_ignore_ascii_case(&wanted) => rest = tail,
            _ => return false,
        }
    }
    match rest.first() {
        None => true,
        // In a name without word boundaries the verb is matched as a prefix.
        Some(next) => {
            !next.is_ascii_lowercase() || name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        }
    }
}
