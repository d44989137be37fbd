//! Which extended attributes of an archive become a file's.
//!
//! Kept: `user.*` and `security.capability`. Dropped: `user.overlay.*` and `trusted.overlay.*`, overlay's own marks, with
//! which a layer could redirect or hide what is not its own; all other `trusted.*` and `security.*` (labels are the
//! host's), and `system.*` (access control lists name ids that mean others here).

const OVERLAY: &[u8] = b"user.overlay.";
const CAPABILITY: &[u8] = b"security.capability";
/// `struct vfs_cap_data` (linux/capability.h): magic, then two pairs of 32-bit sets; version 3 has a root id behind.
const VERSION_MASK: u32 = 0xff00_0000;
const VERSION_2: u32 = 0x0200_0000;
const VERSION_3: u32 = 0x0300_0000;
const SIZE_2: usize = 20;
const SIZE_3: usize = 24;

/// The value to set, or `None` to drop the attribute.
pub(crate) fn kept<'a>(name: &[u8], value: &'a [u8]) -> Option<std::borrow::Cow<'a, [u8]>> {
    if name == CAPABILITY {
        return capability(value);
    }
    let wanted = name.starts_with(b"user.") && !name.starts_with(OVERLAY);
    wanted.then_some(value.into())
}

pub(crate) fn is_capability(name: &[u8]) -> bool {
    name == CAPABILITY
}

/// File capabilities as version 2, which the kernel ties to the user namespace we are in. Version 3 names the root id they
/// were made for: ours is 0, and those for another are no capabilities here.
fn capability(value: &[u8]) -> Option<std::borrow::Cow<'_, [u8]>> {
    let magic = u32::from_le_bytes(value.get(..4)?.try_into().ok()?);
    match (magic & VERSION_MASK, value.len()) {
        (VERSION_2, SIZE_2) => Some(value.into()),
        (VERSION_3, SIZE_3) if value[SIZE_2..] == [0; SIZE_3 - SIZE_2] => {
            let flags = magic & !VERSION_MASK;
            let mut converted = (VERSION_2 | flags).to_le_bytes().to_vec();
            converted.extend_from_slice(&value[4..SIZE_2]);
            Some(converted.into())
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "attributes_test.rs"]
mod tests;
