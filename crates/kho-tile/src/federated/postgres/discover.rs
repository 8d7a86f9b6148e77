//! What a database has, and what of it the definition opens.
//!
//! martin-core only runs queries; finding tables is the business of the martin binary, whose rule (all that
//! the role may read) is not ours. Discovery reads PostgreSQL's catalogs and never a row.

use kho_layer::PostgresDef;
use std::collections::BTreeMap;

/// Tables and views with a geometry that the role may read: schema, table, column, SRID, whether geography.
/// $1: schemas.
pub(super) const GEOMETRIES: &str = "
    SELECT f_table_schema::text, f_table_name::text, f_geometry_column::text, srid::int4, false
    FROM geometry_columns WHERE f_table_schema = ANY ($1::text[])
    UNION ALL
    SELECT f_table_schema::text, f_table_name::text, f_geography_column::text, srid::int4, true
    FROM geography_columns WHERE f_table_schema = ANY ($1::text[])
    ORDER BY 1, 2, 3";

/// Their columns: schema, table, column, type, whether it is a key of one integer, and of views a hash of
/// what they are defined as. $1: schemas.
pub(super) const COLUMNS: &str = "
    SELECT n.nspname::text, c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
           coalesce(a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
                    AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum, false),
           CASE WHEN c.relkind IN ('v', 'm') THEN md5(pg_get_viewdef(c.oid)) END
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
      AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'SELECT')
    ORDER BY 1, 2, a.attnum";

/// Functions with Martin's signature, (z integer, x integer, y integer[, query json]) → bytea, that the role
/// may call: schema, name, the type of the query, a hash of the body. $1: schemas.
pub(super) const FUNCTIONS: &str = "
    SELECT n.nspname::text, p.proname::text,
           CASE WHEN p.pronargs = 4 THEN format_type(p.proargtypes[3], NULL) END, md5(p.prosrc)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = ANY ($1::text[]) AND p.prokind = 'f' AND NOT p.proretset
      AND p.prorettype = 'bytea'::regtype AND p.pronargs IN (3, 4)
      AND p.proargtypes[0] = 'int4'::regtype AND p.proargtypes[1] = 'int4'::regtype
      AND p.proargtypes[2] = 'int4'::regtype
      AND (p.pronargs = 3 OR p.proargtypes[3] IN ('json'::regtype, 'jsonb'::regtype))
      AND has_function_privilege(p.oid, 'EXECUTE')
    ORDER BY 1, 2, 3";

/// The box of a geometry column by the planner's statistics, in degrees. $1: schema, $2: table, $3: column,
/// $4: SRID.
pub(super) const EXTENT: &str = "
    SELECT ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b)
    FROM (SELECT ST_Transform(ST_SetSRID(ST_EstimatedExtent($1::text, $2::text, $3::text)::geometry, $4::int4), 4326)::box2d AS b) AS e
    WHERE b IS NOT NULL";

/// A row of [`GEOMETRIES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GeometryRow {
    pub schema: String,
    pub table: String,
    pub geometry: Geometry,
}

/// A geometry column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Geometry {
    pub column: String,
    pub srid: i32,
    pub geography: bool,
}

/// A row of [`COLUMNS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColumnRow {
    pub schema: String,
    pub table: String,
    pub name: String,
    pub ty: String,
    pub is_id: bool,
    pub definition: Option<String>,
}

/// A row of [`FUNCTIONS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FunctionRow {
    pub schema: String,
    pub name: String,
    /// The type of the fourth argument, if there is one: `json` or `jsonb`.
    pub query: Option<String>,
    pub body: String,
}

/// A table as it is opened. All that its tiles depend on but the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub schema: String,
    pub name: String,
    pub geometry: Geometry,
    /// The column of the feature's id.
    pub id: Option<String>,
    /// The columns that are open, in the order of the definition.
    pub columns: Vec<OpenColumn>,
    /// Of a view, a hash of what it is defined as.
    pub definition: Option<String>,
}

/// A column that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenColumn {
    pub name: String,
    /// Its type in PostgreSQL's words.
    pub ty: String,
}

