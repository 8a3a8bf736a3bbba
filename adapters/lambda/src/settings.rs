//! The settings of a function.
//!
//! Enters: variables, the S3 object that `ONLOOKER_CONFIG` names and the files that it names. Leaves: [`Settings`].
//! Laws: an unknown key is an error with the same message as on the command line; a file that cannot be read is an
//! error, and never replaced by the defaults; a changed file is in force within [`REFRESH_SECONDS`]; if a changed file cannot
//! be used, the last one stays in force in the processes that have it, and says that it is stale.

use std::{collections::BTreeMap, ffi::OsString, fmt, sync::Arc};

use super::{FunctionError, log};
use onlooker_aws::{AwsSession, S3Uri};
use onlooker_core::{
    catalog::Catalog,
    config::{Config, Diagnostic, Standard, own_roles},
    controls::ControlPack,
    grants::PolicyHistory,
    jobs::evaluation::EvaluationCriteria,
    ports::ObjectStore as _,
    record::Fingerprint,
    time::Time,
};

/// Number of seconds for which a configuration file is not read again.
pub const REFRESH_SECONDS: u32 = 60;

/// The environment variables that the functions use.
#[derive(Clone, Debug, Default)]
pub(super) struct EnvVariables(BTreeMap<String, OsString>);

/// Keeps the `ONLOOKER_*` variables and the log level of Lambda.
pub(super) fn onlooker_variables(all: impl Iterator<Item = (OsString, OsString)>) -> EnvVariables {
    let ours = all.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    EnvVariables(
        ours.filter(|(name, _)| name.starts_with("ONLOOKER_") || name == "AWS_LAMBDA_LOG_LEVEL").collect(),
    )
}

impl EnvVariables {
    /// A variable that is set; an empty one counts as not set.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().filter(|value| !value.is_empty())
    }

    /// The value of a required variable.
    pub(super) fn require(&self, name: &'static str) -> Result<&str, Diagnostic> {
        self.get(name).ok_or_else(|| Diagnostic {
            message: format!("the variable `{name}` is not set"),
            remedy: "deploy the function with `template.yaml`, which sets the variable".to_owned(),
        })
    }

    /// The whole number in a variable; `None` if it is not set or has another text, which the configuration refuses.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.get(name)?.parse().ok()
    }

    /// The variables that set keys of the configuration.
    fn config_keys(&self) -> Result<Vec<(String, String)>, Diagnostic> {
        let ours = self.0.iter().filter(|(name, _)| name.starts_with("ONLOOKER_"));
        let text = |(name, value): (&String, &OsString)| match value.to_str() {
            Some(value) => Ok((name.clone(), value.to_owned())),
            None => Err(Diagnostic {
                message: format!("the variable `{name}` is not UTF-8 text"),
                remedy: "set the variable to plain text, or unset the variable".to_owned(),
            }),
        };
        ours.map(text).collect()
    }
}

/// Configuration, catalog and control pack in force.
pub struct Settings {
    /// Configuration of the function.
    pub config: Config,
    /// Catalog of AWS operations and their classification.
    pub catalog: &'static Catalog,
    /// Control pack of the configured standard.
    pub pack: ControlPack,
    /// The text of the configuration file as it was read; `None` without a file.
    text: Option<String>,
    /// When the configuration file was read, or was last found to be unusable.
    read_at: Time,
    /// When this configuration was read, if a newer one cannot be used.
    stale_since: Option<Time>,
}

