internal import WeComAIBot

extension BotSnapshot {
    /// The snapshot for Prometheus. Names and labels are stable: dashboards and alerts are made of them.
    var metrics: String {
        var text = PrometheusText()
        addConnection(to: &text)
        addTraffic(to: &text)
        return text.text
    }

    private func addConnection(to text: inout PrometheusText) {
        let states = State.allCases.map { ($0.rawValue, $0 == state ? 1 : 0) }
        text.add("wecom_bot_state", .gauge, "1 for the state of the connection, 0 for the others.", by: "state", states)
        text.add("wecom_bot_state_age_seconds", .gauge, "For how long it has been in that state.", stateAge.inSeconds)
        text.add("wecom_bot_connected_seconds", .gauge, "For how long it has been ready.", connectedAge?.inSeconds)
        text.add(
            "wecom_bot_last_frame_age_seconds",
            .gauge,
            "Time since the last frame arrived.",
            lastFrameAge?.inSeconds
        )
        text.add(
            "wecom_bot_last_pong_age_seconds",
            .gauge,
            "Time since a heartbeat was answered.",
            lastPongAge?.inSeconds
        )
        text.add("wecom_bot_connection_attempts_total", .counter, "Connections attempted.", connectionAttempts)
        text.add("wecom_bot_connections_ready_total", .counter, "Connections that became ready.", timesReady)
        let losses = ConnectionLoss.allCases.map { ($0.rawValue, connectionsLost[$0] ?? 0) }
        text.add(
            "wecom_bot_connections_lost_total",
            .counter,
            "Connections that ended unasked, or did not come about.",
            by: "reason",
            losses
        )
        text.add("wecom_bot_displacements_total", .counter, "Times another connection took the place.", displacements)
        text.add(
            "wecom_bot_displacement_wars_total",
            .counter,
            "Times two processes were seen to fight over the place.",
            displacementWars
        )
    }

    private func addTraffic(to text: inout PrometheusText) {
        text.add("wecom_bot_messages_total", .counter, "Messages received.", messages)
        text.add(
            "wecom_bot_messages_merged_total",
            .counter,
            "Messages that were handled as parts of the next one.",
            merged
        )
        let unanswered = [("duplicate", duplicates), ("no_room", rejected), ("ending", refusedAtEnd)]
        text.add(
            "wecom_bot_messages_not_handled_total",
            .counter,
            "Messages received that no handler got.",
            by: "reason",
            unanswered
        )
        text.add("wecom_bot_events_total", .counter, "Events received.", events)
        text.add(
            "wecom_bot_events_not_handled_total",
            .counter,
            "Events received that no handler got.",
            by: "reason",
            [("duplicate", duplicateEvents), ("dropped", droppedEvents)]
        )
        text.add(
            "wecom_bot_callbacks_refused_total",
            .counter,
            "Requests to the callback address that were turned away.",
            by: "status",
            refusedCallbacks.sorted { $0.key < $1.key }.map { ("\($0.key)", $0.value) }
        )
        text.add(
            "wecom_bot_unhandled_callbacks_total",
            .counter,
            "Callbacks nothing is done about.",
            unhandledCallbacks
        )
        text.add("wecom_bot_malformed_frames_total", .counter, "Frames that could not be decoded.", malformedFrames)
        text.add("wecom_bot_open_turns", .gauge, "Messages being answered.", openTurns)
        text.add("wecom_bot_waiting_messages", .gauge, "Messages waiting for their turn.", waitingMessages)
        text.add("wecom_bot_waiting_bytes", .gauge, "Bytes of the messages waiting.", waitingBytes)
        text.add(
            "wecom_bot_turns_without_thread",
            .gauge,
            "Messages whose handler waits for a thread.",
            threadlessTurns
        )
        text.add("wecom_bot_unsettled_frames", .gauge, "Frames without a verdict.", unsettledFrames)
        text.add("wecom_bot_queued_frames", .gauge, "Frames waiting to be sent.", queuedFrames)
        text.add("wecom_bot_handed_bytes", .gauge, "Bytes handed to the socket and not passed on yet.", handedBytes)
        text.add("wecom_bot_answers_total", .counter, "Answers, by how they ended.", by: "outcome", answers.byName)
        text.add("wecom_bot_frames_total", .counter, "Frames sent, by how they ended.", by: "outcome", frames.byName)
        let codes = errorCodes.sorted { $0.key < $1.key }.map { ("\($0.key)", $0.value) }
        let others = otherErrorCodes > 0 ? [("other", otherErrorCodes)] : []
        text.add("wecom_bot_errors_total", .counter, "Refusals by the server.", by: "errcode", codes + others)
        text.add(
            "wecom_bot_conflicts_total",
            .counter,
            "Frames that were refused for a reason that passes, such as errcode 6000, and sent again.",
            conflicts
        )
        text.add(
            "wecom_bot_missing_acknowledgements_total",
            .counter,
            "Frames whose acknowledgement never came.",
            missingAcknowledgements
        )
        text.add(
            "wecom_bot_stray_acknowledgements_total",
            .counter,
            "Acknowledgements that came late or answered nothing.",
            strayAcknowledgements
        )
        text.add("wecom_bot_handler_failures_total", .counter, "Handlers that threw.", handlerFailures)
        text.add("wecom_bot_throttled_frames_total", .counter, "Frames that the server throttled.", throttledFrames)
        text.add("wecom_bot_paced_frames_total", .counter, "Frames that waited for a rate limit.", pacedFrames)
        text.add("wecom_bot_skipped_updates_total", .counter, "Updates left out for a rate limit.", skippedUpdates)
        text.add("wecom_bot_redirected_answers_total", .counter, "Answers delivered another way.", redirectedAnswers)
        text.add("wecom_bot_recovered_messages_total", .counter, "Taken over from before the start.", recoveredMessages)
        text.add("wecom_bot_state_failures_total", .counter, "Failed writes of the state file.", stateFailures)
        guard let sharedStateWorks else { return }
        text.add(
            "wecom_bot_shared_state_up",
            .gauge,
            "1 while the state that several processes share can be used.",
            sharedStateWorks ? 1 : 0
        )
        text.add(
            "wecom_bot_shared_state_failures_total",
            .counter,
            "Times it could not be used.",
            sharedStateFailures
        )
    }
}

extension BotSnapshot.Outcomes {
    fileprivate var byName: [(String, Int)] { [("delivered", delivered), ("refused", refused), ("unknown", unknown)] }
}

extension Duration {
    var inSeconds: Double { self / .seconds(1) }
}
