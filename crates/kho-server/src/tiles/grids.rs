//! The grids of a city: the two of the whole world, and that of its VN-2000 zone.

use kho_layer::City;
use kho_tile::{Grid, Vn2000Grid};

use crate::http::problem::Problem;

/// All of them. A city whose `srid` names no zone of VN-2000 has the two of the world.
pub(crate) fn grids(city: &City) -> Vec<Grid> {
    let own = Vn2000Grid::of(city.config.srid).map(Grid::Vn2000);
    [Grid::WebMercatorQuad, Grid::WorldCrs84Quad].into_iter().chain(own).collect()
}

/// The grid of this name, or 404.
pub(crate) fn grid(city: &City, id: &str) -> Result<Grid, Problem> {
    let all = grids(city);
    all.iter().copied().find(|grid| grid.id() == id).ok_or_else(|| {
        let known: Vec<String> = all.iter().map(|grid| grid.id()).collect();
        Problem::not_found(format!("No tile matrix set is called {id}; there are: {}.", known.join(", ")))
    })
}
