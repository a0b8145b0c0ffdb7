//! What `doctor` says of the keeper.

use super::{Check, Reach, Rooms};

impl Rooms {
    pub(super) async fn check_keeper(&self) -> Check {
        let check = |found: String, todo: Option<&str>| Check {
            what: "keeper".to_owned(),
            found,
            todo: todo.map(str::to_owned),
        };
        let (open, keeper, frozen) = (self.store.open_instances().await, self.keeper().await, self.frozen().await);
        let (Ok(open), Ok(keeper), Ok(frozen)) = (open, keeper, frozen) else {
            return check("the ledger cannot be read".to_owned(), Some("see the ledger"));
        };
        if let Some(why) = frozen {
            return check(format!("all spending is frozen: {why}"), Some("`bursar thaw` lifts it"));
        }
        let reach = match Reach::here() {
            Reach::Outlives => {
                "outlives every client, not a restart of this computer without `bursar watch --install`".to_owned()
            }
            Reach::EndsWith(what) => format!("cannot outlive {what}"),
        };
        match keeper {
            Some(keeper) => {
                let pid = keeper.worker.0.split('@').next().unwrap_or_default().to_owned();
                check(format!("lives (process {pid}); it {reach}"), None)
            }
            None if open.is_empty() => check(format!("none is needed; it {reach}"), None),
            None => check("none lives, and something is open".to_owned(), Some("run `bursar ls`, and read keeper.log")),
        }
    }
}
