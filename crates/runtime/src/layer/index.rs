//! What the layer holds so far, in memory: every name under its parent, and what it stands for. We alone write to the
//! directory, so this answers every question about it without a system call, and links are followed here instead of by the
//! kernel. Compact, because a layer may have millions of names; a name that was removed keeps its place for its return.

use super::limits;
use super::problem::{Outcome, limit};
use bunker_sys::path::FileTime;
use hashbrown::HashTable;
use std::hash::{BuildHasher, RandomState};

pub(crate) type NodeId = u32;
pub(crate) type RecordId = u32;

pub(crate) const ROOT: NodeId = 0;
const NOBODY: u32 = u32::MAX;

/// What stands at a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// Nothing (any more).
    Absent,
    Directory,
    /// A directory that no entry describes: some entry lies below it.
    Implied,
    File,
    Symlink,
    Fifo,
    /// A hard link to a file of a lower layer; nothing on disk yet.
    Pending,
    Whiteout,
    /// A device; nothing on disk.
    Skipped,
}

impl NodeKind {
    pub(crate) fn is_directory(self) -> bool {
        matches!(self, Self::Directory | Self::Implied)
    }
}

/// The directory hides what lower layers have in it: an opaque marker said so.
pub(crate) const OPAQUE: u8 = 1;
/// A whiteout of this very name was given: lower layers' entry is hidden, whatever stands here now.
pub(crate) const HIDES: u8 = 2;
/// A directory whose owner or mode on disk are not its record's yet.
pub(crate) const UNSETTLED: u8 = 4;

/// A piece of `text`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    start: u32,
    length: u16,
}

struct Node {
    parent: NodeId,
    first_child: NodeId,
    next: NodeId,
    previous: NodeId,
    record: RecordId,
    name: Span,
    /// Of the whole path, for the limit.
    path_length: u16,
    kind: NodeKind,
    flags: u8,
}

/// What the names of one file (several, if there are hard links) share.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record {
    pub(crate) size: u64,
    pub(crate) modified: FileTime,
    /// xxh3-128 of a file's content; `None`: not hashed.
    pub(crate) checksum: Option<[u8; 16]>,
    pub(crate) mode: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// File capabilities are set on it.
    pub(crate) capable: bool,
    pub(crate) target: Span,
}

pub(crate) struct Index {
    nodes: Vec<Node>,
    records: Vec<Record>,
    text: Vec<u8>,
    /// Nodes by parent and name.
    table: HashTable<NodeId>,
    /// Keyed anew in each process: names come from an attacker.
    hasher: RandomState,
}

impl Index {
    pub(crate) fn new() -> Self {
        let root = Node {
            parent: ROOT,
            first_child: NOBODY,
            next: NOBODY,
            previous: NOBODY,
            record: 0,
            name: Span::default(),
            path_length: 0,
            kind: NodeKind::Implied,
            flags: UNSETTLED,
        };
        Self {
            nodes: vec![root],
            records: vec![Record::default()],
            text: Vec::new(),
            table: HashTable::new(),
            hasher: RandomState::new(),
        }
    }

    /// The node of a name, if it was ever one; it may be absent now.
    pub(crate) fn find(&self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        let same = |id: &NodeId| self.nodes[*id as usize].parent == parent && self.name(*id) == name;
        self.table.find(self.hasher.hash_one((parent, name)), same).copied()
    }

    /// The node of a name, made (absent) if it never was one.
    pub(crate) fn node(&mut self, parent: NodeId, name: &[u8]) -> Outcome<NodeId> {
        if let Some(id) = self.find(parent, name) {
            return Ok(id);
        }
        let above = usize::from(self.nodes[parent as usize].path_length);
        let path_length = if above == 0 { name.len() } else { above + 1 + name.len() };
        if path_length > limits::PATH_BYTES {
            return limit(format!("path is longer than {} bytes once its links are followed", limits::PATH_BYTES));
        }
        let node = Node {
            parent,
            first_child: NOBODY,
            next: NOBODY,
            previous: NOBODY,
            record: NOBODY,
            name: self.store(name)?,
            path_length: path_length as u16,
            kind: NodeKind::Absent,
            flags: 0,
        };
        let id = next_id(self.nodes.len())?;
        self.nodes.push(node);
        let (nodes, text, hasher) = (&self.nodes, &self.text, &self.hasher);
        let hash = |id: &NodeId| {
            let node = &nodes[*id as usize];
            hasher.hash_one((node.parent, slice(text, node.name)))
        };
        self.table.insert_unique(hasher.hash_one((parent, name)), id, hash);
        Ok(id)
    }

