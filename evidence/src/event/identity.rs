//! Resolves `userIdentity` to principal and session.
//!
//! Enters: [`UserIdentity`]. Leaves: [`Principal`] and [`Session`]. Laws: two sessions of one role are one principal;
//! a call that an AWS service makes on its own is attributed to the service; a role counts as service-linked only
//! under the path `/aws-service-role/`, which IAM reserves; no record makes it panic.

use std::borrow::Cow;

use super::content::{bounded_text, non_empty};
use crate::{
    principal::{Principal, PrincipalKind, Session, UNIQUE_ID_PREFIX},
    record::{RecordError, UserIdentity},
};

/// The principal and session of a call that the account `recipient` recorded. `region` gives the partition when no ARN
/// does.
pub(super) fn resolve_identity(
    identity: &UserIdentity<'_>,
    recipient: &str,
    region: &str,
) -> Result<(Principal, Session), RecordError> {
    let who = IdentityResolver { identity, recipient, region };
    let (kind, arn, session) = who.resolve();
    let account = match kind {
        PrincipalKind::Role | PrincipalKind::IdentityCenterUser => {
            non_empty(&identity.issuer_account_id).or_else(|| account_of(&arn))
        }
        _ => None,
    };
    let account = account
        .or(non_empty(&identity.account_id))
        .or_else(|| account_of(&arn))
        .or_else(|| arn.strip_prefix(ACCOUNT_PREFIX))
        .unwrap_or_default();
    let optional = |text: Option<&str>, field| text.map(|text| bounded_text(text, field)).transpose();
    let principal = Principal {
        arn: bounded_text(&arn, "userIdentity")?,
        kind,
        account: bounded_text(account, "userIdentity")?,
    };
    let session = Session {
        name: optional(session, "userIdentity")?,
        issuer: match kind {
            PrincipalKind::FederatedUser => optional(who.issuing_user().as_deref(), "userIdentity")?,
            _ => None,
        },
        source_identity: optional(non_empty(&identity.source_identity), "sourceIdentity")?,
        unique_id: optional(
            who.unique_id().map(|id| id.split_once(':').map_or(id, |(id, _)| id)),
            "userIdentity",
        )?,
        on_behalf_of: match (
            non_empty(&identity.identity_store_arn),
            non_empty(&identity.on_behalf_of_user_id),
        ) {
            (Some(store), Some(user)) => Some(bounded_text(&format!("{store}/user/{user}"), "onBehalfOf")?),
            (None, user) => optional(user, "onBehalfOf")?,
            (Some(store), None) => Some(bounded_text(store, "onBehalfOf")?),
        },
    };
    Ok((principal, session))
}

type ResolvedIdentity<'i> = (PrincipalKind, Cow<'i, str>, Option<&'i str>);

struct IdentityResolver<'i> {
    identity: &'i UserIdentity<'i>,
    recipient: &'i str,
    region: &'i str,
}

