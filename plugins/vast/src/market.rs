//! What is sold on vast.ai: the search for a wish, and one row of its answer as an offer with a disk.

use bursar_driver::prelude::*;

/// The image that the manifest names.
const IMAGE: &str = "nvidia/cuda:12.4.1-devel-ubuntu22.04";
/// Rows of one search where a wish does not say.
const LIMIT: u32 = 256;
/// No contract has a smaller disk.
const DISK_GB_MIN: u64 = 8;
/// Cards show a little less memory than they are sold with.
const VRAM_SLACK_MIB: u64 = 512;
const GIB: u64 = 1_073_741_824;
const GB: u64 = 1_000_000_000;

/// Returns the search for a wish, or nothing where no card has that name.
pub(crate) fn query(call: &Call, wish: &Wish) -> Result<Option<Value>> {
    let mut query = owners(call)?;
    let disk = disk_gb(call, wish)?;
    let mut also = |column: &str, operator: &str, value: Value| query[column][operator] = value;
    also("rentable", "eq", json!(true));
    also("disk_space", "gte", json!(disk));
    if wish.gpus_min > 0 {
        also("num_gpus", "gte", json!(wish.gpus_min));
    }
    if wish.vram_mib_min > 0 {
        also("gpu_ram", "gte", json!(wish.vram_mib_min.saturating_sub(VRAM_SLACK_MIB)));
    }
    if let Some(most) = wish.per_hour_max {
        also("dph_total", "lte", json!(most as f64 / 1e6));
    }
    if let Some(wanted) = &wish.gpu {
        let names = names_like(wanted)?;
        if names.is_empty() {
            return Ok(None);
        }
        also("gpu_name", "in", json!(names));
    }
    let limit = if wish.limit > 0 { wish.limit } else { LIMIT };
    query["order"] = json!([["dph_total", "asc"]]);
    query["type"] = json!("on-demand");
    query["allocated_storage"] = json!(disk);
    query["limit"] = json!(limit);
    Ok(Some(query))
}

/// Returns the owner's own filters; what is none of the API's would hide what they meant to ask.
fn owners(call: &Call) -> Result<Value> {
    let text = call.setting("filters").filter(|text| !text.trim().is_empty()).unwrap_or("{}");
    let query = text.parse::<Value>().ok();
    let good = |query: &Value| query.as_object().is_some_and(|columns| columns.values().all(Value::is_object));
    let example = r#"{"reliability2":{"gte":0.98}}"#;
    let wrong = || Error::Refused(format!("the setting `filters` is no search of vast.ai; write it like {example}"));
    query.filter(good).ok_or_else(wrong)
}

/// Names are matched whole there, so they are asked for first; `4090` and `rtx_4090` mean the RTX 4090.
fn names_like(wanted: &str) -> Result<Vec<String>> {
    let plain = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let mut names: Vec<String> = crate::ask(route("names"))?.read::<Row>()?.list("gpu_names")?;
    names.retain(|name| plain(name).contains(&plain(wanted)));
    Ok(names)
}

/// Returns how many GB of disk an offer is for: what the wish names in GiB, else what the owner set.
pub(crate) fn disk_gb(call: &Call, wish: &Wish) -> Result<u64> {
    match wish.disk_gib {
        0 => Ok(call.setting_list("disk_gb", "32")?.first().copied().unwrap_or(32).max(DISK_GB_MIN)),
        gib => Ok(gib.saturating_mul(GIB).div_ceil(GB).max(DISK_GB_MIN)),
    }
}

/// Reads one row of a search, for so much disk.
pub(crate) fn offer(call: &Call, row: &Row, disk_gb: u64) -> Result<Offer> {
    let (id, count): (u64, u32) = (row.get("id")?, row.get("num_gpus")?);
    let (model, ram_mb): (String, f64) = (row.get("gpu_name")?, row.get("gpu_ram")?);
    // 24,564 MB are sold as 24 GiB.
    let vram_mib = (ram_mb as u64).saturating_add(VRAM_SLACK_MIB) / 1_024 * 1_024;
    let cores: f64 = row.lenient("cpu_cores_effective").unwrap_or(0.0);
    let memory_mb: f64 = row.lenient("cpu_ram").unwrap_or(0.0);
    let place = row.text("geolocation");
    let country = place.rsplit(", ").next().filter(|code| code.len() == 2).map(str::to_owned);
    let site = country.clone().map(|code| Site { id: code, name: place.clone(), country });
    let gpu = (count > 0).then(|| Gpu::cards(&model, count, Some(vram_mib)));
    Ok(Offer {
        id: format!("{id}/{disk_gb}"),
        title: format!("{count}x {model} · {disk_gb} GB disk · {place}"),
        hardware: Hardware {
            gpu,
            vcpus: cores as u32,
            memory_mib: memory_mb as u64,
            disk_gib: disk_gb.saturating_mul(GB) / GIB,
        },
        price: price(call, row, disk_gb)?,
        site,
        in_stock: Some(row.maybe("rentable")? != Some(false) && row.maybe("rented")? != Some(true)),
        image: Some(IMAGE.to_owned()),
        interruptible: row.maybe("is_bid")? == Some(true),
        ends: row.lenient("end_date").map(|Moment(at)| at),
        ..Offer::default()
    })
}

/// `dph_total` holds the cards and the disk that was asked for; a paused contract pays its disk, dearest in the shortest month.
/// The traffic that the owner states is in every quote.
fn price(call: &Call, row: &Row, disk_gb: u64) -> Result<Price> {
    let stated: u64 = call.setting_list("traffic_gb", "20")?.first().copied().unwrap_or(20);
    let disk: Usd = row.get("storage_cost")?;
    let traffic = |member: &str| Ok::<Usd, Error>(row.maybe(member)?.unwrap_or_default());
    let (down, up) = (traffic("inet_down_cost")?, traffic("inet_up_cost")?);
    let hourly = Price::hourly(row.get::<Usd>("dph_total")?.cost(), Billing::SECONDS);
    Ok(hourly.paused(disk.times(disk_gb).per(Month::HOURS_MIN).cost()).once((down + up).times(stated).cost()).traffic(
        down.cost(),
        up.cost(),
        0,
    ))
}
