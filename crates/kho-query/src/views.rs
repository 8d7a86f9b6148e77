//! The analysts' vocabulary: the views of `sql/`, one file each.

/// A view: a SELECT over layers and over views before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// Its name in SQL.
    pub name: &'static str,
    text: &'static str,
}

macro_rules! views {
    ($($name:literal),* $(,)?) => {
        &[$(View { name: $name, text: include_str!(concat!("../../../sql/", $name, ".sql")) }),*]
    };
}

/// All views.
pub(crate) const VIEWS: &[View] = views![
    "address_duplicate",
    "asset_condition",
    "cabinet_load",
    "land_use_by_ward",
    "parcel_zone",
    "zone_by_ward",
];

impl View {
    /// The view of this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        VIEWS.iter().find(|v| v.name == name)
    }

    /// The SELECT. `{crs}` stands for the CRS in which the city computes lengths and areas.
    pub(crate) fn sql(&self, srid: u32) -> String {
        self.text.replace("{crs}", &format!("EPSG:{srid}"))
    }

    /// What it is: the comment at the head of its file.
    pub(crate) fn description(&self) -> String {
        let comment = self.text.lines().map_while(|l| l.strip_prefix("--")).map(str::trim);
        comment.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_says_what_it_is_and_is_one_select() {
        for view in VIEWS {
            assert!(view.description().len() > 40, "{}", view.name);
            assert!(crate::statement::parse(&view.sql(9217), false).is_ok(), "{}", view.name);
        }
    }
}
