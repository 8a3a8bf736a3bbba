//! Ways from what is granted to more.
//!
//! Enters: [`Grants`]. Leaves: [`EscalationPath`]s. Laws: a path is named only if every action it takes is granted; it is
//! sure only if each of them is.

mod methods;

use std::sync::Arc;

use self::methods::{METHODS, Method};
use super::EscalationPath;
use crate::grants::{Certainty, Grant, Grants};

/// Resources a path names.
const RESOURCES: usize = 10;

/// The ways from what is granted to more, in order of their ids.
pub fn paths(grants: &Grants) -> Vec<EscalationPath> {
    let mut paths: Vec<EscalationPath> = METHODS.iter().filter_map(|method| method.path(grants)).collect();
    paths.sort_unstable();
    paths
}

impl Method {
    /// The surest of the ways to do it that the grants open.
    fn path(&self, grants: &Grants) -> Option<EscalationPath> {
        let ways = self.ways.iter().filter_map(|way| self.way(way, grants));
        // Of equally sure ways the first wins.
        ways.fold(None, |best: Option<EscalationPath>, way| match best {
            Some(best) if best.is_sure || !way.is_sure => Some(best),
            _ => Some(way),
        })
    }

    fn way(&self, way: &[&str], grants: &Grants) -> Option<EscalationPath> {
        let held: Vec<&Grant> = way.iter().map(|action| grants.get(action)).collect::<Option<_>>()?;
        let through = held.first()?;
        Some(EscalationPath {
            id: self.id.to_owned(),
            path: self.path.to_owned(),
            actions: held.iter().map(|grant| Arc::clone(&grant.action.key)).collect(),
            is_sure: held.iter().all(|grant| grant.certainty == Certainty::Granted),
            resources: through.reach.resources.iter().take(RESOURCES).cloned().collect(),
        })
    }
}
