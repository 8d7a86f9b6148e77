//! Which source column feeds which layer column.

use arrow::datatypes::Schema;
use kho_layer::{LayerDef, fold};

/// Longest column name of a dBASE file, so of a shapefile.
const DBF_NAME: usize = 10;

/// The decision for one delivery.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// For each column of the layer, the index of its source column.
    pub sources: Vec<Option<usize>>,
    /// Names of the source columns that feed nothing.
    pub unmapped: Vec<String>,
}

/// A column name without case, diacritics and punctuation: `Số tờ` and `so-to` are `so_to`.
pub(crate) fn fold_name(name: &str) -> String {
    fold(name.trim())
        .chars()
        .map(|c| if matches!(c, '-' | ' ' | '.' | '/' | ':') { '_' } else { c })
        .collect()
}

impl Mapping {
    /// Matches by exact name, then by folded name, then by the aliases, then, for shapefiles
    /// (`short_names`), by a name cut to ten characters. A source column is used once; a better
    /// match of any column goes before a worse one of another.
    pub(crate) fn new(layer: &LayerDef, schema: &Schema, geometry: usize, short_names: bool) -> Self {
        let names: Vec<(usize, &str, String)> = schema
            .fields()
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != geometry)
            .map(|(i, f)| (i, f.name().as_str(), fold_name(f.name())))
            .collect();
        let mut sources = vec![None; layer.columns.len()];
        let mut used = vec![false; schema.fields().len()];
        let mut pass = |fits: &dyn Fn(usize, &str, &str) -> bool| {
            for (column, source) in sources.iter_mut().enumerate() {
                if source.is_none() {
                    let found =
                        names.iter().find(|(i, name, folded)| !used[*i] && fits(column, name, folded));
                    if let Some((i, _, _)) = found {
                        used[*i] = true;
                        *source = Some(*i);
                    }
                }
            }
        };
        let columns = &layer.columns;
        pass(&|c, name, _| columns[c].name == name);
        pass(&|c, _, folded| columns[c].name == folded);
        pass(&|c, _, folded| columns[c].aliases.iter().any(|a| fold_name(a) == folded));
        if short_names {
            pass(&|c, _, folded| folded.len() == DBF_NAME && columns[c].name.starts_with(folded));
        }
        let unmapped =
            names.iter().filter(|(i, _, _)| !used[*i]).map(|(_, name, _)| (*name).to_owned()).collect();
        Self { sources, unmapped }
    }

    /// The required columns that no source column feeds.
    pub(crate) fn missing<'a>(&self, layer: &'a LayerDef) -> Vec<&'a str> {
        layer
            .columns
            .iter()
            .zip(&self.sources)
            .filter(|(c, s)| s.is_none() && (c.required || layer.key.contains(&c.name)))
            .map(|(c, _)| c.name.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field};

    fn layer() -> LayerDef {
        let text = r#"
            name = "land_parcel"
            title = { vi = "Thửa đất" }
            theme = "land"
            geometry = "polygon"
            key = ["so_to"]
            column = [
                { name = "so_to", type = "integer", title = { vi = "Số tờ" }, aliases = ["soHieuToBanDo"] },
                { name = "dien_tich", type = "float", title = { vi = "Diện tích" }, required = true },
                { name = "dien_tich_phap_ly", type = "float", title = { vi = "Diện tích pháp lý" } },
            ]
        "#;
        LayerDef::parse(text, std::path::Path::new("x")).unwrap()
    }

    fn map(names: &[&str], short: bool) -> Mapping {
        let fields: Vec<_> = names.iter().map(|n| Field::new(*n, DataType::Utf8, true)).collect();
        Mapping::new(&layer(), &Schema::new(fields), usize::MAX, short)
    }

    #[test]
    fn exact_then_folded_then_alias_then_short() {
        assert_eq!(map(&["dien_tich", "so_to"], false).sources, [Some(1), Some(0), None]);
        assert_eq!(map(&["Số Tờ", "DIỆN-TÍCH"], false).sources, [Some(0), Some(1), None]);
        assert_eq!(map(&["SOHIEUTOBANDO", "khác"], false).sources, [Some(0), None, None]);
        assert_eq!(map(&["SO_TO", "so_to"], false).sources, [Some(1), None, None]);
        let short = map(&["SO_TO", "DIEN_TICH", "DIEN_TICH_", "GHI_CHU"], true);
        assert_eq!(short.sources, [Some(0), Some(1), Some(2)]);
        assert_eq!(short.unmapped, ["GHI_CHU"]);
        assert_eq!(map(&["DIEN_TICH_"], false).sources, [None, None, None]);
    }

    #[test]
    fn required_and_key_columns_must_be_there() {
        assert_eq!(map(&["khac"], false).missing(&layer()), ["so_to", "dien_tich"]);
    }
}
