//! Compilation of components, at low priority and with the cache of compiled code.

use std::sync::Arc;

use bytes::Bytes;
use rayon::ThreadPool;
use tokio::sync::oneshot;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::Runtime;
use super::artifacts::{ArtifactError, Artifacts};
use super::compilers::Urgency;

impl Runtime {
    /// Returns the component `wasm`, compiled for `engine`. The cache is read first, so that a
    /// component compiled before does not queue behind other compilations.
    ///
    /// # Errors
    /// Returns an error if `wasm` is not a valid component.
    pub(in crate::runtime) async fn compile(
        &self,
        engine: &Engine,
        artifacts: &Arc<Artifacts>,
        wasm: Bytes,
        urgency: Urgency,
    ) -> Result<Component, ArtifactError> {
        let (for_engine, cache, bytes) = (engine.clone(), artifacts.clone(), wasm.clone());
        let loading = move || cache.cached(&for_engine, &bytes);
        let loaded = self.background.run_blocking(loading).await;
        match loaded.map_err(|_| panicked_while("loading compiled code"))? {
            Some(component) => Ok(component),
            None => compile_in(self.compilers.get(urgency), engine, artifacts, wasm).await,
        }
    }
}

async fn compile_in(
    compilers: &ThreadPool,
    engine: &Engine,
    artifacts: &Arc<Artifacts>,
    wasm: Bytes,
) -> Result<Component, ArtifactError> {
    let (engine, artifacts) = (engine.clone(), artifacts.clone());
    let (reply, compiled) = oneshot::channel();
    compilers.spawn(move || {
        // The requester may have left while other components were compiled.
        if !reply.is_closed() {
            let _ = reply.send(artifacts.component(&engine, &wasm));
        }
    });
    let compiled = compiled.await;
    compiled.unwrap_or_else(|_| Err(panicked_while("compiling")))
}

fn panicked_while(work: &str) -> ArtifactError {
    ArtifactError(wasmtime::Error::msg(format!("{work} panicked")))
}
