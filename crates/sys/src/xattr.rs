//! (xattr)
