//! The fonts of labels: Be Vietnam Pro, and what the city adds.

use std::path::Path;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use moka::future::Cache;
use rust_embed::Embed;
use serde_json::json;
use xxhash_rust::xxh3::xxh3_64;

use super::glyphs::{self, FontFile};
use crate::app::App;
use crate::config::GLYPH_BYTES;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::params::Segments;
use crate::http::problem::Problem;

/// `styles/fonts` as it was when the binary was built: the fonts, and their licence with them.
#[derive(Embed)]
#[folder = "../../styles/fonts"]
struct Shipped;

/// Where a city keeps its own, from its folder.
const FOLDER: &str = "styles/fonts";
/// What may be a font.
const KINDS: [&str; 2] = ["ttf", "otf"];
/// The largest file, bytes: a font of all Chinese characters has about 20 MB.
const MAX_BYTES: u64 = 64 << 20;
/// The style that a family alone means.
const REGULAR: &str = "Regular";
/// How many fonts a stack may name, those that are not here included.
const MAX_STACK: usize = 8;
/// The media type of a range. No standard has one; this is what other servers say.
const PBF: &str = "application/x-protobuf";

/// All fonts, and the ranges of letters made of them.
pub(crate) struct Fonts {
    /// By full name (`Be Vietnam Pro Bold`), in the order of the alphabet.
    fonts: Vec<(String, FontFile)>,
    ranges: Cache<Key, Bytes>,
}

/// The numbers of the fonts that a stack falls back through, and the first letter.
type Key = (Vec<usize>, u32);

impl Fonts {
    /// Those that ship with kho, and the city's over them.
    pub(crate) fn open(city: &Path) -> Self {
        let mut fonts = Vec::new();
        for file in Shipped::iter().filter(|file| is_font(Path::new(&**file))) {
            let data = Shipped::get(&file).map(|file| file.data.into_owned()).unwrap_or_default();
            if let Err(reason) = add(&mut fonts, data) {
                tracing::error!(%file, %reason, "a font that ships with kho cannot be read");
            }
        }
        let mut paths: Vec<_> = std::fs::read_dir(city.join(FOLDER))
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_font(path))
            .collect();
        paths.sort();
        for path in paths {
            if let Err(reason) = read(&path).and_then(|data| add(&mut fonts, data)) {
                tracing::warn!(file = %path.display(), %reason, "a font is left out");
            }
        }
        fonts.sort_by(|(one, _), (other, _)| one.cmp(other));
        let bytes =
            |key: &Key, range: &Bytes| u32::try_from(range.len() + 64 + 8 * key.0.len()).unwrap_or(u32::MAX);
        Self { fonts, ranges: Cache::builder().weigher(bytes).max_capacity(GLYPH_BYTES).build() }
    }

    /// The names that a stack may be made of.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in &self.fonts {
            names.extend(name.strip_suffix(REGULAR).map(str::trim_end));
            names.push(name);
        }
        names
    }

    /// The number of the font that goes by a name: its full name, or its family's if it is the
    /// regular one.
    fn find(&self, name: &str) -> Option<usize> {
        let regular = format!("{name} {REGULAR}");
        let by = |wanted: &str| self.fonts.iter().position(|(known, _)| known == wanted);
        by(name).or_else(|| by(&regular))
    }

    /// The fonts of a stack, names with commas between, each once and in order. Names that are not here
    /// are passed over as long as one is.
    fn stack(&self, names: &str) -> Result<Vec<usize>, Problem> {
        if names.split(',').count() > MAX_STACK {
            return Err(Problem::bad_request(format!("A font stack has {MAX_STACK} names at most.")));
        }
        let mut stack = Vec::new();
        for font in names.split(',').filter_map(|name| self.find(name.trim())) {
            if !stack.contains(&font) {
                stack.push(font);
            }
        }
        if stack.is_empty() {
            return Err(Problem::not_found(format!(
                "None of these fonts is here; there are: {}.",
                self.names().join(", ")
            )));
        }
        Ok(stack)
    }

    /// Answers a request for `{stack}/{range}.pbf`.
    pub(crate) async fn answer(
        &self,
        stack: &str,
        range: &str,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        let stack = self.stack(stack)?;
        let first = glyphs::range(range).ok_or_else(|| {
            Problem::not_found("There is no such range; they go from 0-255.pbf to 65280-65535.pbf.")
        })?;
        let body = self.ranges.try_get_with((stack.clone(), first), self.make(&stack, first)).await?;
        Ok(Tagged::bytes(PBF, Freshness::Day, xxh3_64(&body), body).answer(headers))
    }

    async fn make(&self, stack: &[usize], first: u32) -> Result<Bytes, Problem> {
        let fonts: Vec<_> = stack.iter().filter_map(|&font| self.fonts.get(font)).cloned().collect();
        let made = tokio::task::spawn_blocking(move || {
            let (names, files): (Vec<String>, Vec<FontFile>) = fonts.into_iter().unzip();
            glyphs::render(names.join(","), &files, first)
        });
        made.await?.map(Bytes::from).map_err(|e| Problem::internal(&e))
    }
}

