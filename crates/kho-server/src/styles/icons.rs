//! The pictures of the maps: SVG files that ship with kho, and those that the city adds.
//!
//! A file is a drawing and nothing else. What would need another file (an image, a font, a drawing
//! elsewhere) is refused rather than left out, and nothing is ever fetched. A file that is refused is
//! named in the log, and all others stay.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rust_embed::Embed;
use spreet::Sprite;
use spreet::resvg::usvg::{ImageHrefResolver, Options, Tree, WriteOptions, roxmltree};

/// `styles/icons` as it was when the binary was built.
#[derive(Embed)]
#[folder = "../../styles/icons"]
struct Shipped;

/// Where a city keeps its own, from its folder.
const FOLDER: &str = "styles/icons";
/// Files whose names begin so are tiles of a pattern.
const PATTERN: &str = "pattern-";
/// The pattern of what has none, for layers some of whose codes have one.
pub(super) const PLAIN: &str = "plain";
/// The largest file, bytes, and the widest or highest drawing, pixels.
const MAX_BYTES: u64 = 64 << 10;
const MAX_SIDE: u32 = 128;
/// All drawings together, square pixels: a sheet of 2048 by 2048 for screens with double resolution.
const MAX_AREA: u32 = 1 << 20;
/// Elements that draw what is not in the file.
const FOREIGN: [&str; 4] = ["image", "feImage", "text", "foreignObject"];

/// One drawing.
#[derive(Clone)]
pub(super) struct Icon {
    pub(super) tree: Tree,
    /// Drawn in black alone: the map gives it the colour.
    pub(super) flat: bool,
    /// The file's text; patterns are tinted in it.
    text: String,
    /// Square pixels.
    area: u32,
}

/// All drawings by name.
pub(crate) struct Icons {
    all: Arc<BTreeMap<String, Icon>>,
    area: u32,
}

impl Icons {
    /// Those that ship with kho, and the city's over them.
    pub(super) fn read(city: &Path) -> Self {
        let mut icons = Self { all: Arc::default(), area: 0 };
        for file in Shipped::iter() {
            let Some(name) = file.strip_suffix(".svg") else { continue };
            let data = Shipped::get(&file).map(|file| file.data).unwrap_or_default();
            if let Err(reason) = icons.add(name, &data) {
                tracing::error!(icon = name, %reason, "an icon that ships with kho cannot be drawn");
            }
        }
        let folder = city.join(FOLDER);
        let Ok(entries) = std::fs::read_dir(&folder) else { return icons };
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        // The same set of files makes the same sheet on every machine.
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "svg")) {
            if let Err(reason) = icons.add_file(path) {
                tracing::warn!(file = %path.display(), %reason, "an icon is left out");
            }
        }
        icons
    }

    fn add_file(&mut self, path: &Path) -> Result<(), String> {
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let meta = std::fs::metadata(path).map_err(|e| e.to_string())?;
        if !meta.is_file() {
            return Err("it is no file".into());
        }
        if meta.len() > MAX_BYTES {
            return Err(format!("it is larger than {} KB; simplify the drawing", MAX_BYTES >> 10));
        }
        let data = std::fs::read(path).map_err(|e| e.to_string())?;
        self.add(name, &data)
    }

    fn add(&mut self, name: &str, data: &[u8]) -> Result<(), String> {
        if !is_icon_name(name) {
            return Err("its name may hold small letters, digits, - and _ only, 64 at most".into());
        }
        let text = std::str::from_utf8(data).map_err(|_| "it is not UTF-8 text".to_owned())?;
        self.keep(name, draw(text, name.starts_with(PATTERN))?)
    }

    fn keep(&mut self, name: &str, icon: Icon) -> Result<(), String> {
        let before = self.all.get(name).map_or(0, |icon| icon.area);
        let area = self.area - before + icon.area;
        if area > MAX_AREA {
            return Err("there are too many icons, or too large ones: the map's sheet is full".into());
        }
        self.area = area;
        Arc::make_mut(&mut self.all).insert(name.to_owned(), icon);
        Ok(())
    }

    /// Lays a pattern over a colour (`#rrggbb`), under the name of [`tinted`].
    pub(super) fn tint(&mut self, pattern: &str, color: &str) -> Result<(), String> {
        let name = tinted(pattern, color).ok_or_else(|| format!("the colour {color:?} is not #rrggbb"))?;
        if self.all.contains_key(&name) {
            return Ok(());
        }
        let base = self.all.get(&format!("{PATTERN}{pattern}")).ok_or("there is no such pattern")?;
        let icon = draw(&under(&base.text, color)?, true)?;
        self.keep(&name, icon)
    }

    /// Whether there is one of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all.contains_key(name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Icon> {
        self.all.get(name)
    }

    /// All by name.
    pub(super) fn all(&self) -> Arc<BTreeMap<String, Icon>> {
        Arc::clone(&self.all)
    }
}

