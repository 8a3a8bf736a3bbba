//! The statements that have a say on one principal, put in their places.
//!
//! Enters: a [`Snapshot`] and what is known of requests. Leaves: [`Rules`]. Laws: a statement that surely does not apply
//! is left out; where a document that limits cannot be read, its limit is open and never a denial of everything.
//!
//! Source: IAM User Guide, "Policy evaluation logic"; Organizations User Guide, "SCP evaluation", "Resource control
//! policies"; both read 2026-11.

use std::sync::Arc;

use super::{
    Problem, Snapshot, StatementId,
    condition::{self, Outcome},
    context::{Caller, Facts},
    document::Kind,
    library::{Entry, Library},
    operator::Truth,
    region::Region,
    statement::{Effect, Listed, Statement},
    variable::Resolved,
    who::{self, How},
};
use crate::pattern::{Part, Shape};

/// Where a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Layer {
    /// Policies of the principal.
    Identity,
    /// Its boundary.
    Boundary,
    /// A level of service control policies.
    Service(usize),
    /// Resource control policies.
    ResourceControl,
    /// The policy of a resource.
    Resource(usize, How),
}

/// A statement that has a say.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub id: StatementId,
    pub layer: Layer,
    pub outcome: Outcome,
    pub entry: Arc<Entry>,
    pub resources: Resources,
}

/// Resources of a statement.
#[derive(Clone, Debug)]
pub(super) struct Resources {
    pub is_not: bool,
    pub patterns: Vec<Resolved>,
    /// As the statement writes them.
    pub written: Vec<Arc<str>>,
    /// The resource whose policy it is.
    pub within: Option<Arc<[Shape]>>,
}

impl Resources {
    fn of(statement: &Statement, facts: &Facts<'_>, within: Option<&Governed>) -> Self {
        let all = Listed { is_not: false, patterns: vec!["*".into()] };
        let listed = statement.resources.as_ref().unwrap_or(&all);
        let is_sure = statement.effect == Effect::Allow && !listed.is_not;
        let resolved = |pattern: &Arc<str>| {
            let mut resolved = Resolved::of(pattern, statement.has_variables, true, facts);
            if within.is_none() && is_incomplete(pattern) {
                resolved.complete(is_sure);
            }
            resolved
        };
        let patterns: Vec<Resolved> = listed.patterns.iter().map(resolved).collect();
        let name = |pattern: &Arc<str>| match within {
            _ if listed.is_not => format!("not:{pattern}").into(),
            Some(governed) if &**pattern == "*" => Arc::clone(&governed.arn),
            _ => Arc::clone(pattern),
        };
        Self {
            is_not: listed.is_not,
            written: listed.patterns.iter().map(name).collect(),
            patterns,
            within: within.map(|governed| Arc::clone(&governed.shapes)),
        }
    }

    /// All it may cover (`may`), or all it surely covers; of one of its patterns only, if so asked.
    pub fn region(&self, may: bool, only: Option<usize>) -> Region<'_> {
        let chosen = self.patterns.iter().enumerate().filter(|(at, _)| only.is_none_or(|only| only == *at));
        let mut shapes: Vec<&Shape> = chosen
            .filter(|(_, pattern)| !pattern.is_never)
            .map(|(_, pattern)| if may == self.is_not { &pattern.sure } else { &pattern.wide })
            .collect();
        let mut is_not = self.is_not;
        if is_not && !may && self.patterns.iter().any(|pattern| pattern.is_never) {
            // Everything but what nobody can name: nothing for sure.
            (shapes, is_not) = (Vec::new(), false);
        }
        Region { shapes, is_not, within: self.within.as_deref() }
    }

    /// Whether it covers a resource.
    pub fn cover(&self, resource: &str) -> Truth {
        match (self.region(false, None).holds(resource), self.region(true, None).holds(resource)) {
            (true, true) => Some(true),
            (_, false) => Some(false),
            (false, true) => None,
        }
    }
}

/// A resource whose policy was given.
#[derive(Clone, Debug)]
pub(super) struct Governed {
    pub arn: Arc<str>,
    /// Itself and what is in it.
    pub shapes: Arc<[Shape]>,
    /// Whether it belongs to another account.
    pub is_foreign: bool,
    /// Whether nobody gets at it unless its policy allows it.
    pub is_strict: bool,
}

impl Governed {
    fn of(arn: &Arc<str>, caller: &Caller) -> Self {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let (service, account) = match *parts.as_slice() {
            [_, _, service, _, account, _] => (service, account),
            _ => ("", ""),
        };
        let inside = |divider: char| {
            let mut shape = Shape::literal(arn);
            shape.push(Part::Letter(divider));
            shape.push(Part::Any);
            shape
        };
        let is_foreign = !account.is_empty() && !caller.account.is_empty() && account != caller.account;
        Self {
            arn: Arc::clone(arn),
            shapes: [Shape::literal(arn), inside('/'), inside(':')].into(),
            is_foreign,
            // A role's trust policy binds those who assume it and nobody who manages it: it is no limit here.
            is_strict: is_foreign || service == "kms",
        }
    }
}

