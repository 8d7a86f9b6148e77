//! What kho answers to a filter in CQL2 is what DuckDB, which knows nothing of kho, answers to the same
//! question in SQL.

use anyhow::Context;
use kho_e2e::{City, Reply, Server, get, python, repo};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Layer, CQL2, SQL. `{window}` is a box in the middle of the parcels, `{area}` the WKT of a parcel.
const QUESTIONS: [(&str, &str, &str); 34] = [
    ("land_parcel", "loai_dat = 'ODT'", "loai_dat = 'ODT'"),
    ("land_parcel", "loai_dat <> 'ODT'", "loai_dat <> 'ODT'"),
    ("land_parcel", "NOT (loai_dat = 'ODT')", "NOT (loai_dat = 'ODT')"),
    ("land_parcel", "dien_tich > 100 AND dien_tich <= 250.5", "dien_tich > 100 AND dien_tich <= 250.5"),
    (
        "land_parcel",
        "so_to = 1 OR so_thua < 20 AND dien_tich > 90",
        "so_to = 1 OR so_thua < 20 AND dien_tich > 90",
    ),
    ("land_parcel", "so_to_cu IS NULL", "so_to_cu IS NULL"),
    ("land_parcel", "dien_tich_phap_ly IS NOT NULL", "dien_tich_phap_ly IS NOT NULL"),
    ("land_parcel", "NOT (so_to_cu > 5)", "NOT (so_to_cu > 5)"),
    ("land_parcel", "so_thua BETWEEN 10 AND 40", "so_thua BETWEEN 10 AND 40"),
    ("land_parcel", "so_thua NOT BETWEEN 10 AND 400", "so_thua NOT BETWEEN 10 AND 400"),
    ("land_parcel", "loai_dat IN ('ODT', 'CLN')", "loai_dat IN ('ODT', 'CLN')"),
    ("land_parcel", "so_thua NOT IN (1, 2, 3, 5, 8)", "so_thua NOT IN (1, 2, 3, 5, 8)"),
    ("land_parcel", "loai_dat LIKE 'O%'", "loai_dat LIKE 'O%'"),
    ("land_parcel", "loai_dat NOT LIKE '_D_'", "loai_dat NOT LIKE '_D_'"),
    ("land_parcel", "dien_tich > dien_tich_phap_ly", "dien_tich > dien_tich_phap_ly"),
    ("land_parcel", "so_thua % 7 = 3", "so_thua % 7 = 3"),
    ("land_parcel", "so_thua / 2 > so_to * 3 + 1", "so_thua / 2 > so_to * 3 + 1"),
    ("land_parcel", "so_thua div 10 = 2", "so_thua // 10 = 2"),
    ("land_parcel", "dien_tich ^ 0.5 < 10", "dien_tich ^ 0.5 < 10"),
    ("land_parcel", "valid_from >= DATE('2020-01-01')", "valid_from >= DATE '2020-01-01'"),
    ("land_parcel", "T_BEFORE(valid_from, DATE('2020-01-01'))", "valid_from < DATE '2020-01-01'"),
    (
        "land_parcel",
        "T_INTERSECTS(valid_from, INTERVAL('2015-01-01', '..'))",
        "valid_from >= DATE '2015-01-01'",
    ),
    (
        "admin_unit",
        "T_INTERSECTS(INTERVAL(valid_from, valid_to), DATE('2025-06-30'))",
        "coalesce(valid_from, DATE '0001-01-01') <= DATE '2025-06-30' AND coalesce(valid_to, DATE '9999-12-31') >= DATE '2025-06-30'",
    ),
    (
        "land_parcel",
        "S_INTERSECTS(geometry, BBOX({window}))",
        "ST_Intersects(geometry, ST_MakeEnvelope({window}))",
    ),
    ("land_parcel", "S_WITHIN(geometry, BBOX({window}))", "ST_Within(geometry, ST_MakeEnvelope({window}))"),
    (
        "land_parcel",
        "S_DISJOINT(geometry, BBOX({window}))",
        "ST_Disjoint(geometry, ST_MakeEnvelope({window}))",
    ),
    (
        "land_parcel",
        "S_OVERLAPS(geometry, BBOX({window}))",
        "ST_Overlaps(geometry, ST_MakeEnvelope({window}))",
    ),
    ("land_parcel", "S_TOUCHES(geometry, {area})", "ST_Touches(geometry, ST_GeomFromText('{area}'))"),
    ("land_parcel", "S_EQUALS(geometry, {area})", "ST_Equals(geometry, ST_GeomFromText('{area}'))"),
    ("drain_pipe", "S_CROSSES(geometry, BBOX({window}))", "ST_Crosses(geometry, ST_MakeEnvelope({window}))"),
    (
        "street_light",
        "S_INTERSECTS(BBOX({window}), geometry)",
        "ST_Intersects(ST_MakeEnvelope({window}), geometry)",
    ),
    ("road", "CASEI(ten) LIKE casei('ĐƯỜNG%')", "lower(ten) LIKE lower('ĐƯỜNG%')"),
    ("road", "ACCENTI(CASEI(ten)) LIKE '%tran%'", "unaccent(lower(ten)) LIKE '%tran%'"),
    ("admin_unit", "ACCENTI(ten) LIKE 'Phuong%'", "unaccent(ten) LIKE 'Phuong%'"),
];

