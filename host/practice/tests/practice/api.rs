//! The API as a client sees it: shapes, quirks and errors of the fact sheet.

use serde_json::{Value, json};

use crate::support::{place, place_with};

#[tokio::test]
async fn only_the_two_forms_of_the_token_open_the_door() {
    let place = place().await;
    let table = [
        ("Bearer practice", 200),
        ("Bearer: practice", 200),
        ("Bearer wrong", 401),
        ("practice", 401),
        ("Bearer  practice", 401),
        ("", 401),
    ];
    for (authorisation, expected) in table {
        let answer = place.ask_as(authorisation, "GET", "/bitlaunch/api/user", None).await.unwrap();
        assert_eq!(answer.status, expected, "{authorisation:?}");
        assert_eq!(answer.text.is_empty(), expected == 401);
        assert!(answer.headers.contains_key("date"));
    }
}

#[tokio::test]
async fn a_server_lives_from_create_to_destroy() {
    let place = place().await;
    let made = place.post("/servers", &place.order("tag1")).await;
    assert_eq!((&made["status"], &made["ipv4"], &made["rate"]), (&json!("launching"), &json!(""), &json!(164)));
    assert_eq!((&made["host"], &made["image"]), (&json!(1), &json!("2284")));
    let id = made["id"].as_str().unwrap();
    assert_eq!(id.len(), 24);

    place.until_up(id).await;
    let shown = place.get(&format!("/servers/{id}")).await;
    assert_eq!(shown["server"]["status"], "ok");
    assert!(shown["server"]["ipv4"].as_str().unwrap().starts_with("127.77."));
    assert_eq!(place.get("/servers").await.as_array().unwrap().len(), 1);
    assert_eq!(place.get("/user").await["used"], 1);

    assert_eq!(place.delete(&format!("/servers/{id}")).await, Value::Null);
    assert_eq!(place.get("/servers").await, json!([]));
    let again = place.ask("DELETE", &format!("/servers/{id}"), None).await.unwrap();
    assert_eq!((again.status, again.json()), (404, json!({ "message": "Server not found" })));
}

#[tokio::test]
async fn orders_that_do_not_fit_are_refused() {
    let place = place().await;
    let table = [
        ("name", json!(""), "name is required"),
        ("hostID", json!(3), "Invalid host"),
        ("sizeID", json!("huge"), "Invalid size"),
        ("sizeID", json!("vcg-a40-24c-120g-48vram"), "Size is not available in this region"),
        ("hostImageID", json!("10006"), "Invalid image"),
        ("hostImageID", json!("501"), "Image does not fit this size"),
        ("regionID", json!("Frankfurt"), "Invalid region"),
        ("sshKeys", json!(["nope"]), "Invalid SSH key \"nope\""),
        ("sshKeys", json!([]), "SSH key or password is required"),
    ];
    for (member, value, expected) in table {
        let mut order = place.order("x");
        order["server"][member] = value;
        let answer = place.ask("POST", "/servers", Some(&order)).await.unwrap();
        assert_eq!((answer.status, &answer.json()["message"]), (400, &json!(expected)));
    }
    assert_eq!(place.get("/servers").await, json!([]));
}

