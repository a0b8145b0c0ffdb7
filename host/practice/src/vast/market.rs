//! What hosts offer on the imitated vast.ai, and how it is searched: filters with operators, numbers that come as texts,
//! prices that hold the disk that is asked for. It knows no instance.

use serde_json::{Map, Value, json};

use super::usd;

/// A month of disk is charged over so many hours.
const MONTH_HOURS: i64 = 720;
/// Rows of an answer where nobody says how many.
const LIMIT: usize = 64;
/// Members of a query that are no filters.
const NO_FILTERS: [&str; 7] =
    ["order", "type", "limit", "allocated_storage", "select_cols", "disable_bundling", "resource_type"];

/// One host's offer of some cards. Money is in millionths of a USD.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) id: u64,
    pub(crate) machine: u64,
    pub(crate) gpu: &'static str,
    pub(crate) count: u64,
    /// Of one card, in MB.
    pub(crate) gpu_ram: u64,
    pub(crate) cores: u64,
    pub(crate) cpu_ram: u64,
    pub(crate) disk_gb: u64,
    /// An hour of all its cards, without disk.
    pub(crate) per_hour: i64,
    pub(crate) min_bid: i64,
    /// A month of one GB.
    pub(crate) storage: i64,
    pub(crate) per_gb_up: i64,
    pub(crate) per_gb_down: i64,
    pub(crate) place: &'static str,
    pub(crate) verified: bool,
    /// Ports that can be reached directly; without any there is only the proxy.
    pub(crate) ports: u64,
    pub(crate) rented: bool,
    pub(crate) sold_out: bool,
}

impl Ask {
    /// Returns what so much disk costs in an hour, rounded up.
    pub(crate) fn disk_per_hour(&self, gb: f64) -> i64 {
        let month = (self.storage as f64 * gb).ceil() as i64;
        (month + MONTH_HOURS - 1) / MONTH_HOURS
    }

    pub(crate) fn is_rentable(&self) -> bool {
        !self.rented && !self.sold_out
    }

    /// Returns the row as a search shows it, for so much disk and one way of renting.
    pub(crate) fn row(&self, gb: f64, bid: bool, now: f64) -> Map<String, Value> {
        let parts = [self.machine_row(now), self.money_row(gb, bid)];
        parts.into_iter().flat_map(|part| part.as_object().cloned().unwrap_or_default()).collect()
    }

    fn machine_row(&self, now: f64) -> Value {
        json!({
            "id": self.id, "ask_contract_id": self.id, "machine_id": self.machine, "host_id": 9,
            "gpu_name": self.gpu, "num_gpus": self.count, "gpu_ram": self.gpu_ram, "gpu_total_ram": self.gpu_ram * self.count,
            "gpu_frac": 1.0, "cpu_cores": self.cores, "cpu_cores_effective": self.cores as f64, "cpu_ghz": 3.5,
            "cpu_name": "EPYC", "cpu_arch": "amd64", "cpu_ram": self.cpu_ram,
            "disk_space": self.disk_gb as f64, "disk_bw": 3000.0, "disk_name": "nvme", "inet_up": 800.0, "inet_down": 900.0,
            "reliability": 0.99, "reliability2": 0.99, "dlperf": 90.1, "pcie_bw": 24.1, "cuda_max_good": 12.4,
            "driver_version": "550.54", "direct_port_count": self.ports, "static_ip": false, "public_ipaddr": "203.0.113.7",
            "geolocation": self.place, "duration": 864_000.0, "end_date": now + 864_000.0,
            "rentable": self.is_rentable(), "rented": self.rented,
            "verification": if self.verified { "verified" } else { "unverified" },
            "vms_enabled": false, "external": false, "hosting_type": 1,
        })
    }

    fn money_row(&self, gb: f64, bid: bool) -> Value {
        let per_hour = if bid { self.min_bid } else { self.per_hour };
        let disk = self.disk_per_hour(gb);
        json!({
            "dph_base": usd(per_hour), "dph_total": usd(per_hour + disk), "min_bid": usd(self.min_bid), "is_bid": bid,
            "storage_cost": usd(self.storage), "storage_total_cost": usd(disk),
            "inet_up_cost": usd(self.per_gb_up), "inet_down_cost": usd(self.per_gb_down),
            "dlperf_per_dphtotal": 220.0, "flops_per_dphtotal": 150.0,
            "score": self.count as f64 * 100.0 + self.id as f64 / 1e6,
            "search": { "gpuCostPerHour": usd(per_hour), "diskHour": usd(disk), "totalHour": usd(per_hour + disk),
                "discountTotalHour": 0.0, "discountedTotalPerHour": usd(per_hour + disk) },
        })
    }
}

