//! Boxes in world units.

/// A box in world units, edges included: min x, min y, max x, max y.
pub(crate) type WorldBox = [u32; 4];

/// The box that meets nothing.
pub(crate) const NOWHERE: WorldBox = [u32::MAX, u32::MAX, 0, 0];
/// The box that meets everything.
pub(crate) const EVERYWHERE: WorldBox = [0, 0, u32::MAX, u32::MAX];

#[inline(always)]
pub(crate) fn meets(a: &WorldBox, b: &WorldBox) -> bool {
    a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]
}

/// Whether `inner` lies in `outer`.
#[inline(always)]
pub(crate) fn within(inner: &WorldBox, outer: &WorldBox) -> bool {
    inner[0] >= outer[0] && inner[1] >= outer[1] && inner[2] <= outer[2] && inner[3] <= outer[3]
}

/// The smallest box around two.
#[inline(always)]
pub(crate) fn hull(a: &WorldBox, b: &WorldBox) -> WorldBox {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}