fn is_font(path: &Path) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| KINDS.contains(&e.to_ascii_lowercase().as_str()))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let meta = std::fs::metadata(path).map_err(|e| e.to_string())?;
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return Err(format!("it is no file of at most {} MB", MAX_BYTES >> 20));
    }
    std::fs::read(path).map_err(|e| e.to_string())
}

/// Adds a font under its own name, in place of one that has it already.
fn add(fonts: &mut Vec<(String, FontFile)>, data: Vec<u8>) -> Result<(), String> {
    let file = Arc::new(data);
    let (family, style) = glyphs::names(&file)?;
    let name = format!("{family} {style}");
    if name.contains([',', '/']) {
        return Err(format!("its name {name:?} holds a comma or a slash, which a stack cannot"));
    }
    fonts.retain(|(known, _)| *known != name);
    fonts.push((name, file));
    Ok(())
}

/// `/fonts`: the names.
pub(super) async fn list(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    Ok(Tagged::json(Freshness::Revalidate, &json!({"fonts": app.fonts.names()}))?.answer(&headers))
}

/// `/fonts/{fontstack}/{range}`.
pub(super) async fn range(
    State(app): State<App>,
    Segments((stack, range)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.fonts.answer(&stack, &range, &headers).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use pbf_font_tools::Glyphs;
    use pbf_font_tools::prost::Message as _;

    fn fonts() -> Fonts {
        Fonts::open(Path::new("/nowhere"))
    }

    #[test]
    fn stacks_fall_back_in_order() {
        let fonts = fonts();
        assert_eq!(
            fonts.names(),
            ["Be Vietnam Pro Bold", "Be Vietnam Pro", "Be Vietnam Pro Regular", "Be Vietnam Pro SemiBold"]
        );
        let stack = |names: &str| fonts.stack(names).ok();
        assert_eq!(stack("Be Vietnam Pro"), stack("Be Vietnam Pro Regular"));
        assert_eq!(stack("Be Vietnam Pro SemiBold,Be Vietnam Pro"), Some(vec![2, 1]));
        assert_eq!(stack("Be Vietnam Pro,Be Vietnam Pro Regular, Be Vietnam Pro Bold"), Some(vec![1, 0]));
        assert_eq!(stack("Open Sans Regular,Be Vietnam Pro Bold"), Some(vec![0]));
        for none in [
            "",
            ",",
            "Open Sans Regular",
            "be vietnam pro",
            "../Be Vietnam Pro",
            "Be Vietnam Pro Regular Regular",
        ] {
            assert_eq!(stack(none), None, "{none}");
        }
        assert_eq!(stack(&"Be Vietnam Pro,".repeat(9)), None);
    }

    #[tokio::test]
    async fn vietnamese_letters_are_drawn() {
        let fonts = fonts();
        for (first, letters) in [(0, "aĐ đ"), (7680, "ếộữẶỹ"), (256, "ăĐđơƯ"), (768, "\u{301}\u{323}")]
        {
            let bytes = fonts.make(&[1], first).await.unwrap();
            let read = Glyphs::decode(bytes.as_ref()).unwrap();
            let stack = &read.stacks[0];
            assert_eq!(stack.name, "Be Vietnam Pro Regular");
            for letter in letters.chars().filter(|c| (first..first + 256).contains(&u32::from(*c))) {
                let glyph = stack.glyphs.iter().find(|g| g.id == u32::from(letter));
                let glyph = glyph.unwrap_or_else(|| panic!("{letter:?} in {first}"));
                let size = (glyph.width + 6) * (glyph.height + 6);
                assert_eq!(glyph.bitmap.as_ref().unwrap().len(), size as usize, "{letter:?}");
                // Something is inside of its outline, unless it is a blank.
                let inside = glyph.bitmap.as_ref().unwrap().iter().any(|v| *v >= 192);
                assert_eq!(inside, letter != ' ', "{letter:?}");
            }
        }
        // A range of which the font has nothing is empty, not missing.
        let bytes = fonts.make(&[1, 0], 0xff00).await.unwrap();
        assert!(Glyphs::decode(bytes.as_ref()).unwrap().stacks[0].glyphs.is_empty());
    }

    #[test]
    fn a_city_adds_fonts_and_broken_ones_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("broken.ttf"), b"not a font").unwrap();
        std::fs::write(folder.join("README.md"), b"x").unwrap();
        let bold = Shipped::get("BeVietnamPro-Bold.ttf").unwrap().data;
        std::fs::write(folder.join("mine.OTF"), &bold).unwrap();
        let fonts = Fonts::open(dir.path());
        assert_eq!(fonts.fonts.len(), 3, "the same name replaces");
    }

    #[test]
    fn the_fonts_come_with_their_licence() {
        let licence = Shipped::get("OFL.txt").unwrap().data;
        assert!(String::from_utf8_lossy(&licence).contains("SIL OPEN FONT LICENSE Version 1.1"));
    }
}
