//! All IAM actions of a catalog, found by pattern, and the resources each of them can be about.
//!
//! Enters: a catalog. Leaves: positions of the actions a pattern matches, in the order of their keys; the resource types of an
//! action. Laws: the result equals matching each key by itself, ignoring case; an action without a reference can be about
//! every resource.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hashbrown::HashMap;

use super::{Action, resource_names::ResourceNames};
use crate::{
    catalog::{Catalog, ServiceReference},
    pattern::{CompiledPattern, PatternPart, matches},
};

/// Services for which the Service Authorization Reference lists every action of their own condition keys. AWS's managed policies put
/// keys of some other services on actions without them there, such as `partnercentral:Catalog` on
/// `partnercentral:GetBusinessPlan`; for these services they do not (managed policies of 2026-11, 58 uses).
///
/// Of these services it is documented too on which resource they check an action that takes none.
const SERVICES_WITH_COMPLETE_REFERENCE: [&str; 5] = ["ec2", "iam", "kms", "s3", "sts"];

/// Positions of actions, in order.
pub(super) type ActionPositions = Arc<[u32]>;

/// The number of the resource types of an action; actions with equal resource types have the same number.
pub(super) type ResourceTypesId = usize;

/// The actions, and a cache of the patterns searched so far.
#[derive(Debug)]
pub(super) struct ActionIndex<'c> {
    catalog: &'c Catalog,
    /// Keys of the actions, in order.
    keys: ActionKeys,
    /// Rows of the actions in the catalog.
    rows: Vec<u32>,
    /// The actions that were asked for so far.
    actions: Box<[OnceLock<Arc<Action>>]>,
    reference: &'c ServiceReference,
    found_positions: Mutex<HashMap<Arc<str>, ActionPositions>>,
    /// By partition of the caller.
    resource_types: [OnceLock<ResourceTypesIndex>; 4],
    names: OnceLock<ResourceNames>,
}

/// The partition of AWS that a caller is in. It can reach resources of this partition only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Partition {
    /// Not known.
    #[default]
    Any,
    Aws,
    China,
    GovCloud,
}

impl Partition {
    /// The partition of an ARN.
    pub fn of_arn(arn: &str) -> Self {
        match arn.split(':').nth(1) {
            Some("aws") => Self::Aws,
            Some("aws-cn") => Self::China,
            Some("aws-us-gov") => Self::GovCloud,
            _ => Self::Any,
        }
    }

    /// The partition in an ARN pattern.
    const fn as_pattern(self) -> &'static str {
        match self {
            Self::Any => "*",
            Self::Aws => "aws",
            Self::China => "aws-cn",
            Self::GovCloud => "aws-us-gov",
        }
    }
}

/// The resources that requests for an action can be about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ActionResources {
    /// Patterns of the resources that requests are about with certainty.
    certain: Vec<CompiledPattern>,
    /// These, and patterns of resources that requests may be about.
    possible: Vec<CompiledPattern>,
}

impl ActionResources {
    /// The resources that requests may be about (`may`), or those they are about with certainty.
    pub fn patterns(&self, may: bool) -> &[CompiledPattern] {
        if may { &self.possible } else { &self.certain }
    }
}

/// The resource types of all actions.
#[derive(Debug)]
struct ResourceTypesIndex {
    /// For each action, the number of its resource types; none for an action that can be about every resource.
    of_action: Vec<Option<ResourceTypesId>>,
    /// By number, the resources of the types.
    resources: Vec<ActionResources>,
}

impl<'c> ActionIndex<'c> {
    /// The actions of a catalog.
    pub fn of(catalog: &'c Catalog) -> Self {
        let (mut keys, mut rows) = (ActionKeys::default(), Vec::new());
        catalog.visit_actions(&mut |key, row| {
            keys.push(key);
            rows.push(row);
        });
        Self {
            catalog,
            keys: keys.by_service(),
            actions: rows.iter().map(|_| OnceLock::new()).collect(),
            rows,
            reference: catalog.service_reference(),
            found_positions: Mutex::default(),
            resource_types: Default::default(),
            names: OnceLock::new(),
        }
    }

    /// Number of actions.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// The action at a position.
    pub fn action(&self, position: u32) -> Option<&Arc<Action>> {
        let at = usize::try_from(position).ok()?;
        let facts = self.catalog.facts_of_row(*self.rows.get(at)?)?;
        Some(self.actions.get(at)?.get_or_init(|| Arc::new(Action::of(self.keys.get(position), &facts))))
    }

    /// The service prefix of the action at a position; empty without such an action.
    pub fn service(&self, position: u32) -> &str {
        self.keys.get(position).split_once(':').map_or("", |(service, _)| service)
    }

    /// Positions of the actions a pattern matches.
    pub fn find(&self, pattern: &str) -> ActionPositions {
        let pattern: Arc<str> = pattern.to_ascii_lowercase().into();
        let mut met = self.found_positions.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(met.entry(pattern).or_insert_with_key(|pattern| self.search(pattern)))
    }

