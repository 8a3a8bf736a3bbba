//! Actions that the same statements are about.
//!
//! Enters: for each statement the positions of its actions. Leaves: [`Classes`]. Law: two actions are of one class exactly
//! if the same statements are about them.

use std::collections::HashMap;

use super::index::Positions;

/// Actions, put into classes.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    /// Class of each action.
    each: Vec<usize>,
    /// For each class the one it was parted from and the statement that parted them; the first is of no statement.
    parts: Vec<Option<(usize, usize)>>,
}

impl Classes {
    /// Parts `count` actions by what each statement is about.
    pub fn of(count: usize, statements: &[Positions]) -> Self {
        let mut classes = Self { each: vec![0; count], parts: vec![None] };
        for (statement, positions) in statements.iter().enumerate() {
            let mut parted: HashMap<usize, usize> = HashMap::new();
            for at in positions.iter() {
                let Some(class) = usize::try_from(*at).ok().and_then(|at| classes.each.get_mut(at)) else {
                    continue;
                };
                *class = *parted.entry(*class).or_insert_with(|| {
                    classes.parts.push(Some((*class, statement)));
                    classes.parts.len() - 1
                });
            }
        }
        classes
    }

    /// The class of each action.
    pub fn each(&self) -> impl Iterator<Item = usize> {
        self.each.iter().copied()
    }

    /// The statements that are about each class, in order; of none where no action is left in it.
    pub fn all(&self) -> impl Iterator<Item = Vec<usize>> {
        let mut is_used = vec![false; self.parts.len()];
        for class in &self.each {
            is_used.get_mut(*class).into_iter().for_each(|used| *used = true);
        }
        is_used.into_iter().enumerate().map(|(class, is_used)| {
            let mut statements = Vec::new();
            let mut at = if is_used { class } else { 0 };
            while let Some(Some((from, statement))) = self.parts.get(at) {
                statements.push(*statement);
                at = *from;
            }
            statements.reverse();
            statements
        })
    }
}
