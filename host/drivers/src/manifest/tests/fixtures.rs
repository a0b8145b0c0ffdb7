//! The manifests of the five providers, as the notes on the boundary have them.

use super::*;

pub(crate) const BITLAUNCH: &str = include_str!("../fixtures/bitlaunch.toml");
pub(crate) const TENSORPOOL: &str = include_str!("../fixtures/tensorpool.toml");
pub(crate) const VAST: &str = include_str!("../fixtures/vast.toml");
pub(crate) const IONET: &str = include_str!("../fixtures/ionet.toml");
pub(crate) const ALEPH: &str = include_str!("../fixtures/aleph.toml");

pub(crate) fn parsed(text: &str) -> Manifest {
    Manifest::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn all_five_manifests_are_good() {
    for (text, name, routes, needs) in [
        (BITLAUNCH, "bitlaunch", 11, ""),
        (TENSORPOOL, "tensorpool", 9, ""),
        (VAST, "vast", 13, ""),
        (IONET, "ionet", 8, ""),
        (ALEPH, "aleph", 17, ""),
    ] {
        let manifest = parsed(text);
        assert_eq!((manifest.name.as_str(), manifest.routes.len()), (name, routes));
        assert_eq!(manifest.needs.join(", "), needs, "{name}");
        assert_eq!(manifest.text, text);
    }
}

#[test]
fn what_the_host_asks_without_the_driver_is_found() {
    for (text, account, list) in [
        (BITLAUNCH, "user /id", Some("servers")),
        (TENSORPOOL, "org /org_name", Some("clusters")),
        (VAST, "user /id", Some("instances")),
        (IONET, "credential", None),
        (ALEPH, "{setting.payer}", None),
    ] {
        let manifest = parsed(text);
        let shown = match &manifest.account {
            AccountSource::Pointer { route, pointer } => format!("{route} {pointer}"),
            AccountSource::Credential => "credential".to_owned(),
            AccountSource::Text(text) => text.to_string(),
        };
        assert_eq!(shown, account);
        assert_eq!(manifest.unpaged_lists().first().map(|route| route.name.as_str()), list, "{}", manifest.name);
    }
}

#[test]
fn names_left_to_the_driver_outside_of_reads_are_the_three_of_aleph() {
    for (text, expected) in
        [(BITLAUNCH, ""), (TENSORPOOL, ""), (VAST, ""), (IONET, ""), (ALEPH, "create: device_class device_name vendor")]
    {
        let manifest = parsed(text);
        let acts =
            manifest.routes.values().filter(|route| route.effect != Effect::Read && !route.free_names().is_empty());
        let shown: Vec<_> = acts
            .map(|route| {
                let mut names = route.free_names();
                names.sort();
                format!("{}: {}", route.name, names.join(" "))
            })
            .collect();
        assert_eq!(shown.join("; "), expected, "{}", manifest.name);
    }
}

#[test]
fn settings_come_from_the_owner_or_from_their_default() {
    let manifest = parsed(ALEPH);
    let signers = BTreeMap::from([("agent".to_owned(), "0xAgent".to_owned())]);
    let payer = |owner: &BTreeMap<String, String>, signers| {
        manifest.effective_settings(owner, signers).map(|s| s["payer"].clone())
    };
    let owner = BTreeMap::from([("payer".to_owned(), "0xPayer".to_owned())]);
    assert_eq!(payer(&owner, &signers).unwrap(), "0xPayer");
    assert_eq!(payer(&BTreeMap::new(), &signers).unwrap(), "0xAgent");
    assert!(payer(&BTreeMap::new(), &BTreeMap::new()).unwrap_err().to_string().contains("setting `payer`"));
}

#[test]
fn the_powers_of_a_manifest_are_told_in_the_order_of_rule_12() {
    for text in [BITLAUNCH, TENSORPOOL, VAST, IONET, ALEPH] {
        let order = ["where", "orders", "changes", "ends", "driver adds", "reads", "frees", "prices"];
        let powers = parsed(text).powers();
        let places: Vec<_> =
            powers.iter().map(|line| order.iter().position(|o| line.starts_with(o)).unwrap()).collect();
        assert!(places.is_sorted(), "{powers:#?}");
    }
    let powers = parsed(VAST).powers().join("\n");
    for line in [
        "where: requests go to https://console.vast.ai/api, with the credential `key` from VAST_API_KEY in the header `authorization`",
        "reads: counts as read though it is no GET: POST https://console.vast.ai/api/v0/bundles/, body of the driver's",
        "driver adds: `after` in `instances` (a read, read)",
        "frees: `create`: nothing was done where the answer has status 400 401 403 404 410 429, or `/success` = false; the id stands at `/new_contract`",
        "orders: `create` holds no length: no prepaid price is accepted",
        "prices: the host reads the rate of an order in `ask` at `/dph_total` (usd/h)",
    ] {
        assert!(powers.contains(line), "{line}\n--\n{powers}");
    }
    assert!(
        parsed(ALEPH)
            .powers()
            .join("\n")
            .contains("driver adds: `device_class`, `device_name`, `vendor` in `create` (NOT a read, spend)")
    );
}
