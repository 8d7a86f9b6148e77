//! The facts of a planning answer, and the code by which it is confirmed later.
//!
//! A code is `SNAPSHOT.PARCEL.DAY.DIGEST`: all that is needed to work the answer out again from the
//! snapshot, and the first half of the SHA-256 of its facts as JSON. So nothing about who asked for
//! what has to be kept, and a code is good for as long as its snapshot is.

use std::cmp::Reverse;

use chrono::NaiveDate;
use kho_lake::SnapshotId;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Hex digits of a digest in a code.
const DIGITS: usize = 32;

/// What is known of a parcel's planning on a day. Areas are m², to the tenth; shares are of the
/// parcel, 0 to 1. Only facts: no titles, no addresses, nothing that another version of the program
/// would word otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Answer {
    /// Of this structure: a change of it that changes digests raises it.
    pub(super) version: u8,
    pub(super) snapshot: SnapshotId,
    /// The day on which plans must be valid.
    pub(super) day: NaiveDate,
    pub(super) parcel: Parcel,
    /// EPSG code of the plane in which areas are computed.
    pub(super) srid: u32,
    /// The parcel's area in that plane.
    pub(super) area_m2: f64,
    /// The same on the ellipsoid of WGS 84.
    pub(super) ellipsoid_area_m2: f64,
    /// The most detailed first.
    pub(super) plans: Vec<Plan>,
    pub(super) roads: Vec<Road>,
    /// Within any planned right of way.
    pub(super) lost_to_roads_m2: f64,
    /// Within a setback of a planned road, beside its right of way.
    pub(super) in_setback_m2: f64,
    /// What the data does not say.
    pub(super) unknown: Vec<Unknown>,
}

/// The parcel as the register has it, in public columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Parcel {
    pub(super) id: i64,
    pub(super) ward: Option<String>,
    pub(super) sheet: Option<i64>,
    pub(super) number: Option<i64>,
    pub(super) land_use: Option<String>,
    /// As registered, m².
    pub(super) registered_area_m2: Option<f64>,
}

/// A plan, and what it puts on the parcel.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Plan {
    pub(super) code: String,
    pub(super) name: Option<String>,
    pub(super) level: Option<String>,
    pub(super) decision: Option<String>,
    pub(super) decision_date: Option<String>,
    pub(super) authority: Option<String>,
    pub(super) status: Option<String>,
    /// Within the plan's extent; `None` if the extent is not known.
    pub(super) area_m2: Option<f64>,
    pub(super) share: Option<f64>,
    /// Largest first.
    pub(super) zones: Vec<Part>,
    /// In none of the plan's zones.
    pub(super) without_zone_m2: f64,
    /// Counted more than once, because zones of the plan overlap.
    pub(super) overlapping_m2: f64,
}

/// The part of a zone that lies on the parcel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Part {
    pub(super) id: i64,
    pub(super) symbol: Option<String>,
    pub(super) function: Option<String>,
    pub(super) max_floors: Option<f64>,
    pub(super) density: Option<f64>,
    pub(super) floor_area_ratio: Option<f64>,
    pub(super) area_m2: f64,
    pub(super) share: f64,
}

/// A planned road that takes some of the parcel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Road {
    pub(super) id: i64,
    pub(super) plan: Option<String>,
    pub(super) name: Option<String>,
    pub(super) right_of_way_m: f64,
    pub(super) setback_m: Option<f64>,
    pub(super) area_m2: f64,
    pub(super) setback_m2: f64,
}

/// Something that the data does not say.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub(super) enum Unknown {
    /// No valid plan covers any of the parcel in the data.
    NoPlan,
    /// Nothing was ever delivered for a layer.
    NoData { layer: &'static str },
    /// A plan covers the parcel, but its zones are not in the data.
    NoZones { plan: String },
    /// Part of the parcel is in none of a plan's zones.
    WithoutZone { plan: String, area_m2: f64 },
    /// Zones of a plan overlap.
    Overlapping { plan: String, area_m2: f64 },
    /// The decision, or its date, is not recorded.
    NoDecision { plan: String },
    /// A zone lacks function, height, density or floor-area ratio.
    NoIndicators { plan: String },
    /// Near roads whose width is not recorded.
    RoadsWithoutWidth { count: usize },
    /// The register's area and the map's differ by more than a twentieth.
    AreaDiffers { registered_m2: f64 },
    /// The parcel is not valid on the day.
    ParcelNotValid,
}

