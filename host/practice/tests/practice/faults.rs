//! Every fault once, from the client's side and from the side of the truth.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Place, place};

/// Creates under a fault and returns the status, or nothing where the connection was cut, and how many live then.
async fn create_under(fault: Value) -> (Option<u16>, usize, String) {
    let place = place().await;
    place.fault(json!({ "match": "POST /servers", "fault": fault })).await;
    let answer = place.ask("POST", "/servers", Some(&place.order("t"))).await;
    let text = answer.as_ref().map(|answer| answer.text.clone()).unwrap_or_default();
    (answer.ok().map(|answer| answer.status), alive(&place), text)
}

fn alive(place: &Place) -> usize {
    place.practice.state()["servers"].as_array().unwrap().iter().filter(|server| server["alive"] == true).count()
}

fn last_request(place: &Place) -> Value {
    place.practice.state()["log"].as_array().unwrap().last().unwrap().clone()
}

#[tokio::test]
async fn what_a_create_answers_and_what_it_made() {
    let table = [
        // fault, status or cut, servers alive, a word in the answer
        (json!("refuse"), Some(400), 0, "not available"),
        (json!({ "refuse": { "status": 403, "message": "no" } }), Some(403), 0, "no"),
        (json!({ "status": { "status": 503, "text": "busy" } }), Some(503), 0, "busy"),
        (json!({ "status": { "status": 200, "text": "{", "done": true } }), Some(200), 1, "{"),
        (json!("lost_before"), None, 0, ""),
        (json!("lost_after"), None, 1, ""),
        (json!("500_before"), Some(500), 0, "contact support"),
        (json!("500_after"), Some(500), 1, "contact support"),
        (json!("200_without"), Some(200), 0, "launching"),
        (json!("only_id"), Some(200), 1, "{\"id\":"),
        (json!("rate_limited"), Some(429), 0, "Too many"),
        (json!("html"), Some(502), 0, "<html>"),
        (json!("redirect"), Some(302), 0, ""),
        (json!({ "big": { "bytes": 100_000 } }), Some(200), 1, "xxxx"),
        (json!("email_unconfirmed"), Some(500), 0, "contact support"),
        (json!({ "sold_out": { "size": "vcg-a40-1c-5g-2vram" } }), Some(400), 0, "not available"),
        (json!({ "sold_out": { "size": "vcg-a40-1c-5g-2vram", "region": "nrt" } }), Some(200), 1, "launching"),
        (json!({ "host_closed": { "host": 1 } }), Some(400), 0, "not available"),
        (json!({ "price_changed": { "size": "vcg-a40-1c-5g-2vram", "musd_per_hour": 999 } }), Some(200), 1, "999"),
        (json!({ "balance": { "musd": 0 } }), Some(400), 0, "Insufficient"),
        (json!({ "server_limit": { "servers": 0 } }), Some(400), 0, "limit reached"),
        (json!("error_status"), Some(200), 1, "launching"),
        (json!("never_ready"), Some(200), 1, "launching"),
        (json!("no_driver"), Some(200), 1, "launching"),
    ];
    for (fault, status, count, word) in table {
        let (got, living, text) = create_under(fault.clone()).await;
        assert_eq!((got, living), (status, count), "{fault}: {text}");
        assert!(text.contains(word), "{fault}: {text}");
    }
}

#[tokio::test]
async fn a_create_lands_late_by_the_practices_clock() {
    let place = place().await;
    place.fault(json!({ "match": "POST /servers", "fault": "lands_late", "secs": 120 })).await;
    assert!(place.ask("POST", "/servers", Some(&place.order("late"))).await.is_err());
    assert_eq!((alive(&place), &place.practice.state()["landing"][0]["path"]), (0, &json!("/servers")));
    place.advance(119).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(alive(&place), 0);
    place.advance(2).await;
    place.until("it landed", |state| state["servers"][0]["name"] == "late").await;
}