/// A query value, percent-encoded.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn answered(url: &str) -> anyhow::Result<Value> {
    let reply: Reply = get(url)?;
    anyhow::ensure!(reply.status == 200, "{url}: {}", reply.text());
    reply.json()
}

/// A polygon of GeoJSON as WKT; its numbers as they were written.
fn wkt(geometry: &Value) -> anyhow::Result<String> {
    let rings = geometry["coordinates"].as_array().context("no coordinates")?;
    let ring = |ring: &Value| {
        let corners = ring.as_array().into_iter().flatten().map(|c| format!("{} {}", c[0], c[1]));
        format!("({})", corners.collect::<Vec<_>>().join(", "))
    };
    anyhow::ensure!(geometry["type"] == "Polygon", "{geometry}");
    Ok(format!("POLYGON({})", rings.iter().map(ring).collect::<Vec<_>>().join(", ")))
}

#[test]
fn kho_and_duckdb_agree_on_filters() -> anyhow::Result<()> {
    let city = City::sample(2_000)?;
    let server = Server::start(&city, &[])?;
    let collection = format!("{}/ogc/collections/land_parcel", server.url);
    let bbox = &answered(&collection)?["extent"]["spatial"]["bbox"][0];
    let [w, s, e, n] = [0, 1, 2, 3].map(|i: usize| bbox[i].as_f64().unwrap_or_default());
    let window = [w + (e - w) * 0.3, s + (n - s) * 0.3, w + (e - w) * 0.6, s + (n - s) * 0.7];
    let window = window.map(|v| v.to_string()).join(", ");
    let around = encoded(&window.replace(' ', ""));
    let some = answered(&format!("{collection}/items?bbox={around}&limit=50"))?;
    let features = some["features"].as_array().context("features")?;
    let single = features.iter().find(|f| f["geometry"]["type"] == "Polygon").context("a polygon")?;
    let area = wkt(&single["geometry"])?;
    let filled = |text: &str| text.replace("{window}", &window).replace("{area}", &area);

    let questions: Vec<_> = QUESTIONS.iter().map(|(layer, _, sql)| json!([layer, filled(sql)])).collect();
    let mut duckdb = Command::new(python())
        .arg(repo().join("tests/clients/duckdb_filters.py"))
        .arg(city.dir().join("lake/catalog.sqlite"))
        .arg(city.dir().join("lake/data"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    duckdb.stdin.take().context("stdin")?.write_all(json!(questions).to_string().as_bytes())?;
    let out = duckdb.wait_with_output()?;
    anyhow::ensure!(out.status.success(), "DuckDB could not answer");
    let theirs: Vec<Vec<i64>> = serde_json::from_slice(&out.stdout)?;
    assert_eq!(theirs.len(), QUESTIONS.len());

    let mut telling = 0;
    for ((layer, cql, sql), theirs) in QUESTIONS.iter().zip(&theirs) {
        let items = format!("{}/ogc/collections/{layer}/items?limit=10000", server.url);
        let all = answered(&items)?["numberMatched"].as_u64().context("numberMatched")?;
        let page = answered(&format!("{items}&filter={}", encoded(&filled(cql))))?;
        let mut ours: Vec<i64> =
            page["features"].as_array().into_iter().flatten().filter_map(|f| f["id"].as_i64()).collect();
        ours.sort_unstable();
        assert_eq!(&ours, theirs, "{layer}: {cql} / {sql}");
        assert_eq!(page["numberMatched"], ours.len(), "{cql}");
        telling += u32::from(!ours.is_empty() && (ours.len() as u64) < all);
    }
    // A question that all features pass, or none, tells little.
    assert!(telling >= 18, "{telling} of {} questions divide their layer", QUESTIONS.len());
    Ok(())
}
