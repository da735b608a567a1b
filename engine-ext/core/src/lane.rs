//! Chooses which due runs may start where limits apply.

use std::collections::{BTreeMap, BTreeSet};

/// A queue, or one concurrency key of a queue, as a dequeue sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane<T> {
    /// Name of the queue.
    pub queue: String,
    /// The concurrency key; empty for none.
    pub concurrency_key: String,
    /// Free slots of the lane itself; the environment's limit applies on top.
    pub free: usize,
    /// Due runs, in the order of their dequeue.
    pub items: Vec<T>,
}

/// Chooses up to `max` runs from `lanes`. Among queues the oldest head goes first; the concurrency keys of one queue
/// alternate, oldest head first, so that no key waits for another key's backlog. `order` is the order of an item's dequeue. Each
/// chosen item comes with the index of its lane.
///
/// A lane without a free slot is no candidate, so lanes at their limits never starve the ones behind them.
#[must_use]
pub fn choose<T: Clone, O: Ord>(
    lanes: &[&Lane<T>],
    max: usize,
    order: impl Fn(&T) -> O,
) -> Vec<(usize, T)> {
    // Per queue, the lanes that can start one more run: runs already chosen, order of the next item, index of the lane.
    let mut queues: BTreeMap<&str, BTreeSet<(usize, O, usize)>> = BTreeMap::new();
    let next = |taken: usize, index: usize| {
        let lane = lanes[index];
        let item = lane.items.get(taken).filter(|_| taken < lane.free)?;
        Some((taken, order(item), index))
    };
    for (index, lane) in lanes.iter().enumerate() {
        queues
            .entry(&lane.queue)
            .or_default()
            .extend(next(0, index));
    }
    let mut chosen = Vec::new();
    while chosen.len() < max {
        let heads = queues.values_mut().filter(|heads| !heads.is_empty());
        let Some(heads) = heads.min_by(|a, b| head(a).cmp(&head(b))) else {
            break;
        };
        let Some((taken, _, index)) = heads.pop_first() else {
            break;
        };
        chosen.push((index, lanes[index].items[taken].clone()));
        heads.extend(next(taken + 1, index));
    }
    chosen
}

impl<T> Lane<T> {
    /// The lane's runs that cannot start until a slot of the lane is given back.
    pub fn blocked(&self) -> impl Iterator<Item = &T> {
        self.items.iter().skip(self.free)
    }
}

/// Order of the item that a queue would start next.
fn head<O: Ord>(heads: &BTreeSet<(usize, O, usize)>) -> Option<&O> {
    heads.first().map(|(_, order, _)| order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(queue: &str, key: &str, free: usize, items: &[u32]) -> Lane<u32> {
        Lane {
            queue: queue.to_owned(),
            concurrency_key: key.to_owned(),
            free,
            items: items.to_vec(),
        }
    }

    fn chosen(lanes: &[Lane<u32>], max: usize) -> Vec<u32> {
        let chosen = choose(&lanes.iter().collect::<Vec<_>>(), max, |item| *item);
        chosen.into_iter().map(|(_, item)| item).collect()
    }

    fn blocked(lanes: &[Lane<u32>]) -> Vec<u32> {
        lanes.iter().flat_map(Lane::blocked).copied().collect()
    }

    #[test]
    fn between_queues_the_oldest_head_goes_first() {
        let lanes = [lane("a", "", 9, &[1, 4, 5]), lane("b", "", 9, &[2, 3, 6])];
        assert_eq!(chosen(&lanes, 5), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn the_keys_of_a_queue_alternate() {
        let lanes = [
            lane("q", "a", 99, &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
            lane("q", "b", 99, &[10]),
            lane("q", "c", 99, &[11, 12]),
        ];
        assert_eq!(chosen(&lanes, 6), [1, 10, 11, 2, 12, 3]);
    }

    #[test]
    fn keys_alternate_only_within_a_queue() {
        let lanes = [
            lane("q", "a", 9, &[1, 2]),
            lane("q", "b", 9, &[3]),
            lane("r", "", 9, &[4, 5]),
        ];
        assert_eq!(chosen(&lanes, 9), [1, 3, 2, 4, 5]);
    }

    #[test]
    fn a_full_lane_is_passed_and_its_runs_are_blocked() {
        let lanes = [
            lane("q", "full", 0, &[1, 2]),
            lane("q", "one", 1, &[3, 4]),
            lane("q", "free", 9, &[5]),
        ];
        assert_eq!(chosen(&lanes, 9), [3, 5]);
        assert_eq!(blocked(&lanes), [1, 2, 4]);
    }

    #[test]
    fn no_more_go_than_may() {
        let lanes = [lane("q", "", 9, &[1, 2, 3])];
        assert_eq!(chosen(&lanes, 2), [1, 2]);
        assert_eq!(blocked(&lanes), [] as [u32; 0], "the third has a slot");
        assert_eq!(chosen(&lanes, 0), [] as [u32; 0]);
    }
}
