//! Sources: tiles that others keep, and that appear in the catalogue beside the city's layers.

use crate::{LayerError, Text, ZoomRange, is_name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// One `[[source]]` of `kho.toml`: a department's PostGIS, or an archive of finished tiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceDef {
    /// The name in URLs. A table is `SOURCE.TABLE`, an archive is `SOURCE`.
    pub name: String,
    /// The name for people.
    pub title: Text,
    /// Whether everybody may see what the source opens.
    #[serde(default)]
    pub published: bool,
    /// How often the source is asked whether its schema has changed, in seconds.
    #[serde(default = "default_refresh")]
    pub refresh_seconds: u32,
    /// How long a tile of a table or function is kept, in seconds. 0: it is made for each request,
    /// since nobody tells kho when the rows change. Tiles of archives are kept until the file changes.
    #[serde(default)]
    pub cache_seconds: u32,
    /// The most bytes that a tile may have as the source gives it.
    #[serde(default = "default_tile_bytes")]
    pub max_tile_bytes: u32,
    /// The zooms that are asked of the source; an archive's own where it has fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoom: Option<ZoomRange>,
    /// A PostGIS database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<PostgresDef>,
    /// A PMTiles archive: a path in the city's folder, or an absolute one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pmtiles: Option<String>,
    /// An MBTiles file: a path in the city's folder, or an absolute one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mbtiles: Option<String>,
}

/// What a PostGIS database opens. What is not named here stays closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresDef {
    /// The environment variable that holds the address. Better than `url`: no password in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_env: Option<String>,
    /// The address: `postgresql://user@host/database`.
    #[serde(default, skip_serializing)]
    pub url: Option<SecretUrl>,
    /// The schemas that are looked into.
    pub schemas: Vec<String>,
    /// The tables and views, as `table` or `schema.table`; absent for all with a geometry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<Vec<String>>,
    /// The functions, as `function` or `schema.function`; absent for none: what a function puts
    /// into a tile only its author knows.
    #[serde(default)]
    pub functions: Vec<String>,
    /// The columns that are open, by table. Of a table that is not named here only the geometry and
    /// the id are.
    #[serde(default)]
    pub columns: BTreeMap<String, Vec<String>>,
    /// The most tiles that are asked for at once, each on a connection of its own.
    #[serde(default = "default_connections")]
    pub connections: u8,
    /// How long a tile may take, in seconds.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u16,
}

/// An address with a password in it. It is written out nowhere.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// The address itself, for who connects.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretUrl(…)")
    }
}

