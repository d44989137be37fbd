//! For tests: archives as text says them, broken ones too. Needs nothing of the crate, so that other crates' tests can
//! include it.
#![allow(dead_code)]

pub const BLOCK: usize = 512;

/// One entry, with or without its extension headers.
#[derive(Clone, Debug)]
pub struct Item {
    pub kind: u8,
    pub name: Vec<u8>,
    pub target: Vec<u8>,
    pub mode: u64,
    pub uid: u64,
    pub gid: u64,
    pub time: u64,
    pub data: Vec<u8>,
    /// What the size field says, if not the data's length.
    pub size: Option<Vec<u8>>,
    pub pax: Vec<(Vec<u8>, Vec<u8>)>,
    /// Bytes laid over the header before its checksum is made.
    pub patches: Vec<(usize, Vec<u8>)>,
}

pub fn item(kind: u8, name: impl AsRef<[u8]>) -> Item {
    Item {
        kind,
        name: name.as_ref().to_vec(),
        target: Vec::new(),
        mode: 0o644,
        uid: 0,
        gid: 0,
        time: 1_000_000_000,
        data: Vec::new(),
        size: None,
        pax: Vec::new(),
        patches: Vec::new(),
    }
}

pub fn file(name: impl AsRef<[u8]>, data: impl AsRef<[u8]>) -> Item {
    Item { data: data.as_ref().to_vec(), ..item(b'0', name) }
}

pub fn dir(name: impl AsRef<[u8]>) -> Item {
    item(b'5', name).mode(0o755)
}

pub fn symlink(name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Item {
    Item { target: target.as_ref().to_vec(), ..item(b'2', name) }
}

pub fn hard(name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Item {
    Item { target: target.as_ref().to_vec(), ..item(b'1', name) }
}

pub fn fifo(name: impl AsRef<[u8]>) -> Item {
    item(b'6', name)
}

pub fn device(name: impl AsRef<[u8]>) -> Item {
    item(b'3', name)
}

impl Item {
    pub fn mode(self, mode: u64) -> Self {
        Self { mode, ..self }
    }

    pub fn owner(self, uid: u64, gid: u64) -> Self {
        Self { uid, gid, ..self }
    }

    pub fn time(self, time: u64) -> Self {
        Self { time, ..self }
    }

    pub fn pax(mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.pax.push((key.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    pub fn size_field(self, size: impl AsRef<[u8]>) -> Self {
        Self { size: Some(size.as_ref().to_vec()), ..self }
    }

    pub fn patch(mut self, offset: usize, bytes: impl AsRef<[u8]>) -> Self {
        self.patches.push((offset, bytes.as_ref().to_vec()));
        self
    }

    /// All its blocks.
    pub fn bytes(&self) -> Vec<u8> {
        let mut pax = self.pax.clone();
        for (key, value) in [("path", &self.name), ("linkpath", &self.target)] {
            if value.len() > 100 && !pax.iter().any(|(known, _)| known == key.as_bytes()) {
                pax.push((key.as_bytes().to_vec(), value.clone()));
            }
        }
        let mut bytes = Vec::new();
        if !pax.is_empty() {
            let records: Vec<u8> = pax.iter().flat_map(|(key, value)| record(key, value)).collect();
            bytes.extend(extension(b'x', &records));
        }
        bytes.extend(self.header());
        bytes.extend(padded(&self.data));
        bytes
    }

    fn header(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        put(&mut block, 0, &self.name[..self.name.len().min(100)]);
        put(&mut block, 100, format!("{:07o}\0", self.mode).as_bytes());
        put(&mut block, 108, &number(self.uid, 8));
        put(&mut block, 116, &number(self.gid, 8));
        let size = self.size.clone().unwrap_or_else(|| number(self.data.len() as u64, 12));
        put(&mut block, 124, &size);
        put(&mut block, 136, &number(self.time, 12));
        block[156] = self.kind;
        put(&mut block, 157, &self.target[..self.target.len().min(100)]);
        put(&mut block, 257, b"ustar\x0000");
        for (offset, bytes) in &self.patches {
            put(&mut block, *offset, bytes);
        }
        sign(&mut block);
        block
    }
}

fn put(block: &mut [u8; BLOCK], offset: usize, bytes: &[u8]) {
    block[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// Octal, or base-256 where that does not fit.
pub fn number(value: u64, width: usize) -> Vec<u8> {
    let text = format!("{value:0digits$o}\0", digits = width - 1);
    if text.len() <= width {
        return text.into_bytes();
    }
    let mut bytes = vec![0; width];
    bytes[width - 8..].copy_from_slice(&value.to_be_bytes());
    bytes[0] |= 0x80;
    bytes
}

/// Puts the right checksum into a header.
pub fn sign(block: &mut [u8; BLOCK]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    put(block, 148, format!("{sum:06o}\0 ").as_bytes());
}

/// A PAX record with its length.
pub fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

/// An extension header (`x`, `g`, `L`, `K`) with its data.
pub fn extension(kind: u8, data: &[u8]) -> Vec<u8> {
    Item { data: data.to_vec(), ..item(kind, "././@Extension") }.bytes()
}

pub fn padded(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    bytes.resize(data.len().next_multiple_of(BLOCK), 0);
    bytes
}

/// A whole archive.
pub fn archive<'a>(items: impl IntoIterator<Item = &'a Item>) -> Vec<u8> {
    let mut bytes: Vec<u8> = items.into_iter().flat_map(Item::bytes).collect();
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}
