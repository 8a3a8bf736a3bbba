//! Operations that AWS lets anyone call without signing the request.
//!
//! Enters: event source and operation. Leaves: whether a call of it without an identity is expected. Law: such a call
//! belongs to no principal, so it tells nothing about a principal of the account.

/// `service\toperations\tsource`, by the SDK models of AWS (`"auth": "none"`) and the API references.
const TABLE: &str = include_str!("../../data/unauthenticated_operations.tsv");

/// Whether AWS accepts the operation without a signature, so that its record has no identity by design.
pub(crate) fn is_unauthenticated_by_design(source: &str, operation: &str) -> bool {
    let Some(host) =
        source.strip_suffix(".amazonaws.com").or_else(|| source.strip_suffix(".amazonaws.com.cn"))
    else {
        return false;
    };
    is_listed(host, operation)
}

/// Whether every caller can make a call, with or without a policy: no policy allows or denies it. `service` is the prefix
/// of the action.
///
/// Source: Amazon Cognito developer guide, operations without IAM authorization; AWS STS API Reference, `GetCallerIdentity`
/// and `GetSessionToken` ("no permissions are required"), read 2026-11. Operations of other services without a signature
/// are not IAM actions, or are allowed by IAM actions too (`signin:CreateOAuth2Token`).
pub(crate) fn needs_no_permission(service: &str, action: &str) -> bool {
    match service {
        "sts" => matches!(action, "GetCallerIdentity" | "GetSessionToken"),
        "cognito-identity" | "cognito-idp" => is_listed(service, action),
        _ => false,
    }
}

fn is_listed(host: &str, operation: &str) -> bool {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#')).skip(1);
    let mut columns = rows.filter_map(|line| line.split_once('\t'));
    columns.any(|(service, rest)| {
        let operations = rest.split('\t').next().unwrap_or_default();
        service == host && operations.split(',').any(|name| name.trim() == operation)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn every_row_names_known_operations_and_a_source() {
        for line in TABLE.lines().filter(|line| !line.starts_with('#')).skip(1) {
            let columns: Vec<&str> = line.split('\t').collect();
            assert!(columns.len() == 3 && !columns[2].is_empty(), "{line}");
            for operation in columns[1].split(',') {
                let source = format!("{}.amazonaws.com", columns[0]);
                assert!(Catalog::embedded().lookup(&source, operation).is_some(), "{source} {operation}");
                assert!(is_unauthenticated_by_design(&source, operation));
            }
        }
    }

    #[test]
    fn other_operations_need_an_identity() {
        assert!(!is_unauthenticated_by_design("cognito-identity.amazonaws.com", "DeleteIdentities"));
        assert!(!is_unauthenticated_by_design("cognito-identity", "GetId"));
        assert!(!is_unauthenticated_by_design("evil.example", "GetId"));
    }
}
