//! Random sequences of entries against a model that knows nothing of files: a map from paths to what they are. Links are
//! followed by the model's own, slower way. The canary beside the layer must never change.

use crate::layer::test_archive::{Item, dir, fifo, file, hard, symlink};
use crate::layer::test_layer::unpack_items;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
enum Thing {
    Directory {
        mode: u64,
    },
    /// Number of the file, so that hard links are one.
    File {
        number: usize,
    },
    Link {
        target: String,
    },
    Fifo,
    Whiteout,
    Pending,
}

#[derive(Default)]
struct Model {
    things: BTreeMap<Vec<String>, Thing>,
    hides: std::collections::BTreeSet<Vec<String>>,
    opaque: std::collections::BTreeSet<Vec<String>>,
}

impl Model {
    /// The real directory a path leads to, made where missing. `None`: the archive must be refused.
    fn directory(&mut self, path: &[String], make: bool, budget: &mut u32) -> Option<Result<Vec<String>, ()>> {
        let mut here: Vec<String> = Vec::new();
        let mut ahead: Vec<String> = path.iter().rev().cloned().collect();
        while let Some(name) = ahead.pop() {
            if name == ".." {
                here.pop();
                continue;
            }
            let mut next = here.clone();
            next.push(name);
            match self.things.get(&next) {
                Some(Thing::Directory { .. }) => here = next,
                Some(Thing::Link { target }) => {
                    *budget = budget.checked_sub(1)?;
                    if target.starts_with('/') {
                        here.clear();
                    }
                    ahead.extend(
                        target.split('/').rev().filter(|part| !part.is_empty() && *part != ".").map(str::to_owned),
                    );
                }
                None | Some(Thing::Whiteout) if make => {
                    self.things.insert(next.clone(), Thing::Directory { mode: 0o755 });
                    here = next;
                }
                _ if make => return None,
                _ => return Some(Err(())),
            }
        }
        Some(Ok(here))
    }

    fn clear(&mut self, path: &[String]) {
        let below = |known: &Vec<String>| known.starts_with(path) && known.len() > path.len();
        self.things.retain(|known, _| !below(known) && known != path);
        self.hides.retain(|known| !below(known));
        self.opaque.retain(|known| !below(known) && known != path);
    }

    /// `None`: refused.
    fn apply(&mut self, operation: &Operation, number: usize) -> Option<()> {
        let parts = parts(&operation.path);
        let (name, parent) = parts.split_last()?;
        let parent = self.directory(parent, true, &mut 40)?.ok()?;
        let mut place = parent.clone();
        place.push(name.clone());
        let is_directory = matches!(self.things.get(&place), Some(Thing::Directory { .. }));
        match &operation.what {
            What::Directory { mode } => {
                if !is_directory {
                    self.clear(&place);
                }
                self.things.insert(place, Thing::Directory { mode: *mode });
            }
            What::Whiteout => {
                self.hides.insert(place.clone());
                self.things.entry(place).or_insert(Thing::Whiteout);
            }
            What::Opaque => {
                // The name is a directory's, whose last link is followed.
                let directory = self.directory(&parts, true, &mut 40)?.ok()?;
                self.opaque.insert(directory);
            }
            What::Hard { target } => return self.hard_link(&place, target),
            other => {
                self.clear(&place);
                let thing = match other {
                    What::Link { target } => Thing::Link { target: target.clone() },
                    What::Fifo => Thing::Fifo,
                    _ => Thing::File { number },
                };
                self.things.insert(place, thing);
            }
        }
        Some(())
    }

    fn hard_link(&mut self, place: &[String], target: &str) -> Option<()> {
        let parts = parts(target);
        let (name, parent) = parts.split_last()?;
        let find = |model: &mut Self| -> Option<Option<Vec<String>>> {
            let found = model.directory(parent, false, &mut 40)?;
            Some(found.ok().map(|mut found| {
                found.push(name.clone());
                found
            }))
        };
        let there = !matches!(self.things.get(place), None | Some(Thing::Whiteout | Thing::Directory { .. }));
        if there && find(self)?.as_deref() == Some(place) {
            return Some(());
        }
        self.clear(place);
        let found = find(self)?.and_then(|found| self.things.get(&found).cloned());
        let thing = match found {
            None | Some(Thing::Whiteout) => Thing::Pending,
            Some(Thing::Directory { .. }) => return None,
            Some(thing) => thing,
        };
        self.things.insert(place.to_vec(), thing);
        Some(())
    }

