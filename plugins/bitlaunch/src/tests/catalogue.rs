//! What is sold, for how much, with which images.

use super::*;

fn any() -> Wish {
    Wish::default()
}

fn order(offer: &str, image: Option<&str>) -> Order {
    Order { offer: offer.into(), image: image.map(str::to_owned), ..Order::default() }
}

#[test]
fn every_size_in_every_place_is_an_offer_and_says_whether_it_is_in_stock() {
    let mut door = stocked();
    let offers = door.offers(&any()).unwrap();
    let told: Vec<_> =
        offers.iter().map(|o| (o.id.as_str(), o.title.as_str(), o.in_stock, o.image.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("1/vc2-1c-1gb/fra", "standard · 1 vCPU 1024 MB RAM 25 GB disk · Frankfurt", Some(true), Some("2284")),
            ("1/vc2-1c-1gb/nrt", "standard · 1 vCPU 1024 MB RAM 25 GB disk · Tokyo", Some(true), Some("2284")),
            ("1/vcg-a40-1c-5g-2vram/fra", "gpu · 1/24 GPU 2GB RAM · Frankfurt", Some(true), Some("2284")),
            ("1/vcg-a40-1c-5g-2vram/nrt", "gpu · 1/24 GPU 2GB RAM · Tokyo", Some(true), Some("2284")),
            ("1/vcg-a40-24c-120g-48vram/nrt", "gpu · 1 GPU 48GB RAM · Tokyo", Some(true), Some("2284")),
            ("1/vcg-a40-24c-120g-48vram/fra", "gpu · 1 GPU 48GB RAM · Frankfurt", Some(false), Some("2284")),
            ("4/nibble-1024/lon2", "nvme · 1 vCPU 1024 MB RAM 25 GB disk · London (lon2)", Some(true), None),
            ("4/nibble-2048/lon1", "nvme · 2 vCPU 2048 MB RAM 50 GB disk · London (lon1)", Some(true), Some("10006")),
            ("4/nibble-2048/lon2", "nvme · 2 vCPU 2048 MB RAM 50 GB disk · London (lon2)", Some(true), None),
            ("4/nibble-1024/lon1", "nvme · 1 vCPU 1024 MB RAM 25 GB disk · London (lon1)", Some(false), None),
        ]
    );
}

#[test]
fn hosts_are_pages_in_the_order_of_the_setting() {
    let mut door = stocked();
    let first = door.offers_page(&any(), None).unwrap();
    assert_eq!(door.sent(), ["GET /hosts-create-options/1"]);
    let second = door.offers_page(&any(), first.next).unwrap();
    assert_eq!((door.sent(), second.next), (&["GET /hosts-create-options/4".to_owned()][..], None));

    let mut one = stocked().setting("hosts", " 4 ");
    assert!(one.offers(&any()).unwrap().iter().all(|offer| offer.id.starts_with("4/")));
    let wrong = stocked().setting("hosts", "vultr").offers(&any());
    assert_eq!(wrong, Err(Error::Refused("the setting `hosts` is `vultr`; write it like `1,4`".into())));
    assert!(matches!(stocked().offers_page(&any(), Some("x".into())), Err(Error::Failed(_))));
}

#[test]
fn a_price_is_by_the_clock_hour_and_capped_by_the_month() {
    let offers = stocked().offers(&Wish { gpus_min: 1, ..any() }).unwrap();
    let slice = &offers[0];
    assert_eq!(slice.price.per_hour, 164_000);
    assert_eq!(slice.price.per_hour_paused, 164_000, "a stopped server is not known to cost less");
    assert_eq!(slice.price.billing, Billing::CLOCK_HOURS.capped(110_000_000));
    assert_eq!((slice.price.per_gb_out, slice.price.gb_free), (30_000, 3000));
    assert_eq!(slice.hardware.gpu, Some(Gpu::slice("A40", (1, 24), Some(2048))));
    assert_eq!((slice.hardware.vcpus, slice.hardware.memory_mib, slice.hardware.disk_gib), (1, 5120, 90));
    assert_eq!(offers[2].hardware.gpu, Some(Gpu::cards("A40", 1, Some(49_152))));
}

