//! What some paths are in the merged view, layer by layer from the bottom, from the manifests alone.

use super::super::manifest::{Line, LineKind};
use super::super::name;
use bunker_sys::path::FileTime;
use std::collections::{BTreeSet, HashMap};

/// Mode of a directory that nobody described.
const PLAIN_MODE: u32 = 0o755;

/// A directory as it ought to look, and the layer that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) layer: usize,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) modified: FileTime,
}

impl Shown {
    fn of(layer: usize, line: &Line<'_>) -> Self {
        Self { layer, mode: line.mode, uid: line.uid, gid: line.gid, modified: line.modified }
    }

    /// It looks like an implied one.
    pub(super) fn is_plain(&self) -> bool {
        (self.mode, self.uid, self.gid) == (PLAIN_MODE, 0, 0)
    }
}

/// What one layer says about a path.
#[derive(Clone, Debug)]
struct Fact {
    /// `None`: no directory, or a whiteout.
    directory: Option<Shown>,
    implied: bool,
    /// Whiteouts lie in it.
    has_whiteouts: bool,
    /// Lower layers' content is not seen through it.
    hides_content: bool,
    /// Nor is lower layers' directory itself.
    hides_itself: bool,
}

/// What one layer says, by path.
pub(super) struct Layer<'a> {
    facts: HashMap<&'a [u8], Fact>,
}

impl<'a> Layer<'a> {
    pub(super) fn new(index: usize, lines: &'a [Line<'a>]) -> Self {
        let mut facts: HashMap<&[u8], Fact> = HashMap::new();
        for line in lines {
            let path: &[u8] = &line.path;
            match line.kind {
                LineKind::Directory | LineKind::Implied => {
                    let directory = Some(Shown::of(index, line));
                    let implied = line.kind == LineKind::Implied;
                    let fact =
                        Fact { directory, implied, has_whiteouts: false, hides_content: false, hides_itself: false };
                    facts.insert(path, fact);
                }
                LineKind::Opaque => {
                    if let Some(fact) = facts.get_mut(path) {
                        fact.hides_content = true;
                        fact.hides_itself = line.removed;
                    }
                }
                _ => {
                    let fact = Fact {
                        directory: None,
                        implied: false,
                        has_whiteouts: false,
                        hides_content: true,
                        hides_itself: true,
                    };
                    facts.insert(path, fact);
                }
            }
            if line.kind == LineKind::Whiteout
                && let Some(parent) = facts.get_mut(name::split(path).0)
            {
                parent.has_whiteouts = true;
            }
        }
        Self { facts }
    }
}

/// What is wrong with a layer's directories, on top of those below it.
#[derive(Default)]
pub(super) struct Found {
    /// It only implies them, and how they look comes from below.
    pub(super) implied: Vec<Vec<u8>>,
    /// Whiteouts lie in them, and no directory below is merged with them.
    pub(super) unmerged: Vec<Vec<u8>>,
}

/// The directories of interest as the layers added so far show them.
pub(super) struct View {
    /// Paths of interest, parents before their children (`a` sorts before `a/b`).
    wanted: BTreeSet<Vec<u8>>,
    shown: HashMap<Vec<u8>, Shown>,
}

impl View {
    pub(super) fn new(wanted: BTreeSet<Vec<u8>>) -> Self {
        Self { wanted, shown: HashMap::new() }
    }

    /// Lays a layer on top.
    pub(super) fn add(&mut self, layer: &Layer<'_>) -> Found {
        let mut found = Found::default();
        // Directories of interest below which nothing of the lower layers is seen.
        let mut hiding: BTreeSet<&[u8]> = BTreeSet::new();
        for path in &self.wanted {
            let hidden = !path.is_empty() && hiding.contains(name::split(path).0);
            let below = if hidden { None } else { self.shown.remove(path) };
            let fact = layer.facts.get(path.as_slice());
            if hidden || fact.is_some_and(|fact| fact.hides_content) {
                hiding.insert(path);
            }
            // The root is always merged: with the container's own.
            if fact.is_some_and(|fact| fact.has_whiteouts && (fact.hides_content || below.is_none()))
                && !path.is_empty()
            {
                found.unmerged.push(path.clone());
            }
            let now = match fact {
                None => below,
                Some(Fact { directory: None, .. }) => None,
                Some(fact) if !fact.implied || fact.hides_itself => fact.directory.clone(),
                Some(fact) => match below {
                    Some(below) => {
                        found.implied.push(path.clone());
                        Some(below)
                    }
                    None => fact.directory.clone(),
                },
            };
            self.shown.remove(path);
            if let Some(now) = now {
                self.shown.insert(path.clone(), now);
            }
        }
        found.implied.retain(|path| !path.is_empty());
        found
    }

    /// A directory of interest, which must be one now.
    pub(super) fn shown(&self, path: &[u8]) -> &Shown {
        const NOBODY: Shown =
            Shown { layer: 0, mode: PLAIN_MODE, uid: 0, gid: 0, modified: FileTime { seconds: 0, nanoseconds: 0 } };
        self.shown.get(path).unwrap_or(&NOBODY)
    }
}

/// The directories that a layer only implies or has whiteouts in, with those above them and the root.
pub(super) fn add_interesting(lines: &[Line<'_>], wanted: &mut BTreeSet<Vec<u8>>) {
    for line in lines {
        let directory = match line.kind {
            LineKind::Implied => &line.path,
            LineKind::Whiteout => name::split(&line.path).0,
            _ => continue,
        };
        if directory.is_empty() {
            continue;
        }
        wanted.insert(Vec::new());
        for path in with_parents(directory) {
            if !wanted.insert(path.to_vec()) {
                break;
            }
        }
    }
}

/// The path and those above it, the root aside.
pub(super) fn with_parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(path), |path| Some(name::split(path).0)).take_while(|path| !path.is_empty())
}