#[tokio::test]
async fn a_hanging_request_is_seen_and_ends_with_its_client_or_the_fault() {
    let place = place().await;
    for (fault, count) in [("hang_before", 0), ("hang_after", 1)] {
        place.fault(json!({ "match": "POST /servers", "fault": fault })).await;
        let order = place.order("t");
        let is_hanging = |state: &Value| state["log"].as_array().unwrap().last().unwrap()["outcome"] == "hanging";
        tokio::select! {
            _ = place.ask("POST", "/servers", Some(&order)) => panic!("answered"),
            () = place.until("it hangs", is_hanging) => {}
        }
        // The client is gone.
        let is_over = |state: &Value| state["log"].as_array().unwrap().last().unwrap()["outcome"] == "abandoned";
        place.until("it is noticed", is_over).await;
        assert_eq!((alive(&place), last_request(&place)["fault"].as_str()), (count, Some(fault)));
    }
    place.fault(json!({ "match": "GET /user", "fault": "hang_before" })).await;
    let clear = async {
        place.until("it hangs", |state| state["log"].as_array().unwrap().last().unwrap()["outcome"] == "hanging").await;
        place.control("DELETE", "/faults", Value::Null).await;
    };
    let (answer, ()) = tokio::join!(place.ask("GET", "/user", None), clear);
    assert!(answer.is_err());
    assert_eq!(last_request(&place)["outcome"], "cut");
}

#[tokio::test]
async fn lists_lie_as_they_are_told() {
    let place = place().await;
    place.fault(json!({ "match": "POST /servers", "fault": "list_lags", "lists": 2 })).await;
    let id = place.create("new").await;
    let count = async || place.get("/servers").await.as_array().unwrap().len();
    assert_eq!((count().await, count().await, count().await), (0, 0, 1));
    assert_eq!(place.get(&format!("/servers/{id}")).await["server"]["name"], "new");

    place.fault(json!({ "match": "POST /servers", "fault": "list_lags", "secs": 60 })).await;
    place.create("second").await;
    assert_eq!(count().await, 1);
    place.advance(61).await;
    assert_eq!(count().await, 2);

    let list = "GET /servers";
    place
        .fault(json!([
            { "match": list, "fault": "list_empty" },
            { "match": list, "nth": 2, "fault": { "list_empty": { "null": true } } },
            { "match": list, "nth": 3, "fault": "list_cut" },
            { "match": list, "nth": 4, "fault": { "list_cut": { "how": "name" } } },
            { "match": list, "nth": 5, "fault": "list_cut", "how": "json" },
            { "match": list, "nth": 6, "fault": "cut_body" },
        ]))
        .await;
    assert_eq!(place.get("/servers").await, json!([]));
    assert_eq!(place.get("/servers").await, Value::Null);
    let cut = place.get("/servers").await;
    assert!(cut[0].get("id").is_some() && cut[1].get("id").is_none() && cut[1].get("name").is_some());
    assert!(place.get("/servers").await[1].get("name").is_none());
    let half = place.ask("GET", "/servers", None).await.unwrap();
    assert!(serde_json::from_str::<Value>(&half.text).is_err());
    assert!(place.ask("GET", "/servers", None).await.is_err());
    assert_eq!(count().await, 2);
}

#[tokio::test]
async fn destroy_lies_as_it_is_told() {
    let place = place().await;
    let id = place.create("a").await;
    let path = format!("/servers/{id}");
    let table = [("destroy_404_alive", 404), ("destroy_ignored", 200), ("500_before", 500)];
    for (fault, status) in table {
        place.fault(json!({ "match": "DELETE /servers/{id}", "fault": fault })).await;
        assert_eq!(place.ask("DELETE", &path, None).await.unwrap().status, status);
        assert_eq!(alive(&place), 1, "{fault}");
    }
    place.fault(json!({ "match": "DELETE /servers/*", "fault": "lost_after" })).await;
    assert!(place.ask("DELETE", &path, None).await.is_err());
    assert_eq!(alive(&place), 0);

    place.fault(json!({ "match": "POST /servers", "fault": "destroy_lingers", "lists": 2 })).await;
    let id = place.create("b").await;
    place.delete(&format!("/servers/{id}")).await;
    assert_eq!(place.get("/servers").await.as_array().unwrap().len(), 1);
    assert_eq!(alive(&place), 0);
    assert_eq!(place.get("/servers").await.as_array().unwrap().len(), 1);
    assert_eq!(place.get("/servers").await, json!([]));
}

#[tokio::test]
async fn slow_answers_are_slow_and_the_work_is_done_even_if_nobody_waits() {
    let place = place().await;
    place.fault(json!({ "match": "GET /user", "fault": "slow", "secs": 0.2 })).await;
    let start = Instant::now();
    place.get("/user").await;
    assert!(start.elapsed() >= Duration::from_millis(200));
    place.fault(json!({ "match": "POST /servers", "fault": { "slow": { "secs": 0.2, "before": true } } })).await;
    let order = place.order("t");
    let early = tokio::time::timeout(Duration::from_millis(100), place.ask("POST", "/servers", Some(&order))).await;
    assert!(early.is_err());
    assert_eq!(alive(&place), 0);
    place.until("it was made", |state| state["servers"][0]["name"] == "t").await;
}

