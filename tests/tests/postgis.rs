//! The SQL functions beside PostGIS: the same statements, run by both, must answer the same.
//!
//! Everything is made by a seeded generator, on whole and quarter numbers, so that no answer hangs on
//! a rounding. Statements hold many questions each, because a start of the binary costs more than
//! most questions.

use kho_e2e::{City, Postgres};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A small linear congruential generator (Knuth's MMIX constants): the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % sides) as i64
    }
}

type Ring = Vec<(i64, i64)>;

/// A geometry on whole numbers.
#[derive(Clone)]
enum Shape {
    Point((i64, i64)),
    Line(Ring),
    Polygon(Vec<Ring>),
    Multi(&'static str, Vec<Shape>),
}

impl Shape {
    fn any(dice: &mut Dice) -> Self {
        match dice.roll(8) {
            0 => Self::point(dice),
            1 | 2 => Self::line(dice),
            3 | 4 => Self::polygon(dice),
            5 => Self::Multi("MULTIPOINT", (0..3).map(|_| Self::point(dice)).collect()),
            6 => Self::Multi("MULTILINESTRING", (0..2).map(|_| Self::line(dice)).collect()),
            // Far enough apart to be valid together.
            _ => {
                let (a, b) = (Self::polygon(dice), Self::polygon(dice));
                Self::Multi("MULTIPOLYGON", vec![a, b.moved(&|x, y| (x + 40, y))])
            }
        }
    }

    fn place(dice: &mut Dice) -> (i64, i64) {
        (dice.roll(17) - 8, dice.roll(17) - 8)
    }

    fn point(dice: &mut Dice) -> Self {
        Self::Point(Self::place(dice))
    }

    /// A line that may cross itself, but never stands still.
    fn line(dice: &mut Dice) -> Self {
        let mut at = Self::place(dice);
        let mut points = vec![at];
        for _ in 0..2 + dice.roll(4) {
            at = (at.0 + 1 + dice.roll(4), at.1 + dice.roll(9) - 4);
            points.push(at);
        }
        Self::Line(points)
    }

    /// A star around a centre: valid whatever its radii; at times with a hole.
    fn polygon(dice: &mut Dice) -> Self {
        let (x, y) = Self::place(dice);
        let hole = dice.roll(3) == 0;
        let mut ring = Vec::new();
        for (dx, dy) in [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)] {
            let r = dice.roll(4) + if hole { 2 } else { 1 };
            ring.push((x + dx * r, y + dy * r));
        }
        ring.push(ring[0]);
        let mut rings = vec![ring];
        if hole {
            rings.push(vec![(x + 1, y), (x, y - 1), (x - 1, y), (x, y + 1), (x + 1, y)]);
        }
        Self::Polygon(rings)
    }

    fn moved(&self, by: &dyn Fn(i64, i64) -> (i64, i64)) -> Self {
        let ring = |r: &Ring| r.iter().map(|(x, y)| by(*x, *y)).collect::<Ring>();
        match self {
            Self::Point((x, y)) => Self::Point(by(*x, *y)),
            Self::Line(c) => Self::Line(ring(c)),
            Self::Polygon(rings) => Self::Polygon(rings.iter().map(ring).collect()),
            Self::Multi(name, parts) => Self::Multi(name, parts.iter().map(|p| p.moved(by)).collect()),
        }
    }

    fn wkt(&self) -> String {
        match self {
            Self::Point(_) => format!("POINT{}", self.body()),
            Self::Line(_) => format!("LINESTRING{}", self.body()),
            Self::Polygon(_) => format!("POLYGON{}", self.body()),
            Self::Multi(name, _) => format!("{name}{}", self.body()),
        }
    }

