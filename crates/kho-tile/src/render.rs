//! Cutting a tile out of blocks: the inner loop.

use crate::block::{Feature, GeometryBlock, Rows};
use crate::fabric::Weaver;
use crate::generalise::Gathered;
use crate::geom::{P, Shape, ShapeOutcome, clean_line, clip_line, clip_ring, simplify_line};
use crate::grid::{TileFrame, WorldBox};
use crate::mvt::{Commands, FeatureKind, LayerWriter};

/// How a tile is to be drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Thin lines and outlines by half a grid unit.
    pub simplify: bool,
    /// Leave out features that rank below this; 0 leaves out none.
    pub least_rank: u64,
    /// For a tile below the layer's own zooms: the zoom of WebMercatorQuad that it stands for. It is
    /// made by the layer's overview rule.
    pub overview: Option<u8>,
    /// Lead the borders of polygons together: every block must be [gathered](Painter::gather) first.
    pub woven: bool,
}

/// What became of the candidates of a tile.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Features whose box meets the tile and its buffer.
    pub candidates: usize,
    /// Left out because they rank too low, or by the rule of an overview.
    pub left_out: usize,
    /// Seen only as a part of what they were merged to.
    pub merged: usize,
    /// Polygons that had to be repaired.
    pub repaired: usize,
}

/// Draws features into a layer. Holds all scratch memory; reused from tile to tile.
#[derive(Debug, Default)]
pub(crate) struct Painter {
    /// What has been drawn.
    pub layer: LayerWriter,
    /// Rank and size in bytes of every feature drawn.
    pub ranks: Vec<(u64, u32)>,
    /// What became of the candidates.
    pub tally: Tally,
    /// What an overview has gathered.
    pub gathered: Gathered,
    pub(crate) commands: Commands,
    weaver: Weaver,
    /// Polygons handed to the weaver; then those drawn of them.
    added: u32,
    woven: u32,
    shape: Shape,
    ring: Vec<[i64; 2]>,
    spare: Vec<[i64; 2]>,
    pub(crate) points: Vec<P>,
    piece: Vec<P>,
    stack: Vec<(u32, u32)>,
    keep: Vec<bool>,
}

impl Painter {
    /// Starts the next tile.
    pub fn clear(&mut self) {
        self.layer.clear();
        self.ranks.clear();
        self.tally = Tally::default();
        self.gathered.clear();
        self.weaver.clear();
        (self.added, self.woven) = (0, 0);
    }

    /// Takes note of the polygons that a block has in the tile, in the order in which
    /// [`Painter::block`] is going to draw them.
    pub fn gather(&mut self, geometry: &GeometryBlock, frame: &TileFrame, manner: Manner) {
        geometry.tree().search(&frame.window, |row, bounds, _| {
            let Some(feature) = geometry.feature(row).filter(|f| f.kind == FeatureKind::Polygon) else {
                return;
            };
            if rank(&feature, bounds) >= manner.least_rank {
                self.weaver.add(self.added, feature.parts());
                self.added += 1;
            }
        });
    }

    /// Leads the borders of all that has been gathered.
    pub fn weave(&mut self, frame: &TileFrame) {
        self.weaver.weave(frame);
    }

    /// Draws what a row group has in the tile.
    pub fn block(&mut self, rows: Rows<'_>, frame: &TileFrame, manner: Manner) {
        let Rows { geometry, attributes, .. } = rows;
        self.layer.start_block(attributes.dictionary());
        geometry.tree().search(&frame.window, |row, bounds, whole| {
            let Some(feature) = geometry.feature(row) else { return };
            let rank = rank(&feature, bounds);
            let woven = manner.woven && feature.kind == FeatureKind::Polygon;
            let number = self.woven;
            self.woven += u32::from(woven && rank >= manner.least_rank);
            // What a filter leaves out holds its neighbours' borders in place all the same.
            if !rows.passes(row) {
                return;
            }
            self.tally.candidates += 1;
            let small = bounds[2] - bounds[0] < frame.least && bounds[3] - bounds[1] < frame.least;
            // What neighbours are led around must be drawn, however small it is.
            if small && feature.kind != FeatureKind::Point && !woven {
                return;
            }
            if rank < manner.least_rank {
                self.tally.left_out += 1;
                return;
            }
            self.commands.clear();
            match feature.kind {
                FeatureKind::Point => self.point(feature, frame),
                FeatureKind::Line => self.line(feature, frame, whole, manner),
                FeatureKind::Polygon if woven => self.woven_polygon(number),
                FeatureKind::Polygon => self.polygon(feature, frame, whole, manner),
            }
            if self.commands.is_empty() {
                return;
            }
            let bytes = self.layer.feature(
                feature.id,
                feature.kind,
                attributes.row(row),
                attributes.dictionary(),
                &self.commands,
            );
            self.ranks.push((rank, bytes as u32));
        });
    }

