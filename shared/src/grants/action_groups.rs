//! Actions that the same statements are about.
//!
//! Enters: for each statement the positions of its actions. Leaves: [`ActionGroups`]. Law: two actions are of one class exactly
//! if the same statements are about them.

use std::collections::HashMap;

use super::action_index::ActionPositions;

/// Actions, put into classes.
#[derive(Clone, Debug)]
pub(super) struct ActionGroups {
    /// Class of each action.
    group_of_action: Vec<usize>,
    /// For each class the one it was parted from and the statement that parted them; the first is of no statement.
    splits: Vec<Option<(usize, usize)>>,
}

impl ActionGroups {
    /// Parts `count` actions by what each statement is about.
    pub fn of(count: usize, statements: &[ActionPositions]) -> Self {
        let mut classes = Self { group_of_action: vec![0; count], splits: vec![None] };
        for (statement, positions) in statements.iter().enumerate() {
            let mut parted: HashMap<usize, usize> = HashMap::new();
            for at in positions.iter() {
                let Some(class) =
                    usize::try_from(*at).ok().and_then(|at| classes.group_of_action.get_mut(at))
                else {
                    continue;
                };
                *class = *parted.entry(*class).or_insert_with(|| {
                    classes.splits.push(Some((*class, statement)));
                    classes.splits.len() - 1
                });
            }
        }
        classes
    }

    /// The class of each action.
    pub fn group_per_action(&self) -> impl Iterator<Item = usize> {
        self.group_of_action.iter().copied()
    }

    /// The statements that are about each class, in order; of none where no action is left in it.
    pub fn statements_per_group(&self) -> impl Iterator<Item = Vec<usize>> {
        let mut is_used = vec![false; self.splits.len()];
        for class in &self.group_of_action {
            is_used.get_mut(*class).into_iter().for_each(|used| *used = true);
        }
        is_used.into_iter().enumerate().map(|(class, is_used)| {
            let mut statements = Vec::new();
            let mut at = if is_used { class } else { 0 };
            while let Some(Some((from, statement))) = self.splits.get(at) {
                statements.push(*statement);
                at = *from;
            }
            statements.reverse();
            statements
        })
    }
}