impl Plan {
    /// Detailed, then subdivision, then general plans; the newer decision first.
    pub(super) fn order(&self) -> (u8, Reverse<Option<&str>>, &str) {
        let rank = match self.level.as_deref() {
            Some("QCT") => 0,
            Some("QPK") => 1,
            Some("QHC") => 2,
            _ => 3,
        };
        (rank, Reverse(self.decision_date.as_deref()), &self.code)
    }
}

impl Answer {
    /// SHA-256 of the facts, hex.
    pub(super) fn digest(&self) -> Result<String, serde_json::Error> {
        let facts = serde_json::to_vec(self)?;
        Ok(Sha256::digest(&facts).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The code by which the answer is confirmed.
    pub(super) fn code(&self) -> Result<Code, serde_json::Error> {
        let mut digest = self.digest()?;
        digest.truncate(DIGITS);
        Ok(Code { snapshot: self.snapshot, parcel: self.parcel.id, day: self.day, digest })
    }
}

/// A code of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) snapshot: SnapshotId,
    pub(super) parcel: i64,
    pub(super) day: NaiveDate,
    /// Lower-case hex.
    pub(super) digest: String,
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}.{}", self.snapshot, self.parcel, self.day.format("%Y%m%d"), self.digest)
    }
}

impl std::str::FromStr for Code {
    type Err = ();

    /// Reads a code as people copy it: blanks around it and capital letters are forgiven.
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim();
        let mut parts = text.split('.');
        let (Some(snapshot), Some(parcel), Some(day), Some(digest), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(());
        };
        let digest = digest.to_ascii_lowercase();
        if digest.len() != DIGITS || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(());
        }
        let day = NaiveDate::parse_from_str(day, "%Y%m%d").map_err(|_| ())?;
        let number = |text: &str| text.parse::<i64>().map_err(|_| ());
        Ok(Self { snapshot: number(snapshot)?, parcel: number(parcel)?, day, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        Answer {
            version: 1,
            snapshot: 7,
            day: NaiveDate::from_ymd_opt(2026, 11, 24).unwrap(),
            parcel: Parcel {
                id: 12,
                ward: Some("22366".into()),
                sheet: Some(3),
                number: Some(45),
                land_use: Some("ODT".into()),
                registered_area_m2: Some(100.0),
            },
            srid: 9217,
            area_m2: 100.1,
            ellipsoid_area_m2: 100.2,
            plans: vec![Plan { code: "A".into(), ..Plan::default() }],
            roads: Vec::new(),
            lost_to_roads_m2: 0.0,
            in_setback_m2: 0.0,
            unknown: vec![Unknown::NoDecision { plan: "A".into() }],
        }
    }

    #[test]
    fn a_code_is_read_back() {
        let code = answer().code().unwrap();
        let text = code.to_string();
        assert!(text.starts_with("7.12.20261124.") && text.len() == 14 + DIGITS, "{text}");
        assert_eq!(text.parse(), Ok(code.clone()));
        assert_eq!(format!(" {} ", text.to_uppercase()).parse(), Ok(code));
        for bad in
            ["", "1.2.3", "7.12.20261124.zz", "7.12.20261332.0123456789abcdef0123456789abcdef", "a.b.c.d"]
        {
            assert!(bad.parse::<Code>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_fact_is_in_the_digest() {
        let first = answer().digest().unwrap();
        let changes: [fn(&mut Answer); 5] = [
            |a| a.snapshot += 1,
            |a| a.area_m2 += 0.1,
            |a| a.plans[0].without_zone_m2 = 0.1,
            |a| a.unknown.clear(),
            |a| a.parcel.land_use = None,
        ];
        for change in changes {
            let mut other = answer();
            change(&mut other);
            assert_ne!(other.digest().unwrap(), first);
        }
        assert_eq!(answer().digest().unwrap(), first);
    }
}
