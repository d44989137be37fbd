//! For tests and the benchmark only: starts programs and says how long each took, from before its start to after its end. Stays
//! between runs, so that what it takes to get into a test's environment is not measured.
//!
//! Standard input: one JSON array of words a line. Standard output: one line `{"ms", "code", "stdout", "stderr"}` for each.

use std::io::{self, BufRead, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

/// Enough to see what went wrong.
const KEPT_BYTES: usize = 4096;
const MS_PER_SECOND: f64 = 1000.0;

fn main() -> ExitCode {
    let mut answers = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = match line.map(|line| serde_json::from_str::<Vec<String>>(&line)) {
            Ok(Ok(words)) => measure(&words),
            Ok(Err(error)) => json!({ "error": error.to_string() }),
            Err(_) => return ExitCode::FAILURE,
        };
        if writeln!(answers, "{answer}").and_then(|()| answers.flush()).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn measure(words: &[String]) -> Value {
    let Some((program, arguments)) = words.split_first() else { return json!({ "error": "no program" }) };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = Instant::now();
    match command.output() {
        Err(error) => json!({ "error": error.to_string() }),
        Ok(output) => json!({
            "ms": start.elapsed().as_secs_f64() * MS_PER_SECOND,
            "code": output.status.code(),
            "stdout": kept(&output.stdout),
            "stderr": kept(&output.stderr),
        }),
    }
}

fn kept(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(KEPT_BYTES)]).into_owned()
}