    fn listing(&self) -> Vec<String> {
        let shown = |(path, thing): (&Vec<String>, &Thing)| {
            let name = path.join("/");
            let hidden = self.opaque.contains(path) || self.hides.contains(path);
            match thing {
                Thing::Directory { mode } => Some(format!("d {mode:o} {name}{}", if hidden { " opaque" } else { "" })),
                Thing::File { number } => {
                    let names = self.things.values().filter(|other| *other == thing).count();
                    let names = if names > 1 { format!(" x{names}") } else { String::new() };
                    Some(format!("f 644 {name} = {number}{names}"))
                }
                Thing::Link { target } => Some(format!("l {name} -> {target}")),
                Thing::Fifo => Some(format!("p 644 {name}")),
                Thing::Whiteout => Some(format!("w {name}")),
                Thing::Pending => None,
            }
        };
        self.things.iter().filter_map(shown).collect()
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[derive(Clone, Debug)]
enum What {
    Directory { mode: u64 },
    File,
    Link { target: String },
    Hard { target: String },
    Fifo,
    Whiteout,
    Opaque,
}

#[derive(Clone, Debug)]
struct Operation {
    path: String,
    what: What,
}

impl Operation {
    fn item(&self, number: usize) -> Item {
        match &self.what {
            What::Directory { mode } => dir(&self.path).mode(*mode),
            What::File => file(&self.path, number.to_string()),
            What::Link { target } => symlink(&self.path, target),
            What::Hard { target } => hard(&self.path, target),
            What::Fifo => fifo(&self.path),
            What::Whiteout => match self.path.rsplit_once('/') {
                Some((parent, name)) => file(format!("{parent}/.wh.{name}"), ""),
                None => file(format!(".wh.{}", self.path), ""),
            },
            What::Opaque => file(format!("{}/.wh..wh..opq", self.path), ""),
        }
    }
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4).prop_map(|parts| parts.join("/"))
}

fn target() -> impl Strategy<Value = String> {
    let parts = prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "..", "."]), 1..5);
    (any::<bool>(), parts)
        .prop_map(|(absolute, parts)| format!("{}{}", if absolute { "/" } else { "" }, parts.join("/")))
}

fn operation() -> impl Strategy<Value = Operation> {
    let what = prop_oneof![
        4 => prop::sample::select(vec![0o755, 0o700, 0o1777]).prop_map(|mode| What::Directory { mode }),
        4 => Just(What::File),
        4 => target().prop_map(|target| What::Link { target }),
        2 => path().prop_map(|target| What::Hard { target }),
        1 => Just(What::Fifo),
        2 => Just(What::Whiteout),
        2 => Just(What::Opaque),
    ];
    (path(), what).prop_map(|(path, what)| Operation { path, what })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_entries_gives_what_the_model_says(operations in prop::collection::vec(operation(), 1..14)) {
        let mut model = Model::default();
        let expected = operations.iter().enumerate().try_for_each(|(number, operation)| model.apply(operation, number));
        let items: Vec<Item> = operations.iter().enumerate().map(|(number, operation)| operation.item(number)).collect();
        match (unpack_items(&items), expected) {
            (Ok(layer), Some(())) => {
                let mut expected = model.listing();
                let by_path = |line: &String| {
                    let field = if line.starts_with(['d', 'f', 'p']) { 2 } else { 1 };
                    line.split(' ').nth(field).map(parts)
                };
                expected.sort_by_key(by_path);
                let mut listing = layer.listing().split_off(1);
                listing.sort_by_key(by_path);
                prop_assert_eq!(listing, expected);
                let names = layer.manifest_names();
                let listed = names.iter().filter(|line| !line.starts_with(['H', 'o'])).count();
                prop_assert_eq!(listed, model.things.values().filter(|thing| **thing != Thing::Pending).count() + 1);
            }
            (Err(_), None) => {}
            (result, expected) => prop_assert!(false, "{:?}, expected {expected:?}", result.map(|layer| layer.listing())),
        }
    }
}

/// More when asked for a long run.
fn cases() -> u32 {
    if std::env::var_os("BUNKER_TEST_LONG").is_some() { 100_000 } else { 1000 }
}
