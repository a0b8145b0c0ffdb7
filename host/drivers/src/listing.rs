//! The list of everything on an account, as the host read it. Whether it proves absence is the host's judgement over
//! what it saw; the driver's own views are shown and decide nothing.

use crate::{
    bindings::provider,
    call::{At, Call, ask},
    driver::Driver,
    error::CallError,
    evidence::{self, Listed},
    market::{ITEMS_MAX, Walk},
    record::tag_of,
    template::CallKind,
};
use bursar_core::{instance::View, money::Usd};
use std::collections::HashSet;

#[derive(Debug, Clone)]
pub struct Listing {
    /// Whose account it is, read by the host just before, in the same call.
    pub identity: String,
    /// As the host read them, without those that are over.
    pub rows: Vec<Row>,
    /// Or why the list proves nothing about what it does not show.
    pub complete: Result<(), String>,
    /// As the driver converted them; only of rows the host saw.
    pub views: Vec<View>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: String,
    pub tag: Option<String>,
    pub rate: Option<Usd>,
}

impl Driver {
    pub async fn list(&self, at: &At) -> Result<Listing, CallError> {
        let call = self.begin(CallKind::List, at, |words| words).await?;
        let identity = self.identity(&call).await?;
        call.record().listing = Some(evidence::Listing::new(self.manifest()));
        let mut views = Vec::new();
        let walked = self.walk(&call, &mut views).await;
        if walked.is_err() || self.judged(&call).is_err() {
            self.list_by_host(&call, walked).await?;
        }
        let complete = self.judged(&call);
        // Case 52: a key that was changed meanwhile shows the rows of another account.
        if call.record().account.as_ref().is_some_and(|account| *account != identity) {
            return Err(call.failed("the account changed while it was listed; ask again"));
        }
        let record = call.record();
        let listing = record.listing.as_ref().ok_or_else(|| call.failed("the list was lost"))?;
        let rows: Vec<Row> = listing.rows().iter().filter(|row| !row.over).map(row).collect();
        let seen: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        views.retain(|view| seen.contains(view.handle.id.as_str()));
        Ok(Listing { identity, rows, complete, views })
    }

    async fn walk(&self, call: &Call<'_>, views: &mut Vec<View>) -> Result<(), CallError> {
        let (mut walk, mut next) = (Walk::begin(), None);
        loop {
            call.record().next_page();
            let cursor: Option<String> = next.take();
            let page: provider::InstancesPage = ask!(call, provider.call_list(cursor.as_deref())).await?;
            for instance in page.items.into_iter().take(ITEMS_MAX.saturating_sub(views.len())) {
                match self.view(call, instance) {
                    Ok(view) => views.push(view),
                    Err(why) => tracing::debug!(driver = self.name(), %why, "not taken"),
                }
            }
            next = page.next;
            if next.is_none() || !walk.goes_on() {
                return Ok(());
            }
        }
    }

    /// Law 6 does not hang on a stranger's code: where the driver breaks down or shows no whole list, the host asks for
    /// one by itself, if one answer is all of it.
    async fn list_by_host(&self, call: &Call<'_>, walked: Result<(), CallError>) -> Result<(), CallError> {
        let routes = self.manifest().unpaged_lists();
        if routes.is_empty() {
            return walked;
        }
        {
            let mut record = call.record();
            record.next_page();
            record.listing = Some(evidence::Listing::new(self.manifest()));
        }
        for route in routes {
            match (call.send(&route.name).await, &walked) {
                (Ok(reply), _) if (200..300).contains(&reply.status) => {}
                (_, Err(error)) => return Err(error.clone()),
                (Ok(reply), Ok(())) => {
                    return Err(call.failed(format!("`{}` answered {}", route.name, reply.status)));
                }
                (Err(error), Ok(())) => return Err(error),
            }
        }
        Ok(())
    }

    fn judged(&self, call: &Call<'_>) -> Result<(), String> {
        match call.record().listing.as_ref().map(|listing| listing.judge(&HashSet::new())) {
            Some(Listed::Complete) => Ok(()),
            Some(Listed::Incomplete(why)) => Err(why),
            None => Err("nothing was listed".into()),
        }
    }
}

fn row(row: &evidence::Row) -> Row {
    Row { id: row.id.clone(), tag: tag_of(row).map(str::to_owned), rate: row.rate }
}
