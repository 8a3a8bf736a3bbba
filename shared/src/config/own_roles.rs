//! Onlooker's own roles, watched.
//!
//! Enters: what a deployment is made of, as ARNs by name, and the purposes shipped in `data/own_roles.toml`. Leaves: watches and
//! overrides in a [`Config`]. Laws: an override names a resource of the deployment, or one whose calls name none; a
//! purpose that takes what the deployment does not have is left out; exemptions of the user stand.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Config, Diagnostic, Override, Watch};
use crate::time::Time;

/// Why they are watched, and what tells their watches from promises of the user.
pub const OWN_ROLE_REASON: &str = "a role of Onlooker's own functions";

/// What a deployment is made of: ARNs, or patterns over them, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentResources {
    /// ARNs of roles, by the name of what uses them: `sweep`.
    pub roles: BTreeMap<String, String>,
    /// ARNs of everything else: `table`, `bucket`, `topic`.
    pub resources: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct OwnRolePurposes {
    owner: String,
    expires: Time,
    #[serde(rename = "override")]
    scoped: Vec<OwnRolePurpose>,
    unscoped: Vec<OwnRolePurpose>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnRolePurpose {
    roles: Vec<String>,
    operations: Vec<String>,
    resource: Option<String>,
    reason: String,
}

/// The shipped purposes.
static PURPOSES: &str = include_str!("../../data/own_roles.toml");

impl DeploymentResources {
    /// What the variables of a function tell: `ONLOOKER_ROLES` and `ONLOOKER_KEYS` are `name=ARN` pairs with commas between.
    ///
    /// # Errors
    /// When one of them is no list of pairs.
    pub fn from_variables<'v>(get: impl Fn(&str) -> Option<&'v str>) -> Result<Self, Diagnostic> {
        let roles = parse_pairs("ONLOOKER_ROLES", get("ONLOOKER_ROLES"))?;
        let mut parts = parse_pairs("ONLOOKER_KEYS", get("ONLOOKER_KEYS"))?;
        let Some(role) = roles.values().next() else { return Ok(Self::default()) };
        let [partition, account] = [1, 4].map(|n| role.split(':').nth(n).unwrap_or_default().to_owned());
        let mut add = |name: &str, arn: Option<String>| parts.extend(arn.map(|arn| (name.to_owned(), arn)));
        add("bucket", get("ONLOOKER_BUCKET").map(|name| format!("arn:{partition}:s3:::{name}")));
        add("topic", get("ONLOOKER_TOPIC").map(str::to_owned));
        add(
            "lookup-role",
            get("ONLOOKER_LOOKUP_ROLE").map(|name| format!("arn:{partition}:iam::*:role/{name}")),
        );
        let region = get("ONLOOKER_TOPIC").and_then(|topic| topic.split(':').nth(3)).unwrap_or_default();
        if !region.is_empty() {
            let here = |service: &str| format!("arn:{partition}:{service}:{region}:{account}");
            add("table", get("ONLOOKER_TABLE").map(|name| format!("{}:table/{name}", here("dynamodb"))));
            add("bus", get("ONLOOKER_BUS").map(|name| format!("{}:event-bus/{name}", here("events"))));
            if let Some(stack) = get("ONLOOKER_DEPLOYMENT") {
                add("dead-calls", Some(format!("{}:{stack}-DeadLetterQueue-*", here("sqs"))));
                add("log-queue", Some(format!("{}:{stack}-LogQueue-*", here("sqs"))));
                add("logs", Some(format!("{}:log-group:/aws/lambda/{stack}-*", here("logs"))));
            }
        }
        Ok(Self { roles, resources: parts })
    }

    /// Overrides for the purposes of the roles there are.
    ///
    /// # Errors
    /// When the shipped purposes cannot be read.
    pub fn overrides(&self) -> Result<Vec<Override>, Diagnostic> {
        let purposes: OwnRolePurposes = toml::from_str(PURPOSES).map_err(|error| {
            Diagnostic::new(
                format!("cannot read the purposes of Onlooker's own roles: {error}"),
                "report this",
            )
        })?;
        let mut made = Vec::new();
        for purpose in purposes.scoped.iter().chain(&purposes.unscoped) {
            let resource = match &purpose.resource {
                None => None,
                Some(written) => match self.resolve_resource(written) {
                    None => continue,
                    named => named,
                },
            };
            for (role, arn) in self.roles.iter().filter(|(role, _)| purpose.roles.contains(role)) {
                for operation in &purpose.operations {
                    made.push(Override {
                        id: format!("own-{role}-{}", made.len() + 1),
                        principal: arn.clone(),
                        operation: operation.clone(),
                        resource: resource.clone(),
                        owner: purposes.owner.clone(),
                        reason: purpose.reason.clone(),
                        expires: purposes.expires,
                    });
                }
            }
        }
        Ok(made)
    }

    /// The resource a purpose names; none if the deployment does not have it.
    fn resolve_resource(&self, written: &str) -> Option<String> {
        let (name, after) = written.strip_prefix("${")?.split_once('}')?;
        Some(format!("{}{after}", self.resources.get(name).filter(|arn| !arn.is_empty())?))
    }

    /// Watches the roles and tolerates what they are for.
    ///
    /// # Errors
    /// When the shipped purposes cannot be read.
    pub fn add_watches(&self, config: &mut Config) -> Result<(), Diagnostic> {
        for arn in self.roles.values() {
            let mut watch = Watch::new(arn)?;
            watch.reason = Some(OWN_ROLE_REASON.to_owned());
            watch.machine = true;
            watch.is_own_role = true;
            config.watch.push(watch);
        }
        config.overrides.extend(self.overrides()?);
        Ok(())
    }
}

