//! (landlock)
