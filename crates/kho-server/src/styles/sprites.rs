//! The sheet of all icons and patterns, and its index, as map clients want them: `sprite.json` and
//! `sprite.png`, and `@2x` of both for screens with double resolution.

use std::collections::BTreeMap;
use std::path::Path;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use kho_access::{Policy, Principal};
use spreet::{Sprite, Spritesheet};
use tokio::sync::OnceCell;
use xxhash_rust::xxh3::xxh3_64;

use super::icons::{Icon, Icons};
use super::marks;
use super::theme::Themes;
use crate::app::App;
use crate::http::conditional::{Freshness, Tagged};
use crate::http::params::Segments;
use crate::http::problem::Problem;

/// The name of the only sheet: all themes draw from it, so that a client reads it once.
const SHEET: &str = "kho";
/// Pixels between the drawings: none shines into its neighbour when it is scaled.
const SPACING: u8 = 2;

/// The icons of a city, and the sheet made of them when it is first asked for.
pub(crate) struct Sprites {
    pub(crate) icons: Icons,
    sheets: OnceCell<Sheets>,
}

/// The sheet at both resolutions.
struct Sheets {
    /// Changes with the content of any of the four files.
    version: String,
    once: Sheet,
    twice: Sheet,
}

struct Sheet {
    index: Bytes,
    picture: Bytes,
}

/// What of a sheet is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File<'a> {
    twice: bool,
    picture: bool,
    /// The version that the address names.
    version: Option<&'a str>,
}

impl<'a> File<'a> {
    /// Reads `NAME.json`, `NAME@2x.png`, `NAME-VERSION.json` and the like.
    fn parse(file: &'a str, name: &str) -> Option<Self> {
        let (rest, picture) = match file.strip_suffix(".png") {
            Some(rest) => (rest, true),
            None => (file.strip_suffix(".json")?, false),
        };
        let (rest, twice) = rest.strip_suffix("@2x").map_or((rest, false), |rest| (rest, true));
        let version = rest.strip_prefix(name)?;
        let version = if version.is_empty() { None } else { Some(version.strip_prefix('-')?) };
        Some(Self { twice, picture, version })
    }
}

impl Sprites {
    /// Reads the icons, and lays the patterns over the colours that the themes give them. What a
    /// theme or a layer names and nobody has drawn is told to the log.
    pub(crate) fn open(city: &Path, themes: &Themes, policy: &Policy) -> Self {
        let mut icons = Icons::read(city);
        for grant in policy.grants(&Principal::Anonymous, 0) {
            let layer = &grant.layer().name;
            for theme in themes.all() {
                let look = theme.look(layer, grant.layer().geometry);
                for name in marks::icons(look, &grant).filter(|name| !icons.has(name)) {
                    tracing::warn!(layer, theme = theme.name, icon = name, "there is no such icon");
                }
                for (pattern, color) in marks::tiles(look, &grant, policy.city()).iter().flat_map(|t| t.all())
                {
                    if let Err(reason) = icons.tint(pattern, color) {
                        tracing::warn!(layer, theme = theme.name, pattern, %reason, "a layer is drawn without its pattern");
                    }
                }
            }
        }
        Self { icons, sheets: OnceCell::new() }
    }

    /// The sheets, made once.
    async fn sheets(&self) -> Result<&Sheets, Problem> {
        self.sheets
            .get_or_try_init(|| async {
                let icons = self.icons.all();
                tokio::task::spawn_blocking(move || Sheets::make(&icons)).await?
            })
            .await
    }

    /// The name under which a style refers to the sheet: it holds the version, so that a client may
    /// keep what it has read.
    pub(crate) async fn name(&self) -> Result<String, Problem> {
        Ok(format!("{SHEET}-{}", self.sheets().await?.version))
    }