impl fmt::Debug for Settings {
    /// Without the text of the file, which may have the secrets of webhooks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Settings {
    /// What evidence is evaluated with, except policies: the configuration, the catalog and the control pack.
    pub fn criteria(&self) -> EvaluationCriteria<'_> {
        EvaluationCriteria {
            config: &self.config,
            catalog: self.catalog,
            pack: &self.pack,
            policies: PolicyHistory::empty(),
            integrity: None,
        }
    }

    /// The text of the configuration file as it was read; `None` without a file.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Identifies the configuration: equal ones have equal fingerprints.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        // A configuration is written as JSON whatever it has, and without the secrets of webhooks.
        let written = serde_json::to_vec(&self.config).unwrap_or_default();
        let secrets = self.config.alerts.webhooks.iter().map(|webhook| webhook.url.secret().as_bytes());
        let parts: Vec<&[u8]> = std::iter::once(&*written).chain(secrets).collect();
        Fingerprint::of("configuration", &parts)
    }

    /// Whether a newer configuration cannot be used, so that this one stays in force.
    pub(super) const fn is_stale(&self) -> bool {
        self.stale_since.is_some()
    }

    /// When this configuration was read.
    pub(super) fn changed_at(&self) -> Time {
        self.stale_since.unwrap_or(self.read_at)
    }

    /// The same settings, which stay in force because newer ones cannot be used. They are read again later.
    pub(super) fn kept(&self, now: Time) -> Self {
        let Self { config, catalog, pack, text, .. } = self;
        Self {
            config: config.clone(),
            catalog,
            pack: pack.clone(),
            text: text.clone(),
            read_at: now,
            stale_since: Some(self.changed_at()),
        }
    }

    /// Number of threads, where each mostly waits for AWS.
    pub fn threads(&self) -> usize {
        match self.config.limits.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get).max(4),
            threads => threads,
        }
    }

    /// Reads the settings, or returns the previous ones if they are still current.
    pub(super) fn load(
        aws: &AwsSession,
        variables: &EnvVariables,
        before: Option<Arc<Self>>,
        now: Time,
    ) -> Result<Arc<Self>, FunctionError> {
        let place = variables.get("ONLOOKER_CONFIG");
        if let Some(before) = &before
            && (place.is_none() || now.since(before.read_at) < REFRESH_SECONDS)
        {
            return Ok(Arc::clone(before));
        }
        log::check(variables)?;
        let place = place.map(config_uri).transpose()?;
        let text = place.as_ref().map(|place| read_object(aws, place)).transpose()?;
        let text = text.map(|bytes| String::from_utf8(bytes).map_err(|_| not_utf8(variables))).transpose()?;
        let name = place.as_ref().map(ToString::to_string);
        let mut config = Config::read(name.as_deref().zip(text.as_deref()), variables.config_keys()?)?;
        own_roles::DeploymentResources::from_variables(|name| variables.get(name))?
            .add_watches(&mut config)?;
        if let Some(before) = before.filter(|before| before.text == text) {
            // The catalog is kept until the process ends, so it is read again only if it changed.
            let (pack, catalog) = (before.pack.clone(), before.catalog);
            return Ok(Arc::new(Self { config, catalog, pack, text, read_at: now, stale_since: None }));
        }
        let beside = |key: &'static str, name: &str| read_beside(aws, place.as_ref(), key, name);
        let catalog = match &config.catalog {
            None => Catalog::embedded(),
            Some(name) => {
                let (place, bytes) = beside("catalog", name)?;
                let catalog = Catalog::from_bytes(&bytes).map_err(|error| Diagnostic {
                    message: format!("cannot use the catalog `{place}`: {error}"),
                    remedy: "build a new one with `onlooker catalog build`".to_owned(),
                });
                // This catalog is used until the process ends or the file changes.
                Box::leak(Box::new(catalog?))
            }
        };
        let pack = match (config.standard, &config.standard_file) {
            (Standard::Custom, Some(name)) => {
                let (place, bytes) = beside("standard_file", name)?;
                ControlPack::from_toml(&String::from_utf8_lossy(&bytes), &place.to_string())?
            }
            (standard, _) => ControlPack::built_in(standard)?,
        };
        Ok(Arc::new(Self { config, catalog, pack, text, read_at: now, stale_since: None }))
    }
}

fn config_uri(text: &str) -> Result<S3Uri, Diagnostic> {
    let place = text.parse::<S3Uri>().ok().filter(|place| !place.key.is_empty());
    place.ok_or_else(|| Diagnostic {
        message: format!("`ONLOOKER_CONFIG` is `{text}`, which is not the URI of an S3 object"),
        remedy: "write the `s3://bucket/key` of an `onlooker.toml`".to_owned(),
    })
}

fn read_object(aws: &AwsSession, place: &S3Uri) -> Result<Vec<u8>, FunctionError> {
    Ok(aws.store(&place.bucket).read(&place.key, None)?)
}

/// Reads an object that the configuration names, in the same folder as the configuration.
fn read_beside(
    aws: &AwsSession,
    file: Option<&S3Uri>,
    key: &'static str,
    name: &str,
) -> Result<(S3Uri, Vec<u8>), FunctionError> {
    let Some(file) = file else {
        return Err(FunctionError::from(Diagnostic {
            message: format!("cannot find `{name}` of `{key}`: there is no configuration file"),
            remedy: "store both in one folder in S3 and name the file in `ONLOOKER_CONFIG`".to_owned(),
        }));
    };
    let folder = file.key.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
    let place = S3Uri { bucket: file.bucket.clone(), key: format!("{folder}{name}") };
    let bytes = read_object(aws, &place).map_err(|failure| match failure.error_type {
        "AccessDenied" => FunctionError::from(Diagnostic {
            message: format!("cannot read `{place}`, which `{key}` names: {failure}"),
            remedy: format!(
                "set the parameter `ConfigurationFolder` of the stack to `s3://{}/{folder}`",
                place.bucket
            ),
        }),
        _ => failure,
    })?;
    Ok((place, bytes))
}

fn not_utf8(variables: &EnvVariables) -> Diagnostic {
    Diagnostic {
        message: format!("`{}` is not UTF-8 text", variables.get("ONLOOKER_CONFIG").unwrap_or_default()),
        remedy: "save the file as UTF-8".to_owned(),
    }
}

#[cfg(test)]
mod tests;
