//! Watches of Onlooker's own roles.
//!
//! Enters: the roles and resources of a deployment, as ARNs by name, and the purposes in `data/own_roles.toml`. Leaves: watches
//! and overrides in a [`Config`]. Laws: an override names a resource of the deployment, or an operation that names no resource in
//! its records; a purpose that names a resource the deployment does not have makes no override; the user's exemptions apply.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Config, Diagnostic, Override, Watch};
use crate::time::Time;

/// Reason that a report shows for watching Onlooker's own roles.
pub const OWN_ROLE_REASON: &str = "a role of Onlooker's own functions";

/// The roles and resources of a deployment: ARNs, or ARN patterns, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentResources {
    /// ARNs of roles, by the name of the function or service that uses them: `pull`.
    pub roles: BTreeMap<String, String>,
    /// ARNs of the other resources: `table`, `bucket`, `topic`.
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

/// The purposes that ship with Onlooker.
static PURPOSES: &str = include_str!("../../data/own_roles.toml");

impl DeploymentResources {
    /// Reads the variables of a function. `ONLOOKER_ROLES` and `ONLOOKER_KEYS` are `name=ARN` pairs, separated by commas.
    ///
    /// # Errors
    /// When one of them is not a list of pairs.
    pub fn from_variables<'v>(get: impl Fn(&str) -> Option<&'v str>) -> Result<Self, Diagnostic> {
        let roles = parse_pairs("ONLOOKER_ROLES", get("ONLOOKER_ROLES"))?;
        let region = get("ONLOOKER_TOPIC").and_then(|topic| topic.split(':').nth(3)).unwrap_or_default();
        Self::of_roles(roles, region, get)
    }

    /// What one function may write to: its own role, which is `role` unless `ONLOOKER_ROLES` names it, and the resources in its
    /// variables.
    ///
    /// # Errors
    /// As above.
    pub fn of_function<'v>(
        function: &str,
        role: &str,
        region: &str,
        get: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<Self, Diagnostic> {
        let mut roles = parse_pairs("ONLOOKER_ROLES", get("ONLOOKER_ROLES"))?;
        roles.retain(|name, _| name == function);
        roles.entry(function.to_owned()).or_insert_with(|| role.to_owned());
        Self::of_roles(roles, region, get)
    }

    fn of_roles<'v>(
        roles: BTreeMap<String, String>,
        region: &str,
        get: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<Self, Diagnostic> {
        let mut resources = parse_pairs("ONLOOKER_KEYS", get("ONLOOKER_KEYS"))?;
        let Some(role) = roles.values().next() else { return Ok(Self::default()) };
        let [partition, account] = [1, 4].map(|n| role.split(':').nth(n).unwrap_or_default().to_owned());
        let mut add =
            |name: &str, arn: Option<String>| resources.extend(arn.map(|arn| (name.to_owned(), arn)));
        add("bucket", get("ONLOOKER_BUCKET").map(|name| format!("arn:{partition}:s3:::{name}")));
        let folder = |uri: &str| uri.strip_prefix("s3://").map(|path| format!("arn:{partition}:s3:::{path}"));
        add("backups", get("ONLOOKER_BACKUPS").and_then(folder));
        add("second-backups", get("ONLOOKER_SECOND_BACKUPS").and_then(folder));
        add("topic", get("ONLOOKER_TOPIC").map(str::to_owned));
        add(
            "lookup-role",
            get("ONLOOKER_LOOKUP_ROLE").map(|name| format!("arn:{partition}:iam::*:role/{name}")),
        );
        if !region.is_empty() {
            let here = |service: &str| format!("arn:{partition}:{service}:{region}:{account}");
            add("table", get("ONLOOKER_TABLE").map(|name| format!("{}:table/{name}", here("dynamodb"))));
            add("bus", get("ONLOOKER_BUS").map(|name| format!("{}:event-bus/{name}", here("events"))));
            if let Some(stack) = get("ONLOOKER_DEPLOYMENT") {
                add("dead-letter-queue", Some(format!("{}:{stack}-DeadLetterQueue-*", here("sqs"))));
                add("log-queue", Some(format!("{}:{stack}-LogQueue-*", here("sqs"))));
                add("logs", Some(format!("{}:log-group:/aws/lambda/{stack}-*", here("logs"))));
            }
        }
        Ok(Self { roles, resources })
    }

    /// Overrides for the purposes of the deployment's roles.
    ///
    /// # Errors
    /// When `data/own_roles.toml` cannot be read.
    pub fn overrides(&self) -> Result<Vec<Override>, Diagnostic> {
        let purposes: OwnRolePurposes = toml::from_str(PURPOSES).map_err(|error| {
            Diagnostic::new(
                format!("cannot read the purposes of Onlooker's own roles: {error}"),
                "report this as a bug",
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
                        from: None,
                        expires: purposes.expires,
                    });
                }
            }
        }
        Ok(made)
    }

    /// The resource that a purpose names. `None` if the deployment does not have it.
    fn resolve_resource(&self, written: &str) -> Option<String> {
        let (name, after) = written.strip_prefix("${")?.split_once('}')?;
        Some(format!("{}{after}", self.resources.get(name).filter(|arn| !arn.is_empty())?))
    }

    /// Adds watches of the roles, and overrides for their purposes.
    ///
    /// # Errors
    /// When `data/own_roles.toml` cannot be read.
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
    /// Whether this is a watch of one of Onlooker's own roles, and not a promise of the user.
    pub fn is_own_role(&self) -> bool {
        self.is_own_role
    }
}

