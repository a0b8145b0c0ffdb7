//! The protocol as clients see it, in both eras, over a byte stream in memory. What needs machines is tested with the
//! whole system.

use super::{Bundled, serve};
use crate::flow::{BadSetting, Rooms, Settings};
use bursar_core::limits::LimitKey;
use rmcp::{
    ClientHandler, RoleClient,
    model::{
        CallToolRequestParams, CallToolResult, ClientConfig, ProtocolVersion, ReadResourceRequestParams,
        ResourceUpdatedNotificationParam, ServerNotification, SubscribeRequestParams, SubscriptionFilter, Tool,
        UnsubscribeRequestParams,
    },
    service::{ClientLifecycleMode, NotificationContext, RunningService, ServiceError, serve_client_with_lifecycle},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tokio::{sync::mpsc, time::timeout};

const NO_DRIVERS: Bundled = &[];

/// Hears of changed resources.
#[derive(Clone, Default)]
struct Client(Option<mpsc::UnboundedSender<String>>);

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::default()
    }

    async fn on_resource_updated(&self, param: ResourceUpdatedNotificationParam, _: NotificationContext<RoleClient>) {
        if let Some(heard) = &self.0 {
            heard.send(param.uri).unwrap();
        }
    }
}

type Session = RunningService<RoleClient, Client>;

/// Settings with a state folder of their own.
fn settings(home: &tempfile::TempDir, more: &[(&str, &str)]) -> Result<Settings, BadSetting> {
    let (state, work) = (home.path().join("state"), home.path().join("work"));
    let mut env: BTreeMap<String, String> = BTreeMap::new();
    env.insert("HOME".into(), home.path().display().to_string());
    env.insert("BURSAR_HOME".into(), state.display().to_string());
    env.insert("BURSAR_WORKSPACE".into(), work.display().to_string());
    env.extend(more.iter().map(|(name, value)| (name.to_string(), value.to_string())));
    Settings::from(env, home.path())
}

fn eras() -> [ClientLifecycleMode; 2] {
    [
        ClientLifecycleMode::Initialize,
        ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] },
    ]
}

async fn session(settings: Result<Settings, BadSetting>, era: ClientLifecycleMode) -> Session {
    session_of(Client::default(), settings, era).await
}

async fn session_of(client: Client, settings: Result<Settings, BadSetting>, era: ClientLifecycleMode) -> Session {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    tokio::spawn(serve(settings, NO_DRIVERS, ours));
    serve_client_with_lifecycle(client, theirs, era).await.unwrap()
}

async fn call(session: &Session, tool: &str, args: Value) -> CallToolResult {
    let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(args.as_object().unwrap().clone());
    session.call_tool(params).await.unwrap()
}

fn text(result: &CallToolResult) -> String {
    result.content[0].as_text().unwrap().text.clone()
}

#[tokio::test]
async fn the_list_of_tools_is_small_typed_and_fully_annotated() {
    let home = tempfile::tempdir().unwrap();
    for era in eras() {
        let session = session(settings(&home, &[]), era).await;
        let tools = session.list_all_tools().await.unwrap();
        let bytes = serde_json::to_string(&tools).unwrap().len();
        println!("{} tools in {bytes} bytes, about {} tokens", tools.len(), bytes / 4);
        assert!(bytes <= 24_000, "{bytes} bytes are more than 6,000 tokens");
        assert_eq!(tools.len(), 23);
        tools.iter().for_each(check_tool);
    }
}

fn check_tool(tool: &Tool) {
    let name = &tool.name;
    assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
    assert!(tool.title.is_some() && tool.description.is_some(), "{name}");
    let hints = tool.annotations.clone().unwrap();
    let all = [hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint];
    assert!(all.iter().all(Option::is_some), "{name}: {hints:?}");
    assert_eq!(tool.input_schema["additionalProperties"], json!(false), "{name}");
    let output = tool.output_schema.clone().unwrap();
    assert_eq!((&output["type"], output.get("required")), (&json!("object"), None), "{name}");
    // Some clients hold an error's data against the schema of answers.
    for word in ["kind", "message", "hint", "over"] {
        assert!(output["properties"].get(word).is_none(), "{name} answers with `{word}`, which errors use");
    }
    let whole = serde_json::to_string(tool).unwrap();
    for odd in ["$ref", "$defs", "$schema", "\"null\"", "uint", "int32", "int64", "\"format\""] {
        assert!(!whole.contains(odd), "{name} holds {odd}: {whole}");
    }
}

