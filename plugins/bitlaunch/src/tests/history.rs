//! Charges and top-ups.

use super::*;

const NOVEMBER_19: u64 = 1_795_046_400;

fn paid() -> BitLaunchRecorded {
    recorded()
        .reply("usage", Reply::file("fixtures/usage.json").when("period", "2026-11"))
        .reply("usage", Reply::new(200, r#"{"serverUsage":null,"totalUsd":0}"#))
        .reply("transactions", Reply::file("fixtures/transactions.json"))
}

#[test]
fn charges_are_usage_and_top_ups_are_negative() {
    let charges = paid().charges(NOVEMBER_19).unwrap();
    let told: Vec<_> = charges.iter().map(|c| (c.what.as_str(), c.amount, c.ends - c.begins)).collect();
    assert_eq!(
        told,
        [
            ("server vultr-ubuntu-fra-vcg-a40-1c-5g-2vram", 328_000, 7200),
            ("server vultr-ubuntu-fra-vcg-a40-1c-5g-2vram", 164_000, 3600),
            ("bandwidth traffic", 90_000, 86_400),
            ("top-up BTC", -20_000_000, 0),
        ]
    );
    let ids: std::collections::BTreeSet<_> = charges.iter().map(|charge| charge.id.as_str()).collect();
    assert_eq!(ids.len(), charges.len(), "{ids:?}");
    assert!(charges.iter().all(|charge| charge.instance.is_none()), "usage names no server");
}

#[test]
fn months_come_first_and_pages_of_transactions_after_them() {
    let mut door = paid().reply("transactions", r#"{"history":null,"total":60}"#);
    let mut asked = Vec::new();
    let mut next = None;
    // Since 2026-09-30.
    for _ in 0..10 {
        let page = door.charges_page(1_790_726_400, next).unwrap();
        asked.extend(door.sent().to_vec());
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let month = |name: &str| format!("GET /usage?period={name}");
    assert_eq!(asked[..3], [month("2026-09"), month("2026-10"), month("2026-11")]);
    assert_eq!(asked[3..], ["GET /transactions?items=25&page=1"]);

    let ever = paid().charges_page(0, None).unwrap();
    assert_eq!(ever.next.as_deref(), Some("2016-02"));

    let full =
        r#"{"history":[{"id":"t","date":"2026-11-19T10:00:00Z","status":"Complete","amountUsd":20}],"total":60}"#;
    let pages = recorded().reply("usage", "{}").reply("transactions", full).charges(NOVEMBER_19).unwrap();
    assert_eq!(pages.len(), 3, "60 transactions are three pages of 25");
}

#[test]
fn a_charge_that_cannot_be_read_is_an_error_and_not_a_smaller_sum() {
    for usage in [
        r#"{"serverUsage":[{"cost":12}]}"#,
        r#"{"serverUsage":[{"start":"2026-11-20","end":"2026-11-20","cost":"?"}]}"#,
        "[]",
        "",
    ] {
        let page = recorded().reply("usage", usage).charges_page(NOVEMBER_19, None);
        assert!(matches!(page, Err(Error::Failed(_))), "{usage}");
    }
    assert!(matches!(paid().charges_page(NOVEMBER_19, Some("someday".into())), Err(Error::Failed(_))));
}
