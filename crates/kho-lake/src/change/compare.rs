//! Two digests side by side: what came, what went, what changed, and where.

use super::boxes::Gather;
use super::digest::{INTERNAL, PUBLIC, RESTRICTED, Reader, Record, digest_name, files_id};
use super::recorded::{Part, Recorded, hex};
use crate::catalog::{Catalog, LayerAt};
use crate::error::LakeError;
use std::cmp::Ordering;
use std::path::{Path, PathBuf};

/// A new version of a layer compared with an older one.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    /// The data files of the older one, main table first: the comparison is good only as long as
    /// the layer still is that version.
    pub files: Vec<String>,
    pub changes: Recorded,
}

/// Compares a layer's new digest (`None` if it will have no features) with that of the layer as it
/// is now. Without the older digest, `None`: nothing is known of the change. A version whose digest
/// cannot be used is no reason to refuse a delivery.
pub(crate) async fn compared(
    lake: &Path,
    catalog: &Catalog,
    layer: &str,
    shapes: [u64; 3],
    new: Option<PathBuf>,
) -> Result<Option<Compared>, LakeError> {
    let now = catalog.newest().await?;
    let files = match catalog.layer(lake, layer, now).await {
        Ok(Some(version)) => names(&version),
        Ok(None) => Vec::new(),
        Err(LakeError::Damaged(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let old = files.first().map(|first| lake.join("digests").join(layer).join(digest_name(first)));
    let id = files_id(files.iter().map(String::as_str));
    let compare = move || -> Result<Option<Recorded>, LakeError> {
        let old = match old {
            None => None,
            Some(path) => match Reader::open(&path)? {
                Some(digest) if digest.header.files == id => Some(digest),
                _ => return Ok(None),
            },
        };
        let new = new.map(|path| Reader::open(&path)).transpose()?.flatten();
        differences(old, new, shapes).map(Some)
    };
    match tokio::task::spawn_blocking(compare).await? {
        Ok(changes) => Ok(changes.map(|changes| Compared { files, changes })),
        Err(error) => {
            tracing::warn!(layer, %error, "what a delivery changes cannot be told");
            Ok(None)
        }
    }
}

/// The names of a version's data files, main table first.
fn names(version: &LayerAt) -> Vec<String> {
    let restricted = version.restricted.iter().flat_map(|t| &t.files);
    let files = version.main.files.iter().chain(restricted);
    files.filter_map(|f| f.path.file_name()).map(|name| name.to_string_lossy().into_owned()).collect()
}

fn differences(
    mut old: Option<Reader>,
    mut new: Option<Reader>,
    shapes: [u64; 3],
) -> Result<Recorded, LakeError> {
    let next = |digest: &mut Option<Reader>| digest.as_mut().map_or(Ok(None), Reader::next);
    let count = |digest: &Option<Reader>| digest.as_ref().map_or(0, |d| d.header.count);
    let most = count(&old).max(count(&new));
    let before = old.as_ref().map(|d| d.header.shapes);
    let same = |class: usize| before.is_some_and(|before| before[class] == shapes[class]);
    let mut tally = Tally::default();
    let (mut a, mut b) = (next(&mut old)?, next(&mut new)?);
    loop {
        let order = match (&a, &b) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.id.cmp(&b.id),
        };
        let gone = if order.is_le() { std::mem::replace(&mut a, next(&mut old)?) } else { None };
        let come = if order.is_ge() { std::mem::replace(&mut b, next(&mut new)?) } else { None };
        tally.see(gone, come);
    }
    Ok(tally.finish(most, [PUBLIC, INTERNAL, RESTRICTED].map(same), shapes))
}

#[derive(Debug, Default)]
struct Tally {
    added: u64,
    removed: u64,
    /// Features that are in both.
    stayed: u64,
    /// Changed in a public column or the geometry.
    public: u64,
    /// In these or an internal column.
    open: u64,
    /// In no open column, but in a restricted one.
    restricted: u64,
    public_boxes: Gather,
    open_boxes: Gather,
}

impl Tally {
    fn see(&mut self, gone: Option<Record>, come: Option<Record>) {
        let (public, open) = match (&gone, &come) {
            (Some(a), Some(b)) => {
                self.stayed += 1;
                let differs = |class: usize| a.hashes[class] != b.hashes[class];
                let (public, open) = (differs(PUBLIC), differs(PUBLIC) || differs(INTERNAL));
                self.public += u64::from(public);
                self.open += u64::from(open);
                self.restricted += u64::from(!open && differs(RESTRICTED));
                (public, open)
            }
            _ => {
                self.removed += u64::from(gone.is_some());
                self.added += u64::from(come.is_some());
                (true, true)
            }
        };
        for bounds in [gone, come].iter().flatten().filter_map(Record::bounds) {
            if public {
                self.public_boxes.add(bounds);
            }
            if open {
                self.open_boxes.add(bounds);
            }
        }
    }

    /// `most` is the size of the larger version; `same` says which classes have the columns that
    /// they had. Other columns are a change of every feature.
    fn finish(self, most: u64, same: [bool; 3], shapes: [u64; 3]) -> Recorded {
        let part = |changed: u64, boxes: Gather, same: bool| {
            let changed = if same { changed } else { self.stayed };
            // Boxes around most of a layer are no narrower than the layer, and not worth their place.
            let few = (self.added + self.removed + changed).saturating_mul(2) <= most;
            Part { changed, boxes: (same && few).then(|| boxes.finish()) }
        };
        let open = part(self.open, self.open_boxes, same[PUBLIC] && same[INTERNAL]);
        let public = part(self.public, self.public_boxes, same[PUBLIC]);
        Recorded {
            added: self.added,
            removed: self.removed,
            changed: open.changed,
            restricted: if same[RESTRICTED] { self.restricted } else { self.stayed - open.changed },
            public: (public != open).then_some(public),
            boxes: open.boxes,
            shapes: shapes.map(hex),
            reshaped: same.contains(&false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn see(tally: &mut Tally, hashes: [[u64; 3]; 2]) {
        let [a, b] = hashes.map(|hashes| Record::of(1, hashes, [109.0, 12.0, 109.5, 12.5]));
        tally.see(Some(a), Some(b));
    }

    #[test]
    fn each_change_counts_in_its_class() {
        let mut tally = Tally::default();
        see(&mut tally, [[1, 1, 1], [2, 1, 1]]);
        see(&mut tally, [[1, 1, 1], [1, 2, 1]]);
        see(&mut tally, [[1, 1, 1], [1, 1, 2]]);
        see(&mut tally, [[1, 1, 1], [1, 2, 2]]);
        see(&mut tally, [[1, 1, 1], [1, 1, 1]]);
        let found = tally.finish(100, [true; 3], [0; 3]);
        assert_eq!((found.added, found.removed, found.changed, found.restricted), (0, 0, 3, 1));
        assert_eq!(found.boxes, Some(vec![[109.0, 12.0, 109.5, 12.5]]));
        // the box is the same, the number is not
        assert_eq!(found.public.as_ref().map(|p| p.changed), Some(1));
        assert!(!found.reshaped);
    }

    #[test]
    fn half_of_a_layer_is_everywhere() {
        let mut tally = Tally::default();
        see(&mut tally, [[1, 1, 1], [2, 1, 1]]);
        assert!(tally.finish(2, [true; 3], [0; 3]).boxes.is_some());
        let mut tally = Tally::default();
        see(&mut tally, [[1, 1, 1], [2, 1, 1]]);
        assert_eq!(tally.finish(1, [true; 3], [0; 3]).boxes, None);
    }

    #[test]
    fn other_columns_are_a_change_of_their_class() {
        let tally = || {
            let mut tally = Tally::default();
            see(&mut tally, [[1, 1, 1], [1, 2, 1]]);
            tally
        };
        let found = tally().finish(100, [true, false, true], [0; 3]);
        assert_eq!((found.changed, found.boxes, found.reshaped), (1, None, true));
        assert_eq!(found.public, Some(Part { changed: 0, boxes: Some(vec![]) }));
        let found = tally().finish(100, [true, true, false], [0; 3]);
        assert_eq!((found.changed, found.restricted, found.boxes.is_some()), (1, 0, true));
        let found = tally().finish(100, [false, true, true], [0; 3]);
        assert_eq!((found.boxes, found.public), (None, None));
    }
}