#[tokio::test]
async fn an_argument_that_nobody_knows_is_refused_and_named() {
    let home = tempfile::tempdir().unwrap();
    for era in eras() {
        let session = session(settings(&home, &[]), era).await;
        for (tool, args, part) in [
            ("create_instance", json!({ "name": "a", "offer": "x:y", "ttl": "4h" }), "unknown field `ttl`"),
            ("create_instance", json!({ "name": "a", "offer": "x:y", "length": "4" }), "`4` is no length"),
            ("create_instance", json!({ "name": "a", "offer": "x:y", "max_usd_per_hour": "cheap" }), "`cheap`"),
            ("create_instance", json!({ "name": "a" }), "neither an offer nor a wish"),
            ("create_instance", json!({ "name": "a", "offer": "x:y", "gpu": "A40" }), "both an offer and a wish"),
            ("create_instance", json!({ "name": "a", "offer": "cheapest" }), "names no offer"),
            ("run_command", json!({ "instance": "a", "command": "true", "timeout_secs": 120 }), "1 to 40 s"),
            ("run_command", json!({ "instance": "a" }), "missing field `command`"),
            ("upload_file", json!({ "instance": "a", "remote_path": "x" }), "exactly one"),
            ("check_spending", json!({}), "exactly one"),
            ("get_instance", json!({ "instance": "nobody" }), "there is no instance `nobody`"),
            ("find_offers", json!({ "provider": "nobody" }), "there is no provider `nobody`"),
        ] {
            let result = call(&session, tool, args.clone()).await;
            let data = result.structured_content.clone().unwrap();
            assert_eq!((result.is_error, &data["kind"]), (Some(true), &json!("refused")), "{tool} {args}: {data}");
            assert!(text(&result).contains(part), "{tool} {args}: {}", text(&result));
            assert!(text(&result).contains("hint: ") && !data["hint"].as_str().unwrap().is_empty(), "{tool}");
        }
    }
}

#[tokio::test]
async fn what_needs_no_provider_answers_with_text_and_data() {
    let home = tempfile::tempdir().unwrap();
    for era in eras() {
        let session = session(settings(&home, &[]), era).await;
        for (tool, args, part, member) in [
            ("list_instances", json!({}), "no instances", "/instances"),
            ("get_spending", json!({}), "20.00 USD left", "/limits/max_total_spending"),
            ("list_transactions", json!({}), "nothing yet", ""),
            ("list_providers", json!({}), "", "/providers"),
            ("find_offers", json!({}), "no offer fits", "/offers"),
            ("check_spending", json!({ "amount_usd": 5 }), "fits. Nothing was reserved", "/fits"),
            ("check_spending", json!({ "amount_usd": "20.01" }), "max_total_spending", "/refusal"),
        ] {
            let result = call(&session, tool, args).await;
            assert_eq!(result.is_error, Some(false), "{tool}: {}", text(&result));
            assert!(text(&result).contains(part), "{tool}: {}", text(&result));
            let data = result.structured_content.unwrap();
            assert!(data.pointer(member).is_some(), "{tool}: {data}");
        }
    }
}

#[tokio::test]
async fn a_bad_setting_is_told_by_every_tool_and_not_by_silence() {
    let home = tempfile::tempdir().unwrap();
    for era in eras() {
        let bad = settings(&home, &[("BITLAUNCH_MAX_COST_PER_HOUR", "nan")]);
        let session = session(bad, era).await;
        for tool in ["list_instances", "get_spending", "find_offers"] {
            let result = call(&session, tool, json!({})).await;
            assert_eq!(result.is_error, Some(true), "{tool}");
            assert!(text(&result).contains("BITLAUNCH_MAX_COST_PER_HOUR"), "{tool}: {}", text(&result));
        }
    }
}

#[tokio::test]
async fn a_state_folder_that_is_open_to_all_is_told_by_every_tool() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o777)).unwrap();
    let session = session(settings(&home, &[]), ClientLifecycleMode::Initialize).await;
    let result = call(&session, "list_instances", json!({})).await;
    let data = result.structured_content.clone().unwrap();
    assert_eq!(result.is_error, Some(true));
    assert!(data["hint"].as_str().unwrap().contains("BURSAR_HOME"), "{data}");
    assert!(!data["message"].as_str().unwrap().contains("hint:"), "{data}");
}