    /// Answers a request for a file of the sheet that goes by `name` there.
    pub(crate) async fn answer(
        &self,
        file: &str,
        name: &str,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        let asked = File::parse(file, name).ok_or_else(|| {
            Problem::not_found(format!(
                "There is no such sheet; there are {name}.json, {name}.png, {name}@2x.json and {name}@2x.png."
            ))
        })?;
        let sheets = self.sheets().await?;
        let sheet = if asked.twice { &sheets.twice } else { &sheets.once };
        let (kind, body) = match asked.picture {
            true => ("image/png", sheet.picture.clone()),
            false => ("application/json", sheet.index.clone()),
        };
        // A style that was kept from before the icons changed names an older version. It gets the new
        // sheet, whose index and picture fit each other, rather than none.
        let current = asked.version == Some(sheets.version.as_str());
        let freshness = if current { Freshness::Immutable } else { Freshness::Revalidate };
        Ok(Tagged::bytes(kind, freshness, xxh3_64(&body), body).answer(headers))
    }
}

impl Sheets {
    fn make(icons: &BTreeMap<String, Icon>) -> Result<Self, Problem> {
        let (once, twice) = (Sheet::make(icons, 1)?, Sheet::make(icons, 2)?);
        let parts = [&once.index, &once.picture, &twice.index, &twice.picture].map(|part| xxh3_64(part));
        let version = format!("{:016x}", xxh3_64(parts.map(u64::to_be_bytes).as_flattened()));
        Ok(Self { version, once, twice })
    }
}

impl Sheet {
    fn make(icons: &BTreeMap<String, Icon>, ratio: u8) -> Result<Self, Problem> {
        let sprite = |icon: &Icon| match icon.flat {
            true => Sprite::new_sdf(icon.tree.clone(), ratio),
            false => Sprite::new(icon.tree.clone(), ratio),
        };
        let sprites: BTreeMap<String, Sprite> =
            icons.iter().filter_map(|(name, icon)| Some((name.clone(), sprite(icon)?))).collect();
        let sheet = Spritesheet::build()
            .sprites(sprites)
            .spacing(SPACING)
            .generate()
            .ok_or_else(|| Problem::fault("the icons do not fit into a sheet"))?;
        let mut index = sheet.get_index().clone();
        for (name, place) in &mut index {
            // spreet knows sheets that are distance fields or not; ours holds both.
            place.sdf = icons.get(name).is_some_and(|icon| icon.flat);
        }
        let index = serde_json::to_vec(&index).map_err(|e| Problem::internal(&e))?;
        let picture = sheet.encode_png().map_err(|e| Problem::internal(&e))?;
        Ok(Self { index: index.into(), picture: picture.into() })
    }
}

/// `/styles/sprites/{file}`.
pub(super) async fn sheet(
    State(app): State<App>,
    Segments(file): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.sprites.answer(&file, SHEET, &headers).await
}

/// `/styles/icons/{file}`: one drawing, for legends.
pub(super) async fn drawing(
    State(app): State<App>,
    Segments(file): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let icon = file.strip_suffix(".svg").and_then(|name| app.sprites.icons.get(name));
    let icon = icon.ok_or_else(|| Problem::not_found("There is no such icon."))?;
    Ok(Tagged::text("image/svg+xml", Freshness::Day, icon.svg()).answer(&headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sheets() {
        let file = |text| File::parse(text, "kho").map(|f| (f.twice, f.picture, f.version));
        assert_eq!(file("kho.json"), Some((false, false, None)));
        assert_eq!(file("kho@2x.png"), Some((true, true, None)));
        assert_eq!(file("kho-00ff@2x.json"), Some((true, false, Some("00ff"))));
        for none in ["kho", "khox.json", "portal.png", "kho@3x.png", "kho.jpg", "../kho.json", ""] {
            assert_eq!(file(none), None, "{none}");
        }
    }

    #[tokio::test]
    async fn the_sheet_is_the_same_at_every_start() {
        let dir = tempfile::tempdir().unwrap();
        let city = std::sync::Arc::new(kho_layer::StandardModel::load().unwrap());
        let open = || Sprites::open(dir.path(), &Themes::load().unwrap(), &Policy::new(city.clone()));
        let (first, second) = (open(), open());
        assert_eq!(first.name().await.unwrap(), second.name().await.unwrap());
        std::fs::create_dir_all(dir.path().join("styles/icons")).unwrap();
        let dot = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4"/></svg>"#;
        std::fs::write(dir.path().join("styles/icons/dot.svg"), dot).unwrap();
        assert_ne!(first.name().await.unwrap(), open().name().await.unwrap());
    }
}