impl<'i> IdentityResolver<'i> {
    fn resolve(&self) -> ResolvedIdentity<'i> {
        let identity = self.identity;
        let arn = non_empty(&identity.arn);
        match non_empty(&identity.kind) {
            _ if self.is_anonymous() => (PrincipalKind::Anonymous, "anonymous".into(), None),
            Some("Root") => (PrincipalKind::Root, self.arn_or_built("iam", "root"), None),
            Some("IAMUser" | "FederatedUser") if !self.is_named() => self.resolve_by_name(),
            Some("SAMLUser" | "WebIdentityUser" | "IdentityCenterUser")
                if !self.is_named()
                    && non_empty(&identity.principal_id).is_none()
                    && non_empty(&identity.on_behalf_of_user_id).is_none() =>
            {
                (PrincipalKind::Unknown, "unknown".into(), None)
            }
            Some("IAMUser") => (PrincipalKind::IamUser, self.arn_or_built("iam", "user"), None),
            Some("AssumedRole") => self.resolve_role(),
            Some("Role") => self.resolve_role(),
            Some("FederatedUser") => {
                let name = arn.and_then(|arn| arn.split_once(":federated-user/")).map(|(_, name)| name);
                let name = name.or(non_empty(&identity.user_name));
                (PrincipalKind::FederatedUser, self.arn_or_built("sts", "federated-user"), name)
            }
            Some("SAMLUser") => (PrincipalKind::SamlUser, self.fallback_name("saml"), None),
            Some("WebIdentityUser") => (PrincipalKind::WebIdentityUser, self.fallback_name("web"), None),
            Some("IdentityCenterUser") => {
                (PrincipalKind::IdentityCenterUser, self.identity_center_arn(), None)
            }
            Some("Directory") if self.unique_id().is_none() && non_empty(&identity.issuer_arn).is_none() => {
                (PrincipalKind::Unknown, self.fallback_name("directory"), None)
            }
            Some("AWSAccount") => self.resolve_account(),
            Some("AWSService")
                if !self.is_named() && self.unique_id().is_none()
                    || arn.is_some_and(|arn| !arn.starts_with("arn:")) && !self.is_of_session() =>
            {
                (PrincipalKind::AwsService, self.service_name(), None)
            }
            None if !self.is_named()
                && self.unique_id().is_none()
                && non_empty(&identity.invoked_by).is_some() =>
            {
                (PrincipalKind::AwsService, self.service_name(), None)
            }
            _ => self.resolve_by_arn(arn),
        }
    }

    /// Whether an ARN, a user name or the issuer of a session names the caller.
    fn is_named(&self) -> bool {
        non_empty(&self.identity.arn).is_some() || self.is_of_session()
    }

    fn is_of_session(&self) -> bool {
        let identity = self.identity;
        let names = [&identity.user_name, &identity.issuer_arn, &identity.issuer_user_name];
        names.into_iter().any(|name| non_empty(name).is_some())
    }

    /// The principal id, if it begins with the unique id of a user or role.
    fn unique_id(&self) -> Option<&'i str> {
        non_empty(&self.identity.principal_id).filter(|id| is_unique_id(id))
    }

    /// The ARN of the user that created the credentials of a federated user.
    fn issuing_user(&self) -> Option<Cow<'i, str>> {
        let identity = self.identity;
        match (non_empty(&identity.issuer_arn), non_empty(&identity.issuer_user_name)) {
            (Some(issuer), _) => Some(issuer.into()),
            (None, name) => name.map(|name| self.build_arn("iam", &format!("user/{name}"))),
        }
    }

    fn is_anonymous(&self) -> bool {
        let says = |text: &Option<Cow<'_, str>>| {
            matches!(text.as_deref(), Some("anonymous" | "ANONYMOUS_PRINCIPAL" | "Anonymous"))
        };
        let kind = self.identity.kind.as_deref();
        matches!(kind, None | Some("AWSAccount" | "Unknown" | "Anonymous" | "anonymous"))
            && non_empty(&self.identity.arn).is_none()
            && (says(&self.identity.principal_id)
                || says(&self.identity.account_id)
                || says(&self.identity.kind))
    }

    /// A role, used directly or assumed. The session name is in the ARN of the session or in `principalId`.
    fn resolve_role(&self) -> ResolvedIdentity<'i> {
        let identity = self.identity;
        let arn = non_empty(&identity.arn);
        let assumed = arn.and_then(assumed_role);
        let session = assumed
            .map(|(_, session)| session)
            .or_else(|| {
                non_empty(&identity.principal_id).and_then(|id| id.split_once(':')).map(|(_, name)| name)
            })
            .filter(|session| !session.is_empty());
        let role: Cow<'i, str> =
            match (non_empty(&identity.issuer_arn), assumed, arn, non_empty(&identity.issuer_user_name)) {
                (Some(issuer), ..) => issuer.into(),
                (None, Some((name, _)), Some(arn), _) => format!(
                    "arn:{}:iam::{}:role/{name}",
                    partition_of(arn),
                    account_of(arn).unwrap_or_default()
                )
                .into(),
                (None, _, Some(arn), _) => arn.into(),
                (None, _, None, Some(name)) => self.build_arn("iam", &format!("role/{name}")),
                (None, _, None, None) => {
                    let id = self.unique_id().map(|id| id.split_once(':').map_or(id, |(id, _)| id));
                    let name = id.map_or("unknown".into(), |id| format!("{UNIQUE_ID_PREFIX}{id}").into());
                    return (PrincipalKind::Unknown, name, session);
                }
            };
        if let Some(service) = linked_service(&role) {
            return (PrincipalKind::AwsService, format!("service:{service}").into(), session);
        }
        let reserved = role.rsplit('/').next().is_some_and(|name| name.starts_with("AWSReservedSSO_"));
        let kind = if reserved { PrincipalKind::IdentityCenterUser } else { PrincipalKind::Role };
        (kind, role, session)
    }

    fn resolve_by_arn(&self, arn: Option<&'i str>) -> ResolvedIdentity<'i> {
        let Some(arn) = arn else { return self.resolve_by_name() };
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        match resource.split('/').next() {
            Some("assumed-role" | "role") => self.resolve_role(),
            Some("user") => (PrincipalKind::IamUser, arn.into(), None),
            Some("root") => (PrincipalKind::Root, arn.into(), None),
            _ => (PrincipalKind::Unknown, arn.into(), None),
        }
    }

    /// Records without an ARN, as older forms are: by session issuer, user name or principal id, whichever there is. A
    /// principal id alone names the caller without saying which principal of the account it is.
    fn resolve_by_name(&self) -> ResolvedIdentity<'i> {
        let identity = self.identity;
        match (non_empty(&identity.issuer_arn), non_empty(&identity.issuer_user_name)) {
            (Some(issuer), _) if issuer.contains(":user/") => {
                return (PrincipalKind::IamUser, issuer.into(), None);
            }
            (Some(issuer), _) if issuer.ends_with(":root") => {
                return (PrincipalKind::Root, issuer.into(), None);
            }
            (None, None) => {}
            _ => return self.resolve_role(),
        }
        match (non_empty(&identity.user_name), self.unique_id()) {
            // CloudTrail wrote `Unknown` for users of IAM Identity Center until July 2025.
            (Some(_), None) if identity.kind.as_deref() == Some("Unknown") => {
                (PrincipalKind::IdentityCenterUser, self.identity_center_arn(), None)
            }
            (Some(name), Some(id)) if id.starts_with("AROA") => {
                let session = id.split_once(':').map(|(_, session)| session);
                (PrincipalKind::Role, self.build_arn("iam", &format!("role/{name}")), session)
            }
            (Some(name), _) => (PrincipalKind::IamUser, self.build_arn("iam", &format!("user/{name}")), None),
            (None, Some(id)) => {
                let (id, session) = id.split_once(':').map_or((id, None), |(id, name)| (id, Some(name)));
                (PrincipalKind::Unknown, format!("{UNIQUE_ID_PREFIX}{id}").into(), session)
            }
            (None, None) => (PrincipalKind::Unknown, "unknown".into(), None),
        }
    }

    /// The ARN of the identity, or the one built from its name.
    fn arn_or_built(&self, service: &str, what: &str) -> Cow<'i, str> {
        match (non_empty(&self.identity.arn), non_empty(&self.identity.user_name)) {
            (Some(arn), _) => arn.into(),
            (None, _) if what == "root" => self.build_arn(service, what),
            (None, Some(name)) => self.build_arn(service, &format!("{what}/{name}")),
            (None, None) => self.fallback_name(what),
        }
    }

    fn build_arn(&self, service: &str, resource: &str) -> Cow<'i, str> {
        let account = non_empty(&self.identity.issuer_account_id)
            .or(non_empty(&self.identity.account_id))
            .unwrap_or_default();
        format!("arn:{}:{service}::{account}:{resource}", partition_of_region(self.region)).into()
    }

    /// For identities without an ARN: their kind and the best name they have.
    fn fallback_name(&self, sort: &str) -> Cow<'i, str> {
        let identity = self.identity;
        let name = non_empty(&identity.user_name).or(non_empty(&identity.principal_id)).unwrap_or("unknown");
        match (non_empty(&identity.arn), non_empty(&identity.identity_provider)) {
            (Some(arn), _) => arn.into(),
            (None, Some(provider)) => format!("{sort}:{provider}:{name}").into(),
            (None, None) => format!("{sort}:{name}").into(),
        }
    }

    /// The ARN of an IAM Identity Center user, as the Service Authorization Reference defines it.
    fn identity_center_arn(&self) -> Cow<'i, str> {
        let identity = self.identity;
        match (non_empty(&identity.arn), non_empty(&identity.on_behalf_of_user_id)) {
            (Some(arn), _) => arn.into(),
            (None, Some(user)) => {
                let partition = non_empty(&identity.identity_store_arn)
                    .map_or_else(|| partition_of_region(self.region), partition_of);
                format!("arn:{partition}:identitystore:::user/{user}").into()
            }
            (None, None) => self.fallback_name("identity-center"),
        }
    }

    /// A record of the type `AWSAccount`: of a call from another account, unless more than an account names the caller. In
    /// its own account a unique id names it. AWS Lake Formation Developer Guide, "Cross-account CloudTrail logging", read
    /// 2026-11: records have the principal id without the ARN, in the account of the caller too.
    fn resolve_account(&self) -> ResolvedIdentity<'i> {
        let identity = self.identity;
        let arn = non_empty(&identity.arn);
        let is_of_identity = arn
            .is_some_and(|arn| [":user/", ":role/", ":assumed-role/"].iter().any(|kind| arn.contains(kind)));
        let is_account = |text: &&str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        let account =
            non_empty(&identity.account_id).or(non_empty(&identity.principal_id).filter(is_account));
        match (arn, account) {
            _ if is_of_identity || self.is_of_session() => self.resolve_by_arn(arn),
            (Some(arn), _) => (PrincipalKind::AwsAccount, arn.into(), None),
            (None, Some(account)) if account != self.recipient || self.unique_id().is_none() => {
                (PrincipalKind::AwsAccount, format!("{ACCOUNT_PREFIX}{account}").into(), None)
            }
            _ => self.resolve_by_name(),
        }
    }

    fn service_name(&self) -> Cow<'i, str> {
        let identity = self.identity;
        let name = non_empty(&identity.invoked_by)
            .or(non_empty(&identity.principal_id))
            .or(non_empty(&identity.arn))
            .unwrap_or("unknown");
        format!("service:{name}").into()
    }
}

