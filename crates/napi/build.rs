//! Says where the keeper to embed lies: BUNKER_KEEPER (set by scripts/build.ts), else an empty file, so that checking the
//! crate needs no musl target; an addon built so refuses to start keepers, in words.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    napi_build::setup();
    println!("cargo::rerun-if-env-changed=BUNKER_KEEPER");
    let keeper = match std::env::var_os("BUNKER_KEEPER") {
        Some(path) => PathBuf::from(path),
        None => {
            let empty = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("no-keeper");
            std::fs::write(&empty, b"")?;
            empty
        }
    };
    println!("cargo::rerun-if-changed={}", keeper.display());
    println!("cargo::rustc-env=BUNKER_EMBEDDED_KEEPER={}", keeper.display());
    Ok(())
}
