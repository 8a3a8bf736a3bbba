//! The resource types and condition keys of IAM actions, as AWS's Service Authorization Reference lists them.
//!
//! Enters: the [`ActionReference`] of each row when a catalog is built, a compressed table when it is read. Leaves: the
//! compressed table, or the references of a row. Laws: reading reverses writing; a table that cannot be read has no
//! references, and an action without a reference is not restricted by one.

use std::collections::BTreeMap;

use libdeflater::{CompressionLvl, Compressor, Decompressor};

/// Largest size of a table after inflation. A table that states a larger size is not inflated.
const MAX_INFLATED_BYTES: usize = 16 << 20;

/// What the reference lists for one action.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionReference {
    /// ARN patterns of the resource types the action takes, in order. Empty for an action without resource types.
    pub resources: Vec<String>,
    /// Whether each request names a resource of one of these types.
    pub requires_resource: bool,
    /// Condition keys of requests for the action, besides the global ones, in lower case and in order. A key that ends
    /// in `/` or `:` is followed by a name, such as that of a tag.
    pub condition_keys: Vec<String>,
}

impl ActionReference {
    /// Adds the resource types and keys that another source lists. Whether a resource is required stays.
    pub fn add(&mut self, other: &Self) {
        let join = |own: &mut Vec<String>, more: &[String]| {
            own.extend_from_slice(more);
            own.sort_unstable();
            own.dedup();
        };
        join(&mut self.resources, &other.resources);
        join(&mut self.condition_keys, &other.condition_keys);
    }
}

/// The references of all rows.
#[derive(Clone, Debug, Default)]
pub struct ServiceReference {
    resources: Vec<String>,
    condition_keys: Vec<String>,
    resource_sets: Vec<ResourceTypes>,
    key_sets: Vec<Vec<u16>>,
    /// For each row the number of its set of resource types and of its set of keys, counted from one.
    rows: Vec<(u16, u16)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ResourceTypes {
    is_required: bool,
    patterns: Vec<u16>,
}

/// Numbers distinct values in the order in which they first appear.
#[derive(Debug)]
struct Numbering<T> {
    numbers: BTreeMap<T, u16>,
    values: Vec<T>,
}

impl<T: Ord + Clone> Numbering<T> {
    const fn new() -> Self {
        Self { numbers: BTreeMap::new(), values: Vec::new() }
    }

    fn number(&mut self, value: &T) -> Option<u16> {
        if let Some(number) = self.numbers.get(value) {
            return Some(*number);
        }
        let next = u16::try_from(self.values.len()).ok()?;
        self.values.push(value.clone());
        self.numbers.insert(value.clone(), next);
        Some(next)
    }
}

impl ServiceReference {
    /// Compresses the references of all rows, in row order. `None` if there are too many distinct values for the format.
    pub fn encode(rows: &[Option<ActionReference>]) -> Option<Vec<u8>> {
        let (mut resources, mut keys) = (Numbering::new(), Numbering::new());
        let (mut resource_sets, mut key_sets) = (Numbering::new(), Numbering::new());
        let mut places = Vec::with_capacity(rows.len() * 4);
        for row in rows {
            let place = match row {
                None => (0, 0),
                Some(reference) => {
                    let types: Option<Vec<u16>> =
                        reference.resources.iter().map(|pattern| resources.number(pattern)).collect();
                    let named: Option<Vec<u16>> =
                        reference.condition_keys.iter().map(|key| keys.number(key)).collect();
                    let types = resource_sets.number(&(reference.requires_resource, types?))?;
                    (types.checked_add(1)?, key_sets.number(&named?)?.checked_add(1)?)
                }
            };
            places.extend_from_slice(&place.0.to_le_bytes());
            places.extend_from_slice(&place.1.to_le_bytes());
        }
        let join = |numbers: &[u16]| numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        let types = resource_sets.values.iter().map(|(is_required, patterns)| {
            format!("{}{}", if *is_required { "!" } else { "" }, join(patterns))
        });
        let text = [
            resources.values.join("\t"),
            keys.values.join("\t"),
            types.collect::<Vec<_>>().join("\t"),
            key_sets.values.iter().map(|keys| join(keys)).collect::<Vec<_>>().join("\t"),
        ]
        .join("\n");
        let mut table = u32::try_from(text.len()).ok()?.to_le_bytes().to_vec();
        table.extend_from_slice(text.as_bytes());
        table.extend_from_slice(&places);
        let mut compressor = Compressor::new(CompressionLvl::best());
        let mut packed = vec![0; compressor.deflate_compress_bound(table.len())];
        let length = compressor.deflate_compress(&table, &mut packed).ok()?;
        packed.truncate(length);
        let mut file = u32::try_from(table.len()).ok()?.to_le_bytes().to_vec();
        file.extend_from_slice(&packed);
        Some(file)
    }

