//! How a flow ends when it does not end well, by what the caller can do about it.

use bursar_core::{ledger::Refusal, money::NotMoney, quote::QuoteError};
use bursar_drivers::{CallError, CallErrorKind, DriverError};
use bursar_ssh::SshError;
use bursar_store::StoreError;

/// *Refused*: nothing was done. *Failed*: nothing is left. *In doubt*: something may be left, and it is held.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    #[error(transparent)]
    Limits(#[from] Refusal),
    /// Something else forbids it: what, and what to do next.
    #[error("refused: {what}\n  hint: {hint}")]
    Refused { what: String, hint: String },
    /// It did not work, and nothing is left behind.
    #[error("failed: {what}\n  hint: {hint}")]
    Failed { what: String, hint: String },
    /// It may have worked. The hold stays until the provider's lists tell.
    #[error("in doubt: {what}\n  hint: {hint}")]
    InDoubt { instance: String, what: String, hint: String },
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Driver(#[from] DriverError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Ssh(#[from] SshError),
    #[error(transparent)]
    Setting(#[from] crate::settings::BadSetting),
}

impl FlowError {
    pub fn refused(what: impl Into<String>, hint: impl Into<String>) -> FlowError {
        FlowError::Refused { what: what.into(), hint: hint.into() }
    }

    pub fn failed(what: impl Into<String>, hint: impl Into<String>) -> FlowError {
        FlowError::Failed { what: what.into(), hint: hint.into() }
    }

    /// Returns whether the provider refused the key.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, FlowError::Call(error) if matches!(error.kind, CallErrorKind::Unauthorized(_)))
    }

    /// Returns whether what was wanted is sold out: nothing was asked to be made, and another may be had.
    pub fn is_out_of_stock(&self) -> bool {
        matches!(self, FlowError::Call(error) if matches!(error.kind, CallErrorKind::OutOfStock(_)))
    }

    /// Returns the word for what the caller can do: `refused`, `failed` or `in_doubt`.
    pub fn kind(&self) -> &'static str {
        match self {
            FlowError::Limits(_) | FlowError::Refused { .. } | FlowError::Setting(_) => "refused",
            FlowError::Ssh(SshError::JobRuns { .. } | SshError::JobEnded { .. }) => "refused",
            FlowError::InDoubt { .. } => "in_doubt",
            _ => "failed",
        }
    }
}

impl From<QuoteError> for FlowError {
    fn from(error: QuoteError) -> FlowError {
        FlowError::refused(error.to_string(), "nothing was reserved and nobody was asked to make anything")
    }
}

impl From<NotMoney> for FlowError {
    fn from(error: NotMoney) -> FlowError {
        FlowError::refused(error.to_string(), "nothing was done")
    }
}
