//! How a lane applies its events, whatever fails, and which of them it stops at.

use super::*;

#[tokio::test(start_paused = true)]
async fn applies_every_event_once_whatever_the_batches() {
    for events_max in 1..=WORDS.len() {
        let mut stage = Stage::new(&WORDS);
        stage.settings.batch.events_max = events_max;
        assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
        stage.assert_counts(&WORDS);
    }
}

#[tokio::test(start_paused = true)]
async fn commits_that_fail_are_neither_lost_nor_doubled() {
    for fault in [CommitFault::Lost, CommitFault::ReplyLost, CommitFault::Flushed] {
        for at in 0..3 {
            let stage = Stage::new(&WORDS);
            stage.fault(at, fault);
            stage.fault(at + 2, fault);
            assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
            stage.assert_counts(&WORDS);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_lane_notices_that_the_store_was_emptied() {
    let stage = Stage::new(&WORDS);
    let (lane, mut seen) = stage.lane();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(lane.run(shutdown.clone()));
    seen.wait_for(|status| status.committed == 12).await.unwrap();
    stage.store.memory.flush();
    seen.wait_for(|status| status.committed == 24).await.unwrap();
    shutdown.cancel();
    assert!(matches!(running.await.unwrap(), Exit::Shutdown));
    stage.assert_counts(&WORDS);
}

#[tokio::test(start_paused = true)]
async fn stops_exactly_at_the_event_that_cannot_be_applied() {
    for (word, at) in [("refuse", 0), ("refuse", 6), ("trap", 0), ("trap", 5), ("trap", 11)] {
        let mut words = WORDS;
        words[at] = word;
        let stage = Stage::new(&words);
        let Exit::Stopped(Fault::Poison { event, .. }) = stage.run_to(END).await else { panic!("it must stop") };
        let offset = (0..).filter(|offset| offset % 3 != 1).nth(at).unwrap();
        assert_eq!(event.to_string(), format!("t/0@{offset}"), "{word} at {at}");
        stage.assert_counts(&words[..at]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_blames_another_event_is_not_believed() {
    let mut words = WORDS;
    words[5] = "blame";
    for events_max in 1..=WORDS.len() {
        let mut stage = Stage::new(&words);
        stage.settings.batch.events_max = events_max;
        let Exit::Stopped(Fault::Poison { event, .. }) = stage.run_to(END).await else { panic!("it must stop") };
        assert_eq!(event.offset, 8, "the sixth, in batches of {events_max}");
        stage.assert_counts(&words[..5]);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_guilty_of_a_slow_machine_or_of_a_large_batch() {
    let mut words = WORDS;
    (words[0], words[4], words[5], words[11]) = ("slow", "crowd", "slow", "crowd");
    for events_max in 1..=WORDS.len() {
        let mut stage = Stage::new(&words);
        stage.settings.batch.events_max = events_max;
        assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
        stage.assert_counts(&words);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_taken_apart_is_committed_in_parts() {
    let mut words = WORDS;
    (words[1], words[6], words[9]) = ("crowd", "refuse", "crowd");
    for policy in [Policy::Skip, Policy::Park] {
        for events_max in 1..=WORDS.len() {
            let mut stage = Stage::new(&words);
            (stage.course.policy, stage.course.parked_max) = (policy, 1);
            stage.settings.batch.events_max = events_max;
            // So each event writes enough for a commit.
            stage.settings.write_bytes_max = 1;
            assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
            let healthy: Vec<_> = words.into_iter().filter(|word| *word != "refuse").collect();
            stage.assert_counts(&healthy);
            // Three at most are batches that are well.
            let commits = stage.store.commits.load(SeqCst);
            assert!(events_max < WORDS.len() || commits > 6, "{commits} commits");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_of_several_bad_events_is_the_one_that_is_named() {
    let stage = Stage::new(&["a", "trap", "b", "refuse"]);
    let Exit::Stopped(Fault::Poison { event, .. }) = stage.run_to(END).await else { panic!("it must stop") };
    assert_eq!(event.offset, 2);
    stage.assert_counts(&["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_second_lane_fences_the_first() {
    let stage = Stage::new(&WORDS);
    let (first, mut seen) = stage.lane();
    let running = tokio::spawn(first.run(CancellationToken::new()));
    seen.wait_for(|status| status.committed == 12).await.unwrap();

    assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
    let exit = running.await.unwrap();
    assert!(matches!(exit, Exit::Stopped(Fault::Store(store::Error::Fenced { .. }))), "{exit:?}");
    stage.assert_counts(&WORDS);
}

/// What the lane itself has fetched of the cells that plugins read, and not a thread that applies.
fn ahead(stage: &Stage) -> Vec<String> {
    let reads = stage.store.reads.lock().unwrap();
    let own = reads.iter().filter(|(view, _, thread)| *view == 1 && *thread == thread::current().id());
    own.map(|(_, member, _)| member.clone()).collect()
}

/// All that was fetched of the cells that plugins read.
fn read(stage: &Stage) -> Vec<String> {
    let reads = stage.store.reads.lock().unwrap();
    reads.iter().filter(|(view, ..)| *view == 1).map(|(_, member, _)| member.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_read_by_the_keys_of_events_is_fetched_before_the_plugin_asks() {
    let mut stage = Stage::new(&["a=a", "b=b", "total", "c=c", "d=d", "c=c"]);
    stage.settings.batch.events_max = 1;
    assert!(matches!(stage.run_to(9).await, Exit::Shutdown));
    stage.assert_counts(&["a", "b", "total", "c", "d", "c"]);
    assert_eq!(ahead(&stage), ["b", "c", "d"], "once it has read `a`, by its key");
    assert_eq!(read(&stage), ["a", "b", "total", "c", "d"], "each is fetched once");
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_to_the_store_is_not_fetched_ahead() {
    let mut stage = Stage::new(&["a=a", "b=b", "b=b", "c=c"]);
    stage.settings.batch.events_max = 1;
    // The first says where the lane begins, the third has the first `b`.
    stage.fault(2, CommitFault::Late);
    let (lane, mut seen) = stage.lane();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(lane.run(shutdown.clone()));
    while stage.store.commits.load(SeqCst) < 3 {
        tokio::task::yield_now().await;
    }
    stage.store.late.notify_one();
    seen.wait_for(|status| status.committed == 4).await.unwrap();
    shutdown.cancel();
    assert!(matches!(running.await.unwrap(), Exit::Shutdown));
    stage.assert_counts(&["a", "b", "b", "c"]);
    assert_eq!(ahead(&stage), ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_not_asked_again_by_the_plugin() {
    let mut stage = Stage::new(&["a=a", "b=b", "c=c"]);
    stage.settings.batch.events_max = 1;
    stage.store.read_faults.lock().unwrap().insert("b".to_owned(), away());
    let (lane, mut seen) = stage.lane();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(lane.run(shutdown.clone()));
    seen.wait_for(|status| matches!(status.state, State::Retrying(_)) || status.committed == 3).await.unwrap();
    assert_eq!(ahead(&stage), ["b"]);
    assert_eq!(read(&stage), ["a", "b"]);
    seen.wait_for(|status| status.committed == 3).await.unwrap();
    shutdown.cancel();
    assert!(matches!(running.await.unwrap(), Exit::Shutdown));
    stage.assert_counts(&["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_store_refuses_to_give_ahead_stops_nobody() {
    let mut stage = Stage::new(&["a=a", "b=b", "c=c"]);
    stage.settings.batch.events_max = 1;
    let lane = stage.lane().0.id();
    let refused = store::Error::Refused { lane, reason: "no".into(), hint: "" };
    stage.store.read_faults.lock().unwrap().insert("b".to_owned(), refused);
    assert!(matches!(stage.run_to(4).await, Exit::Shutdown));
    stage.assert_counts(&["a", "b", "c"]);
    assert_eq!(ahead(&stage), ["b", "c"]);
    assert_eq!(read(&stage), ["a", "b", "b", "c"], "by the plugin, too");
}

#[tokio::test(start_paused = true)]
async fn is_at_the_end_only_with_what_it_has_committed() {
    let mut stage = Stage::new(&WORDS);
    stage.settings.batch.events_max = WORDS.len() + 1;
    let store = &stage.store;
    // The first says where the lane begins.
    store.faults.lock().unwrap().extend([(1, CommitFault::Late), (2, CommitFault::Late)]);
    let (lane, mut seen) = stage.lane();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(lane.run(shutdown.clone()));
    let commits = async |count| {
        while store.commits.load(SeqCst) < count {
            tokio::task::yield_now().await;
        }
    };
    commits(2).await;
    assert!(!seen.borrow().at_end, "all is applied, and nothing is committed");
    store.late.notify_one();
    let at_end = seen.wait_for(|status| status.at_end).await.unwrap().clone();
    assert_eq!(at_end.committed, 12);

    stage.log.append([(40, "late".to_owned())]);
    commits(3).await;
    assert_eq!(
        (seen.borrow().at_end, seen.borrow().committed),
        (true, 12),
        "whoever stands at the end stays there"
    );
    store.late.notify_one();
    seen.wait_for(|status| status.at_end && status.committed == 13).await.unwrap();
    shutdown.cancel();
    assert!(matches!(running.await.unwrap(), Exit::Shutdown));
}

#[tokio::test(start_paused = true)]
async fn lingers_for_more_but_not_for_ever() {
    let mut stage = Stage::new(&["a"]);
    stage.settings.linger = Duration::from_secs(5);
    stage.settings.look_every = Duration::from_secs(60);
    let (lane, mut seen) = stage.lane();
    let shutdown = CancellationToken::new();
    let started = tokio::time::Instant::now();
    let running = tokio::spawn(lane.run(shutdown.clone()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stage.store.commits.load(SeqCst), 1, "where it begins; it waits for more");
    stage.log.append([(10, "b".to_owned())]);
    seen.wait_for(|status| status.committed == 2).await.unwrap();
    assert_eq!(stage.store.commits.load(SeqCst), 2, "where it begins, and both together");
    assert!(started.elapsed() >= stage.settings.linger, "after {:?}", started.elapsed());
    shutdown.cancel();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn events_that_cannot_be_applied_are_left_out_if_that_is_wanted() {
    let mut words = WORDS;
    (words[0], words[5], words[6], words[11]) = ("trap", "refuse", "trap", "refuse");
    for events_max in 1..=WORDS.len() {
        let mut stage = Stage::new(&words);
        stage.course.policy = Policy::Skip;
        stage.settings.batch.events_max = events_max;
        assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
        let healthy: Vec<_> = words.into_iter().filter(|word| word.len() == 1).collect();
        stage.assert_counts(&healthy);
    }
}

#[tokio::test(start_paused = true)]
async fn begins_and_stops_where_it_is_told() {
    let mut stage = Stage::new(&WORDS);
    let at = TopicPartition::new("t", 0);
    stage.course =
        Course { starts: [(at.clone(), 3)].into(), until: Some([(at, 12)].into()), ..Course::default() };
    // The events at offsets 3, 5, 6, 8, 9 and 11.
    assert!(matches!(stage.run_to(12).await, Exit::Shutdown));
    stage.assert_counts(&WORDS[2..8]);
}

#[tokio::test(start_paused = true)]
async fn goes_no_faster_than_it_may() {
    let mut stage = Stage::new(&WORDS);
    stage.course.rate = Some(2.0);
    let started = tokio::time::Instant::now();
    assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
    let seconds = started.elapsed().as_secs_f64();
    assert!((5.0..6.0).contains(&seconds), "12 events at 2 a second took {seconds} s");
    stage.assert_counts(&WORDS);
}

#[tokio::test(start_paused = true)]
async fn where_it_begins_is_committed_although_no_event_is_there() {
    let stage = Stage::new(&[]);
    let (lane, mut seen) = stage.lane();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(lane.run(shutdown.clone()));
    let at = TopicPartition::new("t", 0);
    let begun = seen.wait_for(|status| status.checkpoint.contains_key(&at)).await.unwrap().checkpoint[&at];
    assert_eq!((begun.next, begun.newest), (0, -1));
    shutdown.cancel();
    running.await.unwrap();
}
