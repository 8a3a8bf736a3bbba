//! Service control policies against everything that is no read.
//!
//! Enters: a [`Plan`]. Leaves: documents that deny. Laws: a list of exceptions (`NotAction`) cannot be divided, since each
//! part would deny what the other excepts, so it is used only when every granted read fits into one document; else what
//! is granted and no read is denied by name, in as many documents as it takes.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{
    Draft, Kind, NotProven, Openness, Order, Pattern, Plan, Quota, Wish,
    boundary::places,
    cover::cover,
    document::{Statement, divide, document, value},
    limits, matched, open,
};

/// The policies, not proven yet.
pub fn draft(order: Order<'_>, plan: &Plan<'_>) -> Result<Draft, NotProven> {
    let principal = &order.snapshot.principal;
    if let Some(why) = Kind::Scp.cannot(order) {
        return Err(NotProven::new(Kind::Scp, why));
    }
    let about = Statement {
        condition: json!({ "ArnLike": { "aws:PrincipalArn": [&**principal] } }),
        ..Statement::anywhere("OnlookerReadsOnly", "Deny")
    };
    let notes = vec![
        "Attach it to the account of the principal or above it, and leave FullAWSAccess attached: it denies only."
            .to_owned(),
        "Service control policies do not bind the management account of the organization.".to_owned(),
    ];
    match excepting(order, plan, &about, notes.clone()) {
        Some(draft) => Ok(draft),
        None => naming(order, plan, &about, notes),
    }
}

/// Everything is denied but reads: one document, if all reads that are granted or were used fit.
fn excepting(order: Order<'_>, plan: &Plan<'_>, about: &Statement, mut notes: Vec<String>) -> Option<Draft> {
    let universe = order.universe;
    let reads = universe.actions().filter(|(_, is_read)| *is_read);
    let harmless: BTreeSet<Arc<str>> = reads.map(|(key, _)| Arc::clone(key)).collect();
    let wanted = &plan.reads | &plan.used_reads;
    let wish = Wish { wanted: &wanted, harmless: &harmless, openness: order.options.openness() };
    let mut patterns = cover(universe, wish);
    patterns.extend(plan.kept.keys().map(|key| Pattern { text: Arc::clone(key), matches: 1 }));
    patterns.sort_unstable();
    if patterns.is_empty() {
        return None;
    }
    let mut statements = vec![value(&about.clone().except(&patterns))];
    // What is tolerated on some resources is denied on all others, whatever comes to allow it there.
    let nothing = BTreeSet::new();
    for (n, (place, own)) in places(order, plan).into_iter().filter(|(place, _)| *place != ["*"]).enumerate()
    {
        let wish = Wish { wanted: &own, harmless: &nothing, openness: Openness::Nothing };
        let elsewhere = about.clone().on(&cover(universe, wish));
        let sid = format!("OnlookerOnlyThere{}", n + 1);
        statements.push(value(&Statement {
            sid,
            resource: Value::Null,
            not_resource: place.into(),
            ..elsewhere
        }));
    }
    let document = document(Kind::Scp.as_str().to_owned(), &statements, Quota::ServiceControl);
    if document.characters > document.limit {
        return None;
    }
    notes.push("It denies whatever it does not name, also what AWS adds later.".to_owned());
    Some(Draft {
        documents: vec![document],
        wanted: matched(universe, &patterns),
        is_absolute: true,
        notes,
        open: open(&patterns),
        ..Draft::default()
    })
}

/// What is granted and no read is denied.
fn naming(
    order: Order<'_>,
    plan: &Plan<'_>,
    about: &Statement,
    mut notes: Vec<String>,
) -> Result<Draft, NotProven> {
    let universe = order.universe;
    let others = universe.actions().filter(|(key, is_read)| !is_read && !plan.keeps(key));
    let harmless: BTreeSet<Arc<str>> = others.map(|(key, _)| Arc::clone(key)).collect();
    // A wildcard that denies what AWS adds later takes nothing from anybody who only reads today.
    let openness = if order.options.exact { Openness::Nothing } else { Openness::Anything };
    let mut patterns = cover(universe, Wish { wanted: &plan.excessive, harmless: &harmless, openness });
    patterns.extend(plan.unknown.iter().map(|key| Pattern { text: Arc::clone(key), matches: 0 }));
    patterns.sort_unstable();
    let statement = about.clone().on(&patterns);
    let documents = match patterns.is_empty() {
        true => None,
        false => divide(Kind::Scp.as_str(), &[], &[statement], Quota::ServiceControl),
    };
    let Some(documents) = documents else {
        let why = "there is nothing to deny, and the reads to except do not fit into one document".to_owned();
        return Err(NotProven::new(Kind::Scp, why));
    };
    notes.push(format!(
        "The reads to except do not fit into one document of {} characters, so it denies by name what the policies grant \
         today: attach new policies only after making it anew, or use the boundary.",
        limits::SERVICE_CONTROL
    ));
    if documents.len() >= limits::SERVICE_CONTROLS {
        notes.push(format!(
            "It takes {} policies; a root, unit or account has {}, FullAWSAccess among them: divide them among levels.",
            documents.len(),
            limits::SERVICE_CONTROLS
        ));
    }
    let wanted = &plan.reads | &plan.kept.keys().cloned().collect();
    Ok(Draft { documents, wanted, is_absolute: false, notes, ..Draft::default() })
}
