//! What the driver tells the host at the end of a call: sensible at first, an idea changes what it wants.

use crate::bursar::driver::types::*;

pub struct Told {
    pub account: AccountInfo,
    pub ids: Vec<(String, Option<String>)>,
    pub offers: Vec<String>,
    pub price: Price,
    /// Title, name, site: every text that is only shown.
    pub title: String,
    pub note: Option<String>,
    pub image: Option<String>,
    pub images: Vec<(String, String)>,
    pub ssh: Vec<Ssh>,
    pub memo: String,
    pub pending: Option<String>,
    pub key: String,
    pub next: Option<String>,
    pub nodes: (u32, u32),
    /// Every moment that may be told.
    pub moment: Option<u64>,
}

impl Told {
    pub fn new(tag: Option<String>) -> Told {
        let billing = Billing {
            step_secs: 3_600,
            on_the_clock: true,
            minimum_secs: 0,
            prepaid: false,
            refunds: false,
            month_cap: None,
            balance_secs: 0,
        };
        Told {
            account: AccountInfo {
                id: None,
                balance: Some(5_000_000),
                burn_per_hour: None,
                instances_max: None,
                blocked: None,
            },
            ids: vec![("id-1".into(), tag)],
            offers: vec!["small/eu".into()],
            price: Price {
                per_hour: 500_000,
                per_hour_paused: 0,
                once: 0,
                per_gb_in: 0,
                per_gb_out: 0,
                gb_free: 0,
                billing,
            },
            title: "t".into(),
            note: None,
            image: None,
            images: Vec::new(),
            ssh: Vec::new(),
            memo: String::new(),
            pending: None,
            key: "key-1".into(),
            next: None,
            nodes: (1, 1),
            moment: None,
        }
    }

    pub fn offer(&self, id: &str) -> Offer {
        let gpu = Gpu { model: self.title.clone(), count: 1, vram_mib: None, slice: None, link: None };
        Offer {
            id: id.into(),
            title: self.title.clone(),
            hardware: Hardware { gpu: Some(gpu), vcpus: 1, memory_mib: 1_024, disk_gib: 10 },
            price: self.price,
            site: Some(Site { id: "eu".into(), name: self.title.clone(), country: Some(self.title.clone()) }),
            in_stock: Some(true),
            nodes_min: self.nodes.0,
            nodes_max: self.nodes.1,
            image: self.image.clone(),
            interruptible: false,
            ends: self.moment,
        }
    }

    pub fn instance(&self, id: &str, tag: Option<String>, ssh: Option<Ssh>) -> Instance {
        let node = Node { id: id.into(), name: self.title.clone(), state: State::Running, ssh };
        Instance {
            handle: Handle { id: id.into(), memo: self.memo.clone() },
            tag,
            state: State::Other(self.title.clone()),
            per_hour: None,
            spent: None,
            made_at: self.moment,
            paid_until: self.moment,
            nodes: vec![node],
            note: self.note.clone(),
        }
    }

    pub fn first(&self) -> Instance {
        let (id, tag) = self.ids.first().cloned().unwrap_or_default();
        self.instance(&id, tag, self.ssh.first().cloned())
    }

    pub fn instances(&self) -> Vec<Instance> {
        let all = self.ids.iter().enumerate();
        all.map(|(n, (id, tag))| self.instance(id, tag.clone(), self.ssh.get(n).cloned())).collect()
    }
}

pub fn ssh(host: &str, user: &str) -> Ssh {
    Ssh { host: host.into(), port: 22, user: user.into(), jump: None }
}