    pub(crate) fn point(&mut self, feature: Feature<'_>, frame: &TileFrame) {
        self.points.clear();
        for (_, part) in feature.parts() {
            for &w in part {
                let q = frame.snap(w);
                let p = P { x: q[0] as i32, y: q[1] as i32 };
                if frame.clip.holds(q[0], q[1]) && !self.points.contains(&p) {
                    self.points.push(p);
                }
            }
        }
        if !self.points.is_empty() {
            self.commands.points(&self.points);
        }
    }

    pub(crate) fn line(&mut self, feature: Feature<'_>, frame: &TileFrame, whole: bool, manner: Manner) {
        for (_, part) in feature.parts() {
            if whole {
                self.points.clear();
                if clean_line(part.iter().map(|&w| frame.snap_near(w)), &mut self.points) > 0 {
                    if manner.simplify {
                        simplify_line(&mut self.points, 0, &mut self.stack, &mut self.keep);
                    }
                    self.commands.line(&self.points);
                }
                continue;
            }
            self.ring.clear();
            self.ring.extend(part.iter().map(|&w| frame.snap(w)));
            let Self { commands, points, piece, stack, keep, ring, .. } = self;
            clip_line(ring, frame.clip, piece, |found| {
                points.clear();
                if clean_line(found.iter().copied(), points) > 0 {
                    if manner.simplify {
                        simplify_line(points, 0, stack, keep);
                    }
                    commands.line(points);
                }
            });
        }
    }

    #[inline]
    pub(crate) fn polygon(&mut self, feature: Feature<'_>, frame: &TileFrame, whole: bool, manner: Manner) {
        self.shape.clear();
        for (hole, part) in feature.parts() {
            if whole {
                self.shape.ring(!hole, part.iter().map(|&w| frame.snap_near(w)));
            } else {
                self.ring.clear();
                self.ring.extend(part.iter().map(|&w| frame.snap(w)));
                clip_ring(&mut self.ring, &mut self.spare, frame.clip);
                self.shape.clipped_ring(!hole, &self.ring);
            }
            if manner.simplify {
                self.shape.simplify_last();
            }
        }
        let outcome = self.shape.finish();
        self.drawn(outcome);
    }

    /// One of the polygons that have been handed to the weaver.
    #[inline]
    fn woven_polygon(&mut self, number: u32) {
        let outcome = self.weaver.draw(number, &mut self.shape);
        self.drawn(outcome);
    }

    #[inline]
    fn drawn(&mut self, outcome: ShapeOutcome) {
        match outcome {
            ShapeOutcome::Gone => return,
            ShapeOutcome::Repaired => self.tally.repaired += 1,
            ShapeOutcome::Kept => {}
        }
        for ring in self.shape.rings() {
            self.commands.ring(ring);
        }
    }
}

/// How much a feature is worth seeing when not all fit: the area of its box, or for a line the
/// square of its longer side; among equals a mixture of the id decides, so that points thin out
/// evenly, and every tile and every run leaves out the same ones first.
pub(crate) fn rank(feature: &Feature<'_>, b: &WorldBox) -> u64 {
    let (w, h) = (u64::from(b[2] - b[0]), u64::from(b[3] - b[1]));
    let size = match feature.kind {
        FeatureKind::Point => 0,
        FeatureKind::Line => w.max(h).saturating_mul(w.max(h)),
        FeatureKind::Polygon => w.saturating_mul(h),
    };
    let mix = (feature.id.wrapping_mul(0x9E37_79B9_7F4A_7C15)) >> 48;
    (size.min(u64::MAX >> 16) << 16 | mix).max(1)
}
