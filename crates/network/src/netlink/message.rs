//! Netlink's wire format (netlink(7)): a header, a fixed part of the message's kind, and attributes, each with length and kind,
//! padded to four bytes. Numbers are the machine's own unless said otherwise.

use bunker_sys::SysError;

pub const NLMSG_ERROR: u16 = 2;
pub const NLMSG_DONE: u16 = 3;

const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_APPEND: u16 = 0x800;

const HEADER_SIZE: usize = 16;
const ATTRIBUTE_HEADER_SIZE: usize = 4;
const ALIGNMENT: usize = 4;
/// NLA_F_NESTED, which newer kernels want to see, and the other bit of that kind.
const NESTED: u16 = 0x8000;
const KIND_FLAGS: u16 = 0xc000;
/// NLMSGERR_ATTR_MSG: the kernel's words.
const ERROR_TEXT: u16 = 1;

/// A list of attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(Vec<u8>);

impl Attributes {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(ATTRIBUTE_HEADER_SIZE + value.len()).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        pad(&mut self.0);
        self
    }

    /// A number in the machine's order, as rtnetlink has them.
    #[must_use]
    pub fn with_u32(self, kind: u16, value: u32) -> Self {
        self.with(kind, &value.to_ne_bytes())
    }

    /// A number in the network's order, as netfilter has them.
    #[must_use]
    pub fn with_be32(self, kind: u16, value: u32) -> Self {
        self.with(kind, &value.to_be_bytes())
    }

    /// With its terminating zero.
    #[must_use]
    pub fn with_text(self, kind: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.with(kind, &bytes)
    }

    #[must_use]
    pub fn with_nested(self, kind: u16, inner: &Self) -> Self {
        self.with(kind | NESTED, &inner.0)
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// One message, its number in the conversation still open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
}

impl Message {
    /// Asks for something to be done, and for a word when it is.
    #[must_use]
    pub fn new(kind: u16, fixed: &[u8], attributes: &Attributes) -> Self {
        let mut body = fixed.to_vec();
        pad(&mut body);
        body.extend_from_slice(&attributes.0);
        Self { kind, flags: NLM_F_REQUEST | NLM_F_ACK, body }
    }

    /// Makes it; there must be none.
    #[must_use]
    pub fn creating(mut self) -> Self {
        self.flags |= NLM_F_CREATE | NLM_F_EXCL;
        self
    }

    /// Makes it, in the place of what is there.
    #[must_use]
    pub fn replacing(mut self) -> Self {
        self.flags |= NLM_F_CREATE | NLM_F_REPLACE;
        self
    }

    /// Makes it, or leaves what is there.
    #[must_use]
    pub fn ensuring(mut self) -> Self {
        self.flags |= NLM_F_CREATE;
        self
    }

    /// Behind what is there.
    #[must_use]
    pub fn appending(mut self) -> Self {
        self.flags |= NLM_F_APPEND;
        self
    }

    /// Lists all.
    #[must_use]
    pub fn listing(mut self) -> Self {
        self.flags = NLM_F_REQUEST | NLM_F_DUMP;
        self
    }

    /// No word unless it fails.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.flags &= !NLM_F_ACK;
        self
    }

    pub(super) fn write(&self, sequence: u32, target: &mut Vec<u8>) {
        let length = u32::try_from(HEADER_SIZE + self.body.len()).unwrap_or(u32::MAX);
        target.extend_from_slice(&length.to_ne_bytes());
        target.extend_from_slice(&self.kind.to_ne_bytes());
        target.extend_from_slice(&self.flags.to_ne_bytes());
        target.extend_from_slice(&sequence.to_ne_bytes());
        target.extend_from_slice(&[0; 4]);
        target.extend_from_slice(&self.body);
        pad(target);
    }
}

/// One message of the kernel's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub kind: u16,
    pub body: Vec<u8>,
}

impl Reply {
    /// All messages in what was read; what is cut short at its end is left out.
    pub(super) fn all(mut bytes: &[u8]) -> Vec<Self> {
        let mut replies = Vec::new();
        while let (Some(length), Some(kind)) = (number(bytes, 0), short(bytes, 4)) {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let Some(body) = bytes.get(HEADER_SIZE..length) else { break };
            replies.push(Self { kind, body: body.to_vec() });
            bytes = bytes.get(aligned(length)..).unwrap_or_default();
        }
        replies
    }

    /// What an error message says; `None`: all is well.
    pub(super) fn failure(&self, call: &str) -> Option<SysError> {
        /// The message that failed: its header comes along.
        const ERROR_SIZE: usize = 4 + HEADER_SIZE;
        let errno = number(&self.body, 0).map_or(0, u32::cast_signed).checked_neg().unwrap_or(0);
        let words = attribute(self.body.get(ERROR_SIZE..).unwrap_or_default(), ERROR_TEXT);
        let words = words.map(|text| String::from_utf8_lossy(text).trim_end_matches('\0').to_owned());
        let told = words.filter(|text| !text.is_empty()).map_or(String::new(), |text| format!(" ({text})"));
        (errno != 0).then(|| SysError::new(format!("{call}{told}"), errno))
    }

    /// The value of the first attribute of a kind behind `fixed` bytes.
    #[must_use]
    pub fn attribute(&self, fixed: usize, kind: u16) -> Option<&[u8]> {
        attribute(self.body.get(aligned(fixed)..)?, kind)
    }

    /// A number of the fixed part.
    #[must_use]
    pub fn number(&self, offset: usize) -> Option<u32> {
        number(&self.body, offset)
    }
}

fn attribute(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(short(bytes, 0)?);
        let value = bytes.get(ATTRIBUTE_HEADER_SIZE..length)?;
        if short(bytes, 2)? & !KIND_FLAGS == wanted {
            return Some(value);
        }
        bytes = bytes.get(aligned(length)..)?;
    }
}

fn number(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u32::from_ne_bytes(*chunk))
}

fn short(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u16::from_ne_bytes(*chunk))
}

const fn aligned(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT)
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(aligned(bytes.len()), 0);
}