#[tokio::test]
async fn provisioning_fails_or_never_ends() {
    let place = place().await;
    place.fault(json!({ "match": "POST /servers", "fault": "error_status", "text": "Out of capacity" })).await;
    let id = place.create("a").await;
    place.until("it failed", |state| state["servers"][0]["status"] == "error").await;
    let shown = place.get(&format!("/servers/{id}")).await["server"].clone();
    assert_eq!((&shown["errorText"], &shown["ipv4"]), (&json!("Out of capacity"), &json!("")));
    assert!(place.server(&id)["charged_musd"].as_i64() > Some(0), "a failed server costs until it is deleted");
    place.delete(&format!("/servers/{id}")).await;

    place.fault(json!({ "match": "POST /servers", "fault": "never_ready" })).await;
    let id = place.create("b").await;
    place.advance(3600).await;
    assert_eq!(place.get(&format!("/servers/{id}")).await["server"]["status"], "launching");
}

#[tokio::test]
async fn the_world_can_be_changed_without_a_request() {
    let place = place().await;
    place
        .fault(json!([
            { "fault": "foreign_server", "name": "not-ours" },
            { "fault": "balance", "musd": 1234 },
            { "fault": "sold_out", "size": "vcg-a40-2c-10g-4vram", "region": "fra" },
            { "fault": "price_changed", "size": "vcg-a40-1c-5g-2vram", "musd_per_hour": 200 },
        ]))
        .await;
    assert_eq!(place.get("/servers").await[0]["name"], "not-ours");
    assert_eq!(place.get("/user").await["balance"], 1234);
    let options = place.get("/hosts-create-options/1").await;
    assert_eq!(options["size"][0]["costPerHr"], 200);
    place.control("DELETE", "/faults", Value::Null).await;
    assert_eq!(place.get("/hosts-create-options/1").await["size"][0]["costPerHr"], 164);
}

#[tokio::test]
async fn headers_of_faults_and_the_log_tell_what_happened() {
    let place = place().await;
    place.fault(json!({ "match": "GET /user", "fault": "rate_limited", "retry_after": 7 })).await;
    let limited = place.ask("GET", "/user", None).await.unwrap();
    assert_eq!(limited.headers["retry-after"], "7");
    place.fault(json!({ "match": "* /user", "fault": { "redirect": { "location": "http://192.0.2.1/" } } })).await;
    assert_eq!(place.ask("GET", "/user", None).await.unwrap().headers["location"], "http://192.0.2.1/");
    place.control("DELETE", "/log", Value::Null).await;
    let order = place.order("t");
    place.post("/servers?x=1", &order).await;
    let row = last_request(&place);
    assert_eq!((&row["method"], &row["path"], &row["query"]), (&json!("POST"), &json!("/servers"), &json!("x=1")));
    assert_eq!((&row["body"], &row["status"], &row["fault"]), (&order, &json!(200), &Value::Null));
}

#[tokio::test]
async fn the_clock_moves_everything_and_is_written_down() {
    let place = place().await;
    let moved = place.control("POST", "/clock", json!({ "advance_secs": 86_400 })).await;
    assert_eq!(moved["offset_secs"], 86_400.0);
    let env = place.practice.env();
    let clock = &env.iter().find(|(name, _)| name == "BURSAR_PRACTICE_CLOCK").unwrap().1;
    assert_eq!(std::fs::read_to_string(clock).unwrap(), "86400.000");
    let date = place.ask("GET", "/user", None).await.unwrap().headers["date"].to_str().unwrap().to_owned();
    assert_eq!(
        jiff::fmt::rfc2822::parse(&date).unwrap().timestamp().as_second() / 60,
        place.practice.state()["now"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second() / 60
    );
    let wrong = place.ask_as("", "POST", "/_practice/clock", Some(&json!({}))).await.unwrap();
    assert_eq!(wrong.status, 400);
    let wrong = place.ask_as("", "POST", "/_practice/faults", Some(&json!({ "fault": "nonsense" }))).await.unwrap();
    assert!(wrong.status == 400 && wrong.text.contains("unknown variant"));
}