    /// Inflates a table. `None` if the bytes are not a table of references.
    pub fn open(bytes: &[u8]) -> Option<Self> {
        let (length, packed) = split_length(bytes)?;
        let mut table = vec![0; length];
        let inflated = Decompressor::new().deflate_decompress(packed, &mut table).ok()?;
        let (length, rest) = split_length(table.get(..inflated).filter(|_| inflated == length)?)?;
        let (text, places) = rest.split_at_checked(length)?;
        let mut lines = std::str::from_utf8(text).ok()?.split('\n');
        let mut list = || lines.next().map(|line| line.split('\t').filter(|text| !text.is_empty()));
        let resources: Vec<String> = list()?.map(str::to_owned).collect();
        let condition_keys: Vec<String> = list()?.map(str::to_owned).collect();
        let mut sets = || lines.next().map(|line| line.split('\t'));
        let resource_sets = sets()?
            .map(|set| {
                let (is_required, numbers) = set.strip_prefix('!').map_or((false, set), |set| (true, set));
                Some(ResourceTypes { is_required, patterns: parse_numbers(numbers, resources.len())? })
            })
            .collect::<Option<_>>()?;
        let key_sets = sets()?.map(|set| parse_numbers(set, condition_keys.len())).collect::<Option<_>>()?;
        let (places, rest) = places.as_chunks::<4>();
        let rows =
            places.iter().map(|[a, b, c, d]| (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d])));
        rest.is_empty().then(|| Self {
            resources,
            condition_keys,
            resource_sets,
            key_sets,
            rows: rows.collect(),
        })
    }

    /// Number of rows in the table.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the table has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The ARN patterns of all resource types. [`Self::resource_set`] gives positions in them.
    pub fn resource_patterns(&self) -> &[String] {
        &self.resources
    }

    /// The number of the row's set of resource types; `None` for a row without a reference.
    pub fn resource_set_of(&self, row: u32) -> Option<u16> {
        self.place(row).and_then(|(set, _)| set.checked_sub(1))
    }

    /// Positions of the patterns in a set of resource types, and whether each request names such a resource.
    pub fn resource_set(&self, number: u16) -> Option<(&[u16], bool)> {
        let set = self.resource_sets.get(usize::from(number))?;
        Some((&set.patterns, set.is_required))
    }

    /// Whether any action lists a condition key, given in lower case.
    pub fn lists_key(&self, key: &str) -> bool {
        self.condition_keys.iter().any(|own| is_key(own, key))
    }

    /// Whether requests for the action of a row can have a condition key, given in lower case; true for a row without a
    /// reference.
    pub fn may_carry(&self, row: u32, key: &str) -> bool {
        let Some(set) = self.place(row).and_then(|(_, keys)| keys.checked_sub(1)) else { return true };
        let Some(keys) = self.key_sets.get(usize::from(set)) else { return true };
        keys.iter()
            .filter_map(|number| self.condition_keys.get(usize::from(*number)))
            .any(|own| is_key(own, key))
    }

    /// The reference of a row; `None` for a row without one.
    pub fn row(&self, row: u32) -> Option<ActionReference> {
        let (patterns, requires_resource) = self.resource_set(self.resource_set_of(row)?)?;
        let keys = self.key_sets.get(usize::from(self.place(row)?.1.checked_sub(1)?))?;
        let texts = |numbers: &[u16], all: &[String]| -> Vec<String> {
            numbers.iter().filter_map(|number| all.get(usize::from(*number))).cloned().collect()
        };
        Some(ActionReference {
            resources: texts(patterns, &self.resources),
            requires_resource,
            condition_keys: texts(keys, &self.condition_keys),
        })
    }

    fn place(&self, row: u32) -> Option<(u16, u16)> {
        self.rows.get(usize::try_from(row).ok()?).copied()
    }
}

/// Whether a listed key is this key, or is followed by a name in it.
fn is_key(listed: &str, key: &str) -> bool {
    listed == key || (listed.ends_with(['/', ':']) && key.starts_with(listed))
}

/// The stated length, if it is allowed, and the bytes after it.
fn split_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    (length <= MAX_INFLATED_BYTES).then_some((length, rest))
}

/// Numbers below a limit, separated by commas.
fn parse_numbers(text: &str, limit: usize) -> Option<Vec<u16>> {
    let numbers = text.split(',').filter(|part| !part.is_empty());
    numbers.map(|part| part.parse().ok().filter(|number: &u16| usize::from(*number) < limit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(resources: &[&str], requires_resource: bool, keys: &[&str]) -> Option<ActionReference> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Some(ActionReference { resources: owned(resources), requires_resource, condition_keys: owned(keys) })
    }

    fn table() -> Vec<Option<ActionReference>> {
        vec![
            reference(&["arn:*:s3:*:*:*/*"], true, &["s3:versionid", "aws:requesttag/"]),
            None,
            reference(&[], false, &[]),
            reference(&["arn:*:s3:*:*:*/*", "arn:*:s3:*:*:*"], false, &["aws:requesttag/"]),
        ]
    }

    #[test]
    fn reading_reverses_writing() {
        let read = ServiceReference::open(&ServiceReference::encode(&table()).unwrap()).unwrap();
        assert_eq!((0..4).map(|row| read.row(row)).collect::<Vec<_>>(), table());
        assert_eq!((read.len(), read.row(4)), (4, None));
    }

    #[test]
    fn row_without_a_reference_is_not_restricted() {
        let read = ServiceReference::open(&ServiceReference::encode(&table()).unwrap()).unwrap();
        assert!(read.may_carry(1, "s3:versionid") && !read.may_carry(2, "s3:versionid"));
        assert!(read.may_carry(0, "s3:versionid") && !read.may_carry(0, "s3:versionids"));
        assert!(read.may_carry(3, "aws:requesttag/team") && !read.may_carry(3, "aws:requesttags"));
        assert!(ServiceReference::default().may_carry(0, "x"));
        assert_eq!(ServiceReference::default().resource_set_of(0), None);
    }

    #[test]
    fn bytes_of_another_form_give_no_table() {
        let whole = ServiceReference::encode(&table()).unwrap();
        for end in 0..whole.len() {
            assert!(ServiceReference::open(&whole[..end]).is_none(), "{end}");
        }
        let mut changed = whole.clone();
        changed[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(ServiceReference::open(&changed).is_none());
        assert!(ServiceReference::open(&ServiceReference::encode(&[]).unwrap()).unwrap().is_empty());
    }
}
