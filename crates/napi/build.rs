//! Says where the programs to embed lie: BUNKER_KEEPER and BUNKER_WORKER (set by scripts/build.ts), else empty files, so that
//! checking the crate needs no musl target; an addon built so refuses to start them, in words.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    napi_build::setup();
    embed("BUNKER_KEEPER", "BUNKER_EMBEDDED_KEEPER")?;
    embed("BUNKER_WORKER", "BUNKER_EMBEDDED_WORKER")
}

fn embed(given: &str, told: &str) -> std::io::Result<()> {
    println!("cargo::rerun-if-env-changed={given}");
    let program = match std::env::var_os(given) {
        Some(path) => PathBuf::from(path),
        None => {
            let empty = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("no-program");
            std::fs::write(&empty, b"")?;
            empty
        }
    };
    println!("cargo::rerun-if-changed={}", program.display());
    println!("cargo::rustc-env={told}={}", program.display());
    Ok(())
}
