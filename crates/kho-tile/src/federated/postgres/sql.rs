//! The SQL that makes tiles. Names come from a department's catalog and may hold anything.

use super::discover::{Geometry, Table};

/// What a tile query gives instead of a tile that is too big. No tile begins with a zero byte.
pub(super) const TOO_BIG: &[u8] = b"\0kho:too big";
/// What is kept around a tile and the side of the tile, in grid units.
const BUFFER: u32 = 64;
const EXTENT: u32 = crate::mvt::EXTENT;
/// The side of the world in EPSG:3857, metres.
const WORLD: &str = "40075016.685578488";
/// Names that no column of a department has.
const SHAPE: &str = "kho:geometry";
const ID: &str = "kho:id";
const ROW: &str = "kho:row";

/// A name, quoted.
pub(super) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text, quoted, whatever `standard_conforming_strings` is.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// The query for a tile of a table: `$1` zoom, `$2` column, `$3` row. `layer` is the name of the
/// layer in the tile. With `windowed`, the index is asked for what is in the tile and its buffer;
/// without, every row is looked at, which is for tiles that the table's own CRS cannot show the edges of.
pub(super) fn table_tile(table: &Table, layer: &str, max_bytes: usize, windowed: bool) -> String {
    let Geometry { column, srid, geography } = &table.geometry;
    let column = format!("t.{}", ident(column));
    let mut chosen = vec![format!(
        "ST_AsMVTGeom(ST_Transform(ST_CurveToLine({column}::geometry), 3857), \
         ST_TileEnvelope($1::integer, $2::integer, $3::integer), {EXTENT}, {BUFFER}, true) AS {}",
        ident(SHAPE)
    )];
    let mut id = String::new();
    if let Some(key) = &table.id {
        chosen.push(format!("t.{} AS {}", ident(key), ident(ID)));
        id = format!(", {}", literal(ID));
    }
    chosen.extend(table.columns.iter().map(|c| {
        let name = ident(&c.name);
        // ST_AsMVT writes what it has no number for as text.
        if c.ty.starts_with("numeric") {
            format!("t.{name}::double precision AS {name}")
        } else {
            format!("t.{name}")
        }
    }));
    let window = if windowed {
        // Straight edges of one CRS are bent in another: cut into 16 pieces, what they bow out is less
        // than the buffer.
        let margin = format!("{WORLD} / (2::double precision ^ $1::integer) * {BUFFER} / {EXTENT}");
        let around = format!("ST_Expand(ST_TileEnvelope($1::integer, $2::integer, $3::integer), {margin})");
        let piece = format!("{WORLD} / (2::double precision ^ $1::integer) / 16");
        let cast = if *geography { "::geography" } else { "" };
        match *srid {
            3857 => format!(" WHERE {column} && {around}"),
            srid => {
                format!(" WHERE {column} && ST_Transform(ST_Segmentize({around}, {piece}), {srid}){cast}")
            }
        }
    } else {
        String::new()
    };
    // A column of the same name would be taken for the row.
    let row = ident(ROW);
    // ST_AsMVT passes over rows without a shape. To filter them out here would have PostgreSQL make each
    // shape twice.
    let tile = format!(
        "SELECT ST_AsMVT({row}, {}, {EXTENT}, {}{id}) AS mvt FROM (SELECT {} FROM {}.{} AS t{window}) AS {row}",
        literal(layer),
        literal(SHAPE),
        chosen.join(", "),
        ident(&table.schema),
        ident(&table.name),
    );
    bounded(&tile, max_bytes)
}

/// The query for a tile of a function with Martin's signature: (z, x, y) or (z, x, y, query).
pub(super) fn function_tile(schema: &str, name: &str, query: Option<&str>, max_bytes: usize) -> String {
    let last = query.map(|ty| format!(", $4::{ty}")).unwrap_or_default();
    let call = format!(
        "SELECT {}.{}($1::integer, $2::integer, $3::integer{last}) AS mvt",
        ident(schema),
        ident(name)
    );
    bounded(&call, max_bytes)
}

/// A tile that is too big is not worth its way over the network.
fn bounded(tile: &str, max_bytes: usize) -> String {
    let mark: String = TOO_BIG.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "SELECT CASE WHEN octet_length(m.mvt) > {max_bytes} THEN decode('{mark}', 'hex') ELSE m.mvt END FROM ({tile}) AS m"
    )
}

#[cfg(test)]
mod tests {
    use super::super::discover::OpenColumn;
    use super::*;
    use proptest::prelude::*;

    fn table(name: &str, columns: &[&str]) -> Table {
        Table {
            schema: "pub\"lic".into(),
            name: name.into(),
            geometry: Geometry { column: "geom".into(), srid: 9217, geography: false },
            id: Some("gid".into()),
            columns: columns.iter().map(|c| OpenColumn { name: (*c).into(), ty: "text".into() }).collect(),
            definition: None,
        }
    }

    #[test]
    fn only_what_is_open_is_selected() {
        let sql = table_tile(&table("duong", &["ten"]), "gt.duong", 1000, true);
        assert!(sql.contains(r#"t."ten""#) && sql.contains(r#"t."gid" AS "kho:id""#));
        assert!(sql.contains(r#"FROM "pub""lic"."duong" AS t WHERE t."geom" &&"#), "{sql}");
        assert!(sql.contains("9217") && !sql.contains("t.*"));
        assert!(!table_tile(&table("duong", &[]), "gt.duong", 1000, false).contains("&&"));
    }

    #[test]
    fn hostile_names_stay_names() {
        let evil = r#"x"; DROP TABLE y; --"#;
        let sql = table_tile(&table(evil, &[evil]), "a'); DROP TABLE y; --", 1000, true);
        assert!(sql.contains(r#""x""; DROP TABLE y; --""#));
        assert!(sql.contains("'a''); DROP TABLE y; --'"));
        assert_eq!(literal(r"a\' b"), r"E'a\\'' b'");
        let call = function_tile("s", evil, Some("json"), 10);
        assert!(call.contains(r#""s"."x""; DROP TABLE y; --"($1::integer"#) && call.contains("$4::json"));
    }

    proptest! {
        /// Read as PostgreSQL reads them, quoted names and texts end where they should.
        #[test]
        fn quoting_is_undone_by_reading(text in "[\"'\\\\a; ]{0,12}") {
            let quoted = ident(&text);
            let inner = &quoted[1..quoted.len() - 1];
            prop_assert_eq!(inner.replace("\"\"", ""), text.replace('"', ""));
            prop_assert_eq!(inner.matches('"').count(), 2 * text.matches('"').count());
            let quoted = literal(&text);
            let (escaped, inner) = match quoted.strip_prefix('E') {
                Some(rest) => (true, &rest[1..rest.len() - 1]),
                None => (false, &quoted[1..quoted.len() - 1]),
            };
            let mut read = String::new();
            let mut letters = inner.chars();
            while let Some(c) = letters.next() {
                if c == '\'' || (escaped && c == '\\') {
                    prop_assert_eq!(letters.next(), Some(c));
                }
                read.push(c);
            }
            prop_assert_eq!(read, text);
        }
    }
}
