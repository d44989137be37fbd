//! The addon: plain data in and out, errors as values, no logic.
