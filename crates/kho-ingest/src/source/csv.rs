//! Which columns of a CSV file hold its geometry.

use crate::column::fold_name;

/// A column with whole geometries (WKT), folded, most telling first.
const WHOLE: [&str; 5] = ["wkt", "the_geom", "wkb_geometry", "geom", "geometry"];
/// Columns that hold a coordinate each, x with its y, folded, most telling first. Left to itself
/// GDAL takes the first of either kind, and makes points of a longitude and a northing.
const PAIRS: [(&[&str], &[&str]); 3] = [
    (&["lon", "lng", "long", "longitude", "kinh_do", "kinhdo"], &["lat", "latitude", "vi_do", "vido"]),
    (&["easting", "east"], &["northing", "north"]),
    (&["x"], &["y"]),
];
/// `shape` is as often the shape of a thing, so it comes last.
const PERHAPS: [&str; 1] = ["shape"];

/// Where the geometry of a CSV file stands, by the names of its columns.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Whole(String),
    Coordinates { x: String, y: String },
}

impl Place {
    /// Finds it among the columns of a file.
    pub(super) fn find(columns: &[String]) -> Option<Self> {
        // GDAL takes a list of patterns, so a name with a comma or a star cannot be told to it.
        let named = |wanted: &[&str]| {
            let found = wanted.iter().find_map(|w| columns.iter().find(|c| fold_name(c) == **w));
            found.filter(|name| !name.contains([',', '*'])).cloned()
        };
        let pair = |(x, y): &(&[&str], &[&str])| Some(Self::Coordinates { x: named(x)?, y: named(y)? });
        named(&WHOLE)
            .map(Self::Whole)
            .or_else(|| PAIRS.iter().find_map(pair))
            .or_else(|| named(&PERHAPS).map(Self::Whole))
    }

    /// The options with which GDAL reads it. A column of whole geometries is then no attribute
    /// any more; coordinates still are, because some layers keep them as such.
    pub(super) fn options(&self) -> Vec<String> {
        match self {
            Self::Whole(name) => vec![format!("GEOM_POSSIBLE_NAMES={name}"), "KEEP_GEOM_COLUMNS=NO".into()],
            Self::Coordinates { x, y } => {
                vec![format!("X_POSSIBLE_NAMES={x}"), format!("Y_POSSIBLE_NAMES={y}")]
            }
        }
    }

    /// The attribute columns that the geometry is made of.
    pub(super) fn coordinates(self) -> Vec<String> {
        match self {
            Self::Whole(_) => Vec::new(),
            Self::Coordinates { x, y } => vec![x, y],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(columns: &[&str]) -> Option<Place> {
        Place::find(&columns.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>())
    }

    fn pair(x: &str, y: &str) -> Option<Place> {
        Some(Place::Coordinates { x: x.into(), y: y.into() })
    }

    #[test]
    fn coordinates_are_taken_in_pairs() {
        assert_eq!(find(&["id", "x", "lon", "y", "lat"]), pair("lon", "lat"));
        assert_eq!(find(&["Kinh độ", "Vĩ độ"]), pair("Kinh độ", "Vĩ độ"));
        assert_eq!(find(&["Easting", "NORTHING", "lon"]), pair("Easting", "NORTHING"));
        assert_eq!(find(&["lon", "y"]), None);
        assert_eq!(find(&["id", "ten"]), None);
    }

    #[test]
    fn whole_geometries_come_first_and_a_shape_last() {
        assert_eq!(find(&["lon", "lat", "WKT"]), Some(Place::Whole("WKT".into())));
        assert_eq!(find(&["shape", "x", "y"]), pair("x", "y"));
        assert_eq!(find(&["id", "shape"]), Some(Place::Whole("shape".into())));
    }
}