/// What the name of a principal begins with if its record names only its account.
const ACCOUNT_PREFIX: &str = "account:";

/// Whether a principal id begins with a unique id of a user or role, by "IAM identifiers" in the IAM User Guide.
fn is_unique_id(id: &str) -> bool {
    id.starts_with("AIDA") || id.starts_with("AROA")
}

/// Role and session of `arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
fn assumed_role(arn: &str) -> Option<(&str, &str)> {
    let (_, rest) = arn.split_once(":assumed-role/")?;
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

/// The service that a role is linked to. Any principal may name a role `AWSServiceRoleFor...`, but only AWS can
/// create one under `/aws-service-role/`, so every other role is a role of the account.
fn linked_service(role: &str) -> Option<&str> {
    let (_, path) = role.split_once(":role/")?;
    path.strip_prefix("aws-service-role/")?.split('/').next()
}

fn partition_of(arn: &str) -> &str {
    arn.split(':').nth(1).filter(|partition| !partition.is_empty()).unwrap_or("aws")
}

fn account_of(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3).filter(|account| !account.is_empty())
}

/// The partition of a region, by the names in `partitions.json` of AWS (botocore 1.44, 2026-09).
pub(super) fn partition_of_region(region: &str) -> &'static str {
    const PARTITIONS: [(&str, &str); 8] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    PARTITIONS.iter().find(|(start, _)| region.starts_with(start)).map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::record::with_user_identity;

    fn resolved(identity: &Value) -> (PrincipalKind, String, String, Session) {
        resolved_in("us-east-1", identity)
    }

    fn resolved_in(region: &str, identity: &Value) -> (PrincipalKind, String, String, Session) {
        let text = json!({ "userIdentity": identity }).to_string();
        let (principal, session) =
            with_user_identity(&text, |identity| resolve_identity(identity, "1", region)).unwrap();
        (principal.kind, principal.arn.to_string(), principal.account.to_string(), session)
    }

    #[test]
    fn an_assumed_role_counts_as_its_role() {
        let session = json!({
            "type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/r/s", "accountId": "1",
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::1:role/p/r", "accountId": "1"},
                "sourceIdentity": "me"
            }
        });
        let (kind, arn, account, session) = resolved(&session);
        assert_eq!((kind, &*arn, &*account), (PrincipalKind::Role, "arn:aws:iam::1:role/p/r", "1"));
        assert_eq!((session.name.as_deref(), session.source_identity.as_deref()), (Some("s"), Some("me")));
        for partition in ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-eusc"] {
            let arn = format!("arn:{partition}:sts::1:assumed-role/r/s/t");
            let (kind, arn, account, session) = resolved(&json!({"type": "AssumedRole", "arn": arn}));
            assert_eq!((kind, arn), (PrincipalKind::Role, format!("arn:{partition}:iam::1:role/r")));
            assert_eq!((&*account, session.name.as_deref()), ("1", Some("s/t")));
        }
    }

    #[test]
    fn a_federated_user_has_the_user_that_created_it() {
        let issuer = |issuer: Value| {
            let identity = json!({
                "type": "FederatedUser", "arn": "arn:aws:sts::1:federated-user/f", "accountId": "1",
                "sessionContext": {"sessionIssuer": issuer}
            });
            resolved(&identity).3.issuer
        };
        let user = Some("arn:aws:iam::1:user/jane".into());
        assert_eq!(issuer(json!({"arn": "arn:aws:iam::1:user/jane"})), user);
        assert_eq!(issuer(json!({"userName": "jane", "accountId": "1"})), user);
        assert_eq!(issuer(json!({"accountId": "1"})), None);
    }

    #[test]
    fn the_account_of_a_call_from_another_account_is_named() {
        for (identity, account) in [
            (json!({"type": "AWSAccount", "accountId": "2"}), "2"),
            (json!({"type": "AWSAccount", "principalId": "111122223333"}), "111122223333"),
        ] {
            assert_eq!(resolved(&identity).2, account, "{identity}");
        }
    }

    #[test]
    fn every_kind_is_recognized() {
        use PrincipalKind::{
            Anonymous, AwsAccount, AwsService, FederatedUser, IamUser, IdentityCenterUser, Role, Root,
            SamlUser, Unknown, WebIdentityUser,
        };
        let sso = "arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_ReadOnly_0";
        let linked = "arn:aws:iam::1:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS";
        let user = json!({"userId": "u", "identityStoreArn": "arn:aws:identitystore::1:identitystore/d-1"});
        for (identity, kind, arn) in [
            (json!({"type": "Root", "accountId": "1"}), Root, "arn:aws:iam::1:root"),
            (json!({"type": "IAMUser", "userName": "u", "accountId": "1"}), IamUser, "arn:aws:iam::1:user/u"),
            (json!({"type": "Role", "arn": "arn:aws:iam::1:role/r"}), Role, "arn:aws:iam::1:role/r"),
            (
                json!({"type": "FederatedUser", "arn": "arn:aws:sts::1:federated-user/f"}),
                FederatedUser,
                "arn:aws:sts::1:federated-user/f",
            ),
            (json!({"type": "SAMLUser", "userName": "u", "identityProvider": "p"}), SamlUser, "saml:p:u"),
            (json!({"type": "WebIdentityUser", "userName": "u"}), WebIdentityUser, "web:u"),
            (
                json!({"type": "IdentityCenterUser", "onBehalfOf": user}),
                IdentityCenterUser,
                "arn:aws:identitystore:::user/u",
            ),
            (
                json!({"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": sso}}}),
                IdentityCenterUser,
                sso,
            ),
            (
                json!({"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": linked}}}),
                AwsService,
                "service:ecs.amazonaws.com",
            ),
            (
                json!({"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/AWSServiceRoleForX/s"}),
                Role,
                "arn:aws:iam::1:role/AWSServiceRoleForX",
            ),
            (json!({"type": "AWSAccount", "accountId": "2"}), AwsAccount, "account:2"),
            (
                json!({"type": "AWSAccount", "accountId": "2", "principalId": "AROAX:s"}),
                AwsAccount,
                "account:2",
            ),
            (
                json!({"type": "AWSAccount", "accountId": "1", "principalId": "AROAX:s"}),
                Unknown,
                "principal-id:AROAX",
            ),
            (json!({"type": "AWSAccount", "accountId": "1"}), AwsAccount, "account:1"),
            (
                json!({"type": "AWSAccount", "principalId": "111122223333"}),
                AwsAccount,
                "account:111122223333",
            ),
            (json!({"type": "AWSAccount", "principalId": "AROAX:s"}), Unknown, "principal-id:AROAX"),
            (json!({"type": "AWSAccount"}), Unknown, "unknown"),
            (
                json!({"type": "AWSAccount", "accountId": "2", "arn": "arn:aws:sts::2:assumed-role/r/s"}),
                Role,
                "arn:aws:iam::2:role/r",
            ),
            (
                json!({"type": "AWSAccount", "accountId": "2", "arn": "arn:aws:iam::2:root"}),
                AwsAccount,
                "arn:aws:iam::2:root",
            ),
            (json!({"type": "Directory", "userName": "u"}), Unknown, "directory:u"),
            (json!({"type": "Directory", "principalId": "AROAX:s"}), Unknown, "principal-id:AROAX"),
            (
                json!({"type": "Directory", "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::1:role/r"}}}),
                Role,
                "arn:aws:iam::1:role/r",
            ),
            (json!({"type": "AWSAccount", "accountId": "anonymous"}), Anonymous, "anonymous"),
            (json!({"type": "AWSAccount", "principalId": "ANONYMOUS_PRINCIPAL"}), Anonymous, "anonymous"),
            (
                json!({"type": "AWSService", "invokedBy": "s3.amazonaws.com"}),
                AwsService,
                "service:s3.amazonaws.com",
            ),
            (json!({"accountId": "1", "invokedBy": "x"}), AwsService, "service:x"),
            (
                json!({"accountId": "1", "invokedBy": "x", "principalId": "AROAX:s"}),
                Unknown,
                "principal-id:AROAX",
            ),
            (
                json!({"type": "AWSService", "invokedBy": "x", "principalId": "AROAX:s"}),
                Unknown,
                "principal-id:AROAX",
            ),
            (json!({"type": "New", "arn": "arn:aws:new:::x"}), Unknown, "arn:aws:new:::x"),
            (json!({"type": "Unknown"}), Unknown, "unknown"),
            (
                json!({"type": "Unknown", "userName": "u", "principalId": "111122223333"}),
                IdentityCenterUser,
                "identity-center:u",
            ),
            (json!({"userName": "u", "accountId": "1"}), IamUser, "arn:aws:iam::1:user/u"),
            (
                json!({"type": "New", "userName": "u", "principalId": "AIDAX", "accountId": "1"}),
                IamUser,
                "arn:aws:iam::1:user/u",
            ),
            (
                json!({"type": "Unknown", "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::1:role/r"}}}),
                Role,
                "arn:aws:iam::1:role/r",
            ),
            (json!({"type": "Unknown", "principalId": "AROAX:s"}), Unknown, "principal-id:AROAX"),
            (json!({"type": "AssumedRole", "principalId": "AROAX:s"}), Unknown, "principal-id:AROAX"),
            (json!({"accountId": "1", "accessKeyId": "ASIAX"}), Unknown, "unknown"),
            (json!({"type": "AssumedRole"}), Unknown, "unknown"),
            (Value::Null, Unknown, "unknown"),
        ] {
            let (found, name, ..) = resolved(&identity);
            assert_eq!((found, &*name), (kind, arn), "{identity}");
        }
    }

    #[test]
    fn a_role_outside_the_service_linked_path_is_a_plain_role() {
        let role = "arn:aws:iam::1:role/AWSServiceRoleForNothing";
        let identity = json!({"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": role}}});
        assert_eq!(resolved(&identity).0, PrincipalKind::Role);
    }

    #[test]
    fn without_an_arn_the_partition_follows_the_region() {
        let identity = json!({"type": "Root", "accountId": "1"});
        for (region, arn) in [
            ("cn-north-1", "arn:aws-cn:iam::1:root"),
            ("us-gov-west-1", "arn:aws-us-gov:iam::1:root"),
            ("us-isob-east-1", "arn:aws-iso-b:iam::1:root"),
            ("eusc-de-east-1", "arn:aws-eusc:iam::1:root"),
        ] {
            assert_eq!(resolved_in(region, &identity).1, arn);
        }
    }
}