impl Icon {
    /// The drawing as usvg understood it: no script, no address, no metadata.
    pub(super) fn svg(&self) -> String {
        self.tree.to_string(&WriteOptions::default())
    }
}

/// The name of a pattern over a colour, which must be `#rrggbb` or `#rgb`.
pub(super) fn tinted(pattern: &str, color: &str) -> Option<String> {
    let digits = color.strip_prefix('#')?;
    let hex = [3, 6].contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then(|| format!("{PATTERN}{pattern}-{}", digits.to_ascii_lowercase()))
}

fn is_icon_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

/// Reads a drawing.
fn draw(text: &str, pattern: bool) -> Result<Icon, String> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(text, options).map_err(|e| e.to_string())?;
    for element in document.descendants().filter(roxmltree::Node::is_element) {
        let tag = element.tag_name().name();
        if FOREIGN.contains(&tag) {
            return Err(format!("it holds <{tag}>: an icon is made of shapes alone (turn text into paths)"));
        }
        let elsewhere = |a: &roxmltree::Attribute<'_, '_>| a.name() == "href" && !a.value().starts_with('#');
        if tag != "a" && element.attributes().any(|a| elsewhere(&a)) {
            return Err(format!("its <{tag}> refers to something outside of the file, which is not fetched"));
        }
    }
    // The check above has found all of them; by default usvg would read files that an icon names.
    let nothing =
        ImageHrefResolver { resolve_data: Box::new(|_, _, _| None), resolve_string: Box::new(|_, _| None) };
    let options = Options { image_href_resolver: nothing, ..Options::default() };
    let tree = Tree::from_xmltree(&document, &options).map_err(|e| e.to_string())?;
    let size = tree.size().to_int_size();
    if size.width() > MAX_SIDE || size.height() > MAX_SIDE {
        return Err(format!(
            "it is {} by {} pixels; {MAX_SIDE} are the most, and 20 by 20 is usual",
            size.width(),
            size.height()
        ));
    }
    let sprite = Sprite::new(tree.clone(), 1).ok_or("it has no size")?;
    let mut seen = sprite.pixmap().pixels().iter().filter(|pixel| pixel.alpha() > 0).peekable();
    if seen.peek().is_none() && !pattern {
        return Err("nothing is drawn in it".into());
    }
    let flat = !pattern && seen.all(|p| p.red() == 0 && p.green() == 0 && p.blue() == 0);
    Ok(Icon { tree, flat, text: text.to_owned(), area: size.width() * size.height() })
}

