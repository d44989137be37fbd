//! Paths → directories of the layer, in the index: links are followed here, never by the kernel, and `..` in a link goes
//! to the real parent, the root's being the root.

use super::super::index::{Index, NodeId, NodeKind, ROOT, Record};
use super::super::limits;
use super::super::problem::{Outcome, archive, shown};
use super::super::tar::Entry;
use super::{IMPLIED_MODE, Unpacker};

/// A walk along one path: components still to go (the next one last), and what was spent.
struct Walk {
    ahead: Vec<Vec<u8>>,
    links: u32,
    steps: u32,
}

/// What the next component leads to.
enum Step {
    /// All components are gone.
    Arrived,
    Moved(NodeId),
    /// A name at which no directory stands, and no link.
    Stopped(NodeId, Vec<u8>),
}

impl Walk {
    fn new(path: &[u8]) -> Self {
        let mut walk = Self { ahead: Vec::new(), links: 0, steps: 0 };
        walk.add(path);
        walk
    }

    fn add(&mut self, path: &[u8]) {
        let components = path.split(|byte| *byte == b'/').rev();
        self.ahead.extend(components.filter(|name| !name.is_empty() && *name != b".").map(<[u8]>::to_vec));
    }

    fn step(&mut self, index: &Index, from: NodeId) -> Outcome<Step> {
        let Some(name) = self.ahead.pop() else { return Ok(Step::Arrived) };
        self.steps += 1;
        if self.steps > limits::STEPS {
            return archive("the path's links lead through too many directories");
        }
        if name == b".." {
            return Ok(Step::Moved(index.parent(from)));
        }
        let Some(id) = index.find(from, &name) else { return Ok(Step::Stopped(from, name)) };
        match index.kind(id) {
            NodeKind::Directory | NodeKind::Implied => Ok(Step::Moved(id)),
            NodeKind::Symlink => {
                self.links += 1;
                if self.links > limits::LINKS_FOLLOWED {
                    return archive("too many links on the way");
                }
                let target = index.target(index.record_id(id));
                self.add(target);
                Ok(Step::Moved(if target.first() == Some(&b'/') { ROOT } else { from }))
            }
            _ => Ok(Step::Stopped(from, name)),
        }
    }
}

impl Unpacker<'_> {
    /// The directory at a clean path, made with its parents where it is missing; `entry` is what needs it.
    pub(super) fn directory(&mut self, path: &[u8], entry: &Entry) -> Outcome<NodeId> {
        if self.last.0 == path {
            return Ok(self.last.1);
        }
        let mut walk = Walk::new(path);
        let mut here = ROOT;
        loop {
            match walk.step(&self.index, here)? {
                Step::Arrived => break,
                Step::Moved(next) => here = next,
                Step::Stopped(parent, name) => here = self.imply(parent, &name, entry)?,
            }
        }
        self.last.0.clear();
        self.last.0.extend_from_slice(path);
        self.last.1 = here;
        Ok(here)
    }

    /// The node at a clean path if there is one; parents' links are followed, the last one is not.
    pub(super) fn look_up(&self, parent: &[u8], name: &[u8]) -> Outcome<Option<NodeId>> {
        let mut walk = Walk::new(parent);
        let mut here = ROOT;
        loop {
            match walk.step(&self.index, here)? {
                Step::Arrived => return Ok(self.index.find(here, name)),
                Step::Moved(next) => here = next,
                Step::Stopped(..) => return Ok(None),
            }
        }
    }

    fn imply(&mut self, parent: NodeId, name: &[u8], entry: &Entry) -> Outcome<NodeId> {
        if name.len() > limits::COMPONENT_BYTES {
            return archive(format!("a link leads to a name of {} bytes", name.len()));
        }
        let id = self.index.node(parent, name)?;
        match self.index.kind(id) {
            NodeKind::Absent => {}
            NodeKind::Whiteout => self.clear(id)?,
            kind => return archive(format!("its parent \"{}\" is {}", shown(name), describe(kind))),
        }
        let record = Record { mode: IMPLIED_MODE, modified: entry.modified, ..Record::default() };
        self.make_directory(id, NodeKind::Implied, record)?;
        Ok(id)
    }
}

fn describe(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::File => "a file",
        NodeKind::Fifo => "a FIFO",
        NodeKind::Pending => "a hard link",
        NodeKind::Skipped => "a device",
        _ => "not a directory",
    }
}
