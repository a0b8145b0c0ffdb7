//! One cluster, and the types that are sold. Prices are by the GPU-hour and made up after the fact sheet.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock::ms_from_secs;
use crate::rental::{Phase, Rental, after};

#[derive(Clone)]
pub(crate) struct Type {
    pub(crate) name: String,
    /// Of one node.
    pub(crate) micros_per_hour: i64,
    pub(crate) vram_gb: Option<u32>,
    pub(crate) many_nodes: bool,
    pub(crate) sold_out: bool,
}

#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) rental: Rental,
    pub(crate) kind: String,
    pub(crate) nodes: u32,
    /// All nodes together.
    pub(crate) micros_per_hour: i64,
    pub(crate) is_protected: bool,
    /// What it says instead of its SSH command.
    pub(crate) ssh_text: Option<String>,
    pub(crate) retries_until: Option<Timestamp>,
}

pub(super) fn types() -> Vec<Type> {
    let cards = [("B300", 5_490_000, 288), ("B200", 4_990_000, 192), ("H200", 2_990_000, 141), ("H100", 1_990_000, 80)];
    let mut types = Vec::new();
    for (model, micros, vram_gb) in cards {
        for count in [1, 2, 4, 8_u32] {
            let many_nodes = count == 8 && ["B200", "H200"].contains(&model);
            let micros_per_hour = micros * i64::from(count);
            types.push(Type {
                name: format!("{count}x{model}"),
                micros_per_hour,
                vram_gb: Some(vram_gb),
                many_nodes,
                sold_out: false,
            });
        }
    }
    let single = |name: &str, micros_per_hour, vram_gb| Type {
        name: name.into(),
        micros_per_hour,
        vram_gb,
        many_nodes: false,
        sold_out: false,
    };
    types.extend([
        single("1xL40S", 1_490_000, Some(48)),
        single("32xCPU", 480_000, None),
        single("64xCPU", 960_000, None),
    ]);
    types
}

impl Cluster {
    /// By the second, from the order to the end.
    pub(crate) fn charged_micros(&self, now: Timestamp) -> i64 {
        let until = self.rental.ended_at.unwrap_or(now);
        let secs = until.duration_since(self.rental.created).as_millis().max(0);
        let exact = i128::from(self.micros_per_hour) * secs;
        i64::try_from((exact + 3_599_999) / 3_600_000).unwrap_or(i64::MAX)
    }

    /// Takes so much longer, and says so.
    pub(crate) fn retry(&mut self, secs: f64, now: Timestamp) {
        let ms = ms_from_secs(secs).unwrap_or(0);
        let later = |at: Option<Timestamp>| at.map(|at| after(at, ms));
        self.retries_until = Some(after(now, ms));
        (self.rental.ready_at, self.rental.ssh_at) = (later(self.rental.ready_at), later(self.rental.ssh_at));
    }

    pub(crate) fn status(&self, now: Timestamp) -> &'static str {
        match self.rental.phase(now) {
            Phase::Starting => "PROVISIONING",
            Phase::Running => "RUNNING",
            Phase::Failed => "FAILED",
            Phase::Ending => "DESTROYING",
            Phase::Ended => "DESTROYED",
        }
    }

    pub(crate) fn json(&self, with_instances: bool, status: &str) -> Value {
        let instance = |id: &str| json!({ "id": id, "status": status });
        let mut shown = json!({
            "id": self.rental.id,
            "name": self.rental.name,
            "instance_type": self.kind,
            "storage": [],
            "deletion_protection": self.is_protected,
        });
        if with_instances {
            // Somebody else's have no machine, and are shown with one all the same.
            let ids: Vec<Value> = self.rental.machines.iter().map(|one| instance(&one.id)).collect();
            let none = ids.is_empty();
            shown["instances"] = if none { json!([instance("i-elsewhere")]) } else { json!(ids) };
        }
        shown
    }
}
