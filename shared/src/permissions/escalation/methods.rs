//! The known ways from permissions to more of them.
//!
//! Enters: nothing. Leaves: [`METHODS`]. Law: an id is permanent.

/// A way to more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Method {
    /// Kebab-case and permanent.
    pub id: &'static str,
    /// Sets of actions, each enough by itself. The first action of each is the one whose resources the way leads through.
    pub ways: &'static [&'static [&'static str]],
    /// The way in a sentence.
    pub path: &'static str,
}

/// The known ways.
pub(super) const METHODS: &[Method] = &[
    Method {
        id: "create-policy-version",
        ways: &[&["iam:CreatePolicyVersion"]],
        path: "write a new default version of a managed policy it has, with any permission in it",
    },
    Method {
        id: "pass-role-to-lambda",
        ways: &[&["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]],
        path: "create a function that runs as a role that can be passed, and run it",
    },
];