impl Watch {
    /// Whether it is of one of Onlooker's own roles, and so no promise of the user.
    pub fn is_own_role(&self) -> bool {
        self.is_own_role
    }
}

fn parse_pairs(variable: &str, text: Option<&str>) -> Result<BTreeMap<String, String>, Diagnostic> {
    let pairs = text.unwrap_or_default().split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (name, arn) = pair.split_once('=').ok_or_else(|| {
            Diagnostic::new(
                format!("`{variable}` holds `{pair}`, which is no `name=ARN`"),
                "deploy `template.yaml`, which sets it",
            )
        })?;
        Ok((name.to_owned(), arn.to_owned()))
    });
    // What a stack does not have has no ARN.
    let known =
        |pair: &Result<(String, String), Diagnostic>| pair.as_ref().map_or(true, |(_, arn)| !arn.is_empty());
    pairs.filter(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::OverrideMatch;

    const ROLE: &str = "arn:aws:iam::111122223333:role/onlooker-SweepRole-1";

    fn stack() -> DeploymentResources {
        let roles = format!("sweep={ROLE},report=arn:aws:iam::111122223333:role/onlooker-ReportRole-1");
        let variables = BTreeMap::from([
            ("ONLOOKER_ROLES", roles.leak() as &str),
            ("ONLOOKER_KEYS", "key=,trail-key="),
            ("ONLOOKER_BUCKET", "onlooker-bucket-1"),
            ("ONLOOKER_TABLE", "onlooker-Table-1"),
            ("ONLOOKER_TOPIC", "arn:aws:sns:eu-west-1:111122223333:onlooker-Topic-1"),
            ("ONLOOKER_BUS", "onlooker"),
            ("ONLOOKER_DEPLOYMENT", "onlooker"),
        ]);
        DeploymentResources::from_variables(|name| variables.get(name).copied()).expect("pairs")
    }

    #[test]
    fn a_deployment_is_read_from_its_variables() {
        let stack = stack();
        assert_eq!(stack.roles["sweep"], ROLE);
        assert_eq!(
            stack.resources["table"],
            "arn:aws:dynamodb:eu-west-1:111122223333:table/onlooker-Table-1"
        );
        assert_eq!(stack.resources.get("key"), None);
        assert_eq!(DeploymentResources::from_variables(|_| None), Ok(DeploymentResources::default()));
        assert!(DeploymentResources::from_variables(|_| Some("nothing")).is_err());
    }

    #[test]
    fn a_missing_resource_gets_no_override() {
        let overrides = stack().overrides().expect("purposes");
        assert!(overrides.iter().any(|one| one.operation == "s3:PutObject"));
        assert!(!overrides.iter().any(|one| one.operation == "sts:AssumeRole"));
        assert!(overrides.iter().all(|one| one.validate().is_ok()), "{overrides:#?}");
    }

    #[test]
    fn a_role_may_write_to_its_own_bucket_and_to_no_other() {
        let mut config = Config::default();
        stack().add_watches(&mut config).expect("purposes");
        let judge = |bucket: &str| {
            let resources =
                [format!("arn:aws:s3:::{bucket}/evidence/a").into(), format!("arn:aws:s3:::{bucket}").into()];
            config.override_for(ROLE, "s3", "PutObject", &resources, Time(0)).map(|(_, applies)| applies)
        };
        assert_eq!(judge("onlooker-bucket-1"), Some(OverrideMatch::Allowed));
        assert_eq!(judge("onlooker-bucket-12"), None);
        assert_eq!(judge("foreign"), None);
        assert!(config.watch.iter().all(Watch::is_own_role) && config.validate().is_ok());
        // What somebody writes as a reason makes no promise Onlooker's own.
        let written = |key: &str| {
            let text = format!("[[watch]]\nprincipal = \"{ROLE}\"\nreason = \"{OWN_ROLE_REASON}\"\n{key}");
            Config::from_toml(&text, "onlooker.toml")
        };
        assert!(!written("").unwrap().watch[0].is_own_role() && written("own = true").is_err());
    }
}
