//! System calls as words: a number, then arguments; `0x…` is hexadecimal, `s:text` a pointer to that text.

use std::ffi::CString;

use libc::c_long;
use serde_json::Value;

use crate::attempt::attempt;

/// What each call answers, in order.
pub fn make(calls: &[&str]) -> Value {
    calls.iter().map(|call| Value::from(answer(call))).collect()
}

fn answer(call: &str) -> String {
    let mut texts = Vec::new();
    let words: Option<Vec<c_long>> = call.split_whitespace().map(|word| parse(word, &mut texts)).collect();
    let Some([number, given @ ..]) = words.as_deref() else { return "not a call".to_owned() };
    let mut arguments = [0; 6];
    for (slot, value) in arguments.iter_mut().zip(given) {
        *slot = *value;
    }
    attempt(*number, arguments).word()
}

/// `texts` keeps what pointers point to.
fn parse(word: &str, texts: &mut Vec<CString>) -> Option<c_long> {
    if let Some(text) = word.strip_prefix("s:") {
        let text = CString::new(text).ok()?;
        let pointer = text.as_ptr() as c_long;
        texts.push(text);
        return Some(pointer);
    }
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(u64::cast_signed),
        None => word.parse().ok(),
    }
}
