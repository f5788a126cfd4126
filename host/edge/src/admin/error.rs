//! Errors of the API, as problem details.

use std::fmt;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use tokio::task::JoinError;

use super::api::Problem;
use crate::rollout::control::ControlError;
use crate::rollout::{ActivateError, MigrationError};

/// An error reply of the API, with its HTTP status and an explanation.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    detail: String,
}

pub(super) type Result<T> = std::result::Result<T, ApiError>;

impl ApiError {
    pub(super) fn new(status: StatusCode, detail: impl ToString) -> Self {
        Self {
            status,
            detail: detail.to_string(),
        }
    }

    pub(super) fn bad_request(detail: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn not_found(detail: impl ToString) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(super) fn conflict(detail: impl ToString) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// Returns an error with status 422: the request was understood and cannot
    /// be carried out.
    pub(super) fn unfit(detail: impl ToString) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.status.as_u16())
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error)
    }
}

impl From<JoinError> for ApiError {
    fn from(error: JoinError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error)
    }
}

impl From<ActivateError> for ApiError {
    fn from(error: ActivateError) -> Self {
        match error {
            ActivateError::Control(error) => error.into(),
            ActivateError::Panicked(error) => error.into(),
            ActivateError::Migrate(error) => (&*error).into(),
            error @ ActivateError::Migrating(_) => Self::conflict(error),
            error => Self::unfit(error),
        }
    }
}

impl From<&MigrationError> for ApiError {
    fn from(error: &MigrationError) -> Self {
        match error {
            MigrationError::Busy(_) => Self::conflict(error),
            MigrationError::Control { .. } | MigrationError::CutOff => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error)
            }
            MigrationError::Open(_) | MigrationError::Migrate { .. } => Self::unfit(error),
        }
    }
}

impl From<MigrationError> for ApiError {
    fn from(error: MigrationError) -> Self {
        (&error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = Problem {
            status: self.status.as_u16(),
            title: self
                .status
                .canonical_reason()
                .unwrap_or_default()
                .to_owned(),
            detail: self.detail,
        };
        let mut response = (self.status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(super) async fn not_found() -> ApiError {
    ApiError::not_found("there is nothing here; GET /v1/openapi.yaml lists what there is")
}

pub(super) async fn wrong_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "the method is not one of this path's; GET /v1/openapi.yaml lists them",
    )
}
