//! One table of required behaviours × every driver: the real component in the real sandbox, over real HTTP, against the
//! imitation of its provider. A driver that does not pass does not ship. To add one: a line in `drivers!` and its
//! specifics in `specifics.rs`.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod answers;
mod life;
mod lists;
mod specifics;
mod world;

/// Runs every behaviour for every driver, each as a test of its own.
macro_rules! drivers {
    ($($driver:ident),*) => {
        $(mod $driver {
            behaviours! { $driver =>
                life::offers_have_sane_prices,
                life::what_was_created_is_found_by_its_tag,
                life::a_create_whose_answer_was_lost_is_found_again,
                life::an_end_may_be_asked_twice,
                life::what_is_gone_is_gone_and_no_error,
                life::a_machine_tells_where_it_answers,
                life::what_is_sold_out_is_told_so,
                answers::a_wrong_key_is_unauthorized_and_never_gone,
                answers::every_status_has_its_meaning,
                answers::an_answer_that_cannot_be_read_is_a_failure,
                answers::members_that_nobody_knows_change_nothing,
                answers::a_status_that_nobody_knows_is_told_and_harms_nothing,
                answers::texts_with_control_characters_do_not_come_through,
                answers::an_order_is_freed_only_by_a_clear_no,
                lists::a_list_has_all_its_pages,
                lists::a_list_cut_short_proves_nothing,
                lists::an_end_that_was_not_accepted_ended_nothing,
            }
        })*
    };
}

macro_rules! behaviours {
    ($driver:ident => $($topic:ident :: $behaviour:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $behaviour() {
            crate::$topic::$behaviour(&crate::specifics::$driver()).await;
        })*
    };
}

drivers!(bitlaunch, ionet, tensorpool);
