//! The user namespace U: find, join or make.
