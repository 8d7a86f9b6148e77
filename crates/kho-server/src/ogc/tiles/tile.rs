//! Tiles by matrix, row and column.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kho_tile::Grid;

use super::sets::layers_of;
use crate::app::App;
use crate::data::at::At;
use crate::data::cql::{TILE_FILTER, filter_of_one};
use crate::http::negotiate::tile_format;
use crate::http::params::{Params, Segments};
use crate::http::problem::Problem;
use crate::tiles::grids::grid;
use crate::tiles::{Address, answer, numbers, passing, suffix};

pub(super) async fn of_dataset(
    State(app): State<App>,
    at: At,
    Segments((tms, z, row, column)): Segments<(String, String, String, String)>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&[&["f", "snapshot", "collections"], &TILE_FILTER[..]].concat())?;
    let format = tile_format(&params, suffix(&column).1, &headers)?;
    let layers = layers_of(&at, &params)?;
    let address = address(grid(&app.city, &tms)?, &z, &row, &column)?;
    if let Some(filter) = filter_of_one(&app, &layers, &params).await? {
        return passing(&app, &at, &layers[0], &filter, address, format, &headers).await;
    }
    answer(&app, &at, &layers, address, format, &headers).await
}

pub(super) async fn of_collection(
    State(app): State<App>,
    at: At,
    Segments((name, tms, z, row, column)): Segments<(String, String, String, String, String)>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&[&["f", "snapshot"], &TILE_FILTER[..]].concat())?;
    let format = tile_format(&params, suffix(&column).1, &headers)?;
    let layer = at.catalogue.require(&name)?.clone();
    let address = address(grid(&app.city, &tms)?, &z, &row, &column)?;
    let layers = [layer];
    if let Some(filter) = filter_of_one(&app, &layers, &params).await? {
        return passing(&app, &at, &layers[0], &filter, address, format, &headers).await;
    }
    answer(&app, &at, &layers, address, format, &headers).await
}

/// A tile that the matrix does not have is not there, whatever is wrong with its address.
fn address(grid: Grid, z: &str, row: &str, column: &str) -> Result<Address, Problem> {
    numbers(z, row, column)
        .filter(|&(z, row, column)| grid.has(z, column, row))
        .map(|(z, row, column)| Address { grid, z, x: column, y: row })
        .ok_or_else(|| {
            Problem::not_found(format!(
                "{grid} has no such tile: an address ends in MATRIX/ROW/COLUMN, matrices go from 0 to {}.",
                grid.max_zoom()
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_before_columns() {
        let read =
            |z, row, column| address(Grid::WorldCrs84Quad, z, row, column).ok().map(|a| (a.z, a.x, a.y));
        assert_eq!(read("0", "0", "1"), Some((0, 1, 0)));
        assert_eq!(read("2", "3", "7.mvt"), Some((2, 7, 3)));
        for bad in [("0", "1", "0"), ("2", "4", "0"), ("22", "0", "0"), ("x", "0", "0"), ("0", "0", "")] {
            assert_eq!(read(bad.0, bad.1, bad.2), None, "{bad:?}");
        }
    }
}
