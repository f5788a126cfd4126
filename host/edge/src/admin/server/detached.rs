//! Middleware that finishes changes whose client has disconnected.

use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::admin::error::ApiError;

/// Handles requests that change something in a task of their own: a client that
/// disconnects must neither cancel them half-way nor keep them out of the
/// audit.
pub(in crate::admin) async fn finish(request: Request, next: Next) -> Response {
    if request.method() == Method::GET || request.method() == Method::HEAD {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => ApiError::from(error).into_response(),
    }
}
