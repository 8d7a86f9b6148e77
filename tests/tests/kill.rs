//! A city killed with SIGKILL at any moment of an ingest holds the old or the new snapshot, whole,
//! and the next ingest works.

use kho_e2e::City;
use std::time::{Duration, Instant};

const ROUNDS: u32 = 50;

#[test]
fn a_killed_ingest_leaves_the_old_or_the_new_snapshot() -> anyhow::Result<()> {
    let city = City::empty()?;
    let small = city.deliveries(1_000, 1)?;
    let big = city.deliveries(3_000, 2)?;
    let all =
        |dir: &std::path::Path| ["ingest".to_owned(), "--all".into(), dir.to_string_lossy().into_owned()];
    let ingest = |dir: &std::path::Path| -> anyhow::Result<serde_json::Value> {
        let args = all(dir);
        city.kho(&args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    ingest(&small)?;
    let old = state(&city)?;
    let start = Instant::now();
    ingest(&big)?;
    let whole = start.elapsed();
    let new = state(&city)?;
    anyhow::ensure!(old != new, "the two deliveries must differ");
    ingest(&small)?;

    // A seeded sequence: the moments are spread over the whole run, and a failure can be repeated.
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut committed = 0;
    for round in 0..ROUNDS {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let share = (seed % 10_000) as f64 / 10_000.0;
        let args = all(&big);
        let mut child = city
            .command(&args.iter().map(String::as_str).collect::<Vec<_>>())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()?;
        std::thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * share * 1.05));
        child.kill()?;
        child.wait()?;

        let found = state(&city)?;
        anyhow::ensure!(
            found == old || found == new,
            "round {round}, killed at {share}: {found:?} is neither {old:?} nor {new:?}"
        );
        if found == new {
            committed += 1;
            ingest(&small)?;
            anyhow::ensure!(state(&city)? == old, "round {round}: the next ingest");
        }
    }
    ingest(&big)?;
    anyhow::ensure!(state(&city)? == new, "the last ingest");
    println!("{ROUNDS} kills, {committed} of them after the commit; an ingest takes {whole:?}");

    // What the killed runs left behind is gone: every file of the lake belongs to a snapshot.
    let files = walk(&city.dir().join("lake"))?;
    let stray: Vec<_> = files.iter().filter(|f| f.starts_with("staging/")).collect();
    anyhow::ensure!(stray.is_empty(), "left behind: {stray:?}");
    let data: Vec<_> = files.iter().filter_map(|f| f.strip_prefix("data/")).collect();
    for digest in files.iter().filter_map(|f| f.strip_prefix("digests/")) {
        let of = digest.replace(".digest", ".parquet");
        anyhow::ensure!(data.contains(&of.as_str()), "{digest} is of no data file");
    }
    Ok(())
}

/// What anybody can see of the current snapshot: counts, and a sum over every parcel's values.
fn state(city: &City) -> anyhow::Result<Vec<serde_json::Value>> {
    city.sql(
        "SELECT (SELECT count(*) FROM land_parcel) AS parcels,
                (SELECT count(*) FROM land_parcel WHERE geometry IS NOT NULL) AS shapes,
                (SELECT round(sum(dien_tich)) FROM land_parcel) AS area,
                (SELECT count(chu_su_dung) FROM land_parcel) AS owners,
                (SELECT count(*) FROM planning_zone) AS zones,
                (SELECT count(*) FROM street_light) AS lamps",
    )
}

fn walk(dir: &std::path::Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(walk(&path)?);
        } else {
            found.push(path.strip_prefix(dir)?.to_string_lossy().into_owned());
        }
    }
    Ok(found)
}