#[test]
fn a_gpu_is_read_from_the_texts_that_tell_it() {
    let table = [
        ("vcg-a40-1c-5g-2vram", r#","freeText":"1/24 GPU 2GB RAM""#, Gpu::slice("A40", (1, 24), Some(2048))),
        ("vcg-a40-2c-10g-4vram", r#","freeText":"1/12 GPU 4GB RAM""#, Gpu::slice("A40", (1, 12), Some(4096))),
        ("vcg-a40-24c-120g-48vram", r#","freeText":"1 GPU 48GB RAM""#, Gpu::cards("A40", 1, Some(49_152))),
        ("vcg-l40s-32c-375g-96vram", r#","freeText":"2 GPU 96GB RAM""#, Gpu::cards("L40S", 2, Some(49_152))),
        ("vcg-a16-2c-8g-2vram", "", Gpu::cards("A16", 1, Some(2048))),
        ("vcg-a16-2c-8g-2vram", r#","freeText":null"#, Gpu::cards("A16", 1, Some(2048))),
        ("vcg-b300-8c", r#","freeText":"1/2 GPU 144GB RAM""#, Gpu::slice("B300", (1, 2), Some(147_456))),
        ("giga", r#","freeText":"a very fast card""#, Gpu::cards("Nvidia A40 GPU", 1, None)),
        ("giga", r#","freeText":"0/0 GPU ?GB""#, Gpu::cards("Nvidia A40 GPU", 1, None)),
    ];
    for (id, text, expected) in table {
        let json = format!(
            r#"{{"hostID":1,"available":true,"image":null,"region":[{{"name":"X","subregion":{{"id":"x"}}}}],
                "planTypes":[{{"type":"gpu","name":"Nvidia A40 GPU"}}],
                "size":[{{"id":"{id}","cpuCount":1,"memoryMB":1,"diskGB":1,"costPerHr":1,"planType":"gpu"{text}}}]}}"#
        );
        let offers = recorded().setting("hosts", "1").reply("options", json).offers(&any()).unwrap();
        assert_eq!(offers[0].hardware.gpu, Some(expected), "{id} {text}");
    }
}

#[test]
fn a_host_that_is_closed_sells_nothing_and_an_empty_one_is_no_error() {
    let closed = std::fs::read_to_string("fixtures/options-1.json")
        .unwrap()
        .replace(r#""available":true"#, r#""available":false"#);
    let offers = recorded().setting("hosts", "1").reply("options", closed.as_str()).offers(&any()).unwrap();
    assert!(!offers.is_empty() && offers.iter().all(|offer| offer.in_stock == Some(false)));
    for empty in
        [r#"{"hostID":2}"#, r#"{"hostID":2,"size":null,"region":null,"image":null,"planTypes":null,"available":true}"#]
    {
        assert_eq!(recorded().setting("hosts", "2").reply("options", empty).offers(&any()), Ok(vec![]), "{empty}");
    }
}

#[test]
fn a_quote_is_for_one_exact_order_and_the_host_sees_the_same_price() {
    let plan = || Reply::file("fixtures/options-1.json");
    let mut door = recorded().reply("plan", plan());
    let terms = door.quote(&order("1/vcg-a40-1c-5g-2vram/fra", Some("2284"))).unwrap();
    assert_eq!((terms.price.per_hour, terms.price.billing.month_cap), (164_000, Some(110_000_000)));
    assert_eq!(door.sent(), ["GET /hosts-create-options/1"]);
    let seen = door.shown();
    assert_eq!(seen.len(), 1, "one row is the ordered size");
    assert_eq!(seen[0].rate, Some(164_000));

    // 31.50 USD a month over 672 hours, rounded up, and added to the month's cap.
    let dear = recorded().reply("plan", plan()).quote(&order("1/vcg-a40-1c-5g-2vram/fra", Some("900"))).unwrap();
    assert_eq!((dear.price.per_hour, dear.price.billing.month_cap), (164_000 + 46_875, Some(141_500_000)));
}

#[test]
fn an_order_that_cannot_be_had_is_refused_before_it_is_made() {
    type Case<'a> = (&'a str, Option<&'a str>, fn(&Error) -> bool);
    let table: &[Case] = &[
        ("1/vcg-a40-24c-120g-48vram/fra", Some("2284"), |e| {
            *e == Error::OutOfStock("vcg-a40-24c-120g-48vram is sold out in Frankfurt".into())
        }),
        ("1/vcg-a40-9/fra", Some("2284"), |e| *e == Error::Refused("host 1 no longer sells vcg-a40-9 in fra".into())),
        ("1/vcg-a40-1c-5g-2vram/lon", None, |e| {
            *e == Error::Refused("host 1 no longer sells vcg-a40-1c-5g-2vram in lon".into())
        }),
        ("1/vcg-a40-1c-5g-2vram", None, |e| matches!(e, Error::Refused(_))),
        ("1/vcg-a40-1c-5g-2vram/fra", Some("1"), |e| matches!(e, Error::Refused(_))),
        ("1/vcg-a40-1c-5g-2vram/fra", Some("501"), |e| matches!(e, Error::Refused(_))),
        ("1/vcg-a40-1c-5g-2vram/nrt", Some("900"), |e| matches!(e, Error::Refused(_))),
        ("1/vc2-1c-1gb/fra", Some("900"), |e| matches!(e, Error::Refused(_))),
    ];
    for (offer, image, expected) in table {
        let mut door = recorded().reply("plan", Reply::file("fixtures/options-1.json"));
        let error = door.quote(&order(offer, *image)).unwrap_err();
        assert!(expected(&error), "{offer} {image:?}: {error:?}");
    }
    let two = Order { nodes: 2, ..order("1/vcg-a40-1c-5g-2vram/fra", None) };
    let refused = recorded().reply("plan", Reply::file("fixtures/options-1.json")).quote(&two);
    assert!(matches!(refused, Err(Error::Unsupported(_))));
}

#[test]
fn images_are_those_that_fit_with_what_they_add() {
    let mut door = recorded().reply("plan", Reply::file("fixtures/options-1.json"));
    let listed = |door: &mut BitLaunchRecorded, offer: &str| {
        let images = door.images(offer).unwrap();
        images.into_iter().map(|i| (i.id, i.name, i.per_hour)).collect::<Vec<_>>()
    };
    let ubuntu = |id: &str, name: &str| (id.to_owned(), name.to_owned(), 0);
    let both = [ubuntu("1743", "Ubuntu 22.04 LTS x64"), ubuntu("2284", "Ubuntu 24.04 LTS x64")];
    let panel = ("900".to_owned(), "Panel cPanel on AlmaLinux 9".to_owned(), 46_875);
    assert_eq!(listed(&mut door, "1/vcg-a40-1c-5g-2vram/fra"), [&[panel][..], &both].concat());
    assert_eq!(listed(&mut door, "1/vcg-a40-1c-5g-2vram/nrt"), both);
    assert_eq!(listed(&mut door, "1/vc2-1c-1gb/fra"), both);
}

#[test]
fn sites_are_those_of_all_hosts_named_once() {
    let mut door = stocked();
    let sites: Vec<_> = door.sites().unwrap().into_iter().map(|s| (s.id, s.name, s.country)).collect();
    let site =
        |id: &str, name: &str, country: Option<&str>| (id.to_owned(), name.to_owned(), country.map(str::to_owned));
    assert_eq!(
        sites,
        [
            site("fra", "Frankfurt", Some("DE")),
            site("lon1", "London (lon1)", Some("GB")),
            site("lon2", "London (lon2)", Some("GB")),
            site("nrt", "Tokyo", None),
        ]
    );
    assert_eq!(door.sent().len(), 2);
}
