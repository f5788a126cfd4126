//! Clock of an engine, by which guests yield and their processor time is checked.

use wasmtime::EngineWeak;

use crate::guest::cpu_time::EPOCH_TICK;

/// Starts the thread that advances the epoch until the engine is dropped. A tokio task would starve
/// together with the workers that it has to interrupt.
#[expect(
    clippy::expect_used,
    reason = "a node that cannot start a thread cannot run at all"
)]
#[expect(clippy::disallowed_methods, reason = "the thread does nothing else")]
pub(super) fn spawn_ticker(engine: EngineWeak) {
    std::thread::Builder::new()
        .name("epoch".into())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(EPOCH_TICK);
            }
        })
        .expect("the operating system can start one more thread");
}
