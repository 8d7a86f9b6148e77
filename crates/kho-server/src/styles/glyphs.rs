//! Letters as distance fields, in ranges of 256: what map clients read that do not draw their labels
//! themselves.

use std::sync::Arc;

use pbf_font_tools::freetype::{Face, Library};
use pbf_font_tools::prost::Message as _;
use pbf_font_tools::{Fontstack, Glyphs, PbfFontError, render_sdf_glyph};

/// How many letters a range has.
pub(super) const RANGE: u32 = 256;
/// The last range begins here: no client asks above the Basic Multilingual Plane.
const LAST: u32 = 0xff00;
/// The size at which clients expect the letters, pixels to an em.
const SIZE: isize = 24;
/// Pixels of the field around each letter, and how far it reaches; all clients reckon with these.
const BUFFER: usize = 3;
const RADIUS: usize = 8;
const CUTOFF: f64 = 0.25;

/// A font file.
pub(super) type FontFile = Arc<Vec<u8>>;

/// Reads `7680-7935.pbf`: the first letter of a range that exists.
pub(super) fn range(text: &str) -> Option<u32> {
    let (first, last) = text.strip_suffix(".pbf")?.split_once('-')?;
    // One way only to write a number: each further one would be a further copy in caches.
    let number = |text: &str| {
        let number: u32 = text.parse().ok()?;
        (number.to_string() == text).then_some(number)
    };
    let (first, last) = (number(first)?, number(last)?);
    (first % RANGE == 0 && first <= LAST && last == first + RANGE - 1).then_some(first)
}

/// Family and style of a font file (`Be Vietnam Pro`, `SemiBold`).
pub(super) fn names(file: &FontFile) -> Result<(String, String), String> {
    let library = Library::init().map_err(|e| e.to_string())?;
    let face = open(&library, file).map_err(|e| e.to_string())?;
    if !face.is_scalable() {
        return Err("it holds pictures of letters, not their outlines".into());
    }
    let family = face.family_name().ok_or("it has no family name")?;
    Ok((family, face.style_name().unwrap_or_else(|| "Regular".into())))
}

/// The range that begins at `first`, each letter from the first font that has it. Takes tens of
/// milliseconds.
pub(super) fn render(name: String, fonts: &[FontFile], first: u32) -> Result<Vec<u8>, PbfFontError> {
    let library = Library::init()?;
    let mut faces = Vec::with_capacity(fonts.len());
    for font in fonts {
        let face = open(&library, font)?;
        face.set_char_size(0, SIZE << 6, 0, 0)?;
        faces.push(face);
    }
    let last = first + RANGE - 1;
    let mut stack = Fontstack { name, range: format!("{first}-{last}"), glyphs: Vec::new() };
    for letter in first..=last {
        for face in &faces {
            match render_sdf_glyph(face, letter, BUFFER, RADIUS, CUTOFF) {
                Ok(glyph) => {
                    stack.glyphs.push(glyph);
                    break;
                }
                // Not in this font, or a picture in colours.
                Err(PbfFontError::SdfGlyphError(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Glyphs { stacks: vec![stack] }.encode_to_vec())
}

fn open(library: &Library, file: &FontFile) -> Result<Face, PbfFontError> {
    Ok(library.new_memory_face(Vec::clone(file), 0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (text, first) in [("0-255.pbf", 0), ("7680-7935.pbf", 7680), ("65280-65535.pbf", 65_280)] {
            assert_eq!(range(text), Some(first), "{text}");
        }
        for text in [
            "",
            ".pbf",
            "0-255",
            "0-256.pbf",
            "1-256.pbf",
            "0-511.pbf",
            "00-255.pbf",
            "+0-255.pbf",
            "-1-254.pbf",
            "65536-65791.pbf",
            "256-511.pbf.pbf",
            "4294967040-4294967295.pbf",
            "0-255.PBF",
            "../0-255.pbf",
        ] {
            assert_eq!(range(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_font_says_so() {
        for bytes in [Vec::new(), b"not a font".to_vec(), vec![0; 4096]] {
            assert!(names(&Arc::new(bytes)).is_err());
        }
    }
}