#[tokio::test]
async fn resources_are_listed_and_read_and_unknown_ones_are_refused() {
    let home = tempfile::tempdir().unwrap();
    for era in eras() {
        let session = session(settings(&home, &[]), era).await;
        let listed = session.list_all_resources().await.unwrap();
        assert_eq!(
            listed.iter().map(|r| r.uri.as_str()).collect::<Vec<_>>(),
            ["gpu://instances", "spending://current"]
        );
        for (uri, member) in [("gpu://instances", "instances"), ("spending://current", "held_usd")] {
            let read = session.read_resource(ReadResourceRequestParams::new(uri)).await.unwrap();
            let contents = serde_json::to_value(&read.contents[0]).unwrap();
            let data: Value = serde_json::from_str(contents["text"].as_str().unwrap()).unwrap();
            assert!(data.get(member).is_some(), "{uri}: {data}");
        }
        let unknown = session.read_resource(ReadResourceRequestParams::new("gpu://nothing")).await;
        assert!(matches!(unknown, Err(ServiceError::McpError(_))), "{unknown:?}");
    }
}

/// Another process of the owner changes a limit.
async fn change_a_limit(home: &tempfile::TempDir, value: &str) {
    let rooms = Rooms::open(settings(home, &[]).unwrap(), NO_DRIVERS).await.unwrap();
    rooms.set_limit(LimitKey::MaxInstances, value).await.unwrap();
}

#[tokio::test]
#[expect(deprecated, reason = "the older era has no other way")]
async fn a_subscriber_of_the_older_era_hears_of_a_change_until_it_unsubscribes() {
    let home = tempfile::tempdir().unwrap();
    let (heard, mut hears) = mpsc::unbounded_channel();
    let session = session_of(Client(Some(heard)), settings(&home, &[]), ClientLifecycleMode::Initialize).await;
    for uri in ["spending://current", "gpu://instances"] {
        session.subscribe(SubscribeRequestParams::new(uri)).await.unwrap();
    }
    change_a_limit(&home, "1").await;
    let uri = timeout(Duration::from_secs(10), hears.recv()).await.unwrap();
    assert_eq!(uri.as_deref(), Some("spending://current"));
    for uri in ["spending://current", "gpu://instances"] {
        session.unsubscribe(UnsubscribeRequestParams::new(uri)).await.unwrap();
    }
    change_a_limit(&home, "2").await;
    assert!(timeout(Duration::from_secs(5), hears.recv()).await.is_err());
    session.subscribe(SubscribeRequestParams::new("spending://current")).await.unwrap();
    change_a_limit(&home, "1").await;
    assert!(timeout(Duration::from_secs(10), hears.recv()).await.is_ok());
}

#[tokio::test]
async fn a_listener_of_the_newer_era_hears_of_a_change() {
    let home = tempfile::tempdir().unwrap();
    let [_, modern] = eras();
    let session = session(settings(&home, &[]), modern).await;
    let wanted = SubscriptionFilter::builder().resource_subscriptions(["spending://current", "file:///other"]).build();
    let mut subscription = session.listen(wanted).await.unwrap();
    let accepted = subscription.acknowledged().resource_subscriptions.clone();
    assert_eq!(accepted, Some(vec!["spending://current".to_owned()]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    change_a_limit(&home, "1").await;
    let heard = timeout(Duration::from_secs(10), subscription.next()).await.unwrap().unwrap();
    let Some(ServerNotification::ResourceUpdatedNotification(heard)) = heard else { panic!("{heard:?}") };
    assert_eq!(heard.params.uri, "spending://current");
}

#[tokio::test]
async fn what_is_not_offered_says_so() {
    let home = tempfile::tempdir().unwrap();
    for era in eras() {
        let session = session(settings(&home, &[]), era).await;
        let templates = session.list_all_resource_templates().await;
        assert!(matches!(templates, Err(ServiceError::McpError(_))), "{templates:?}");
        let prompts = session.list_all_prompts().await;
        assert!(matches!(prompts, Err(ServiceError::McpError(_))), "{prompts:?}");
        let unknown = session.call_tool(CallToolRequestParams::new("top_up")).await;
        assert!(matches!(unknown, Err(ServiceError::McpError(_))), "{unknown:?}");
    }
}

#[tokio::test]
async fn the_server_says_who_it_is_and_how_to_begin() {
    let home = tempfile::tempdir().unwrap();
    let session = session(settings(&home, &[]), ClientLifecycleMode::Initialize).await;
    let info = session.peer_info().unwrap();
    let info = serde_json::to_value(&*info).unwrap();
    assert_eq!(info["serverInfo"]["name"], "bursar");
    assert_eq!(info["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(info["instructions"].as_str().unwrap().contains("find_offers"));
}