#[tokio::test]
async fn names_of_members_have_no_case_and_unknown_ones_do_no_harm() {
    let place = place().await;
    let mut order = place.order("x");
    let server = order["server"].as_object_mut().unwrap();
    let image = server.remove("hostImageID").unwrap();
    server.insert("HostImageID".into(), image);
    server.insert("labels".into(), json!(["a"]));
    let made = place.post("/servers", &order).await;
    assert_eq!(made["image"], "2284");
    assert!(made.get("labels").is_none());
    // A name is not unique.
    place.post("/servers", &place.order("x")).await;
    assert_eq!(place.get("/servers").await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_catalogue_has_the_shape_and_the_traps() {
    let place = place().await;
    let vultr = place.get("/hosts-create-options/1").await;
    let gpu: Vec<&Value> = vultr["size"].as_array().unwrap().iter().filter(|size| size["planType"] == "gpu").collect();
    assert_eq!(gpu.len(), 6);
    assert_eq!((&gpu[5]["costPerHr"], &gpu[5]["costPerMonth"]), (&json!(3721), &json!(2500)));
    for region in vultr["region"].as_array().unwrap() {
        let gone = region["subregion"]["unavailableSizes"].as_array().unwrap();
        assert!(gone.contains(&json!("vcg-a40-24c-120g-48vram")), "{region}");
    }
    assert_eq!(vultr["image"][0]["version"]["id"], "2284");
    assert_eq!(vultr["image"][1]["versions"], json!([]));
    assert_eq!(vultr["hostOptions"].get("backups"), None);
    assert_eq!(vultr["region"][1]["name"], "New York ");
    assert_eq!(place.get("/hosts-create-options/4").await["region"][0]["subregions"], json!([]));
    for host in [0, 2] {
        assert_eq!(place.get(&format!("/hosts-create-options/{host}")).await["hostID"], host);
    }
    assert_eq!(place.ask("GET", "/hosts-create-options/3", None).await.unwrap().status, 404);
}

#[tokio::test]
async fn keys_are_told_apart_by_their_body() {
    let place = place().await;
    let key = place.get("/ssh-keys").await["keys"][0].clone();
    assert_eq!(key["fingerprint"].as_str().unwrap().len(), 47);
    let body = key["content"].as_str().unwrap().rsplit_once(' ').unwrap().0.to_owned();
    let same = json!({ "name": "other", "content": format!("{body} another comment") });
    assert_eq!(place.ask("POST", "/ssh-keys", Some(&same)).await.unwrap().status, 400);
    let nonsense = json!({ "name": "other", "content": "ssh-ed25519 AAAA" });
    assert_eq!(place.ask("POST", "/ssh-keys", Some(&nonsense)).await.unwrap().status, 400);
    place.delete(&format!("/ssh-keys/{}", key["id"].as_str().unwrap())).await;
    assert_eq!(place.get("/ssh-keys").await, json!({ "keys": null }));
}

#[tokio::test]
async fn the_account_limit_and_an_unknown_path_are_refused() {
    let place = place_with(|options| options.server_limit = 1).await;
    place.create("one").await;
    let second = place.ask("POST", "/servers", Some(&place.order("two"))).await.unwrap();
    assert_eq!((second.status, second.json()["message"].as_str().unwrap()), (400, "Server limit reached (1 of 1)"));
    for path in ["/account", "/hosts", "/servers/1/reboot", "/servers/..%2Fssh-keys"] {
        assert_eq!(place.ask("GET", path, None).await.unwrap().status, 404, "{path}");
    }
}

#[tokio::test]
async fn what_can_be_done_with_a_server() {
    let place = place().await;
    let order = json!({ "server": { "name": "n", "hostID": 4, "hostImageID": "10006", "sizeID": "nibble-1024",
        "regionID": "lon1", "password": "secret" } });
    let made = place.post("/servers", &order).await;
    let id = made["id"].as_str().unwrap();
    place.until_up(id).await;
    let path = |action: &str| format!("/servers/{id}{action}");

    assert_eq!(place.post(&path("/restart"), &json!({})).await, Value::Null);
    assert_eq!(place.get(&path("")).await["server"]["status"], "restarting");
    place.until_up(id).await;
    place.post(&path("/stop"), &Value::Null).await;
    assert_eq!(place.get(&path("")).await["server"]["status"], "stopped");
    place.until("the machine is off", |state| state["servers"][0]["ssh"]["up"] == false).await;
    place.post(&path("/restart"), &Value::Null).await;
    place.until_up(id).await;
    place.post(&path("/rebuild"), &json!({ "hostImageID": "10002", "imageDescription": "" })).await;
    assert_eq!(place.get(&path("")).await["server"]["status"], "rebuilding");
    place.until_up(id).await;
    place.post(&path("/resize"), &json!({ "size": "nibble-2048" })).await;
    assert_eq!(place.get(&path("")).await["server"]["rate"], 21);
    assert_eq!(place.get(&path("/resize-availability")).await["hostID"], 4);
    let shielded = place.post(&path("/protection"), &json!({ "enable": true, "region": "bvm-lux" })).await;
    assert_eq!(shielded["protection"]["enabled"], true);
    let ports = json!([{ "portNumber": 80, "protocol": "tcp" }]);
    assert_eq!(place.post(&path("/protection/ports"), &ports).await["protection"]["proxy"]["ports"], ports);
}

#[tokio::test]
async fn top_ups_stay_pending() {
    let place = place().await;
    let small = json!({ "amountUsd": 5, "cryptoSymbol": "BTC" });
    assert_eq!(place.ask("POST", "/transactions", Some(&small)).await.unwrap().status, 400);
    let made =
        place.post("/transactions", &json!({ "amountUsd": 30, "cryptoSymbol": "BTC", "lightningNetwork": true })).await;
    assert_eq!(made["status"], "Pending");
    assert!(made["address"].as_str().unwrap().starts_with("ln"));
    let list = place.get("/transactions?page=1&items=25").await;
    assert_eq!((&list["total"], &list["history"][1]["status"]), (&json!(2), &json!("Complete")));
    assert_eq!(place.get("/transactions?page=9&items=25").await["history"], Value::Null);
    assert_eq!(place.get(&format!("/transactions/{}", made["id"].as_str().unwrap())).await, made);
    assert_eq!(place.get("/security/history?page=1&items=25").await["total"], 1);
}