/// A drawing's text with a ground of one colour below everything.
fn under(text: &str, color: &str) -> Result<String, String> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(text, options).map_err(|e| e.to_string())?;
    let root = document.root_element();
    // Wide enough whatever the view box is.
    let ground = format!(
        "<rect xmlns=\"http://www.w3.org/2000/svg\" x=\"-4096\" y=\"-4096\" width=\"8192\" height=\"8192\" fill=\"{color}\"/>"
    );
    match root.first_child() {
        Some(child) => {
            let (before, after) = text.split_at(child.range().start);
            Ok(format!("{before}{ground}{after}"))
        }
        None => Err("the pattern is empty".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOT: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><circle cx="10" cy="10" r="6"/></svg>"#;

    fn city(files: &[(&str, &str)]) -> (tempfile::TempDir, Icons) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(FOLDER)).unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(FOLDER).join(name), text).unwrap();
        }
        let icons = Icons::read(dir.path());
        (dir, icons)
    }

    #[test]
    fn what_ships_can_be_drawn() {
        let (_dir, icons) = city(&[]);
        assert_eq!(icons.all.len(), Shipped::iter().count());
        for name in ["lamp", "manhole", "flow", "pattern-plain", "pattern-hatch"] {
            assert!(icons.has(name), "{name}");
        }
        for (name, icon) in icons.all().iter() {
            assert_eq!(icon.flat, !name.starts_with(PATTERN), "{name}");
        }
    }

    #[test]
    fn a_city_adds_and_replaces() {
        let red = DOT.replace("<circle", "<circle fill=\"#c00\"");
        let (_dir, icons) = city(&[("cay.svg", DOT), ("lamp.svg", &red), ("README.md", "x")]);
        assert!(icons.get("cay").unwrap().flat);
        assert!(!icons.get("lamp").unwrap().flat);
        assert!(!icons.has("README"));
    }

    #[test]
    fn a_broken_drawing_is_left_out_and_the_others_stay() {
        let big = DOT.replace("\"20\"", "\"500\"");
        let bomb = format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{}</svg>", " ".repeat(70_000));
        let text = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>a</text></svg>"#;
        let blank = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>"#;
        let (_dir, icons) = city(&[
            ("broken.svg", "<svg"),
            ("binary.svg", "\u{1f}\u{8b}"),
            ("big.svg", &big),
            ("bomb.svg", &bomb),
            ("text.svg", text),
            ("blank.svg", blank),
            ("Tên.svg", DOT),
            ("fine.svg", DOT),
        ]);
        for name in ["broken", "binary", "big", "bomb", "text", "blank", "Tên"] {
            assert!(!icons.has(name), "{name}");
        }
        assert!(icons.has("fine") && icons.has("lamp"));
    }

    #[test]
    fn nothing_outside_of_the_file_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside.svg");
        std::fs::write(&outside, DOT).unwrap();
        let svg = |inside: &str| {
            format!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="20" height="20">{inside}<circle r="5"/></svg>"#
            )
        };
        let path = outside.display().to_string();
        for inside in [
            format!(r#"<image href="{path}" width="20" height="20"/>"#),
            format!(r#"<image xlink:href="file://{path}" width="20" height="20"/>"#),
            r#"<image href="http://127.0.0.1:9/a.png" width="20" height="20"/>"#.to_owned(),
            r#"<image href="data:image/png;base64,AAAA" width="20" height="20"/>"#.to_owned(),
            format!(r##"<use href="{path}#a"/>"##),
            format!(r#"<filter id="f"><feImage href="{path}"/></filter>"#),
        ] {
            assert!(draw(&svg(&inside), false).is_err(), "{inside}");
        }
        // What stands in the file itself may be used, and an address in the author's notes is no reference.
        let own = svg(r##"<defs><g id="a"><circle r="3"/></g></defs><use xlink:href="#a"/>"##);
        assert!(draw(&own, false).is_ok());
        let svg = draw(&svg("<metadata><a>http://example.vn</a></metadata><script>1</script>"), false)
            .unwrap()
            .svg();
        assert!(!svg.contains("script") && !svg.contains("example.vn"), "{svg}");
    }

    #[test]
    fn a_pattern_is_tinted_once_for_each_colour() {
        let (_dir, mut icons) = city(&[]);
        let before = icons.all.len();
        for _ in 0..2 {
            icons.tint("hatch", "#A8CF9A").unwrap();
            icons.tint(PLAIN, "#abc").unwrap();
        }
        assert_eq!(icons.all.len(), before + 2);
        let sprite = Sprite::new(icons.get("pattern-plain-abc").unwrap().tree.clone(), 1).unwrap();
        let first = sprite.pixmap().pixels()[0];
        assert_eq!((first.red(), first.green(), first.blue(), first.alpha()), (0xaa, 0xbb, 0xcc, 255));
        // No corner is left open, and the lines are there.
        let hatch = Sprite::new(icons.get("pattern-hatch-a8cf9a").unwrap().tree.clone(), 1).unwrap();
        let pixels = hatch.pixmap().pixels();
        assert!(pixels.iter().all(|p| p.alpha() == 255) && pixels.iter().any(|p| p.red() < 0xa0));
        assert!(icons.tint("nope", "#abc").is_err());
        assert!(icons.tint("hatch", "red\"/><script").is_err());
    }
}