/// Answers a search: what fits every filter, in the order asked for.
pub(super) fn search(asks: &[Ask], query: &Value, now: f64) -> Result<Value, String> {
    let none = Map::new();
    let query = query.as_object().unwrap_or(&none);
    let gb = query.get("allocated_storage").and_then(number).unwrap_or(8.0);
    let bid = match query.get("type").and_then(Value::as_str).unwrap_or("on-demand") {
        "on-demand" | "ondemand" | "ask" | "reserved" => false,
        "bid" => true,
        other => return Err(format!("invalid type {other}")),
    };
    let mut rows = Vec::new();
    for ask in asks.iter().filter(|ask| !ask.sold_out) {
        let row = ask.row(gb, bid, now);
        if fits_all(&row, query)? {
            rows.push(row);
        }
    }
    sort(&mut rows, query.get("order"));
    let limit = query.get("limit").and_then(number).map_or(LIMIT, |limit| limit.max(0.0) as usize);
    rows.truncate(limit);
    Ok(json!({ "offers": rows }))
}

fn fits_all(row: &Map<String, Value>, query: &Map<String, Value>) -> Result<bool, String> {
    for (name, filter) in query.iter().filter(|(name, _)| !NO_FILTERS.contains(&name.as_str())) {
        // The filter has a name of its own; the row says it in a word.
        let verified = Value::Bool(row.get("verification").and_then(Value::as_str) == Some("verified"));
        let value = if name == "verified" { &verified } else { row.get(name).unwrap_or(&Value::Null) };
        if !fits(value, filter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Holds a value against `{"gte": "2"}`: every operator must hold, and numbers may be written as texts.
pub(super) fn fits(value: &Value, filter: &Value) -> Result<bool, String> {
    let Some(operators) = filter.as_object() else { return Err(format!("a filter is an object, not {filter}")) };
    for (operator, wanted) in operators {
        let among = || wanted.as_array().is_some_and(|list| list.iter().any(|one| same(value, one)));
        let order = || Some((number(value)?, number(wanted)?));
        let holds = match operator.as_str() {
            "eq" => same(value, wanted),
            "neq" => !same(value, wanted),
            "gt" => order().is_some_and(|(is, wanted)| is > wanted),
            "gte" => order().is_some_and(|(is, wanted)| is >= wanted),
            "lt" => order().is_some_and(|(is, wanted)| is < wanted),
            "lte" => order().is_some_and(|(is, wanted)| is <= wanted),
            "in" => among(),
            "notin" => !among(),
            other => return Err(format!("unknown operator {other}")),
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

fn same(value: &Value, wanted: &Value) -> bool {
    match (number(value), number(wanted)) {
        (Some(is), Some(wanted)) => (is - wanted).abs() < 1e-9,
        _ => {
            value == wanted
                || wanted.as_str().is_some_and(|text| value.as_bool().map(|b| b.to_string()).as_deref() == Some(text))
        }
    }
}

/// The client sends numbers as texts.
pub(super) fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn sort(rows: &mut [Map<String, Value>], order: Option<&Value>) {
    let keys = order.and_then(Value::as_array).cloned().unwrap_or_default();
    // The first key counts most, so it is sorted by last.
    for key in keys.iter().rev() {
        let (name, falling) = (key[0].as_str().unwrap_or_default(), key[1].as_str() == Some("desc"));
        let of = |row: &Map<String, Value>| row.get(name).and_then(number).unwrap_or(0.0);
        rows.sort_by(|a, b| if falling { of(b).total_cmp(&of(a)) } else { of(a).total_cmp(&of(b)) });
    }
}

/// Returns the names of cards as the client's first question wants them.
pub(super) fn gpu_names(asks: &[Ask]) -> Value {
    let mut names: Vec<&str> = asks.iter().map(|ask| ask.gpu).collect();
    names.sort_unstable();
    names.dedup();
    json!({ "gpu_names": names })
}

/// Returns the cards with their memory.
pub(super) fn gpu_types(asks: &[Ask]) -> Value {
    let mut types: Vec<(&str, u64)> = asks.iter().map(|ask| (ask.gpu, ask.gpu_ram)).collect();
    types.sort_unstable();
    types.dedup();
    let row = |(name, ram): &(&str, u64)| json!({ "name": name, "gpu_name": name, "gpu_ram": ram, "vram": ram });
    json!({ "gpu_types": types.iter().map(row).collect::<Vec<_>>() })
}

type Stock = (u64, u64, &'static str, u64, u64, u64, u64, i64, i64, u64);

/// Returns the whole market. The cheap ones fit a newcomer's limits, the dear ones do not.
pub(super) fn stock() -> Vec<Ask> {
    // id, machine, card, how many, MB each, cores, disk, per hour, month of a GB, ports
    let rows: [Stock; 12] = [
        (1001, 77, "RTX 3060", 1, 12_288, 8, 250, 72_000, 100_000, 40),
        (1002, 78, "RTX 3090", 1, 24_576, 12, 400, 190_000, 150_000, 100),
        (1003, 79, "RTX 4090", 1, 24_564, 16, 500, 400_000, 150_000, 100),
        (1004, 80, "RTX 4090", 2, 24_564, 32, 800, 790_000, 150_000, 100),
        (1005, 81, "RTX 4090", 1, 24_564, 16, 300, 360_000, 200_000, 0),
        (1006, 82, "A100 SXM4", 1, 81_920, 24, 900, 980_000, 120_000, 60),
        (1007, 83, "A100 SXM4", 8, 81_920, 192, 4_000, 7_600_000, 120_000, 60),
        (1008, 84, "H100 SXM", 1, 81_559, 26, 1_200, 2_250_000, 200_000, 30),
        (1009, 85, "H100 SXM", 8, 81_559, 208, 6_000, 18_400_000, 200_000, 30),
        (1010, 86, "L40S", 1, 46_068, 20, 700, 620_000, 110_000, 80),
        (1011, 87, "RTX A5000", 1, 24_564, 10, 300, 160_000, 100_000, 20),
        (1012, 88, "RTX 5090", 1, 32_607, 24, 600, 520_000, 180_000, 90),
    ];
    let ask = |(id, machine, gpu, count, gpu_ram, cores, disk_gb, per_hour, storage, ports): Stock| Ask {
        min_bid: per_hour / 2,
        cpu_ram: cores * 4_000,
        per_gb_up: 3_000,
        per_gb_down: 2_000,
        place: if id % 2 == 0 { "Sweden, SE" } else { "Texas, US" },
        // One that nobody has looked at: the cheapest of its kind, and not what a search shows by default.
        verified: id != 1_005,
        rented: false,
        sold_out: false,
        id,
        machine,
        gpu,
        count,
        gpu_ram,
        cores,
        disk_gb,
        per_hour,
        storage,
        ports,
    };
    rows.map(ask).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_takes_numbers_as_texts_and_every_operator() {
        let ids = |query: Value| -> Vec<u64> {
            let found = search(&stock(), &query, 0.0).unwrap();
            found["offers"].as_array().unwrap().iter().filter_map(|row| row["id"].as_u64()).collect()
        };
        let table = [
            (json!({"gpu_name": {"eq": "RTX 4090"}, "num_gpus": {"eq": "1"}}), vec![1003, 1005]),
            (json!({"gpu_name": {"eq": "RTX 4090"}, "verified": {"eq": true}, "num_gpus": {"eq": 1}}), vec![1003]),
            (json!({"dph_total": {"lt": "0.1"}, "allocated_storage": 8}), vec![1001]),
            (
                json!({"gpu_ram": {"gte": "80000"}, "num_gpus": {"lte": 1}, "order": [["dph_total", "desc"]]}),
                vec![1008, 1006],
            ),
            (json!({"id": {"in": ["1001", 1002]}, "order": [["id", "asc"]]}), vec![1001, 1002]),
            (json!({"id": {"notin": [1001]}, "num_gpus": {"gt": 2}, "limit": 1, "order": [["id", "asc"]]}), vec![1007]),
            (json!({"gpu_name": {"neq": "L40S"}, "num_gpus": {"gt": 8}}), vec![]),
        ];
        for (query, expected) in table {
            assert_eq!(ids(query.clone()), expected, "{query}");
        }
        assert!(search(&stock(), &json!({"id": {"like": 1}}), 0.0).is_err());
        assert!(search(&stock(), &json!({"type": "gift"}), 0.0).is_err());
    }

    #[test]
    fn the_price_holds_the_disk_that_is_asked_for() {
        let ask = &stock()[2];
        // 0.15 USD a month for each GB, over 720 hours.
        assert_eq!((ask.disk_per_hour(0.0), ask.disk_per_hour(48.0), ask.disk_per_hour(48.1)), (0, 10_000, 10_021));
        assert_eq!(ask.row(48.0, false, 0.0)["dph_total"], json!(0.41));
        assert_eq!(ask.row(48.0, true, 0.0)["dph_total"], json!(0.21));
    }
}