impl OpenColumn {
    /// Its type in a tile, in TileJSON's words.
    pub fn field(&self) -> &'static str {
        match self.ty.split('(').next().unwrap_or_default() {
            "smallint" | "integer" | "bigint" | "real" | "double precision" | "numeric" => "Number",
            "boolean" => "Boolean",
            _ => "String",
        }
    }
}

/// What a definition opens of a database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Opened {
    /// By the name after the source's.
    pub tables: BTreeMap<String, Table>,
    /// By the name after the source's.
    pub functions: BTreeMap<String, FunctionRow>,
    /// What the definition names and the database has not, and what cannot be shown; for the operator.
    pub notes: Vec<String>,
}

/// Chooses from what was found. Pure, so that the rules can be tested without a database.
pub(super) fn choose(
    def: &PostgresDef,
    geometries: Vec<GeometryRow>,
    columns: Vec<ColumnRow>,
    functions: Vec<FunctionRow>,
) -> Opened {
    let mut opened = Opened::default();
    let mut by_table: BTreeMap<(String, String), Vec<ColumnRow>> = BTreeMap::new();
    for column in columns {
        by_table.entry((column.schema.clone(), column.table.clone())).or_default().push(column);
    }
    let wanted: Vec<GeometryRow> = geometries
        .into_iter()
        .filter(|row| def.tables.as_ref().is_none_or(|all| names(all, &row.schema, &row.table)))
        .collect();
    for entry in def.tables.iter().flatten() {
        if !wanted.iter().any(|row| is(entry, &row.schema, &row.table)) {
            opened.notes.push(format!("table {entry} is not there, or has no geometry, or may not be read"));
        }
    }
    for row in &wanted {
        let mut name = row.table.clone();
        if wanted.iter().any(|other| other.table == row.table && other.schema != row.schema) {
            name = format!("{}.{name}", row.schema);
        }
        let same = |other: &&GeometryRow| other.table == row.table && other.schema == row.schema;
        if wanted.iter().filter(same).count() > 1 {
            name = format!("{name}.{}", row.geometry.column);
        }
        if !is_addressable(&name) {
            opened.notes.push(format!("{name:?} cannot stand in an address"));
            continue;
        }
        if row.geometry.srid <= 0 {
            opened.notes.push(format!("{name} has no SRID: give its geometry column one"));
            continue;
        }
        let has =
            by_table.get(&(row.schema.clone(), row.table.clone())).map(Vec::as_slice).unwrap_or_default();
        let table = open_table(def, row, has, &name, &mut opened.notes);
        if opened.tables.insert(name.clone(), table).is_some() {
            opened.notes.push(format!("two tables would be called {name}"));
        }
    }
    for entry in &def.functions {
        let mut found = functions.iter().filter(|f| is(entry, &f.schema, &f.name)).peekable();
        if found.peek().is_none() {
            opened.notes.push(format!(
                "function {entry} is not there, or may not be called, or is not (z integer, x integer, y integer[, query json]) returning bytea"
            ));
        }
        for function in found {
            let taken =
                opened.tables.contains_key(&function.name) || opened.functions.contains_key(&function.name);
            if taken || !is_addressable(&function.name) {
                let name = &function.name;
                opened.notes.push(format!(
                    "function {name:?}: another has this name, or it cannot stand in an address"
                ));
            } else {
                opened.functions.insert(function.name.clone(), function.clone());
            }
        }
    }
    opened
}

fn open_table(
    def: &PostgresDef,
    row: &GeometryRow,
    has: &[ColumnRow],
    name: &str,
    notes: &mut Vec<String>,
) -> Table {
    let mut columns: Vec<OpenColumn> = Vec::new();
    for wanted in def.open_columns(&row.schema, &row.table) {
        match has.iter().find(|c| c.name == *wanted) {
            // A geometry is no attribute.
            Some(column) if column.ty.starts_with("geometry") || column.ty.starts_with("geography") => {}
            Some(_) if columns.iter().any(|known| known.name == *wanted) => {}
            Some(column) => columns.push(OpenColumn { name: column.name.clone(), ty: column.ty.clone() }),
            None => notes.push(format!("{name} has no column {wanted}, or it may not be read")),
        }
    }
    Table {
        schema: row.schema.clone(),
        name: row.table.clone(),
        geometry: row.geometry.clone(),
        id: has.iter().find(|c| c.is_id).map(|c| c.name.clone()),
        columns,
        definition: has.iter().find_map(|c| c.definition.clone()),
    }
}