    /// Something stands at the name now; what stood there before was cleared.
    pub(crate) fn put(&mut self, id: NodeId, kind: NodeKind, record: RecordId) {
        if self.kind(id) == NodeKind::Absent {
            let parent = self.nodes[id as usize].parent as usize;
            let first = std::mem::replace(&mut self.nodes[parent].first_child, id);
            self.nodes[id as usize].next = first;
            self.nodes[id as usize].previous = NOBODY;
            if first != NOBODY {
                self.nodes[first as usize].previous = id;
            }
        }
        let node = &mut self.nodes[id as usize];
        (node.kind, node.record) = (kind, record);
    }

    /// Nothing stands at the name any more. It must have no children.
    pub(crate) fn clear(&mut self, id: NodeId) {
        let node = &mut self.nodes[id as usize];
        node.kind = NodeKind::Absent;
        node.flags &= !(OPAQUE | UNSETTLED);
        let (parent, next, previous) = (node.parent, node.next, node.previous);
        match previous {
            NOBODY => self.nodes[parent as usize].first_child = next,
            previous => self.nodes[previous as usize].next = next,
        }
        if next != NOBODY {
            self.nodes[next as usize].previous = previous;
        }
    }

    pub(crate) fn kind(&self, id: NodeId) -> NodeKind {
        self.nodes[id as usize].kind
    }

    pub(crate) fn has(&self, id: NodeId, flag: u8) -> bool {
        self.nodes[id as usize].flags & flag != 0
    }

    pub(crate) fn set(&mut self, id: NodeId, flag: u8) {
        self.nodes[id as usize].flags |= flag;
    }

    pub(crate) fn unset(&mut self, id: NodeId, flag: u8) {
        self.nodes[id as usize].flags &= !flag;
    }

    pub(crate) fn parent(&self, id: NodeId) -> NodeId {
        self.nodes[id as usize].parent
    }

    pub(crate) fn name(&self, id: NodeId) -> &[u8] {
        slice(&self.text, self.nodes[id as usize].name)
    }

    pub(crate) fn first_child(&self, id: NodeId) -> Option<NodeId> {
        Some(self.nodes[id as usize].first_child).filter(|child| *child != NOBODY)
    }

    /// Children that are there, in no order.
    pub(crate) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(self.first_child(id), |child| {
            Some(self.nodes[*child as usize].next).filter(|next| *next != NOBODY)
        })
    }

    pub(crate) fn record_id(&self, id: NodeId) -> RecordId {
        self.nodes[id as usize].record
    }

    pub(crate) fn record(&self, id: RecordId) -> &Record {
        &self.records[id as usize]
    }

    pub(crate) fn record_mut(&mut self, id: RecordId) -> &mut Record {
        &mut self.records[id as usize]
    }

    pub(crate) fn add_record(&mut self, record: Record) -> Outcome<RecordId> {
        let id = next_id(self.records.len())?;
        self.records.push(record);
        Ok(id)
    }

    /// A record that has a target: a symbolic link, or a hard link into lower layers.
    pub(crate) fn add_link_record(&mut self, record: Record, target: &[u8]) -> Outcome<RecordId> {
        let target = self.store(target)?;
        self.add_record(Record { target, ..record })
    }

    pub(crate) fn target(&self, id: RecordId) -> &[u8] {
        slice(&self.text, self.records[id as usize].target)
    }

    pub(crate) fn record_count(&self) -> usize {
        self.records.len()
    }

    /// The path from the root, without a slash in front; the root itself is empty.
    pub(crate) fn write_path(&self, id: NodeId, path: &mut Vec<u8>) {
        path.clear();
        path.resize(usize::from(self.nodes[id as usize].path_length), b'/');
        let (mut id, mut end) = (id, path.len());
        while id != ROOT {
            let name = self.name(id);
            path[end - name.len()..end].copy_from_slice(name);
            end = (end - name.len()).saturating_sub(1);
            id = self.parent(id);
        }
    }

    /// Everything that is there, parents before their children, names in the order of their bytes.
    pub(crate) fn sorted(&self) -> Vec<NodeId> {
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut ahead = vec![ROOT];
        while let Some(id) = ahead.pop() {
            order.push(id);
            let start = ahead.len();
            ahead.extend(self.children(id));
            ahead[start..].sort_unstable_by(|left, right| self.name(*right).cmp(self.name(*left)));
        }
        order
    }

    fn store(&mut self, bytes: &[u8]) -> Outcome<Span> {
        if self.text.len() + bytes.len() > limits::TEXT_BYTES {
            return limit(format!("names and links take more than {} bytes", limits::TEXT_BYTES));
        }
        let span = Span { start: self.text.len() as u32, length: bytes.len() as u16 };
        self.text.extend_from_slice(bytes);
        Ok(span)
    }
}

fn slice(text: &[u8], span: Span) -> &[u8] {
    &text[span.start as usize..][..usize::from(span.length)]
}

fn next_id(count: usize) -> Outcome<u32> {
    match u32::try_from(count) {
        Ok(id) if id != NOBODY => Ok(id),
        _ => limit("too many names"),
    }
}