    // Only keys that start with the text before the first wildcard can match.
    fn search(&self, pattern: &str) -> ActionPositions {
        let literal = pattern.split(['*', '?']).next().unwrap_or_default();
        let near = self.keys.lowercase_from(literal).take_while(|(key, _)| key.starts_with(literal));
        let mut found: Vec<u32> = match pattern.strip_prefix(literal) {
            Some("") => near.filter(|(key, _)| *key == pattern).map(|(_, at)| at).collect(),
            Some("*") => near.map(|(_, at)| at).collect(),
            _ => near.filter(|(key, _)| matches(pattern, key)).map(|(_, at)| at).collect(),
        };
        found.sort_unstable();
        found.into()
    }

    /// The position of an action, given in lower case.
    pub fn position(&self, action: &str) -> Option<u32> {
        self.keys.lowercase_from(action).next().filter(|(key, _)| *key == action).map(|(_, at)| at)
    }

    /// Whether any action lists a condition key, given in lower case.
    pub fn lists_key(&self, key: &str) -> bool {
        self.reference.lists_key(key)
    }

    /// Whether requests for the action at a position can have a condition key, given in lower case.
    pub fn may_carry(&self, position: u32, key: &str) -> bool {
        let row = usize::try_from(position).ok().and_then(|at| self.rows.get(at));
        let Some(row) = row else { return true };
        let own = self.service(position);
        let is_own = key.split_once(':').is_some_and(|(service, _)| service == own);
        is_own && !SERVICES_WITH_COMPLETE_REFERENCE.contains(&own) || self.reference.may_carry(*row, key)
    }

    /// Whether the action at a position is of a service with a complete reference.
    pub fn has_complete_reference(&self, position: u32) -> bool {
        SERVICES_WITH_COMPLETE_REFERENCE.contains(&self.service(position))
    }

    /// The resource types of the action at a position; none if it can be about every resource.
    pub fn resource_types(&self, position: u32, partition: Partition) -> Option<ResourceTypesId> {
        *self.types(partition).of_action.get(usize::try_from(position).ok()?)?
    }

    /// The resources of these types, of which a caller in a partition can reach any.
    pub fn resources(&self, id: ResourceTypesId, partition: Partition) -> Option<&ActionResources> {
        self.types(partition).resources.get(id)
    }

    fn types(&self, partition: Partition) -> &ResourceTypesIndex {
        let [any, aws, china, gov_cloud] = &self.resource_types;
        let of_partition = match partition {
            Partition::Any => any,
            Partition::Aws => aws,
            Partition::China => china,
            Partition::GovCloud => gov_cloud,
        };
        of_partition.get_or_init(|| {
            let written = self.reference.resource_patterns();
            let names = self.names.get_or_init(|| ResourceNames::of(written));
            let mut numbers: HashMap<(u16, Option<&str>), ResourceTypesId> = HashMap::new();
            let mut resources = Vec::new();
            let of_action = (0..).zip(&self.rows).map(|(position, row)| {
                let own = self.service(position);
                let set = self.reference.resource_set_of(*row)?;
                let (types, is_required) = self.reference.resource_set(set)?;
                // Amazon S3 checks every action that takes resources on one of them.
                let is_required = is_required || own == "s3" && !types.is_empty();
                // A request that names no resource is checked with `*` or with all resources of the service.
                let service = (!is_required).then_some(own);
                Some(*numbers.entry((set, service)).or_insert_with(|| {
                    let patterns = |may: bool| -> Vec<CompiledPattern> {
                        let typed = types.iter().map(|number| usize::from(*number));
                        let typed = typed.filter_map(|at| Some((at, written.get(at)?.as_str())));
                        let typed = typed.map(|pattern| names.compile(pattern, partition.as_pattern(), may));
                        typed
                            .chain(service.into_iter().flat_map(|service| whole_service(partition, service)))
                            .collect()
                    };
                    let certain = patterns(false);
                    let mut possible = patterns(true);
                    possible.extend(service.and_then(|service| collections(partition, service)));
                    resources.push(ActionResources { certain, possible });
                    resources.len() - 1
                }))
            });
            ResourceTypesIndex { of_action: of_action.collect(), resources }
        })
    }
}

/// The keys of all actions, in one text.
#[derive(Debug, Default)]
struct ActionKeys {
    text: String,
    lowercase: String,
    /// For each action, where its key ends in the texts.
    ends: Vec<usize>,
    /// The services, in order.
    services: Vec<ServiceKeys>,
}

/// The keys of one service, which follow each other.
#[derive(Debug)]
struct ServiceKeys {
    /// The service and the colon, in lower case; empty if the keys are those of all services.
    prefix: String,
    positions: std::ops::Range<u32>,
    /// The positions in the order of the keys in lower case. Most evaluations are about few services.
    order: OnceLock<Box<[u32]>>,
}

impl ActionKeys {
    fn push(&mut self, key: &str) {
        self.text.push_str(key);
        self.ends.push(self.text.len());
    }

