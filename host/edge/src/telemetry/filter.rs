//! Filter of log lines: those that the operator's filter lets pass, and errors of plugins in any
//! case.

use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber, span};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::{EnvFilter, registry::LookupSpan};

use super::flood::REPEATED;

/// Log target of lines that plugins write.
pub const PLUGIN: &str = "plugin";

/// The operator's filter, which never drops errors of plugins: some of them need a person, such as
/// a charge that does not match its order.
pub(super) struct Filter(pub(super) EnvFilter);

/// Returns whether a line passes regardless of the operator's filter. The summary of suppressed
/// lines passes, since those lines have passed the filter already.
fn is_exempt(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    target == REPEATED || (target == PLUGIN && *metadata.level() == Level::ERROR)
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Filter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match is_exempt(metadata) {
            true => Interest::always(),
            false => Layer::<S>::register_callsite(&self.0, metadata),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        is_exempt(metadata) || Layer::<S>::enabled(&self.0, metadata, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let level = Layer::<S>::max_level_hint(&self.0);
        level.map(|level| level.max(LevelFilter::ERROR))
    }

    fn on_new_span(
        &self,
        attributes: &span::Attributes<'_>,
        id: &span::Id,
        context: Context<'_, S>,
    ) {
        Layer::<S>::on_new_span(&self.0, attributes, id, context);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        Layer::<S>::on_record(&self.0, id, values, context);
    }

    fn on_enter(&self, id: &span::Id, context: Context<'_, S>) {
        Layer::<S>::on_enter(&self.0, id, context);
    }

    fn on_exit(&self, id: &span::Id, context: Context<'_, S>) {
        Layer::<S>::on_exit(&self.0, id, context);
    }

    fn on_close(&self, id: span::Id, context: Context<'_, S>) {
        Layer::<S>::on_close(&self.0, id, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        Layer::<S>::on_event(&self.0, event, context);
    }
}