/// Everything that has a say.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub all: Vec<Rule>,
    pub has_boundary: bool,
    /// Levels of service control policies that bind the principal.
    pub levels: usize,
    pub governed: Vec<Governed>,
    pub problems: Vec<Problem>,
}

impl Rules {
    /// The rules of a snapshot, as far as `facts` tell.
    pub fn of(snapshot: &Snapshot, facts: &Facts<'_>, library: &Library) -> Self {
        let caller = facts.caller;
        let mut rules = Self {
            all: Vec::new(),
            has_boundary: snapshot.boundary.is_some(),
            levels: 0,
            governed: Vec::new(),
            problems: Vec::new(),
        };
        for policy in &snapshot.identity {
            rules.add(policy, Kind::Identity, Place::Layer(Layer::Identity), facts, library);
        }
        if let Some(policy) = &snapshot.boundary {
            rules.add(policy, Kind::Identity, Place::Layer(Layer::Boundary), facts, library);
        }
        // Organizations' policies do not bind the roles of AWS's own services.
        if !caller.is_service_linked {
            let levels = snapshot.service_control.iter().flatten();
            for (level, policies) in levels.enumerate() {
                rules.levels = level + 1;
                for policy in policies {
                    rules.add(policy, Kind::Identity, Place::Layer(Layer::Service(level)), facts, library);
                }
            }
            for policy in snapshot.resource_control.iter().flatten().flatten() {
                rules.add(
                    policy,
                    Kind::ResourceControl,
                    Place::Layer(Layer::ResourceControl),
                    facts,
                    library,
                );
            }
        }
        for resource in &snapshot.resources {
            rules.governed.push(Governed::of(&resource.resource, caller));
            let place = Place::Resource(rules.governed.len() - 1);
            rules.add(&resource.policy, Kind::Resource, place, facts, library);
        }
        rules.problems.sort_unstable();
        rules.problems.dedup();
        rules
    }

    fn add(
        &mut self,
        policy: &super::Policy,
        kind: Kind,
        place: Place,
        facts: &Facts<'_>,
        library: &Library,
    ) {
        let shelf = library.read(&policy.text, kind);
        self.problems.extend(
            shelf
                .problems
                .iter()
                .map(|problem| Problem { policy: Arc::clone(&policy.name), ..problem.clone() }),
        );
        let id = |statement: &Statement| StatementId {
            policy: Arc::clone(&policy.name),
            statement: Arc::clone(&statement.label),
        };
        for entry in &shelf.entries {
            let statement = &entry.statement;
            let (layer, meant) = match (&statement.principals, place) {
                (Some(principals), place) => match who::meant(principals, facts.caller, statement.effect) {
                    Some((how, meant)) => (place.layer(how), meant),
                    None => continue,
                },
                (None, place) => (place.layer(How::Direct), Outcome::Always),
            };
            let meant = match (facts.request, meant) {
                // Of one request it is not known which session makes it.
                (Some(_), Outcome::Chosen) => Outcome::Open,
                _ => meant,
            };
            let mut outcome = condition::outcome(statement, facts).and(meant, statement.effect);
            // It binds the resources of the organization's own accounts: of all that are meant some may be of others.
            if layer == Layer::ResourceControl && facts.request.is_none() {
                outcome = outcome.and(Outcome::Open, statement.effect);
            }
            if outcome == Outcome::Never
                || (layer == Layer::ResourceControl && statement.effect == Effect::Allow)
            {
                continue;
            }
            let within = match place {
                Place::Resource(at) => self.governed.get(at),
                Place::Layer(_) => None,
            };
            let resources = Resources::of(statement, facts, within);
            self.all.push(Rule { id: id(statement), layer, outcome, entry: Arc::clone(entry), resources });
        }
        // A limit that cannot be read limits nobody knows what.
        let limits = !matches!(place, Place::Layer(Layer::Identity | Layer::ResourceControl));
        if limits && shelf.may_lack_an_allow {
            let entry = library.anything();
            let resources = Resources::of(&entry.statement, facts, None);
            let layer = place.layer(How::Delegated);
            self.all.push(Rule { id: id(&entry.statement), layer, outcome: Outcome::Open, entry, resources });
        }
    }
}

/// Whether it is an ARN of fewer than six fields, which IAM completes: IAM User Guide, "IAM JSON policy elements: Resource",
/// "Incomplete ARNs" (read 2026-11). Where a wildcard ends it, it describes what follows already.
fn is_incomplete(pattern: &str) -> bool {
    (pattern == "arn" || pattern.starts_with("arn:"))
        && pattern.split(':').count() < 6
        && !pattern.ends_with('*')
}

#[derive(Clone, Copy)]
enum Place {
    Layer(Layer),
    Resource(usize),
}

impl Place {
    const fn layer(self, how: How) -> Layer {
        match self {
            Self::Layer(layer) => layer,
            Self::Resource(at) => Layer::Resource(at, how),
        }
    }
}
