//! Makes sure that the folder of the built pages exists, so that rust-embed finds it, and rebuilds
//! when the pages change, or the icons and fonts of the maps. It never builds the pages: that is
//! `npm run build` in web/.

use std::path::PathBuf;

/// From this package's folder.
const DIST: &str = "../../web/dist";
/// The same; rust-embed notices changed files by itself, but not new ones.
const ART: [&str; 2] = ["../../styles/icons", "../../styles/fonts"];

fn main() {
    // Asked now and not compiled in: clones of one machine share this program.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    // A checkout that cannot be written to still compiles: rust-embed is told that it may be missing.
    let _ = std::fs::create_dir_all(PathBuf::from(package).join(DIST));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={DIST}");
    for folder in ART {
        println!("cargo::rerun-if-changed={folder}");
    }
}
