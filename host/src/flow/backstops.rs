//! What ends what is open if no keeper ever runs again: told beside every list, from the balance that was seen last. No
//! provider is asked here.

use super::{FlowError, Reach, Rooms};
use bursar_core::{decide::AccountView, money::Usd};
use bursar_store::{EndsBy, OpenAccount};

impl Rooms {
    /// Keeps the balance that an account showed, for lists.
    pub(super) async fn note_balance(&self, account: &AccountView) -> Result<(), FlowError> {
        let seen = account.balance.map_or_else(|| "untold".to_owned(), |balance| balance.to_string());
        let key = key(&account.provider, &account.identity);
        if self.store.note(&key).await?.as_ref() != Some(&seen) {
            self.store.set_note(&key, &seen).await?;
        }
        Ok(())
    }

    /// Says for each account with something open what ends it and what that can cost.
    pub(super) async fn backstops(&self) -> Result<Vec<String>, FlowError> {
        let mut lines = vec![];
        for open in self.store.open_accounts().await? {
            let OpenAccount { provider, account, ends, count, names } = &open;
            let more = count.saturating_sub(names.len() as u64);
            let named = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let names = if more > 0 { format!("{named} and {more} more") } else { named };
            let seen = self.store.note(&key(provider, account)).await?;
            let balance = seen.and_then(|text| text.parse::<Usd>().ok());
            let how = match (ends, balance) {
                (EndsBy::Itself, _) => {
                    "ends itself ten minutes after its lease, with a key of its own that was tried; what it costs then may go on"
                        .to_owned()
                }
                (EndsBy::Block, _) => "ends with what is paid already".to_owned(),
                (EndsBy::Nothing, Some(balance)) => format!("runs until the account is empty ({balance} USD when last asked)"),
                (EndsBy::Nothing, None) => "is ended by nothing, and its cost has no bound".to_owned(),
            };
            lines.push(format!("{names} at {provider} {how}"));
        }
        if let (false, Reach::EndsWith(what)) = (lines.is_empty(), Reach::here()) {
            lines.push(format!("this is near: no keeper outlives {what}"));
        }
        Ok(lines)
    }
}

fn key(provider: &str, account: &str) -> String {
    format!("balance {provider} {account}")
}
