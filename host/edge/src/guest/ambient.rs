//! Clocks and random numbers of an instance, which note that the guest asked for them: a reply may
//! then depend on more than its request and the stores.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::{Rng, TryRng};
use wasmtime_wasi::clocks::{MonotonicClock, WallClock};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder, thread_rng};

/// Which of its clocks and random numbers a guest asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct AmbientUse(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    clock: AtomicBool,
    random: AtomicBool,
}

/// Clock or source of random numbers whose use is noted.
struct Noted<T> {
    inner: T,
    used: AmbientUse,
}

impl AmbientUse {
    /// Gives an instance clocks and random numbers whose use is noted.
    ///
    /// The seed of `wasi:random/insecure-seed` is not: languages ask for it once for each instance,
    /// to seed their hash tables.
    pub(super) fn install(&self, wasi: &mut WasiCtxBuilder) {
        wasi.wall_clock(self.note(WallClock::new()))
            .monotonic_clock(self.note(MonotonicClock::new()))
            .secure_random(self.note(thread_rng()))
            .insecure_random(self.note(thread_rng()));
    }

    fn note<T>(&self, inner: T) -> Noted<T> {
        let used = self.clone();
        Noted { inner, used }
    }

    /// Returns whether the guest asked for a clock since this was last called.
    pub(super) fn take_clock(&self) -> bool {
        self.0.clock.swap(false, Ordering::Relaxed)
    }

    /// Returns whether the guest asked for a random number since this was last called.
    pub(super) fn take_random(&self) -> bool {
        self.0.random.swap(false, Ordering::Relaxed)
    }
}

impl<T> Noted<T> {
    fn note_clock(&self) {
        self.used.0.clock.store(true, Ordering::Relaxed);
    }

    fn note_random(&self) {
        self.used.0.random.store(true, Ordering::Relaxed);
    }
}

impl<T: HostWallClock> HostWallClock for Noted<T> {
    fn resolution(&self) -> Duration {
        self.inner.resolution()
    }

    fn now(&self) -> Duration {
        self.note_clock();
        self.inner.now()
    }
}

impl<T: HostMonotonicClock> HostMonotonicClock for Noted<T> {
    fn resolution(&self) -> u64 {
        self.inner.resolution()
    }

    fn now(&self) -> u64 {
        self.note_clock();
        self.inner.now()
    }
}

impl<T: Rng> TryRng for Noted<T> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.note_random();
        Ok(self.inner.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.note_random();
        Ok(self.inner.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.note_random();
        self.inner.fill_bytes(bytes);
        Ok(())
    }
}
