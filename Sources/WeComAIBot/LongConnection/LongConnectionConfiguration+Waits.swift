extension LongConnectionConfiguration {
    /// The bound of the first wait after an end nobody asked for; 1 s unless set.
    package var reconnectBase: Duration {
        get { machine.reconnectBase }
        set { machine.reconnectBase = newValue }
    }
    /// The bound of the longest such wait; 30 s unless set.
    package var reconnectCap: Duration {
        get { machine.reconnectCap }
        set { machine.reconnectCap = newValue }
    }
    /// Two attempts never start closer together than this; 1 s unless set.
    package var minimumAttemptGap: Duration {
        get { machine.minimumAttemptGap }
        set { machine.minimumAttemptGap = newValue }
    }
    /// From the open socket to the answer to the subscribe; 10 s unless set.
    package var subscribeDeadline: Duration {
        get { machine.subscribeDeadline }
        set { machine.subscribeDeadline = newValue }
    }
    /// From a frame's last byte to its acknowledgement; 5 s unless set.
    package var acknowledgementDeadline: Duration {
        get { machine.acknowledgementDeadline }
        set { machine.acknowledgementDeadline = newValue }
    }
    /// From a frame's last byte until the next of its `req_id` no longer waits for its acknowledgement; 10 s unless set.
    package var slotExpiry: Duration {
        get { machine.slotExpiry }
        set { machine.slotExpiry = newValue }
    }
    /// The longest first wait after the credentials were rejected; 15 s unless set.
    package var credentialsRetryBase: Duration {
        get { machine.credentialsRetryBase }
        set { machine.credentialsRetryBase = newValue }
    }
    /// The longest first wait after having been displaced; 30 s unless set.
    package var displacedRetryBase: Duration {
        get { machine.displacedRetryBase }
        set { machine.displacedRetryBase = newValue }
    }
    /// The longest wait after having been displaced; 600 s unless set.
    package var displacedRetryCap: Duration {
        get { machine.displacedRetryCap }
        set { machine.displacedRetryCap = newValue }
    }
}
