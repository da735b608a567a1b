//! Futures that run together.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// The outputs of all these futures, in order. They make progress together, in the task of the caller; dropping the
/// returned future drops all of them.
pub(crate) async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<Slot<F>> = futures
        .into_iter()
        .map(|future| Slot::Running(Box::pin(future)))
        .collect();
    poll_fn(|context| {
        let mut is_ready = true;
        for slot in &mut all {
            if let Slot::Running(future) = slot {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *slot = Slot::Ended(output),
                    Poll::Pending => is_ready = false,
                }
            }
        }
        if is_ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    let outputs = all.into_iter().filter_map(|slot| match slot {
        Slot::Ended(output) => Some(output),
        Slot::Running(_) => None,
    });
    outputs.collect()
}

enum Slot<F: Future> {
    Running(Pin<Box<F>>),
    Ended(F::Output),
}

// What is pinned is in its box.
impl<F: Future> Unpin for Slot<F> {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn outputs_come_in_order_and_take_as_long_as_the_slowest() {
        let start = Instant::now();
        let futures = [3, 1, 2].map(|seconds| async move {
            sleep(Duration::from_secs(seconds)).await;
            seconds
        });
        assert_eq!(together(futures).await, [3, 1, 2]);
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        let none: [std::future::Ready<u8>; 0] = [];
        assert_eq!(together(none).await, [] as [u8; 0]);
    }
}
