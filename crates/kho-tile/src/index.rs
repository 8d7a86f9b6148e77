//! Which row groups of a layer have anything in a window.

use crate::TileError;
use crate::generalise::Rule;
use crate::grid::{EVERYWHERE, Grid, WorldBox};
use crate::stats::LayerCounters;
use crate::touched::Touched;
use kho_access::Grant;
use kho_filter::Filter;
use kho_lake::{Lake, LakeError, SnapshotId, row_group_bounds};
use kho_layer::GEOMETRY;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, Envelope, RTree, RTreeObject};
use std::path::PathBuf;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// A data file with its footer already read.
#[derive(Debug)]
pub(crate) struct OpenFile {
    /// The lake's id of the file; files never change.
    pub id: i64,
    /// Where it is.
    pub path: PathBuf,
    /// Footer and schema.
    pub reader: ArrowReaderMetadata,
}

impl OpenFile {
    /// The file's name, without the folders above it.
    pub fn name(&self) -> String {
        self.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// A row group: the number of its file in the index, and its number in the file.
pub(crate) type Group = (u32, u32);

/// A layer at a snapshot as a grant sees it, in a grid: an R-tree over the row groups of its files.
/// Cheap to clone, but for the names.
#[derive(Debug, Clone)]
pub(crate) struct LayerIndex {
    /// The layer's name.
    pub layer: String,
    /// The grid in whose world units the tree is.
    pub grid: Grid,
    /// The snapshot that last changed the layer.
    pub version: SnapshotId,
    /// The snapshot that last changed the layer, or a part of it.
    since: Arc<Touched>,
    /// What of it is to be drawn, if not all; and where that can be.
    pub filter: Option<(Filter, WorldBox)>,
    /// The granted columns, in the layer's order.
    pub keys: Vec<String>,
    /// A hash of [`LayerIndex::keys`].
    pub columns: u64,
    /// What the zooms below the layer's own show of these columns.
    pub rule: Option<Arc<Rule>>,
    /// About how many points the layer's geometries have, from the footers alone.
    pub points: u64,
    /// What has been made of the layer; one for all its indices.
    pub counters: Arc<LayerCounters>,
    /// The data files.
    pub files: Vec<Arc<OpenFile>>,
    tree: Arc<RTree<GeomWithData<Rectangle<[i64; 2]>, Group>>>,
}

impl LayerIndex {
    /// Asks the lake for the files that the grant opens, and reads their footers. A layer without
    /// data is an empty index: its tiles are empty.
    pub async fn open(
        lake: &Lake,
        grant: &Grant,
        grid: Grid,
        counters: Arc<LayerCounters>,
    ) -> Result<Self, TileError> {
        let layer = grant.layer().name.clone();
        let refused = |e: LakeError| TileError::Lake { layer: layer.clone(), source: Arc::new(e) };
        let keys: Vec<String> = grant.open_columns().map(|c| c.name.clone()).collect();
        let mut index = Self {
            columns: columns_id(grant),
            rule: Rule::of(grant.layer(), &keys).map(Arc::new),
            keys,
            grid,
            version: 0,
            since: Arc::default(),
            filter: None,
            points: 0,
            counters,
            files: Vec::new(),
            tree: Arc::new(RTree::new()),
            layer: layer.clone(),
        };
        let found = match lake.files(grant).await {
            Ok(found) => found,
            Err(LakeError::NoData { .. }) => return Ok(index),
            Err(e) => return Err(refused(e)),
        };
        let history = lake.history(grant).await.map_err(refused)?;
        let projector = grid.projector();
        index.version = found.layer_since;
        index.since = Arc::new(Touched::new(found.layer_since, &history, |b| projector.project_box(b)));
        let mut groups = Vec::new();
        let reader = lake.clone();
        let files = tokio::task::spawn_blocking(move || {
            let with_footer = |file| reader.footer(&file).map(|footer| (file, footer));
            found.files.into_iter().map(with_footer).collect::<Result<Vec<_>, _>>()
        })
        .await
        .map_err(|e| TileError::Internal(e.to_string()))?
        .map_err(refused)?;
        for (file, footer) in files {
            let bounds = row_group_bounds(&footer);
            // 16 bytes a point in WKB, and little else.
            let columns = footer.row_groups().iter().flat_map(|g| g.columns());
            let geometry = columns.filter(|c| c.column_path().string() == GEOMETRY);
            index.points +=
                geometry.map(|c| u64::try_from(c.uncompressed_size()).unwrap_or(0) / 16).sum::<u64>();
            for number in 0..footer.num_row_groups() {
                // A row group of unknown place must be looked at every time: its block knows.
                let b =
                    bounds.get(number).copied().flatten().map_or(EVERYWHERE, |b| projector.project_box(b));
                let at = (index.files.len() as u32, number as u32);
                groups.push(GeomWithData::new(rectangle(&b), at));
            }
            let reader = ArrowReaderMetadata::try_new(footer, ArrowReaderOptions::new())
                .map_err(|e| refused(LakeError::Parquet(e)))?;
            index.files.push(Arc::new(OpenFile { id: file.id, path: file.path, reader }));
        }
        index.tree = Arc::new(RTree::bulk_load(groups));
        Ok(index)
    }

    /// The rule by which a tile is made that stands for a zoom of WebMercatorQuad, if it is one of an
    /// overview.
    pub fn rule_at(&self, zoom: u8) -> Option<&Rule> {
        self.rule.as_deref().filter(|rule| zoom < rule.below)
    }

    /// The snapshot that a tile with this window is to be kept under.
    pub fn since(&self, window: &WorldBox) -> SnapshotId {
        self.since.at(window)
    }

    /// The same layer with nothing to be drawn but what passes a filter, which must have been checked
    /// against the index's grant.
    pub fn narrowed(&self, filter: &Filter) -> Self {
        // Boxes are projected here as the row groups' own are, so what meets in degrees meets.
        let place = filter.bounds().map_or(EVERYWHERE, |b| self.grid.projector().project_box(b));
        Self { filter: Some((filter.clone(), place)), ..self.clone() }
    }

    /// The row groups that may have something in the window, in the order of the files.
    pub fn groups(&self, window: &WorldBox) -> Vec<Group> {
        self.groups_in(window, self.filter.as_ref().map_or(EVERYWHERE, |(_, place)| *place))
    }

    /// The same, whatever the filter.
    pub fn all_groups(&self, window: &WorldBox) -> Vec<Group> {
        self.groups_in(window, EVERYWHERE)
    }

    fn groups_in(&self, window: &WorldBox, place: WorldBox) -> Vec<Group> {
        let r = rectangle(window);
        let envelope = AABB::from_corners(r.lower(), r.upper());
        let place = rectangle(&place).envelope();
        let mut found: Vec<Group> = self
            .tree
            .locate_in_envelope_intersecting(&envelope)
            .filter(|g| g.geom().envelope().intersects(&place))
            .map(|g| g.data)
            .collect();
        found.sort_unstable();
        found
    }
}

/// A hash of the names and order of the columns that a grant opens to tiles. Part of every cache
/// key: when a column is closed, no tile with it can be found any more.
pub(crate) fn columns_id(grant: &Grant) -> u64 {
    let mut names = String::with_capacity(128);
    for column in grant.open_columns() {
        names.push_str(&column.name);
        names.push('\u{1f}');
    }
    xxh3_64(names.as_bytes())
}

fn rectangle(b: &WorldBox) -> Rectangle<[i64; 2]> {
    let [x0, y0, x1, y1] = b.map(i64::from);
    Rectangle::from_corners([x0, y0], [x1, y1])
}
