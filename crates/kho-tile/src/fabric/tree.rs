//! A packed tree over things that are already in spatial order.

/// Min x, min y, max x, max y, edges included.
pub(super) type Bounds = [u32; 4];

const FAN: usize = 8;

/// The bounds of every eight things, of every eight of these, and so on. Holds no things: whoever
/// asks knows them by number.
#[derive(Debug)]
pub(super) struct BoundsTree {
    count: usize,
    levels: Vec<Vec<Bounds>>,
}

impl BoundsTree {
    /// The tree over `count` things.
    pub fn new(count: usize, bounds: impl Fn(usize) -> Bounds) -> Self {
        let hull = |a: Bounds, b: Bounds| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])];
        const NONE: Bounds = [u32::MAX, u32::MAX, 0, 0];
        let first: Vec<Bounds> = (0..count)
            .step_by(FAN)
            .map(|from| (from..count.min(from + FAN)).map(&bounds).fold(NONE, hull))
            .collect();
        let mut levels = vec![first];
        while let Some(top) = levels.last().filter(|l| l.len() > FAN) {
            let next = top.chunks(FAN).map(|c| c.iter().copied().fold(NONE, hull)).collect();
            levels.push(next);
        }
        Self { count, levels }
    }

    /// Calls `found` with every thing whose group's bounds pass, in order, until it says `false`.
    #[inline]
    pub fn search(&self, pass: impl Fn(&Bounds) -> bool, mut found: impl FnMut(usize) -> bool) {
        let top = self.levels.len() - 1;
        self.descend(top, 0, self.levels[top].len(), &pass, &mut found);
    }

    fn descend(
        &self,
        level: usize,
        from: usize,
        to: usize,
        pass: &impl Fn(&Bounds) -> bool,
        found: &mut impl FnMut(usize) -> bool,
    ) -> bool {
        let boxes = &self.levels[level];
        for (at, bounds) in boxes.iter().enumerate().take(to).skip(from) {
            if !pass(bounds) {
                continue;
            }
            let next = at * FAN;
            let go_on = if level == 0 {
                (next..self.count.min(next + FAN)).all(&mut *found)
            } else {
                self.descend(level - 1, next, next + FAN, pass, found)
            };
            if !go_on {
                return false;
            }
        }
        true
    }
}
