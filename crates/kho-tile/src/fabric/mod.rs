//! Layers that tile the plane: what is shared at rest stays shared at every zoom.
//!
//! A tile is made of what lies in its window ([`weave`]), whatever the size of the layer. Where vertices are
//! to be left out as well, which neighbours can only do together, a layer is made as a whole:
//!
//! ```text
//! rings → node (once) → simplify → snap rounding → polygons
//! ```
//!
//! 1. [`node`]: a corner that lies on a neighbour's edge becomes a vertex of that edge, and what
//!    crosses is noded, so that edges meet at vertices only.
//! 2. [`simplify`]: vertices are taken from all rings at once or not at all.
//! 3. [`snap`]: snap rounding onto the lattice that all tiles of a zoom share, with a vertex
//!    wherever an edge crosses from tile to tile.
//! 4. [`polygon`]: what collapsed cancels, the rest becomes simple rings.
//!
//! Every polygon is the sum of the same edges as its neighbours, so no gap and no overlap can open
//! between them. Nothing here knows of layers, blocks or files; all of it is whole numbers, but for
//! the order in which vertices are taken away.

mod exact;
mod node;
mod polygon;
mod simplify;
mod snap;
mod topology;
mod tree;
mod weave;

pub(crate) use node::node;
pub(crate) use topology::{Mosaic, Rings};
pub(crate) use weave::Weaver;

#[cfg(test)]
mod tests;

use snap::Lattice;

/// The polygons of a noded layer on the lattice of a zoom, in world units, feature by feature: for
/// each polygon an exterior, turning right on the screen, and its holes, turning left. With
/// `thin`, vertices go that half a grid unit does not miss.
pub(crate) fn at_zoom(mosaic: &Mosaic, z: u8, thin: bool) -> Rings {
    let lattice = Lattice::of_zoom(z);
    let thinned = thin.then(|| simplify::simplify(mosaic, f64::from(lattice.step()) / 2.0));
    let mosaic = thinned.as_ref().unwrap_or(mosaic);
    let edges = mosaic.edges();
    let routes = snap::snap(mosaic, &edges, &[], lattice);
    polygon::polygons(&mosaic.routed(&edges, &routes, |p| lattice.centre(lattice.pixel(p))))
}