    fn body(&self) -> String {
        let ring = |r: &Ring| {
            let points: Vec<String> = r.iter().map(|(x, y)| format!("{x} {y}")).collect();
            format!("({})", points.join(","))
        };
        match self {
            Self::Point((x, y)) => format!("({x} {y})"),
            Self::Line(c) => ring(c),
            Self::Polygon(rings) => format!("({})", rings.iter().map(ring).collect::<Vec<_>>().join(",")),
            Self::Multi(_, parts) => {
                format!("({})", parts.iter().map(Self::body).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// Two engines, and what they said that the other did not.
struct Both {
    city: City,
    postgis: Postgres,
    differences: Vec<String>,
    asked: usize,
}

type Answers = BTreeMap<(String, i64), String>;

impl Both {
    fn start() -> anyhow::Result<Self> {
        Ok(Self { city: City::empty()?, postgis: Postgres::start()?, differences: Vec::new(), asked: 0 })
    }

    /// The rows (f, id, v) of a statement by kho.
    fn kho(&self, sql: &str) -> anyhow::Result<Answers> {
        let mut out = Answers::new();
        for row in self.city.sql(sql)? {
            let text = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            out.insert((text(&row["f"]), row["id"].as_i64().unwrap_or(-1)), text(&row["v"]));
        }
        Ok(out)
    }

    /// The same by PostGIS.
    fn postgis(&self, sql: &str) -> anyhow::Result<Answers> {
        let mut out = Answers::new();
        for line in self.postgis.psql(sql)?.lines() {
            let mut cells = line.splitn(3, '|');
            if let (Some(f), Some(id), Some(v)) = (cells.next(), cells.next(), cells.next()) {
                out.insert((f.to_owned(), id.parse()?), v.to_owned());
            }
        }
        Ok(out)
    }

    fn compare(&mut self, left: &Answers, right: &Answers, tolerance: f64) {
        self.asked += left.len().max(right.len());
        for key in left.keys().chain(right.keys().filter(|k| !left.contains_key(*k))) {
            let (a, b) = (left.get(key), right.get(key));
            let same = matches!((a, b), (Some(a), Some(b)) if alike(a, b, tolerance));
            if !same {
                let shown = |v: Option<&String>| v.map_or("no row".to_owned(), String::clone);
                self.differences.push(format!("{} #{}:\n  {}\n  {}", key.0, key.1, shown(a), shown(b)));
            }
        }
    }

    fn finish(self, at_least: usize) {
        let shown = self.differences.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
        assert!(self.differences.is_empty(), "{} of {} differ:\n{shown}", self.differences.len(), self.asked);
        assert!(self.asked >= at_least, "only {} answers were compared", self.asked);
    }
}

/// Words and punctuation to the letter, numbers within a share of their size.
fn alike(a: &str, b: &str, tolerance: f64) -> bool {
    let (a, b) = (tokens(a), tokens(b));
    a.len() == b.len()
        && a.iter().zip(&b).all(|(a, b)| match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(x), Ok(y)) => (x - y).abs() <= tolerance * x.abs().max(y.abs()).max(1.0) || x == y,
            _ => a == b,
        })
}

fn tokens(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.to_uppercase().chars() {
        if c.is_ascii_alphanumeric() || "+-._".contains(c) {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        if !c.is_whitespace() {
            out.push(c.to_string());
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

fn values(rows: &[Vec<String>]) -> String {
    let quoted = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().map(|c| format!("'{c}'")).collect();
        cells.join(",")
    };
    rows.iter().enumerate().map(|(i, row)| format!("({i},{})", quoted(row))).collect::<Vec<_>>().join(",")
}

fn pairs(dice: &mut Dice, n: usize) -> Vec<Vec<String>> {
    (0..n).map(|_| vec![Shape::any(dice).wkt(), Shape::any(dice).wkt()]).collect()
}

/// Empty, with Z and M, mixed, nested, far away, tiny, and NULL (as the text of none).
fn edges() -> Vec<String> {
    [
        "POINT EMPTY",
        "LINESTRING EMPTY",
        "POLYGON EMPTY",
        "POLYGON Z EMPTY",
        "MULTIPOINT EMPTY",
        "MULTIPOLYGON EMPTY",
        "GEOMETRYCOLLECTION EMPTY",
        "POINT Z (1.25 2.75 3.5)",
        "POINT M (1.25 2.75 3.5)",
        "POINT ZM (1.25 2.75 3.5 4.5)",
        "LINESTRING Z (0 0 1, 4 4 2, 8 0 3)",
        "LINESTRING M (0 0 1, 4 4 2)",
        "POLYGON Z ((0 0 1, 4 0 1, 4 4 1, 0 0 1))",
        "MULTIPOINT Z ((1 1 1), (2 2 2))",
        "GEOMETRYCOLLECTION (POINT (1 1), LINESTRING (0 0, 1 1), POLYGON ((0 0, 4 0, 4 4, 0 0)))",
        "GEOMETRYCOLLECTION (GEOMETRYCOLLECTION (MULTIPOINT ((1 1), (2 2))), LINESTRING EMPTY)",
        "GEOMETRYCOLLECTION (GEOMETRYCOLLECTION (GEOMETRYCOLLECTION EMPTY))",
        "POINT (1000000000000000 -1000000000000000)",
        "LINESTRING (-1e15 -1e15, 1e15 1e15)",
        "POLYGON ((0 0, 1e-9 0, 1e-9 1e-9, 0 0))",
        "POLYGON ((0 0, 8 0, 8 8, 0 8, 0 0), (1 1, 1.25 1, 1.25 1.25, 1 1))",
        "LINESTRING (3 3, 3 3.25, 3.25 3.25)",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// `SELECT f, id, v` of each expression over the same rows; `g`, `h` are the geometries.
fn over(rows: &[Vec<String>], expressions: &[(&str, String)]) -> String {
    let columns = ["g", "h"];
    let geometries: Vec<String> = (0..rows.first().map_or(0, Vec::len))
        .map(|i| format!("ST_GeomFromText(w{i}) AS {}", columns[i]))
        .collect();
    let names: Vec<String> = (0..geometries.len()).map(|i| format!("w{i}")).collect();
    let mut sql = format!(
        "WITH w(id,{}) AS (VALUES {}), t AS (SELECT CAST(id AS integer) AS id, {} FROM w) ",
        names.join(","),
        values(rows),
        geometries.join(",")
    );
    for (i, (f, v)) in expressions.iter().enumerate() {
        let between = if i > 0 { " UNION ALL " } else { "" };
        let _ = write!(sql, "{between}SELECT '{f}' AS f, id, {v} AS v FROM t");
    }
    sql
}

fn text(geometry: &str) -> String {
    format!("coalesce(ST_AsText({geometry}), 'NULL')")
}

fn number(value: &str) -> String {
    format!("coalesce(CAST({value} AS varchar), 'NULL')")
}

/// What has one right answer, to the coordinate and its place.
#[test]
fn functions_of_one_geometry() -> anyhow::Result<()> {
    let mut both = Both::start()?;
    let mut dice = Dice(1);
    let mut rows: Vec<Vec<String>> = edges().into_iter().map(|w| vec![w]).collect();
    rows.extend((0..60).map(|_| vec![Shape::any(&mut dice).wkt()]));
    let exact = [
        ("expand", text("ST_Expand(g, 1.5)")),
        ("expand in", text("ST_Expand(g, -0.5)")),
        ("expand xy", text("ST_Expand(g, 1, 2)")),
        ("expand xyzm", text("ST_Expand(g, 1, 2, 3, 4)")),
        ("snap", text("ST_SnapToGrid(g, 2)")),
        ("snap xy", text("ST_SnapToGrid(g, 2, 3)")),
        ("snap origin", text("ST_SnapToGrid(g, 0.5, 0.25, 2, 2)")),
        ("snap point", text("ST_SnapToGrid(g, ST_GeomFromText('POINT ZM (0.5 0.5 0.5 0.5)'), 2, 2, 1, 1)")),
        ("snap nothing", text("ST_SnapToGrid(g, 0)")),
        ("multi", text("ST_Multi(g)")),
        ("extract", text("ST_CollectionExtract(g)")),
        ("extract 1", text("ST_CollectionExtract(g, 1)")),
        ("extract 2", text("ST_CollectionExtract(g, 2)")),
        ("extract 3", text("ST_CollectionExtract(g, 3)")),
    ];
    let sql = over(&rows, &exact);
    let (ours, theirs) = (both.kho(&sql)?, both.postgis(&sql)?);
    both.compare(&ours, &theirs, 1e-9);

    // GeoJSON there and back; PostGIS reads what kho writes.
    let flat: Vec<Vec<String>> = (0..40).map(|_| vec![Shape::any(&mut dice).wkt()]).collect();
    let written = both.kho(&over(&flat, &[("json", "CAST(ST_AsGeoJSON(g) AS varchar)".into())]))?;
    let rows: Vec<Vec<String>> = written.into_values().map(|json| vec![json]).collect();
    let sql = format!(
        "SELECT 'json' AS f, id, {} AS v FROM (VALUES {}) AS t(id, json)",
        text("ST_GeomFromGeoJSON(json)"),
        values(&rows)
    );
    let (ours, theirs) = (both.kho(&sql)?, both.postgis(&sql)?);
    both.compare(&ours, &theirs, 1e-9);

    let tiles =
        "(VALUES (0,0,0,0),(1,1,1,0),(2,10,500,300),(3,14,13157,7632),(4,30,1073741823,0)) AS t(id,z,x,y)";
    let sql = format!(
        "SELECT 'tile' AS f, id, {} AS v FROM {tiles} UNION ALL SELECT 'tile in', id, {} FROM {tiles}",
        text("ST_TileEnvelope(z, x, y)"),
        text("ST_TileEnvelope(z, x, y, ST_GeomFromText('LINESTRING(0 0, 1024 512)'), 0.25)")
    )
    .replace("(z, x, y", "(CAST(z AS integer), CAST(x AS integer), CAST(y AS integer)");
    let (ours, theirs) = (both.kho(&sql)?, both.postgis(&sql)?);
    both.compare(&ours, &theirs, 1e-9);
    both.finish(1190);
    Ok(())
}

/// What GEOS or the sphere computes: measured, because equal sets can be written in many ways.
#[test]
fn functions_of_two_geometries() -> anyhow::Result<()> {
    let mut both = Both::start()?;
    let mut dice = Dice(2);
    let rows = pairs(&mut dice, 120);
    let measures = [
        ("clip area", number("ST_Area(ST_ClipByBox2D(g, h))")),
        ("clip length", number("ST_Length(ST_ClipByBox2D(g, h))")),
        ("sphere", number("ST_DistanceSphere(g, h)")),
        // With a radius PostGIS measures between the middles of what is no point.
        ("sphere radius", number("ST_DistanceSphere(ST_Centroid(g), ST_Centroid(h), 1000)")),
        ("mvt area", number("ST_Area(ST_AsMVTGeom(g, ST_MakeEnvelope(-32, -32, 96, 96), 4096, 256, false))")),
        (
            "mvt length",
            number("ST_Length(ST_AsMVTGeom(g, ST_MakeEnvelope(-32, -32, 96, 96), 4096, 256, false))"),
        ),
        (
            "mvt box",
            text("ST_Envelope(ST_AsMVTGeom(g, ST_MakeEnvelope(-32, -32, 96, 96), 4096, 256, false))"),
        ),
        ("union area", number("ST_Area(ST_Union(g, h))")),
    ];
    let sql = over(&rows, &measures);
    let (ours, theirs) = (both.kho(&sql)?, both.postgis(&sql)?);
    both.compare(&ours, &theirs, 1e-9);

    // Cut at the tile's edge: each corner may be rounded to another of two neighbours.
    // Millions of square units, so that a sliver counts for what it is.
    let cut = "ST_AsMVTGeom(g, ST_MakeEnvelope(-4, -4, 4, 4), 4096, 64, true)";
    let cut = [("mvt cut", number(&format!("coalesce(ST_Area({cut}), 0) / 1000000.0")))];
    let sql = over(&rows, &cut);
    let (ours, theirs) = (both.kho(&sql)?, both.postgis(&sql)?);
    both.compare(&ours, &theirs, 1e-3);
    both.finish(900);
    Ok(())
}

/// Aggregates, lists and windows, for which the two have different words.
#[test]
fn sets_of_geometries() -> anyhow::Result<()> {
    let mut both = Both::start()?;
    let mut dice = Dice(3);
    let rows: Vec<Vec<String>> = (0..120).map(|_| vec![Shape::any(&mut dice).wkt()]).collect();
    let base = over(&rows, &[]);
    let mut ask = |kho: String, postgis: String, tolerance: f64| -> anyhow::Result<()> {
        let (ours, theirs) = (both.kho(&format!("{base}{kho}"))?, both.postgis(&format!("{base}{postgis}"))?);
        both.compare(&ours, &theirs, tolerance);
        Ok(())
    };

    // Groups of six, of all types: the measures of each dimension of their union.
    let unions = |union: &str| {
        let of = |measure: &str, kind: &str| {
            let v = number(&format!("{measure}(ST_CollectionExtract({union}(g), {kind}))"));
            format!(
                "SELECT 'union {kind}' AS f, CAST(id / 6 AS integer) AS id, {v} AS v FROM t GROUP BY id / 6"
            )
        };
        [of("ST_Area", "3"), of("ST_Length", "2"), of("ST_NumGeometries", "1")].join(" UNION ALL ")
    };
    ask(unions("ST_Union_Agg"), unions("ST_Union"), 1e-9)?;

    let extents = |cast: &str| {
        let v = text(&format!("ST_Extent(g){cast}"));
        format!("SELECT 'extent' AS f, CAST(id / 6 AS integer) AS id, {v} AS v FROM t GROUP BY id / 6")
    };
    ask(extents(""), extents("::geometry"), 1e-9)?;

    for grid in ["ST_SquareGrid", "ST_HexagonGrid"] {
        let v = |p: [&str; 3]| {
            let parts = format!(
                "{} || ' ' || CAST({} AS varchar) || ' ' || CAST({} AS varchar)",
                text(p[0]),
                p[1],
                p[2]
            );
            format!(
                "SELECT '{grid}' AS f, CAST(row_number() OVER (ORDER BY id, {}, {}) AS integer) AS id, {parts} AS v",
                p[1], p[2]
            )
        };
        ask(
            format!(
                "{} FROM (SELECT id, unnest({grid}(2.5, g)) AS p FROM t WHERE id < 30) AS s",
                v(["p['geom']", "p['i']", "p['j']"])
            ),
            format!(
                "{} FROM (SELECT id, {grid}(2.5, g) AS p FROM t WHERE id < 30) AS s",
                v(["(p).geom", "(p).i", "(p).j"])
            ),
            1e-9,
        )?;
    }

    // The parts of each: none too large, and together the whole.
    let parts = |geom: &str| {
        let v = format!(
            "CAST(max(ST_NPoints({geom})) <= 6 AS varchar) || ' ' || CAST(sum(ST_Area({geom})) AS varchar) || ' ' || CAST(sum(ST_Length({geom})) AS varchar)"
        );
        format!("SELECT 'subdivide' AS f, id, {v} AS v")
    };
    ask(
        format!(
            "{} FROM (SELECT id, unnest(ST_Subdivide(g, 6)) AS p FROM t) AS s GROUP BY id",
            parts("p['geom']")
        ),
        format!("{} FROM (SELECT id, ST_Subdivide(g, 6) AS p FROM t) AS s GROUP BY id", parts("p")),
        1e-9,
    )?;

    // Clusters have other numbers, but the same first members.
    for (eps, least) in [("1.0", 2), ("2.0", 3), ("0.0", 2), ("1.5", 1)] {
        let sql = format!(
            "SELECT 'dbscan {eps} {least}' AS f, id, CASE WHEN c IS NULL THEN 'NULL' ELSE CAST(min(id) OVER (PARTITION BY part, c) AS varchar) END AS v \
             FROM (SELECT id, id / 40 AS part, ST_ClusterDBSCAN(g, {eps}, {least}) OVER (PARTITION BY id / 40 ORDER BY id) AS c FROM t) AS s"
        );
        ask(sql.clone(), sql, 0.0)?;
    }

    // Tiles, byte for byte, of one row each.
    let placed = "ST_AsMVTGeom(g, ST_MakeEnvelope(-32, -32, 96, 96), 4096, 256, false)";
    ask(
        format!(
            "SELECT 'mvt' AS f, id, encode(ST_AsMVT(named_struct('id', id, 'name', 'x', 'geom', {placed}), 'l', 4096, 'geom', 'id'), 'hex') AS v FROM t WHERE ST_Dimension(g) = 0 AND ST_NumGeometries(g) = 1 GROUP BY id"
        ),
        format!(
            "SELECT 'mvt' AS f, id, encode(ST_AsMVT(q, 'l', 4096, 'geom', 'id'), 'hex') AS v FROM (SELECT id, 'x'::text AS name, {placed} AS geom FROM t WHERE ST_Dimension(g) = 0 AND ST_NumGeometries(g) = 1) AS q GROUP BY id"
        ),
        0.0,
    )?;
    both.finish(1000);
    Ok(())
}

/// Ten joins over each of twenty pairs of generated tables.
const PREDICATES: [&str; 10] = [
    "ST_Intersects(a.g, b.g)",
    "ST_Contains(a.g, b.g)",
    "ST_Within(a.g, b.g)",
    "ST_Covers(a.g, b.g)",
    "ST_CoveredBy(a.g, b.g)",
    "ST_Touches(a.g, b.g)",
    "ST_Crosses(a.g, b.g)",
    "ST_Overlaps(a.g, b.g)",
    "ST_Equals(a.g, b.g)",
    "ST_DWithin(a.g, b.g, {scale})",
];

fn joins(
    tables: &[(usize, Vec<Shape>, Vec<Shape>)],
    scale: i64,
    by: &dyn Fn(i64, i64) -> (i64, i64),
) -> String {
    let mut with = Vec::new();
    let mut selects = Vec::new();
    for (i, left, right) in tables {
        for (side, shapes) in [("a", left), ("b", right)] {
            let rows: Vec<Vec<String>> = shapes.iter().map(|s| vec![s.moved(by).wkt()]).collect();
            with.push(format!("{side}{i}(id,w) AS (VALUES {})", values(&rows)));
        }
        for (k, predicate) in PREDICATES.iter().enumerate() {
            let predicate = predicate.replace("{scale}", &scale.to_string());
            let v =
                "CAST(count(*) AS varchar) || ' ' || coalesce(CAST(sum(a.id * 31 + b.id) AS varchar), '0')";
            selects.push(format!(
                "SELECT '{}' AS f, {} AS id, {v} AS v FROM (SELECT id, ST_GeomFromText(w) AS g FROM a{i}) AS a JOIN (SELECT id, ST_GeomFromText(w) AS g FROM b{i}) AS b ON {predicate}",
                PREDICATES[k].replace("{scale}", "1"),
                i
            ));
        }
    }
    format!("WITH {} {}", with.join(","), selects.join(" UNION ALL "))
}

/// 200 joins, each also turned by 53°, moved and made five times as large: the same rows must meet.
/// The map (x, y) → (3x - 4y, 4x + 3y) takes whole numbers to whole numbers, so nothing is rounded.
#[test]
fn two_hundred_queries_turned_moved_and_scaled() -> anyhow::Result<()> {
    let mut both = Both::start()?;
    let mut dice = Dice(4);
    let mut some = |n: usize| (0..n).map(|_| Shape::any(&mut dice)).collect::<Vec<_>>();
    let tables: Vec<_> = (0..20)
        .map(|i| {
            let left = some(8);
            // Some in both, for what is equal and what is covered.
            let mut right = some(6);
            right.extend(left.iter().take(2).cloned());
            (i, left, right)
        })
        .collect();
    for tables in tables.chunks(4) {
        let plain = joins(tables, 1, &|x, y| (x, y));
        let turned = joins(tables, 5, &|x, y| (3 * x - 4 * y + 1000, 4 * x + 3 * y - 700));
        let (ours, theirs) = (both.kho(&plain)?, both.postgis(&plain)?);
        both.compare(&ours, &theirs, 0.0);
        let again = both.kho(&turned)?;
        both.compare(&ours, &again, 0.0);
    }
    // Measures, pair by pair, which grow with the scale.
    let some = pairs_of_shapes(&mut dice, 60);
    let measure = |by: &dyn Fn(i64, i64) -> (i64, i64), scale: i64| {
        let rows: Vec<Vec<String>> =
            some.iter().map(|(a, b)| vec![a.moved(by).wkt(), b.moved(by).wkt()]).collect();
        over(
            &rows,
            &[
                ("distance", number(&format!("ST_Distance(g, h) / {scale}.0"))),
                ("common area", number(&format!("ST_Area(ST_Intersection(g, h)) / {}.0", scale * scale))),
                ("all area", number(&format!("ST_Area(ST_Union(g, h)) / {}.0", scale * scale))),
                ("length", number(&format!("ST_Length(g) / {scale}.0"))),
                ("relate", "ST_Relate(g, h)".into()),
            ],
        )
    };
    let plain = measure(&|x, y| (x, y), 1);
    let (ours, theirs) = (both.kho(&plain)?, both.postgis(&plain)?);
    both.compare(&ours, &theirs, 1e-9);
    let turned = both.kho(&measure(&|x, y| (3 * x - 4 * y + 1000, 4 * x + 3 * y - 700), 5))?;
    both.compare(&ours, &turned, 1e-9);
    both.finish(1000);
    Ok(())
}

fn pairs_of_shapes(dice: &mut Dice, n: usize) -> Vec<(Shape, Shape)> {
    (0..n).map(|_| (Shape::any(dice), Shape::any(dice))).collect()
}
