//! Groups of actions that the same statements cover.
//!
//! Enters: for each statement the positions of its actions. Leaves: [`ActionGroups`]. Law: two actions are in one
//! group if and only if the same statements cover them.

use super::action_index::ActionPositions;

/// Actions, divided into groups that the same statements cover.
#[derive(Clone, Debug)]
pub(super) struct ActionGroups {
    /// For each action, the index of its group.
    group_of_action: Vec<usize>,
    /// For each group, the group it was split from and the statement that split it; none for the first group.
    splits: Vec<Option<(usize, usize)>>,
}

impl ActionGroups {
    /// Divides `count` actions by the statements that cover them.
    pub fn of(count: usize, statements: &[ActionPositions]) -> Self {
        let mut classes = Self { group_of_action: vec![0; count], splits: vec![None] };
        for (statement, positions) in statements.iter().enumerate() {
            let before = classes.splits.len();
            // For each group that the statement splits, the new group.
            let mut parted: Vec<Option<usize>> = vec![None; before];
            for at in positions.iter() {
                let of_action = usize::try_from(*at).ok().and_then(|at| classes.group_of_action.get_mut(at));
                let Some(class) = of_action else { continue };
                // An action that the statement names twice is in its new group already.
                let Some(new) = parted.get_mut(*class) else { continue };
                *class = *new.get_or_insert_with(|| {
                    classes.splits.push(Some((*class, statement)));
                    classes.splits.len() - 1
                });
            }
        }
        classes
    }

    /// The group of each action.
    pub fn group_per_action(&self) -> impl Iterator<Item = usize> {
        self.group_of_action.iter().copied()
    }

    /// The statements that cover each group, in order; none for a group without actions.
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
