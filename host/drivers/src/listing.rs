//! The list of everything on an account, as the host read it. Whether it proves absence is the host's judgement over
//! what it saw; the driver's own views are shown and decide nothing.

use crate::{
    bindings::provider,
    call::{At, Call, ask},
    driver::Driver,
    error::CallError,
    evidence::{self, Listed},
    market::Walk,
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
        if let Err(error) = self.walk(&call, &mut views).await {
            views.clear();
            self.list_by_host(&call, error).await?;
        }
        let record = call.record();
        let listing = record.listing.as_ref().ok_or_else(|| call.failed("the list was lost"))?;
        let rows: Vec<Row> = listing.rows().iter().filter(|row| !row.over).map(row).collect();
        let seen: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        views.retain(|view| seen.contains(view.handle.id.as_str()));
        let complete = match listing.judge(&HashSet::new()) {
            Listed::Complete => Ok(()),
            Listed::Incomplete(why) => Err(why),
        };
        Ok(Listing { identity, rows, complete, views })
    }

    async fn walk(&self, call: &Call<'_>, views: &mut Vec<View>) -> Result<(), CallError> {
        let (mut walk, mut next) = (Walk::begin(), None);
        loop {
            call.record().next_page();
            let cursor: Option<String> = next.take();
            let page: provider::InstancesPage = ask!(call, provider.call_list(cursor.as_deref())).await?;
            for instance in page.items {
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

    /// Law 6 does not hang on a stranger's code: a list of one answer is asked by the host itself.
    async fn list_by_host(&self, call: &Call<'_>, error: CallError) -> Result<(), CallError> {
        let Some(route) = self.manifest().unpaged_list() else { return Err(error) };
        tracing::warn!(driver = self.name(), %error, "the host asks for the list without the driver");
        {
            let mut record = call.record();
            record.next_page();
            record.listing = Some(evidence::Listing::new(self.manifest()));
        }
        let reply = call.send(&route.name).await.map_err(|_| error.clone())?;
        match reply.status {
            200..=299 => Ok(()),
            _ => Err(error),
        }
    }
}

fn row(row: &evidence::Row) -> Row {
    Row { id: row.id.clone(), tag: tag_of(row).map(str::to_owned), rate: row.rate }
}