fn parse_pairs(variable: &str, text: Option<&str>) -> Result<BTreeMap<String, String>, Diagnostic> {
    let pairs = text.unwrap_or_default().split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (name, arn) = pair.split_once('=').ok_or_else(|| {
            Diagnostic::new(
                format!("`{variable}` contains `{pair}`, which is not a `name=ARN` pair"),
                "deploy `template.yaml`, which sets the variable",
            )
        })?;
        Ok((name.to_owned(), arn.to_owned()))
    });
    // The ARN is empty if the stack does not have the resource.
    let known =
        |pair: &Result<(String, String), Diagnostic>| pair.as_ref().map_or(true, |(_, arn)| !arn.is_empty());
    pairs.filter(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::OverrideMatch;

    const ROLE: &str = "arn:aws:iam::111122223333:role/onlooker-PullRole-1";

    fn stack() -> DeploymentResources {
        let roles = format!("pull={ROLE},report=arn:aws:iam::111122223333:role/onlooker-ReportRole-1");
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
        assert_eq!(stack.roles["pull"], ROLE);
        assert_eq!(
            stack.resources["table"],
            "arn:aws:dynamodb:eu-west-1:111122223333:table/onlooker-Table-1"
        );
        assert_eq!(stack.resources.get("key"), None);
        assert_eq!(DeploymentResources::from_variables(|_| None), Ok(DeploymentResources::default()));
        assert!(DeploymentResources::from_variables(|_| Some("nothing")).is_err());
    }

    #[test]
    fn a_function_may_write_to_the_resources_in_its_variables() {
        let get = |name: &str| match name {
            "ONLOOKER_TABLE" => Some("t"),
            "ONLOOKER_BUCKET" => Some("b"),
            _ => None,
        };
        let own = DeploymentResources::of_function("pull", ROLE, "eu-west-1", get).expect("no pairs");
        let config = Config { overrides: own.overrides().expect("purposes"), ..Config::default() };
        let writes = |operation: &str, table: &str| {
            let resources = [format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{table}").into()];
            config.override_for(ROLE, "dynamodb", operation, &resources, Time(0)).map(|(_, applies)| applies)
        };
        assert_eq!(writes("UpdateItem", "t"), Some(OverrideMatch::Allowed));
        assert_eq!(writes("UpdateItem", "other"), None);
        assert_eq!(writes("DeleteTable", "t"), None);
        let named = |name: &str| match name {
            "ONLOOKER_ROLES" => {
                Some("pull=arn:aws:iam::111122223333:role/path/pull,watch=arn:aws:iam::111122223333:role/w")
            }
            other => get(other),
        };
        let own = DeploymentResources::of_function("pull", ROLE, "eu-west-1", named).expect("pairs");
        assert_eq!(own.roles.values().collect::<Vec<_>>(), ["arn:aws:iam::111122223333:role/path/pull"]);
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
        let override_match = |bucket: &str| {
            let resources =
                [format!("arn:aws:s3:::{bucket}/evidence/a").into(), format!("arn:aws:s3:::{bucket}").into()];
            config.override_for(ROLE, "s3", "PutObject", &resources, Time(0)).map(|(_, applies)| applies)
        };
        assert_eq!(override_match("onlooker-bucket-1"), Some(OverrideMatch::Allowed));
        assert_eq!(override_match("onlooker-bucket-12"), None);
        assert_eq!(override_match("foreign"), None);
        assert!(config.watch.iter().all(Watch::is_own_role) && config.validate().is_ok());
        // A user's watch with the same reason is not a watch of Onlooker's own roles.
        let written = |key: &str| {
            let text = format!("[[watch]]\nprincipal = \"{ROLE}\"\nreason = \"{OWN_ROLE_REASON}\"\n{key}");
            Config::from_toml(&text, "onlooker.toml")
        };
        assert!(!written("").unwrap().watch[0].is_own_role() && written("own = true").is_err());
    }
}
