//! Places for new sessions, a block at a time.
use crate::{secret::random, store::StatusSlot};
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// The block that this process hands places out of. In random order, as who sees a token is not to
/// learn how many logins there were before it.
#[derive(Debug, Default)]
pub struct Slots(Mutex<Vec<StatusSlot>>);

impl Slots {
    /// A place that nobody else is given.
    pub fn take(&self) -> StatusSlot {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if left.is_empty() {
            *left = block();
        }
        left.pop().expect("a block has places")
    }
}

/// [`StatusIndex::PER_BLOCK`](crate::model::StatusIndex::PER_BLOCK).
const PLACES: usize = 1 << 10;

/// All places of a new block, shuffled.
fn block() -> Vec<StatusSlot> {
    let block = Uuid::new_v4();
    let random = random::<{ PLACES * 8 }>();
    let mut places: Vec<_> = random.chunks_exact(8).zip(0..).collect();
    places.sort_unstable();
    places.into_iter().map(|(_, slot)| StatusSlot { block, slot }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StatusIndex;
    use std::collections::HashSet;

    #[test]
    fn each_place_of_a_block_is_given_once_and_in_no_order() {
        let slots = Slots::default();
        let block = || (0..PLACES).map(|_| slots.take()).collect::<Vec<_>>();
        let (first, second) = (block(), block());
        for block in [&first, &second] {
            let places: HashSet<_> = block.iter().map(|place| place.slot).collect();
            assert_eq!(places, (0..StatusIndex::PER_BLOCK).collect());
            assert!(block.iter().all(|place| place.block == block[0].block));
            assert!(!block.is_sorted_by_key(|place| place.slot));
            assert!(!block.is_sorted_by_key(|place| -place.slot));
        }
        assert_ne!(first[0].block, second[0].block);
    }
}
