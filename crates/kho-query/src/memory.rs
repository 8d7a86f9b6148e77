//! The memory of one query.

use datafusion::common::resources_datafusion_err;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A pool that shares its bytes fairly among the operators that can spill, and keeps a fifth
/// back for those that cannot.
///
/// DataFusion's own `FairSpillPool` lets the spillable ones take everything
/// (<https://github.com/apache/datafusion/issues/17334>), and a spatial join is always fed by a
/// repartition that cannot spill: the join then starves its own input. SedonaDB answers with the
/// same pool in its `sedona` crate, which kho does not link.
#[derive(Debug)]
pub(crate) struct QueryPool {
    bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    spillers: usize,
    spillable: usize,
    unspillable: usize,
}

impl QueryPool {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { bytes, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryPool for QueryPool {
    fn name(&self) -> &str {
        "query"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.state().spillers += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            let mut state = self.state();
            state.spillers = state.spillers.saturating_sub(1);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        let mut state = self.state();
        if reservation.consumer().can_spill() {
            state.spillable += additional;
        } else {
            state.unspillable += additional;
        }
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let mut state = self.state();
        if reservation.consumer().can_spill() {
            state.spillable = state.spillable.saturating_sub(shrink);
        } else {
            state.unspillable = state.unspillable.saturating_sub(shrink);
        }
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut state = self.state();
        let consumer = reservation.consumer();
        if consumer.can_spill() {
            let kept_back = state.unspillable.max(self.bytes / 5);
            let share = self.bytes.saturating_sub(kept_back) / state.spillers.max(1);
            if reservation.size().saturating_add(additional) > share {
                return Err(exhausted(consumer, additional, share.saturating_sub(reservation.size())));
            }
            state.spillable += additional;
        } else {
            let free = self.bytes.saturating_sub(state.unspillable.saturating_add(state.spillable));
            if additional > free {
                return Err(exhausted(consumer, additional, free));
            }
            state.unspillable += additional;
        }
        Ok(())
    }

    fn reserved(&self) -> usize {
        let state = self.state();
        state.spillable + state.unspillable
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.bytes)
    }
}

impl fmt::Display for QueryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "query pool of {} bytes", self.bytes)
    }
}

fn exhausted(consumer: &MemoryConsumer, asked: usize, free: usize) -> datafusion::error::DataFusionError {
    resources_datafusion_err!("{} asked for {asked} bytes, {free} are free", consumer.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn spillers_leave_room_for_the_rest() -> Result<()> {
        let pool: Arc<dyn MemoryPool> = Arc::new(QueryPool::new(1000));
        let spiller = MemoryConsumer::new("join").with_can_spill(true).register(&pool);
        spiller.try_grow(800)?;
        assert!(spiller.try_grow(1).is_err(), "a fifth is kept back");
        let other = MemoryConsumer::new("repartition").register(&pool);
        other.try_grow(200)?;
        assert!(other.try_grow(1).is_err(), "the whole is bounded");
        drop(spiller);
        other.try_grow(700)?;
        assert_eq!(pool.reserved(), 900);
        Ok(())
    }

    #[test]
    fn spillers_share() -> Result<()> {
        let pool: Arc<dyn MemoryPool> = Arc::new(QueryPool::new(1000));
        let a = MemoryConsumer::new("a").with_can_spill(true).register(&pool);
        let _b = MemoryConsumer::new("b").with_can_spill(true).register(&pool);
        a.try_grow(400)?;
        assert!(a.try_grow(1).is_err());
        Ok(())
    }
}
