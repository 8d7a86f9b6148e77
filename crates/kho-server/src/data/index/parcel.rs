//! Parcels by sheet and parcel number.

use kho_lake::Lake;

use super::{integer, row_number};
use crate::data::catalogue::Published;
use crate::data::rows::each;
use crate::http::problem::Problem;

/// Row numbers by (sheet, parcel): today's numbers, and the former ones that people still have in
/// their papers. A pair is not unique: every commune counts its sheets from 1.
pub(crate) struct Parcels {
    today: Vec<(i64, i64, u32)>,
    former: Vec<(i64, i64, u32)>,
}

impl Parcels {
    pub(super) fn build(lake: &Lake, layer: &Published) -> Result<Self, Problem> {
        let mut parcels = Self { today: Vec::new(), former: Vec::new() };
        let columns = ["so_to", "so_thua", "so_to_cu", "so_thua_cu"];
        each(lake, layer, &columns, |first, batch| {
            for row in 0..batch.num_rows() {
                let number = row_number(first + row as u64)?;
                let pair = |sheet, parcel| Some((integer(batch, sheet, row)?, integer(batch, parcel, row)?));
                let (now, before) = (pair("so_to", "so_thua"), pair("so_to_cu", "so_thua_cu"));
                parcels.today.extend(now.map(|(sheet, parcel)| (sheet, parcel, number)));
                parcels
                    .former
                    .extend(before.filter(|_| before != now).map(|(sheet, parcel)| (sheet, parcel, number)));
            }
            Ok(())
        })?;
        parcels.today.sort_unstable();
        parcels.former.sort_unstable();
        Ok(parcels)
    }

    pub(super) fn bytes(&self) -> usize {
        (self.today.len() + self.former.len()) * size_of::<(i64, i64, u32)>()
    }

    /// The rows with these numbers today, and those that had them formerly.
    pub(crate) fn find(&self, sheet: i64, parcel: i64) -> (Vec<u64>, Vec<u64>) {
        let rows = |list: &[(i64, i64, u32)]| {
            let from = list.partition_point(|&(s, p, _)| (s, p) < (sheet, parcel));
            list[from..]
                .iter()
                .take_while(|&&(s, p, _)| (s, p) == (sheet, parcel))
                .map(|&(_, _, row)| u64::from(row))
                .collect()
        };
        (rows(&self.today), rows(&self.former))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parcels_of_a_number_are_found() {
        let parcels = Parcels {
            today: vec![(1, 2, 7), (12, 345, 1), (12, 345, 9), (12, 346, 2)],
            former: vec![(12, 345, 3)],
        };
        assert_eq!(parcels.find(12, 345), (vec![1, 9], vec![3]));
        assert_eq!(parcels.find(12, 344), (vec![], vec![]));
    }
}
