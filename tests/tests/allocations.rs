//! A row costs the thread that logs it no allocation, once its callsite is known and its lane has grown to what it needs.
//! The only test of its process: it counts what the allocator is asked for.
#![expect(clippy::unwrap_used, reason = "tests end by panicking")]
#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tracing::info_span;
use tracing_subscriber::layer::SubscriberExt as _;
use ups_track::{Mode, Run, metric};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Without thread-locals the thread is ending.
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn row(i: u64) {
    let x = 1.0 / (i as f64 + 1.0);
    metric!(step = i, loss = x, lr = 1e-3 * x, grad_norm = 0.5 + x);
}

#[test]
fn rows_allocate_nothing_but_the_memory_of_their_lane() {
    let dir = tempfile::tempdir().unwrap();
    let run = Run::builder().mode(Mode::Offline).dir(dir.path()).quiet(true).global(false).start().unwrap();
    let rows = tracing::subscriber::with_default(tracing_subscriber::registry().with(run.layer()), || {
        let _entered = run.enter();
        let _stage = info_span!("train", stage = "train").entered();
        row(0);
        let before = COUNT.get();
        // Far more than a lane holds, so that its memory goes round and the thread waits for the writer as well.
        for i in 1..200_000 {
            row(i);
        }
        COUNT.get() - before
    });
    // A lane of 256 KiB are some twenty pieces of memory, whatever the writer does meanwhile; the rows would be 18 MB.
    assert!(rows < 120, "{rows} allocations");
    assert_eq!(run.finish().unwrap().rows(), 200_000);
}
