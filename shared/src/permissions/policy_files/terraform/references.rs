//! What the configuration of a Terraform plan says about values that are known only after apply.
//!
//! Enters: `configuration` of a plan. Leaves: the resources that an attribute refers to. Law: an answer is given only if
//! every reference of the attribute leads to one instance of the wanted type in the same module.

use std::collections::BTreeSet;

use super::PlannedResource;
use crate::grants::json::Json;

/// The configuration; none in a state.
pub(super) struct Configuration<'a>(Option<&'a Json>);

impl<'a> Configuration<'a> {
    /// The value of `configuration`.
    pub const fn of(json: Option<&'a Json>) -> Self {
        Self(json)
    }

    /// Whether the configuration of a resource is there and does not set an attribute.
    pub fn leaves_unset(&self, one: &PlannedResource, attribute: &str) -> bool {
        self.expressions(one).is_some_and(|expressions| expressions.get(attribute).is_none())
    }

    /// The resources of a type that an attribute refers to.
    pub fn resolve<'r>(
        &self,
        one: &PlannedResource,
        attribute: &str,
        kind: &str,
        resources: &'r [PlannedResource],
    ) -> Option<Vec<&'r PlannedResource>> {
        let expression = self.expressions(one)?.get(attribute)?;
        let Some(Json::List(references)) = expression.get("references") else { return None };
        let references: Vec<&str> = references.iter().map(Json::text).collect::<Option<_>>()?;
        let is_index = |text: &str| ["each.key", "each.value", "count.index"].contains(&text);
        let follows_index = references.iter().any(|text| is_index(text));
        let mut found: Vec<&PlannedResource> = Vec::new();
        for reference in references.into_iter().filter(|text| !is_index(text)) {
            let own = resources.iter().filter(|other| {
                other.kind == kind && other.module == one.module && refers_to(reference, other)
            });
            let own: Vec<&PlannedResource> = own.collect();
            match own.as_slice() {
                [] => return None,
                [only] => found.push(only),
                // An expression over instances with the same indexes takes the one with its own.
                several if follows_index && indexes(several.iter().copied()) == siblings(one, resources) => {
                    found.push(several.iter().copied().find(|other| other.index == one.index)?);
                }
                _ => return None,
            }
        }
        found.sort_by(|a, b| a.address.cmp(&b.address));
        found.dedup_by(|a, b| a.address == b.address);
        (!found.is_empty()).then_some(found)
    }

    /// Addresses of the resources that an attribute refers to, among others.
    pub fn referenced(
        &self,
        one: &PlannedResource,
        attribute: &str,
        resources: &[PlannedResource],
    ) -> BTreeSet<String> {
        let expression = self.expressions(one).and_then(|expressions| expressions.get(attribute));
        let references = expression.and_then(|expression| expression.get("references"));
        let references = references.map(Json::as_list).unwrap_or_default();
        let is_told = |other: &&PlannedResource| {
            let mut texts = references.iter().filter_map(Json::text);
            other.module == one.module && texts.any(|text| refers_to(text, other))
        };
        resources.iter().filter(is_told).map(|one| one.address.clone()).collect()
    }

    fn expressions(&self, one: &PlannedResource) -> Option<&'a Json> {
        let mut module = self.0?.get("root_module")?;
        for name in module_names(&one.module) {
            module = module.get("module_calls")?.get(&name)?.get("module")?;
        }
        let Some(Json::List(resources)) = module.get("resources") else { return None };
        let address = one.declaration();
        let is_it = |resource: &&Json| resource.get("address").and_then(Json::text) == Some(address.as_str());
        resources.iter().find(is_it)?.get("expressions")
    }
}

fn indexes<'r>(instances: impl Iterator<Item = &'r PlannedResource>) -> BTreeSet<Option<&'r String>> {
    instances.map(|one| one.index.as_ref()).collect()
}

/// The indexes of all instances of a resource in its module.
fn siblings<'r>(one: &PlannedResource, resources: &'r [PlannedResource]) -> BTreeSet<Option<&'r String>> {
    let is_sibling =
        |other: &&PlannedResource| other.module == one.module && other.declaration() == one.declaration();
    indexes(resources.iter().filter(is_sibling))
}

/// Whether a reference such as `aws_iam_role.x[0].name` leads to an instance.
fn refers_to(reference: &str, instance: &PlannedResource) -> bool {
    let Some(rest) = reference.strip_prefix(&instance.declaration()) else { return false };
    match rest.chars().next() {
        None | Some('.') => true,
        Some('[') => instance.index.as_ref().is_some_and(|index| {
            rest.strip_prefix(&format!("[{index}]"))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        }),
        Some(_) => false,
    }
}

/// The names of the calls in a module address: `a` and `b` of `module.a["x.y"].module.b`.
pub(super) fn module_names(address: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut text, mut is_quoted, mut depth) = (String::new(), false, 0_u32);
    for c in address.chars().chain(['.']) {
        match c {
            '"' => is_quoted = !is_quoted,
            '[' if !is_quoted => depth += 1,
            ']' if !is_quoted => depth = depth.saturating_sub(1),
            '.' if !is_quoted && depth == 0 => names.push(std::mem::take(&mut text)),
            c if depth == 0 => text.push(c),
            _ => {}
        }
    }
    // Every other part is the word `module`.
    names.into_iter().skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_addresses_are_split_at_dots_outside_of_indexes() {
        assert_eq!(module_names(""), Vec::<String>::new());
        assert_eq!(module_names("module.a"), ["a"]);
        assert_eq!(module_names("module.a[\"x.y\"].module.b[0]"), ["a", "b"]);
    }
}
