//! Searches the key automaton for one name, for a wildcard pattern, or for all keys.
//!
//! Enters: the automaton of `service:Name` keys in the spelling of AWS. Leaves: keys and rows. Laws: a search
//! ignores ASCII case; a lookup of a name also ignores `-` and `_` in the stored key; a pattern ignores only case,
//! and its `*` and `?` have the meaning they have in an IAM policy.

use std::borrow::Cow;

use fst::raw::{Fst, Node, Output};

/// The automaton type of the catalog.
pub type KeyAutomaton = Fst<Cow<'static, [u8]>>;

/// A matching key and its row.
pub type KeyMatch = (String, u64);

/// The key `service:Name` with exactly this service and a name that has the key `name_key`.
pub fn find(keys: &KeyAutomaton, service: &str, name_key: &str) -> Option<KeyMatch> {
    let mut path = Vec::with_capacity(service.len() + name_key.len() + 2);
    let mut sum = Output::zero();
    let mut node = keys.root();
    for byte in service.bytes().chain([b':']) {
        let transition = node.transition(node.find_input(byte)?);
        sum = sum.cat(transition.out);
        node = keys.node(transition.addr);
        path.push(byte);
    }
    let row = walk_name(keys, node, sum, name_key.as_bytes(), &mut path)?;
    Some((String::from_utf8(path).ok()?, row))
}

fn walk_name(
    keys: &KeyAutomaton,
    node: Node<'_>,
    sum: Output,
    rest: &[u8],
    path: &mut Vec<u8>,
) -> Option<u64> {
    let Some((wanted, tail)) = rest.split_first() else {
        return node.is_final().then(|| sum.cat(node.final_output()).value());
    };
    let steps = [
        (wanted.to_ascii_uppercase(), tail),
        (wanted.to_ascii_lowercase(), tail),
        (b'-', rest),
        (b'_', rest),
    ];
    // A digit has no case, so it is tried once.
    let skip = usize::from(!wanted.is_ascii_alphabetic());
    for (byte, tail) in steps.into_iter().skip(skip) {
        if let Some(index) = node.find_input(byte) {
            let transition = node.transition(index);
            path.push(byte);
            let found = walk_name(keys, keys.node(transition.addr), sum.cat(transition.out), tail, path);
            if found.is_some() {
                return found;
            }
            path.pop();
        }
    }
    None
}

/// A pattern of literal characters, `*` and `?` that ignores ASCII case.
#[derive(Clone, Debug)]
pub struct Glob {
    parts: Vec<u8>,
}

impl Glob {
    /// The states of a pattern fit in 128 bits. Keys are shorter, so a longer pattern matches nothing.
    const MAX_PATTERN_LEN: usize = 127;

    /// The pattern, with each run of `*` reduced to one. `None` if it is longer than every key.
    pub fn new(pattern: &str) -> Option<Self> {
        let mut parts: Vec<u8> = Vec::with_capacity(pattern.len());
        for byte in pattern.bytes() {
            if !(byte == b'*' && parts.last() == Some(&b'*')) {
                parts.push(byte.to_ascii_lowercase());
            }
        }
        (parts.len() <= Self::MAX_PATTERN_LEN).then_some(Self { parts })
    }

    fn start(&self) -> u128 {
        self.epsilon_closure(1)
    }

    // A `*` can match the empty text, so a state before it implies the state after it.
    fn epsilon_closure(&self, mut states: u128) -> u128 {
        let mut open = states;
        while open != 0 {
            let at = open.trailing_zeros();
            open &= open - 1;
            if self.part(at) == Some(b'*') {
                let behind = 1_u128 << (at + 1);
                if states & behind == 0 {
                    states |= behind;
                    open |= behind;
                }
            }
        }
        states
    }

    fn part(&self, at: u32) -> Option<u8> {
        self.parts.get(usize::try_from(at).ok()?).copied()
    }

    fn step(&self, states: u128, byte: u8) -> u128 {
        let byte = byte.to_ascii_lowercase();
        let mut next = 0_u128;
        let mut open = states;
        while open != 0 {
            let at = open.trailing_zeros();
            open &= open - 1;
            match self.part(at) {
                Some(b'*') => next |= 1 << at,
                Some(b'?') => next |= 1 << (at + 1),
                Some(part) if part == byte => next |= 1 << (at + 1),
                _ => {}
            }
        }
        self.epsilon_closure(next)
    }

    fn accepts(&self, states: u128) -> bool {
        u32::try_from(self.parts.len()).is_ok_and(|end| states >> end & 1 == 1)
    }

    // After the final `*` of a pattern, all remaining characters match.
    fn accepts_everything_from(&self, states: u128) -> bool {
        self.parts.last() == Some(&b'*')
            && u32::try_from(self.parts.len() - 1).is_ok_and(|closing| states >> closing & 1 == 1)
    }

    /// Whether the pattern matches all of `text`.
    pub fn matches(&self, text: &str) -> bool {
        self.accepts(text.bytes().fold(self.start(), |states, byte| self.step(states, byte)))
    }
}

/// Calls `visit` with every key, in key order.
pub fn all(keys: &KeyAutomaton, visit: &mut impl FnMut(&str, u64)) {
    walk_all(keys, keys.root(), Output::zero(), &mut Vec::with_capacity(64), visit);
}

fn walk_all(
    keys: &KeyAutomaton,
    node: Node<'_>,
    sum: Output,
    path: &mut Vec<u8>,
    visit: &mut impl FnMut(&str, u64),
) {
    if node.is_final()
        && let Ok(key) = std::str::from_utf8(path)
    {
        visit(key, sum.cat(node.final_output()).value());
    }
    for transition in node.transitions() {
        path.push(transition.inp);
        walk_all(keys, keys.node(transition.addr), sum.cat(transition.out), path, visit);
        path.pop();
    }
}

/// Calls `visit` with every key that matches, in key order.
pub fn matching(keys: &KeyAutomaton, glob: &Glob, visit: &mut impl FnMut(&str, u64)) {
    let mut path = Vec::with_capacity(64);
    walk_matching(keys, keys.root(), Output::zero(), glob, glob.start(), &mut path, visit);
}

fn walk_matching(
    keys: &KeyAutomaton,
    node: Node<'_>,
    sum: Output,
    glob: &Glob,
    states: u128,
    path: &mut Vec<u8>,
    visit: &mut impl FnMut(&str, u64),
) {
    if node.is_final()
        && glob.accepts(states)
        && let Ok(key) = std::str::from_utf8(path)
    {
        visit(key, sum.cat(node.final_output()).value());
    }
    let everything = glob.accepts_everything_from(states);
    for transition in node.transitions() {
        let next = if everything { states } else { glob.step(states, transition.inp) };
        if next != 0 {
            path.push(transition.inp);
            walk_matching(keys, keys.node(transition.addr), sum.cat(transition.out), glob, next, path, visit);
            path.pop();
        }
    }
}