/// Which of the three a source is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SourceKind<'a> {
    /// A PostGIS database.
    Postgres(&'a PostgresDef),
    /// A PMTiles archive, with its path as it stands in the file.
    PmTiles(&'a str),
    /// An MBTiles file, with its path as it stands in the file.
    MbTiles(&'a str),
}

fn default_refresh() -> u32 {
    30
}

fn default_tile_bytes() -> u32 {
    5_000_000
}

fn default_connections() -> u8 {
    4
}

fn default_timeout() -> u16 {
    10
}

impl SourceDef {
    /// What the source is.
    ///
    /// # Errors
    /// [`LayerError::Source`] if it is not exactly one of `postgres`, `pmtiles` and `mbtiles`.
    pub fn kind(&self) -> Result<SourceKind<'_>, LayerError> {
        match (&self.postgres, &self.pmtiles, &self.mbtiles) {
            (Some(postgres), None, None) => Ok(SourceKind::Postgres(postgres)),
            (None, Some(path), None) => Ok(SourceKind::PmTiles(path)),
            (None, None, Some(path)) => Ok(SourceKind::MbTiles(path)),
            _ => Err(self.wrong("say one of postgres, pmtiles and mbtiles")),
        }
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    /// [`LayerError::Source`].
    pub fn check(&self) -> Result<(), LayerError> {
        if !is_name(&self.name) {
            return Err(self.wrong("its name must be a-z, then a-z, digits and _, at most 63 of them"));
        }
        if self.refresh_seconds == 0 || self.max_tile_bytes == 0 {
            return Err(self.wrong("refresh_seconds and max_tile_bytes must be 1 or more"));
        }
        if self.zoom.is_some_and(|zoom| zoom.min > zoom.max || zoom.max > 22) {
            return Err(self.wrong("zoom must be { min, max } with 0 ≤ min ≤ max ≤ 22"));
        }
        match self.kind()? {
            SourceKind::Postgres(postgres) => postgres.check().map_err(|message| self.wrong(message)),
            SourceKind::PmTiles(path) | SourceKind::MbTiles(path) => {
                archive_path(Path::new(""), path).map(|_| ()).map_err(|message| self.wrong(message))
            }
        }
    }

    /// Where the archive of a source is, for the city in `dir`.
    ///
    /// # Errors
    /// [`LayerError::Source`] for an address, and for a relative path that leads out of the folder.
    pub fn archive(&self, dir: &Path, path: &str) -> Result<PathBuf, LayerError> {
        archive_path(dir, path).map_err(|message| self.wrong(message))
    }

    fn wrong(&self, message: impl Into<String>) -> LayerError {
        LayerError::Source { name: self.name.clone(), message: message.into() }
    }
}

impl PostgresDef {
    fn check(&self) -> Result<(), String> {
        match (&self.url_env, &self.url) {
            (Some(name), None) if !name.is_empty() => {}
            (None, Some(url)) if is_postgres_url(url.reveal()) => {}
            (None, Some(_)) => return Err("url must begin with postgresql://".into()),
            _ => return Err("say where the database is: one of url_env and url".into()),
        }
        if self.schemas.is_empty() {
            return Err("name the schemas that are open: schemas = [\"public\"]".into());
        }
        if !(1..=64).contains(&self.connections) {
            return Err("connections must be 1 to 64".into());
        }
        // Longer than a request may take makes no sense.
        if !(1..=55).contains(&self.timeout_seconds) {
            return Err("timeout_seconds must be 1 to 55".into());
        }
        Ok(())
    }

    /// The columns that are open of a table.
    pub fn open_columns(&self, schema: &str, table: &str) -> &[String] {
        let whole = self.columns.get(&format!("{schema}.{table}"));
        whole.or_else(|| self.columns.get(table)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Whether a text looks like the address of a PostgreSQL database.
pub fn is_postgres_url(text: &str) -> bool {
    text.starts_with("postgresql://") || text.starts_with("postgres://")
}

fn archive_path(dir: &Path, text: &str) -> Result<PathBuf, String> {
    if text.contains("://") {
        return Err(format!(
            "{text:?} is an address, and archives are read from disk only: copy it into the city's folder"
        ));
    }
    let path = Path::new(text);
    if text.is_empty() || text.contains('\0') {
        return Err("the path of the archive is missing".into());
    }
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    if path.components().any(|c| !matches!(c, Component::Normal(_) | Component::CurDir)) {
        return Err(format!(
            "{text:?} leads out of the city's folder; if that is meant, write the absolute path"
        ));
    }
    Ok(dir.join(path))
}

/// A parser's message without the rest of any line on which an address or a password may stand:
/// parsers show the line that they stumbled over.
pub(crate) fn without_secrets(message: &str) -> String {
    const ADDRESSES: [&str; 2] = ["postgres://", "postgresql://"];
    const KEYS: [&str; 2] = ["password", "url"];
    let mut out = String::with_capacity(message.len());
    for line in message.split_inclusive('\n') {
        // A key is a word like any other where nothing is set.
        let keys: &[&str] = if line.contains('=') { &KEYS[..] } else { &[] };
        let at = ADDRESSES.iter().chain(keys).filter_map(|mark| line.find(mark)).min();
        match at {
            Some(at) => {
                out.push_str(&line[..at]);
                out.push('…');
                if line.ends_with('\n') {
                    out.push('\n');
                }
            }
            None => out.push_str(line),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SourceDef, String> {
        let source: SourceDef = toml::from_str(text).map_err(|e| without_secrets(&e.to_string()))?;
        source.check().map_err(|e| e.to_string())?;
        Ok(source)
    }

    const HEAD: &str = "name = \"so_gtvt\"\ntitle = { vi = \"Sở Xây dựng\", en = \"Construction\" }\n";

    #[test]
    fn what_is_not_said_is_closed() -> Result<(), String> {
        let source = parse(&format!("{HEAD}[postgres]\nurl_env = \"GT\"\nschemas = [\"public\"]\n"))?;
        assert!(!source.published);
        assert_eq!((source.refresh_seconds, source.cache_seconds), (30, 0));
        let Ok(SourceKind::Postgres(postgres)) = source.kind() else { return Err("no postgres".into()) };
        assert_eq!((postgres.connections, postgres.tables.as_ref()), (4, None));
        assert!(postgres.functions.is_empty() && postgres.open_columns("public", "duong").is_empty());
        Ok(())
    }

    #[test]
    fn columns_are_named_with_or_without_the_schema() -> Result<(), String> {
        let source = parse(&format!(
            "{HEAD}[postgres]\nurl_env = \"GT\"\nschemas = [\"a\", \"b\"]\ncolumns = {{ duong = [\"ten\"], \"b.duong\" = [\"cap\"] }}\n"
        ))?;
        let postgres = source.postgres.ok_or("none")?;
        assert_eq!(postgres.open_columns("a", "duong"), ["ten"]);
        assert_eq!(postgres.open_columns("b", "duong"), ["cap"]);
        assert!(postgres.open_columns("a", "cau").is_empty());
        Ok(())
    }

    #[test]
    fn paths_stay_in_the_city_unless_they_are_absolute() {
        let city = Path::new("/srv/city");
        for (text, wanted) in [
            ("tiles/nen.pmtiles", Some("/srv/city/tiles/nen.pmtiles")),
            ("./nen.pmtiles", Some("/srv/city/./nen.pmtiles")),
            ("/data/nen.pmtiles", Some("/data/nen.pmtiles")),
            ("../nen.pmtiles", None),
            ("tiles/../../nen.pmtiles", None),
            ("https://example.vn/nen.pmtiles", None),
            ("s3://bucket/nen.pmtiles", None),
            ("file:///data/nen.pmtiles", None),
            ("", None),
        ] {
            assert_eq!(archive_path(city, text).ok().as_deref(), wanted.map(Path::new), "{text}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let postgres = "[postgres]\nschemas = [\"public\"]\n";
        for bad in [
            HEAD.to_owned(),
            format!("{HEAD}pmtiles = \"a\"\nmbtiles = \"b\"\n"),
            format!("{HEAD}pmtiles = \"../a\"\n"),
            format!("{HEAD}refresh_seconds = 0\npmtiles = \"a\"\n"),
            format!("{HEAD}zoom = {{ min = 9, max = 3 }}\npmtiles = \"a\"\n"),
            format!("{HEAD}{postgres}"),
            format!("{HEAD}{postgres}url = \"mysql://h/d\"\n"),
            format!("{HEAD}{postgres}url = \"postgresql://h/d\"\nurl_env = \"A\"\n"),
            format!("{HEAD}{postgres}url_env = \"A\"\nconnections = 0\n"),
            format!("{HEAD}[postgres]\nurl_env = \"A\"\nschemas = []\n"),
            HEAD.replace("so_gtvt", "Sở") + "pmtiles = \"a\"\n",
        ] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_never_written_out() -> Result<(), String> {
        let inline = "postgres = { url = \"postgresql://me:hunter2@h/d\", schemas = [\"public\"]";
        let good = parse(&format!("{HEAD}{inline} }}\n"))?;
        assert!(!format!("{good:?}").contains("hunter2"));
        assert!(!toml::to_string(&good).map_err(|e| e.to_string())?.contains("hunter2"));
        // Parsers show the line that they stumble over.
        for bad in [format!("{HEAD}{inline}, schema = 1 }}\n"), format!("{HEAD}{inline}\n")] {
            let said = parse(&bad).err().ok_or("it must be refused")?;
            assert!(!said.contains("hunter2"), "{said}");
        }
        Ok(())
    }
}