fn names(list: &[String], schema: &str, name: &str) -> bool {
    list.iter().any(|entry| is(entry, schema, name))
}

/// Whether `table` or `schema.table` names it.
fn is(entry: &str, schema: &str, name: &str) -> bool {
    entry == name || entry.strip_prefix(schema).and_then(|rest| rest.strip_prefix('.')) == Some(name)
}

/// Names with a comma would be read as several, and proxies take slashes as they like.
fn is_addressable(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_control() || ",/\\?#".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn def(text: &str) -> PostgresDef {
        PostgresDef {
            url_env: Some("X".into()),
            url: None,
            schemas: vec!["a".into(), "b".into()],
            tables: None,
            functions: text.split_whitespace().map(str::to_owned).collect(),
            columns: BTreeMap::new(),
            connections: 1,
            timeout_seconds: 1,
        }
    }

    fn row(schema: &str, table: &str, column: &str, srid: i32) -> GeometryRow {
        let geometry = Geometry { column: column.into(), srid, geography: false };
        GeometryRow { schema: schema.into(), table: table.into(), geometry }
    }

    fn column(table: &str, name: &str, ty: &str, is_id: bool) -> ColumnRow {
        ColumnRow {
            schema: "a".into(),
            table: table.into(),
            name: name.into(),
            ty: ty.into(),
            is_id,
            definition: None,
        }
    }

    #[test]
    fn without_a_list_only_geometry_and_id_are_open() {
        let columns = || {
            vec![
                column("duong", "gid", "integer", true),
                column("duong", "ten", "text", false),
                column("duong", "chu", "text", false),
                column("duong", "geom", "geometry(Point,4326)", false),
            ]
        };
        let found = || vec![row("a", "duong", "geom", 4326)];
        let closed = choose(&def(""), found(), columns(), vec![]);
        assert_eq!(closed.tables["duong"].id.as_deref(), Some("gid"));
        assert!(closed.tables["duong"].columns.is_empty());
        let mut open = def("");
        open.columns.insert("duong".into(), vec!["ten".into(), "moi".into(), "geom".into(), "ten".into()]);
        let opened = choose(&open, found(), columns(), vec![]);
        let names: Vec<&str> = opened.tables["duong"].columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["ten"]);
        assert!(opened.notes[0].contains("moi"), "{:?}", opened.notes);
    }

    #[test]
    fn names_say_as_much_as_they_must() {
        let found = vec![
            row("a", "duong", "geom", 4326),
            row("b", "duong", "geom", 4326),
            row("a", "cau", "tim", 9217),
            row("a", "cau", "mep", 9217),
            row("a", "khong", "geom", 0),
            row("a", "x,y", "geom", 4326),
            row("a", "nhà máy", "geom", 4326),
        ];
        let opened = choose(&def(""), found, vec![], vec![]);
        let names: Vec<&str> = opened.tables.keys().map(String::as_str).collect();
        assert_eq!(names, ["a.duong", "b.duong", "cau.mep", "cau.tim", "nhà máy"]);
        assert_eq!(opened.notes.len(), 2, "{:?}", opened.notes);
    }

    #[test]
    fn what_is_not_named_stays_closed() {
        let mut named = def("tile_duong");
        named.tables = Some(vec!["a.duong".into(), "vang".into()]);
        let function = |name: &str| FunctionRow {
            schema: "a".into(),
            name: name.into(),
            query: None,
            body: String::new(),
        };
        let found = vec![row("a", "duong", "geom", 4326), row("a", "cau", "geom", 4326)];
        let opened = choose(&named, found, vec![], vec![function("tile_duong"), function("tile_khac")]);
        assert_eq!(opened.tables.keys().collect::<Vec<_>>(), ["duong"]);
        assert_eq!(opened.functions.keys().collect::<Vec<_>>(), ["tile_duong"]);
        assert!(opened.notes[0].contains("vang"));
    }
}
