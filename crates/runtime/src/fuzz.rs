//! A fuzzer for what reads bytes of strangers: keeps the inputs that reach an edge no input reached before, or reach one much
//! more often, and changes those. Panics and overflows are findings; `timeout` finds what hangs. Compiled with the compiler's
//! counters by test/unit/fuzz-rust.test.ts; told by the environment how long (BUNKER_FUZZ_MS) and from which seed.

use bunker_sys::coverage;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

const LONGEST: usize = 16 * 1024;
const MOST_CHANGES: u64 = 6;
/// Values at which sizes, offsets and counts turn over.
const EDGES: [u64; 10] = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];

/// xorshift64*: no more is needed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or(0)
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Fuzzes `parse` from these inputs; `words` are what it looks for.
pub(crate) fn run(seeds: &[Vec<u8>], words: &[&[u8]], mut parse: impl FnMut(&[u8])) {
    let end = Instant::now() + Duration::from_millis(setting("BUNKER_FUZZ_MS", 1000));
    let mut random = Random(setting("BUNKER_FUZZ_SEED", 1) | 1);
    let mut seen = coverage::take();
    assert!(!seen.is_empty(), "compiled without counters");
    seen.fill(0);
    let mut corpus: Vec<Vec<u8>> = Vec::new();
    let mut runs = 0;
    while Instant::now() < end {
        let input = seeds.get(runs).cloned().unwrap_or_else(|| change(&corpus, words, &mut random));
        let _ = coverage::take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| parse(&input))) {
            let path = std::env::temp_dir().join("bunker-fuzz-finding");
            std::fs::write(&path, &input).expect("a file for the finding");
            writeln(&format!("finding: {} bytes in {}: \"{}\"", input.len(), path.display(), input.escape_ascii()));
            resume_unwind(panic);
        }
        let is_new = note(&coverage::take(), &mut seen) || runs < seeds.len();
        if is_new {
            corpus.push(input);
        }
        runs += 1;
    }
    let edges = seen.iter().filter(|known| **known != 0).count();
    writeln(&format!("{runs} inputs, {edges} edges, {} kept", corpus.len()));
    assert!(corpus.len() > seeds.len(), "found no way in");
}

/// Remembers what ran, in orders of magnitude of how often. Whether any of it is new.
fn note(counters: &[u8], seen: &mut [u8]) -> bool {
    let mut is_new = false;
    for (counters, seen) in counters.chunks(64).zip(seen.chunks_mut(64)) {
        // Most of a program does not run.
        if counters.iter().fold(0, |all, count| all | count) == 0 {
            continue;
        }
        for (count, known) in counters.iter().zip(seen).filter(|(count, _)| **count != 0) {
            let bit = 1 << count.ilog2();
            is_new |= *known & bit == 0;
            *known |= bit;
        }
    }
    is_new
}

/// Where the test that runs us reads it.
fn writeln(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn change(corpus: &[Vec<u8>], words: &[&[u8]], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.next() % MOST_CHANGES {
        change_once(&mut input, corpus, words, random);
    }
    input.truncate(LONGEST);
    input
}

fn change_once(input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&[u8]], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let end = at + random.below((input.len() - at).min(64) + 1);
    match random.below(8) {
        0 => drop(input.drain(at..end)),
        1 => {
            let piece = input[at..end].to_vec();
            input.splice(at..at, piece);
        }
        2 if !words.is_empty() => drop(input.splice(at..at, words[random.below(words.len())].iter().copied())),
        3 if !words.is_empty() => {
            let word = words[random.below(words.len())];
            let end = input.len().min(at + word.len());
            input.splice(at..end, word.iter().copied());
        }
        4 => {
            let other = &corpus[random.below(corpus.len())];
            let from = random.below(other.len() + 1);
            input.splice(at.., other[from..].iter().copied());
        }
        5 => {
            let value = EDGES[random.below(EDGES.len())].to_le_bytes();
            let width = 1 << random.below(4);
            let end = input.len().min(at + width);
            input.splice(at..end, value[..width].iter().copied());
        }
        6 if at < input.len() => input[at] ^= 1 << random.below(8),
        _ => input.splice(at..end, [random.next().to_le_bytes()[0]]).for_each(drop),
    }
}