    /// The keys, also in lower case, by service.
    fn by_service(mut self) -> Self {
        self.lowercase = self.text.to_ascii_lowercase();
        let count = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        let service = |prefix: &str, positions| ServiceKeys {
            prefix: prefix.to_owned(),
            positions,
            order: OnceLock::new(),
        };
        let mut services: Vec<ServiceKeys> = Vec::new();
        for position in 0..count {
            let key = self.lowercase(position);
            match services.last_mut().filter(|last| key.starts_with(&last.prefix)) {
                Some(last) => last.positions.end = position + 1,
                None => {
                    let prefix = key.split_inclusive(':').next().unwrap_or_default();
                    services.push(service(prefix, position..position + 1));
                }
            }
        }
        // With a service in upper case, the order of the services would be another.
        if !services.is_sorted_by(|a, b| a.prefix < b.prefix && a.prefix.ends_with(':')) {
            services = vec![service("", 0..count)];
        }
        Self { services, ..self }
    }

    fn get(&self, position: u32) -> &str {
        self.part(&self.text, position)
    }

    fn lowercase(&self, position: u32) -> &str {
        self.part(&self.lowercase, position)
    }

    fn part<'t>(&self, text: &'t str, position: u32) -> &'t str {
        let at = usize::try_from(position).unwrap_or(usize::MAX);
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.ends.get(at).and_then(|end| text.get(start..*end)).unwrap_or_default()
    }

    fn order<'k>(&'k self, service: &'k ServiceKeys) -> &'k [u32] {
        service.order.get_or_init(|| {
            let mut order: Vec<u32> = service.positions.clone().collect();
            order.sort_by(|a, b| self.lowercase(*a).cmp(self.lowercase(*b)));
            order.into()
        })
    }

    /// The keys in lower case from this one on, in order, with their positions.
    fn lowercase_from(&self, first: &str) -> impl Iterator<Item = (&str, u32)> {
        let later = self.services.partition_point(|service| *service.prefix <= *first);
        let services = self.services.get(later.saturating_sub(1)..).unwrap_or_default();
        let positions = services.iter().enumerate().flat_map(move |(at, service)| {
            let order = self.order(service);
            let start = if at == 0 { order.partition_point(|at| self.lowercase(*at) < first) } else { 0 };
            order.get(start..).unwrap_or_default()
        });
        positions.map(|at| (self.lowercase(*at), *at))
    }
}

/// The ARN of any resource of a service, up to the resource.
fn arn_of_service(partition: Partition, service: &str) -> CompiledPattern {
    CompiledPattern::of_arn(&format!("arn:{}:{service}:*:*:", partition.as_pattern()), |_| {
        PatternPart::AnyRun
    })
}

/// The resources of a request that names none: `*`, or every resource of the service, as Amazon S3 checks
/// `s3:ListAllMyBuckets` on `arn:aws:s3:::*`.
fn whole_service(partition: Partition, service: &str) -> [CompiledPattern; 2] {
    let mut all = arn_of_service(partition, service);
    all.push(PatternPart::Char('*'));
    [CompiledPattern::literal("*"), all]
}

/// All resources of one type, such as `arn:aws:eks:eu-west-1:111122223333:cluster/*`: many services check a request that
/// names no resource on these, although the reference says nothing of it. AWS's managed policies grant `wafv2:ListWebACLs`
/// so. None for services of which it is known that they do not.
fn collections(partition: Partition, service: &str) -> Option<CompiledPattern> {
    if SERVICES_WITH_COMPLETE_REFERENCE.contains(&service) {
        return None;
    }
    let mut all = arn_of_service(partition, service);
    all.push(PatternPart::AnyRun);
    all.push(PatternPart::Char('*'));
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_finds_what_it_matches_key_by_key() {
        let index = ActionIndex::of(Catalog::embedded());
        let count = u32::try_from(index.len()).unwrap();
        let keys: Vec<String> = (0..count).map(|at| index.keys.get(at).to_ascii_lowercase()).collect();
        assert!(
            index.keys.services.len() > 300 && index.keys.services.iter().all(|one| !one.prefix.is_empty())
        );
        for pattern in [
            "*",
            "a*",
            "s3*",
            "s3",
            "s3:",
            "s3:*",
            "S3:Get*",
            "s3:getobject",
            "s3:zzz*",
            "zzz*",
            "?3:*Object",
            "*:*e",
            "ec2:D?scribe*",
            "s3-object-lambda:*",
            "sts:assume*",
            "",
        ] {
            let wanted = pattern.to_ascii_lowercase();
            let expected: Vec<u32> =
                (0..).zip(&keys).filter(|(_, key)| matches(&wanted, key)).map(|(at, _)| at).collect();
            assert_eq!(*index.find(pattern), *expected, "{pattern}");
        }
        for (at, key) in (0..).zip(&keys).step_by(7) {
            let found = index.position(key).unwrap();
            assert_eq!(index.keys.lowercase(found), index.keys.lowercase(at));
        }
        assert_eq!(index.position("s3:nothing"), None);
        assert_eq!(index.position("zzz:nothing"), None);
    }
}
