//! Makes sure that the folder of the built pages exists, so that rust-embed finds it, and rebuilds
//! when the pages change. It never builds the pages: that is `npm run build` in web/.

use std::path::Path;

fn main() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    // A checkout that cannot be written to still compiles: rust-embed is told that it may be missing.
    let _ = std::fs::create_dir_all(&dist);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());
}
