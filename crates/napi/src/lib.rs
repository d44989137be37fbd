//! The addon: plain data in and out, errors as values, no policy. Each function returns its value or
//! `{ failure: { code, message, call, errno } }`; only a wrongly typed argument (a bug of ours) throws.

mod channel;
mod failure;
mod files;
mod keeper;
mod lock;
mod process;
mod terminal;
